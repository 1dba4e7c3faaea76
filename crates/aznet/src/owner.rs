//! Whose networks are whose.

use aznet_network::namespace::{NamespaceError, NetworkInfo};

/// Names the owner of networks where `user@host` does not last: a CI job's next container has another host name.
pub(crate) const VARIABLE: &str = "AZNET_OWNER";

/// How networks name their maker: AZNET_OWNER, else `user@host`.
pub(crate) fn me() -> String {
    named(std::env::var(VARIABLE).ok())
}

fn named(owner: Option<String>) -> String {
    if let Some(owner) = owner.filter(|owner| !owner.is_empty()) {
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
    is_of(info, &me())
}

fn is_of(info: &NetworkInfo, who: &str) -> bool {
    info.created_by.as_deref().is_none_or(|maker| maker == who)
}

/// A network that may be changed: somebody else's only if it is taken over.
///
/// # Errors
/// [`NamespaceError::NameTaken`].
pub(crate) fn allowed(info: NetworkInfo, take_over: bool) -> Result<NetworkInfo, NamespaceError> {
    allowed_to(&me(), info, take_over)
}

fn allowed_to(
    who: &str,
    info: NetworkInfo,
    take_over: bool,
) -> Result<NetworkInfo, NamespaceError> {
    if take_over || is_of(&info, who) {
        return Ok(info);
    }
    Err(NamespaceError::NameTaken {
        name: info.name,
        cluster: info.cluster,
        namespace: info.namespace,
        created_by: info.created_by.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_by(maker: Option<&str>) -> NetworkInfo {
        NetworkInfo {
            name: "st".to_owned(),
            namespace: "aznet-st-x".to_owned(),
            cluster: "embedded".to_owned(),
            created: None,
            expires: None,
            created_by: maker.map(str::to_owned),
            values_from: None,
            port_base: None,
            good_revision: None,
            registry: None,
            leaving: false,
            keeps_namespace: false,
            by_helm: false,
        }
    }

    /// C15: the next container of a CI job has another host name, and was refused its own network.
    #[test]
    fn c15_an_owner_that_outlives_the_container_or_take_over() {
        let (first, next) = ("root@runner-1", "root@runner-2");
        let refused = allowed_to(next, made_by(Some(first)), false).unwrap_err();
        assert!(refused.to_string().contains(first), "{refused}");
        assert!(allowed_to(next, made_by(Some(first)), true).is_ok());
        assert!(allowed_to(first, made_by(Some(first)), false).is_ok());
        assert!(allowed_to(next, made_by(None), false).is_ok());
        let [first, next] = [(); 2].map(|()| named(Some("ci".to_owned())));
        assert!(allowed_to(&next, made_by(Some(&first)), false).is_ok());
        assert_eq!(next, "ci");
        for unset in [None, Some(String::new())] {
            assert!(named(unset).contains('@'), "user@host");
        }
    }
}
