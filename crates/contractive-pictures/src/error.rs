//! What can be wrong with pictures.

use std::io;
use std::path::{Path, PathBuf};

use contractive_table::TableError;
use contractive_table::message::visible_in_line;

/// Why pictures cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The system refused the folder or the archive.
    #[error("cannot {action} {}: {source}", shown(path))]
    Io {
        /// What was tried: "open", "list", "unpack".
        action: &'static str,
        /// The folder or the archive.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Neither a folder nor a file that holds pictures.
    #[error(
        "{} must be a folder, a .zip, .tar, .tar.gz, .npy or .npz, or a picture; it begins with {begins}",
        shown(path)
    )]
    Source {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        begins: String,
    },
    /// Nothing with the ending of a picture.
    #[error("{} holds no picture (PNG, JPEG, WebP, TIFF, BMP); there {}", shown(path), found_text(found))]
    NoPictures {
        /// The folder or the archive.
        path: PathBuf,
        /// Endings of the files there, each with how many have it, the most frequent first.
        found: Vec<(String, usize)>,
    },
    /// More pictures than are counted.
    #[error("{} holds more than {most} pictures", shown(path))]
    TooMany {
        /// The folder or the archive.
        path: PathBuf,
        /// The most.
        most: usize,
    },
    /// An archive that cannot be read.
    #[error("{} is a damaged archive: {reason}", shown(path))]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// An array that cannot be read.
    #[error(transparent)]
    Array(#[from] TableError),
    /// An array that holds no pictures.
    #[error("the array in {} must have the shape {expected}, got {got}", shown(path))]
    ArrayShape {
        /// The file, and of an archive the member.
        path: PathBuf,
        /// What is read.
        expected: &'static str,
        /// Its shape.
        got: String,
    },
    /// An array of other numbers than pixels are.
    #[error("pixels in {} must be uint8, bool, or floats within [0, 1]; they are {got}", shown(path))]
    ArrayType {
        /// The file, and of an archive the member.
        path: PathBuf,
        /// The type of its numbers.
        got: String,
    },
    /// One picture cannot be read.
    #[error("{} {fault}", shown_entry(path, name))]
    Broken {
        /// The folder or the archive.
        path: PathBuf,
        /// The picture's name in it.
        name: String,
        /// What is wrong.
        fault: PictureFault,
    },
    /// All pictures are broken, and would be passed over.
    #[error("all {n} pictures in {} are broken: {} {reason}", shown(path), visible_in_line(name))]
    AllBroken {
        /// The folder or the archive.
        path: PathBuf,
        /// How many there are.
        n: usize,
        /// The first.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Pictures of several sizes, where all must have one.
    #[error(
        "pictures must have one size where none is set: in {} {} has {} × {} pixels, and {} has {} × {} (width × height)",
        shown(path), visible_in_line(first), first_size.0, first_size.1, visible_in_line(other), other_size.0, other_size.1
    )]
    Sizes {
        /// The folder or the archive.
        path: PathBuf,
        /// A picture.
        first: String,
        /// Its width and height.
        first_size: (usize, usize),
        /// The first that differs.
        other: String,
        /// Its width and height.
        other_size: (usize, usize),
    },
    /// There is no picture of that number.
    #[error("{} holds {n} pictures: there is none of number {index}", shown(path))]
    NoSuchPicture {
        /// The folder or the archive.
        path: PathBuf,
        /// The number asked for, from 0.
        index: usize,
        /// How many there are.
        n: usize,
    },
    /// A size that cannot be made.
    #[error("a picture's size must be at least 1 × 1 and at most {most} pixels, got {width} × {height}")]
    Size {
        /// Pixels a row.
        width: usize,
        /// Rows.
        height: usize,
        /// The most pixels.
        most: u64,
    },
    /// Not one picture has a mask.
    #[error(
        "no picture has a mask in {}: for {} there is neither {} nor another of that name with an ending of pictures",
        shown(folder), visible_in_line(name), looked_for.iter().map(|name| visible_in_line(name)).collect::<Vec<_>>().join(" nor ")
    )]
    NoMasks {
        /// The folder of masks.
        folder: PathBuf,
        /// A picture.
        name: String,
        /// The names of masks that it could have had.
        looked_for: Vec<String>,
    },
    /// A mask of another size than its picture.
    #[error(
        "the mask {} must have the size of its picture {}, {} × {} pixels, got {} × {}", shown(mask), visible_in_line(name),
        expected.0, expected.1, got.0, got.1
    )]
    MaskSize {
        /// The mask's file.
        mask: PathBuf,
        /// The picture.
        name: String,
        /// The picture's own width and height.
        expected: (usize, usize),
        /// The mask's.
        got: (usize, usize),
    },
}

