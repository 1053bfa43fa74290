//! How a bad input is judged: the kind of the error, the peak of memory by a counting allocator, the time.
#![allow(unsafe_code)] // an allocator is unsafe by its trait

use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use contractive::checkpoint::Checkpoint;
use contractive::config::Layer;
use contractive::data::{self, FileOptions};
use contractive::encoding::{EncodingOptions, MissingRule, TableDiagnosis, TrainingTable};
use contractive::import::{ImportOptions, import};
use contractive::{Model, RunDirectory};
use contractive_anomaly::detector::Detector;
use contractive_anomaly::images::ImageDetector;
use contractive_anomaly::series::SeriesDetector;
use contractive_pictures::{Fit, PictureOptions, PictureSource};
use contractive_table::{FrameReader, ReadOptions, TextOptions, array, is_decoding};

/// What a damaged file may take beside 4 times its size.
const FREE: usize = 64 << 20;
/// Far above what any of the files takes, on a machine that does much else, and far below a pass whose time grows with the
/// square of the size.
const LONGEST: Duration = Duration::from_secs(120);

/// The system's allocator, which keeps count of what is held.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn add(bytes: usize) {
    PEAK.fetch_max(HELD.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

// SAFETY: every call goes on to `System` with the arguments as they came, so its guarantees are System's; the counters
// are atomics and allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: `pointer` came from `System` with this layout, since every allocation here does.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Where it is moved, both are held for a moment; large ones are mapped to another place instead.
        add(size);
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as for `dealloc`; the caller promises that `size` is valid.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One file at a time: the counters belong to the whole process.
static TURN: Mutex<()> = Mutex::new(());

/// A decoder's panic is an error of its file, and is not printed.
static QUIET: Once = Once::new();

/// What reading comes to.
pub type Outcome = Result<(), Box<dyn Error>>;

/// A way to read a file or a folder.
#[derive(Clone, Copy)]
pub struct Reader(pub &'static str, pub fn(&Path) -> Outcome);

fn frames(path: &Path, options: &ReadOptions) -> Outcome {
    Ok(FrameReader::open(path, options)?.try_for_each(|frame| frame.map(drop))?)
}

fn encoded(path: &Path) -> Outcome {
    TrainingTable::read(path, &EncodingOptions { missing: MissingRule::Median, ..EncodingOptions::default() })?;
    Ok(())
}

/// A table by frames.
pub const FRAMES: Reader = Reader("frames", |path| frames(path, &ReadOptions::default()));
/// A table turned round.
pub const TURNED: Reader =
    Reader("turned", |path| frames(path, &ReadOptions { transpose: true, ..ReadOptions::default() }));
/// A data set in memory.
pub const ROWS: Reader = Reader("rows", |path| Ok(data::load(path, &FileOptions::default()).map(drop)?));
/// What a table holds, column by column.
pub const DIAGNOSIS: Reader =
    Reader("diagnosis", |path| Ok(TableDiagnosis::of(path, TextOptions::default()).map(drop)?));
/// A table with its encoding learnt.
pub const ENCODED: Reader = Reader("encoded", encoded);
/// An array with its labels.
pub const ARRAY: Reader = Reader("array", |path| Ok(array::read(path, None).map(drop)?));
/// All that take text tables.
pub const TEXT: [Reader; 5] = [FRAMES, TURNED, ROWS, DIAGNOSIS, ENCODED];
/// All that take arrays in frames.
pub const ARRAYS: [Reader; 3] = [FRAMES, ROWS, ARRAY];
/// All that take matrices.
pub const MATRIX: [Reader; 3] = [FRAMES, TURNED, ROWS];

/// A model directory.
pub const MODEL: Reader = Reader("model", |path| Ok(Model::load(path).map(drop)?));
/// A detector's directory.
pub const DETECTOR: Reader = Reader("detector", |path| Ok(Detector::load(path).map(drop)?));
/// A series detector's directory.
pub const SERIES: Reader = Reader("series", |path| Ok(SeriesDetector::load(path).map(drop)?));
/// An image detector's directory.
pub const IMAGES: Reader = Reader("images", |path| Ok(ImageDetector::load(path).map(drop)?));
/// A checkpoint.
pub const CHECKPOINT: Reader = Reader("checkpoint", |path| Ok(Checkpoint::load(path).map(drop)?));
/// The weights of another program.
pub const IMPORT: Reader = Reader("import", |path| Ok(import(path, &ImportOptions::default()).map(drop)?));
/// A TOML file.
pub const TOML: Reader = Reader("toml", |path| {
    let layer = Layer::from_file(path)?;
    contractive::TrainConfig::layered(&contractive::TrainConfig::default(), &[layer])?.check()?;
    Ok(())
});
/// The numbers of a run directory.
pub const METRICS: Reader = Reader("metrics", |path| Ok(RunDirectory::open(path)?.metrics().map(drop)?));

/// All pictures of a file.
pub const PICTURES: Reader = Reader("pictures", |path| {
    let options = PictureOptions { fit: Fit::Keep, ..PictureOptions::default() };
    let source = PictureSource::open(path, &options)?;
    Ok(source.stream((0..source.len() as u32).collect(), 1).try_for_each(|read| read.map(drop))?)
});

/// A folder for bad inputs, and the turn to read them.
pub struct Judge {
    folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Judge {
    pub fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        QUIET.call_once(|| {
            let told = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                if !is_decoding() {
                    told(panic)
                }
            }));
        });
        Judge { folder: tempfile::tempdir().unwrap(), _turn: turn }
    }

    /// Where a file of this name is.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `bytes` and reads them by every reader, which must refuse them as one of `kinds`, parted by `|`.
    pub fn refused(&self, name: &str, bytes: &[u8], readers: &[Reader], kinds: &str) {
        let path = self.at(name);
        std::fs::write(&path, bytes).unwrap();
        self.refused_at(&path, bytes.len(), readers, kinds);
    }

    /// As [`Judge::refused`], of what lies at `path` already and has `size` bytes.
    pub fn refused_at(&self, path: &Path, size: usize, readers: &[Reader], kinds: &str) {
        for reader in readers {
            let outcome = bounded(path, size, *reader);
            let Err(error) = outcome else { panic!("{} reads {} of {size} bytes", reader.0, path.display()) };
            let shown = format!("{error:?}");
            let is_of_kind = kinds.split('|').any(|kind| words(&shown).any(|word| word == kind));
            assert!(is_of_kind, "{} of {} must be {kinds}: {error} ({})", reader.0, path.display(), first(&shown));
            let message = error.to_string();
            assert!(message.len() < 4000, "a message of {} bytes: {}", message.len(), first(&message));
            // Of settings that lie over others, in files and on the command line, the message names the key.
            let name = path.file_name().unwrap().to_string_lossy();
            let is_named = message.contains(&*name) || reader.0 == TOML.0 && message.starts_with("`model.");
            assert!(is_named, "{} of {name} does not name it: {message}", reader.0);
        }
    }

    /// Reads what may be sound or not, within the bounds.
    pub fn bounded(&self, name: &str, bytes: &[u8], readers: &[Reader]) {
        let path = self.at(name);
        std::fs::write(&path, bytes).unwrap();
        readers.iter().for_each(|reader| drop(bounded(&path, bytes.len(), *reader)));
    }
}

