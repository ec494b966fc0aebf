//! One machine that runs the engine: a kernel's clock on a wandering oscillator, sockets, and the loop that does
//! for the engine what `chimerd` does.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use truechimer_discipline::clock::{ClockCommand, ClockResult};
use truechimer_discipline::virtual_clock::VirtualClock;
use truechimer_engine::io::QueryId;
use truechimer_engine::{Engine, Event, Initial, KeyExchange, Output, Token};
use truechimer_time::{Cooked, Mono, Now, NtpDuration, Stamp, StampSource};

use crate::attack::Tap;
use crate::check::{Book, Cause, Corpus, Watch};
use crate::link::{Direction, Link};
use crate::oscillator::Oscillator;
use crate::random::Random;
use crate::scenario::{HostConfig, Path, Peer};

/// The monotonic clock does not begin at zero, so that a deadline "before the start" is no underflow.
const BOOT_NS: i128 = 1_000_000_000_000;
/// log2 of the resolution of the simulated clock.
const PRECISION: i8 = -31;

/// How many events of each kind are kept with their time; the others are counted.
const HAPPENINGS: u64 = 32;

/// An event and when it was reported.
#[derive(Clone, Debug)]
pub struct Happening {
    /// Seconds from the start of the run.
    pub at_s: f64,
    /// What.
    pub event: Event,
}

/// What leaves a host in one turn.
#[derive(Debug)]
pub(crate) enum Departure {
    /// A request enters the network: it comes out after so many seconds, once or twice or never.
    Request { token: Token, remote: SocketAddr, bytes: Vec<u8>, after_s: [Option<f64>; 2] },
    /// A name is to be resolved.
    Question { query: QueryId, name: String },
    /// Keys are to be exchanged.
    KeyExchange(Box<KeyExchange>),
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) config: HostConfig,
    pub(crate) engine: Engine,
    pub(crate) watch: Watch,
    pub(crate) tap: Tap,
    pub(crate) corpus: Corpus,
    pub(crate) events: BTreeMap<String, u64>,
    pub(crate) happenings: Vec<Happening>,
    pub(crate) packets: u64,
    /// When the first request left, seconds from the start.
    pub(crate) first_packet_s: Option<f64>,
    pub(crate) steps: u64,
    /// When the engine wants to be called, in true time.
    pub(crate) due: Option<Cooked>,
    /// Until when the machine sleeps.
    pub(crate) asleep_until: Option<Cooked>,
    /// Steps since the statistics were last taken, seconds.
    pub(crate) stepped_s: f64,
    /// Frequency error of the oscillator in this step of the world.
    pub(crate) rate: f64,
    clock: VirtualClock,
    oscillator: Oscillator,
    links: Vec<Link>,
    random: Random,
    began: Cooked,
    stepped: NtpDuration,
    slept: NtpDuration,
    open: Vec<Token>,
    /// Questions without an answer: for names, for keys.
    names_asked: usize,
    key_exchanges: usize,
}

impl Host {
    /// Switched on at `truth`. `streams` are the numbers of its random streams.
    pub(crate) fn new(index: usize, config: HostConfig, truth: Cooked, step_s: f64, seed: u64) -> Self {
        let stream = |part: u64| Random::new(seed, 1000 * (index as u64 + 1) + part);
        let mut oscillator = Oscillator::new(config.oscillator.clone(), step_s, stream(0));
        let error = NtpDuration::from_seconds(config.offset_s);
        let frequency = oscillator.advance();
        let clock = VirtualClock::new(truth, error, frequency);
        let now = Now { mono: Mono::from_nanos(BOOT_NS as u64), cooked: clock.cooked() };
        let engine_config = config.engine_config(index);
        let initial = Initial {
            oscillator: config.known,
            stepped_total: NtpDuration::ZERO,
            controls_clock: config.controls_clock,
            precision: PRECISION,
            certificate_floor: Some(truth + NtpDuration::from_seconds(config.certificate_floor_s)),
        };
        let engine = Engine::new(engine_config.clone(), initial, stream(1).seed(), now);
        let links =
            (10..).zip(&config.paths).map(|(n, path)| Link::new(path.link.clone(), stream(n))).collect();
        Self {
            watch: Watch::new(index, engine_config),
            engine,
            tap: Tap::default(),
            corpus: Corpus::default(),
            events: BTreeMap::new(),
            happenings: Vec::new(),
            packets: 0,
            first_packet_s: None,
            steps: 0,
            due: Some(truth),
            asleep_until: None,
            stepped_s: 0.0,
            rate: frequency.rate(),
            began: clock.cooked(),
            clock,
            oscillator,
            links,
            random: stream(2),
            stepped: NtpDuration::ZERO,
            slept: NtpDuration::ZERO,
            open: Vec::new(),
            names_asked: 0,
            key_exchanges: 0,
            config,
        }
    }

