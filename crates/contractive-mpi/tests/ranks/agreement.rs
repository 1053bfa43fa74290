//! Any number of ranks trains what one process trains.

use std::fs;
use std::path::Path;

use crate::world::{Job, Run};

/// How far numbers of several ranks are from those of one process, relative, after three epochs: sums are rounded otherwise.
const TOLERANCE: f64 = 1e-5;

/// Rows of the tables: of 160 that are trained on, the last batch of 53 has one, fewer than the ranks.
const ROWS: usize = 200;

/// Writes a table of six columns in five uneven files, `NAME-0.csv` …
fn write_table(folder: &Path, name: &str) {
    let cell = |row: usize, column: usize| {
        let x = row as f64 * 0.37 + column as f64 * 1.3;
        x.sin() * (1.0 + column as f64) + 0.01 * ((row * 7919 + column * 104_729) % 101) as f64
    };
    let mut first = 0;
    for (i, rows) in [90, 3, 57, 1, 49].into_iter().enumerate() {
        let mut text = String::from("a,b,c,d,e,f\n");
        for row in first..first + rows {
            let cells: Vec<String> = (0..6).map(|column| format!("{:.6}", cell(row, column))).collect();
            text += &(cells.join(",") + "\n");
        }
        fs::write(folder.join(format!("{name}-{i}.csv")), text).unwrap();
        first += rows;
    }
    assert_eq!(first, ROWS);
}

fn train(folder: &Path, ranks: usize, out: &str, flags: &str) -> Run {
    let common = "--epochs 3 --batch-size 53 --validation 0.2 --seed 3 --threads 1 --no-report --quiet";
    Job::new(ranks, folder, &format!("--ranks {ranks} train {flags} {common} --out {out}")).done();
    Run(folder.join(out))
}

/// Trains on 1, 2 and 4 ranks, twice on 2.
fn agrees(flags: &str) {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path(), "t");
    let flags = format!("--data t-*.csv {flags}");
    let one = train(folder.path(), 1, "one", &flags);
    assert_eq!(one.metrics().len(), 3);
    for ranks in [2, 4] {
        let several = train(folder.path(), ranks, &format!("of-{ranks}"), &flags);
        let difference = one.difference(&several);
        assert!(difference < TOLERANCE, "{ranks} ranks, {flags}: {difference:e}");
        assert_eq!(one.model()["provenance"], several.model()["provenance"], "{ranks} ranks");
    }
    let again = train(folder.path(), 2, "again", &flags);
    assert_eq!(again.parameters(), Run(folder.path().join("of-2")).parameters(), "the same bits each time");
    assert_eq!(again.numbers(), Run(folder.path().join("of-2")).numbers());
}

#[test]
fn a_plain_autoencoder() {
    agrees("--hidden 8,3 --contraction 0 --scale standard");
}

#[test]
fn a_contractive_one_with_tied_weights() {
    agrees("--hidden 8,3 --tied --contraction 0.1 --penalty jacobian --scale minmax");
}

#[test]
fn random_projections() {
    agrees("--hidden 8,5 --contraction 0.1 --penalty projection --probes 2");
}

#[test]
fn noise() {
    agrees("--hidden 8,3 --contraction 0.05 --noise gaussian:0.2 --scale robust");
}

#[test]
fn sparsity() {
    agrees("--hidden 8,4 --code-activation sigmoid --contraction 0.05 --sparsity 0.1:0.3");
}

#[test]
fn a_registered_set_gives_each_rank_its_range_and_its_part_of_the_test_rows() {
    let folder = tempfile::tempdir().unwrap();
    let flags = "strokes --rows 205 --hidden 16,4";
    let one = train(folder.path(), 1, "one", flags);
    let three = train(folder.path(), 3, "three", flags);
    let difference = one.difference(&three);
    assert!(one.numbers().iter().any(|(name, _)| name == "3 test.total"));
    assert!(difference < TOLERANCE, "{difference:e}");
    assert_eq!(one.model()["provenance"], three.model()["provenance"]);
}

