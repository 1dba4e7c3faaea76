//! Names of images, as containerd keeps them.

/// Where an image without a registry in its name is.
const REGISTRY: &str = "docker.io";

/// The full name of an image: `aztecprotocol/aztec:4.1.2` is `docker.io/aztecprotocol/aztec:4.1.2`, `busybox` is
/// `docker.io/library/busybox:latest`.
pub fn full(reference: &str) -> String {
    let (first, rest) = reference.split_once('/').unwrap_or(("", reference));
    let is_registry = first == "localhost" || first.contains(['.', ':']);
    let named = match (is_registry, first.is_empty()) {
        (true, _) => reference.to_owned(),
        (false, true) => format!("{REGISTRY}/library/{rest}"),
        (false, false) => format!("{REGISTRY}/{reference}"),
    };
    let last = named.rsplit('/').next().unwrap_or_default();
    if last.contains([':', '@']) {
        return named;
    }
    format!("{named}:latest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_full_as_docker_does() {
        for (short, long) in [
            ("busybox", "docker.io/library/busybox:latest"),
            (
                "aztecprotocol/aztec:4.2.0",
                "docker.io/aztecprotocol/aztec:4.2.0",
            ),
            ("localhost/aznet/pxe:1f", "localhost/aznet/pxe:1f"),
            ("ghcr.io/a/b@sha256:00", "ghcr.io/a/b@sha256:00"),
            ("registry:5000/a", "registry:5000/a:latest"),
        ] {
            assert_eq!(full(short), long);
        }
    }
}
