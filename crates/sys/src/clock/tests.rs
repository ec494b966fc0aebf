use truechimer_discipline::clock::ClockStatus;
use truechimer_time::{Frequency, Leap, NtpDuration};

use super::*;

#[test]
fn the_clocks_can_be_read_and_move() {
    let (cooked, mono) = (read_cooked().unwrap(), read_mono().unwrap());
    std::thread::sleep(Duration::from_millis(3));
    let passed = (read_cooked().unwrap() - cooked).seconds();
    assert!((0.003..5.0).contains(&passed), "{passed}");
    assert!((0.003..5.0).contains(&read_mono().unwrap().seconds_since(mono)));
    let years = cooked.unix_seconds() / (365.25 * 86_400.0);
    assert!((54.0..200.0).contains(&years), "{years} years since 1970");
}

#[test]
fn times_before_1970_and_after_2038_convert() {
    assert_eq!(nanos(timespec { tv_sec: -1, tv_nsec: 999_999_999 }), -1);
    assert_eq!(nanos(timespec { tv_sec: 1 << 31, tv_nsec: 1 }), (1i128 << 31) * 1_000_000_000 + 1);
}

#[test]
fn at_47_a_thread_held_up_between_two_clocks_reads_them_again() {
    let at = |seconds: i128| Cooked::from_unix_nanos(seconds * 1_000_000_000);
    let mono = |nanos| Mono::from_nanos(nanos);
    let mut readings = [
        (mono(0), at(1), mono(20_000_000)),
        (mono(20_000_100), at(2), mono(20_000_300)),
        (mono(20_000_400), at(3), mono(20_000_400)),
    ]
    .into_iter();
    let now = closest(ATTEMPTS, CLOSE_NS, || readings.next()).unwrap();
    assert_eq!((now.mono, now.cooked), (mono(20_000_200), at(2)), "the first that is close enough");
    // All of them were held up: the best there is.
    let mut readings = (1..).map(|n: u64| (mono(0), at(i128::from(n)), mono(10_000_000 / n)));
    assert_eq!(closest(3, CLOSE_NS, || readings.next()).unwrap().cooked, at(3));
    assert!(closest(3, CLOSE_NS, || None).is_none());
}

#[test]
fn precision_is_between_a_nanosecond_and_a_millisecond() {
    let precision = precision();
    assert!((-30..=-10).contains(&precision), "{precision}");
}

#[test]
fn precision_is_rounded_to_the_larger_power() {
    assert_eq!(log2_seconds(Duration::from_nanos(1)), -29);
    assert_eq!(log2_seconds(Duration::from_nanos(100)), -23);
    assert_eq!(log2_seconds(Duration::from_micros(1)), -19);
    assert_eq!(log2_seconds(Duration::from_secs(1)), 0);
    assert_eq!(log2_seconds(Duration::ZERO), -30);
    assert_eq!(log2_seconds(Duration::from_secs(100)), 0);
}

#[test]
fn observing_changes_nothing_and_says_so() {
    let before = kernel::read_state().unwrap();
    let mut clock = ObserveOnly::new();
    let status = ClockStatus {
        synchronised: true,
        max_error_s: 0.1,
        est_error_s: 0.1,
        leap: Leap::None,
        tai_offset: Some(37),
    };
    for command in [
        ClockCommand::SetFrequency(Frequency::from_ppm(10.0)),
        ClockCommand::Step(NtpDuration::from_seconds(1.0)),
        ClockCommand::SetStatus(status),
    ] {
        assert_eq!(clock.apply(command), ClockResult::Observing);
    }
    let after = kernel::read_state().unwrap();
    assert_eq!((before.freq, before.tick, before.status), (after.freq, after.tick, after.status));
    let now = clock.now();
    assert!((clock.now().cooked - now.cooked).seconds() < 5.0);
    assert!(clock.readback().is_some(), "reading the state needs no privilege");
}
