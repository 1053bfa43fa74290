//! Laws of windows where rows are missing, and of the columns' parts in a score.

use super::*;

/// The rows of `series(n, spike)`, `missing` steps left out before row `at`, for each pair.
fn with_gaps(n: usize, spike: Option<usize>, gaps: &[(usize, u64)]) -> Series {
    let (mut shifted, mut late) = (String::new(), 0);
    for (i, line) in text(n, spike).lines().enumerate() {
        let Some(row) = i.checked_sub(1) else {
            shifted += &format!("{line}\n");
            continue;
        };
        late += gaps.iter().filter(|gap| gap.0 == row).map(|gap| gap.1 * MINUTE).sum::<u64>();
        let (_, cells) = line.split_once(',').unwrap();
        shifted += &format!("{},{cells}\n", row as u64 * MINUTE + late);
    }
    read(&shifted, &columns()).unwrap()
}

/// The rows from `from` to `to` alone.
fn part(series: &Series, from: usize, to: usize) -> Series {
    let mut part = series.clone();
    part.tracks[0].rows = (from..to).collect();
    part
}

#[test]
fn no_window_reaches_over_a_gap() {
    for detector in trained() {
        let series = with_gaps(130, Some(63), &[(61, 50)]);
        let scores = detector.score(&series, 2).unwrap().score;
        let (first, second) = (part(&series, 0, 61), part(&series, 61, 130));
        assert_eq!(
            scores[..61],
            detector.score(&first, 1).unwrap().score[..61],
            "what lies before is as without the rest"
        );
        assert_eq!(scores[61..], detector.score(&second, 1).unwrap().score[61..], "what lies after, too");
        let mut old = detector.clone();
        old.spec.gaps = Gaps::Span;
        let spanned = old.score(&series, 1).unwrap().score;
        assert_ne!(spanned[55..61], scores[55..61], "the spike after the gap is in their windows");
    }
}

#[test]
fn a_window_whose_score_is_not_finite_is_named_by_the_row_that_it_begins_with() {
    let folder = tempfile::tempdir().unwrap();
    trained()[0].save(folder.path().join("d")).unwrap();
    let config = folder.path().join("d/detector/config.json");
    let mut edited: serde_json::Value = serde_json::from_slice(&std::fs::read(&config).unwrap()).unwrap();
    // So small that the squares of small errors are finite, and those of large ones are not.
    for error in edited.pointer_mut("/calibration/0/feature_error").unwrap().as_array_mut().unwrap() {
        *error = 1e-152.into();
    }
    std::fs::write(&config, edited.to_string()).unwrap();
    let detector = SeriesDetector::load(folder.path().join("d")).unwrap();
    // In the second stretch; the rows in windows of eight.
    for gaps in [&[][..], &[(61, 50)]] {
        let mut series = with_gaps(160, None, gaps);
        assert!(detector.score(&series, 1).is_ok());
        series.values[120 * 2] = 1e6;
        let error = detector.score(&series, 1).unwrap_err();
        let is_named =
            matches!(error, SeriesError::Detector(crate::detector::DetectorError::NotFinite { row: 113, .. }));
        assert!(is_named, "{error}");
    }
}

#[test]
fn a_stretch_shorter_than_a_window_goes_on_and_the_last_one_reaches_back() {
    let detector = &trained()[0];
    assert_eq!(detector.spec().window, 8);
    // Gaps so close that every stretch but those that go on would be shorter than a window.
    let close: Vec<(usize, u64)> = (1..20).map(|i| (i * 3, 40)).collect();
    let scores = detector.score(&with_gaps(60, None, &close), 1).unwrap().score;
    assert!(scores.iter().all(|score| score.is_finite()));
    // Three rows after the last gap.
    let series = with_gaps(60, Some(58), &[(57, 40)]);
    let scores = detector.score(&series, 1).unwrap().score;
    let before = detector.score(&part(&series, 0, 57), 1).unwrap().score;
    assert_eq!(scores[..57], before[..57]);
    let highest = (0..60).max_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    assert_eq!(highest, Some(58), "{scores:?}");
    // Before it there is nothing to reach back to.
    assert!(detector.score(&with_gaps(7, None, &[(4, 40)]), 1).is_err());
}

