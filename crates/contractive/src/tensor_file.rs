//! f32 tensors in a safetensors file, read with suspicion: nothing is allocated that the file's size does not justify.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use contractive_core::Architecture;
use contractive_core::parameters::layout;
use safetensors::tensor::{Dtype, TensorInfo, TensorView};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use thiserror::Error;

use contractive_table::atomic::write_atomically;
use contractive_table::json::from_json;
use contractive_table::opening::open_regular;

/// The largest header read, the format's own limit.
pub(crate) const LARGEST_HEADER: u64 = 100_000_000;

/// Why a tensor file is refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TensorFileError {
    /// The file cannot be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The header claims more bytes than the file has.
    #[error("{}: the header claims {claimed} bytes, but {available} are left in the file; it is damaged or not a safetensors file", path.display())]
    HeaderSize {
        /// The file.
        path: PathBuf,
        /// Bytes claimed by the first 8 bytes.
        claimed: u64,
        /// Bytes that could be a header.
        available: u64,
    },
    /// The header cannot be understood.
    #[error("{}: the header is not one of a safetensors file: {reason}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A tensor is not there.
    #[error("{}: the tensor `{tensor}` is missing; found {found}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The names that are there.
        found: String,
    },
    /// A tensor that the configuration does not know.
    #[error("{}: unexpected tensor `{tensor}`; the configuration knows {expected}", path.display())]
    Unexpected {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The names expected.
        expected: String,
    },
    /// A tensor of other numbers than f32.
    #[error("{}: the tensor `{tensor}` must be F32, got {got}", path.display())]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The type found.
        got: String,
    },
    /// A tensor of another shape.
    #[error("{}: the tensor `{tensor}` must have shape {expected:?}, got {got:?}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The shape that the configuration says.
        expected: Vec<usize>,
        /// The shape found.
        got: Vec<usize>,
    },
    /// The numbers do not fill the file exactly.
    #[error("{}: the tensors need {expected} bytes, but the file holds {got} after its header; it is truncated or damaged", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes needed.
        expected: u64,
        /// Bytes there.
        got: u64,
    },
    /// NaN or infinity.
    #[error("{}: the tensor `{tensor}` must hold finite numbers, but entry {index} is {value}", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// Position in the tensor, from 0.
        index: usize,
        /// The value.
        value: f32,
    },
}

/// The tensors of a checked architecture in file order.
pub(crate) fn tensors_of(architecture: &Architecture) -> Vec<Expected> {
    layout(architecture).into_iter().map(|p| Expected { name: p.name, shape: p.shape }).collect()
}

/// A header, without a detour over values of any kind: they take sixteen times its size.
struct Header {
    metadata: HashMap<String, String>,
    tensors: BTreeMap<String, TensorInfo>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

/// Names and shapes stand in messages: longer ones are no tensor's.
const LONGEST_NAME: usize = 1024;
const MOST_DIMENSIONS: usize = 64;

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Header, A::Error> {
        let mut header = Header { metadata: HashMap::new(), tensors: BTreeMap::new() };
        while let Some(name) = entries.next_key::<String>()? {
            if name == "__metadata__" {
                header.metadata = entries.next_value().map_err(|e| A::Error::custom(format!("`__metadata__`: {e}")))?;
                continue;
            }
            let wrong = |what: String| A::Error::custom(format!("the tensor `{}`: {what}", cut(&name)));
            let info: TensorInfo = entries.next_value().map_err(|e: A::Error| wrong(e.to_string()))?;
            if name.len() > LONGEST_NAME || info.shape.len() > MOST_DIMENSIONS {
                let (letters, n) = (name.len(), info.shape.len());
                let most = format!("at most {LONGEST_NAME} letters and {MOST_DIMENSIONS} dimensions");
                return Err(wrong(format!("it must have {most}, got {letters} and {n}")));
            }
            header.tensors.insert(name, info);
        }
        Ok(header)
    }
}

/// The first letters of a name.
fn cut(name: &str) -> String {
    name.chars().take(80).collect()
}

