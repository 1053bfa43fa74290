//! Pictures that were found, each to be read by its number.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use contractive_core::patches::PictureShape;
use contractive_table::checksum::Sha256Sum;

use crate::decode;
use crate::error::{PictureError, PictureFault};
use crate::fit::{Resampling, fitted, outcome};
use crate::limits::{MOST_PIXELS, most_unread};
use crate::options::{Colour, Fit, PictureOptions};
use crate::picture::Picture;
use crate::store::{Entries, Store};

/// Pictures looked at for colour, evenly over the list.
const LOOKED_AT: usize = 16;
/// Pictures measured for the median size, evenly over the list.
const MEASURED: usize = 1000;

/// A folder, an archive or an array of pictures: a list of names, and pixels on demand. Clones share it.
#[derive(Debug, Clone)]
pub struct PictureSource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    store: Store,
    entries: Entries,
    options: PictureOptions,
    channels: usize,
    /// The size that all pictures have, where that was asked for.
    own_size: Option<(usize, usize)>,
    shape: OnceLock<Option<PictureShape>>,
    median_size: OnceLock<Option<(usize, usize)>>,
    skipped: Mutex<BTreeMap<usize, String>>,
}

impl PictureSource {
    /// Lists the pictures in a folder, a .zip, a .tar, a .tar.gz (unpacked into a temporary file), an NPY or NPZ array, or takes one picture. Which of
    /// these a file is, its bytes say.
    ///
    /// In a folder and the folders within it files are pictures by their endings (of PNG, JPEG, WebP, TIFF, BMP, and of formats that are not read, so that
    /// none is lost unseen), whatever their bytes then say; all others are passed over, and what begins with a point and `__MACOSX` too. Names are relative,
    /// with `/`, sorted by bytes. Grey or colour is settled here (with [`Colour::Auto`] by up to 16 pictures, evenly over the list:
    /// three channels where the channels of any pixel differ by more than 8); and, where no size is given and [`Fit`] is
    /// not [`Fit::Keep`], that all pictures have one size, by their headers.
    ///
    /// # Errors
    /// Of a folder or archive that cannot be read, or holds no picture; [`PictureError::Sizes`]; [`PictureError::Size`];
    /// [`PictureError::Broken`] of a picture that was looked at, unless broken ones are passed over.
    pub fn open(path: impl AsRef<Path>, options: &PictureOptions) -> Result<Self, PictureError> {
        let path = path.as_ref();
        if let Some(size) = options.size {
            let n = (size.width as u64).saturating_mul(size.height as u64);
            if n == 0 || n > MOST_PIXELS {
                return Err(PictureError::Size { width: size.width, height: size.height, most: MOST_PIXELS });
            }
        }
        let (store, entries) = Store::open(path)?;
        let mut inner = Inner {
            path: path.to_path_buf(),
            store,
            entries,
            options: options.clone(),
            channels: 3,
            own_size: None,
            shape: OnceLock::new(),
            median_size: OnceLock::new(),
            skipped: Mutex::default(),
        };
        if options.size.is_none() && options.fit != Fit::Keep {
            inner.own_size = Some(inner.one_size()?);
        }
        inner.channels = match options.colour {
            Colour::Grey => 1,
            Colour::Rgb => 3,
            Colour::Auto => inner.found_channels()?,
        };
        Ok(PictureSource(Arc::new(inner)))
    }

    /// Pictures, broken ones among them.
    #[allow(clippy::len_without_is_empty)] // a source without pictures is refused
    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    /// The folder or the file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// How the pictures are read.
    pub fn options(&self) -> &PictureOptions {
        &self.0.options
    }

