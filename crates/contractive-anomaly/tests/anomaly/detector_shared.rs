//! Detectors that several ranks train together, each on its share of a table.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex};

use contractive::encoding::EncodingError;
use contractive_anomaly::Detector;
use contractive_anomaly::detector::{
    DetectorError, DetectorPlan, DetectorSettings, EncodingOptions, MemberReport, MissingRule, ScoreOptions,
    TrainOptions, TrainingTable,
};
use contractive_core::communicator::{Group, in_process};
use contractive_table::{Column, Frame, TableSource, Values};

/// What each rank makes of its share.
fn of_ranks<T: Send>(n: usize, work: impl Fn(usize, &Group) -> T + Sync) -> Vec<T> {
    let work = &work;
    std::thread::scope(|scope| {
        let ranks = in_process(n).into_iter().map(|group| scope.spawn(move || work(group.rank(), &group)));
        let ranks: Vec<_> = ranks.collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

/// Two numbers that go together, a category that goes with them, and a number apart; every 25th row is odd, and where
/// `holes` some cells are missing.
fn frame(n: usize, holes: bool) -> Frame {
    let angle = |i: usize| i as f64 * 0.7;
    let b = |i: usize| {
        let b = 3.0 * angle(i).sin() + 0.1 * (9.1 * angle(i)).cos();
        match i % 25 {
            7 => 3.0 - b,
            4 if holes => f64::NAN,
            _ => b,
        }
    };
    let kind = |i: usize| if angle(i).sin() > 0.0 { "up" } else { "down" };
    let columns = vec![
        ("a", Values::Numbers((0..n).map(|i| angle(i).sin()).collect())),
        ("b", Values::Numbers((0..n).map(b).collect())),
        ("kind", Values::Text((0..n).map(|i| (!holes || i % 11 > 0).then(|| kind(i).to_owned())).collect())),
        ("c", Values::Numbers((0..n).map(|i| (1.3 * angle(i)).cos() + 0.2 * (5.3 * angle(i)).sin()).collect())),
    ];
    let columns = columns.into_iter().map(|(name, values)| Column { name: name.into(), values }).collect();
    Frame { first_row: 0, columns }
}

/// Rows of `frame`, cut behind each of `ends`, which ascend.
fn cut(frame: &Frame, ends: &[usize]) -> Vec<Frame> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let ends = ends.iter().copied().chain([frame.n_rows()]);
    let piece = |(start, end): (usize, usize)| {
        let columns = frame.columns.iter();
        let columns = columns.map(|c| Column { name: c.name.clone(), values: c.values.slice(start..end) }).collect();
        Frame { first_row: 0, columns }
    };
    starts.zip(ends).map(piece).collect()
}

fn options() -> EncodingOptions {
    EncodingOptions { missing: MissingRule::Mask, ..EncodingOptions::default() }
}

fn settings() -> DetectorSettings {
    DetectorSettings { ensemble: 2, steps: Some(40), batch_size: 64, ..DetectorSettings::default() }
}

fn read(frame: &Frame, group: &Group) -> TrainingTable {
    TrainingTable::read_shared(TableSource::Held { name: "rows", frame }, &options(), group).unwrap()
}

fn alone(frame: &Frame, settings: &DetectorSettings) -> Detector {
    Detector::train_table(read(frame, &Group::alone()), settings, &TrainOptions::default()).unwrap()
}

/// The detector that all ranks end with.
fn shared(frame: &Frame, ends: &[usize], settings: &DetectorSettings) -> Detector {
    let frames = cut(frame, ends);
    let mut detectors = of_ranks(frames.len(), |rank, group| {
        let options = TrainOptions { threads: 1 + rank % 2, ..TrainOptions::default() };
        Detector::train_table_shared(read(&frames[rank], group), settings, &options, group).unwrap()
    });
    let first = detectors.remove(0);
    assert!(detectors.iter().all(|detector| *detector == first), "every rank ends with the same");
    first
}

/// The greatest difference of two detectors' scores of rows, in standard deviations of those of the first, and the correlation
/// of their ranks.
fn differences(one: &Detector, other: &Detector, frame: &Frame) -> (f64, f64) {
    let rows = read(frame, &Group::alone()).rows;
    let scores = |detector: &Detector| detector.score_encoded(&rows, &ScoreOptions::default()).unwrap().score;
    let (a, b) = (scores(one), scores(other));
    let n = a.len() as f64;
    let mean = a.iter().sum::<f64>() / n;
    let deviation = (a.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    let greatest = a.iter().zip(&b).map(|(a, b)| (a - b).abs() / deviation).fold(0.0, f64::max);
    let ranks = |scores: &[f64]| {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|i, j| scores[*i].total_cmp(&scores[*j]));
        let mut ranks = vec![0.0; scores.len()];
        order.into_iter().enumerate().for_each(|(rank, i)| ranks[i] = rank as f64);
        ranks
    };
    let (a, b) = (ranks(&a), ranks(&b));
    let squares: f64 = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum();
    (greatest, 1.0 - 6.0 * squares / (n * (n * n - 1.0)))
}

#[test]
fn ranks_end_with_the_detector_of_one_process_up_to_rounding_and_with_the_same_bits_again() {
    for holes in [false, true] {
        let whole = frame(360, holes);
        for trim in [0.0, 0.1] {
            let settings = DetectorSettings { trim, ..settings() };
            let one = alone(&whole, &settings);
            assert!(shared(&whole, &[], &settings) == one, "a group of one has the bits of one process");
            for ends in [&[250][..], &[3, 300, 300], &[0, 200]] {
                let all = shared(&whole, ends, &settings);
                let (difference, correlation) = differences(&one, &all, &whole);
                println!("holes {holes}, trim {trim}, cut at {ends:?}: {difference:.1e} {correlation}");
                assert!(difference < 1e-5 && correlation > 0.9999, "{ends:?}: {difference} {correlation}");
                assert!((one.threshold() - all.threshold()).abs() < 1e-5 * (1.0 + one.threshold().abs()));
                assert_eq!(all.n_training_rows(), 360);
                assert_eq!(all.first_model().provenance(), one.first_model().provenance());
                assert_eq!(all.encoding(), one.encoding());
            }
            assert!(shared(&whole, &[3, 300, 300], &settings) == shared(&whole, &[3, 300, 300], &settings));
        }
    }
}

#[test]
fn few_rows_and_batches_smaller_than_the_ranks_are_no_trouble() {
    let whole = frame(23, false);
    let settings = DetectorSettings { batch_size: 6, steps: Some(30), ..settings() };
    let (one, all) = (alone(&whole, &settings), shared(&whole, &[5, 9, 14], &settings));
    let (difference, correlation) = differences(&one, &all, &whole);
    assert!(difference < 1e-5 && correlation > 0.99, "{difference} {correlation}");
}

#[test]
fn more_rows_than_are_kept_are_drawn_as_one_process_draws_them() {
    let whole = frame(10_400, true);
    let settings = DetectorSettings { ensemble: 1, steps: Some(30), ..settings() };
    let (one, all) = (alone(&whole, &settings), shared(&whole, &[9000], &settings));
    let (difference, correlation) = differences(&one, &all, &frame(400, true));
    assert!(difference < 1e-5 && correlation > 0.9999, "{difference} {correlation}");
    // What does not hang on the networks is the same to the bit.
    let surroundings = |detector: &Detector| {
        let numbers = detector.numbers().surroundings.unwrap();
        (numbers.views.to_vec(), numbers.spacing.to_vec(), numbers.means)
    };
    assert!(surroundings(&one) == surroundings(&all));
}

#[test]
fn the_stop_flag_of_one_rank_ends_all() {
    let whole = frame(300, false);
    let frames = cut(&whole, &[100, 200]);
    let settings = DetectorSettings { steps: Some(1 << 30), ensemble: 3, ..settings() };
    let flags: Vec<AtomicBool> = (0..3).map(|_| AtomicBool::new(false)).collect();
    let begun = Barrier::new(4);
    let errors = std::thread::scope(|scope| {
        scope.spawn(|| {
            begun.wait();
            flags[1].store(true, Ordering::Relaxed);
        });
        of_ranks(3, |rank, group| {
            let on_plan = |_: &DetectorPlan| {
                begun.wait();
            };
            let options = TrainOptions { stop: &flags[rank], on_plan: &on_plan, ..TrainOptions::default() };
            Detector::train_table_shared(read(&frames[rank], group), &settings, &options, group).unwrap_err()
        })
    });
    assert!(errors.iter().all(|error| matches!(error, DetectorError::Stopped)), "{errors:?}");
}

#[test]
fn the_time_budget_ends_all_ranks_after_the_same_step() {
    let whole = frame(300, false);
    let steps = Mutex::new(vec![Vec::new(); 2]);
    let frames = cut(&whole, &[100]);
    let settings = DetectorSettings { steps: Some(1 << 30), time_budget: Some(0.2), ..settings() };
    let detectors = of_ranks(2, |rank, group| {
        let on_member = |report: &MemberReport| {
            steps.lock().unwrap()[rank].push(report.steps);
        };
        let options = TrainOptions { on_member: &on_member, ..TrainOptions::default() };
        Detector::train_table_shared(read(&frames[rank], group), &settings, &options, group).unwrap()
    });
    let steps = steps.into_inner().unwrap();
    assert_eq!((steps[0].len(), &steps[0]), (2, &steps[1]));
    assert!(detectors[0] == detectors[1]);
}

#[test]
fn ranks_that_were_given_different_things_are_told() {
    let whole = frame(60, false);
    let frames = cut(&whole, &[30]);
    let train = |rank: usize, group: &Group, table: TrainingTable, settings: &DetectorSettings| {
        let told = Detector::train_table_shared(table, settings, &TrainOptions::default(), group);
        told.map(|_| rank).unwrap_err().to_string()
    };
    let told = of_ranks(2, |rank, group| {
        let settings = DetectorSettings { seed: rank as u64, ..settings() };
        train(rank, group, read(&frames[rank], group), &settings)
    });
    assert!(told.iter().all(|told| told.contains("the same settings") && told.contains("seed: 1")), "{told:?}");
    // Encodings that each rank learnt for itself.
    let told = of_ranks(2, |rank, group| train(rank, group, read(&frames[rank], &Group::alone()), &settings()));
    assert!(told.iter().all(|told| told.contains("read_shared")), "{told:?}");
    let told = of_ranks(2, |rank, group| {
        let mut table = read(&frames[rank], group);
        table.rows.n_rows += rank;
        train(rank, group, table, &settings())
    });
    assert!(told[0].starts_with("rank 1 failed: ") && told[0].contains(&told[1]), "{told:?}");
    let few = cut(&frame(8, false), &[4]);
    let told = of_ranks(2, |rank, group| train(rank, group, read(&few[rank], group), &settings()));
    assert!(told.iter().all(|told| told.contains("at least 10 rows") && told.contains("has 8")), "{told:?}");
    let told = of_ranks(2, |rank, group| {
        let options = TrainOptions { threads: rank, ..TrainOptions::default() };
        Detector::train_table_shared(read(&frames[rank], group), &settings(), &options, group).unwrap_err().to_string()
    });
    assert!(told[0].contains("`threads`") && told[1].contains("rank 0 failed"), "{told:?}");
}

#[test]
fn a_rank_that_cannot_read_its_share_ends_all() {
    let whole = frame(60, false);
    let mut frames = cut(&whole, &[30]);
    frames[1].columns[0].values = Values::Numbers(vec![f64::INFINITY; 30]);
    let errors = of_ranks(2, |rank, group| {
        let source = TableSource::Held { name: "rows", frame: &frames[rank] };
        TrainingTable::read_shared(source, &options(), group).unwrap_err()
    });
    assert!(matches!(errors[0], EncodingError::Communication(_)), "{errors:?}");
    assert!(matches!(errors[1], EncodingError::Data(_)), "{errors:?}");
}
