//! Order statistics of sorted numbers, and means, deviations and extremes of columns in one pass over their rows.

/// The quantile of order `p` in [0, 1] of ascending numbers, linear between neighbours (numpy's default).
///
/// # Panics
/// When there are no numbers.
pub fn quantile_of_sorted(sorted: &[f64], p: f64) -> f64 {
    let place = QuantilePlace::new(sorted.len() as u64, p);
    place.between(sorted[place.below as usize], sorted[place.above as usize])
}

/// Where the quantile of so many numbers lies among them in ascending order, for numbers that are in no slice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantilePlace {
    /// The place, from 0, of the neighbour below.
    pub below: u64,
    /// The place of the neighbour above; the same where the quantile falls on a number.
    pub above: u64,
    /// How far it lies from the one to the other, from 0 to below 1.
    share: f64,
}

impl QuantilePlace {
    /// Of the quantile of order `p` in [0, 1] of `n` numbers, at least one.
    pub fn new(n: u64, p: f64) -> Self {
        let at = p.clamp(0.0, 1.0) * n.saturating_sub(1) as f64;
        QuantilePlace { below: at.floor() as u64, above: at.ceil() as u64, share: at.fract() }
    }

    /// The quantile, from the numbers at its two places.
    pub fn between(self, below: f64, above: f64) -> f64 {
        let step = above - below;
        // The difference of huge numbers of two signs leaves the range of f64.
        if step.is_finite() { below + step * self.share } else { below * (1.0 - self.share) + above * self.share }
    }
}

/// Whether the quartiles `lower` ≤ `upper` differ by more than the rounding of the numbers they were taken from, so that
/// their distance is a spread. How far other numbers lie away must not matter: a single huge one would flatten all others.
pub fn quartiles_differ(lower: f64, upper: f64) -> bool {
    // Halved, so that the difference of huge numbers stays finite.
    upper / 2.0 - lower / 2.0 > 2.0 * f64::EPSILON * lower.abs().max(upper.abs())
}

/// The median of numbers, which it leaves sorted.
///
/// # Panics
/// When there are no numbers.
pub fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    quantile_of_sorted(numbers, 0.5)
}

/// What a pass over rows gives for each column.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// The least value of each column; +∞ without rows.
    pub lowest: Vec<f64>,
    /// The greatest value of each column; −∞ without rows.
    pub highest: Vec<f64>,
    /// The mean of each column; 0 without rows.
    pub mean: Vec<f64>,
    /// The standard deviation of each column, of the population (the divisor is the number of rows); 0 without rows.
    pub deviation: Vec<f64>,
}

/// Running means, squared deviations and extremes of columns, row after row (Welford).
///
/// ```text
/// δ = x − mean,   mean += δ/n,   squares += δ (x − mean)
/// ```
///
/// A column that always has the same value gets exactly that mean and exactly 0 squares.
#[derive(Debug, Clone)]
pub struct Moments {
    n: f64,
    lowest: Vec<f64>,
    highest: Vec<f64>,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    /// Of `columns` columns and no rows yet.
    pub fn new(columns: usize) -> Self {
        Moments {
            n: 0.0,
            lowest: vec![f64::INFINITY; columns],
            highest: vec![f64::NEG_INFINITY; columns],
            mean: vec![0.0; columns],
            squares: vec![0.0; columns],
        }
    }

    /// Takes in one row, of f64 or of f32, which f64 holds exactly.
    ///
    /// # Panics
    /// When the row has not one value a column.
    pub fn see<T: Copy + Into<f64>>(&mut self, row: &[T]) {
        assert_eq!(row.len(), self.mean.len(), "a row must have one value a column");
        self.n += 1.0;
        // One division a row, not one a value.
        let weight = 1.0 / self.n;
        let extremes = self.lowest.iter_mut().zip(&mut self.highest);
        let sums = self.mean.iter_mut().zip(&mut self.squares);
        for ((&x, (lowest, highest)), (mean, squares)) in row.iter().zip(extremes).zip(sums) {
            let x = x.into();
            *lowest = lowest.min(x);
            *highest = highest.max(x);
            let away = x - *mean;
            *mean += away * weight;
            *squares += away * (x - *mean);
        }
    }

    /// Rows seen.
    pub fn rows(&self) -> f64 {
        self.n
    }

    /// Σ (x − mean)² of each column.
    pub fn squares(&self) -> &[f64] {
        &self.squares
    }

    /// The statistics of the rows seen.
    pub fn finish(self) -> Statistics {
        let deviation = self.squares.iter().map(|s| (s / self.n.max(1.0)).sqrt()).collect();
        Statistics { lowest: self.lowest, highest: self.highest, mean: self.mean, deviation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_linear_between_neighbours() {
        // numpy.quantile([1, 2, 4, 8], [0, 0.25, 0.5, 1])
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|p| quantile_of_sorted(&sorted, p)), [1.0, 1.75, 3.0, 8.0]);
        assert_eq!([-1.0, 2.0].map(|p| quantile_of_sorted(&sorted, p)), [1.0, 8.0]);
        assert_eq!(quantile_of_sorted(&[5.0], 0.3), 5.0);
    }

    #[test]
    fn quantiles_of_huge_numbers_of_two_signs_are_finite() {
        let ends = [-f64::MAX, f64::MAX];
        assert_eq!([0.0, 0.5, 1.0].map(|p| quantile_of_sorted(&ends, p)), [-f64::MAX, 0.0, f64::MAX]);
        assert!(
            quartiles_differ(-f64::MAX, f64::MAX) && !quartiles_differ(3.0, 3.0) && !quartiles_differ(0.3, 0.1 + 0.2)
        );
        // Few digits are left of so small a spread, but these are no rounding.
        assert!(quartiles_differ(9e14, 9e14 + 4.0));
    }

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_middle_two() {
        let mut odd = [3.0, -1.0, 2.0];
        assert_eq!(median(&mut odd), 2.0);
        assert_eq!(odd, [-1.0, 2.0, 3.0]);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 8.0]), 3.0);
    }

    #[test]
    fn one_pass_gives_what_two_give() {
        let rows: Vec<[f64; 3]> = (0..1000).map(|i| [f64::from((i * 37) % 101), 1e6 + f64::from(i % 7), 0.1]).collect();
        let mut moments = Moments::new(3);
        rows.iter().for_each(|row| moments.see(row));
        assert_eq!((moments.rows(), moments.squares()[2]), (1000.0, 0.0));
        let found = moments.finish();
        for j in 0..3 {
            let column = || rows.iter().map(|row| row[j]);
            let mean = column().sum::<f64>() / 1000.0;
            let deviation = (column().map(|x| (x - mean).powi(2)).sum::<f64>() / 1000.0).sqrt();
            assert!((found.mean[j] - mean).abs() < 1e-12 * mean.abs());
            assert!((found.deviation[j] - deviation).abs() < 1e-9 * deviation.max(1e-3));
            assert_eq!(found.lowest[j], column().fold(f64::INFINITY, f64::min));
            assert_eq!(found.highest[j], column().fold(f64::NEG_INFINITY, f64::max));
        }
        assert_eq!((found.mean[2], found.deviation[2]), (0.1, 0.0));
    }

    #[test]
    fn no_rows_give_finite_means_and_deviations() {
        let found = Moments::new(1).finish();
        assert_eq!((found.mean, found.deviation), (vec![0.0], vec![0.0]));
        assert!(found.lowest[0] > found.highest[0]);
    }
}
