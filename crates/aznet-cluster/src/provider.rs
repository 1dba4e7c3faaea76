//! Who provides a cluster, and the few things that can be asked of every provider.

pub mod cluster;
pub mod embedded;
pub mod kind;

mod client;
mod unknown;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use tokio_util::sync::CancellationToken;

pub use self::client::ClientError;
pub use self::cluster::Cluster;
pub use self::unknown::UnknownProvider;

use self::embedded::{Binaries, Images, Options, State};
use crate::parts::images::{ImageError, ImageSet};
use crate::parts::store;
use crate::paths::Paths;
use crate::progress::Reporter;

/// Who provides a cluster, and which one: `embedded:NAME`, `kind:NAME`, `context:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Upstream Kubernetes run by aznet itself, by the cluster's name; see [`embedded`].
    Embedded(String),
    /// Upstream Kubernetes in containers, made by kind; see [`kind`].
    Kind(kind::Choice),
    /// An existing cluster, by the name of its context in the user's kubeconfig.
    Context(String),
}

/// What a cluster that is made here is made of.
#[derive(Debug, Clone)]
pub enum Supplies {
    /// An embedded cluster.
    Embedded {
        /// The programs.
        binaries: Binaries,
        /// The images that it starts with.
        images: Images,
        /// Enforce network policies.
        network_policy: bool,
    },
    /// A cluster of kind.
    Kind(kind::Supplies),
}

/// A cluster that was made on this machine, as far as is known without contacting anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Which one.
    pub provider: Provider,
    /// Whether it is known not to run.
    pub stopped: bool,
}

/// A cluster that is there. What it must do for networks may yet have to be checked.
#[derive(Debug)]
pub enum Started {
    /// One that needs no check: of the user's own, or of kind, which checks what it makes.
    Existing(Cluster),
    /// One that was made here.
    Embedded(Box<embedded::Started>),
}

impl Started {
    /// How to reach it.
    pub fn cluster(&self) -> &Cluster {
        match self {
            Self::Existing(cluster) => cluster,
            Self::Embedded(started) => started.cluster(),
        }
    }

    /// Checks what has not been checked before.
    ///
    /// # Errors
    /// [`embedded::Error::Unsound`] with what does not work.
    pub async fn checked(self, cancel: &CancellationToken) -> Result<Cluster, ProviderError> {
        match self {
            Self::Existing(cluster) => Ok(cluster),
            Self::Embedded(started) => Ok(started.checked(cancel).await?),
        }
    }
}

