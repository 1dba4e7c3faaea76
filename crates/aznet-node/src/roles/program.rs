//! What a role's process is started with.

use aznet_model::role::Role;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Reads a role on the command line: one of those whose pods this program sets up.
pub(crate) fn parser() -> impl TypedValueParser<Value = Role> {
    let roles = Role::ALL
        .into_iter()
        .filter(|role| role.configures_itself());
    PossibleValuesParser::new(roles.map(Role::name))
        .try_map(|name| Role::from_name(&name).ok_or("no role"))
}
