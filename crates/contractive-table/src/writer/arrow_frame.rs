//! Frames as Arrow's record batches.

use std::io;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
};
use arrow_schema::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};

use crate::frame::{Field, Frame, Kind, Values};
use crate::time::Unit;

/// The schema of columns: each may have missing cells.
pub(super) fn schema(fields: &[Field]) -> SchemaRef {
    let field = |field: &Field| {
        let data = match &field.kind {
            Kind::Number => DataType::Float64,
            Kind::Single => DataType::Float32,
            Kind::Integer => DataType::Int64,
            Kind::Unsigned => DataType::UInt64,
            Kind::Boolean => DataType::Boolean,
            Kind::Text => DataType::Utf8,
            Kind::Time(Unit::Day, _) => DataType::Date32,
            Kind::Time(unit, zone) => {
                let unit = match unit {
                    Unit::Day | Unit::Second => TimeUnit::Second,
                    Unit::Millisecond => TimeUnit::Millisecond,
                    Unit::Microsecond => TimeUnit::Microsecond,
                    Unit::Nanosecond => TimeUnit::Nanosecond,
                };
                DataType::Timestamp(unit, zone.as_deref().map(Arc::from))
            }
        };
        ArrowField::new(&field.name, data, true)
    };
    Arc::new(Schema::new(fields.iter().map(field).collect::<Vec<_>>()))
}

/// A frame under its schema.
pub(super) fn batch(schema: &SchemaRef, frame: &Frame) -> io::Result<RecordBatch> {
    let arrays: io::Result<Vec<ArrayRef>> = frame.columns.iter().map(|column| array(&column.values)).collect();
    RecordBatch::try_new(schema.clone(), arrays?).map_err(io::Error::other)
}

fn array(values: &Values) -> io::Result<ArrayRef> {
    Ok(match values {
        Values::Numbers(v) => Arc::new(v.iter().map(|x| (!x.is_nan()).then_some(*x)).collect::<Float64Array>()),
        Values::Integers(v) => Arc::new(v.iter().copied().collect::<Int64Array>()),
        Values::Unsigned(v) => Arc::new(v.iter().copied().collect::<UInt64Array>()),
        Values::Singles(v) => Arc::new(v.iter().map(|x| (!x.is_nan()).then_some(*x)).collect::<Float32Array>()),
        Values::Booleans(v) => Arc::new(v.iter().copied().collect::<BooleanArray>()),
        Values::Text(v) => {
            // Arrow's offsets are i32; beyond them it would panic.
            if v.iter().flatten().map(String::len).sum::<usize>() > i32::MAX as usize {
                return Err(io::Error::other("a frame holds 2 GiB of text or more; write fewer rows at a time"));
            }
            Arc::new(v.iter().map(Option::as_deref).collect::<StringArray>())
        }
        Values::Times { values, unit, zone } => {
            let zone = zone.as_deref();
            let cells = values.iter().copied();
            match unit {
                Unit::Day => {
                    let narrow = |cell: Option<i64>| cell.map(i32::try_from).transpose();
                    let days = cells.map(narrow).collect::<Result<Date32Array, _>>();
                    Arc::new(days.map_err(|_| io::Error::other("a date lies beyond what 32 bits of days hold"))?)
                }
                Unit::Second => Arc::new(cells.collect::<TimestampSecondArray>().with_timezone_opt(zone)),
                Unit::Millisecond => Arc::new(cells.collect::<TimestampMillisecondArray>().with_timezone_opt(zone)),
                Unit::Microsecond => Arc::new(cells.collect::<TimestampMicrosecondArray>().with_timezone_opt(zone)),
                Unit::Nanosecond => Arc::new(cells.collect::<TimestampNanosecondArray>().with_timezone_opt(zone)),
            }
        }
    })
}
