//! The machine's network: noticing that it has become another one.

use truechimer_config::{Config, Roles};
use truechimer_sys::network::NetworkWatch;
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_time::{Mono, Now};

use super::Daemon;
use crate::journal::Priority;
use crate::nts::Say;

/// After a look, however many messages come: seconds until the next one.
const PAUSE_S: f64 = 3.0;
/// The longest pause of a network that changes at every look. Each pause is twice as long as the one before …
const LONGEST_PAUSE_S: f64 = 192.0;
/// … unless nothing changed for this many pauses.
const QUIET: f64 = 2.0;

/// Looks when the kernel says that something has changed, but not too often.
#[derive(Debug)]
pub(super) struct Network {
    watch: NetworkWatch,
    place: usize,
    /// Messages may wait until then.
    look_at: Mono,
    /// The last look was not possible, and its messages are gone.
    again: bool,
    /// The last change, and the pause after it.
    changed: Option<(Mono, f64)>,
}

impl Network {
    /// `None` where it is not wanted: nobody is asked, or libc is not the system's own; or where it is not possible, which
    /// `say` is told.
    pub(super) fn start(config: &Config, roles: Roles, say: Say<'_>) -> Option<Self> {
        if roles == Roles::Inline || config.engine.sources.is_empty() {
            return None;
        }
        match NetworkWatch::open() {
            Ok(watch) => Some(Self {
                watch,
                place: usize::MAX,
                look_at: Mono::from_nanos(0),
                again: false,
                changed: None,
            }),
            Err(error) => {
                let text = format!("cannot see when the machine's network changes: {error}");
                say(Priority::Warning, text);
                None
            }
        }
    }

    /// Names the socket to wait for, unless it rests.
    pub(super) fn register(&mut self, poll: &mut PollSet, now: Mono) {
        self.place = usize::MAX;
        if now >= self.look_at {
            self.place = poll.push(self.watch.fd(), Interest::Read);
        }
    }

    /// When it wants to be waited for again.
    pub(super) fn poll_timeout(&self, now: Mono) -> Option<Mono> {
        (self.again || now < self.look_at).then_some(self.look_at)
    }

    /// Whether the network is another one than at the last look.
    fn handle_ready(&mut self, poll: &PollSet, now: Mono) -> bool {
        let is_due = self.again && now >= self.look_at;
        if !is_due && !poll.readable(self.place) {
            return false;
        }
        let looked = self.watch.has_changed();
        self.again = looked.is_err();
        let changed = looked.unwrap_or(false);
        let mut pause_s = PAUSE_S;
        if changed {
            if let Some((at, last_s)) = self.changed
                && now.seconds_since(at) < QUIET * last_s
            {
                pause_s = (2.0 * last_s).min(LONGEST_PAUSE_S);
            }
            self.changed = Some((now, pause_s));
        }
        self.look_at = now.after(pause_s);
        changed
    }
}

impl Daemon {
    /// Tells the engine when the machine is on another network.
    pub(super) fn watch_network(&mut self, now: Now) {
        let Some(network) = &mut self.network else { return };
        if network.handle_ready(&self.poll, now.mono) {
            self.journal.line(now.mono, Priority::Info, "the machine's network has changed");
            self.engine.handle_network_change(now);
        }
    }
}
