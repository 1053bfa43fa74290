//! How long a window is, where nobody says: whole periods of the series.
//!
//! The autocorrelation of a value column x of n rows at lag k
//!
//! ```text
//! r(k) = n/(n − k) · Σ_t (x_t − x̄)(x_{t+k} − x̄) / Σ_t (x_t − x̄)²
//! ```
//!
//! is averaged over the columns. Its first peak between [`SHORTEST`] and [`LONGEST`] rows that is hardly lower than the
//! highest ([`NEARLY`]), where it is above [`CLEAR`], is the period: of a wave every multiple of its period is a peak. A
//! window takes as many periods as make [`LEAST`] rows. Shorter windows say less of a moment: docs/anomaly.md.

use std::fmt;

use super::table::Series;

/// Lags that can be a period, in rows.
const SHORTEST: usize = 8;
const LONGEST: usize = 500;
/// Least autocorrelation of a period.
const CLEAR: f64 = 0.2;
/// Share of the highest peak that counts as being as high.
const NEARLY: f64 = 0.95;
/// Fewest rows of a window of whole periods.
const LEAST: usize = 96;
/// Rows of a window where there is no period.
const WITHOUT_PERIOD: usize = 100;
/// Windows beside each other that a series must have room for.
const FEWEST_WINDOWS: usize = 8;
/// Most numbers of a window that is chosen, over all columns.
const MOST_NUMBERS: usize = 2048;
/// Rows that a period is looked for in.
const MOST_ROWS: usize = 20_000;

/// A window's rows, and why so many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowChoice {
    /// Rows a window, at least 2.
    pub window: usize,
    /// The period in rows with its autocorrelation, where there is one.
    pub period: Option<(usize, f64)>,
    /// Whether the series is too short, or too wide, for more rows.
    pub is_cut: bool,
}

impl fmt::Display for WindowChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = self.window;
        match self.period {
            Some((period, r)) if window.is_multiple_of(period) => {
                let periods = window / period;
                let whole =
                    if periods == 1 { "one period".into() } else { format!("{periods} periods of {period} rows") };
                write!(f, "windows of {window} rows: {whole} (autocorrelation {r:.2})")
            }
            _ if self.is_cut => write!(f, "windows of {window} rows: the series has room for no longer ones"),
            _ => write!(f, "windows of {window} rows: no period from {SHORTEST} to {LONGEST} rows stands out"),
        }
    }
}

impl Series {
    /// The window that its longest series asks for.
    pub fn window_choice(&self) -> WindowChoice {
        let Some(track) = self.tracks.iter().max_by_key(|track| track.rows.len()) else {
            return WindowChoice { window: 2, period: None, is_cut: true };
        };
        let v = self.names.len().max(1);
        let values = self.values_of(track);
        let n = track.rows.len();
        let most = (n / FEWEST_WINDOWS).min(MOST_NUMBERS / v).max(2);
        let period = period(&values[..n.min(MOST_ROWS) * v], v);
        let wanted = period.map_or(WITHOUT_PERIOD, |(period, _)| period * LEAST.div_ceil(period));
        // Whole periods where there is room for one.
        let window = match period {
            Some((period, _)) if wanted > most && period <= most => most / period * period,
            _ => wanted.min(most),
        };
        WindowChoice { window, period, is_cut: window < wanted }
    }
}

/// The lag of the first peak of the mean autocorrelation that is nearly the highest, with its height; `values` are rows of `v`.
fn period(values: &[f64], v: usize) -> Option<(usize, f64)> {
    let n = values.len() / v;
    let longest = LONGEST.min(n / 4);
    if longest <= SHORTEST {
        return None;
    }
    let mut r = vec![0.0; longest + 2];
    let mut columns = 0;
    for j in 0..v {
        let column: Vec<f64> = values.iter().skip(j).step_by(v).copied().collect();
        let mean = column.iter().map(|x| x / n as f64).sum::<f64>();
        let away: Vec<f64> = column.iter().map(|x| x - mean).collect();
        let whole: f64 = away.iter().map(|x| x * x).sum();
        // A column that does not move, or is too large to be squared, says nothing.
        if !(whole > 0.0 && whole.is_finite()) {
            continue;
        }
        columns += 1;
        for (k, r) in r.iter_mut().enumerate() {
            let products: f64 = away.iter().zip(&away[k..]).map(|(a, b)| a * b).sum();
            *r += products / whole * n as f64 / (n - k) as f64;
        }
    }
    let is_peak = |k: &usize| r[*k] > r[k - 1] && r[*k] >= r[k + 1];
    let highest = (SHORTEST..=longest).filter(is_peak).map(|k| r[k]).max_by(f64::total_cmp)?;
    let lag = (SHORTEST..=longest).filter(is_peak).find(|k| r[*k] >= NEARLY * highest)?;
    let height = r[lag] / f64::from(columns.max(1));
    (height > CLEAR).then_some((lag, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize, period: f64) -> Vec<f64> {
        (0..n).map(|t| (std::f64::consts::TAU * t as f64 / period).sin() + 0.1 * (1.7 * (t * t) as f64).sin()).collect()
    }

    #[test]
    fn a_period_is_found_in_one_column_and_among_several() {
        assert_eq!(period(&wave(2000, 48.0), 1).map(|(lag, _)| lag), Some(48));
        let beside: Vec<f64> = wave(2000, 24.0).into_iter().flat_map(|x| [7.0, x]).collect();
        let (lag, height) = period(&beside, 2).unwrap();
        assert!(lag == 24 && height > 0.9, "{lag} {height}");
    }

    #[test]
    fn noise_and_short_series_have_none() {
        let noise: Vec<f64> = (0..3000_u64)
            .map(|t| ((t + 7).wrapping_mul(t ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xD1B5_4A32_D192_ED03) >> 40) as f64)
            .collect();
        assert_eq!(period(&noise, 1), None);
        assert_eq!(period(&[1.0, 2.0, 3.0], 1), None);
        assert_eq!(period(&[5.0; 900], 1), None);
        assert_eq!(period(&[f64::MAX, -f64::MAX].repeat(200), 1), None);
    }

    #[test]
    fn the_reason_is_said() {
        let said = |window, period, is_cut| WindowChoice { window, period, is_cut }.to_string();
        assert_eq!(
            said(96, Some((48, 0.912)), false),
            "windows of 96 rows: 2 periods of 48 rows (autocorrelation 0.91)"
        );
        assert_eq!(said(288, Some((288, 0.5)), false), "windows of 288 rows: one period (autocorrelation 0.50)");
        assert_eq!(said(100, None, false), "windows of 100 rows: no period from 8 to 500 rows stands out");
        assert_eq!(said(25, None, true), "windows of 25 rows: the series has room for no longer ones");
    }
}
