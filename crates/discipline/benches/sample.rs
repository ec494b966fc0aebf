//! What one sample costs: `cargo bench -p truechimer-discipline`. The first lines are processor time, which other programs on
//! the machine do not add to; Criterion's are time on the wall.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros)] // A benchmark measures and tells.

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

/// Takes the i-th exchange with one of four sources into the joint estimate; into that source's bank only at first.
fn four_sources() -> impl FnMut(u32) {
    let mut banks = [const { None }; 4].map(|seat: Option<Seat>| (BankEstimator::new(), seat));
    let mut joint = JointEstimator::new();
    let mut take = move |count: u32| {
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
    take
}

/// What this process has used, seconds: utime and stime of `/proc/self/stat`, in ticks of 10 ms.
fn processor_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}

fn processor(_: &mut Criterion) {
    let measure = |what: &str, take: &mut dyn FnMut(u32)| {
        const COUNT: u32 = 50_000;
        let before = processor_s();
        (400..400 + COUNT).for_each(take);
        if let (Some(before), Some(after)) = (before, processor_s()) {
            println!("{what}: {:.1} µs of processor time", (after - before) / f64::from(COUNT) * 1e6);
        }
    };
    let mut filter = BankEstimator::new();
    measure("bank: one exchange", &mut |i| filter.update(&exchange(i), &Oscillator::default()));
    measure("joint: one exchange with one of four sources", &mut four_sources());
}

fn joint(criterion: &mut Criterion) {
    let mut take = four_sources();
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

criterion_group!(benches, processor, update, joint, estimate);
criterion_main!(benches);
