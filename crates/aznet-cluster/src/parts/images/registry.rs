//! Where images go in a registry.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::image::{Built, Image};

/// A registry and a path in it: `registry.example/aznet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry(String);

/// Why a name is no registry's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRegistry {
    /// A URL.
    #[error(
        "a registry is named without `{scheme}://`; --plain-http is for one that does not speak TLS"
    )]
    Scheme {
        /// What it begins with.
        scheme: String,
    },
    /// Nothing says on which host it is.
    #[error(
        "`{name}` names no host; a registry is named as in `registry.example/aznet`, Docker Hub's as in `docker.io/NAME`"
    )]
    NoHost {
        /// What was given.
        name: String,
    },
    /// A character that names in registries can't have.
    #[error(
        "`{part}` can't be part of an image's name: only lower-case letters, digits, and `.`, `_`, `-` between them can"
    )]
    Part {
        /// The part between two slashes.
        part: String,
    },
}

impl FromStr for Registry {
    type Err = BadRegistry;

    fn from_str(name: &str) -> Result<Self, BadRegistry> {
        if let Some((scheme, _)) = name.split_once("://") {
            let scheme = scheme.to_owned();
            return Err(BadRegistry::Scheme { scheme });
        }
        let name = name.trim_end_matches('/');
        let (host, path) = name.split_once('/').unwrap_or((name, ""));
        if !is_host(host) {
            let name = name.to_owned();
            return Err(BadRegistry::NoHost { name });
        }
        let mut parts = path.split('/').filter(|_| !path.is_empty());
        match parts.find(|part| !is_part(part)) {
            Some(part) => Err(BadRegistry::Part {
                part: part.to_owned(),
            }),
            None => Ok(Self(name.to_owned())),
        }
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Registry {
    /// The host, with its port.
    pub fn host(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// What an image is called there: its tag is that of [`Built::reference`], made of its content, so that no tag
    /// ever means two images.
    pub(super) fn reference(&self, built: &Built) -> String {
        let (_, tag) = built.reference.rsplit_once(':').unwrap_or_default();
        format!("{self}/{}:{tag}", built.image)
    }
}

/// Like Docker: what has neither a dot nor a port is a folder of Docker Hub.
fn is_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let is_name =
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(letters);
    let is_port = !host.contains(':') || port.parse::<u16>().is_ok_and(|port| port > 0);
    is_name && is_port && (name == "localhost" || host.contains(['.', ':']))
}

fn is_part(part: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(inner)
        && part.ends_with(inner)
        && part
            .chars()
            .all(|c| inner(c) || matches!(c, '.' | '_' | '-'))
}

/// An image where other clusters can get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Which one.
    pub image: Image,
    /// How pods name it.
    pub reference: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_named_as_for_docker() {
        for (name, host) in [
            ("registry.example/aznet", "registry.example"),
            ("registry.example/aznet/", "registry.example"),
            ("127.0.0.1:5000", "127.0.0.1:5000"),
            ("localhost/a/b_c/d-e.f", "localhost"),
            ("docker.io/team", "docker.io"),
        ] {
            assert_eq!(name.parse::<Registry>().unwrap().host(), host, "{name}");
        }
    }

    #[test]
    fn what_names_no_registry_is_refused() {
        for name in [
            "",
            "/",
            "team/aznet",
            "aznet",
            "-a.b/c",
            "a.b:/c",
            "a.b:0/c",
            "a.b:x/c",
            "a.b:99999/c",
        ] {
            let refused = name.parse::<Registry>();
            assert!(
                matches!(refused, Err(BadRegistry::NoHost { .. })),
                "{name}: {refused:?}"
            );
        }
        for name in [
            "a.b/Team",
            "a.b//c",
            "a.b/c:1",
            "a.b/c@sha256:00",
            "a.b/c d",
            "a.b/-c",
            "a.b/c.",
        ] {
            let refused = name.parse::<Registry>();
            assert!(
                matches!(refused, Err(BadRegistry::Part { .. })),
                "{name}: {refused:?}"
            );
        }
        let url = "https://registry.example/a".parse::<Registry>();
        assert!(matches!(url, Err(BadRegistry::Scheme { scheme }) if scheme == "https"));
    }
}
