//! Gzip: one member after the other, and zeros behind them.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The contents of all members. Zeros between and behind them are passed over, as gzip does: tapes and block devices fill
/// their blocks with them.
pub struct Members<R> {
    /// The member at hand; `None` at the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    /// Of a stream that begins with a member.
    pub fn new(packed: R) -> Self {
        Members { member: Some(GzDecoder::new(packed)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n = member.read(out)?;
            if n > 0 || out.is_empty() {
                return Ok(n);
            }
            // A failure is one that is told again.
            let has_more = pass_zeros(member.get_mut())?;
            self.member = self.member.take().filter(|_| has_more).map(|member| GzDecoder::new(member.into_inner()));
        }
        Ok(0)
    }
}

/// Passes over zeros; whether more follows.
fn pass_zeros(packed: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = match packed.fill_buf() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            bytes => bytes?,
        };
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros < bytes.len() || bytes.is_empty() {
            let has_more = !bytes.is_empty();
            packed.consume(zeros);
            return Ok(has_more);
        }
        packed.consume(zeros);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::bufread::GzEncoder::new(text, flate2::Compression::new(6));
        let mut all = Vec::new();
        encoder.read_to_end(&mut all).unwrap();
        all
    }

    #[test]
    fn zeros_behind_members_are_their_end_and_other_bytes_are_none() {
        let read = |bytes: &[u8]| {
            let mut text = String::new();
            // Buffers of some bytes: what is passed over comes in pieces.
            Members::new(io::BufReader::with_capacity(7, bytes)).read_to_string(&mut text).map(|_| text)
        };
        let (one, other, zeros) = (packed(b"a,b\n"), packed(b"1,2\n"), vec![0; 512]);
        assert_eq!(read(&[&*one, &*other].concat()).unwrap(), "a,b\n1,2\n");
        assert_eq!(read(&[&*one, &*zeros, &*packed(b""), &*other, &*zeros].concat()).unwrap(), "a,b\n1,2\n");
        assert!(read(&[&*one, &*zeros, b"x"].concat()).is_err());
        assert!(read(&[&*one, &*zeros, &other[..9]].concat()).is_err());
        assert!(read(&zeros).is_err() && read(&[]).is_err());
    }
}
