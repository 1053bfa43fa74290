//! How well scores part anomalies from the rest, where labels are known. Higher scores mean more anomalous.
//!
//! Ties count as they must: a pair of equal scores is half an ordered pair in the AUROC, and rows of one score enter the
//! average precision together, so the order of rows never matters.

use serde::{Deserialize, Serialize};

/// A share of rows with a 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The share, 0 to 1.
    pub value: f64,
    /// Lower end of Wilson's 95 % interval.
    pub lower: f64,
    /// Upper end of Wilson's 95 % interval.
    pub upper: f64,
}

/// A number with a 95 % interval from resampled rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// 2.5 % quantile over the resamples.
    pub lower: f64,
    /// 97.5 % quantile over the resamples.
    pub upper: f64,
}

/// z of a two-sided 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// Area under the ROC curve: the probability that a random anomaly scores above a random other row, ties counted half.
///
/// `None` without an anomaly or without another row.
///
/// # Panics
/// When there are not as many labels as scores.
pub fn auroc(scores: &[f64], is_anomaly: &[bool]) -> Option<f64> {
    let mut pairs = 0.0;
    let (mut anomalies, mut others) = (0.0, 0.0);
    for group in groups_of_equals(scores, is_anomaly) {
        // From the highest score down: these others lie below all anomalies before, and level with those here.
        pairs += group.others * (anomalies + 0.5 * group.anomalies);
        anomalies += group.anomalies;
        others += group.others;
    }
    (anomalies > 0.0 && others > 0.0).then(|| pairs / (anomalies * others))
}

/// Average precision: Σ over distinct scores, from the highest, of (recall gained) · (precision there).
///
/// `None` without an anomaly.
///
/// # Panics
/// When there are not as many labels as scores.
pub fn average_precision(scores: &[f64], is_anomaly: &[bool]) -> Option<f64> {
    let (mut sum, mut anomalies, mut seen) = (0.0, 0.0, 0.0);
    for group in groups_of_equals(scores, is_anomaly) {
        anomalies += group.anomalies;
        seen += group.anomalies + group.others;
        sum += group.anomalies * anomalies / seen;
    }
    (anomalies > 0.0).then(|| sum / anomalies)
}

struct Group {
    anomalies: f64,
    others: f64,
}

/// Rows of equal score, counted, from the highest score to the lowest.
fn groups_of_equals(scores: &[f64], is_anomaly: &[bool]) -> Vec<Group> {
    assert_eq!(scores.len(), is_anomaly.len(), "one label a score");
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut groups: Vec<Group> = Vec::new();
    let mut last = None;
    for i in order {
        if last != Some(scores[i]) {
            groups.push(Group { anomalies: 0.0, others: 0.0 });
            last = Some(scores[i]);
        }
        if let Some(group) = groups.last_mut() {
            *if is_anomaly[i] { &mut group.anomalies } else { &mut group.others } += 1.0;
        }
    }
    groups
}

/// Rows told from the rest by a threshold, counted against the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Anomalies told.
    pub true_positives: u64,
    /// Other rows told as anomalies.
    pub false_positives: u64,
    /// Anomalies missed.
    pub false_negatives: u64,
    /// Other rows let pass.
    pub true_negatives: u64,
}

impl Counts {
    /// Counts rows whose score is above `threshold` (strictly) as told.
    ///
    /// # Panics
    /// When there are not as many labels as scores.
    pub fn at(threshold: f64, scores: &[f64], is_anomaly: &[bool]) -> Self {
        assert_eq!(scores.len(), is_anomaly.len(), "one label a score");
        let mut counts = Counts::default();
        for (&score, &anomaly) in scores.iter().zip(is_anomaly) {
            *match (score > threshold, anomaly) {
                (true, true) => &mut counts.true_positives,
                (true, false) => &mut counts.false_positives,
                (false, true) => &mut counts.false_negatives,
                (false, false) => &mut counts.true_negatives,
            } += 1;
        }
        counts
    }

