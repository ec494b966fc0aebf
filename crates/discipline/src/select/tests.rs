use proptest::prelude::*;

use super::*;

const ANY: SelectParams = SelectParams { min_sources: 1, requires: false };

fn candidate(lo: f64, hi: f64) -> Candidate {
    Candidate {
        interval: [lo, hi],
        estimate: Estimate {
            offset: (lo + hi) / 2.0,
            frequency: 0.0,
            offset_variance: 1e-10,
            frequency_variance: 1e-16,
            covariance: 0.0,
        },
        distance: (hi - lo) / 2.0,
        stratum: 2,
        jitter: 1e-5,
        incumbent: false,
        prefer: false,
        trust: false,
        require: false,
        noselect: false,
    }
}

fn around(middle: f64, half: f64) -> Candidate {
    candidate(middle - half, middle + half)
}

fn verdicts(candidates: &[Candidate]) -> Vec<Verdict> {
    Selector::new().select(candidates, &ANY).verdicts.to_vec()
}

#[test]
fn nobody_is_no_candidate() {
    let mut selector = Selector::new();
    let selection = selector.select(&[], &ANY);
    assert_eq!(selection.outcome, Outcome::NoCandidates);
    assert_eq!((selection.bound, selection.peer, selection.answering), (None, None, 0));
    let only = Candidate { noselect: true, ..around(0.0, 0.01) };
    let selection = selector.select(&[only], &ANY);
    assert_eq!(selection.outcome, Outcome::NoCandidates);
    assert_eq!(selection.verdicts, [Verdict::NoSelect]);
    assert_eq!(selection.answering, 0);
}

#[test]
fn a_single_source_is_its_own_majority() {
    let mut selector = Selector::new();
    let one = [around(0.5, 0.01)];
    let selection = selector.select(&one, &ANY);
    assert_eq!(selection.outcome, Outcome::Agreed);
    assert_eq!((selection.peer, selection.agreeing, selection.answering), (Some(0), 1, 1));
    assert_eq!(selection.bound, Some(one[0].interval));
}

#[test]
fn at_11_falseticker_minority() {
    let all = [around(0.0, 0.01), around(0.001, 0.01), around(-0.001, 0.01), around(0.08, 0.01)];
    let mut selector = Selector::new();
    let selection = selector.select(&all, &ANY);
    assert_eq!(selection.outcome, Outcome::Agreed);
    assert_eq!(selection.verdicts[3], Verdict::Falseticker);
    assert_eq!(selection.agreeing, 3);
    let [lo, hi] = selection.bound.unwrap();
    assert!(lo >= -0.011 && hi <= 0.011, "[{lo}, {hi}]");
    // The nearest of all may be the liar.
    let near = [around(0.0, 0.01), around(0.001, 0.01), around(0.05, 0.002)];
    assert_eq!(verdicts(&near)[2], Verdict::Falseticker);
}

#[test]
fn at_11_coalition_at_half() {
    let all = [around(0.0, 0.01), around(0.001, 0.01), around(0.08, 0.01), around(0.081, 0.01)];
    let mut selector = Selector::new();
    let selection = selector.select(&all, &ANY);
    assert_eq!(selection.outcome, Outcome::NoMajority);
    assert_eq!((selection.bound, selection.peer), (None, None));
    assert_eq!((selection.agreeing, selection.answering), (2, 4));
    assert!(selection.verdicts.iter().all(|verdict| *verdict == Verdict::Falseticker));
    // Two that contradict each other: nobody knows.
    let two = [around(0.0, 0.01), around(0.08, 0.01)];
    assert_eq!(selector.select(&two, &ANY).outcome, Outcome::NoMajority);
}

#[test]
fn at_11_majority_liars() {
    // Three liars that contradict each other do not make a majority; three that agree cannot be told from
    // the truth.
    let mut selector = Selector::new();
    let scattered =
        [around(0.0, 0.01), around(0.0, 0.01), around(1.0, 0.01), around(2.0, 0.01), around(3.0, 0.01)];
    let selection = selector.select(&scattered, &ANY);
    assert_eq!(selection.outcome, Outcome::NoMajority);
    assert_eq!(selection.agreeing, 2);
    let agreed =
        [around(0.0, 0.01), around(0.0, 0.01), around(1.0, 0.01), around(1.0, 0.01), around(1.0, 0.01)];
    let selection = selector.select(&agreed, &ANY);
    assert_eq!(selection.outcome, Outcome::Agreed);
    assert_eq!(selection.verdicts[0], Verdict::Falseticker);
}

#[test]
fn touching_intervals_agree() {
    let mut selector = Selector::new();
    let selection = selector.select(&[candidate(0.0, 1.0), candidate(1.0, 2.0)], &ANY);
    assert_eq!(selection.outcome, Outcome::Agreed);
    assert_eq!(selection.bound, Some([1.0, 1.0]));
}

