use proptest::prelude::*;
use truechimer_time::{Cooked, NtpDuration};

use super::*;
use crate::bank::BankEstimator;
use crate::estimate::Estimator;

/// A source with its bank, and queues on its path that look random and repeat.
struct Source {
    bank: BankEstimator,
    seat: Option<Seat>,
    base: [f64; 2],
    mean: f64,
    state: u64,
}

impl Source {
    fn new(base: [f64; 2], mean: f64, seed: u64) -> Self {
        Self { bank: BankEstimator::new(), seat: None, base, mean, state: seed }
    }

    /// A linear congruential generator (Knuth's MMIX) through the exponential's inverse.
    fn queue(&mut self) -> f64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        -self.mean * (((self.state >> 11) + 1) as f64 / (1_u64 << 53) as f64).ln()
    }

    fn measure(&mut self, t: f64, theta: f64) -> Sample {
        let (up, down) = (self.base[0] + self.queue(), self.base[1] + self.queue());
        let sample = Sample {
            at: raw(t),
            sent: raw(t - up - down),
            forward: theta + up,
            backward: down - theta,
            precision: 1e-8,
            root_delay: 0.0,
            root_dispersion: 0.0,
            reference_error: None,
        };
        self.bank.update(&sample, &Oscillator::default());
        sample
    }
}

fn raw(t: f64) -> Raw {
    Raw::starting_at(Cooked::from_unix_nanos(1_700_000_000_000_000_000)) + NtpDuration::from_seconds(t)
}

