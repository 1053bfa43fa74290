//! Activation functions φ with their first and second derivatives, side by side.
//!
//! | name | φ(z) | φ′(z) | φ″(z) |
//! |---|---|---|---|
//! | `identity` | z | 1 | 0 |
//! | `sigmoid` | 1/(1+e⁻ᶻ) | φ(1−φ) | φ′(1−2φ) |
//! | `tanh` | tanh z | 1−φ² | −2φφ′ |
//! | `relu` | max(z, 0) | 1 if z>0, else 0 | 0 |
//! | `leaky_relu` | z if z>0, else 0.01 z | 1 or 0.01 | 0 |
//! | `softplus` | ln(1+eᶻ) | σ(z) | σ(1−σ) |
//! | `elu` | z if z>0, else eᶻ−1 | 1 or eᶻ | 0 or eᶻ |
//! | `silu` | zσ(z) | σ + zσ′ | 2σ′ + zσ″ |
//! | `gelu` | zΦ(z), Φ the normal distribution (erf form) | Φ + zN(z) | (2−z²)N(z) |
//!
//! At the kinks (z = 0) the left value is taken, as PyTorch does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::ArgumentError;

/// The slope of `leaky_relu` for z ≤ 0, PyTorch's default.
pub const LEAKY_SLOPE: f64 = 0.01;

/// An elementwise activation function φ. The formulas are in the [module's table](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// z
    Identity,
    /// 1/(1+e⁻ᶻ), range (0, 1)
    Sigmoid,
    /// tanh z, range (−1, 1)
    Tanh,
    /// max(z, 0)
    Relu,
    /// z for z > 0, else 0.01 z
    LeakyRelu,
    /// ln(1+eᶻ)
    Softplus,
    /// z for z > 0, else eᶻ − 1
    Elu,
    /// zσ(z), also called swish
    Silu,
    /// zΦ(z) with the exact normal distribution function
    Gelu,
}

