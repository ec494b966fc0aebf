use proptest::prelude::*;
use truechimer_time::{Cooked, NtpDuration};

use super::*;

fn raw(t: f64) -> Raw {
    Raw::starting_at(Cooked::from_unix_nanos(1_700_000_000_000_000_000)) + NtpDuration::from_seconds(t)
}

/// An exchange that measures `offset` with this round trip.
fn exchange(t: f64, offset: f64, delay: f64) -> Sample {
    Sample {
        at: raw(t),
        sent: raw(t - delay),
        forward: offset + delay / 2.0,
        backward: -offset + delay / 2.0,
        precision: 1e-7,
        root_delay: 0.0,
        root_dispersion: 0.0,
        reference_error: None,
    }
}

fn reference(t: f64, offset: f64, error: f64) -> Sample {
    Sample { forward: offset, backward: -offset, reference_error: Some(error), ..exchange(t, offset, 0.0) }
}

/// Queueing noise that looks random enough and repeats: a low-discrepancy sequence through the exponential's
/// inverse.
fn queue(i: u32, scale: f64) -> f64 {
    let unit = (f64::from(i) * 0.618_033_988_749_895 + 0.1).fract().max(1e-9);
    -scale * unit.ln()
}

/// Feeds `count` samples 16 s apart from number `from`, the truth being `offset` + `frequency`·t.
fn feed(filter: &mut BankEstimator, from: u32, count: u32, offset: f64, frequency: f64) {
    for i in from..from + count {
        let t = f64::from(i) * 16.0;
        let (up, down) = (queue(2 * i, 1e-4), queue(2 * i + 1, 1e-4));
        let sample = exchange(t, offset + frequency * t + (up - down) / 2.0, 2e-3 + up + down);
        filter.update(&sample, &Oscillator::default());
    }
}

fn assert_sound(filter: &BankEstimator) {
    for (_, member) in filter.members() {
        assert!(member.state.is_sound(), "{member:?}");
        assert!(member.weight.is_finite() && member.weight < 1e-9, "{member:?}");
    }
    assert!(filter.members().any(|(_, member)| member.weight > -1e-9), "one is the best");
}

#[test]
fn says_nothing_before_the_first_sample() {
    assert_eq!(BankEstimator::new().estimate(raw(0.0)), None);
}

#[test]
fn the_first_sample_is_believed_to_half_its_delay() {
    let mut filter = BankEstimator::new();
    let known = Oscillator { frequency: 3e-5, frequency_sd: 1e-6, ..Oscillator::default() };
    filter.update(&exchange(0.0, 0.25, 0.02), &known);
    let estimate = filter.estimate(raw(0.0)).unwrap();
    assert!((estimate.offset - 0.25).abs() < 1e-12);
    assert!((estimate.offset_variance.sqrt() - 0.01).abs() < 1e-5);
    assert!((estimate.frequency - 3e-5).abs() < 1e-15);
    let later = filter.estimate(raw(100.0)).unwrap();
    assert!((later.offset - 0.253).abs() < 1e-9);
    assert!(later.offset_variance > estimate.offset_variance);
}

#[test]
fn converges_on_offset_and_frequency() {
    let mut filter = BankEstimator::new();
    feed(&mut filter, 0, 200, -0.3, 2.5e-5);
    let t = 200.0 * 16.0;
    let estimate = filter.estimate(raw(t)).unwrap();
    assert!((estimate.offset - (-0.3 + 2.5e-5 * t)).abs() < 5e-5, "{estimate:?}");
    assert!((estimate.frequency - 2.5e-5).abs() < 1e-7, "{estimate:?}");
    assert!(estimate.offset_variance.sqrt() < 5e-5);
    let statistics = filter.statistics();
    assert_eq!(statistics.samples, 200);
    assert!((statistics.base_delay - 2e-3).abs() < 5e-5, "{statistics:?}");
    assert!((5e-6..2e-4).contains(&statistics.jitter), "{statistics:?}");
    assert_sound(&filter);
}

#[test]
fn at_39_numbers_that_are_none_are_ignored() {
    let mut filter = BankEstimator::new();
    feed(&mut filter, 0, 50, 0.1, 0.0);
    let before = filter.estimate(raw(800.0)).unwrap();
    let good = exchange(800.0, 0.1, 2e-3);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 1e13] {
        filter.update(&Sample { forward: bad, ..good }, &Oscillator::default());
        filter.update(&Sample { backward: bad, ..good }, &Oscillator::default());
        filter.update(&Sample { precision: bad, ..good }, &Oscillator::default());
        filter.update(&reference(800.0, bad, 1e-6), &Oscillator::default());
        filter.update(&reference(800.0, 0.1, bad), &Oscillator::default());
    }
    filter.update(&reference(800.0, 0.1, 0.0), &Oscillator::default());
    filter.update(&reference(800.0, 0.1, -1.0), &Oscillator::default());
    assert_eq!(filter.estimate(raw(800.0)), Some(before));
    assert_eq!(filter.statistics().samples, 50);
}

