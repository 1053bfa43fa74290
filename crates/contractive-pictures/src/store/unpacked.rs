//! What is packed as a whole (.tar.gz, a deflated array of an archive) unpacked once into a file without a name in the system's folder for
//! temporary files, so that pictures can be read in any order. It takes as much room there as the contents have, at most 200 times what is packed, or
//! 64 MiB, and is gone with the program, however that ends.

use std::io::{self, Read, Write};
use std::path::Path;

use contractive_table::most_expanded;

use super::section::Section;
use crate::error::PictureError;

/// Unpacks a stream of `packed` bytes of the archive `path`.
pub(super) fn unpacked(path: &Path, stream: impl Read, packed: u64) -> Result<Section, PictureError> {
    let failed = |e| PictureError::io("unpack", path, e);
    let mut file = tempfile::tempfile().map_err(failed)?;
    let most = most_expanded(packed);
    // What the stream says is the archive's, what the file says is the disk's.
    let (mut stream, mut buffer, mut came) = (stream.take(most.saturating_add(1)), vec![0; 1 << 16], 0);
    loop {
        let n = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(damaged(path, unpacking(e))),
        };
        came += n as u64;
        if came > most {
            let reason = format!("its {packed} bytes unpack to more than {most}");
            return Err(damaged(path, reason));
        }
        file.write_all(&buffer[..n]).map_err(failed)?;
    }
    Section::whole(file).map_err(failed)
}

/// Of a stream that cannot be unpacked.
fn unpacking(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off".into(),
        _ => error.to_string(),
    }
}

pub(super) fn damaged(path: &Path, reason: String) -> PictureError {
    PictureError::Archive { path: path.to_path_buf(), reason }
}
