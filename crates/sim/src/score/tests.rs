use super::*;
use crate::worlds::find;

#[test]
fn medians() {
    assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    assert!(median(Vec::new()).is_nan());
    assert_eq!(median_if([Some(1.0), None, Some(3.0)].into_iter()), Some(3.0));
    assert_eq!(median_if([Some(1.0), None, None].into_iter()), None);
}

#[test]
fn errors_with_a_limit_are_pooled() {
    assert_eq!(pooled([Some(3.0), Some(4.0)].into_iter()), Some(12.5_f64.sqrt()));
    assert_eq!(pooled([Some(3.0), None].into_iter()), None);
    assert_eq!(pooled(std::iter::empty()), None);
}

#[test]
fn a_scoreboard_is_that_of_its_runs() {
    let (specs, seeds) = ([find("start").unwrap(), find("pps w1e-9").unwrap()], [4, 5]);
    let outcomes = run_all(&specs, &seeds, 2, |_, _| {});
    let names: Vec<(&str, u64)> = outcomes.iter().map(|run| (run.world.as_str(), run.seed)).collect();
    assert_eq!(names, [("start", 4), ("start", 5), ("pps w1e-9", 4), ("pps w1e-9", 5)]);
    let board = Scoreboard::new(&specs, &seeds, &outcomes);
    let [start, pulses] = &board.worlds[..] else { panic!("{board:?}") };
    assert_eq!((start.ratio_time, start.goal_ratio_time), (None, None));
    assert!(start.worst_settle_s.is_some() && start.ratio_packets.unwrap() < 1.0);
    let mean = (outcomes[2].rms_time_s + outcomes[3].rms_time_s) / 2.0;
    assert!((pulses.rms_time_s / mean - 1.0).abs() < 1e-12);
    assert_eq!(pulses.ratio_time_raw, pulses.ratio_time);
    // Only one world is in the mean, so the mean is not judged.
    assert_eq!(board.geometric_mean_worlds, 1);
    assert!((board.geometric_mean.unwrap() / pulses.ratio_time.unwrap() - 1.0).abs() < 1e-12);
    assert_eq!(board.goal_geometric_mean, None);
    assert_eq!(board.met, start.met && pulses.met);
}
