use std::process::Command;
use std::time::Instant;

use super::*;
use crate::nts::server::tests::setup;

/// It is heard a little each turn, so that who has taken it over cannot keep the daemon from everything else.
#[test]
fn a_role_that_never_stops_talking_does_not_hold_the_daemon_up() {
    let dir = tempfile::tempdir().unwrap();
    let said = dir.path().join("said");
    let word = Word::Identity(Err("x".to_owned())).write();
    let octal: String = word.iter().map(|byte| format!("\\{byte:03o}")).collect();
    let script =
        format!("for i in $(seq 150); do printf '{octal}' >&0; done; : > {}; sleep 30", said.display());
    let program = Program::new(move || {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &script]);
        command
    });
    let mut role = ServerRole::start(program, setup(), read_mono().unwrap()).unwrap();
    let start = Instant::now();
    while !said.exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "it is not ready");
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut poll = PollSet::new();
    let turns = (0..10).map(|_| {
        poll.clear();
        role.register(&mut poll);
        poll.wait(Some(Duration::from_millis(5))).unwrap();
        role.handle_ready(&poll, read_mono().unwrap());
        role.take_identities().len()
    });
    let turns: Vec<usize> = turns.collect();
    assert!(turns.iter().all(|said| *said <= 40), "{turns:?}");
    assert_eq!(turns.iter().sum::<usize>(), 150, "{turns:?}");
}
