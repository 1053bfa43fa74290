//! What an input says: first bytes that choose options, then the bytes of a file or of several.

/// What stands between the files of an input that is a folder.
pub(crate) const MARK: &[u8] = b"\n==file==\n";

/// An input under way.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Input(bytes)
    }

    /// The next byte; 0 beyond the end.
    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    /// One of `choices`, as the next byte says.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// All that is left, as at most `most` files.
    pub(crate) fn files(self, most: usize) -> Vec<&'a [u8]> {
        let (mut files, mut rest) = (Vec::new(), self.0);
        while files.len() + 1 < most {
            let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) else { break };
            files.push(&rest[..at]);
            rest = &rest[at + MARK.len()..];
        }
        files.push(rest);
        files
    }
}

/// Files as one input, after the bytes that choose options.
pub(crate) fn joined(options: &[u8], files: &[Vec<u8>]) -> Vec<u8> {
    [options, &files.join(MARK)].concat()
}
