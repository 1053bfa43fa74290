//! LZF, the packing that h5py calls `lzf` and that `hdf5-reader` does not know: runs of bytes as they are, and runs that
//! came before.

use hdf5_reader::error::{Error, Result};

/// LZF's number among HDF5's filters.
pub(super) const FILTER: u16 = 32000;

/// What comes next of the packed bytes.
enum Run<'a> {
    Literal(&'a [u8]),
    /// Bytes that came before: from how far back, and how many.
    Before(usize, usize),
}

/// How many bytes `packed` comes to; refuses what cannot be unpacked.
pub(super) fn measure(packed: &[u8]) -> Result<usize> {
    let (mut left, mut n) = (packed, 0_usize);
    while let Some(run) = next_run(&mut left)? {
        n += match run {
            Run::Literal(bytes) => bytes.len(),
            Run::Before(back, run) if back <= n => run,
            Run::Before(..) => return Err(damaged()),
        };
    }
    Ok(n)
}

/// Adds what `packed` comes to to `out`, which is empty and has room for it.
pub(super) fn unpack(packed: &[u8], mut out: Vec<u8>) -> Result<Vec<u8>> {
    let mut left = packed;
    while let Some(run) = next_run(&mut left)? {
        match run {
            Run::Literal(bytes) => out.extend_from_slice(bytes),
            Run::Before(back, n) => {
                let start = out.len().checked_sub(back).ok_or_else(damaged)?;
                // A run may reach into itself: byte by byte.
                for i in start..start + n {
                    out.push(out[i]);
                }
            }
        }
    }
    Ok(out)
}

fn next_run<'a>(left: &mut &'a [u8]) -> Result<Option<Run<'a>>> {
    let Some((&control, rest)) = left.split_first() else { return Ok(None) };
    *left = rest;
    if control < 32 {
        let (literal, rest) = left.split_at_checked(usize::from(control) + 1).ok_or_else(damaged)?;
        *left = rest;
        return Ok(Some(Run::Literal(literal)));
    }
    let mut n = usize::from(control >> 5) + 2;
    if n == 9 {
        n += usize::from(next(left)?);
    }
    let back = (usize::from(control & 31) << 8 | usize::from(next(left)?)) + 1;
    Ok(Some(Run::Before(back, n)))
}

fn next(left: &mut &[u8]) -> Result<u8> {
    let (&byte, rest) = left.split_first().ok_or_else(damaged)?;
    *left = rest;
    Ok(byte)
}

fn damaged() -> Error {
    Error::DecompressionError("LZF ends too early, or reaches back too far".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_runs_are_unpacked() {
        for (packed, expected) in [
            (&[2, b'a', b'b', b'c'][..], &b"abc"[..]),
            // Three more from one byte back, which the run itself writes; then a long run.
            (&[0, b'a', 1 << 5, 0], b"aaaa"),
            (&[1, b'a', b'b', 7 << 5, 4, 1], &b"ababababababababa"[..15]),
            (&[], b""),
        ] {
            assert_eq!(unpack(packed, Vec::new()).unwrap(), expected);
            assert_eq!(measure(packed).unwrap(), expected.len());
        }
    }

    #[test]
    fn damage_is_refused() {
        for packed in [&[3, b'a'][..], &[32], &[0, b'a', 32, 9], &[0, b'a', 7 << 5, 255], &[32, 0]] {
            assert!(unpack(packed, Vec::new()).is_err() && measure(packed).is_err(), "{packed:?}");
        }
    }
}
