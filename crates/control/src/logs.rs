//! Lines of the log files that chronyd and ntpd write, for scripts which read those.
//!
//! Everything comes from a [`Report`](truechimer_engine::report::Report), so a log says what `chronyc` and `ntpq` would have said at that moment. Where
//! their estimator has something that ours has not, such as a regression with samples that are dropped, the column is there and
//! holds what means "nothing": the manual (`docs/logs.md`) says which.

mod chrony;
mod ntpd;

pub use chrony::{measurements, refused_measurements, selection, statistics, tracking};
pub(crate) use ntpd::{BAD_FORMAT, BAD_KEY, DENIED, LIMITED};
pub use ntpd::{loopstats, peerstats, rawstats, sysstats};

#[cfg(test)]
mod tests;

/// Seconds of a day without a leap second, as NTP counts.
const DAY_S: i64 = 86_400;
/// The modified Julian day of 1970-01-01.
const UNIX_EPOCH_MJD: i64 = 40_587;

/// A log file, by the names that chrony.conf and ntp.conf have for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Log {
    /// chrony: each sample.
    Measurements,
    /// chrony: each answer, those that failed a test included; in the file of the samples.
    Rawmeasurements,
    /// chrony: what is known of a source after each sample.
    Statistics,
    /// chrony: each update of the clock.
    Tracking,
    /// chrony: what became of each source, at each update.
    Selection,
    /// ntpd: each update of the clock.
    Loopstats,
    /// ntpd: each sample.
    Peerstats,
    /// ntpd: the four timestamps of each sample.
    Rawstats,
    /// ntpd: what the server did, each hour.
    Sysstats,
}

impl Log {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Measurements,
        Self::Rawmeasurements,
        Self::Statistics,
        Self::Tracking,
        Self::Selection,
        Self::Loopstats,
        Self::Peerstats,
        Self::Rawstats,
        Self::Sysstats,
    ];

    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Measurements => "measurements",
            Self::Rawmeasurements => "rawmeasurements",
            Self::Statistics => "statistics",
            Self::Tracking => "tracking",
            Self::Selection => "selection",
            Self::Loopstats => "loopstats",
            Self::Peerstats => "peerstats",
            Self::Rawstats => "rawstats",
            Self::Sysstats => "sysstats",
        }
    }

    /// The log of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|log| log.name() == name)
    }

    /// What explains its columns, over and over; ntpd's have none.
    pub const fn banner(self) -> Option<&'static str> {
        match self {
            Self::Measurements | Self::Rawmeasurements => Some(chrony::MEASUREMENTS),
            Self::Statistics => Some(chrony::STATISTICS),
            Self::Tracking => Some(chrony::TRACKING),
            Self::Selection => Some(chrony::SELECTION),
            Self::Loopstats | Self::Peerstats | Self::Rawstats | Self::Sysstats => None,
        }
    }

    /// The file at this time: chrony's are one file, ntpd's a new one each day.
    pub fn file_name(self, unix_s: f64) -> String {
        match self.banner() {
            Some(_) if self == Self::Rawmeasurements => Self::Measurements.file_name(unix_s),
            Some(_) => format!("{}.log", self.name()),
            None => {
                let Date { year, month, day } = Date::of(unix_s);
                format!("{}.{year:04}{month:02}{day:02}", self.name())
            }
        }
    }
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// Of a time in seconds since 1970. Years begin in March, so that the day which comes and goes is their last.
    fn of(unix_s: f64) -> Self {
        const FOUR_CENTURIES: i64 = 146_097;
        let days = (unix_s as i64).div_euclid(DAY_S) + 719_468;
        let (era, day) = (days.div_euclid(FOUR_CENTURIES), days.rem_euclid(FOUR_CENTURIES));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        Self { year: year + era * 400 + next, month, day }
    }
}

/// A number as C prints it with `%e`: the exponent has a sign and two digits at least.
fn scientific(value: f64, width: usize, digits: usize) -> String {
    let text = format!("{:.digits$e}", if value.is_finite() { value } else { 0.0 });
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{:>width$}", format!("{mantissa}e{sign}{exponent:0>2}"))
}
