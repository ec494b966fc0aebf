//! Times that somebody types in. chrony counts an offset positive when the clock is fast, this project when it is slow.

use truechimer_time::Cooked;

use super::{Daemon, status};
use crate::chronyc::records::{ManualList, ManualSample, ManualTimestamp};
use crate::chronyc::reply::{Answer, Status};
use crate::chronyc::{MANUAL_MAX, Timestamp};

const NANOS: i128 = 1_000_000_000;

pub(super) fn set(time: Timestamp, daemon: &mut dyn Daemon) -> Result<Answer, Status> {
    let nanos = i128::from(time.seconds) * NANOS + i128::from(time.nanos);
    let outcome = daemon.set_time(Cooked::from_unix_nanos(nanos)).map_err(|error| status(Err(error)))?;
    Ok(Answer::ManualTimestamp(ManualTimestamp {
        offset: -outcome.offset_s,
        frequency_change_ppm: -outcome.frequency_change * 1e6,
        frequency_ppm: -outcome.frequency * 1e6,
    }))
}

pub(super) fn list(daemon: &mut dyn Daemon) -> Answer {
    let typed = daemon.typed_times();
    let mut list = ManualList { count: typed.len().min(MANUAL_MAX) as u32, ..ManualList::default() };
    for (place, typed) in list.samples.iter_mut().zip(typed) {
        let nanos = typed.time.unix_nanos();
        *place = ManualSample {
            when: Timestamp {
                seconds: i64::try_from(nanos.div_euclid(NANOS)).unwrap_or(i64::MAX),
                nanos: nanos.rem_euclid(NANOS) as u32,
            },
            slewed_offset: -typed.corrected_offset_s,
            original_offset: -typed.offset_s,
            residual: -typed.residual_s,
        };
    }
    Answer::ManualList(Box::new(list))
}
