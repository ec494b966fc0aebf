//! Responders on threads of their own.

use super::*;
use crate::Command;
use crate::config::LocalConfig;
use crate::server::worker::{MAX_AGE_S, Publication};

const ISLAND: LocalConfig = LocalConfig::DEFAULT;

/// An engine that serves everybody its local reference, and what a worker has of it.
fn engine_and_worker() -> (Engine, Responder, Publication) {
    let local = Some(ISLAND);
    let mut engine = Engine::new(EngineConfig { local, ..config() }, Initial::default(), [7; 32], now());
    engine.handle_timeout(now());
    let responder = engine.new_responder().unwrap();
    let publication = engine.publish(now()).unwrap();
    (engine, responder, publication)
}

fn ask(responder: &mut Responder, publication: &Publication, now: Now) -> Result<Header, &'static str> {
    let mut buffer = request(4, Mode::Client);
    let received = stamp(now.cooked);
    let mut serving = publication.serve(responder, now);
    match serving.handle_request(&mut buffer, 48, CLIENT.parse().unwrap(), None, received) {
        Verdict::Reply(len) => {
            assert_eq!(len, 48);
            responder.stamp(&mut buffer, now.cooked);
            Ok(Packet::parse(&buffer).unwrap().header())
        }
        Verdict::Drop(reason) => Err(reason),
        Verdict::Sign => panic!("nobody signs"),
    }
}

#[test]
fn a_worker_tells_what_the_engine_would() {
    let (mut engine, mut worker, publication) = engine_and_worker();
    let later = after(1.0);
    let mut buffer = request(4, Mode::Client);
    engine.handle_request(&mut buffer, 48, CLIENT.parse().unwrap(), None, stamp(later.cooked), later);
    engine.stamp_reply(&mut buffer, later.cooked);
    let engines = Packet::parse(&buffer).unwrap().header();
    let workers = ask(&mut worker, &publication, later).unwrap();
    assert_eq!(workers.stratum, 10);
    // The engine's reference time is that of the request where it has no other.
    assert_eq!(Header { reference_timestamp: engines.reference_timestamp, ..workers }, engines);
}

#[test]
fn without_word_from_the_engine_nobody_is_answered() {
    let (mut engine, mut worker, publication) = engine_and_worker();
    assert!(ask(&mut worker, &publication, after(MAX_AGE_S - 0.1)).is_ok());
    assert_eq!(ask(&mut worker, &publication, after(MAX_AGE_S + 0.1)), Err("clock_unwatched"));
    let publication = engine.publish(after(4.0)).unwrap();
    assert!(ask(&mut worker, &publication, after(4.0)).is_ok());
    let report = worker.counters().report();
    assert_eq!((report.received, report.answered, report.dropped["clock_unwatched"]), (3, 2, 1));
}

#[test]
fn at_33_a_jump_of_the_clock_silences_a_worker_until_the_engine_has_seen_it() {
    let (mut engine, mut worker, publication) = engine_and_worker();
    let late = after(2.5);
    for by_s in [0.02, -0.02, 3600.0, -3600.0] {
        let jumped = Now { cooked: late.cooked + NtpDuration::from_seconds(by_s), ..late };
        assert_eq!(ask(&mut worker, &publication, jumped), Err("clock_unwatched"), "{by_s}");
    }
    // The fastest slew of the kernel's.
    let slewed = Now { cooked: late.cooked + NtpDuration::from_seconds(2.5 * 500e-6), ..late };
    assert!(ask(&mut worker, &publication, slewed).is_ok());
    let jumped = Now { cooked: after(3600.0).cooked, ..late };
    let publication = engine.publish(jumped).unwrap();
    assert_eq!(ask(&mut worker, &publication, jumped), Err("clock_stepped"));
    let later = Now { mono: jumped.mono.after(1.1), cooked: jumped.cooked + NtpDuration::from_seconds(1.1) };
    assert!(ask(&mut worker, &publication, later).is_ok());
}

#[test]
fn another_responder_goes_on_counting() {
    let (mut engine, mut worker, publication) = engine_and_worker();
    assert!(ask(&mut worker, &publication, now()).is_ok());
    let version = engine.responder_version();
    let mut other = EngineConfig { local: Some(ISLAND), ..config() };
    other.serve.as_mut().unwrap().access.clear();
    engine.handle_command(Command::Reload(Box::new(other)), now()).unwrap();
    assert_ne!(engine.responder_version(), version);
    worker.give_way_to(engine.new_responder().unwrap());
    assert_eq!(ask(&mut worker, &publication, now()), Err("denied"));
    let mut sum = worker.counters();
    assert_eq!((sum.report().received, sum.report().answered), (2, 1));
    sum.add(&worker.counters());
    let report = sum.report();
    assert_eq!((report.received, report.answered, report.dropped["denied"]), (4, 2, 2));
}