/// The most memory held while `work` is done, beside what was held before.
pub fn peak_of(work: impl FnOnce()) -> usize {
    let held = HELD.load(Relaxed);
    PEAK.store(held, Relaxed);
    work();
    PEAK.load(Relaxed).saturating_sub(held)
}

/// Reads within the bounds of time, and, where it is refused, of memory.
fn bounded(path: &Path, size: usize, Reader(name, read): Reader) -> Outcome {
    let (held, began) = (HELD.load(Relaxed), Instant::now());
    PEAK.store(held, Relaxed);
    let outcome = read(path);
    let (peak, took) = (PEAK.load(Relaxed).saturating_sub(held), began.elapsed());
    let (file, mib) = (path.display(), |bytes: usize| bytes as f64 / f64::from(1 << 20));
    assert!(took < LONGEST, "{name} of {file}, {size} bytes, took {took:?}");
    let is_within = outcome.is_ok() || peak <= FREE + 4 * size;
    assert!(is_within, "{name} of {file}, {size} bytes, took {:.1} MiB: {outcome:?}", mib(peak));
    if std::env::var_os("CONTRACTIVE_HOSTILE_PEAKS").is_some() {
        let result = outcome.as_ref().map_or_else(|e| first(&format!("{e:?}")), |()| "read".into());
        println!(
            "{:>10.1} MiB of {size:>9} bytes {:>7.2} s  {name:<10} {file}  {result}",
            mib(peak),
            took.as_secs_f64()
        );
    }
    outcome
}

/// The words of an error as it is printed for programmers: the kinds of errors within errors among them.
fn words(shown: &str) -> impl Iterator<Item = &str> {
    shown.split(|c: char| !c.is_alphanumeric())
}

fn first(text: &str) -> String {
    text.chars().take(160).collect()
}

/// `part`, packed, `n` times: gzip allows one member after the other, so that large contents are made in no time.
pub fn gzip_of(parts: &[(&[u8], usize)]) -> Vec<u8> {
    use std::io::Write;
    let packed = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    parts.iter().flat_map(|(bytes, n)| packed(bytes).repeat(*n)).collect()
}

/// An array of this type, order and shape, as numpy saves it, with these bytes as its values.
pub fn npy(descr: &str, is_fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let order = if is_fortran { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values);
    bytes
}

/// A zip of these members.
pub fn zip_of(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    use std::io::{Cursor, Write};
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let deflated = zip::write::SimpleFileOptions::default();
    for (name, bytes) in members {
        archive.start_file(*name, deflated).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A fixture of the repository.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

/// Copies a folder of files and folders.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            std::fs::copy(entry.path(), to).map(drop).unwrap()
        }
    }
}
