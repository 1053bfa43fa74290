//! Arrow's files and streams as frames, a message at a time.
//!
//! A file is a stream between two magic words, with a table of contents at its end that only random access needs: both
//! are read as streams. Messages are read here, and what they claim is checked, before the decoder of `arrow-ipc` takes
//! memory for it; it sees the columns that are read and no others. Where a batch is more than the file's size accounts for, all
//! batches are decoded before, some columns at a time, and dropped: damage shows in little memory.

mod decoding;
mod layout;
mod lz4;
mod messages;
mod needs;
mod schema;
mod unpacking;

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};

use crate::arrow_batches::{Batches, Given};
use crate::arrow_values;
use crate::contained::contained;
use crate::error::TableError;
use crate::frame::{Field, Frame, Kind};
use crate::frame_source::{Choice, FrameSource, Selection};
use crate::limits::{check_columns, check_rows, frame_rows, most_held};
use crate::pandas_note::index_columns;
use decoding::Decoder;
use messages::Messages;
use needs::Needs;

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
    decoder: Decoder,
    /// Bytes that are held where the file may be damaged; `None` before any batch was read.
    held: Option<u64>,
    is_sound: bool,
}

impl IpcSource {
    /// Opens a file and decides on its columns.
    pub fn open(path: &Path, selection: &Selection, chunk_rows: usize) -> Result<Self, TableError> {
        let mut messages = Messages::open(path)?;
        contained(path, || {
            let damaged = |reason: String| TableError::Corrupt { path: path.to_path_buf(), reason };
            let (first, head) = messages.next()?.ok_or_else(|| damaged("it holds no schema".into()))?;
            let schema: SchemaRef = schema::read(&first[8..head], messages.size).map_err(damaged)?.into();
            check_columns(path, schema.fields().len() as u64, messages.size)?;
            let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
            let mut choice = selection.choose(path, &names, &index_columns(&schema))?;
            let fields = arrow_values::fields(path, &schema, &mut choice, selection)?;
            let Choice { places, left_out, note } = choice;
            let chunk_rows = rows_a_frame(chunk_rows, &schema, &places, &fields);
            let decoder = Decoder::new(&schema, &places, messages.size).map_err(damaged)?;
            Ok(IpcSource {
                given: Given::none(fields, chunk_rows, 0),
                left_out,
                notes: note.into_iter().collect(),
                said: schema.metadata().iter().map(|(key, text)| (key.clone(), text.clone())).collect(),
                batches: IpcBatches { messages, decoder, held: None, is_sound: false },
            })
        })
    }
}

impl IpcBatches {
    /// Before the first batch is decoded: the check where a batch is more than the file's size accounts for.
    fn prepare(&mut self) -> Result<(), TableError> {
        let mut all = self.messages.again()?;
        all.next()?; // the schema
        let needs = Needs::of(&mut all, &self.decoder)?;
        check_rows(&all.path, all.rows, self.decoder.wanted().fields().len(), all.size)?;
        self.messages.go_back()?;
        let held = *self.held.insert(needs.held());
        if held > most_held(self.messages.size) {
            needs.check(&self.messages, &self.decoder)?;
            self.must_be_sound()?;
        }
        Ok(())
    }

    /// Decodes and drops all batches, from the first one on, or up to the first beyond `most` rows; the rows of these.
    fn check(&mut self, most: u64) -> Result<u64, TableError> {
        let (mut all, mut decoder, mut rows) = (self.messages.again()?, self.decoder.again(), 0_u64);
        all.next()?; // the schema
        while rows <= most
            && let Some((bytes, head)) = all.next()?
        {
            rows = rows.saturating_add(decoder.check(&bytes, head).map_err(|reason| all.damaged(reason))?);
        }
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
        while let Some((bytes, head)) = self.messages.next()? {
            let batch = self.decoder.decode(&bytes, head).map_err(|reason| self.messages.damaged(reason))?;
            if let Some(batch) = batch.filter(|batch| batch.num_rows() > 0) {
                return Ok(Some(batch));
            }
        }
        Ok(None)
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
