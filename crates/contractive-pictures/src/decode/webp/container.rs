//! Which lossless stream of a WebP file its decoder reads (RFC 9649, sections 2.4 to 2.7): that of a picture, of the first frame
//! of an animation, or of the alpha of either, where its colours are lossy.
//!
//! What is out of order here is left to the decoder, which refuses it before it reads a stream.

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

/// The lossless stream of the file `all`, whose canvas has this size.
pub(super) fn lossless(all: &[u8], canvas: (u32, u32)) -> Option<Lossless<'_>> {
    let picture = |chunk: Chunk, size| Some(Lossless { stream: chunk.body(all), size, of: Of::Picture });
    let first = chunks(all, 12).next()?;
    match &first.name {
        b"VP8L" => return picture(first, canvas),
        b"VP8X" => {}
        _ => return None,
    }
    // As `image-webp` reads them: the flags whatever the chunk's size is, and chunks up to the size that the file's header says
    // counted from the first on.
    let flags = *all.get(first.at)?;
    let claimed = u32::from_le_bytes(*all.get(4..)?.first_chunk()?) as usize;
    let end = first.end() + claimed.saturating_sub(12);
    let top = || chunks(all, 12).skip(1).take_while(|chunk| chunk.at - 8 < end);
    let frame = top().find(|chunk| &chunk.name == b"ANMF");
    // Of a frame there are 16 bytes first, its size among them.
    let in_frame = || {
        let inside = |frame: Chunk| chunks(all, frame.at + 16).take_while(move |it| it.at <= frame.at + frame.size);
        frame.into_iter().flat_map(inside).take(2)
    };
    if flags & 2 != 0 {
        let (size, first) = (size(frame?.body(all).get(6..12)?), in_frame().next()?);
        let is_inside = size.0 <= canvas.0 && size.1 <= canvas.1;
        return match &first.name {
            b"VP8L" if is_inside => picture(first, size),
            b"ALPH" if is_inside => alpha(first.body(all), size, Of::FrameAlpha),
            _ => None,
        };
    }
    let found = |name| top().chain(in_frame()).find(|chunk| &chunk.name == name);
    match found(b"VP8L") {
        Some(chunk) => picture(chunk, canvas),
        None if flags & 0x10 != 0 => alpha(found(b"ALPH")?.body(all), canvas, Of::Alpha),
        None => None,
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
