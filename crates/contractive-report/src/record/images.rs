//! What a page says of the pictures that a detector has scored: all scores, and the pictures that score highest.

use contractive_anomaly::detector::ThresholdRule;
use contractive_anomaly::images::{ImageDetector, ScoredPicture};

use crate::error::FigureError;
use crate::heat::{heat_map_png, outlined_png};

/// Most pictures shown.
const SHOWN: usize = 24;
/// Most pixels of a picture shown: beyond, it would make the page heavy.
const MOST_PIXELS: usize = 1 << 19;

/// A picture shown: its numbers, and PNG files of it and its map.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownPicture {
    /// Its name, relative to its folder.
    pub name: String,
    /// Its score.
    pub score: f64,
    /// The share of ordinary pictures that score lower.
    pub probability: f64,
    /// Whether the score is above the threshold.
    pub is_anomaly: bool,
    /// The picture with its odd regions outlined, a PNG; none where it is too large for a page.
    pub outlined: Vec<u8>,
    /// Its heat map, a PNG.
    pub heat: Vec<u8>,
}

/// All that a page of pictures says.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagesRecord {
    /// What the page is called.
    pub name: String,
    /// Where the pictures lie.
    pub place: String,
    /// Whether they are those that the detector was trained on.
    pub is_training: bool,
    /// Scores of all pictures, ascending.
    pub scores: Vec<f64>,
    /// Those in training that they are compared with, ascending.
    pub training_scores: Vec<f64>,
    /// Whether nothing was learnt from the pictures of those.
    pub is_held_out: bool,
    /// Pictures trained on.
    pub n_training: usize,
    /// Pictures above the threshold.
    pub anomalies: usize,
    /// The threshold, its rule, and the level of an odd pixel.
    pub threshold: f64,
    /// The threshold's rule.
    pub rule: ThresholdRule,
    /// What a pixel must score above to be odd.
    pub pixel_level: f64,
    /// What the networks look at, in words.
    pub looked_at: String,
    /// The pictures with the highest scores, the highest first.
    pub shown: Vec<ShownPicture>,
    /// Remarks, such as broken files that were passed over.
    pub notes: Vec<String>,
}

/// Watches pictures go by, and keeps the highest of them.
#[derive(Debug, Default)]
pub struct ImageMeter {
    scores: Vec<f64>,
    highest: Vec<(String, ScoredPicture)>,
}

impl ImageMeter {
    /// Takes note of a picture.
    pub fn add(&mut self, name: &str, scored: &ScoredPicture) {
        self.scores.push(scored.score);
        let lowest = self.highest.last().map_or(f64::NEG_INFINITY, |(_, last)| last.score);
        if self.highest.len() < SHOWN || scored.score > lowest {
            let at = self.highest.partition_point(|(_, other)| other.score >= scored.score);
            self.highest.insert(at, (name.to_owned(), scored.clone()));
            self.highest.truncate(SHOWN);
        }
    }

    /// The record of all that went by, by what `detector` says of it now.
    ///
    /// # Errors
    /// [`FigureError`] where a picture cannot be drawn.
    pub fn finish(
        mut self,
        detector: &ImageDetector,
        (name, place, is_training): (String, String, bool),
        notes: Vec<String>,
    ) -> Result<ImagesRecord, FigureError> {
        self.scores.sort_unstable_by(f64::total_cmp);
        let (threshold, level) = (detector.threshold(), detector.pixel_level());
        let shown = self.highest.into_iter().map(|(name, scored)| {
            let is_small = scored.map.values.len() <= MOST_PIXELS;
            let drawn = |png: Result<Vec<u8>, FigureError>| if is_small { png } else { Ok(Vec::new()) };
            Ok(ShownPicture {
                name,
                score: scored.score,
                probability: detector.probability(scored.score),
                is_anomaly: scored.score > threshold,
                outlined: drawn(outlined_png(&scored, level))?,
                heat: drawn(heat_map_png(&scored.map, level))?,
            })
        });
        Ok(ImagesRecord {
            name,
            place,
            is_training,
            training_scores: detector.reference().to_vec(),
            is_held_out: detector.is_held_out(),
            n_training: detector.n_training_pictures(),
            anomalies: self.scores.iter().filter(|score| **score > threshold).count(),
            threshold,
            rule: detector.threshold_rule(),
            pixel_level: level,
            looked_at: looked_at(detector),
            shown: shown.collect::<Result<_, FigureError>>()?,
            scores: self.scores,
            notes,
        })
    }
}

/// What the networks look at.
fn looked_at(detector: &ImageDetector) -> String {
    let spec = detector.spec();
    let scales: Vec<String> =
        spec.scales.iter().map(|s| if *s == 1 { "full size".into() } else { format!("1/{s}") }).collect();
    let colour = if detector.channels() == 3 { "in colour" } else { "in grey" };
    let what = format!("{0} × {0} pixels {colour}, one every {1}", spec.patch, spec.stride);
    match spec.whole {
        true => format!("the outlines of whole pictures, in cells of {what}"),
        false => format!("{what}, at {}", scales.join(" and ")),
    }
}
