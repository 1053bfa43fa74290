//! Page headers of Parquet files, in Thrift's compact protocol.

/// Structures within structures that are followed when skipped.
const MOST_DEPTH: u32 = 8;
/// More than any list has that describes a part of a column.
const MOST_DETAILS: u64 = 1 << 16;

/// What a page's header says, all of it claims. Which fields are present depends on the kind of page.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// 0 data, 1 index, 2 dictionary, 3 data of version 2.
    pub kind: i32,
    /// Bytes after unpacking.
    pub unpacked: i32,
    /// Bytes in the file, after the header.
    pub packed: i32,
    /// CRC-32 of these bytes, where the writer gave it.
    pub checksum: Option<u32>,
    /// Values, missing ones included.
    pub n_values: i32,
    pub encoding: i32,
    /// Encodings of the definition and repetition levels; data pages of version 1.
    pub level_encodings: (i32, i32),
    pub is_sorted: bool,
    /// Version 2 alone.
    pub n_missing: i32,
    pub n_rows: i32,
    /// Bytes of the definition and repetition levels, which are never packed.
    pub level_bytes: (i32, i32),
    pub is_packed: bool,
}

/// Why a header cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The bytes end within it.
    Cut,
    /// It is not one.
    Malformed,
}

/// Reads a header from the start of `bytes`; also says how many bytes it takes.
pub(super) fn page_header(bytes: &[u8]) -> Result<(PageHeader, usize), Trouble> {
    let mut input = Input { bytes, at: 0, details: 0 };
    let mut header = PageHeader { is_packed: true, ..PageHeader::default() };
    let (mut seen, mut has_values) = (0, false);
    input.fields(|input, id, kind| {
        match (id, kind) {
            (1, I32) => header.kind = input.i32()?,
            (2, I32) => header.unpacked = input.i32()?,
            (3, I32) => header.packed = input.i32()?,
            (4, I32) => {
                header.checksum = Some(input.i32()? as u32);
                return Ok(());
            }
            (5 | 7 | 8, STRUCT) => {
                has_values = true;
                let header = &mut header;
                return input.fields(|input, field, kind| {
                    let is_v2 = id == 8;
                    match (field, kind) {
                        (1, I32) => header.n_values = input.i32()?,
                        (2, I32) if is_v2 => header.n_missing = input.i32()?,
                        (3, I32) if is_v2 => header.n_rows = input.i32()?,
                        (4, I32) if is_v2 => header.encoding = input.i32()?,
                        (5, I32) if is_v2 => header.level_bytes.0 = input.i32()?,
                        (6, I32) if is_v2 => header.level_bytes.1 = input.i32()?,
                        (7, TRUE | FALSE) if is_v2 => header.is_packed = kind == TRUE,
                        (2, I32) => header.encoding = input.i32()?,
                        (3, I32) if id == 5 => header.level_encodings.0 = input.i32()?,
                        (4, I32) if id == 5 => header.level_encodings.1 = input.i32()?,
                        (3, TRUE | FALSE) if id == 7 => header.is_sorted = kind == TRUE,
                        _ => input.skip(kind, MOST_DEPTH)?,
                    }
                    Ok(())
                });
            }
            _ => return input.skip(kind, MOST_DEPTH),
        }
        seen |= 1 << id;
        Ok(())
    })?;
    if seen != 0b1110 || !(has_values || header.kind == 1) {
        return Err(Trouble::Malformed);
    }
    Ok((header, input.at))
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const I32: u8 = 5;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// What the description at a file's end lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    /// Of the schema.
    pub elements: u64,
    /// Of columns in all row groups.
    pub parts: u64,
    /// Elements of all lists within these, and of what else is described.
    pub details: u64,
}

/// Whether the lists in the description at a file's end can be as long as they say, for which the crate `parquet` takes memory
/// at once.
pub(super) fn check_lists(bytes: &[u8]) -> Result<Listed, Trouble> {
    let mut input = Input { bytes, at: 0, details: 0 };
    let (mut elements, mut parts) = (0, 0);
    input.fields(|input, id, kind| match (id, kind) {
        (2, LIST) => {
            elements += input.list(4, |input, kind| input.skip(kind, MOST_DEPTH))?;
            Ok(())
        }
        (4, LIST) => input.list(16, |input, kind| input.row_group(kind).map(|n| parts += n)).map(drop),
        // The order of values in each column.
        (7, LIST) => input.list(3, |input, kind| input.skip(kind, MOST_DEPTH)).map(drop),
        _ => input.skip(kind, MOST_DEPTH),
    })?;
    Ok(Listed { elements, parts, details: input.details })
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Elements of the lists that were passed over.
    details: u64,
}

