//! The objective and its gradient in plain f64 (being written).