    /// Anomalies told of all anomalies.
    pub fn recall(&self) -> Option<Share> {
        share(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// Anomalies among the rows told.
    pub fn precision(&self) -> Option<Share> {
        share(self.true_positives, self.true_positives + self.false_positives)
    }

    /// Harmonic mean of precision and recall, 2·TP/(2·TP + FP + FN); `None` where nothing is told and nothing is there.
    pub fn f1(&self) -> Option<f64> {
        let wrong = self.false_positives + self.false_negatives;
        let whole = 2 * self.true_positives + wrong;
        (whole > 0).then(|| 2.0 * self.true_positives as f64 / whole as f64)
    }
}

/// `part` of `whole` with Wilson's score interval, which stays within [0, 1] and does not collapse at its ends.
/// `None` when `whole` is 0.
pub fn share(part: u64, whole: u64) -> Option<Share> {
    if whole == 0 {
        return None;
    }
    let (n, value) = (whole as f64, part as f64 / whole as f64);
    let centre = value + Z * Z / (2.0 * n);
    let half = Z * (value * (1.0 - value) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    let lower = if part == 0 { 0.0 } else { (centre - half) / scale };
    let upper = if part == whole { 1.0 } else { (centre + half) / scale };
    Some(Share { value, lower, upper })
}

/// `statistic` of the rows, with the 95 % percentile interval over `resamples` draws of the rows with replacement.
///
/// `below(n)` gives a whole number below n; the same source of them gives the same interval. Resamples on which the
/// statistic is not defined are left out. `None` when it is not defined on the rows themselves.
pub fn bootstrap(
    scores: &[f64],
    is_anomaly: &[bool],
    resamples: usize,
    mut below: impl FnMut(u32) -> u32,
    statistic: impl Fn(&[f64], &[bool]) -> Option<f64>,
) -> Option<Estimate> {
    let value = statistic(scores, is_anomaly)?;
    let n = scores.len();
    let (mut drawn_scores, mut drawn_labels) = (vec![0.0; n], vec![false; n]);
    let mut values = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        for i in 0..n {
            let row = below(n as u32) as usize;
            drawn_scores[i] = scores[row];
            drawn_labels[i] = is_anomaly[row];
        }
        values.extend(statistic(&drawn_scores, &drawn_labels));
    }
    if values.is_empty() {
        return Some(Estimate { value, lower: value, upper: value });
    }
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| contractive_core::statistics::quantile_of_sorted(&values, share);
    Some(Estimate { value, lower: at(0.025), upper: at(0.975) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(text: &str) -> Vec<bool> {
        text.chars().map(|c| c == '1').collect()
    }

    #[test]
    fn small_cases_come_out_as_by_hand() {
        let y = labels("0011");
        // Pairs (anomaly above other): 0.35 > 0.1, not > 0.4; 0.8 above both: 3 of 4.
        assert_eq!(auroc(&[0.1, 0.4, 0.35, 0.8], &y), Some(0.75));
        // From the top: hit (1/1 · ½), miss, hit (2/3 · ½).
        assert!((average_precision(&[0.1, 0.4, 0.35, 0.8], &y).unwrap() - 5.0 / 6.0).abs() < 1e-15);
        // All tied: chance, and the share of anomalies.
        assert_eq!(auroc(&[1.0; 4], &y), Some(0.5));
        assert_eq!(average_precision(&[1.0; 4], &y), Some(0.5));
        assert_eq!(auroc(&[1.0, 2.0], &labels("11")), None);
        assert_eq!(average_precision(&[1.0, 2.0], &labels("00")), None);
        assert_eq!(auroc(&[], &[]), None);
        // -0.0 and 0.0 are one score.
        assert_eq!(auroc(&[-0.0, 0.0], &labels("01")), Some(0.5));
    }

    #[test]
    fn counts_and_what_follows_from_them() {
        let c = Counts::at(0.5, &[0.4, 0.5, 0.6, 0.7, 0.9], &labels("10101"));
        assert_eq!(c, Counts { true_positives: 2, false_positives: 1, false_negatives: 1, true_negatives: 1 });
        assert_eq!(c.f1(), Some(4.0 / 6.0));
        assert_eq!(c.recall().unwrap().value, 2.0 / 3.0);
        assert_eq!(Counts::default().f1(), None);
        // Wilson's interval for 8 of 10, as in the textbooks.
        let s = share(8, 10).unwrap();
        assert!((s.lower - 0.4901625).abs() < 1e-6 && (s.upper - 0.9433178).abs() < 1e-6, "{s:?}");
        let none = share(0, 10).unwrap();
        assert!(none.lower == 0.0 && (none.upper - 0.2775328).abs() < 1e-6, "{none:?}");
    }

    #[test]
    fn bootstrap_intervals_hold_the_value_and_repeat() {
        let scores: Vec<f64> = (0..200).map(|i| f64::from((i * 37) % 101)).collect();
        let y: Vec<bool> = (0..200).map(|i| (i * 37) % 101 > 80 && i % 3 > 0).collect();
        let interval = || {
            let mut state = 1_u64;
            let below = move |n: u32| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 33) % u64::from(n)) as u32
            };
            bootstrap(&scores, &y, 200, below, auroc).unwrap()
        };
        let e = interval();
        assert!(e.lower < e.value && e.value < e.upper && e.upper <= 1.0, "{e:?}");
        assert_eq!(e, interval());
    }

    fn rows() -> impl Strategy<Value = Vec<(u8, bool)>> {
        prop::collection::vec((0_u8..6, any::<bool>()), 1..40)
    }

    proptest! {
        #[test]
        fn auroc_is_the_share_of_ordered_pairs(rows in rows()) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let y: Vec<bool> = rows.iter().map(|r| r.1).collect();
            let (mut sum, mut pairs) = (0.0, 0.0);
            for (a, _) in rows.iter().filter(|r| r.1) {
                for (b, _) in rows.iter().filter(|r| !r.1) {
                    pairs += 1.0;
                    sum += if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 };
                }
            }
            match auroc(&scores, &y) {
                None => prop_assert_eq!(pairs, 0.0),
                Some(value) => prop_assert!((value - sum / pairs).abs() < 1e-12),
            }
        }

