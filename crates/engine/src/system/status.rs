//! What is said of the clock: to the kernel, to clients, to people. All of it must be true until it is said anew.

use truechimer_discipline::clock::ClockStatus;
use truechimer_discipline::leap;
use truechimer_time::{Cooked, Leap, Now};
use truechimer_wire::ReferenceId;

use super::System;
use super::round::awaited;
use crate::association::later;
use crate::event::Event;
use crate::local::{Local, Situation};
use crate::local_clock::LocalClock;
use crate::outbox::Turn;
use crate::server::Served;
use crate::sources::Sources;

/// What is told of a clock of which nothing is known, seconds: RFC 5905 §7.2 MAXDISP.
const UNKNOWN_ERROR_S: f64 = 16.0;
/// By how much the kernel lets its bound grow by itself, seconds a second.
const KERNEL_GROWTH: f64 = 500e-6;
/// The kernel's status is renewed at least so often, seconds.
const REFRESH_S: f64 = 64.0;

impl System {
    /// The leap second that is announced while the clock shows `at`. The day ends the announcement, whether or not a
    /// source is left to take it back (NA-39).
    pub(crate) fn leap(&self, at: Cooked) -> Leap {
        let state = self.state.as_ref().filter(|_| self.synchronised && leap::is_last_day_of_half_year(at));
        state.map_or(Leap::None, |state| state.leap)
    }

    /// The largest error that the clock can have, seconds.
    pub(crate) fn bound(&self, now: Now, clock: &LocalClock) -> Option<f64> {
        let state = self.state.as_ref()?;
        Some(state.error_bound(clock.raw(now.cooked), clock.corrected(now)) + clock.precision_s())
    }

    /// Whether the clock is synchronised with this bound: the last decision, unless the bound has overtaken it.
    pub(crate) fn is_synchronised(&self, bound: Option<f64>) -> bool {
        self.synchronised && self.is_near(bound)
    }

    fn is_near(&self, bound: Option<f64>) -> bool {
        bound.is_some_and(|bound| bound < self.config.max_distance_s)
    }

    /// How far the clock is off by the estimate, and one sigma of that, seconds.
    pub(crate) fn correction(&self, now: Now, clock: &LocalClock) -> Option<(f64, f64)> {
        let estimate = self.state.as_ref()?.estimate_at(clock.raw(now.cooked));
        Some((estimate.offset - clock.corrected(now), estimate.offset_variance.max(0.0).sqrt()))
    }

    /// Decides whether the clock is synchronised and tells the kernel.
    pub(crate) fn refresh(
        &mut self,
        sources: &Sources,
        local: &mut Local,
        clock: &LocalClock,
        turn: &mut Turn<'_>,
    ) {
        let now = turn.now;
        self.refresh = now.mono.after(REFRESH_S);
        // What is told must be true after the change that is under way; its result brings us back here.
        if self.control.is_busy() {
            return;
        }
        let bound = self.bound(now, clock);
        let before = self.synchronised;
        self.synchronised = self.in_force && self.is_near(bound);
        if let (true, Some(bound), Some(state)) = (self.synchronised, bound, &self.state) {
            // Look again when the bound will have reached the limit.
            let left_s = (self.config.max_distance_s - bound) / state.growth(clock).max(1e-9);
            self.refresh = now.mono.after(left_s.clamp(1.0, REFRESH_S));
        }
        let bound_s = bound.unwrap_or(UNKNOWN_ERROR_S);
        match (before, self.synchronised) {
            (false, true) => turn.event(Event::Synchronised { bound_s }),
            (true, false) => turn.event(Event::Unsynchronised { bound_s }),
            _ => {}
        }
        self.update_local(sources, local, clock, turn);
        if self.synchronised || !self.told_unsynchronised {
            self.told_unsynchronised = !self.synchronised;
            let status = self.status(clock, now);
            self.control.set_status(status, turn);
        }
    }

    /// Decides whether the local reference is in force.
    pub(crate) fn update_local(
        &self,
        sources: &Sources,
        local: &mut Local,
        clock: &LocalClock,
        turn: &mut Turn<'_>,
    ) {
        let situation = Situation {
            synchronised: self.synchronised,
            bound: self.bound(turn.now, clock),
            updated: self.updated,
            asked: awaited(sources) == 0,
        };
        local.update(situation, turn);
    }

    /// A status that stays true until the next one, as the kernel lets its bound grow meanwhile.
    pub(super) fn status(&self, clock: &LocalClock, now: Now) -> ClockStatus {
        let bound = self.bound(now, clock);
        let bound_in = |ahead_s: f64| {
            let state = self.state.as_ref()?;
            let at = later(clock.raw(now.cooked), ahead_s);
            Some(state.error_bound(at, clock.corrected_at(at)) + clock.precision_s())
        };
        // The bound is convex in time and the kernel's lies above a straight line that begins a second from now, as
        // it grows at full seconds only: so the two ends decide.
        let first = bound_in(1.0).or(bound);
        let last = bound_in(REFRESH_S).map(|bound| bound - KERNEL_GROWTH * (REFRESH_S - 1.0));
        let told = [bound, first, last].into_iter().flatten().fold(f64::NEG_INFINITY, f64::max);
        let max_error_s = if bound.is_some() { told } else { UNKNOWN_ERROR_S };
        ClockStatus {
            synchronised: self.synchronised,
            max_error_s,
            est_error_s: self.correction(now, clock).map_or(max_error_s, |(offset, sd)| offset.abs().max(sd)),
            leap: self.leap(now.cooked),
            tai_offset: None,
        }
    }

    /// What clients are told.
    pub(crate) fn served(&self, now: Now, clock: &LocalClock, local: &Local) -> Served {
        let unknown = Served {
            leap: Leap::Unsynchronised,
            stratum: 16,
            precision: self.precision,
            reference_id: ReferenceId::NONE,
            reference_time: now.cooked,
            root_delay_s: 0.0,
            root_dispersion_s: UNKNOWN_ERROR_S,
            as_of: now.cooked,
            dispersion_rate: KERNEL_GROWTH,
        };
        let bound = self.bound(now, clock);
        match (&self.state, bound) {
            (Some(state), Some(bound))
                if self.is_synchronised(Some(bound))
                    && state.peer.next_stratum < 16
                    && !local.is_active() =>
            {
                Served {
                    leap: self.leap(now.cooked),
                    stratum: state.peer.next_stratum,
                    reference_id: state.peer.reference_id,
                    reference_time: state.updated.min(now.cooked),
                    root_delay_s: state.peer.root_delay_s,
                    root_dispersion_s: (bound - state.peer.root_delay_s / 2.0).max(0.0),
                    dispersion_rate: state.growth(clock),
                    ..unknown
                }
            }
            _ => local.served(unknown, bound),
        }
    }
}
