//! Pictures as people have them: in folders, archives and arrays, in colour or grey, of any size.
//!
//! [`PictureSource::open`] lists them, [`PictureSource::read`] gives one, [`PictureSource::stream`] many in an order, decoded by
//! several threads in bounded memory. A file is what its bytes say, whatever its name ends in: PNG, JPEG, WebP, TIFF or BMP. Each becomes upright
//! (EXIF and TIFF orientation), 8 bits a channel, grey or red, green and blue; alpha lies over black; of several frames or pages the first is taken.
//! Colour profiles are not applied.
//!
//! 1. [`picture`]: pixels in memory.
//! 2. [`options`]: how pictures are made alike: colour, size, and what becomes of another aspect.
//! 3. [`limits`]: what a picture may take.
//! 4. `store`: where bytes lie; `names`: which are pictures, and their labels; `decode`: bytes to pixels; `fit`, by way of `means` where a side is very long: pixels to a size.
//! 5. `source` and `stream`: one picture, and many; [`masks`]: which of their pixels are defects.

mod decode;
mod error;
mod fit;
pub mod limits;
pub mod masks;
mod means;
mod names;
pub mod options;
pub mod picture;
mod source;
mod store;
mod stream;

pub use error::{PictureError, PictureFault};
pub use options::{Colour, Fit, PictureOptions, Size};
pub use picture::Picture;
pub use source::PictureSource;
pub use store::{count_pictures, is_pictures};
pub use stream::Pictures;
