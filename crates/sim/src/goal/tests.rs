use super::*;
use crate::worlds::find;

/// A row that meets every goal.
fn good() -> Row {
    Row {
        world: String::new(),
        about: String::new(),
        rms_time_s: 1e-6,
        chrony_rms_time_s: Some(2.5e-6),
        limit_time_s: None,
        ratio_time_raw: None,
        ratio_time: Some(0.4),
        goal_ratio_time: Some(0.58),
        ratio_reached: None,
        max_time_s: 2e-6,
        worst_time_s: 3e-6,
        rms_frequency: 1e-9,
        ratio_freq: Some(0.9),
        packets: 40.0,
        ratio_packets: Some(1.0),
        settle_s: Some(1.0),
        worst_settle_s: Some(1.0),
        worst_settled_s: 1e-4,
        median_bound_s: Some(1e-3),
        ratio_bound: Some(0.99),
        bound_violations: 0,
        broken: 0,
        met: true,
        misses: Vec::new(),
    }
}

fn missed(world: &str, change: impl FnOnce(&mut Row)) -> Vec<&'static str> {
    let mut row = good();
    change(&mut row);
    misses(find(world).unwrap(), &row).iter().map(|miss| miss.field).collect()
}

#[test]
fn each_goal_is_missed_by_its_own_figure() {
    let lan = "lan w1e-9 p6";
    assert!(missed(lan, |_| {}).is_empty());
    assert_eq!(missed(lan, |row| row.ratio_time = Some(0.581)), ["ratio_time"]);
    assert_eq!(missed(lan, |row| row.ratio_freq = Some(1.01)), ["ratio_freq"]);
    assert_eq!(missed(lan, |row| row.ratio_packets = Some(1.001)), ["ratio_packets"]);
    assert_eq!(missed(lan, |row| row.ratio_bound = Some(1.01)), ["ratio_bound"]);
    assert_eq!(missed(lan, |row| row.bound_violations = 1), ["bound_violations"]);
    assert_eq!(missed(lan, |row| row.broken = 1), ["broken"]);
    assert_eq!(missed(lan, |row| row.ratio_time = Some(f64::NAN)), ["ratio_time"]);
}

#[test]
fn some_worlds_have_goals_of_their_own() {
    assert!(missed("outage p6", |row| row.ratio_time = Some(0.89)).is_empty());
    assert_eq!(missed("outage p6", |row| row.ratio_time = Some(0.91)), ["ratio_time"]);
    assert_eq!(missed("pps w1e-9", |row| row.ratio_time = Some(0.79)), ["ratio_time"]);
    assert_eq!(missed("route return", |row| row.worst_time_s = 1.1e-3), ["worst_time_s"]);
    assert!(missed("inet1 w1e-9 p6", |row| row.worst_time_s = 1.1e-3).is_empty());
    assert_eq!(missed("start", |row| row.worst_settled_s = 1.1e-3), ["worst_settled_s"]);
    assert_eq!(missed("start", |row| row.worst_settle_s = Some(2.5)), ["worst_settle_s"]);
    assert_eq!(missed("start", |row| row.worst_settle_s = None), ["worst_settle_s"]);
    assert!(missed("pareto", |row| row.ratio_reached = Some(1.04)).is_empty());
    assert_eq!(missed("pareto", |row| row.ratio_reached = Some(1.06)), ["ratio_reached"]);
}

#[test]
fn a_miss_says_by_how_much() {
    assert_eq!(exceeds("requests", 1.0017, 1.0), "requests: 1.002, goal 1");
    assert_eq!(exceeds("error", 1.2345e-3, 1e-3), "error: 1.23e-3, goal 1.00e-3");
    assert_eq!(exceeds("errors above the bound", 17.0, 0.0), "errors above the bound: 17, goal 0");
}