#[test]
fn a_minority_cannot_narrow_the_bound_past_the_truth() {
    // The truth is 0. A liar overlaps both honest sources at one edge; the point that all three cover is not
    // the truth, so the bound must be what the two honest ones allow.
    let all = [candidate(-10.0, 10.0), candidate(-9.0, 11.0), candidate(8.0, 9.0)];
    let mut selector = Selector::new();
    let selection = selector.select(&all, &ANY);
    assert_eq!(selection.bound, Some([-9.0, 10.0]));
}

#[test]
fn nonsense_votes_against_everybody() {
    let broken = Candidate { interval: [f64::NAN, 1.0], ..around(0.0, 0.01) };
    let swapped = candidate(1.0, -1.0);
    let mut selector = Selector::new();
    let selection = selector.select(&[around(0.0, 0.01), broken], &ANY);
    assert_eq!(selection.outcome, Outcome::NoMajority);
    let three = [around(0.0, 0.01), around(0.0, 0.01), swapped];
    let selection = selector.select(&three, &ANY);
    assert_eq!(selection.outcome, Outcome::Agreed);
    assert_eq!(selection.verdicts[2], Verdict::Falseticker);
}

#[test]
fn too_few_agree() {
    let mut selector = Selector::new();
    let params = SelectParams { min_sources: 3, requires: false };
    let two = [around(0.0, 0.01), around(0.0, 0.01)];
    let selection = selector.select(&two, &params);
    assert_eq!((selection.outcome, selection.peer), (Outcome::TooFew, None));
    assert_eq!(selection.agreeing, 2);
    let three = [two[0], two[0], two[1]];
    assert_eq!(selector.select(&three, &params).outcome, Outcome::Agreed);
}

#[test]
fn trusted_sources_are_not_outvoted() {
    let trusted = Candidate { trust: true, ..around(0.0, 0.01) };
    let mut selector = Selector::new();
    let all = [around(1.0, 0.01), around(1.0, 0.01), around(1.0, 0.01), trusted];
    let selection = selector.select(&all, &ANY);
    assert_eq!(selection.outcome, Outcome::Agreed);
    assert_eq!(selection.peer, Some(3));
    assert_eq!(selection.bound, Some(trusted.interval));
    assert_eq!(selection.verdicts[0], Verdict::Falseticker);
    // Among each other they need a majority.
    let other = Candidate { trust: true, ..around(1.0, 0.01) };
    assert_eq!(selector.select(&[trusted, other, other, around(0.0, 0.01)], &ANY).peer, Some(1));
    assert_eq!(selector.select(&[trusted, other], &ANY).outcome, Outcome::NoMajority);
}

#[test]
fn a_required_source_must_agree() {
    let params = SelectParams { requires: true, ..ANY };
    let required = Candidate { require: true, ..around(0.0, 0.01) };
    let mut selector = Selector::new();
    let with = [required, around(0.0, 0.01)];
    assert_eq!(selector.select(&with, &params).outcome, Outcome::Agreed);
    let without = [around(0.0, 0.01), around(0.0, 0.01)];
    assert_eq!(selector.select(&without, &params).outcome, Outcome::RequiredMissing);
    let wrong = [Candidate { require: true, ..around(9.0, 0.01) }, without[0], without[1]];
    let selection = selector.select(&wrong, &params);
    assert_eq!((selection.outcome, selection.peer), (Outcome::RequiredMissing, None));
}

#[test]
fn the_peer_is_near_and_changes_reluctantly() {
    let far = around(0.0, 0.02);
    let near = around(0.0, 0.016);
    let mut selector = Selector::new();
    assert_eq!(selector.select(&[far, near], &ANY).peer, Some(1));
    // In office, the slightly worse one stays.
    let incumbent = Candidate { incumbent: true, ..far };
    assert_eq!(selector.select(&[incumbent, near], &ANY).peer, Some(0));
    let much_nearer = around(0.0, 0.005);
    assert_eq!(selector.select(&[incumbent, much_nearer], &ANY).peer, Some(1));
    // Equal otherwise: the lower stratum. Preferred: always.
    let high = Candidate { stratum: 1, ..far };
    assert_eq!(selector.select(&[far, high], &ANY).peer, Some(1));
    let preferred = Candidate { prefer: true, stratum: 9, ..far };
    assert_eq!(selector.select(&[high, preferred], &ANY).peer, Some(1));
}

