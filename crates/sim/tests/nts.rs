//! Worlds with NTS, by the ids of the threat list. The invariants are checked in each of them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use truechimer_engine::report::{NtsReport, SourceState};
use truechimer_sim::check::Invariant;
use truechimer_sim::find;
use truechimer_sim::world::{View, World};
use truechimer_sim::worlds::repeat;

const SEEDS: [u64; 2] = [1, 2];

fn world(name: &str, seed: u64) -> World {
    let spec = find(name).unwrap_or_else(|| panic!("no world {name}"));
    World::new((spec.scenario)(), seed, repeat(name, seed))
}

/// Lets it run and wants every invariant kept, and nothing to be seen twice on the way.
fn run(world: &mut World, until_s: f64) -> View {
    world.run_until(until_s);
    let violations: Vec<String> = world.violations().iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    let view = world.view(0).unwrap();
    let (secured, repeated) = view.traces;
    assert_eq!(
        (secured, repeated),
        (view.packets, 0),
        "a request without NTS, or a value that was seen before"
    );
    view
}

fn nts(view: &View, source: usize) -> NtsReport {
    view.report.sources[source].authentication.clone().unwrap().nts.unwrap()
}

fn assert_well(view: &View, error_s: f64) {
    assert!(view.report.system.synchronised, "{}", view.report.system.reason);
    assert!(view.error_s.abs() < error_s, "{} s wrong", view.error_s);
}

#[test]
fn at_06_nts_replay() {
    for seed in SEEDS {
        let mut world = world("at_06_nts_replay", seed);
        let view = run(&mut world, 20_000.0);
        let source = &view.report.sources[0];
        assert_eq!((source.reach, source.accepted), (0o377, source.sent));
        assert_eq!(nts(&view, 0).key_exchanges, 1);
        assert!(world.book().tally(Invariant::I8).checked > 5000);
        assert_well(&view, 1e-3);
    }
}

#[test]
fn na_15_nts_nak_spoof() {
    for seed in SEEDS {
        let mut world = world("na_15_nts_nak_spoof", seed);
        let view = run(&mut world, 20_000.0);
        let source = &view.report.sources[0];
        // Every request is refused by somebody who saw it, and answered all the same.
        assert_eq!((source.reach, source.accepted), (0o377, source.sent));
        assert!(nts(&view, 0).naks >= source.sent - 1);
        assert_eq!(nts(&view, 0).key_exchanges, 1);
        assert_well(&view, 1e-3);
    }
}

#[test]
fn at_19_nts_cookie_exhaustion() {
    for seed in SEEDS {
        let mut world = world("at_19_nts_cookie_exhaustion", seed);
        run(&mut world, 9000.0);
        let dark = run(&mut world, 19_900.0);
        assert_ne!(dark.report.sources[1].state, SourceState::SystemPeer);
        let view = run(&mut world, 60_000.0);
        assert_eq!(view.report.sources[1].reach, 0o377, "it did not come back");
        assert!(nts(&view, 1).key_exchanges >= 2 && nts(&view, 1).key_exchanges < 12);
        // More than half of the packets lost each way: the jar runs dry now and then.
        assert!(view.report.sources[0].accepted > 50);
        assert_well(&view, 5e-3);
    }
}

#[test]
fn at_20_nts_stripping_downgrade() {
    for seed in SEEDS {
        let mut world = world("at_20_nts_stripping_downgrade", seed);
        let before = run(&mut world, 5000.0).report.sources[0].accepted;
        let during = run(&mut world, 12_000.0);
        assert!(during.report.sources[0].accepted <= before + 1);
        assert_eq!(during.report.sources[0].state, SourceState::Rejected);
        let said = &during.report.sources[0].reason;
        assert!(said.contains("not protected by NTS") || said.contains("key exchange failed"), "{said}");
        let after = run(&mut world, 60_000.0);
        assert_eq!(after.report.sources[0].reach, 0o377);
        assert_well(&after, 5e-3);
    }
}

#[test]
fn at_20_nts_forged_refusals() {
    for seed in SEEDS {
        let mut world = world("at_20_nts_forged_refusals", seed);
        let before = run(&mut world, 5000.0);
        let during = run(&mut world, 12_000.0);
        assert_eq!(during.report.sources[0].accepted, before.report.sources[0].accepted);
        assert!(during.packets - before.packets < 120, "{}", during.packets - before.packets);
        assert!(during.events["KeyExchangeFailed"] >= 5);
        let after = run(&mut world, 40_000.0);
        assert_eq!(after.report.sources[0].reach, 0o377);
        assert_well(&after, 5e-3);
    }
}

#[test]
fn at_21_nts_unlinkability() {
    for seed in SEEDS {
        let mut world = world("at_21_nts_unlinkability", seed);
        let view = run(&mut world, 60_000.0);
        assert!(view.packets > 1500, "{}", view.packets);
        // Twelve networks or lives: in each, keys of its own.
        assert!(view.events["KeysExchanged"] >= 3 * 12, "{:?}", view.events);
        assert_well(&view, 1e-3);
    }
}

#[test]
fn at_22_key_rotation_boundary() {
    for seed in SEEDS {
        let mut world = world("at_22_key_rotation_boundary", seed);
        let before = run(&mut world, 29_000.0);
        assert_eq!(
            (nts(&before, 0).key_exchanges, nts(&before, 0).naks),
            (1, 0),
            "rotations are not noticed"
        );
        let view = run(&mut world, 60_000.0);
        assert_eq!((nts(&view, 0).key_exchanges, nts(&view, 0).naks), (2, 2), "lost keys are, twice");
        assert_eq!(view.report.sources[0].reach, 0o377);
        let server = world.view(1).unwrap().report.server.unwrap();
        assert_eq!(server.nts_naks, 2);
        assert_eq!(server.nts, view.report.sources[0].accepted);
        assert_well(&view, 2e-3);
    }
}

#[test]
fn at_26_tls_wrong_clock_bootstrap() {
    for name in ["at_26_tls_wrong_clock_1970", "at_26_tls_wrong_clock_2099"] {
        for seed in SEEDS {
            let mut world = world(name, seed);
            let soon = run(&mut world, 3.0);
            assert!(soon.error_s.abs() < 0.01, "{name}: {} s wrong after 3 s", soon.error_s);
            let view = run(&mut world, 20_000.0);
            assert_eq!((view.steps, view.events["CertificateTimeKnown"]), (1, 1));
            for source in 0..3 {
                assert_eq!(nts(&view, source).key_exchanges, 2);
                assert_eq!(nts(&view, source).certificate_time.as_deref(), Some("verified"));
            }
            assert_well(&view, 1e-3);
        }
    }
}

#[test]
fn at_26_stolen_certificates() {
    for seed in SEEDS {
        let mut world = world("at_26_stolen_certificates", seed);
        let view = run(&mut world, 20_000.0);
        assert_eq!(view.steps, 0, "the clock was set by certificates that had expired");
        assert!(!view.report.system.synchronised && !view.status.synchronised);
        assert_eq!(view.events["CertificateRefused"], 3);
    }
}

#[test]
fn at_27_cert_expired_while_running() {
    let mut world = world("at_27_cert_expired_while_running", 1);
    let expired = run(&mut world, 199_000.0);
    assert_eq!((expired.report.sources[0].reach, nts(&expired, 0).key_exchanges), (0o377, 1));
    let view = run(&mut world, 300_000.0);
    assert_eq!(view.report.sources[0].reach, 0);
    assert_eq!(nts(&view, 0).failure.as_deref(), Some("CertificateDate"));
    assert!(view.events["KeyExchangeFailed"] > 5);
}
