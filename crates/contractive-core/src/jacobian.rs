//! The encoder's Jacobian J = ∂h/∂x a row, its singular values, the activations and their saturation, for reports and
//! analysis.
//!
//! Everything here is computed in f64. Training does not come here: it never forms J.

use crate::activation::Activation;
use crate::kernels::gemm::{Destination, View, ViewMut, gemm};
use crate::matrix::MatRef;
use crate::parameters::Parameters;
use crate::reference::network::{Layer, forward};
use crate::reference::{Matrix, Network};

/// J of each row of `rows` (N, d), shape (N, k, d), row-major.
///
/// J = D_L W_L … D_1 W_1 is multiplied out from the end that costs fewer operations: from the code with k rows, or
/// from the input with d columns.
///
/// # Panics
/// When `rows` has not as many columns as the network has inputs.
pub fn explicit(parameters: &Parameters, rows: MatRef<'_>) -> Vec<f32> {
    let network = Network::from(parameters);
    let mut all = Vec::with_capacity(rows.rows() * parameters.architecture().code_size() * rows.columns());
    for r in 0..rows.rows() {
        let x: Vec<f64> = rows.row(r).iter().map(|v| f64::from(*v)).collect();
        all.extend(multiplied_out(network.encoder(), &x).values().iter().map(|v| *v as f32));
    }
    all
}

/// J at `x`, by the cheaper of the two orders.
fn multiplied_out(encoder: &[Layer], x: &[f64]) -> Matrix {
    let trace = forward(encoder, x);
    // D_l W_l of each layer.
    let mut factors = encoder.iter().zip(&trace.z).map(|(layer, z)| {
        let d: Vec<f64> = z.iter().map(|z| layer.activation.derivative(*z)).collect();
        layer.W.scaled_rows(&d)
    });
    let first = &encoder[0].W;
    let last = &encoder[encoder.len() - 1].W;
    let (from_code, from_input) = encoder.iter().fold((0, 0), |(code, input), layer| {
        let size = layer.W.rows() * layer.W.columns();
        (code + last.rows() * size, input + first.columns() * size)
    });
    // The first factor from either end needs no product.
    let from_code = from_code - last.rows() * last.rows() * last.columns();
    let from_input = from_input - first.columns() * first.rows() * first.columns();
    let product = if from_code < from_input {
        factors.rev().reduce(|product, factor| product.product(&factor))
    } else {
        let input_side = factors.next();
        input_side.map(|first| factors.fold(first, |product, factor| factor.product(&product)))
    };
    product.unwrap_or_else(|| Matrix::identity(x.len()))
}

/// Singular values of one J (k, d), largest first, min(k, d) of them; all NaN when an entry is not finite. The error is
/// about 1e-15 of the largest value.
///
/// # Panics
/// When `jacobian` has not k·d entries.
pub fn singular_values(jacobian: &[f32], k: usize, d: usize) -> Vec<f64> {
    assert_eq!(jacobian.len(), k * d, "a {k} x {d} Jacobian of {} numbers", jacobian.len());
    if !jacobian.iter().all(|v| v.is_finite()) {
        return vec![f64::NAN; k.min(d)];
    }
    let wide: Vec<f64> = jacobian.iter().map(|v| f64::from(*v)).collect();
    crate::singular_values::singular_values(&wide, k, d)
}

/// a_l of every layer of the encoder at `rows` (N, d): one (N, m_l) a layer, row-major.
///
/// # Panics
/// When `rows` has not as many columns as the network has inputs.
pub fn activations(network: &Network, rows: MatRef<'_>) -> Vec<Vec<f64>> {
    let mut layers: Vec<Vec<f64>> = Vec::with_capacity(network.encoder().len());
    let input: Vec<f64> = rows.values().iter().map(|v| f64::from(*v)).collect();
    for layer in network.encoder() {
        let (m, n) = (layer.W.rows(), layer.W.columns());
        let weights = layer.W.transposed();
        let below = View::new(layers.last().unwrap_or(&input), rows.rows(), n);
        let mut a = vec![0.0; rows.rows() * m];
        let z = ViewMut::new(&mut a, rows.rows(), m);
        gemm(z, Destination::Bias(&layer.b), 1.0, below, View::new(weights.values(), n, m));
        a.iter_mut().for_each(|z| *z = layer.activation.value(*z));
        layers.push(a);
    }
    layers
}

