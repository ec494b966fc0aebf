//! A scenario brought to life: one queue of events, and every host's engine called when its time has come.
//!
//! Time is true time; each host has a clock of its own. Between two steps of the world (a second) nothing happens
//! but events: packets that arrive, deadlines of engines, attackers, faults.

mod events;
mod queue;

use std::collections::BTreeMap;

use truechimer_time::{Cooked, NtpDuration};
use truechimer_wire::{Header, Mode};

use crate::check::{Book, Cause, Invariant, Truth, Violation};
use crate::host::{Departure, Happening, Host};
use crate::link::Window;
use crate::nts::KeyServer;
use crate::random::Random;
use crate::scenario::{Peer, Scenario};
use crate::server::{Server, ServerConfig};
use crate::stats::{Holdover, Statistics};
use crate::trace::Trace;
use queue::Queue;

/// A host is probed for what it tells clients every so many steps.
const PROBE_EVERY: u64 = 16;

/// A world in motion.
#[derive(Debug)]
pub struct World {
    scenario: Scenario,
    repeat: String,
    hosts: Vec<Host>,
    servers: Vec<Server>,
    /// Key exchange at hosts.
    keys: Vec<Option<KeyServer>>,
    attackers: Vec<Random>,
    queue: Queue,
    book: Book,
    statistics: Statistics,
    holdover: Option<Holdover>,
    trace: Trace,
    departures: Vec<Departure>,
    strata: Vec<Vec<u8>>,
    truth: Cooked,
    steps: u64,
    last_error_s: f64,
    halted: bool,
}

/// What a host looks like from outside.
#[derive(Clone, Debug)]
pub struct View {
    /// Its clock's true error, seconds: positive is ahead.
    pub error_s: f64,
    /// The bound that its engine reports.
    pub bound_s: Option<f64>,
    /// The engine's report.
    pub report: truechimer_engine::report::Report,
    /// What the kernel shows.
    pub status: truechimer_discipline::clock::ClockStatus,
    /// How often each kind of event was reported.
    pub events: BTreeMap<String, u64>,
    /// The first of each kind, with their times.
    pub happenings: Vec<Happening>,
    /// Requests sent.
    pub packets: u64,
    /// When the first of them was sent, seconds from the start.
    pub first_packet_s: Option<f64>,
    /// Steps of the clock by the engine.
    pub steps: u64,
    /// Requests with NTS, and how many values came more than once in what everybody on the way sees of them.
    pub traces: (u64, u64),
}

impl World {
    /// The scenario at its start. The `repeat` command is printed with every violation.
    pub fn new(scenario: Scenario, seed: u64, repeat: String) -> Self {
        let servers = (0..).zip(&scenario.servers);
        let servers = servers.map(|(n, config)| server(config, scenario.start, seed, n)).collect();
        let hosts = scenario.hosts.iter().enumerate();
        let hosts: Vec<Host> = hosts
            .map(|(n, config)| Host::new(n, config.clone(), scenario.start, scenario.step_s, seed))
            .collect();
        let keys = (700..).zip(&scenario.hosts).map(|(n, host)| {
            let nts = host.serves_nts.clone()?;
            Some(KeyServer::new(nts, scenario.start, Random::new(seed, n)))
        });
        let keys: Vec<Option<KeyServer>> = keys.collect();
        let later = Window { from_s: scenario.length_s / 5.0, until_s: f64::INFINITY };
        let window = scenario.time_window.unwrap_or(later);
        let mut world = Self {
            book: Book::new(seed, repeat.clone(), scenario.exempt.clone()),
            repeat,
            servers,
            keys,
            attackers: (200..).zip(&scenario.attacks).map(|(n, _)| Random::new(seed, n)).collect(),
            queue: Queue::default(),
            statistics: Statistics::new(window, later),
            holdover: scenario
                .deaf_from_s
                .map(|from_s| Holdover::new(from_s, scenario.deaf_frequency_sd, window)),
            trace: Trace::default(),
            departures: Vec::new(),
            strata: strata(&scenario),
            truth: scenario.start,
            steps: 0,
            last_error_s: scenario.hosts.first().map_or(0.0, |host| host.offset_s),
            halted: false,
            hosts,
            scenario,
        };
        for (host, keys) in world.hosts.iter_mut().zip(&world.keys) {
            if let Some(keys) = keys {
                host.engine.handle_key_ring(Some(keys.ring()));
            }
        }
        world.schedule_scenario();
        // What the engines want at once.
        (0..world.hosts.len()).for_each(|index| world.turn(index, Cause::Other, |_, _| {}));
        world
    }

