//! What is remembered between runs: three files of one line each.
//!
//! | file | line |
//! |---|---|
//! | frequency file (`clock.frequency_file`) | `truechimer-frequency 1 PPM SD_PPM WANDER` |
//! | `state_dir/last-good-time` | `truechimer-time 1 UNIX_NANOSECONDS` |
//! | `state_dir/stepped` | `truechimer-stepped 1 SECONDS` |
//!
//! The second word is the version of the format. `PPM` is the correction of the oscillator in force (positive: it
//! runs slow), `SD_PPM` one sigma of it, `WANDER` its random walk per √s. The time is one that was certainly past
//! when it was written. `SECONDS` is the sum of the sizes of all steps of the clock, for the accumulated panic limit,
//! which must survive restarts (NA-23).
//!
//! While there is no frequency file, that of a chronyd that ran here before is read (`clock.chrony_drift_file`): a line of
//! two numbers, how much too fast the clock runs and a bound on the error of that, both in ppm.
//!
//! A file is replaced atomically or stays as it was. One that cannot be understood counts as absent, with a warning
//! (AT-36); one that cannot be written is no reason to stop keeping time.

use std::io;
use std::path::{Path, PathBuf};

use truechimer_config::Paths;
use truechimer_discipline::estimate::Oscillator;
use truechimer_sys::{files, privileges};
use truechimer_time::{Cooked, NtpDuration};

#[cfg(test)]
mod tests;

/// Name of the last-known-good-time file in the state folder.
pub(crate) const TIME_FILE: &str = "last-good-time";
/// Name of the file with the sum of all steps in the state folder.
pub(crate) const STEPPED_FILE: &str = "stepped";

/// A legal file has fewer bytes.
const MAX_BYTES: usize = 256;
/// Permissions of the files: anybody may read them.
const MODE: u32 = 0o644;
/// No oscillator in use is worse than this, ppm: the tick can be changed by a tenth.
const MAX_PPM: f64 = 1e5;

/// One sigma of what chronyd says at least, ppm: days may lie between its last run and our first.
const MIN_DRIFT_SD_PPM: f64 = 1.0;
/// chronyd writes this bound before it has measured anything, ppm.
const MAX_DRIFT_BOUND_PPM: f64 = 1e6;

/// Where the files are; those without a path are neither read nor written.
#[derive(Clone, Debug)]
pub(crate) struct StateFiles {
    frequency: Option<PathBuf>,
    /// chronyd's, for the first start.
    drift: Option<PathBuf>,
    time: Option<PathBuf>,
    stepped: Option<PathBuf>,
    /// What the time file holds, so that it never goes back (NA-42).
    saved_time: Option<Cooked>,
    saved_stepped: NtpDuration,
}

/// What the files of an earlier run say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Restored {
    pub(crate) oscillator: Option<Oscillator>,
    pub(crate) last_good_time: Option<Cooked>,
    pub(crate) stepped_total: NtpDuration,
}

impl StateFiles {
    pub(crate) fn new(paths: &Paths) -> Self {
        let in_state_dir = |name: &str| paths.state_dir.as_ref().map(|dir| dir.join(name));
        Self {
            frequency: paths.frequency_file.clone(),
            drift: paths.chrony_drift_file.clone(),
            time: in_state_dir(TIME_FILE),
            stepped: in_state_dir(STEPPED_FILE),
            saved_time: None,
            saved_stepped: NtpDuration::ZERO,
        }
    }

    /// Makes the state folder if it is missing, for `user`, whom the daemon is going to become.
    pub(crate) fn prepare(&self, user: Option<&str>, warn: &mut dyn FnMut(String)) {
        let Some(dir) = self.time.as_deref().and_then(Path::parent) else { return };
        let made = files::ensure_directory(dir, 0o755).and_then(|made| match user {
            Some(user) if made => privileges::give_to(user, dir),
            _ => Ok(()),
        });
        if let Err(error) = made {
            warn(format!("cannot make the state folder {}: {error}; nothing is remembered", dir.display()));
        }
    }

    /// Reads what there is; every file that is there but cannot be used gives a warning.
    pub(crate) fn load(&mut self, warn: &mut dyn FnMut(String)) -> Restored {
        let oscillator = match self.frequency.as_deref().filter(|path| !path.exists()) {
            // Nothing is remembered where nothing may be.
            Some(_) => read(self.drift.as_deref(), parse_drift, warn),
            None => read(self.frequency.as_deref(), parse_frequency, warn),
        };
        self.saved_time = read(self.time.as_deref(), parse_time, warn);
        let stepped_total = read(self.stepped.as_deref(), parse_stepped, warn).unwrap_or_default();
        self.saved_stepped = stepped_total;
        Restored { oscillator, last_good_time: self.saved_time, stepped_total }
    }

