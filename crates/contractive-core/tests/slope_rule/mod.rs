//! When a gradient is that of a value: the error of central differences must fall as the square of the step.
//!
//! With e(h) = |(C(θ+hu) − C(θ−hu))/2h − ∇C·u| = |C‴| h²/6 + O(h⁴), a right gradient gives a line of slope 2 in
//! log-log, down to where rounding takes over. A wrong gradient leaves a floor: slope 0.
//!
//! **The rule.** e(h) is the root mean square over random directions u of length 1. A step counts as *seen* when e(h)
//! is above a thousand roundings of C, 1000 ε |C|/h, and no kink is crossed. The slope is fitted to the five smallest
//! steps seen and must be 2 ± 0.1. With fewer than five, as where C‴ is nearly 0, the smallest e(h) must be below 1e-8
//! of the root mean square of ∇C·u.
#![allow(non_snake_case)] // C is the objective, as in the papers

use crate::tolerance;
use crate::trial::Draws;

/// Random directions that an error is averaged over.
const DIRECTIONS: usize = 4;
/// Points in the fit.
const FITTED: usize = 5;
/// Roundings of C that an error must exceed to be seen.
const ROUNDINGS: f64 = 1000.0;

/// How a gradient was accepted.
#[derive(Debug, PartialEq)]
pub enum Accepted {
    /// By its slope.
    Slope(f64),
    /// By its error, relative to the root mean square of ∇C·u.
    Error(f64),
}

/// The error at one step.
pub struct Point {
    pub h: f64,
    pub error: f64,
}

/// Root-mean-square errors of `gradient` against central differences of `value` at `theta`, at falling steps that
/// cross no kink, and the root mean square of ∇C·u.
pub fn errors(
    value: &dyn Fn(&[f64]) -> f64,
    kinks: &dyn Fn(&[f64]) -> Vec<bool>,
    theta: &[f64],
    gradient: &[f64],
) -> (Vec<Point>, f64) {
    let mut draws = Draws::new(theta.len() as u64);
    let directions: Vec<Vec<f64>> = (0..DIRECTIONS).map(|_| draws.direction(theta.len())).collect();
    let moved = |u: &[f64], h: f64| -> Vec<f64> { theta.iter().zip(u).map(|(t, u)| t + h * u).collect() };
    let slope = |u: &[f64]| u.iter().zip(gradient).map(|(u, g)| u * g).sum::<f64>();
    let mean_square =
        |f: &dyn Fn(&[f64]) -> f64| (directions.iter().map(|u| f(u).powi(2)).sum::<f64>() / DIRECTIONS as f64).sqrt();
    let side = kinks(theta);
    let points = (0..18)
        .map(|i| 0.1 * 0.5_f64.powi(i))
        .filter(|h| directions.iter().all(|u| kinks(&moved(u, *h)) == side && kinks(&moved(u, -h)) == side))
        .map(|h| {
            let error = |u: &[f64]| (value(&moved(u, h)) - value(&moved(u, -h))) / (2.0 * h) - slope(u);
            Point { h, error: mean_square(&error) }
        })
        .collect();
    (points, mean_square(&slope))
}

/// The rule of this page's head.
pub fn check(
    value: &dyn Fn(&[f64]) -> f64,
    kinks: &dyn Fn(&[f64]) -> Vec<bool>,
    theta: &[f64],
    gradient: &[f64],
) -> Result<Accepted, String> {
    let (points, size) = errors(value, kinks, theta, gradient);
    let C = value(theta).abs();
    // An error that is NaN is seen, and no slope fits it.
    let is_seen = |p: &&Point| p.error.is_nan() || p.error > ROUNDINGS * f64::EPSILON * C / p.h;
    let seen: Vec<&Point> = points.iter().filter(is_seen).collect();
    if seen.len() >= FITTED {
        let slope = fitted_slope(&seen[seen.len() - FITTED..]);
        let right = (slope - 2.0).abs() <= tolerance::SLOPE;
        return if right { Ok(Accepted::Slope(slope)) } else { Err(format!("the slope is {slope:.3}, not 2")) };
    }
    let smallest = points.iter().map(|p| p.error).fold(f64::INFINITY, f64::min);
    if smallest <= tolerance::UNSEEN_SLOPE * size {
        Ok(Accepted::Error(smallest / size))
    } else {
        Err(format!("no slope is seen, and the error is {:e} of the derivative", smallest / size))
    }
}

/// Least squares of log(error) on log(step).
fn fitted_slope(points: &[&Point]) -> f64 {
    let n = points.len() as f64;
    let mean = |f: &dyn Fn(&Point) -> f64| points.iter().map(|p| f(p)).sum::<f64>() / n;
    let (x, y) = (mean(&|p| p.h.ln()), mean(&|p| p.error.ln()));
    mean(&|p| (p.h.ln() - x) * (p.error.ln() - y)) / mean(&|p| (p.h.ln() - x).powi(2))
}