        #[test]
        fn average_precision_is_its_definition_over_thresholds(rows in rows()) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let y: Vec<bool> = rows.iter().map(|r| r.1).collect();
            let n = y.iter().filter(|l| **l).count() as f64;
            let (mut sum, mut before) = (0.0, 0.0);
            for threshold in (0..6).rev().map(f64::from) {
                let told = rows.iter().filter(|r| f64::from(r.0) >= threshold);
                let (told, hits) = told.fold((0.0, 0.0), |(t, h), r| (t + 1.0, h + f64::from(u8::from(r.1))));
                if told > 0.0 && n > 0.0 {
                    sum += (hits - before) / n * hits / told;
                    before = hits;
                }
            }
            match average_precision(&scores, &y) {
                None => prop_assert_eq!(n, 0.0),
                Some(value) => prop_assert!((value - sum).abs() < 1e-12),
            }
        }

        #[test]
        fn neither_depends_on_the_order_of_rows_or_on_a_growing_map(rows in rows(), turn in 0_usize..40) {
            let mut turned = rows.clone();
            turned.rotate_left(turn % rows.len());
            let of = |rows: &[(u8, bool)], map: fn(f64) -> f64| {
                let scores: Vec<f64> = rows.iter().map(|r| map(f64::from(r.0))).collect();
                let y: Vec<bool> = rows.iter().map(|r| r.1).collect();
                (auroc(&scores, &y), average_precision(&scores, &y))
            };
            prop_assert_eq!(of(&rows, |s| s), of(&turned, |s| s.powi(3) - 7.0));
        }
    }
}
