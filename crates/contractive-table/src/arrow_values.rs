//! Arrow's arrays as columns of frames.

use std::collections::HashMap;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch};
use arrow_schema::{DataType, Schema, TimeUnit};

use crate::error::TableError;
use crate::frame::{Column, Field, Frame, Kind, Values};
use crate::frame_source::{Choice, ReadOptions, Selection};
use crate::pandas_note::index_columns;
use crate::time::Unit;

const READABLE: &str = "a number, a truth value, text, a date or a time";

/// Names and kinds of the columns of `choice`, in that order. Those that cannot be read are taken out of it where they are not
/// asked for, unless there are no others.
pub(super) fn fields(
    path: &Path,
    schema: &Schema,
    choice: &mut Choice,
    selection: &Selection,
) -> Result<Vec<Field>, TableError> {
    let is_read = |&i: &usize| kind_of(schema.field(i).data_type()).is_some();
    let is_spared = |i: &usize| !is_read(i) && selection.spares(schema.field(*i).name());
    if choice.places.iter().any(is_read) {
        let spared = choice.places.extract_if(.., |i| is_spared(i));
        choice.left_out.extend(spared.map(|i| schema.field(i).name().clone()));
    }
    let field = |&i: &usize| {
        let field = schema.field(i);
        let kind = kind_of(field.data_type()).ok_or_else(|| TableError::ColumnKind {
            path: path.to_path_buf(),
            column: field.name().clone(),
            got: shown(field.data_type()),
            expected: READABLE,
        })?;
        let is_carried = is_decimal(field.data_type()) && selection.wants_digits(field.name());
        let kind = selection.kind(path, field.name(), if is_carried { Kind::Text } else { kind })?;
        Ok(Field { name: field.name().clone(), kind })
    };
    choice.places.iter().map(field).collect()
}

/// A type's name, cut where it goes on: nested ones print as whole pages.
fn shown(kind: &DataType) -> String {
    let text: String = kind.to_string().chars().take(60).collect();
    text
}

pub(super) fn kind_of(data: &DataType) -> Option<Kind> {
    Some(match data {
        DataType::Null | DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Number,
        // Whole ones of up to 18 digits fit 64 bits, whatever they are.
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
            if *scale <= 0 && i32::from(*digits) - i32::from(*scale) <= 18 =>
        {
            Kind::Integer
        }
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => Kind::Number,
        DataType::Decimal256(..) => Kind::Number,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Kind::Integer,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => Kind::Integer,
        DataType::UInt64 => Kind::Unsigned,
        DataType::Boolean => Kind::Boolean,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Date32 => Kind::Time(Unit::Day, None),
        DataType::Date64 => Kind::Time(Unit::Millisecond, None),
        DataType::Timestamp(unit, zone) => {
            let unit = match unit {
                TimeUnit::Second => Unit::Second,
                TimeUnit::Millisecond => Unit::Millisecond,
                TimeUnit::Microsecond => Unit::Microsecond,
                TimeUnit::Nanosecond => Unit::Nanosecond,
            };
            Kind::Time(unit, zone.as_deref().map(str::to_owned))
        }
        DataType::Dictionary(_, values) if !matches!(**values, DataType::Dictionary(..)) => kind_of(values)?,
        _ => return None,
    })
}

/// Bytes that a cell of this type takes in a batch, and as `kind` in the frame that is made of it, but for texts.
pub(super) fn cell_bytes(data: &DataType, kind: &Kind) -> (usize, usize) {
    let in_batch = match data {
        DataType::Null | DataType::Boolean => 1,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => 16,
        DataType::Dictionary(..) => 32,
        data => data.primitive_width().unwrap_or(8).max(8),
    };
    let in_frame = match kind {
        Kind::Number | Kind::Single => 8,
        Kind::Boolean => 2,
        Kind::Integer | Kind::Unsigned | Kind::Time(..) => 16,
        Kind::Text if kind_of(data) == Some(Kind::Text) => 24,
        // Digits of a number.
        Kind::Text => 24 + 2 * in_batch,
    };
    (in_batch, in_frame)
}

/// Columns by their names, of which there may be many.
pub(super) fn places(batch: &RecordBatch) -> HashMap<&str, usize> {
    batch.schema_ref().fields().iter().enumerate().map(|(place, field)| (field.name().as_str(), place)).collect()
}

