//! Which tests can run here, and what to say of those that cannot.

use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

/// Whether every test must run (`TRUECHIMER_TESTS=all`).
pub fn everything() -> bool {
    std::env::var_os("TRUECHIMER_TESTS").is_some_and(|value| value == "all")
}

/// The folder into which `tests/fetch.sh` puts programs that we did not write.
pub fn fetched() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/fetched")
}

/// Something a test needs from the machine.
#[derive(Clone, Debug)]
pub struct Need {
    /// What it is, in words.
    pub what: String,
    /// Whether it is there.
    pub met: bool,
}

impl Need {
    /// A file that `tests/fetch.sh` brings.
    pub fn fetched(path: &str) -> Self {
        Self { what: format!("{path} (run tests/fetch.sh)"), met: fetched().join(path).exists() }
    }

    /// A program on the path.
    pub fn program(name: &str) -> Self {
        let met = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).exists()));
        Self { what: format!("the program {name}"), met }
    }

    /// The right to make network namespaces.
    pub fn root() -> Self {
        Self { what: "root (for network namespaces)".into(), met: crate::process::is_root() }
    }
}

/// A test that runs where all its needs are met and is otherwise listed as ignored with the reason, or fails when
/// nothing may be left out.
pub fn trial(
    name: impl Into<String>,
    needs: &[Need],
    run: impl FnOnce() -> Result<(), String> + Send + 'static,
) -> Trial {
    let name = name.into();
    let missing: Vec<_> = needs.iter().filter(|need| !need.met).map(|need| need.what.clone()).collect();
    if missing.is_empty() {
        return Trial::test(name, move || run().map_err(Failed::from));
    }
    let reason = format!("needs {}", missing.join(", "));
    if everything() {
        Trial::test(name, move || Err(Failed::from(reason)))
    } else {
        println!("left out: {name}: {reason}");
        Trial::test(name, || Ok(())).with_ignored_flag(true)
    }
}