/// A tensor by name and shape.
pub struct Expected {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

impl Expected {
    fn len(&self) -> u64 {
        self.shape.iter().fold(1, |n, &s| n.saturating_mul(s as u64))
    }
}

/// An open tensor file whose header has been read.
pub(crate) struct TensorFile {
    path: PathBuf,
    file: File,
    /// Where the numbers begin.
    start: u64,
    payload: u64,
    tensors: BTreeMap<String, TensorInfo>,
    metadata: HashMap<String, String>,
}

impl TensorFile {
    /// Opens the file and reads its header alone.
    pub(crate) fn open(path: &Path) -> Result<Self, TensorFileError> {
        let read = |source| TensorFileError::Read { path: path.to_path_buf(), source };
        let mut file = open_regular(path).map_err(read)?;
        let size = file.metadata().map_err(read)?.len();
        let mut length = [0; 8];
        if size < 8 {
            return Err(TensorFileError::HeaderSize { path: path.to_path_buf(), claimed: 8, available: size });
        }
        file.read_exact(&mut length).map_err(read)?;
        let claimed = u64::from_le_bytes(length);
        let available = (size - 8).min(LARGEST_HEADER);
        if claimed > available {
            return Err(TensorFileError::HeaderSize { path: path.to_path_buf(), claimed, available });
        }
        let mut header = vec![0; claimed as usize];
        file.read_exact(&mut header).map_err(read)?;
        let wrong = |reason: String| TensorFileError::Header { path: path.to_path_buf(), reason };
        let Header { metadata, tensors } = from_json(&header).map_err(|e| wrong(e.to_string()))?;
        drop(header);
        let (start, payload) = (8 + claimed, size - 8 - claimed);
        Ok(TensorFile { path: path.to_path_buf(), file, start, payload, tensors, metadata })
    }

    /// A string of the file's metadata, once.
    pub(crate) fn take_metadata(&mut self, key: &str) -> Option<String> {
        self.metadata.remove(key)
    }

    /// Every tensor's name, type and shape, in the order of names.
    pub(crate) fn infos(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.tensors.iter().map(|(name, info)| (name.as_str(), info))
    }

    /// Refuses more than `most` tensors.
    pub(crate) fn check_number(&self, most: usize) -> Result<(), TensorFileError> {
        if self.tensors.len() <= most {
            return Ok(());
        }
        let reason = format!("it must have at most {most} tensors, got {}", self.tensors.len());
        Err(TensorFileError::Header { path: self.path.clone(), reason })
    }

    /// Refuses tensors that do not fill the file one after the other, each with as many bytes as its type and shape need.
    pub(crate) fn check_places(&self) -> Result<(), TensorFileError> {
        let path = || self.path.clone();
        let mut sorted: Vec<(&String, &TensorInfo)> = self.tensors.iter().collect();
        sorted.sort_by_key(|(_, info)| info.data_offsets);
        let mut at = 0;
        for (name, info) in sorted {
            let (start, end) = info.data_offsets;
            let bits = info.shape.iter().try_fold(info.dtype.bitsize(), |n, &size| n.checked_mul(size));
            if start != at
                || bits.is_none_or(|bits| end.checked_sub(start).and_then(|n| n.checked_mul(8)) != Some(bits))
            {
                let reason = format!("the tensor `{name}` does not lie where it should: bytes {start} to {end}");
                return Err(TensorFileError::Header { path: path(), reason });
            }
            at = end;
        }
        if at as u64 != self.payload {
            return Err(TensorFileError::Length { path: path(), expected: at as u64, got: self.payload });
        }
        Ok(())
    }

    /// The bytes of a tensor that is there, of a file whose places have been checked.
    pub(crate) fn bytes_of(&mut self, name: &str) -> Result<Vec<u8>, TensorFileError> {
        let read = |path: &Path, source| TensorFileError::Read { path: path.to_path_buf(), source };
        let Some(info) = self.tensors.get(name) else {
            let found = self.tensors.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(TensorFileError::Missing { path: self.path.clone(), tensor: name.to_owned(), found });
        };
        let (start, end) = info.data_offsets;
        self.file.seek(SeekFrom::Start(self.start + start as u64)).map_err(|e| read(&self.path, e))?;
        let mut bytes = vec![0; end - start];
        self.file.read_exact(&mut bytes).map_err(|e| read(&self.path, e))?;
        Ok(bytes)
    }

