//! A small world for one engine: virtual time, a virtual clock, scripted servers. Everything is repeatable.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use truechimer_discipline::clock::{ClockCommand, ClockResult, ClockStatus};
use truechimer_discipline::virtual_clock::VirtualClock;
use truechimer_engine::config::*;
use truechimer_engine::{
    Command, Datagram, Engine, Event, Initial, KeyExchange, KeyExchangeFault, Output, QueryId, ResolveError,
    Token, Transmit, Verdict,
};
use truechimer_time::{
    Cooked, Frequency, Leap, Mono, Now, NtpDuration, NtpShort, NtpTimestamp, Stamp, StampSource,
};
use truechimer_wire::{Header, Mode, ReferenceId};

/// 2026-01-15T12:00:00Z.
pub const START: Cooked = Cooked::from_unix_nanos(1_768_478_400_000_000_000);
/// A time that is certainly past.
pub const FLOOR: Cooked = Cooked::from_unix_nanos(1_760_000_000_000_000_000);

/// Makes a whole packet of a request and the header of its reply.
type Seal = Box<dyn FnMut(&[u8], &Header) -> Vec<u8>>;
mod nts;

pub use nts::*;

type Script = Box<dyn FnMut(&Header, &mut Header) -> bool>;

/// A scripted server.
pub struct Server {
    pub address: SocketAddr,
    /// How far its clock is ahead of the truth, seconds.
    pub error_s: f64,
    pub forward_s: f64,
    pub backward_s: f64,
    /// Mean of an exponential extra delay each way.
    pub jitter_s: f64,
    pub alive: bool,
    pub leap: Leap,
    pub stratum: u8,
    pub reference_id: ReferenceId,
    pub root_delay_s: f64,
    pub root_dispersion_s: f64,
    /// Changes the reply at will; `false` drops it.
    pub script: Script,
    /// Puts behind the reply's header what belongs there.
    pub seal: Seal,
    /// Requests that arrived.
    pub asked: u64,
}

impl Server {
    pub fn new(last: u8) -> Self {
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), 123),
            error_s: 0.0,
            forward_s: 0.001,
            backward_s: 0.001,
            jitter_s: 0.00005,
            alive: true,
            leap: Leap::None,
            stratum: 1,
            reference_id: ReferenceId(*b"GPS\0"),
            root_delay_s: 0.0,
            root_dispersion_s: 0.00002,
            script: Box::new(|_, _| true),
            seal: Box::new(|_, reply| reply.write().to_vec()),
            asked: 0,
        }
    }

    pub fn error(mut self, seconds: f64) -> Self {
        self.error_s = seconds;
        self
    }

    pub fn delays(mut self, forward_s: f64, backward_s: f64) -> Self {
        (self.forward_s, self.backward_s) = (forward_s, backward_s);
        self
    }

    pub fn scripted(mut self, script: impl FnMut(&Header, &mut Header) -> bool + 'static) -> Self {
        self.script = Box::new(script);
        self
    }

    pub fn sealed(mut self, seal: impl FnMut(&[u8], &Header) -> Vec<u8> + 'static) -> Self {
        self.seal = Box::new(seal);
        self
    }

    pub fn dead(mut self) -> Self {
        self.alive = false;
        self
    }
}

/// The configuration of one server.
pub fn source(last: u8) -> SourceConfig {
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
    SourceConfig {
        name: None,
        kind: SourceKind::Server(Endpoint { host: Host::Address(address), port: 123 }),
        options: SourceOptions::default(),
    }
}

pub fn named(name: &str) -> SourceConfig {
    SourceConfig {
        name: None,
        kind: SourceKind::Server(Endpoint { host: Host::Name(name.into()), port: 123 }),
        options: SourceOptions::default(),
    }
}

pub fn pool(name: &str, size: u8) -> SourceConfig {
    SourceConfig {
        name: None,
        kind: SourceKind::Pool { endpoint: Endpoint { host: Host::Name(name.into()), port: 123 }, size },
        options: SourceOptions::default(),
    }
}

pub fn config(sources: Vec<SourceConfig>) -> EngineConfig {
    EngineConfig {
        sources,
        serve: None,
        clock: ClockConfig::default(),
        selection: SelectionConfig::default(),
        local: None,
        keys: KeyTable::default(),
        nts: NtsConfig::default(),
        era_floor: FLOOR,
    }
}

