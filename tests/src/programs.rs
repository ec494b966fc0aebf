//! Our own programs, as a user would have them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// Path of `chimerd`, built if need be.
pub fn chimerd() -> Result<PathBuf, String> {
    folder().map(|folder| folder.join("chimerd"))
}

/// Path of `chimer`, built if need be.
pub fn chimer() -> Result<PathBuf, String> {
    folder().map(|folder| folder.join("chimer"))
}

/// Path of the load generator of `crates/sys/examples`, built if need be.
pub fn load() -> Result<PathBuf, String> {
    cargo(&["build", "--quiet", "-p", "truechimer-sys", "--example", "load"])?;
    folder().map(|folder| folder.join("examples/load"))
}

/// Makes the Debian package of our programs, in this version, in a folder.
pub fn package(out: &Path, version: &str) -> Result<(), String> {
    let (out, programs) = (out.to_string_lossy(), folder()?);
    let programs = programs.to_string_lossy();
    // Compression is the slowest part, and nobody sends this anywhere.
    let quick = [("DPKG_DEB_COMPRESSOR_TYPE", "none")];
    cargo_with(&quick, &["xtask", "deb", "--programs", &programs, "--out", &out, "--version", version])
}

fn folder() -> Result<PathBuf, String> {
    FOLDER.get_or_init(build).clone()
}

/// Cargo builds the binaries of other packages for a test only by chance, so ask for them.
fn build() -> Result<PathBuf, String> {
    cargo(&["build", "--quiet", "-p", "chimerd", "-p", "chimer"])?;
    let test = std::env::current_exe().map_err(|e| e.to_string())?;
    test.ancestors().nth(2).map(Path::to_path_buf).ok_or_else(|| "the test stands in no target folder".into())
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    cargo_with(&[], arguments)
}

fn cargo_with(environment: &[(&str, &str)], arguments: &[&str]) -> Result<(), String> {
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    crate::process::run(&mut cargo).map(drop)
}