/// The columns of `fields`, found by name, as a frame.
pub(super) fn frame(path: &Path, batch: &RecordBatch, fields: &[Field], first_row: u64) -> Result<Frame, TableError> {
    let places = places(batch);
    let column = |field: &Field| {
        let array = places.get(field.name.as_str()).map(|&place| batch.column(place));
        let array = array.ok_or_else(|| TableError::Corrupt {
            path: path.to_path_buf(),
            reason: format!("its column `{}` is not where its schema says", field.name),
        })?;
        let values = values(array, &field.kind).ok_or_else(|| TableError::ColumnKind {
            path: path.to_path_buf(),
            column: field.name.clone(),
            got: shown(array.data_type()),
            expected: READABLE,
        })?;
        Ok(Column { name: field.name.clone(), values: values.into_kind(&field.kind) })
    };
    Ok(Frame { first_row, columns: fields.iter().map(column).collect::<Result<_, _>>()? })
}

/// Batches of Arrow that a program holds, as one frame; `name` is what messages call them.
///
/// # Errors
/// [`TableError::ColumnKind`] naming the first column that is not read, [`TableError::SameColumn`].
pub fn frame_of_batches(
    name: &str,
    schema: &Schema,
    batches: impl IntoIterator<Item = RecordBatch>,
) -> Result<Frame, TableError> {
    let (path, options) = (Path::new(name), ReadOptions::default());
    let selection = Selection::of(&options);
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    if names.is_empty() {
        return Err(TableError::Empty { what: name.to_owned() });
    }
    let mut choice = selection.choose(path, &names, &index_columns(schema))?;
    let fields = fields(path, schema, &mut choice, &selection)?;
    let empty = |field: &Field| Column { name: field.name.clone(), values: Values::empty(&field.kind) };
    let mut whole = Frame { first_row: 0, columns: fields.iter().map(empty).collect() };
    for batch in batches {
        let next = frame(path, &batch, &fields, 0)?;
        whole.columns.iter_mut().zip(next.columns).for_each(|(all, more)| all.values.append(more.values));
    }
    Ok(whole)
}

/// The entry of a dictionary that each row holds, `None` where it is missing.
pub(super) fn entries_of(array: &ArrayRef) -> Vec<Option<usize>> {
    let dictionary = array.as_any_dictionary();
    if dictionary.values().is_empty() {
        return vec![None; array.len()];
    }
    let keys = dictionary.normalized_keys();
    keys.into_iter().enumerate().map(|(row, key)| array.is_valid(row).then_some(key)).collect()
}

/// Cell `i` of an array of text; `None` where it is missing, and for all other arrays.
pub(super) fn text(array: &ArrayRef, i: usize) -> Option<&str> {
    match array.data_type() {
        _ if array.is_null(i) => None,
        DataType::Utf8 => Some(array.as_string::<i32>().value(i)),
        DataType::LargeUtf8 => Some(array.as_string::<i64>().value(i)),
        DataType::Utf8View => Some(array.as_string_view().value(i)),
        _ => None,
    }
}

/// Whether a type holds decimals, also in a dictionary.
fn is_decimal(data: &DataType) -> bool {
    match data {
        DataType::Dictionary(_, values) => is_decimal(values),
        data => data.is_decimal(),
    }
}

