//! What a detector of pictures is worth where labels, and masks of the odd pixels, are known.
//!
//! Pixels are counted in bins of their scores, at 2,048 bins for each factor of two: what is of one bin is taken as equal, and
//! any number of pictures takes 24 MiB. PRO is the per-region overlap (Bergmann et al. 2020): at a threshold, the share of
//! each marked region that lies above it, the mean over regions; its area over the false positive rate of pixels from 0 to 0.3,
//! divided by 0.3.

use serde::{Deserialize, Serialize};

use super::ImageDetector;
use super::map::HeatMap;
use super::regions::regions;
use crate::detector::evaluation::{Statistic, estimate};
use crate::detector::metrics::{Counts, Estimate, Share, auroc, average_precision};

/// Bits of a number that bins leave out.
const LEFT_OUT: u32 = 12;
const BINS: usize = 1 << (32 - LEFT_OUT);
/// The highest false positive rate that PRO looks at.
pub const PRO_LIMIT: f64 = 0.3;

/// Counts of pixels by their scores.
#[derive(Debug, Clone)]
pub struct PixelMeter {
    /// Pixels that are not marked.
    ordinary: Vec<u64>,
    /// Marked pixels.
    marked: Vec<u64>,
    /// Marked pixels, each one over the size of its region.
    shares: Vec<f64>,
    n_regions: u64,
}

impl Default for PixelMeter {
    fn default() -> Self {
        PixelMeter { ordinary: vec![0; BINS], marked: vec![0; BINS], shares: vec![0.0; BINS], n_regions: 0 }
    }
}

/// The bin of a score: ascending with it.
fn bin(score: f32) -> usize {
    let bits = (score + 0.0).to_bits();
    let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    (ordered >> LEFT_OUT) as usize
}

impl PixelMeter {
    /// Counts the pixels of a map; `marked` says which of them are odd, none where there is no mask.
    ///
    /// # Panics
    /// If the mask has another number of pixels.
    pub fn add(&mut self, map: &HeatMap, marked: Option<&[bool]>) {
        let Some(marked) = marked else {
            map.values.iter().for_each(|v| self.ordinary[bin(*v)] += 1);
            return;
        };
        assert_eq!(marked.len(), map.values.len(), "one mark a pixel");
        let (numbers, n) = regions(marked, map.width);
        let mut sizes = vec![0_u64; n + 1];
        numbers.iter().for_each(|number| sizes[*number as usize] += 1);
        for (value, number) in map.values.iter().zip(numbers) {
            let bin = bin(*value);
            if number == 0 {
                self.ordinary[bin] += 1;
            } else {
                self.marked[bin] += 1;
                self.shares[bin] += 1.0 / sizes[number as usize] as f64;
            }
        }
        self.n_regions += n as u64;
    }

    /// Marked regions so far.
    pub fn n_regions(&self) -> u64 {
        self.n_regions
    }

    /// Area under the ROC curve of pixels; `None` without a marked or without another pixel.
    pub fn auroc(&self) -> Option<f64> {
        let (mut pairs, mut below) = (0.0, 0.0);
        for (ordinary, marked) in self.ordinary.iter().zip(&self.marked) {
            pairs += *marked as f64 * (below + 0.5 * *ordinary as f64);
            below += *ordinary as f64;
        }
        let marked: u64 = self.marked.iter().sum();
        (marked > 0 && below > 0.0).then(|| pairs / (marked as f64 * below))
    }

    /// PRO up to a false positive rate of [`PRO_LIMIT`]; `None` as [`auroc`](Self::auroc).
    pub fn pro(&self) -> Option<f64> {
        let ordinary: u64 = self.ordinary.iter().sum();
        if ordinary == 0 || self.n_regions == 0 {
            return None;
        }
        let (mut area, mut rate, mut overlap, mut above) = (0.0, 0.0, 0.0, 0_u64);
        for (here, share) in self.ordinary.iter().zip(&self.shares).rev() {
            if *here == 0 && *share == 0.0 {
                continue;
            }
            above += here;
            let (next_rate, next) = (above as f64 / ordinary as f64, overlap + share / self.n_regions as f64);
            if next_rate >= PRO_LIMIT {
                let part = (PRO_LIMIT - rate) / (next_rate - rate);
                area += (PRO_LIMIT - rate) * (overlap + 0.5 * part * (next - overlap));
                return Some(area / PRO_LIMIT);
            }
            area += (next_rate - rate) * 0.5 * (overlap + next);
            (rate, overlap) = (next_rate, next);
        }
        Some(area / PRO_LIMIT)
    }
}

