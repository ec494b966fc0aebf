//! An association: what is known of one source, and the exchange with it that is under way.

mod counters;
mod exchange;
mod history;
mod nts;
mod poll;
mod sample;

use std::net::{IpAddr, SocketAddr};

use truechimer_discipline::bank::joint::Seat;
use truechimer_discipline::estimate::{Estimator, Oscillator, Sample};
use truechimer_discipline::interval::ErrorInterval;
use truechimer_discipline::select::Verdict;
use truechimer_time::{Cooked, Leap, Mono, NtpDuration, Raw, Stamp, StampSource};
use truechimer_wire::{Header, ReferenceId};

pub(crate) use self::counters::{Counters, Refused};
pub(crate) use self::exchange::{Departure, Exchange};
use self::history::History;
pub(crate) use self::nts::MISDATED;
pub(crate) use self::poll::PollProcess;
use crate::authentication::{Credentials, Lacking};
use crate::check::{self, Check, Judgement};
use crate::config::{Listener, SourceOptions};
use crate::event::Event;
use crate::io::{Datagram, Output, Token};
use crate::local_clock::LocalClock;
use crate::nts::NtsClient;
use crate::outbox::Turn;
use crate::sources::earlier;

/// A request is waited for at least this long (or as long as an answer may take), whenever the next is due, seconds.
const LEAST_PATIENCE_S: f64 = 2.0;
/// A source that disagrees with the majority in so many selections in a row, at samples of its own, is bad.
pub(crate) const BAD_AFTER: u32 = 8;

/// Why a server that came by key exchange is not used.
pub(crate) const DUPLICATE: &str = "serves as another source already";

/// Whether it is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    Online,
    Offline,
    /// It told us to stop, with this code; asked again at that time.
    Stopped {
        code: ReferenceId,
        until: Mono,
    },
}

/// Where samples come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Origin {
    /// A server, asked over the network.
    Network(SocketAddr),
    /// A reference clock, whose samples are pushed in.
    Reference { id: ReferenceId, max_error_s: f64, stratum: u8 },
}

/// The last accepted measurement, for people and for what is told downstream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastSample {
    pub(crate) at: Mono,
    pub(crate) leap: Leap,
    pub(crate) stratum: u8,
    pub(crate) reference_id: ReferenceId,
    pub(crate) delay_s: f64,
    /// Against the clock as it was then.
    pub(crate) correction_s: f64,
    /// Against the raw scale.
    pub(crate) raw_offset_s: f64,
    pub(crate) stamps: [StampSource; 2],
    /// The address of this machine that the server knows.
    pub(crate) local: Option<IpAddr>,
    /// The packet; `None` for a reference clock's.
    pub(crate) packet: Option<LastPacket>,
}

/// The packet of the last measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastPacket {
    pub(crate) header: Header,
    pub(crate) reference_time: Cooked,
    pub(crate) stamp_error_s: f64,
    pub(crate) response_s: f64,
}

/// What belongs to the machine and not to a source, for the handling of a reply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) clock: &'a LocalClock,
    pub(crate) oscillator: &'a Oscillator,
    pub(crate) era_floor: Cooked,
    /// Where this machine itself answers.
    pub(crate) listeners: &'a [Listener],
    /// Whether more measurements are wanted soon: the clock is not synchronised.
    pub(crate) hurry: bool,
}

/// One source.
#[derive(Debug)]
pub(crate) struct Association {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) options: SourceOptions,
    pub(crate) activity: Activity,
    pub(crate) poll: PollProcess,
    pub(crate) credentials: Credentials,
    /// Why the last request that was due could not be made.
    lacking: Option<Lacking>,
    exchange: Option<Exchange>,
    answered: Option<Token>,
    pub(crate) estimator: Box<dyn Estimator>,
    pub(crate) interval: ErrorInterval,
    pub(crate) last: Option<LastSample>,
    pub(crate) history: History,
    /// The last sample, until it is taken into the estimate from all sources.
    pub(crate) sample: Option<Sample>,
    /// Its place in that estimate.
    pub(crate) seat: Option<Seat>,
    pub(crate) counters: Counters,
    /// Between the last two samples of a reference clock, seconds.
    pace_s: f64,
    /// By the last selection that it took part in.
    pub(crate) verdict: Option<Verdict>,
    /// That it is a falseticker has been said.
    pub(crate) told_false: bool,
    /// Why it took no part in the last selection.
    pub(crate) unfit: Option<&'static str>,
    /// Falseticker in so many samples of its own in a row.
    pub(crate) bad: u32,
    /// The sample that `bad` has counted already.
    pub(crate) judged: Option<Mono>,
    /// The check that the last request's reply failed.
    pub(crate) refused: Option<Check>,
    /// Requests that ended without a sample since the measurement began.
    pub(crate) failed: u32,
    /// Key exchange has led to the server of another source, which would then have two votes.
    pub(crate) duplicate: bool,
}