#[test]
fn the_cluster_algorithm_drops_the_one_that_is_apart() {
    // All agree by their intervals of 10 ms; one estimate is 8 ms off while the noise is 10 µs.
    let odd =
        Candidate { estimate: Estimate { offset: 8e-3, ..around(0.0, 0.01).estimate }, ..around(0.0, 0.01) };
    let all = [around(0.0, 0.01), odd, around(1e-5, 0.01), around(-1e-5, 0.01)];
    let found = verdicts(&all);
    assert_eq!(found[1], Verdict::Outlier);
    assert_eq!(found.iter().filter(|verdict| **verdict == Verdict::Outlier).count(), 1);
    // Four paths with asymmetries of a millisecond or so are all as good as each other, however steady they
    // are.
    let paths = [-1e-3, 0.0, 0.5e-3, 1.5e-3].map(|asymmetry| around(asymmetry, 0.01));
    assert_eq!(verdicts(&paths).iter().filter(|v| **v == Verdict::Outlier).count(), 0);
    // Of two nobody can say which is off, and noise explains small distances.
    assert_eq!(verdicts(&[all[0], odd]).iter().filter(|v| **v == Verdict::Outlier).count(), 0);
    let noisy = all.map(|candidate| Candidate { jitter: 0.05, ..candidate });
    assert_eq!(verdicts(&noisy).iter().filter(|v| **v == Verdict::Outlier).count(), 0);
}

#[test]
fn more_than_the_cap_are_not_asked() {
    let all: Vec<_> = (0..MAX_CANDIDATES + 10).map(|_| around(0.0, 0.01)).collect();
    let mut selector = Selector::new();
    let before = (selector.edges.capacity(), selector.verdicts.capacity());
    let selection = selector.select(&all[..MAX_CANDIDATES], &ANY);
    assert_eq!(selection.agreeing, MAX_CANDIDATES);
    assert_eq!(before, (selector.edges.capacity(), selector.verdicts.capacity()));
    let selection = selector.select(&all, &ANY);
    assert_eq!((selection.answering, selection.verdicts.len()), (MAX_CANDIDATES, MAX_CANDIDATES + 10));
    assert!(selection.verdicts[MAX_CANDIDATES..].iter().all(|verdict| *verdict == Verdict::Outlier));
}

proptest! {
    /// I1: while most intervals contain the truth, so does the bound, whatever the others are.
    #[test]
    fn i1_a_truthful_majority_bounds_the_truth(
        truth in -1.0f64..1.0,
        honest in prop::collection::vec((0.0f64..0.1, 0.0f64..0.1, -0.1f64..0.1), 1..12),
        liars in prop::collection::vec((-2.0f64..2.0, 0.0f64..0.5), 0..11),
        order in any::<u64>(),
    ) {
        let liars = &liars[..liars.len().min(honest.len() - 1)];
        let mut all: Vec<Candidate> = honest
            .iter()
            .map(|(below, above, _)| candidate(truth - below, truth + above))
            .chain(liars.iter().map(|(middle, half)| around(*middle, *half)))
            .collect();
        let turn = (order % all.len() as u64) as usize;
        all.rotate_left(turn);
        let mut selector = Selector::new();
        let selection = selector.select(&all, &ANY);
        prop_assert_eq!(selection.outcome, Outcome::Agreed);
        let [lo, hi] = selection.bound.unwrap();
        prop_assert!(lo <= truth && truth <= hi, "{} not in [{}, {}]", truth, lo, hi);
        prop_assert!(selection.agreeing > all.len() / 2);
        prop_assert!(selection.peer.is_some());
    }

    /// Whatever comes in: no panic, one verdict each, and a peer exactly when there is agreement.
    #[test]
    fn any_candidates_get_a_verdict(
        values in prop::collection::vec((any::<f64>(), any::<f64>(), any::<f64>(), any::<u8>()), 0..80),
        min_sources in 0usize..5, requires in any::<bool>(),
    ) {
        let all: Vec<Candidate> = values
            .iter()
            .map(|(lo, hi, x, flags)| Candidate {
                estimate: Estimate {
                    offset: *x, frequency: *lo, offset_variance: *hi, frequency_variance: *x, covariance: *x,
                },
                distance: *x,
                jitter: *hi,
                prefer: flags & 1 != 0,
                trust: flags & 2 != 0,
                require: flags & 4 != 0,
                noselect: flags & 8 != 0,
                ..candidate(*lo, *hi)
            })
            .collect();
        let mut selector = Selector::new();
        let selection = selector.select(&all, &SelectParams { min_sources, requires });
        prop_assert_eq!(selection.verdicts.len(), all.len());
        let peers = selection.verdicts.iter().filter(|verdict| **verdict == Verdict::SystemPeer).count();
        prop_assert_eq!(peers, usize::from(selection.peer.is_some()));
        prop_assert!(selection.peer.is_none() || selection.outcome == Outcome::Agreed);
    }
}
