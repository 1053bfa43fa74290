//! How a column's values lie in its pages.

use arrow_schema::TimeUnit;
use parquet::basic::Type;

/// How a column's values lie in its pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// The highest definition level; where it is not 0, cells may be missing, and pages begin with levels.
    pub max_level: u16,
    pub physical: Type,
    /// Bytes of a value of fixed length.
    pub length: u64,
    /// Whether the cells of a batch are views of the pages, and hold them.
    pub is_viewed: bool,
    /// What times of 96 bits are read in.
    pub unit: Option<TimeUnit>,
}

impl Layout {
    /// Bytes that a value takes at the least where it is written plainly; `None` of truth values, which have no dictionary.
    pub fn least(self) -> Option<u64> {
        match self.physical {
            Type::BOOLEAN => None,
            Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => Some(4),
            Type::INT64 | Type::DOUBLE => Some(8),
            Type::INT96 => Some(12),
            Type::FIXED_LEN_BYTE_ARRAY => Some(self.length.max(1)),
        }
    }
}
