//! Where the columns of a batch lie in it: a batch is a list of nodes and one of buffers, and each column has the next so many of
//! both, by its type.

use std::ops::Range;

use arrow_ipc::{MetadataVersion, RecordBatch};
use arrow_schema::{DataType, Field, Schema, UnionMode};

/// What a column has in a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub nodes: Range<usize>,
    pub buffers: Range<usize>,
    /// Counts of the buffers that views point to.
    pub views: Range<usize>,
}

/// The parts of all columns.
pub(super) fn parts(batch: &RecordBatch<'_>, version: MetadataVersion, schema: &Schema) -> Vec<Parts> {
    let views: Vec<i64> = batch.variadicBufferCounts().into_iter().flatten().collect();
    let mut next = Next { version, views: &views, nodes: 0, buffers: 0, seen: 0 };
    let part = |field: &std::sync::Arc<Field>| {
        let (nodes, buffers, seen) = (next.nodes, next.buffers, next.seen);
        next.pass(field.data_type());
        Parts { nodes: nodes..next.nodes, buffers: buffers..next.buffers, views: seen..next.seen }
    };
    schema.fields().iter().map(part).collect()
}

/// Where the next column begins.
struct Next<'a> {
    version: MetadataVersion,
    views: &'a [i64],
    nodes: usize,
    buffers: usize,
    /// Of the views' counts.
    seen: usize,
}

impl Next<'_> {
    /// Passes over a column, as the format lays it down.
    fn pass(&mut self, data: &DataType) {
        self.nodes += 1;
        let own = match data {
            DataType::Null | DataType::RunEndEncoded(..) => 0,
            DataType::FixedSizeList(..) | DataType::Struct(_) => 1,
            DataType::Utf8 | DataType::Binary | DataType::LargeUtf8 | DataType::LargeBinary => 3,
            DataType::ListView(_) | DataType::LargeListView(_) => 3,
            DataType::Utf8View | DataType::BinaryView => {
                let more = self.views.get(self.seen).and_then(|n| usize::try_from(*n).ok()).unwrap_or(0);
                self.seen += 1;
                2_usize.saturating_add(more)
            }
            DataType::Union(_, mode) => {
                1 + usize::from(self.version < MetadataVersion::V5) + usize::from(*mode == UnionMode::Dense)
            }
            _ => 2,
        };
        self.buffers = self.buffers.saturating_add(own);
        match data {
            DataType::List(field) | DataType::LargeList(field) | DataType::Map(field, _) => {
                self.pass(field.data_type())
            }
            DataType::ListView(field) | DataType::LargeListView(field) | DataType::FixedSizeList(field, _) => {
                self.pass(field.data_type());
            }
            DataType::Struct(fields) => fields.iter().for_each(|field| self.pass(field.data_type())),
            DataType::RunEndEncoded(ends, values) => {
                self.pass(ends.data_type());
                self.pass(values.data_type());
            }
            DataType::Union(fields, _) => fields.iter().for_each(|(_, field)| self.pass(field.data_type())),
            _ => {}
        }
    }
}
