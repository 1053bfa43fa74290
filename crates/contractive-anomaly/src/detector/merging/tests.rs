use std::cell::Cell;

use contractive_core::statistics::quantile_of_sorted;
use contractive_table::{Column, Frame, FrameWriter, Values};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::detector::ThresholdError;

/// Scores in memory, in pieces, as if they were in files.
struct Pieces(Vec<Vec<f64>>);

impl Passes for Pieces {
    fn pass(&self, see: &mut dyn FnMut(&[f64])) -> Result<(), MergeError> {
        self.0.iter().for_each(|piece| see(piece));
        Ok(())
    }
}

/// The threshold of pieces of which at most `most` scores are held.
fn threshold(rule: ThresholdRule, pieces: &Pieces, most: usize) -> Result<(f64, u64), MergeError> {
    let mut tally = Tally::new(most);
    pieces.pass(&mut |scores| {
        tally.see(scores);
    })?;
    match tally.take_sorted() {
        Some(sorted) => {
            let threshold = rule.threshold_of(&mut Sorted(&sorted))?;
            Ok((threshold, sorted.iter().filter(|score| **score > threshold).count() as u64))
        }
        None => {
            let mut selection = Selection::new(pieces, tally);
            let threshold = rule.threshold_of(&mut selection)?;
            Ok((threshold, selection.above(threshold)?))
        }
    }
}

fn rule(text: &str) -> ThresholdRule {
    text.parse().unwrap()
}

fn any_score() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -3.0..50.0_f64,
        2 => (0..4_u8).prop_map(|i| [0.0, -0.0, 1.0, 1.0 + f64::EPSILON][usize::from(i)]),
        1 => prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// However scores are parted and ordered, and however few are held, the rule gives the bits that it gives of all.
    #[test]
    fn any_split_gives_the_same_threshold(
        mut scores in prop::collection::vec(any_score(), 1..400),
        cuts in prop::collection::vec(0..400_usize, 0..6),
        most in 1..60_usize,
        p in 0.001..0.5_f64,
        is_turned: bool,
    ) {
        let mut sorted = scores.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        if is_turned {
            scores.reverse();
        }
        let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut.min(scores.len())).chain([0, scores.len()]).collect();
        ends.sort_unstable();
        let pieces = Pieces(ends.windows(2).map(|two| scores[two[0]..two[1]].to_vec()).collect());
        let rules = [
            ThresholdRule::Contamination { share: p },
            ThresholdRule::Quantile { p },
            ThresholdRule::Value { threshold: 1.0 },
        ];
        for rule in rules {
            let whole = rule.threshold(&sorted, &sorted).map(f64::to_bits);
            for most in [most, scores.len()] {
                let found = threshold(rule, &pieces, most);
                match (&whole, found) {
                    (Ok(bits), Ok((found, above))) => {
                        prop_assert_eq!(*bits, found.to_bits(), "{} holding {}", rule, most);
                        prop_assert_eq!(above, sorted.iter().filter(|score| **score > found).count() as u64);
                    }
                    (Err(_), Err(MergeError::Threshold(_))) => {}
                    other => prop_assert!(false, "{other:?}"),
                }
            }
        }
    }
}

#[test]
fn tails_are_the_same_and_means_agree_where_scores_are_not_held() {
    // Exponential scores, in an order of their own.
    let n = 4000;
    let scores: Vec<f64> = (0..n).map(|i| -((f64::from(i * 1789 % n) + 0.5) / f64::from(n)).ln()).collect();
    let mut sorted = scores.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let pieces = Pieces(scores.chunks(700).map(<[f64]>::to_vec).collect());
    let pot = rule("pot:0.001");
    let (found, above) = threshold(pot, &pieces, 500).unwrap();
    assert_eq!(found.to_bits(), pot.threshold(&sorted, &sorted).unwrap().to_bits());
    assert_eq!(above, 4, "exp(−t) = 0.001 of 4,000");
    let sigma = rule("sigma:2");
    let (found, whole) = (threshold(sigma, &pieces, 500).unwrap().0, sigma.threshold(&sorted, &sorted).unwrap());
    assert!((found - whole).abs() < 1e-12 * whole, "{found} {whole}");
    let few = threshold(pot, &pieces, 399).unwrap_err();
    assert!(matches!(few, MergeError::TooMany { rule: "pot", most: 399 }), "{few}");
}

