use super::*;

fn raise(signal: c_int) {
    // SAFETY: the signal is one that `install` catches, and it goes to this thread.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

/// Cancels the alarm and says whether one was set.
fn alarm_was_set() -> bool {
    // SAFETY: no pointers are passed.
    unsafe { libc::alarm(0) != 0 }
}

/// One test, as the flags and the alarm are the process's.
#[test]
fn signals_become_flags_and_are_repeated_until_taken() {
    install().unwrap();
    assert!(!take_terminate() && !take_reload());

    raise(libc::SIGHUP);
    assert!(alarm_was_set(), "a second signal follows if the loop fell asleep just then");
    raise(libc::SIGALRM);
    assert!(alarm_was_set(), "and another one, as nobody took the flag");
    assert!(take_reload() && !take_reload() && !take_terminate());
    raise(libc::SIGALRM);
    assert!(!alarm_was_set(), "the flag was taken");

    raise(libc::SIGTERM);
    raise(libc::SIGINT);
    assert!(take_terminate() && !take_terminate() && !take_reload());
    assert!(alarm_was_set());

    raise(libc::SIGPIPE);
}
