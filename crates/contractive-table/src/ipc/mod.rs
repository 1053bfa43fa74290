//! Arrow's files and streams as frames, a message at a time.
//!
//! A file is a stream between two magic words, with a table of contents at its end that only random access needs: both
//! are read as streams. Messages are read here, and what they claim is checked, before the decoder of `arrow-ipc` takes
//! memory for it. Where a batch is more than the file's size accounts for, all batches are decoded before, some columns at a
//! time, and dropped: damage shows in little memory.

mod checking;
mod messages;
mod unpacking;

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::root_as_message;
use arrow_schema::{Schema, SchemaRef};

use crate::arrow_batches::{Batches, Given};
use crate::arrow_values;
use crate::contained::contained;
use crate::error::TableError;
use crate::frame::{Field, Frame, Kind};
use crate::frame_source::{Choice, FrameSource, Selection};
use crate::limits::{check_columns, frame_rows, most_held};
use checking::Needs;
use messages::Messages;

const END_OF_STREAM: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// An open Arrow file or stream.
pub(super) struct IpcSource {
    batches: IpcBatches,
    given: Given,
    left_out: Vec<String>,
    notes: Vec<String>,
    said: Vec<(String, String)>,
}

/// Its batches.
struct IpcBatches {
    messages: Messages,
    schema: SchemaRef,
    decoder: StreamDecoder,
    /// What of the message under way the decoder has not taken yet.
    input: Buffer,
    /// Bytes that are held where the file may be damaged; `None` before any batch was read.
    held: Option<u64>,
    is_sound: bool,
    is_over: bool,
}

impl IpcSource {
    /// Opens a file and decides on its columns.
    pub fn open(path: &Path, selection: &Selection, chunk_rows: usize) -> Result<Self, TableError> {
        let mut messages = Messages::open(path)?;
        contained(path, || {
            let damaged = |reason: &str| TableError::Corrupt { path: path.to_path_buf(), reason: reason.to_owned() };
            let (first, _) = messages.next()?.ok_or_else(|| damaged("it holds no schema"))?;
            let description = root_as_message(&first[8..]).map_err(|e| damaged(&e.to_string()))?;
            let schema = description.header_as_schema().ok_or_else(|| damaged("it does not begin with a schema"))?;
            let schema = try_fb_to_schema(schema).map_err(|e| damaged(&e.to_string()))?;
            check_columns(path, schema.fields().len() as u64, messages.size)?;
            let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
            let Choice { places, left_out, note } =
                selection.choose(path, &names, &arrow_values::index_columns(&schema))?;
            let fields = arrow_values::fields(path, &schema, &places, selection)?;
            let chunk_rows = rows_a_frame(chunk_rows, &schema, &places, &fields);
            Ok(IpcSource {
                given: Given::none(fields, chunk_rows, 0),
                left_out,
                notes: note.into_iter().collect(),
                said: schema.metadata().iter().map(|(key, text)| (key.clone(), text.clone())).collect(),
                batches: IpcBatches {
                    messages,
                    schema: schema.into(),
                    decoder: StreamDecoder::new(),
                    input: first,
                    held: None,
                    is_sound: false,
                    is_over: false,
                },
            })
        })
    }
}

impl IpcBatches {
    /// Before the first batch is decoded: the check where a batch is more than the file's size accounts for.
    fn prepare(&mut self) -> Result<(), TableError> {
        let mut all = self.messages.again()?;
        all.next()?; // the schema
        let needs = Needs::of(&mut all, &self.schema)?;
        self.messages.go_back()?;
        let held = *self.held.insert(needs.held());
        if held > most_held(self.messages.size) {
            needs.check(&self.messages, &self.schema)?;
            self.must_be_sound()?;
        }
        Ok(())
    }

    /// Decodes and drops all batches, from the first one on, or up to the first beyond `most` rows; the rows of these.
    fn check(&mut self, most: u64) -> Result<u64, TableError> {
        let mut all = self.messages.again()?;
        all.next()?; // the schema
        let rows = checking::check(&mut all, &self.schema, most)?;
        self.messages.go_back()?;
        // What is known is not looked at again.
        self.is_sound |= rows <= most;
        Ok(rows)
    }
}

impl Batches for IpcBatches {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, TableError> {
        if self.held.is_none() {
            self.prepare()?;
        }
        loop {
            if self.input.is_empty() {
                self.input = Buffer::default();
                self.input = match self.messages.next_to_decode()? {
                    Some(message) => message,
                    // A message without a body is decoded when the next one comes.
                    None if !std::mem::replace(&mut self.is_over, true) => Buffer::from(END_OF_STREAM),
                    None => return Ok(None),
                };
            }
            let batch = self.decoder.decode(&mut self.input).map_err(|e| self.messages.damaged(e.to_string()))?;
            if let Some(batch) = batch.filter(|batch| batch.num_rows() > 0) {
                return Ok(Some(batch));
            }
        }
    }

    fn must_be_sound(&mut self) -> Result<(), TableError> {
        if self.is_sound { Ok(()) } else { self.check(u64::MAX).map(drop) }
    }

    fn file(&self) -> (&Path, u64) {
        (&self.messages.path, self.messages.size)
    }
}

impl FrameSource for IpcSource {
    fn fields(&self) -> &[Field] {
        &self.given.fields
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn left_out(&self) -> &[String] {
        &self.left_out
    }

    fn metadata(&self) -> &[(String, String)] {
        &self.said
    }

    fn held_at_most(&self) -> u64 {
        self.batches.held.filter(|_| !self.batches.is_sound).unwrap_or(0)
    }

    fn check(&mut self, most: u64) -> Option<Result<u64, TableError>> {
        let path = self.batches.messages.path.clone();
        Some(contained(&path, || self.batches.check(most)))
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, TableError> {
        let path = self.batches.messages.path.clone();
        contained(&path, || self.given.next_frame(&mut self.batches))
    }
}

/// Rows a frame, by what their cells take in it; batches are there already.
fn rows_a_frame(wanted: usize, schema: &Schema, places: &[usize], fields: &[Field]) -> usize {
    let of =
        |(field, &place): (&Field, &usize)| arrow_values::cell_bytes(schema.field(place).data_type(), &field.kind).1;
    let bytes = fields.iter().zip(places).map(of).sum();
    frame_rows(wanted, fields.len(), bytes, fields.iter().any(|field| field.kind == Kind::Text))
}