#[test]
fn a_nonsensical_oscillator_does_not_spread() {
    let mut filter = BankEstimator::new();
    let nonsense = Oscillator {
        frequency: f64::NAN,
        frequency_sd: f64::INFINITY,
        wander: f64::NAN,
        allowance: f64::NAN,
    };
    filter.update(&exchange(0.0, 0.1, 1e-3), &nonsense);
    filter.update(&exchange(16.0, 0.1, 1e-3), &nonsense);
    assert_sound(&filter);
}

#[test]
fn a_sample_out_of_order_is_ignored() {
    let mut filter = BankEstimator::new();
    feed(&mut filter, 0, 50, 0.1, 0.0);
    let before = filter.clone().estimate(raw(1000.0));
    filter.update(&exchange(100.0, 5.0, 2e-3), &Oscillator::default());
    assert_eq!(filter.estimate(raw(1000.0)), before);
}

#[test]
fn at_42_one_perfect_looking_outlier_changes_nothing() {
    let mut filter = BankEstimator::new();
    feed(&mut filter, 0, 100, 0.1, 1e-5);
    let t = 1600.0;
    let before = filter.estimate(raw(t)).unwrap();
    // The shortest round trip of all, and 5 ms off.
    filter.update(&exchange(t, before.offset + 5e-3, 2.0e-3), &Oscillator::default());
    let after = filter.estimate(raw(t)).unwrap();
    assert!((after.offset - before.offset).abs() < 1e-6, "{}", after.offset - before.offset);
    assert_eq!((filter.statistics().held, filter.left_out()), (1, 1));
    // And the filter goes on.
    feed(&mut filter, 101, 20, 0.1, 1e-5);
    assert_eq!((filter.statistics().held, filter.left_out()), (1, 0));
}

#[test]
fn at_42_tiny_jitter_does_not_make_certain() {
    // A source that sends the same numbers again and again, with stamps that may be 1 µs off.
    let mut filter = BankEstimator::new();
    for i in 0..2000 {
        let sample = Sample { precision: 1e-6, ..exchange(f64::from(i) * 16.0, 0.1, 1e-3) };
        filter.update(&sample, &Oscillator::default());
    }
    let estimate = filter.estimate(raw(2000.0 * 16.0)).unwrap();
    assert!(estimate.offset_variance.sqrt() > 2e-8, "{}", estimate.offset_variance.sqrt());
    assert_sound(&filter);
}

#[test]
fn spikes_are_held_but_a_jump_is_followed() {
    let mut filter = BankEstimator::new();
    feed(&mut filter, 0, 100, 0.1, 1e-5);
    feed(&mut filter, 100, 12, 0.6, 1e-5);
    let t = 112.0 * 16.0;
    let estimate = filter.estimate(raw(t)).unwrap();
    assert!((estimate.offset - (0.6 + 1e-5 * t)).abs() < 1e-3, "{estimate:?}");
    let held = filter.statistics().held;
    assert!((1..u64::from(MOST_HELD)).contains(&held), "{held}");
    feed(&mut filter, 112, 100, 0.6, 1e-5);
    let t = 212.0 * 16.0;
    let estimate = filter.estimate(raw(t)).unwrap();
    assert!((estimate.offset - (0.6 + 1e-5 * t)).abs() < 1e-4, "{estimate:?}");
    assert_eq!(filter.statistics().held, held);
    assert_sound(&filter);
}

#[test]
fn held_samples_that_disagree_are_bounded_too() {
    let mut filter = BankEstimator::new();
    feed(&mut filter, 0, 100, 0.1, 0.0);
    for i in 100..120_u32 {
        let wild = if i % 2 == 0 { 1.0 } else { -1.0 } * f64::from(i);
        filter.update(&exchange(f64::from(i) * 16.0, wild, 2e-3), &Oscillator::default());
    }
    // Not all, for ever: the longest row of held samples ends.
    assert!(filter.statistics().held <= 20);
    assert_sound(&filter);
}

#[test]
fn a_frequency_step_is_followed() {
    let mut filter = BankEstimator::new();
    feed(&mut filter, 0, 200, 0.1, 0.0);
    // 5 ppm at once, as when a machine wakes up to work.
    let begin = 200.0 * 16.0;
    feed(&mut filter, 200, 100, 0.1 - 5e-6 * begin, 5e-6);
    let estimate = filter.estimate(raw(300.0 * 16.0)).unwrap();
    assert!((estimate.frequency - 5e-6).abs() < 2e-7, "{estimate:?}");
    assert!((estimate.offset - (0.1 + 5e-6 * 1600.0)).abs() < 1e-4, "{estimate:?}");
}