#[test]
fn a_short_gap_is_filled_and_its_rows_have_no_score() {
    let series = series(200, None);
    let spec = SeriesSpec { window: 20, ..SeriesSpec::new("time", series.names.clone()) };
    let detector = SeriesDetector::train(&series, &spec, &quick(), &TrainOptions::default()).unwrap();
    // Two rows of the wave are missing: up to a tenth of a window.
    let mut lines: Vec<String> = text(200, None).lines().map(str::to_owned).collect();
    let cells =
        |line: &str| line.split(',').skip(1).take(2).map(|cell| cell.parse::<f64>().unwrap()).collect::<Vec<_>>();
    let (above, below) = (cells(&lines[100]), cells(&lines[103]));
    lines.drain(101..103);
    let holed = read(&lines.join("\n"), &columns()).unwrap();
    let scores = detector.score(&holed, 1).unwrap().score;
    assert_eq!(scores.len(), 198);
    let mut filled = text(200, None).lines().map(str::to_owned).collect::<Vec<_>>();
    for (i, share) in [(101, 1.0 / 3.0), (102, 2.0 / 3.0)] {
        let value = |j: usize| above[j] * (1.0 - share) + below[j] * share;
        filled[i] = format!("{},{},{},0", (i - 1) as u64 * MINUTE, value(0), value(1));
    }
    let whole = detector.score(&read(&filled.join("\n"), &columns()).unwrap(), 1).unwrap().score;
    assert_eq!(scores[..100], whole[..100]);
    assert_eq!(scores[100..], whole[102..]);
}

#[test]
fn gaps_in_training_part_its_windows_and_uneven_series_are_taken_as_they_come() {
    let series = with_gaps(160, None, &[(80, 500)]);
    let spec = SeriesSpec { window: 8, ..SeriesSpec::new("time", series.names.clone()) };
    assert_eq!(series.n_windows(&spec), 2 * 73);
    assert_eq!(series.n_windows(&SeriesSpec { gaps: Gaps::Span, ..spec.clone() }), 153);
    let detector = SeriesDetector::train(&series, &spec, &quick(), &TrainOptions::default()).unwrap();
    assert_eq!((detector.windows().n_training_rows(), detector.n_training_rows()), (146, 160));
    let choice = |series: &Series| Gaps::of(&series.pace(series.step()), series.len());
    assert_eq!(choice(&series), Gaps::Part);
    let events: Vec<(usize, u64)> = (0..40).map(|i| (i * 4, 1 + i as u64)).collect();
    assert_eq!(choice(&with_gaps(160, None, &events)), Gaps::Span);
}

#[test]
fn parts_add_up_to_the_score_and_point_at_the_column() {
    for detector in trained() {
        let series = series(200, Some(120));
        let scores = detector.explain(&series, 2).unwrap();
        assert_eq!(scores.score, detector.score(&series, 1).unwrap().score, "explaining moves no bit");
        let parts = scores.parts.unwrap();
        for (parts, score) in parts.chunks_exact(2).zip(&scores.score) {
            assert!((parts.iter().sum::<f64>() - score).abs() < 1e-9 * (1.0 + score.abs()), "{parts:?} {score}");
        }
        assert!(parts[240] > parts[241], "the spike is in the first column: {:?}", &parts[240..242]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn following_over_gaps_gives_the_scores_of_the_whole_to_the_bit(
        gaps in prop::collection::vec((1_usize..90, 1_u64..30), 0..8), which in 0_usize..4,
        cuts in prop::collection::vec(1_usize..20, 0..20),
    ) {
        let detector = &trained()[which];
        let series = with_gaps(90, Some(45), &gaps);
        let whole = detector.explain(&series, 2).unwrap();
        let mut follower = detector.follow("followed", 1).explaining();
        let (mut got, mut at) = (Vec::new(), 0);
        for end in cuts.iter().scan(0, |end, cut| { *end += cut; Some(*end) }).chain([90]) {
            let end = end.min(90);
            got.extend(follower.push(&series.moments[at..end], &series.values[at * 2..end * 2]).unwrap());
            at = end;
        }
        got.extend(follower.finish().unwrap());
        prop_assert_eq!(got.len(), 90);
        for (i, row) in got.iter().enumerate() {
            prop_assert_eq!(row.row, i as u64);
            prop_assert_eq!(row.score.to_bits(), whole.score[i].to_bits());
            prop_assert_eq!(&row.parts[..], &whole.parts.as_ref().unwrap()[i * 2..][..2]);
        }
    }
}
