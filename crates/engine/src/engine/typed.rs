//! The time that somebody types in.

use truechimer_time::{Cooked, Now, NtpDuration};

use super::Engine;
use crate::command::CommandError;
use crate::manual::{TYPED_SD_S, TypedOutcome, TypedTime};
use crate::outbox::Turn;
use crate::system::Correction;

/// A typed time is corrected without hurry, but at once, seconds.
const SOON_S: f64 = 20.0;

impl Engine {
    /// Somebody says that it is `time` now. The clock is corrected by that, within the limits that hold for every correction,
    /// unless sources stand behind it or it is only observed: then it is only compared.
    ///
    /// # Errors
    /// Times are not to be typed in here, or this one cannot be used; nothing has changed then.
    pub fn handle_typed_time(&mut self, time: Cooked, now: Now) -> Result<TypedOutcome, CommandError> {
        if !self.manual.is_enabled() {
            return Err(CommandError::NotEnabled(
                "the time may not be typed in here; write manual = true under [clock]",
            ));
        }
        let Some(now) = self.begin(now) else {
            return Err(CommandError::NotPossible("the daemon is ending"));
        };
        let at = self.clock.raw(now.cooked);
        if time < self.config.era_floor {
            return Err(CommandError::NotPossible("that time is certainly past"));
        }
        if self.manual.is_hasty(at) {
            return Err(CommandError::NotPossible("the last one was typed less than a second ago"));
        }
        let theta = NtpDuration::from_bits(time.bits().saturating_sub(at.bits())).seconds();
        let offset_s = (time - now.cooked).seconds();
        let before = self.frequency();
        self.manual.add(at, time, theta, offset_s, self.system.oscillator);
        if let Err(reason) = self.steer_by_hand(offset_s, now) {
            self.manual.withdraw();
            return Err(CommandError::NotPossible(reason));
        }
        let frequency = self.frequency();
        Ok(TypedOutcome { offset_s, frequency_change: frequency - before, frequency })
    }

    /// The times that were typed in, the oldest first.
    pub fn typed_times(&self, now: Now) -> Vec<TypedTime> {
        let corrected = self.clock.corrected(self.clock.fresh(now));
        let rate = self.clock.frequency().rate();
        let here = self.clock.raw(self.clock.fresh(now).cooked);
        self.manual.list(|at| corrected - rate * (here - at).seconds())
    }

    /// Forgets one of the typed times, or all. After one, the clock is corrected by what the others say together.
    pub(super) fn forget_typed(&mut self, index: Option<usize>, now: Now) -> Result<(), CommandError> {
        let Some(index) = index else {
            self.manual.clear();
            return Ok(());
        };
        if !self.manual.remove(index) {
            return Err(CommandError::NoSuchSample);
        }
        if let Some(offset_s) = self.typed_offset(now) {
            self.steer_by_hand(offset_s, now).map_err(CommandError::NotPossible)?;
        }
        Ok(())
    }

    /// By how much the clock is slow by what was typed, seconds.
    pub(super) fn typed_offset(&self, now: Now) -> Option<f64> {
        let fit = self.manual.fit()?;
        Some(fit.at(self.clock.raw(now.cooked)) - self.clock.corrected(now))
    }

    fn frequency(&self) -> f64 {
        let control = &self.system.control;
        if control.controls() { control.base().rate() } else { self.system.oscillator.frequency }
    }

    fn steer_by_hand(&mut self, offset_s: f64, now: Now) -> Result<(), &'static str> {
        let Some(fit) = self.manual.fit() else { return Ok(()) };
        let oscillator = self.system.oscillator;
        let (frequency, frequency_sd) = match fit.plausible {
            true => (fit.frequency, fit.frequency_sd),
            false => (oscillator.frequency, oscillator.frequency_sd),
        };
        let correction =
            Correction { offset_s, offset_sd_s: TYPED_SD_S, frequency, frequency_sd, interval_s: SOON_S };
        let mut turn = turn!(self, now);
        self.system.steer_by_hand(correction, &self.clock, &mut turn)
    }
}
