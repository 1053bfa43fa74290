//! IDX files, the format of MNIST: big-endian, a type, the sizes, then the values.
//!
//! Bytes 0–1 are zero, byte 2 is the type, byte 3 the number of dimensions; then one u32 a dimension. Unsigned bytes in
//! three dimensions are images and stay bytes; two dimensions of any type are a plain table.

use std::path::{Path, PathBuf};

use super::source::Source;
use super::{DataError, Dataset};

const U8: u8 = 0x08;

struct Header {
    kind: u8,
    dims: Vec<usize>,
}

/// Reads images or a table; the labels file beside it is used when there is one.
pub(crate) fn load(path: &Path, name: &str) -> Result<Dataset, DataError> {
    let dataset = load_images(path, name)?;
    match labels_beside(path) {
        Some(beside) => dataset.with_labels(load_labels(&beside)?),
        None => Ok(dataset),
    }
}

/// Reads images or a table.
pub(crate) fn load_images(path: &Path, name: &str) -> Result<Dataset, DataError> {
    let mut source = Source::open(path)?;
    let Header { kind, dims } = read_header(&mut source)?;
    let bytes = source.check_claim(n_bytes(&dims, kind))?;
    match dims[..] {
        [_, height, width] if kind == U8 => Dataset::from_u8_images(name, height, width, source.payload(bytes)?),
        [_, height, width] => {
            let values = decode(kind, &source.payload(bytes)?);
            Dataset::from_f32(name, height.saturating_mul(width), values)?.with_image_shape(height, width)
        }
        [_, columns] => Dataset::from_f32(name, columns, decode(kind, &source.payload(bytes)?)),
        _ => Err(DataError::Shape {
            what: format!("the number of dimensions of {}", path.display()),
            expected: "3 (images) or 2 (a table); a labels file has 1, give its images file".into(),
            got: dims.len().to_string(),
        }),
    }
}

/// Reads labels: one dimension of integers.
pub(crate) fn load_labels(path: &Path) -> Result<Vec<i64>, DataError> {
    let mut source = Source::open(path)?;
    let Header { kind, dims } = read_header(&mut source)?;
    if dims.len() != 1 {
        return Err(DataError::Shape {
            what: format!("the number of dimensions of the labels {}", path.display()),
            expected: "1".into(),
            got: dims.len().to_string(),
        });
    }
    if kind >= 0x0D {
        let got = format!("{kind:#04x} (floating point)");
        return Err(DataError::Type { path: path.to_path_buf(), got, expected: "integers, as labels are" });
    }
    let bytes = source.check_claim(n_bytes(&dims, kind))?;
    Ok(integers(kind, &source.payload(bytes)?))
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

fn read_header(source: &mut Source) -> Result<Header, DataError> {
    let magic: [u8; 4] = source.header()?;
    let [zero, nought, kind, n_dims] = magic;
    if zero != 0 || nought != 0 || size_of_value(kind).is_none() || n_dims == 0 {
        return Err(DataError::Magic {
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

fn decode(kind: u8, bytes: &[u8]) -> Vec<f32> {
    match kind {
        0x0D => bytes.as_chunks().0.iter().map(|&b| f32::from_be_bytes(b)).collect(),
        0x0E => bytes.as_chunks().0.iter().map(|&b| f64::from_be_bytes(b) as f32).collect(),
        _ => integers(kind, bytes).into_iter().map(|value| value as f32).collect(),
    }
}

fn integers(kind: u8, bytes: &[u8]) -> Vec<i64> {
    match kind {
        0x09 => bytes.iter().map(|&b| i64::from(b as i8)).collect(),
        0x0B => bytes.as_chunks().0.iter().map(|&b| i64::from(i16::from_be_bytes(b))).collect(),
        0x0C => bytes.as_chunks().0.iter().map(|&b| i64::from(i32::from_be_bytes(b))).collect(),
        _ => bytes.iter().map(|&b| i64::from(b)).collect(),
    }
}
