//! What operators ask for over the control sockets, and reloading the configuration.

use truechimer_config::Config;
use truechimer_control::message::ClientList;
use truechimer_control::{Answer, Fault, FaultCode, Request, Response, Version};
use truechimer_engine::Command;
use truechimer_engine::report::Report;
use truechimer_engine::server::Clients;
use truechimer_time::Now;

use super::Daemon;
use super::keys::{sayer, start_key_exchanges};
use super::names::{start_resolver, wants_resolver};
use super::network::Network;
use crate::journal::Priority;
use crate::nts::serving::Serving;
use crate::workers::Workers;

impl Daemon {
    /// Serves the clients of the control sockets.
    pub(super) fn serve_control(&mut self, now: Now) {
        let Some(mut control) = self.control.take() else { return };
        let poll = std::mem::take(&mut self.poll);
        control.handle_ready(&poll, now.mono, &mut |request| self.answer(request, now));
        self.poll = poll;
        self.control = Some(control);
    }

    /// The state of everything at one moment.
    pub(super) fn report(&self, now: Now) -> Report {
        let mut report = self.engine.report(now);
        report.system.uptime_s = Some(now.mono.seconds_since(self.started));
        report.key_exchange = self.nts.as_ref().and_then(Serving::report);
        if let (Some(workers), Some(mut sum)) = (&self.workers, self.engine.server_counters()) {
            workers.count(&mut sum);
            report.server = Some(sum.report());
        }
        report
    }

