//! What can be reached by somebody who is told everything but θ: the wander, the laws of the delays and the base delays.
//! One state of offset and frequency for all sources, the exact density on a grid of offsets for the noise of each
//! exchange.
//!
//! Only for delays that are exponential, and for pulses; and for oscillators without cycles.

use truechimer_discipline::estimate::Estimate;
use truechimer_sim::link::{DelayLaw, Shape};
use truechimer_sim::scenario::{Peer, Scenario};
use truechimer_time::Raw;

use super::field::Exchange;

/// Points of the quadrature on either side of the mean, and its width in sigmas.
const HALF: i32 = 400;
const WIDTH: f64 = 9.0;

/// The filter.
pub(crate) struct Told {
    wander: f64,
    /// For each source, both laws and the variance of each leg's stamps; or the variance of a pulse.
    sources: Vec<Result<(DelayLaw, DelayLaw, f64), f64>>,
    at: Option<Raw>,
    mean: [f64; 2],
    covariance: [f64; 3],
}

impl Told {
    /// Of worlds in which it can be told.
    pub(crate) fn new(scenario: &Scenario) -> Option<Self> {
        let host = &scenario.hosts[0];
        if !host.oscillator.sines.is_empty() {
            return None;
        }
        let mut sources = Vec::new();
        for path in &host.paths {
            let Peer::Server(server) = path.peer else { return None };
            let server = &scenario.servers[server];
            let (up, down) = (path.link.up, path.link.down);
            if up.shape != Shape::Exponential || down.shape != up.shape || !path.link.changes.is_empty() {
                return None;
            }
            if server.offset_s == 0.0 {
                let variance = server.stamp_noise_s.powi(2) + host.stamps.noise_s.powi(2);
                sources.push(Ok((up, down, variance)));
            }
        }
        sources.extend(host.reference.iter().map(|reference| Err(reference.noise_s.powi(2))));
        Some(Self {
            wander: host.oscillator.wander,
            sources,
            at: None,
            mean: [0.0; 2],
            covariance: [1.0, 0.0, 1e-8],
        })
    }

    pub(crate) fn take(&mut self, exchange: &Exchange) -> Estimate {
        let sample = &exchange.sample;
        let dt = self.at.map_or(0.0, |at| (sample.at - at).seconds());
        if self.at.is_none() {
            self.mean = [sample.offset(), 0.0];
            self.covariance[0] = sample.delay().max(1e-3).powi(2);
        }
        self.at = Some(sample.at);
        let [tt, tf, ff] = &mut self.covariance;
        let q = self.wander * self.wander;
        self.mean[0] += self.mean[1] * dt;
        *tt += dt * (2.0 * *tf + dt * *ff) + q * dt.powi(3) / 3.0;
        *tf += dt * *ff + q * dt * dt / 2.0;
        *ff += q * dt;
        let (mean, variance) = match self.sources[exchange.source] {
            Err(noise) => {
                let gain = *tt / (*tt + noise);
                (self.mean[0] + gain * (sample.offset() - self.mean[0]), *tt * (1.0 - gain))
            }
            Ok((up, down, stamps)) => posterior(self.mean[0], *tt, |theta| {
                leg(sample.forward - theta - up.base_s, up.scale_s, stamps)
                    + leg(sample.backward + theta - down.base_s, down.scale_s, stamps)
            }),
        };
        let (gain, shrink) = (*tf / *tt, 1.0 - variance / *tt);
        self.mean[1] += gain * (mean - self.mean[0]);
        self.mean[0] = mean;
        *ff -= gain * gain * *tt * shrink;
        *tf *= variance / *tt;
        *tt = variance;
        Estimate {
            offset: self.mean[0],
            frequency: self.mean[1],
            offset_variance: *tt,
            frequency_variance: *ff,
            covariance: *tf,
        }
    }
}

/// Mean and variance of the Gaussian times a likelihood, by quadrature: coarse, and then again where the mass is.
fn posterior(mean: f64, variance: f64, ln_likelihood: impl Fn(f64) -> f64) -> (f64, f64) {
    let (mut about, mut sd) = (mean, variance.sqrt());
    for _ in 0..4 {
        let points = || (-HALF..=HALF).map(|k| about + WIDTH * sd * f64::from(k) / f64::from(HALF));
        let ln = |theta: f64| ln_likelihood(theta) - 0.5 * (theta - mean).powi(2) / variance;
        let most = points().map(ln).fold(f64::NEG_INFINITY, f64::max);
        if !most.is_finite() {
            return (mean, variance);
        }
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for theta in points() {
            let weight = (ln(theta) - most).exp();
            sum += weight;
            first += weight * (theta - about);
            second += weight * (theta - about).powi(2);
        }
        let step = WIDTH * sd / f64::from(HALF);
        let found = (second / sum - (first / sum).powi(2)).max(step * step / 12.0);
        about += first / sum;
        sd = found.sqrt();
    }
    (about, sd * sd)
}

/// Logarithm of the density of a queueing time that the stamps have disturbed.
fn leg(excess: f64, scale: f64, stamps: f64) -> f64 {
    if stamps == 0.0 {
        return if excess < 0.0 { f64::NEG_INFINITY } else { -excess / scale };
    }
    let sd = stamps.sqrt();
    let a = excess / sd - sd / scale;
    0.5 * stamps / (scale * scale) - excess / scale + ln_normal_integral(a)
}

/// ln Φ(a), to 1e-7 or better (Abramowitz and Stegun 7.1.26 and the continued fraction of the tail).
fn ln_normal_integral(a: f64) -> f64 {
    if a > -3.0 {
        let x = a.abs() / std::f64::consts::SQRT_2;
        let t = 1.0 / (1.0 + 0.327_591_1 * x);
        let poly = t
            * (0.254_829_592
                + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
        let tail = 0.5 * poly * (-x * x).exp();
        return if a > 0.0 { (1.0 - tail).ln() } else { tail.ln() };
    }
    let x = -a;
    let fraction = (1..=20).rev().fold(x, |below, k| x + f64::from(k) / below);
    -0.5 * (x * x + std::f64::consts::TAU.ln()) - fraction.ln()
}
