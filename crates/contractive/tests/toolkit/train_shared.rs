//! Training by several ranks: what n of them give is what one gives, and the same ranks give the same bits.

use std::ops::{ControlFlow, Range};
use std::sync::atomic::AtomicBool;

use contractive::config::Layer;
use contractive::data::Dataset;
use contractive::train::{Observer, Start, StepReport, TrainError};
use contractive::{End, EpochRecord, Outcome, Prepared, RunDirectory, TrainConfig, train};
use contractive_core::communicator::{Group, in_process};
use proptest::prelude::*;

const ROWS: usize = 230;
const FEATURES: usize = 6;

/// Far apart in scale, so that means and spreads matter.
fn values() -> Vec<f64> {
    let cell = |i: usize| {
        let (row, column) = ((i / FEATURES) as f64, (i % FEATURES) as f64);
        (row * 0.37 + column).sin() * 10_f64.powf(column - 2.0) + (row * 1.7).cos() + 0.1 * column
    };
    (0..ROWS * FEATURES).map(cell).collect()
}

fn rows(some: Range<usize>) -> Dataset {
    let values = values()[some.start * FEATURES..some.end * FEATURES].to_vec();
    if values.is_empty() {
        Dataset::without_rows("share", FEATURES, false)
    } else {
        Dataset::from_f64("share", FEATURES, values).unwrap()
    }
}

/// Shares of these lengths, one a rank.
fn shares(lengths: &[usize]) -> Vec<Range<usize>> {
    let mut from = 0;
    lengths
        .iter()
        .map(|n| {
            from += n;
            from - n..from
        })
        .collect()
}

/// What `work` gives on each of so many ranks.
fn on_ranks<T: Send>(n: usize, work: impl Fn(Group) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let ranks: Vec<_> = in_process(n).into_iter().map(|group| scope.spawn(|| work(group))).collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

fn config(settings: &str) -> TrainConfig {
    let common = "model.hidden = [5, 3]\nmodel.hidden_activation = \"tanh\"\ntraining.epochs = 4\ntraining.batch_size = 32\n\
                  training.threads = 1\ntraining.seed = 3\ndata.validation = 0.2\nobjective.contraction = 0.1\n";
    let layers = [common, settings].map(|text| Layer::from_text("test", text).unwrap());
    TrainConfig::layered(&TrainConfig::default(), &layers).unwrap()
}

fn fit(config: &TrainConfig, lengths: &[usize]) -> Vec<Result<Outcome, TrainError>> {
    let shares = shares(lengths);
    on_ranks(lengths.len(), |group| {
        let prepared = Prepared::shared(config, rows(shares[group.rank()].clone()), None, &group)?;
        train(&prepared, None, Start::Fresh, &mut (), &AtomicBool::new(false))
    })
}

fn alone(config: &TrainConfig) -> Outcome {
    let prepared = Prepared::new(config, rows(0..ROWS), None).unwrap();
    train(&prepared, None, Start::Fresh, &mut (), &AtomicBool::new(false)).unwrap()
}

/// Without the clock.
fn numbers(record: &EpochRecord) -> EpochRecord {
    EpochRecord { seconds: 0.0, rows_per_second: 0.0, ..*record }
}

/// The tolerance promised: rounding of 32-bit gradients, added up otherwise, over four epochs.
const TOLERANCE: f64 = 1e-5;

fn assert_near(got: &Outcome, want: &Outcome, what: &str) {
    assert_eq!((got.end, got.best_epoch, got.history.len()), (want.end, want.best_epoch, want.history.len()), "{what}");
    for (got, want) in got.history.iter().zip(&want.history) {
        let of = |r: &EpochRecord| {
            let held_out = r.validation.unwrap_or_default();
            [r.train.total, r.train.penalty, held_out.total, held_out.sparsity, r.jacobian_norm, r.jacobian_square]
        };
        for (got, want) in of(got).into_iter().zip(of(want)) {
            assert!((got - want).abs() <= TOLERANCE * want.abs(), "{what}: {got} {want}");
        }
    }
    let [got, want] = [got, want].map(|outcome| outcome.model.parameters().values());
    let largest = want.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= 10.0 * TOLERANCE as f32 * largest, "{what}: {got} {want}");
    }
}

const SHARES: [&[usize]; 5] = [&[230], &[115, 115], &[57, 58, 57, 58], &[0, 201, 29], &[3, 0, 227, 0]];

