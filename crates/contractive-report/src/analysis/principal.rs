//! The plane in which codes spread most: their first two principal components.

use contractive_core::matrix::MatRef;
use serde::{Deserialize, Serialize};

/// Rounds of the iteration; a picture needs no more digits.
const ROUNDS: usize = 100;

/// Codes seen in their principal plane.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PrincipalPlane {
    /// Coordinates of each row, centred, along the first and second component; 0 along one that does not exist.
    pub points: Vec<[f32; 2]>,
    /// Share of the codes' variance along each component, 0 to 1.
    pub share: [f64; 2],
}

/// The principal plane of `codes` (N, k), by orthogonal iteration without forming the k × k covariance. Each component
/// points to where its largest entry is positive.
pub fn principal_plane(codes: MatRef<'_>) -> PrincipalPlane {
    let (n, k) = (codes.rows(), codes.columns());
    let count = n.max(1) as f64;
    let mut mean = vec![0.0; k];
    for r in 0..n {
        mean.iter_mut().zip(codes.row(r)).for_each(|(m, h)| *m += f64::from(*h) / count);
    }
    let centred = |r: usize| codes.row(r).iter().zip(&mean).map(|(h, m)| f64::from(*h) - m);
    let variance: f64 = (0..n).map(|r| centred(r).map(|h| h * h).sum::<f64>()).sum::<f64>() / count;
    if !(variance.is_finite() && variance > 0.0) {
        return PrincipalPlane { points: vec![[0.0; 2]; n], share: [0.0; 2] };
    }
    // Any start that is not orthogonal to the components will do.
    let start = |j: usize, turn: f64| 1.0 + (j as f64 * turn).sin();
    let mut v: [Vec<f64>; 2] = [0.754_877, 1.618_034].map(|turn| (0..k).map(|j| start(j, turn)).collect());
    orthonormalise(&mut v);
    let mut spread = [0.0; 2];
    for _ in 0..ROUNDS {
        let mut next = [vec![0.0; k], vec![0.0; k]];
        let mut gram = [[0.0; 2]; 2];
        for r in 0..n {
            let along = v.each_ref().map(|v| centred(r).zip(v).map(|(h, v)| h * v).sum::<f64>());
            for (i, next) in next.iter_mut().enumerate() {
                next.iter_mut().zip(centred(r)).for_each(|(next, h)| *next += along[i] * h);
                (0..2).for_each(|j| gram[i][j] += along[i] * along[j] / count);
            }
        }
        // Within the plane, the exact axes: Jacobi's rotation of the 2 × 2 covariance.
        let angle = 0.5 * libm::atan2(2.0 * gram[0][1], gram[0][0] - gram[1][1]);
        let (c, s) = (libm::cos(angle), libm::sin(angle));
        spread = [
            c * c * gram[0][0] + 2.0 * c * s * gram[0][1] + s * s * gram[1][1],
            s * s * gram[0][0] - 2.0 * c * s * gram[0][1] + c * c * gram[1][1],
        ];
        for j in 0..k {
            let (a, b) = (next[0][j], next[1][j]);
            (next[0][j], next[1][j]) = (c * a + s * b, c * b - s * a);
        }
        v = next;
        orthonormalise(&mut v);
    }
    for v in &mut v {
        let largest = v.iter().copied().fold(0.0, |best: f64, x| if x.abs() > best.abs() + 1e-12 { x } else { best });
        if largest < 0.0 {
            v.iter_mut().for_each(|x| *x = -*x);
        }
    }
    let point = |r: usize| v.each_ref().map(|v| centred(r).zip(v).map(|(h, v)| h * v).sum::<f64>() as f32);
    PrincipalPlane {
        points: (0..n).map(point).collect(),
        share: spread.map(|spread| (spread / variance).clamp(0.0, 1.0)),
    }
}

/// Gram and Schmidt; a vector that vanishes becomes zero.
fn orthonormalise(v: &mut [Vec<f64>; 2]) {
    let [first, second] = v;
    normalise(first, 0.0);
    let before = length(second);
    let along: f64 = first.iter().zip(&*second).map(|(a, b)| a * b).sum();
    second.iter_mut().zip(&*first).for_each(|(b, a)| *b -= along * a);
    normalise(second, 1e-10 * before);
}

fn normalise(v: &mut [f64], least: f64) {
    let length = length(v);
    let factor = if length > least { 1.0 / length } else { 0.0 };
    v.iter_mut().for_each(|x| *x *= factor);
}

fn length(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_of_different_spread_are_found_in_order() {
        // Spread 10 along (0, 1, 0), 3 along (1, 0, 1)/√2, nothing along (1, 0, −1).
        let mut codes = Vec::new();
        for i in 0..50 {
            let (a, b) = ((i as f32 * 0.9).sin() * 10.0, (i as f32 * 2.3).cos() * 3.0);
            codes.extend([b / 2.0_f32.sqrt() + 5.0, a - 2.0, b / 2.0_f32.sqrt() + 1.0]);
        }
        let plane = principal_plane(MatRef::new(&codes, 50, 3));
        assert!((plane.share[0] + plane.share[1] - 1.0).abs() < 1e-5, "{:?}", plane.share);
        assert!(plane.share[0] > 0.8);
        let mean: f32 = (0..50).map(|i| (i as f32 * 0.9).sin() * 10.0).sum::<f32>() / 50.0;
        let off = (plane.points[7][0] - ((7.0_f32 * 0.9).sin() * 10.0 - mean)).abs();
        assert!(off < 0.5, "{off}");
    }

    #[test]
    fn fewer_than_two_directions_leave_zeros() {
        let line: Vec<f32> = (0..10).map(|i| i as f32).collect();
        let plane = principal_plane(MatRef::new(&line, 10, 1));
        assert!((plane.share[0] - 1.0).abs() < 1e-9 && plane.share[1].abs() < 1e-9);
        assert!(plane.points.iter().all(|p| p[1] == 0.0));
        let same = principal_plane(MatRef::new(&[1.0; 8], 4, 2));
        assert_eq!(same, PrincipalPlane { points: vec![[0.0; 2]; 4], share: [0.0; 2] });
        assert!(principal_plane(MatRef::new(&[], 0, 3)).points.is_empty());
    }
}