/// Serves everybody.
pub fn serve() -> ServeConfig {
    let everybody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    ServeConfig {
        listen: vec![Listener { address: SocketAddr::from(([0, 0, 0, 0], 123)), interface: None }],
        access: vec![AccessRule { network: everybody, prefix_len: 0, allow: true }],
        ..ServeConfig::default()
    }
}

pub fn initial() -> Initial {
    Initial {
        oscillator: None,
        stepped_total: NtpDuration::ZERO,
        controls_clock: true,
        precision: -25,
        certificate_floor: None,
    }
}

enum Delivery {
    Arrive { token: Token, bytes: Vec<u8>, at: SocketAddr },
    Reply { token: Token, bytes: Vec<u8>, from: SocketAddr },
    Keys(Box<KeyExchange>),
}

/// How the kernel stamps departures.
#[derive(Clone, Copy, PartialEq)]
pub enum TxStamps {
    Never,
    BeforeReply,
    AfterReply,
}

pub struct World {
    pub truth: Cooked,
    pub clock: VirtualClock,
    pub engine: Engine,
    pub servers: Vec<Server>,
    pub dns: HashMap<String, Result<Vec<IpAddr>, ResolveError>>,
    pub tx: TxStamps,
    /// The clock refuses steps with this error.
    pub fail_steps: Option<i32>,
    /// The clock refuses everything with this error.
    pub fail_clock: Option<i32>,
    pub events: Vec<(f64, Event)>,
    pub commands: Vec<(f64, ClockCommand)>,
    pub statuses: Vec<(f64, ClockStatus)>,
    pub sent: Vec<(f64, Transmit)>,
    pub open: BTreeMap<Token, SocketAddr>,
    pub most_open: usize,
    pub resolves: Vec<(f64, QueryId, String)>,
    /// Servers for key exchange, by name. Where there is none, nobody can be reached.
    /// Members of pools are found by their address.
    pub key_servers: HashMap<String, SharedKeyServer>,
    /// The address of ours that replies come to.
    pub local: IpAddr,
    pub exchanges: Vec<(f64, KeyExchange)>,
    /// Largest excess of the true error over the reported bound.
    pub worst_excess: f64,
    /// Moments at which both were compared.
    pub compared: u64,
    pub turns: u64,
    /// Compare what is served with the truth as well.
    pub serving: bool,
    /// No majority lies: the kernel's word is compared with the truth as well.
    pub honest: bool,
    queue: BTreeMap<(i128, u64), Delivery>,
    order: u64,
    rng: u64,
}

impl World {
    /// A world with a clock that is `error_s` ahead and runs `ppm` fast.
    pub fn new(config: EngineConfig, error_s: f64, ppm: f64, servers: Vec<Server>) -> Self {
        Self::with(config, initial(), error_s, ppm, servers)
    }

    pub fn with(
        config: EngineConfig,
        initial: Initial,
        error_s: f64,
        ppm: f64,
        servers: Vec<Server>,
    ) -> Self {
        Self::at(START, config, initial, error_s, ppm, servers)
    }

