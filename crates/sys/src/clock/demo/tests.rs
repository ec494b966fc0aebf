use std::time::Duration;

use super::*;

#[test]
fn clocks_of_one_truth_differ_by_their_errors() {
    let truth = Truth::start();
    let mut good = DemoClock::new(truth, NtpDuration::ZERO, Frequency::ZERO);
    let mut bad = DemoClock::new(truth, NtpDuration::from_seconds(0.8), Frequency::from_ppm(60.0));
    let (left, right) = (good.now().cooked, bad.now().cooked);
    assert!((0.8..1.5).contains(&(right - left).seconds()), "{:?}", right - left);
    assert!(good.truth_error().abs().seconds() < 1e-6);
    assert!((bad.truth_error().seconds() - 0.8).abs() < 1e-3);
}

#[test]
fn steering_is_seen_by_every_copy_and_touches_no_other_clock() {
    let before = super::super::kernel::read_state().unwrap();
    let mut clock = DemoClock::new(Truth::start(), NtpDuration::from_seconds(-2.0), Frequency::ZERO);
    let watcher = clock.clone();
    let result = clock.apply(ClockCommand::Step(NtpDuration::from_seconds(2.0)));
    assert!(matches!(result, ClockResult::Stepped { .. }), "{result:?}");
    assert!(watcher.truth_error().abs().seconds() < 1e-4);
    clock.apply(ClockCommand::SetFrequency(Frequency::from_ppm(50_000.0)));
    std::thread::sleep(Duration::from_millis(50));
    assert!(watcher.truth_error().seconds() > 0.002);
    let after = super::super::kernel::read_state().unwrap();
    assert_eq!((before.freq, before.tick, before.status), (after.freq, after.tick, after.status));
}

#[test]
fn kernel_stamps_are_translated() {
    let mut clock = DemoClock::new(Truth::start(), NtpDuration::from_seconds(100.0), Frequency::ZERO);
    let stamp = read_cooked().unwrap();
    std::thread::sleep(Duration::from_millis(5));
    let translated = clock.from_kernel(stamp);
    assert!(((translated - stamp).seconds() - 100.0).abs() < 1e-3);
    assert!((clock.now().cooked - translated).seconds() >= 0.005);
}

#[test]
fn a_reading_tells_its_error_exactly() {
    let truth = Truth::start();
    let mut clock = DemoClock::new(truth, NtpDuration::from_seconds(0.25), Frequency::ZERO);
    for _ in 0..100 {
        let now = clock.now();
        assert_eq!(now.cooked - truth.at(now.mono), NtpDuration::from_seconds(0.25));
    }
}
