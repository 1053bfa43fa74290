//! `cae data info` of a table: what its columns look like, and the command that trains on it.

use std::path::Path;

use contractive::encoding::{ColumnDiagnosis, Looks, TableDiagnosis};
use contractive_table::{Place, TextOptions};

use crate::numbers::{count, grouped, percent};
use crate::shell::quoted;
use crate::table::{Side, aligned};

/// Columns shown.
const SHOWN: usize = 60;

/// The table's columns, a line each, and what to do about them.
pub(super) fn in_words(path: &str, table: &TableDiagnosis, text: &TextOptions) -> String {
    let header = ["column", "looks like", "missing", "values"].map(str::to_owned).to_vec();
    let line = |column: &ColumnDiagnosis| {
        let missing = if column.missing > 0 { grouped(column.missing as usize) } else { String::new() };
        vec![column.name.clone(), column.looks.name().to_owned(), missing, values(column)]
    };
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(table.columns.iter().take(SHOWN).map(line)).collect();
    let mut words = aligned(&[Side::Left, Side::Left, Side::Right, Side::Left], &rows);
    if table.columns.len() > SHOWN {
        words += &format!("and {}\n", count(table.columns.len() - SHOWN, "further column"));
    }
    for remark in remarks(path, table, text) {
        words += &format!("\n{remark}\n");
    }
    words += "\nto train on it\n";
    for command in commands(path, table) {
        words += &format!("  {command}\n");
    }
    words
}

fn values(column: &ColumnDiagnosis) -> String {
    let different =
        || column.different.map_or("more than 10,000 different".into(), |n| format!("{} different", grouped(n)));
    let named = || {
        let named: Vec<String> =
            column.levels.iter().map(|(level, share)| format!("{} {}", short(level), percent(*share))).collect();
        let all = column.different.unwrap_or(usize::MAX);
        let more = if all > named.len() { ", …" } else { "" };
        format!("{}: {}{more}", different(), named.join(", "))
    };
    match (column.looks, &column.range) {
        (Looks::Empty, _) => String::new(),
        (_, Some((low, high))) if low == high => low.clone(),
        (Looks::Number | Looks::Label, Some((low, high))) => format!("{low} to {high}, {}", different()),
        (_, Some((low, high))) => format!("{low} to {high}"),
        (Looks::Category | Looks::Constant | Looks::Label, None) if !column.levels.is_empty() => named(),
        _ => different(),
    }
}