    /// Seconds of true time since the start.
    pub fn elapsed(&self) -> f64 {
        (self.truth - self.scenario.start).seconds()
    }

    /// Lets the world run to this many seconds from its start (its end at most), or until an invariant is broken
    /// in a way that cannot go on.
    pub fn run_until(&mut self, elapsed_s: f64) {
        let _guard = SayHow(&self.repeat.clone());
        let steps = (elapsed_s.min(self.scenario.length_s) / self.scenario.step_s).round() as u64;
        while self.steps < steps && !self.halted {
            self.step();
        }
    }

    /// Lets the world run to its end, with `progress` called after each tenth of the way with seconds of its time.
    pub fn run(&mut self, mut progress: impl FnMut(f64)) {
        for tenth in 1..=10 {
            self.run_until(self.scenario.length_s * f64::from(tenth) / 10.0);
            progress(self.elapsed());
        }
    }

    /// From now on, the course of the first host's clock is kept, in so many columns over the whole run.
    pub fn keep_trace(&mut self, columns: usize) {
        self.trace = Trace::new(self.scenario.length_s, columns);
    }

    /// The course of the first host's clock, if it was kept.
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    /// One step of the world.
    fn step(&mut self) {
        self.steps += 1;
        let ahead = NtpDuration::from_seconds(self.steps as f64 * self.scenario.step_s);
        let until = self.scenario.start + ahead;
        while !self.halted && self.next(until) {}
        self.truth = until;
        let at_s = self.elapsed();
        for (index, host) in self.hosts.iter_mut().enumerate() {
            host.advance(until);
            let (error, bound) = host.check_clock(&mut self.book, at_s);
            if index == 0 {
                let rate = (error - self.last_error_s - host.stepped_s) / self.scenario.step_s;
                self.last_error_s = error;
                host.stepped_s = 0.0;
                self.statistics.record(at_s, error, rate, bound);
                self.trace.record(at_s, error, bound);
                if let Some(holdover) = &mut self.holdover {
                    holdover.record(at_s, host.rate, self.scenario.step_s);
                }
            }
            host.turn_oscillator();
        }
        if self.steps.is_multiple_of(PROBE_EVERY) {
            (0..self.hosts.len()).for_each(|index| self.probe(index));
        }
    }

    /// The next event or deadline before `until`, if any.
    fn next(&mut self, until: Cooked) -> bool {
        let mut first: Option<(Cooked, usize)> = None;
        for (index, host) in self.hosts.iter().enumerate() {
            let due = host.due.filter(|_| host.asleep_until.is_none());
            if let Some(due) = due.filter(|&due| first.is_none_or(|(at, _)| due < at)) {
                first = Some((due, index));
            }
        }
        let event_at = self.queue.next_at();
        if let Some((at, index)) = first.filter(|&(at, _)| event_at.is_none_or(|event| at <= event)) {
            if at > until {
                return false;
            }
            self.truth = self.truth.max(at);
            self.timeout(index);
            return true;
        }
        if event_at.is_none_or(|at| at > until) {
            return false;
        }
        if let Some((at, what)) = self.queue.pop() {
            self.truth = self.truth.max(at);
            self.handle(what);
        }
        true
    }

    fn timeout(&mut self, index: usize) {
        let Some(host) = self.hosts.get_mut(index) else { return };
        host.advance(self.truth);
        if host.is_due() {
            self.turn(index, Cause::Other, |engine, now| engine.handle_timeout(now));
        }
    }

    /// One turn of a host's loop, and what leaves it goes on its way.
    fn turn(
        &mut self,
        index: usize,
        cause: Cause,
        call: impl FnOnce(&mut truechimer_engine::Engine, truechimer_time::Now),
    ) {
        let at_s = self.elapsed();
        let Some(host) = self.hosts.get_mut(index) else { return };
        host.advance(self.truth);
        if !host.turn(&mut self.book, at_s, cause, &mut self.departures, call) {
            self.halted = true;
        }
        let mut departures = std::mem::take(&mut self.departures);
        for departure in departures.drain(..) {
            self.depart(index, departure);
        }
        self.departures = departures;
    }

