use truechimer_time::Frequency;

use super::*;

fn status() -> ClockStatus {
    ClockStatus {
        synchronised: true,
        max_error_s: 0.001,
        est_error_s: 0.000_01,
        leap: Leap::None,
        tai_offset: None,
    }
}

#[test]
fn the_rate_goes_into_both_knobs_at_once_and_comes_back() {
    for ppm in [0.0, 1.0, -499.9, 512.5, -83_333.0, 100_000.0] {
        let wanted = KernelRate::nearest(Frequency::from_ppm(ppm)).unwrap();
        let request = set_rate(wanted);
        assert_eq!(request.modes, libc::ADJ_FREQUENCY | libc::ADJ_TICK);
        assert!((9_000..=11_000).contains(&request.tick) && request.freq.abs() <= 32_768_000);
        assert_eq!(rate(&request), wanted);
        assert!((rate(&request).frequency().ppm() - ppm).abs() < 1e-4);
    }
}

#[test]
fn a_step_is_whole_seconds_down_and_a_positive_fraction() {
    let (request, nanos) = step(NtpDuration::from_nanos(-250_000_000)).unwrap();
    assert_eq!(request.modes, libc::ADJ_SETOFFSET | libc::ADJ_NANO);
    assert_eq!((request.time.tv_sec, request.time.tv_usec), (-1, 750_000_000));
    assert_eq!(nanos, -250_000_000);
    let (request, _) = step(NtpDuration::from_nanos(3_000_000_007)).unwrap();
    assert_eq!((request.time.tv_sec, request.time.tv_usec), (3, 7));
    assert!(step(NtpDuration::from_bits(i128::MAX)).is_none(), "not even the kernel can count that far");
}

/// NA-38, AT-34: the flag is there until somebody says that the clock is synchronised, and comes back.
#[test]
fn na_38_unsynchronised_unless_told_otherwise() {
    assert!(takeover().iter().skip(1).all(|request| request.status & libc::STA_UNSYNC != 0));
    assert_eq!(takeover()[2].status, libc::STA_UNSYNC, "and the kernel's own loop is off at the end");
    assert_eq!(set_status(status()).status, 0);
    assert_eq!(set_status(ClockStatus { synchronised: false, ..status() }).status, libc::STA_UNSYNC);
    let contradiction = ClockStatus { leap: Leap::Unsynchronised, ..status() };
    assert_eq!(set_status(contradiction).status, libc::STA_UNSYNC);
}

#[test]
fn leap_seconds_are_armed_by_a_synchronised_clock_only() {
    assert_eq!(set_status(ClockStatus { leap: Leap::Insert, ..status() }).status, libc::STA_INS);
    assert_eq!(set_status(ClockStatus { leap: Leap::Delete, ..status() }).status, libc::STA_DEL);
    let lost = ClockStatus { leap: Leap::Insert, synchronised: false, ..status() };
    assert_eq!(set_status(lost).status, libc::STA_UNSYNC);
}

#[test]
fn errors_are_rounded_up_and_bounded() {
    let request = set_status(ClockStatus { max_error_s: 1.000_000_1, est_error_s: 0.0, ..status() });
    assert_eq!((request.maxerror, request.esterror), (1_000_001, 0));
    let request = set_status(ClockStatus { max_error_s: f64::INFINITY, est_error_s: f64::NAN, ..status() });
    assert_eq!((request.maxerror, request.esterror), (16_000_000, 16_000_000));
    let request = set_status(ClockStatus { max_error_s: -1.0, ..status() });
    assert_eq!(request.maxerror, 0);
}

#[test]
fn tai_is_set_only_when_known() {
    assert_eq!(set_status(status()).modes & libc::ADJ_TAI, 0);
    let request = set_status(ClockStatus { tai_offset: Some(37), ..status() });
    assert_eq!((request.modes & libc::ADJ_TAI, request.constant), (libc::ADJ_TAI, 37));
    assert_eq!(set_status(ClockStatus { tai_offset: Some(-1), ..status() }).modes & libc::ADJ_TAI, 0);
}

#[test]
fn the_probe_can_never_be_granted() {
    let request = refused();
    assert_eq!(request.modes, libc::ADJ_TICK);
    assert!(request.tick < 9_000);
}
