//! What each event does.

use truechimer_discipline::clock::ClockCommand;
use truechimer_engine::io::QueryId;
use truechimer_engine::{Datagram, KeyExchange, KeyExchangeFault, Token, Verdict};
use truechimer_time::{Cooked, Leap, NtpDuration, Stamp, StampSource};

use super::World;
use super::queue::{Arrival, What};
use crate::attack::Trigger;
use crate::check::{Cause, Fingerprint, Invariant, Truth};
use crate::host::Departure;
use crate::link::Direction;
use crate::nts::failed;
use crate::scenario::{FaultKind, Peer, REFERENCE_NAME, host_address};

/// How long a resolver takes, seconds.
const RESOLVER_S: f64 = 0.02;
/// How long a key exchange takes, seconds.
const KEY_EXCHANGE_S: f64 = 0.08;
/// How long after a pulse the daemon reads its stamp, seconds.
const PULSE_HANDLED_S: f64 = 100e-6;
/// How often other programs' hands on the clock are looked for, as the daemon does, seconds.
const READBACK_S: f64 = 64.0;

impl World {
    /// What is certain to happen from the start.
    pub(super) fn schedule_scenario(&mut self) {
        for index in 0..self.scenario.hosts.len() {
            if self.hosts.get(index).is_some_and(|host| host.config.reference.is_some()) {
                self.after(0.0, What::Pulse { host: index });
            }
            self.after(READBACK_S, What::Readback { host: index });
        }
        for index in 0..self.scenario.faults.len() {
            let Some(at_s) = self.scenario.faults.get(index).map(|fault| fault.at_s) else { continue };
            self.after(at_s, What::Fault(index));
        }
        for attacker in 0..self.scenario.attacks.len() {
            let Some(attack) = self.scenario.attacks.get(attacker) else { continue };
            if let Trigger::Every(every_s) = attack.trigger {
                let from_s = attack.window.from_s;
                self.after(from_s, What::Attack { attacker, more: None, every_s });
            }
        }
    }

    fn after(&mut self, seconds: f64, what: What) {
        self.queue.push(self.truth + NtpDuration::from_seconds(seconds), what);
    }

    /// Something leaves a host.
    pub(super) fn depart(&mut self, host: usize, departure: Departure) {
        match departure {
            Departure::Question { query, name } => self.after(RESOLVER_S, What::Answer { host, query, name }),
            Departure::KeyExchange(exchange) => {
                self.after(KEY_EXCHANGE_S, What::KeysExchanged { host, exchange });
            }
            Departure::Request { token, remote, bytes, after_s } => {
                let Some(peer) =
                    self.hosts.get(host).and_then(|host| host.path(remote)).map(|(_, path)| path.peer)
                else {
                    return;
                };
                for delay_s in after_s.into_iter().flatten() {
                    let bytes = bytes.clone();
                    let what = match peer {
                        Peer::Server(server) => What::AtServer { server, host, token, bytes },
                        Peer::Host(server) => What::AtHost { server, host, token, bytes },
                    };
                    self.after(delay_s, what);
                }
                self.provoke(host);
            }
        }
    }

    /// Attackers who wait for requests.
    fn provoke(&mut self, victim: usize) {
        let at_s = self.elapsed();
        for attacker in 0..self.scenario.attacks.len() {
            let Some(attack) = self.scenario.attacks.get(attacker) else { continue };
            if let Trigger::EachRequest { count, over_s } = attack.trigger
                && attack.victim == victim
                && attack.window.contains(at_s)
                && count > 0
            {
                let every_s = over_s / f64::from(count);
                self.after(every_s, What::Attack { attacker, more: Some(count - 1), every_s });
            }
        }
    }

    /// One event.
    pub(super) fn handle(&mut self, what: What) {
        match what {
            What::AtServer { server, host, token, bytes } => self.at_server(server, host, token, &bytes),
            What::AtHost { server, host, token, bytes } => self.at_host(server, host, token, bytes),
            What::AtClient(arrival) => self.at_client(arrival),
            What::Answer { host, query, name } => self.answer(host, query, &name),
            What::KeysExchanged { host, exchange } => self.keys_exchanged(host, &exchange),
            What::Pulse { host } => self.pulse(host),
            What::Stamped { host, stamp, time } => self.stamped(host, stamp, time),
            What::Readback { host } => self.readback(host),
            What::Fault(index) => self.fault(index),
            What::Wake { host, slept_s, clock_error_s } => self.wake(host, slept_s, clock_error_s),
            What::Attack { attacker, more, every_s } => self.attack(attacker, more, every_s),
        }
    }

    fn at_server(&mut self, server: usize, host: usize, token: Token, bytes: &[u8]) {
        let (truth, at_s) = (self.truth, self.elapsed());
        let answer = self.servers.get_mut(server).and_then(|server| server.answer(bytes, truth, at_s));
        if let Some(answer) = answer {
            self.reply(host, Peer::Server(server), token, &answer.bytes, answer.after_s);
        }
    }

