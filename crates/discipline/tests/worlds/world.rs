//! A small open-loop world: an oscillator, a path, one source; no network and no daemon. Seeded, so that a
//! run repeats.

use std::f64::consts::TAU;

use truechimer_discipline::estimate::{Estimator, Oscillator, Sample};
use truechimer_discipline::interval::ErrorInterval;
use truechimer_time::{Cooked, NtpDuration, Raw};

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In (0, 1].
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn exponential(&mut self) -> f64 {
        -self.unit().ln()
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (TAU * self.unit()).cos()
    }
}

/// One way of the path.
#[derive(Clone, Copy)]
pub(crate) struct Leg {
    pub(crate) base: f64,
    pub(crate) exponential: f64,
}

impl Leg {
    pub(crate) fn delay(&self, random: &mut Random) -> f64 {
        self.base + self.exponential * random.exponential()
    }
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) name: &'static str,
    pub(crate) forward: Leg,
    pub(crate) backward: Leg,
    /// Gaussian noise of each stamp.
    pub(crate) stamp_noise: f64,
    /// `Some`: a one-way reference with this Gaussian noise.
    pub(crate) reference: Option<f64>,
    pub(crate) wander: f64,
    pub(crate) temperature: bool,
    pub(crate) poll: f64,
    pub(crate) length: u64,
    pub(crate) outage: Option<(f64, f64)>,
    /// From when on which leg's base is longer by how much.
    pub(crate) route: Option<(f64, f64, f64)>,
    pub(crate) initial_offset: f64,
    pub(crate) initial_frequency: f64,
    /// chrony's RMS time error in this world, closed loop.
    pub(crate) chrony: f64,
}

pub(crate) fn symmetric(name: &'static str, base: f64, exponential: f64, wander: f64, chrony: f64) -> World {
    let leg = Leg { base, exponential };
    World {
        name,
        forward: leg,
        backward: leg,
        stamp_noise: 0.0,
        reference: None,
        wander,
        temperature: false,
        poll: 64.0,
        length: 30_000,
        outage: None,
        route: None,
        initial_offset: 0.01,
        initial_frequency: 1e-5,
        chrony,
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) rms: f64,
    pub(crate) max: f64,
    pub(crate) rms_frequency: f64,
    /// RMS of error / σ.
    pub(crate) honesty: f64,
    /// Seconds in which the interval did not contain the truth.
    pub(crate) violations: u64,
    pub(crate) mean_half_width: f64,
    pub(crate) held: u64,
    pub(crate) restarts: u64,
}

/// Runs a world for its length and compares with the truth every second, after a fifth of it.
pub(crate) fn run(world: &World, seed: u64, estimator: &mut dyn Estimator) -> Outcome {
    let mut random = Random(seed);
    let mut interval = ErrorInterval::new();
    let start = Cooked::from_unix_nanos(1_700_000_000_000_000_000);
    let (mut theta, mut walk) = (world.initial_offset, world.initial_frequency);
    let mut next = 0.0;
    let mut polls = 0;
    let mut out = Outcome::default();
    let (mut sum, mut sum_f, mut sum_n, mut sum_w, mut count, mut widths) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    let raw = |t: f64, theta: f64| {
        Raw::starting_at(start) + NtpDuration::from_seconds(t) - NtpDuration::from_seconds(theta)
    };
    for second in 0..world.length {
        let t = second as f64;
        walk += world.wander * random.normal();
        let cycle = if world.temperature {
            1e-6 * (TAU * t / 86_400.0).sin() + 5e-8 * (TAU * t / 3600.0).sin()
        } else {
            0.0
        };
        let rate = walk + cycle;
        if t >= next {
            // As the daemon does: a burst at the start.
            polls += 1;
            next = t + if polls < 4 { world.poll.min(2.0) } else { world.poll };
            if world.outage.is_none_or(|(from, to)| t < from || t >= to) {
                let sample = exchange(world, t, theta, rate, &mut random, &raw);
                estimator.update(&sample, &Oscillator::default());
                interval.update(&sample);
                if let Some(estimate) = estimator.estimate(sample.at) {
                    interval.set_oscillator(&Oscillator {
                        frequency: estimate.frequency,
                        frequency_sd: estimate.frequency_variance.sqrt(),
                        wander: estimator.statistics().wander,
                        ..Oscillator::default()
                    });
                }
            }
        }
        theta += rate;
        let now = raw(t + 1.0, theta);
        if let Some([lo, hi]) = interval.at(now) {
            out.violations += u64::from(!(lo..=hi).contains(&theta));
            widths += (hi - lo) / 2.0;
            sum_w += 1.0;
        }
        if second * 5 < world.length {
            continue;
        }
        let estimate = estimator.estimate(now).expect("an estimate after so long");
        let error = estimate.offset - theta;
        let error_f = estimate.frequency - rate;
        sum += error * error;
        sum_f += error_f * error_f;
        sum_n += error * error / estimate.offset_variance;
        out.max = out.max.max(error.abs());
        count += 1.0;
    }
    out.rms = (sum / count).sqrt();
    out.rms_frequency = (sum_f / count).sqrt();
    out.honesty = (sum_n / count).sqrt();
    out.mean_half_width = widths / sum_w;
    out.held = estimator.statistics().held;
    out.restarts = interval.restarts();
    out
}

fn exchange(
    world: &World,
    t: f64,
    theta: f64,
    rate: f64,
    random: &mut Random,
    raw: &dyn Fn(f64, f64) -> Raw,
) -> Sample {
    if let Some(sigma) = world.reference {
        let offset = theta + sigma * random.normal();
        let at = raw(t, theta);
        return Sample {
            at,
            sent: at,
            forward: offset,
            backward: -offset,
            precision: 1e-9,
            root_delay: 0.0,
            root_dispersion: 0.0,
            reference_error: Some(8.0 * sigma),
        };
    }
    let (mut up, mut down) = (world.forward.delay(random), world.backward.delay(random));
    if let Some((_, more_up, more_down)) = world.route.filter(|(from, ..)| t >= *from) {
        up += more_up;
        down += more_down;
    }
    let mut noise = || world.stamp_noise * random.normal();
    // t1 at t, t4 at t + up + down; θ moves on meanwhile.
    let back = t + up + down;
    let theta_back = theta + rate * (back - t);
    let forward = theta + up + noise() + noise();
    let backward = -theta_back + down + noise() + noise();
    Sample {
        at: raw(back, theta_back),
        sent: raw(t, theta),
        forward,
        backward,
        precision: 1e-7,
        root_delay: 0.0,
        root_dispersion: 0.0,
        reference_error: None,
    }
}
