//! Tables to features and back.

use super::*;
use contractive_table::{Column, Frame, FrameReader, Values};

const TABLE: &str =
    "id,city,x,y,same\n01,Oslo,1,10,7\n02,Oslo,2,,7\n03,Lyon,3,30,7\n04,Lyon,4,40,7\n05,Porto,5,50,7\n06,,6,60,7\n";

fn written(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn options(missing: MissingRule) -> EncodingOptions {
    EncodingOptions { keys: vec!["id".into()], missing, scale: TableScale::None, ..EncodingOptions::default() }
}

fn learnt(text: &str, options: &EncodingOptions) -> Result<TrainingTable, EncodingError> {
    let (_folder, path) = written(text);
    TrainingTable::read(&path, options)
}

/// Encodes another table by `encoding`.
fn encoded(encoding: &TableEncoding, text: &str, admission: &Admission) -> Result<EncodedRows, EncodingError> {
    let (_folder, path) = written(text);
    let reader = FrameReader::open(&path, &encoding.read_options(&path, admission));
    let reader = reader.map_err(|e| encoding.opening_error(e, admission))?;
    encoding.check(&path, reader.fields(), admission)?;
    let mut rows = EncodedRows::default();
    for frame in reader {
        rows.append(encoding.encode(&frame?, &path, &admission.text)?);
    }
    Ok(rows)
}

#[test]
fn each_kind_of_column_becomes_its_features() {
    let table = learnt(TABLE, &options(MissingRule::Median)).unwrap();
    // Porto was there once: too rare for a feature of its own.
    assert_eq!(table.encoding.feature_names(), ["city=Lyon", "city=Oslo", "city=(other)", "x", "y"]);
    assert_eq!(table.encoding.source_names(), ["city", "x", "y"]);
    assert_eq!(table.encoding.key_names(), ["id"]);
    assert_eq!(table.encoding.constant_names(), ["same"]);
    let row = |r: usize| &table.rows.values[r * 5..][..5];
    assert_eq!(row(0), [-0.4, 0.6, -0.2, 1.0, 10.0]);
    assert_eq!(row(1)[4], 40.0, "the median of 10, 30, 40, 50, 60");
    assert_eq!(row(4)[..3], [-0.4, -0.4, 0.8]);
    assert_eq!(row(5)[..3], [0.6, -0.4, -0.2], "the most frequent city, the first by name of two");
    assert_eq!((table.rows.missing_cells, table.rows.missing.len()), (2, 0));
    assert!(table.notes.iter().any(|n| n.contains("same")) && table.notes.iter().any(|n| n.contains("city")));
    let mean = learnt(TABLE, &options(MissingRule::Mean)).unwrap();
    assert_eq!(mean.rows.values[5 + 4], 38.0);
}

#[test]
fn notes_on_many_columns_are_cut_short() {
    let line = |cell: &dyn Fn(usize) -> String| (0..30).map(cell).collect::<Vec<String>>().join(",") + "\n";
    let rows: String = (0..9).map(|row| line(&|_| if row == 4 { "word".into() } else { row.to_string() })).collect();
    let table =
        learnt(&(line(&|i| if i == 0 { "id".into() } else { format!("c{i}") }) + &rows), &options(MissingRule::Median))
            .unwrap();
    let more = table.notes.iter().find_map(|note| note.strip_suffix(" more notes like these, on other columns"));
    let (told, untold) =
        (table.notes.iter().filter(|note| note.contains("`c")).count(), more.unwrap().parse::<usize>());
    assert!(told == 20 && untold.unwrap() >= 10, "{:?}", table.notes);
}

#[test]
fn masked_cells_are_marked_with_all_the_features_of_their_column() {
    let table = learnt(TABLE, &options(MissingRule::Mask)).unwrap();
    let marked: Vec<usize> = (0..30).filter(|i| table.rows.missing[*i]).collect();
    assert_eq!(marked, [5 + 4, 25, 26, 27]);
    assert_eq!(table.encoding.by_source(&[1.0, 2.0, 4.0, 8.0, 16.0]), [7.0, 8.0, 16.0]);
    // Frames without missing cells among others with them.
    let mut rows = EncodedRows::default();
    let frames =
        ["id,city,x,y,same\n1,Oslo,1,1,7\n", "id,city,x,y,same\n1,Oslo,,1,7\n", "id,city,x,y,same\n1,Oslo,1,1,7\n"];
    for text in frames {
        rows.append(encoded(&table.encoding, text, &Admission::default()).unwrap());
    }
    assert_eq!((0..15).filter(|i| rows.missing[*i]).collect::<Vec<_>>(), [8]);
    assert_eq!(rows.missing.len(), 15);
}

#[test]
fn refused_cells_are_named() {
    let text = learnt(TABLE, &options(MissingRule::Refuse)).unwrap_err().to_string();
    assert!(text.contains("line 3, column `y`"), "{text}");
    for (missing, cell) in [(MissingRule::Mask, "inf"), (MissingRule::Median, "-inf"), (MissingRule::Refuse, "1e301")] {
        let text = learnt(&format!("id,x,y\n1,1,2\n2,2,{cell}\n"), &options(missing)).unwrap_err().to_string();
        assert!(text.contains("line 3, column `y`") && text.contains("finite"), "{text}");
    }
    let text = learnt("id,x,y\n1,1,\n2,2,NA\n", &options(MissingRule::Mask)).unwrap_err().to_string();
    assert!(text.contains("`y` has no value"), "{text}");
    let text = learnt("id,x,y\n1,1,1\n2,,\n3,2,5\n", &options(MissingRule::Mask)).unwrap_err().to_string();
    assert!(text.contains("line 3: every cell is missing"), "{text}");
    assert!(matches!(learnt("id,x\n1,5\n2,5\n", &options(MissingRule::Mask)), Err(EncodingError::NoFeatures { .. })));
    assert!(learnt("id,x\n", &options(MissingRule::Mask)).is_err());
}

#[test]
fn roles_that_clash_or_columns_that_are_not_there_are_refused() {
    let both = EncodingOptions { label: Some("id".into()), ..options(MissingRule::Mask) };
    assert!(matches!(learnt(TABLE, &both), Err(EncodingError::TwoRoles { .. })));
    let both = EncodingOptions { columns: Some(vec!["id".into()]), ..options(MissingRule::Mask) };
    assert!(matches!(learnt(TABLE, &both), Err(EncodingError::TwoRoles { .. })));
    let absent = EncodingOptions { columns: Some(vec!["z".into()]), ..options(MissingRule::Mask) };
    let e = learnt(TABLE, &absent).unwrap_err();
    assert!(e.to_string().contains("lacks z"), "{e}");
}

#[test]
fn text_of_many_values_is_refused_unless_it_is_called_a_category() {
    let mut text = String::from("word,x\n");
    (0..200).for_each(|i| text += &format!("w{},{i}\n", i % 100));
    let e = learnt(&text, &EncodingOptions::default()).unwrap_err();
    assert!(matches!(&e, EncodingError::ManyLevels { column, .. } if column == "word"), "{e}");
    let wished = EncodingOptions { categories: vec!["word".into()], ..EncodingOptions::default() };
    let table = learnt(&text, &wished).unwrap();
    assert_eq!(table.encoding.n_features(), MOST_LEVELS + 1 + 1);
    // A number can be a category.
    let wished = EncodingOptions { categories: vec!["x".into()], ..options(MissingRule::Refuse) };
    let table = learnt("id,x,z\n1,3,1\n2,3,2\n3,4,3\n4,4,5\n", &wished).unwrap();
    assert_eq!(table.encoding.feature_names(), ["x=3", "x=4", "x=(other)", "z"]);
}

#[test]
fn new_data_are_checked_by_name() {
    let encoding = learnt(TABLE, &options(MissingRule::Mask)).unwrap().encoding;
    let usual = Admission::default();
    let say = |text: &str| encoded(&encoding, text, &usual).unwrap_err().to_string();
    let text = say("id,city,x,same,more\n1,Oslo,1,7,0\n");
    assert!(text.contains("missing: y") && text.contains("unknown: more"), "{text}");
    assert!(say("city,x,y,same\nOslo,1,2,7\n").contains("missing: id"));
    let text = say("id,city,y,x,same\n1,Oslo,1,2,7\n");
    assert!(text.contains("`y` stands where `x` stood"), "{text}");
    assert!(say("id,city,x,y,same\n1,Oslo,one,2,7\n").contains("line 2, column `x`"));
    let loose = Admission { carried: vec!["more".into()], may_reorder: true, ..Admission::default() };
    let rows = encoded(&encoding, "same,more,id,city,y,x\n8,0,1,Rome,50,1\n", &loose).unwrap();
    let ordered = encoded(&encoding, "id,city,x,y,same\n1,Rome,1,50,8\n", &usual).unwrap();
    assert_eq!(rows, ordered);
    assert_eq!((rows.unseen_cells, rows.changed_cells), (1, 1));
    assert!(encoded(&encoding, "id,city,x,y,same\n1,Oslo,1,2,7\n", &loose).unwrap_err().to_string().contains("more"));
}

#[test]
fn a_frame_without_a_column_is_an_error_and_no_panic() {
    let encoding = learnt(TABLE, &options(MissingRule::Mask)).unwrap().encoding;
    let frame = Frame { first_row: 0, columns: vec![Column { name: "x".into(), values: Values::Text(vec![None]) }] };
    assert!(encoding.encode(&frame, Path::new("t"), &TextOptions::default()).is_err());
}

#[test]
fn stored_encodings_are_judged() {
    let encoding = learnt(TABLE, &options(MissingRule::Mask)).unwrap().encoding;
    let text = serde_json::to_string(&encoding).unwrap();
    let back: TableEncoding = serde_json::from_str(&text).unwrap();
    assert_eq!((back.fault(), back == encoding), (None, true));
    for (from, to) in [
        ("\"format_version\":1", "\"format_version\":2"),
        ("\"factor\":1.0", "\"factor\":0.0"),
        ("\"Oslo\"", "\"Lyon\""),
        ("\"fill\":0}", "\"fill\":2}"),
        ("\"name\":\"x\"", "\"name\":\"y\""),
        ("\"missing\":", "\"more\":0,\"missing\":"),
        ("0.4,0.4,", "0.4,"),
        ("0.4,0.4,", "0.4,-1,"),
    ] {
        let spoilt = text.replacen(from, to, 1);
        assert_ne!(spoilt, text, "{from}");
        let judged = serde_json::from_str::<TableEncoding>(&spoilt).map(|e| e.fault());
        assert!(!matches!(judged, Ok(None)), "{spoilt}");
    }
}

#[test]
fn what_is_usual_is_in_the_units_of_the_table() {
    let rows: String = (1..=100).map(|i| format!("{},{},{}\n", i as f64 / 10.0, i % 5, ["b", "a"][i % 2])).collect();
    let table = learnt(&format!("size,grade,part\n{rows}"), &EncodingOptions::default()).unwrap();
    let usual = table.encoding.usual_cells();
    assert_eq!(usual.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["size", "grade", "part"]);
    let UsualCells::Numbers { low, middle, high } = usual[0].1 else { panic!("{usual:?}") };
    assert!((low - 0.5).abs() < 0.1 && (middle - 5.0).abs() < 0.1 && (high - 9.5).abs() < 0.1, "{usual:?}");
    // Of few different numbers it is one of them.
    assert_eq!(usual[1].1, UsualCells::Numbers { low: 0.0, middle: 2.0, high: 4.0 });
    let levels = vec![("a".to_owned(), 0.5), ("b".to_owned(), 0.5)];
    assert_eq!(usual[2].1, UsualCells::Levels { levels, others: 0.0 });
}