    fn at_host(&mut self, server: usize, client: usize, token: Token, mut bytes: Vec<u8>) {
        let (truth, at_s) = (self.truth, self.elapsed());
        let leap = self.scenario.servers.iter().any(|server| server.leap != Leap::None);
        let (Some(host), Some(strata)) = (self.hosts.get_mut(server), self.strata.get(server)) else {
            return;
        };
        if host.asleep_until.is_some() {
            return;
        }
        host.advance(truth);
        if let Some(keys) = self.keys.get_mut(server).and_then(Option::as_mut)
            && keys.advance(at_s)
        {
            host.engine.handle_key_ring(Some(keys.ring()));
        }
        let stamp = host.stamp(host.config.stamps.source);
        let now = host.now();
        let remote = (host_address(client), 1024 + (token.0 % 60_000) as u16).into();
        let local = Some(Peer::Host(server).address().ip());
        let len = bytes.len();
        let Verdict::Reply(reply_len) =
            host.engine.handle_request(&mut bytes, len, remote, local, stamp, now)
        else {
            return;
        };
        bytes.truncate(reply_len);
        host.engine.stamp_reply(&mut bytes, now.cooked);
        let told = Truth { error_s: host.clock().error().seconds(), strata, leap };
        host.watch.reply(&mut self.book, at_s, len, &bytes, told);
        self.reply(client, Peer::Host(server), token, &bytes, 0.0);
    }

    /// A reply goes on its way to a client.
    fn reply(&mut self, host: usize, from: Peer, token: Token, bytes: &[u8], after_s: f64) {
        let at_s = self.elapsed();
        let remote = from.address();
        let Some(client) = self.hosts.get_mut(host) else { return };
        let delays = client.pass(remote, Direction::Down, at_s + after_s).unwrap_or_default();
        let bytes = client.left_of(remote, bytes, at_s);
        for delay_s in delays.into_iter().flatten() {
            let arrival = Arrival { host, token, remote, bytes: bytes.to_vec(), forged: false, stamp: None };
            self.after(after_s + delay_s, What::AtClient(arrival));
        }
    }

    fn at_client(&mut self, mut arrival: Arrival) {
        let Some(host) = self.hosts.get_mut(arrival.host) else { return };
        if host.asleep_until.is_some() {
            return;
        }
        host.advance(self.truth);
        let source = host.config.stamps.source;
        let lag_s = host.config.stamps.lag_s;
        let stamp = match arrival.stamp {
            Some(stamp) if source != StampSource::User => stamp,
            _ => host.stamp(source),
        };
        if lag_s > 0.0 && arrival.stamp.is_none() {
            arrival.stamp = Some(stamp);
            self.after(lag_s, What::AtClient(arrival));
            return;
        }
        self.deliver(&arrival, stamp);
    }

    /// A datagram comes into the engine, and I8 is checked around it.
    fn deliver(&mut self, arrival: &Arrival, stamp: Stamp) {
        let index = arrival.host;
        let at_s = self.elapsed();
        let fingerprint =
            |world: &Self| world.hosts.get(index).map(|host| Fingerprint::of(&host.engine, host.now()));
        let Some(before) = fingerprint(self) else { return };
        let cause = if arrival.forged { Cause::Other } else { Cause::Sample };
        self.turn(index, cause, |engine, now| {
            let datagram =
                Datagram { bytes: &arrival.bytes, remote: arrival.remote, local: None, received: stamp };
            engine.handle_datagram(arrival.token, &datagram, now);
        });
        // Attackers keep what the client has seen: delivering a genuine reply first is no forgery.
        if !arrival.forged
            && let Some(host) = self.hosts.get_mut(index)
        {
            host.tap.reply(arrival.token, arrival.remote, &arrival.bytes);
        }
        let Some(after) = fingerprint(self) else { return };
        if arrival.forged || after.refused_since(&before) {
            let holds = after.unchanged_since(&before, arrival.forged);
            let accepted = after.accepted() - before.accepted();
            self.book.check(Invariant::I8, at_s, index, holds, || {
                format!("a packet that is not good changed the state ({accepted} accepted):\n{before:?}\n{after:?}")
            });
        }
    }

    fn answer(&mut self, host: usize, query: QueryId, name: &str) {
        let Some(addresses) = self.hosts.get_mut(host).map(|host| host.answers(name)) else { return };
        self.turn(host, Cause::Other, |engine, now| {
            let found = if addresses.is_empty() {
                Err(truechimer_engine::ResolveError::NotFound)
            } else {
                Ok(addresses.as_slice())
            };
            engine.handle_resolved(query, found, now);
        });
    }

