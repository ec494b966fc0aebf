use std::io::Read;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::*;
use crate::clock::read_mono;
use crate::poll::PollSet;
use crate::tcp::TcpListener;

const MAX: usize = 100_000;

/// The role process of these tests: this test program, running the test below.
fn test_role() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args(["role::tests::inside_the_role", "--exact", "--test-threads=1"]).env("SYS_TEST_ROLE", "1");
    command
}

/// Stands in for a service manager: starts the role for so many connections, one after the other.
fn manage(path: &std::path::Path, connections: usize) -> std::thread::JoinHandle<()> {
    let listener = crate::unix::Listener::bind_kind(path, 0o600, libc::SOCK_SEQPACKET).unwrap();
    std::thread::spawn(move || {
        for _ in 0..connections {
            let mut set = PollSet::new();
            set.push(listener.fd(), Interest::Read);
            set.wait(Some(Duration::from_secs(20))).unwrap();
            let connection = listener.accept_once().unwrap();
            test_role()
                .stdin(connection)
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
                .wait()
                .unwrap();
        }
    })
}

fn shell(script: &'static str) -> Role {
    let program = Program::new(move || {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    });
    Role::start(program, MAX).unwrap()
}

/// Runs as the role when the tests start it, and is empty otherwise: sends every message back, and greets who connects
/// to the listener that it is given.
#[test]
fn inside_the_role() {
    if std::env::var_os("SYS_TEST_ROLE").is_none() {
        return;
    }
    let confinement = Confinement { nice: 1, alone: true, descriptors: Some(16), duty: None };
    let inside = Inside::enter(&confinement, Waiting::Polls, MAX).unwrap();
    let mut listener = None;
    let mut set = PollSet::new();
    loop {
        set.clear();
        set.push(inside.fd(), Interest::Read);
        if let Some(listener) = &listener {
            set.push(TcpListener::fd(listener), Interest::Read);
        }
        set.wait(Some(Duration::from_secs(20))).unwrap();
        match inside.receive() {
            Ok(Some((bytes, descriptor))) => {
                if let Some(descriptor) = descriptor {
                    listener = Some(TcpListener::from_descriptor(descriptor).unwrap());
                }
                while !inside.send(&bytes).unwrap() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            Ok(None) => {}
            Err(_) => return,
        }
        if let Some((stream, _)) = listener.as_ref().and_then(|listener| listener.accept().unwrap()) {
            stream.write(b"hello").unwrap();
        }
    }
}

fn hear(role: &mut Role) -> Heard {
    let start = Instant::now();
    let mut set = PollSet::new();
    loop {
        match role.hear(read_mono().unwrap()) {
            Heard::Nothing => {}
            heard => return heard,
        }
        assert!(start.elapsed() < Duration::from_secs(20), "nothing is said");
        set.clear();
        if let Some((fd, interest)) = role.fd() {
            set.push(fd, interest);
        }
        set.wait(Some(Duration::from_millis(50))).unwrap();
    }
}

#[test]
fn messages_of_every_length_come_back_in_their_order() {
    let mut role = Role::start(Program::new(test_role), MAX).unwrap();
    // More than the socket has room for: the rest waits.
    let messages: Vec<Vec<u8>> =
        [1, 7, MAX, 300, MAX, MAX, 2].iter().zip(1..).map(|(len, byte)| vec![byte; *len]).collect();
    for message in &messages {
        role.send(message, None);
    }
    for message in messages {
        assert!(hear(&mut role) == Heard::Message(message));
    }
    assert_eq!(role.hear(read_mono().unwrap()), Heard::Nothing);
}

#[test]
fn a_role_that_somebody_else_starts_lives_as_long_as_its_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("role");
    let Err(error) = Role::start(Program::at(&path), MAX) else { panic!("nobody listens") };
    assert!(error.kind() == std::io::ErrorKind::NotFound && error.to_string().contains("/role: "), "{error}");
    let manager = manage(&path, 2);
    let mut role = Role::start(Program::at(&path), MAX).unwrap();
    assert_eq!(role.id(), None, "not ours to look at");
    let messages: Vec<Vec<u8>> =
        [1, MAX, MAX, MAX, 2].iter().zip(1..).map(|(len, byte)| vec![byte; *len]).collect();
    for message in &messages {
        role.send(message, None);
    }
    for message in messages {
        assert!(hear(&mut role) == Heard::Message(message));
    }
    let listener = TcpListener::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    role.send(b"listen", Some(listener.as_fd()));
    assert_eq!(hear(&mut role), Heard::Message(b"listen".to_vec()));
    // It is given up, sees the end of its connection, and ends; another takes its place.
    let now = read_mono().unwrap();
    role.give_up(now);
    assert!(!role.is_running() && !role.try_restart(now));
    assert!(role.try_restart(role.restart_at().unwrap()));
    role.send(b"again", None);
    assert_eq!(hear(&mut role), Heard::Message(b"again".to_vec()));
    role.give_up(now);
    manager.join().unwrap();
    // Nobody listens any more: the attempts go on, with pauses.
    let restart = role.restart_at().unwrap();
    assert!(!role.try_restart(restart) && role.restart_at().unwrap() > restart);
}

