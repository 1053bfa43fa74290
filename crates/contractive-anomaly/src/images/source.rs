//! Where pictures come from.

use contractive_pictures::{Picture, PictureSource};

use super::error::ImageError;

/// Pictures by their places, from 0: a folder's, an archive's, an array's.
pub trait PictureSet: Sync {
    /// What they are called in messages.
    fn what(&self) -> &str;

    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of picture `i`, relative to the folder.
    fn name(&self, i: usize) -> String;

    /// The pictures at the places `order`, in that order, decoded by up to `threads` threads; broken ones that are passed
    /// over are missing.
    fn stream<'a>(&'a self, order: Vec<u32>, threads: usize) -> PictureStream<'a>;
}

/// Pictures with their places, as they come.
pub type PictureStream<'a> = Box<dyn Iterator<Item = Result<(u32, Picture), ImageError>> + Send + 'a>;

/// Pictures in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PicturesInMemory {
    /// What they are called in messages.
    pub what: String,
    /// The pictures; their names are their numbers.
    pub pictures: Vec<Picture>,
}

impl PictureSet for PicturesInMemory {
    fn what(&self) -> &str {
        &self.what
    }

    fn len(&self) -> usize {
        self.pictures.len()
    }

    fn name(&self, i: usize) -> String {
        i.to_string()
    }

    fn stream<'a>(&'a self, order: Vec<u32>, _threads: usize) -> PictureStream<'a> {
        Box::new(order.into_iter().map(|i| Ok((i, self.pictures[i as usize].clone()))))
    }
}

/// Those of a folder, an archive or an array, by one name.
#[derive(Debug, Clone)]
pub struct NamedSource {
    source: PictureSource,
    what: String,
}

impl NamedSource {
    /// Calls the pictures of `source` by its path.
    pub fn new(source: PictureSource) -> Self {
        let what = source.path().display().to_string();
        NamedSource { source, what }
    }

    /// The pictures themselves.
    pub fn source(&self) -> &PictureSource {
        &self.source
    }
}

impl PictureSet for NamedSource {
    fn what(&self) -> &str {
        &self.what
    }

    fn len(&self) -> usize {
        self.source.len()
    }

    fn name(&self, i: usize) -> String {
        self.source.name(i).into_owned()
    }

    fn stream<'a>(&'a self, order: Vec<u32>, threads: usize) -> PictureStream<'a> {
        Box::new(self.source.stream(order, threads).map(|item| Ok(item?)))
    }
}
