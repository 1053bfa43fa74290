//! An open file: its groups, arrays, attributes and texts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hdf5_reader::error::Error;
use hdf5_reader::group::Group;
use hdf5_reader::storage::FileStorage;
use hdf5_reader::{Dataset, Datatype, FilterRegistry, Hdf5File, OpenOptions, StringSize, VarLenKind};

use super::lzf;
use super::number::{self, Number};
use crate::contained::contained;
use crate::error::TableError;
use crate::limits::most_expanded;
use crate::source::open_file;

/// No chunk is larger; a file's size bounds them too.
const MOST_CHUNK: u64 = 1 << 30;
/// Chunks kept unpacked: none, since blocks are whole chunks.
const CACHE: usize = 0;
/// An object's header: attributes, for the most part.
const MOST_HEADER: usize = 1 << 20;

/// An open file.
pub(crate) struct Hdf5 {
    pub path: PathBuf,
    file: Hdf5File,
    /// The most bytes that an array may claim.
    most: u64,
}

impl Hdf5 {
    pub fn open(path: &Path) -> Result<Self, TableError> {
        let file = open_file(path)?;
        let size = file.metadata().map_err(|e| TableError::io("open", path, e))?.len();
        let most = most_expanded(size);
        let within = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let most_chunk = within(most.min(MOST_CHUNK));
        let mut filters = FilterRegistry::new();
        filters.register(lzf::FILTER, Box::new(move |_, packed, _| lzf::unpack(packed, most_chunk)));
        let options = OpenOptions::default()
            .with_filter_registry(filters)
            .with_max_chunk_bytes(most_chunk)
            .with_max_read_bytes(within(most))
            .with_max_object_header_bytes(MOST_HEADER)
            .with_chunk_cache_bytes(CACHE);
        let file = contained(path, || {
            let storage = FileStorage::from_file(file).map_err(|e| refusal(path, e))?;
            Hdf5File::from_storage_with_options(Arc::new(storage), options).map_err(|e| refusal(path, e))
        })?;
        Ok(Hdf5 { path: path.to_path_buf(), file, most })
    }

    /// A group by its path; `None` where there is none.
    pub fn group(&self, name: &str) -> Result<Option<Group>, TableError> {
        self.found(|| self.file.group(name))
    }

    /// An array by its path; `None` where there is none.
    pub fn array(&self, name: &str) -> Result<Option<Dataset>, TableError> {
        self.found(|| self.file.dataset(name))
    }

    /// Names of the groups in a group, and of the arrays in it; none where the group is not there.
    pub fn members(&self, group: &str) -> Result<(Vec<String>, Vec<String>), TableError> {
        match self.group(group)? {
            Some(group) => self.read(|| group.member_names()),
            None => Ok(Default::default()),
        }
    }

    /// The word that a group has for an attribute.
    pub fn word(&self, group: &Group, attribute: &str) -> Result<Option<String>, TableError> {
        let attribute = self.found(|| group.attribute(attribute))?;
        attribute.map(|attribute| self.read(|| attribute.read_string())).transpose()
    }

    /// The numbers that a group has for an attribute.
    pub fn attribute_numbers(&self, group: &Group, attribute: &str) -> Result<Option<Vec<f64>>, TableError> {
        let Some(attribute) = self.found(|| group.attribute(attribute))? else { return Ok(None) };
        let numbers = self.read(|| attribute.read_1d::<Number>())?;
        Ok(Some(numbers.into_iter().map(|number| number.0).collect()))
    }

    /// The texts of an array of one dimension.
    pub fn texts(&self, array: &Dataset) -> Result<Vec<String>, TableError> {
        let n_dimensions = array.ndim();
        let padded = |bytes: Vec<u8>| {
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        };
        let size = match array.dtype() {
            _ if n_dimensions != 1 => return Err(self.wrong(array.name(), "must have one dimension")),
            Datatype::String { size: StringSize::Fixed(size), .. } if *size > 0 => *size as usize,
            Datatype::String { size: StringSize::Variable, .. } | Datatype::VarLen { kind: VarLenKind::String, .. } => {
                return self.references(array);
            }
            _ => return Err(self.wrong(array.name(), "must hold text")),
        };
        self.check_claim(array, size)?;
        let bytes = self.read(|| array.read_raw_bytes())?;
        Ok(bytes.chunks_exact(size).map(|bytes| padded(bytes.to_vec())).collect())
    }