/// As the one above: runs as a role that works too long.
#[test]
fn inside_the_slow_role() {
    if std::env::var_os("SYS_TEST_SLOW_ROLE").is_none() {
        return;
    }
    let inside = Inside::enter(&Confinement::default(), Waiting::Blocks, MAX).unwrap();
    inside.work_for(60);
    inside.rest();
    inside.receive().unwrap();
    inside.work_for(1);
    loop {
        std::hint::spin_loop();
    }
}

#[test]
fn a_role_that_hangs_ends_by_itself() {
    let program = Program::new(|| {
        let mut command = Command::new("/proc/self/exe");
        command.args(["role::tests::inside_the_slow_role", "--exact", "--test-threads=1"]);
        command.env("SYS_TEST_SLOW_ROLE", "1");
        command
    });
    let mut role = Role::start(program, MAX).unwrap();
    role.send(b"work", None);
    assert_eq!(hear(&mut role), Heard::Gone);
}

#[test]
fn a_listener_can_be_passed_to_a_role_that_may_open_none() {
    let mut role = Role::start(Program::new(test_role), MAX).unwrap();
    let listener = TcpListener::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    role.send(b"listen", Some(listener.as_fd()));
    assert_eq!(hear(&mut role), Heard::Message(b"listen".to_vec()));
    let mut stream = TcpStream::connect(listener.local()).unwrap();
    let mut greeting = [0; 5];
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"hello");
    // Privileges belong to threads, and the test runs in one of its own.
    let threads = std::fs::read_dir(format!("/proc/{}/task", role.id().unwrap())).unwrap();
    let status = threads
        .map(|thread| std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap())
        .find(|status| status.contains("NoNewPrivs:\t1"))
        .expect("the thread of the role");
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    for set in ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:"] {
        assert_eq!(u64::from_str_radix(&field(set), 16).unwrap(), 0, "{set}");
    }
    assert!(!field("Uid:").split_whitespace().any(|uid| uid == "0"));
}

#[test]
fn a_role_that_says_nothing_in_time_or_too_much_is_ended() {
    let mut role = shell("sleep 30");
    assert!(role.is_running() && role.restart_at().is_none());
    assert_eq!(role.hear(read_mono().unwrap()), Heard::Nothing);
    role.expect_by(Some(read_mono().unwrap().after(0.05)));
    assert_eq!(hear(&mut role), Heard::Gone);
    assert!(!role.is_running() && role.fd().is_none() && role.deadline().is_none());
    assert_eq!(role.hear(read_mono().unwrap()), Heard::Nothing, "said once");

    let mut role = shell("dd if=/dev/zero bs=100001 count=1 >&0 2>/dev/null; sleep 30");
    assert!(hear(&mut role) == Heard::Gone);

    // It never reads: what waits for it is bounded.
    let mut role = shell("sleep 30");
    for _ in 0..MAX_OUTGOING + 10 {
        role.send(&[1; MAX], None);
    }
    assert!(role.outgoing.len() <= MAX_OUTGOING);
    assert_eq!(hear(&mut role), Heard::Gone);
    assert!(role.outgoing.is_empty());
}

#[test]
fn pauses_between_starts_double_until_it_proves_itself() {
    let mut role = Role::start(Program::new(|| Command::new("/bin/false")), MAX).unwrap();
    let mut now = read_mono().unwrap();
    for pause_s in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 64.0] {
        assert_eq!(hear(&mut role), Heard::Gone);
        let restart = role.restart_at().unwrap();
        assert!((restart.seconds_since(now) - pause_s).abs() < 5.0, "{pause_s}");
        assert!(!role.try_restart(now));
        role.send(b"nobody hears it", None);
        now = restart;
        assert!(role.try_restart(now) && !role.try_restart(now));
        now = read_mono().unwrap();
    }
    role.prove();
    assert_eq!(hear(&mut role), Heard::Gone);
    assert!(role.restart_at().unwrap().seconds_since(now) < 6.0);
}