/// What is wrong with the file of one picture. Read after its name: "a.png is empty".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureFault {
    /// The system refused it.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// No byte.
    #[error("is empty")]
    Empty,
    /// No picture at all.
    #[error("is no picture: it begins with {begins}")]
    NotAPicture {
        /// Its first bytes.
        begins: String,
    },
    /// A picture in a format that is not read.
    #[error("is a {format} picture, which is not read; PNG, JPEG, WebP, TIFF and BMP are")]
    Format {
        /// The format.
        format: &'static str,
    },
    /// A variant of a format that is not read.
    #[error("is a {format} picture of a kind that is not read: {reason}")]
    Unsupported {
        /// The format.
        format: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// It ends before its pixels do.
    #[error("is a {format} picture that is cut off: {reason}")]
    Truncated {
        /// The format.
        format: &'static str,
        /// Where.
        reason: String,
    },
    /// What the decoder met.
    #[error("is a damaged {format} picture: {reason}")]
    Damaged {
        /// The format.
        format: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// A side without pixels.
    #[error("has no pixels: {width} × {height}")]
    NoPixels {
        /// Pixels a row.
        width: u64,
        /// Rows.
        height: u64,
    },
    /// More pixels than are read.
    #[error("claims {width} × {height} pixels; at most {most} are read")]
    Pixels {
        /// Pixels a row.
        width: u64,
        /// Rows.
        height: u64,
        /// The most pixels.
        most: u64,
    },
    /// More bytes of pixels than a file of its size may become.
    #[error(
        "claims {width} × {height} pixels, {bytes} bytes of them; a file of {size} bytes may become at most {most}"
    )]
    Claim {
        /// Pixels a row.
        width: u64,
        /// Rows.
        height: u64,
        /// Bytes of the pixels.
        bytes: u64,
        /// Bytes of the file.
        size: u64,
        /// The most bytes of pixels.
        most: u64,
    },
    /// More tables to decode its pixels by than a file of its size may have.
    #[error(
        "has {groups} groups of prefix codes, whose tables take {bytes} bytes or more; a file of its size may take at most {most} for them"
    )]
    Tables {
        /// Groups of prefix codes.
        groups: u64,
        /// Bytes of their tables, counted until they were too many.
        bytes: u64,
        /// The most bytes.
        most: u64,
    },
    /// A file larger than pictures are, or an entry of an archive that becomes so.
    #[error("has {size} bytes; at most {most} are read")]
    FileSize {
        /// Bytes, as far as is known.
        size: u64,
        /// The most.
        most: u64,
    },
    /// An entry of an archive that is packed or locked in a way that is not read.
    #[error("is packed in a way that is not read ({method}); stored and deflated entries are")]
    Packing {
        /// The way.
        method: String,
    },
    /// An entry of an archive that is damaged.
    #[error("cannot be unpacked: {reason}")]
    Entry {
        /// What is wrong.
        reason: String,
    },
    /// A number in an array that is no pixel.
    #[error("must have floats within [0, 1], got {value} at row {row}, column {column}, channel {channel}")]
    Value {
        /// The number.
        value: f64,
        /// Its row, from 0.
        row: usize,
        /// Its column, from 0.
        column: usize,
        /// Its channel, from 0.
        channel: usize,
    },
    /// Another size than the header said when the pictures were listed.
    #[error("has changed: it has {} × {} pixels, and had {} × {}", got.0, got.1, expected.0, expected.1)]
    Changed {
        /// The size that all pictures had.
        expected: (usize, usize),
        /// The size that it has now.
        got: (usize, usize),
    },
}

impl PictureError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        PictureError::Io { action, path: path.to_path_buf(), source }
    }

    pub(crate) fn broken(path: &Path, name: &str, fault: PictureFault) -> Self {
        PictureError::Broken { path: path.to_path_buf(), name: name.to_owned(), fault }
    }
}

/// The first bytes of what is no picture, as messages show them.
pub(crate) fn beginning(bytes: &[u8]) -> String {
    let first = &bytes[..bytes.len().min(16)];
    match std::str::from_utf8(first) {
        Ok(text) if text.chars().all(|c| !c.is_control() || c.is_whitespace()) => format!("the text {text:?}"),
        _ => first.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    }
}

fn shown(path: &Path) -> String {
    visible_in_line(&path.display().to_string()).into_owned()
}

fn shown_entry(path: &Path, name: &str) -> String {
    shown(&if name.is_empty() { path.to_path_buf() } else { path.join(name) })
}

fn found_text(found: &[(String, usize)]) -> String {
    if found.is_empty() {
        return "is no file at all".into();
    }
    let ending = |(ending, n): &(String, usize)| match ending.is_empty() {
        true => format!("{n} without an ending"),
        false => format!("{n} .{}", visible_in_line(ending)),
    };
    let more = if found.len() > 5 { " and others" } else { "" };
    format!("are {}{more}", found.iter().take(5).map(ending).collect::<Vec<_>>().join(", "))
}
