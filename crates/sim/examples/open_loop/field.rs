//! What is measured, and the truth behind it.

use truechimer_discipline::estimate::Sample;
use truechimer_sim::link::{Direction, Link, Window};
use truechimer_sim::oscillator::Oscillator;
use truechimer_sim::random::Random;
use truechimer_sim::scenario::{Peer, Scenario};
use truechimer_time::{Cooked, NtpDuration, Raw};

/// Polls begin with a burst, then each interval is twice as long as the last.
const BURST: u32 = 5;
const BURST_SPACING_S: f64 = 2.0;

/// One exchange or pulse.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(crate) source: usize,
    /// When the reply came, seconds of true time.
    pub(crate) at_s: f64,
    pub(crate) sample: Sample,
}

/// The oscillator and the paths, open loop.
pub(crate) struct Field {
    start: Cooked,
    length_s: f64,
    pace_s: f64,
    /// θ, second by second.
    theta: Vec<f64>,
    sources: Vec<Source>,
    random: Random,
    client_noise_s: f64,
    stated_error_s: f64,
}

/// A server and the way to it, or a reference clock.
struct Source {
    kind: Kind,
    polls: u32,
    next_s: f64,
}

enum Kind {
    Path { link: Box<Link>, noise_s: f64 },
    Reference { interval_s: f64, noise_s: f64, max_error_s: f64, outages: Vec<Window> },
}

impl Source {
    /// Time between the last poll and the next, seconds.
    fn interval_s(&self, pace_s: f64) -> f64 {
        match self.kind {
            Kind::Reference { interval_s, .. } => interval_s,
            Kind::Path { .. } => {
                let doublings = self.polls.saturating_sub(BURST).min(20);
                (BURST_SPACING_S * f64::from(doublings).exp2()).min(pace_s)
            }
        }
    }
}

impl Field {
    pub(crate) fn new(scenario: &Scenario, pace_s: f64, seed: u64) -> Self {
        let host = &scenario.hosts[0];
        let mut oscillator = Oscillator::new(host.oscillator.clone(), 1.0, Random::new(seed, 1000));
        let mut at = -host.offset_s;
        let mut second = || {
            let now = at;
            at -= oscillator.advance().rate();
            now
        };
        let theta = (0..scenario.length_s as usize + 8).map(|_| second()).collect();
        let mut sources = Vec::new();
        for (stream, path) in (1010..).zip(&host.paths) {
            let Peer::Server(server) = path.peer else { continue };
            let server = &scenario.servers[server];
            if server.offset_s == 0.0 {
                let link = Box::new(Link::new(path.link.clone(), Random::new(seed, stream)));
                sources.push(Kind::Path { link, noise_s: server.stamp_noise_s });
            }
        }
        sources.extend(host.reference.iter().map(|reference| Kind::Reference {
            interval_s: reference.interval_s,
            noise_s: reference.noise_s,
            max_error_s: reference.max_error_s,
            outages: host.reference_outages.clone(),
        }));
        // Pulses come at the full second and are handled right after, as in the closed loop.
        let first = |kind: &Kind, n: usize| match kind {
            Kind::Reference { .. } => 1e-4,
            Kind::Path { .. } => 0.5 + 0.1 * n as f64,
        };
        let source = |(n, kind)| Source { next_s: first(&kind, n), kind, polls: 0 };
        Self {
            start: scenario.start,
            length_s: scenario.length_s,
            pace_s,
            theta,
            sources: sources.into_iter().enumerate().map(source).collect(),
            random: Random::new(seed, 7),
            client_noise_s: host.stamps.noise_s,
            stated_error_s: host.stamps.stated_error_s,
        }
    }

    pub(crate) fn sources(&self) -> usize {
        self.sources.len()
    }

    pub(crate) fn theta(&self, t: f64) -> f64 {
        let second = (t as usize).min(self.theta.len() - 2);
        self.theta[second] + self.rate(second) * (t - second as f64)
    }

    pub(crate) fn rate(&self, second: usize) -> f64 {
        self.theta[second + 1] - self.theta[second]
    }

    /// When the next exchange with all sources together may be expected after one with this one, seconds.
    pub(crate) fn interval_s(&self, source: usize) -> f64 {
        let now = self.sources[source].next_s - self.sources[source].interval_s(self.pace_s);
        let next = self.sources.iter().map(|other| other.next_s).fold(f64::INFINITY, f64::min);
        (next - now).clamp(0.1, self.pace_s)
    }

    fn raw(&self, t: f64) -> Raw {
        Raw::starting_at(self.start) + NtpDuration::from_seconds(t - self.theta(t))
    }

    /// The next exchange that succeeds; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Exchange> {
        loop {
            let source = (0..self.sources.len())
                .min_by(|&a, &b| self.sources[a].next_s.total_cmp(&self.sources[b].next_s))?;
            let sent_s = self.sources[source].next_s;
            if sent_s > self.length_s {
                return None;
            }
            self.plan(source);
            if let Some(exchange) = self.measure(source, sent_s) {
                return Some(exchange);
            }
        }
    }

    fn plan(&mut self, source: usize) {
        let stretch = 1.005 + 0.025 * self.random.uniform();
        let source = &mut self.sources[source];
        source.polls += 1;
        source.next_s += match source.kind {
            Kind::Reference { interval_s, .. } => interval_s,
            Kind::Path { .. } => source.interval_s(self.pace_s) * stretch,
        };
    }

    fn measure(&mut self, source: usize, sent_s: f64) -> Option<Exchange> {
        let (mut at_s, mut forward, mut backward, mut error) = (sent_s, self.theta(sent_s), 0.0, None);
        match &mut self.sources[source].kind {
            Kind::Reference { noise_s, max_error_s, outages, .. } => {
                if outages.iter().any(|outage| outage.contains(sent_s)) {
                    return None;
                }
                forward += *noise_s * self.random.normal();
                backward -= forward;
                error = Some(*max_error_s);
            }
            Kind::Path { link, noise_s } => {
                let sigma = noise_s.hypot(self.client_noise_s);
                let [up, _] = link.pass(Direction::Up, sent_s);
                let up = up?;
                let [down, _] = link.pass(Direction::Down, sent_s + up);
                let down = down?;
                at_s += up + down;
                forward += up + sigma * self.random.normal();
                backward = down - self.theta(at_s) + sigma * self.random.normal();
            }
        }
        let sample = Sample {
            at: self.raw(at_s),
            sent: self.raw(sent_s),
            forward,
            backward,
            precision: 2.0 * self.stated_error_s + 1e-9,
            root_delay: 0.0,
            root_dispersion: 0.0,
            reference_error: error,
        };
        Some(Exchange { source, at_s, sample })
    }
}
