use truechimer_time::NtpDuration;

use super::*;

const DAY: i128 = 86_400;
/// Days since 1970 of some dates.
const JUN_30_2015: i128 = 16_616;
const DEC_31_2016: i128 = 17_166;
const NOV_30_2021: i128 = 18_961;

fn at(day: i128, second: i128) -> Cooked {
    Cooked::from_unix_nanos((day * DAY + second) * 1_000_000_000)
}

#[test]
fn the_calendar_is_right() {
    // Walk four centuries with the rules spelled out.
    let (mut year, mut month, mut day) = (1970_i128, 1, 1);
    for unix_day in 0..146_097 {
        assert_eq!(month_and_day(unix_day), (month, day), "{year}");
        let leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 => 28 + i128::from(leap_year),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        day += 1;
        if day > length {
            (month, day) = (month + 1, 1);
        }
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    assert_eq!(month_and_day(-1), (12, 31));
    assert_eq!(month_and_day(JUN_30_2015), (6, 30));
    assert_eq!(month_and_day(NOV_30_2021), (11, 30));
}

#[test]
fn at_28_leap_second_spoof() {
    let noon = at(JUN_30_2015, 43_200);
    // One of four is not enough, nor is half.
    assert_eq!(vote([Leap::Insert, Leap::None, Leap::None, Leap::None], noon), Leap::None);
    assert_eq!(vote([Leap::Insert, Leap::Insert, Leap::None, Leap::None], noon), Leap::None);
    assert_eq!(vote([Leap::Insert, Leap::Delete], noon), Leap::None);
    assert_eq!(vote([Leap::Insert, Leap::Insert, Leap::None], noon), Leap::Insert);
    assert_eq!(vote([Leap::Delete], noon), Leap::Delete);
    // Everybody, but in November, as happened in 2021.
    assert_eq!(vote([Leap::Insert; 4], at(NOV_30_2021, 43_200)), Leap::None);
    // Everybody, but too early in the right month.
    assert_eq!(vote([Leap::Insert; 4], at(DEC_31_2016 - 1, 86_399)), Leap::None);
}

#[test]
fn an_unsynchronised_survivor_weakens_the_majority() {
    let noon = at(DEC_31_2016, 43_200);
    assert_eq!(vote([Leap::Insert, Leap::Unsynchronised], noon), Leap::None);
    assert_eq!(vote([Leap::Unsynchronised; 3], noon), Leap::None);
    assert_eq!(vote([], noon), Leap::None);
}

#[test]
fn na_39_leap_flag_cleared_after_event() {
    for day in [JUN_30_2015, DEC_31_2016] {
        assert_eq!(vote([Leap::Insert; 3], at(day, 0)), Leap::Insert);
        let last = at(day, 86_399);
        assert_eq!(vote([Leap::Insert; 3], last), Leap::Insert);
        // Sources that keep announcing it afterwards (the feedback loops of 2012) are not believed.
        assert_eq!(vote([Leap::Insert; 3], last + NtpDuration::from_seconds(1.0)), Leap::None);
    }
}

#[test]
fn any_date_is_an_ordinary_date() {
    for bits in [i128::MIN, i128::MIN >> 40, -1, 0, i128::MAX >> 40, i128::MAX] {
        let _ = vote([Leap::Insert], Cooked::from_bits(bits));
    }
}
