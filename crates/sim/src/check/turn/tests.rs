use truechimer_engine::config::{PanicLimits, StepPolicy};
use truechimer_time::{Cooked, Frequency, NtpDuration, NtpShort, NtpTimestamp};
use truechimer_wire::{Mode, ReferenceId};

use super::*;
use crate::scenario::{HostConfig, Scenario};

const NOON: Cooked = Cooked::from_unix_nanos(1_800_000_000_000_000_000);

fn book() -> Book {
    Book::new(1, String::new(), Vec::new())
}

fn watch(change: impl FnOnce(&mut HostConfig)) -> Watch {
    let link = crate::link::LinkConfig::symmetric(crate::link::DelayLaw::exponential(1e-3, 1e-3));
    let mut host = Scenario::client(1.0, vec![link], &Default::default()).hosts.remove(0);
    change(&mut host);
    Watch::new(0, host.engine_config(0))
}

fn broken(book: &Book) -> Vec<Invariant> {
    Invariant::ALL.into_iter().filter(|&invariant| book.tally(invariant).broken > 0).collect()
}

/// One turn in which the clock is stepped.
fn step(watch: &mut Watch, book: &mut Book, by_s: f64) {
    let by = NtpDuration::from_seconds(by_s);
    watch.begin();
    watch.clock(book, 0.0, ClockCommand::Step(by), ClockResult::Stepped { at: NOON, by });
    watch.end(book, 0.0, Cause::Sample, Some(1.0));
}

fn set(watch: &mut Watch, book: &mut Book, rate: f64) {
    let frequency = Frequency::new(rate);
    let result = ClockResult::FrequencySet { at: NOON, frequency };
    watch.begin();
    watch.clock(book, 0.0, ClockCommand::SetFrequency(frequency), result);
    watch.end(book, 0.0, Cause::Sample, Some(1.0));
}

#[test]
fn i2_steps_below_the_threshold_or_after_the_first_updates_are_found() {
    let (mut watch, mut found) = (watch(|_| {}), book());
    step(&mut watch, &mut found, 0.5);
    step(&mut watch, &mut found, -0.5);
    set(&mut watch, &mut found, 1e-5);
    assert_eq!(broken(&found), []);
    step(&mut watch, &mut found, 0.5);
    assert_eq!(broken(&found), [Invariant::I2], "the fourth update");

    let (mut watch, mut found) = (self::watch(|_| {}), book());
    step(&mut watch, &mut found, 0.1);
    assert_eq!(broken(&found), [Invariant::I2], "below the threshold");
}

#[test]
fn i2_steps_beyond_the_panic_limits_are_found() {
    let limits = PanicLimits {
        forward_s: Some(10.0),
        backward_s: Some(5.0),
        start_s: Some(100.0),
        accumulated_s: Some(115.0),
    };
    let always = StepPolicy { above_s: Some(0.1), first: None };
    let run = |steps: &[f64]| {
        let mut found = book();
        let mut watch = watch(|host| {
            host.clock.panic = limits;
            host.clock.step = always;
        });
        steps.iter().for_each(|&by| step(&mut watch, &mut found, by));
        found.tally(Invariant::I2).broken
    };
    assert_eq!(run(&[-100.0, 9.0, -4.0]), 0);
    assert_eq!(run(&[101.0]), 1, "at the start");
    assert_eq!(run(&[1.0, 11.0]), 1, "forward");
    assert_eq!(run(&[1.0, -6.0]), 1, "backward");
    assert_eq!(run(&[100.0, 9.0, -4.0, 3.0]), 1, "accumulated");
}

#[test]
fn i3_rates_beyond_frequency_and_slew_and_refused_commands_are_found() {
    let (mut watch, mut found) = (watch(|_| {}), book());
    set(&mut watch, &mut found, -1000e-6);
    assert_eq!(broken(&found), []);
    set(&mut watch, &mut found, 1001e-6);
    assert_eq!(broken(&found), [Invariant::I3]);
    let mut found = book();
    watch.clock(&mut found, 0.0, ClockCommand::SetFrequency(Frequency::ZERO), ClockResult::Failed(22));
    assert_eq!(broken(&found), [Invariant::I3]);
}

