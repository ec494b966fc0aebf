//! Which announced leap second is believed.
//!
//! A wrong leap second is a wrong clock by a whole second, and servers have announced wrong ones. So it
//! takes more than half of the survivors, and it must be the last day of June or December, UTC: the only
//! days that have ever been used (ITU-R TF.460 §2.1 prefers them). Outside that day nothing is announced
//! further, so an announcement cannot outlive its event or run in circles between servers.

use truechimer_time::{Cooked, Leap};

/// Length of a day in units of 2⁻³² s.
const DAY: i128 = 86_400 << 32;

/// The leap second that the survivors of the selection agree on, if it can be one at `now`, the corrected
/// time.
///
/// `leaps` has one entry a survivor. One that is unsynchronised counts as a survivor that announces nothing.
pub fn vote(leaps: impl IntoIterator<Item = Leap>, now: Cooked) -> Leap {
    let (mut all, mut insert, mut delete) = (0_usize, 0_usize, 0_usize);
    for leap in leaps {
        all += 1;
        match leap {
            Leap::Insert => insert += 1,
            Leap::Delete => delete += 1,
            Leap::None | Leap::Unsynchronised => {}
        }
    }
    if !is_last_day_of_half_year(now) {
        Leap::None
    } else if insert > all / 2 {
        Leap::Insert
    } else if delete > all / 2 {
        Leap::Delete
    } else {
        Leap::None
    }
}

/// Whether the UTC day is 30 June or 31 December: on no other is an announcement worth anything.
pub fn is_last_day_of_half_year(now: Cooked) -> bool {
    matches!(month_and_day((now - Cooked::UNIX_EPOCH).bits().div_euclid(DAY)), (6, 30) | (12, 31))
}

/// Month and day of the Gregorian calendar, for days since 1970-01-01.
///
/// Counts in years that start on 1 March, so that the leap day comes last and months have a regular pattern
/// of lengths.
fn month_and_day(unix_day: i128) -> (i128, i128) {
    let day = unix_day.saturating_add(719_468).rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    (if month < 10 { month + 3 } else { month - 9 }, day_of_month)
}

#[cfg(test)]
mod tests;
