//! NPY arrays, as `numpy.save` writes them. Object arrays are refused: reading one would run code.

use std::io;
use std::path::Path;

use super::array::{Array, ArrayValues, bytes_of_a_byte};
use super::header::{Header, Kind};
use crate::error::TableError;
use crate::limits::{make_room, no_memory};
use crate::source::{Source, read_up_to};

/// Values decoded at a time.
const CHUNK: usize = 1 << 14;

/// Reads a file of one array.
pub(super) fn read_file(path: &Path) -> Result<Array, TableError> {
    let mut source = Source::open(path)?;
    let header = Header::read(&mut source.reader, path)?;
    read(&mut source, &header)
}

/// Reads the values after a header.
pub(super) fn read(source: &mut Source, header: &Header) -> Result<Array, TableError> {
    let claimed = source.check_claim(header.n_bytes())?;
    if header.size == 1 && matches!(header.kind, Kind::Unsigned | Kind::Boolean) {
        source.check_kept(claimed.saturating_mul(bytes_of_a_byte(&source.path, &header.shape)))?;
    }
    let values = match (header.kind, header.size) {
        (Kind::Unsigned, 1) => ArrayValues::Bytes(in_row_order(source.payload(claimed)?, header)),
        (Kind::Boolean, _) => {
            let truth = |byte: u8| u8::from(byte != 0);
            let bytes = source.payload(claimed)?.into_iter().map(truth).collect();
            ArrayValues::Booleans(in_row_order(bytes, header))
        }
        (Kind::Float, 2 | 4) | (_, 1 | 2) => {
            ArrayValues::F32(in_row_order(numbers(source, header, |value| value as f32)?, header))
        }
        _ => ArrayValues::F64(in_row_order(numbers(source, header, |value| value)?, header)),
    };
    Ok(Array { path: source.path.clone(), shape: header.shape.clone(), values })
}

/// Every value in the order of the file, through f64.
fn numbers<T>(source: &mut Source, header: &Header, keep: fn(f64) -> T) -> Result<Vec<T>, TableError> {
    let claimed = source.check_claim(header.n_bytes())?;
    let decode = header.decoder();
    let n = claimed / header.size as u64;
    let kept = n.saturating_mul(size_of::<T>() as u64);
    source.check_kept(kept)?;
    source.count(claimed, kept)?;
    let (mut values, reserved) = (Vec::new(), source.trusted(claimed) / header.size);
    values.try_reserve_exact(reserved).map_err(|_| no_memory(&source.path, reserved.saturating_mul(size_of::<T>())))?;
    let mut bytes = vec![0; CHUNK * header.size];
    let mut left = claimed;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let got = match read_up_to(&mut source.reader, &mut bytes[..wanted]) {
            Ok(got) => got,
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(e) => return Err(TableError::reading(&source.path, e)),
        };
        if got < wanted {
            let got = claimed - left + got as u64;
            return Err(TableError::Truncated { path: source.path.clone(), expected: claimed, got });
        }
        make_room(&mut values, got / header.size, &source.path)?;
        values.extend(bytes[..got].chunks_exact(header.size).map(|value| keep(decode(value))));
        left -= got as u64;
    }
    source.expect_end(claimed)?;
    Ok(values)
}

/// Turns Fortran order, where the row index runs fastest, into rows.
fn in_row_order<T: Copy>(values: Vec<T>, header: &Header) -> Vec<T> {
    if !header.is_fortran || header.shape.len() < 2 || values.is_empty() {
        return values;
    }
    let rows = header.shape[0];
    let columns = values.len() / rows;
    let place_of = |mut feature: usize| {
        let (mut place, mut stride) = (0, columns);
        for &dim in header.shape[1..].iter().rev() {
            stride /= dim;
            place += feature % dim * stride;
            feature /= dim;
        }
        place
    };
    let places: Vec<usize> = (0..columns).map(place_of).collect();
    let mut out = Vec::with_capacity(values.len());
    for row in 0..rows {
        out.extend(places.iter().map(|place| values[place * rows + row]));
    }
    out
}
