//! The description of a file, which is at its end.

use std::sync::Arc;

use arrow_schema::{DataType, Schema, SchemaRef, TimeUnit};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Type as Physical;
use parquet::errors::Result;
use parquet::file::metadata::{
    ColumnChunkMetaData, KeyValue, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
    ParquetStatisticsPolicy, RowGroupMetaData,
};

use super::failure::{damaged, failure};
use super::pages::Shared;
use super::thrift::{Listed, check_lists};
use crate::arrow_schema::{Fault, verified};
use crate::error::TableError;
use crate::limits::{check_columns, most_described};

/// Bytes for each element of a schema: its names, its types.
const ELEMENT_BYTES: u64 = 900;
/// Bytes for each element of a list that describes a part of a column and is kept.
const DETAIL_BYTES: u64 = 4;

/// Reads it, within what a file of its size may take for it.
pub(super) fn load(shared: &Shared) -> Result<ArrowReaderMetadata, TableError> {
    let failed = |e| failure(&shared.path, e);
    if let Some(described) = shared.described().map_err(failed)? {
        let malformed = |_| failed(damaged("what it says of itself at its end is malformed".into()));
        let Listed { elements, parts, details } = check_lists(&described).map_err(malformed)?;
        check_columns(&shared.path, elements, shared.size)?;
        let bytes =
            [(parts, size_of::<ColumnChunkMetaData>() as u64), (elements, ELEMENT_BYTES), (details, DETAIL_BYTES)];
        let bytes = bytes.map(|(n, each)| n.saturating_mul(each)).into_iter().fold(0, u64::saturating_add);
        let most = most_described(shared.size);
        if bytes > most {
            let reason = format!(
                "it describes {elements} columns in {parts} parts, with lists of {details} elements, which take {bytes} bytes; \
                 a file of its size may have {most}"
            );
            return Err(failed(damaged(reason)));
        }
    }
    let metadata = shared
        .with_file(|file| ParquetMetaDataReader::new().with_metadata_options(Some(kept())).parse_and_finish(file))
        .map_err(failed)?;
    // Parts that lie on one another would be read many times.
    let bytes = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    let bytes = bytes.map(|column| u64::try_from(column.compressed_size()).unwrap_or(0)).fold(0, u64::saturating_add);
    if bytes > shared.size {
        let reason = format!("the parts of its columns have {bytes} bytes together, and it has {}", shared.size);
        return Err(failed(damaged(reason)));
    }
    for schema in arrow_schemas(&metadata).filter_map(|pair| pair.value.as_deref()) {
        check_arrow_schema(schema, shared.size).map_err(failed)?;
    }
    ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new()).map_err(failed)
}

/// What is kept of a description: no statistics, which nothing here reads.
fn kept() -> ParquetMetaDataOptions {
    ParquetMetaDataOptions::new()
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
}

/// The Arrow schemas in a description, of which there should be one at most.
fn arrow_schemas(metadata: &ParquetMetaData) -> impl Iterator<Item = &KeyValue> {
    let pairs = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    pairs.filter(|pair| pair.key == ARROW_SCHEMA_META_KEY)
}

/// Refuses an Arrow schema that takes more than its file, of `size` bytes, accounts for. What else is wrong with it is told
/// where it is read.
fn check_arrow_schema(encoded: &str, size: u64) -> Result<()> {
    let Ok(bytes) = BASE64_STANDARD.decode(encoded) else { return Ok(()) };
    // The head of a message, and its length.
    let message = bytes.strip_prefix(&[0xff; 4]).and_then(|message| message.get(4..)).unwrap_or(&bytes);
    match verified(message, size) {
        Err(Fault::TooLarge(reason)) => Err(damaged(reason)),
        _ => Ok(()),
    }
}

/// The columns as they are read. Times of 96 bits are the crate's in nanoseconds, in which the years before 1677 and after
/// 2262 have no place; where no Arrow schema says what they are, they are read in microseconds, as Spark has them. Where it
/// says that they are entries of a dictionary, they are read as its entries: the crate has no such dictionaries.
pub(super) fn columns(metadata: &ArrowReaderMetadata) -> SchemaRef {
    let schema = metadata.schema();
    let is_told = arrow_schemas(metadata.metadata()).next().is_some();
    let described = metadata.parquet_schema().root_schema().get_fields();
    let fields = schema.fields().iter().zip(described).map(|(field, described)| {
        if !described.is_primitive() || described.get_physical_type() != Physical::INT96 {
            return field.clone();
        }
        let data = match field.data_type() {
            DataType::Dictionary(_, entries) if is_told => entries.as_ref().clone(),
            data if is_told => data.clone(),
            _ => DataType::Timestamp(TimeUnit::Microsecond, None),
        };
        Arc::new(field.as_ref().clone().with_data_type(data))
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}
