//! Pictures of a folder or an archive that are trained on where they lie.

use contractive_core::patches::PictureShape;
use contractive_pictures::PictureSource;

/// Pictures that stay where they lie.
#[derive(Debug, Clone)]
pub(in crate::train) struct StreamedPictures {
    pub source: PictureSource,
    /// A patch's side and the stride, where patches are trained on.
    pub patch: Option<(usize, usize)>,
}

impl StreamedPictures {
    /// The shape of a row: of a patch, or of a picture, all of which then have one shape.
    pub fn row_shape(&self) -> Option<PictureShape> {
        let channels = self.source.channels();
        match self.patch {
            Some((patch, _)) => Some(PictureShape { height: patch, width: patch, channels }),
            None => self.source.shape(),
        }
    }

    /// The numbers of the pictures in their order, at most `most`.
    pub(super) fn all(&self, most: u64) -> Vec<u32> {
        let n = self.source.len();
        (0..usize::try_from(most).map_or(n, |most| most.min(n)) as u32).collect()
    }
}
