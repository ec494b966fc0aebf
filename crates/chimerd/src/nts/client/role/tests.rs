use std::process::Command;
use std::time::{Duration, Instant};

use truechimer_nts_ke::{KeError, NetworkFault};

use super::*;
use crate::nts::server::tests::{Bench, request, setup};

/// The role process of these tests: this test program, running the test below.
fn test_role() -> Program {
    Program::new(|| {
        let mut command = Command::new("/proc/self/exe");
        command
            .args(["nts::client::role::tests::inside_the_role", "--exact", "--test-threads=1"])
            .env("CHIMERD_TEST_ROLE", "1");
        command
    })
}

/// Runs as the role when the tests start it, and is empty otherwise.
#[test]
fn inside_the_role() {
    if std::env::var_os("CHIMERD_TEST_ROLE").is_some() {
        let _ = role_main(true);
    }
}

fn shell(script: &'static str) -> Program {
    Program::new(move || {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    })
}

/// Waits for an answer, while the server works as well.
fn answer(role: &mut ClientRole, mut bench: Option<&mut Bench>) -> ExchangeAnswer {
    let start = Instant::now();
    let mut poll = PollSet::new();
    loop {
        if let Some(answer) = role.poll_answer() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "no answer");
        if let Some(bench) = &mut bench {
            bench.turn();
        }
        poll.clear();
        role.register(&mut poll);
        poll.wait(Some(Duration::from_millis(5))).unwrap();
        role.handle_ready(&poll, read_mono().unwrap());
    }
}

#[test]
fn keys_come_from_the_role_and_it_can_be_told_whom_to_believe() {
    let mut bench = Bench::new(&setup(), usize::MAX);
    // Longer than any message: it goes in parts.
    let mut text = vec![b'#'; 200_000];
    text.push(b'\n');
    text.extend_from_slice(bench.root().as_bytes());
    let trust = Trust { system: false, texts: vec![("/etc/ca.pem".into(), text)] };
    let mut role = ClientRole::start(test_role(), trust.clone()).unwrap();
    for query in 1..=8 {
        role.begin(&request(query, &bench, &["127.9.9.9", "127.0.0.1"]), read_mono().unwrap());
    }
    assert!(role.poll_timeout().is_some());
    let mut queries: Vec<u64> = Vec::new();
    for _ in 0..8 {
        let answer = answer(&mut role, Some(&mut bench));
        let exchanged = answer.result.unwrap();
        assert!(bench.opens(&exchanged.cookies[7]));
        queries.push(answer.query);
    }
    queries.sort_unstable();
    assert_eq!(queries, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(role.poll_timeout(), None, "nothing is expected of it");

    let nobody = Trust { system: false, texts: vec![("/etc/ca.pem".into(), b"garbage".to_vec())] };
    role.set_trust(nobody);
    role.begin(&request(9, &bench, &["127.0.0.1"]), read_mono().unwrap());
    let refused = answer(&mut role, Some(&mut bench));
    assert_eq!(refused.result, Err(KeError::Network(NetworkFault::Unavailable)));
    assert!(role.take_complaints()[0].contains("/etc/ca.pem"));
    role.set_trust(trust);
    role.begin(&request(10, &bench, &["127.0.0.1"]), read_mono().unwrap());
    assert!(answer(&mut role, Some(&mut bench)).result.is_ok());
}

#[test]
fn a_role_that_dies_or_talks_nonsense_is_no_answer_and_comes_back() {
    let bench = Bench::new(&setup(), usize::MAX);
    for script in
        ["exit 1", "printf garbage >&0; sleep 30", "printf 'C\\000\\000\\000\\001\\377' >&0; sleep 30"]
    {
        let mut role = ClientRole::start(shell(script), Trust::default()).unwrap();
        for query in 0..3 {
            role.begin(&request(query, &bench, &["127.0.0.1"]), read_mono().unwrap());
        }
        for _ in 0..3 {
            let answer = answer(&mut role, None);
            assert_eq!(answer.result, Err(KeError::Network(NetworkFault::Unavailable)), "{script}");
        }
        // Not started again at once, and then it is.
        let now = read_mono().unwrap();
        role.begin(&request(4, &bench, &["127.0.0.1"]), now);
        assert!(answer(&mut role, None).result.is_err());
        role.begin(&request(5, &bench, &["127.0.0.1"]), now.after(100.0));
        assert!(role.poll_timeout().is_some(), "{script}");
    }
    let mut role = ClientRole::start(shell("sleep 30"), Trust::default()).unwrap();
    for query in 0..100 {
        role.begin(&request(query, &bench, &["127.0.0.1"]), read_mono().unwrap());
    }
    let refused = std::iter::from_fn(|| role.poll_answer()).count();
    assert_eq!(refused, 100 - MOST_OPEN);
}

#[test]
fn an_answer_that_nobody_asked_for_ends_the_role() {
    let answer = unavailable(77, None).write();
    let octal: String = answer.iter().map(|byte| format!("\\{byte:03o}")).collect();
    let script: &'static str = Box::leak(format!("printf '{octal}' >&0; sleep 30").into_boxed_str());
    let mut role = ClientRole::start(shell(script), Trust::default()).unwrap();
    let start = Instant::now();
    let mut poll = PollSet::new();
    while role.role.is_running() {
        assert!(start.elapsed() < Duration::from_secs(20), "it is believed");
        poll.clear();
        role.register(&mut poll);
        poll.wait(Some(Duration::from_millis(5))).unwrap();
        role.handle_ready(&poll, read_mono().unwrap());
    }
    assert!(role.poll_answer().is_none());
}

/// It is heard a little each turn, so that it cannot keep the daemon from everything else.
#[test]
fn a_role_that_never_stops_talking_does_not_hold_the_daemon_up() {
    let dir = tempfile::tempdir().unwrap();
    let said = dir.path().join("said");
    let script = format!(
        "for i in $(seq 150); do printf 'C\\000\\000\\000\\001x' >&0; done; : > {}; sleep 30",
        said.display()
    );
    let mut role = ClientRole::start(shell(Box::leak(script.into_boxed_str())), Trust::default()).unwrap();
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
        role.take_complaints().len()
    });
    let turns: Vec<usize> = turns.collect();
    assert!(turns.iter().all(|said| *said <= 40), "{turns:?}");
    assert_eq!(turns.iter().sum::<usize>(), 150, "{turns:?}");
}
