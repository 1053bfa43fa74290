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

/// Whether a type, as it is encoded in the file, is read as its kind and its size say: an integer has all bits of its
/// bytes, a floating-point number is one of IEEE 754. The decoder says nothing of either.
pub(super) fn is_plain(encoded: &[u8]) -> bool {
    let Some((&[class, order, sign, _, a, b, c, d], properties)) = encoded.split_first_chunk() else { return false };
    let size = u32::from_le_bytes([a, b, c, d]);
    let bits = [&[0, 0][..], &(size.saturating_mul(8) as u16).to_le_bytes()].concat();
    let is_float = |fields: [u8; 4], bias: u32| {
        // Neither in the order of VAX, nor with the first bit of the mantissa written.
        order & 0x70 == 0x20
            && u32::from(sign) == 8 * size - 1
            && properties.get(..12) == Some(&[&bits[..], &fields, &bias.to_le_bytes()].concat())
    };
    match (class & 15, size) {
        (0, _) => properties.get(..4) == Some(&bits),
        (1, 4) => is_float([23, 8, 0, 23], 127),
        (1, 8) => is_float([52, 11, 0, 52], 1023),
        // Names of integers.
        (8, _) => is_plain(properties),
        _ => false,
    }
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
    fn types_that_take_all_their_bits_are_plain() {
        let of = |class: u8, flags: [u8; 3], size: u32, rest: &[u8]| {
            [&[0x10 | class, flags[0], flags[1], flags[2]][..], &size.to_le_bytes(), rest].concat()
        };
        let integer = of(0, [9, 0, 0], 2, &[0, 0, 16, 0]);
        let double = [&[0, 0, 64, 0, 52, 11, 0, 52][..], &1023_u32.to_le_bytes()].concat();
        assert!(is_plain(&integer) && is_plain(&of(8, [2, 0, 0], 2, &integer)));
        // Either order, but not that of VAX, nor with the sign elsewhere.
        for (flags, is_one) in
            [([0x20, 63, 0], true), ([0x21, 63, 0], true), ([0x61, 63, 0], false), ([0x20, 31, 0], false)]
        {
            assert_eq!(is_plain(&of(1, flags, 8, &double)), is_one, "{flags:?}");
        }
        let shifted = of(0, [0, 0, 0], 2, &[4, 0, 12, 0]);
        assert!(
            !is_plain(&shifted) && !is_plain(&integer[..11]) && !is_plain(&of(0, [0; 3], u32::MAX, &[0, 0, 16, 0]))
        );
    }

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
