//! Steering: corrections in, commands to the clock out, and what became of them.
//!
//! Nothing here is believed before the clock has confirmed it: the picture of the clock, the sum of steps and the
//! slew change on a [`ClockResult`], so a command that fails leaves everything as it was (NA-44).

use std::collections::VecDeque;

use truechimer_discipline::clock::{ClockCommand, ClockReadback, ClockResult, ClockStatus};
use truechimer_discipline::gates::{Gate, Gates};
use truechimer_discipline::servo::Servo;
use truechimer_time::{Frequency, Mono, Now, NtpDuration};

use super::updates::Updates;
use crate::config::ClockConfig;
use crate::event::Event;
use crate::io::Output;
use crate::local_clock::LocalClock;
use crate::outbox::Turn;

/// Commands whose results have not come yet.
const AWAITED: usize = 8;
/// Rates closer than this are the same: the kernel's resolution is 2⁻¹⁶ ppm, and rounding goes either way.
const RATE_RESOLUTION: f64 = 2e-11;
/// A rate that differs from ours by more than this is somebody else's: ticks and rounding make less.
const FOREIGN_RATE: f64 = 1e-9;
/// Pause before a failed end of a slew is tried again, seconds.
const RETRY_S: f64 = 16.0;

/// A correction to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Correction {
    /// Positive: the clock is slow.
    pub(crate) offset_s: f64,
    pub(crate) offset_sd_s: f64,
    /// dθ/dt: the rate that keeps the clock right once it is.
    pub(crate) frequency: f64,
    pub(crate) frequency_sd: f64,
    /// When the next correction may be expected, seconds from now.
    pub(crate) interval_s: f64,
}

/// A correction that was refused by a panic limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) correction_s: f64,
    pub(crate) limit: &'static str,
    pub(crate) limit_s: f64,
}

/// What a result changed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// Nothing that others must know.
    None,
    /// The rate.
    Rate,
    /// Neither the clock nor what is known of it: the kernel took or refused a status. A status that was refused is told
    /// again when there is a new one; to answer the refusal with the same status would never end.
    Status,
    /// The clock jumped: the time now, by how much, and whether the raw scale started anew.
    Stepped { now: Now, by: NtpDuration, far: bool },
}

/// The hand on the clock.
#[derive(Debug)]
pub(crate) struct Control {
    controls: bool,
    servo: Servo,
    gates: Gates,
    /// The rate without slew.
    base: Frequency,
    /// When the slew ends.
    slew_end: Option<Mono>,
    awaited: VecDeque<ClockCommand>,
    refusal: Option<Refusal>,
    log_above_s: Option<f64>,
    /// The largest slew that was told of since the last that was not worth it, seconds.
    told_s: f64,
    steps: u64,
    history: Updates,
}

impl Control {
    pub(crate) fn new(config: &ClockConfig, controls: bool, stepped_total: NtpDuration) -> Self {
        Self {
            controls,
            servo: Servo::new(config.max_slew_rate, config.max_frequency),
            gates: Gates::new(config.step, config.panic, stepped_total.seconds()),
            base: Frequency::ZERO,
            slew_end: None,
            awaited: VecDeque::new(),
            refusal: None,
            log_above_s: config.log_above_s,
            told_s: 0.0,
            steps: 0,
            history: Updates::default(),
        }
    }

    pub(crate) fn reconfigure(&mut self, config: &ClockConfig) {
        self.servo = Servo::new(config.max_slew_rate, config.max_frequency);
        self.gates.reconfigure(config.step, config.panic);
        self.log_above_s = config.log_above_s;
    }

    pub(crate) fn controls(&self) -> bool {
        self.controls
    }

