use super::*;

/// Values of 40-digit arithmetic.
const TABLE: [(f64, f64); 6] = [
    (0.0, 1.0),
    (0.5, 0.615_690_344_192_925_9),
    (1.0, 0.427_583_576_155_807),
    (3.0, 0.179_001_151_181_389_4),
    (10.0, 0.056_140_992_743_822_58),
    (100.0, 0.005_641_613_782_989_433),
];

#[test]
fn agrees_with_forty_digit_arithmetic() {
    for (x, exact) in TABLE {
        let [found] = erfcx([x]);
        assert!((found / exact - 1.0).abs() < 1e-13, "erfcx({x}) = {found:e}, not {exact:e}");
    }
}

#[test]
fn the_pieces_of_the_tail_meet() {
    let [below, above] = Tail::at([-FAR - 1e-9, -FAR + 1e-9]);
    assert!((below.lambda - above.lambda).abs() < 1e-8, "λ jumps");
    assert!((below.curvature - above.curvature).abs() < 1e-7, "λ(λ + a) jumps");
    assert!((below.scaled - above.scaled).abs() < 1e-10, "Φ jumps");
    assert!((Tail::at([0.0])[0].lambda - SQRT_2_OVER_PI).abs() < 1e-13);
}

#[test]
fn shortcuts_for_all_are_what_each_gets() {
    for (one, other) in [(-31.0, -5.0), (-200.0, 3.0)] {
        let ([alone], [among, _]) = (Tail::at([one]), Tail::at([one, other]));
        assert_eq!((alone.scaled, alone.lambda), (among.scaled, among.lambda));
    }
    // Where the tail is left out, the density of the other side is below a double's precision.
    let [just] = Tail::at([CERTAIN]);
    assert!(just.scaled * (-0.5 * CERTAIN * CERTAIN).exp() < 1e-17);
}

#[test]
fn stays_finite_everywhere() {
    for a in [-1e12, -1e6, -31.0, -1.0, 0.0, 1.0, 40.0, 1e6, 1e12] {
        let [tail] = Tail::at([a]);
        assert!(tail.scaled >= 0.0 && tail.lambda >= 0.0 && tail.curvature.is_finite(), "at {a}");
        assert!(a > 0.0 || tail.scaled > 0.0 && (0.0..=1.0 + 1e-12).contains(&tail.curvature), "at {a}");
    }
}