impl Activation {
    /// Every activation, in the order of the table.
    pub const ALL: [Activation; 9] = [
        Activation::Identity,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Softplus,
        Activation::Elu,
        Activation::Silu,
        Activation::Gelu,
    ];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Identity => "identity",
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
            Activation::LeakyRelu => "leaky_relu",
            Activation::Softplus => "softplus",
            Activation::Elu => "elu",
            Activation::Silu => "silu",
            Activation::Gelu => "gelu",
        }
    }

    /// φ(z).
    pub fn value(self, z: f64) -> f64 {
        match self {
            Activation::Identity => z,
            Activation::Sigmoid => sigmoid(z),
            Activation::Tanh => z.tanh(),
            // Not max(z, 0), which would turn NaN into 0 and hide a divergence.
            Activation::Relu if z <= 0.0 => 0.0,
            Activation::Relu => z,
            Activation::LeakyRelu => {
                if z > 0.0 {
                    z
                } else {
                    LEAKY_SLOPE * z
                }
            }
            Activation::Softplus => softplus(z),
            Activation::Elu => {
                if z > 0.0 {
                    z
                } else {
                    z.exp_m1()
                }
            }
            Activation::Silu => z * sigmoid(z),
            Activation::Gelu => z * normal_distribution(z),
        }
    }

    /// φ′(z).
    pub fn derivative(self, z: f64) -> f64 {
        match self {
            Activation::Identity => 1.0,
            Activation::Sigmoid => sigmoid(z) * sigmoid(-z),
            Activation::Tanh => 1.0 - z.tanh() * z.tanh(),
            Activation::Relu => {
                if z > 0.0 {
                    1.0
                } else {
                    0.0
                }
            }
            Activation::LeakyRelu => {
                if z > 0.0 {
                    1.0
                } else {
                    LEAKY_SLOPE
                }
            }
            Activation::Softplus => sigmoid(z),
            Activation::Elu => {
                if z > 0.0 {
                    1.0
                } else {
                    z.exp()
                }
            }
            Activation::Silu => sigmoid(z) * (1.0 + z * sigmoid(-z)),
            Activation::Gelu => normal_distribution(z) + z * normal_density(z),
        }
    }

    /// φ″(z).
    pub fn second_derivative(self, z: f64) -> f64 {
        match self {
            Activation::Identity | Activation::Relu | Activation::LeakyRelu => 0.0,
            Activation::Sigmoid => sigmoid(z) * sigmoid(-z) * (sigmoid(-z) - sigmoid(z)),
            Activation::Tanh => -2.0 * z.tanh() * (1.0 - z.tanh() * z.tanh()),
            Activation::Softplus => sigmoid(z) * sigmoid(-z),
            Activation::Elu => {
                if z > 0.0 {
                    0.0
                } else {
                    z.exp()
                }
            }
            Activation::Silu => sigmoid(z) * sigmoid(-z) * (2.0 + z * (sigmoid(-z) - sigmoid(z))),
            Activation::Gelu => (2.0 - z * z) * normal_density(z),
        }
    }

    /// Whether φ″ is zero wherever it is defined: then the penalty sends nothing back through the pre-activations.
    pub fn is_piecewise_linear(self) -> bool {
        matches!(self, Activation::Identity | Activation::Relu | Activation::LeakyRelu)
    }

    /// The bounds of φ's range if it has two: units close to them are *saturated*.
    pub fn bounds(self) -> Option<(f64, f64)> {
        match self {
            Activation::Sigmoid => Some((0.0, 1.0)),
            Activation::Tanh => Some((-1.0, 1.0)),
            _ => None,
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Activation {
    type Err = ArgumentError;

    fn from_str(word: &str) -> Result<Self, ArgumentError> {
        Activation::ALL.into_iter().find(|a| a.name() == word).ok_or_else(|| ArgumentError::Word {
            name: "activation",
            known: Activation::ALL.map(Activation::name).join(", "),
            got: word.to_owned(),
        })
    }
}

/// σ(z) = 1/(1+e⁻ᶻ), without overflow at either end.
pub(crate) fn sigmoid(z: f64) -> f64 {
    if z >= 0.0 {
        1.0 / (1.0 + (-z).exp())
    } else {
        let e = z.exp();
        e / (1.0 + e)
    }
}

/// ln(1+eᶻ), without overflow at either end.
pub(crate) fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// Φ(z), the distribution function of the standard normal.
fn normal_distribution(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// N(z), the density of the standard normal.
fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// φ′ and φ″ against central differences of φ and φ′, away from the kinks.
    #[test]
    fn derivatives_agree_with_central_differences() {
        let eps = 1e-5;
        for phi in Activation::ALL {
            for z in [-4.0, -1.7, -0.31, 0.23, 0.9, 3.1] {
                let d = (phi.value(z + eps) - phi.value(z - eps)) / (2.0 * eps);
                let dd = (phi.derivative(z + eps) - phi.derivative(z - eps)) / (2.0 * eps);
                assert!((phi.derivative(z) - d).abs() < 1e-9, "{phi} first derivative at {z}");
                assert!((phi.second_derivative(z) - dd).abs() < 1e-9, "{phi} second derivative at {z}");
            }
        }
    }

    #[test]
    fn far_tails_stay_finite() {
        for phi in Activation::ALL {
            for z in [-1e4, -800.0, 800.0, 1e4] {
                assert!(phi.value(z).is_finite() && phi.derivative(z).is_finite(), "{phi} at {z}");
                assert!(phi.second_derivative(z).is_finite(), "{phi} at {z}");
            }
        }
    }

    #[test]
    fn names_round_trip() {
        for phi in Activation::ALL {
            assert_eq!(phi.name().parse::<Activation>(), Ok(phi));
        }
        assert!("swish".parse::<Activation>().unwrap_err().to_string().contains("silu"));
    }
}
