//! Errors of the toolkit as the command reports them: one exit code and one remedy a kind.
//!
//! The crates below say what must be what, what it was and where; here, and nowhere else, that becomes an exit code
//! ([`code`]) and advice in terms of flags ([`remedy`]).

mod codes;
mod kind;
mod remedies;

use std::fmt;

pub(crate) use codes::code;
pub(crate) use remedies::remedy;

/// A request that cannot be met, whatever the files hold; exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}
