//! A row seen three ways at once, so that near rows are near in any of them.
//!
//! Of each feature, three numbers of standard deviation about 1:
//!
//! | view | value | sees |
//! |---|---|---|
//! | standard | (v − mean)/standard deviation | how far out a value lies, in full |
//! | robust | arsinh of (v − median)/spread | the bulk, whatever a few huge values are |
//! | rank | √12 (rank of v − ½) | order alone, and gaps nowhere |
//!
//! v is the value on its own scale where the network takes its arsinh, else as the network takes it. A feature that stands
//! for a level of a category is 1 or 0, minus its share: it is taken as it is three times, since a deviation or a rank
//! would move a rare level away from all others. Which view tells ordinary rows from others differs between tables; the
//! distance of all three together was never far behind the best of them (docs/anomaly.md). Numbers of a window of a time
//! series are seen by their standard scores alone: there the other two, which pull in what is far out, hide it.

use serde::{Deserialize, Serialize};

use super::location::Location;
use contractive::encoding;
use contractive::preprocess::Ranks;

/// How many views there are of a table's feature; of a window's number there is the first alone.
const VIEWS: usize = 3;
/// Standard scores beyond are taken for this: their squares stay far inside f32.
pub(super) const FARTHEST: f64 = 1e6;
/// Values beyond are taken for this: sums of their squares stay finite.
pub(super) const LARGEST: f64 = 1e100;

/// How features come to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FeatureKind {
    /// A number as it is, or scaled by a straight line.
    Plain,
    /// The arsinh of a scaled number.
    Arsinh,
    /// A level of a category.
    Level,
    /// A number of a window of a time series.
    Window,
}

impl From<encoding::FeatureKind> for FeatureKind {
    fn from(kind: encoding::FeatureKind) -> Self {
        match kind {
            encoding::FeatureKind::Plain => FeatureKind::Plain,
            encoding::FeatureKind::Arsinh => FeatureKind::Arsinh,
            encoding::FeatureKind::Level => FeatureKind::Level,
        }
    }
}

/// The views of one feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Feature {
    Number { is_arsinh: bool, mean: f64, deviation: f64, middle: Location, ranks: Ranks },
    Level,
    Window { mean: f64, deviation: f64 },
}

/// The views of every feature of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Views(pub(super) Vec<Feature>);

impl Views {
    /// Learns from rows as the network takes them, row-major (N, d), N at least 1; d kinds.
    pub(super) fn learn(rows: &[f32], kinds: &[FeatureKind]) -> Self {
        let d = kinds.len();
        let column = |j: usize| rows.iter().skip(j).step_by(d).map(|x| f64::from(*x));
        Views(kinds.iter().enumerate().map(|(j, kind)| Feature::learn(column(j).collect(), *kind)).collect())
    }

    /// Views of each feature: 3, or 1 of windows.
    pub(super) fn per_feature(&self) -> usize {
        if matches!(self.0.first(), Some(Feature::Window { .. })) { 1 } else { VIEWS }
    }

    /// Views of a row.
    pub(super) fn width(&self) -> usize {
        self.0.len() * self.per_feature()
    }

    /// Adds the views of `rows`, row-major (N, d), to `out`.
    pub(super) fn append(&self, rows: &[f32], out: &mut Vec<f32>) {
        for row in rows.chunks_exact(self.0.len()) {
            for (x, feature) in row.iter().zip(&self.0) {
                let (views, n) = feature.views(f64::from(*x));
                out.extend_from_slice(&views[..n]);
            }
        }
    }

    /// Whether the stored numbers can be views of `d` features.
    pub(super) fn is_valid(&self, d: usize) -> bool {
        let is_window = |feature: &Feature| matches!(feature, Feature::Window { .. });
        let windows = self.0.iter().filter(|feature| is_window(feature)).count();
        self.0.len() == d && (windows == 0 || windows == d) && self.0.iter().all(Feature::is_valid)
    }
}

