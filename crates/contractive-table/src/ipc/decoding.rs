//! The batches of the columns that are read, and of nothing else.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::reader::{RecordBatchDecoder, read_dictionary};
use arrow_ipc::{self as ipc, Message, MessageHeader, root_as_message};
use arrow_schema::{DataType, Schema, SchemaRef};

use super::layout::{Parts, parts};
use super::messages::{Claims, batch_of};
use super::unpacking::unpacked;
use crate::limits::most_unpacked;

/// Columns are checked together where they are small: so many bytes of them.
pub(super) const CHECKED_BYTES: u64 = 4 << 20;

/// What is known of a file while its messages are decoded in their order.
pub(super) struct Decoder {
    /// Of all columns.
    schema: SchemaRef,
    /// The places of those that are read, and their schema.
    columns: Vec<usize>,
    wanted: SchemaRef,
    /// By the numbers of dictionaries, the first of these columns that has each: asked for anew with each dictionary, all
    /// columns would be looked through as often.
    with_dictionary: Arc<HashMap<i64, usize>>,
    dictionaries: HashMap<i64, ArrayRef>,
    /// Bytes of dictionaries that deltas were joined to.
    joined: u64,
    /// Of the file.
    size: u64,
}

impl Decoder {
    /// Of the columns at places that are within `schema`, in a file of `size` bytes.
    pub fn new(schema: &SchemaRef, columns: &[usize], size: u64) -> Result<Self, String> {
        let wanted: SchemaRef = schema.project(columns).map_err(|e| e.to_string())?.into();
        let mut with_dictionary = HashMap::new();
        for (column, field) in wanted.fields().iter().enumerate() {
            #[expect(deprecated)] // arrow-ipc itself finds them so
            if let Some(id) = field.dict_id() {
                with_dictionary.entry(id).or_insert(column);
            }
        }
        Ok(Decoder {
            schema: schema.clone(),
            columns: columns.to_vec(),
            wanted,
            with_dictionary: with_dictionary.into(),
            dictionaries: HashMap::new(),
            joined: 0,
            size,
        })
    }

    /// From the first message on.
    pub fn again(&self) -> Self {
        Decoder {
            schema: self.schema.clone(),
            columns: self.columns.clone(),
            wanted: self.wanted.clone(),
            with_dictionary: self.with_dictionary.clone(),
            dictionaries: HashMap::new(),
            joined: 0,
            size: self.size,
        }
    }

    /// The schema of the columns that are read.
    pub fn wanted(&self) -> &Schema {
        &self.wanted
    }

    /// The parts of the columns that are read.
    pub fn parts(&self, batch: &ipc::RecordBatch<'_>, version: ipc::MetadataVersion) -> Vec<Parts> {
        let all = parts(batch, version, &self.schema);
        self.columns.iter().map(|&column| all[column].clone()).collect()
    }

    /// Whether a column that is read has this dictionary.
    pub fn needs(&self, dictionary: &ipc::DictionaryBatch<'_>) -> bool {
        self.with_dictionary.contains_key(&dictionary.id())
    }

    /// The rows of a message whose body begins at `head`; nothing of one without rows.
    pub fn decode(&mut self, bytes: &Buffer, head: usize) -> Result<Option<RecordBatch>, String> {
        let message = message(bytes, head)?;
        let Some(batch) = self.rows_of(&message, &bytes.slice(head))? else { return Ok(None) };
        let parts = self.parts(&batch, message.version());
        self.decode_some(&message, &batch, &bytes.slice(head), (&self.wanted, &parts)).map(Some)
    }

