//! `cae inspect` of a detector of pictures.

use contractive_anomaly::detector::DetectorSettings;
use contractive_anomaly::images::{ImageDetector, ImageSpec};
use serde::Serialize;

use crate::image_training::scales_in_words;
use crate::introduction::network;
use crate::numbers::{count, grouped, percent, significant};
use crate::table::pairs;

/// A detector of pictures in words and numbers.
#[derive(Serialize)]
pub(super) struct ImageDetectorRecord<'a> {
    kind: &'static str,
    training_pictures: usize,
    /// Pictures that the threshold's rule is applied to, and whether nothing was learnt from them.
    reference_pictures: usize,
    is_held_out: bool,
    version: String,
    channels: usize,
    spec: &'a ImageSpec,
    settings: &'a DetectorSettings,
    networks: Vec<Network<'a>>,
    /// Training patches among which neighbours are looked for, at each scale.
    banked: Vec<usize>,
    threshold: f64,
    rule: String,
    share_above: f64,
    pixel_level: f64,
}

#[derive(Serialize)]
struct Network<'a> {
    /// The factor that pictures are made smaller by.
    scale: usize,
    architecture: &'a contractive_core::Architecture,
}

impl<'a> ImageDetectorRecord<'a> {
    pub(super) fn of(detector: &'a ImageDetector) -> Self {
        let networks = detector.networks().map(|(scale, model)| Network { scale, architecture: model.architecture() });
        let version = detector.networks().next().map(|(_, model)| model.provenance().version.clone());
        ImageDetectorRecord {
            kind: "image_detector",
            training_pictures: detector.n_training_pictures(),
            reference_pictures: detector.n_reference(),
            is_held_out: detector.is_held_out(),
            version: version.unwrap_or_default(),
            channels: detector.channels(),
            spec: detector.spec(),
            settings: detector.settings(),
            networks: networks.collect(),
            banked: detector.n_banked(),
            threshold: detector.threshold(),
            rule: detector.threshold_rule().to_string(),
            share_above: detector.share_above(detector.threshold()),
            pixel_level: detector.pixel_level(),
        }
    }

    pub(super) fn in_words(&self) -> String {
        let spec = self.spec;
        let colour = if self.channels == 3 { "in colour" } else { "in grey" };
        let size = spec.size.map_or("their own size".into(), |size| format!("{} x {}", size.width, size.height));
        let networks = self.networks.iter().map(|n| format!("{} at 1/{}", network(n.architecture), n.scale));
        let banked: Vec<String> = self.banked.iter().map(|n| grouped(*n)).collect();
        let banked = banked.join(" and ");
        let (kept, score, picture) = match spec.whole {
            true => (
                format!("wholes, edges in cells of {0} x {0}, one every {1}", spec.patch, spec.stride),
                format!("nearest, of {banked} training pictures"),
                "distance of its outline".to_owned(),
            ),
            false => (
                format!("{0} x {0}, one every {1}, at scales {2}", spec.patch, spec.stride, scales_in_words(spec)),
                format!("{}, of {banked} training patches", spec.score.name()),
                format!("mean of the highest {} of its pixels", percent(spec.top_share)),
            ),
        };
        let above = (self.share_above * self.reference_pictures as f64).round() as usize;
        let of = if self.is_held_out { "held out" } else { "trained on" };
        pairs(&[
            ("detector", "of pictures".into()),
            ("trained on", format!("{}, by version {}", count(self.training_pictures, "picture"), self.version)),
            ("pictures", format!("{colour}, {size}")),
            ("patches", kept),
            ("networks", networks.collect::<Vec<String>>().join("; ")),
            ("contraction", significant(self.settings.contraction, 4)),
            ("score", score),
            ("picture", picture),
            (
                "threshold",
                format!(
                    "{} ({}): {} of {} pictures {of} above it",
                    significant(self.threshold, 5),
                    self.rule,
                    grouped(above),
                    grouped(self.reference_pictures)
                ),
            ),
            ("odd pixel", format!("above {}", significant(self.pixel_level, 4))),
        ])
    }
}
