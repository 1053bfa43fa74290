//! How fast training is on rows that stay in their file, beside rows in memory: `cargo run --release -p contractive
//! --example streaming_speed [ROWS]`.
//!
//! Writes the same table in each format to a temporary folder, trains two networks on it both ways, and prints rows a
//! second of the fastest of the epochs after the first. The numbers of docs/performance.md come from here.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use contractive::config::{Layer, TrainConfig};
use contractive::table::{Column, Frame, FrameWriter, Values};
use contractive::train::Source;
use contractive::{Prepared, train};

const COLUMNS: usize = 64;
const EPOCHS: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let rows: usize = std::env::args().nth(1).map_or(Ok(200_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    println!("{rows} rows of {COLUMNS} numbers; rows a second, and the share of the speed in memory");
    println!("| network | file | in memory | streamed | share |\n|---|---|---|---|---|");
    for name in ["rows.npy", "rows.parquet", "rows.arrow", "rows.csv", "rows.csv.gz"] {
        let path = folder.path().join(name);
        write(&path, rows)?;
        let bytes = path.metadata()?.len();
        for hidden in ["[64, 16]", "[16]"] {
            let memory = speed(&path, hidden, false)?;
            let streamed = speed(&path, hidden, true)?;
            println!(
                "| {COLUMNS}, {hidden} | {name}, {} MB | {memory:.0} | {streamed:.0} | {:.2} |",
                bytes / 1_000_000,
                streamed / memory
            );
        }
        std::fs::remove_file(&path)?;
    }
    Ok(())
}

/// Smooth columns with digits enough that a text file is of the usual size.
fn write(path: &Path, rows: usize) -> Result<(), Box<dyn Error>> {
    let at = |row: usize, column: usize| {
        let x = f64::from((row as f32 * 0.021 * (1.0 + column as f32 * 0.3) + column as f32).sin());
        (x * 1e6).round() / 1e6
    };
    let frame = |first: usize, n: usize| Frame {
        first_row: first as u64,
        columns: (0..COLUMNS)
            .map(|j| Column {
                name: format!("f{j}"),
                values: Values::Numbers((first..first + n).map(|row| at(row, j)).collect()),
            })
            .collect(),
    };
    let mut writer = FrameWriter::create(path, &frame(0, 0).fields())?;
    for first in (0..rows).step_by(4096) {
        writer.write(&frame(first, (rows - first).min(4096)))?;
    }
    Ok(writer.finish()?)
}

/// Rows a second of the fastest epoch but the first.
fn speed(path: &Path, hidden: &str, stream: bool) -> Result<f64, Box<dyn Error>> {
    let text = format!(
        "data.spec = {:?}\ndata.stream = {stream}\nmodel.hidden = {hidden}\ntraining.epochs = {EPOCHS}\n",
        path.display().to_string()
    );
    let config = TrainConfig::layered(&TrainConfig::default(), &[Layer::from_text("example", &text)?])?;
    let prepared = Prepared::load(&config, &Source::default())?;
    let outcome = train(&prepared, None, None, &mut (), &AtomicBool::new(false))?;
    Ok(outcome.history[1..].iter().map(|record| record.rows_per_second).fold(0.0, f64::max))
}
