//! Whole daemons against each other over loopback, on virtual clocks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::{Read, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chimerd::{Daemon, DaemonOptions};
use common::*;
use truechimer_control::client::{Client, ClientError};
use truechimer_control::{CONTROL_SOCKET, FaultCode, OBSERVE_SOCKET, Request};
use truechimer_engine::Event;
use truechimer_engine::report::SourceState;
use truechimer_sys::clock::{DemoClock, Truth};
use truechimer_time::{Frequency, NtpDuration};

const TIMEOUT: Duration = Duration::from_secs(5);

#[test]
fn i1_a_wrong_clock_is_stepped_and_slewed_to_the_truth_within_its_bound() {
    let truth = Truth::start();
    let server = server(truth, 0.0);
    let config = client_config(&[("server", server.address())], None);
    let (options, clock, seen) = client(truth, config, -0.3, 40.0);
    let client = Running::start(options);
    let near = || clock.truth_error().seconds().abs() < 2e-4;
    wait_for("the clock to be right", 20, || near() && seen.lock().unwrap().bound_s.is_some());
    std::thread::sleep(Duration::from_secs(2));
    assert!(near(), "{}", clock.truth_error());
    client.stop();
    let seen = seen.lock().unwrap();
    assert!(seen.with_bound > 100, "{} looks", seen.with_bound);
    assert_eq!(seen.violations, []);
    assert!(seen.events.iter().any(|e| matches!(e, Event::Stepped { .. })), "{:?}", seen.events);
    assert!(seen.events.iter().any(|e| matches!(e, Event::Selected { .. })), "{:?}", seen.events);
    // What the kernel would be told at the end: not synchronised any more (NA-38).
    assert!(!clock.status().synchronised);
}

#[test]
fn at_11_a_liar_in_the_minority_is_marked_and_moves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let truth = Truth::start();
    let servers = [server(truth, 0.0), server(truth, 0.0), server(truth, 0.05)];
    let names = ["honest-1", "honest-2", "liar"];
    let sources: Vec<_> = names.into_iter().zip(servers.iter().map(Running::address)).collect();
    let (options, clock, seen) = client(truth, client_config(&sources, Some(dir.path())), 0.2, -25.0);
    let client = Running::start(options);
    let state = |name: &str| report(dir.path()).sources.iter().find(|s| s.name == name).unwrap().state;
    wait_for("the liar to be found", 20, || state("liar") == SourceState::Falseticker);
    wait_for("the clock to be right", 20, || clock.truth_error().seconds().abs() < 5e-4);
    for name in ["honest-1", "honest-2"] {
        assert_ne!(state(name), SourceState::Falseticker);
    }
    client.stop();
    assert_eq!(seen.lock().unwrap().violations, []);
}

#[test]
fn i8_garbage_on_every_socket_changes_nothing_but_counters() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let truth = Truth::start();
    // A server with a report socket, so that it can be compared before and after.
    let mut config = server_config();
    config.paths.run_dir = Some(dirs[0].path().to_owned());
    let (options, _, _) = client(truth, config, 0.0, 0.0);
    let server = Running::start(options);
    // A "server" that answers every request with something else.
    let stop = Arc::new(AtomicBool::new(false));
    let babbler = UdpSocket::bind("127.0.0.1:0").unwrap();
    let babbler_address = babbler.local_addr().unwrap();
    babbler.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let babbling = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || babble(&babbler, &stop))
    };
    let sources = [("server", server.address()), ("babbler", babbler_address)];
    let (options, clock, seen) = client(truth, client_config(&sources, Some(dirs[1].path())), 0.0, 0.0);
    let client = Running::start(options);
    wait_for("the good source", 20, || report(dirs[1].path()).system.synchronised);

    let before = report(dirs[0].path());
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    for packet in garbage(400) {
        stranger.send_to(&packet, server.address()).unwrap();
        if packet.len().is_multiple_of(16) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    for dir in &dirs {
        for name in [OBSERVE_SOCKET, CONTROL_SOCKET] {
            for bytes in [&b"\x00\xff\xfe garbage\n"[..], &[b'x'; 100_000], b"{\"request\":\"dance\"}\n"] {
                let mut stream = UnixStream::connect(dir.path().join(name)).unwrap();
                // It may hang up before all is written.
                let _ = stream.write_all(bytes);
            }
        }
    }
    wait_for("the babbler's answers", 20, || {
        let report = report(dirs[1].path());
        let babbler = report.sources.iter().find(|s| s.name == "babbler").unwrap().clone();
        assert_eq!((babbler.accepted, babbler.samples), (0, 0));
        babbler.dropped.values().sum::<u64>() >= 10
    });
    let after = report(dirs[0].path());
    let (was, is) = (before.server.unwrap(), after.server.unwrap());
    assert!(is.dropped.values().sum::<u64>() > was.dropped.values().sum::<u64>() + 100, "{is:?}");
    assert_eq!(after.system.stratum, before.system.stratum);
    assert_eq!(after.system.updates, before.system.updates);
    assert_eq!(after.system.frequency_ppm, before.system.frequency_ppm);
    // The other source goes on to be used, and it is right.
    let last = report(dirs[1].path());
    assert!(last.system.synchronised);
    assert!(clock.truth_error().seconds().abs() < 1e-3);
    assert_eq!(seen.lock().unwrap().violations, []);
    stop.store(true, Ordering::Relaxed);
    babbling.join().unwrap();
    client.stop();
    server.stop();
}

