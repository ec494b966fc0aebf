//! A path through the network: how long a packet takes each way, and whether it arrives at all.

use crate::random::Random;

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// base + scale · variate, drawn for each packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DelayLaw {
    /// Shortest delay, seconds.
    pub base_s: f64,
    /// What the variate is multiplied with, seconds.
    pub scale_s: f64,
    /// Its law.
    pub shape: Shape,
}

/// The law of a delay's random part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// Unit exponential.
    Exponential,
    /// Pareto with minimum 1 and this tail index.
    Pareto(f64),
    /// Gamma of this shape and scale 1.
    Gamma(f64),
    /// Unit exponential; in addition, with this probability, the packet waits in a queue behind others for
    /// `wait` times a Gamma(3) variate.
    Congested {
        /// Share of packets that find the queue filled.
        probability: f64,
        /// Scale of the wait, seconds.
        wait_s: f64,
    },
}

impl DelayLaw {
    /// base + scale · exp.
    pub const fn exponential(base_s: f64, scale_s: f64) -> Self {
        Self { base_s, scale_s, shape: Shape::Exponential }
    }

    /// One draw, seconds.
    pub fn draw(&self, random: &mut Random) -> f64 {
        self.base_s
            + match self.shape {
                Shape::Exponential => self.scale_s * random.exponential(),
                Shape::Pareto(alpha) => self.scale_s * random.pareto(alpha),
                Shape::Gamma(shape) => self.scale_s * random.gamma(shape),
                Shape::Congested { probability, wait_s } => {
                    let queue = if random.chance(probability) { wait_s * random.gamma(3.0) } else { 0.0 };
                    self.scale_s * random.exponential() + queue
                }
            }
    }
}

/// From one moment to another, in seconds from the start of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Included.
    pub from_s: f64,
    /// Excluded.
    pub until_s: f64,
}

impl Window {
    /// Whether `elapsed_s` lies in it.
    pub fn contains(&self, elapsed_s: f64) -> bool {
        elapsed_s >= self.from_s && elapsed_s < self.until_s
    }
}

/// The route changes: from this moment on, packets take so much longer (or shorter, if negative) each way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RouteChange {
    /// When, seconds from the start.
    pub at_s: f64,
    /// Added to the way up, seconds.
    pub up_s: f64,
    /// Added to the way down, seconds.
    pub down_s: f64,
}

/// Somebody on the path delays packets more and more, too slowly for any filter of spikes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DelayRamp {
    /// While it lasts the delay grows; after that it stays.
    pub window: Window,
    /// Growth on the way up, seconds a second.
    pub up_rate: f64,
    /// Growth on the way down, seconds a second.
    pub down_rate: f64,
}

/// What a path is like.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkConfig {
    /// Delay from the client to the server.
    pub up: DelayLaw,
    /// Delay from the server to the client.
    pub down: DelayLaw,
    /// Probability that a packet is lost, each way.
    pub loss: f64,
    /// Probability that a packet arrives a second time, after a delay drawn anew.
    pub duplicate: f64,
    /// Probability that a packet waits for `straggle_s` more: so that it arrives after later ones.
    pub straggle: f64,
    /// How long stragglers wait, seconds.
    pub straggle_s: f64,
    /// When nothing passes.
    pub outages: Vec<Window>,
    /// Changes of the route.
    pub changes: Vec<RouteChange>,
    /// Creeping delay.
    pub ramp: Option<DelayRamp>,
    /// When somebody on the path removes all that follows the header of a packet, both ways.
    pub strips: Vec<Window>,
}

impl LinkConfig {
    /// The same law both ways and nothing else.
    pub fn symmetric(law: DelayLaw) -> Self {
        Self::asymmetric(law, law)
    }

    /// A law each way and nothing else.
    pub fn asymmetric(up: DelayLaw, down: DelayLaw) -> Self {
        Self {
            up,
            down,
            loss: 0.0,
            duplicate: 0.0,
            straggle: 0.0,
            straggle_s: 0.0,
            outages: Vec::new(),
            changes: Vec::new(),
            ramp: None,
            strips: Vec::new(),
        }
    }
}

/// A path in use.
#[derive(Clone, Debug)]
pub struct Link {
    config: LinkConfig,
    random: Random,
}

impl Link {
    /// A path with its own stream of chance.
    pub fn new(config: LinkConfig, random: Random) -> Self {
        Self { config, random }
    }

    /// A packet enters at `elapsed_s`: after how many seconds its copies come out (none if it is lost).
    pub fn pass(&mut self, direction: Direction, elapsed_s: f64) -> [Option<f64>; 2] {
        if self.config.outages.iter().any(|outage| outage.contains(elapsed_s)) {
            return [None, None];
        }
        let first = self.copy(direction, elapsed_s);
        let second =
            if self.random.chance(self.config.duplicate) { self.copy(direction, elapsed_s) } else { None };
        [first, second]
    }

    /// How much of a packet is left that enters at `elapsed_s`.
    pub fn passes(&self, bytes: &[u8], elapsed_s: f64) -> usize {
        let stripped = self.config.strips.iter().any(|window| window.contains(elapsed_s));
        if stripped { bytes.len().min(48) } else { bytes.len() }
    }

    fn copy(&mut self, direction: Direction, elapsed_s: f64) -> Option<f64> {
        if self.random.chance(self.config.loss) {
            return None;
        }
        let law = match direction {
            Direction::Up => self.config.up,
            Direction::Down => self.config.down,
        };
        let mut delay = law.draw(&mut self.random);
        let side = |up: f64, down: f64| if direction == Direction::Up { up } else { down };
        for change in self.config.changes.iter().filter(|change| elapsed_s >= change.at_s) {
            delay += side(change.up_s, change.down_s);
        }
        if let Some(ramp) = self.config.ramp {
            let grown = elapsed_s.min(ramp.window.until_s) - ramp.window.from_s;
            delay += grown.max(0.0) * side(ramp.up_rate, ramp.down_rate);
        }
        if self.random.chance(self.config.straggle) {
            delay += self.config.straggle_s;
        }
        Some(delay.max(0.0))
    }
}

#[cfg(test)]
mod tests;