    pub fn at(
        truth: Cooked,
        config: EngineConfig,
        initial: Initial,
        error_s: f64,
        ppm: f64,
        servers: Vec<Server>,
    ) -> Self {
        let serving = config.serve.is_some();
        let clock = VirtualClock::new(truth, NtpDuration::from_seconds(error_s), Frequency::from_ppm(ppm));
        let now = Now { mono: mono(truth), cooked: clock.cooked() };
        let mut world = Self {
            truth,
            clock,
            engine: Engine::new(config, initial, [7; 32], now),
            servers,
            dns: HashMap::new(),
            tx: TxStamps::BeforeReply,
            fail_steps: None,
            fail_clock: None,
            events: Vec::new(),
            commands: Vec::new(),
            statuses: Vec::new(),
            sent: Vec::new(),
            open: BTreeMap::new(),
            most_open: 0,
            resolves: Vec::new(),
            key_servers: HashMap::new(),
            local: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 100)),
            exchanges: Vec::new(),
            worst_excess: f64::NEG_INFINITY,
            compared: 0,
            turns: 0,
            serving,
            honest: true,
            queue: BTreeMap::new(),
            order: 0,
            rng: 0x9e37_79b9_7f4a_7c15,
        };
        world.drain();
        world
    }

    pub fn now(&self) -> Now {
        Now { mono: mono(self.truth), cooked: self.clock.cooked() }
    }

    /// Seconds since the start of most worlds.
    pub fn elapsed(&self) -> f64 {
        (self.truth - START).seconds()
    }

    /// True error of the clock, seconds.
    pub fn error(&self) -> f64 {
        self.clock.error().seconds()
    }

    pub fn server(&mut self, last: u8) -> &mut Server {
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
        self.servers.iter_mut().find(|server| server.address.ip() == address).unwrap()
    }

    /// Lets time pass.
    pub fn run(&mut self, seconds: f64) {
        let end = self.truth + NtpDuration::from_seconds(seconds);
        let mut stuck = 0;
        let mut compare_at = self.truth;
        loop {
            let deadline = self.engine.poll_timeout().map(|at| truth_at(at).max(self.truth));
            let delivery = self.queue.first_key_value().map(|(key, _)| Cooked::from_bits(key.0));
            let next = [deadline, delivery, Some(compare_at + NtpDuration::from_seconds(1.0))]
                .into_iter()
                .flatten()
                .min()
                .unwrap()
                .min(end);
            stuck = if next > self.truth { 0 } else { stuck + 1 };
            assert!(stuck < 1000, "the engine turns in circles at {} s", self.elapsed());
            self.advance(next);
            self.turns += 1;
            if delivery.is_some_and(|at| at <= self.truth) {
                let (_, delivery) = self.queue.pop_first().unwrap();
                self.deliver(delivery);
            } else if deadline.is_some_and(|at| at <= self.truth) {
                self.engine.handle_timeout(self.now());
            }
            self.drain();
            if self.truth >= compare_at + NtpDuration::from_seconds(1.0) {
                compare_at = self.truth;
            }
            self.compare();
            if self.truth >= end && self.queue.first_key_value().is_none_or(|(key, _)| key.0 > end.bits()) {
                return;
            }
        }
    }

    pub fn advance(&mut self, truth: Cooked) {
        self.truth = truth;
        self.clock.advance(truth);
    }

    /// A datagram of anybody, now.
    pub fn inject(&mut self, token: Token, from: SocketAddr, bytes: &[u8]) {
        let received = Stamp { at: self.clock.cooked(), source: StampSource::Kernel, error: 1e-7 };
        let datagram = Datagram { bytes, remote: from, local: Some(self.local), received };
        self.engine.handle_datagram(token, &datagram, self.now());
        self.drain();
    }

    /// A reference clock gives the true time.
    pub fn pulse(&mut self, name: &str) {
        let stamp = Stamp { at: self.clock.cooked(), source: StampSource::Kernel, error: 1e-6 };
        let (truth, now) = (self.truth, self.now());
        self.engine.handle_reference(name, stamp, truth, now);
        self.drain();
    }

    /// Somebody else sets the clock.
    pub fn meddle(&mut self, by_s: f64) {
        self.clock.apply(ClockCommand::Step(NtpDuration::from_seconds(by_s)));
    }

    pub fn command(&mut self, command: Command) {
        self.engine.handle_command(command, self.now()).unwrap();
        self.drain();
    }

    pub fn report(&self) -> truechimer_engine::report::Report {
        self.engine.report(self.now())
    }

    pub fn saw(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| wanted(event)).count()
    }

    /// A reply to the request, as the server at `from` with a right clock would send it now.
    pub fn honest_reply(&self, request: &Transmit) -> Header {
        let request = Header::parse(request.payload()).unwrap();
        let mut reply = blank_reply(&request);
        reply.receive_timestamp = self.truth.timestamp();
        reply.transmit_timestamp = self.truth.timestamp();
        reply.reference_timestamp = (self.truth - NtpDuration::from_seconds(10.0)).timestamp();
        reply
    }

    pub fn uniform(&mut self) -> f64 {
        self.rng ^= self.rng << 13;
        self.rng ^= self.rng >> 7;
        self.rng ^= self.rng << 17;
        (self.rng >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }

    fn compare(&mut self) {
        if let Some(bound) = self.engine.bound(self.now()) {
            self.compared += 1;
            self.worst_excess = self.worst_excess.max(self.error().abs() - bound);
        }
        // What the kernel tells every program on the machine must be true as well (A8).
        let status = self.clock.status();
        if status.synchronised && self.honest {
            let excess = self.error().abs() - status.max_error_s;
            assert!(excess <= 1e-9, "kernel's maxerror is {excess} too small at {} s", self.elapsed());
        }
        if self.serving {
            self.check_served();
        }
    }

    /// Fingerprint of everything that a refused packet must leave alone, with all that is due already done.
    pub fn digest(&mut self) -> u64 {
        self.engine.handle_timeout(self.now());
        self.drain();
        let mut hasher = std::collections::hash_map::DefaultHasher::new();
        std::hash::Hash::hash(&self.engine.state_digest(), &mut hasher);
        std::hash::Hasher::finish(&hasher)
    }

    /// Asks our own server, as a client on this machine's network would, without any delay.
    pub fn ask(&mut self) -> Option<Header> {
        let request = Header::request(4, NtpTimestamp::from_bits(0x1122_3344_5566_7788)).write();
        let mut buffer = [0; 512];
        buffer[..request.len()].copy_from_slice(&request);
        let now = self.now();
        let received = Stamp { at: now.cooked, source: StampSource::Kernel, error: 0.0 };
        let remote = SocketAddr::from(([192, 0, 2, 200], 40_000));
        let local = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 100)));
        let verdict = self.engine.handle_request(&mut buffer, request.len(), remote, local, received, now);
        let Verdict::Reply(len) = verdict else { return None };
        self.engine.stamp_reply(&mut buffer[..len], now.cooked);
        Header::parse(&buffer[..len])
    }

    /// I7: what is told to others is true.
    fn check_served(&mut self) {
        let Some(reply) = self.ask() else { return };
        if reply.leap == Leap::Unsynchronised || reply.reference_id == ReferenceId::LOCAL {
            return;
        }
        let distance = reply.root_delay.seconds() / 2.0 + reply.root_dispersion.seconds();
        let error = self.error().abs();
        assert!(error <= distance, "served distance {distance} is below the error {error}");
        assert!((1..=15).contains(&reply.stratum));
    }

    pub fn drain(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.engine.poll_output() {
            outputs += 1;
            assert!(outputs < 5000, "outputs without end");
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        let at = self.elapsed();
        match output {
            Output::Send(request) => self.send(*request),
            Output::Close(token) => {
                assert!(self.open.remove(&token).is_some(), "closed twice: {token:?}");
            }
            Output::Resolve { query, name, .. } => {
                self.resolves.push((at, query, name.clone()));
                if let Some(answer) = self.dns.get(&name).cloned() {
                    let answer = answer.as_ref().map(Vec::as_slice).map_err(|error| *error);
                    self.engine.handle_resolved(query, answer, self.now());
                }
            }
            Output::KeyExchange(exchange) => {
                let after_s = self.key_server(&exchange).map_or(0.1, |server| server.borrow().delay_s);
                self.exchanges.push((at, (*exchange).clone()));
                self.schedule(after_s, Delivery::Keys(exchange));
            }
            Output::Clock(command) => {
                self.commands.push((at, command));
                if let ClockCommand::SetStatus(status) = command {
                    self.statuses.push((at, status));
                }
                let result = match (self.fail_clock, self.fail_steps, command) {
                    (Some(errno), _, _) | (_, Some(errno), ClockCommand::Step(_)) => {
                        ClockResult::Failed(errno)
                    }
                    _ => self.clock.apply(command),
                };
                self.engine.handle_clock_result(result, self.now());
            }
            Output::Event(event) => self.events.push((at, event)),
        }
    }

    fn send(&mut self, request: Transmit) {
        self.sent.push((self.elapsed(), request));
        assert!(self.open.insert(request.token, request.remote).is_none(), "token used twice");
        self.most_open = self.most_open.max(self.open.len());
        let now = self.now();
        let user = Stamp { at: now.cooked, source: StampSource::User, error: 2e-6 };
        self.engine.handle_sent(request.token, user, now);
        if self.tx == TxStamps::BeforeReply {
            let kernel = Stamp { at: now.cooked, source: StampSource::Kernel, error: 1e-7 };
            self.engine.handle_tx_timestamp(request.token, kernel, now);
        }
        let Some(server) = self.servers.iter().find(|server| server.address == request.remote) else {
            return;
        };
        let (base, jitter) = (server.forward_s, server.jitter_s);
        let after = base + self.exponential(jitter);
        let arrive =
            Delivery::Arrive { token: request.token, bytes: request.payload().to_vec(), at: request.remote };
        self.schedule(after, arrive);
    }

    fn key_server(&self, exchange: &KeyExchange) -> Option<SharedKeyServer> {
        let by_address = self.key_servers.get(&exchange.remote.ip().to_string());
        self.key_servers.get(&exchange.name).or(by_address).cloned()
    }

    fn schedule(&mut self, after_s: f64, delivery: Delivery) {
        let at = self.truth + NtpDuration::from_seconds(after_s);
        self.order += 1;
        self.queue.insert((at.bits(), self.order), delivery);
    }

    fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Arrive { token, bytes, at } => {
                let truth = self.truth;
                let Some(server) = self.servers.iter_mut().find(|server| server.address == at) else {
                    return;
                };
                server.asked += 1;
                if !server.alive {
                    return;
                }
                let request = Header::parse(&bytes).unwrap();
                let mut reply = blank_reply(&request);
                let clock = truth + NtpDuration::from_seconds(server.error_s);
                reply.leap = server.leap;
                reply.stratum = server.stratum;
                reply.reference_id = server.reference_id;
                reply.root_delay = NtpShort::from_seconds_up(server.root_delay_s);
                reply.root_dispersion = NtpShort::from_seconds_up(server.root_dispersion_s);
                reply.reference_timestamp = (clock - NtpDuration::from_seconds(10.0)).timestamp();
                reply.receive_timestamp = clock.timestamp();
                reply.transmit_timestamp = clock.timestamp();
                if !(server.script)(&request, &mut reply) {
                    return;
                }
                let sealed = (server.seal)(&bytes, &reply);
                let (base, jitter) = (server.backward_s, server.jitter_s);
                let after = base + self.exponential(jitter);
                self.schedule(after, Delivery::Reply { token, bytes: sealed, from: at });
            }
            Delivery::Keys(exchange) => {
                let result = match self.key_server(&exchange) {
                    Some(server) => server.borrow_mut().exchange(&exchange, self.truth),
                    None => Err(no_keys(KeyExchangeFault::Unreachable)),
                };
                self.engine.handle_key_exchange(exchange.query, result, self.now());
            }
            Delivery::Reply { token, bytes, from } => {
                // A socket that was closed hears nothing.
                if self.open.contains_key(&token) {
                    self.inject(token, from, &bytes);
                    if self.tx == TxStamps::AfterReply {
                        let late =
                            Stamp { at: self.clock.cooked(), source: StampSource::Kernel, error: 1e-7 };
                        self.engine.handle_tx_timestamp(token, late, self.now());
                    }
                }
            }
        }
    }
}

