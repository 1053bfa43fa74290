//! The formulas that are in use for ‖J‖²_F, right and wrong: what each is at a row, with its gradient, and who has it.
//!
//! They are those of an audit of public code. Each gradient is what automatic differentiation makes of the formula as that
//! code has it, over the encoder's parameters.

use contractive_core::reference::network::{LayerGradient, Trace, backward, forward};
use contractive_core::reference::{Layer, Matrix};

use super::chain::{Chain, Slopes, Ways, add};

/// What a formula takes at a row, before means and factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// ‖J‖²_F with the gradient by these ways.
    Exact(Ways),
    /// ‖J‖_F.
    Norm,
    /// ‖D_L W_L‖²_F.
    LastLayer,
    /// Σ_j (h_j(1 − h_j))² ‖W_L,j‖², W held constant or not.
    LogisticLast { holds_weights: bool },
    /// The same of the first layer.
    LogisticFirst,
    /// The whole product with a(1 − a) in every layer.
    LogisticChain,
    /// Σ_l ‖D_l W_l‖²_F.
    Layerwise,
    /// ‖Jᵀ1‖².
    SumGradient,
    /// ‖W_L … W_1‖_F.
    WeightProduct,
    /// Σ_l ‖W_l‖²_F.
    WeightSquares,
    /// Σ_j (h_j(1 − h_j))² (Σ_i W_L,ji)².
    SumThenSquare,
    /// Mean over units of h_j².
    CodeSquares,
}

/// What is done with the mean over the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing.
    Mean,
    /// Times ½.
    Half,
    /// Times the number of rows: the sum.
    Sum,
    /// Over d.
    OverInputs,
    /// Over k.
    OverUnits,
    /// Over k·d.
    OverEntries,
    /// Rounded down, which has no gradient.
    Floor,
}

impl Taken {
    /// (factor of the value, factor of the gradient) for `rows` rows, d inputs and k units.
    pub(super) fn factors(self, rows: usize, d: usize, k: usize) -> (f64, f64) {
        let factor = match self {
            Taken::Mean => 1.0,
            Taken::Half => 0.5,
            Taken::Sum => rows as f64,
            Taken::OverInputs => 1.0 / d as f64,
            Taken::OverUnits => 1.0 / k as f64,
            Taken::OverEntries => 1.0 / (k as f64 * d as f64),
            Taken::Floor => return (1.0, 0.0),
        };
        (factor, factor)
    }
}

/// A formula in use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Formula {
    pub(super) name: &'static str,
    /// In symbols; a mean over the rows unless it says otherwise.
    pub(super) formula: &'static str,
    /// Whose code has it.
    pub(super) seen_in: &'static str,
    pub(super) quantity: Quantity,
    pub(super) taken: Taken,
}

const BOTH: Ways = Ways { factors: true, slopes: true };

const fn formula(
    name: &'static str,
    quantity: Quantity,
    taken: Taken,
    formula: &'static str,
    seen_in: &'static str,
) -> Formula {
    Formula { name, formula, seen_in, quantity, taken }
}

/// What all others are measured by.
pub(super) const EXACT: Quantity = Quantity::Exact(BOTH);

