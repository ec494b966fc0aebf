//! Attacks and faults in the simulator, by the ids of the threat list. The invariants are checked in each of them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use truechimer_engine::report::{SourceReport, SourceState};
use truechimer_sim::check::Invariant;
use truechimer_sim::find;
use truechimer_sim::world::{View, World};
use truechimer_sim::worlds::repeat;

const SEEDS: [u64; 2] = [1, 2];

/// The hostile world of this name.
fn world(name: &str, seed: u64) -> World {
    let spec = find(name).unwrap_or_else(|| panic!("no world {name}"));
    World::new((spec.scenario)(), seed, repeat(name, seed))
}

/// Lets it run and wants every invariant kept.
fn run(world: &mut World, until_s: f64) -> View {
    world.run_until(until_s);
    let violations: Vec<String> = world.violations().iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    world.view(0).unwrap()
}

/// For each seed, the whole of a world.
fn each_seed(name: &str, until_s: f64, check: impl Fn(View, &World)) {
    for seed in SEEDS {
        let mut world = world(name, seed);
        let view = run(&mut world, until_s);
        check(view, &world);
    }
}

fn source(view: &View) -> &SourceReport {
    &view.report.sources[0]
}

fn dropped(view: &View) -> u64 {
    view.report.sources.iter().map(|source| source.dropped.values().sum::<u64>()).sum()
}

fn assert_well(view: &View, error_s: f64) {
    assert!(view.report.system.synchronised, "{}", view.report.system.reason);
    assert!(view.error_s.abs() < error_s, "{} s wrong", view.error_s);
}

/// Every packet that was sent is answered, and nothing else is taken.
fn assert_untouched(view: &View, world: &World, forged: u64) {
    let source = source(view);
    assert_eq!(source.reach, 0o377);
    assert_eq!(source.accepted, source.sent, "{source:?}");
    assert!(world.book().tally(Invariant::I8).checked >= forged, "{:?}", world.book().tally(Invariant::I8));
    assert_well(view, 1e-3);
}

/// The whole world sends a million: `--example worlds -- --world at_01_offpath_blind_spoof`.
#[test]
fn at_01_offpath_blind_spoof() {
    each_seed("at_01_offpath_blind_spoof", 2000.0, |view, world| assert_untouched(&view, world, 90_000));
}

#[test]
fn at_03_kod_spoof_storm() {
    each_seed("at_03_kod_spoof_storm", 20_000.0, |view, world| {
        assert_untouched(&view, world, 20_000);
        assert_eq!(source(&view).poll, 6, "a forged RATE slowed the polls");
        assert!(!view.events.contains_key("Kiss"), "{:?}", view.events);
    });
}

#[test]
fn at_03_kod_from_real_server_at_rate() {
    for seed in SEEDS {
        let mut world = world("at_03_kod_from_real_server_at_rate", seed);
        let before = run(&mut world, 5000.0).packets;
        let during = run(&mut world, 8600.0);
        assert!(during.events.contains_key("Kiss"), "{:?}", during.events);
        assert!(during.packets - before <= 40, "{} requests in an hour of RATE", during.packets - before);
        assert!(source(&during).poll <= 17 && source(&during).state != SourceState::Stopped);
        let after = run(&mut world, 40_000.0);
        assert_eq!(source(&after).reach, 0o377, "it did not recover");
        assert_well(&after, 5e-3);
    }
}

#[test]
fn at_03_kod_priming_pump() {
    each_seed("at_03_kod_priming_pump", 60_000.0, |view, _| {
        assert_eq!(source(&view).reach, 0o377, "it did not recover");
        assert!(source(&view).poll <= 10, "the pump has raised the poll to {}", source(&view).poll);
        assert_well(&view, 5e-3);
    });
}

#[test]
fn at_06_stale_replay() {
    each_seed("at_06_stale_replay", 20_000.0, |view, world| {
        assert_untouched(&view, world, 20_000);
    });
}

#[test]
fn at_07_duplicate_and_reorder() {
    each_seed("at_07_duplicate_and_reorder", 20_000.0, |view, world| {
        let source = source(&view);
        assert!(source.accepted <= source.sent && source.samples <= source.accepted, "{source:?}");
        assert!(source.accepted * 10 > source.sent * 7, "{source:?}");
        assert!(world.book().tally(Invariant::I8).checked > 15_000);
        assert_well(&view, 2e-3);
    });
}

#[test]
fn at_08_onpath_constant_delay() {
    each_seed("at_08_onpath_constant_delay", 40_000.0, |view, _| {
        // 100 ms one way can cost 50 ms; that the bound covers it at every second was checked on the way.
        assert!(view.error_s.abs() < 0.06, "{}", view.error_s);
        assert!(view.bound_s.unwrap() >= view.error_s.abs());
        assert!(view.report.system.synchronised);
    });
}

#[test]
fn at_08_onpath_spikes() {
    each_seed("at_08_onpath_spikes", 40_000.0, |view, _| {
        assert!(dropped(&view) > 100, "the ratio test never struck: {:?}", source(&view).dropped);
        assert_well(&view, 2e-3);
    });
}

#[test]
fn at_09_onpath_slow_ramp() {
    each_seed("at_09_onpath_slow_ramp", 60_000.0, |view, _| {
        assert!(view.error_s.abs() < 0.06 && view.bound_s.unwrap() >= view.error_s.abs());
    });
}