    /// The name of picture `index`: relative to the folder, parts joined by `/`; its number in an array.
    ///
    /// # Panics
    /// If there is no such picture.
    pub fn name(&self, index: usize) -> Cow<'_, str> {
        self.0.entries.name(index)
    }

    /// The names of all pictures, in the order of their numbers.
    pub fn names(&self) -> impl Iterator<Item = Cow<'_, str>> + Clone {
        (0..self.len()).map(|i| self.name(i))
    }

    /// The number of each picture's class, and the classes' names, sorted by bytes: the class is the path of the folder that a picture lies in, `.` at
    /// the top. `None` where all lie at the top. Of an NPZ archive the whole numbers `y` beside `X`, named by themselves.
    pub fn labels(&self) -> Option<(Vec<i64>, Vec<String>)> {
        self.0.store.labels().cloned().or_else(|| self.0.entries.labels())
    }

    /// Numbers a pixel of every picture read: 1 or 3.
    pub fn channels(&self) -> usize {
        self.0.channels
    }

    /// The shape that all pictures are read with; `None` with [`Fit::Keep`] where they differ, or where a header cannot be read. The first call with
    /// [`Fit::Keep`] reads all headers.
    pub fn shape(&self) -> Option<PictureShape> {
        *self.0.shape.get_or_init(|| self.0.found_shape())
    }

    /// The median width and the median height that pictures are read with, by the headers of up to 1,000, evenly over the list; `None`
    /// where none of these can be read.
    pub fn median_size(&self) -> Option<(usize, usize)> {
        *self.0.median_size.get_or_init(|| self.0.found_median_size())
    }

    /// Width and height of picture `index` as it lies there, upright, by its header.
    ///
    /// # Errors
    /// [`PictureError::Broken`], [`PictureError::NoSuchPicture`].
    pub fn own_size(&self, index: usize) -> Result<(usize, usize), PictureError> {
        self.0.check(index)?;
        self.0.own_size_of(index)
    }

    /// Reads picture `index`.
    ///
    /// # Errors
    /// [`PictureError::Broken`], [`PictureError::NoSuchPicture`].
    pub fn read(&self, index: usize) -> Result<Picture, PictureError> {
        self.read_reserving(index, &mut |_| ())
    }

    /// As [`PictureSource::read`]; `reserve` is told of bytes before they are taken.
    pub(crate) fn read_reserving(&self, index: usize, reserve: &mut dyn FnMut(u64)) -> Result<Picture, PictureError> {
        let inner = &self.0;
        inner.check(index)?;
        inner.picture(index, inner.channels, reserve).map_err(|fault| inner.broken(index, fault))
    }

    /// Broken pictures met so far and passed over: names and what is wrong with them, in the order of their numbers.
    pub fn skipped(&self) -> Vec<(String, String)> {
        let skipped = self.0.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        skipped.iter().map(|(&i, reason)| (self.name(i).into_owned(), reason.clone())).collect()
    }

    /// The error of a source whose pictures were all met and passed over.
    pub(crate) fn all_broken(&self) -> Option<PictureError> {
        let skipped = self.0.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        let (&first, reason) = skipped.first_key_value().filter(|_| skipped.len() == self.len())?;
        let (path, name) = (self.path().to_path_buf(), self.name(first).into_owned());
        Some(PictureError::AllBroken { path, n: skipped.len(), name, reason: reason.clone() })
    }

    /// The most bytes that a stream may take for pictures ahead that are not read yet.
    pub(crate) fn most_unread(&self) -> u64 {
        most_unread(self.0.store.packed())
    }

    /// Names of the tables at the top of the folder, which are passed over: an index of the pictures, perhaps.
    pub fn tables(&self) -> &[String] {
        self.0.store.tables()
    }

    /// Whether the error of picture `index` is one to pass over; if so it is remembered.
    pub(crate) fn passes_over(&self, index: usize, error: &PictureError) -> bool {
        self.0.passes_over(index, error)
    }

    /// The last part of the path: the name of the folder, the archive or the file; the whole path where it has no name.
    pub fn file_name(&self) -> String {
        let last = self.path().file_name().map(|name| name.to_string_lossy().into_owned());
        last.unwrap_or_else(|| self.path().display().to_string())
    }

    /// SHA-256 over the names and sizes in bytes of all files, in hexadecimal: another list of files has another.
    pub fn fingerprint(&self) -> String {
        let mut sum = Sha256Sum::new();
        for i in 0..self.len() {
            let name = self.name(i);
            sum.update(&(name.len() as u64).to_le_bytes());
            sum.update(name.as_bytes());
            sum.update(&self.0.entries.size(i).to_le_bytes());
        }
        sum.finish()
    }
}

impl Inner {
    /// That there is a picture of that number.
    fn check(&self, index: usize) -> Result<(), PictureError> {
        let n = self.entries.len();
        match index < n {
            true => Ok(()),
            false => Err(PictureError::NoSuchPicture { path: self.path.clone(), index, n }),
        }
    }

    fn broken(&self, i: usize, fault: PictureFault) -> PictureError {
        let name = if self.store.is_single() { Cow::Borrowed("") } else { self.entries.name(i) };
        PictureError::broken(&self.path, &name, fault)
    }