    fn keys_exchanged(&mut self, host: usize, exchange: &KeyExchange) {
        let at_s = self.elapsed();
        let Some(client) = self.hosts.get_mut(host) else { return };
        client.keys_exchanged();
        if client.asleep_until.is_some() {
            return;
        }
        let peer = client.peer_at(exchange.remote.ip());
        let reached = peer.and_then(|peer| client.pass(peer.address(), Direction::Up, at_s)?[0]).is_some();
        let keys = match peer.filter(|_| reached) {
            Some(Peer::Server(server)) => {
                self.servers.get_mut(server).and_then(|server| server.keys.as_mut())
            }
            Some(Peer::Host(server)) => self.keys.get_mut(server).and_then(Option::as_mut),
            None => None,
        };
        let result = keys
            .map_or_else(|| Err(failed(KeyExchangeFault::Unreachable)), |keys| keys.exchange(exchange, at_s));
        self.turn(host, Cause::Other, |engine, now| engine.handle_key_exchange(exchange.query, result, now));
    }

    fn pulse(&mut self, index: usize) {
        let truth = self.truth;
        let Some(host) = self.hosts.get_mut(index) else { return };
        let Some(reference) = host.config.reference.clone() else { return };
        let outages = host.config.reference_outages.clone();
        self.after(reference.interval_s, What::Pulse { host: index });
        let at_s = self.elapsed();
        if outages.iter().any(|outage| outage.contains(at_s)) {
            return;
        }
        let Some(host) = self.hosts.get_mut(index).filter(|host| host.asleep_until.is_none()) else { return };
        host.advance(truth);
        let mut stamp = host.stamp(StampSource::Kernel);
        stamp.at = stamp.at + NtpDuration::from_seconds(reference.noise_s * host.normal());
        self.after(PULSE_HANDLED_S, What::Stamped { host: index, stamp, time: truth });
    }

    fn stamped(&mut self, index: usize, stamp: Stamp, time: Cooked) {
        if self.hosts.get(index).is_some_and(|host| host.asleep_until.is_none()) {
            self.turn(index, Cause::Sample, |engine, now| {
                engine.handle_reference(REFERENCE_NAME, stamp, time, now);
            });
        }
    }

    fn readback(&mut self, index: usize) {
        self.after(READBACK_S, What::Readback { host: index });
        let Some(host) = self.hosts.get(index).filter(|host| host.asleep_until.is_none()) else { return };
        let readback = host.clock().readback();
        self.turn(index, Cause::Other, |engine, now| engine.handle_clock_readback(readback, now));
    }

    fn fault(&mut self, index: usize) {
        let Some(fault) = self.scenario.faults.get(index).cloned() else { return };
        let truth = self.truth;
        let Some(host) = self.hosts.get_mut(fault.host) else { return };
        host.advance(truth);
        match fault.kind {
            FaultKind::Suspend { for_s, clock_error_s } => {
                host.asleep_until = Some(truth + NtpDuration::from_seconds(for_s));
                self.after(for_s, What::Wake { host: fault.host, slept_s: for_s, clock_error_s });
            }
            FaultKind::ForeignStep(by_s) => {
                host.interfere(ClockCommand::Step(NtpDuration::from_seconds(by_s)));
            }
            FaultKind::ForeignFrequency(frequency) => {
                host.interfere(ClockCommand::SetFrequency(frequency));
            }
            FaultKind::Restart => {
                host.restart(fault.host);
                if let Some(keys) = self.keys.get(fault.host).and_then(Option::as_ref) {
                    host.engine.handle_key_ring(Some(keys.ring()));
                }
                self.turn(fault.host, Cause::Other, |_, _| {});
            }
            FaultKind::NetworkChange => {
                self.turn(fault.host, Cause::Other, |engine, now| engine.handle_network_change(now));
            }
            FaultKind::Shutdown => self.turn(fault.host, Cause::Other, |engine, now| engine.shutdown(now)),
            FaultKind::Command(command) => self.turn(fault.host, Cause::Other, |engine, now| {
                let _ = engine.handle_command(command, now);
            }),
        }
    }

    fn wake(&mut self, index: usize, slept_s: f64, clock_error_s: f64) {
        let truth = self.truth;
        let Some(host) = self.hosts.get_mut(index) else { return };
        host.advance(truth);
        host.wake(NtpDuration::from_seconds(slept_s));
        if clock_error_s != 0.0 {
            host.interfere(ClockCommand::Step(NtpDuration::from_seconds(clock_error_s)));
        }
    }

    fn attack(&mut self, attacker: usize, more: Option<u32>, every_s: f64) {
        let at_s = self.elapsed();
        let truth = self.truth;
        let (Some(&attack), Some(random)) =
            (self.scenario.attacks.get(attacker), self.attackers.get_mut(attacker))
        else {
            return;
        };
        if !attack.window.contains(at_s) {
            return;
        }
        let forgery =
            self.hosts.get(attack.victim).and_then(|host| host.tap.forge(attack.kind, truth, random));
        if more != Some(0) {
            let more = more.map(|more| more - 1);
            self.after(every_s, What::Attack { attacker, more, every_s });
        }
        if let Some(forgery) = forgery {
            let arrival = Arrival {
                host: attack.victim,
                token: forgery.token,
                remote: forgery.remote,
                bytes: forgery.bytes,
                forged: true,
                stamp: None,
            };
            self.at_client(arrival);
        }
    }
}