/// Packets of all lengths, modes and versions, always the same.
fn garbage(count: usize) -> Vec<Vec<u8>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let packet = |n: usize| {
        let mut bytes: Vec<u8> = (0..random() % 600).map(|_| random() as u8).collect();
        if n.is_multiple_of(2)
            && let Some(first) = bytes.first_mut()
        {
            // Never a request: mode 4 and its like, so that none of it deserves an answer.
            *first = (*first & 0xf8) | 4;
        } else {
            bytes.truncate(47);
        }
        bytes
    };
    (0..count).map(packet).collect()
}

/// Answers each request with garbage and with what looks like a reply but is none.
fn babble(socket: &UdpSocket, stop: &AtomicBool) {
    let zoo = garbage(64);
    let mut buffer = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        for packet in zoo.iter().take(8) {
            let _ = socket.send_to(packet, from);
        }
        let mut forged = buffer[..len].to_vec();
        forged[0] = 0x24;
        forged[1] = 1;
        let _ = socket.send_to(&forged, from);
    }
}

#[test]
fn at_46_a_flood_on_the_server_port_does_not_disturb_the_client() {
    let dir = tempfile::tempdir().unwrap();
    let truth = Truth::start();
    let upstream = server(truth, 0.0);
    let mut config = client_config(&[("upstream", upstream.address())], Some(dir.path()));
    config.engine.serve = server_config().engine.serve;
    let (options, clock, seen) = client(truth, config, -0.25, 30.0);
    let daemon = Running::start(options);
    let target = daemon.address();
    let stop = Arc::new(AtomicBool::new(false));
    let flood = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let zoo = garbage(64);
            let mut sent = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                for packet in &zoo {
                    sent += u64::from(socket.send_to(packet, target).is_ok());
                }
            }
            sent
        })
    };
    wait_for("synchronisation under fire", 20, || {
        clock.truth_error().seconds().abs() < 1e-3 && report(dir.path()).sources[0].samples >= 8
    });
    stop.store(true, Ordering::Relaxed);
    assert!(flood.join().unwrap() > 10_000);
    let served = report(dir.path()).server.unwrap();
    assert!(served.received > 1000 && served.answered == 0, "{served:?}");
    daemon.stop();
    assert_eq!(seen.lock().unwrap().violations, []);
}

