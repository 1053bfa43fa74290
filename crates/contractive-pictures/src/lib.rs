//! Pictures as people have them: in folders, archives and arrays, in colour or grey, of any size.
//!
//! 1. [`picture`]: pixels in memory.
//! 2. [`options`]: how pictures are made alike: colour, size, and what becomes of another aspect.

pub mod options;
pub mod picture;

pub use options::{Colour, Fit, PictureOptions, Size};
pub use picture::Picture;
