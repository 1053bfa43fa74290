//! What scores and labels of timestamps are worth where anomalies are ranges, not points.
//!
//! **Range-based precision and recall** (Tatbul et al., NeurIPS 2018), with their existence weight α = 0, cardinality
//! factor γ = 1/x and flat positional bias, which [`RangeOptions`] change. With the real ranges R and the predicted
//! ranges P, both maximal runs of labelled rows:
//!
//! ```text
//! recall    = mean over r in R of  α · [r meets some p] + (1 − α) · γ(r, P) · Σ over p of ω(r, r ∩ p)
//! precision = mean over p in P of  γ(p, R) · Σ over r of ω(p, p ∩ r)
//! γ(a, B)   = 1 / max(1, number of ranges of B that meet a)
//! ω(a, o)   = Σ over rows of o of δ(row in a) / Σ over rows of a of δ(row in a)
//! ```
//!
//! with δ = 1 (flat), falling (front), rising (back) or highest in the middle of a.
//!
//! **VUS-PR and VUS-ROC** (Paparrizos et al., VLDB 2022). For a buffer ℓ, a row k rows away from a range, 1 ≤ k ≤ ⌊ℓ/2⌋,
//! is an anomaly by √(1 − k/ℓ), rows of a range by 1; where buffers meet they add up, to 1 at most. With these soft
//! labels y(ℓ), the hard ones y and each distinct score as a threshold:
//!
//! ```text
//! P = (Σ y + Σ y(ℓ)) / 2,   TP = Σ over rows told of y(ℓ),   FP = rows told − TP
//! recall    = min(1, TP/P) · share of the ranges (runs with y(ℓ) > 0) with a row told
//! precision = TP / rows told,   false positive rate = FP / (n − P)
//! area under PR(ℓ)  = Σ over thresholds, from the highest, of (recall gained) · precision
//! area under ROC(ℓ) = by trapezoids, from (0, 0) to (1, 1)
//! ```
//!
//! VUS is the mean over ℓ = 0, 1, …, L. The authors' package takes 250 thresholds instead of all, and its buffer after a
//! range is one row shorter than the one before it; ours is the same on both sides, as in the paper.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Maximal runs of `true`, in order.
pub fn ranges(labels: &[bool]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (i, _) in labels.iter().enumerate().filter(|(_, label)| **label) {
        match found.last_mut() {
            Some(last) if last.end == i => last.end = i + 1,
            _ => found.push(i..i + 1),
        }
    }
    found
}

/// Where in a range its rows count most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PositionalBias {
    /// Nowhere.
    #[default]
    Flat,
    /// At its beginning: early detection counts.
    Front,
    /// In its middle.
    Middle,
    /// At its end.
    Back,
}

impl PositionalBias {
    /// The weight of row `i`, from 0, of a range of `length` rows.
    fn weight(self, i: usize, length: usize) -> f64 {
        (match self {
            PositionalBias::Flat => 1,
            PositionalBias::Front => length - i,
            PositionalBias::Middle => (i + 1).min(length - i),
            PositionalBias::Back => i + 1,
        }) as f64
    }
}

/// What range-based recall and precision reward.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RangeOptions {
    /// α, the share of recall for a range being met at all, from 0 to 1. Default 0.
    pub existence: f64,
    /// δ. Default flat.
    pub bias: PositionalBias,
}

/// Range-based recall of `predicted` against `real`; `None` without a real range. See the [module](self).
///
/// # Panics
/// When there are not as many labels of one as of the other.
pub fn range_recall(real: &[bool], predicted: &[bool], options: RangeOptions) -> Option<f64> {
    overlap_reward(real, predicted, options)
}

/// Range-based precision of `predicted` against `real`; `None` without a predicted range. The existence weight does not
/// enter.
///
/// # Panics
/// When there are not as many labels of one as of the other.
pub fn range_precision(real: &[bool], predicted: &[bool], options: RangeOptions) -> Option<f64> {
    overlap_reward(predicted, real, RangeOptions { existence: 0.0, ..options })
}

