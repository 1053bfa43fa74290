//! Arrays of texts: of one size each, or of any size in the heaps of the file.

use hdf5_reader::{Dataset, Datatype, StringPadding, StringSize, VarLenKind};

use super::file::{Hdf5, refusal};
use super::heaps::Heaps;
use super::packed::Chunks;
use crate::contained::contained;
use crate::error::TableError;

/// A text of an array whose texts are of one size.
const MOST_TEXT: u32 = 1 << 16;
/// Bytes that texts in heaps have beyond those of the file, which holds each of them once.
const FREE_TEXT: u64 = 1 << 20;

/// How the texts of an array lie.
enum Texts {
    /// Each in its place, with what pads it.
    Here(StringPadding),
    InHeaps,
}

impl Hdf5 {
    /// Refuses an array that is none of texts, and one that a file of this size cannot hold; large chunks of it are tried.
    pub fn check_texts(&self, array: &Dataset) -> Result<(), TableError> {
        self.laid_out(array).map(drop)
    }

    /// The texts of an array of one dimension. What the file does not account for is read when all arrays that were opened
    /// are known to be sound.
    pub fn texts(&self, array: &Dataset) -> Result<Vec<String>, TableError> {
        let (texts, size, chunks) = self.laid_out(array)?;
        // The decoder keeps what it read, and gives it; then there are the texts.
        self.must_be_sound(array.shape()[0].saturating_mul((3 * size + size_of::<String>()) as u64))?;
        self.forget(array);
        let bytes = self.read_chunks(chunks, || array.read_raw_bytes())?;
        match texts {
            Texts::Here(padding) => Ok(bytes.chunks_exact(size).map(|bytes| padded_text_of(bytes, padding)).collect()),
            Texts::InHeaps => self.in_heaps(array, bytes.chunks_exact(size)),
        }
    }

    /// How texts lie, and the bytes of each.
    fn laid_out(&self, array: &Dataset) -> Result<(Texts, usize, Chunks), TableError> {
        let (texts, size) = match array.dtype() {
            _ if array.ndim() != 1 => return Err(self.wrong(array.name(), "must have one dimension")),
            Datatype::String { size: StringSize::Fixed(size), .. } if *size > MOST_TEXT => {
                let must = format!("must hold texts of at most {MOST_TEXT} bytes, got {size}");
                return Err(self.wrong(array.name(), &must));
            }
            Datatype::String { size: StringSize::Fixed(size), padding, .. } if *size > 0 => {
                (Texts::Here(*padding), *size as usize)
            }
            Datatype::String { size: StringSize::Variable, .. } | Datatype::VarLen { kind: VarLenKind::String, .. } => {
                (Texts::InHeaps, array.vlen_reference_size())
            }
            _ => return Err(self.wrong(array.name(), "must hold text")),
        };
        let chunks = self.check_claim(array, size)?;
        self.check_chunks(array, chunks, 0)?;
        Ok((texts, size, chunks))
    }

    /// Texts that lie elsewhere in the file. None is there twice, whatever many references say.
    fn in_heaps<'a>(
        &self,
        array: &Dataset,
        references: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Result<Vec<String>, TableError> {
        let mut left = self.size.saturating_add(FREE_TEXT);
        let mut texts = Vec::with_capacity(references.len());
        contained(&self.path, || {
            let mut heaps = Heaps::of(&self.file);
            for reference in references {
                let bytes = heaps.bytes(reference).map_err(|e| refusal(&self.path, e))?;
                left = left
                    .checked_sub(bytes.len() as u64)
                    .ok_or_else(|| self.wrong(array.name(), "holds more text than its file"))?;
                texts.push(String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned());
            }
            Ok(())
        })?;
        Ok(texts)
    }
}

/// A text without what pads it.
pub(super) fn text_of(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn padded_text_of(bytes: &[u8], padding: StringPadding) -> String {
    let text = text_of(bytes);
    if padding == StringPadding::SpacePad { text.trim_end_matches(' ').to_owned() } else { text }
}
