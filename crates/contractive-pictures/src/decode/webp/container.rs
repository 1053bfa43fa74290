//! Which lossless stream of a WebP file, or which lossy colours, its decoder reads (RFC 9649, sections 2.4 to 2.7): that of a picture, of the first frame
//! of an animation, or of the alpha of either, where its colours are lossy.
//!
//! What is out of order here is left to the decoder, which refuses it before it reads a stream.

pub(in super::super) const FORMAT: &str = "WebP";

/// A lossless stream, and the size of what it is of: pixels a row, and rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lossless<'a> {
    pub stream: &'a [u8],
    pub size: (u32, u32),
    pub of: Of,
}

/// What a lossless stream has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Picture,
    /// The alpha of a picture whose colours were read before.
    Alpha,
    /// The alpha of a frame, whose colours come after it.
    FrameAlpha,
}

/// A chunk: its name, where its bytes begin, and how many there must be.
#[derive(Clone, Copy)]
struct Chunk {
    name: [u8; 4],
    at: usize,
    size: usize,
}

impl Chunk {
    /// Where the next begins: bytes are filled up to an even number.
    fn end(self) -> usize {
        self.at + self.size + (self.size & 1)
    }

    /// Its bytes, as far as the file has them.
    fn body(self, all: &[u8]) -> &[u8] {
        all.get(self.at..).map_or(&[], |rest| &rest[..self.size.min(rest.len())])
    }
}

/// Chunks one after the other from `at` on.
fn chunks(all: &[u8], mut at: usize) -> impl Iterator<Item = Chunk> {
    std::iter::from_fn(move || {
        let (name, rest) = all.get(at..)?.split_first_chunk::<4>()?;
        let size = u32::from_le_bytes(*rest.first_chunk::<4>()?) as usize;
        let chunk = Chunk { name: *name, at: at + 8, size };
        at = chunk.end();
        Some(chunk)
    })
}

/// An extended file, as `image-webp` reads it: the flags whatever the chunk's size is, and chunks up to the size that the
/// file's header says counted from the first on.
#[derive(Clone, Copy)]
struct Extended<'a> {
    all: &'a [u8],
    flags: u8,
    end: usize,
}

impl<'a> Extended<'a> {
    fn of(all: &'a [u8], first: Chunk) -> Option<Self> {
        let claimed = u32::from_le_bytes(*all.get(4..)?.first_chunk()?) as usize;
        Some(Extended { all, flags: *all.get(first.at)?, end: first.end() + claimed.saturating_sub(12) })
    }

    fn is_animated(self) -> bool {
        self.flags & 2 != 0
    }

    fn has_alpha(self) -> bool {
        self.flags & 0x10 != 0
    }

    fn top(self) -> impl Iterator<Item = Chunk> {
        chunks(self.all, 12).skip(1).take_while(move |chunk| chunk.at - 8 < self.end)
    }

    fn frame(self) -> Option<Chunk> {
        self.top().find(|chunk| &chunk.name == b"ANMF")
    }

    /// The size of the first frame: 16 bytes of it come first, that among them.
    fn size_of_frame(self) -> Option<(u32, u32)> {
        Some(size(self.frame()?.body(self.all).get(6..12)?))
    }

    fn in_frame(self) -> impl Iterator<Item = Chunk> {
        let inside =
            move |frame: Chunk| chunks(self.all, frame.at + 16).take_while(move |it| it.at <= frame.at + frame.size);
        self.frame().into_iter().flat_map(inside).take(2)
    }

    fn found(self, name: &[u8; 4]) -> Option<Chunk> {
        self.top().chain(self.in_frame()).find(|chunk| &chunk.name == name)
    }
}

/// The lossless stream of the file `all`, whose canvas has this size.
pub(super) fn lossless(all: &[u8], canvas: (u32, u32)) -> Option<Lossless<'_>> {
    let picture = |chunk: Chunk, size| Some(Lossless { stream: chunk.body(all), size, of: Of::Picture });
    let first = chunks(all, 12).next()?;
    match &first.name {
        b"VP8L" => return picture(first, canvas),
        b"VP8X" => {}
        _ => return None,
    }
    let extended = Extended::of(all, first)?;
    if extended.is_animated() {
        let (size, first) = (extended.size_of_frame()?, extended.in_frame().next()?);
        let is_inside = size.0 <= canvas.0 && size.1 <= canvas.1;
        return match &first.name {
            b"VP8L" if is_inside => picture(first, size),
            b"ALPH" if is_inside => alpha(first.body(all), size, Of::FrameAlpha),
            _ => None,
        };
    }
    match extended.found(b"VP8L") {
        Some(chunk) => picture(chunk, canvas),
        None if extended.has_alpha() => alpha(extended.found(b"ALPH")?.body(all), canvas, Of::Alpha),
        None => None,
    }
}

/// The lossy colours that the decoder of the file reads first, and the size that they must have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lossy<'a> {
    pub colours: &'a [u8],
    pub size: (u32, u32),
    /// Whether they are the whole picture: there is no alpha, and no further frame.
    pub is_all: bool,
}

/// The lossy colours of the file `all`, whose canvas has this size.
pub(super) fn lossy(all: &[u8], canvas: (u32, u32)) -> Option<Lossy<'_>> {
    let first = chunks(all, 12).next()?;
    let of = |chunk: Chunk, size, is_all| Some(Lossy { colours: chunk.body(all), size, is_all });
    match &first.name {
        b"VP8 " => return of(first, canvas, true),
        b"VP8X" => {}
        _ => return None,
    }
    let extended = Extended::of(all, first)?;
    if extended.is_animated() {
        let colours = extended.in_frame().find(|chunk| &chunk.name == b"VP8 ")?;
        return of(colours, extended.size_of_frame()?, false);
    }
    match extended.found(b"VP8L") {
        Some(_) => None,
        None => of(extended.found(b"VP8 ")?, canvas, !extended.has_alpha()),
    }
}

/// Width and height, each of 24 bits and less one.
fn size(six: &[u8]) -> (u32, u32) {
    let side = |three: &[u8]| 1 + three.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte));
    (side(&six[..3]), side(&six[3..]))
}

/// The stream of an `ALPH` chunk, where its first byte says that it is compressed.
fn alpha(chunk: &[u8], size: (u32, u32), of: Of) -> Option<Lossless<'_>> {
    let (flags, stream) = chunk.split_first()?;
    (flags & 3 == 1).then_some(Lossless { stream, size, of })
}