#[test]
fn a_longer_route_on_one_way_leaves_the_offset() {
    let mut filter = BankEstimator::new();
    feed(&mut filter, 0, 200, 0.1, 0.0);
    for i in 200..400 {
        let (up, down) = (queue(2 * i, 1e-4) + 2e-3, queue(2 * i + 1, 1e-4));
        let sample = exchange(f64::from(i) * 16.0, 0.1 + (up - down) / 2.0, 2e-3 + up + down);
        filter.update(&sample, &Oscillator::default());
    }
    let estimate = filter.estimate(raw(6400.0)).unwrap();
    assert!((estimate.offset - 0.1).abs() < 1e-4, "{estimate:?}");
    assert!((filter.statistics().base_delay - 4e-3).abs() < 1e-4);
}

#[test]
fn a_reference_is_weighed_by_its_real_noise() {
    let mut filter = BankEstimator::new();
    for i in 0..500 {
        let noise = queue(i, 1e-6) - queue(i + 7777, 1e-6);
        // It claims to be within a millisecond; its noise is 1.4 µs.
        filter.update(&reference(f64::from(i), 0.25 + noise, 1e-3), &Oscillator::default());
    }
    let estimate = filter.estimate(raw(500.0)).unwrap();
    assert!((estimate.offset - 0.25).abs() < 2e-6, "{estimate:?}");
    assert!((5e-7..3e-6).contains(&filter.statistics().jitter), "{:?}", filter.statistics());
    assert!((1e-8..2e-6).contains(&estimate.offset_variance.sqrt()));
}

#[test]
fn reset_forgets_everything() {
    let mut filter = BankEstimator::new();
    feed(&mut filter, 0, 50, 0.1, 0.0);
    filter.reset();
    assert_eq!(filter.estimate(raw(1e4)), None);
    assert_eq!(filter.statistics(), Statistics::default());
    feed(&mut filter, 0, 1, -3.0, 0.0);
    assert!((filter.estimate(raw(0.0)).unwrap().offset + 3.0).abs() < 1e-3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever finite samples come, in whatever order of sizes, the state stays finite and possible.
    #[test]
    fn any_finite_samples_keep_the_state_sound(
        samples in prop::collection::vec(
            (0.0f64..1e6, -1e11f64..1e11, -9.0f64..4.0, 0.0f64..1.0, any::<bool>(), any::<bool>()), 1..80),
        frequency_sd in 0.0f64..1.0, wander in 0.0f64..1.0,
    ) {
        let oscillator = Oscillator { frequency: 0.0, frequency_sd, wander, ..Oscillator::default() };
        let mut filter = BankEstimator::new();
        let mut t = 0.0;
        for (dt, huge, delay_log, precision, small, is_reference) in samples {
            t += if small { dt * 1e-6 } else { dt };
            let offset = if small { huge * 1e-14 } else { huge };
            let sample = if is_reference {
                reference(t, offset, precision.max(1e-9))
            } else {
                Sample { precision, ..exchange(t, offset, 10f64.powf(delay_log)) }
            };
            filter.update(&sample, &oscillator);
            assert_sound(&filter);
            let estimate = filter.estimate(raw(t + 1e9)).unwrap();
            prop_assert!(estimate.offset.is_finite() && estimate.offset_variance.is_finite());
            prop_assert!(estimate.offset_variance > 0.0 && estimate.frequency_variance > 0.0);
        }
    }
}

#[test]
fn a_sample_allocates_nothing() {
    let mut filter = BankEstimator::new();
    feed(&mut filter, 0, 100, 0.1, 1e-5);
    let info = allocation_counter::measure(|| {
        feed(&mut filter, 100, 300, 0.1, 1e-5);
        // A change of route, with all that it sets in motion.
        feed(&mut filter, 400, 50, 0.105, 1e-5);
        assert!(filter.estimate(raw(451.0 * 16.0)).is_some());
    });
    assert_eq!(info.count_total, 0, "{info:?}");
}

#[test]
fn the_bank_of_a_source_fits_into_128_kib() {
    let info = allocation_counter::measure(|| {
        let mut filter = BankEstimator::new();
        feed(&mut filter, 0, 500, 0.1, 1e-5);
    });
    assert!(info.bytes_max < 128 * 1024, "{info:?}");
}

/// The rate follows a cycle of three hours; the filters with a drift know where it is going.
#[test]
fn a_rate_that_follows_the_temperature_is_followed() {
    let mut filter = BankEstimator::new();
    let (mut theta, mut squares) = (0.0, 0.0);
    let turn = std::f64::consts::TAU / 10_800.0;
    for i in 0..1000 {
        let t = 64.0 * f64::from(i);
        if i >= 500 {
            squares += (filter.estimate(raw(t)).unwrap().offset - theta).powi(2);
        }
        let (up, down) = (queue(2 * i, 1e-5), queue(2 * i + 1, 1e-5));
        let sample = exchange(t, theta + (up - down) / 2.0, 1e-4 + up + down);
        filter.update(&Sample { precision: 1e-9, ..sample }, &Oscillator::default());
        theta += 1e-7 * ((turn * t).cos() - (turn * (t + 64.0)).cos()) / turn;
    }
    let rms = (squares / 500.0_f64).sqrt();
    assert!(rms < 1.8e-6, "{rms} s");
}
