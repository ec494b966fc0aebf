//! An engine, its clock, its servers and whoever else sends packets.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use truechimer_discipline::clock::{ClockCommand, ClockReadback};
use truechimer_discipline::virtual_clock::VirtualClock;
use truechimer_engine::config::{
    Authentication, ClockConfig, Endpoint, EngineConfig, Host, KeyTable, LocalConfig, NtsConfig, NtsOptions,
    PanicLimits, SelectionConfig, SourceConfig, SourceKind, SourceOptions,
};
use truechimer_engine::{Command, Datagram, Engine, Initial, Output, QueryId, ResolveError, Token};
use truechimer_time::{Cooked, Frequency, Leap, Mono, Now, NtpDuration, NtpShort, Stamp, StampSource};
use truechimer_wire::{Header, Mode, ReferenceId};

use self::secrets::Secrets;
use super::input::Input;

mod secrets;

/// 2026-01-15T12:00:00Z.
const START: Cooked = Cooked::from_unix_nanos(1_768_478_400_000_000_000);
/// The panic limits: the usual ones, and the same at the start, where by default there is none.
const LARGEST_STEP_S: f64 = 1000.0;
/// Things that happen in one session, at most.
const MAX_TURNS: usize = 256;
/// Outputs of one turn: many more than any turn has a reason for.
const MAX_OUTPUTS: usize = 1000;
/// Requests and questions that can still be answered, at most.
const MAX_PENDING: usize = 16;

/// A session: the state at the start, then what happens to the engine, one thing a turn.
///
/// The input: options (1 byte), error of the clock (2, in 2^-10 s, signed), error of the oscillator (1, in 4 ppm, signed); then
/// turns: what happens (1 byte, its low four bits), and what that needs.
pub fn engine_session(data: &[u8]) {
    let mut input = Input::new(data);
    let mut session = Session::new(&mut input);
    for _ in 0..MAX_TURNS {
        if input.is_empty() {
            break;
        }
        session.turn(&mut input);
        session.drain();
        session.check();
    }
    session.engine.shutdown(session.now());
    session.drain();
    assert_eq!(session.engine.poll_timeout(), None, "a closed engine wants nothing");
}

struct Session {
    engine: Engine,
    truth: Cooked,
    clock: VirtualClock,
    config: EngineConfig,
    requests: VecDeque<(Token, SocketAddr, Vec<u8>)>,
    questions: VecDeque<QueryId>,
    exchanges: VecDeque<QueryId>,
    secrets: Secrets,
    /// Whether sending fails, and whether the clock refuses orders.
    broken: u8,
    /// Fastest that the clock may be made to run.
    max_rate: f64,
}

impl Session {
    fn new(input: &mut Input<'_>) -> Self {
        let options = input.u8();
        let error = NtpDuration::from_seconds(f64::from(input.u16() as i16) / 1024.0);
        let oscillator = Frequency::from_ppm(f64::from(input.u8() as i8) * 4.0);
        let clock = VirtualClock::new(START, error, oscillator);
        let config = config(options);
        let initial = Initial { controls_clock: true, precision: -25, ..Initial::default() };
        let now = Now { mono: mono(START), cooked: clock.cooked() };
        let max_rate = config.clock.max_frequency + config.clock.max_slew_rate;
        let mut session = Self {
            engine: Engine::new(config.clone(), initial, [options; 32], now),
            truth: START,
            clock,
            config,
            requests: VecDeque::new(),
            questions: VecDeque::new(),
            exchanges: VecDeque::new(),
            secrets: Secrets::new(),
            broken: 0,
            max_rate,
        };
        session.drain();
        session
    }

    fn now(&self) -> Now {
        Now { mono: mono(self.truth), cooked: self.clock.cooked() }
    }

    fn stamp(&self, error_s: f64) -> Stamp {
        Stamp {
            at: self.clock.cooked() + NtpDuration::from_seconds(error_s),
            source: StampSource::Kernel,
            error: 1e-6,
        }
    }

    fn pass(&mut self, seconds: f64) {
        self.truth = self.truth + NtpDuration::from_seconds(seconds);
        self.clock.advance(self.truth);
    }

