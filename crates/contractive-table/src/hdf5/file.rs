//! An open file: its groups, arrays and texts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hdf5_reader::error::Error;
use hdf5_reader::group::Group;
use hdf5_reader::storage::FileStorage;
use hdf5_reader::{Dataset, Datatype, FilterRegistry, Hdf5File, OpenOptions, StringSize, VarLenKind};

use super::heaps::Heaps;
use super::lzf;
use super::metered::Metered;
use crate::contained::contained;
use crate::error::TableError;
use crate::limits::{most_expanded, most_unpacked};
use crate::source::open_file;

/// No chunk is larger; a file's size bounds them too.
const MOST_CHUNK: u64 = 1 << 30;
/// Chunks that are kept unpacked, where blocks are parts of them: that of the values and that of their places.
const CHUNKS_KEPT: usize = 2;
/// An object's header: attributes, for the most part.
const MOST_HEADER: usize = 1 << 20;

/// An open file.
pub(crate) struct Hdf5 {
    pub path: PathBuf,
    file: Hdf5File,
    storage: Arc<Metered>,
    pub(super) size: u64,
    /// The most bytes that a chunk may have, unpacked …
    pub(super) most_chunk: u64,
    /// … and an array.
    pub(super) most: u64,
}

impl Hdf5 {
    pub fn open(path: &Path) -> Result<Self, TableError> {
        let file = open_file(path)?;
        let size = file.metadata().map_err(|e| TableError::io("open", path, e))?.len();
        let most = most_expanded(size);
        let within = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let most_chunk = most_unpacked(size).min(MOST_CHUNK);
        let mut filters = FilterRegistry::new();
        filters.register(lzf::FILTER, Box::new(move |_, packed, _| lzf::unpack(packed, within(most_chunk))));
        let options = OpenOptions::default()
            .with_filter_registry(filters)
            .with_max_chunk_bytes(within(most_chunk))
            .with_max_read_bytes(within(most))
            .with_max_object_header_bytes(MOST_HEADER)
            .with_chunk_cache_slots(CHUNKS_KEPT)
            .with_chunk_cache_bytes(within(most_chunk).saturating_mul(CHUNKS_KEPT));
        let (file, storage) = contained(path, || {
            let storage = Arc::new(Metered::new(FileStorage::from_file(file).map_err(|e| refusal(path, e))?));
            let file = Hdf5File::from_storage_with_options(storage.clone(), options).map_err(|e| refusal(path, e))?;
            Ok((file, storage))
        })?;
        storage.begin(file.superblock());
        Ok(Hdf5 { path: path.to_path_buf(), file, storage, size, most_chunk, most })
    }

    /// A group by its path; `None` where there is none.
    pub fn group(&self, name: &str) -> Result<Option<Group>, TableError> {
        self.found(|file| file.group(name))
    }

    /// An array by its path; `None` where there is none.
    pub fn array(&self, name: &str) -> Result<Option<Dataset>, TableError> {
        self.found(|file| file.dataset(name))
    }

    /// Names of the groups in a group, and of the arrays in it; none where the group is not there.
    pub fn members(&self, group: &str) -> Result<(Vec<String>, Vec<String>), TableError> {
        match self.group(group)? {
            Some(group) => self.describe(|_| group.member_names()),
            None => Ok(Default::default()),
        }
    }

    /// The texts of an array of one dimension.
    pub fn texts(&self, array: &Dataset) -> Result<Vec<String>, TableError> {
        let n_dimensions = array.ndim();
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
        Ok(bytes.chunks_exact(size).map(text_of).collect())
    }

    /// Texts of any length lie elsewhere in the file. Many may be one and the same: their sum is bounded too.
    fn references(&self, array: &Dataset) -> Result<Vec<String>, TableError> {
        let size = array.vlen_reference_size();
        self.check_claim(array, size)?;
        let references = self.read(|| array.read_raw_bytes())?;
        let mut left = self.most;
        let mut texts = Vec::with_capacity(references.len() / size);
        contained(&self.path, || {
            let mut heaps = Heaps::of(&self.file);
            for reference in references.chunks_exact(size) {
                let bytes = heaps.bytes(reference).map_err(|e| refusal(&self.path, e))?;
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

    /// What the decoder gives.
    pub fn read<T>(&self, decode: impl FnOnce() -> Result<T, Error>) -> Result<T, TableError> {
        contained(&self.path, || decode().map_err(|e| refusal(&self.path, e)))
    }

    /// What the decoder gives of headers and names, whose bytes are counted.
    pub(super) fn describe<T>(&self, decode: impl FnOnce(&Hdf5File) -> Result<T, Error>) -> Result<T, TableError> {
        let was_on = self.storage.switch(true);
        let described = self.read(|| decode(&self.file));
        self.storage.switch(was_on);
        described
    }

    /// What the decoder gives of them, where it is there.
    fn found<T>(&self, decode: impl FnOnce(&Hdf5File) -> Result<T, Error>) -> Result<Option<T>, TableError> {
        self.describe(|file| match decode(file) {
            Ok(found) => Ok(Some(found)),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(e),
        })
    }

    pub(super) fn wrong(&self, array: &str, must: &str) -> TableError {
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

/// A text without what pads it.
pub(super) fn text_of(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
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