    /// Everybody who asked the server, whichever thread answered.
    pub(super) fn with_clients<T>(&mut self, look: impl FnOnce(&mut Clients<'_>) -> T) -> T {
        let mut responders = self.workers.as_ref().map(Workers::responders).unwrap_or_default();
        let own = self.engine.clients().into_iter();
        look(&mut own.chain(responders.iter_mut().map(|responder| responder.clients())).collect())
    }

    fn client_list(&mut self, limit: Option<u32>, now: Now) -> Response {
        let all = self.with_clients(|clients| (clients.places() > 0).then(|| clients.all(now.mono)));
        match all {
            Some(all) => Response::Ok(Answer::Clients(ClientList::new(all, limit))),
            None => {
                let message = "no clients are remembered: nobody is served, or serve.clients is 0";
                Response::Error(Fault::new(FaultCode::Failed, message))
            }
        }
    }

    fn answer(&mut self, request: Request, now: Now) -> Response {
        let command = match request {
            Request::Report => {
                return Response::Ok(Answer::Report(Box::new(self.report(now))));
            }
            Request::Version => return Response::Ok(Answer::Version(Version::of_daemon())),
            Request::Reload => {
                return match self.reload_config(now) {
                    Ok(()) => Response::Ok(Answer::Done {}),
                    Err(message) => Response::Error(Fault::new(FaultCode::BadConfig, message)),
                };
            }
            Request::Clients { limit } => return self.client_list(limit, now),
            Request::Online { source } => Command::Online(source),
            Request::Offline { source } => Command::Offline(source),
            Request::Burst { source } => Command::Burst(source),
        };
        match self.engine.handle_command(command, now) {
            Ok(()) => Response::Ok(Answer::Done {}),
            Err(error) => Response::Error(error.into()),
        }
    }

    /// Reads the configuration again and goes on with it, or keeps the old one and says why (AT-37).
    pub(super) fn reload_config(&mut self, now: Now) -> Result<(), String> {
        if let Some(service) = &mut self.service {
            service.handle_reload(now.mono);
        }
        let outcome = self.try_reload(now);
        self.tell_of_reload(&outcome, "configuration read again", now);
        if let Some(service) = &mut self.service {
            service.handle_reloaded();
        }
        outcome
    }

    /// The same for the sources alone: what was changed by command stays as it is (`chronyc reload sources`).
    pub(super) fn reload_sources(&mut self, now: Now) -> Result<(), String> {
        let outcome = self.try_reload_sources(now);
        self.tell_of_reload(&outcome, "sources read again", now);
        outcome
    }

    fn try_reload_sources(&mut self, now: Now) -> Result<(), String> {
        let reload = self.reload.as_mut().ok_or("this daemon was not started from a file")?;
        let config = reload()?;
        self.prepare_sources(&config, now);
        let Self { key_exchanges, journal, places, .. } = self;
        if key_exchanges.is_none() {
            // Without it, the engine is told that keys cannot be exchanged, and asks again later.
            *key_exchanges = start_key_exchanges(&config, places, &mut sayer(journal, now)).ok().flatten();
        }
        let command = Command::ReloadSources(config.engine.sources.clone());
        self.engine.handle_command(command, now).map_err(|error| Fault::from(error).message)?;
        self.config.engine.sources = config.engine.sources;
        Ok(())
    }

    fn tell_of_reload(&mut self, outcome: &Result<(), String>, done: &str, now: Now) {
        match outcome {
            Ok(()) => self.journal.line(now.mono, Priority::Notice, done),
            Err(message) => {
                let text = "the new configuration cannot be used; the old one stays in force:";
                self.journal.line(now.mono, Priority::Error, text);
                self.journal.lines(now.mono, Priority::Error, message);
            }
        }
    }

    /// What sources need that were not there before.
    fn prepare_sources(&mut self, config: &Config, now: Now) {
        if self.resolver.is_none() && wants_resolver(&config.engine) {
            // Without one, the engine is told that names cannot be resolved, and asks again later.
            self.resolver = start_resolver(&self.places).ok();
        }
        if self.network.is_none() {
            let roles = self.config.roles;
            self.network = Network::start(config, roles, &mut sayer(&mut self.journal, now));
        }
    }

    fn try_reload(&mut self, now: Now) -> Result<(), String> {
        let reload = self.reload.as_mut().ok_or("this daemon was not started from a file")?;
        let mut config = reload()?;
        config.engine.era_floor = config.engine.era_floor.max(self.config.engine.era_floor);
        self.listeners.configure(config.engine.serve.as_ref()).map_err(|error| error.to_string())?;
        self.listeners.mark(config.network.dscp);
        self.exchanges.configure(&config.network);
        self.prepare_sources(&config, now);
        let taken = self.reload_engine(&config, now);
        // Responders before sockets: at a new address nobody is answered by the old access list.
        self.keep_workers(now).map_err(|error| error.to_string())?;
        if let Some(workers) = &self.workers {
            workers.share_out(&self.listeners);
        }
        taken?;
        self.configure_signer(config.paths.signd.as_deref());
        self.tell_what_waits(&config, now);
        self.configure_logs(config.logs, now);
        self.config.ready = config.ready;
        self.config.network = config.network;
        self.config.trust = config.trust;
        self.config.serve_nts = config.serve_nts;
        self.config.engine = config.engine;
        Ok(())
    }

    fn reload_engine(&mut self, config: &Config, now: Now) -> Result<(), String> {
        self.reload_nts(config, now)?;
        let command = Command::Reload(Box::new(config.engine.clone()));
        self.engine.handle_command(command, now).map_err(|error| Fault::from(error).message)
    }

    /// What cannot change in a running daemon.
    fn tell_what_waits(&mut self, config: &Config, now: Now) {
        let changed = [
            ("clock.frequency_file", config.paths.frequency_file != self.config.paths.frequency_file),
            ("daemon.state_dir", config.paths.state_dir != self.config.paths.state_dir),
            ("control", config.control != self.config.control),
            ("daemon.run_dir", config.paths.run_dir != self.config.paths.run_dir),
            ("daemon.pid_file", config.paths.pid_file != self.config.paths.pid_file),
            ("clock.control", config.clock_control != self.config.clock_control),
            ("serve.workers", config.workers != self.config.workers),
            ("daemon.roles", config.roles != self.config.roles),
            ("daemon.lock_memory", config.lock_memory != self.config.lock_memory),
            ("daemon.realtime_priority", config.realtime_priority != self.config.realtime_priority),
            ("daemon.sandbox", config.sandbox != self.config.sandbox),
            ("daemon.user", config.user != self.config.user),
        ];
        for (key, _) in changed.into_iter().filter(|(_, changed)| *changed) {
            let text = format!("{key} changed: this takes effect when chimerd is started again");
            self.journal.line(now.mono, Priority::Warning, &text);
        }
    }
}
