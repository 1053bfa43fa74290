//! TensorBoard's event file, made from a run's history.
//!
//! ```text
//! file    one record a message: length (u64), crc(length), message, crc(message); all little-endian
//! crc     CRC-32C, rotated right by 15 bits, plus 0xa282ead8 (TFRecord's masking)
//! message protocol buffer Event: wall_time 1 (double), step 2 (varint), file_version 3 or summary 5
//!         Summary: value 1, repeated; Value: tag 1, simple_value 2 (float)
//! ```
//!
//! The step is the epoch, from 1. The file's bytes follow from the history and the time in the file's name, so those of
//! a longer history only add to those of a shorter one: a resumed run leaves the file of one never interrupted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use contractive_core::Terms;

use crate::history::EpochRecord;
use contractive_table::atomic::write_atomically;

const PREFIX: &str = "events.out.tfevents.";
const SUFFIX: &str = ".contractive";

/// Brings the event file of the run directory `folder` up to `history`, making it where there is none.
pub(super) fn write(folder: &Path, history: &[EpochRecord]) -> io::Result<()> {
    let (path, began) = match find(folder)? {
        Some(found) => found,
        None => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
            // The first write comes after the first epochs.
            let began = now.saturating_sub(history.iter().map(|r| r.seconds).sum::<f64>() as u64);
            (folder.join(format!("{PREFIX}{began}{SUFFIX}")), began)
        }
    };
    let bytes = encode(history, began as f64);
    // A TensorBoard that watches holds the file open: it sees what is added, not a file that takes its place.
    match what_is_missing(&path, &bytes)? {
        Some([]) => Ok(()),
        Some(rest) => OpenOptions::new().append(true).open(&path)?.write_all(rest),
        None => write_atomically(&path, |file| file.write_all(&bytes)),
    }
}

/// The folder's event file, with the time in its name.
pub(super) fn find(folder: &Path) -> io::Result<Option<(PathBuf, u64)>> {
    let mut found: Vec<(PathBuf, u64)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let time = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok());
        let Some(time) = time else { continue };
        // A pipe of that name is nobody's event file, and to open it would be to wait.
        if fs::metadata(entry.path()).is_ok_and(|it| it.is_file()) {
            found.push((entry.path(), time));
        }
    }
    Ok(found.into_iter().min())
}

/// What the file at `path` lacks of `bytes`; `None` where it is not there or holds something else.
fn what_is_missing<'a>(path: &Path, bytes: &'a [u8]) -> io::Result<Option<&'a [u8]>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut present = Vec::new();
    file.take(bytes.len() as u64 + 1).read_to_end(&mut present)?;
    Ok(bytes.strip_prefix(present.as_slice()))
}

/// The whole file, of a run that began at `began` (seconds since 1970).
fn encode(history: &[EpochRecord], began: f64) -> Vec<u8> {
    let mut file = Vec::new();
    let mut version = Message::event(began, 0);
    version.bytes(3, b"brain.Event:2");
    push_record(&mut file, &version.0);
    let mut time = began;
    for record in history {
        time += record.seconds;
        let mut event = Message::event(time, record.epoch as u64);
        event.bytes(5, &summary(record).0);
        push_record(&mut file, &event.0);
    }
    file
}

fn summary(record: &EpochRecord) -> Message {
    let mut summary = Message::default();
    let mut scalar = |tag: &str, number: f64| {
        let mut value = Message::default();
        value.bytes(1, tag.as_bytes());
        value.float(2, number as f32);
        summary.bytes(1, &value.0);
    };
    let parts = [("train", Some(record.train)), ("validation", record.validation), ("test", record.test)];
    for (part, terms) in parts {
        let Some(Terms { total, reconstruction, penalty, .. }) = terms else { continue };
        scalar(&format!("{part}/total"), total);
        scalar(&format!("{part}/reconstruction"), reconstruction);
        scalar(&format!("{part}/penalty"), penalty);
    }
    scalar("jacobian_norm", record.jacobian_norm);
    scalar("learning_rate", record.learning_rate);
    summary
}

fn push_record(file: &mut Vec<u8>, message: &[u8]) {
    let length = (message.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(masked_crc(&length).to_le_bytes());
    file.extend(message);
    file.extend(masked_crc(message).to_le_bytes());
}

fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A protocol buffer message under way. A field's key is its number, shifted by 3 bits, and its wire type.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn event(wall_time: f64, step: u64) -> Self {
        let mut event = Message::default();
        event.varint(1 << 3 | 1);
        event.0.extend(wall_time.to_le_bytes());
        event.varint(2 << 3);
        event.varint(step);
        event
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn float(&mut self, field: u64, number: f32) {
        self.varint(field << 3 | 5);
        self.0.extend(number.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(epochs: usize) -> Vec<EpochRecord> {
        let terms = |total| Terms { total, ..Terms::default() };
        (1..=epochs)
            .map(|epoch| EpochRecord {
                epoch,
                step: 10 * epoch as u64,
                seconds: 2.0,
                rows_per_second: 1.0,
                learning_rate: 0.5,
                train: terms(1.0 / epoch as f64),
                last_batch_sum: None,
                validation: (epoch > 1).then(|| terms(2.0)),
                test: None,
                jacobian_norm: 3.0,
                jacobian_square: 9.0,
                is_best: true,
            })
            .collect()
    }

    /// The check value of CRC-32C, masked by hand; the bytes of a file version event are TensorFlow's.
    #[test]
    fn records_are_framed_and_masked_as_tensorflow_does() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(masked_crc(b"123456789"), 0x2507_c60d_u32.wrapping_add(0xa282_ead8));
        let file = encode(&[], 1.5);
        assert_eq!(file[..8], 26_u64.to_le_bytes());
        assert_eq!(file[8..12], masked_crc(&file[..8]).to_le_bytes());
        assert_eq!(file[12..38], *b"\x09\0\0\0\0\0\0\xf8\x3f\x10\x00\x1a\x0dbrain.Event:2");
        assert_eq!(file[38..], masked_crc(&file[12..38]).to_le_bytes());
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_with_the_name_of_an_event_file_is_left_alone() {
        let desk = tempfile::tempdir().unwrap();
        let pipe = desk.path().join("events.out.tfevents.7.contractive");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        write(desk.path(), &history(1)).unwrap();
        let (path, _) = find(desk.path()).unwrap().unwrap();
        assert!(path != pipe && fs::read(path).unwrap().len() > 100);
    }

    #[test]
    fn numbers_above_127_take_several_bytes() {
        let mut message = Message::default();
        message.varint(300);
        assert_eq!(message.0, [0xac, 0x02]);
    }

    #[test]
    fn a_longer_history_adds_and_a_damaged_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let whole = || {
            let (path, began) = find(folder.path()).unwrap().unwrap();
            (fs::read(&path).unwrap(), path, began)
        };
        write(folder.path(), &history(1)).unwrap();
        let (first, path, began) = whole();
        write(folder.path(), &history(3)).unwrap();
        let (longer, ..) = whole();
        assert!(longer.starts_with(&first) && longer == encode(&history(3), began as f64));
        // Torn by a kill in the middle of an addition, ahead of the checkpoint, or not ours at all.
        for there in [longer[..longer.len() - 9].to_vec(), encode(&history(5), began as f64), b"other".to_vec()] {
            fs::write(&path, there).unwrap();
            write(folder.path(), &history(3)).unwrap();
            assert!(whole().0 == longer);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
