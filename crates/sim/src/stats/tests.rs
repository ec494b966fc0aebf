use super::*;

const ALL: Window = Window { from_s: 0.0, until_s: 1e9 };

#[test]
fn rms_and_maximum_are_of_the_window_alone() {
    let window = Window { from_s: 10.0, until_s: 20.0 };
    let mut statistics = Statistics::new(window, ALL);
    for second in 0..30 {
        let error = if second < 10 { 5.0 } else { -2.0 };
        statistics.record(f64::from(second), error, 3.0, None);
    }
    assert_eq!((statistics.rms_time(), statistics.max_time(), statistics.rms_frequency()), (2.0, 2.0, 3.0));
    assert_eq!(statistics.median_bound(), None);
}

#[test]
fn the_median_bound_is_right_to_half_a_percent() {
    let mut statistics = Statistics::new(ALL, ALL);
    for second in 0..=1000 {
        let bound = 1e-6 * 1000_f64.powf(f64::from(second) / 1000.0);
        statistics.record(f64::from(second), 0.0, 0.0, Some(bound));
    }
    let median = statistics.median_bound().unwrap();
    assert!((median / (1e-6 * 1000_f64.sqrt()) - 1.0).abs() < 0.011, "{median}");
}

#[test]
fn settling_needs_ten_quiet_minutes() {
    let mut statistics = Statistics::new(ALL, ALL);
    for second in 0..2000 {
        let error = match second {
            0..5 => 0.5,
            100 => 2e-3,
            1500 => 4e-3,
            _ => 1e-5,
        };
        statistics.record(f64::from(second), error, 0.0, None);
    }
    assert_eq!(statistics.settled(), Some(101.0));
    assert_eq!(statistics.worst_settled(), 4e-3);
}

#[test]
fn never_settled_says_so() {
    let mut statistics = Statistics::new(ALL, ALL);
    (0..2000).for_each(|second| statistics.record(f64::from(second), 2e-3, 0.0, None));
    assert_eq!(statistics.settled(), None);
}

#[test]
fn the_limit_of_holdover_is_what_the_oscillator_has_walked() {
    let mut holdover = Holdover::new(10.0, 0.0, Window { from_s: 18.0, until_s: 21.0 });
    for second in 1..=30 {
        let frequency = if second <= 15 { 1e-5 } else { 1.2e-5 };
        holdover.record(f64::from(second), frequency, 1.0);
    }
    // 2e-6 too fast from the 16th second on: 6, 8 and 10 µs at the 18th, 19th and 20th.
    let expected = ((36.0 + 64.0 + 100.0) / 3.0_f64).sqrt() * 1e-6;
    assert!((holdover.rms_time() / expected - 1.0).abs() < 1e-9, "{}", holdover.rms_time());
}

#[test]
fn the_limit_of_holdover_counts_what_was_not_known_of_the_frequency() {
    let mut holdover = Holdover::new(10.0, 1e-6, Window { from_s: 18.0, until_s: 20.0 });
    (1..=30).for_each(|second| holdover.record(f64::from(second), 1e-5, 1.0));
    // 8 and 9 µs after 8 and 9 s, though the oscillator is steady.
    let expected = ((64.0 + 81.0) / 2.0_f64).sqrt() * 1e-6;
    assert!((holdover.rms_time() / expected - 1.0).abs() < 1e-9, "{}", holdover.rms_time());
}
