//! Versions of ONNX.

use crate::error::OnnxError;

/// A version of ONNX's operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opset(u32);

impl Opset {
    /// The oldest that is written.
    pub const OLDEST: u32 = 17;
    /// The newest that is written.
    pub const NEWEST: u32 = 28;

    /// Version `version`.
    ///
    /// # Errors
    /// [`OnnxError::Opset`] outside [`Opset::OLDEST`] to [`Opset::NEWEST`].
    pub fn new(version: u32) -> Result<Self, OnnxError> {
        match version {
            Opset::OLDEST..=Opset::NEWEST => Ok(Opset(version)),
            got => Err(OnnxError::Opset { least: Opset::OLDEST, most: Opset::NEWEST, got }),
        }
    }

    /// Its number.
    pub fn version(self) -> u32 {
        self.0
    }

    /// The version of the file format that came with it.
    pub fn ir_version(self) -> u32 {
        match self.0 {
            0..=18 => 8,
            19..=20 => 9,
            21..=22 => 10,
            23 => 11,
            24 => 12,
            25..=27 => 13,
            _ => 14,
        }
    }
}

impl Default for Opset {
    /// 17, which runtimes since 2022 take.
    fn default() -> Self {
        Opset(Opset::OLDEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_written_and_no_others() {
        assert_eq!((Opset::default().version(), Opset::default().ir_version()), (17, 8));
        assert_eq!(Opset::new(28).unwrap().ir_version(), 14);
        for bad in [0, 16, 29, u32::MAX] {
            assert!(matches!(Opset::new(bad), Err(OnnxError::Opset { got, .. }) if got == bad));
        }
    }
}
