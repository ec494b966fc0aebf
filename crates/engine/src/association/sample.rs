//! What a reply, a kiss code or a pulse does to an association.

use truechimer_discipline::estimate::{Oscillator, Sample};
use truechimer_time::{Cooked, Leap, Mono, NtpDuration, Stamp};
use truechimer_wire::{Header, KissCode, ReferenceId};

use super::poll::Prospect;
use super::{Activity, Association, LastPacket, LastSample, Machine, Origin, Refused};
use crate::check::{Check, Reply, Seen};
use crate::event::Event;
use crate::io::Output;
use crate::outbox::Turn;

/// A stamp may be ahead of the clock's reading by its noise, but not be of the future.
const REFERENCE_LEAD: NtpDuration = NtpDuration::from_nanos(1_000_000);
/// A reference clock's samples that come faster than this are dropped, seconds (AT-39).
const REFERENCE_SPACING_S: f64 = 0.01;
/// One sigma of what the stamps add to a measurement, as a share of the largest error that is stated for them.
const STAMP_SIGMA: f64 = 0.1;
/// After how many seconds a source that told us to stop is asked again (AT-03: never stopped for good, as
/// somebody on the path could say so too).
const STOPPED_S: f64 = 28_800.0;

impl Association {
    /// A reference clock's pulse or message: true time was `time` at `stamp`. True when a sample was taken.
    pub(crate) fn handle_reference(
        &mut self,
        stamp: Stamp,
        time: Cooked,
        machine: &Machine<'_>,
        turn: &mut Turn<'_>,
    ) -> bool {
        let Origin::Reference { id, max_error_s, stratum } = self.origin else { return false };
        let at = machine.clock.raw(stamp.at);
        let too_soon =
            self.last.is_some_and(|last| turn.now.mono.seconds_since(last.at) < REFERENCE_SPACING_S);
        if self.activity != Activity::Online
            || too_soon
            || stamp.at > turn.now.cooked + REFERENCE_LEAD
            || time < machine.era_floor
        {
            self.counters.drop(Check::Delay);
            return false;
        }
        let offset_s =
            NtpDuration::from_bits(time.bits().saturating_sub(at.bits())).seconds() + self.options.offset_s;
        let sample = Sample {
            at,
            sent: at,
            forward: offset_s,
            backward: -offset_s,
            precision: stamp.error.max(0.0) + machine.clock.precision_s(),
            root_delay: 0.0,
            root_dispersion: 0.0,
            reference_error: Some(max_error_s),
        };
        let asked = turn.now.mono;
        self.poll.handle_pulse(asked);
        if let Some(last) = self.last {
            self.pace_s = asked.seconds_since(last.at);
        }
        self.last = Some(LastSample {
            at: asked,
            leap: Leap::None,
            stratum: stratum.max(self.options.min_stratum),
            reference_id: id,
            delay_s: 0.0,
            correction_s: offset_s - machine.clock.corrected(turn.now),
            raw_offset_s: offset_s,
            stamps: [stamp.source; 2],
            local: None,
            packet: None,
        });
        self.take(&sample, machine, asked, turn);
        true
    }

    pub(super) fn accept(&mut self, reply: &Reply, machine: &Machine<'_>, turn: &mut Turn<'_>) {
        let Some(exchange) = self.exchange.take() else { return };
        self.answered = Some(exchange.token);
        turn.outbox.push(Output::Close(exchange.token));
        let sample = measured(reply);
        self.last = Some(LastSample {
            at: turn.now.mono,
            leap: reply.header.leap,
            stratum: reply.header.stratum.max(self.options.min_stratum),
            reference_id: reply.header.reference_id,
            delay_s: sample.delay(),
            correction_s: sample.offset() - machine.clock.corrected(turn.now),
            raw_offset_s: sample.offset(),
            stamps: reply.stamps,
            local: reply.local,
            packet: Some(packet(&reply.header, Some(reply), machine)),
        });
        let was_silent = self.poll.handle_answer(exchange.asked, turn.rng);
        if was_silent && machine.hurry && self.options.iburst && !self.poll.in_burst() {
            self.poll.start_burst(turn.now.mono.after(2.0));
        }
        if let (true, Some(address)) = (was_silent, self.remote()) {
            turn.event(Event::Reachable { source: self.name.clone(), address });
        }
        self.take(&sample, machine, exchange.asked, turn);
    }

