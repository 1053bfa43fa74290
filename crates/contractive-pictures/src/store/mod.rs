//! Where the bytes of pictures lie.

mod array;
mod entry;
mod folder;
mod headers;
mod section;
mod tar;
mod unpacked;
mod zip;

use std::io::{Cursor, Read};
use std::path::Path;

use contractive_table::gzip::Members;
use contractive_table::most_expanded;
use contractive_table::opening::open_regular;

use crate::decode::{self, Head};
use crate::error::{PictureError, PictureFault, beginning};
use crate::limits::FileSize;
use crate::names;
use crate::picture::Picture;
use array::ArrayStore;
pub(crate) use entry::{Entries, Labels};
pub(crate) use folder::FolderStore;
use section::Section;
use tar::TarStore;
use zip::ZipStore;

/// A folder, an archive or an array, open.
#[derive(Debug)]
pub(crate) enum Store {
    Folder(FolderStore),
    Zip(ZipStore),
    Tar(TarStore),
    Array(ArrayStore),
}

/// Bytes by which archives are told.
const MAGIC: u64 = 512;

impl Store {
    /// Opens what lies at `path`, and lists its pictures, sorted by the bytes of their names; those of an array by their numbers.
    pub fn open(path: &Path) -> Result<(Store, Entries), PictureError> {
        let failed = |e| PictureError::io("open", path, e);
        if std::fs::metadata(path).map_err(failed)?.is_dir() {
            return FolderStore::list(path).map(|(store, entries)| (Store::Folder(store), Entries::Named(entries)));
        }
        let file = open_regular(path).and_then(Section::whole).map_err(failed)?;
        let first = file.first(MAGIC).map_err(failed)?;
        if is_gzip(&first) {
            let packed = file.len();
            let inside = unpacked::unpacked(path, Members::new(file), packed)?;
            let first = inside.first(MAGIC).map_err(failed)?;
            return Store::archive(path, inside, packed, &first)?.ok_or_else(|| no_source(path, &first));
        }
        let size = file.len();
        if let Some(opened) = Store::archive(path, file, size, &first)? {
            return Ok(opened);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if names::is_picture(&name) || decode::is_picture(&first) {
            return FolderStore::single(path).map(|(store, entry)| (Store::Folder(store), Entries::Named(vec![entry])));
        }
        Err(no_source(path, &first))
    }

    /// An archive or an array, of `packed` bytes on the disk.
    fn archive(
        path: &Path,
        file: Section,
        packed: u64,
        first: &[u8],
    ) -> Result<Option<(Store, Entries)>, PictureError> {
        Ok(Some(match first {
            _ if array::is_npy(first) => {
                let (store, entries) = ArrayStore::open(path, file, packed, |_| Ok(None))?;
                (Store::Array(store), entries)
            }
            _ if is_zip(first) && is_npz(path) => {
                let (store, entries) = array::open_npz(path, file)?;
                (Store::Array(store), entries)
            }
            _ if is_zip(first) => {
                let (store, entries) = ZipStore::open(path, file)?;
                (Store::Zip(store), Entries::Named(entries))
            }
            _ if headers::is_tar(first) => {
                let (store, entries) = TarStore::open(path, file, packed)?;
                (Store::Tar(store), Entries::Named(entries))
            }
            _ => return Ok(None),
        }))
    }

    /// The header of picture `i`.
    pub fn head(&self, i: usize, entries: &Entries) -> Result<Head, PictureFault> {
        match self {
            Store::Folder(folder) => {
                let (stream, size) = folder.open(i, &entries.name(i))?;
                decode::head(stream, FileSize::plain(size))
            }
            Store::Zip(zip) => {
                let (bytes, packed) = zip.bytes(i, &mut |_| ())?;
                decode::head(Cursor::new(&bytes), FileSize { bytes: bytes.len() as u64, packed })
            }
            Store::Tar(tar) => {
                let (section, packed) = tar.section(i)?;
                let bytes = section.len();
                decode::head(section, FileSize { bytes, packed })
            }
            Store::Array(array) => Ok(array.head()),
        }
    }

    /// The pixels of picture `i`.
    pub fn picture(&self, i: usize, entries: &Entries, reserve: &mut dyn FnMut(u64)) -> Result<Picture, PictureFault> {
        let (bytes, packed) = match self {
            Store::Folder(folder) => {
                let bytes = folder.bytes(i, &entries.name(i), reserve)?;
                let size = bytes.len() as u64;
                (bytes, size)
            }
            Store::Zip(zip) => zip.bytes(i, reserve)?,
            Store::Tar(tar) => {
                let (section, packed) = tar.section(i)?;
                let size = section.len();
                reserve(size);
                (folder::all_of(section, size)?, packed)
            }
            Store::Array(array) => return array.picture(i, reserve),
        };
        decode::decode(&bytes, packed, reserve)
    }

    /// Bytes of the one file on the disk that all pictures lie in.
    pub fn packed(&self) -> Option<u64> {
        match self {
            Store::Folder(_) => None,
            Store::Zip(zip) => Some(zip.packed()),
            Store::Tar(tar) => Some(tar.packed()),
            Store::Array(array) => Some(array.packed()),
        }
    }

    /// Labels beside the pictures.
    pub fn labels(&self) -> Option<&Labels> {
        match self {
            Store::Array(array) => array.labels.as_ref(),
            _ => None,
        }
    }

    /// Names of tables that lie at the top of a folder, beside its pictures.
    pub fn tables(&self) -> &[String] {
        match self {
            Store::Folder(folder) => folder.tables(),
            _ => &[],
        }
    }

    /// Whether it is one picture, given by its own path.
    pub fn is_single(&self) -> bool {
        matches!(self, Store::Folder(folder) if folder.is_single())
    }
}

/// Whether pictures are read from what lies at `path`: a folder or an archive in which a file has the ending of a picture, or an NPY or NPZ array of pictures in
/// colour (one of three dimensions may be a table's as well, and is not claimed). Nothing is decoded.
pub fn is_pictures(path: impl AsRef<Path>) -> bool {
    let path = path.as_ref();
    if path.is_dir() {
        return folder::count_pictures(path, 1) > 0;
    }
    let Ok(file) = open_regular(path).and_then(Section::whole) else { return false };
    let first = file.first(MAGIC).unwrap_or_default();
    match &first[..] {
        first if is_gzip(first) => {
            let most = most_expanded(file.len());
            let (mut inside, mut first) = (Members::new(file).take(most), Vec::new());
            let is_tar = inside.by_ref().take(MAGIC).read_to_end(&mut first).is_ok() && headers::is_tar(&first);
            is_tar && tar::has_entry(headers::Forward::new(Cursor::new(first).chain(inside)), is_entry)
        }
        first if array::is_npy(first) || (is_zip(first) && is_npz(path)) => {
            Store::open(path).is_ok_and(|(store, _)| matches!(store, Store::Array(array) if !array.head().is_grey))
        }
        first if is_zip(first) => ::zip::ZipArchive::new(file)
            .is_ok_and(|archive| archive.file_names().any(|name| name.is_ok_and(|name| is_entry(&name)))),
        first if headers::is_tar(first) => tar::has_entry(file, is_entry),
        first => decode::is_picture(first),
    }
}

/// Pictures in a folder and the folders within it, by their endings; folders are looked through only until there are `most`, so that
/// a few more may be counted.
pub fn count_pictures(folder: impl AsRef<Path>, most: usize) -> usize {
    folder::count_pictures(folder.as_ref(), most)
}

fn is_entry(name: &str) -> bool {
    names::of_entry(name).is_some_and(|name| names::is_picture(&name))
}

fn is_gzip(first: &[u8]) -> bool {
    first.starts_with(&[0x1f, 0x8b])
}

fn is_zip(first: &[u8]) -> bool {
    first.starts_with(b"PK\x03\x04") || first.starts_with(b"PK\x05\x06")
}

fn is_npz(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz"))
}

fn no_source(path: &Path, first: &[u8]) -> PictureError {
    PictureError::Source { path: path.to_path_buf(), begins: beginning(first) }
}
