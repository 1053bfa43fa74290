//! Masks: pictures that say which pixels of other pictures are defects.
//!
//! As MVTec AD has them: `test/scratch/000.png` and `ground_truth/scratch/000_mask.png`.

use std::path::{Path, PathBuf};

use contractive_core::patches::PictureShape;

use crate::decode;
use crate::error::PictureError;
use crate::fit::{Resampling, fitted};
use crate::names;
use crate::picture::Picture;
use crate::source::PictureSource;
use crate::store::FolderStore;

/// The masks of the pictures of a source.
#[derive(Debug, Clone)]
pub struct Masks {
    source: PictureSource,
    /// The file of each picture's mask.
    files: Vec<Option<PathBuf>>,
}

/// Where masks lie beside a folder of pictures: the folder `ground_truth` next to it, if there is one.
pub fn beside(pictures: impl AsRef<Path>) -> Option<PathBuf> {
    let folder = std::path::absolute(pictures).ok()?.parent()?.join("ground_truth");
    folder.is_dir().then_some(folder)
}

/// Finds the masks of pictures in a folder: below it, the file of a picture's name, or of that name with `_mask` before its ending; with any ending
/// that a picture may have. Pictures without one have no defect.
///
/// # Errors
/// Of a folder that cannot be read or holds no picture; [`PictureError::NoMasks`].
pub fn find(folder: impl AsRef<Path>, source: &PictureSource) -> Result<Masks, PictureError> {
    let folder = folder.as_ref();
    let (_, entries) = FolderStore::list(folder)?;
    let mut by_stem: Vec<(&str, &str)> = entries.iter().map(|entry| (names::stem(&entry.name), &*entry.name)).collect();
    by_stem.sort_unstable();
    let with_stem = |stem: &str| {
        let at = by_stem.partition_point(|(other, _)| *other < stem);
        by_stem.get(at).filter(|(other, _)| *other == stem).map(|(_, name)| folder.join(name))
    };
    let candidates = |name: &str| [format!("{}_mask", names::stem(name)), names::stem(name).to_owned()];
    let file = |name: &str| candidates(name).iter().find_map(|stem| with_stem(stem));
    let files: Vec<Option<PathBuf>> = source.names().map(|name| file(&name)).collect();
    if files.iter().all(Option::is_none) {
        let name = source.name(0).into_owned();
        let looked_for = candidates(&name).map(|stem| format!("{stem}.{}", names::ending(&name))).to_vec();
        return Err(PictureError::NoMasks { folder: folder.to_path_buf(), name, looked_for });
    }
    Ok(Masks { source: source.clone(), files })
}

impl Masks {
    /// Pictures that have a mask.
    pub fn n_found(&self) -> usize {
        self.files.iter().flatten().count()
    }

    /// The file of the mask of picture `index`.
    pub fn file(&self, index: usize) -> Option<&Path> {
        self.files.get(index)?.as_deref()
    }

    /// The mask of picture `index`, H·W truth values row by row, brought to the size that the picture is read with; `None` where it has none. A pixel
    /// is marked where the mask is more than half as bright as its brightest pixel, so that masks of 0 and 1 and of 0 and 255 are alike;
    /// where pictures are resized, each pixel takes the mask's nearest, and what pads is not marked.
    ///
    /// # Errors
    /// [`PictureError::Broken`] of the mask or the picture's header, [`PictureError::MaskSize`].
    pub fn read(&self, index: usize) -> Result<Option<Vec<bool>>, PictureError> {
        let expected = self.source.own_size(index)?;
        let Some(path) = &self.files[index] else { return Ok(None) };
        let broken = |fault| PictureError::broken(path, "", fault);
        let (folder, entry) = FolderStore::single(path)?;
        let bytes = folder.bytes(0, &entry.name, &mut |_| ()).map_err(broken)?;
        let mask = decode::grey(decode::decode(&bytes, bytes.len() as u64, &mut |_| ()).map_err(broken)?);
        let PictureShape { height, width, .. } = mask.shape;
        if (width, height) != expected {
            let name = self.source.name(index).into_owned();
            return Err(PictureError::MaskSize { mask: path.clone(), name, expected, got: (width, height) });
        }
        let half = mask.pixels.iter().max().map_or(0, |most| most / 2);
        let marked = mask.pixels.iter().map(|&value| if value > half { 255 } else { 0 }).collect();
        let options = self.source.options();
        let mask = Picture { pixels: marked, ..mask };
        let mask = fitted(mask, options.size, options.fit, Resampling::Nearest);
        Ok(Some(mask.pixels.iter().map(|&value| value != 0).collect()))
    }
}