    /// Decodes a message some columns at a time and keeps nothing but dictionaries; its rows.
    pub fn check(&mut self, bytes: &Buffer, head: usize) -> Result<u64, String> {
        let (message, body) = (message(bytes, head)?, bytes.slice(head));
        let Some(batch) = self.rows_of(&message, &body)? else { return Ok(0) };
        let (claims, parts) = (Claims::in_body(&batch, &body), self.parts(&batch, message.version()));
        let mut start = 0;
        while start < parts.len() {
            let (mut end, mut bytes) = (start + 1, claims.column(&parts[start]));
            while let Some(more) = parts.get(end).map(|part| claims.column(part))
                && bytes.saturating_add(more) <= CHECKED_BYTES
            {
                (end, bytes) = (end + 1, bytes + more);
            }
            let fields: Vec<_> = self.wanted.fields()[start..end].to_vec();
            let group = Schema::new_with_metadata(fields, HashMap::new()).into();
            self.decode_some(&message, &batch, &body, (&group, &parts[start..end]))?;
            start = end;
        }
        Ok(u64::try_from(batch.length()).unwrap_or(0))
    }

    /// The rows that a message has; a dictionary is taken in.
    fn rows_of<'a>(&mut self, message: &Message<'a>, body: &Buffer) -> Result<Option<ipc::RecordBatch<'a>>, String> {
        match message.header_type() {
            MessageHeader::NONE => Ok(None),
            MessageHeader::DictionaryBatch => self.take_dictionary(message, body).map(|()| None),
            MessageHeader::RecordBatch => Ok(message.header_as_record_batch()),
            other => Err(format!("a message of the kind {other:?} among its batches")),
        }
    }

    fn decode_some(
        &self,
        message: &Message<'_>,
        batch: &ipc::RecordBatch<'_>,
        body: &Buffer,
        (schema, parts): (&SchemaRef, &[Parts]),
    ) -> Result<RecordBatch, String> {
        let (description, body) = unpacked(message, batch, body, parts)?;
        let message = root_as_message(&description).map_err(|e| e.to_string())?;
        let batch = message.header_as_record_batch().ok_or("a batch without rows")?;
        RecordBatchDecoder::try_new(&body, batch, schema.clone(), &self.dictionaries, &message.version())
            .and_then(RecordBatchDecoder::read_record_batch)
            .map_err(|e| e.to_string())
    }

    fn take_dictionary(&mut self, message: &Message<'_>, body: &Buffer) -> Result<(), String> {
        let Some(dictionary) = message.header_as_dictionary_batch() else { return Ok(()) };
        let column = self.with_dictionary.get(&dictionary.id()).copied();
        let (Some(column), Some(batch)) = (column, batch_of(message)) else { return Ok(()) };
        if dictionary.isDelta() {
            let before = self.dictionaries.get(&dictionary.id()).map_or(0, |array| array.get_buffer_memory_size());
            self.joined = self.joined.saturating_add(before as u64);
            if self.joined > most_unpacked(self.size) {
                return Err("its dictionaries grow by too many small parts; write it without delta dictionaries".into());
            }
        }
        let (nodes, buffers) = (batch.nodes().map_or(0, |all| all.len()), batch.buffers().map_or(0, |all| all.len()));
        let views = batch.variadicBufferCounts().map_or(0, |all| all.len());
        let all = Parts { nodes: 0..nodes, buffers: 0..buffers, views: 0..views };
        let (description, body) = unpacked(message, &batch, body, [&all])?;
        let message = root_as_message(&description).map_err(|e| e.to_string())?;
        let dictionary = message.header_as_dictionary_batch().ok_or("a dictionary without entries")?;
        let of_one = Schema::new(vec![self.wanted.fields()[column].clone()]);
        read_dictionary(&body, dictionary, &of_one, &mut self.dictionaries, &message.version())
            .map_err(|e| e.to_string())
    }
}

fn message(bytes: &Buffer, head: usize) -> Result<Message<'_>, String> {
    root_as_message(&bytes.as_slice()[8..head]).map_err(|e| e.to_string())
}

/// Whether numbers of a schema must lie at multiples of 16 bytes, and are copied where they do not.
pub(super) fn has_wide_numbers(schema: &Schema) -> bool {
    schema.fields().iter().any(|field| match field.data_type() {
        DataType::Dictionary(_, of) => of.primitive_width().is_some_and(|n| n > 8),
        data => data.primitive_width().is_some_and(|n| n > 8),
    })
}
