use proptest::prelude::*;
use truechimer_time::{Cooked, NtpDuration};

use super::*;
use crate::clock::ClockCommand;
use crate::virtual_clock::VirtualClock;

const SERVO: Servo = Servo { max_slew_rate: 500e-6, max_frequency: 500e-6 };

/// What is left of a correction after the plan has been carried out by a clock.
fn left_over(plan: Plan, correction_s: f64) -> f64 {
    let start = Cooked::from_unix_nanos(1_700_000_000_000_000_000);
    let mut clock = VirtualClock::new(start, NtpDuration::from_seconds(-correction_s), Frequency::ZERO);
    clock.apply(ClockCommand::SetFrequency(plan.slewing));
    // The duration is by the clock itself.
    let truth = plan.duration_s / (1.0 + plan.slewing.rate());
    clock.advance(start + NtpDuration::from_seconds(truth));
    -clock.error().seconds() + plan.base.rate() * truth
}

#[test]
fn nothing_to_correct_is_no_slew() {
    let plan = SERVO.plan(0.0, 1e-5, 2e-5, 1e-7, 64.0);
    assert_eq!(plan.duration_s, 0.0);
    assert_eq!((plan.base, plan.slewing), (Frequency::new(2e-5), Frequency::new(2e-5)));
}

#[test]
fn a_correction_is_made_exactly() {
    for correction in [1e-6, -3e-5, 2e-3, -0.02, 0.5] {
        let plan = SERVO.plan(correction, 1e-6, 3e-5, 1e-7, 64.0);
        assert!(left_over(plan, correction).abs() < 1e-9 + correction.abs() * 1e-5, "{correction}: {plan:?}");
    }
    let fast = Servo::new(0.1, 500e-6);
    let plan = fast.plan(5.0, 1e-3, 0.0, 1e-5, 64.0);
    assert!(left_over(plan, 5.0).abs() < 1e-4, "{plan:?}");
}

#[test]
fn it_takes_a_share_of_the_interval_when_the_limits_allow() {
    for (interval, share) in [(0.25, 0.55), (1.0, 0.55), (2.0, 0.55), (64.0, 0.55), (1000.0, 0.754)] {
        for frequency_sd in [1e-9, 1e-7, 1e-4, 0.0] {
            let plan = SERVO.plan(1e-5, 1e-6, 0.0, frequency_sd, interval);
            assert!((plan.duration_s / interval - share).abs() < 0.001, "{interval} {plan:?}");
        }
    }
}

#[test]
fn i3_large_corrections_take_as_long_as_they_take() {
    let plan = SERVO.plan(-3600.0, 1e-3, 0.0, 1e-5, 64.0);
    assert!((plan.slewing.rate() + 500e-6).abs() < 1e-12);
    assert!((plan.duration_s - 7.2e6).abs() < 1e4, "{plan:?}");
}

#[test]
fn noise_is_not_rushed_because_another_source_answers_soon() {
    // 30 µs, with a sigma as large, and the next of several sources in 3 s: at once would be 10 ppm.
    let plan = SERVO.plan(3e-5, 2e-5, 0.0, 4e-8, 3.0);
    assert!((plan.duration_s - 50.0).abs() < 0.1, "{plan:?}");
    // A certain one is made at once.
    let plan = SERVO.plan(3e-4, 2e-5, 0.0, 4e-8, 3.0);
    assert!(plan.duration_s < 3.0, "{plan:?}");
}

#[test]
fn wrong_limits_become_legal_ones() {
    for wrong in [f64::NAN, f64::INFINITY, -1.0, 0.0, 7.0] {
        let plan = Servo::new(wrong, wrong).plan(1.0, 0.1, 1.0, 1e-5, 64.0);
        assert!(plan.base.rate().abs() <= 0.1 && plan.slewing.rate().abs() <= 0.2, "{plan:?}");
        assert!(plan.duration_s.is_finite());
    }
}

proptest! {
    /// I3, and every plan is one that can be carried out.
    #[test]
    fn i3_rates_stay_within_their_limits(
        correction in any::<f64>(), sd in any::<f64>(), frequency in any::<f64>(), frequency_sd in any::<f64>(),
        interval in any::<f64>(), slew_limit in 1e-6f64..0.1, frequency_limit in 1e-6f64..1e-3,
    ) {
        let servo = Servo::new(slew_limit, frequency_limit);
        let plan = servo.plan(correction, sd, frequency, frequency_sd, interval);
        prop_assert!(plan.base.rate().abs() <= frequency_limit);
        prop_assert!((plan.slewing.rate() - plan.base.rate()).abs() <= slew_limit * 1.000001);
        prop_assert!(plan.duration_s.is_finite() && plan.duration_s >= 0.0, "{:?}", plan);
    }
}