/// All: the right one, those that are right but for a factor, the others.
pub(super) const FORMULAS: [Formula; 21] = {
    use Quantity::*;
    [
        formula("right", EXACT, Taken::Mean, "‖J‖²", "pylearn2's first order, cuvnet"),
        formula("half", EXACT, Taken::Half, "‖J‖²/2", "jacobian_regularizer, the gradient of ynd/cae.py"),
        formula("batch_sum", EXACT, Taken::Sum, "sum over rows of ‖J‖²", "the loss of ynd/cae.py, zaouk/contractive"),
        formula("mean_over_inputs", EXACT, Taken::OverInputs, "‖J‖²/d", "a mean over the input's axis"),
        formula("mean_over_units", EXACT, Taken::OverUnits, "‖J‖²/k", "a mean over the units' axis"),
        formula(
            "mean_over_entries",
            EXACT,
            Taken::OverEntries,
            "‖J‖²/(k d)",
            "torch.mean of J²; pylearn2's HCAE, of its second term",
        ),
        formula("unsquared", Norm, Taken::Mean, "‖J‖", "sqrt(sum(square)) and torch.norm, several"),
        formula("last_layer", LastLayer, Taken::Mean, "‖D_L W_L‖²", "encoders of convolutions, the last Dense alone"),
        formula(
            "logistic_last",
            LogisticLast { holds_weights: false },
            Taken::Mean,
            "Σ_j (h_j(1-h_j))² ‖W_L,j‖²",
            "hipsternet, the Keras article and its copies, also of tanh and relu",
        ),
        formula(
            "logistic_last_held",
            LogisticLast { holds_weights: true },
            Taken::Mean,
            "the same, W constant",
            "the same copies, which read W as a number; KATE's baseline",
        ),
        formula(
            "logistic_first",
            LogisticFirst,
            Taken::Mean,
            "Σ_j (a_j(1-a_j))² ‖W_1,j‖²",
            "Contractive_Autoencoder_in_Pytorch, on relu",
        ),
        formula(
            "logistic_chain",
            LogisticChain,
            Taken::Mean,
            "‖J‖², a(1-a) for φ′",
            "one derivative for all activations",
        ),
        formula(
            "weights_held",
            Exact(Ways { factors: false, slopes: true }),
            Taken::Mean,
            "‖J‖², W constant",
            "Variable(W), state_dict()['fc1.weight'], get_weights(), .detach()",
        ),
        formula(
            "slopes_held",
            Exact(Ways { factors: true, slopes: false }),
            Taken::Mean,
            "‖J‖², φ′ constant",
            "gradients by hand without φ″ (wrong in Shogun), a detached h",
        ),
        formula("layerwise", Layerwise, Taken::Mean, "Σ_l ‖D_l W_l‖²", "Shogun's deep networks; a penalty of its own"),
        formula(
            "sum_gradient",
            SumGradient,
            Taken::Mean,
            "‖Jᵀ1‖²",
            "ruta, the PyTorch forum (12124), grad_outputs=ones",
        ),
        formula("weight_product", WeightProduct, Taken::Mean, "‖W_L … W_1‖", "AlexPasqua/Autoencoders"),
        formula(
            "weight_squares",
            WeightSquares,
            Taken::Mean,
            "Σ_l ‖W_l‖²",
            "weights alone; Khdave02/contractiveAE, detached too",
        ),
        formula(
            "sum_then_square",
            SumThenSquare,
            Taken::Mean,
            "Σ_j (h_j(1-h_j))² (Σ_i W_ji)²",
            "caglar/autoencoders, pylearn2 until 2013",
        ),
        formula(
            "code_squares",
            CodeSquares,
            Taken::Mean,
            "mean over j of h_j²",
            "DeepContractiveAEforRansomwareDetection",
        ),
        formula("floor_division", EXACT, Taken::Floor, "(sum of ‖J‖²) // B", "the deep learning tutorials since 2016"),
    ]
};

/// A quantity at one row of an encoder.
pub(super) struct AtRow<'a> {
    stack: &'a [Layer],
    trace: Trace,
}

impl<'a> AtRow<'a> {
    pub(super) fn new(stack: &'a [Layer], x: &[f64]) -> Self {
        AtRow { stack, trace: forward(stack, x) }
    }

    /// Its value; adds `scale` times its gradient to `into`.
    pub(super) fn take(&self, quantity: Quantity, scale: f64, into: &mut [LayerGradient]) -> f64 {
        let (stack, trace) = (self.stack, &self.trace);
        let last = stack.len() - 1;
        match quantity {
            Quantity::Exact(ways) => {
                let slopes = Slopes::exact(stack, trace);
                self.squared_norm(&slopes, ways, scale, into)
            }
            Quantity::LogisticChain => {
                let slopes = Slopes::logistic(stack, trace);
                self.squared_norm(&slopes, BOTH, scale, into)
            }
            Quantity::Norm => self.norm(&Slopes::exact(stack, trace), scale, into),
            Quantity::WeightProduct => self.norm(&Slopes::ones(trace), scale, into),
            Quantity::SumGradient => self.sum_gradient(scale, into),
            Quantity::LastLayer => self.one_layer(last, &Slopes::exact(stack, trace), false, scale, into),
            Quantity::LogisticLast { holds_weights } => {
                self.one_layer(last, &Slopes::logistic(stack, trace), holds_weights, scale, into)
            }
            Quantity::LogisticFirst => self.one_layer(0, &Slopes::logistic(stack, trace), false, scale, into),
            Quantity::Layerwise => {
                let slopes = Slopes::exact(stack, trace);
                (0..stack.len()).map(|l| self.one_layer(l, &slopes, false, scale, into)).sum()
            }
            Quantity::WeightSquares => {
                let layers = stack.iter().zip(into);
                layers
                    .map(|(layer, into)| {
                        add(&mut into.dW, &layer.W, 2.0 * scale);
                        layer.W.squared_norm()
                    })
                    .sum()
            }
            Quantity::SumThenSquare => self.sum_then_square(scale, into),
            Quantity::CodeSquares => {
                let h = trace.output();
                let share = 1.0 / h.len() as f64;
                let dh: Vec<f64> = h.iter().map(|h| 2.0 * scale * share * h).collect();
                backward(stack, trace, &dh, &trace.zeros(), into);
                share * h.iter().map(|h| h * h).sum::<f64>()
            }
        }
    }

