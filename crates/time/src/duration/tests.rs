use proptest::prelude::*;

use super::*;

#[test]
fn a_unit_is_the_last_bit_of_a_timestamp() {
    assert_eq!(NtpDuration::from_seconds(1.0).bits(), 1 << 32);
    assert_eq!(NtpDuration::from_seconds(-0.5).bits(), -(1 << 31));
    assert_eq!(NtpDuration::from_nanos(500_000_000).bits(), 1 << 31);
    for end in [i64::MIN, i64::MAX] {
        assert_eq!(NtpDuration::from_nanos(end.into()).bits(), rescale(end.into(), NANOS, SECOND));
    }
    assert_eq!(NtpDuration::from_bits(1).nanos(), 0, "0.23 ns");
    assert_eq!(NtpDuration::from_bits(3).nanos(), 1, "0.70 ns");
    assert_eq!(NtpDuration::from_bits(-3).nanos(), -1);
}

#[test]
fn nonsense_in_seconds_is_no_time_or_all_of_it() {
    assert_eq!(NtpDuration::from_seconds(f64::NAN), NtpDuration::ZERO);
    assert_eq!(NtpDuration::from_seconds(f64::INFINITY).bits(), i128::MAX);
    assert_eq!(NtpDuration::from_seconds(f64::NEG_INFINITY).bits(), i128::MIN);
    assert_eq!(NtpDuration::from_seconds(1e40).bits(), i128::MAX);
}

#[test]
fn arithmetic_saturates() {
    let (most, least) = (NtpDuration::from_bits(i128::MAX), NtpDuration::from_bits(i128::MIN));
    assert_eq!(most + most, most);
    assert_eq!(least - most, least);
    assert_eq!(-least, most);
    assert_eq!(least.abs(), most);
    assert_eq!(most * -2, least);
    assert_eq!(least / -1, NtpDuration::ZERO, "the one quotient that does not fit");
    assert_eq!(most / 0, NtpDuration::ZERO);
    assert_eq!(NtpDuration::from_nanos(i128::MAX), most);
    assert_eq!(NtpDuration::from_nanos(i128::MIN), least);
    assert_eq!(
        most.nanos(),
        i128::MAX / SECOND * NANOS + NANOS,
        "rounded up, as the last fraction is nearly one"
    );
    assert_eq!(least.nanos(), i128::MIN / SECOND * NANOS);
    let mut sum = most;
    sum += most;
    sum -= NtpDuration::ZERO;
    assert_eq!(sum, most);
}

#[test]
fn it_is_shown_in_seconds() {
    assert_eq!(NtpDuration::from_nanos(-1_500_000_001).to_string(), "-1.500000001 s");
}

proptest! {
    #[test]
    fn seconds_are_exact_below_24_days(bits in -(1_i128 << 53)..1_i128 << 53) {
        let span = NtpDuration::from_bits(bits);
        prop_assert_eq!(NtpDuration::from_seconds(span.seconds()), span);
    }

    #[test]
    fn nanoseconds_are_rounded_by_at_most_half_a_unit(nanos in -(1_i128 << 80)..1_i128 << 80) {
        let bits = NtpDuration::from_nanos(nanos).bits();
        // |bits − nanos · 2³² / 10⁹| ≤ ½, without fractions.
        prop_assert!((bits * NANOS - nanos * SECOND).abs() <= NANOS / 2);
    }

    #[test]
    fn nanoseconds_of_64_bits_are_converted_like_those_of_128(nanos in any::<i64>()) {
        prop_assert_eq!(NtpDuration::from_nanos(nanos.into()).bits(), rescale(nanos.into(), NANOS, SECOND));
    }

    #[test]
    fn division_undoes_multiplication(bits in any::<i64>(), factor in any::<i32>()) {
        prop_assume!(factor != 0);
        let span = NtpDuration::from_bits(bits.into());
        prop_assert_eq!(span * factor / factor, span);
    }

    #[test]
    fn negation_is_symmetric(bits in any::<i128>()) {
        let span = NtpDuration::from_bits(bits);
        prop_assert!(span.abs() >= NtpDuration::ZERO);
        prop_assert_eq!((-span).abs(), span.abs());
    }
}
