//! Texts that name no provider.

use super::embedded::LONGEST_NAME;

/// More do not fit on a machine.
pub(super) const MOST_WORKERS: u8 = 9;

/// The text names no provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownProvider {
    /// Nobody is called so.
    #[error("expected `embedded`, `embedded:NAME`, `kind`, `kind:NAME` or `context:NAME`")]
    Unknown,
    /// No cluster that is made here can be called so.
    #[error(
        "name of a cluster `{name}`: expected 1 to {} of a-z, 0-9 and `-`, starting with a letter, not ending with `-`",
        LONGEST_NAME
    )]
    BadName {
        /// The name given.
        name: String,
    },
    /// `context:` alone.
    #[error("the context has no name")]
    NoContext,
    /// No such size of a cluster of kind.
    #[error(
        "`{given}`: expected `kind:NAME,workers=N` with N from 0 to {}",
        MOST_WORKERS
    )]
    Workers {
        /// What was given.
        given: String,
    },
}
