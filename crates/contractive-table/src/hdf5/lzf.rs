//! LZF, the packing that h5py calls `lzf` and that `hdf5-reader` does not know: runs of bytes as they are, and runs that
//! came before.

use hdf5_reader::error::{Error, Result};

/// LZF's number among HDF5's filters.
pub(super) const FILTER: u16 = 32000;

/// Unpacks `packed` to at most `most` bytes. Memory grows with the bytes that come.
pub(super) fn unpack(packed: &[u8], most: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut left = packed;
    while let Some((&control, rest)) = left.split_first() {
        left = rest;
        if control < 32 {
            let n = usize::from(control) + 1;
            let literal = left.get(..n).ok_or_else(damaged)?;
            out.extend_from_slice(literal);
            left = &left[n..];
        } else {
            let mut n = usize::from(control >> 5);
            if n == 7 {
                n += usize::from(next(&mut left)?);
            }
            let back = (usize::from(control & 31) << 8 | usize::from(next(&mut left)?)) + 1;
            let start = out.len().checked_sub(back).ok_or_else(damaged)?;
            // A run may reach into itself: byte by byte.
            for i in start..start + n + 2 {
                out.push(out[i]);
            }
        }
        if out.len() > most {
            return Err(Error::ResourceLimit(format!("a chunk unpacks to more than {most} bytes")));
        }
    }
    Ok(out)
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
        assert_eq!(unpack(&[2, b'a', b'b', b'c'], 9).unwrap(), b"abc");
        // Three more from one byte back, which the run itself writes; then a long run.
        assert_eq!(unpack(&[0, b'a', 1 << 5, 0], 9).unwrap(), b"aaaa");
        assert_eq!(unpack(&[1, b'a', b'b', 7 << 5, 4, 1], 99).unwrap(), b"ababababababababa"[..15]);
    }

    #[test]
    fn damage_and_bombs_are_refused() {
        for packed in [&[3, b'a'][..], &[32], &[0, b'a', 32, 9], &[0, b'a', 7 << 5, 255]] {
            assert!(unpack(packed, 1 << 20).is_err(), "{packed:?}");
        }
        assert!(unpack(&[0, b'a', 7 << 5, 255, 0, 7 << 5, 255, 0], 300).is_err());
    }
}
