use proptest::prelude::*;

use super::*;

#[test]
fn poll_exponents_outside_the_range_are_none() {
    for exponent in i8::MIN..=i8::MAX {
        let legal = (-7..=17).contains(&exponent);
        assert_eq!(PollExponent::new(exponent).is_some(), legal, "{exponent}");
        let near = PollExponent::saturating(exponent);
        assert_eq!(near.exponent(), exponent.clamp(-7, 17));
        assert_eq!(PollExponent::new(near.exponent()), Some(near));
    }
}

#[test]
fn a_poll_exponent_is_a_power_of_two_of_a_second() {
    assert_eq!(PollExponent::MIN.seconds(), 1.0 / 128.0);
    assert_eq!(PollExponent::DEFAULT_MIN.seconds(), 64.0);
    assert_eq!(PollExponent::DEFAULT_MAX.seconds(), 1024.0);
    assert_eq!(PollExponent::MAX.seconds(), 131_072.0);
}

#[test]
fn a_frequency_is_shown_with_its_sign() {
    assert_eq!(Frequency::from_ppm(12.3456).to_string(), "+12.346 ppm");
    assert_eq!(Frequency::new(-1e-6).to_string(), "-1.000 ppm");
}

proptest! {
    #[test]
    fn parts_per_million_are_a_millionth(ppm in -1e6..1e6_f64) {
        let frequency = Frequency::from_ppm(ppm);
        prop_assert!((frequency.rate() * 1e6 - ppm).abs() <= ppm.abs() * 1e-15);
        prop_assert!((frequency.ppm() - ppm).abs() <= ppm.abs() * 1e-15);
    }
}
