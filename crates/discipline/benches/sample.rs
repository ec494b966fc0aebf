//! What one sample costs: `cargo bench -p truechimer-discipline`.

use criterion::{Criterion, criterion_group, criterion_main};
use truechimer_discipline::bank::BankEstimator;
use truechimer_discipline::bank::joint::{JointEstimator, Seat};
use truechimer_discipline::estimate::{Estimator, Oscillator, Sample};
use truechimer_time::{Cooked, NtpDuration, Raw};

/// The i-th exchange on a path of 10 ms with queues of about 1 ms.
fn exchange(i: u32) -> Sample {
    let queue = |i: u32| -1e-3 * (f64::from(i) * 0.618_033_988_749_895 + 0.1).fract().max(1e-9).ln();
    let at = Raw::starting_at(Cooked::UNIX_EPOCH) + NtpDuration::from_seconds(64.0 * f64::from(i));
    Sample {
        at,
        sent: at - NtpDuration::from_seconds(0.02),
        forward: 0.01 + queue(2 * i),
        backward: 0.01 + queue(2 * i + 1),
        precision: 1e-7,
        root_delay: 0.0,
        root_dispersion: 0.0,
        reference_error: None,
    }
}

fn update(criterion: &mut Criterion) {
    let mut filter = BankEstimator::new();
    let mut count = 0;
    criterion.bench_function("bank: one exchange", |bencher| {
        bencher.iter(|| {
            filter.update(&exchange(count), &Oscillator::default());
            count += 1;
        });
    });
}

fn joint(criterion: &mut Criterion) {
    let mut banks = [const { None }; 4].map(|seat: Option<Seat>| (BankEstimator::new(), seat));
    let mut joint = JointEstimator::new();
    let mut take = |count: u32| {
        let sample = exchange(count);
        let Some((bank, seat)) = banks.get_mut(count as usize % 4) else { return };
        if count < 400 {
            bank.update(&sample, &Oscillator::default());
        }
        if joint.has_begun() {
            let Some(witness) = bank.witness() else { return };
            joint.update(seat, &sample, &witness);
        } else if let Some(estimate) = bank.estimate(sample.at) {
            joint.restart(sample.at, &estimate, &Oscillator::default());
        }
    };
    (0..400).for_each(&mut take);
    let mut count = 400;
    criterion.bench_function("joint: one exchange with one of four sources", |bencher| {
        bencher.iter(|| {
            take(count);
            count += 1;
        });
    });
}

fn estimate(criterion: &mut Criterion) {
    let mut filter = BankEstimator::new();
    (0..1000).for_each(|i| filter.update(&exchange(i), &Oscillator::default()));
    let at = exchange(1000).at;
    criterion.bench_function("bank: one estimate", |bencher| bencher.iter(|| filter.estimate(at)));
}

criterion_group!(benches, update, joint, estimate);
criterion_main!(benches);
