//! Keys for clients.

use truechimer_config::Config;
use truechimer_time::Now;

use super::Daemon;
use crate::journal::{Journal, Priority};
use crate::nts::serving::Serving;

/// Writes what the parts of NTS have to say.
pub(super) fn sayer(journal: &mut Journal, now: Now) -> impl FnMut(Priority, String) + '_ {
    move |priority, text| journal.line(now.mono, priority, &text)
}

impl Daemon {
    /// Serves clients that want keys.
    pub(super) fn exchange_keys(&mut self, now: Now) {
        if let Some(nts) = &mut self.nts {
            nts.handle_ready(&self.poll, now.mono, &mut sayer(&mut self.journal, now));
        }
    }

    /// Looks after the certificate and the key ring.
    pub(super) fn look_after_keys(&mut self, now: Now) {
        let Some(nts) = &mut self.nts else { return };
        if !nts.is_due(now.mono) {
            return;
        }
        let system = self.engine.report(now).system;
        let time_known = system.synchronised || system.local_reference;
        nts.keep_house(now, time_known, &mut sayer(&mut self.journal, now));
    }

    /// Goes on with what another configuration says of NTS, or with the old one if that cannot be.
    pub(super) fn reload_nts(&mut self, config: &Config, now: Now) -> Result<(), String> {
        let Self { nts, journal, config: old, .. } = self;
        let mut say = sayer(journal, now);
        let configured = match (&mut *nts, &config.serve_nts) {
            (_, None) => {
                *nts = None;
                Ok(())
            }
            (Some(nts), Some(_)) => nts.configure(config, now, &mut say),
            (None, Some(_)) => {
                // Roles are where the daemon was started with them.
                let config = Config { roles: old.roles, ..config.clone() };
                Serving::start(&config, now, &mut say).map(|serving| *nts = serving)
            }
        };
        configured.map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Complains of files that were read by a privileged user and cannot be read by the one that the daemon has become: what
    /// is renewed would not be noticed.
    pub fn check_files_again(&mut self) {
        let now = self.clocks.now();
        let Some(nts) = &self.nts else { return };
        for path in nts.files() {
            if let Err(error) = std::fs::File::open(path)
                && error.kind() == std::io::ErrorKind::PermissionDenied
            {
                let text = format!(
                    "{} cannot be read any more ({error}): when it is renewed, restart chimerd",
                    path.display()
                );
                self.journal.line(now.mono, Priority::Warning, &text);
            }
        }
    }
}
