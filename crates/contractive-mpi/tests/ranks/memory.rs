//! A rank holds its share, and no more.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::world::{Job, Run};

/// Rows and columns of a file: 25 MB.
const ROWS: usize = 50_000;
const COLUMNS: usize = 125;
/// Files: 200 MB.
const FILES: usize = 8;

/// Writes an array of 32-bit numbers as `numpy.save` does.
fn write_array(path: &Path, file: usize) {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({ROWS}, {COLUMNS}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut out = std::io::BufWriter::new(fs::File::create(path).unwrap());
    out.write_all(b"\x93NUMPY\x01\x00").unwrap();
    out.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    out.write_all(header.as_bytes()).unwrap();
    let mut bytes = vec![0; 4 * COLUMNS];
    for row in 0..ROWS {
        for (column, cell) in bytes.chunks_exact_mut(4).enumerate() {
            let value = ((file * ROWS + row) * 31 + column * 17) % 1000;
            cell.copy_from_slice(&(value as f32 / 1000.0).to_le_bytes());
        }
        out.write_all(&bytes).unwrap();
    }
    out.flush().unwrap();
}

/// The most memory that each rank had, in MB.
fn peaks(ranks: usize, folder: &Path) -> Vec<f64> {
    let flags = "--hidden 2 --contraction 0 --epochs 1 --batch-size 4000 --threads 1 --no-report --quiet";
    let mut job = Job::new(ranks, folder, &format!("train --data big --out of-{ranks} {flags}")).start();
    let mut peaks = vec![0.0_f64; ranks];
    while !job.has_ended() {
        for (process, rank) in job.ranks() {
            let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
            let peak = peak.and_then(|kilobytes| kilobytes.trim().parse::<f64>().ok());
            peaks[rank] = peaks[rank].max(peak.unwrap_or(0.0) / 1e3);
        }
        thread::sleep(Duration::from_millis(10));
    }
    let (status, said) = job.end(Duration::from_secs(1));
    assert!(status.success(), "{said}");
    peaks
}

#[test]
fn the_memory_of_a_rank_is_bounded_by_its_share() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("big")).unwrap();
    (0..FILES).for_each(|file| write_array(&folder.path().join(format!("big/part-{file}.npy")), file));
    let one = peaks(1, folder.path())[0];
    let four = peaks(4, folder.path());
    println!("one process {one:.0} MB, four ranks {four:.0?} MB");
    let table = (FILES * ROWS * COLUMNS * 4) as f64 / 1e6;
    assert!(one > table, "{one} MB for a table of {table} MB");
    assert!(four.iter().all(|peak| *peak > table / 4.0 && *peak < one / 2.0), "{four:?} MB, one process {one} MB");
    let [one, four] = ["of-1", "of-4"].map(|name| Run(folder.path().join(name)));
    assert!(one.difference(&four) < 1e-5);
}
