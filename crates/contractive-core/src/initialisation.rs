//! How weights start.
//!
//! | name | weights | biases | whose default |
//! |---|---|---|---|
//! | `kaiming_uniform` | U(±1/√in) | U(±1/√in) | PyTorch's `Linear` |
//! | `glorot_uniform` | U(±√(6/(in+out))) | 0 | Keras' `Dense` |
//! | `rifai` | U(±4√(6/(in+out))) | 0 | the paper's code, for sigmoid units |

use serde::{Deserialize, Serialize};

use crate::architecture::Architecture;
use crate::error::ArgumentError;
use crate::parameters::Parameters;

/// An initialisation scheme. The bounds are in the [module's table](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initialisation {
    /// PyTorch's default for `Linear`.
    #[default]
    KaimingUniform,
    /// Keras' default for `Dense`.
    GlorotUniform,
    /// Rifai et al.'s own code.
    Rifai,
}

impl Initialisation {
    /// Every scheme, in the order of the table.
    pub const ALL: [Initialisation; 3] =
        [Initialisation::KaimingUniform, Initialisation::GlorotUniform, Initialisation::Rifai];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Initialisation::KaimingUniform => "kaiming_uniform",
            Initialisation::GlorotUniform => "glorot_uniform",
            Initialisation::Rifai => "rifai",
        }
    }

    /// Fresh parameters. `uniform` gives numbers in [0, 1); it is called once a parameter that is drawn, in file order,
    /// so that the same generator gives the same network everywhere.
    ///
    /// # Errors
    /// When [`Architecture::check`] refuses the architecture.
    pub fn parameters(
        self,
        architecture: &Architecture,
        mut uniform: impl FnMut() -> f64,
    ) -> Result<Parameters, ArgumentError> {
        let mut parameters = Parameters::zeros(architecture)?;
        let mut fan_in = 1.0;
        for place in parameters.places().to_vec() {
            let is_bias = place.shape.len() == 1;
            if !is_bias {
                fan_in = place.shape[1] as f64;
            } else if architecture.tied && place.name.starts_with("decoder") {
                // A tied decoder has no weight of its own; its fan-in is the size of the layer it reads.
                let l: usize = place.name.split('.').nth(1).and_then(|l| l.parse().ok()).unwrap_or(0);
                fan_in = architecture.decoder_sizes[l] as f64;
            }
            let bound = match self {
                Initialisation::KaimingUniform => 1.0 / fan_in.sqrt(),
                _ if is_bias => continue,
                scheme => {
                    let glorot = (6.0 / (place.shape[0] + place.shape[1]) as f64).sqrt();
                    if scheme == Initialisation::Rifai { 4.0 * glorot } else { glorot }
                }
            };
            for value in &mut parameters.values_mut()[place.range()] {
                *value = ((2.0 * uniform() - 1.0) * bound) as f32;
            }
        }
        Ok(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Activation;

    #[test]
    fn bounds_are_met_and_nearly_reached() {
        let net =
            Architecture::mirrored(40, &[30, 20], Activation::Relu, Activation::Relu, Activation::Identity, false);
        for scheme in Initialisation::ALL {
            let mut i = 0.0_f64;
            let p = scheme
                .parameters(&net, || {
                    i += 0.618_033_988_749_895;
                    i.fract()
                })
                .unwrap();
            let largest = |name: &str| p.tensor(name).unwrap().iter().fold(0.0_f32, |a, b| a.max(b.abs()));
            let (weight, bias) = match scheme {
                Initialisation::KaimingUniform => (1.0 / 40f32.sqrt(), 1.0 / 40f32.sqrt()),
                Initialisation::GlorotUniform => ((6.0f32 / 70.0).sqrt(), 0.0),
                Initialisation::Rifai => (4.0 * (6.0f32 / 70.0).sqrt(), 0.0),
            };
            assert!(largest("encoder.0.weight") <= weight && largest("encoder.0.weight") > 0.98 * weight);
            assert!(largest("encoder.0.bias") <= bias && largest("encoder.0.bias") >= 0.8 * bias);
        }
    }
}
