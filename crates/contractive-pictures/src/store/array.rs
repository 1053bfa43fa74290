//! Pictures in NPY and NPZ arrays, (N, H, W) or (N, H, W, C): each read where it lies. Their names are their numbers.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use contractive_core::patches::PictureShape;
use contractive_table::array::{ArrayHeader, ArrayKind};
use contractive_table::{TableError, zipped};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::entry::{Entries, Labels};
use super::section::Section;
use super::unpacked::{damaged, unpacked};
use crate::decode::{Head, of_unit, over_black};
use crate::error::{PictureError, PictureFault};
use crate::limits::{Claim, FileSize, may_hold_labels, most_in_array};
use crate::picture::Picture;

const EXPECTED: &str =
    "(pictures, height, width) or (pictures, height, width, channels) with 1, 3 or 4 channels, in C order";

/// An array whose header was read.
#[derive(Debug)]
pub(crate) struct ArrayStore {
    values: Section,
    header: ArrayHeader,
    height: usize,
    width: usize,
    channels: usize,
    /// Bytes of the array on the disk.
    packed: u64,
    pub labels: Option<Labels>,
}

/// Whether a file of these first bytes is an NPY array.
pub(super) fn is_npy(first: &[u8]) -> bool {
    first.starts_with(b"\x93NUMPY")
}

impl ArrayStore {
    /// An array that begins `file`, of which there are `packed` bytes on the disk; `path` is its name in messages. `labels` are asked for
    /// with the number of pictures.
    pub fn open(
        path: &Path,
        file: Section,
        packed: u64,
        labels: impl FnOnce(usize) -> Result<Option<Labels>, PictureError>,
    ) -> Result<(Self, Entries), PictureError> {
        let mut stream = file.clone();
        let header = ArrayHeader::read(&mut stream, path)?;
        let (n, height, width, channels) = shape(path, &header)?;
        let start = stream.stream_position().map_err(|e| PictureError::io("read", path, e))?;
        let (expected, got) = (header.n_bytes(), file.len().saturating_sub(start));
        let path_buf = || path.to_path_buf();
        match expected {
            Some(expected) if expected == got => {}
            Some(expected) if expected < got => return Err(TableError::Trailing { path: path_buf(), expected }.into()),
            expected => {
                return Err(
                    TableError::Truncated { path: path_buf(), expected: expected.unwrap_or(u64::MAX), got }.into()
                );
            }
        }
        let most = most_in_array(packed);
        if n as u64 > most {
            return Err(damaged(
                path,
                format!("its {packed} bytes become {n} pictures; at most {most} are read of so few"),
            ));
        }
        let size = got / n as u64;
        let (wide, high, bytes_a_pixel) = (width as u64, height as u64, (channels * header.size) as u64);
        let (format, most_a_byte, held_for_ten) = ("NPY", None, 10);
        let claim = Claim {
            format,
            width: wide,
            height: high,
            bytes_a_pixel,
            size: FileSize::plain(size),
            most_a_byte,
            held_for_ten,
            beside: 0,
        };
        claim.check().map_err(|fault| PictureError::broken(path, "0", fault))?;
        let (entries, labels) = (Entries::Numbered { n, size }, labels(n)?);
        let values = file.part(start, got);
        Ok((ArrayStore { values, header, height, width, channels, packed, labels }, entries))
    }

    /// Bytes of the array on the disk.
    pub fn packed(&self) -> u64 {
        self.packed
    }

    /// What every picture is.
    pub fn head(&self) -> Head {
        let (width, height, is_grey) = (self.width, self.height, self.channels == 1);
        Head { width, height, is_grey, bytes: (width * height * self.channels) as u64 }
    }

    /// Picture `i`.
    pub fn picture(&self, i: usize, reserve: &mut dyn FnMut(u64)) -> Result<Picture, PictureFault> {
        let n = self.height * self.width * self.channels;
        let size = (n * self.header.size) as u64;
        reserve(size.saturating_add(n as u64));
        let bytes = super::folder::all_of(self.values.part(i as u64 * size, size), size)?;
        let pixels = match (self.header.kind, self.header.size) {
            (ArrayKind::Unsigned, 1) => bytes,
            (ArrayKind::Boolean, _) => bytes.into_iter().map(|byte| if byte == 0 { 0 } else { 255 }).collect(),
            _ => self.of_floats(&bytes)?,
        };
        let (channels, pixels) =
            if self.channels == 4 { (3, over_black::<4>(pixels)) } else { (self.channels, pixels) };
        Ok(Picture { shape: PictureShape { height: self.height, width: self.width, channels }, pixels })
    }

    fn of_floats(&self, bytes: &[u8]) -> Result<Vec<u8>, PictureFault> {
        let (decode, c) = (self.header.decoder(), self.channels);
        let pixel = |(i, four): (usize, &[u8])| {
            let value = decode(four);
            let (row, column, channel) = (i / c / self.width, i / c % self.width, i % c);
            of_unit(value).ok_or(PictureFault::Value { value, row, column, channel })
        };
        bytes.chunks_exact(self.header.size).enumerate().map(pixel).collect()
    }
}

