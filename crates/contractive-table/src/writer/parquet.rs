//! Parquet files.

use std::io;

use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::arrow_frame::{batch, schema};
use super::sink::{FrameSink, Said};
use super::target::Target;
use crate::frame::{Field, Frame};

/// Rows of a row group: kept packed in memory until it is whole.
const GROUP_ROWS: usize = 131_072;

/// Parquet, packed with SNAPPY.
pub(super) struct ParquetSink {
    schema: SchemaRef,
    writer: ArrowWriter<Target>,
}

impl ParquetSink {
    pub fn new(target: Target, fields: &[Field], said: Said<'_>) -> io::Result<Self> {
        let schema = schema(fields);
        let said = said.map(|(key, text)| vec![KeyValue::new(key.to_owned(), text.to_owned())]);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(said)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(target, schema.clone(), Some(properties)).map_err(io::Error::other)?;
        Ok(ParquetSink { schema, writer })
    }
}

impl FrameSink for ParquetSink {
    fn write(&mut self, frame: &Frame) -> io::Result<()> {
        self.writer.write(&batch(&self.schema, frame)?).map_err(io::Error::other)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.writer.into_inner().map_err(io::Error::other)?.commit()
    }
}