/// A reply with everything but the time.
pub fn blank_reply(request: &Header) -> Header {
    Header {
        leap: Leap::None,
        version: request.version,
        mode: Mode::Server,
        stratum: 1,
        poll: 6,
        precision: -24,
        root_delay: NtpShort::default(),
        root_dispersion: NtpShort::from_seconds_up(0.00002),
        reference_id: ReferenceId(*b"GPS\0"),
        reference_timestamp: NtpTimestamp::ZERO,
        origin_timestamp: request.transmit_timestamp,
        receive_timestamp: NtpTimestamp::ZERO,
        transmit_timestamp: NtpTimestamp::ZERO,
    }
}

/// The monotonic clock runs with the truth, from a start of its own.
fn mono(truth: Cooked) -> Mono {
    Mono::from_nanos((1_000_000_000_000 + (truth - START).nanos() + MONO_SHIFT) as u64)
}

fn truth_at(mono: Mono) -> Cooked {
    // Rounded up, so that a deadline is never met too early.
    START + NtpDuration::from_nanos(i128::from(mono.nanos()) - 1_000_000_000_000 - MONO_SHIFT + 1)
}

/// Worlds may start long before or after [`START`].
const MONO_SHIFT: i128 = 100 * 365 * 86_400 * 1_000_000_000;