/// The mean over the ranges of `of` of their reward by `by`.
fn overlap_reward(of: &[bool], by: &[bool], options: RangeOptions) -> Option<f64> {
    assert_eq!(of.len(), by.len(), "as many labels of one as of the other");
    let all = ranges(of);
    let rewards = all.iter().map(|range| {
        let length = range.len();
        let weight = |i: usize| options.bias.weight(i, length);
        let covered: f64 = (0..length).filter(|i| by[range.start + i]).map(weight).sum();
        let whole: f64 = (0..length).map(weight).sum();
        let pieces = ranges(&by[range.clone()]).len();
        let exists = if pieces > 0 { 1.0 } else { 0.0 };
        let overlap = covered / whole / pieces.max(1) as f64;
        options.existence * exists + (1.0 - options.existence) * overlap
    });
    (!all.is_empty()).then(|| rewards.sum::<f64>() / all.len() as f64)
}

/// The harmonic mean of two shares; 0 where both are.
pub fn harmonic_mean(a: f64, b: f64) -> f64 {
    if a + b > 0.0 { 2.0 * a * b / (a + b) } else { 0.0 }
}

/// Volumes under the surfaces of precision-recall and ROC curves over buffers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Volumes {
    /// VUS-PR, from 0 to 1.
    pub pr: f64,
    /// VUS-ROC, from 0 to 1.
    pub roc: f64,
}