    /// Reads exactly these tensors, one after the other into one vector. Names, types, shapes and places are checked
    /// before the numbers are read.
    pub(crate) fn read(mut self, expected: &[Expected]) -> Result<Vec<f32>, TensorFileError> {
        let path = self.path.clone();
        let join = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        for tensor in self.tensors.keys() {
            if !expected.iter().any(|e| e.name == *tensor) {
                let expected = join(expected.iter().map(|e| e.name.as_str()).collect());
                return Err(TensorFileError::Unexpected { path, tensor: tensor.clone(), expected });
            }
        }
        let mut spans = Vec::with_capacity(expected.len());
        for e in expected {
            let tensor = e.name.clone();
            let Some(info) = self.tensors.get(&e.name) else {
                let found = join(self.tensors.keys().map(String::as_str).collect());
                return Err(TensorFileError::Missing { path, tensor, found });
            };
            if info.dtype != Dtype::F32 {
                return Err(TensorFileError::Dtype { path, tensor, got: format!("{:?}", info.dtype) });
            }
            if info.shape != e.shape {
                return Err(TensorFileError::Shape {
                    path,
                    tensor,
                    expected: e.shape.clone(),
                    got: info.shape.clone(),
                });
            }
            spans.push((info.data_offsets.0 as u64, info.data_offsets.1 as u64, e));
        }
        let needed = expected.iter().fold(0_u64, |n, e| n.saturating_add(e.len().saturating_mul(4)));
        if needed != self.payload {
            return Err(TensorFileError::Length { path, expected: needed, got: self.payload });
        }
        let mut sorted: Vec<_> = spans.iter().map(|(start, end, e)| (*start, *end, *e)).collect();
        sorted.sort_by_key(|(start, end, _)| (*start, *end));
        let mut at = 0;
        for (start, end, e) in sorted {
            if start != at || end.checked_sub(start) != Some(4 * e.len()) {
                let reason = format!("the tensor `{}` does not lie where it should: bytes {start} to {end}", e.name);
                return Err(TensorFileError::Header { path, reason });
            }
            at = end;
        }
        let mut bytes = vec![0; needed as usize];
        self.file.read_exact(&mut bytes).map_err(|source| TensorFileError::Read { path: path.clone(), source })?;
        let mut values = Vec::with_capacity(bytes.len() / 4);
        for (start, end, e) in spans {
            let first = values.len();
            let span = &bytes[start as usize..end as usize];
            values.extend(span.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)));
            if let Some(index) = values[first..].iter().position(|v| !v.is_finite()) {
                let value = values[first + index];
                return Err(TensorFileError::NotFinite { path, tensor: e.name.clone(), index, value });
            }
        }
        Ok(values)
    }
}

/// Reads exactly these tensors of the file at `path`, one after the other into one vector. Nothing is allocated that the
/// file's size does not justify.
///
/// # Errors
/// [`TensorFileError`] where a tensor is missing, has another type or shape, or a number is not finite.
pub fn read_tensors(path: &Path, expected: &[Expected]) -> Result<Vec<f32>, TensorFileError> {
    TensorFile::open(path)?.read(expected)
}

/// Writes tensors and one string of metadata atomically.
///
/// # Errors
/// [`TensorFileError::Write`].
pub fn write_tensors(
    path: &Path,
    tensors: &[(Expected, &[f32])],
    metadata: (&str, String),
) -> Result<(), TensorFileError> {
    let failed = |source| TensorFileError::Write { path: path.to_path_buf(), source };
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(_, values)| values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let mut views = Vec::with_capacity(tensors.len());
    for ((tensor, _), bytes) in tensors.iter().zip(&bytes) {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)
            .map_err(|e| failed(io::Error::new(io::ErrorKind::InvalidInput, e.to_string())))?;
        views.push((tensor.name.as_str(), view));
    }
    // One key alone: a map of several would be written in a random order, and the file would not repeat to the byte.
    let metadata = HashMap::from([(metadata.0.to_owned(), metadata.1)]);
    let whole = safetensors::serialize(views, Some(metadata))
        .map_err(|e| failed(io::Error::new(io::ErrorKind::InvalidInput, e.to_string())))?;
    write_atomically(path, |file| file.write_all(&whole)).map_err(failed)
}
