use std::process::Command;
use std::time::{Duration, Instant};

use super::protocol::{MAX_MESSAGE, Question, parse_answer, write_answer};
use super::*;
use crate::poll::{Interest, PollSet};

/// The role process of these tests: this test program, running the test below.
fn test_role() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command
        .args(["resolver::tests::inside_the_role", "--exact", "--test-threads=1"])
        .env("SYS_TEST_ROLE", "1");
    command
}

/// Runs as the role when the tests start it, and is empty otherwise.
#[test]
fn inside_the_role() {
    if std::env::var_os("SYS_TEST_ROLE").is_some() {
        let _ = role_main(true);
    }
}

fn shell(script: &'static str) -> Resolver {
    let program = move || {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    };
    Resolver::with_role(RoleResolver::start(Program::new(program)).unwrap())
}

fn wait_for_answer(resolver: &mut Resolver) -> (u64, Answer) {
    let start = Instant::now();
    let mut set = PollSet::new();
    loop {
        if let Some(answer) = resolver.poll_answer() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "no answer");
        set.clear();
        if let Some(fd) = resolver.fd() {
            set.push(fd, Interest::Read);
        }
        set.wait(Some(Duration::from_millis(100))).unwrap();
    }
}

fn localhost() -> IpAddr {
    "127.0.0.1".parse().unwrap()
}

#[test]
fn inside_the_loop_answers_are_there_at_once() {
    let mut resolver = Resolver::inline();
    assert_eq!(resolver.fd(), None);
    assert!(resolver.poll_answer().is_none());
    resolver.ask(7, "localhost", Some(Family::V4));
    assert_eq!(resolver.poll_answer(), Some((7, Ok(vec![localhost()]))));
    resolver.ask(8, "no\0name", None);
    assert_eq!(resolver.poll_answer(), Some((8, Err(ResolveError::NotFound))));
    resolver.ask(9, "", None);
    assert_eq!(resolver.poll_answer(), Some((9, Err(ResolveError::NotFound))));
    assert!(resolver.poll_answer().is_none());
}

#[test]
fn an_address_is_its_own_answer() {
    let mut resolver = shell("exit 1");
    resolver.ask(1, "2001:db8::1", None);
    assert_eq!(resolver.poll_answer(), Some((1, Ok(vec!["2001:db8::1".parse().unwrap()]))));
    resolver.ask(2, "192.0.2.1", Some(Family::V6));
    assert_eq!(resolver.poll_answer(), Some((2, Err(ResolveError::NotFound))));
}

#[test]
fn the_role_process_answers_and_ends_with_us() {
    let mut resolver = Resolver::with_role(RoleResolver::start(Program::new(test_role)).unwrap());
    for query in 0..5 {
        resolver.ask(query, "localhost", Some(Family::V4));
    }
    resolver.ask(5, &"x".repeat(300), None);
    let mut answers: Vec<_> = (0..6).map(|_| wait_for_answer(&mut resolver)).collect();
    answers.sort_by_key(|(query, _)| *query);
    let mut expected: Vec<_> = (0..5).map(|query| (query, Ok(vec![localhost()]))).collect();
    expected.push((5, Err(ResolveError::NotFound)));
    assert_eq!(answers, expected);
    assert!(resolver.poll_answer().is_none());
}

#[test]
fn a_role_that_dies_is_started_again_after_a_pause() {
    let mut deaths = 0;
    let program = move || {
        deaths += 1;
        if deaths == 1 { Command::new("/bin/false") } else { test_role() }
    };
    let mut resolver = Resolver::with_role(RoleResolver::start(Program::new(program)).unwrap());
    resolver.ask(1, "localhost", Some(Family::V4));
    assert_eq!(wait_for_answer(&mut resolver), (1, Err(ResolveError::Unavailable)));
    assert_eq!(resolver.fd(), None, "nothing to wait for, so no spinning");
    resolver.ask(2, "localhost", Some(Family::V4));
    assert_eq!(resolver.poll_answer(), Some((2, Err(ResolveError::Unavailable))), "not at once");
    resolver.role.as_mut().unwrap().restart_at_once();
    resolver.ask(3, "localhost", Some(Family::V4));
    assert_eq!(wait_for_answer(&mut resolver), (3, Ok(vec![localhost()])));
}

#[test]
fn garbage_from_the_role_is_an_error_and_ends_it() {
    for script in [
        "printf garbage >&0; sleep 30",
        "head -c 5000 /dev/zero >&0; sleep 30",
        // An answer to a question that nobody asked.
        "printf '\\001\\000\\000\\000\\000\\000\\000\\000\\001' >&0; sleep 30",
        "exec 0<&-; sleep 30",
    ] {
        let mut resolver = shell(script);
        resolver.ask(77, "localhost", None);
        assert_eq!(wait_for_answer(&mut resolver), (77, Err(ResolveError::Unavailable)), "{script}");
        assert_eq!(resolver.fd(), None, "{script}");
    }
}

#[test]
fn waiting_questions_are_bounded() {
    let mut resolver = shell("sleep 30");
    for query in 0..200 {
        resolver.ask(query, "localhost", None);
    }
    let mut refused = 0;
    while let Some((_, answer)) = resolver.poll_answer() {
        assert_eq!(answer, Err(ResolveError::Unavailable));
        refused += 1;
    }
    assert_eq!(refused, 200 - MAX_WAITING - 1, "one is being worked on");
}

#[test]
fn a_program_that_cannot_be_started_is_an_error() {
    assert!(RoleResolver::start(Program::new(|| Command::new("/nonexistent/program"))).is_err());
}

#[test]
fn messages_survive_and_others_are_refused() {
    for (family, name) in
        [(None, "a"), (Some(Family::V4), "pool.example"), (Some(Family::V6), &"n".repeat(253))]
    {
        let question = Question { query: u64::MAX - 1, family, name: name.to_owned() };
        assert_eq!(Question::parse(&question.write()), Some(question));
    }
    let many = vec!["2001:db8::1".parse().unwrap(); 32];
    for answer in [
        Ok(many),
        Ok(vec![localhost()]),
        Err(ResolveError::NotFound),
        Err(ResolveError::Temporary),
        Err(ResolveError::Unavailable),
    ] {
        let bytes = write_answer(5, &answer);
        assert!(bytes.len() <= MAX_MESSAGE);
        assert_eq!(parse_answer(&bytes), Some((5, answer)));
        for end in 0..bytes.len() {
            let cut = parse_answer(&bytes[..end]);
            assert!(cut.is_none_or(|(query, answer)| query == 5 && answer.is_ok()), "cut at {end}");
        }
    }
    assert_eq!(parse_answer(&write_answer(5, &Ok(Vec::new()))), None, "found, but nothing");
    assert_eq!(Question::parse(&[0; 9]), None);
    assert_eq!(Question::parse(b"12345678\x05name"), None);
    assert_eq!(Question::parse(b"12345678\x04\xff\xfe"), None);
}