/// Share of the encoder's sigmoid and tanh units within 5 % of a bound (5 % of the range's width), over all rows and
/// layers; `None` without such units or without rows.
///
/// # Panics
/// When `rows` has not as many columns as the network has inputs.
pub fn saturation(parameters: &Parameters, rows: MatRef<'_>) -> Option<f64> {
    if parameters.architecture().encoder_activations.iter().all(|phi| phi.bounds().is_none()) {
        return None;
    }
    let network = Network::from(parameters);
    let (mut saturated, mut units) = (0_usize, 0_usize);
    for (layer, a) in network.encoder().iter().zip(activations(&network, rows)) {
        if layer.activation.bounds().is_some() {
            units += a.len();
            saturated += a.iter().filter(|a| is_saturated(layer.activation, **a)).count();
        }
    }
    (units > 0).then(|| saturated as f64 / units as f64)
}

/// Whether `a` lies within 5 % of the range's width of a bound of `phi`.
pub fn is_saturated(phi: Activation, a: f64) -> bool {
    phi.bounds().is_some_and(|(low, high)| {
        let margin = 0.05 * (high - low);
        a < low + margin || a > high - margin
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Architecture;
    use crate::reference::jacobian::jacobian;

    fn parameters(hidden: &[usize], phi: Activation) -> Parameters {
        let net = Architecture::mirrored(6, hidden, phi, phi, Activation::Identity, false);
        let mut p = Parameters::zeros(&net).unwrap();
        for (i, v) in p.values_mut().iter_mut().enumerate() {
            *v = (i as f32 * 0.754_877_7).fract() * 2.0 - 1.0;
        }
        p
    }

    #[test]
    fn both_orders_give_the_reference_jacobian() {
        let x: Vec<f32> = (0..12).map(|i| (i as f32 * 0.37).sin()).collect();
        for hidden in [&[4_usize][..], &[7, 3], &[5, 9], &[3, 4, 11]] {
            let p = parameters(hidden, Activation::Tanh);
            let k = *hidden.last().unwrap();
            let all = explicit(&p, MatRef::new(&x, 2, 6));
            assert_eq!(all.len(), 2 * k * 6);
            for r in 0..2 {
                let row: Vec<f64> = x[6 * r..6 * r + 6].iter().map(|v| f64::from(*v)).collect();
                let at = jacobian(Network::from(&p).encoder(), &row);
                for (got, want) in all[r * k * 6..].iter().zip(at.J().values()) {
                    assert!((f64::from(*got) - want).abs() < 1e-6, "{hidden:?}: {got} against {want}");
                }
            }
        }
    }

    #[test]
    fn singular_values_are_right_down_to_small_ones() {
        // H diag(s), H a Householder reflection: the singular values are s.
        let s = [3.0, 1.0, 1e-5, 1e-10];
        let v = [0.5_f64, -0.1, 0.7, 0.2];
        let vv: f64 = v.iter().map(|a| a * a).sum();
        let mut entries = vec![0.0_f32; 16];
        for i in 0..4 {
            for j in 0..4 {
                let h = f64::from(u8::from(i == j)) - 2.0 * v[i] * v[j] / vv;
                entries[4 * i + j] = (h * s[j]) as f32;
            }
        }
        let values = singular_values(&entries, 4, 4);
        for (got, want) in values.iter().zip(s) {
            assert!((got - want).abs() < 1e-6 * want, "{got} against {want}"); // f32 entries, column by column
        }
        assert_eq!(singular_values(&[3.0, 4.0], 1, 2), [5.0]);
        assert_eq!(singular_values(&[3.0, 4.0], 2, 1).len(), 1);
        assert_eq!(singular_values(&[0.0; 6], 2, 3), [0.0, 0.0]);
        assert!(singular_values(&[f32::NAN, 1.0], 1, 2)[0].is_nan());
        assert!(singular_values(&[], 0, 3).is_empty());
        let huge = singular_values(&[f32::MAX, 0.0, 0.0, f32::MIN_POSITIVE], 2, 2);
        assert_eq!(huge, [f64::from(f32::MAX), f64::from(f32::MIN_POSITIVE)]);
    }

    #[test]
    fn saturation_counts_bounded_units_near_a_bound() {
        let x = [0.0_f32; 6];
        let rows = MatRef::new(&x, 1, 6);
        assert_eq!(saturation(&parameters(&[4], Activation::Relu), rows), None);
        let mut p = parameters(&[4], Activation::Tanh);
        // tanh is within 5 % of its range's width of a bound beyond atanh 0.9 = 1.472.
        p.tensor_mut("encoder.0.bias").unwrap().copy_from_slice(&[1.48, -1.48, 1.46, -1.46]);
        assert_eq!(saturation(&p, rows), Some(0.5));
        let mut p = parameters(&[2], Activation::Sigmoid);
        p.tensor_mut("encoder.0.bias").unwrap().copy_from_slice(&[2.95, -2.90]);
        assert_eq!(saturation(&p, rows), Some(0.5));
    }
}
