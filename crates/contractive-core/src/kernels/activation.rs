//! Activations over whole slices: φ, φ′ and φ″ in one pass, in f32, vectorised for the machine at run time.
//!
//! ```text
//! a = φ(z)   d = φ′(z)   dd = φ″(z)          z is overwritten by a
//! ```
//!
//! The formulas are those of [`crate::activation`]; the exponential, logarithm and normal distribution are polynomials
//! without branches or calls, so that the loops vectorise. Errors are at most 4e-7 of the larger of 1 and the value (tests
//! below); φ′ of sigmoid and tanh keeps its relative precision in the tails, Φ of gelu does not.

use pulp::Arch;

use crate::activation::{Activation, LEAKY_SLOPE};
use crate::instructions::vectorised;

const LEAK: f32 = LEAKY_SLOPE as f32;

/// Where σ′ and the normal density are next to 0, and stay there: [`exp`] ends at 1e-38, which times z of 1e38 is 1.
const FAR: f32 = 100.0;

/// Overwrites z by φ(z) and writes φ′(z) to `d` and φ″(z) to `dd`, each unless it is empty.
///
/// # Panics
/// When `d` or `dd` is neither empty nor as long as `z`.
pub fn activation_forward(arch: Arch, phi: Activation, z: &mut [f32], d: &mut [f32], dd: &mut [f32]) {
    match phi {
        Activation::Identity if d.is_empty() && dd.is_empty() => {}
        Activation::Identity => run::<Identity>(arch, z, d, dd),
        Activation::Sigmoid => run::<Sigmoid>(arch, z, d, dd),
        Activation::Tanh => run::<Tanh>(arch, z, d, dd),
        Activation::Relu => run::<Relu>(arch, z, d, dd),
        Activation::LeakyRelu => run::<LeakyRelu>(arch, z, d, dd),
        Activation::Softplus => run::<Softplus>(arch, z, d, dd),
        Activation::Elu => run::<Elu>(arch, z, d, dd),
        Activation::Silu => run::<Silu>(arch, z, d, dd),
        Activation::Gelu => run::<Gelu>(arch, z, d, dd),
    }
}

/// φ(z), φ′(z) and φ″(z). A type for each φ, not a closure: its call is inlined into the loop whatever the instructions.
trait Formula {
    fn at(z: f32) -> [f32; 3];
}

struct Identity;

impl Formula for Identity {
    #[inline(always)]
    fn at(z: f32) -> [f32; 3] {
        [z, 1.0, 0.0]
    }
}

struct Sigmoid;

impl Formula for Sigmoid {
    #[inline(always)]
    fn at(z: f32) -> [f32; 3] {
        let (h, c) = sigmoid_and_complement(z);
        let d = h * c;
        [h, d, d * (c - h)]
    }
}

struct Tanh;

impl Formula for Tanh {
    #[inline(always)]
    fn at(z: f32) -> [f32; 3] {
        let (h, d) = tanh_and_slope(z);
        [h, d, -2.0 * h * d]
    }
}

struct Relu;

impl Formula for Relu {
    #[inline(always)]
    fn at(z: f32) -> [f32; 3] {
        let on = if z > 0.0 { 1.0 } else { 0.0 };
        [if z <= 0.0 { 0.0 } else { z }, on, 0.0]
    }
}

struct LeakyRelu;

impl Formula for LeakyRelu {
    #[inline(always)]
    fn at(z: f32) -> [f32; 3] {
        let slope = if z > 0.0 { 1.0 } else { LEAK };
        [slope * z, slope, 0.0]
    }
}

struct Softplus;

impl Formula for Softplus {
    #[inline(always)]
    fn at(z: f32) -> [f32; 3] {
        let (s, c) = sigmoid_and_complement(z);
        [softplus(z), s, s * c]
    }
}

struct Elu;

impl Formula for Elu {
    #[inline(always)]
    fn at(z: f32) -> [f32; 3] {
        let e = exp(if z > 0.0 { 0.0 } else { z });
        [if z > 0.0 { z } else { expm1_negative(z) }, e, if z > 0.0 { 0.0 } else { e }]
    }
}

struct Silu;

impl Formula for Silu {
    #[inline(always)]
    fn at(z: f32) -> [f32; 3] {
        let (s, c) = sigmoid_and_complement(z);
        let ds = s * c;
        let near = z.clamp(-FAR, FAR);
        [z * s, s + near * ds, ds * (2.0 + near * (c - s))]
    }
}

struct Gelu;

impl Formula for Gelu {
    #[inline(always)]
    fn at(z: f32) -> [f32; 3] {
        let (big_phi, density) = normal(z);
        let near = z.clamp(-FAR, FAR);
        [z * big_phi, big_phi + near * density, (2.0 - near * near) * density]
    }
}

