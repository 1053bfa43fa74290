//! The scans of a JPEG against its frame. `zune-jpeg` makes up the pixels of a channel that has none; of a baseline picture it takes the marker
//! behind a scan, which it meets some blocks ahead, for the end of the scan, and loses rows; and channels that are finer than the first it
//! brings to another size. Of none of these it says a word.

use super::markers::{END, FORMAT, SCAN, frame, markers};
use crate::error::PictureFault;

/// The most scans of a progressive picture; encoders write about ten.
const MOST_SCANS: usize = 100;

/// What the frame says of a channel.
struct Channel {
    id: u8,
    /// How fine it is across and down.
    across: u8,
    down: u8,
}

/// The scans up to the end of the picture.
#[derive(Default)]
struct Scans<'a> {
    n: usize,
    /// What is said before each of those that are read, and what follows.
    said: Vec<&'a [u8]>,
    /// The marker behind the first.
    behind_first: Option<u8>,
}

impl<'a> Scans<'a> {
    /// Finds them in one pass; `None` where the picture has no end.
    fn of(all: &'a [u8]) -> Option<Self> {
        let mut scans = Scans::default();
        for (at, marker) in markers(all) {
            if scans.n > 0 {
                scans.behind_first.get_or_insert(marker);
            }
            match marker {
                END => return Some(scans),
                SCAN => {
                    scans.n += 1;
                    if scans.n <= MOST_SCANS {
                        scans.said.push(all.get(at + 3..).unwrap_or_default());
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// That its end is there, that it has no more scans than any picture needs (each goes through the blocks of the picture again, however few
/// bytes it has), that the decoder reads these channels in these scans, and that each channel has one.
pub(super) fn check(all: &[u8], is_progressive: bool) -> Result<(), PictureFault> {
    let Some(Scans { n, said, behind_first }) = Scans::of(all) else {
        return Err(PictureFault::Truncated { format: FORMAT, reason: "its end marker is missing".into() });
    };
    if n > MOST_SCANS {
        let reason = format!("it has {n} scans; at most {MOST_SCANS} are read");
        return Err(PictureFault::Damaged { format: FORMAT, reason });
    }
    if let Some(marker) = behind_first.filter(|&marker| !is_progressive && marker != END) {
        return Err(behind_baseline(marker));
    }
    let channels = channels(all);
    let is_twice = |(i, channel): (usize, &Channel)| channels[..i].iter().any(|other| other.id == channel.id);
    if channels.iter().enumerate().any(is_twice) {
        return Err(PictureFault::Damaged { format: FORMAT, reason: "two of its channels have one number".into() });
    }
    let has_scan =
        |channel: &&Channel| said.iter().any(|scan| of_pixels(scan, is_progressive).any(|id| id == channel.id));
    if let Some(channel) = channels.iter().find(|channel| !has_scan(channel)) {
        let reason = format!("its channel {} has no scan", channel.id);
        return Err(PictureFault::Damaged { format: FORMAT, reason });
    }
    let first = |of: fn(&Channel) -> u8| channels.first().map_or(u8::MAX, of);
    let (across, down) = (first(|channel| channel.across), first(|channel| channel.down));
    match channels.iter().all(|channel| channel.across <= across && channel.down <= down) {
        true => Ok(()),
        false => Err(unsupported("a channel of it is finer than its first".into())),
    }
}

/// The refusal of a baseline picture whose scan is followed by this marker.
fn behind_baseline(marker: u8) -> PictureFault {
    let reason = format!("its scan is followed by a segment (marker {marker:02X}) and not by its end");
    match marker {
        SCAN => unsupported(
            "it is baseline, and its pixels lie in several scans; save it as one scan, or progressive".into(),
        ),
        // Tables and notes.
        0xc4 | 0xdb | 0xdd | 0xe0..=0xef | 0xfe => unsupported(reason),
        _ => PictureFault::Damaged { format: FORMAT, reason },
    }
}

/// The channels that a scan has pixels of: in a progressive file, where it has the mean of each block.
fn of_pixels<'a>(scan: &'a [u8], is_progressive: bool) -> impl Iterator<Item = u8> + use<'a> {
    let n = scan.first().map_or(0, |&n| usize::from(n));
    let has_means = !is_progressive || scan.get(1 + 2 * n) == Some(&0);
    let ids = scan.get(1..).unwrap_or_default().chunks_exact(2).take(n).map(|channel| channel[0]);
    ids.filter(move |_| has_means)
}

fn channels(all: &[u8]) -> Vec<Channel> {
    let said = frame(all);
    let n = said.first().map_or(0, |&n| usize::from(n));
    let channel = |three: &[u8]| Channel { id: three[0], across: three[1] >> 4, down: three[1] & 15 };
    said.get(1..).unwrap_or_default().chunks_exact(3).take(n).map(channel).collect()
}

fn unsupported(reason: String) -> PictureFault {
    PictureFault::Unsupported { format: FORMAT, reason }
}
