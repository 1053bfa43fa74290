//! NPZ archives, as `numpy.savez` writes them: a zip of NPY arrays.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;
use zip::ZipArchive;
use zip::result::ZipError;

use super::array::{Array, Arrays, check_labels, check_labels_room, shape_text};
use super::header::Header;
use super::npy;
use crate::error::TableError;
use crate::limits::most_expanded;
use crate::source::{Checked, Source, open_file};
use crate::zipped;

type Archive = ZipArchive<BufReader<File>>;

/// Reads `array`, or `X`, or the only array of two or more dimensions; labels from `y` (of `x_train`, `y_train`).
pub(super) fn read(path: &Path, array: Option<&str>) -> Result<Arrays, TableError> {
    let mut archive = archive(path)?;
    let chosen = choose(&mut archive, path, array)?;
    let labels = Some(labels_name(&chosen)).filter(|labels| members(&archive).contains(labels));
    if let Some(labels) = &labels {
        let rows = with_array(&mut archive, path, &chosen, |_, header| Ok(header.shape))?;
        with_array(&mut archive, path, labels, |source, header| {
            check_labels(&source.path, &header.shape, &rows)?;
            check_labels_room(source, &header.shape)
        })?;
    }
    let mut read = |array: &String| with_array(&mut archive, path, array, |source, header| npy::read(source, &header));
    let rows = read(&chosen)?;
    Ok(Arrays { rows, labels: labels.as_ref().map(read).transpose()? })
}

/// Reads `array`, or `X`, or the only array of two or more dimensions, without labels.
pub(super) fn read_alone(path: &Path, array: Option<&str>) -> Result<Array, TableError> {
    let mut archive = archive(path)?;
    let chosen = choose(&mut archive, path, array)?;
    with_array(&mut archive, path, &chosen, |source, header| npy::read(source, &header))
}

fn archive(path: &Path) -> Result<Archive, TableError> {
    zipped::open(BufReader::new(open_file(path)?)).map_err(|e| damaged(path, e))
}

/// The array `array`, whatever its dimensions.
pub(super) fn read_named(path: &Path, array: &str) -> Result<Array, TableError> {
    let mut archive = archive(path)?;
    with_array(&mut archive, path, array, |source, header| npy::read(source, &header))
}

/// The first bytes of a member, at most `most`; `None` where there is none of that name.
pub(super) fn first_bytes(path: &Path, array: &str, most: u64) -> Option<Vec<u8>> {
    let mut archive = archive(path).ok()?;
    let member = archive.by_name(&format!("{array}.npy")).ok()?;
    let mut bytes = Vec::new();
    member.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Opens `array`, or `X`, or the only table, for a reader that goes through it by itself.
pub(super) fn open(path: &Path, array: Option<&str>) -> Result<Source<'static>, TableError> {
    let place = place(path, array)?;
    let stream = place.stream(path)?;
    let most = if place.is_stored { place.packed } else { most_expanded(place.packed) };
    Ok(Source::bounded(place.inside, stream, place.packed, most))
}

/// Where the bytes of an array lie in an archive.
struct Place {
    /// The array's name in messages: `file.npz/X.npy`.
    inside: PathBuf,
    /// The first byte.
    start: u64,
    /// Bytes there, at most the file's size.
    packed: u64,
    /// Whether they are the array's own, not deflated.
    is_stored: bool,
    /// The checksum of the array's own bytes.
    crc32: u32,
}

impl Place {
    /// The array's own bytes.
    fn stream(&self, path: &Path) -> Result<Box<dyn Read + Send>, TableError> {
        let mut file = open_file(path)?;
        file.seek(SeekFrom::Start(self.start)).map_err(|e| TableError::io("open", path, e))?;
        let packed = BufReader::with_capacity(1 << 16, file).take(self.packed);
        Ok(match self.is_stored {
            true => Box::new(Checked::new(packed, self.crc32)),
            false => Box::new(Checked::new(DeflateDecoder::new(packed), self.crc32)),
        })
    }
}

/// Finds `array`, or `X`, or the only table.
fn place(path: &Path, array: Option<&str>) -> Result<Place, TableError> {
    let mut archive = archive(path)?;
    let chosen = choose(&mut archive, path, array)?;
    place_of(&mut archive, path, &chosen)
}