/// Writes rows of numbers, categories and holes in four files; the last one has a category of its own.
fn write_orders(folder: &Path) {
    let channels = ["web", "shop", "phone"];
    let mut row = 0;
    for (file, rows) in [60, 41, 80, 39].into_iter().enumerate() {
        let mut text = String::from("id,channel,amount,weight\n");
        for _ in 0..rows {
            let channel = if row == 200 { "letter" } else { channels[row % 3] };
            let amount = 20.0 + (row % 7) as f64 + (row as f64).sin();
            let weight = if row % 50 == 3 { String::new() } else { format!("{:.3}", 0.1 * amount + (row % 5) as f64) };
            let amount = if row == 130 { 900.0 } else { amount };
            text += &format!("{row:05},{channel},{amount:.4},{weight}\n");
            row += 1;
        }
        fs::write(folder.join(format!("orders-{file}.csv")), text).unwrap();
    }
}

#[test]
fn a_table_with_categories_and_holes() {
    let folder = tempfile::tempdir().unwrap();
    write_orders(folder.path());
    let flags = "--data orders-*.csv --key id --missing median --hidden 6,2 --contraction 0.1 --scale standard";
    let one = train(folder.path(), 1, "one", flags);
    for ranks in [2, 4, 5] {
        let several = train(folder.path(), ranks, &format!("of-{ranks}"), flags);
        let difference = one.difference(&several);
        assert!(difference < TOLERANCE, "{ranks} ranks: {difference:e}");
        assert_eq!(one.model(), several.model(), "what was learnt of the columns");
    }
}

#[test]
fn a_detector_of_a_table() {
    let folder = tempfile::tempdir().unwrap();
    write_orders(folder.path());
    let flags =
        "train --detector --data orders-*.csv --key id --missing mask --ensemble 2 --steps 60 --threads 1 --quiet";
    let detector = |ranks: usize, out: &str| {
        Job::new(ranks, folder.path(), &format!("{flags} --out {out}")).done();
        let text = fs::read_to_string(folder.path().join(out).join("config.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let one = detector(1, "one");
    for ranks in [2, 4] {
        let several = detector(ranks, &format!("of-{ranks}"));
        let thresholds = [&one, &several].map(|detector| detector["threshold"].as_f64().unwrap());
        let difference = (thresholds[0] - thresholds[1]).abs() / thresholds[0].abs();
        assert!(difference < 1e-4, "{ranks} ranks: {thresholds:?}");
        let encoding = |name: &str| fs::read(folder.path().join(name).join("encoding.json")).unwrap();
        assert_eq!(encoding("one"), encoding(&format!("of-{ranks}")));
    }
    // Each rank scores a part: put together, they are what one process gives.
    let many: String = (0..20_000).map(|row| format!("{row},web,{},{}\n", 20 + row % 7, 2 + row % 5)).collect();
    fs::write(folder.path().join("new.csv"), format!("id,channel,amount,weight\n{many}")).unwrap();
    let detect = "detect one --data new.csv --explain 0 --quiet --threads 1";
    Job::new(1, folder.path(), &format!("{detect} -o whole.csv")).done();
    Job::new(3, folder.path(), &format!("{detect} -o part-{{rank}}.csv")).done();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let parts: Vec<String> = (0..3).map(|rank| read(&format!("part-{rank}.csv"))).collect();
    let mut rows: Vec<&str> = parts.iter().flat_map(|part| part.lines().skip(1)).collect();
    rows.sort_by_key(|row| row.split(',').next().unwrap().parse::<u32>().unwrap());
    assert!(parts.iter().all(|part| part.lines().count() > 1));
    let whole = read("whole.csv");
    assert_eq!(rows, whole.lines().skip(1).collect::<Vec<_>>());
}

#[test]
fn ranks_without_rows_take_part() {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path(), "t");
    let flags = "--data t-0.csv,t-2.csv --hidden 5,2 --contraction 0.1";
    let one = train(folder.path(), 1, "one", flags);
    let quiet = "--epochs 3 --batch-size 53 --validation 0.2 --seed 3 --threads 1 --no-report";
    let output = Job::new(4, folder.path(), &format!("train {flags} {quiet} --out four")).run();
    let said = crate::world::said(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("2 of the ranks have no rows"), "{said}");
    let difference = one.difference(&Run(folder.path().join("four")));
    assert!(difference < TOLERANCE, "{difference:e}");
}
