//! The system process, RFC 5905 §11: from the samples of all sources to one steered clock and one bound.

mod certificates;
mod control;
mod round;
mod state;
mod status;
mod together;
mod updates;
mod voices;

use truechimer_discipline::clock::{ClockReadback, ClockResult};
use truechimer_discipline::estimate::Oscillator;
use truechimer_discipline::interval::{Drift, WORST_RATE};
use truechimer_discipline::leap;
use truechimer_discipline::select::Outcome;
use truechimer_time::{Mono, Now, NtpDuration, Raw};

use self::certificates::Certificates;
pub(crate) use self::certificates::{Doubt, unix_s};
pub(crate) use self::control::{Control, Correction, Effect};
pub(crate) use self::round::awaited;
use self::round::{Question, Round, Rounds, expected};
pub(crate) use self::state::{Peer, State};
use self::together::Together;
use self::voices::{agrees, is_given_up, is_word_of_outsiders, survivors, suspect_oscillator};
use crate::association::MISDATED;
use crate::config::{ClockConfig, EngineConfig, SelectionConfig};
use crate::engine::Initial;
use crate::event::Event;
use crate::local::Local;
use crate::local_clock::LocalClock;
use crate::outbox::Turn;
use crate::sources::{Sources, earlier};

/// How long those that have answered and agree wait for the others before the first correction, seconds.
const GRACE_S: f64 = 0.25;
/// How long a single one that has answered waits for a second opinion, seconds.
const LONE_GRACE_S: f64 = 1.0;
/// For how long an earlier majority outweighs at most half as many that contradict it, seconds.
const OUTWEIGHED_S: f64 = 86_400.0;

/// A crystal is not as it was left: while nobody watched, its temperature may have changed it by so much (one
/// sigma), whatever the frequency file says.
const UNWATCHED_SD: f64 = 2e-6;

/// What stands in the way of a selection, or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) outcome: Outcome,
    pub(crate) answering: usize,
    pub(crate) agreeing: usize,
    pub(crate) spread_s: f64,
    /// Fewer sources than before say something that those had ruled out.
    pub(crate) outweighed: bool,
}

/// The system process.
#[derive(Debug)]
pub(crate) struct System {
    config: ClockConfig,
    selection: SelectionConfig,
    precision: i8,
    rounds: Rounds,
    pub(crate) certificates: Certificates,
    together: Together,
    pub(crate) control: Control,
    pub(crate) oscillator: Oscillator,
    pub(crate) state: Option<State>,
    pub(crate) standing: Standing,
    /// The outcome that was last said, or was not worth saying.
    told: Outcome,
    /// A majority stands behind `state`, or did before its members fell silent.
    in_force: bool,
    pub(crate) synchronised: bool,
    /// The first update since the start, or since measurement began anew, was made.
    settled: bool,
    first_answer: Option<Mono>,
    /// When the clock was last updated.
    updated: Option<Mono>,
    /// When to decide with those that have answered.
    grace: Option<Mono>,
    outweighed_since: Option<Mono>,
    refresh: Mono,
    told_unsynchronised: bool,
}

impl System {
    pub(crate) fn new(config: &EngineConfig, initial: &Initial, now: Now) -> Self {
        Self {
            config: config.clock.clone(),
            selection: config.selection.clone(),
            precision: initial.precision,
            rounds: Rounds::new(),
            certificates: Certificates::new(config, initial.certificate_floor.unwrap_or(config.era_floor)),
            together: Together::new(),
            control: Control::new(&config.clock, initial.controls_clock, initial.stepped_total),
            oscillator: Oscillator {
                allowance: allowance(&config.clock, initial.controls_clock),
                ..unwatched(initial.oscillator.unwrap_or_default())
            },
            state: None,
            standing: Standing {
                outcome: Outcome::NoCandidates,
                answering: 0,
                agreeing: 0,
                spread_s: 0.0,
                outweighed: false,
            },
            told: Outcome::NoCandidates,
            in_force: false,
            synchronised: false,
            settled: false,
            first_answer: None,
            updated: None,
            grace: None,
            outweighed_since: None,
            refresh: now.mono,
            told_unsynchronised: false,
        }
    }