/// One loop for each set of results wanted.
#[inline(always)]
fn run<F: Formula>(arch: Arch, z: &mut [f32], d: &mut [f32], dd: &mut [f32]) {
    assert!(d.is_empty() || d.len() == z.len(), "φ′ of {} numbers into {}", z.len(), d.len());
    assert!(dd.is_empty() || dd.len() == z.len(), "φ″ of {} numbers into {}", z.len(), dd.len());
    vectorised(
        arch,
        #[inline(always)]
        || match (d.is_empty(), dd.is_empty()) {
            (true, _) => {
                for z in z.iter_mut() {
                    *z = F::at(*z)[0];
                }
            }
            (false, true) => {
                for (z, d) in z.iter_mut().zip(&mut *d) {
                    let [a, first, _] = F::at(*z);
                    (*z, *d) = (a, first);
                }
            }
            (false, false) => {
                for ((z, d), dd) in z.iter_mut().zip(&mut *d).zip(&mut *dd) {
                    let [a, first, second] = F::at(*z);
                    (*z, *d, *dd) = (a, first, second);
                }
            }
        },
    );
}

/// eˣ on [−87.3, 88], within 2 units in the last place; below and above, the value at the end.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // x = n ln 2 + r with |r| ≤ ½ ln 2; adding and taking off 1.5·2²³ rounds to the nearest whole number.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.336_54, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_6e-1;
    let p = p * r + 0.5;
    let whole = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let power = f32::from_bits(((whole + 127) << 23) as u32);
    (p * r * r + r + 1.0) * power
}

/// ln x for normal x > 0.
#[inline(always)]
fn ln(x: f32) -> f32 {
    // x = m 2ᵉ with m in [√½, √2).
    let bits = x.to_bits() as i32;
    let e = (bits - 0x3f35_04f3) >> 23;
    let m = f32::from_bits((bits - (e << 23)) as u32) - 1.0;
    let e = e as f32;
    let p = 7.037_683_6e-2;
    let p = p * m - 1.151_461e-1;
    let p = p * m + 1.167_699_9e-1;
    let p = p * m - 1.242_014_1e-1;
    let p = p * m + 1.424_932_3e-1;
    let p = p * m - 1.666_805_7e-1;
    let p = p * m + 2.000_071_5e-1;
    let p = p * m - 2.499_999_4e-1;
    let p = p * m + 3.333_333e-1;
    let s = m * m;
    let y = p * m * s + e * -2.121_944_4e-4 - 0.5 * s;
    m + y + e * 0.693_359_4
}

/// ln(1 + u) for 0 ≤ u ≤ 1.
#[inline(always)]
fn ln_1p(u: f32) -> f32 {
    // What rounding took from 1 + u is put back to first order.
    let w = 1.0 + u;
    ln(w) + (u - (w - 1.0)) / w
}

/// σ(z) = 1/(1+e⁻ᶻ).
#[inline(always)]
pub(crate) fn sigmoid(z: f32) -> f32 {
    1.0 / (1.0 + exp(-z))
}

/// σ(z) and 1 − σ(z), each to full relative precision: saturated units keep the digits of φ′ = σ(1−σ).
#[inline(always)]
fn sigmoid_and_complement(z: f32) -> (f32, f32) {
    let e = exp(-z);
    let s = 1.0 / (1.0 + e);
    (s, e * s)
}

/// ln(1+eᶻ).
#[inline(always)]
pub(crate) fn softplus(z: f32) -> f32 {
    (if z > 0.0 { z } else { 0.0 }) + ln_1p(exp(-z.abs()))
}

/// tanh z and its slope 1 − tanh² = 4e/(1+e)², e = e^(−2|z|), which keeps its digits where tanh is 1 to rounding.
///
/// Near 0 tanh is an odd polynomial, because (1−e)/(1+e) would lose digits there.
#[inline(always)]
fn tanh_and_slope(z: f32) -> (f32, f32) {
    let s = z * z;
    let p = -5.704_988_7e-3;
    let p = p * s + 2.063_909e-2;
    let p = p * s - 5.373_971_4e-2;
    let p = p * s + 1.333_144_2e-1;
    let p = p * s - 3.333_328e-1;
    let near = z + z * s * p;
    let e = exp(-2.0 * z.abs());
    let r = 1.0 / (1.0 + e);
    let far = (1.0 - e) * r;
    let far = if z < 0.0 { -far } else { far };
    (if s < 0.390_625 { near } else { far }, 4.0 * e * r * r)
}

/// eᶻ − 1 for z ≤ 0: e^(z/2)·2 sinh(z/2) keeps the digits near 0.
#[inline(always)]
fn expm1_negative(z: f32) -> f32 {
    let near =
        z * (1.0 + z * (0.5 + z * (0.166_666_67 + z * (4.166_666_8e-2 + z * (8.333_334e-3 + z * 1.388_889e-3)))));
    if z > -0.35 { near } else { exp(z) - 1.0 }
}

