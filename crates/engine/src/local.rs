//! The local reference: serving one's own clock when there is no source, so that an island agrees at least with
//! itself.

use crate::config::LocalConfig;
use crate::event::Event;
use crate::outbox::Turn;
use crate::server::Served;

use truechimer_time::Leap;
use truechimer_wire::ReferenceId;

/// Whether it is in force.
#[derive(Debug)]
pub(crate) struct Local {
    config: Option<LocalConfig>,
    active: bool,
    /// The clock was once as good as `activate_s` demands.
    qualified: bool,
}

impl Local {
    pub(crate) fn new(config: Option<LocalConfig>) -> Self {
        Self { config, active: false, qualified: false }
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

    /// The clock's state changed; `asked` says that all sources had their chance to answer.
    pub(crate) fn update(
        &mut self,
        synchronised: bool,
        bound: Option<f64>,
        asked: bool,
        turn: &mut Turn<'_>,
    ) {
        let Some(config) = &self.config else {
            self.set(false, turn);
            return;
        };
        let good = match config.activate_s {
            None => true,
            Some(limit) => synchronised && bound.is_some_and(|bound| bound < limit),
        };
        self.qualified |= good;
        let active = !synchronised && self.qualified && (asked || self.active);
        self.set(active, turn);
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