/// A provider did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// An embedded cluster.
    #[error(transparent)]
    Embedded(#[from] embedded::Error),
    /// A cluster of kind.
    #[error(transparent)]
    Kind(#[from] kind::Error),
    /// No client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Images can't be loaded.
    #[error(transparent)]
    Images(#[from] ImageError),
    /// The cluster is there but does not run.
    #[error("cluster `{name}` does not run")]
    Stopped {
        /// Its name.
        name: String,
    },
    /// Nothing was given to make the cluster of.
    #[error("cluster `{name}` is made of programs and images of this machine, and none were given")]
    NoSupplies {
        /// Its name.
        name: String,
    },
    /// The cluster belongs to somebody else.
    #[error("`context:{context}` is a cluster of your own: aznet does not {verb}")]
    NotOurs {
        /// Its context.
        context: String,
        /// What was asked.
        verb: &'static str,
    },
}

impl Provider {
    /// The name of the embedded cluster that is used when none is named.
    pub const DEFAULT: &'static str = "default";

    /// Whether its clusters are made on this machine, with the images in the cache.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Embedded(_) | Self::Kind(_) => true,
            Self::Context(_) => false,
        }
    }

    /// Makes sure that the cluster is there; it works once [`Started::checked`] says so. One of the user's own is taken
    /// as it is: nothing is contacted.
    ///
    /// # Errors
    /// [`ProviderError::NoSupplies`] if it is made here and nothing is given to make it of; [`ProviderError::Embedded`]
    /// if it does not come up.
    pub async fn start(
        &self,
        paths: &Paths,
        supplies: Option<&Supplies>,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> Result<Started, ProviderError> {
        match self {
            Self::Context(name) => Ok(Started::Existing(Cluster::existing(name))),
            Self::Kind(choice) => {
                let Some(Supplies::Kind(supplies)) = supplies else {
                    return Err(no_supplies(&choice.name));
                };
                let cluster = kind::start(paths, supplies, choice, report, cancel).await?;
                Ok(Started::Existing(cluster))
            }
            Self::Embedded(name) => {
                let Some(Supplies::Embedded {
                    binaries,
                    images,
                    network_policy,
                }) = supplies
                else {
                    return Err(no_supplies(name));
                };
                let mut options = Options::new(name)?;
                options.network_policy = *network_policy;
                let started =
                    embedded::start(paths, binaries, images, &options, report, cancel).await?;
                Ok(Started::Embedded(Box::new(started)))
            }
        }
    }

    /// The cluster as it is. Nothing is contacted.
    ///
    /// # Errors
    /// [`ProviderError::Stopped`], or [`embedded::Error::NoSuchCluster`].
    pub fn find(&self, paths: &Paths) -> Result<Cluster, ProviderError> {
        match self {
            Self::Context(name) => Ok(Cluster::existing(name)),
            Self::Kind(choice) => Ok(kind::find(paths, &choice.name)?),
            Self::Embedded(name) => {
                let info = embedded::find(paths, name)?;
                if info.state == State::Stopped {
                    return Err(ProviderError::Stopped { name: name.clone() });
                }
                Ok(Cluster::embedded(name, info.kubeconfig))
            }
        }
    }

    /// A client of the cluster's API. Nothing is contacted.
    ///
    /// # Errors
    /// Those of [`Self::find`], and [`ProviderError::Client`] if its kubeconfig is not usable.
    pub async fn connect(&self, paths: &Paths) -> Result<kube::Client, ProviderError> {
        Ok(self.find(paths)?.client().await?)
    }

    /// Brings images to the cluster's nodes that they lack; returns their references.
    ///
    /// # Errors
    /// [`ProviderError::NotOurs`] if its nodes pull images themselves; [`ProviderError::Images`].
    pub async fn load_images(
        &self,
        paths: &Paths,
        images: &ImageSet,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> Result<Vec<String>, ProviderError> {
        match self {
            Self::Context(name) => Err(not_ours(name, "load images into it")),
            Self::Kind(choice) => {
                let name = &choice.name;
                Ok(kind::load(paths, name, images, report, cancel).await?)
            }
            Self::Embedded(name) => {
                let socket = embedded::containerd_socket(paths, name)?;
                Ok(store::import(&socket, images, report, cancel).await?)
            }
        }
    }

    /// The images on the cluster's nodes, by full reference; `None`: its nodes pull what they lack.
    ///
    /// # Errors
    /// [`ProviderError::Images`] if containerd does not answer.
    pub async fn images(
        &self,
        paths: &Paths,
        cancel: &CancellationToken,
    ) -> Result<Option<BTreeSet<String>>, ProviderError> {
        match self {
            Self::Kind(_) | Self::Context(_) => Ok(None),
            Self::Embedded(name) => {
                let socket = embedded::containerd_socket(paths, name)?;
                Ok(Some(store::list(&socket, cancel).await?))
            }
        }
    }

    /// Brings the images of an archive (OCI layout or `docker save`) to the cluster's nodes; returns the references
    /// that they did not have before.
    ///
    /// # Errors
    /// [`ProviderError::NotOurs`] if its nodes pull images themselves; [`ProviderError::Images`].
    pub async fn load_archive(
        &self,
        paths: &Paths,
        archive: &Path,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> Result<Vec<String>, ProviderError> {
        match self {
            Self::Context(name) => Err(not_ours(name, "load images into it")),
            Self::Kind(choice) => {
                let name = &choice.name;
                Ok(kind::load_archive(paths, name, archive, report, cancel).await?)
            }
            Self::Embedded(name) => {
                let socket = embedded::containerd_socket(paths, name)?;
                Ok(store::load(&socket, archive, report, cancel).await?)
            }
        }
    }

    /// Removes the cluster with all that is in it.
    ///
    /// # Errors
    /// [`ProviderError::NotOurs`] if it was not made here; [`ProviderError::Embedded`].
    pub async fn remove(
        &self,
        paths: &Paths,
        report: &Reporter,
        cancel: &CancellationToken,
    ) -> Result<(), ProviderError> {
        match self {
            Self::Context(name) => Err(not_ours(name, "remove it")),
            Self::Kind(choice) => Ok(kind::down(paths, &choice.name, report, cancel).await?),
            Self::Embedded(name) => Ok(embedded::down(paths, name, report, cancel).await?),
        }
    }

    /// Whether the cluster is known to be gone; one of the user's own never is.
    ///
    /// # Errors
    /// When what is kept about it can't be read.
    pub fn is_gone(&self, paths: &Paths) -> Result<bool, ProviderError> {
        match self {
            Self::Context(_) => Ok(false),
            Self::Kind(choice) => match kind::find(paths, &choice.name) {
                Ok(_) => Ok(false),
                Err(kind::Error::NoSuchCluster { .. }) => Ok(true),
                Err(error) => Err(error.into()),
            },
            Self::Embedded(name) => match embedded::find(paths, name) {
                Ok(_) => Ok(false),
                Err(embedded::Error::NoSuchCluster { .. }) => Ok(true),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// The clusters on this machine that are made here.
    ///
    /// # Errors
    /// When the state folder can't be read.
    pub fn list(paths: &Paths) -> Result<Vec<Made>, ProviderError> {
        let embedded = embedded::list(paths)?.into_iter().map(|info| Made {
            provider: Self::Embedded(info.name),
            stopped: info.state == State::Stopped,
        });
        let kind = kind::names(paths).map_err(kind::Error::from)?.into_iter();
        let kind = kind.map(|name| Made {
            provider: Self::Kind(kind::Choice::named(name)),
            stopped: false,
        });
        Ok(embedded.chain(kind).collect())
    }
}

fn no_supplies(name: &str) -> ProviderError {
    ProviderError::NoSupplies {
        name: name.to_owned(),
    }
}

fn not_ours(context: &str, verb: &'static str) -> ProviderError {
    ProviderError::NotOurs {
        context: context.to_owned(),
        verb,
    }
}

impl Default for Provider {
    fn default() -> Self {
        Self::Embedded(Self::DEFAULT.to_owned())
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(name) => write!(f, "embedded:{name}"),
            Self::Kind(choice) => write!(f, "kind:{choice}"),
            Self::Context(name) => write!(f, "context:{name}"),
        }
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `kind,workers=2` has no name.
        let end = text
            .find([':', ','])
            .filter(|end| text[*end..].starts_with(':') || &text[..*end] == "kind");
        let (provider, name) = match end {
            Some(end) => (&text[..end], Some(&text[end + 1..])),
            None => (text, None),
        };
        match (provider, name) {
            ("embedded", None) => Ok(Self::default()),
            ("embedded", Some(name)) if embedded::is_name(name) => {
                Ok(Self::Embedded(name.to_owned()))
            }
            ("embedded", Some(name)) => Err(UnknownProvider::BadName {
                name: name.to_owned(),
            }),
            ("context", Some("")) => Err(UnknownProvider::NoContext),
            ("context", Some(name)) => Ok(Self::Context(name.to_owned())),
            ("kind", None) => Ok(Self::Kind(kind::Choice::default())),
            ("kind", Some(choice)) => Ok(Self::Kind(choice.parse()?)),
            _ => Err(UnknownProvider::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_read_back_as_they_are_written() {
        for text in [
            "embedded:default",
            "embedded:a-1",
            "kind:ci",
            "context:kind-x",
        ] {
            assert_eq!(text.parse::<Provider>().unwrap().to_string(), text);
        }
        assert_eq!("embedded".parse(), Ok(Provider::default()));
        for text in [
            "",
            "nobody",
            "context",
            "embedded:",
            "context:",
            "embedded:A",
            "kind:",
            "kind:A",
            "kind:,workers=1",
            "kind,",
            "embedded,workers=1",
        ] {
            assert!(text.parse::<Provider>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_cluster_of_kind_has_as_many_workers_as_are_asked_for() {
        for (text, name, workers) in [
            ("kind", "aznet", None),
            ("kind:ci", "ci", None),
            ("kind:ci,workers=2", "ci", Some(2)),
            ("kind:workers=0", "aznet", Some(0)),
            ("kind,workers=2", "aznet", Some(2)),
        ] {
            let Ok(Provider::Kind(choice)) = text.parse() else {
                panic!("{text} is no cluster of kind");
            };
            assert_eq!((&*choice.name, choice.workers), (name, workers), "{text}");
        }
        for text in [
            "kind:ci,workers=10",
            "kind:ci,workers=",
            "kind:ci,nodes=2",
            "kind:ci,",
            "kind:ci,workers=2,workers=3",
        ] {
            let error = text.parse::<Provider>().unwrap_err();
            assert!(matches!(error, UnknownProvider::Workers { .. }), "{text}");
        }
    }

    #[tokio::test]
    async fn a_cluster_of_the_user_s_own_is_never_removed_or_loaded() {
        let (paths, cancel) = (Paths::new("/c", "/s", "/r"), CancellationToken::new());
        let theirs = Provider::Context("prod".into());
        let report = crate::progress::silent();
        let removed = theirs.remove(&paths, &report, &cancel).await;
        assert!(matches!(removed, Err(ProviderError::NotOurs { .. })));
        assert!(!theirs.is_gone(&paths).unwrap());
        assert!(theirs.find(&paths).is_ok());
    }

    #[test]
    fn a_cluster_that_was_never_made_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let paths = Paths::new(dir.path(), dir.path(), dir.path());
        assert!(Provider::default().is_gone(&paths).unwrap());
        assert!(Provider::default().find(&paths).is_err());
    }
}
