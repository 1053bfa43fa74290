//! Descriptions of Parquet files in which little stands for much.

use std::path::Path;

use arrow_ipc::{Field, FieldArgs, FloatingPoint, FloatingPointArgs, Message, MessageArgs, MessageHeader, Precision};
use arrow_ipc::{MetadataVersion, Schema, SchemaArgs, Type};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use contractive_table::{FrameReader, ReadOptions};
use flatbuffers::FlatBufferBuilder;
use parquet::basic::Compression;

use crate::judge::{DIAGNOSIS, FRAMES, Judge};
use crate::parquet_file::{Described, Page, Table};

const CODEC: Compression = Compression::UNCOMPRESSED;

fn numbers(n: usize) -> Vec<u8> {
    (0..n).flat_map(|i| (i as f64).to_le_bytes()).collect()
}

/// An Arrow schema of a column called so, which stands at `n` places.
fn arrow_schema(n: usize, name: &str) -> String {
    let mut builder = FlatBufferBuilder::new();
    let kind = FloatingPoint::create(&mut builder, &FloatingPointArgs { precision: Precision::DOUBLE });
    let name = builder.create_string(name);
    let children = builder.create_vector::<flatbuffers::ForwardsUOffset<Field>>(&[]);
    let field = FieldArgs {
        name: Some(name),
        nullable: true,
        type_type: Type::FloatingPoint,
        type_: Some(kind.as_union_value()),
        children: Some(children),
        ..FieldArgs::default()
    };
    let field = Field::create(&mut builder, &field);
    let fields = builder.create_vector(&vec![field; n]);
    let schema = Schema::create(&mut builder, &SchemaArgs { fields: Some(fields), ..SchemaArgs::default() });
    let message = MessageArgs {
        version: MetadataVersion::V5,
        header_type: MessageHeader::Schema,
        header: Some(schema.as_union_value()),
        ..MessageArgs::default()
    };
    let message = Message::create(&mut builder, &message);
    builder.finish(message, None);
    let bytes = builder.finished_data();
    BASE64_STANDARD.encode([&[0xff; 4][..], &(bytes.len() as u32).to_le_bytes(), bytes].concat())
}

fn said(path: &Path) -> String {
    FrameReader::open(path, &ReadOptions::default()).err().unwrap().to_string()
}

/// Sixteen thousand names of 16 kB, and three hundred thousand of a letter.
#[test]
fn an_arrow_schema_that_names_one_column_many_times_is_refused() {
    let judge = Judge::new();
    let page = || vec![Page::plain(CODEC, 4, &numbers(4))];
    let file = |columns: usize, arrow_schema| {
        let described = Described { arrow_schema: Some(arrow_schema), ..Described::default() };
        Table::of_numbers(CODEC).file_with(&[(4, (0..columns).map(|_| page()).collect())], &described)
    };
    let long = "c".repeat(1 << 14);
    for (schema, wrong) in [(arrow_schema(1 << 14, &long), "bytes"), (arrow_schema(300_000, "c"), "tables")] {
        judge.refused("many.parquet", &file(2, schema), &[FRAMES, DIAGNOSIS], "Corrupt");
        let said = said(&judge.at("many.parquet"));
        assert!(said.contains("the Arrow schema in it comes to more than") && said.contains(wrong), "{said}");
    }
    let path = judge.at("sound.parquet");
    std::fs::write(&path, file(1, arrow_schema(1, "c0"))).unwrap();
    assert_eq!(FrameReader::open(&path, &ReadOptions::default()).unwrap().next().unwrap().unwrap().n_rows(), 4);
}

/// A byte in the file for each of them, and eight in memory.
#[test]
fn statistics_of_columns_are_not_kept() {
    let judge = Judge::new();
    let mut columns = vec![vec![Page::plain(CODEC, 4, &numbers(4))]; 300];
    let described = Described { levels: 60_000, ..Described::default() };
    let path = judge.at("sound.parquet");
    std::fs::write(&path, Table::of_numbers(CODEC).file_with(&[(4, columns[..2].to_vec())], &described)).unwrap();
    assert_eq!(FrameReader::open(&path, &ReadOptions::default()).unwrap().next().unwrap().unwrap().n_rows(), 4);
    // Its last page has fewer values than it says.
    columns[299] = vec![Page::of(4, 24, &numbers(3), false, 0)];
    let bytes = Table::of_numbers(CODEC).file_with(&[(4, columns)], &described);
    assert!(bytes.len() > 18_000_000);
    judge.refused("histograms.parquet", &bytes, &[FRAMES], "Corrupt");
}
