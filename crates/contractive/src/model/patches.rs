//! Which patches a model is of.

use contractive_core::patches::PatchGrid;

/// The patches that a model was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patches {
    /// Pixels of a patch's side, at least 1.
    pub patch: usize,
    /// Pixels from patch to patch, from 1 to `patch`.
    pub stride: usize,
}

impl Patches {
    pub(crate) fn of(grid: &PatchGrid) -> Self {
        Patches { patch: grid.patch(), stride: grid.stride() }
    }
}