/// Φ(z) and N(z) of the standard normal; Φ by Abramowitz & Stegun 7.1.26, within 1.5e-7.
#[inline(always)]
fn normal(z: f32) -> (f32, f32) {
    let e = exp(-0.5 * z * z);
    let x = z.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let p = 1.061_405_4;
    let p = p * t - 1.453_152;
    let p = p * t + 1.421_413_7;
    let p = p * t - 0.284_496_74;
    let p = p * t + 0.254_829_6;
    let tail = 0.5 * p * t * e;
    (if z > 0.0 { 1.0 - tail } else { tail }, e * 0.398_942_3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// φ, φ′, φ″ against the f64 formulas, from one tail to the other.
    #[test]
    fn all_three_agree_with_f64() {
        let grid: Vec<f32> = (-4000..=4000).map(|i| i as f32 * 0.005 + 1e-4).collect();
        for phi in Activation::ALL {
            let mut a = grid.clone();
            let (mut d, mut dd) = (vec![0.0; a.len()], vec![0.0; a.len()]);
            activation_forward(Arch::new(), phi, &mut a, &mut d, &mut dd);
            for (i, &z) in grid.iter().enumerate() {
                let z = f64::from(z);
                let close = |got: f32, want: f64| (f64::from(got) - want).abs() <= 4e-7 * want.abs().max(1.0);
                assert!(close(a[i], phi.value(z)), "{phi}({z}) = {} not {}", a[i], phi.value(z));
                assert!(close(d[i], phi.derivative(z)), "{phi}'({z}) = {} not {}", d[i], phi.derivative(z));
                let second = phi.second_derivative(z);
                assert!((f64::from(dd[i]) - second).abs() < 2e-6, "{phi}''({z}) = {} not {second}", dd[i]);
            }
        }
    }

    /// Saturated units still contract: their φ′ is small, not rounded away.
    #[test]
    fn slopes_of_saturated_units_keep_their_digits() {
        for phi in [Activation::Sigmoid, Activation::Tanh] {
            let mut a = [-15.0_f32, -9.0, 8.0, 12.0];
            let (z, mut d, mut dd) = (a, [0.0; 4], [0.0; 4]);
            activation_forward(Arch::new(), phi, &mut a, &mut d, &mut dd);
            for i in 0..4 {
                let want = phi.derivative(f64::from(z[i]));
                // The f64 formula of tanh loses digits itself here: its slope is 4e/(1+e)² as well.
                let e = (-2.0 * f64::from(z[i]).abs()).exp();
                let want = if phi == Activation::Tanh { 4.0 * e / (1.0 + e).powi(2) } else { want };
                assert!((f64::from(d[i]) - want).abs() < 1e-5 * want, "{phi}'({}) = {} not {want}", z[i], d[i]);
            }
        }
    }

    #[test]
    fn tails_are_finite_and_kinks_take_the_left_value() {
        for phi in Activation::ALL {
            let mut a = [-1e30_f32, -500.0, -0.0, 0.0, 500.0];
            let (mut d, mut dd) = ([0.0; 5], [0.0; 5]);
            activation_forward(Arch::new(), phi, &mut a, &mut d, &mut dd);
            assert!(a.iter().chain(&d).chain(&dd).all(|v| v.is_finite()), "{phi}: {a:?} {d:?} {dd:?}");
            assert!((d[3] - phi.derivative(0.0) as f32).abs() <= 1.5e-7, "{phi} at the kink: {}", d[3]);
        }
    }

    /// φ′ and φ″ of 3.4e38 are those of 1000: e^(−z) ends at 1e-38, and z times that is not 0.
    #[test]
    fn slopes_at_the_ends_of_f32_are_those_of_the_tails() {
        for phi in Activation::ALL {
            let z = [f32::MIN, -1e32, -1e3, 1e3, 1e32, f32::MAX];
            let (mut a, mut d, mut dd) = (z, [9.0; 6], [9.0; 6]);
            activation_forward(Arch::new(), phi, &mut a, &mut d, &mut dd);
            for i in 0..6 {
                let at = f64::from(z[i].clamp(-1e3, 1e3));
                assert!((f64::from(d[i]) - phi.derivative(at)).abs() <= 4e-7, "{phi}'({:e}) = {}", z[i], d[i]);
                assert!(
                    (f64::from(dd[i]) - phi.second_derivative(at)).abs() <= 4e-7,
                    "{phi}''({:e}) = {}",
                    z[i],
                    dd[i]
                );
            }
        }
    }

    #[test]
    fn the_portable_loop_gives_the_same_to_rounding() {
        for phi in Activation::ALL {
            let z: Vec<f32> = (0..97).map(|i| (i as f32 - 48.0) / 7.0).collect();
            let (mut fast, mut portable) = (z.clone(), z);
            activation_forward(Arch::new(), phi, &mut fast, &mut [], &mut []);
            activation_forward(Arch::Scalar, phi, &mut portable, &mut [], &mut []);
            for (a, b) in fast.iter().zip(&portable) {
                assert!((a - b).abs() <= 2e-6 * b.abs().max(1.0), "{phi}: {a} and {b}");
            }
        }
    }
}