    fn picture(&self, i: usize, channels: usize, reserve: &mut dyn FnMut(u64)) -> Result<Picture, PictureFault> {
        let picture = self.store.picture(i, &self.entries, reserve)?;
        let got = (picture.shape.width, picture.shape.height);
        if let Some(expected) = self.own_size.filter(|expected| *expected != got) {
            return Err(PictureFault::Changed { expected, got });
        }
        // Grey before it is scaled: a third of the work.
        let picture = if channels == 1 { decode::grey(picture) } else { picture };
        let picture = fitted(picture, self.options.size, self.options.fit, Resampling::Smooth);
        Ok(if channels == 3 { decode::rgb(picture) } else { picture })
    }

    fn own_size_of(&self, i: usize) -> Result<(usize, usize), PictureError> {
        let head = self.store.head(i, &self.entries).map_err(|fault| self.broken(i, fault))?;
        Ok((head.width, head.height))
    }

    fn passes_over(&self, index: usize, error: &PictureError) -> bool {
        let PictureError::Broken { fault, .. } = error else { return false };
        if self.options.skip_broken {
            let mut skipped = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
            skipped.entry(index).or_insert_with(|| fault.to_string());
        }
        self.options.skip_broken
    }

    /// The size of all pictures, by their headers.
    fn one_size(&self) -> Result<(usize, usize), PictureError> {
        let mut first = None;
        for i in 0..self.entries.len() {
            let size = match self.own_size_of(i) {
                Ok(size) => size,
                Err(error) if self.passes_over(i, &error) => continue,
                Err(error) => return Err(error),
            };
            let (at, first_size) = *first.get_or_insert((i, size));
            if size != first_size {
                let name = |i: usize| self.entries.name(i).into_owned();
                let (first, other) = (name(at), name(i));
                return Err(PictureError::Sizes {
                    path: self.path.clone(),
                    first,
                    first_size,
                    other,
                    other_size: size,
                });
            }
        }
        first.map(|(_, size)| size).ok_or_else(|| self.nothing_left())
    }

    /// Of pictures that are all broken: the first.
    fn nothing_left(&self) -> PictureError {
        let fault = self.store.head(0, &self.entries).err();
        let empty = PictureFault::NoPixels { width: 0, height: 0 };
        self.broken(0, fault.unwrap_or(empty))
    }

    fn found_channels(&self) -> Result<usize, PictureError> {
        let n = self.entries.len();
        let step = n.div_ceil(LOOKED_AT).max(1);
        for i in (0..n).step_by(step) {
            let looked = match self.store.head(i, &self.entries) {
                Ok(head) if head.is_grey => continue,
                Ok(_) => self.store.picture(i, &self.entries, &mut |_| ()),
                Err(fault) => Err(fault),
            };
            match looked.map_err(|fault| self.broken(i, fault)) {
                Ok(picture) if decode::has_colour(&picture) => return Ok(3),
                Ok(_) => {}
                Err(error) if self.passes_over(i, &error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(1)
    }

    fn found_median_size(&self) -> Option<(usize, usize)> {
        let n = self.entries.len();
        let sizes = (0..n).step_by(n.div_ceil(MEASURED).max(1)).filter_map(|i| self.own_size_of(i).ok());
        let (mut widths, mut heights): (Vec<usize>, Vec<usize>) =
            sizes.map(|own| outcome(own, self.options.size, self.options.fit)).unzip();
        widths.sort_unstable();
        heights.sort_unstable();
        Some((*widths.get(widths.len() / 2)?, *heights.get(heights.len() / 2)?))
    }

    fn found_shape(&self) -> Option<PictureShape> {
        let PictureOptions { size, fit, .. } = self.options;
        let shape = |(width, height)| PictureShape { height, width, channels: self.channels };
        if let Some(own) = self.own_size {
            return Some(shape(own));
        }
        if let Some(size) = size.filter(|_| fit != Fit::Keep) {
            return Some(shape((size.width, size.height)));
        }
        let mut first = None;
        for i in 0..self.entries.len() {
            let own = match self.own_size_of(i) {
                Ok(own) => own,
                Err(error) if self.passes_over(i, &error) => continue,
                Err(_) => return None,
            };
            let becomes = outcome(own, size, fit);
            if *first.get_or_insert(becomes) != becomes {
                return None;
            }
        }
        first.map(shape)
    }
}
