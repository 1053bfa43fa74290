//! A detector of drawn textures.

use std::sync::LazyLock;

use contractive_core::patches::PictureShape;
use contractive_core::random::{Purpose, Stream};
use contractive_pictures::Picture;

use super::*;
use crate::detector::TrainOptions;

const SIDE: usize = 48;

/// A weave with noise; a picture of a seed.
fn weave(seed: u64, side: usize, channels: usize) -> Picture {
    let shape = PictureShape { height: side, width: side, channels };
    let mut stream = Stream::new(seed, Purpose::Analysis, 0, 0);
    let phase = stream.uniform() * 8.0;
    let mut pixels = Vec::with_capacity(shape.n_values());
    for y in 0..side {
        for x in 0..side {
            let wave = ((x as f64 + phase) * 0.8).sin() + ((y as f64 + phase) * 0.8).sin();
            for c in 0..channels {
                let v = 120.0 + 40.0 * wave + 10.0 * c as f64 + 12.0 * (stream.uniform() - 0.5);
                pixels.push(v.clamp(0.0, 255.0) as u8);
            }
        }
    }
    Picture { shape, pixels }
}

/// The same with a scratch, and which pixels it covers.
fn scratched(seed: u64, side: usize, channels: usize) -> (Picture, Vec<bool>) {
    let mut picture = weave(seed, side, channels);
    let mut marked = vec![false; side * side];
    for i in 10..34 {
        for w in 0..3 {
            let at = (i + 6) * side + i + w;
            marked[at] = true;
            picture.pixels[at * channels..][..channels].fill(235);
        }
    }
    (picture, marked)
}

fn good(n: u64, side: usize, channels: usize) -> PicturesInMemory {
    PicturesInMemory { what: "weaves".into(), pictures: (0..n).map(|seed| weave(seed, side, channels)).collect() }
}

fn spec() -> ImageSpec {
    ImageSpec { scales: vec![1, 2], bank: 200, ..ImageSpec::default() }.with_patch(8)
}

fn settings() -> DetectorSettings {
    DetectorSettings { steps: Some(60), ..ImageDetector::default_settings() }
}

fn trained(threads: usize) -> ImageDetector {
    let options = TrainOptions { threads, ..TrainOptions::default() };
    ImageDetector::train(&good(20, SIDE, 1), &spec(), &settings(), &options).unwrap()
}

/// One for all tests.
static ONE: LazyLock<ImageDetector> = LazyLock::new(|| trained(1));

#[test]
fn a_scratch_is_found_where_it_is() {
    let detector = &*ONE;
    assert!(detector.is_held_out() && detector.n_reference() == 3 && detector.n_training_pictures() == 20);
    let mut meter = evaluation::PixelMeter::default();
    for seed in 100..103 {
        let (picture, marked) = scratched(seed, SIDE, 1);
        let scored = detector.score(&picture).unwrap();
        assert!(scored.is_anomaly && scored.probability > 0.5, "{} of {}", scored.score, detector.threshold());
        let ordinary = detector.score(&weave(seed, SIDE, 1)).unwrap();
        assert!(ordinary.score < scored.score / 2.0, "{} beside {}", ordinary.score, scored.score);
        meter.add(&scored.map, Some(&marked));
    }
    assert!(meter.auroc().unwrap() > 0.97, "{:?}", meter.auroc());
    assert!(meter.pro().unwrap() > 0.8, "{:?}", meter.pro());
}

#[test]
fn threads_change_no_bit_and_a_directory_gives_all_back() {
    let (one, three) = (ONE.clone(), trained(3));
    assert_eq!(one, three);
    let source = PicturesInMemory { what: "some".into(), pictures: (50..59).map(|s| weave(s, SIDE, 1)).collect() };
    let scores = |detector: &ImageDetector, threads: usize| {
        let mut all = Vec::new();
        let order = (0..9).rev().collect();
        detector
            .score_each(&source, order, threads, &mut |scored| {
                all.push((scored.place, scored.score, scored.map));
                true
            })
            .unwrap();
        all
    };
    assert_eq!(scores(&one, 1), scores(&one, 4));
    assert_eq!(scores(&one, 1)[0].0, 8);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d");
    one.save(&path).unwrap();
    assert!(is_image_detector(&path) && !crate::detector::is_detector(&path));
    let mut back = ImageDetector::load(&path).unwrap();
    assert_eq!(back, one);
    back.set_threshold(ThresholdRule::Value { threshold: 2.5 }).unwrap();
    back.save_threshold(&path).unwrap();
    assert_eq!(ImageDetector::load(&path).unwrap().threshold(), 2.5);
    back.save(&path).unwrap();
}

