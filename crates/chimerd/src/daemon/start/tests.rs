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
    restore_time(&mut clock, floor, config, &mut Journal::silent());
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
}

#[test]
fn a_6_the_floor_rises_to_the_last_good_time_but_not_to_nonsense() {
    let mut engine = truechimer_config::Config::default().engine;
    let built = engine.era_floor;
    raise_floor(&mut engine, None);
    raise_floor(&mut engine, Some(built - NtpDuration::from_seconds(1.0)));
    raise_floor(&mut engine, Some(built + NtpDuration::from_seconds(2e9)));
    assert_eq!(engine.era_floor, built);
    raise_floor(&mut engine, Some(built + NtpDuration::from_seconds(86_400.0)));
    assert_eq!(engine.era_floor, built + NtpDuration::from_seconds(86_400.0));
}