    /// Texts of any length lie elsewhere in the file. Many may be one and the same: their sum is bounded too.
    fn references(&self, array: &Dataset) -> Result<Vec<String>, TableError> {
        let size = array.vlen_reference_size();
        self.check_claim(array, size)?;
        let references = self.read(|| array.read_raw_bytes())?;
        let mut left = self.most;
        let mut texts = Vec::with_capacity(references.len() / size);
        contained(&self.path, || {
            for reference in references.chunks_exact(size) {
                let bytes = array.resolve_vlen_reference_bytes(reference, 1).map_err(|e| refusal(&self.path, e))?;
                let text = String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned();
                left = left
                    .checked_sub((text.len() + size_of::<String>()) as u64)
                    .ok_or_else(|| self.wrong(array.name(), "holds more text than a file of its size can"))?;
                texts.push(text);
            }
            Ok(())
        })?;
        Ok(texts)
    }

    /// Refuses an array that is none of numbers, or that a file of this size cannot hold; says how many bytes one takes.
    pub fn number_size(&self, array: &Dataset) -> Result<usize, TableError> {
        let Some(size) = number::size_of(array.dtype()) else {
            return Err(TableError::Type {
                path: self.path.join(array.name()),
                got: kind(array.dtype()).to_owned(),
                expected: "integers or floating-point numbers of 32 or 64 bits",
            });
        };
        self.check_claim(array, size)?;
        Ok(size)
    }

    fn check_claim(&self, array: &Dataset, size: usize) -> Result<(), TableError> {
        let n = array.shape().iter().try_fold(1_u64, |n, size| n.checked_mul(*size));
        let claimed = n.and_then(|n| n.checked_mul(size as u64));
        match claimed {
            Some(claimed) if claimed <= self.most => Ok(()),
            _ => Err(TableError::Oversized {
                path: self.path.join(array.name()),
                claimed: claimed.map_or_else(|| "more than 2^64".into(), |n| n.to_string()),
                most: self.most,
            }),
        }
    }

    /// What the decoder gives.
    pub fn read<T>(&self, decode: impl FnOnce() -> Result<T, Error>) -> Result<T, TableError> {
        contained(&self.path, || decode().map_err(|e| refusal(&self.path, e)))
    }

    /// What the decoder gives, where it is there.
    fn found<T>(&self, decode: impl FnOnce() -> Result<T, Error>) -> Result<Option<T>, TableError> {
        contained(&self.path, || match decode() {
            Ok(found) => Ok(Some(found)),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(refusal(&self.path, e)),
        })
    }

    fn wrong(&self, array: &str, must: &str) -> TableError {
        TableError::Corrupt { path: self.path.clone(), reason: format!("`{array}` {must}") }
    }
}

fn is_absent(error: &Error) -> bool {
    match error {
        Error::GroupNotFound(_) | Error::DatasetNotFound(_) | Error::AttributeNotFound(_) => true,
        Error::Context { source, .. } => is_absent(source),
        _ => false,
    }
}

/// What a type is called.
fn kind(datatype: &Datatype) -> &'static str {
    match datatype {
        Datatype::String { .. } | Datatype::VarLen { .. } => "text",
        Datatype::Compound { .. } => "records",
        Datatype::FixedPoint { .. } | Datatype::FloatingPoint { .. } => "a number of another width",
        _ => "no number",
    }
}

/// The decoder's refusal of a file.
pub(super) fn refusal(path: &Path, error: Error) -> TableError {
    match error {
        Error::Io(e) => TableError::reading(path, e),
        Error::InvalidMagic => TableError::Magic {
            path: path.to_path_buf(),
            expected: "the signature of HDF5".into(),
            got: "something else".into(),
        },
        Error::UnsupportedFilter(filter) => {
            let codec = match filter.rsplit(' ').next() {
                Some("32001" | "32026") => "Blosc",
                Some("32004") => "LZ4",
                Some("32008") => "Bitshuffle",
                Some("32015") => "Zstandard",
                _ => "a filter of HDF5 that is not known",
            };
            TableError::Codec { path: path.to_path_buf(), codec, read: "gzip, LZF and szip" }
        }
        Error::Context { source, .. } => refusal(path, *source),
        other => TableError::Corrupt { path: path.to_path_buf(), reason: other.to_string() },
    }
}
