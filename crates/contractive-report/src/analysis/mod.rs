//! What a trained encoder does to its rows: pure functions, seeded, of bounded memory.
//!
//! | page | says |
//! |---|---|
//! | [`spectrum`](mod@spectrum) | the singular values of J = ∂h/∂x |
//! | [`local_dimension`](mod@local_dimension) | how many directions a code follows at a row: the one definition |
//! | [`contraction`] | how distances shrink from rows to codes, over the distance |
//! | [`histogram`] | how a number is spread over rows |
//! | [`principal`] | the plane in which codes spread most |
//! | [`activity`] | units that never move, units at a bound |
//! | [`code`] | how much of the code is zero, and how far noise moves it |
//! | [`concern`] | what is wrong with a model that trained to its end |
//!
//! Rows are always as the network takes them, after preprocessing.

pub mod activity;
pub mod code;
pub mod concern;
pub mod contraction;
pub mod histogram;
pub mod local_dimension;
pub mod principal;
pub mod spectrum;

pub use activity::Activity;
pub use code::{CodeRecord, NoisePoint};
pub use concern::Concern;
pub use contraction::{ContractionPoint, contraction_curve, typical_distance};
pub use histogram::Histogram;
pub use local_dimension::{Reading, local_dimension};
pub use principal::{PrincipalPlane, principal_plane};
pub use spectrum::{Spectrum, row_values, spectrum};