    /// ‖J‖²_F with these slopes.
    fn squared_norm(&self, slopes: &Slopes, ways: Ways, scale: f64, into: &mut [LayerGradient]) -> f64 {
        let chain = Chain::new(self.stack, &self.trace, slopes);
        chain.backward(chain.J().scaled(2.0 * scale), ways, into);
        chain.J().squared_norm()
    }

    /// ‖J‖_F with these slopes; at J = 0, where there is no derivative, 0.
    fn norm(&self, slopes: &Slopes, scale: f64, into: &mut [LayerGradient]) -> f64 {
        let chain = Chain::new(self.stack, &self.trace, slopes);
        let norm = chain.J().squared_norm().sqrt();
        if norm > 0.0 {
            chain.backward(chain.J().scaled(scale / norm), BOTH, into);
        }
        norm
    }

    /// ‖v‖², v = Jᵀ1, ∂/∂J = 2 1vᵀ.
    fn sum_gradient(&self, scale: f64, into: &mut [LayerGradient]) -> f64 {
        let slopes = Slopes::exact(self.stack, &self.trace);
        let chain = Chain::new(self.stack, &self.trace, &slopes);
        let ones = vec![1.0; chain.J().rows()];
        let v = chain.J().transpose_times_vector(&ones);
        let mut dJ = Matrix::zeros(ones.len(), v.len());
        dJ.add_outer(&vec![2.0 * scale; ones.len()], &v);
        chain.backward(dJ, BOTH, into);
        v.iter().map(|v| v * v).sum()
    }

    /// Σ_j d_j² ‖W_l,j‖² of layer `l` alone.
    fn one_layer(&self, l: usize, slopes: &Slopes, holds_weights: bool, scale: f64, into: &mut [LayerGradient]) -> f64 {
        let (W, d) = (&self.stack[l].W, &slopes.d[l]);
        let squares: Vec<f64> = (0..W.rows()).map(|j| W.row(j).iter().map(|w| w * w).sum()).collect();
        if !holds_weights {
            add(&mut into[l].dW, &W.scaled_rows(&d.iter().map(|d| 2.0 * scale * d * d).collect::<Vec<f64>>()), 1.0);
        }
        self.weighted_slopes(l, slopes, &squares, scale, into)
    }

    /// Σ_j d_j² (Σ_i W_ji)² of the last layer, with logistic slopes.
    fn sum_then_square(&self, scale: f64, into: &mut [LayerGradient]) -> f64 {
        let l = self.stack.len() - 1;
        let slopes = Slopes::logistic(self.stack, &self.trace);
        let sums = self.stack[l].W.row_sums();
        for (j, (d, sum)) in slopes.d[l].iter().zip(&sums).enumerate() {
            into[l].dW.row_mut(j).iter_mut().for_each(|dw| *dw += 2.0 * scale * d * d * sum);
        }
        let squares: Vec<f64> = sums.iter().map(|sum| sum * sum).collect();
        self.weighted_slopes(l, &slopes, &squares, scale, into)
    }

    /// Σ_j d_j² c_j of layer `l`; adds what goes through z_l.
    fn weighted_slopes(&self, l: usize, slopes: &Slopes, c: &[f64], scale: f64, into: &mut [LayerGradient]) -> f64 {
        let (d, dd) = (&slopes.d[l], &slopes.dd[l]);
        let mut dz = self.trace.zeros();
        dz[l] = (0..d.len()).map(|j| 2.0 * scale * d[j] * dd[j] * c[j]).collect();
        backward(&self.stack[..=l], &self.trace, &vec![0.0; d.len()], &dz, into);
        d.iter().zip(c).map(|(d, c)| d * d * c).sum()
    }
}
