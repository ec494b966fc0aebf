use std::io::{Read, Write};
use std::process::{Command, Stdio};

use super::*;
use crate::testing::in_own_process;

#[test]
fn processes_that_run_are_told_from_those_that_do_not() {
    assert!(is_running(std::process::id()));
    let mut child = Command::new("true").spawn().unwrap();
    let id = child.id();
    child.wait().unwrap();
    assert!(!is_running(id));
    assert!(!is_running(0) && !is_running(u32::MAX));
}

#[test]
fn a_session_of_its_own_can_be_begun_once() {
    in_own_process("process::tests::a_session_of_its_own_can_be_begun_once", || {
        // Its parent put it into no group of its own, so it leads none yet.
        begin_session().unwrap();
        assert!(begin_session().is_err(), "it leads one now");
    });
}

#[test]
fn closed_descriptors_take_everything_and_release_who_waits() {
    if std::env::var_os("TRUECHIMER_CLOSES").is_some() {
        close_standard_descriptors().unwrap();
        writeln!(std::io::stderr(), "nobody reads this").unwrap();
        std::thread::sleep(std::time::Duration::from_secs(20));
        return;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "process::tests::closed_descriptors_take_everything_and_release_who_waits"]);
    let mut child =
        command.env("TRUECHIMER_CLOSES", "1").stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut heard = String::new();
    child.stderr.take().unwrap().read_to_string(&mut heard).unwrap();
    let runs = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(runs && heard.is_empty(), "{heard}");
}

#[test]
fn urgency_and_locked_memory_are_had_or_refused() {
    in_own_process("process::tests::urgency_and_locked_memory_are_had_or_refused", || {
        assert_eq!(run_first(100).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        let policy = || {
            let text = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            // After the name, which ends with the last parenthesis: the state is the third field, the policy the 41st.
            let rest = text.rsplit_once(')').unwrap().1;
            rest.split_whitespace().nth(41 - 3).unwrap().parse::<i32>().unwrap()
        };
        match run_first(1) {
            Ok(()) => assert_eq!(policy(), libc::SCHED_FIFO),
            Err(error) => {
                assert_eq!((error.raw_os_error(), policy()), (Some(libc::EPERM), libc::SCHED_OTHER))
            }
        }
        let locked = || {
            let text = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        match lock_memory() {
            Ok(()) => assert!(locked() > 0),
            Err(_) => assert_eq!(locked(), 0),
        }
    });
}