/// In (0, 1], by a linear congruential generator (Knuth's MMIX).
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    ((*state >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// θ every 16 s: a frequency of 10 ppm that walks by about 1e-9 per √s.
fn walk() -> Vec<f64> {
    let (mut theta, mut frequency, mut state) = (0.02, 1e-5, 42);
    let mut step = || {
        frequency += 4e-9 * 12_f64.sqrt() * (uniform(&mut state) - 0.5);
        theta += 16.0 * frequency;
        theta
    };
    (0..4500).map(|_| step()).collect()
}

/// Runs the sources in turn, 16 s apart; RMS error, and the error at the end, of all together and of the first source's own bank.
fn run(sources: &mut [Source], turns: u32) -> (JointEstimator, f64, f64) {
    let theta = walk();
    let mut joint = JointEstimator::new();
    let (mut together, mut alone, mut count) = (0.0, 0.0, 0.0);
    for i in 0..turns {
        let t = 16.0 * f64::from(i);
        let truth = theta[i as usize];
        let index = i as usize % sources.len();
        let source = &mut sources[index];
        let sample = source.measure(t, truth);
        let own = source.bank.estimate(sample.at).unwrap();
        if joint.has_begun() {
            joint.update(&mut source.seat, &sample, &source.bank.witness().unwrap());
        } else {
            joint.restart(sample.at, &own, &Oscillator::default());
        }
        if i > turns / 2 {
            together += (joint.estimate(raw(t)).unwrap().offset - truth).powi(2);
            let first = sources[0].bank.estimate(raw(t)).unwrap();
            alone += (first.offset - truth).powi(2);
            count += 1.0;
        }
    }
    (joint, (together / count).sqrt(), (alone / count).sqrt())
}

#[test]
fn four_sources_together_are_better_than_any_alone() {
    let mut sources: Vec<Source> = (1..=4).map(|seed| Source::new([10e-3; 2], 1e-3, seed)).collect();
    let (joint, together, alone) = run(&mut sources, 4000);
    assert!(together < 0.5 * alone, "{together} s together, {alone} s alone");
    let estimate = joint.estimate(raw(16.0 * 3999.0)).unwrap();
    assert!(estimate.offset_variance.sqrt() < 1e-4 && estimate.offset_variance > 0.0, "{estimate:?}");
}

#[test]
fn unequal_paths_do_not_pull_at_each_other() {
    // Each half a millisecond wrong, and together right.
    let base = |extra: f64| [10e-3 + extra, 10e-3 - extra];
    let mut sources = [Source::new(base(0.5e-3), 1e-4, 1), Source::new(base(-0.5e-3), 1e-4, 2)];
    let (joint, together, alone) = run(&mut sources, 2000);
    assert!(together < 0.1 * alone, "{together} s together, {alone} s alone");
    let estimate = joint.estimate(raw(16.0 * 1999.0)).unwrap();
    assert!(
        estimate.offset_variance.sqrt() > 0.1e-3,
        "that they differ says that both may be wrong: {estimate:?}"
    );
}

#[test]
fn a_source_that_falls_silent_does_not_move_the_clock() {
    let base = |extra: f64| [10e-3 + extra, 10e-3 - extra];
    let mut sources = [Source::new(base(0.5e-3), 1e-4, 1), Source::new(base(-0.5e-3), 1e-4, 2)];
    let (mut joint, ..) = run(&mut sources, 2000);
    let [source, _] = &mut sources;
    for (i, &theta) in (0..).zip(&walk()).skip(2000).take(400) {
        let t = 16.0 * f64::from(i);
        let sample = source.measure(t, theta);
        joint.update(&mut source.seat, &sample, &source.bank.witness().unwrap());
        let error = joint.estimate(raw(t)).unwrap().offset - theta;
        assert!(error.abs() < 0.1e-3, "{error} s after {i} turns");
    }
}

#[test]
fn seats_are_lost_by_those_who_have_been_silent_for_longest_and_when_all_begins_anew() {
    let mut sources: Vec<Source> = (1..=9).map(|seed| Source::new([1e-3; 2], 1e-4, seed)).collect();
    let (mut joint, ..) = run(&mut sources, 10);
    // The first one only began; the second took the first seat. Number nine and the first took seats as well.
    let seats: Vec<Seat> = sources.iter().map(|source| source.seat.unwrap()).collect();
    let known: Vec<bool> = seats.iter().map(|&seat| joint.knows(seat)).collect();
    assert_eq!(known, [true, false, true, true, true, true, true, true, true]);
    joint.reset();
    assert!(!seats.iter().any(|&seat| joint.knows(seat)));
    assert_eq!(joint.estimate(raw(1e3)), None);
}

#[test]
fn a_sample_allocates_nothing_and_all_of_it_fits_into_128_kib() {
    let mut sources = [Source::new([1e-3; 2], 1e-4, 1), Source::new([1e-3; 2], 1e-4, 2)];
    let (mut joint, ..) = run(&mut sources, 100);
    let [source, _] = &mut sources;
    let info = allocation_counter::measure(|| {
        let sample = source.measure(1600.0, 0.036);
        joint.update(&mut source.seat, &sample, &source.bank.witness().unwrap());
        let estimate = joint.estimate(raw(1600.0)).unwrap();
        joint.restart(raw(1600.0), &estimate, &Oscillator::default());
    });
    assert_eq!(info.count_total, 0, "{info:?}");
    let info = allocation_counter::measure(|| {
        assert!(!JointEstimator::new().has_begun());
    });
    assert!(info.bytes_max + (size_of::<JointEstimator>() as u64) < 128 * 1024, "{info:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever finite samples come from whom, the estimate stays one.
    #[test]
    fn any_finite_samples_keep_the_estimate_sound(
        samples in prop::collection::vec(
            (0usize..12, 0.0f64..1e6, -1e11f64..1e11, -9.0f64..4.0, any::<bool>(), any::<bool>()), 1..60),
    ) {
        let mut banks: Vec<(BankEstimator, Option<Seat>)> = vec![(BankEstimator::new(), None); 12];
        let mut joint = JointEstimator::new();
        let mut t = 0.0;
        for (source, dt, huge, delay_log, small, is_reference) in samples {
            t += if small { dt * 1e-6 } else { dt };
            let offset = if small { huge * 1e-14 } else { huge };
            let delay = if is_reference { 0.0 } else { 10f64.powf(delay_log) };
            let sample = Sample {
                at: raw(t),
                sent: raw(t),
                forward: offset + delay / 2.0,
                backward: delay / 2.0 - offset,
                precision: 1e-7,
                root_delay: 0.0,
                root_dispersion: 0.0,
                reference_error: is_reference.then_some(1e-6),
            };
            let (bank, seat) = &mut banks[source];
            bank.update(&sample, &Oscillator::default());
            if joint.has_begun() {
                joint.update(seat, &sample, &bank.witness().unwrap());
            } else {
                joint.restart(raw(t), &bank.estimate(raw(t)).unwrap(), &Oscillator::default());
            }
            let estimate = joint.estimate(raw(t + 1e9)).unwrap();
            prop_assert!(estimate.offset.is_finite() && estimate.frequency.is_finite());
            prop_assert!(estimate.offset_variance > 0.0 && estimate.frequency_variance > 0.0);
        }
    }
}

#[test]
fn when_nothing_that_it_believes_is_sound_it_is_ready_to_begin_anew() {
    let mut sources = [Source::new([1e-3; 2], 1e-4, 1), Source::new([2e-3; 2], 1e-4, 2)];
    let (mut joint, ..) = run(&mut sources, 200);
    let [first, _] = &mut sources;
    let sample = first.measure(3200.0, 0.1);
    let witness = first.bank.witness().unwrap();
    let delays = Delays { mean: [f64::NAN; 2], ..witness.delays };
    joint.update(&mut None, &sample, &Witness { delays, taken: true, ..witness });
    assert!(!joint.has_begun() && joint.estimate(raw(3216.0)).is_none());
}
