use super::*;

const DRAWS: usize = 200_000;

/// Mean and variance of many draws.
fn moments(mut draw: impl FnMut() -> f64) -> (f64, f64) {
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in 0..DRAWS {
        let x = draw();
        sum += x;
        squares += x * x;
    }
    let mean = sum / DRAWS as f64;
    (mean, squares / DRAWS as f64 - mean * mean)
}

#[test]
fn uniform_has_its_moments_and_is_never_zero() {
    let mut random = Random::new(1, 0);
    let (mean, variance) = moments(|| random.uniform());
    assert!((mean - 0.5).abs() < 0.003 && (variance - 1.0 / 12.0).abs() < 0.001, "{mean} {variance}");
    assert!((0..DRAWS).all(|_| random.uniform() > 0.0));
}

#[test]
fn normal_has_its_moments_and_tails() {
    let mut random = Random::new(2, 0);
    let (mean, variance) = moments(|| random.normal());
    assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.015, "{mean} {variance}");
    let beyond = (0..DRAWS).filter(|_| random.normal().abs() > 1.96).count() as f64 / DRAWS as f64;
    assert!((beyond - 0.05).abs() < 0.003, "{beyond}");
}

#[test]
fn exponential_has_its_moments_and_sign() {
    let mut random = Random::new(3, 0);
    let (mean, variance) = moments(|| random.exponential());
    assert!((mean - 1.0).abs() < 0.01 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    assert!((0..DRAWS).all(|_| random.exponential() >= 0.0));
}

#[test]
fn pareto_has_its_median_minimum_and_tail() {
    let mut random = Random::new(4, 0);
    let draws: Vec<f64> = (0..DRAWS).map(|_| random.pareto(1.5)).collect();
    assert!(draws.iter().all(|&x| x >= 1.0));
    let above = |t: f64| draws.iter().filter(|&&x| x > t).count() as f64 / DRAWS as f64;
    assert!((above(2_f64.powf(1.0 / 1.5)) - 0.5).abs() < 0.005);
    assert!((above(100.0) - 0.001).abs() < 0.0003, "{}", above(100.0));
}

#[test]
fn gamma_has_its_moments() {
    let mut random = Random::new(5, 0);
    let (mean, variance) = moments(|| random.gamma(3.0));
    assert!((mean - 3.0).abs() < 0.02 && (variance - 3.0).abs() < 0.08, "{mean} {variance}");
}

#[test]
fn below_is_fair_and_in_range() {
    let mut random = Random::new(6, 0);
    let mut counts = [0_u32; 3];
    for _ in 0..30_000 {
        counts[random.below(3)] += 1;
    }
    assert!(counts.iter().all(|&n| n.abs_diff(10_000) < 400), "{counts:?}");
    assert_eq!(random.below(0), 0);
}

#[test]
fn a_seed_and_a_stream_name_the_numbers() {
    let first = |seed, stream| Random::new(seed, stream).bits();
    assert_eq!(first(7, 1), first(7, 1));
    assert_ne!(first(7, 1), first(7, 2));
    assert_ne!(first(7, 1), first(8, 1));
}
