//! Nothing here may steer the machine's clock, so only reading is tested; requests are tested where they are made.

use super::*;

#[test]
fn the_state_can_be_read_by_anybody() {
    let mut clock = KernelClock::new();
    let readback = clock.readback().unwrap();
    assert!(readback.frequency.ppm().abs() <= 100_500.0);
    assert!(!clock.taken_over, "reading takes nothing over");
    let now = clock.now();
    assert!((read_cooked().unwrap() - now.cooked).seconds() < 5.0);
}

#[test]
fn only_calls_that_are_missing_are_replaced_by_setting_the_clock() {
    assert!(is_unknown_call(&io::Error::from_raw_os_error(libc::EINVAL)));
    assert!(is_unknown_call(&io::Error::from_raw_os_error(libc::ENOSYS)));
    assert!(!is_unknown_call(&io::Error::from_raw_os_error(libc::EPERM)));
}
