use proptest::prelude::*;

use super::*;

#[test]
fn short_values_are_rounded_up() {
    for (seconds, bits) in [
        (0.0, 0),
        (1e-12, 1),
        (1.0 / 65_536.0, 1),
        (1.000_001 / 65_536.0, 2),
        (1.0, 65_536),
        (65_535.999_99, u32::MAX),
        (65_536.0, u32::MAX),
        (1e300, u32::MAX),
        (f64::INFINITY, u32::MAX),
        (-1.0, 0),
        (f64::NEG_INFINITY, 0),
    ] {
        assert_eq!(NtpShort::from_seconds_up(seconds).bits(), bits, "{seconds}");
    }
}

#[test]
fn an_unknown_bound_is_told_as_the_largest() {
    assert_eq!(NtpShort::from_seconds_up(f64::NAN), NtpShort::MAX);
}

#[test]
fn only_zero_is_unknown() {
    assert!(NtpTimestamp::ZERO.is_zero() && NtpTimestamp::default().is_zero());
    assert!(!NtpTimestamp::from_bits(1).is_zero());
}

proptest! {
    #[test]
    fn a_bound_told_is_still_a_bound(seconds in 0.0..65_535.0_f64) {
        let told = NtpShort::from_seconds_up(seconds).seconds();
        prop_assert!(told >= seconds && told - seconds < 1.0 / 65_536.0 + 1e-11);
    }

    #[test]
    fn bits_are_the_same_again(bits in any::<u32>()) {
        let short = NtpShort::from_bits(bits);
        prop_assert_eq!(NtpShort::from_seconds_up(short.seconds()), short);
        prop_assert_eq!(short.duration().seconds(), short.seconds());
    }
}
