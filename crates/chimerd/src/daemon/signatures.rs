//! Requests to the server, and the signatures that some replies need.

use std::path::Path;

use truechimer_engine::Engine;
use truechimer_engine::server::SigningError;
use truechimer_time::{Mono, Now};
use truechimer_wire::HEADER_LEN;
use truechimer_wire::signd::SIGNED_LEN;

use super::{Daemon, RunError};
use crate::clocks::Clocks;
use crate::journal::{Journal, Priority};
use crate::listeners::{Listeners, Staff};
use crate::signing::{Desk, Job, Signer};
use crate::workers::Workers;

impl Daemon {
    /// Answers what has come in, and goes on with signatures.
    pub(super) fn answer_requests(&mut self, now: Now) {
        let staff = Staff {
            engine: &mut self.engine,
            clocks: &mut self.clocks,
            signer: self.signer.as_mut(),
            questions: self.ntpq.as_mut().map(|ntpq| &mut ntpq.questions),
        };
        self.listeners.handle_ready(&self.poll, &mut self.buffer, staff, now);
        let handed_over = self.workers.as_mut().map(|workers| workers.take_jobs(&self.poll));
        let (jobs, questions) = handed_over.unwrap_or_default();
        if let Some(ntpq) = &mut self.ntpq {
            ntpq.questions.append(questions);
        }
        for job in jobs {
            let pushed =
                self.signer.as_mut().ok_or(SigningError::Unavailable).and_then(|signer| signer.push(job));
            if let Err(error) = pushed {
                self.engine.handle_signed(Err(error));
            }
        }
        if let Some(signer) = &mut self.signer {
            let mut office = Office {
                engine: &mut self.engine,
                clocks: &mut self.clocks,
                listeners: &self.listeners,
                journal: &mut self.journal,
                now: now.mono,
            };
            signer.handle_ready(&self.poll, now.mono, &mut office);
        }
    }

    /// Starts the workers once there is something to serve, and keeps them informed.
    pub(super) fn keep_workers(&mut self, now: Now) -> Result<(), RunError> {
        let kept = match (&mut self.workers, self.listeners.workers(), self.more_clocks) {
            (Some(workers), ..) => workers.keep(&mut self.engine, now),
            (None, Some(count), Some(make_clock)) => {
                let started = Workers::start(count, &self.listeners, &mut self.engine, make_clock, now);
                started.map(|workers| self.workers = workers)
            }
            _ => Ok(()),
        };
        kept.map_err(|error| RunError(format!("cannot answer requests: {error}")))
    }

    /// Gives up the replies that wait for a signature, as the clock has jumped.
    pub(super) fn drop_unsigned(&mut self, now: Now) {
        if let Some(signer) = &mut self.signer {
            signer.handle_step(now.mono);
        }
    }

    /// Has replies signed at another place from now on, or nowhere.
    pub(super) fn configure_signer(&mut self, path: Option<&Path>) {
        if self.signer.as_ref().map(Signer::path) != path {
            self.signer = path.map(Signer::new);
        }
    }
}

struct Office<'a> {
    engine: &'a mut Engine,
    clocks: &'a mut Clocks,
    listeners: &'a Listeners,
    journal: &'a mut Journal,
    now: Mono,
}

impl Desk for Office<'_> {
    fn stamp(&mut self, packet: &mut [u8; HEADER_LEN]) {
        self.engine.stamp_reply(packet, self.clocks.now().cooked);
    }

    fn done(&mut self, job: &Job, result: Result<&[u8; SIGNED_LEN], SigningError>) {
        if let Ok(packet) = result {
            self.listeners.send(job.listener, packet, job.remote, job.local);
        }
        self.engine.handle_signed(result.map(|_| ()));
    }

    fn say(&mut self, priority: Priority, text: &str) {
        self.journal.line(self.now, priority, text);
    }
}