    /// Both clocks, as read at this moment.
    pub(crate) fn now(&self) -> Now {
        let cooked = self.clock.cooked();
        let ran = cooked - self.began - self.stepped - self.slept;
        Now { mono: Mono::from_nanos((BOOT_NS + ran.nanos()).max(0) as u64), cooked }
    }

    /// The clock, which knows the truth.
    pub(crate) const fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, truth: Cooked) {
        self.clock.advance(truth);
    }

    /// A step of the world ends: the oscillator changes.
    pub(crate) fn turn_oscillator(&mut self) {
        let frequency = self.oscillator.advance();
        self.rate = frequency.rate();
        self.clock.set_oscillator(frequency);
        self.schedule();
    }

    /// A stamp by who stamps here, at the present moment.
    pub(crate) fn stamp(&mut self, source: StampSource) -> Stamp {
        let stamps = &self.config.stamps;
        let noise = if stamps.noise_s == 0.0 { 0.0 } else { stamps.noise_s * self.random.normal() };
        let at = self.clock.cooked() + NtpDuration::from_seconds(noise);
        Stamp { at, source, error: stamps.stated_error_s }
    }

    /// A unit normal variate of this host's own.
    pub(crate) fn normal(&mut self) -> f64 {
        self.random.normal()
    }

    /// Calls the engine, carries out what it wants, and checks both. `false` if the run cannot go on.
    pub(crate) fn turn(
        &mut self,
        book: &mut Book,
        at_s: f64,
        cause: Cause,
        departures: &mut Vec<Departure>,
        call: impl FnOnce(&mut Engine, Now),
    ) -> bool {
        self.watch.begin();
        let now = self.now();
        call(&mut self.engine, now);
        let mut goes_on = true;
        while let Some(output) = self.engine.poll_output() {
            if !self.watch.output(book, at_s) {
                goes_on = false;
                break;
            }
            self.carry_out(book, at_s, output, departures);
        }
        self.schedule();
        let next_s = self.due.map(|due| (due - self.clock.truth()).seconds());
        goes_on &= self.watch.end(book, at_s, cause, next_s);
        self.watch.tables(book, at_s, self.open.len(), self.names_asked, self.key_exchanges);
        self.check_clock(book, at_s);
        if self.watch.corrected() {
            self.watch.report(book, at_s, &self.engine.report(self.now()));
        }
        goes_on
    }

    /// I1 at this moment. Returns the true error and the reported bound, seconds.
    pub(crate) fn check_clock(&mut self, book: &mut Book, at_s: f64) -> (f64, Option<f64>) {
        let error = self.clock.error().seconds();
        let bound = self.engine.bound(self.now());
        self.watch.clock_error(book, at_s, error, bound, self.clock.status());
        (error, bound)
    }

    fn carry_out(&mut self, book: &mut Book, at_s: f64, output: Output, departures: &mut Vec<Departure>) {
        match output {
            Output::Send(request) => {
                self.send(at_s, request.token, request.remote, request.payload(), departures)
            }
            Output::Close(token) => self.open.retain(|&open| open != token),
            Output::Resolve { query, name, .. } => {
                self.names_asked += 1;
                departures.push(Departure::Question { query, name });
            }
            Output::KeyExchange(exchange) => {
                self.key_exchanges += 1;
                departures.push(Departure::KeyExchange(exchange));
            }
            Output::Clock(command) => {
                let result = self.apply(command);
                self.watch.clock(book, at_s, command, result);
                let now = self.now();
                self.engine.handle_clock_result(result, now);
            }
            Output::Event(event) => self.record(at_s, event),
        }
    }

    fn send(
        &mut self,
        at_s: f64,
        token: Token,
        remote: SocketAddr,
        bytes: &[u8],
        departures: &mut Vec<Departure>,
    ) {
        self.packets += 1;
        self.first_packet_s.get_or_insert(at_s);
        self.open.push(token);
        self.tap.request(token, remote, bytes);
        self.corpus.request(bytes);
        let stamp = self.stamp(StampSource::User);
        let now = self.now();
        self.engine.handle_sent(token, stamp, now);
        if self.config.stamps.source != StampSource::User {
            let stamp = self.stamp(self.config.stamps.source);
            self.engine.handle_tx_timestamp(token, stamp, now);
        }
        let Some(after_s) = self.pass(remote, Direction::Up, at_s) else { return };
        let bytes = self.left_of(remote, bytes, at_s).to_vec();
        departures.push(Departure::Request { token, remote, bytes, after_s });
    }

    /// Sends something through the link to `remote`, either way; `None` if there is no such link.
    pub(crate) fn pass(
        &mut self,
        remote: SocketAddr,
        direction: Direction,
        at_s: f64,
    ) -> Option<[Option<f64>; 2]> {
        let index = self.path(remote)?.0;
        Some(self.links.get_mut(index)?.pass(direction, at_s))
    }

    /// The path to this address.
    pub(crate) fn path(&self, remote: SocketAddr) -> Option<(usize, &Path)> {
        self.config.paths.iter().enumerate().find(|(_, path)| path.peer.address() == remote)
    }

    /// How much of a packet comes out of the link to `remote`.
    pub(crate) fn left_of<'b>(&self, remote: SocketAddr, bytes: &'b [u8], at_s: f64) -> &'b [u8] {
        let link = self.path(remote).and_then(|(index, _)| self.links.get(index));
        link.and_then(|link| bytes.get(..link.passes(bytes, at_s))).unwrap_or(bytes)
    }

    /// Who is at this address, whatever the port.
    pub(crate) fn peer_at(&self, address: IpAddr) -> Option<Peer> {
        self.config.paths.iter().map(|path| path.peer).find(|peer| peer.address().ip() == address)
    }

    /// The daemon dies, and another one is started at once.
    pub(crate) fn restart(&mut self, index: usize) {
        let now = self.now();
        let config = self.config.engine_config(index);
        let initial = Initial {
            oscillator: Some(self.engine.oscillator()),
            stepped_total: self.engine.stepped_total(),
            controls_clock: self.config.controls_clock,
            precision: PRECISION,
            certificate_floor: Some(now.cooked),
        };
        self.engine = Engine::new(config.clone(), initial, self.random.seed(), now);
        self.watch = Watch::new(index, config);
        self.open.clear();
        self.names_asked = 0;
        self.key_exchanges = 0;
        self.schedule();
    }

    /// The question for a name was answered.
    pub(crate) fn answers(&mut self, name: &str) -> Vec<IpAddr> {
        self.names_asked = self.names_asked.saturating_sub(1);
        self.config.resolve(name)
    }

    /// A key exchange has ended.
    pub(crate) fn keys_exchanged(&mut self) {
        self.key_exchanges = self.key_exchanges.saturating_sub(1);
    }

    fn apply(&mut self, command: ClockCommand) -> ClockResult {
        if !self.config.controls_clock {
            return ClockResult::Observing;
        }
        let result = self.clock.apply(command);
        if let ClockResult::Stepped { by, .. } = result {
            self.steps += 1;
            self.moved(by);
        }
        result
    }

    /// Another program's hand on the clock.
    pub(crate) fn interfere(&mut self, command: ClockCommand) {
        if let ClockResult::Stepped { by, .. } = self.clock.apply(command) {
            self.moved(by);
        }
        self.schedule();
    }

    fn moved(&mut self, by: NtpDuration) {
        self.stepped += by;
        self.stepped_s += by.seconds();
    }

    /// The machine slept: its monotonic clock stood still for so long.
    pub(crate) fn wake(&mut self, slept: NtpDuration) {
        self.asleep_until = None;
        self.slept += slept;
        self.schedule();
    }

    fn record(&mut self, at_s: f64, event: Event) {
        let text = format!("{event:?}");
        let kind = text.split([' ', '{']).next().unwrap_or_default();
        let count = self.events.entry(kind.to_owned()).or_default();
        *count += 1;
        if *count <= HAPPENINGS {
            self.happenings.push(Happening { at_s, event });
        }
    }

    /// When the engine's deadline will have passed, in true time.
    fn schedule(&mut self) {
        let truth = self.clock.truth();
        self.due = self.engine.poll_timeout().map(|deadline| {
            let now = self.now().mono;
            if deadline <= now {
                return truth;
            }
            let ahead_s = deadline.seconds_since(now);
            let second = NtpDuration::from_seconds(1.0);
            let rate = (self.clock.cooked_at(truth + second) - self.clock.cooked()).seconds();
            truth + NtpDuration::from_seconds(ahead_s / rate + 1e-9)
        });
    }

    /// Whether the engine's deadline has really passed (the oscillator may have changed since it was scheduled).
    pub(crate) fn is_due(&mut self) -> bool {
        let passed = self.engine.poll_timeout().is_some_and(|deadline| deadline <= self.now().mono);
        if !passed {
            self.schedule();
        }
        passed
    }
}
