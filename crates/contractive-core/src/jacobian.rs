//! The encoder's Jacobian a row, its singular values, and saturation (being written).
use crate::matrix::MatRef;
use crate::parameters::Parameters;

/// J of each row, shape (N, k, d), row-major.
pub fn explicit(_parameters: &Parameters, _rows: MatRef<'_>) -> Vec<f32> {
    todo!()
}

/// Singular values of one J (k, d), largest first, min(k, d) of them.
pub fn singular_values(_jacobian: &[f32], _k: usize, _d: usize) -> Vec<f64> {
    todo!()
}

/// Share of the encoder's sigmoid and tanh units within 5 % of a bound (5 % of the range's width); `None` without such units.
pub fn saturation(_parameters: &Parameters, _rows: MatRef<'_>) -> Option<f64> {
    todo!()
}