#[test]
fn at_11_falseticker_minority() {
    each_seed("at_11_falseticker_minority", 20_000.0, |view, _| {
        let states: Vec<_> = view.report.sources.iter().map(|source| source.state).collect();
        assert_eq!(states[0], SourceState::Falseticker);
        assert!(!states[1..].contains(&SourceState::Falseticker), "{states:?}");
        assert_well(&view, 1e-3);
    });
}

#[test]
fn at_11_coalition_at_half() {
    each_seed("at_11_coalition_at_half", 20_000.0, |view, _| {
        assert!(!view.report.system.synchronised, "half is no majority");
        assert!(!view.status.synchronised, "the kernel was told otherwise");
        assert_eq!(view.report.system.stratum, 16);
        assert!(view.events.contains_key("NoMajority"), "{:?}", view.events);
    });
}

#[test]
fn at_11_majority_liars() {
    each_seed("at_11_majority_liars", 20_000.0, |view, _| {
        assert!(!view.report.system.synchronised && !view.status.synchronised);
        assert_eq!(view.steps, 0, "a best guess was made");
    });
}

#[test]
fn at_30_unset_clock_era_1() {
    each_seed("at_30_unset_clock_era_1", 20_000.0, |view, _| {
        assert_eq!(view.steps, 1);
        assert_well(&view, 1e-3);
    });
}

#[test]
fn at_33_vm_suspend_resume() {
    each_seed("at_33_vm_suspend_resume", 40_000.0, |view, _| {
        assert!(view.events.contains_key("Interference"), "{:?}", view.events);
        assert_well(&view, 1e-3);
    });
}

#[test]
fn at_33_live_migration() {
    each_seed("at_33_live_migration", 40_000.0, |view, _| {
        assert!(view.events.contains_key("Interference"), "{:?}", view.events);
        assert_well(&view, 1e-3);
    });
}

#[test]
fn at_33_clock_jump_by_other_process() {
    each_seed("at_33_clock_jump_by_other_process", 40_000.0, |view, _| {
        assert!(view.events.contains_key("Interference"), "{:?}", view.events);
        assert_eq!(view.steps, 1, "the jump was not put right by a step");
        assert_well(&view, 1e-3);
    });
}

#[test]
fn at_33_two_daemons_fighting() {
    each_seed("at_33_two_daemons_fighting", 40_000.0, |view, _| {
        for event in ["ForeignFrequency", "Interference"] {
            assert!(view.events.contains_key(event), "{:?}", view.events);
        }
        assert_well(&view, 1e-3);
    });
}

/// What `adjtimex` shows, look by look: only what is true.
#[test]
fn at_34_kernel_sta_unsync_lifecycle() {
    for seed in SEEDS {
        let mut world = world("at_34_kernel_sta_unsync_lifecycle", seed);
        let mut trace = vec![(0.0, world.view(0).unwrap().status.synchronised)];
        for look in 1..3000 {
            let at_s = 100.0 * f64::from(look);
            let status = run(&mut world, at_s).status;
            if trace.last().is_some_and(|&(_, synchronised)| synchronised != status.synchronised) {
                trace.push((at_s, status.synchronised));
            }
            // Without a server the kernel's bound grows by itself; a synchronised one is below the limit.
            assert!(!status.synchronised || status.max_error_s < 1.6, "{status:?} after {at_s} s");
        }
        let flags: Vec<bool> = trace.iter().map(|&(_, synchronised)| synchronised).collect();
        assert_eq!(flags, [false, true, false, true, false], "{trace:?}");
        let times: Vec<f64> = trace.iter().map(|&(at_s, _)| at_s).collect();
        assert_eq!(times[1], 100.0, "{trace:?}");
        assert!(times[2] > 20_000.0 && times[2] < 270_000.0, "holdover: {trace:?}");
        assert!(times[3] > 270_000.0 && times[3] < 290_000.0, "{trace:?}");
        assert!((times[4] - 290_000.0).abs() < 101.0, "exit: {trace:?}");
    }
}

#[test]
fn at_35_frequency_step() {
    each_seed("at_35_frequency_step", 40_000.0, |view, _| {
        assert_eq!(view.steps, 0);
        assert_well(&view, 1e-3);
    });
}

#[test]
fn at_35_temperature_ramp() {
    each_seed("at_35_temperature_ramp", 60_000.0, |view, _| {
        assert_eq!(view.steps, 0);
        assert_well(&view, 1e-3);
    });
}

#[test]
fn at_47_scheduling_delay_kernel_stamps() {
    each_seed("at_47_scheduling_delay_kernel_stamps", 40_000.0, |view, _| assert_well(&view, 1e-3));
}

#[test]
fn at_47_scheduling_delay_user_stamps() {
    each_seed("at_47_scheduling_delay_user_stamps", 40_000.0, |view, _| {
        // Half of the half second cannot be told from an offset; the bound must say so.
        assert!(view.error_s.abs() < 0.3 && view.bound_s.unwrap() > 0.25, "{view:?}");
    });
}

/// Forged packets do not move a clock by a nanosecond: the run is that of the peaceful world, digit by digit.
#[test]
fn attackers_whose_packets_are_refused_leave_no_trace() {
    let end = |name: &str| {
        let view = run(&mut world(name, 1), 3000.0);
        (view.error_s, view.bound_s, view.report.system.frequency_ppm, view.packets)
    };
    let peaceful = end("at_35_frequency_step");
    for name in ["at_01_offpath_blind_spoof", "at_03_kod_spoof_storm", "at_06_stale_replay"] {
        assert_eq!(end(name), peaceful, "{name}");
    }
}
