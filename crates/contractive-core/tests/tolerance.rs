//! Every tolerance of the tests, beside what was measured when it was set. A relative error is |got − want| over the
//! largest entry of the wanted tensor.
#![allow(dead_code)] // each test uses some of these

/// The f64 reference against the oracle (PyTorch autograd in f64): every tensor. Measured: 2.1e-13
/// (`finite_difference`, which divides rounding by its step; singular values 1.0e-15).
pub const REFERENCE_VS_ORACLE: f64 = 1e-9;

/// The f32 engine against the oracle: every tensor.
pub const ENGINE_VS_ORACLE: f64 = 1e-4;

/// `jacobian::explicit` and `jacobian::singular_values`, on parameters rounded to f32, against the oracle.
/// Measured: 2.2e-7.
pub const ANALYSIS_VS_ORACLE: f64 = 2e-6;

/// The reference against independent truths in the audit and the laws. Measured: 1.9e-10, most of
/// it the truth's own differences.
pub const REFERENCE: f64 = 1e-9;

/// The f32 engine against the same.
pub const ENGINE: f64 = 1e-4;

/// How far the slope of log(error) over log(step) may lie from 2. Measured: 1.9965 to 2.0094.
pub const SLOPE: f64 = 0.1;

/// Central differences where the slope cannot be seen: error over the root mean square of the directional derivative.
/// Measured: 7.2e-10.
pub const UNSEEN_SLOPE: f64 = 1e-8;

/// Central differences of piecewise linear networks, away from kinks, on the same scale. Measured: 2.5e-10.
pub const PIECEWISE_LINEAR: f64 = 1e-8;

/// Five steps of an optimiser against PyTorch, both in f32: each parameter, relative to itself. Measured: 1.7e-7; it was
/// 5.9e-6 while 1 − β₂ was rounded to f32.
pub const OPTIMISER_VS_PYTORCH: f64 = 1e-6;
