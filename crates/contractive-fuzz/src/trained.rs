//! Detectors, as little of them as there can be, and the tables that they were trained on.

use std::sync::OnceLock;

use contractive::encoding::{EncodingOptions, MissingRule, TrainingTable};
use contractive_anomaly::detector::{DetectorSettings, TrainOptions};
use contractive_anomaly::images::{ImageSpec, PicturesInMemory};
use contractive_anomaly::series::{Gaps, Missing, Series, SeriesColumns, SeriesSpec};
use contractive_anomaly::{Detector, ImageDetector, SeriesDetector};
use contractive_core::patches::PictureShape;
use contractive_pictures::Picture;

use crate::scratch;

/// A detector of a small table: `id`, `x`, `y` and `kind`.
pub(crate) fn detector() -> &'static Detector {
    static DETECTOR: OnceLock<Detector> = OnceLock::new();
    DETECTOR.get_or_init(|| {
        let path = scratch::file("training.csv", table().as_bytes());
        let options =
            EncodingOptions { keys: vec!["id".into()], missing: MissingRule::Median, ..EncodingOptions::default() };
        let table = TrainingTable::read(&path, &options).expect("the table can be read");
        Detector::train_table(table, &small(), &TrainOptions { threads: 1, ..TrainOptions::default() })
            .expect("a detector can be trained")
    })
}

/// As little of a detector as there can be.
pub(crate) fn small() -> DetectorSettings {
    DetectorSettings {
        ensemble: 1,
        steps: Some(3),
        hidden: Some(vec![2]),
        batch_size: 8,
        ..DetectorSettings::default()
    }
}

/// A table with a key, numbers, a category and holes.
pub(crate) fn table() -> String {
    let mut text = "id,x,y,kind\n".to_owned();
    for i in 0..24 {
        let (x, kind) = (f64::from(i * 7 % 11) / 4.0, ["a", "b", "c c"][i as usize % 3]);
        let y = if i % 9 == 4 { String::new() } else { format!("{}", i % 5) };
        text += &format!("k{i:02},{x},{y},{kind}\n");
    }
    text
}

/// A detector of series of `a` and `b`.
pub(crate) fn series_detector() -> &'static SeriesDetector {
    static DETECTOR: OnceLock<SeriesDetector> = OnceLock::new();
    DETECTOR.get_or_init(|| {
        let path = scratch::file("training-series.csv", series().as_bytes());
        let columns = SeriesColumns { time: Some("time".into()), ..SeriesColumns::default() };
        let read = Series::read(&path, &columns).expect("the series can be read");
        let spec = SeriesSpec {
            window: 4,
            missing: Missing::Previous,
            gaps: Gaps::Part,
            ..SeriesSpec::new("time", vec!["a".into(), "b".into()])
        };
        let options = TrainOptions { threads: 1, ..TrainOptions::default() };
        SeriesDetector::train(&read, &spec, &small(), &options).expect("a detector can be trained")
    })
}

/// A detector of pictures of one scale.
pub(crate) fn image_detector() -> ImageDetector {
    let shape = PictureShape { height: 12, width: 12, channels: 1 };
    let pixel = |i: usize, seed: usize| ((i * 7 + i / 12 * 5 + seed * 3) % 11 * 20) as u8;
    let picture = |seed| Picture { shape, pixels: (0..shape.n_pixels()).map(|i| pixel(i, seed)).collect() };
    let pictures = PicturesInMemory { what: "drawn".into(), pictures: (0..4).map(picture).collect() };
    let spec = ImageSpec { scales: vec![1], bank: 16, ..ImageSpec::default() }.with_patch(4);
    let options = TrainOptions { threads: 1, ..TrainOptions::default() };
    ImageDetector::train(&pictures, &spec, &small(), &options).expect("a detector can be trained")
}

/// A series with an even pace.
pub(crate) fn series() -> String {
    let mut text = "time,a,b\n".to_owned();
    for i in 0..24 {
        text += &format!("2024-02-29T{i:02}:00:00Z,{},{}\n", f64::from(i * 7 % 11) / 4.0, i % 5);
    }
    text
}