fn short(text: &str) -> String {
    let cut: String = text.chars().take(24).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

/// The words among numbers, of as many columns as are shown.
fn slips(path: &str, table: &TableDiagnosis, text: &TextOptions) -> Vec<String> {
    let slips = table.columns.iter().filter_map(|column| Some((&column.name, column.slip.as_ref()?)));
    let slips: Vec<(&String, &(u64, String))> = slips.collect();
    let shown = &slips[..slips.len().min(SHOWN)];
    let rows: Vec<u64> = shown.iter().map(|(_, (row, _))| *row).collect();
    let places = Place::of_rows_in(Path::new(path), &rows, text);
    let remark = |((name, (_, word)), place): (&(&String, &(u64, String)), Place)| {
        format!("`{name}` holds numbers but for a few words, the first one {word} in {place}: correct or empty them")
    };
    let mut remarks: Vec<String> = shown.iter().zip(places).map(remark).collect();
    if slips.len() > SHOWN {
        let more = count(slips.len() - SHOWN, "further column");
        remarks.push(format!("{more} of numbers with a few words in them"));
    }
    remarks
}

/// What has to be mended or known before training.
fn remarks(path: &str, table: &TableDiagnosis, text: &TextOptions) -> Vec<String> {
    let mut remarks = slips(path, table, text);
    let constant = table.that_look(Looks::Constant);
    if !constant.is_empty() {
        remarks.push(format!("the same in every row, and left out where columns are chosen: {}", some(&constant)));
    }
    let few = |c: &&ColumnDiagnosis| {
        c.looks == Looks::Number && c.is_whole && c.different.is_some_and(|n| (3..=10).contains(&n))
    };
    let few: Vec<String> = table.columns.iter().filter(few).map(|c| c.name.clone()).collect();
    if !few.is_empty() {
        remarks.push(format!(
            "few whole numbers: {}; where they are names of kinds, add --categorical {}",
            some(&few),
            quoted(&few.join(","))
        ));
    }
    if table.columns.len() as u64 > 4 * table.rows && table.rows > 1 {
        remarks
            .push("there are many more columns than rows: where a row should be a column, transpose the table with --transpose".into());
    }
    remarks
}

fn some(names: &[String]) -> String {
    contractive_table::listing::some_names(names)
}

/// The commands that train on the table, as a user would type them.
pub(super) fn commands(path: &str, table: &TableDiagnosis) -> Vec<String> {
    let features: Vec<&ColumnDiagnosis> =
        table.columns.iter().filter(|c| matches!(c.looks, Looks::Number | Looks::Category)).collect();
    let flags = flags(table, &features);
    let path = quoted(path);
    let mut commands =
        vec![format!("cae train --data {path}{flags}"), format!("cae train --detector --data {path}{flags}")];
    let times: Vec<&ColumnDiagnosis> = table.columns.iter().filter(|c| c.looks == Looks::Time).collect();
    let numbers: Vec<&&ColumnDiagnosis> = features.iter().filter(|c| c.looks == Looks::Number).collect();
    if let ([time], false) = (&times[..], numbers.is_empty())
        && time.ascends
    {
        let label = label_flag(table);
        let missing = if numbers.iter().any(|c| c.missing > 0) { " --missing previous" } else { "" };
        commands.push(format!("cae train --detector --data {path} --time {}{label}{missing}", quoted(&time.name)));
    }
    commands
}

fn label_flag(table: &TableDiagnosis) -> String {
    let label = table.that_look(Looks::Label);
    label.first().map_or_else(String::new, |name| format!(" --label-column {}", quoted(name)))
}

fn flags(table: &TableDiagnosis, features: &[&ColumnDiagnosis]) -> String {
    let list = |names: &[String]| quoted(&names.join(","));
    let is_key = |c: &&ColumnDiagnosis| matches!(c.looks, Looks::Identifier | Looks::Time | Looks::Text);
    let keys: Vec<String> = table.columns.iter().filter(is_key).map(|c| c.name.clone()).collect();
    let mut flags = String::new();
    // A column without any value cannot be learnt from: the others are named.
    if !table.that_look(Looks::Empty).is_empty() {
        flags += &format!(" --columns {}", list(&features.iter().map(|c| c.name.clone()).collect::<Vec<_>>()));
    }
    if !keys.is_empty() {
        flags += &format!(" --key {}", list(&keys));
    }
    if features.iter().any(|c| c.missing > 0 || c.slip.is_some()) {
        flags += " --missing median";
    }
    flags + &label_flag(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each in its own row: their lines are found together, and no more columns are told than are shown.
    #[test]
    fn words_among_numbers_are_told_by_their_lines_of_as_many_columns_as_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let row = |row: usize| (0..70).map(move |i| if i == row { "x".into() } else { format!("{}", row * i) });
        let line = |cells: Vec<String>| cells.join(",") + "\n";
        let names = line((0..70).map(|i| format!("c{i}")).collect());
        std::fs::write(&path, names + &(0..70).map(|i| line(row(i).collect())).collect::<String>()).unwrap();
        let table = TableDiagnosis::of(&path, TextOptions::default()).unwrap();
        let slips = slips(path.to_str().unwrap(), &table, &TextOptions::default());
        assert_eq!(slips.len(), SHOWN + 1);
        for (i, slip) in slips[..SHOWN].iter().enumerate() {
            assert!(slip.starts_with(&format!("`c{i}` ")) && slip.contains(&format!("in line {}:", i + 2)), "{slip}");
        }
        assert!(slips[SHOWN].starts_with("10 further columns"), "{}", slips[SHOWN]);
    }
}