fn check(settings: &str) {
    let config = config(settings);
    let want = alone(&config);
    for lengths in SHARES {
        let what = format!("{settings} {lengths:?}");
        let outcomes: Vec<Outcome> = fit(&config, lengths).into_iter().map(|outcome| outcome.unwrap()).collect();
        let again: Vec<Outcome> = fit(&config, lengths).into_iter().map(|outcome| outcome.unwrap()).collect();
        for (outcome, again) in outcomes.iter().zip(&again) {
            assert_near(outcome, &want, &what);
            // What is learnt before the first step has the bits of one process; ranks do not part; a repeat is the same.
            assert_eq!(outcome.model.preprocessing(), want.model.preprocessing(), "{what}");
            assert_eq!(outcome.model.parameters(), outcomes[0].model.parameters(), "{what}");
            assert_eq!(outcome.model.parameters(), again.model.parameters(), "{what}");
            assert_eq!(outcome.model.provenance().rows, want.model.provenance().rows, "{what}");
            for (record, of_first) in outcome.history.iter().zip(&outcomes[0].history) {
                assert_eq!(record, of_first, "{what}");
            }
            let pairs = outcome.history.iter().zip(&again.history);
            pairs.for_each(|(record, again)| assert_eq!(numbers(record), numbers(again), "{what}"));
        }
        if lengths.len() == 1 {
            assert_eq!(outcomes[0].model, want.model);
        }
    }
}

#[test]
fn a_plain_and_a_tied_autoencoder() {
    check("");
    check("model.tied = true\ndata.scale = \"minmax\"\nobjective.penalty = { kind = \"jacobian_norm\" }");
}

#[test]
fn penalties_that_draw() {
    check("objective.penalty = { kind = \"projection\", probes = 2 }");
    check("objective.penalty = { kind = \"hessian\", corruptions = 2, sigma = 0.1, ratio = 0.5 }");
    check("objective.penalty = { kind = \"finite_difference\", epsilon = 0.01, directions = 2 }");
}

#[test]
fn noise_of_every_kind() {
    check("objective.noise = { kind = \"gaussian\", sigma = 0.2 }");
    check("objective.noise = { kind = \"masking\", share = 0.3 }\ndata.scale = \"robust\"");
    check("objective.noise = { kind = \"salt_pepper\", share = 0.1 }\ndata.scale = \"quantile\"");
}

#[test]
fn sparsity_couples_rows_over_ranks() {
    check("model.code_activation = \"sigmoid\"\nobjective.sparsity = { target = 0.1, weight = 0.5 }");
}

#[test]
fn weight_penalties_clipping_and_momentum() {
    check("objective.penalty = { kind = \"weight_l2\" }\ntraining.clip = 0.5");
    check(
        "training.optimiser = { kind = \"momentum\", momentum = 0.9 }\ntraining.learning_rate = 0.01\ntraining.shuffle = false",
    );
}

/// 184 rows by 61: three whole batches and one of a single row, which one rank has.
#[test]
fn the_last_batch_may_have_fewer_rows_than_there_are_ranks() {
    check("training.batch_size = 61");
    check("training.batch_size = 3\ntraining.epochs = 2");
    check("data.validation = 0.0\ntraining.keep_last_partial_batch = false");
}

#[test]
fn early_stopping_is_decided_together() {
    check(
        "training.epochs = 60\ntraining.learning_rate = 0.05\ntraining.early_stopping = { patience = 1, min_delta = 0.05 }",
    );
}

#[test]
fn counts_are_made_comparable_over_all_ranks() {
    let config = config("data.library_size = \"median\"\ndata.log1p = true");
    let count = |i: usize| ((i * 37) % 23) as f64;
    let some = |rows: Range<usize>| {
        let values: Vec<f64> = (rows.start * FEATURES..rows.end * FEATURES).map(count).collect();
        if values.is_empty() {
            Dataset::without_rows("share", FEATURES, false)
        } else {
            Dataset::from_f64("share", FEATURES, values).unwrap()
        }
    };
    let want = Prepared::new(&config, some(0..ROWS), None).unwrap();
    for lengths in SHARES {
        let shares = shares(lengths);
        let prepared = on_ranks(lengths.len(), |group| {
            Prepared::shared(&config, some(shares[group.rank()].clone()), None, &group).unwrap()
        });
        prepared.iter().for_each(|one| assert_eq!(one.preprocessing(), want.preprocessing()));
    }
}

#[test]
fn a_test_part_is_measured_over_all_ranks() {
    let config = config("");
    let fitted = |shares: &[(Range<usize>, Range<usize>)]| {
        on_ranks(shares.len(), |group| {
            let (own, test) = shares[group.rank()].clone();
            let prepared = Prepared::shared(&config, rows(own), Some(rows(test)), &group).unwrap();
            train(&prepared, None, Start::Fresh, &mut (), &AtomicBool::new(false)).unwrap()
        })
    };
    let want = fitted(&[(0..200, 200..230)]).remove(0);
    for outcome in fitted(&[(0..90, 200..200), (90..200, 200..217), (200..200, 217..230)]) {
        let [got, want] = [&outcome, &want].map(|outcome| outcome.history[3].test.unwrap().total);
        assert!((got - want).abs() <= TOLERANCE * want, "{got} {want}");
    }
}

/// Stops after a step of an epoch.
struct Stopping(usize, usize);

