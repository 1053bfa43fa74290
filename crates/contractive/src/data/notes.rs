//! What a user should know of data that are perhaps not what they seem.

use super::Dataset;

/// A remark on a table that is as wide as the usual images, and holds values as bytes do.
pub(super) fn pixel_note(data: &Dataset) -> Option<String> {
    let (low, high) = data.range();
    let is_like = data.n_features() == 784 && low >= 0.0 && high > 1.0 && high <= 255.0;
    is_like.then(|| {
        format!(
            "{}: 784 columns of values up to {high} are taken as a table of numbers, not as images; save them as uint8 \
             of the shape (rows, 28, 28), or divide them by 255, to have images in [0, 1]",
            data.name()
        )
    })
}