    /// Keeps an answer that failed this check, to be looked at.
    pub(super) fn refuse(&mut self, check: Check, seen: &Seen, machine: &Machine<'_>, turn: &Turn<'_>) {
        let samples = seen.reply.as_ref().map(measured);
        self.counters.refuse(Refused {
            number: 0,
            check,
            seen: *seen,
            packet: packet(&seen.header, seen.reply.as_ref(), machine),
            measured: samples
                .map(|sample| [sample.offset() - machine.clock.corrected(turn.now), sample.delay()]),
        });
    }

    /// A sample goes to the estimator and to the interval, and decides on the poll interval.
    fn take(&mut self, sample: &Sample, machine: &Machine<'_>, asked: Mono, turn: &mut Turn<'_>) {
        self.counters.accept();
        self.refused = None;
        let before = self.estimator.estimate(sample.at);
        self.history.add(turn.now.mono, before.map_or(0.0, |before| sample.offset() - before.offset));
        self.estimator.update(sample, machine.oscillator);
        self.interval.update(sample);
        self.sample = Some(*sample);
        let statistics = self.estimator.statistics();
        // What this source itself says of the rate, until all have agreed on one: without it, the interval would
        // grow so fast between polls that it covers truths and lies alike.
        let own = self.estimator.estimate(sample.at).map(|estimate| Oscillator {
            frequency: estimate.frequency,
            frequency_sd: estimate.frequency_variance.max(0.0).sqrt(),
            wander: statistics.wander.max(machine.oscillator.wander),
            allowance: machine.oscillator.allowance,
        });
        if let Some(own) = own.filter(|own| own.frequency_sd < machine.oscillator.frequency_sd) {
            self.interval.set_oscillator(&own.unseen_for(self.estimator.left_out()));
        }
        let noise_s = statistics.jitter.max(STAMP_SIGMA * sample.precision);
        let surprise = before.map_or(0.0, |before| {
            (sample.offset() - before.offset) / (before.offset_variance + noise_s * noise_s).sqrt()
        });
        let wander = statistics.wander.max(f64::MIN_POSITIVE);
        self.poll.adapt(Prospect { noise_s, wander, surprise }, asked, turn.rng);
    }

    /// A remark instead of the time, RFC 5905 §7.4. Its origin matched, so it comes from the server or from
    /// somebody who sees our packets.
    pub(super) fn handle_kiss(&mut self, id: ReferenceId, turn: &mut Turn<'_>) {
        let Some(exchange) = self.exchange.take() else { return };
        self.answered = Some(exchange.token);
        turn.outbox.push(Output::Close(exchange.token));
        self.counters.kisses += 1;
        self.failed = self.failed.saturating_add(1);
        match KissCode::from(id) {
            KissCode::Rate => self.poll.handle_rate_kiss(turn.now.mono, turn.rng),
            KissCode::Deny | KissCode::Restrict => {
                self.activity = Activity::Stopped { code: id, until: turn.now.mono.after(STOPPED_S) };
                self.poll.restart(turn.now.mono.after(STOPPED_S));
            }
            KissCode::NtsNak | KissCode::Other(_) => {}
        }
        turn.event(Event::Kiss { source: self.name.clone(), code: id.0 });
    }
}

/// What a reply has measured.
fn measured(reply: &Reply) -> Sample {
    Sample {
        at: reply.received,
        sent: reply.sent,
        forward: reply.forward_s,
        backward: reply.backward_s,
        precision: reply.precision_s,
        root_delay: reply.header.root_delay.seconds(),
        root_dispersion: reply.header.root_dispersion.seconds(),
        reference_error: None,
    }
}

/// What is kept of a packet.
fn packet(header: &Header, reply: Option<&Reply>, machine: &Machine<'_>) -> LastPacket {
    LastPacket {
        header: *header,
        reference_time: Cooked::unfold(header.reference_timestamp, machine.era_floor),
        stamp_error_s: reply.map_or(0.0, |reply| reply.precision_s),
        response_s: reply.map_or(0.0, |reply| reply.response_s),
    }
}
