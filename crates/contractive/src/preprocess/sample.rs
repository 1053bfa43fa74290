//! The rows that a scaling is learnt from, with one process or several.

use contractive_core::communicator::Group;

/// Why learning of one process's own rows cannot fail.
pub(super) const ALONE: &str = "a process alone sends nothing";

/// Rows of a data set, and those that other ranks have beside them: the ranks' rows follow each other in their order.
///
/// What is learnt of them has the bits that one process learns of all: sums go on from rank to rank, and what is sorted is
/// gathered first, one column at a time.
#[derive(Clone, Copy)]
pub(crate) struct Sample<'a> {
    /// Numbers of the rows here.
    pub(crate) rows: &'a [u32],
    /// Rows of all ranks.
    pub(crate) total: usize,
    pub(crate) group: &'a Group,
}

impl<'a> Sample<'a> {
    /// Rows that are all there are; `group` is of one.
    pub(super) fn alone(rows: &'a [u32], group: &'a Group) -> Self {
        Sample { rows, total: rows.len(), group }
    }
}
