//! What `chronyc` asks for is done here, and `ntpq` is answered.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use truechimer_control::chronyc::reply::Status;
use truechimer_control::chronyc::server::{self, Action, Counters};
use truechimer_control::ntpq;
use truechimer_engine::report::{ClientReport, Report, SourceState};
use truechimer_engine::server::Clients;
use truechimer_engine::{Command, CommandError, TypedOutcome, TypedTime, Which};
use truechimer_time::{Cooked, Mono, Now};

use super::Daemon;
use crate::journal::Priority;

/// The daemon while it answers.
struct Answering<'a> {
    daemon: &'a mut Daemon,
    /// Whether the UDP ports are open.
    monitors: bool,
    counters: Counters,
    now: Now,
}

impl Daemon {
    /// Serves `chronyc` and those that speak its language.
    pub(super) fn serve_chronyc(&mut self, now: Now) {
        let Some(mut server) = self.chronyc.take() else { return };
        let poll = std::mem::take(&mut self.poll);
        let monitors = server.monitors();
        server.handle_ready(&poll, &mut |request, access, counters| {
            server::answer(request, access, &mut Answering { daemon: self, monitors, counters, now })
        });
        self.poll = poll;
        self.chronyc = Some(server);
    }

    /// Answers `ntpq`.
    pub(super) fn serve_ntpq(&mut self, now: Now) {
        let Some(mut ntpq) = self.ntpq.take() else { return };
        for question in ntpq.take_questions(&self.poll) {
            let lists_clients = ntpq.lists_clients;
            let mut told = Told { daemon: self, lists_clients, now };
            for part in ntpq::answer(question.bytes(), question.remote(), &ntpq.nonces, &mut told) {
                ntpq.send(&question, &part, &self.listeners);
            }
        }
        self.ntpq = Some(ntpq);
    }

    /// Polls the sources to which there is a route, and only those. Nothing is sent for it.
    fn poll_the_reachable(&mut self, now: Now) {
        for source in self.engine.report(now).sources {
            let Some(address) = source.address.and_then(|address| address.parse::<SocketAddr>().ok()) else {
                continue;
            };
            let online = has_route(address);
            if online == (source.state == SourceState::Offline) {
                let which = Which::address(address.ip().to_canonical());
                // It was there a moment ago.
                let _ = self.engine.handle_command(Command::Switch { which, online }, now);
            }
        }
    }
}

/// What `ntpq` is told.
struct Told<'a> {
    daemon: &'a mut Daemon,
    /// Whether that includes who asked the server.
    lists_clients: bool,
    now: Now,
}

impl ntpq::Daemon for Told<'_> {
    fn report(&mut self) -> Report {
        self.daemon.report(self.now)
    }

    fn clients(&mut self) -> Option<Vec<ClientReport>> {
        let now = self.now.mono;
        let list = |clients: &mut Clients<'_>| (clients.places() > 0).then(|| clients.all(now));
        if self.lists_clients { self.daemon.with_clients(list) } else { None }
    }

    fn now(&self) -> Now {
        self.now
    }
}

/// Whether the kernel knows a way to there: it looks when a socket is connected.
fn has_route(address: SocketAddr) -> bool {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => ([0; 4], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    UdpSocket::bind(any).and_then(|socket| socket.connect(address)).is_ok()
}

impl server::Daemon for Answering<'_> {
    fn report(&mut self) -> Report {
        self.daemon.report(self.now)
    }

    fn carry_out(&mut self, action: Action) -> Status {
        let (daemon, now) = (&mut *self.daemon, self.now);
        match action {
            Action::Engine(command) => server::status(daemon.engine.handle_command(command, now)),
            Action::Reload => match daemon.reload_config(now) {
                Ok(()) => Status::Success,
                Err(_) => Status::Failed,
            },
            Action::ReloadSources => match daemon.reload_sources(now) {
                Ok(()) => Status::Success,
                Err(_) => Status::Failed,
            },
            Action::Save => {
                daemon.save_all(now);
                Status::Success
            }
            Action::CycleLogs => {
                daemon.cycle_logs();
                Status::Success
            }
            Action::OnOffline => {
                daemon.poll_the_reachable(now);
                Status::Success
            }
            Action::Shutdown => {
                daemon.journal.line(now.mono, Priority::Notice, "told to end by chronyc");
                daemon.told_to_end = true;
                Status::Success
            }
        }
    }

    fn set_time(&mut self, time: Cooked) -> Result<TypedOutcome, CommandError> {
        self.daemon.engine.handle_typed_time(time, self.now)
    }

    fn typed_times(&mut self) -> Vec<TypedTime> {
        self.daemon.engine.typed_times(self.now)
    }

    fn serves(&self, client: IpAddr) -> bool {
        self.daemon.engine.serves(client)
    }

    fn lets_monitor(&self, client: IpAddr) -> bool {
        self.monitors && client.is_loopback()
    }

    fn with_clients(&mut self, look: &mut dyn FnMut(&mut Clients<'_>, Mono)) {
        let now = self.now.mono;
        self.daemon.with_clients(|clients| look(clients, now));
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}