impl Association {
    pub(crate) fn new(
        name: String,
        origin: Origin,
        options: &SourceOptions,
        credentials: Credentials,
        estimator: Box<dyn Estimator>,
        now: Mono,
    ) -> Self {
        Self {
            name,
            origin,
            options: options.clone(),
            activity: if options.offline { Activity::Offline } else { Activity::Online },
            poll: PollProcess::new(options, now),
            credentials,
            lacking: None,
            exchange: None,
            answered: None,
            estimator,
            interval: ErrorInterval::new(),
            last: None,
            history: History::default(),
            sample: None,
            seat: None,
            pace_s: 1.0,
            counters: Counters::default(),
            verdict: None,
            told_false: false,
            unfit: None,
            bad: 0,
            judged: None,
            refused: None,
            failed: 0,
            duplicate: false,
        }
    }

    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        match self.origin {
            Origin::Network(remote) => Some(remote),
            Origin::Reference { .. } => None,
        }
    }

    /// Whether this token is or was the last one of this association.
    pub(crate) fn owns(&self, token: Token) -> bool {
        self.answered == Some(token) || self.exchange.as_ref().is_some_and(|exchange| exchange.token == token)
    }

    /// A datagram on the socket of `token`. True when a sample was taken.
    pub(crate) fn handle_datagram(
        &mut self,
        token: Token,
        datagram: &Datagram<'_>,
        machine: &Machine<'_>,
        turn: &mut Turn<'_>,
    ) -> bool {
        let measured_s = || self.last.map(|_| self.estimator.statistics().base_delay);
        let base_delay_s = self.options.min_delay_s.or_else(measured_s);
        let context = check::Context {
            token,
            exchange: self.exchange.as_ref(),
            answered: self.answered,
            options: &self.options,
            keys: turn.keys,
            base_delay_s,
            clock: machine.clock,
            era_floor: machine.era_floor,
            listeners: machine.listeners,
        };
        let mut seen = None;
        let judgement = check::judge(datagram, &context, &mut self.credentials, &mut seen);
        let fault = match &judgement {
            Ok(Judgement::Sample(_)) => None,
            Ok(Judgement::Nak) => Some(Check::CryptoNak),
            Ok(Judgement::Kiss(_)) => Some(Check::Stratum),
            Err(check) => Some(*check),
        };
        if let (Some(check), Some(seen)) = (fault, seen) {
            self.refuse(check, &seen, machine, turn);
        }
        match judgement {
            Ok(Judgement::Sample(reply)) => {
                self.accept(&reply, machine, turn);
                self.leave_network_if_moved(reply.local, turn);
                true
            }
            Ok(Judgement::Nak) => {
                self.handle_nak(turn);
                false
            }
            Ok(Judgement::Kiss(id)) => {
                self.handle_kiss(id, turn);
                false
            }
            Err(check) => {
                self.counters.drop(check);
                false
            }
        }
    }

    /// A datagram that matches no request.
    pub(crate) fn handle_stray(&mut self) {
        self.counters.drop(Check::Token);
    }

    pub(crate) fn handle_sent(&mut self, token: Token, sent: Stamp, clock: &LocalClock) {
        if let Some(exchange) = self.exchange.as_mut().filter(|exchange| exchange.token == token) {
            exchange.handle_sent(sent, clock);
        }
    }

    pub(crate) fn handle_tx_timestamp(&mut self, token: Token, stamp: Stamp, clock: &LocalClock) {
        if let Some(exchange) = self.exchange.as_mut().filter(|exchange| exchange.token == token) {
            exchange.handle_tx_timestamp(stamp, clock);
        }
    }

    pub(crate) fn handle_send_error(&mut self, token: Token, turn: &mut Turn<'_>) {
        if self.exchange.as_ref().is_some_and(|exchange| exchange.token == token) {
            self.fail(turn);
        }
    }

    /// Ends what has waited too long and asks what is due.
    pub(crate) fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        if self.exchange.as_ref().is_some_and(|exchange| turn.now.mono >= self.expiry(exchange)) {
            self.fail(turn);
        }
        if let Activity::Stopped { until, .. } = self.activity
            && turn.now.mono >= until
        {
            self.activity = Activity::Online;
        }
        self.exchange_keys(turn);
        let due = self.is_polled() && self.exchange.is_none() && turn.now.mono >= self.poll.next();
        if !due {
            return;
        }
        let just_unreachable = self.poll.handle_request(turn.now.mono, turn.rng);
        if just_unreachable {
            turn.event(Event::Unreachable { source: self.name.clone() });
        }
        if let Some(remote) = self.remote()
            && turn.outbox.has_room()
        {
            match Exchange::begin(turn, remote, &self.options, &mut self.credentials) {
                Ok(exchange) => {
                    self.exchange = Some(exchange);
                    self.lacking = None;
                    self.counters.sent = self.counters.sent.saturating_add(1);
                }
                Err(lacking) => {
                    self.lacking = Some(lacking);
                    self.failed = self.failed.saturating_add(1);
                }
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let poll = match (&self.exchange, self.activity) {
            (Some(exchange), _) => Some(self.expiry(exchange)),
            (None, Activity::Online) => self.is_polled().then(|| self.poll.next()),
            (None, Activity::Stopped { until, .. }) => Some(until),
            (None, Activity::Offline) => None,
        };
        earlier(poll, self.keys_timeout())
    }

    /// Whether a poll takes place when it is due: not while the first keys are still awaited, but without keys later, when it
    /// fails like one that is not answered.
    fn is_polled(&self) -> bool {
        let waits = self.credentials.nts().is_some_and(|client| client.is_waiting());
        self.activity == Activity::Online && !self.duplicate && !waits
    }

    /// In how many seconds its next sample may be expected. A reference clock keeps its own pace.
    pub(crate) fn expected_s(&self, now: Mono) -> f64 {
        match self.origin {
            Origin::Network(_) if self.poll.in_burst() => self.poll.next().seconds_since(now),
            Origin::Network(_) => self.poll.answer_s(),
            Origin::Reference { .. } => self.pace_s,
        }
    }

    /// Drops the request under way: the clock jumped, or nobody wants the answer any more.
    pub(crate) fn abandon(&mut self, turn: &mut Turn<'_>) {
        if let Some(exchange) = self.exchange.take() {
            turn.outbox.push(Output::Close(exchange.token));
            if let Some(client) = self.credentials.nts_mut() {
                client.abandon();
            }
        }
    }

    /// Drops the request under way and sends another one at once: stamps of the first may be of another time.
    pub(crate) fn ask_again(&mut self, turn: &mut Turn<'_>) {
        if self.exchange.is_some() {
            self.abandon(turn);
            self.poll.hurry(turn.now.mono);
        }
    }

    /// Forgets the measurements, as the raw scale or the path is not what it was; asks again at once.
    pub(crate) fn remeasure(&mut self, turn: &mut Turn<'_>) {
        self.abandon(turn);
        self.estimator.reset();
        self.interval.reset();
        self.last = None;
        self.history.forget();
        self.sample = None;
        self.seat = None;
        self.verdict = None;
        self.bad = 0;
        self.failed = 0;
        if self.activity == Activity::Online {
            self.poll.start_burst(turn.now.mono);
        }
    }

    pub(crate) fn set_online(&mut self, online: bool, turn: &mut Turn<'_>) {
        if !online {
            self.abandon(turn);
            self.activity = Activity::Offline;
            return;
        }
        if self.activity != Activity::Online {
            self.activity = Activity::Online;
            self.poll.restart(turn.now.mono);
        }
        if let Some(client) = self.credentials.nts_mut() {
            client.hurry(turn);
        }
    }

    /// Why it gives no samples, where that is known.
    pub(crate) fn complaint(&self) -> Option<&'static str> {
        let keys = self.credentials.nts().and_then(NtsClient::complaint);
        keys.or(self.lacking.map(Lacking::complaint)).or(self.refused.map(Check::complaint))
    }

    /// Whether a sample of it may be used at `at`; else why not.
    pub(crate) fn fitness(&self, at: Raw, max_distance_s: f64) -> Result<(), &'static str> {
        match self.activity {
            Activity::Offline => return Err("switched off"),
            Activity::Stopped { .. } => return Err("told us to stop"),
            Activity::Online => {}
        }
        if self.duplicate {
            return Err(DUPLICATE);
        }
        if self.last.is_none() {
            return Err(self.complaint().unwrap_or("has not answered yet"));
        }
        if self.poll.reach() == 0 {
            return Err(self.complaint().unwrap_or("does not answer"));
        }
        match self.interval.at(at) {
            Some([lo, hi]) if hi - lo < 2.0 * max_distance_s => Ok(()),
            Some(_) => Err("its root distance is above the limit"),
            None => Err("has not answered yet"),
        }
    }

    /// Whether what it said once still counts for anything.
    pub(crate) fn vouches(&self) -> bool {
        self.options.max_unreach.is_none_or(|polls| self.poll.silence() <= polls)
    }

    /// The request ended without an answer.
    fn fail(&mut self, turn: &mut Turn<'_>) {
        self.failed = self.failed.saturating_add(1);
        self.refused = self.counters.take_complaint();
        if let Some(exchange) = &self.exchange {
            self.counters.forget_closed_port(exchange.token);
        }
        if self.credentials.nts_mut().is_some_and(NtsClient::handle_unanswered) {
            self.poll.hurry(turn.now.mono);
        }
        self.abandon(turn);
    }

    /// When a request is given up: when its answer would be too late, or sooner if the next one is due. A server that
    /// answered, but is not synchronised yet, is asked again in time.
    fn expiry(&self, exchange: &Exchange) -> Mono {
        let latest = exchange.asked.after(self.options.max_delay_s.clamp(0.01, 16.0));
        latest.min(self.poll.next().max(exchange.asked.after(LEAST_PATIENCE_S)))
    }
}

/// So many seconds later on the raw scale.
pub(crate) fn later(at: Raw, seconds: f64) -> Raw {
    at + NtpDuration::from_seconds(seconds)
}
