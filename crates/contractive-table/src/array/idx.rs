//! IDX files, the format of MNIST: big-endian, a type, the sizes, then the values.
//!
//! Bytes 0–1 are zero, byte 2 is the type, byte 3 the number of dimensions; then one u32 a dimension. Unsigned bytes in
//! three dimensions are images and stay bytes; two dimensions of any type are a plain table.

use std::path::{Path, PathBuf};

use super::array::{Array, ArrayValues, Arrays, bytes_of_a_byte, check_labels, check_labels_room};
use crate::error::TableError;
use crate::source::Source;

const U8: u8 = 0x08;

struct Header {
    kind: u8,
    dims: Vec<usize>,
}

/// Reads images or a table; the labels file beside it is used when there is one.
pub(super) fn read(path: &Path) -> Result<Arrays, TableError> {
    let mut source = Source::open(path)?;
    let header = read_header(&mut source)?;
    if header.dims.len() < 2 {
        return Err(TableError::Shape {
            what: format!("the number of dimensions of {}", path.display()),
            expected: "3 (images) or 2 (a table); a labels file has 1, give its images file".into(),
            got: header.dims.len().to_string(),
        });
    }
    let labels = labels_beside(path).map(|beside| read_labels(&beside, &header.dims)).transpose()?;
    Ok(Arrays { rows: read_values(source, header)?, labels })
}

/// Reads one file.
pub(super) fn read_alone(path: &Path) -> Result<Array, TableError> {
    let mut source = Source::open(path)?;
    let header = read_header(&mut source)?;
    read_values(source, header)
}

fn read_values(mut source: Source, Header { kind, dims }: Header) -> Result<Array, TableError> {
    let bytes = source.check_claim(n_bytes(&dims, kind))?;
    let each = if kind == U8 { bytes_of_a_byte(&source.path, &dims) } else { size_of::<f64>() as u64 };
    source.check_kept((bytes / size_of_value(kind).unwrap_or(1)).saturating_mul(each))?;
    let values = decode(kind, source.payload(bytes)?);
    Ok(Array { path: source.path, shape: dims, values })
}

/// Reads labels of rows of the shape `rows`: one dimension of integers.
fn read_labels(path: &Path, rows: &[usize]) -> Result<Array, TableError> {
    let mut source = Source::open(path)?;
    let header = read_header(&mut source)?;
    if header.dims.len() != 1 {
        return Err(TableError::Shape {
            what: format!("the number of dimensions of the labels {}", path.display()),
            expected: "1".into(),
            got: header.dims.len().to_string(),
        });
    }
    check_labels(path, &header.dims, rows)?;
    check_labels_room(&source, &header.dims)?;
    read_values(source, header)
}

/// The labels of `…images-idx3-ubyte[.gz]`, if they lie beside it: `…labels-idx1-ubyte` with or without `.gz`.
fn labels_beside(path: &Path) -> Option<PathBuf> {
    let file = path.file_name()?.to_str()?;
    if !file.contains("images") {
        return None;
    }
    let labels = file.replace("images", "labels").replace("idx3", "idx1");
    let plain = labels.strip_suffix(".gz").unwrap_or(&labels).to_string();
    [labels, plain.clone(), plain + ".gz"].iter().map(|name| path.with_file_name(name)).find(|p| p.is_file())
}

fn read_header(source: &mut Source) -> Result<Header, TableError> {
    let magic: [u8; 4] = source.header()?;
    let [zero, nought, kind, n_dims] = magic;
    if zero != 0 || nought != 0 || size_of_value(kind).is_none() || n_dims == 0 {
        return Err(TableError::Magic {
            path: source.path.clone(),
            expected: "00 00 08 03 (images) or 00 00 08 01 (labels), as IDX files do".into(),
            got: magic.map(|byte| format!("{byte:02x}")).join(" "),
        });
    }
    let mut dims = Vec::with_capacity(n_dims as usize);
    for _ in 0..n_dims {
        dims.push(u32::from_be_bytes(source.header()?) as usize);
    }
    Ok(Header { kind, dims })
}

fn size_of_value(kind: u8) -> Option<u64> {
    match kind {
        U8 | 0x09 => Some(1),
        0x0B => Some(2),
        0x0C | 0x0D => Some(4),
        0x0E => Some(8),
        _ => None,
    }
}

fn n_bytes(dims: &[usize], kind: u8) -> Option<u64> {
    dims.iter().try_fold(size_of_value(kind)?, |product, &dim| product.checked_mul(dim as u64))
}

fn decode(kind: u8, bytes: Vec<u8>) -> ArrayValues {
    match kind {
        U8 => ArrayValues::Bytes(bytes),
        0x09 => ArrayValues::F32(bytes.iter().map(|&b| f32::from(b as i8)).collect()),
        0x0B => ArrayValues::F32(bytes.as_chunks().0.iter().map(|&b| f32::from(i16::from_be_bytes(b))).collect()),
        0x0C => ArrayValues::F64(bytes.as_chunks().0.iter().map(|&b| f64::from(i32::from_be_bytes(b))).collect()),
        0x0D => ArrayValues::F32(bytes.as_chunks().0.iter().map(|&b| f32::from_be_bytes(b)).collect()),
        _ => ArrayValues::F64(bytes.as_chunks().0.iter().map(|&b| f64::from_be_bytes(b)).collect()),
    }
}