#[test]
fn scores_that_change_between_passes_are_noticed() {
    struct Changing(Cell<usize>);
    impl Passes for Changing {
        fn pass(&self, see: &mut dyn FnMut(&[f64])) -> Result<(), MergeError> {
            let passes = self.0.replace(self.0.get() + 1);
            // First as many other scores, later fewer.
            see(&vec![if passes < 2 { passes as f64 } else { 5.0 }; 100 - passes / 2]);
            Ok(())
        }
    }
    for start in 0..3 {
        let changing = Changing(Cell::new(start));
        let mut tally = Tally::new(3);
        changing
            .pass(&mut |scores| {
                tally.see(scores);
            })
            .unwrap();
        let found = rule("quantile:0.5").threshold_of(&mut Selection::new(&changing, tally));
        assert!(matches!(found, Err(MergeError::Changed)), "{found:?}");
    }
}

/// A folder of files of scores.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Desk(tempfile::tempdir().unwrap())
    }

    fn text(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn table(&self, name: &str, scores: &[f64], origin: &ScoreOrigin) -> PathBuf {
        let path = self.0.path().join(name);
        let rows = (0..scores.len() as i64).map(Some).collect();
        let columns = vec![
            Column { name: "row".into(), values: Values::Integers(rows) },
            Column { name: "score".into(), values: Values::Numbers(scores.to_vec()) },
        ];
        let frame = Frame { first_row: 0, columns };
        let mut writer = FrameWriter::saying(&path, &frame.fields(), ScoreOrigin::KEY, &origin.to_json()).unwrap();
        writer.write(&frame).unwrap();
        writer.finish().unwrap();
        path
    }
}

fn origin(shard: &str) -> ScoreOrigin {
    ScoreOrigin { shard: shard.into(), ..ScoreOrigin::new("d0".into(), "combined") }
}

fn merged(paths: &[PathBuf], text: &str) -> Result<MergedThreshold, MergeError> {
    ScoreFiles::open(paths, &origin("1/1"))?.threshold(rule(text))
}

#[test]
fn files_of_every_format_are_one_set_of_scores() {
    let desk = Desk::new();
    // numpy.quantile([1, 2, 4, 8, 16, 32, 64], 0.9) is 44.8: 0.9 * 6 = 5.4, and 32 + 0.4 * 32.
    let paths = [
        desk.table("a.parquet", &[8.0, f64::NAN, 1.0], &origin("1/4")),
        desk.table("b.arrow", &[32.0], &origin("2/4")),
        desk.text("c.csv", "key,score,label\n007,64,true\n,,\nx,2,false\n"),
        desk.text("d.jsonl", "{\"score\":4.0,\"row\":0}\n\n{\"row\":1,\"score\":16}\n{\"score\":null}\n"),
    ];
    let found = merged(&paths, "quantile:0.9").unwrap();
    assert!((found.threshold - 44.8).abs() < 1e-12);
    assert_eq!((found.scores, found.above, found.without_score, found.lowest), (7, 1, 3, 1.0));
    let counts: Vec<(u64, u64)> = found.files.iter().map(|file| (file.scores, file.without_score)).collect();
    assert_eq!(counts, [(2, 1), (1, 0), (2, 1), (2, 1)]);
    assert_eq!(found.files[1].shard.unwrap().to_string(), "2/4");
    let mut turned = paths.to_vec();
    turned.reverse();
    for text in ["quantile:0.9", "contamination:0.3", "sigma:1.5", "value:5"] {
        let bits = |paths: &[PathBuf]| merged(paths, text).unwrap().threshold.to_bits();
        assert_eq!(bits(&paths), bits(&turned), "{text}");
        let mut few = ScoreFiles::open(&paths, &origin("1/1")).unwrap();
        few.most = 1;
        let few = few.threshold(rule(text)).unwrap();
        assert!((few.threshold - merged(&paths, text).unwrap().threshold).abs() < 1e-12, "{text}");
    }
}

#[test]
fn a_column_of_keys_called_score_is_not_taken_for_ours() {
    let desk = Desk::new();
    let ours = desk.text("a.csv", "score,row,cae_score\nyes,0,3\nno,1,5\n");
    assert_eq!(merged(&[ours], "quantile:0.5").unwrap().threshold, 4.0);
    let ours = desk.text("b.csv", "cae_score,row,score\n7,0,3\n8,1,5\n");
    assert_eq!(merged(&[ours], "quantile:0.5").unwrap().threshold, 4.0);
    let ours = desk.text("c.jsonl", "{\"score\":\"yes\",\"row\":0,\"cae_score\":3}\n");
    assert_eq!(merged(&[ours], "quantile:0.5").unwrap().threshold, 3.0);
}

