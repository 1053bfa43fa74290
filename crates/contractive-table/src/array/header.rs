//! The header of an NPY array: magic, version, length, and a Python dictionary of three entries.
//!
//! Parsed here rather than by a general reader of Python literals: a header from a stranger must not decide how much
//! memory is taken, nor how deep a parser recurses.

use std::io::Read;
use std::path::Path;

use super::array::byte_image_shape;
use crate::error::TableError;
use crate::source::read_up_to;

/// numpy writes about 100 bytes; a header of more than this is no array of numbers.
const MOST_TEXT: usize = 1 << 16;

/// What is read: real numbers and truth values.
pub(super) const READABLE: &str =
    "float16, float32, float64, an integer or bool; convert it with `array.astype('float32')` before saving";

/// The family of a type of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Truth values.
    Boolean,
    /// IEEE numbers of 2, 4 or 8 bytes.
    Float,
    /// Integers.
    Signed,
    /// Integers from 0.
    Unsigned,
}

/// What an NPY array says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// What its values are.
    pub kind: Kind,
    /// Bytes a value.
    pub size: usize,
    /// Whether the first byte of a value weighs most.
    pub is_big_endian: bool,
    /// Whether the first index runs fastest.
    pub is_fortran: bool,
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
}

impl Header {
    /// Reads up to the first byte of the values.
    ///
    /// # Errors
    /// [`TableError`] of what is no NPY array of numbers.
    pub fn read(reader: &mut dyn Read, path: &Path) -> Result<Header, TableError> {
        let corrupt = |reason: &str| TableError::Corrupt { path: path.to_path_buf(), reason: reason.to_string() };
        let mut fill = |bytes: &mut [u8]| match read_up_to(reader, bytes) {
            Ok(got) if got == bytes.len() => Ok(()),
            Ok(_) => Err(corrupt("it ends within its header")),
            Err(e) => Err(TableError::reading(path, e)),
        };
        let mut start = [0; 8];
        fill(&mut start)?;
        if start[..6] != *b"\x93NUMPY" {
            return Err(TableError::Magic {
                path: path.to_path_buf(),
                expected: "93 4e 55 4d 50 59 (\\x93NUMPY), as NPY arrays do".into(),
                got: start[..6].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
            });
        }
        let length = match start[6] {
            1 => {
                let mut bytes = [0; 2];
                fill(&mut bytes)?;
                usize::from(u16::from_le_bytes(bytes))
            }
            2 | 3 => {
                let mut bytes = [0; 4];
                fill(&mut bytes)?;
                u32::from_le_bytes(bytes) as usize
            }
            version => return Err(corrupt(&format!("NPY version {version} is unknown; 1, 2 and 3 are read"))),
        };
        if length > MOST_TEXT {
            return Err(corrupt(&format!("its header claims {length} bytes; at most {MOST_TEXT} are read")));
        }
        let mut text = vec![0; length];
        fill(&mut text)?;
        let text = std::str::from_utf8(&text).map_err(|_| corrupt("its header is not text"))?;
        let entries = Entries::parse(text).ok_or_else(|| {
            let shown: String = text.trim().chars().take(120).collect();
            corrupt(&format!("its header must be {{'descr': …, 'fortran_order': …, 'shape': …}}, got `{shown}`"))
        })?;
        let refused =
            || TableError::Type { path: path.to_path_buf(), got: format!("`{}`", entries.descr), expected: READABLE };
        let (kind, size, is_big_endian) = type_of(entries.descr).ok_or_else(refused)?;
        Ok(Header { kind, size, is_big_endian, is_fortran: entries.is_fortran, shape: entries.shape })
    }

    /// Bytes of all values; `None` when no integer holds the number.
    pub fn n_bytes(&self) -> Option<u64> {
        self.shape.iter().try_fold(self.size as u64, |product, &dim| product.checked_mul(dim as u64))
    }

    /// Whether rows are images of bytes, where they have `columns` values and the shape `image`.
    pub fn has_pixels(&self, columns: usize, image: Option<[usize; 3]>) -> bool {
        self.kind == Kind::Unsigned && self.size == 1 && byte_image_shape(columns, image).is_some()
    }

