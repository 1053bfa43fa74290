//! The local dimension: how many directions a code follows at a row.
//!
//! ```text
//! dimension = (Σ_j s_j²)² / Σ_j s_j⁴        s_j the singular values of J at the row
//! ```
//!
//! The participation ratio of the squared singular values: n where n of them are alike and the rest are 0, less where they
//! differ; 0 at a row where the code does not move. It is a property of a row and of the model there, so a mean is told
//! with the rows that it was taken over.

/// From this share of all directions on, an encoder follows every one alike.
const ALIKE: f64 = 0.8;

/// The local dimension at a row with these singular values; 0, or from 1 to their number.
pub fn local_dimension(singular_values: &[f64]) -> f64 {
    let largest = singular_values.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return if singular_values.iter().any(|s| s.is_nan()) { f64::NAN } else { 0.0 };
    }
    // Relative to the largest, so that no power leaves the range of f64.
    let squares = || singular_values.iter().map(|s| (s / largest).powi(2));
    let sum: f64 = squares().sum();
    sum * sum / squares().map(|square| square * square).sum::<f64>()
}

/// What a mean local dimension says of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// 0: the code moves at none of the rows; it has collapsed.
    Still,
    /// Below 1: at some of the rows the code does not move.
    PartlyStill,
    /// Near the number of directions: all are followed alike, so the code's size sets it and not the data.
    Alike,
    /// Between: the code follows some directions of the data and lets go of the others.
    Some,
}

impl Reading {
    /// Of a mean `dimension` among `of` singular values.
    pub fn of(dimension: f64, of: usize) -> Self {
        if dimension == 0.0 {
            Reading::Still
        } else if dimension < 1.0 {
            Reading::PartlyStill
        } else if of > 2 && dimension >= ALIKE * of as f64 {
            Reading::Alike
        } else {
            Reading::Some
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_directions_that_are_alike() {
        assert_eq!(local_dimension(&[3.0, 3.0, 3.0, 0.0]), 3.0);
        assert_eq!(local_dimension(&[0.2]), 1.0);
        assert!((local_dimension(&[2.0, 1.0, 0.1]) - 5.01_f64.powi(2) / 17.0001).abs() < 1e-12);
        assert!((local_dimension(&[1e-200, 1e-200]) - 2.0).abs() < 1e-12, "no power underflows");
        assert_eq!(local_dimension(&[0.0; 4]), 0.0);
        assert_eq!(local_dimension(&[]), 0.0);
        assert!(local_dimension(&[f64::NAN; 2]).is_nan());
    }

    #[test]
    fn a_mean_is_read() {
        assert_eq!(Reading::of(0.0, 16), Reading::Still);
        assert_eq!(Reading::of(0.6, 16), Reading::PartlyStill);
        assert_eq!(Reading::of(4.0, 16), Reading::Some);
        assert_eq!(Reading::of(14.0, 16), Reading::Alike);
        assert_eq!(Reading::of(2.0, 2), Reading::Some, "two of two are few");
    }
}