    fn turn(&mut self, input: &mut Input<'_>) {
        match input.u8() & 15 {
            // Time, in milliseconds, then in seconds; then up to the deadline.
            0 => self.pass(f64::from(input.u8()) * 1e-3),
            1 => self.pass(f64::from(input.u16())),
            2..=4 => {
                if let Some(deadline) = self.engine.poll_timeout() {
                    self.pass(deadline.seconds_since(mono(self.truth)) + 1e-6);
                }
                self.engine.handle_timeout(self.now());
            }
            5..=7 => self.reply(input),
            8 => self.garbage(input),
            9 => self.answer(input),
            10 => {
                let token = Token(input.u8().into());
                self.engine.handle_tx_timestamp(
                    token,
                    self.stamp(f64::from(input.u8() as i8) * 1e-3),
                    self.now(),
                );
            }
            11 => self.broken = input.u8(),
            12 => self.command(input.u8()),
            13 => {
                let by = NtpDuration::from_seconds(f64::from(input.u16() as i16) / 16.0);
                self.clock.apply(ClockCommand::Step(by)); // somebody else
            }
            14 => {
                let readback =
                    ClockReadback { frequency: Frequency::from_ppm(f64::from(input.u16() as i16)) };
                self.engine.handle_clock_readback(readback, self.now());
            }
            _ => self.engine.handle_timeout(self.now()),
        }
    }

    /// A server answers a request of ours: rightly, then changed as the input says.
    fn reply(&mut self, input: &mut Input<'_>) {
        let which = usize::from(input.u8());
        let Some(at) = which.checked_rem(self.requests.len()) else { return };
        let (token, remote, request) = self.requests[at].clone();
        let sent = request;
        let request = Header::parse(&sent).expect("a request is a packet");
        let delay_s = f64::from(input.u8()) * 1e-4;
        let error_s = f64::from(input.u8() as i8) * 1e-3;
        self.pass(delay_s);
        let at_server = (self.truth + NtpDuration::from_seconds(error_s)).timestamp();
        let header = Header {
            leap: Leap::None,
            version: request.version,
            mode: Mode::Server,
            stratum: 2,
            poll: request.poll,
            precision: -25,
            root_delay: NtpShort::from_bits(10),
            root_dispersion: NtpShort::from_bits(10),
            reference_id: ReferenceId(*b"GPS\0"),
            reference_timestamp: at_server,
            origin_timestamp: request.transmit_timestamp,
            receive_timestamp: at_server,
            transmit_timestamp: at_server,
        };
        let mut bytes = self.secrets.seal(&sent, &header);
        self.pass(delay_s);
        let changes = input.u8();
        for _ in 0..changes & 7 {
            let place = usize::from(input.u8()) % bytes.len();
            bytes[place] = input.u8();
        }
        if changes & 8 != 0 {
            bytes.extend_from_slice(input.slice());
        }
        let received = self.stamp(0.0);
        for _ in 0..=changes >> 7 {
            self.engine.handle_datagram(
                token,
                &Datagram { bytes: &bytes, remote, local: None, received },
                self.now(),
            );
        }
    }

    /// Somebody sends anything to any socket of ours; nothing may come of it but a count.
    fn garbage(&mut self, input: &mut Input<'_>) {
        let token = Token(input.u8().into());
        let remote = SocketAddr::new(address(input.u8()), input.u16());
        let bytes = input.slice();
        // A jump of the clock is noticed at the next occasion, which shall not be this one.
        self.engine.handle_timeout(self.now());
        self.drain();
        let bound = self.engine.bound(self.now());
        let datagram = Datagram { bytes, remote, local: None, received: self.stamp(0.0) };
        self.engine.handle_datagram(token, &datagram, self.now());
        let echoes = self.requests.iter().any(|(_, _, sent)| bytes.get(24..32) == sent.get(40..48));
        assert!(echoes || self.engine.bound(self.now()) == bound, "a guess changed the clock's bound");
    }

    fn answer(&mut self, input: &mut Input<'_>) {
        let Some(query) = self.questions.pop_front() else { return self.exchange(input) };
        let what = input.u8();
        let addresses: Vec<IpAddr> = (0..what & 31).map(|at| address(what.wrapping_add(at))).collect();
        let result = match what >> 6 {
            0 => Err(ResolveError::Temporary),
            1 => Err(ResolveError::NotFound),
            _ => Ok(addresses.as_slice()),
        };
        self.engine.handle_resolved(query, result, self.now());
    }

    fn exchange(&mut self, input: &mut Input<'_>) {
        let Some(query) = self.exchanges.pop_front() else { return };
        let result = self.secrets.exchange(input.u8());
        self.engine.handle_key_exchange(query, result, self.now());
    }

    fn command(&mut self, what: u8) {
        let name =
            (what & 0x10 != 0).then(|| if what & 0x20 != 0 { "192.0.2.1" } else { "nobody" }.to_owned());
        let command = match what & 3 {
            0 => Command::Online(name),
            1 => Command::Offline(name),
            2 => Command::Burst(name),
            _ => {
                self.config = config(what >> 2);
                Command::Reload(Box::new(self.config.clone()))
            }
        };
        let _ = self.engine.handle_command(command, self.now()); // a source of that name need not be
    }

