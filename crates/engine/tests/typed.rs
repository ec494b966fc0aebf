//! The time that somebody types in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use truechimer_engine::config::*;
use truechimer_engine::{Command, CommandError, Event, Initial, TypedOutcome};
use truechimer_time::NtpDuration;

/// A machine without sources, whose clock is `error_s` ahead and runs `ppm` fast.
fn island(error_s: f64, ppm: f64, change: impl FnOnce(&mut EngineConfig)) -> World {
    let mut base = config(Vec::new());
    base.serve = Some(serve());
    base.local = Some(LocalConfig::DEFAULT);
    base.clock.manual = true;
    change(&mut base);
    World::new(base, error_s, ppm, Vec::new())
}

/// Somebody types the true time, give or take `mistake_s`.
fn type_in(world: &mut World, mistake_s: f64) -> Result<TypedOutcome, CommandError> {
    let time = world.truth + NtpDuration::from_seconds(mistake_s);
    let outcome = world.engine.handle_typed_time(time, world.now());
    world.command(Command::SetStepPolicy(ClockConfig::default().step));
    world.run(0.001);
    outcome
}

#[test]
fn a_typed_time_sets_the_clock_and_vouches_for_nothing() {
    let mut world = island(3600.0, 20.0, |_| {});
    world.run(10.0);
    let outcome = type_in(&mut world, 0.25).unwrap();
    assert!((outcome.offset_s + 3600.0).abs() < 0.3, "{outcome:?}");
    assert!((world.error() - 0.25).abs() < 0.01, "{}", world.error());
    assert_eq!(world.saw(|event| matches!(event, Event::Stepped { .. })), 1);
    world.run(100.0);
    let system = world.report().system;
    assert!(!system.synchronised && system.bound_s.is_none());
    assert!(system.local_reference);
    assert_eq!(world.ask().unwrap().stratum, 10);
    assert!(world.saw(|event| matches!(event, Event::Synchronised { .. })) == 0);
    // The hour was corrected, so the sample is now as good as right, and its own mistake is not seen.
    let typed = world.engine.typed_times(world.now());
    assert!(
        (typed[0].offset_s + 3600.0).abs() < 0.3 && typed[0].corrected_offset_s.abs() < 0.01,
        "{typed:?}"
    );
}

#[test]
fn a_small_error_is_slewed_away() {
    let mut world = island(-0.1, 0.0, |_| {});
    world.run(10.0);
    type_in(&mut world, 0.0).unwrap();
    assert_eq!(world.saw(|event| matches!(event, Event::Stepped { .. })), 0);
    world.run(400.0);
    assert!(world.error().abs() < 0.001, "{}", world.error());
}

#[test]
fn typed_times_of_a_day_mend_the_rate_and_one_wrong_hour_does_not_spoil_it() {
    let mut world = island(0.0, 60.0, |base| base.clock.panic.forward_s = None);
    world.run(10.0);
    for mistake_s in [0.3, -0.4, 0.2, -0.1, 0.4, -0.3] {
        type_in(&mut world, mistake_s).unwrap();
        world.run(4.0 * 3600.0);
    }
    let rate = world.report().system.frequency_ppm;
    assert!((rate + 60.0).abs() < 15.0, "{rate} ppm");
    let outcome = type_in(&mut world, 3600.0).unwrap();
    assert!(outcome.offset_s > 3599.0 && outcome.frequency_change.abs() < 1e-9, "{outcome:?}");
    // Away with it: the clock is where the others have it.
    world.command(Command::ForgetTyped(Some(6)));
    world.command(Command::Step);
    world.run(1.0);
    assert!(world.error().abs() < 1.0, "{}", world.error());
    assert_eq!(world.engine.typed_times(world.now()).len(), 6);
    let none = world.engine.handle_command(Command::ForgetTyped(Some(6)), world.now());
    assert_eq!(none, Err(CommandError::NoSuchSample));
    world.command(Command::ForgetTyped(None));
    assert_eq!(world.engine.typed_times(world.now()), []);
}

#[test]
fn panic_limits_and_the_step_policy_hold_for_typed_times_too() {
    let mut world = island(100.0, 0.0, |base| base.clock.panic.start_s = Some(10.0));
    world.run(10.0);
    assert!(matches!(type_in(&mut world, 0.0), Err(CommandError::NotPossible(_))));
    assert!((world.error() - 100.0).abs() < 0.01);
    assert_eq!(world.engine.typed_times(world.now()), []);
    let mut world = island(100.0, 0.0, |base| base.clock.step = StepPolicy { above_s: None, first: Some(0) });
    world.run(10.0);
    world.engine.handle_typed_time(world.truth, world.now()).unwrap();
    world.run(1000.0);
    assert!((world.error() - 99.5).abs() < 0.1, "slewed: {}", world.error());
    world.command(Command::Step);
    world.run(1.0);
    assert!(world.error().abs() < 0.01, "{}", world.error());
}

#[test]
fn times_are_refused_that_nobody_asked_for_or_that_cannot_be() {
    let mut world = island(0.0, 0.0, |base| base.clock.manual = false);
    assert!(matches!(type_in(&mut world, 0.0), Err(CommandError::NotEnabled(_))));
    world.command(Command::AllowTyped(true));
    let past = world.engine.handle_typed_time(FLOOR - NtpDuration::from_seconds(1.0), world.now());
    assert!(matches!(past, Err(CommandError::NotPossible(_))));
    type_in(&mut world, 0.0).unwrap();
    assert!(matches!(type_in(&mut world, 0.0), Err(CommandError::NotPossible(_))), "twice in one second");
    world.command(Command::AllowTyped(false));
    world.run(10.0);
    assert!(matches!(type_in(&mut world, 0.0), Err(CommandError::NotEnabled(_))));
    for _ in 0..40 {
        world.command(Command::AllowTyped(true));
        world.run(10.0);
        type_in(&mut world, 0.0).unwrap();
    }
    assert_eq!(world.engine.typed_times(world.now()).len(), 16);
}

#[test]
fn sources_know_better_and_an_observed_clock_is_left_alone() {
    let mut base = config((1..=3).map(source).collect());
    base.clock.manual = true;
    let mut world = World::new(base.clone(), 0.0, 10.0, (1..=3).map(Server::new).collect());
    world.run(300.0);
    let outcome = type_in(&mut world, 60.0).unwrap();
    assert!((outcome.offset_s - 60.0).abs() < 0.01 && outcome.frequency_change == 0.0, "{outcome:?}");
    world.run(300.0);
    assert!(world.error().abs() < 0.001 && world.worst_excess <= 0.0);
    let initial = Initial { controls_clock: false, ..initial() };
    base.sources.clear();
    let mut world = World::with(base, initial, 5.0, 0.0, Vec::new());
    world.run(1.0);
    let outcome = type_in(&mut world, 0.0).unwrap();
    assert!((outcome.offset_s + 5.0).abs() < 0.01);
    world.run(100.0);
    assert!((world.error() - 5.0).abs() < 0.001 && world.commands.is_empty());
}