/// The cells of an array, decimals as `kind` asks; `None` for a type that is not read.
fn values(array: &ArrayRef, kind: &Kind) -> Option<Values> {
    Some(match array.data_type() {
        DataType::Null => Values::Numbers(vec![f64::NAN; array.len()]),
        DataType::Float16 => numbers::<Float16Type>(array, |x| x.to_f64()),
        DataType::Float32 => numbers::<Float32Type>(array, f64::from),
        DataType::Float64 => numbers::<Float64Type>(array, |x| x),
        DataType::Decimal32(_, scale) => decimals::<Decimal32Type>(array, *scale, kind, |x| Some(i128::from(x))),
        DataType::Decimal64(_, scale) => decimals::<Decimal64Type>(array, *scale, kind, |x| Some(i128::from(x))),
        DataType::Decimal128(_, scale) => decimals::<Decimal128Type>(array, *scale, kind, Some),
        DataType::Decimal256(_, scale) => decimals::<Decimal256Type>(array, *scale, kind, |x| x.to_i128()),
        DataType::Int8 => integers::<Int8Type>(array, i64::from),
        DataType::Int16 => integers::<Int16Type>(array, i64::from),
        DataType::Int32 => integers::<Int32Type>(array, i64::from),
        DataType::Int64 => integers::<Int64Type>(array, |x| x),
        DataType::UInt8 => integers::<UInt8Type>(array, i64::from),
        DataType::UInt16 => integers::<UInt16Type>(array, i64::from),
        DataType::UInt32 => integers::<UInt32Type>(array, i64::from),
        DataType::UInt64 => Values::Unsigned(array.as_primitive::<UInt64Type>().iter().collect()),
        DataType::Boolean => Values::Booleans(array.as_boolean().iter().collect()),
        DataType::Utf8 => Values::Text(array.as_string::<i32>().iter().map(owned).collect()),
        DataType::LargeUtf8 => Values::Text(array.as_string::<i64>().iter().map(owned).collect()),
        DataType::Utf8View => Values::Text(array.as_string_view().iter().map(owned).collect()),
        DataType::Date32 => times::<Date32Type>(array, i64::from),
        DataType::Date64 => times::<Date64Type>(array, |x| x),
        DataType::Timestamp(TimeUnit::Second, _) => times::<TimestampSecondType>(array, |x| x),
        DataType::Timestamp(TimeUnit::Millisecond, _) => times::<TimestampMillisecondType>(array, |x| x),
        DataType::Timestamp(TimeUnit::Microsecond, _) => times::<TimestampMicrosecondType>(array, |x| x),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => times::<TimestampNanosecondType>(array, |x| x),
        DataType::Dictionary(_, of) => {
            let (entries, rows) = (array.as_any_dictionary().values(), entries_of(array));
            match kind_of(of)? {
                // Row by row: entries that no row holds may be text without end, one piece of it over and over.
                Kind::Text => Values::Text(rows.into_iter().map(|row| owned(text(entries, row?))).collect()),
                _ => held(entries, &rows, kind)?,
            }
        }
        _ => return None,
    })
}

/// The cells that rows hold of a dictionary's entries. A frame may have few rows of a dictionary of many entries.
fn held(entries: &ArrayRef, rows: &[Option<usize>], kind: &Kind) -> Option<Values> {
    if entries.len() / 4 <= rows.len() {
        return Some(take(&values(entries, kind)?, rows));
    }
    let mut used: Vec<usize> = rows.iter().flatten().copied().collect();
    used.sort_unstable();
    used.dedup();
    let mut cells = values(&entries.slice(0, 0), kind)?;
    for &entry in &used {
        cells.append(values(&entries.slice(entry, 1), kind)?);
    }
    let places: Vec<Option<usize>> = rows.iter().map(|row| used.binary_search(&(*row)?).ok()).collect();
    Some(take(&cells, &places))
}

fn owned(cell: Option<&str>) -> Option<String> {
    cell.map(str::to_owned)
}

/// Decimals as `kind` asks: digit by digit as text, exact as integers, else the nearest numbers.
fn decimals<T: DecimalType>(
    array: &ArrayRef,
    scale: i8,
    kind: &Kind,
    whole: impl Fn(T::Native) -> Option<i128>,
) -> Values {
    let array: &PrimitiveArray<T> = array.as_primitive();
    let digits = |row: usize| array.value_as_string(row);
    let each = |row: usize| array.is_valid(row).then_some(row);
    let rows = (0..array.len()).map(each);
    let power = 10_i64.checked_pow(u32::from(scale.unsigned_abs()));
    let integer = |row: usize| whole(array.value(row))?.checked_mul(i128::from(power?))?.try_into().ok();
    let nearest = |row: usize| match (whole(array.value(row)), power) {
        // Both exact in f64: their quotient is the nearest number.
        (Some(x), Some(power)) if scale >= 0 && x.unsigned_abs() <= 1 << 53 && power <= 1 << 53 => {
            x as f64 / power as f64
        }
        _ => digits(row).parse().unwrap_or(f64::NAN),
    };
    match kind {
        Kind::Text => Values::Text(rows.map(|row| row.map(digits)).collect()),
        Kind::Integer if scale <= 0 => Values::Integers(rows.map(|row| row.and_then(integer)).collect()),
        _ => Values::Numbers(rows.map(|row| row.map_or(f64::NAN, nearest)).collect()),
    }
}

fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef, number: impl Fn(T::Native) -> f64) -> Values {
    let array: &PrimitiveArray<T> = array.as_primitive();
    if array.null_count() == 0 {
        return Values::Numbers(array.values().iter().map(|&x| number(x)).collect());
    }
    Values::Numbers(array.iter().map(|x| x.map_or(f64::NAN, &number)).collect())
}

fn integers<T: ArrowPrimitiveType>(array: &ArrayRef, integer: impl Fn(T::Native) -> i64) -> Values {
    Values::Integers(array.as_primitive::<T>().iter().map(|x| x.map(&integer)).collect())
}

fn times<T: ArrowPrimitiveType>(array: &ArrayRef, integer: impl Fn(T::Native) -> i64) -> Values {
    let Some(Kind::Time(unit, zone)) = kind_of(array.data_type()) else { return Values::Integers(Vec::new()) };
    let values = array.as_primitive::<T>().iter().map(|x| x.map(&integer)).collect();
    Values::Times { values, unit, zone }
}

/// The cells `rows` of `values`, missing where `None`.
fn take(values: &Values, rows: &[Option<usize>]) -> Values {
    fn each<T: Clone>(cells: &[Option<T>], rows: &[Option<usize>]) -> Vec<Option<T>> {
        rows.iter().map(|row| row.and_then(|i| cells.get(i).cloned().flatten())).collect()
    }
    match values {
        Values::Numbers(v) => Values::Numbers(rows.iter().map(|row| row.map_or(f64::NAN, |i| v[i])).collect()),
        Values::Singles(v) => Values::Singles(rows.iter().map(|row| row.map_or(f32::NAN, |i| v[i])).collect()),
        Values::Integers(v) => Values::Integers(each(v, rows)),
        Values::Unsigned(v) => Values::Unsigned(each(v, rows)),
        Values::Booleans(v) => Values::Booleans(each(v, rows)),
        Values::Text(v) => Values::Text(each(v, rows)),
        Values::Times { values, unit, zone } => {
            Values::Times { values: each(values, rows), unit: *unit, zone: zone.clone() }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::builder::StringViewBuilder;
    use arrow_array::{DictionaryArray, Int32Array, UInt8Array};
    use arrow_buffer::Buffer;

    use super::*;

    #[test]
    fn entries_of_a_dictionary_that_no_row_holds_take_no_memory() {
        // 65,536 times the same MiB.
        let mut entries = StringViewBuilder::new();
        let block = entries.append_block(Buffer::from(vec![b'x'; 1 << 20]));
        (0..1 << 16).for_each(|_| entries.try_append_view(block, 0, 1 << 20).unwrap());
        entries.append_value("kept");
        let keys = Int32Array::from(vec![Some(1 << 16), None]);
        let array: ArrayRef = Arc::new(DictionaryArray::new(keys, Arc::new(entries.finish())));
        assert_eq!(values(&array, &Kind::Text), Some(Values::Text(vec![Some("kept".into()), None])));
    }

    #[test]
    fn dictionaries_of_numbers_and_empty_ones_are_read_by_their_keys() {
        let of = |keys: Vec<Option<u8>>, entries: Vec<i32>| -> ArrayRef {
            Arc::new(DictionaryArray::new(UInt8Array::from(keys), Arc::new(Int32Array::from(entries))))
        };
        let array = of(vec![Some(1), None, Some(0)], vec![7, 8]);
        assert_eq!(values(&array, &Kind::Integer), Some(Values::Integers(vec![Some(8), None, Some(7)])));
        let array = of(vec![None], vec![]);
        assert_eq!(values(&array, &Kind::Integer), Some(Values::Integers(vec![None])));
        // Few rows of many entries.
        let array = of(vec![Some(99), None, Some(3), Some(99)], (0..200).collect());
        let expected = Values::Integers(vec![Some(99), None, Some(3), Some(99)]);
        assert_eq!(values(&array, &Kind::Integer), Some(expected));
        assert_eq!(values(&array.slice(1, 1), &Kind::Integer), Some(Values::Integers(vec![None])));
    }
}
