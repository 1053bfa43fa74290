//! Numbers of any type that HDF5 files hold, as f64.

use hdf5_reader::error::{Error, Result};
use hdf5_reader::{ByteOrder, Datatype, H5Type};

/// One number. Integers beyond 2⁵³ are rounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number(pub f64);

/// Types of numbers, their bytes apart.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Unsigned,
    Signed,
    Float,
}

/// What a type is: its kind, its bytes, and whether the largest comes first. Truth values are integers of one byte with
/// names.
fn parts(datatype: &Datatype) -> Option<(Kind, usize, bool)> {
    let is_big = |order: &ByteOrder| *order == ByteOrder::BigEndian;
    match datatype {
        Datatype::FixedPoint { size: size @ (1 | 2 | 4 | 8), signed, byte_order } => {
            let kind = if *signed { Kind::Signed } else { Kind::Unsigned };
            Some((kind, usize::from(*size), is_big(byte_order)))
        }
        Datatype::FloatingPoint { size: size @ (4 | 8), byte_order } => {
            Some((Kind::Float, usize::from(*size), is_big(byte_order)))
        }
        Datatype::Enum { base, .. } => match &**base {
            Datatype::FixedPoint { size: 1, .. } => parts(base),
            _ => None,
        },
        _ => None,
    }
}

/// Bytes of a number of this type; `None` where it is no number that is read.
pub(super) fn size_of(datatype: &Datatype) -> Option<usize> {
    parts(datatype).map(|(_, size, _)| size)
}

/// One number from as many bytes as it has.
fn decode(kind: Kind, is_big: bool, bytes: &[u8]) -> f64 {
    let mut low = [0; 8];
    let n = bytes.len();
    low[..n].copy_from_slice(bytes);
    if is_big {
        low[..n].reverse();
    }
    let bits = u64::from_le_bytes(low);
    let unused = 64 - 8 * n as u32;
    match (kind, n) {
        (Kind::Unsigned, _) => bits as f64,
        (Kind::Signed, _) => (((bits << unused) as i64) >> unused) as f64,
        (Kind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
        (Kind::Float, _) => f64::from_bits(bits),
    }
}

fn not_a_number(datatype: &Datatype) -> Error {
    Error::TypeMismatch { expected: "a number".into(), actual: format!("{datatype:?}") }
}

impl H5Type for Number {
    fn hdf5_type() -> Datatype {
        Datatype::FloatingPoint { size: 8, byte_order: ByteOrder::LittleEndian }
    }

    fn from_bytes(bytes: &[u8], datatype: &Datatype) -> Result<Self> {
        let (kind, size, is_big) = parts(datatype).ok_or_else(|| not_a_number(datatype))?;
        let bytes = bytes.get(..size).ok_or_else(|| Error::InvalidData("a number is cut off".into()))?;
        Ok(Number(decode(kind, is_big, bytes)))
    }

    fn element_size(datatype: &Datatype) -> usize {
        size_of(datatype).unwrap_or(0)
    }

    fn decode_vec(raw: &[u8], datatype: &Datatype, count: usize) -> Option<Result<Vec<Self>>> {
        let (kind, size, is_big) = parts(datatype)?;
        let bytes = raw.get(..count.checked_mul(size)?)?;
        let chunks = bytes.chunks_exact(size);
        Some(Ok(match (kind, size, is_big) {
            // The usual types by loops of their own.
            (Kind::Float, 4, false) => {
                bytes.as_chunks().0.iter().map(|bytes| Number(f64::from(f32::from_le_bytes(*bytes)))).collect()
            }
            (Kind::Signed, 4, false) => {
                bytes.as_chunks().0.iter().map(|bytes| Number(f64::from(i32::from_le_bytes(*bytes)))).collect()
            }
            _ => chunks.map(|bytes| Number(decode(kind, is_big, bytes))).collect(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_type_are_decoded() {
        let float = |size, byte_order| Datatype::FloatingPoint { size, byte_order };
        let fixed = |size, signed, byte_order| Datatype::FixedPoint { size, signed, byte_order };
        let (little, big) = (ByteOrder::LittleEndian, ByteOrder::BigEndian);
        for (datatype, bytes, expected) in [
            (float(4, little), (-1.5_f32).to_le_bytes().to_vec(), -1.5),
            (float(4, big), (-1.5_f32).to_be_bytes().to_vec(), -1.5),
            (float(8, little), 0.1_f64.to_le_bytes().to_vec(), 0.1),
            (float(8, big), 0.1_f64.to_be_bytes().to_vec(), 0.1),
            (fixed(1, true, little), vec![0xfe], -2.0),
            (fixed(1, false, little), vec![0xfe], 254.0),
            (fixed(2, true, big), (-300_i16).to_be_bytes().to_vec(), -300.0),
            (fixed(4, true, little), (-70_000_i32).to_le_bytes().to_vec(), -70_000.0),
            (fixed(4, false, little), u32::MAX.to_le_bytes().to_vec(), 4_294_967_295.0),
            (fixed(8, true, little), (-5_000_000_000_i64).to_le_bytes().to_vec(), -5e9),
            (fixed(8, false, big), 5_000_000_000_u64.to_be_bytes().to_vec(), 5e9),
        ] {
            assert_eq!(Number::from_bytes(&bytes, &datatype).unwrap().0, expected, "{datatype:?}");
            let twice = Number::decode_vec(&bytes.repeat(2), &datatype, 2).unwrap().unwrap();
            assert_eq!(twice, [Number(expected); 2], "{datatype:?}");
            assert!(Number::from_bytes(&bytes[1..], &datatype).is_err());
        }
        assert!(Number::from_bytes(&[0; 8], &fixed(3, true, little)).is_err());
        assert!(Number::decode_vec(&[0; 8], &fixed(0, true, little), 1 << 40).is_none());
    }
}
