use super::*;

const POLICY: StepPolicy = StepPolicy { above_s: Some(0.128), first: Some(3) };
const OPEN: PanicLimits =
    PanicLimits { forward_s: None, backward_s: None, start_s: None, accumulated_s: None };

fn update(gates: &mut Gates, correction_s: f64) -> Gate {
    let gate = gates.judge(correction_s);
    match gate {
        Gate::Step => {
            gates.stepped(correction_s);
            gates.updated();
        }
        Gate::Slew => gates.updated(),
        Gate::Refuse { .. } => {}
    }
    gate
}

#[test]
fn steps_only_above_the_threshold_and_only_at_first() {
    let mut gates = Gates::new(POLICY, OPEN, 0.0);
    assert_eq!(gates.judge(0.128), Gate::Slew);
    assert_eq!(gates.judge(-0.129), Gate::Step);
    assert_eq!(update(&mut gates, 0.5), Gate::Step);
    assert_eq!(update(&mut gates, -0.5), Gate::Step);
    assert_eq!(update(&mut gates, 0.01), Gate::Slew);
    assert_eq!(update(&mut gates, 0.5), Gate::Slew);
    assert_eq!(gates.updates(), 4);
    assert!((gates.stepped_total_s() - 1.0).abs() < 1e-12);
}

#[test]
fn never_and_always_are_possible() {
    let never = Gates::new(StepPolicy { above_s: None, first: None }, OPEN, 0.0);
    assert_eq!(never.judge(1e9), Gate::Slew);
    let mut always = Gates::new(StepPolicy { above_s: Some(1.0), first: None }, OPEN, 0.0);
    for _ in 0..100 {
        assert_eq!(update(&mut always, -2.0), Gate::Step);
    }
}

#[test]
fn each_way_has_its_own_limit() {
    let limits = PanicLimits { forward_s: Some(10.0), backward_s: Some(1.0), ..OPEN };
    let mut gates = Gates::new(StepPolicy { above_s: Some(0.1), first: None }, limits, 0.0);
    // The first correction has a limit of its own, and here none.
    assert_eq!(gates.judge(-1e6), Gate::Step);
    gates.updated();
    assert_eq!(gates.judge(10.0), Gate::Step);
    assert_eq!(gates.judge(10.1), Gate::Refuse { limit: "forward", limit_s: 10.0 });
    assert_eq!(gates.judge(-1.0), Gate::Step);
    assert_eq!(gates.judge(-1.1), Gate::Refuse { limit: "backward", limit_s: 1.0 });
}

#[test]
fn the_start_limit_holds_either_way_and_for_slews_too() {
    let limits = PanicLimits { start_s: Some(60.0), ..OPEN };
    let gates = Gates::new(StepPolicy { above_s: None, first: None }, limits, 0.0);
    assert_eq!(gates.judge(60.0), Gate::Slew);
    assert_eq!(gates.judge(61.0), Gate::Refuse { limit: "start", limit_s: 60.0 });
    assert_eq!(gates.judge(-61.0), Gate::Refuse { limit: "start", limit_s: 60.0 });
}

#[test]
fn at_10_small_step_big_step() {
    // CVE-2015-5300: a small step first must not open the gate for a big one.
    let limits = PanicLimits { forward_s: Some(1000.0), backward_s: Some(1000.0), ..OPEN };
    let mut gates = Gates::new(POLICY, limits, 0.0);
    assert_eq!(update(&mut gates, 0.2), Gate::Step);
    assert_eq!(update(&mut gates, 3600.0), Gate::Refuse { limit: "forward", limit_s: 1000.0 });
    assert_eq!(update(&mut gates, -3600.0), Gate::Refuse { limit: "backward", limit_s: 1000.0 });
    // A refusal is no update: it does not use up the gate or reopen it.
    assert_eq!(gates.updates(), 1);
}

#[test]
fn na_23_panic_gate_survives_restart() {
    // AT-10 restart_loop_to_reset_gate: the sum of the steps is bounded however often the daemon is
    // restarted.
    let limits = PanicLimits { accumulated_s: Some(100.0), ..OPEN };
    for direction in [1.0, -1.0] {
        let mut saved = 0.0;
        let mut moved: f64 = 0.0;
        let mut refused = 0;
        for _ in 0..20 {
            let mut gates = Gates::new(POLICY, limits, saved);
            match update(&mut gates, direction * 15.0) {
                Gate::Step => moved += 15.0,
                Gate::Refuse { limit: "accumulated", limit_s: 100.0 } => refused += 1,
                other => panic!("{other:?}"),
            }
            saved = gates.stepped_total_s();
        }
        assert_eq!((moved, refused), (90.0, 14));
    }
}

#[test]
fn garbage_is_no_correction_and_no_history() {
    let mut gates = Gates::new(POLICY, OPEN, f64::NAN);
    assert_eq!(gates.stepped_total_s(), 0.0);
    for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(matches!(gates.judge(wrong), Gate::Refuse { limit: "finite", .. }));
        gates.stepped(wrong);
    }
    assert_eq!(gates.stepped_total_s(), 0.0);
}
