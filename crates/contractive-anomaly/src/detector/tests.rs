//! Laws of whole detectors.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use contractive_core::random::{Purpose, Stream};

/// Rows near a curve in `d` dimensions, the last `far` of them away from it.
fn table(n: usize, d: usize, far: usize) -> Dataset {
    let mut stream = Stream::new(9, Purpose::Analysis, 0, 0);
    let mut noise = vec![0.0_f32; n * d];
    stream.fill_normal(&mut noise);
    let values = (0..n)
        .flat_map(|r| {
            let t = 6.0 * stream.uniform() as f32 - 3.0;
            let noise = &noise;
            (0..d).map(move |j| {
                let on = (t * (1.0 + j as f32 * 0.3)).sin() + 0.1 * noise[r * d + j];
                if r + far >= n { on + 4.0 * noise[r * d + j].signum() } else { on }
            })
        })
        .collect();
    Dataset::from_f32("curve", d, values).unwrap()
}

fn quick() -> DetectorSettings {
    DetectorSettings { ensemble: 2, steps: Some(120), ..Default::default() }
}

fn trained() -> &'static Detector {
    static DETECTOR: std::sync::OnceLock<Detector> = std::sync::OnceLock::new();
    DETECTOR.get_or_init(|| Detector::train(&table(400, 5, 12), &quick()).unwrap())
}

fn all(contributions: bool, threads: usize) -> ScoreOptions {
    ScoreOptions { contributions, threads }
}

#[test]
fn rows_away_from_the_rest_score_above_them_by_every_kind_but_the_jacobian_alone() {
    let data = table(400, 5, 12);
    let scores = trained().score(&data, &all(false, 2)).unwrap();
    let y: Vec<bool> = (0..400).map(|r| r >= 388).collect();
    for kind in ScoreKind::ALL {
        let auroc = metrics::auroc(scores.of(kind), &y).unwrap();
        let least = if kind == ScoreKind::Jacobian { 0.5 } else { 0.9 };
        assert!(auroc > least, "{}: {auroc}", kind.name());
    }
    assert!(scores.probability.iter().all(|p| *p > 0.0 && *p < 1.0));
    let flagged = scores.label.iter().filter(|l| **l).count();
    assert_eq!(flagged, 40, "contamination 0.1 of the rows trained on");
    let evaluation = evaluation::evaluate_scores(trained(), &scores, &y, "curve");
    assert_eq!(evaluation.counts.true_positives, 12);
    assert_eq!(evaluation.recall.unwrap().value, 1.0);
}

#[test]
fn rows_without_a_score_are_no_part_of_an_evaluation() {
    let mut scores = trained().score(&table(400, 5, 12), &all(false, 2)).unwrap();
    let mut y: Vec<bool> = (0..400).map(|r| r >= 388).collect();
    let expected = evaluation::evaluate_scores(trained(), &scores, &y, "curve");
    assert!(!serde_json::to_string(&expected).unwrap().contains("rows_without_score"));
    let mut more = scores.clone();
    more.score.iter_mut().chain(more.kinds.iter_mut().flatten()).for_each(|score| *score = f64::NAN);
    scores.append(more);
    y.extend([false; 400]);
    let evaluation = evaluation::evaluate_scores(trained(), &scores, &y, "curve");
    assert_eq!(evaluation.rows_without_score, 400);
    assert_eq!(evaluation::DetectorEvaluation { rows_without_score: 0, ..evaluation }, expected);
}

#[test]
fn rows_trained_on_score_the_same_later() {
    let data = table(60, 4, 3);
    let settings = DetectorSettings { ensemble: 3, steps: Some(40), ..Default::default() };
    let detector = Detector::train(&data, &settings).unwrap();
    let scores = detector.score(&data, &all(false, 1)).unwrap();
    for kind in ScoreKind::ALL {
        let mut later = scores.of(kind).to_vec();
        later.sort_unstable_by(f64::total_cmp);
        assert_eq!(later, detector.reference.0[kind as usize].training, "{}", kind.name());
    }
}

