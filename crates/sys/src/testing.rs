//! Helpers of the tests.

use std::process::Command;

const CHILD: &str = "TRUECHIMER_SYS_TEST_CHILD";

/// Runs the rest of a test in a process of its own, as it changes what belongs to the process. `test` is the test's
/// full name.
pub(crate) fn in_own_process(test: &str, body: impl FnOnce()) {
    if std::env::var(CHILD).as_deref() == Ok(test) {
        body();
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Lets the process open no more descriptors while the body runs. Only in a process of its own.
pub(crate) fn with_no_descriptors_left<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: `dup`, `close` and the two limits take integers and a pointer to a local structure.
    unsafe {
        let next = libc::dup(0);
        assert!(next > 0);
        libc::close(next);
        let mut old: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut old), 0);
        let none = libc::rlimit { rlim_cur: next as libc::rlim_t, rlim_max: old.rlim_max };
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const none), 0);
        let result = body();
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const old), 0);
        result
    }
}
