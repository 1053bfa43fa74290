//! The markers of a JPEG, between which its segments and its pixels lie.

pub(in crate::decode) const FORMAT: &str = "JPEG";
/// The marker of the end.
pub(super) const END: u8 = 0xd9;
/// The marker before a scan.
pub(super) const SCAN: u8 = 0xda;

/// Markers and where they stand, as segments and scans follow one another, and as `zune-jpeg` reads them: before the first scan each but the
/// end has a length, whatever it is. In a scan FF stands before 00 or a restart marker, which are left out.
pub(super) fn markers(all: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let (mut at, mut is_in_scan) = (2, false);
    std::iter::from_fn(move || {
        loop {
            at += all.get(at..)?.iter().position(|&byte| byte == 0xff)? + 1;
            if !is_in_scan {
                at += all.get(at..)?.iter().position(|&byte| byte != 0xff && byte != 0)?;
            }
            match *all.get(at)? {
                // Fill bytes, a stuffed FF, markers without a length.
                0xff => {}
                0x00 | 0x01 | 0xd0..=0xd8 if is_in_scan => at += 1,
                END => return Some((at, END)),
                marker => {
                    let length = all.get(at + 1..at + 3)?;
                    let here = at;
                    is_in_scan |= marker == SCAN;
                    at += 1 + usize::from(u16::from_be_bytes([length[0], length[1]]));
                    return Some((here, marker));
                }
            }
        }
    })
}

/// What the frame says of the channels: how many there are, three bytes of each, and what follows.
pub(super) fn frame(all: &[u8]) -> &[u8] {
    let is_frame = |marker| matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
    let found = markers(all).find(|&(_, marker)| is_frame(marker));
    found.and_then(|(at, _)| all.get(at + 8..)).unwrap_or_default()
}