impl Input<'_> {
    fn byte(&mut self) -> Result<u8, Trouble> {
        let byte = *self.bytes.get(self.at).ok_or(Trouble::Cut)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, Trouble> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Trouble::Malformed)
    }

    fn zigzag(&mut self) -> Result<i64, Trouble> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn i32(&mut self) -> Result<i32, Trouble> {
        i32::try_from(self.zigzag()?).map_err(|_| Trouble::Malformed)
    }

    /// Calls `read` with (number, type) of each field of a structure; it must take the field's value.
    fn fields(&mut self, mut read: impl FnMut(&mut Self, i64, u8) -> Result<(), Trouble>) -> Result<(), Trouble> {
        let mut id = 0;
        loop {
            let head = self.byte()?;
            match (head >> 4, head & 0xf) {
                (_, 0) => return Ok(()),
                (0, _) => id = self.zigzag()?,
                (step, _) => id += i64::from(step),
            }
            read(self, id, head & 0xf)?;
        }
    }

    /// The parts of columns in a row group.
    fn row_group(&mut self, kind: u8) -> Result<u64, Trouble> {
        if kind != STRUCT {
            return Err(Trouble::Malformed);
        }
        let mut parts = 0;
        self.fields(|input, id, kind| match (id, kind) {
            (1, LIST) => input.list(16, |input, kind| input.skip(kind, MOST_DEPTH)).map(|n| parts += n),
            _ => input.skip(kind, MOST_DEPTH),
        })?;
        Ok(parts)
    }

    /// The elements of a list, each of at least so many bytes; how many there are.
    fn list(&mut self, least: u64, mut read: impl FnMut(&mut Self, u8) -> Result<(), Trouble>) -> Result<u64, Trouble> {
        let (n, kind) = self.list_head()?;
        if n.saturating_mul(least) > (self.bytes.len() - self.at) as u64 {
            return Err(Trouble::Cut);
        }
        (0..n).try_for_each(|_| read(self, kind)).map(|()| n)
    }

    fn list_head(&mut self) -> Result<(u64, u8), Trouble> {
        let head = self.byte()?;
        let n = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        Ok((n, head & 0xf))
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Result<(), Trouble> {
        let depth = depth.checked_sub(1).ok_or(Trouble::Malformed)?;
        match kind {
            TRUE | FALSE => Ok(()),
            3 => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            7 => self.advance(8),
            8 => {
                let length = self.varint()?;
                self.advance(length)
            }
            LIST | 10 => {
                let (n, kind) = self.list_head()?;
                if n > MOST_DETAILS {
                    return Err(Trouble::Malformed);
                }
                self.details += n;
                for _ in 0..n {
                    match kind {
                        // In a list a truth value takes a byte of its own.
                        TRUE | FALSE => self.byte().map(drop)?,
                        kind => self.skip(kind, depth)?,
                    }
                }
                Ok(())
            }
            STRUCT => self.fields(|input, _, kind| input.skip(kind, depth)),
            _ => Err(Trouble::Malformed), // a map has no place in a page's header
        }
    }

    fn advance(&mut self, length: u64) -> Result<(), Trouble> {
        let left = self.bytes.len() - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= left => {
                self.at += length;
                Ok(())
            }
            _ => Err(Trouble::Cut),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// type 0, unpacked 40, packed 30, data header { 10 values, encoding 0, levels 3 and 3, statistics { 3: 0 } }
    const HEADER: &[u8] =
        &[0x15, 0, 0x15, 80, 0x15, 60, 0x2c, 0x15, 20, 0x15, 0, 0x15, 6, 0x15, 6, 0x1c, 0x36, 0, 0, 0, 0];

    #[test]
    fn a_header_is_read_and_its_length_known() {
        let (header, length) = page_header(&[HEADER, &[9, 9, 9]].concat()).unwrap();
        assert_eq!(length, HEADER.len());
        assert_eq!((header.kind, header.unpacked, header.packed, header.n_values), (0, 40, 30, 10));
        assert_eq!(header.level_encodings, (3, 3));
    }

    #[test]
    fn lists_of_a_description_are_no_longer_than_what_is_there() {
        // version 1, schema of two structures { 4: "ab" }, 0 rows, one row group { 1: [{ 2: 0 }] }
        let element = |name: &[u8]| [&[0x48, name.len() as u8][..], name, &[0]].concat();
        let of = |schema: u8, columns: u8| {
            let group = [&[0x19, columns << 4 | 0xc, 0x26, 0][..], &[0; 16], &[0]].concat();
            [
                &[0x15, 2, 0x19, schema << 4 | 0xc][..],
                &element(b"ab"),
                &element(b"cd"),
                &[0x16, 0, 0x19, 0x1c],
                &group,
                &[0],
            ]
            .concat()
        };
        assert_eq!(check_lists(&of(2, 1)), Ok(Listed { elements: 2, parts: 1, details: 0 }));
        assert!(check_lists(&of(14, 1)).is_err() && check_lists(&of(2, 14)).is_err());
        let long = [&[0x15, 2, 0x19, 0xfc][..], &[0xff, 0xff, 0xff, 0xff, 0x7f], &[0; 100]].concat();
        assert_eq!(check_lists(&long), Err(Trouble::Cut));
    }

    #[test]
    fn every_cut_and_every_changed_byte_ends() {
        for n in 0..HEADER.len() {
            assert_eq!(page_header(&HEADER[..n]), Err(Trouble::Cut), "{n} bytes");
            for byte in 0..=255 {
                let mut changed = HEADER.to_vec();
                changed[n] = byte;
                let _ = page_header(&changed);
            }
        }
        assert_eq!(page_header(&[0x1c; 100]), Err(Trouble::Malformed), "deep nesting");
        assert_eq!(page_header(&[0]), Err(Trouble::Malformed));
    }
}
