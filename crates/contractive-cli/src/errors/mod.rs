//! Errors of the toolkit as the command reports them: one exit code and one remedy a kind.
//!
//! The crates below say what must be what, what it was and where; here, and nowhere else, that becomes an exit code
//! ([`code`]) and advice in terms of flags ([`remedy`]).

mod codes;
mod kind;
mod remedies;
mod usage;

pub(crate) use codes::{BAD_DATA, code, communication, is_of_all};
pub(crate) use remedies::remedy;
pub(crate) use usage::Usage;