#[test]
fn na_45_a_reload_keeps_the_state_of_unchanged_sources_and_multiplies_none() {
    let dir = tempfile::tempdir().unwrap();
    let truth = Truth::start();
    let servers = [server(truth, 0.0), server(truth, 0.0)];
    let first = client_config(&[("one", servers[0].address())], Some(dir.path()));
    let both =
        client_config(&[("one", servers[0].address()), ("two", servers[1].address())], Some(dir.path()));
    let (mut options, _, seen) = client(truth, first, 0.0, 10.0);
    let mut answers = vec![Ok(both.clone()), Err("line 3: nonsense\n".to_owned()), Ok(both)];
    options.reload = Some(Box::new(move || answers.pop().unwrap_or_else(|| Err("asked too often".into()))));
    let client = Running::start(options);
    wait_for("samples", 20, || report(dir.path()).sources[0].samples >= 8);

    let mut control = Client::connect(&dir.path().join(CONTROL_SOCKET), TIMEOUT).unwrap();
    let had = report(dir.path()).sources[0].samples;
    control.command(&Request::Reload).unwrap();
    let now = report(dir.path());
    let names: Vec<&str> = now.sources.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert!(now.sources[0].samples >= had, "{} after {had}", now.sources[0].samples);
    assert!(now.system.synchronised);

    // AT-37: a bad file changes nothing and its fault is told.
    match control.command(&Request::Reload) {
        Err(ClientError::Refused(fault)) => {
            assert_eq!(fault.code, FaultCode::BadConfig);
            assert!(fault.message.contains("line 3: nonsense"), "{fault:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(report(dir.path()).sources.len(), 2);
    control.command(&Request::Reload).unwrap();
    assert_eq!(report(dir.path()).sources.len(), 2);
    client.stop();
    assert_eq!(seen.lock().unwrap().violations, []);
}

#[test]
fn at_38_the_observe_socket_takes_no_commands_and_many_clients_lock_nobody_out() {
    let dir = tempfile::tempdir().unwrap();
    let truth = Truth::start();
    let (options, _, _) = client(truth, client_config(&[], Some(dir.path())), 0.0, 0.0);
    let daemon = Running::start(options);
    let path = dir.path().join(OBSERVE_SOCKET);
    match Client::connect(&path, TIMEOUT).unwrap().command(&Request::Reload) {
        Err(ClientError::Refused(fault)) => assert_eq!(fault.code, FaultCode::NotPermitted),
        other => panic!("{other:?}"),
    }
    // A thousand idle and a hundred greedy ones that never read.
    let mut crowd = Vec::new();
    for n in 0..1100 {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.set_nonblocking(true).unwrap();
        if n >= 1000 {
            for _ in 0..200 {
                if stream.write(b"{\"request\":\"report\"}\n").is_err() {
                    break;
                }
            }
        }
        crowd.push(stream);
        if crowd.len() > 200 {
            crowd.remove(0);
        }
    }
    assert!(report(dir.path()).sources.is_empty());
    drop(crowd);
    daemon.stop();
    assert!(!path.exists(), "the socket is gone");
}

/// A request that is there before the daemon is gets the answer of a daemon that knows what it is.
#[test]
fn a_request_that_waited_for_the_start_gets_a_synchronised_answer() {
    let clock = DemoClock::new(Truth::start(), NtpDuration::ZERO, Frequency::ZERO);
    let mut daemon = Daemon::new(DaemonOptions::new(server_config(), Box::new(clock), false)).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut request = [0; 48];
    request[0] = 0x23;
    request[40] = 1;
    let address = daemon.listening()[0];
    socket.send_to(&request, address).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let thread = std::thread::spawn(move || daemon.run(&flag));
    let mut reply = [0; 64];
    let received = socket.recv(&mut reply);
    stop.store(true, Ordering::Relaxed);
    // Wakes the loop, which nothing else does for a minute.
    socket.send_to(&request, address).unwrap();
    thread.join().unwrap().unwrap();
    assert_eq!(received.unwrap(), 48);
    assert_eq!((reply[0] >> 6, reply[1]), (0, 1), "leap and stratum");
}

#[test]
fn at_38_a_slow_reader_gets_its_whole_answer_and_a_dribbling_writer_is_understood() {
    let dir = tempfile::tempdir().unwrap();
    let truth = Truth::start();
    let (options, _, _) = client(truth, client_config(&[], Some(dir.path())), 0.0, 0.0);
    let daemon = Running::start(options);
    let mut stream = UnixStream::connect(dir.path().join(OBSERVE_SOCKET)).unwrap();
    for byte in b"{\"request\":\"version\"}\n" {
        stream.write_all(&[*byte]).unwrap();
    }
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while answer.last() != Some(&b'\n') {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"{\"ok\":{\"program\":\"chimerd\""), "{}", String::from_utf8_lossy(&answer));
    daemon.stop();
}

#[test]
fn state_is_restored_from_an_earlier_run() {
    let dir = tempfile::tempdir().unwrap();
    let truth = Truth::start();
    let server = server(truth, 0.0);
    let mut config = client_config(&[("server", server.address())], None);
    config.paths.state_dir = Some(dir.path().to_owned());
    config.paths.frequency_file = Some(dir.path().join("frequency"));
    let (options, clock, seen) = client(truth, config.clone(), 0.4, 35.0);
    let first = Running::start(options);
    wait_for("a first run", 20, || {
        clock.truth_error().seconds().abs() < 5e-4 && seen.lock().unwrap().with_bound > 300
    });
    first.stop();
    let text = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let ppm: f64 = text("frequency").split(' ').nth(2).unwrap().parse().unwrap();
    assert!((ppm + 35.0).abs() < 10.0, "{ppm}");
    let stepped: f64 = text("stepped").trim().split(' ').nth(2).unwrap().parse().unwrap();
    assert!((stepped - 0.4).abs() < 0.01, "NA-23: {stepped}");
    assert!(text("last-good-time").starts_with("truechimer-time 1 "));

    // The second run starts with all of it; there is nothing to step.
    config.paths.run_dir = Some(dir.path().to_owned());
    let (options, _, _) = client(truth, config, 0.0, 35.0);
    let second = Running::start(options);
    let system = report(dir.path()).system;
    assert!((system.stepped_total_s - stepped).abs() < 1e-6);
    second.stop();
}

#[test]
fn an_observer_keeps_no_frequency_that_is_not_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let truth = Truth::start();
    let server = server(truth, 0.0);
    let mut config = client_config(&[("server", server.address())], None);
    config.paths.state_dir = Some(dir.path().to_owned());
    config.paths.frequency_file = Some(dir.path().join("frequency"));
    let (mut options, _, seen) = client(truth, config, 0.1, 35.0);
    options.controls_clock = false;
    let observer = Running::start(options);
    wait_for("a bound", 20, || seen.lock().unwrap().with_bound > 50);
    observer.stop();
    assert!(!dir.path().join("frequency").exists());
    assert!(dir.path().join("last-good-time").exists());
    assert_eq!(seen.lock().unwrap().violations, []);
}