#[test]
fn colour_sizes_and_places_go_along() {
    let spec = ImageSpec { position: 1.0, ..spec() };
    let mut source = good(4, 32, 3);
    source.pictures.push(weave(9, 48, 3));
    let detector = ImageDetector::train(&source, &spec, &settings(), &TrainOptions::default()).unwrap();
    assert!(!detector.is_held_out() && detector.n_reference() == 5);
    let scored = detector.score(&weave(30, 40, 3)).unwrap();
    assert_eq!((scored.map.height, scored.map.width, scored.map.values.len()), (40, 40, 40 * 40));
    assert!(matches!(detector.score(&weave(1, 48, 1)), Err(ImageError::Channels { .. })));
    assert!(matches!(detector.score(&weave(1, 7, 3)), Err(ImageError::TooSmall { .. })));
}

#[test]
fn what_cannot_be_learnt_from_is_refused() {
    let train = |source: &PicturesInMemory, spec: &ImageSpec| {
        ImageDetector::train(source, spec, &settings(), &TrainOptions::default()).unwrap_err()
    };
    assert!(matches!(train(&good(1, 32, 1), &spec()), ImageError::TooFew { .. }));
    for bad in [
        ImageSpec { stride: 9, ..spec() },
        ImageSpec { scales: vec![2, 1], ..spec() },
        ImageSpec { top_share: 0.0, ..spec() },
        ImageSpec { smooth: f64::NAN, ..spec() },
        ImageSpec { bank: 0, ..spec() },
    ] {
        assert!(matches!(train(&good(2, 32, 1), &bad), ImageError::Setting { .. }), "{bad:?}");
    }
}

#[test]
fn damaged_directories_are_refused() {
    let detector = &*ONE;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d");
    detector.save(&path).unwrap();
    let config = path.join("config.json");
    let whole: serde_json::Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    for (at, value) in [
        ("/format_version", 2.into()),
        ("/channels", 3.into()),
        ("/spec/patch", 9.into()),
        ("/spec/stride", 0.into()),
        ("/scales/0/bank", 7.into()),
        ("/scales/1/width", 9.into()),
        ("/scales/1/place", (-1.0).into()),
        ("/scales/0/unit", serde_json::json!({"median": 0.0, "tail": 5e-324})),
        ("/scales/0/unit", serde_json::json!({"median": 0.0, "tail": 1e-10})),
        ("/scales/1/unit", serde_json::json!({"median": 1e300, "tail": 1.000000000000001e300})),
        ("/reference", serde_json::json!([2.0, 1.0])),
        ("/kind", "detector".into()),
    ] {
        let mut other = whole.clone();
        *other.pointer_mut(at).unwrap() = value;
        std::fs::write(&config, other.to_string()).unwrap();
        assert!(ImageDetector::load(&path).is_err(), "{at}");
    }
    std::fs::write(&config, whole.to_string()).unwrap();
    let patches = path.join("scale-2/patches.safetensors");
    let bytes = std::fs::read(&patches).unwrap();
    std::fs::write(&patches, &bytes[..bytes.len() - 4]).unwrap();
    assert!(ImageDetector::load(&path).is_err());
}

#[test]
fn a_score_or_a_map_that_is_not_finite_is_an_error_that_names_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d");
    ONE.save(&path).unwrap();
    let source = good(2, SIDE, 1);
    for (file, at, value) in [
        ("scale-1/member-0/config.json", "/preprocessing/factor/0", 1e-300),
        ("scale-2/member-0/config.json", "/preprocessing/offset/3", 1e300),
    ] {
        let whole = std::fs::read(path.join(file)).unwrap();
        let mut edited: serde_json::Value = serde_json::from_slice(&whole).unwrap();
        *edited.pointer_mut(at).unwrap() = value.into();
        std::fs::write(path.join(file), edited.to_string()).unwrap();
        let detector = ImageDetector::load(&path).unwrap();
        let error = detector.score_each(&source, vec![1, 0], 2, &mut |_| true).unwrap_err();
        assert!(matches!(error, ImageError::NotFinite { .. }), "{at}: {error}");
        let (first, error) = (source.name(1), error.to_string());
        assert!(error.starts_with(&format!("{first}: ")), "{at}: {error}");
        let map = detector.scorer().unwrap().map(&source.pictures[0], "it").unwrap_err();
        assert!(matches!(map, ImageError::NotFinite { .. }), "{at}: {map}");
        std::fs::write(path.join(file), whole).unwrap();
    }
    // Units learnt where quantiles are alike, of whatever size, are read again.
    for size in [0.0, 1.0, 1e12] {
        assert!(scale::TailUnit::of(&mut [size; 4]).is_valid(), "{size}");
    }
}

