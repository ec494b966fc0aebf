use truechimer_discipline::clock::ClockReadback;
use truechimer_engine::config::{PanicLimits, StepPolicy};
use truechimer_time::Now;

use super::*;

struct Scripted {
    cooked: Cooked,
    commands: Vec<ClockCommand>,
}

impl SystemClock for Scripted {
    fn now(&mut self) -> Now {
        Now { mono: Mono::default(), cooked: self.cooked }
    }
    fn apply(&mut self, command: ClockCommand) -> ClockResult {
        self.commands.push(command);
        let ClockCommand::Step(by) = command else { return ClockResult::StatusSet };
        let at = self.cooked;
        self.cooked = at + by;
        ClockResult::Stepped { at, by }
    }
    fn readback(&mut self) -> Option<ClockReadback> {
        None
    }
}

fn at(unix_s: i128) -> Cooked {
    Cooked::from_unix_nanos(unix_s * 1_000_000_000)
}

fn restored(cooked: Cooked, floor: Cooked, config: &ClockConfig) -> Cooked {
    let mut clock = Scripted { cooked, commands: Vec::new() };
    let before = NtpDuration::from_seconds(100.0);
    let total = restore_time(&mut clock, floor, config, before, &mut Journal::silent());
    assert_eq!(total, before + (clock.cooked - cooked).abs(), "every step counts");
    clock.cooked
}

#[test]
fn na_42_a_clock_in_1970_is_brought_to_the_last_good_time_and_none_back() {
    let config = ClockConfig::default();
    assert_eq!(restored(at(5), at(1_800_000_000), &config), at(1_800_000_000));
    assert_eq!(restored(at(1_900_000_000), at(1_800_000_000), &config), at(1_900_000_000));
    // What the first answers will correct anyway is left to them.
    let nearly = at(1_800_000_000) - NtpDuration::from_seconds(0.01);
    assert_eq!(restored(nearly, at(1_800_000_000), &config), nearly);
}

#[test]
fn na_42_restoring_the_time_respects_the_gates() {
    let never = ClockConfig { step: StepPolicy { above_s: None, first: None }, ..ClockConfig::default() };
    assert_eq!(restored(at(5), at(1_800_000_000), &never), at(5));
    let default = ClockConfig::default();
    let limited = ClockConfig { panic: PanicLimits { start_s: Some(1000.0), ..default.panic }, ..default };
    assert_eq!(restored(at(5), at(1_800_000_000), &limited), at(5));
    assert_eq!(restored(at(1_799_999_500), at(1_800_000_000), &limited), at(1_800_000_000));
    let first = StepPolicy { above_s: Some(0.1), first: Some(0) };
    let slewing = ClockConfig { step: first, ..ClockConfig::default() };
    assert_eq!(restored(at(5), at(1_800_000_000), &slewing), at(5));
    // AT-10: 100 s were stepped in earlier runs.
    let budget = |accumulated_s| ClockConfig {
        panic: PanicLimits { accumulated_s: Some(accumulated_s), ..default.panic },
        ..ClockConfig::default()
    };
    assert_eq!(restored(at(1_799_999_500), at(1_800_000_000), &budget(599.0)), at(1_799_999_500));
    assert_eq!(restored(at(1_799_999_500), at(1_800_000_000), &budget(601.0)), at(1_800_000_000));
}

fn years(count: f64) -> NtpDuration {
    NtpDuration::from_seconds(count * YEAR_S)
}

#[test]
fn a_6_a_last_good_time_out_of_this_world_is_not_believed() {
    let floor = truechimer_config::Config::default().engine.era_floor;
    assert_eq!(plausible(None, floor), None);
    assert_eq!(plausible(Some(floor - years(1.0)), floor), None);
    assert_eq!(plausible(Some(floor + years(101.0)), floor), None);
    assert_eq!(plausible(Some(floor + years(46.0)), floor), Some(floor + years(46.0)));
}

/// A server that is right must be understood even if the last known good time was years ahead of it.
#[test]
fn at_30_the_floor_of_the_eras_stays_decades_behind_the_last_good_time() {
    let mut engine = truechimer_config::Config::default().engine;
    let floor = engine.era_floor;
    raise_floor(&mut engine, None);
    raise_floor(&mut engine, Some(floor + years(46.0)));
    assert_eq!(engine.era_floor, floor, "2026");
    let late = floor + years(90.0);
    raise_floor(&mut engine, Some(late));
    assert_eq!(engine.era_floor, late - years(50.0), "2070");
    for server in [late - years(20.0), late, late + years(20.0)] {
        assert_eq!(Cooked::unfold(server.timestamp(), engine.era_floor), server);
    }
}

/// Simulated networks live in years of their own, often long past.
#[test]
fn a_clock_in_2010_is_left_where_it_is_and_its_servers_are_understood() {
    let floor = truechimer_config::ERA_FLOOR;
    for unix_s in [1_262_304_000, 2_085_978_300, 2_147_483_700] {
        assert_eq!(Cooked::unfold(at(unix_s).timestamp(), floor), at(unix_s));
    }
}