/// (N, H, W, C) of an array of pictures.
fn shape(path: &Path, header: &ArrayHeader) -> Result<(usize, usize, usize, usize), PictureError> {
    let (n, height, width, channels) = match header.shape[..] {
        [n, height, width] => (n, height, width, 1),
        [n, height, width, channels @ (1 | 3 | 4)] => (n, height, width, channels),
        _ => (0, 0, 0, 0),
    };
    if n == 0 || height == 0 || width == 0 || header.is_fortran {
        let order = if header.is_fortran { " in Fortran order" } else { "" };
        let dims = header.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let got = format!("({dims}){order}");
        return Err(PictureError::ArrayShape { path: path.to_path_buf(), expected: EXPECTED, got });
    }
    match (header.kind, header.size) {
        (ArrayKind::Unsigned, 1) | (ArrayKind::Boolean | ArrayKind::Float, _) => Ok((n, height, width, channels)),
        (kind, size) => {
            let got = format!("{kind:?} integers of {} bits", size * 8).to_lowercase();
            Err(PictureError::ArrayType { path: path.to_path_buf(), got })
        }
    }
}

/// The array `X` of an archive, or the only one with the shape of pictures, and the labels `y` (of `x_train`, `y_train`).
pub(super) fn open_npz(path: &Path, file: Section) -> Result<(ArrayStore, Entries), PictureError> {
    let mut archive = zipped::open(file.clone()).map_err(|e| damaged(path, e.to_string()))?;
    let place = chosen(path, &mut archive)?;
    let mut beside = archive.clone();
    let mut entry = archive.by_index(place).map_err(|e| damaged(path, e.to_string()))?;
    let name = entry.name().map(|name| name.into_owned()).unwrap_or_default();
    let (packed, inside) = (entry.compressed_size().min(file.len()), path.join(&name));
    let values = match (entry.compression(), entry.data_start()) {
        (CompressionMethod::Stored, Some(start)) => {
            // Pictures are read past the archive: its checksum is compared once for all of them.
            io::copy(&mut entry, &mut io::sink()).map_err(|e| damaged(&inside, e.to_string()))?;
            file.part(start, packed)
        }
        _ => unpacked(&inside, entry, packed)?,
    };
    let member = name.strip_prefix(['x', 'X']).map_or("y.npy".into(), |rest| format!("y{rest}"));
    let size = file.len();
    ArrayStore::open(&inside, values, packed, |n| labels(&mut beside, &path.join(&member), &member, n, size))
}

fn chosen(path: &Path, archive: &mut ZipArchive<Section>) -> Result<usize, PictureError> {
    let (mut of_pictures, mut available) = (Vec::new(), Vec::new());
    for place in 0..archive.len() {
        let Ok(mut entry) = archive.by_index(place) else { continue };
        let Ok(name) = entry.name().map(|name| name.into_owned()) else { continue };
        let Some(array) = name.strip_suffix(".npy") else { continue };
        let inside: PathBuf = path.join(&name);
        match ArrayHeader::read(&mut entry, &inside).map(|header| (shape(&inside, &header).is_ok(), header.shape)) {
            Ok((is_of_pictures, shape)) => {
                available.push(format!("`{array}` {shape:?}"));
                match (array, is_of_pictures) {
                    ("X", _) => return Ok(place),
                    (_, true) => of_pictures.push(place),
                    _ => {}
                }
            }
            Err(_) => available.push(format!("`{array}` (not an array of numbers)")),
        }
    }
    match of_pictures[..] {
        [place] => Ok(place),
        _ => {
            let wanted = "`X`, nor just one of pictures".into();
            Err(TableError::NoSuchArray { path: path.to_path_buf(), wanted, available }.into())
        }
    }
}

/// Whole numbers as labels of `n` pictures: the number of each one's class, and the classes, which are the numbers there are, in their
/// order. `None` where there are none, or not so many. The archive has `size` bytes.
fn labels(
    archive: &mut ZipArchive<Section>,
    path: &Path,
    member: &str,
    n: usize,
    size: u64,
) -> Result<Option<Labels>, PictureError> {
    let mut entry = match archive.by_name(member) {
        Ok(entry) => entry,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(e) => return Err(damaged(path, e.to_string())),
    };
    let numbers = whole_numbers(&mut entry, path, n, size)?;
    // Other kinds of labels are passed over, damage is not: the checksum is that of all bytes.
    io::copy(&mut entry, &mut io::sink()).map_err(|e| damaged(path, e.to_string()))?;
    let Some((mut numbers, classes)) = numbers else { return Ok(None) };
    let classes: Vec<i64> = classes.into_iter().collect();
    numbers.iter_mut().for_each(|number| *number = classes.partition_point(|class| class < number) as i64);
    Ok(Some((numbers, classes.iter().map(i64::to_string).collect())))
}

/// Whole numbers, and those of them that differ.
type Numbers = (Vec<i64>, BTreeSet<i64>);

/// The values of an array of `n` whole numbers; `None` of another array.
fn whole_numbers(entry: &mut impl Read, path: &Path, n: usize, size: u64) -> Result<Option<Numbers>, PictureError> {
    let Ok(header) = ArrayHeader::read(entry, path) else { return Ok(None) };
    if !matches!(header.shape[..], [own] | [own, 1] if own == n) {
        return Ok(None);
    }
    let refused =
        |what: String| Err(damaged(path, format!("it holds {what}, more than are read of a file of {size} bytes")));
    if !may_hold_labels(size, n, 0) {
        return refused(format!("{n} labels"));
    }
    let (mut values, mut value, decode) = (BufReader::new(entry), vec![0; header.size], header.decoder());
    let (mut numbers, mut classes) = (Vec::with_capacity(n), BTreeSet::new());
    while numbers.len() < n {
        values.read_exact(&mut value).map_err(|e| damaged(path, e.to_string()))?;
        let number = decode(&value);
        if number.fract() != 0.0 || number.abs() >= 9e15 {
            return Ok(None);
        }
        numbers.push(number as i64);
        if classes.insert(number as i64) && !may_hold_labels(size, n, classes.len()) {
            return refused(format!("{} different labels", classes.len()));
        }
    }
    Ok(Some((numbers, classes)))
}
