//! What is done now and then: state files, and a look at what the kernel says of its clock.

use truechimer_time::{Now, NtpDuration};

use super::Daemon;
use crate::journal::Priority;
use crate::state::Unsaved;

/// State is written this often, seconds.
pub(super) const SAVE_INTERVAL_S: f64 = 3600.0;
/// The clock's own state is read at most this often, seconds, in turns that come anyway.
pub(super) const READBACK_INTERVAL_S: f64 = 10.0;

impl Daemon {
    /// Saves and looks when it is time to.
    pub(super) fn keep_house(&mut self, now: &mut Now) {
        self.look_after_keys(*now);
        if now.mono >= self.save_at {
            self.save_at = now.mono.after(SAVE_INTERVAL_S);
            self.save_all(*now);
            self.stir();
        }
        if now.mono >= self.readback_at {
            self.readback_at = now.mono.after(READBACK_INTERVAL_S);
            if let Some(readback) = self.clocks.readback() {
                self.engine.handle_clock_readback(readback, *now);
                self.carry_out(now);
            }
        }
    }

    /// Whether it is ready, how it fares, and that the loop turns.
    pub(super) fn tell_service_manager(&mut self, now: Now) {
        if let Some(service) = &mut self.service {
            service.handle_turn(self.config.ready, now.mono, || self.engine.report(now).system.into());
        }
    }

    /// Writes all state files.
    pub(super) fn save_all(&mut self, now: Now) {
        let system = self.engine.report(now).system;
        // What an observer measures is what somebody else's correction has left over, and no oscillator.
        if system.updates > 0 && system.controls_clock {
            let saved = self.state.save_frequency(&self.engine.oscillator());
            self.note_saved(saved, now);
        }
        // The clock is known to be right to within the bound, so a time one bound ago is certainly past.
        if let (true, Some(bound_s)) = (system.synchronised, system.bound_s) {
            let saved = self.state.save_time(now.cooked - NtpDuration::from_seconds(bound_s));
            self.note_saved(saved, now);
        }
        self.save_stepped(now);
    }

    /// Writes the sum of all steps.
    pub(super) fn save_stepped(&mut self, now: Now) {
        let saved = self.state.save_stepped(self.engine.stepped_total());
        self.note_saved(saved, now);
    }

    /// A full disk or a read-only one is told once and is no reason to stop (AT-36).
    fn note_saved(&mut self, saved: Result<(), Unsaved>, now: Now) {
        if let Err(unsaved) = saved
            && !std::mem::replace(&mut self.save_failed, true)
        {
            let text = format!("cannot write {}: {}", unsaved.path.display(), unsaved.error);
            self.journal.line(now.mono, Priority::Warning, &text);
        }
    }
}