/// Numbers that judge a detector of pictures. Those that are not defined, such as an AUROC without anomalies, are `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageEvaluation {
    /// What the pictures are called.
    pub data: String,
    /// Pictures judged.
    pub pictures: usize,
    /// Pictures labelled as anomalies.
    pub anomalies: usize,
    /// Area under the ROC curve of pictures, with a bootstrap interval.
    pub auroc: Option<Estimate>,
    /// Average precision of pictures, with a bootstrap interval.
    pub average_precision: Option<Estimate>,
    /// The threshold.
    pub threshold: f64,
    /// Its rule, in words.
    pub threshold_rule: String,
    /// Pictures against labels at the threshold.
    pub counts: Counts,
    /// F1 at the threshold, with a bootstrap interval.
    pub f1: Option<Estimate>,
    /// Recall at the threshold, with Wilson's interval.
    pub recall: Option<Share>,
    /// Precision at the threshold, with Wilson's interval.
    pub precision: Option<Share>,
    /// Where there are masks: area under the ROC curve of pixels.
    pub pixel_auroc: Option<f64>,
    /// Where there are masks: PRO up to a false positive rate of 0.3.
    pub pro: Option<f64>,
    /// Marked regions.
    pub regions: u64,
    /// Anomalous pictures without a mask, whose pixels are not counted.
    pub without_mask: usize,
}

/// Judges the scores that `detector` gave pictures called `data` against their labels; `pixels` has counted their pixels,
/// but those of so many anomalous pictures `without_mask`.
///
/// # Panics
/// When there are not as many labels as scores.
pub fn evaluate_images(
    detector: &ImageDetector,
    data: &str,
    (scores, is_anomaly): (&[f64], &[bool]),
    (pixels, without_mask): (&PixelMeter, usize),
) -> ImageEvaluation {
    let estimate = |statistic: &Statistic<'_>| estimate(scores, is_anomaly, statistic);
    let threshold = detector.threshold();
    let counts = Counts::at(threshold, scores, is_anomaly);
    ImageEvaluation {
        data: data.to_owned(),
        pictures: scores.len(),
        anomalies: is_anomaly.iter().filter(|label| **label).count(),
        auroc: estimate(&auroc),
        average_precision: estimate(&average_precision),
        threshold,
        threshold_rule: detector.threshold_rule().to_string(),
        counts,
        f1: estimate(&|s, y| Counts::at(threshold, s, y).f1()),
        recall: counts.recall(),
        precision: counts.precision(),
        pixel_auroc: pixels.auroc(),
        pro: pixels.pro(),
        regions: pixels.n_regions(),
        without_mask,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detector::metrics::auroc;

    #[test]
    fn bins_ascend_with_scores() {
        let scores = [f32::NEG_INFINITY, -5.0, -1e-3, 0.0, 1e-30, 0.5, 0.501, 7.0, f32::MAX];
        assert!(scores.windows(2).all(|pair| bin(pair[0]) < bin(pair[1])));
        assert_eq!(bin(-0.0), bin(0.0));
    }

    #[test]
    fn auroc_of_pixels_is_that_of_their_scores() {
        let mut meter = PixelMeter::default();
        let (mut scores, mut labels) = (vec![], vec![]);
        for picture in 0..3 {
            let values: Vec<f32> = (0..48).map(|i| ((i * 29 + picture * 7) % 53) as f32 - 20.0).collect();
            let marked: Vec<bool> = values.iter().enumerate().map(|(i, v)| i % 5 == 0 && *v > -9.0).collect();
            scores.extend(values.iter().map(|v| f64::from(*v)));
            labels.extend(&marked);
            meter.add(&HeatMap { height: 6, width: 8, values }, Some(&marked));
        }
        assert!((meter.auroc().unwrap() - auroc(&scores, &labels).unwrap()).abs() < 1e-12);
    }

    #[test]
    fn pro_counts_small_regions_as_large_ones() {
        // Of two regions the large one (4 pixels) is found before any false positive, the small one (1) never.
        let values = vec![9.0, 9.0, 0.5, 0.1, 9.0, 9.0, 0.4, 0.3, 0.6, 0.7, 0.8, 0.2];
        let marked = [true, true, false, true, true, true, false, false, false, false, false, false];
        let mut meter = PixelMeter::default();
        meter.add(&HeatMap { height: 3, width: 4, values }, Some(&marked));
        assert_eq!(meter.n_regions(), 2);
        assert!((meter.pro().unwrap() - 0.5).abs() < 1e-12, "{:?}", meter.pro());
        let mut perfect = PixelMeter::default();
        perfect.add(
            &HeatMap { height: 1, width: 4, values: vec![0.0, 2.0, 0.1, 0.2] },
            Some(&[false, true, false, false]),
        );
        assert_eq!((perfect.pro(), perfect.auroc()), (Some(1.0), Some(1.0)));
        let mut none = PixelMeter::default();
        none.add(&HeatMap { height: 1, width: 2, values: vec![0.0, 1.0] }, None);
        assert_eq!((none.pro(), none.auroc()), (None, None));
    }
}