#[test]
fn parts_without_rows_count_for_nothing_and_nothing_but_such_is_refused() {
    let desk = Desk::new();
    let empty = [
        desk.table("a.parquet", &[], &origin("1/3")),
        desk.table("b.feather", &[], &origin("3/3")),
        desk.text("c.csv", "row,score\n"),
        desk.text("d.jsonl", ""),
    ];
    let holes = desk.text("e.csv", "row,score\n0,\n1,\n");
    let with = |more: &[PathBuf]| [&empty[..], more].concat();
    let found = merged(&with(&[desk.text("f.csv", "row,score\n0,2\n1,3\n")]), "value:2").unwrap();
    assert_eq!((found.scores, found.above), (2, 1));
    let none = merged(&with(&[holes]), "value:2").unwrap_err();
    assert!(matches!(none, MergeError::NoScores { rows: 2 }), "{none}");
    let none = merged(&[], "value:2").unwrap_err();
    assert!(matches!(none, MergeError::NoScores { rows: 0 }), "{none}");
}

#[test]
fn a_missing_or_doubled_part_is_named() {
    let desk = Desk::new();
    let part = |name: &str, shard: &str| {
        let seed = f64::from(name.as_bytes()[0]);
        desk.table(name, &[seed, seed + 0.5], &origin(shard))
    };
    let [a, b, c] = [("a.parquet", "1/3"), ("b.arrow", "2/3"), ("c.parquet", "3/3")].map(|(name, i)| part(name, i));
    let said = |paths: &[&PathBuf]| {
        let paths: Vec<PathBuf> = paths.iter().map(|path| (*path).clone()).collect();
        merged(&paths, "value:0").map(|found| found.scores).map_err(|e| e.to_string())
    };
    assert_eq!(said(&[&c, &a, &b]), Ok(6));
    assert!(said(&[&a, &c]).unwrap_err().contains("part 2/3"));
    // A part that does not say so may be the missing one, but only one.
    let text = desk.text("t.csv", "score\n1\n");
    assert_eq!(said(&[&a, &text, &c]), Ok(5));
    assert!(said(&[&a, &text]).unwrap_err().contains("part 2/3"));
    // Another file of a part that is there; of two tables, each has all of its parts.
    let again = part("d.parquet", "2/3");
    let error = said(&[&a, &b, &c, &again]).unwrap_err();
    assert!(error.contains("b.arrow") && error.contains("d.parquet") && error.contains("part 2/3"), "{error}");
    let others = [part("e.parquet", "1/3"), part("f.parquet", "3/3")];
    assert_eq!(said(&[&a, &b, &c, &again, &others[0], &others[1]]), Ok(12));
    // The same file, by another name too, and its contents in another format.
    assert!(said(&[&a, &b, &c, &a]).unwrap_err().contains("given twice"));
    let roundabout = desk.0.path().join(".").join("a.parquet");
    assert!(said(&[&a, &b, &c, &roundabout]).unwrap_err().contains("given twice"));
    let copy = desk.text("copy.csv", "row,score\n0,98\n1,98.5\n");
    let error = said(&[&a, &b, &c, &copy]).unwrap_err();
    assert!(error.contains("b.arrow") && error.contains("copy.csv") && error.contains("row by row"), "{error}");
    // Equal scores in two parts that say that they differ are two parts.
    let [g, h] = ["1/2", "2/2"].map(|i| desk.table(&format!("{}.parquet", &i[..1]), &[1.0, 1.0], &origin(i)));
    assert_eq!(said(&[&g, &h]), Ok(4));
}