#[test]
fn i1_an_error_beyond_the_bound_is_found_and_no_bound_is_no_promise() {
    let (watch, mut found) = (watch(|_| {}), book());
    let mut status =
        truechimer_discipline::virtual_clock::VirtualClock::new(NOON, NtpDuration::ZERO, Frequency::ZERO)
            .status();
    watch.clock_error(&mut found, 0.0, 5.0, None, status);
    watch.clock_error(&mut found, 0.0, -1e-3, Some(1e-3), status);
    assert_eq!(broken(&found), []);
    watch.clock_error(&mut found, 0.0, -1.1e-3, Some(1e-3), status);
    assert_eq!(broken(&found), [Invariant::I1]);

    let mut found = book();
    (status.synchronised, status.max_error_s) = (true, 1e-3);
    watch.clock_error(&mut found, 0.0, 2e-3, Some(1.0), status);
    assert_eq!(broken(&found), [Invariant::I7], "a kernel that was told too little");
}

fn reply(change: impl FnOnce(&mut Header)) -> [u8; 48] {
    let mut header = Header {
        leap: Leap::None,
        version: 4,
        mode: Mode::Server,
        stratum: 2,
        poll: 6,
        precision: -24,
        root_delay: NtpShort::from_seconds_up(2e-3),
        root_dispersion: NtpShort::from_seconds_up(1e-3),
        reference_id: ReferenceId([192, 0, 2, 1]),
        reference_timestamp: NOON.timestamp(),
        origin_timestamp: NtpTimestamp::from_bits(1),
        receive_timestamp: NOON.timestamp(),
        transmit_timestamp: NOON.timestamp(),
    };
    change(&mut header);
    header.write()
}

#[test]
fn i7_what_is_told_to_clients_is_compared_with_the_truth() {
    let watch = watch(|_| {});
    let told = |error_s, change: fn(&mut Header)| {
        let mut found = book();
        watch.reply(&mut found, 0.0, 48, &reply(change), Truth { error_s, strata: &[1], leap: false });
        broken(&found)
    };
    assert_eq!(told(1.9e-3, |_| {}), []);
    assert_eq!(told(-2.1e-3, |_| {}), [Invariant::I7], "distance");
    assert_eq!(told(0.0, |header| header.stratum = 1), [Invariant::I7], "stratum");
    assert_eq!(told(0.0, |header| header.leap = Leap::Insert), [Invariant::I7], "leap");
    assert_eq!(told(9.0, |header| header.leap = Leap::Unsynchronised), [], "who says so may be wrong");
}

#[test]
fn i4_a_reply_longer_than_its_request_is_found() {
    let mut found = book();
    let truth = Truth { error_s: 0.0, strata: &[1], leap: false };
    watch(|_| {}).reply(&mut found, 0.0, 47, &reply(|_| {}), truth);
    assert_eq!(broken(&found), [Invariant::I4]);
}

#[test]
fn i5_too_many_sockets_or_questions_are_found() {
    let mut found = book();
    watch(|_| {}).tables(&mut found, 0.0, 4, 2, 1);
    assert_eq!(broken(&found), []);
    watch(|_| {}).tables(&mut found, 0.0, 5, 0, 0);
    watch(|_| {}).tables(&mut found, 0.0, 0, 3, 0);
    watch(|_| {}).tables(&mut found, 0.0, 0, 0, 2);
    assert_eq!(found.tally(Invariant::I5).broken, 3);
}

#[test]
fn i6_turns_without_end_are_found() {
    let (mut watch, mut found) = (watch(|_| {}), book());
    watch.begin();
    assert!((0..2 * OUTPUTS_PER_TURN).all(|_| watch.output(&mut found, 0.0)));
    assert!(!watch.output(&mut found, 0.0));
    let mut found = book();
    let turns = (0..1000).take_while(|_| watch.end(&mut found, 0.0, Cause::Other, Some(0.0))).count();
    assert_eq!((turns, broken(&found)), (63, vec![Invariant::I6]));
    assert!(watch.end(&mut found, 0.0, Cause::Other, Some(1.0)), "progress is forgiven");
}
