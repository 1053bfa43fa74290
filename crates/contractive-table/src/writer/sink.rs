//! What the writer of a format takes.

use std::io;

use crate::frame::Frame;

/// What a file is to say of itself: a key and a text.
pub(super) type Said<'a> = Option<(&'a str, &'a str)>;

/// A format's side of a [`FrameWriter`].
pub(super) trait FrameSink {
    fn write(&mut self, frame: &Frame) -> io::Result<()>;

    /// Writes what is left, and gives the file its name.
    fn finish(self: Box<Self>) -> io::Result<()>;
}
