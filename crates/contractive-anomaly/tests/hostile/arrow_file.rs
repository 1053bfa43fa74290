//! Arrow files whose messages lie: about their own sizes, about each other's, and about what is not read of them.

use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Float64Array, NullArray, RecordBatch};
use arrow_ipc::root_as_message;
use arrow_ipc::writer::{DictionaryHandling, IpcWriteOptions, StreamWriter};
use contractive_table::{FrameReader, ReadOptions};

use crate::columnar::{arrow, batch_of};
use crate::judge::{DIAGNOSIS, FRAMES, Judge, fixture, peak_of};

/// Where messages begin, by their marks.
fn messages(bytes: &[u8]) -> Vec<usize> {
    bytes.windows(4).enumerate().filter(|(_, four)| *four == [0xff; 4]).map(|(at, _)| at).collect()
}

/// The last buffer is nothing but a claim, of a TiB, in the last eight bytes of the body.
#[test]
fn a_claim_at_the_end_of_a_body_counts() {
    let judge = Judge::new();
    let column: ArrayRef = Arc::new(Float64Array::from(vec![0.0; 1 << 10]));
    let lz4 = arrow(&[batch_of(vec![column])], true);
    let zstd = std::fs::read(fixture("tables/zstd.feather")).unwrap();
    for (name, mut bytes) in [("claim.arrow", lz4), ("claim.feather", zstd)] {
        // The description of the batch is the second that begins with the mark of a message.
        let start = messages(&bytes)[1] + 8;
        let length = u32::from_le_bytes(bytes[start - 4..start].try_into().unwrap()) as usize;
        let message = root_as_message(&bytes[start..start + length]).unwrap();
        let buffers = message.header_as_record_batch().unwrap().buffers().unwrap();
        let last = buffers.bytes().as_ptr() as usize - bytes.as_ptr() as usize + 16 * (buffers.len() - 1);
        let body = message.bodyLength();
        let end = start + length + usize::try_from(body).unwrap();
        bytes[last..last + 8].copy_from_slice(&(body - 8).to_le_bytes());
        bytes[last + 8..last + 16].copy_from_slice(&8_i64.to_le_bytes());
        bytes[end - 8..end].copy_from_slice(&(1_i64 << 40).to_le_bytes());
        judge.refused(name, &bytes, &[FRAMES, DIAGNOSIS], "Corrupt");
    }
}

/// Files made by hand (fixtures/hostile): numbers of another byte order; a kilobyte that names the fields of its schema 100,000
/// times; batches within one another, by a table of contents that lists each.
#[test]
fn foreign_numbers_and_parts_named_many_times_are_refused() {
    let judge = Judge::new();
    for name in ["big-endian.arrow", "repeated-fields.arrow", "nested-messages.arrow"] {
        let bytes = std::fs::read(fixture(&format!("hostile/{name}"))).unwrap();
        judge.refused(name, &bytes, &[FRAMES, DIAGNOSIS], "Corrupt");
    }
}

/// A list of 2,147,483,647 cells of nothing in each row, which a decoder would look at one by one, beside columns that are read.
#[test]
fn columns_that_are_not_read_are_not_decoded() {
    let _judge = Judge::new();
    let options = ReadOptions { columns: Some(vec!["a".into(), "b".into()]), ..ReadOptions::default() };
    let peak = peak_of(|| {
        let frames = FrameReader::open(fixture("hostile/unread-list.arrow"), &options).unwrap();
        let rows: usize = frames.map(|frame| frame.unwrap().n_rows()).sum();
        assert_eq!(rows, 8);
    });
    assert!(peak < 1 << 20, "{peak} bytes");
}

/// The mark of the end in the place of a batch that the table of contents lists.
#[test]
fn a_file_that_ends_before_its_table_of_contents_says_is_refused() {
    let judge = Judge::new();
    let mut bytes = std::fs::read(fixture("tables/kinds.arrow")).unwrap();
    let is_message = |at: &usize| bytes[at + 4..at + 8] != [0; 4];
    let last = messages(&bytes).into_iter().filter(|at| at % 8 == 0).rfind(is_message).unwrap();
    bytes[last + 4..last + 8].copy_from_slice(&[0; 4]);
    judge.refused("ends.arrow", &bytes, &[FRAMES, DIAGNOSIS], "Corrupt");
}

/// Cells of nothing take none of the file, and are followed one by one all the same.
#[test]
fn rows_of_nothing_are_counted_before_they_are_followed() {
    let judge = Judge::new();
    for (n_columns, rows) in [(1, 1 << 27), (200, 1 << 20)] {
        let nothing: ArrayRef = Arc::new(NullArray::new(rows));
        let bytes = arrow(&[batch_of(vec![nothing; n_columns])], false);
        judge.refused("nothing.arrow", &bytes, &[FRAMES, DIAGNOSIS], "Corrupt");
    }
}

/// A dictionary that grows by one word a batch is joined anew each time.
#[test]
fn dictionaries_that_grow_by_too_many_small_parts_are_refused() {
    let judge = Judge::new();
    let mut words = StringDictionaryBuilder::<Int32Type>::new();
    let mut batch = |i: usize| {
        words.append_value(format!("{i:01000}"));
        let column: ArrayRef = Arc::new(words.finish_preserve_values());
        RecordBatch::try_from_iter([("word", column)]).unwrap()
    };
    let options = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    let (mut bytes, first) = (Vec::new(), batch(0));
    let mut writer = StreamWriter::try_new_with_options(&mut bytes, &first.schema(), options).unwrap();
    writer.write(&first).unwrap();
    (1..1_000).for_each(|i| writer.write(&batch(i)).unwrap());
    writer.finish().unwrap();
    drop(writer);
    judge.refused("grows.arrow", &bytes, &[FRAMES], "Corrupt");
}
