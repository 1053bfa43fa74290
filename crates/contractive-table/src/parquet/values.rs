//! What is looked at in an unpacked page before the decoders of the crate `parquet` are: they take its word for how many texts it
//! has, and times that do not fit come out of them as others.

use arrow_schema::TimeUnit;
use parquet::basic::Type;
use parquet::errors::Result;

use super::failure::damaged;
use super::layout::Layout;
use super::thrift::PageHeader;

/// The number of the encoding [`parquet::basic::Encoding::DELTA_LENGTH_BYTE_ARRAY`].
pub(super) const DELTA_LENGTH: i32 = 6;
const PLAIN: i32 = 0;
const RLE: i32 = 3;
const BIT_PACKED: i32 = 4;
/// Bytes of a decimal at most.
const MOST_DIGITS: usize = 64;
/// Bytes of a whole number of 64 bits in sevens; the decoder follows no more.
const MOST_NUMBER: usize = 10;
/// The Julian day of 1970-01-01.
const EPOCH: i64 = 2_440_588;
const NANOSECONDS_A_DAY: i128 = 86_400_000_000_000;

/// Looks at a page whose values, for a page of version 2, begin after `levels` bytes.
pub(super) fn check(header: &PageHeader, layout: Layout, bytes: &[u8], levels: usize) -> Result<()> {
    let is_dictionary = header.kind == 2;
    if header.encoding == DELTA_LENGTH {
        check_deltas(values(header, layout, bytes, levels)?, header.n_values as u64)?;
    }
    if is_dictionary && layout.physical == Type::BYTE_ARRAY && !layout.is_viewed {
        check_digits(bytes)?;
    }
    match layout.unit {
        Some(unit) if is_dictionary => check_times(bytes, unit),
        Some(unit) if header.encoding == PLAIN => check_times(values(header, layout, bytes, levels)?, unit),
        _ => Ok(()),
    }
}

/// The values of a page, after its levels, which begin where the decoder lets them begin.
fn values<'a>(header: &PageHeader, layout: Layout, bytes: &'a [u8], levels: usize) -> Result<&'a [u8]> {
    let levels = if header.kind == 0 { levels_of_v1(header, layout, bytes) } else { Some(levels) };
    let values = levels.and_then(|levels| bytes.get(levels..));
    values.ok_or_else(|| damaged("a page ends within its levels".into()))
}

/// Bytes of the definition levels of a data page of version 1, by the way in which they are encoded.
fn levels_of_v1(header: &PageHeader, layout: Layout, bytes: &[u8]) -> Option<usize> {
    match header.level_encodings.0 {
        _ if layout.max_level == 0 => Some(0),
        // They begin with their length.
        RLE => bytes.first_chunk().map(|bytes| 4 + u32::from_le_bytes(*bytes) as usize),
        BIT_PACKED => {
            let bits = (u16::BITS - layout.max_level.leading_zeros()) as usize;
            Some((header.n_values as usize * bits).div_ceil(8))
        }
        _ => None,
    }
}

/// The decoder takes memory for the length of each text that the first delta block announces.
fn check_deltas(values: &[u8], most: u64) -> Result<()> {
    let mut bytes = values.iter();
    let (_block_size, _blocks, n) = (number(&mut bytes), number(&mut bytes), number(&mut bytes));
    match n {
        Some(n) if n <= most => Ok(()),
        Some(n) => Err(damaged(format!("a page of {most} values claims the lengths of {n} texts"))),
        None => Err(damaged("a page does not say of how many texts it has the lengths".into())),
    }
}

/// A number in sevens, read as the decoder reads it: of as many bytes, which may be more than the number needs.
fn number<'a>(bytes: &mut impl Iterator<Item = &'a u8>) -> Option<u64> {
    let mut number = 0;
    for (place, byte) in bytes.take(MOST_NUMBER).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The entries of a dictionary that are copied for each row which holds them, decimals, are short.
fn check_digits(mut entries: &[u8]) -> Result<()> {
    while let Some((length, rest)) = entries.split_first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        if length > MOST_DIGITS {
            return Err(damaged(format!("a decimal of {length} bytes")));
        }
        entries = rest.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// Times of 96 bits, the nanoseconds of a Julian day, fit 64 bits in `unit`; digits that it does not have are dropped.
fn check_times(values: &[u8], unit: TimeUnit) -> Result<()> {
    let (nanoseconds, name) = match unit {
        TimeUnit::Second => (1_000_000_000, "seconds"),
        TimeUnit::Millisecond => (1_000_000, "milliseconds"),
        TimeUnit::Microsecond => (1_000, "microseconds"),
        TimeUnit::Nanosecond => (1, "nanoseconds"),
    };
    for value in values.as_chunks::<12>().0 {
        let (time, day) = value.split_at(8);
        let time = time.try_into().map_or(0, i64::from_le_bytes);
        let day = i64::from(day.try_into().map_or(0, i32::from_le_bytes)) - EPOCH;
        let since_epoch = i128::from(day) * NANOSECONDS_A_DAY + i128::from(time);
        if i64::try_from(since_epoch / nanoseconds).is_err() {
            return Err(damaged(format!(
                "a time of 96 bits, {day} days after 1970-01-01, does not fit 64 bits in {name}: write times as TIMESTAMP in \
                 microseconds"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_to_its_tenth_byte_as_the_decoder_reads_it() {
        let of = |bytes: &[u8]| {
            let mut bytes = bytes.iter();
            (number(&mut bytes), bytes.len())
        };
        assert_eq!(of(&[0x80, 0x01, 7]), (Some(128), 1));
        let padded = [&[0x80, 0x81][..], &[0x80; 7], &[0, 7]].concat();
        assert_eq!(of(&padded), (Some(128), 1));
        assert_eq!((of(&[0x80; 11]).0, of(&[0x80; 3]).0), (None, None));
    }

    #[test]
    fn levels_begin_by_their_encoding() {
        let layout = Layout { max_level: 1, physical: Type::BYTE_ARRAY, length: 0, is_viewed: true, unit: None };
        let header = |encoding| PageHeader { n_values: 9, level_encodings: (encoding, RLE), ..PageHeader::default() };
        let bytes = [2, 0, 0, 0, 18, 1, 7, 8];
        let of = |encoding, layout| values(&header(encoding), layout, &bytes, 0).ok().map(<[u8]>::len);
        assert_eq!((of(RLE, layout), of(BIT_PACKED, layout), of(PLAIN, layout)), (Some(2), Some(6), None));
        assert_eq!(of(BIT_PACKED, Layout { max_level: 0, ..layout }), Some(8));
        assert_eq!(of(BIT_PACKED, Layout { max_level: 2, ..layout }), Some(5));
        assert!(values(&header(RLE), layout, &[5, 0, 0, 0, 1], 0).is_err());
    }

    #[test]
    fn times_that_do_not_fit_are_refused() {
        let of = |day: i32, time: i64, unit| {
            check_times(&[&time.to_le_bytes()[..], &day.to_le_bytes()].concat(), unit).map_err(|e| e.to_string())
        };
        // 0001-01-01, 9999-12-31.
        for day in [1_721_426, 5_373_484] {
            assert_eq!(of(day, 0, TimeUnit::Microsecond), Ok(()));
            assert!(of(day, 0, TimeUnit::Nanosecond).unwrap_err().contains("does not fit"));
        }
        assert_eq!(of(2_440_589, 1, TimeUnit::Microsecond), Ok(()));
        assert!(of(i32::MAX, 0, TimeUnit::Microsecond).is_err());
    }
}
