//! One page a formula (being written).
