//! Parquet files written page by page, so that each page may be wrong in a way of its own, and one page packed once makes a
//! large file.

use std::io::Write;
use std::sync::Arc;

use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::basic::{Compression, ConvertedType, Encoding, Repetition, Type as Physical};
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, KeyValue, LevelHistogram, ParquetMetaData, ParquetMetaDataWriter,
    RowGroupMetaData,
};
use parquet::schema::types::{SchemaDescriptor, Type};

/// A page with its header.
#[derive(Clone)]
pub struct Page {
    pub bytes: Vec<u8>,
    unpacked: usize,
    is_dictionary: bool,
}

/// How the bytes of a page are packed.
pub fn packed(codec: Compression, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Compression::SNAPPY => snap::raw::Encoder::new().compress_vec(bytes).unwrap(),
        Compression::LZ4_RAW => lz4_flex::block::compress(bytes),
        Compression::GZIP(_) => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::ZSTD(_) => ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest),
        _ => bytes.to_vec(),
    }
}

impl Page {
    /// A page of `n` plain values.
    pub fn plain(codec: Compression, n: usize, values: &[u8]) -> Self {
        Self::of(n, values.len(), &packed(codec, values), false, 0)
    }

    /// A dictionary of `n` plain entries.
    pub fn dictionary(codec: Compression, n: usize, values: &[u8]) -> Self {
        Self::of(n, values.len(), &packed(codec, values), true, 0)
    }

    /// A page of `n` entries of a dictionary, all of them the first one.
    pub fn first_entries(codec: Compression, n: usize) -> Self {
        // A bit a place, and one run of zeros.
        let mut run = vec![1];
        let mut length = n << 1;
        while length >= 0x80 {
            run.push(length as u8 | 0x80);
            length >>= 7;
        }
        run.extend([length as u8, 0]);
        Self::of(n, run.len(), &packed(codec, &run), false, 8)
    }

    /// A page as its header is to describe it.
    pub fn of(n: usize, unpacked: usize, packed: &[u8], is_dictionary: bool, encoding: i64) -> Self {
        Self::with_levels(n, unpacked, packed, is_dictionary, encoding, 3)
    }

    /// A page of data of `n` values that are not packed; `levels` is how those are encoded which it begins with.
    pub fn data(n: usize, values: &[u8], encoding: i64, levels: i64) -> Self {
        Self::with_levels(n, values.len(), values, false, encoding, levels)
    }

    fn with_levels(n: usize, unpacked: usize, packed: &[u8], is_dictionary: bool, encoding: i64, levels: i64) -> Self {
        let number = |n: i64, bytes: &mut Vec<u8>| {
            let mut n = (n << 1) as u64;
            bytes.push(0x15);
            while n >= 0x80 {
                bytes.push(n as u8 | 0x80);
                n >>= 7;
            }
            bytes.push(n as u8);
        };
        let mut bytes = Vec::new();
        number(if is_dictionary { 2 } else { 0 }, &mut bytes);
        number(unpacked as i64, &mut bytes);
        number(packed.len() as i64, &mut bytes);
        bytes.push(if is_dictionary { 0x4c } else { 0x2c });
        number(n as i64, &mut bytes);
        number(encoding, &mut bytes);
        if !is_dictionary {
            number(levels, &mut bytes);
            number(3, &mut bytes);
        }
        bytes.extend([0, 0]);
        bytes.extend(packed);
        Page { bytes, unpacked, is_dictionary }
    }
}

/// What a file's description says beside what it must.
#[derive(Default)]
pub struct Described {
    /// In Base64.
    pub arrow_schema: Option<String>,
    /// Levels of which the statistics of each column say that none of its cells has them.
    pub levels: usize,
}

impl Described {
    fn histogram(&self) -> Option<LevelHistogram> {
        (self.levels > 0).then(|| vec![0; self.levels].into())
    }

    fn pairs(&self) -> Option<Vec<KeyValue>> {
        let schema = self.arrow_schema.clone()?;
        Some(vec![KeyValue { key: ARROW_SCHEMA_META_KEY.into(), value: Some(schema) }])
    }
}

/// A table of columns of one kind.
pub struct Table {
    pub codec: Compression,
    pub physical: Physical,
    pub is_optional: bool,
}

impl Table {
    /// Of numbers that are all there.
    pub fn of_numbers(codec: Compression) -> Self {
        Table { codec, physical: Physical::DOUBLE, is_optional: false }
    }

    fn column(&self, i: usize) -> Arc<Type> {
        let repetition = if self.is_optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let name = format!("c{i}");
        let column = Type::primitive_type_builder(&name, self.physical).with_repetition(repetition);
        let is_text = self.physical == Physical::BYTE_ARRAY;
        let column = if is_text { column.with_converted_type(ConvertedType::UTF8) } else { column };
        Arc::new(column.build().unwrap())
    }

    /// A file of row groups, each of so many rows and with the pages of each column.
    pub fn file(&self, groups: &[(usize, Vec<Vec<Page>>)]) -> Vec<u8> {
        self.file_with(groups, &Described::default())
    }

    pub fn file_with(&self, groups: &[(usize, Vec<Vec<Page>>)], described_with: &Described) -> Vec<u8> {
        let columns = (0..groups[0].1.len()).map(|i| self.column(i)).collect();
        let schema = Type::group_type_builder("schema").with_fields(columns).build().unwrap();
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(schema)));
        let mut bytes = b"PAR1".to_vec();
        let mut described = Vec::new();
        for (rows, columns) in groups {
            let mut chunks = Vec::new();
            for (i, pages) in columns.iter().enumerate() {
                let start = bytes.len();
                let dictionary = pages[0].is_dictionary;
                let data = start + if dictionary { pages[0].bytes.len() } else { 0 };
                pages.iter().for_each(|page| bytes.extend(&page.bytes));
                let chunk = ColumnChunkMetaData::builder(schema.column(i))
                    .set_compression(self.codec)
                    .set_encodings(vec![Encoding::PLAIN])
                    .set_num_values(*rows as i64)
                    .set_total_compressed_size((bytes.len() - start) as i64)
                    .set_total_uncompressed_size(pages.iter().map(|page| page.unpacked as i64).sum())
                    .set_dictionary_page_offset(dictionary.then_some(start as i64))
                    .set_data_page_offset(data as i64)
                    .set_definition_level_histogram(described_with.histogram());
                chunks.push(chunk.build().unwrap());
            }
            let group = RowGroupMetaData::builder(schema.clone()).set_num_rows(*rows as i64);
            described.push(group.set_total_byte_size(0).set_column_metadata(chunks).build().unwrap());
        }
        let rows = groups.iter().map(|(rows, _)| *rows as i64).sum();
        let metadata =
            ParquetMetaData::new(FileMetaData::new(1, rows, None, described_with.pairs(), schema, None), described);
        ParquetMetaDataWriter::new(&mut bytes, &metadata).finish().unwrap();
        bytes
    }
}
