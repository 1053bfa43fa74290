//! Groups of a lane's samples whose Jacobians are computed together, small enough for a core's cache.

use std::ops::Range;

/// Numbers that one stack of rows may hold, so that it stays in a core's cache.
const GROUP: usize = 1 << 18;

/// The samples 0..n in groups, at least one a group, where one sample takes `numbers` numbers of a stack.
pub fn groups(n: usize, numbers: usize) -> impl Iterator<Item = Range<usize>> {
    let group = (GROUP / numbers).clamp(1, n);
    (0..n).step_by(group).map(move |from| from..(from + group).min(n))
}
