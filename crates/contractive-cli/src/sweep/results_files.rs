//! The numbers of a sweep as files in its folder.

use contractive_table::{Column as TableColumn, Values};
use serde::Serialize;

use super::folder::SweepFolder;
use super::plan::Plan;
use super::result::RunResult;
use super::table::{Column, Row, Table};
use crate::output::{TableTarget, write_file};

/// Both tables.
const RESULTS: &str = "results.json";
/// A row a combination of settings.
const TABLE: &str = "table.csv";
/// A row a run.
const RUNS: &str = "runs.csv";

/// Names of the files.
pub(crate) const FILES: [&str; 3] = [TABLE, RUNS, RESULTS];

/// All numbers of a sweep.
#[derive(Serialize)]
pub(crate) struct Results<'a> {
    /// Names of the settings that differ.
    pub(crate) settings: &'a [String],
    /// Means over the seeds.
    pub(crate) table: &'a [Row],
    /// The runs.
    pub(crate) runs: &'a [RunResult],
}

/// Writes `table.csv`, `runs.csv` and `results.json`.
pub(crate) fn write(
    folder: &SweepFolder,
    plan: &Plan,
    results: &[RunResult],
    columns: &[Column],
    table: &Table<'_>,
) -> anyhow::Result<()> {
    let all = Results { settings: &plan.settings, table: &table.rows, runs: results };
    let text = serde_json::to_string_pretty(&all)? + "\n";
    write_file(&folder.file(RESULTS), text.as_bytes())?;
    TableTarget::File(folder.file(TABLE)).write(of_table(plan, columns, &table.rows))?;
    TableTarget::File(folder.file(RUNS)).write(of_runs(plan, results, columns))?;
    Ok(())
}

fn words<'a>(name: &str, words: impl Iterator<Item = &'a str>) -> TableColumn {
    TableColumn { name: name.to_owned(), values: Values::Text(words.map(|word| Some(word.to_owned())).collect()) }
}

fn numbers(name: String, values: impl Iterator<Item = Option<f64>>) -> TableColumn {
    TableColumn { name, values: Values::Numbers(values.map(|value| value.unwrap_or(f64::NAN)).collect()) }
}

fn counts(name: &str, values: impl Iterator<Item = usize>) -> TableColumn {
    let values = values.map(|value| i64::try_from(value).ok()).collect();
    TableColumn { name: name.to_owned(), values: Values::Integers(values) }
}

fn of_table(plan: &Plan, columns: &[Column], rows: &[Row]) -> Vec<TableColumn> {
    let own = plan.own_settings().iter().enumerate();
    let mut all: Vec<TableColumn> =
        own.map(|(i, name)| words(name, rows.iter().map(|row| row.words()[i].as_str()))).collect();
    all.push(counts("runs", rows.iter().map(|row| row.runs)));
    all.push(counts("diverged", rows.iter().map(|row| row.diverged)));
    for Column { key, .. } in columns {
        let spread = |row: &Row| row.values.get(key).copied();
        all.push(numbers(key.clone(), rows.iter().map(|row| spread(row).map(|spread| spread.mean))));
        let deviation = |row: &Row| spread(row).and_then(|spread| spread.deviation);
        all.push(numbers(format!("{key}_deviation"), rows.iter().map(deviation)));
    }
    all
}

fn of_runs(plan: &Plan, results: &[RunResult], columns: &[Column]) -> Vec<TableColumn> {
    let mut all = vec![words("run", plan.runs.iter().map(|run| run.folder.as_str()))];
    let settings = plan.settings.iter().enumerate();
    all.extend(settings.map(|(i, name)| words(name, plan.runs.iter().map(|run| run.words[i].as_str()))));
    all.push(words("state", results.iter().map(|result| result.state.name())));
    all.push(counts("epochs", results.iter().map(|result| result.epochs)));
    for Column { key, values, .. } in columns {
        all.push(numbers(key.clone(), values.iter().copied()));
    }
    all
}
