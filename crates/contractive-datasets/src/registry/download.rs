//! Downloading a file of known size and sum.
//!
//! Nothing is taken that TLS does not vouch for, wherever a server leads to. A transfer that is cut goes on where it ended,
//! where the server can do that, and else from the start; it counts as cut only where bytes came, so that what is not there
//! is told at once. What arrives is checked before it has a name.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use contractive_table::checksum::Sha256Sum;
use tempfile::NamedTempFile;
use ureq::http::header::{CONTENT_RANGE, RANGE};
use ureq::http::{Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::error::DatasetError;

const PREFIX: &str = ".download-";
/// After that a file that was being downloaded is one that nobody finishes.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// What the file must be.
#[derive(Clone, Copy)]
pub(super) struct Expected<'a> {
    pub size: u64,
    pub sha256: &'a str,
}

/// How a server is dealt with.
#[derive(Clone)]
pub(super) struct Manner {
    /// Whether every address must be of TLS, those that a server leads to included.
    pub tls_only: bool,
    /// Who vouches for servers.
    pub roots: RootCerts,
    /// Longest wait for a connection, for an answer, and between two pieces of it.
    pub patience: Duration,
    /// Fewest bytes a second, over a transfer that takes longer than the patience.
    pub least_pace: u64,
    /// Most transfers, the first one included.
    pub most_transfers: usize,
    /// Wait before another transfer.
    pub pause: Duration,
}

impl Default for Manner {
    fn default() -> Self {
        Manner {
            tls_only: true,
            roots: RootCerts::WebPki,
            patience: Duration::from_secs(60),
            least_pace: 16 << 10,
            most_transfers: 5,
            pause: Duration::from_secs(2),
        }
    }
}

impl Manner {
    fn agent(&self, bytes: u64) -> Agent {
        let whole = self.patience + Duration::from_secs(bytes / self.least_pace.max(1));
        let config = Agent::config_builder()
            .https_only(self.tls_only)
            .tls_config(TlsConfig::builder().root_certs(self.roots.clone()).build())
            .timeout_connect(Some(self.patience.min(Duration::from_secs(30))))
            .timeout_recv_response(Some(self.patience))
            .timeout_per_read(Some(self.patience))
            .timeout_global(Some(whole));
        Agent::new_with_config(config.build())
    }
}

/// A file on its way.
struct Partial {
    file: NamedTempFile,
    sum: Sha256Sum,
    done: u64,
}

/// Why a transfer ended early.
enum Ended {
    /// In the middle: another one may bring the rest.
    Cut(String),
    Failed(DatasetError),
}

/// Streams `url` into a temporary file beside `target`, checks size and sum, and moves it into place.
///
/// Whatever fails, nothing is left behind. Never reads more than one byte beyond the expected size.
pub(super) fn download(
    url: &str,
    expected: Expected<'_>,
    target: &Path,
    manner: &Manner,
    progress: &mut dyn FnMut(u64),
) -> Result<(), DatasetError> {
    let failed = |reason: String| DatasetError::Network { url: url.to_string(), reason };
    let folder = target.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    remove_stale(folder);
    let file = tempfile::Builder::new().prefix(PREFIX).tempfile_in(folder);
    let file = file.map_err(|e| DatasetError::io("create a file in", folder, e))?;
    let mut partial = Partial { file, sum: Sha256Sum::new(), done: 0 };
    progress(0);
    for transfer in 1.. {
        let before = partial.done;
        match partial.transfer(url, expected, manner, progress) {
            Ok(()) => break,
            Err(Ended::Failed(e)) => return Err(e),
            Err(Ended::Cut(_)) if partial.done > before && transfer < manner.most_transfers => {
                std::thread::sleep(manner.pause);
            }
            Err(Ended::Cut(why)) => {
                let Partial { done, .. } = partial;
                return Err(failed(format!("it broke off after {done} of {} bytes ({why})", expected.size)));
            }
        }
    }
    let got = partial.sum.finish();
    if got != expected.sha256 {
        return Err(DatasetError::Checksum { path: url.into(), expected: expected.sha256.to_string(), got });
    }
    let file = partial.file;
    make_readable(file.as_file()).map_err(|e| DatasetError::io("write", target, e))?;
    file.as_file().sync_all().map_err(|e| DatasetError::io("write", target, e))?;
    file.persist(target).map_err(|e| DatasetError::io("write", target, e.error))?;
    Ok(())
}

impl Partial {
    /// Asks for what is not there yet, and takes what comes.
    fn transfer(
        &mut self,
        url: &str,
        expected: Expected<'_>,
        manner: &Manner,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Ended> {
        let failed = |reason: String| Ended::Failed(DatasetError::Network { url: url.to_string(), reason });
        let mut request = manner.agent(expected.size - self.done).get(url);
        if self.done > 0 {
            request = request.header(RANGE, format!("bytes={}-", self.done));
        }
        let response = request.call().map_err(|e| failed(e.to_string()))?;
        if !goes_on(&response, self.done) {
            self.begin_again()?;
        }
        let mut body = response.into_body().into_reader().take(expected.size - self.done + 1);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(Ended::Cut(e.to_string())),
            };
            self.file.write_all(&buffer[..n]).map_err(|e| self.unwritten(e))?;
            self.sum.update(&buffer[..n]);
            self.done += n as u64;
            progress(self.done.min(expected.size));
        }
        match self.done == expected.size {
            true => Ok(()),
            false => {
                let got = if self.done > expected.size { "more".to_string() } else { self.done.to_string() };
                Err(failed(format!("it must have {} bytes, got {got}", expected.size)))
            }
        }
    }

    fn begin_again(&mut self) -> Result<(), Ended> {
        self.file.as_file().set_len(0).map_err(|e| self.unwritten(e))?;
        self.file.rewind().map_err(|e| self.unwritten(e))?;
        (self.sum, self.done) = (Sha256Sum::new(), 0);
        Ok(())
    }

    fn unwritten(&self, error: std::io::Error) -> Ended {
        Ended::Failed(DatasetError::io("write", self.file.path(), error))
    }
}

/// Whether what is answered begins at byte `done`.
fn goes_on(response: &Response<Body>, done: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let first = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
    response.status() == StatusCode::PARTIAL_CONTENT && first == Some(done)
}

/// Removes what downloads left that were killed.
fn remove_stale(folder: &Path) {
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let changed = || entry.metadata().and_then(|known| known.modified()).ok();
        if is_ours && changed().is_some_and(|at| SystemTime::now().duration_since(at).is_ok_and(|since| since > STALE))
        {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// A temporary file is its owner's alone; a downloaded data set is for all who can see the folder.
#[cfg(unix)]
fn make_readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &File) -> std::io::Result<()> {
    Ok(())
}