#[test]
fn contributions_add_up_to_the_score_of_every_kind() {
    let data = table(60, 5, 6);
    let mut detector = trained().clone();
    for kind in ScoreKind::ALL {
        detector.set_score(kind).unwrap();
        let scores = detector.score(&data, &all(true, 1)).unwrap();
        for r in 0..scores.len() {
            let sum: f64 = scores.contributions_of(r).unwrap().iter().sum();
            let score = scores.score[r];
            assert!((sum - score).abs() <= 1e-9 * score.abs().max(1.0), "{}: {sum} {score}", kind.name());
        }
        assert_eq!(scores.score, detector.score(&data, &all(false, 1)).unwrap().score, "with or without contributions");
    }
}

#[test]
fn the_feature_that_was_moved_is_blamed_most() {
    let data = table(400, 5, 0);
    let mut values = data.take(50).to_vec();
    for (r, row) in values.chunks_exact_mut(5).enumerate() {
        row[r % 5] += 8.0;
    }
    let moved = Dataset::from_f32("moved", 5, values).unwrap();
    let scores = trained().score(&moved, &all(true, 1)).unwrap();
    let right = (0..50)
        .filter(|r| {
            let parts = scores.contributions_of(*r).unwrap();
            (0..5).all(|j| parts[j] <= parts[r % 5])
        })
        .count();
    assert!(right >= 40, "{right} of 50");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_row_scores_the_same_to_the_bit_whatever_else_is_in_the_call(
        rows in prop::collection::vec(0_usize..300, 1..200), threads in 1_usize..4,
    ) {
        let data = table(300, 5, 12);
        let whole = trained().score(&data, &all(true, 2)).unwrap();
        let values = data.to_vec();
        let some: Vec<f32> = rows.iter().flat_map(|r| values[r * 5..][..5].to_vec()).collect();
        let part = trained().score(&Dataset::from_f32("part", 5, some).unwrap(), &all(true, threads)).unwrap();
        for (i, &r) in rows.iter().enumerate() {
            prop_assert_eq!(part.score[i].to_bits(), whole.score[r].to_bits());
            prop_assert_eq!(part.probability[i].to_bits(), whole.probability[r].to_bits());
            prop_assert_eq!(part.label[i], whole.label[r]);
            prop_assert_eq!(part.contributions_of(i).unwrap(), whole.contributions_of(r).unwrap());
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_for_any_number_of_threads() {
    let data = table(300, 4, 5);
    let train = |threads| {
        let settings = DetectorSettings { ensemble: 3, steps: Some(40), trim: 0.1, ..Default::default() };
        Detector::train_with(&data, &settings, &TrainOptions { threads, ..Default::default() }).unwrap()
    };
    let one = train(1);
    assert_eq!(one, train(2));
    assert_eq!(one, train(7));
    let models: Vec<_> = one.models().map(|m| m.parameters().values().to_vec()).collect();
    assert!(models[0] != models[1] && models[1] != models[2], "members differ");
}

#[test]
fn a_saved_detector_scores_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detector");
    trained().save(&path).unwrap();
    assert!(is_detector(&path));
    let loaded = Detector::load(&path).unwrap();
    assert_eq!(&loaded, trained());
    let data = table(50, 5, 5);
    let scores = |d: &Detector| d.score(&data, &all(true, 1)).unwrap();
    assert_eq!(scores(&loaded), scores(trained()));
    // Replaced by another detector, but nothing else is.
    loaded.save(&path).unwrap();
    assert!(loaded.save(folder.path().join("detector/member-0")).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary folder is left");
    // A member is a model like any other.
    assert_eq!(Model::load(path.join("member-1")).unwrap(), loaded.members[1].model);
}

/// A desk with the detector saved on it, that detector's place, its configuration's, and what stands there.
fn saved() -> (tempfile::TempDir, PathBuf, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detector");
    trained().save(&path).unwrap();
    let config = path.join("config.json");
    let whole = std::fs::read_to_string(&config).unwrap();
    (folder, path, config, whole)
}

#[cfg(unix)]
#[test]
fn members_that_are_one_file_are_refused() {
    let (_folder, path, ..) = saved();
    let links: [fn(&Path, &Path) -> std::io::Result<()>; 2] =
        [|from, to| std::fs::hard_link(from, to), |from, to| std::os::unix::fs::symlink(from, to)];
    for link in links {
        let second = path.join("member-1/model.safetensors");
        std::fs::remove_file(&second).unwrap();
        link(&path.join("member-0/model.safetensors"), &second).unwrap();
        let error = Detector::load(&path).unwrap_err().to_string();
        assert!(error.contains("member-1 are those of another"), "{error}");
    }
}

#[test]
fn hostile_files_are_refused_and_never_panic() {
    let (_folder, path, config, whole) = saved();
    let refused = |text: &str, word: &str| {
        std::fs::write(&config, text).unwrap();
        let error = Detector::load(&path).unwrap_err().to_string();
        assert!(error.contains(word), "{word} in {error}");
    };
    let change = |pointer: &str, value: serde_json::Value| {
        let mut json: serde_json::Value = serde_json::from_str(&whole).unwrap();
        *json.pointer_mut(pointer).unwrap() = value;
        json.to_string()
    };
    use serde_json::json;
    refused("", "EOF");
    refused("[1]", "kind");
    refused(&whole[..whole.len() / 2], "EOF");
    refused(&change("/format_version", json!(99)), "99");
    refused(&change("/kind", json!("model")), "kind");
    refused(&change("/threshold", json!(null)), "null");
    refused(&change("/settings/ensemble", json!(3)), "3 entries");
    refused(&change("/settings/trim", json!(7)), "trim");
    refused(&change("/weights/0", json!(0.9)), "weights");
    refused(&change("/weights", json!([1.0])), "");
    refused(&change("/reference/0/training", json!([])), "at least one");
    refused(&change("/reference/2/held_out", json!([2.0, 1.0])), "ascending");
    refused(&change("/reference", json!([])), "one entry a kind");
    refused(&change("/calibration/0/code/precision", json!([1.0])), "does not fit");
    refused(&change("/calibration/1/feature_error/0", json!(0.0)), "does not fit");
    refused(&change("/calibration/1/error/spread", json!(-1.0)), "does not fit");
    refused(&whole.replacen("\"median\":", "\"median\":1e999,\"x\":", 1), "");
    refused(&change("/surroundings/rows", json!(0)), "");
    refused(&change("/surroundings/rows", json!(u64::MAX)), "");
    refused(&change("/surroundings/rows", json!(399)), "shape");
    refused(&change("/surroundings/learnt/overlap", json!(400)), "do not fit");
    refused(&change("/surroundings/learnt/first", json!(5e-324)), "do not fit");
    refused(&change("/surroundings/learnt/terms/0/spread", json!(5e-324)), "do not fit");
    refused(&change("/surroundings/learnt/crowd", json!(1.5)), "do not fit");
    refused(&change("/surroundings/learnt/views/0/deviation", json!(-1.0)), "do not fit");
    refused(&change("/surroundings", json!(null)), "format 2");
    refused(&change("/format_version", json!(1)), "format 2");
    std::fs::write(&config, &whole).unwrap();
    let rows = std::fs::read(path.join("rows.safetensors")).unwrap();
    for damaged in [&rows[..rows.len() - 1], &[], &[rows.clone(), vec![0]].concat(), &[0xFF; 64]] {
        std::fs::write(path.join("rows.safetensors"), damaged).unwrap();
        assert!(Detector::load(&path).is_err());
    }
    let mut not_finite = rows.clone();
    let end = not_finite.len();
    not_finite[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(path.join("rows.safetensors"), &not_finite).unwrap();
    assert!(Detector::load(&path).unwrap_err().to_string().contains("finite"));
    std::fs::remove_file(path.join("rows.safetensors")).unwrap();
    assert!(Detector::load(&path).is_err());
    std::fs::write(path.join("rows.safetensors"), &rows).unwrap();
    std::fs::remove_dir_all(path.join("member-1")).unwrap();
    assert!(Detector::load(&path).is_err());
    assert!(Detector::load(Path::new("nowhere")).is_err());
    assert!(!is_detector(path.join("member-0")));
}

#[test]
fn scores_that_are_not_finite_are_an_error_that_names_the_row() {
    let (folder, path, config, whole) = saved();
    let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let csv = folder.path().join("new.csv");
    std::fs::write(&csv, "a,b,c,d,e\n0,0,0,0,0\n1,0,1,0,1\n").unwrap();
    // Some gave NaN, which is above no threshold: an ordinary row.
    for (at, value) in [
        ("/calibration/0/error/median", f64::MAX),
        ("/calibration/1/feature_error/2", 5e-324),
        ("/calibration/1/code/centre/0", 1e300),
        ("/surroundings/learnt/terms/0/median", f64::MAX),
        ("/surroundings/learnt/terms/2/median", -f64::MAX),
    ] {
        let mut edited = whole.clone();
        *edited.pointer_mut(at).unwrap() = value.into();
        std::fs::write(&config, edited.to_string()).unwrap();
        let detector = Detector::load(&path).unwrap();
        let error = detector.score(&table(300, 5, 0), &all(true, 2)).unwrap_err();
        assert!(matches!(error, DetectorError::NotFinite { row: 0, .. }), "{at}: {error}");
        let (scorer, mut frames) = FrameScorer::open(&detector, csv.as_path(), &Admission::default(), None).unwrap();
        let frame = contractive_table::Frame { first_row: 7000, ..frames.next().unwrap().unwrap() };
        let error = scorer.score(&frame, &all(false, 1)).unwrap_err().to_string();
        assert!(error.contains("new.csv row 7000 (from 0): the score `"), "{at}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_flipped_byte_of_the_configuration_is_read_or_refused_without_a_panic(at in any::<prop::sample::Index>(), to: u8) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("detector");
        trained().save(&path).unwrap();
        let mut bytes = std::fs::read(path.join("config.json")).unwrap();
        let i = at.index(bytes.len());
        bytes[i] = to;
        std::fs::write(path.join("config.json"), &bytes).unwrap();
        if let Ok(detector) = Detector::load(&path) {
            let _ = detector.score(&table(20, 5, 0), &all(true, 1));
        }
    }
}

#[test]
fn the_threshold_and_the_score_can_be_changed_after_training() {
    let data = table(400, 5, 12);
    let mut detector = trained().clone();
    let flagged = |d: &Detector| d.score(&data, &all(false, 1)).unwrap().label.iter().filter(|l| **l).count();
    let tenth = flagged(&detector);
    detector.set_threshold(ThresholdRule::Contamination { share: 0.03 }).unwrap();
    assert!(flagged(&detector) < tenth && flagged(&detector) >= 12);
    detector.set_threshold(ThresholdRule::Value { threshold: 1e9 }).unwrap();
    assert_eq!(flagged(&detector), 0);
    assert!(detector.set_threshold(ThresholdRule::Quantile { p: 2.0 }).is_err());
    assert_eq!(detector.threshold(), 1e9, "a refused rule changes nothing");
    detector.set_threshold(ThresholdRule::Contamination { share: 0.1 }).unwrap();
    detector.set_score(ScoreKind::Density).unwrap();
    assert_eq!(flagged(&detector), 40);
}

#[test]
fn awkward_tables_are_no_trouble_and_impossible_ones_are_named() {
    let constant = Dataset::from_f32("constant", 3, vec![1.5; 90]).unwrap();
    let one = Dataset::from_f32("one", 1, (0..40).map(|i| (i as f32).sin()).collect()).unwrap();
    let mut wild: Vec<f32> = (0..120).map(|i| (i as f32).cos()).collect();
    wild[7] = f32::MAX;
    wild[50] = -f32::MAX;
    let wild = Dataset::from_f32("wild", 3, wild).unwrap();
    for data in [&constant, &one, &wild] {
        let detector = Detector::train(data, &quick()).unwrap();
        let scores = detector.score(data, &all(true, 1)).unwrap();
        let finite = scores.kinds.iter().flatten().chain(scores.contributions.iter().flatten()).all(|v| v.is_finite());
        assert!(finite, "{}", data.name());
    }
    let few = Dataset::from_f32("few", 2, vec![0.0; 6]).unwrap();
    assert!(Detector::train(&few, &quick()).unwrap_err().to_string().contains("at least 10 rows"));
    let wide = Dataset::from_f32("wide", 6, vec![0.0; 12]).unwrap();
    assert!(matches!(trained().score(&wide, &all(false, 1)), Err(DetectorError::Columns(_))));
}

#[test]
fn the_time_budget_ends_training_with_a_detector() {
    let settings = DetectorSettings { steps: Some(1 << 30), time_budget: Some(0.05), ..quick() };
    let data = table(200, 5, 0);
    let detector = Detector::train(&data, &settings).unwrap();
    assert!(detector.score(&data, &all(false, 1)).unwrap().score.iter().all(|s| s.is_finite()));
}
