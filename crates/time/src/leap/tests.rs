use super::*;

#[test]
fn two_bits_are_a_leap_indicator_and_back() {
    for bits in 0..=u8::MAX {
        assert_eq!(Leap::from_bits(bits) as u8, bits & 3);
    }
}
