//! Downloading a file of known size and sum.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use contractive_table::checksum::Sha256Sum;

use crate::error::DatasetError;

/// What the file must be.
#[derive(Clone, Copy)]
pub(super) struct Expected<'a> {
    pub size: u64,
    pub sha256: &'a str,
}

/// Streams `url` into a temporary file beside `target`, checks size and sum, and moves it into place.
///
/// Whatever fails, nothing is left behind. Never reads more than one byte beyond the expected size.
pub(super) fn download(
    url: &str,
    expected: Expected<'_>,
    target: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(), DatasetError> {
    let failed = |reason: String| DatasetError::Network { url: url.to_string(), reason };
    let folder = target.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".download-")
        .tempfile_in(folder)
        .map_err(|e| DatasetError::io("create a file in", folder, e))?;

    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_per_read(Some(Duration::from_secs(60)))
        .build();
    let response = ureq::Agent::new_with_config(config).get(url).call().map_err(|e| failed(e.to_string()))?;
    let mut body = response.into_body().into_reader().take(expected.size + 1);

    let mut sum = Sha256Sum::new();
    let mut done = 0;
    let mut buffer = vec![0; 1 << 16];
    progress(0);
    loop {
        let n = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(failed(format!("it broke off after {done} of {} bytes ({e})", expected.size))),
        };
        file.write_all(&buffer[..n]).map_err(|e| DatasetError::io("write", file.path(), e))?;
        sum.update(&buffer[..n]);
        done += n as u64;
        progress(done);
    }
    if done != expected.size {
        let got = if done > expected.size { "more".to_string() } else { done.to_string() };
        return Err(failed(format!("it must have {} bytes, got {got}", expected.size)));
    }
    let got = sum.finish();
    if got != expected.sha256 {
        return Err(DatasetError::Checksum { path: url.into(), expected: expected.sha256.to_string(), got });
    }
    make_readable(file.as_file()).map_err(|e| DatasetError::io("write", target, e))?;
    file.persist(target).map_err(|e| DatasetError::io("write", target, e.error))?;
    Ok(())
}

/// A temporary file is its owner's alone; a downloaded data set is for all who can see the folder.
#[cfg(unix)]
fn make_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
