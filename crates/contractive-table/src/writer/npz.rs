//! NPZ: several NPY arrays in one zip archive, not packed, as `numpy.savez` writes them. The same arrays give the same bytes.

use std::io::{self, Seek, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::numpy::header_of;
use crate::atomic::write_atomically;
use crate::output::OutputError;

/// Numbers of one array.
#[derive(Debug, Clone, Copy)]
pub enum ArrayNumbers<'a> {
    /// f32.
    Singles(&'a [f32]),
    /// f64.
    Numbers(&'a [f64]),
    /// i64.
    Integers(&'a [i64]),
}

/// An array with its name in the archive.
#[derive(Debug, Clone, Copy)]
pub struct NamedArray<'a> {
    /// The name, without `.npy`.
    pub name: &'a str,
    /// Sizes of at most four dimensions.
    pub shape: &'a [usize],
    /// The numbers, row-major.
    pub values: ArrayNumbers<'a>,
}

/// Writes an archive of arrays, whole or not at all.
///
/// # Errors
///
/// [`OutputError::Write`]; also where an array has not as many numbers as its shape says.
pub fn write_npz(path: impl AsRef<Path>, arrays: &[NamedArray<'_>]) -> Result<(), OutputError> {
    let path = path.as_ref();
    write_atomically(path, |file| {
        let mut archive = ZipWriter::new(file);
        for array in arrays {
            write_array(&mut archive, array)?;
        }
        archive.finish().map(drop).map_err(io::Error::other)
    })
    .map_err(|source| OutputError::Write { path: path.to_path_buf(), source })
}

fn write_array<W: Write + Seek>(archive: &mut ZipWriter<W>, array: &NamedArray<'_>) -> io::Result<()> {
    let (number, length) = match array.values {
        ArrayNumbers::Singles(values) => ("<f4", values.len()),
        ArrayNumbers::Numbers(values) => ("<f8", values.len()),
        ArrayNumbers::Integers(values) => ("<i8", values.len()),
    };
    if array.shape.len() > 4 || array.shape.iter().product::<usize>() != length {
        let text = format!("the array `{}` of {length} numbers cannot have the shape {:?}", array.name, array.shape);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    // No clock: the same arrays give the same bytes.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default());
    archive.start_file(format!("{}.npy", array.name), options).map_err(io::Error::other)?;
    archive.write_all(&header_of(number, array.shape))?;
    match array.values {
        ArrayNumbers::Singles(values) => write_numbers(archive, values, f32::to_le_bytes),
        ArrayNumbers::Numbers(values) => write_numbers(archive, values, f64::to_le_bytes),
        ArrayNumbers::Integers(values) => write_numbers(archive, values, i64::to_le_bytes),
    }
}

fn write_numbers<T: Copy, const N: usize>(
    out: &mut impl Write,
    values: &[T],
    bytes_of: impl Fn(T) -> [u8; N],
) -> io::Result<()> {
    for some in values.chunks(1 << 13) {
        let bytes: Vec<u8> = some.iter().flat_map(|value| bytes_of(*value)).collect();
        out.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{ArrayValues, read};

    #[test]
    fn arrays_are_read_back_and_the_bytes_repeat() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let cube: Vec<f32> = (0..12_000).map(|i| i as f32).collect();
        let arrays = |shape: &'static [usize]| {
            write_npz(
                &path,
                &[
                    NamedArray { name: "cube", shape, values: ArrayNumbers::Singles(&cube) },
                    NamedArray { name: "line", shape: &[2], values: ArrayNumbers::Integers(&[-3, 4]) },
                    NamedArray { name: "X", shape: &[2, 1], values: ArrayNumbers::Numbers(&[0.1, 0.2]) },
                ],
            )
        };
        arrays(&[2, 6, 1000]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        arrays(&[2, 6, 1000]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        let back = read(&path, Some("cube")).unwrap().rows;
        assert_eq!(back.shape(), [2, 6, 1000]);
        assert_eq!(back.into_values(), ArrayValues::F32(cube.clone()));
        assert_eq!(read(&path, None).unwrap().rows.into_values(), ArrayValues::F64(vec![0.1, 0.2]));
        let line = read(&path, Some("line")).unwrap().rows;
        assert_eq!((line.shape(), line.whole_numbers()), (&[2][..], Some(vec![-3, 4])));
        assert!(arrays(&[2, 6]).unwrap_err().to_string().contains("`cube` of 12000 numbers"));
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "what was there stays");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