    fn drain(&mut self) {
        for _ in 0..MAX_OUTPUTS {
            let Some(output) = self.engine.poll_output() else { return };
            match output {
                Output::Send(transmit) if self.broken & 1 != 0 => {
                    self.engine.handle_send_error(transmit.token, 101, self.now()); // ENETUNREACH
                }
                Output::Send(transmit) => {
                    self.engine.handle_sent(transmit.token, self.stamp(0.0), self.now());
                    // Sources with NTS are all asked with NTS, sources without it never.
                    let sealed = transmit.payload().len() > 48;
                    assert!(self.is_asked(transmit.remote, sealed), "NTS: {sealed}, which it should not be");
                    self.requests.push_back((transmit.token, transmit.remote, transmit.payload().to_vec()));
                    self.requests.truncate(MAX_PENDING);
                }
                // Not forgotten here: a late reply to a closed socket is one of the things that happen.
                Output::Close(_) | Output::Event(_) => {}
                Output::Resolve { query, .. } => {
                    self.questions.push_back(query);
                    self.questions.truncate(MAX_PENDING);
                }
                Output::KeyExchange(exchange) => {
                    self.exchanges.push_back(exchange.query);
                    self.exchanges.truncate(MAX_PENDING);
                }
                Output::Clock(command) => self.steer(command),
            }
        }
        panic!("no end of outputs");
    }

    fn steer(&mut self, command: ClockCommand) {
        match command {
            ClockCommand::SetFrequency(frequency) => {
                assert!(frequency.rate().abs() <= self.max_rate * 1.001, "I3: {frequency}");
            }
            ClockCommand::Step(by) => assert!(by.seconds().abs() <= LARGEST_STEP_S, "I2: a step of {by}"),
            ClockCommand::SetStatus(status) => {
                assert!(status.max_error_s >= 0.0 && status.est_error_s >= 0.0, "{status:?}");
            }
        }
        let result = if self.broken & 2 != 0 {
            truechimer_discipline::clock::ClockResult::Failed(1) // EPERM
        } else {
            self.clock.apply(command)
        };
        self.engine.handle_clock_result(result, self.now());
    }

    /// Whether a source asks this address with NTS, or without.
    fn is_asked(&self, remote: SocketAddr, sealed: bool) -> bool {
        let report = self.engine.report(self.now());
        let address = remote.to_string();
        report.sources.iter().any(|source| {
            source.address.as_deref() == Some(&address) && source.authentication.is_some() == sealed
        })
    }

    fn check(&self) {
        let now = self.now();
        if let Some(bound) = self.engine.bound(now) {
            assert!(bound >= 0.0, "a bound of {bound}");
        }
        let report = self.engine.report(now);
        assert!(report.system.offset_s.is_finite() && report.system.frequency_ppm.is_finite());
        assert!(report.sources.len() <= 2 + 4, "I5: {} associations", report.sources.len());
    }
}

/// Two servers by address, the first perhaps with NTS, and, if the options say so, a pool by name and the local reference.
fn config(options: u8) -> EngineConfig {
    let source = |host, pool| {
        let endpoint = Endpoint { host, port: 123 };
        let kind = if pool { SourceKind::Pool { endpoint, size: 4 } } else { SourceKind::Server(endpoint) };
        SourceConfig {
            name: None,
            kind,
            options: SourceOptions { iburst: options & 1 != 0, ..SourceOptions::default() },
        }
    };
    let mut sources =
        vec![source(Host::Address(address(1)), false), source(Host::Address(address(2)), false)];
    if options & 2 != 0 {
        sources.push(source(Host::Name("pool.example".to_owned()), true));
    }
    if options & 64 != 0 {
        sources[0].options.authentication = Authentication::Nts(NtsOptions::default());
    }
    if options & 4 != 0 {
        sources.remove(0);
    }
    let panic = ClockConfig::default().panic;
    let local = LocalConfig { orphan: options & 16 != 0, ..LocalConfig::DEFAULT };
    EngineConfig {
        sources,
        serve: None,
        clock: ClockConfig {
            panic: PanicLimits { start_s: Some(LARGEST_STEP_S), ..panic },
            ..ClockConfig::default()
        },
        selection: SelectionConfig {
            min_sources: 1 + usize::from(options >> 5 & 1),
            ..SelectionConfig::default()
        },
        local: (options & 8 != 0).then_some(local),
        keys: KeyTable::default(),
        nts: NtsConfig::default(),
        era_floor: START - NtpDuration::from_seconds(1e7),
    }
}

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

/// The monotonic clock: true time since shortly before the session.
fn mono(truth: Cooked) -> Mono {
    Mono::from_nanos((truth - START).nanos().unsigned_abs() as u64 + 1_000_000_000)
}
