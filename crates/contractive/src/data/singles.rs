//! Numbers of 32 bits that a data set owns, or that another language's array holds.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Whoever holds the numbers: a vector, or an array of another language that is kept alive by it.
///
/// The slice must stay what it is, number for number, as long as the holder lives.
pub type HolderOfSingles = Arc<dyn AsRef<[f32]> + Send + Sync>;

/// Numbers of 32 bits, shared between copies.
#[derive(Clone)]
pub struct Singles(HolderOfSingles);

impl Singles {
    /// The numbers that `holder` holds; nothing is copied.
    pub fn held_by(holder: HolderOfSingles) -> Self {
        Singles(holder)
    }
}

impl From<Vec<f32>> for Singles {
    fn from(values: Vec<f32>) -> Self {
        Singles(Arc::new(values))
    }
}

impl Deref for Singles {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        (*self.0).as_ref()
    }
}

impl PartialEq for Singles {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Singles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}