/// A ring, or a square where it is none, at nearly the same place.
fn drawn(seed: u64, is_ring: bool) -> Picture {
    const N: usize = 24;
    let mut stream = Stream::new(seed, Purpose::Analysis, 1, 0);
    let (cx, cy, size) = (11.0 + 2.0 * stream.uniform(), 11.0 + 2.0 * stream.uniform(), 7.0 + 2.0 * stream.uniform());
    let light = 120.0 + 100.0 * stream.uniform();
    let pixel = |i: usize| {
        let (x, y) = ((i % N) as f64 - cx, (i / N) as f64 - cy);
        let far = if is_ring { x.hypot(y) } else { x.abs().max(y.abs()) };
        if (far - size).abs() < 1.5 { light as u8 } else { 10 }
    };
    Picture { shape: PictureShape::grey(N, N), pixels: (0..N * N).map(pixel).collect() }
}

#[test]
fn wholes_are_told_by_their_outline() {
    let pictures = (0..80).map(|seed| drawn(seed, true)).collect();
    let source = PicturesInMemory { what: "rings".into(), pictures };
    let spec = ImageSpec { smooth: 1.0, ..ImageSpec::whole() };
    let settings =
        DetectorSettings { steps: Some(100), hidden: Some(vec![48, 16]), ..ImageDetector::default_settings() };
    let train = |threads: usize| {
        let options = TrainOptions { threads, ..TrainOptions::default() };
        ImageDetector::train(&source, &spec, &settings, &options).unwrap()
    };
    let detector = train(1);
    assert_eq!(detector, train(2));
    assert_eq!(detector.networks().next().unwrap().1.architecture().code_size(), 16);
    for seed in 200..210 {
        let (ring, square) =
            (detector.score(&drawn(seed, true)).unwrap(), detector.score(&drawn(seed, false)).unwrap());
        assert!(square.is_anomaly && square.score > 2.0 * ring.score.max(1.0), "{} {}", square.score, ring.score);
        assert!(square.map.highest() > ring.map.highest());
    }
    let other = |height, width, channels| {
        let shape = PictureShape { height, width, channels };
        detector.score(&Picture { shape, pixels: vec![9; shape.n_values()] }).unwrap_err()
    };
    assert!(matches!(other(24, 25, 1), ImageError::Size { expected: (24, 24), got: (25, 24), .. }));
    assert!(matches!(other(24, 24, 3), ImageError::Channels { .. }));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d");
    detector.save(&path).unwrap();
    assert_eq!(ImageDetector::load(&path).unwrap(), detector);
    detector.save(&path).unwrap();
    let config = path.join("config.json");
    let stored: serde_json::Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    for (at, value) in [
        ("/spec/whole", false.into()),
        ("/whole/width", 1_000_000.into()),
        ("/whole/height", 25.into()),
        ("/whole/bank", 7.into()),
        ("/whole/spread", 0.0.into()),
        ("/whole/unit", serde_json::json!({"median": 0.0, "tail": 1e-300})),
        ("/whole/of_cells", serde_json::json!({"median": 0.0, "tail": 1e-40})),
        ("/whole", serde_json::Value::Null),
    ] {
        let mut other = stored.clone();
        *other.pointer_mut(at).unwrap() = value;
        std::fs::write(&config, other.to_string()).unwrap();
        assert!(ImageDetector::load(&path).is_err(), "{at}");
    }
}

#[test]
fn wholes_of_several_sizes_or_too_small_are_refused() {
    let train = |pictures: Vec<Picture>| {
        let source = PicturesInMemory { what: "some".into(), pictures };
        ImageDetector::train(&source, &ImageSpec::whole(), &settings(), &TrainOptions::default()).unwrap_err()
    };
    let flat = |side: usize| Picture { shape: PictureShape::grey(side, side), pixels: vec![7; side * side] };
    assert!(matches!(train(vec![flat(12), flat(12), flat(13)]), ImageError::Size { .. }));
    assert!(matches!(train(vec![flat(7), flat(7)]), ImageError::TooSmall { .. }));
    assert!(matches!(train(vec![flat(12); 9]), ImageError::TooFew { least: 10, got: 9, .. }));
}
