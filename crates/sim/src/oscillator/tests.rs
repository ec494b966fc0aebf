use super::*;

fn oscillator(config: OscillatorConfig, seed: u64) -> Oscillator {
    Oscillator::new(config, 1.0, Random::new(seed, 0))
}

fn quiet() -> OscillatorConfig {
    OscillatorConfig { frequency: 0.0, wander: 0.0, ..OscillatorConfig::default() }
}

/// Phase after so many steps.
fn phase(oscillator: &mut Oscillator, steps: usize) -> f64 {
    (0..steps).map(|_| oscillator.advance().rate() * oscillator.step_s).sum()
}

#[test]
fn wander_is_a_random_walk_of_the_stated_size() {
    let runs = 400;
    let squares: f64 = (0..runs)
        .map(|seed| {
            let mut o = oscillator(OscillatorConfig { wander: 1e-9, ..quiet() }, seed);
            (0..999).for_each(|_| {
                o.advance();
            });
            o.advance().rate().powi(2)
        })
        .sum();
    let sd = (squares / runs as f64).sqrt();
    assert!((sd / (1e-9 * 1000_f64.sqrt()) - 1.0).abs() < 0.12, "{sd}");
}

#[test]
fn coarse_steps_wander_as_far_as_fine_ones() {
    let runs = 400;
    let squares: f64 = (0..runs)
        .map(|seed| {
            let config = OscillatorConfig { wander: 1e-9, ..quiet() };
            let mut o = Oscillator::new(config, 100.0, Random::new(seed, 0));
            (0..9).for_each(|_| {
                o.advance();
            });
            o.advance().rate().powi(2)
        })
        .sum();
    let sd = (squares / runs as f64).sqrt();
    assert!((sd / (1e-9 * 1000_f64.sqrt()) - 1.0).abs() < 0.12, "{sd}");
}

#[test]
fn sines_integrate_exactly_at_every_boundary() {
    let sine = Sine { amplitude: 1e-6, period_s: 7.3 };
    let mut o = oscillator(OscillatorConfig { sines: vec![sine], ..quiet() }, 1);
    let phase = phase(&mut o, 50);
    let exact = 1e-6 * 7.3 / TAU * (1.0 - (TAU * 50.0 / 7.3).cos());
    assert!((phase - exact).abs() < 1e-17, "{phase} {exact}");
}

#[test]
fn jumps_and_ramps_bring_their_phase() {
    let mut o = oscillator(
        OscillatorConfig {
            jumps: vec![FrequencyJump { at_s: 10.5, by: 2e-4 }],
            ramps: vec![FrequencyRamp { from_s: 20.0, until_s: 40.0, by: 1e-6 }],
            ..quiet()
        },
        1,
    );
    let phase = phase(&mut o, 50);
    let exact = 2e-4 * 39.5 + 1e-6 * (10.0 + 10.0);
    assert!((phase - exact).abs() < 1e-15, "{phase} {exact}");
    assert!((o.advance().rate() - 2.01e-4).abs() < 1e-18);
}

#[test]
fn the_constant_part_is_there_from_the_first_step() {
    let mut o = oscillator(OscillatorConfig { wander: 0.0, ..OscillatorConfig::default() }, 1);
    assert_eq!(o.advance().rate(), 1e-5);
}

#[test]
fn white_noise_averages_out() {
    let mut o = oscillator(OscillatorConfig { white: 1e-8, ..quiet() }, 1);
    let phase = phase(&mut o, 10_000);
    assert!(phase.abs() < 4e-6 && phase != 0.0, "{phase}");
}
