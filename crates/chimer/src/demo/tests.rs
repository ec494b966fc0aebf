use truechimer_engine::report::SourceState;

use super::summary::{GOAL_S, SourceLine, Summary};
use super::watch::Facts;

fn line(name: &str, state: SourceState) -> SourceLine {
    SourceLine {
        name: name.into(),
        state,
        offset_s: Some(0.0),
        root_distance_s: Some(1e-4),
        samples: 9,
        key_exchanges: None,
    }
}

fn good() -> Summary {
    let mut facts = Facts::default();
    facts.look(0.0, -0.8, None);
    facts.look(1.0, 5e-4, Some(1e-3));
    let mut summary = Summary::new(20.0, false, &facts, None, false);
    summary.sources = vec![line("honest-1", SourceState::SystemPeer), line("liar", SourceState::Falseticker)];
    summary
}

#[test]
fn a_run_as_promised_has_no_failures() {
    assert_eq!(good().failures(), Vec::<String>::new());
    assert_eq!(good().samples, 1);
    assert_eq!(good().settled_s, Some(1.0));
}

#[test]
fn every_broken_promise_is_told() {
    let told = |change: &dyn Fn(&mut Summary)| {
        let mut summary = good();
        change(&mut summary);
        let failures = summary.failures();
        assert_eq!(failures.len(), 1, "{failures:?}");
        failures.concat()
    };
    assert!(told(&|s| s.true_error_s = GOAL_S).contains("from the truth"));
    assert!(told(&|s| s.true_error_s = f64::NAN).contains("from the truth"));
    assert!(told(&|s| s.bound_violations = 1).contains("above the reported bound"));
    assert!(told(&|s| s.bound_s = None).contains("no bound"));
    assert!(told(&|s| s.interrupted = true).contains("interrupted"));
    assert!(told(&|s| s.sources[1].state = SourceState::Survivor).contains("not marked"));
    assert!(told(&|s| s.sources[0].state = SourceState::Falseticker).contains("honest"));
    assert!(told(&|s| s.sources.clear()).contains("did not answer"));
    assert!(told(&|s| s.nts = true).contains("no keys"));
}

#[test]
fn i1_an_error_above_the_bound_is_counted_on_both_sides() {
    let mut facts = Facts::default();
    for (error, bound) in [(1e-3, 1e-3), (-1e-3, 1e-3), (1.5e-3, 1e-3), (-2e-3, 1e-3), (0.0, f64::NAN)] {
        facts.look(0.0, error, Some(bound));
    }
    assert_eq!((facts.samples, facts.bound_violations), (5, 3));
    assert!((facts.worst_violation_s - 1e-3).abs() < 1e-12);
}

#[test]
fn the_opening_fits_into_eighty_columns() {
    for nts in [false, true] {
        let text = super::show::opening_text(nts);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.contains("NTS"), nts);
    }
}