    /// Turns the bytes of one value, exactly `size` of them, into a number.
    pub fn decoder(&self) -> impl Fn(&[u8]) -> f64 + use<> {
        let (kind, size, is_big_endian) = (self.kind, self.size, self.is_big_endian);
        move |bytes| {
            // The value's bytes, least first, in the low end of a word.
            let mut word = [0; 8];
            word[..size].copy_from_slice(&bytes[..size]);
            if is_big_endian {
                word[..size].reverse();
            }
            let bits = u64::from_le_bytes(word);
            let unused = 64 - 8 * size as u32;
            match (kind, size) {
                (Kind::Float, 2) => half(bits as u16),
                (Kind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
                (Kind::Float, _) => f64::from_bits(bits),
                (Kind::Signed, _) => ((bits << unused) as i64 >> unused) as f64,
                (Kind::Boolean, _) => f64::from(u8::from(bits != 0)),
                (Kind::Unsigned, _) => bits as f64,
            }
        }
    }
}

/// IEEE half precision: 1 sign, 5 exponent and 10 fraction bits.
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match (bits >> 10) & 0x1f {
        0 => fraction / 16_777_216.0, // 2^-24: subnormal
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1.0 + fraction / 1024.0) * f64::from_bits((u64::from(exponent) + 1023 - 15) << 52),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

/// (family, bytes a value, big-endian) of a type such as `<f4`, `|u1`, `>i8`.
fn type_of(descr: &str) -> Option<(Kind, usize, bool)> {
    let is_big_endian = match descr.as_bytes().first()? {
        b'>' => true,
        b'<' | b'|' => false,
        b'=' => cfg!(target_endian = "big"),
        _ => return None,
    };
    let (kind, size) = match &descr[1..] {
        "f2" => (Kind::Float, 2),
        "f4" => (Kind::Float, 4),
        "f8" => (Kind::Float, 8),
        "i1" => (Kind::Signed, 1),
        "i2" => (Kind::Signed, 2),
        "i4" => (Kind::Signed, 4),
        "i8" => (Kind::Signed, 8),
        "u1" => (Kind::Unsigned, 1),
        "b1" => (Kind::Boolean, 1),
        "u2" => (Kind::Unsigned, 2),
        "u4" => (Kind::Unsigned, 4),
        "u8" => (Kind::Unsigned, 8),
        _ => return None,
    };
    Some((kind, size, is_big_endian))
}

/// The three entries, as text where their meaning comes later.
struct Entries<'a> {
    descr: &'a str,
    is_fortran: bool,
    shape: Vec<usize>,
}

impl<'a> Entries<'a> {
    /// `None` unless the text is a dictionary of exactly the three entries, in any order.
    fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
        let (mut descr, mut is_fortran, mut shape) = (None, None, None);
        while !rest.is_empty() {
            let (key, after) = quoted(rest)?;
            rest = after.trim_start().strip_prefix(':')?.trim_start();
            rest = match key {
                "descr" => {
                    let (value, after) = type_text(rest)?;
                    descr = Some(value);
                    after
                }
                "fortran_order" => {
                    let (value, after) = match rest.strip_prefix("True") {
                        Some(after) => (true, after),
                        None => (false, rest.strip_prefix("False")?),
                    };
                    is_fortran = Some(value);
                    after
                }
                "shape" => {
                    let (inside, after) = rest.strip_prefix('(')?.split_once(')')?;
                    shape = Some(dimensions(inside)?);
                    after
                }
                _ => return None,
            };
            rest = rest.trim_start();
            rest = match rest.strip_prefix(',') {
                Some(after) => after.trim_start(),
                None if rest.is_empty() => rest,
                None => return None,
            };
        }
        Some(Entries { descr: descr?, is_fortran: is_fortran?, shape: shape? })
    }
}

fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

/// A type in quotes; a list, which is what a structured type is, is returned whole so that it can be refused by name.
fn type_text(text: &str) -> Option<(&str, &str)> {
    if text.starts_with('[') {
        return Some(text.split_at(text.rfind(']')? + 1));
    }
    quoted(text)
}

/// At most 32 of them, as in numpy.
fn dimensions(text: &str) -> Option<Vec<usize>> {
    let text = text.trim();
    let text = text.strip_suffix(',').unwrap_or(text);
    if text.is_empty() {
        return Some(Vec::new());
    }
    let dims: Option<Vec<usize>> = text.split(',').map(|dim| dim.trim().parse().ok()).collect();
    dims.filter(|dims| dims.len() <= 32)
}
