use super::*;

const START: Cooked = Cooked::from_unix_nanos(1_768_478_400_000_000_000);

fn now(mono_s: f64, cooked_s: f64) -> Now {
    Now { mono: Mono::from_nanos(0).after(mono_s), cooked: START + NtpDuration::from_seconds(cooked_s) }
}

fn clock() -> LocalClock {
    LocalClock::new(now(0.0, 0.0), -25)
}

#[test]
fn a_bad_crystal_is_no_interference() {
    let mut clock = clock();
    for second in 1..1000 {
        let second = f64::from(second) * 64.0;
        let (_, progress) = clock.observe(now(second, second * (1.0 + 500e-6)), Leap::None);
        assert_eq!(progress, Progress::Steady);
    }
}

#[test]
fn a_foreign_jump_leaves_the_raw_scale_alone() {
    for jump in [0.02, -0.02, 5.0, -5.0, 1e9] {
        let mut clock = clock();
        clock.observe(now(10.0, 10.0), Leap::None);
        let before = clock.raw(START + NtpDuration::from_seconds(10.0));
        let (at, progress) = clock.observe(now(11.0, 11.0 + jump), Leap::None);
        let Progress::Jumped(by) = progress else { panic!("{jump} was not noticed") };
        assert!((by - jump).abs() < 1e-6);
        assert!(((clock.raw(at.cooked) - before).seconds() - 1.0).abs() < 1e-6);
        assert!((clock.corrected(at) - jump).abs() < 1e-6);
        assert_eq!(clock.observe(now(12.0, 12.0 + jump), Leap::None).1, Progress::Steady, "once is enough");
    }
}

#[test]
fn our_own_step_is_no_interference_whenever_the_clock_was_read() {
    for by in [3.0, -3.0] {
        let mut clock = clock();
        clock.observe(now(1.0, 1.0), Leap::None);
        let step = NtpDuration::from_seconds(by);
        let (after, far) = clock.stepped(START + NtpDuration::from_seconds(1.0), step, now(1.0, 1.0));
        assert!(!far);
        assert_eq!(after.cooked, START + NtpDuration::from_seconds(1.0 + by));
        // A reading from before the step, handed in late, then one from after it.
        let (fresh, progress) = clock.observe(now(1.001, 1.001), Leap::None);
        assert_eq!(progress, Progress::Steady);
        assert!((clock.corrected(fresh) - by).abs() < 1e-6);
        assert_eq!(clock.observe(now(1.002, 1.002 + by), Leap::None).1, Progress::Steady);
        // Somebody takes the step back, later: that is not ours.
        assert!(matches!(clock.observe(now(9.0, 9.0), Leap::None).1, Progress::Jumped(_)));
    }
}

#[test]
fn a_thread_held_up_after_the_step_saw_no_jump() {
    for by in [3.0, -3.0, 0.2] {
        let mut clock = clock();
        clock.observe(now(1.0, 1.0), Leap::None);
        let step = NtpDuration::from_seconds(by);
        // Read just before the step; then it took 50 ms to the next reading.
        let (fresh, _) = clock.stepped(now(0.0, 1.0).cooked, step, now(1.05, 1.05 + by));
        assert!((clock.corrected(fresh) - by).abs() < 1e-6);
        assert_eq!(clock.observe(now(1.06, 1.06 + by), Leap::None).1, Progress::Steady, "step of {by} s");
    }
}

/// A turn of the loop reads the clocks once, and its last parts may come long after that.
#[test]
fn a_reading_that_is_handed_in_after_a_newer_one_is_no_jump() {
    let mut clock = clock();
    assert_eq!(clock.observe(now(10.0, 10.0), Leap::None).1, Progress::Steady);
    assert_eq!(clock.observe(now(9.95, 9.95), Leap::None).1, Progress::Steady, "50 ms old");
    assert_eq!(clock.observe(now(10.01, 10.01), Leap::None).1, Progress::Steady);
    assert!(matches!(clock.observe(now(9.95, 9.85), Leap::None).1, Progress::Jumped(_)));
}

#[test]
fn a_far_step_starts_the_raw_scale_anew_and_keeps_the_rate() {
    let mut clock = clock();
    clock.frequency_changed(START, Frequency::from_ppm(20.0));
    let by = NtpDuration::from_seconds(1.7e9);
    let (after, far) = clock.stepped(START, by, now(0.0, 0.0));
    assert!(far);
    assert!(clock.corrected(after).abs() < 1e-9);
    assert_eq!(clock.frequency(), Frequency::from_ppm(20.0));
}

#[test]
fn the_leap_second_that_was_announced_is_expected() {
    let midnight = Cooked::from_unix_nanos(1_782_864_000_000_000_000);
    let start = Now { mono: Mono::from_nanos(0), cooked: midnight - NtpDuration::from_seconds(30.0) };
    let later = |seconds: f64, jump: f64| Now {
        mono: start.mono.after(seconds),
        cooked: start.cooked + NtpDuration::from_seconds(seconds + jump),
    };
    let observe = |leap: Leap, at: Now| LocalClock::new(start, -25).observe(at, leap).1;
    assert_eq!(observe(Leap::Insert, later(60.0, -1.0)), Progress::Leaped);
    assert_eq!(observe(Leap::Delete, later(60.0, 1.0)), Progress::Leaped);
    assert!(matches!(observe(Leap::None, later(60.0, -1.0)), Progress::Jumped(_)));
    assert!(matches!(observe(Leap::Insert, later(60.0, 1.0)), Progress::Jumped(_)));
    assert!(matches!(observe(Leap::Insert, later(60.0, -2.0)), Progress::Jumped(_)));
    // Not at midnight.
    assert!(matches!(observe(Leap::Insert, later(10.0, -1.0)), Progress::Jumped(_)));
}
