//! How fast training is on rows that stay in their file, beside rows in memory.
//!
//! ```text
//! cargo run --release -p contractive --example streaming_speed -- [ROWS [THREADS]]
//! ```
//!
//! Writes the same table in each format to a temporary folder, and trains two networks on it both ways. It prints rows a
//! second of the fastest epoch but the first, and on Linux the processor time a row, all threads together: their ratio
//! is the share of the speed that is left where training alone would keep every core busy, and does not depend on what
//! else the machine does. The numbers of docs/performance.md come from here.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use contractive::config::{Layer, TrainConfig};
use contractive_table::{Column, Frame, FrameWriter, Values};

use contractive::{Prepared, train};

const COLUMNS: usize = 64;
const EPOCHS: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let rows = numbers.next().unwrap_or(Ok(200_000))?;
    let threads = numbers.next().unwrap_or(Ok(1))?;
    let folder = tempfile::tempdir()?;
    println!("{rows} rows of {COLUMNS} numbers, {EPOCHS} epochs, training threads: {threads}\n");
    println!("| network | file | rows/s in memory | streamed | share | µs a row in memory | streamed | share |");
    println!("|---|---|---|---|---|---|---|---|");
    for name in ["rows.npy", "rows.parquet", "rows.arrow", "rows.csv", "rows.csv.gz"] {
        let path = folder.path().join(name);
        write(&path, rows)?;
        let megabytes = path.metadata()?.len() / 1_000_000;
        for hidden in ["[64, 16]", "[16]"] {
            let (memory, memory_cost) = speed(&path, hidden, threads, false)?;
            let (streamed, streamed_cost) = speed(&path, hidden, threads, true)?;
            println!(
                "| {COLUMNS}, {hidden} | {name}, {megabytes} MB | {memory:.0} | {streamed:.0} | {:.2} | {memory_cost:.2} | \
                 {streamed_cost:.2} | {:.2} |",
                streamed / memory,
                memory_cost / streamed_cost
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

/// Rows a second of the fastest epoch but the first, and microseconds of processor time a row.
fn speed(path: &Path, hidden: &str, threads: usize, stream: bool) -> Result<(f64, f64), Box<dyn Error>> {
    let text = format!(
        "data.spec = {:?}\ndata.stream = {stream}\nmodel.hidden = {hidden}\ntraining.epochs = {EPOCHS}\n\
         training.threads = {threads}\n",
        path.display().to_string()
    );
    let config = TrainConfig::layered(&TrainConfig::default(), &[Layer::from_text("example", &text)?])?;
    let prepared = if stream {
        Prepared::streamed(&config, path)?
    } else {
        Prepared::new(&config, contractive::data::load(path, &Default::default())?, None)?
    };
    let before = processor_seconds();
    let outcome = train(&prepared, None, None, &mut (), &AtomicBool::new(false))?;
    let cost = (processor_seconds() - before) / (prepared.n_training_rows() * EPOCHS) as f64;
    Ok((outcome.history[1..].iter().map(|record| record.rows_per_second).fold(0.0, f64::max), 1e6 * cost))
}

/// Processor time of this process so far, in user and system; NaN where there is no /proc.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> = after_name.split_whitespace().skip(11).take(2).filter_map(|tick| tick.parse().ok()).collect();
    if ticks.len() == 2 { (ticks[0] + ticks[1]) / 100.0 } else { f64::NAN } // 100 ticks a second, on every Linux
}