    /// Another configuration, of which `sources` have come already. Those that were removed vouch for nothing any more.
    pub(crate) fn reconfigure(&mut self, config: &EngineConfig, sources: &Sources) {
        if let Some(state) = self.state.as_mut() {
            let left = sources.members().filter(|member| agrees(member)).count();
            state.agreeing = state.agreeing.min(left);
        }
        self.config = config.clock.clone();
        self.oscillator.allowance = allowance(&self.config, self.control.controls());
        self.selection = config.selection.clone();
        self.certificates.reconfigure(config);
        self.control.reconfigure(&config.clock);
    }

    pub(crate) fn start(&mut self, turn: &mut Turn<'_>) {
        let known = self.oscillator.frequency;
        self.control.start(if known.is_finite() { known } else { 0.0 }, turn);
    }

    pub(crate) fn max_distance_s(&self) -> f64 {
        self.config.max_distance_s
    }

    /// A source gave a sample: selects, and steers if there is an agreement.
    pub(crate) fn update(
        &mut self,
        sources: &mut Sources,
        local: &mut Local,
        clock: &LocalClock,
        turn: &mut Turn<'_>,
    ) {
        if self.control.is_stepping() {
            return;
        }
        suspect_oscillator(sources, turn.now.mono);
        let round = self.select(sources, local, clock, turn);
        self.first_answer.get_or_insert(turn.now.mono);
        if round.outcome == Outcome::Agreed
            && !self.is_premature(&round, sources, turn.now.mono)
            && !is_word_of_outsiders(sources, turn.now.mono)
            && self.is_certified(&round, sources, clock, turn)
        {
            self.adopt(&round, sources, clock, turn);
            self.tell_time_known(sources, clock, turn);
        }
        self.refresh(sources, local, clock, turn);
    }

    pub(crate) fn handle_timeout(
        &mut self,
        sources: &mut Sources,
        local: &mut Local,
        clock: &LocalClock,
        turn: &mut Turn<'_>,
    ) {
        self.control.handle_timeout(clock, turn);
        if self.grace.is_some_and(|grace| turn.now.mono >= grace) {
            self.grace = None;
            self.update(sources, local, clock, turn);
        } else if turn.now.mono >= self.refresh && !self.control.is_stepping() {
            self.select(sources, local, clock, turn);
            self.refresh(sources, local, clock, turn);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let quiet = if self.control.is_stepping() { None } else { Some(self.refresh) };
        earlier(earlier(self.grace, quiet), self.control.poll_timeout())
    }

    /// What became of a command.
    pub(crate) fn handle_result(
        &mut self,
        result: ClockResult,
        clock: &mut LocalClock,
        turn: &mut Turn<'_>,
    ) -> Effect {
        let effect = self.control.handle_result(result, clock, turn);
        if matches!((effect, result), (Effect::Status, ClockResult::Failed(_))) {
            // The kernel may still call itself synchronised: it is told again at the next look.
            self.told_unsynchronised = false;
        }
        self.oscillator.allowance = allowance(&self.config, self.control.controls());
        effect
    }

    /// Whether somebody else has changed the clock's rate.
    pub(crate) fn handle_readback(
        &self,
        found: ClockReadback,
        clock: &mut LocalClock,
        turn: &mut Turn<'_>,
    ) -> bool {
        self.control.handle_readback(found, clock, turn)
    }

    /// Steps the clock by what is still to be corrected: by what was measured, or else by what was typed in. Otherwise the
    /// answer is why not.
    pub(crate) fn step(
        &mut self,
        typed_s: Option<f64>,
        clock: &LocalClock,
        turn: &mut Turn<'_>,
    ) -> Result<(), &'static str> {
        let measured = self.correction(turn.now, clock).map(|(offset_s, _)| offset_s);
        let offset_s = measured.or(typed_s).ok_or("nothing was measured yet")?;
        self.control.step_now(offset_s, clock, turn)
    }

