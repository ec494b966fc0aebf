use proptest::prelude::*;

use super::*;

fn candidate(offset: f64, sd: f64) -> Candidate {
    Candidate {
        interval: [offset - 1.0, offset + 1.0],
        estimate: Estimate {
            offset,
            frequency: offset * 1e-6,
            offset_variance: sd * sd,
            frequency_variance: sd * sd * 1e-6,
            covariance: 0.5 * sd * sd * 1e-3,
        },
        distance: 0.01,
        stratum: 2,
        jitter: sd,
        incumbent: false,
        prefer: false,
        trust: false,
        require: false,
        noselect: false,
    }
}

fn of(candidates: &[Candidate]) -> Option<Estimate> {
    combine(candidates, &vec![Verdict::Survivor; candidates.len()])
}

#[test]
fn without_a_survivor_there_is_nothing() {
    assert_eq!(of(&[]), None);
    let all = [candidate(0.0, 1e-3); 4];
    let out = [Verdict::Outlier, Verdict::Falseticker, Verdict::NoSelect, Verdict::Outlier];
    assert_eq!(combine(&all, &out), None);
}

#[test]
fn one_survivor_is_taken_as_it_is() {
    let one = candidate(0.25, 1e-3);
    let found = combine(&[candidate(9.0, 1e-9), one], &[Verdict::Falseticker, Verdict::SystemPeer]).unwrap();
    assert!((found.offset - 0.25).abs() < 1e-15);
    assert!((found.offset_variance / 1e-6 - 1.0).abs() < 1e-9);
    assert!((found.frequency_variance / 1e-12 - 1.0).abs() < 1e-9);
    assert!((found.covariance / one.estimate.covariance - 1.0).abs() < 1e-9);
}

#[test]
fn equals_share_and_gain_a_little() {
    let found = of(&[candidate(0.0, 1e-3), candidate(1e-3, 1e-3)]).unwrap();
    assert!((found.offset - 5e-4).abs() < 1e-12);
    // Better than one, not as good as two that have nothing in common.
    assert!((5e-7..1e-6).contains(&found.offset_variance), "{}", found.offset_variance);
}

#[test]
fn the_better_one_weighs_more() {
    let found = of(&[candidate(0.0, 1e-4), candidate(3e-4, 3e-4)]).unwrap();
    assert!((found.offset - 3e-5).abs() < 1e-6, "{}", found.offset);
}

#[test]
fn disagreement_makes_equal_and_uncertain() {
    // 10 ms apart, claiming 1 µs and 10 µs: neither is what it claims.
    let found = of(&[candidate(0.0, 1e-6), candidate(0.01, 1e-5)]).unwrap();
    assert!((found.offset - 0.005).abs() < 1e-5, "{}", found.offset);
    assert!(found.offset_variance.sqrt() > 2e-3, "{}", found.offset_variance.sqrt());
}

#[test]
fn preferred_survivors_decide_alone() {
    let preferred = Candidate { prefer: true, ..candidate(0.01, 1e-3) };
    let all = [candidate(0.0, 1e-6), preferred, candidate(0.0, 1e-6)];
    assert!((of(&all).unwrap().offset - 0.01).abs() < 1e-12);
    // One that is preferred and lies does not count.
    let verdicts = [Verdict::SystemPeer, Verdict::Falseticker, Verdict::Survivor];
    assert!(combine(&all, &verdicts).unwrap().offset.abs() < 1e-12);
}

#[test]
fn at_42_claimed_perfection_has_a_floor() {
    let found = of(&[candidate(0.0, 0.0), candidate(1e-9, 1e-9)]).unwrap();
    assert!((found.offset - 5e-10).abs() < 1e-10);
    assert!(found.offset_variance >= 0.4e-18);
}

#[test]
fn a_source_without_numbers_is_left_out() {
    for bad in [f64::NAN, f64::INFINITY] {
        let broken = candidate(bad, 1e-3);
        let found = of(&[broken, candidate(0.25, 1e-3)]).unwrap();
        assert!((found.offset - 0.25).abs() < 1e-12);
        assert_eq!(of(&[broken]), None);
    }
}

proptest! {
    #[test]
    fn the_result_lies_among_the_survivors(
        values in prop::collection::vec((-1e3f64..1e3, 1e-9f64..1.0), 1..20),
    ) {
        let all: Vec<_> = values.iter().map(|(offset, sd)| candidate(*offset, *sd)).collect();
        let found = of(&all).unwrap();
        let least = values.iter().map(|(offset, _)| *offset).fold(f64::INFINITY, f64::min);
        let most = values.iter().map(|(offset, _)| *offset).fold(f64::NEG_INFINITY, f64::max);
        prop_assert!(least - 1e-9 <= found.offset && found.offset <= most + 1e-9);
        prop_assert!(found.offset_variance > 0.0 && found.frequency_variance > 0.0);
        prop_assert!(found.covariance.powi(2) <= found.offset_variance * found.frequency_variance * 1.000001);
    }
}