#[test]
fn scores_of_other_detectors_other_kinds_and_anomalies_alone_are_refused() {
    let desk = Desk::new();
    let refused = |name: &str, origin: &ScoreOrigin| {
        merged(&[desk.table(name, &[1.0], origin)], "value:0").unwrap_err().to_string()
    };
    let own = origin("1/1");
    let other = refused("a.parquet", &ScoreOrigin { detector: "d1".into(), ..own.clone() });
    assert!(other.contains("a.parquet") && other.contains("another detector") && other.contains("d1"), "{other}");
    let other = refused("a.arrow", &ScoreOrigin { score: "density".into(), ..own.clone() });
    assert!(other.contains("`density`") && other.contains("`combined`"), "{other}");
    let some = refused("a.parquet", &ScoreOrigin { anomalies_only: true, ..own.clone() });
    assert!(some.contains("anomalies alone"), "{some}");
    let most = format!("1/{}", u64::MAX);
    for shard in ["0/3", "x", &most] {
        let said = refused("a.parquet", &ScoreOrigin { shard: shard.into(), ..own.clone() });
        assert!(said.contains("PART/PARTS") || said.contains("part 2/"), "{said}");
    }
    let path = desk.0.path().join("b.parquet");
    let frame =
        Frame { first_row: 0, columns: vec![Column { name: "score".into(), values: Values::Numbers(vec![1.0]) }] };
    let mut writer = FrameWriter::saying(&path, &frame.fields(), ScoreOrigin::KEY, "{\"x\":").unwrap();
    writer.write(&frame).unwrap();
    writer.finish().unwrap();
    assert!(matches!(merged(&[path], "value:0"), Err(MergeError::Origin { .. })));
}

#[test]
fn files_that_hold_no_scores_are_refused_by_name() {
    let desk = Desk::new();
    for (name, text, words) in [
        ("a.csv", "row,points\n0,1\n", "lacks the column `score`; its columns are row, points"),
        ("b.csv", "row,score\n0,high\n", "score"),
        ("c.csv", "row,score\n0,1\n1,2,3\n", "line 3"),
        ("d.csv", "", "is empty"),
        ("e.txt", "score\n1\n", "no known format"),
        ("f.parquet", "score\n1\n", "f.parquet"),
        ("g.jsonl", "{\"score\":1}\n{\"points\":1}\n", "line 2: missing field `score`"),
        ("h.jsonl", "{\"score\":\"1\"}\n", "line 1: `score` must be a number"),
        ("i.jsonl", "{\"score\":1}{\"score\":2}\n", "line 1: trailing characters"),
        ("j.jsonl", "[1]\n", "line 1"),
        ("k.jsonl", "\u{0}\u{1}", "line 1"),
    ] {
        let error = merged(&[desk.text(name, text)], "value:0").unwrap_err().to_string();
        assert!(error.contains(words) && error.contains(name), "{error}");
    }
    let absent = desk.0.path().join("absent.csv");
    assert!(merged(&[absent], "value:0").unwrap_err().to_string().contains("cannot open"));
    // An infinite score is a score, but no threshold.
    let infinite = desk.text("l.csv", "score\ninf\n1\n");
    let found = merged(std::slice::from_ref(&infinite), "value:7").unwrap();
    assert_eq!((found.scores, found.above), (2, 1));
    let none = merged(&[infinite], "quantile:0.9").unwrap_err();
    assert!(matches!(none, MergeError::Threshold(ThresholdError::Number { .. })), "{none}");
}

#[test]
fn a_folder_stands_for_its_files_but_those_that_engines_leave_beside_them() {
    let desk = Desk::new();
    let inside = desk.0.path().join("scores.parquet");
    fs::create_dir(&inside).unwrap();
    let refused = merged(std::slice::from_ref(&inside), "value:0").unwrap_err();
    assert!(matches!(refused, MergeError::EmptyFolder { .. }), "{refused}");
    for (name, text) in [("part-1.csv", "score\n1\n"), ("part-2.csv", "score\n3\n"), ("_SUCCESS", ""), (".x.crc", "x")]
    {
        fs::write(inside.join(name), text).unwrap();
    }
    assert_eq!(merged(std::slice::from_ref(&inside), "quantile:0.5").unwrap().threshold, 2.0);
    fs::write(inside.join("notes.txt"), "x").unwrap();
    assert!(merged(&[inside], "value:0").unwrap_err().to_string().contains("notes.txt"));
}

#[test]
fn the_law_of_splits_is_that_of_the_sorted_quantile() {
    let pieces = Pieces(vec![vec![5.0; 1000], vec![7.0], vec![5.0; 1000]]);
    for p in [0.2, 0.9995, 0.99999] {
        let mut sorted = vec![5.0; 2000];
        sorted.push(7.0);
        let found = threshold(ThresholdRule::Quantile { p }, &pieces, 2).unwrap().0;
        assert_eq!(found.to_bits(), quantile_of_sorted(&sorted, p).to_bits(), "equal scores are never all held");
    }
}