    /// Asks a host for the time, in its own process: I4 and I7 without a network.
    fn probe(&mut self, index: usize) {
        let at_s = self.elapsed();
        let (Some(host), Some(strata)) = (self.hosts.get_mut(index), self.strata.get(index)) else { return };
        if host.asleep_until.is_some() {
            return;
        }
        let mut buffer = [0; 48];
        buffer[0] = 4 << 3 | Mode::Client as u8;
        buffer[40..].copy_from_slice(&self.steps.to_be_bytes());
        let now = host.now();
        let stamp = host.stamp(host.config.stamps.source);
        let remote = ([203, 0, 113, 1], 40_000).into();
        let local = Some(Peer::Host(index).address().ip());
        let verdict = host.engine.handle_request(&mut buffer, 48, remote, local, stamp, now);
        if let truechimer_engine::Verdict::Reply(len) = verdict
            && let Some(reply) = buffer.get_mut(..len)
        {
            host.engine.stamp_reply(reply, now.cooked);
            let leap = self.scenario.servers.iter().any(|server| server.leap != truechimer_time::Leap::None);
            let truth = Truth { error_s: host.clock().error().seconds(), strata, leap };
            host.watch.reply(&mut self.book, at_s, 48, reply, truth);
            let echoed =
                Header::parse(reply).is_some_and(|reply| reply.origin_timestamp.bits() == self.steps);
            self.book
                .check(Invariant::I7, at_s, index, echoed, || "the origin timestamp is not ours".to_owned());
        }
    }

    /// How many hosts there are, and how one of them looks now.
    pub fn view(&self, index: usize) -> Option<View> {
        let host = self.hosts.get(index)?;
        let now = host.now();
        Some(View {
            error_s: host.clock().error().seconds(),
            bound_s: host.engine.bound(now),
            report: host.engine.report(now),
            status: host.clock().status(),
            events: host.events.clone(),
            happenings: host.happenings.clone(),
            packets: host.packets,
            first_packet_s: host.first_packet_s,
            steps: host.steps,
            traces: host.corpus.result(),
        })
    }

    /// The figures of the first host so far.
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// RMS error that no clock can be better than, where nobody can be heard.
    pub fn limit_time(&self) -> Option<f64> {
        self.holdover.as_ref().map(Holdover::rms_time)
    }

    /// What the checkers found so far.
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Violations found so far, in words.
    pub fn violations(&self) -> &[Violation] {
        self.book.violations()
    }
}

/// A server with its streams of chance.
fn server(config: &ServerConfig, start: Cooked, seed: u64, number: u64) -> Server {
    Server::new(config.clone(), start, Random::new(seed, 100 + number), Random::new(seed, 500 + number))
}

/// Which strata the sources of each host can have: hosts that depend on hosts come after them.
fn strata(scenario: &Scenario) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = vec![Vec::new(); scenario.hosts.len()];
    for _ in 0..scenario.hosts.len() {
        for (index, host) in scenario.hosts.iter().enumerate() {
            let mut mine: Vec<u8> = if host.reference.is_some() { vec![0] } else { Vec::new() };
            for path in &host.paths {
                match path.peer {
                    Peer::Server(server) => {
                        mine.extend(scenario.servers.get(server).map(|server| server.stratum))
                    }
                    Peer::Host(peer) => {
                        mine.extend(all.get(peer).into_iter().flatten().map(|stratum| stratum + 1));
                        let local = scenario.hosts.get(peer).and_then(|peer| peer.local.as_ref());
                        mine.extend(local.map(|local| local.stratum));
                    }
                }
            }
            mine.sort_unstable();
            mine.dedup();
            if let Some(slot) = all.get_mut(index) {
                *slot = mine;
            }
        }
    }
    all
}

/// Says how to repeat a run that panics.
struct SayHow<'a>(&'a str);

impl Drop for SayHow<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the run panicked; repeat it with: {}", self.0);
        }
    }
}
