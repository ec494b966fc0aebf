use super::*;

#[test]
fn every_reason_has_a_counter_and_a_name_of_its_own() {
    let mut counters = DropCounters::default();
    for (at, reason) in DropReason::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, at);
        for _ in 0..=at {
            counters.count(reason);
        }
    }
    let report = counters.report();
    assert_eq!(report.len(), DropReason::ALL.len());
    for (at, reason) in DropReason::ALL.into_iter().enumerate() {
        assert_eq!(report[reason.name()], at as u64 + 1);
    }
}

#[test]
fn what_never_occurred_is_not_listed() {
    assert!(DropCounters::default().report().is_empty());
}
