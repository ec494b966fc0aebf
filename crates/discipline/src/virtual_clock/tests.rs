use proptest::prelude::*;
use truechimer_time::{Cooked, Frequency, Leap, NtpDuration};

use super::*;
use crate::timescale::Timescale;

fn start() -> Cooked {
    Cooked::from_unix_nanos(1_700_000_000_250_000_000)
}

fn seconds(s: f64) -> NtpDuration {
    NtpDuration::from_seconds(s)
}

fn synchronised(max_error_s: f64) -> ClockStatus {
    ClockStatus { synchronised: true, max_error_s, est_error_s: 1e-5, leap: Leap::None, tai_offset: Some(37) }
}

#[test]
fn runs_as_its_oscillator_until_corrected() {
    let mut clock = VirtualClock::new(start(), seconds(0.5), Frequency::from_ppm(60.0));
    clock.advance(start() + seconds(1000.0));
    assert!((clock.error().seconds() - 0.56).abs() < 1e-9);
    let wanted = Frequency::new(1.0 / (1.0 + 60e-6) - 1.0);
    let ClockResult::FrequencySet { at, frequency } = clock.apply(ClockCommand::SetFrequency(wanted)) else {
        panic!("frequency not set");
    };
    assert_eq!(at, clock.cooked());
    assert!((frequency.ppm() - wanted.ppm()).abs() <= 0.5 / 65_536.0 * 1.001);
    clock.advance(start() + seconds(2000.0));
    assert!((clock.error().seconds() - 0.56).abs() < 2e-8);
}

#[test]
fn steps_exactly_and_remembers_the_piece_before() {
    let mut clock = VirtualClock::new(start(), seconds(-2.0), Frequency::ZERO);
    clock.advance(start() + seconds(10.0));
    let result = clock.apply(ClockCommand::Step(seconds(2.0)));
    assert_eq!(result, ClockResult::Stepped { at: start() + seconds(8.0), by: seconds(2.0) });
    assert_eq!(clock.error(), NtpDuration::ZERO);
    assert_eq!(clock.cooked_at(start() + seconds(9.0)), start() + seconds(7.0));
    assert_eq!(clock.cooked_at(start() + seconds(11.0)), start() + seconds(11.0));
}

#[test]
fn true_time_never_goes_back() {
    let mut clock = VirtualClock::new(start(), seconds(0.0), Frequency::ZERO);
    clock.advance(start() + seconds(10.0));
    clock.advance(start() + seconds(5.0));
    assert_eq!(clock.truth(), start() + seconds(10.0));
}

#[test]
fn rates_have_the_kernels_resolution_and_limits() {
    let nearest = |ppm: f64| KernelRate::nearest(Frequency::from_ppm(ppm)).unwrap();
    assert_eq!(nearest(0.0), KernelRate { tick_us: 10_000, freq: 0 });
    assert_eq!(nearest(500.0), KernelRate { tick_us: 10_000, freq: 500 << 16 });
    assert_eq!(nearest(-512.5), KernelRate { tick_us: 9_995, freq: -(12 << 16) - (1 << 15) });
    assert_eq!(nearest(83_333.0).tick_us, 10_833);
    assert_eq!(nearest(1e9), KernelRate { tick_us: 11_000, freq: 500 << 16 });
    assert_eq!(nearest(f64::NEG_INFINITY), KernelRate { tick_us: 9_000, freq: -(500 << 16) });
    assert_eq!(KernelRate::nearest(Frequency::new(f64::NAN)), None);
}

#[test]
fn nonsense_is_refused_as_the_kernel_does() {
    let mut clock = VirtualClock::new(start(), seconds(0.0), Frequency::ZERO);
    let before = clock.cooked();
    let failed = ClockResult::Failed(EINVAL);
    assert_eq!(clock.apply(ClockCommand::SetFrequency(Frequency::new(f64::NAN))), failed);
    assert_eq!(clock.apply(ClockCommand::Step(seconds(-2e9))), failed);
    assert_eq!(clock.cooked(), before);
}

#[test]
fn at_34_maxerror_grows_and_unsync_follows() {
    let mut clock = VirtualClock::new(start(), seconds(0.0), Frequency::ZERO);
    assert!(!clock.status().synchronised);
    assert_eq!(clock.status().max_error_s, 16.0);
    clock.apply(ClockCommand::SetStatus(synchronised(0.01)));
    assert_eq!(clock.status().max_error_s, 0.01);
    assert!(clock.status().synchronised);
    // The kernel counts at full seconds of its clock, which started at a quarter past.
    clock.advance(start() + seconds(0.7));
    assert_eq!(clock.status().max_error_s, 0.01);
    clock.advance(start() + seconds(0.8));
    assert!((clock.status().max_error_s - 0.0105).abs() < 1e-12);
    clock.advance(start() + seconds(1000.0));
    assert!((clock.status().max_error_s - 0.51).abs() < 1e-9);
    clock.advance(start() + seconds(31_980.0));
    assert!(clock.status().synchronised);
    clock.advance(start() + seconds(31_990.0));
    assert!(!clock.status().synchronised);
    assert_eq!(clock.status().max_error_s, 16.0);
    assert_eq!(clock.status().tai_offset, Some(37));
}

#[test]
fn a_step_takes_the_status_away() {
    let mut clock = VirtualClock::new(start(), seconds(0.0), Frequency::ZERO);
    clock.apply(ClockCommand::SetStatus(synchronised(0.01)));
    clock.apply(ClockCommand::Step(seconds(1.0)));
    assert!(!clock.status().synchronised);
    assert_eq!(clock.status().max_error_s, 16.0);
    clock.apply(ClockCommand::SetStatus(synchronised(f64::NAN)));
    assert_eq!(clock.status().max_error_s, 16.0);
}

proptest! {
    /// The timescale's idea of the clock and the clock itself agree to a few units however it is driven.
    #[test]
    fn the_timescale_follows_the_clock(
        commands in prop::collection::vec((1u64..(5000u64 << 32), -0.09f64..0.09, -2.0f64..2.0, any::<bool>()), 1..60),
        oscillator in -5e-4f64..5e-4,
    ) {
        let mut clock = VirtualClock::new(start(), seconds(0.3), Frequency::new(oscillator));
        let mut scale = Timescale::new(clock.cooked());
        let mut free = VirtualClock::new(start(), seconds(0.3), Frequency::new(oscillator));
        let mut truth = start();
        for (span, rate, step, is_step) in commands {
            truth = truth + NtpDuration::from_bits(i128::from(span));
            clock.advance(truth);
            free.advance(truth);
            let command = if is_step {
                ClockCommand::Step(seconds(step))
            } else {
                ClockCommand::SetFrequency(Frequency::new(rate))
            };
            match clock.apply(command) {
                ClockResult::FrequencySet { at, frequency } => scale.frequency_changed(at, frequency),
                ClockResult::Stepped { at, by } => scale.stepped(at, by),
                other => prop_assert!(false, "{:?}", other),
            }
            // The free-running twin shows raw time. The rates are rounded in another order here and there
            // (one part in 2⁵³), and readings to a unit at each change.
            let off = scale.raw_at(clock.cooked()).bits() - free.cooked().bits();
            prop_assert!(off.abs() <= 64, "{}", off);
        }
    }
}