/// VUS-PR and VUS-ROC over the buffers 0 to `longest`; `None` without an anomaly or without another row. See the
/// [module](self).
///
/// # Panics
/// When there are not as many labels as scores.
pub fn volumes(scores: &[f64], is_anomaly: &[bool], longest: usize) -> Option<Volumes> {
    assert_eq!(scores.len(), is_anomaly.len(), "one label a score");
    let hard = is_anomaly.iter().filter(|label| **label).count();
    if hard == 0 || hard == scores.len() {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut sum = Volumes { pr: 0.0, roc: 0.0 };
    for buffer in 0..=longest {
        let areas = areas(scores, &order, hard as f64, &soft_labels(is_anomaly, buffer));
        sum.pr += areas.pr;
        sum.roc += areas.roc;
    }
    let n = (longest + 1) as f64;
    Some(Volumes { pr: sum.pr / n, roc: sum.roc / n })
}

/// y(ℓ).
fn soft_labels(is_anomaly: &[bool], buffer: usize) -> Vec<f64> {
    let mut soft = vec![0.0; is_anomaly.len()];
    for range in ranges(is_anomaly) {
        soft[range.clone()].fill(1.0);
        for k in 1..=buffer / 2 {
            let weight = (1.0 - k as f64 / buffer as f64).sqrt();
            for i in [range.start.checked_sub(k), Some(range.end - 1 + k)].into_iter().flatten() {
                if let Some(label) = soft.get_mut(i) {
                    *label += weight;
                }
            }
        }
    }
    soft.iter_mut().for_each(|label| *label = label.min(1.0));
    soft
}

fn areas(scores: &[f64], order: &[usize], hard: f64, soft: &[f64]) -> Volumes {
    let runs = ranges(&soft.iter().map(|label| *label > 0.0).collect::<Vec<_>>());
    let mut run_of = vec![usize::MAX; soft.len()];
    runs.iter().enumerate().for_each(|(i, run)| run_of[run.clone()].fill(i));
    let positive = (hard + soft.iter().sum::<f64>()) / 2.0;
    let negative = soft.len() as f64 - positive;
    let mut is_met = vec![false; runs.len()];
    let (mut met, mut hits, mut told) = (0.0, 0.0, 0.0);
    let (mut recall, mut false_rate) = (0.0, 0.0);
    let mut areas = Volumes { pr: 0.0, roc: 0.0 };
    for (at, &i) in order.iter().enumerate() {
        told += 1.0;
        hits += soft[i];
        if let Some(is_met) = is_met.get_mut(run_of[i]).filter(|is_met| !**is_met) {
            *is_met = true;
            met += 1.0;
        }
        // Equal scores are told together.
        if order.get(at + 1).is_some_and(|next| scores[*next] == scores[i]) {
            continue;
        }
        let now = f64::min(1.0, hits / positive) * met / runs.len() as f64;
        let rate = (told - hits) / negative;
        areas.pr += (now - recall) * hits / told;
        areas.roc += (rate - false_rate) * (now + recall) / 2.0;
        (recall, false_rate) = (now, rate);
    }
    areas.roc += (1.0 - false_rate) * (1.0 + recall) / 2.0;
    areas
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detector::metrics::average_precision;

    fn labels(text: &str) -> Vec<bool> {
        text.chars().map(|c| c == '1').collect()
    }

    #[test]
    fn runs_are_found() {
        assert_eq!(ranges(&labels("0110100")), [1..3, 4..5]);
        assert_eq!(ranges(&labels("111")), vec![0..3]);
        assert!(ranges(&labels("")).is_empty());
    }

    #[test]
    fn range_recall_and_precision_come_out_as_by_hand() {
        let flat = RangeOptions::default();
        let real = labels("1111000011");
        // The first range is met by 3 of 4 rows in two pieces: ½ · ¾; the second whole.
        let predicted = labels("1101000111");
        assert_eq!(range_recall(&real, &predicted, flat), Some((0.375 + 1.0) / 2.0));
        // Pieces predicted: 11 right, 1 right, 111 with two of three.
        assert_eq!(range_precision(&real, &predicted, flat), Some((1.0 + 1.0 + 2.0 / 3.0) / 3.0));
        let existence = RangeOptions { existence: 0.5, ..flat };
        assert_eq!(range_recall(&real, &predicted, existence), Some((0.5 + 0.5 * 0.375 + 1.0) / 2.0));
        assert_eq!(range_precision(&real, &predicted, existence), range_precision(&real, &predicted, flat));
        let of = |bias, text| range_recall(&labels("1111"), &labels(text), RangeOptions { existence: 0.0, bias });
        assert_eq!(of(PositionalBias::Front, "1000"), Some(0.4));
        assert_eq!(of(PositionalBias::Back, "1000"), Some(0.1));
        assert_eq!(of(PositionalBias::Middle, "0110"), Some(4.0 / 6.0));
        // A predicted range that meets two real ones is halved.
        assert_eq!(range_precision(&labels("101"), &labels("111"), flat), Some(1.0 / 3.0));
        assert_eq!(range_recall(&labels("000"), &labels("010"), flat), None);
        assert_eq!(range_precision(&labels("010"), &labels("000"), flat), None);
        assert_eq!(harmonic_mean(0.0, 0.0), 0.0);
        assert_eq!(harmonic_mean(1.0, 0.5), 2.0 / 3.0);
    }

    #[test]
    fn points_as_ranges_of_one_row_give_ordinary_recall_and_precision() {
        let (real, predicted) = (labels("0101010001"), labels("0100010100"));
        let flat = RangeOptions::default();
        assert_eq!(range_recall(&real, &predicted, flat), Some(0.5));
        assert_eq!(range_precision(&real, &predicted, flat), Some(2.0 / 3.0));
    }

    #[test]
    fn volumes_come_out_as_by_hand() {
        // No buffer, one range: recall as always, so that PR is average precision.
        let scores = [0.1, 0.9, 0.8, 0.2];
        let none = volumes(&scores, &labels("0010"), 0).unwrap();
        assert_eq!(none.pr, 0.5);
        // Told: row 1 (miss), row 2 (hit), the rest: area left of rate 1/3 is 0, then 1 up to 1.
        assert!((none.roc - 2.0 / 3.0).abs() < 1e-12, "{none:?}");
        // ℓ = 2: rows 1 and 3 are anomalies by √½. P = (1 + 1 + 2√½)/2 = 1 + √½; row 1: TP √½, precision √½; row 2: TP
        // 1 + √½ of 2 told, recall 1.
        let half = 0.5_f64.sqrt();
        let soft = soft_labels(&labels("0010"), 2);
        assert_eq!(soft, [0.0, half, 1.0, half]);
        let first = half / (1.0 + half);
        let expected = first * half + (1.0 - first) * (1.0 + half) / 2.0;
        let with_two = volumes(&scores, &labels("0010"), 2).unwrap();
        // ℓ = 1 has no rows within ⌊1/2⌋ = 0.
        assert!((with_two.pr - (0.5 + 0.5 + expected) / 3.0).abs() < 1e-12, "{with_two:?}");
        assert_eq!(volumes(&scores, &labels("0000"), 4), None);
        assert_eq!(volumes(&scores, &labels("1111"), 4), None);
        // A range that is missed costs recall as a whole: met 1 of 2 at half the rows told.
        let two = volumes(&[0.9, 0.1, 0.2, 0.0], &labels("1001"), 0).unwrap();
        assert!((two.pr - (0.25 + 0.75 * 0.5)).abs() < 1e-12, "{two:?}");
    }

    /// The definition, threshold by threshold.
    fn by_definition(scores: &[f64], y: &[bool], longest: usize) -> (f64, f64) {
        let n = scores.len() as f64;
        let mut thresholds: Vec<f64> = scores.to_vec();
        thresholds.sort_by(|a, b| b.total_cmp(a));
        thresholds.dedup();
        let (mut pr, mut roc) = (0.0, 0.0);
        for l in 0..=longest {
            let soft: Vec<f64> = (0..y.len())
                .map(|i| {
                    let away = |r: &Range<usize>| if i < r.start { r.start - i } else { (i + 1).saturating_sub(r.end) };
                    let near = ranges(y).into_iter().map(|r| away(&r)).filter(|k| *k <= l / 2);
                    near.map(|k| if k == 0 { 1.0 } else { (1.0 - k as f64 / l as f64).sqrt() }).sum::<f64>().min(1.0)
                })
                .collect();
            let runs = ranges(&soft.iter().map(|s| *s > 0.0).collect::<Vec<_>>());
            let hard = y.iter().filter(|l| **l).count() as f64;
            let p = (hard + soft.iter().sum::<f64>()) / 2.0;
            let mut last = (0.0, 0.0);
            for t in &thresholds {
                let told: Vec<usize> = (0..y.len()).filter(|i| scores[*i] >= *t).collect();
                let tp: f64 = told.iter().map(|i| soft[*i]).sum();
                let met = runs.iter().filter(|r| told.iter().any(|i| r.contains(i))).count() as f64;
                let recall = (tp / p).min(1.0) * met / runs.len() as f64;
                let rate = (told.len() as f64 - tp) / (n - p);
                pr += (recall - last.0) * tp / told.len() as f64;
                roc += (rate - last.1) * (recall + last.0) / 2.0;
                last = (recall, rate);
            }
            roc += (1.0 - last.1) * (1.0 + last.0) / 2.0;
        }
        (pr / (longest + 1) as f64, roc / (longest + 1) as f64)
    }

    fn overlap_by_definition(of: &[bool], by: &[bool], bias: PositionalBias) -> Option<f64> {
        let (of, by) = (ranges(of), ranges(by));
        let mut sum = 0.0;
        for a in &of {
            let meets: Vec<_> = by.iter().filter(|b| b.start < a.end && a.start < b.end).collect();
            let mut reward = 0.0;
            for b in &meets {
                let (mut mine, mut all) = (0.0, 0.0);
                for i in a.clone() {
                    let w = bias.weight(i - a.start, a.len());
                    all += w;
                    mine += if b.contains(&i) { w } else { 0.0 };
                }
                reward += mine / all;
            }
            sum += reward / meets.len().max(1) as f64;
        }
        (!of.is_empty()).then(|| sum / of.len() as f64)
    }

    proptest! {
        #[test]
        fn volumes_are_their_definition(rows in prop::collection::vec((0_u8..7, prop::bool::weighted(0.3)), 1..40), longest in 0_usize..12) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let y: Vec<bool> = rows.iter().map(|r| r.1).collect();
            if let Some(got) = volumes(&scores, &y, longest) {
                let (pr, roc) = by_definition(&scores, &y, longest);
                prop_assert!((got.pr - pr).abs() < 1e-9 && (got.roc - roc).abs() < 1e-9, "{got:?} {pr} {roc}");
                prop_assert!((0.0..=1.0 + 1e-12).contains(&got.pr) && (0.0..=1.0 + 1e-12).contains(&got.roc));
                if longest == 0 && ranges(&y).len() == 1 && y.iter().filter(|l| **l).count() == 1 {
                    prop_assert!((got.pr - average_precision(&scores, &y).unwrap()).abs() < 1e-12);
                }
            }
        }

        #[test]
        fn range_metrics_are_their_definition(rows in prop::collection::vec((any::<bool>(), any::<bool>()), 1..40)) {
            let real: Vec<bool> = rows.iter().map(|r| r.0).collect();
            let predicted: Vec<bool> = rows.iter().map(|r| r.1).collect();
            for bias in [PositionalBias::Flat, PositionalBias::Front, PositionalBias::Middle, PositionalBias::Back] {
                let options = RangeOptions { existence: 0.0, bias };
                let pairs = [
                    (range_recall(&real, &predicted, options), overlap_by_definition(&real, &predicted, bias)),
                    (range_precision(&real, &predicted, options), overlap_by_definition(&predicted, &real, bias)),
                ];
                for (got, expected) in pairs {
                    match (got, expected) {
                        (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-12),
                        (a, b) => prop_assert_eq!(a, b),
                    }
                }
            }
        }
    }
}