impl Feature {
    fn learn(mut values: Vec<f64>, kind: FeatureKind) -> Self {
        if kind == FeatureKind::Level {
            return Feature::Level;
        }
        let is_arsinh = kind == FeatureKind::Arsinh;
        values.sort_unstable_by(f64::total_cmp);
        let mut own: Vec<f64> = values.iter().map(|v| own_scale(*v, is_arsinh)).collect();
        let n = own.len() as f64;
        let mean = own.iter().map(|v| v / n).sum::<f64>();
        let deviation = own.iter().map(|v| (v - mean).powi(2) / n).sum::<f64>().sqrt();
        let deviation = if deviation > 1e-9 * mean.abs() && deviation > f64::MIN_POSITIVE { deviation } else { 1.0 };
        match kind {
            FeatureKind::Window => Feature::Window { mean, deviation },
            _ => {
                let (middle, ranks) = (Location::of(&mut own), Ranks::learn(&values));
                Feature::Number { is_arsinh, mean, deviation, middle, ranks }
            }
        }
    }

    /// The views of a value, and how many of them there are.
    fn views(&self, x: f64) -> ([f32; VIEWS], usize) {
        let standard = |v: f64, mean: f64, deviation: f64| ((v - mean) / deviation).clamp(-FARTHEST, FARTHEST);
        match self {
            Feature::Level => ([x as f32; VIEWS], VIEWS),
            Feature::Window { mean, deviation } => ([standard(x, *mean, *deviation) as f32; VIEWS], 1),
            Feature::Number { is_arsinh, mean, deviation, middle, ranks } => {
                let v = own_scale(x, *is_arsinh);
                let robust = if *is_arsinh { x } else { libm::asinh(middle.standardised(v)) };
                let views = [standard(v, *mean, *deviation), robust, ranks.scaled(x)];
                (views.map(|view| view.clamp(-FARTHEST, FARTHEST) as f32), VIEWS)
            }
        }
    }

    fn is_valid(&self) -> bool {
        match self {
            Feature::Level => true,
            Feature::Window { mean, deviation } => mean.is_finite() && deviation.is_finite() && *deviation > 0.0,
            Feature::Number { mean, deviation, middle, ranks, .. } => {
                mean.is_finite() && deviation.is_finite() && *deviation > 0.0 && middle.is_valid() && ranks.is_valid()
            }
        }
    }
}

fn own_scale(x: f64, is_arsinh: bool) -> f64 {
    let v = if is_arsinh { libm::sinh(x) } else { x };
    v.clamp(-LARGEST, LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f32], kind: FeatureKind, x: f32) -> [f32; VIEWS] {
        let views = Views::learn(values, &[kind]);
        assert!(views.is_valid(1) && !views.is_valid(2));
        let mut out = Vec::new();
        views.append(&[x], &mut out);
        out.try_into().unwrap()
    }

    #[test]
    fn the_views_of_a_number_are_those_of_the_table() {
        let values: Vec<f32> = (0..101).map(|i| i as f32).collect();
        let deviation = (0..101).map(|i| f64::from(i - 50).powi(2) / 101.0).sum::<f64>().sqrt();
        let [standard, robust, rank] = of(&values, FeatureKind::Plain, 75.0);
        assert!((f64::from(standard) - 25.0 / deviation).abs() < 1e-6);
        assert!((f64::from(robust) - (25.0 / (1.4826 * 25.0_f64)).asinh()).abs() < 1e-6);
        assert!((f64::from(rank) - 12_f64.sqrt() * 0.25).abs() < 1e-6);
        // The arsinh that the network takes is undone.
        let scaled: Vec<f32> = values.iter().map(|v| ((v - 50.0) / 30.0).asinh()).collect();
        let [again, own, same_rank] = of(&scaled, FeatureKind::Arsinh, (25.0_f32 / 30.0).asinh());
        assert!((again - standard).abs() < 1e-5 && own == (25.0_f32 / 30.0).asinh() && (same_rank - rank).abs() < 1e-6);
    }

    #[test]
    fn a_rare_level_lies_no_farther_away_than_a_frequent_one() {
        let rare: Vec<f32> = (0..100).map(|i| if i == 0 { 0.99 } else { -0.01 }).collect();
        let views = [0.99, -0.01].map(|x| of(&rare, FeatureKind::Level, x));
        assert_eq!(views, [[0.99; VIEWS], [-0.01; VIEWS]]);
    }

    #[test]
    fn nothing_is_infinite() {
        for values in [vec![3.0; 20], vec![0.0, 1e15, -1e15, 700.0], vec![1.0]] {
            for kind in [FeatureKind::Plain, FeatureKind::Arsinh, FeatureKind::Level] {
                for x in [-1e15, -700.0, 0.0, 1e-30, 5.0, 1e15] {
                    assert!(of(&values, kind, x).iter().all(|v| v.is_finite()), "{values:?} {kind:?} {x}");
                }
            }
        }
    }
}