/// Finds the array `array`.
fn place_of(archive: &mut Archive, path: &Path, array: &str) -> Result<Place, TableError> {
    let size = path.metadata().map_err(|e| TableError::io("open", path, e))?.len();
    let inside = path.join(format!("{array}.npy"));
    let member = archive.by_name(&format!("{array}.npy")).map_err(|e| damaged(&inside, e))?;
    let start = member.data_start().ok_or_else(|| TableError::Corrupt {
        path: inside.clone(),
        reason: "it does not say where its bytes begin".into(),
    })?;
    let packed = member.compressed_size().min(size);
    let is_stored = member.compression() == zip::CompressionMethod::Stored;
    Ok(Place { start, packed, is_stored, crc32: member.crc32(), inside })
}

/// The array to read as rows.
fn choose(archive: &mut Archive, path: &Path, array: Option<&str>) -> Result<String, TableError> {
    let members = members(archive);
    let wanted = array.unwrap_or("X");
    if members.iter().any(|member| member == wanted) {
        return Ok(wanted.to_string());
    }
    let mut tables = Vec::new();
    let mut available = Vec::new();
    for member in members {
        // A member that cannot be read matters only if it is the one wanted.
        match with_array(archive, path, &member, |_, header| Ok(header)) {
            Ok(header) => {
                available.push(format!("`{member}` {}", shape_text(&header.shape)));
                if header.shape.len() >= 2 {
                    tables.push(member);
                }
            }
            Err(_) => available.push(format!("`{member}` (not an array of numbers)")),
        }
    }
    match (array, tables.len()) {
        (None, 1) => Ok(tables.remove(0)),
        _ => {
            let wanted = match array {
                Some(array) => format!("`{array}`"),
                None => "`X`, nor just one table".into(),
            };
            if available.is_empty() {
                available.push("none".into());
            }
            Err(TableError::NoSuchArray { path: path.to_path_buf(), wanted, available })
        }
    }
}

/// `y` for `X`, `y_train` for `x_train`, else `y`.
fn labels_name(array: &str) -> String {
    match array.strip_prefix(['x', 'X']) {
        Some(rest) => format!("y{rest}"),
        None => "y".into(),
    }
}

/// Names of the arrays, sorted.
fn members(archive: &Archive) -> Vec<String> {
    let mut names: Vec<String> =
        archive.file_names().filter_map(|name| Some(name.ok()?.strip_suffix(".npy")?.to_string())).collect();
    names.sort_unstable();
    names
}

/// Opens an array and hands its stream and header to `read`.
fn with_array<T>(
    archive: &mut Archive,
    path: &Path,
    array: &str,
    read: impl FnOnce(&mut Source<'_>, Header) -> Result<T, TableError>,
) -> Result<T, TableError> {
    // Errors name the array too: file.npz/X.npy
    let inside = path.join(format!("{array}.npy"));
    let size = std::fs::metadata(path).map_err(|e| TableError::io("open", path, e))?.len();
    let member = archive.by_name(&format!("{array}.npy")).map_err(|e| damaged(&inside, e))?;
    // The archive's own figures are claims as well: no member is larger than its file.
    let packed = member.compressed_size().min(size);
    let is_stored = member.compression() == zip::CompressionMethod::Stored;
    let most = if is_stored { packed } else { most_expanded(packed) };
    let (file, name) = (path.to_path_buf(), array.to_owned());
    let again = move || {
        let place = place_of(&mut self::archive(&file)?, &file, &name)?;
        Ok(Box::new(place.stream(&file)?) as Box<dyn Read>)
    };
    let mut source = Source::bounded(inside.clone(), member, packed, most);
    if !is_stored {
        source = source.with_again(again);
    }
    let header = Header::read(&mut source.reader, &inside)?;
    read(&mut source, header)
}

fn damaged(path: &Path, error: ZipError) -> TableError {
    match error {
        ZipError::Io(e) => TableError::reading(path, e),
        other => TableError::Corrupt { path: path.to_path_buf(), reason: other.to_string() },
    }
}