impl Observer for Stopping {
    fn on_step(&mut self, report: &StepReport) -> ControlFlow<()> {
        if (report.epoch, report.step) == (self.0, self.1) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[test]
fn a_run_that_one_rank_stopped_goes_on_on_another_number_of_ranks() {
    let config = config("");
    let want = alone(&config);
    for (step, ranks) in [(2, [2, 3]), (6, [4, 1]), (1, [1, 4])] {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("run");
        let evenly = |n: usize| shares(&(0..n).map(|r| ROWS * (r + 1) / n - ROWS * r / n).collect::<Vec<_>>());
        let stopped = on_ranks(ranks[0], |group| {
            let prepared =
                Prepared::shared(&config, rows(evenly(ranks[0])[group.rank()].clone()), None, &group).unwrap();
            let run = group.is_first().then(|| RunDirectory::create(&place, prepared.config()).unwrap());
            let mut observer = if group.rank() == ranks[0] - 1 { Stopping(2, step) } else { Stopping(0, 0) };
            train(&prepared, run.as_ref(), Start::Fresh, &mut observer, &AtomicBool::new(false)).unwrap()
        });
        assert!(stopped.iter().all(|outcome| outcome.end == End::Interrupted), "{step}");
        let resumed = on_ranks(ranks[1], |group| {
            let prepared =
                Prepared::shared(&config, rows(evenly(ranks[1])[group.rank()].clone()), None, &group).unwrap();
            let run = group.is_first().then(|| RunDirectory::open(&place).unwrap());
            let start = run.as_ref().map_or(Start::Fresh, |run| run.resume().unwrap().into());
            train(&prepared, run.as_ref(), start, &mut (), &AtomicBool::new(false)).unwrap()
        });
        resumed.iter().for_each(|outcome| assert_near(outcome, &want, "resumed"));
        let saved = contractive::Model::load(place.join("model")).unwrap();
        assert_eq!(saved.parameters(), resumed[0].model.parameters());
    }
}

#[test]
fn what_one_rank_cannot_do_ends_all_with_its_message() {
    let message = |outcomes: Vec<Result<Prepared, TrainError>>| -> Vec<String> {
        outcomes.into_iter().map(|outcome| outcome.unwrap_err().to_string()).collect()
    };
    let of = |config: fn(usize) -> TrainConfig, data: fn(usize) -> Dataset| {
        message(on_ranks(3, |group| Prepared::shared(&config(group.rank()), data(group.rank()), None, &group)))
    };
    let third = |rank: usize| rows(70 * rank..70 * (rank + 1));
    for text in of(|_| config("objective.loss = \"bce\"\ndata.scale = \"none\""), third) {
        assert!(text.contains("needs targets between 0 and 1"), "{text}");
    }
    for text in of(|rank| config(if rank == 2 { "training.learning_rate = 0.5" } else { "" }), third) {
        assert!(text.contains("all ranks must be given the same settings: on rank 2"), "{text}");
    }
    let narrow = |rank: usize| {
        if rank == 1 { Dataset::from_f64("share", 5, vec![1.0; 50]).unwrap() } else { rows(70 * rank..70 * (rank + 1)) }
    };
    for text in of(|_| config(""), narrow) {
        assert!(text.contains("the same number of features: on rank 1 it is 5, on rank 0 6"), "{text}");
    }
    let named = |rank: usize| {
        let names = ["a", "b", "c", "d", "e", if rank == 2 { "g" } else { "f" }].map(str::to_owned).to_vec();
        rows(70 * rank..70 * (rank + 1)).with_feature_names(names).unwrap()
    };
    for text in of(|_| config(""), named) {
        assert!(text.contains("the same names of features: on rank 2"), "{text}");
    }
    for text in of(|_| config(""), |_| rows(0..0)) {
        assert!(text.contains("the data of all ranks"), "{text}");
    }
    let broken = on_ranks(2, |group| {
        if group.rank() == 1 {
            return None; // its process is gone
        }
        Some(Prepared::shared(&config(""), rows(0..50), None, &group).unwrap_err().to_string())
    });
    assert!(broken[0].as_ref().unwrap().contains("rank 0 of 2 cannot reach the others: rank 1 is gone"), "{broken:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_shares_learn_the_scaling_of_one_process(cuts in proptest::collection::vec(0..=ROWS, 0..5), scale in 0..4_usize) {
        let scale = ["standard", "robust", "quantile", "minmax"][scale];
        let config = config(&format!("data.scale = \"{scale}\""));
        let mut cuts = cuts;
        cuts.extend([0, ROWS]);
        cuts.sort_unstable();
        let lengths: Vec<usize> = cuts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let shares = shares(&lengths);
        let want = Prepared::new(&config, rows(0..ROWS), None).unwrap();
        let prepared = on_ranks(lengths.len(), |group| {
            Prepared::shared(&config, rows(shares[group.rank()].clone()), None, &group).unwrap()
        });
        let mut held_out = 0;
        for one in &prepared {
            prop_assert_eq!(one.preprocessing(), want.preprocessing());
            prop_assert_eq!(one.n_training_rows(), want.n_training_rows());
            held_out += one.validation_rows().len();
        }
        prop_assert_eq!(held_out, want.n_validation_rows());
    }
}
