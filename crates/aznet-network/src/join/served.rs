//! The bundles that the boot node's pod serves, out of a ConfigMap.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use alloy_primitives::hex;
use aznet_kit::files::{self, FileError};
use aznet_model::role::Role;
use aznet_model::values::Exposure;
use flate2::{Compression, write::GzEncoder};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{ObjectMeta, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Facts, Joiner};
use crate::namespace::{MANAGED_BY, MANAGER, NamespaceError, Network};

/// The ConfigMap, as the chart mounts it.
const CONFIG_MAP: &str = "join-bundles";
/// What is served at `/`.
const INDEX: &str = "README.md";
const SUMS: &str = "SHA256SUMS";
/// What a ConfigMap can hold, by the Kubernetes API: `MaxSecretSize`.
const LARGEST: usize = 1 << 20;

/// Why bundles are not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A bundle can't be read.
    #[error(transparent)]
    Files(#[from] FileError),
    /// A bundle can't be packed.
    #[error("a bundle can't be packed")]
    Pack(#[source] io::Error),
    /// They don't fit.
    #[error("the bundles have {} KiB; a ConfigMap holds {}", size >> 10, LARGEST >> 10)]
    TooLarge {
        /// Their size in bytes.
        size: usize,
    },
    /// Kubernetes.
    #[error(transparent)]
    Kubernetes(#[from] NamespaceError),
}

/// A bundle in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Packed {
    /// What it is for.
    pub role: Joiner,
    /// Its name at the server.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    #[serde(skip)]
    bytes: Vec<u8>,
}

impl Packed {
    /// Packs a bundle's folder: the same bytes for the same files.
    ///
    /// # Errors
    /// [`ServeError`] if it can't be read.
    pub fn of(facts: &Facts, role: Joiner, folder: &Path) -> Result<Self, ServeError> {
        let bytes = pack(&root(facts, role), folder)?;
        Ok(Self {
            role,
            file: format!("{role}.tgz"),
            sha256: hex::encode(Sha256::digest(&bytes)),
            bytes,
        })
    }
}

/// The folder that a bundle is unpacked to.
pub fn root(facts: &Facts, role: Joiner) -> String {
    format!("join-{}-{role}", facts.network)
}

/// Sorted, without times and owners.
fn pack(root: &str, folder: &Path) -> Result<Vec<u8>, ServeError> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    archive.mode(tar::HeaderMode::Deterministic);
    for file in files::list(folder)? {
        let inside = Path::new(root).join(file.strip_prefix(folder).unwrap_or(&file));
        let added = archive.append_path_with_name(&file, &inside);
        added.map_err(ServeError::Pack)?;
    }
    let packed = archive.into_inner().and_then(GzEncoder::finish);
    packed.map_err(ServeError::Pack)
}

/// Has the boot node's pod serve these bundles instead of those before. The kubelet hands them to it within two minutes.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(network: &Network, facts: &Facts, bundles: &[Packed]) -> Result<(), ServeError> {
    let mut data = BTreeMap::from([
        (INDEX.to_owned(), index(facts, bundles).into_bytes()),
        (SUMS.to_owned(), sums(bundles).into_bytes()),
    ]);
    data.extend(
        bundles
            .iter()
            .map(|one| (one.file.clone(), one.bytes.clone())),
    );
    let size = data.values().map(Vec::len).sum();
    if size > LARGEST {
        return Err(ServeError::TooLarge { size });
    }
    let config_map = ConfigMap {
        metadata: ObjectMeta {
            name: Some(CONFIG_MAP.to_owned()),
            labels: Some([(MANAGED_BY.to_owned(), MANAGER.to_owned())].into()),
            owner_references: Some(vec![owner(network).await?]),
            ..ObjectMeta::default()
        },
        binary_data: Some(
            data.into_iter()
                .map(|(name, bytes)| (name, ByteString(bytes)))
                .collect(),
        ),
        ..ConfigMap::default()
    };
    let api: Api<ConfigMap> = network.api();
    let (params, patch) = (
        PatchParams::apply(MANAGER).force(),
        Patch::Apply(&config_map),
    );
    let applied = api.patch(CONFIG_MAP, &params, &patch).await;
    applied.map_err(|error| network.failed("write the bundles", error))?;
    Ok(())
}

/// With the release goes what its pods served.
async fn owner(network: &Network) -> Result<OwnerReference, NamespaceError> {
    let api: Api<Service> = network.api();
    let name = Role::BootNode.name();
    let service = api.get(name).await;
    let service = service.map_err(|error| network.failed("look for the boot node", error))?;
    Ok(OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        name: name.to_owned(),
        uid: service.uid().unwrap_or_default(),
        ..OwnerReference::default()
    })
}

impl Facts {
    /// Where the bundles are served. It ends with one `/`.
    pub fn bundles_url(&self) -> String {
        let bundles = &self.values.boot_node.join_bundles;
        if !bundles.url.is_empty() {
            return format!("{}/", bundles.url.trim_end_matches('/'));
        }
        let port = bundles.port;
        let p2p = self.values.pod(Role::BootNode).p2p.unwrap_or_default();
        let outside = matches!(p2p.exposure(), Exposure::LoadBalancer | Exposure::HostPort);
        match p2p.announced(0).filter(|_| outside) {
            Some(address) => format!("http://{address}:{port}/"),
            None => format!("http://boot-node.{}.svc:{port}/", self.namespace),
        }
    }
}

fn index(facts: &Facts, bundles: &[Packed]) -> String {
    let network = &facts.network;
    let mut text = format!(
        "# Join {network}\n\nRead from the running network by `aznet`. Nothing here is secret.\n\n| file | to join as |\n|---|---|\n"
    );
    for one in bundles {
        let _ = writeln!(text, "| `{}` | {} |", one.file, one.role.words());
    }
    let _ = write!(
        text,
        "\n    curl -fsSO {}validator.tgz\n    tar -xzf validator.tgz\n\n\
         unpacks it to `{}`; the `README.md` there has the commands to go on with. Compare `sha256sum validator.tgz` with what \
         the network's operator tells you elsewhere; what is the same in `{SUMS}` has arrived whole, and no more.\n",
        facts.bundles_url(),
        root(facts, Joiner::Validator),
    );
    text
}

/// For `sha256sum --check`.
fn sums(bundles: &[Packed]) -> String {
    let line = |one: &Packed| format!("{}  {}\n", one.sha256, one.file);
    bundles.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn the_same_files_are_the_same_archive() {
        let packed = |age: u64| {
            let folder = tempfile::tempdir().expect("a folder");
            let inner = folder.path().join("chart");
            fs::create_dir(&inner).expect("made");
            for name in ["b.yaml", "a.yaml"] {
                let path = inner.join(name);
                fs::write(&path, name).expect("written");
                let then = SystemTime::now() - Duration::from_hours(age);
                let file = fs::File::options().write(true).open(&path).expect("opened");
                file.set_modified(then).expect("aged");
            }
            pack("join-small-wallet", folder.path()).expect("packed")
        };
        assert_eq!(packed(0), packed(48));
        let archive = packed(0);
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&*archive));
        let paths: Vec<_> = archive
            .entries()
            .expect("an archive")
            .map(|entry| entry.expect("whole").path().expect("a path").into_owned())
            .collect();
        let all = [
            "join-small-wallet/chart/a.yaml",
            "join-small-wallet/chart/b.yaml",
        ];
        assert_eq!(paths, all.map(std::path::PathBuf::from));
    }
}
