use proptest::prelude::*;
use truechimer_time::{Cooked, Frequency, NtpDuration, Raw};

use super::*;

const START: i128 = 3_900_000_000 << 32;

fn seconds(s: f64) -> NtpDuration {
    NtpDuration::from_seconds(s)
}

#[test]
fn raw_equals_cooked_until_something_happens() {
    let start = Cooked::from_bits(START);
    let scale = Timescale::new(start);
    assert_eq!(scale.raw_at(start), Raw::starting_at(start));
    assert_eq!(scale.raw_at(start + seconds(1e6)), Raw::starting_at(start) + seconds(1e6));
    assert_eq!(scale.cooked_at(Raw::starting_at(start) + seconds(1e6)), start + seconds(1e6));
}

#[test]
fn a_faster_clock_covers_more_cooked_time() {
    let start = Cooked::from_bits(START);
    let mut scale = Timescale::new(start);
    scale.frequency_changed(start, Frequency::from_ppm(100.0));
    let later = scale.cooked_at(Raw::starting_at(start) + seconds(10_000.0));
    let gained = (later - start).seconds() - 10_000.0;
    assert!((gained - 1.0).abs() < 1e-9, "{gained}");
}

#[test]
fn a_step_moves_cooked_time_only() {
    let start = Cooked::from_bits(START);
    let mut scale = Timescale::new(start);
    let at = start + seconds(100.0);
    scale.stepped(at, seconds(2.5));
    assert_eq!(scale.raw_at(at + seconds(2.5)), Raw::starting_at(start) + seconds(100.0));
    assert_eq!(scale.raw_at(at - seconds(1.0)), Raw::starting_at(start) + seconds(99.0));
    scale.stepped(at + seconds(10.0), seconds(-60.0));
    // The reading repeats: it is taken to be the later one.
    assert_eq!(scale.raw_at(at - seconds(40.0)), Raw::starting_at(start) + seconds(117.5));
    // Before anything of the new segment: the older ones.
    assert_eq!(scale.raw_at(at - seconds(60.0)), Raw::starting_at(start) + seconds(40.0));
}

#[test]
fn older_stamps_convert_by_the_segment_they_belong_to() {
    let start = Cooked::from_bits(START);
    let mut scale = Timescale::new(start);
    let mut moments = Vec::new();
    let mut at = start;
    for i in 0..7 {
        at = at + seconds(64.0);
        moments.push((at, scale.raw_at(at)));
        scale.frequency_changed(at, Frequency::from_ppm(f64::from(i) * 50.0 - 100.0));
    }
    for (cooked, raw) in moments {
        assert_eq!(scale.raw_at(cooked), raw);
        assert_eq!(scale.cooked_at(raw), cooked);
    }
}

#[test]
fn absurd_values_saturate_instead_of_panicking() {
    let mut scale = Timescale::new(Cooked::from_bits(i128::MAX));
    scale.frequency_changed(Cooked::from_bits(i128::MIN), Frequency::new(f64::NAN));
    scale.frequency_changed(Cooked::from_bits(i128::MAX), Frequency::new(f64::INFINITY));
    scale.stepped(Cooked::from_bits(i128::MIN), NtpDuration::from_bits(i128::MIN));
    let _ = scale.raw_at(Cooked::from_bits(i128::MAX));
    let _ = scale.raw_at(Cooked::from_bits(i128::MIN));
    let _ = scale.cooked_at(Raw::from_bits(i128::MAX));
    let _ = scale.cooked_at(Raw::from_bits(i128::MIN));
}

#[test]
fn thousands_of_rate_changes_lose_nothing() {
    // There and back: after each pair of changes the clock has gained exactly what the mathematics says.
    let start = Cooked::from_bits(START);
    let mut scale = Timescale::new(start);
    let mut raw = Raw::starting_at(start);
    let (fast, slow) = (2_f64.powi(-13), -(2_f64.powi(-13)));
    for _ in 0..20_000 {
        scale.frequency_changed(scale.cooked_at(raw), Frequency::new(fast));
        raw = raw + NtpDuration::from_bits(1 << 33);
        scale.frequency_changed(scale.cooked_at(raw), Frequency::new(slow));
        raw = raw + NtpDuration::from_bits(1 << 33);
    }
    let gained = (scale.cooked_at(raw).bits() - raw.bits()).abs();
    // 40 000 re-anchorings; each reading of the clock is rounded to a unit, but its raw time is not, and so
    // the errors of rounding enter only times the rate.
    assert!(gained <= 8, "{gained}");
}

proptest! {
    #[test]
    fn raw_to_cooked_and_back_is_within_a_unit(
        changes in prop::collection::vec((1u64..(100_000u64 << 32), -0.1f64..0.1, 0i64..(1000i64 << 32), any::<bool>()), 1..40),
        probe in 0u64..(1u64 << 50),
    ) {
        let mut scale = Timescale::new(Cooked::from_bits(START));
        let mut at = Cooked::from_bits(START);
        let mut kept = Vec::new();
        for (span, rate, step, is_step) in changes {
            let span = NtpDuration::from_bits(i128::from(span));
            let middle = scale.raw_at(at + span / 2);
            kept.push((middle, scale.cooked_at(middle)));
            at = at + span;
            if is_step {
                // Forward only: readings repeat after a step backwards.
                let by = NtpDuration::from_bits(i128::from(step));
                scale.stepped(at, by);
                at = at + by;
            } else {
                scale.frequency_changed(at, Frequency::new(rate));
            }
            let now = scale.raw_at(at);
            for raw in [now, now + NtpDuration::from_bits(i128::from(probe))] {
                let back = scale.raw_at(scale.cooked_at(raw));
                prop_assert!((back - raw).bits().abs() <= 1, "{:?} {:?}", raw, back);
            }
            // The last seven segments still convert as they did when they were the newest.
            for (raw, cooked) in kept.iter().rev().take(7) {
                prop_assert!((scale.cooked_at(*raw) - *cooked).bits().abs() <= 1);
                prop_assert!((scale.raw_at(*cooked) - *raw).bits().abs() <= 1);
            }
        }
    }

    #[test]
    fn a_step_back_leaves_the_raw_scale_monotone(
        back in 1i64..(1000i64 << 32), span in 1u64..(1000u64 << 32), rate in -0.1f64..0.1,
    ) {
        let mut scale = Timescale::new(Cooked::from_bits(START));
        scale.frequency_changed(Cooked::from_bits(START), Frequency::new(rate));
        let at = Cooked::from_bits(START) + NtpDuration::from_bits(i128::from(span));
        let before = scale.raw_at(at);
        scale.stepped(at, NtpDuration::from_bits(-i128::from(back)));
        let after = scale.raw_at(at - NtpDuration::from_bits(i128::from(back)));
        prop_assert!((after - before).bits().abs() <= 1);
    }
}
