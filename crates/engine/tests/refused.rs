//! Answers that failed a check are kept to be looked at, one to a request.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use truechimer_engine::report::{RefusedReport, SourceState};
use truechimer_time::{Leap, NtpTimestamp};

fn refused(world: &World) -> Option<RefusedReport> {
    world.report().sources[0].refused.clone()
}

#[test]
fn o5_an_answer_that_failed_a_check_is_kept() {
    let mut world = World::new(config(vec![source(1)]), 0.01, 5.0, vec![Server::new(1)]);
    world.run(100.0);
    assert_eq!(refused(&world), None);
    world.server(1).script = Box::new(|_, reply| {
        reply.leap = Leap::Unsynchronised;
        true
    });
    world.run(2000.0);
    let first = refused(&world).unwrap();
    assert_eq!((first.check.as_str(), first.leap.as_str(), first.stratum), ("leap", "unsynchronised", 1));
    assert_eq!((first.offset_s, first.delay_s), (None, None));
    world.run(2000.0);
    assert!(refused(&world).unwrap().number > first.number);
}

#[test]
fn o5_an_answer_that_came_too_late_was_measured() {
    let mut slow = source(1);
    slow.options.max_delay_s = 0.005;
    let mut world = World::new(config(vec![slow]), 0.01, 5.0, vec![Server::new(1).delays(0.001, 0.005)]);
    world.run(100.0);
    let late = refused(&world).unwrap();
    assert_eq!(late.check, "delay");
    assert!((late.delay_s.unwrap() - 0.006).abs() < 1e-3, "{late:?}");
    // The clock is off by 10 ms, and the ways differ by 4 ms.
    let error_s = (late.offset_s.unwrap().abs() - 0.01).abs();
    assert!((error_s - 0.002).abs() < 1.5e-3, "{late:?}");
}

#[test]
fn na_27_forgers_do_not_fill_the_log_of_refused_answers() {
    let mut world = World::new(config(vec![source(1)]), 0.01, 5.0, vec![Server::new(1)]);
    world.run(100.0);
    world.server(1).alive = false;
    let asked = world.sent.len();
    while world.sent.len() == asked {
        world.run(0.01);
    }
    let request = world.sent.last().unwrap().1;
    for forged in 1..=100 {
        let mut reply = world.honest_reply(&request);
        reply.origin_timestamp = NtpTimestamp::from_bits(forged);
        world.inject(request.token, request.remote, &reply.write());
    }
    assert_eq!(refused(&world).unwrap().number, 1);
    // The server itself is still heard.
    let mut reply = world.honest_reply(&request);
    reply.leap = Leap::Unsynchronised;
    world.inject(request.token, request.remote, &reply.write());
    let last = refused(&world).unwrap();
    assert_eq!((last.number, last.check.as_str()), (2, "leap"));
}

#[test]
fn a_port_that_is_closed_is_told_until_somebody_answers() {
    let mut world = World::new(config(vec![source(1)]), 0.01, 5.0, vec![Server::new(1)]);
    world.server(1).alive = false;
    world.run(1.0);
    let request = world.sent.last().unwrap().1;
    let before = world.digest();
    world.engine.handle_refused(request.token);
    assert_eq!(world.digest(), before, "anybody can forge an ICMP error");
    assert_eq!(world.report().sources[0].reason, "refused: nothing listens at its port");
    assert_eq!(world.report().sources[0].state, SourceState::Unreachable);
    // The next request is met by silence.
    world.run(200.0);
    assert_eq!(world.report().sources[0].reason, "");
    let request = world.sent.last().unwrap().1;
    world.engine.handle_refused(request.token);
    world.server(1).alive = true;
    world.run(500.0);
    assert_eq!(world.report().sources[0].reason, "");
}