    /// Corrects the clock by what somebody typed, unless sources stand behind it. The answer is why it is refused.
    pub(crate) fn steer_by_hand(
        &mut self,
        correction: Correction,
        clock: &LocalClock,
        turn: &mut Turn<'_>,
    ) -> Result<(), &'static str> {
        if self.state.is_some() || !self.control.controls() {
            return Ok(());
        }
        if self.control.is_busy() {
            return Err("the clock is being set already");
        }
        self.control.steer(correction, clock, turn);
        if self.control.refusal().is_some() {
            return Err("the correction is beyond a panic limit");
        }
        self.oscillator = Oscillator {
            frequency: correction.frequency,
            frequency_sd: correction.frequency_sd,
            ..self.oscillator
        };
        Ok(())
    }

    /// The raw scale is not what it was: nothing that was measured counts any more.
    pub(crate) fn forget(&mut self, clock: &LocalClock, turn: &mut Turn<'_>) {
        self.state = None;
        self.together.forget();
        self.oscillator = unwatched(self.oscillator);
        self.in_force = false;
        self.settled = false;
        self.first_answer = None;
        self.grace = None;
        self.outweighed_since = None;
        self.refresh = turn.now.mono;
        self.control.end_slew(clock, turn);
    }

    /// Leaves the kernel sane.
    pub(crate) fn shutdown(&mut self, clock: &LocalClock, turn: &mut Turn<'_>) {
        self.control.end_slew(clock, turn);
        self.synchronised = false;
        let status = self.status(clock, turn.now);
        self.control.set_status(status, turn);
    }

    /// One round; tells what changed by it.
    fn select(
        &mut self,
        sources: &mut Sources,
        local: &Local,
        clock: &LocalClock,
        turn: &mut Turn<'_>,
    ) -> Round {
        let question = Question {
            at: clock.raw(turn.now.cooked),
            now: turn.now.mono,
            min_sources: self.selection.min_sources.max(1),
            max_distance_s: self.config.max_distance_s,
            local: local.config(),
            certificates: &self.certificates,
        };
        let mut round = self.rounds.run(sources, &question);
        for member in sources.members_mut().filter(|member| member.unfit == Some(MISDATED)) {
            member.tell_misdated(turn);
        }
        let (at, now) = (question.at, question.now);
        let outweighed = self.is_outweighed(&round, at, now);
        if outweighed {
            round.outcome = Outcome::TooFew;
        }
        let standing = Standing {
            outcome: round.outcome,
            answering: round.answering,
            agreeing: round.agreeing,
            spread_s: round.spread_s,
            outweighed,
        };
        self.tell(&standing, &round, sources, clock, turn);
        // A majority once in force carries on while its members are silent; a present contradiction ends it.
        let split = round.outcome == Outcome::NoMajority;
        self.in_force &= !split && !is_given_up(sources);
        if let Some(state) = self.state.as_mut() {
            state.doubtful |= split || outweighed;
        }
        self.standing = standing;
        round
    }

    fn tell(
        &mut self,
        standing: &Standing,
        round: &Round,
        sources: &Sources,
        clock: &LocalClock,
        turn: &mut Turn<'_>,
    ) {
        for member in round.new_falsetickers.iter().filter_map(|index| sources.members().nth(*index)) {
            let estimate = member.estimator.estimate(clock.raw(turn.now.cooked));
            let offset_s = estimate.map_or(0.0, |estimate| estimate.offset - clock.corrected(turn.now));
            turn.event(Event::Falseticker { source: member.name.clone(), offset_s });
        }
        // While first answers are still coming in, a disagreement may be the answer of a moment.
        let early = !self.settled && awaited(sources) > 0;
        if standing.outcome == self.told || early {
            return;
        }
        self.told = standing.outcome;
        let (answering, agreeing) = (standing.answering, standing.agreeing);
        match standing.outcome {
            Outcome::NoMajority => turn.event(Event::NoMajority { answering, agreeing }),
            Outcome::TooFew if !standing.outweighed => {
                turn.event(Event::TooFewSources { agreeing, wanted: self.selection.min_sources });
            }
            _ => {}
        }
    }

    /// A few that are left must not overturn what more of them guaranteed before: the liars of yesterday may be
    /// all that still answers.
    fn is_outweighed(&mut self, round: &Round, at: Raw, now: Mono) -> bool {
        let contradicted = match (&self.state, round.bound) {
            (Some(state), Some([lo, hi])) if round.agreeing * 2 <= state.agreeing => {
                let [held_lo, held_hi] = state.bound_at(at);
                lo > held_hi || hi < held_lo
            }
            _ => false,
        };
        if !contradicted {
            self.outweighed_since = None;
            return false;
        }
        let since = *self.outweighed_since.get_or_insert(now);
        now.seconds_since(since) < OUTWEIGHED_S
    }

    /// Whether the first correction should wait for more answers.
    fn is_premature(&mut self, round: &Round, sources: &Sources, now: Mono) -> bool {
        if self.settled || awaited(sources) == 0 || round.agreeing * 2 > expected(sources) {
            self.grace = None;
            return false;
        }
        let grace_s = if round.agreeing > 1 { GRACE_S } else { LONE_GRACE_S };
        let until = self.first_answer.unwrap_or(now).after(grace_s);
        let premature = now < until;
        self.grace = premature.then_some(until);
        premature
    }

    /// There is an agreement: remembers it and steers by it.
    fn adopt(&mut self, round: &Round, sources: &mut Sources, clock: &LocalClock, turn: &mut Turn<'_>) {
        let (Some(combined), Some(bound), Some(peer)) = (round.combined, round.bound, round.peer) else {
            return;
        };
        let at = clock.raw(turn.now.cooked);
        let estimate = self.together.refine(sources, at, combined, bound, &self.oscillator);
        let Some(member) = sources.members().nth(peer) else { return };
        let wander = member.estimator.statistics().wander;
        let peer = Peer::of(member);
        if self.state.as_ref().is_none_or(|state| state.peer.name != peer.name) {
            turn.event(Event::Selected { source: peer.name.clone() });
        }
        let frequency_sd = estimate.frequency_variance.max(0.0).sqrt();
        self.oscillator = Oscillator {
            frequency: estimate.frequency,
            frequency_sd,
            wander: if wander > 0.0 { wander } else { self.oscillator.wander },
            allowance: self.oscillator.allowance,
        };
        // What the source that has been heard longest bears out is true for all.
        let borne_out = survivors(sources)
            .map(|member| member.interval.bear_out(&self.oscillator.unseen_for(member.estimator.left_out())));
        let borne_out = borne_out.fold(Drift::UNKNOWN, Drift::narrower);
        for member in sources.members_mut() {
            member.interval.set_drift(borne_out);
        }
        // An oscillator that jumped contradicts what was learned of it, and the estimators need some samples to see it.
        let doubtful = survivors(sources).any(|member| member.interval.is_doubtful());
        let drift = if doubtful { Drift::UNKNOWN } else { borne_out };
        let offset_s = estimate.offset - clock.corrected(turn.now);
        let true_time = turn.now.cooked + NtpDuration::from_seconds(offset_s);
        self.state = Some(State {
            at,
            estimate,
            bound,
            drift,
            doubtful: false,
            wander: self.oscillator.wander,
            peer,
            agreeing: round.agreeing,
            leap: leap::vote(survivors(sources).filter_map(|member| Some(member.last?.leap)), true_time),
            updated: turn.now.cooked,
        });
        self.in_force = true;
        self.settled = true;
        self.updated = Some(turn.now.mono);
        let interval_s =
            survivors(sources).map(|member| member.expected_s(turn.now.mono)).fold(f64::INFINITY, f64::min);
        let correction = Correction {
            offset_s,
            offset_sd_s: estimate.offset_variance.max(0.0).sqrt(),
            frequency: estimate.frequency,
            frequency_sd,
            interval_s: if interval_s.is_finite() { interval_s.max(0.1) } else { 1.0 },
        };
        self.control.steer(correction, clock, turn);
    }
}

/// By how much the clock's rate may be another one at once. A clock that somebody else steers is slewed at will, as fast as
/// the kernel's own loops do it.
fn allowance(config: &ClockConfig, controls: bool) -> f64 {
    if controls { config.max_drift } else { config.max_drift.max(WORST_RATE) }
}

fn unwatched(oscillator: Oscillator) -> Oscillator {
    Oscillator { frequency_sd: oscillator.frequency_sd.hypot(UNWATCHED_SD), ..oscillator }
}
