//! The local reference: serving one's own clock when there is no source, so that an island agrees at least with
//! itself.

use crate::config::LocalConfig;
use crate::event::Event;
use crate::outbox::Turn;
use crate::server::Served;

use truechimer_time::{Leap, Mono};
use truechimer_wire::ReferenceId;

/// Whether it is in force.
#[derive(Debug)]
pub(crate) struct Local {
    config: Option<LocalConfig>,
    active: bool,
    /// The clock was once as good as `activate_s` demands.
    qualified: bool,
    started: Mono,
    /// When it takes over, if nothing happens before.
    due: Option<Mono>,
}

/// What it depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) synchronised: bool,
    pub(crate) bound: Option<f64>,
    /// When the clock was last updated.
    pub(crate) updated: Option<Mono>,
    /// All sources had their chance to answer.
    pub(crate) asked: bool,
}

impl Local {
    pub(crate) fn new(config: Option<LocalConfig>, now: Mono) -> Self {
        Self { config, active: false, qualified: false, started: now, due: None }
    }

    pub(crate) fn reconfigure(&mut self, config: Option<LocalConfig>) {
        self.config = config;
    }

    pub(crate) fn config(&self) -> Option<&LocalConfig> {
        self.config.as_ref()
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active
    }

    /// When it wants to be updated, whatever happens.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        self.due
    }

    /// The clock's state changed, or time has passed.
    pub(crate) fn update(&mut self, situation: Situation, turn: &mut Turn<'_>) {
        let Situation { synchronised, bound, updated, asked } = situation;
        self.due = None;
        let Some(config) = &self.config else {
            self.set(false, turn);
            return;
        };
        let good = match config.activate_s {
            None => true,
            Some(limit) => synchronised && bound.is_some_and(|bound| bound < limit),
        };
        self.qualified |= good;
        let far = config.takeover_s.is_some_and(|limit| bound.is_none_or(|bound| bound >= limit));
        let wanted = (!synchronised || far) && self.qualified && (asked || self.active);
        let ready = match updated {
            Some(updated) => updated.after(config.wait_synced_s),
            None => self.started.after(config.wait_unsynced_s),
        };
        let waits = !self.active && turn.now.mono < ready;
        self.due = (wanted && waits).then_some(ready);
        self.set(wanted && !waits, turn);
    }

    /// What clients are told while there is no source; `unknown` is what they are told without a local reference.
    pub(crate) fn served(&self, unknown: Served, bound: Option<f64>) -> Served {
        let Some(config) = self.config.as_ref().filter(|_| self.active) else { return unknown };
        Served {
            leap: Leap::None,
            stratum: config.stratum,
            reference_id: ReferenceId::LOCAL,
            root_delay_s: 0.0,
            // The operator's word, unless more is known to be wrong.
            root_dispersion_s: bound.map_or(config.distance_s, |bound| bound.max(config.distance_s)),
            dispersion_rate: 0.0,
            ..unknown
        }
    }

    fn set(&mut self, active: bool, turn: &mut Turn<'_>) {
        if self.active != active {
            self.active = active;
            turn.event(Event::LocalReference { active });
        }
    }
}
