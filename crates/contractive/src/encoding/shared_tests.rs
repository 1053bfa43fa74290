//! Encodings that several ranks learn together.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use contractive_core::communicator::{Group, in_process};
use contractive_table::{Column, Frame, TableSource, Values};

type Outcome = Result<TrainingTable, EncodingError>;

/// What each rank makes of its share.
fn of_ranks<T: Send>(n: usize, work: impl Fn(usize, &Group) -> T + Sync) -> Vec<T> {
    let work = &work;
    std::thread::scope(|scope| {
        let ranks = in_process(n).into_iter().map(|group| scope.spawn(move || work(group.rank(), &group)));
        let ranks: Vec<_> = ranks.collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

/// Frames that ranks hold, each read with these options.
fn shared(frames: &[Frame], options: &EncodingOptions) -> Vec<Outcome> {
    of_ranks(frames.len(), |rank, group| {
        TrainingTable::read_shared(TableSource::Held { name: "rows", frame: &frames[rank] }, options, group)
    })
}

/// Files that ranks read, each of these texts.
fn of_files(texts: &[&str], options: &EncodingOptions) -> Vec<Outcome> {
    let folder = tempfile::tempdir().unwrap();
    let path = |rank: usize| -> PathBuf { folder.path().join(format!("part-{rank}.csv")) };
    texts.iter().enumerate().for_each(|(rank, text)| std::fs::write(path(rank), text).unwrap());
    of_ranks(texts.len(), |rank, group| TrainingTable::read_shared(&path(rank), options, group))
}

fn alone(frame: &Frame, options: &EncodingOptions) -> Outcome {
    TrainingTable::read(TableSource::Held { name: "rows", frame }, options)
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

/// Numbers, texts, truth values, constants and a key; missing cells where `holes`.
fn frame(n: usize, holes: bool) -> Frame {
    let is_hole = |i: usize, every: usize| holes && i % every == 1;
    let number = |i: usize| (1.0 / (i as f64 + 0.7)).sin() * 10_f64.powi((i % 5) as i32 - 2);
    let numbers = |every: usize| (0..n).map(|i| if is_hole(i, every) { f64::NAN } else { number(i * every) }).collect();
    let word = |i: usize| format!("w{}", (i * i + 3 * i) % 13);
    let texts = (0..n).map(|i| (!is_hole(i, 4)).then(|| word(i))).collect();
    let columns = vec![
        ("key", Values::Integers((0..n as i64).map(Some).collect())),
        ("x", Values::Numbers(numbers(3))),
        ("word", Values::Text(texts)),
        ("is", Values::Booleans((0..n).map(|i| (!is_hole(i, 7)).then_some(i % 3 == 0)).collect())),
        ("same", Values::Integers(vec![Some(7); n])),
        ("unit", Values::Text(vec![Some("m".into()); n])),
        ("order", Values::Integers((0..n as i64).map(|i| Some(1000 + i)).collect())),
        ("grade", Values::Integers((0..n as i64).map(|i| Some(i % 4)).collect())),
    ];
    let columns = columns.into_iter().map(|(name, values)| Column { name: name.into(), values }).collect();
    Frame { first_row: 0, columns }
}

fn options(missing: MissingRule, scale: TableScale) -> EncodingOptions {
    let (keys, categories) = (vec!["key".into()], vec!["grade".into()]);
    EncodingOptions { keys, categories, missing, scale, ..EncodingOptions::default() }
}

/// One table of the ranks' rows.
fn joined(tables: &[TrainingTable]) -> TrainingTable {
    let mut whole = tables[0].clone();
    for table in &tables[1..] {
        assert_eq!((&table.encoding, &table.notes), (&whole.encoding, &whole.notes));
        whole.rows.append(table.rows.clone());
    }
    whole
}

/// To the bit: no two numbers of these tables are equal and differ in their bits.
fn assert_same(shared: Vec<Outcome>, whole: Outcome) {
    let whole = whole.unwrap();
    let joined = joined(&shared.into_iter().collect::<Result<Vec<_>, _>>().unwrap());
    assert_eq!(serde_json::to_string(&joined.encoding).unwrap(), serde_json::to_string(&whole.encoding).unwrap());
    assert_eq!((joined.encoding, joined.notes), (whole.encoding, whole.notes));
    let bits = |rows: &EncodedRows| rows.values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
    assert_eq!(bits(&joined.rows), bits(&whole.rows));
    assert_eq!(joined.rows, whole.rows);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn ranks_learn_what_one_process_learns_of_all_rows_wherever_the_table_is_cut(
        n in 40_usize..90,
        places in prop::collection::vec(0.0..1.0_f64, 0..6),
        rule in 0_usize..4,
        scale in 0_usize..5,
    ) {
        let missing = MissingRule::ALL[rule];
        let whole = frame(n, missing != MissingRule::Refuse);
        let mut ends: Vec<usize> = places.iter().map(|place| (place * (n + 1) as f64) as usize).collect();
        ends.sort_unstable();
        let options = options(missing, TableScale::ALL[scale]);
        assert_same(shared(&cut(&whole, &ends), &options), alone(&whole, &options));
    }
}

#[test]
fn ranks_without_rows_or_without_columns_take_them_from_the_others() {
    let whole = frame(60, true);
    let options = options(MissingRule::Mask, TableScale::Robust);
    let of_whole = alone(&whole, &options).unwrap();
    for (place, mut frames) in [(0, cut(&whole, &[0, 30])), (1, cut(&whole, &[30, 30])), (2, cut(&whole, &[30, 60]))] {
        let none = Frame { first_row: 0, columns: Vec::new() };
        let untyped = |c: &Column| Column { name: c.name.clone(), values: Values::Text(Vec::new()) };
        for empty in [None, Some(none), Some(Frame { columns: whole.columns.iter().map(untyped).collect(), ..whole })] {
            frames[place] = empty.unwrap_or_else(|| frames[place].clone());
            assert_same(shared(&frames, &options), Ok(of_whole.clone()));
        }
    }
    // Files: of a header alone every column is one of numbers.
    let texts = ["id,city,x\n", "id,city,x\n1,Oslo,1\n2,Lyon,2\n", "", "id,city,x\n3,Oslo,3\n4,,4\n"];
    let options = EncodingOptions { keys: vec!["id".into()], missing: MissingRule::Mask, ..Default::default() };
    let tables = of_files(&texts, &options).into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(tables.iter().map(|table| table.rows.n_rows).collect::<Vec<_>>(), [0, 2, 0, 2]);
    assert_eq!(joined(&tables).encoding.feature_names(), ["city=Oslo", "city=(other)", "x"]);
    for (rank, outcome) in of_files(&["", "id,x\n", ""], &options).into_iter().enumerate() {
        match outcome {
            Err(EncodingError::Data(TableError::NoRows { .. })) => assert_eq!(rank, 1),
            Err(EncodingError::Data(TableError::Empty { .. })) => assert_ne!(rank, 1),
            outcome => panic!("{outcome:?}"),
        }
    }
    for outcome in of_files(&["", ""], &EncodingOptions::default()) {
        assert!(matches!(&outcome, Err(EncodingError::Data(TableError::Empty { .. }))), "{outcome:?}");
    }
}

#[test]
fn the_first_rows_are_those_of_the_first_ranks() {
    let whole = frame(60, true);
    for rows in [1, 19, 20, 21, 45, 60, 1000] {
        let options = EncodingOptions { rows: Some(rows), ..options(MissingRule::Mask, TableScale::Robust) };
        match alone(&whole, &options) {
            Ok(of_whole) => assert_same(shared(&cut(&whole, &[20, 20, 40]), &options), Ok(of_whole)),
            Err(error) => {
                let told = shared(&cut(&whole, &[20, 20, 40]), &options);
                assert!(told.iter().all(|outcome| outcome.as_ref().unwrap_err().to_string() == error.to_string()));
            }
        }
    }
}

/// What each rank says.
fn errors(outcomes: Vec<Outcome>) -> Vec<String> {
    outcomes.into_iter().map(|outcome| outcome.unwrap_err().to_string()).collect()
}

#[test]
fn refusals_are_those_of_one_process_on_every_rank() {
    let whole = frame(60, true);
    for missing in [MissingRule::Refuse, MissingRule::Mask] {
        let mut bad = whole.clone();
        match missing {
            MissingRule::Mask => bad.columns[2].values = Values::Text((0..60).map(|i| Some(format!("{i}"))).collect()),
            _ => bad.columns[5].values = Values::Text(vec![None; 60]),
        }
        bad.columns[1].values = Values::Numbers(vec![f64::NAN; 60]);
        let options = EncodingOptions { categories: Vec::new(), ..options(missing, TableScale::Robust) };
        let of_whole = alone(&bad, &options).unwrap_err().to_string();
        for ends in [&[1][..], &[2, 30, 59], &[0, 60]] {
            assert!(errors(shared(&cut(&bad, ends), &options)).iter().all(|told| *told == of_whole), "{of_whole}");
        }
    }
    // In files it is the line there.
    let texts = ["a,b\n1,2\n3,4\n", "a,b\n1,2\n,4\n5,\n"];
    for told in errors(of_files(&texts, &EncodingOptions::default())) {
        assert!(
            told.contains("part-1.csv line 3, column `a`") && told.contains("part-1.csv line 4, column `b`"),
            "{told}"
        );
    }
    let mask = EncodingOptions { missing: MissingRule::Mask, ..Default::default() };
    for told in errors(of_files(&["a,b\n1,2\n3,4\n", "a,b\n1,2\n,\n5,7\n"], &mask)) {
        assert!(told.contains("part-1.csv line 3: every cell is missing"), "{told}");
    }
}

#[test]
fn a_slip_is_found_wherever_it_is() {
    let numbers = |from: usize, n: usize| (from..from + n).map(|i| format!("{i},{i}\n")).collect::<String>();
    let with_word = format!("a,b\n{}7,many\n{}", numbers(0, 40), numbers(40, 30));
    let text = format!("a,b\n{}7,few\n", numbers(100, 3));
    for (rank, told) in errors(of_files(&[&text, &with_word], &EncodingOptions::default())).into_iter().enumerate() {
        // The columns of the first are text as well; its word comes first.
        assert!(told.contains("part-0.csv line 5, column `b`: `few` makes text"), "rank {rank}: {told}");
    }
    let few = ["a,b\n1,1\n2,1\n3,2\n4,2\n", "a,b\n1,1\n2,many\n"].map(|text| text.replace("b\n", "b\n9,x\n"));
    let tables = of_files(&[&few[0], &few[1]], &EncodingOptions::default());
    let notes: Vec<Vec<String>> = tables.into_iter().map(|table| table.unwrap().notes).collect();
    assert!(notes[0].iter().any(|note| note.contains("5 of its cells are numbers: line 2 holds `x`")), "{notes:?}");
    assert!(notes[1].iter().any(|note| note.contains("part-0.csv line 2 holds `x`")), "{notes:?}");
}

#[test]
fn columns_that_differ_are_named_on_all_ranks() {
    let options = EncodingOptions { missing: MissingRule::Mask, ..Default::default() };
    let said = |texts: &[&str], expected: &str| {
        for told in errors(of_files(texts, &options)) {
            assert!(told.contains(expected), "{told}");
        }
    };
    let numbers = "a,b\n1,2\n3,4\n";
    said(&[numbers, "a,b\n1,2\n3,x\n"], "column `b` is text on rank 1, and numbers on rank 0");
    said(&["a,b\n", "a,b\n1,x\n", numbers], "column `b` is numbers on rank 2, and text on rank 1");
    said(&[numbers, "a,c\n1,2\n"], "column 2 is `c` on rank 1, and `b` on rank 0");
    said(&["", numbers, "a,b,c\n1,2,3\n"], "column 3 is `c` on rank 2, and not there on rank 1");
    said(&[numbers, "b,a\n1,2\n"], "column 1 is `b` on rank 1, and `a` on rank 0");
    // Of columns that are not learnt from the kind says nothing.
    let options = EncodingOptions { keys: vec!["b".into()], ..options.clone() };
    assert!(of_files(&[numbers, "a,b\n1,x\n"], &options).iter().all(Result::is_ok));
}

#[test]
fn an_error_of_one_rank_ends_all() {
    let texts = ["a,b\n1,2\n3,4\n", "a,b\n1,2\n3,inf\n", "a,b\n1,2\n"];
    let told = errors(of_files(&texts, &EncodingOptions::default()));
    assert!(told[1].contains("part-1.csv line 3, column `b`") && !told[1].contains("rank 1"), "{told:?}");
    assert!(told[0].starts_with("rank 1 failed: ") && told[0].contains("part-1.csv line 3"), "{told:?}");
    assert_eq!(told[0], told[2]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("0.csv"), texts[0]).unwrap();
    let told = errors(of_ranks(3, |rank, group| {
        TrainingTable::read_shared(&folder.path().join(format!("{rank}.csv")), &EncodingOptions::default(), group)
    }));
    assert!(told[0].starts_with("rank 1 failed: ") && told[0].contains("1.csv"), "{told:?}");
    assert!(told[2].contains("2.csv"), "its own: {told:?}");
    let told = errors(of_ranks(2, |rank, group| {
        let scale = TableScale::ALL[rank];
        let options = EncodingOptions { scale, ..Default::default() };
        TrainingTable::read_shared(&folder.path().join("0.csv"), &options, group)
    }));
    assert!(told[0].contains("Standard") && told[0] == told[1], "{told:?}");
}

#[test]
fn a_word_that_stands_for_nothing_on_one_rank_is_no_column_of_text() {
    // Cells missing throughout a rank leave the column what it is elsewhere.
    let texts = ["a,b\n1,\n2,NA\n", "a,b\n3,x\n4,y\n5,x\n6,y\n"];
    let options = EncodingOptions { missing: MissingRule::Median, ..Default::default() };
    let tables = of_files(&texts, &options).into_iter().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(tables[0].encoding.feature_names(), ["a", "b=x", "b=y", "b=(other)"]);
    assert_eq!((tables[0].rows.missing_cells, tables[1].rows.missing_cells), (2, 0));
    assert!(tables[1].notes.iter().any(|note| note.contains("2 missing cells filled")), "{:?}", tables[1].notes);
}

#[test]
fn one_process_reads_the_files_of_ranks_to_the_same_encoding() {
    let lines: Vec<String> =
        (0..500).map(|i| format!("{i},{:.3},{}\n", (i as f64).sin(), ["a", "b", "c"][i % 3])).collect();
    let file = |lines: &[String]| format!("n,x,c\n{}", lines.concat());
    let options = EncodingOptions::default();
    let parts = [file(&lines[..100]), file(&lines[100..101]), file(&lines[101..])];
    let shared = of_files(&[&parts[0], &parts[1], &parts[2]], &options);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, file(&lines)).unwrap();
    assert_same(shared, TrainingTable::read(&path, &options));
}
