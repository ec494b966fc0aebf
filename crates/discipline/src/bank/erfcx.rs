//! The normal distribution's tail without underflow.

#![allow(clippy::indexing_slicing)] // Every index is below L.

use std::f64::consts::FRAC_1_SQRT_2;

/// √(2/π).
pub(super) const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;

/// 1/√(2π).
pub(super) const INV_SQRT_2PI: f64 = 0.398_942_280_401_432_7;

/// Beyond this the two leading terms of the asymptotic series are exact to a double's precision in what is made of them.
const FAR: f64 = 30.0;

/// Above this Φ is 1 to a double's precision.
const CERTAIN: f64 = 9.0;

/// Chebyshev coefficients of (1 + x)·erfcx(x) in t = (x − 4)/(x + 4), fitted at the 24 Chebyshev nodes in 40-digit arithmetic. Cut to twenty,
/// they give erfcx to 2·10⁻¹⁴ for every x ≥ 0.
const COEFFICIENTS: [f64; 20] = [
    7.377_924_971_155_532e-1,
    -2.181_736_189_380_536_5e-1,
    4.950_372_122_576_278_4e-2,
    -2.572_698_228_063_371_6e-3,
    -4.193_339_501_765_898e-3,
    2.573_288_148_506_926_3e-3,
    -9.545_378_786_467_938e-4,
    2.604_757_475_329_449e-4,
    -5.314_210_958_500_669e-5,
    7.433_019_050_178_459e-6,
    -4.310_600_135_947_231e-7,
    -8.666_784_461_720_731e-8,
    2.444_129_931_719_193e-8,
    -1.395_817_932_523_619_4e-9,
    -4.629_257_924_578_97e-10,
    9.158_432_099_386_864e-11,
    4.099_660_732_354_737e-12,
    -3.107_093_724_186_527e-12,
    1.085_909_197_818_225_1e-13,
    9.315_485_224_124_334e-14,
];

/// exp(x²)·erfc(x) for each x ≥ 0: several at a time take hardly longer than one.
fn erfcx<const L: usize>(x: [f64; L]) -> [f64; L] {
    let t = x.map(|x| 2.0 * (x - 4.0) / (x + 4.0));
    let (mut last, mut before) = ([0.0; L], [0.0; L]);
    for coefficient in COEFFICIENTS.iter().skip(1).rev() {
        for ((last, before), t) in last.iter_mut().zip(&mut before).zip(&t) {
            (*last, *before) = (t * *last + (coefficient - *before), *last);
        }
    }
    let mut sum = x;
    for (((sum, last), before), t) in sum.iter_mut().zip(last).zip(before).zip(t) {
        *sum = (0.5 * t * last - before + COEFFICIENTS[0]) / (1.0 + *sum);
    }
    sum
}

/// What is needed of the normal distribution at `a`, with φ its density and Φ its integral.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tail {
    /// ½·erfcx(|a|/√2): Φ(−|a|)·exp(a²/2).
    pub(super) scaled: f64,
    /// For a ≤ 0, λ = φ(a)/Φ(a).
    pub(super) lambda: f64,
    /// For a ≤ 0, λ(λ + a), between 0 and 1.
    pub(super) curvature: f64,
}

impl Tail {
    /// At each of several places.
    pub(super) fn at<const L: usize>(a: [f64; L]) -> [Self; L] {
        if a.iter().all(|&a| a > CERTAIN) {
            return [Self::default(); L];
        }
        if a.iter().all(|&a| a < -FAR) {
            return a.map(|a| Self::far(-a));
        }
        let erfcx = erfcx(a.map(|a| a.abs() * FRAC_1_SQRT_2));
        std::array::from_fn(|l| Self::of(a[l], erfcx[l]))
    }

    /// With erfcx(|a|/√2).
    fn of(a: f64, erfcx: f64) -> Self {
        if a < -FAR {
            return Self::far(-a);
        }
        let lambda = SQRT_2_OVER_PI / erfcx;
        Self { scaled: 0.5 * erfcx, lambda, curvature: lambda * (lambda + a) }
    }

    /// At −x, where λ + a and its product would cancel: the series of Mills' ratio (Abramowitz and Stegun 26.2.12).
    fn far(x: f64) -> Self {
        let per = 1.0 / x;
        let small = per * per;
        let lambda = x + (1.0 - 2.0 * small + 10.0 * small * small) * per;
        Self { scaled: INV_SQRT_2PI / lambda, lambda, curvature: 1.0 - small + 6.0 * small * small }
    }
}

#[cfg(test)]
mod tests;
