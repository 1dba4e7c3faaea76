//! Whose networks are whose.

use aznet_network::namespace::NetworkInfo;

/// Names the owner of networks where `user@host` does not last: a CI job's next container has another host name.
pub(crate) const VARIABLE: &str = "AZNET_OWNER";

/// How networks name their maker: AZNET_OWNER, else `user@host`.
pub(crate) fn me() -> String {
    if let Some(owner) = std::env::var(VARIABLE)
        .ok()
        .filter(|owner| !owner.is_empty())
    {
        return owner;
    }
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid())
        .ok()
        .flatten();
    let user = user.map_or_else(|| nix::unistd::geteuid().to_string(), |user| user.name);
    let host = nix::unistd::gethostname().map_or_else(
        |_| "localhost".into(),
        |host| host.to_string_lossy().into_owned(),
    );
    format!("{user}@{host}")
}

/// Whose a network is, in words.
pub(crate) fn of(info: &NetworkInfo) -> &str {
    info.created_by.as_deref().unwrap_or("someone")
}

/// Whether a network is ours to change without being asked; one that names no maker is anybody's.
pub(crate) fn is_mine(info: &NetworkInfo) -> bool {
    info.created_by.as_ref().is_none_or(|maker| *maker == me())
}
