//! An open file: its groups, arrays and texts.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use hdf5_reader::error::Error;
use hdf5_reader::group::Group;
use hdf5_reader::storage::FileStorage;
use hdf5_reader::{Dataset, FilterRegistry, Hdf5File, OpenOptions};

use super::lzf;
use super::metered::Metered;
use super::packed::Chunks;
use super::packed::{DEFLATE, Packed};
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
    pub(super) file: Hdf5File,
    storage: Arc<Metered>,
    /// What the filters are told.
    pub(super) packed: Arc<Packed>,
    /// Arrays of which damage may still be found.
    pub(super) untried: Mutex<Vec<(Dataset, Chunks)>>,
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
        let packed = Arc::new(Packed::default());
        let (deflated, of_lzf) = (packed.clone(), packed.clone());
        filters.register(DEFLATE, Box::new(move |_, bytes, _| deflated.inflate(bytes)));
        filters.register(lzf::FILTER, Box::new(move |_, bytes, _| of_lzf.unpack_lzf(bytes)));
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
        let (path, untried) = (path.to_path_buf(), Mutex::default());
        Ok(Hdf5 { path, file, storage, packed, untried, size, most_chunk, most })
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

    /// What the decoder gives of an array.
    pub(super) fn read_chunks<T>(
        &self,
        chunks: Chunks,
        decode: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, TableError> {
        self.packed.begin(chunks.bytes, false);
        self.read(decode)
    }

    /// What the decoder gives.
    pub(super) fn read<T>(&self, decode: impl FnOnce() -> Result<T, Error>) -> Result<T, TableError> {
        contained(&self.path, || decode().map_err(|e| refusal(&self.path, e)))
    }

    /// What the decoder gives of headers and names, whose bytes are counted.
    pub(super) fn describe<T>(&self, decode: impl FnOnce(&Hdf5File) -> Result<T, Error>) -> Result<T, TableError> {
        let was_on = self.storage.switch(true);
        self.packed.begin(MOST_HEADER, false);
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
                Some("attributes") => "a filter of its names or attributes",
                _ => "a filter of HDF5 that is not known",
            };
            TableError::Codec { path: path.to_path_buf(), codec, read: "gzip, LZF and szip" }
        }
        Error::UnsupportedLayoutClass(3) => TableError::Codec {
            path: path.to_path_buf(),
            codec: "virtual arrays, of numbers that lie elsewhere",
            read: "arrays that hold their numbers",
        },
        Error::Context { source, .. } => refusal(path, *source),
        other => TableError::Corrupt { path: path.to_path_buf(), reason: other.to_string() },
    }
}
