//! Memory that a header asks for.

use crate::error::PictureFault;

/// Zeros, if the system gives the memory.
pub(super) fn room(bytes: u64) -> Result<Vec<u8>, PictureFault> {
    let n = usize::try_from(bytes).unwrap_or(usize::MAX);
    // `vec![0; n]` is given zeroed pages, and ends the process where there is no memory: asked first.
    Vec::<u8>::new().try_reserve_exact(n).map_err(|_| std::io::Error::from(std::io::ErrorKind::OutOfMemory))?;
    Ok(vec![0; n])
}
