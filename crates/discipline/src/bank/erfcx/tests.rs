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
    for a in [-30.0, 0.0] {
        let [below, above] = Tail::at([a - 1e-9, a + 1e-9]);
        assert!((below.lambda - above.lambda).abs() < 1e-8, "λ jumps at {a}");
        assert!((below.curvature - above.curvature).abs() < 1e-7, "λ(λ + a) jumps at {a}");
    }
    assert!((Tail::at([0.0])[0].lambda - SQRT_2_OVER_PI).abs() < 1e-13);
}

#[test]
fn stays_finite_everywhere() {
    for a in [-1e12, -1e6, -31.0, -1.0, 0.0, 1.0, 40.0, 1e6, 1e12] {
        let [tail] = Tail::at([a]);
        assert!(
            tail.scaled > 0.0 && tail.lambda >= 0.0 && (0.0..=1.0 + 1e-12).contains(&tail.curvature),
            "at {a}"
        );
    }
}
