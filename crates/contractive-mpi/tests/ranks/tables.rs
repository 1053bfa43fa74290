//! Tables in files of several formats, shared out.

use std::fs;
use std::ops::Range;
use std::path::Path;

use contractive_table::{Column, Frame, FrameWriter, Values};

use crate::world::{Job, Run};

/// Writes rows of three columns.
fn write(path: &Path, rows: Range<usize>) {
    let column = |name: &str, of: fn(f64) -> f64| {
        let values = rows.clone().map(|row| of(row as f64)).collect();
        Column { name: name.into(), values: Values::Numbers(values) }
    };
    let columns = vec![
        column("a", |row| (row * 0.3).sin()),
        column("b", |row| (row * 0.7).cos() * 3.0),
        column("c", |row| row % 5.0),
    ];
    let frame = Frame { first_row: 0, columns };
    let mut writer = FrameWriter::create(path, &frame.fields()).unwrap();
    writer.write(&frame).unwrap();
    writer.finish().unwrap();
}

#[test]
fn row_groups_of_one_file_and_files_of_any_format_are_the_same_table() {
    let folder = tempfile::tempdir().unwrap();
    // The writer's row groups have 131,072 rows.
    const ROWS: usize = 270_000;
    write(&folder.path().join("whole.parquet"), 0..ROWS);
    let flags = "--hidden 2 --contraction 0.1 --epochs 1 --batch-size 8000 --threads 1 --no-report --quiet";
    Job::new(1, folder.path(), &format!("train --data whole.parquet --out one {flags}")).done();
    Job::new(3, folder.path(), &format!("train --data whole.parquet --out three {flags}")).done();
    let [one, three] = ["one", "three"].map(|name| Run(folder.path().join(name)));
    let difference = one.difference(&three);
    assert!(difference < 1e-5, "{difference:e}");
    let sum = |run: &Run| run.model()["provenance"]["data_sha256"].as_str().unwrap().to_owned();
    assert_eq!(sum(&one), sum(&three));
}

#[test]
fn a_pattern_a_folder_and_a_list_are_one_table() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("parts")).unwrap();
    for (i, rows) in [0..40, 40..41, 41..100].into_iter().enumerate() {
        write(&folder.path().join(format!("parts/part-{i}.arrow")), rows);
    }
    let list = "parts/part-0.arrow,parts/part-1.arrow,parts/part-2.arrow";
    let sums: Vec<String> = ["parts/*.arrow", "parts", list]
        .into_iter()
        .enumerate()
        .map(|(i, data)| {
            let flags = "--hidden 2 --epochs 1 --threads 1 --no-report --quiet";
            Job::new(2, folder.path(), &format!("train --data {data} --out of-{i} {flags}")).done();
            let run = Run(folder.path().join(format!("of-{i}")));
            assert!(run.difference(&Run(folder.path().join("of-0"))) == 0.0);
            run.model()["provenance"]["data_sha256"].to_string()
        })
        .collect();
    assert!(sums.iter().all(|sum| *sum == sums[0] && sum.len() == 66), "{sums:?}");
}