    /// Writes the oscillator.
    pub(crate) fn save_frequency(&self, oscillator: &Oscillator) -> Result<(), Unsaved> {
        write(self.frequency.as_deref(), &frequency_line(oscillator))
    }

    /// Writes a time that is certainly past, unless a later one stands there already.
    pub(crate) fn save_time(&mut self, past: Cooked) -> Result<(), Unsaved> {
        if self.saved_time.is_some_and(|saved| saved >= past) {
            return Ok(());
        }
        write(self.time.as_deref(), &time_line(past))?;
        self.saved_time = Some(past);
        Ok(())
    }

    /// Writes the sum of all steps if it has changed.
    pub(crate) fn save_stepped(&mut self, total: NtpDuration) -> Result<(), Unsaved> {
        if total == self.saved_stepped {
            return Ok(());
        }
        write(self.stepped.as_deref(), &stepped_line(total))?;
        self.saved_stepped = total;
        Ok(())
    }
}

/// A file that could not be written.
#[derive(Debug)]
pub(crate) struct Unsaved {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

fn read<T>(
    path: Option<&Path>,
    parse: impl FnOnce(&str) -> Option<T>,
    warn: &mut dyn FnMut(String),
) -> Option<T> {
    let path = path?;
    let bytes = match files::read_bounded(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            warn(format!("cannot read {}: {error}; going on without it", path.display()));
            return None;
        }
    };
    let value = std::str::from_utf8(&bytes).ok().and_then(parse);
    if value.is_none() {
        warn(format!("{} holds no legal state; going on without it", path.display()));
    }
    value
}

fn write(path: Option<&Path>, line: &str) -> Result<(), Unsaved> {
    let Some(path) = path else { return Ok(()) };
    files::write_atomic(path, line.as_bytes(), MODE).map_err(|error| Unsaved { path: path.to_owned(), error })
}

/// The words after name and version, if there are exactly `N` and the line is whole: a torn write lacks its newline.
fn words<'a, const N: usize>(text: &'a str, name: &str) -> Option<[&'a str; N]> {
    let line = text.strip_suffix('\n')?;
    let mut words = line.split(' ');
    if line.contains('\n') || words.next()? != name || words.next()? != "1" {
        return None;
    }
    let words: Vec<&str> = words.take(N + 1).collect();
    words.try_into().ok()
}

/// A number in a range; NaN is in none.
fn number(word: &str, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
    word.parse().ok().filter(|value| range.contains(value))
}

fn parse_frequency(text: &str) -> Option<Oscillator> {
    let [ppm, sd_ppm, wander] = words(text, "truechimer-frequency")?;
    Some(Oscillator {
        frequency: number(ppm, -MAX_PPM..=MAX_PPM)? * 1e-6,
        frequency_sd: number(sd_ppm, 1e-9..=MAX_PPM)? * 1e-6,
        wander: number(wander, 1e-15..=1e-3)?,
        ..Oscillator::default()
    })
}

/// Another program's measure of the same oscillator: no more certain than that, however sure it was.
fn parse_drift(text: &str) -> Option<Oscillator> {
    let mut words = text.split_ascii_whitespace();
    let fast_ppm = number(words.next()?, -MAX_PPM..=MAX_PPM)?;
    let bound_ppm = number(words.next()?, 0.0..=MAX_DRIFT_BOUND_PPM)?;
    if words.next().is_some() {
        return None;
    }
    Some(Oscillator {
        frequency: -fast_ppm * 1e-6,
        frequency_sd: bound_ppm.clamp(MIN_DRIFT_SD_PPM, MAX_PPM) * 1e-6,
        ..Oscillator::default()
    })
}

fn frequency_line(oscillator: &Oscillator) -> String {
    let ppm = oscillator.frequency * 1e6;
    let sd_ppm = oscillator.frequency_sd * 1e6;
    format!("truechimer-frequency 1 {ppm:.9} {sd_ppm:.9} {:e}\n", oscillator.wander)
}

fn parse_time(text: &str) -> Option<Cooked> {
    let [nanos] = words(text, "truechimer-time")?;
    // 64 bits of nanoseconds reach to the year 2554; what does not fit is damaged.
    let nanos: u64 = nanos.parse().ok()?;
    Some(Cooked::from_unix_nanos(i128::from(nanos)))
}

fn time_line(past: Cooked) -> String {
    format!("truechimer-time 1 {}\n", past.unix_nanos().max(0))
}

fn parse_stepped(text: &str) -> Option<NtpDuration> {
    let [seconds] = words(text, "truechimer-stepped")?;
    number(seconds, 0.0..=1e12).map(NtpDuration::from_seconds)
}

fn stepped_line(total: NtpDuration) -> String {
    format!("truechimer-stepped 1 {:.9}\n", total.seconds())
}