    pub(crate) fn base(&self) -> Frequency {
        self.base
    }

    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    pub(crate) fn updates(&self) -> u64 {
        self.gates.updates()
    }

    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) fn history(&self) -> &Updates {
        &self.history
    }

    pub(crate) fn stepped_total_s(&self) -> f64 {
        self.gates.stepped_total_s()
    }

    /// Whether a step was ordered and its result has not come.
    pub(crate) fn is_stepping(&self) -> bool {
        self.awaited.iter().any(|command| matches!(command, ClockCommand::Step(_)))
    }

    /// Whether a change of the clock was ordered and its result has not come.
    pub(crate) fn is_busy(&self) -> bool {
        self.awaited.iter().any(|command| !matches!(command, ClockCommand::SetStatus(_)))
    }

    /// The rate of earlier runs, from the start on. Also without one: the rate in force is then known.
    pub(crate) fn start(&mut self, frequency: f64, turn: &mut Turn<'_>) {
        self.base = self.servo.plan(0.0, 0.0, frequency, 0.0, 0.0).base;
        self.issue(ClockCommand::SetFrequency(self.base), turn);
    }

    /// Makes a correction in the way that the gates allow.
    pub(crate) fn steer(&mut self, wanted: Correction, clock: &LocalClock, turn: &mut Turn<'_>) {
        let gate = self.gates.judge(wanted.offset_s);
        if let Gate::Refuse { limit, limit_s } = gate {
            let refusal = Refusal { correction_s: wanted.offset_s, limit, limit_s };
            self.refusal = Some(refusal);
            turn.event(Event::PanicRefused { correction_s: wanted.offset_s, limit_s, limit });
            return;
        }
        self.refusal = None;
        self.gates.updated();
        self.history.add(turn.now.mono, wanted.offset_s);
        let step = gate == Gate::Step && self.controls;
        if !step {
            self.tell_slew(wanted.offset_s, turn);
        }
        let offset_s = if step { 0.0 } else { wanted.offset_s };
        let plan = self.servo.plan(
            offset_s,
            wanted.offset_sd_s,
            wanted.frequency,
            wanted.frequency_sd,
            wanted.interval_s,
        );
        self.base = plan.base;
        if step {
            self.issue(ClockCommand::Step(NtpDuration::from_seconds(wanted.offset_s)), turn);
        }
        self.set_rate(plan.slewing, clock, turn);
        self.slew_end = (plan.duration_s > 0.0).then(|| turn.now.mono.after(plan.duration_s));
    }

    /// Tells of a large slew, but not of what is left of it at every update.
    fn tell_slew(&mut self, offset_s: f64, turn: &mut Turn<'_>) {
        let Some(limit_s) = self.log_above_s.filter(|_| self.controls) else { return };
        let size_s = offset_s.abs();
        if size_s <= limit_s {
            self.told_s = 0.0;
        } else if size_s > self.told_s + limit_s {
            self.told_s = size_s;
            turn.event(Event::Slewing { by_s: offset_s });
        }
    }

    /// Makes a correction at once, within the limits. Otherwise the answer is why not.
    pub(crate) fn step_now(
        &mut self,
        offset_s: f64,
        clock: &LocalClock,
        turn: &mut Turn<'_>,
    ) -> Result<(), &'static str> {
        if !self.controls {
            return Err("the clock is only observed");
        }
        if self.is_busy() {
            return Err("the clock is being set already");
        }
        if self.gates.judge_step(offset_s) != Gate::Step {
            return Err("the correction is beyond a panic limit");
        }
        self.issue(ClockCommand::Step(NtpDuration::from_seconds(offset_s)), turn);
        self.end_slew(clock, turn);
        Ok(())
    }

    /// Ends a slew, at its time or before: the base rate from now on.
    pub(crate) fn end_slew(&mut self, clock: &LocalClock, turn: &mut Turn<'_>) {
        self.slew_end = None;
        self.set_rate(self.base, clock, turn);
    }

    pub(crate) fn handle_timeout(&mut self, clock: &LocalClock, turn: &mut Turn<'_>) {
        if self.slew_end.is_some_and(|end| turn.now.mono >= end) {
            self.end_slew(clock, turn);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        self.slew_end
    }

    /// Tells the kernel how good the clock is.
    pub(crate) fn set_status(&mut self, status: ClockStatus, turn: &mut Turn<'_>) {
        self.issue(ClockCommand::SetStatus(status), turn);
    }

    /// What became of the oldest command.
    pub(crate) fn handle_result(
        &mut self,
        result: ClockResult,
        clock: &mut LocalClock,
        turn: &mut Turn<'_>,
    ) -> Effect {
        let command = self.awaited.pop_front();
        match result {
            ClockResult::FrequencySet { at, frequency } => {
                clock.frequency_changed(at, frequency);
                Effect::Rate
            }
            ClockResult::Stepped { at, by } => {
                self.steps += 1;
                self.gates.stepped(by.seconds());
                let (now, far) = clock.stepped(at, by, turn.now);
                turn.event(Event::Stepped { by });
                Effect::Stepped { now, by, far }
            }
            ClockResult::StatusSet => Effect::Status,
            ClockResult::Failed(errno) => {
                let (what, effect) = match command {
                    Some(ClockCommand::Step(_)) => ("step", Effect::None),
                    Some(ClockCommand::SetFrequency(_)) => ("frequency", Effect::None),
                    Some(ClockCommand::SetStatus(_)) | None => ("status", Effect::Status),
                };
                if matches!(command, Some(ClockCommand::SetFrequency(_))) {
                    // The rate in force is not the one wanted, perhaps a slew that should have ended.
                    self.slew_end = Some(turn.now.mono.after(RETRY_S));
                }
                turn.event(Event::ClockFailed { what, errno });
                effect
            }
            ClockResult::Observing => {
                self.controls = false;
                self.slew_end = None;
                self.awaited.clear();
                Effect::None
            }
        }
    }

    /// A rate that we did not set is taken as it is; the next correction puts it right. Whether it was one.
    pub(crate) fn handle_readback(
        &self,
        found: ClockReadback,
        clock: &mut LocalClock,
        turn: &mut Turn<'_>,
    ) -> bool {
        let expected = clock.frequency();
        let settled = self.controls && self.awaited.is_empty();
        if !settled || (found.frequency.rate() - expected.rate()).abs() <= FOREIGN_RATE {
            return false;
        }
        clock.frequency_changed(turn.now.cooked, found.frequency);
        turn.event(Event::ForeignFrequency {
            found_ppm: found.frequency.ppm(),
            expected_ppm: expected.ppm(),
        });
        true
    }

    fn set_rate(&mut self, rate: Frequency, clock: &LocalClock, turn: &mut Turn<'_>) {
        let pending = self.awaited.iter().any(|command| matches!(command, ClockCommand::SetFrequency(_)));
        if pending || (clock.frequency().rate() - rate.rate()).abs() > RATE_RESOLUTION {
            self.issue(ClockCommand::SetFrequency(rate), turn);
        }
    }

    fn issue(&mut self, command: ClockCommand, turn: &mut Turn<'_>) {
        if self.controls && self.awaited.len() < AWAITED && turn.outbox.push(Output::Clock(command)) {
            self.awaited.push_back(command);
        }
    }
}
