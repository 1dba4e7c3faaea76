//! From `--cluster` to clients, and from a name to the network that is meant.

use anyhow::Context as _;
use aznet_cluster::provider::Provider;
use aznet_kit::error::chain;
use aznet_network::adopt::by_helm;
use aznet_network::namespace::{Network, NetworkInfo};
use kube::Client;

use crate::context::Context;
use crate::failure::Failure;
use crate::owner;

/// A cluster that can be talked to.
#[derive(Clone)]
pub(crate) struct Connected {
    /// Which one.
    pub(crate) choice: Provider,
    /// Talks to it.
    pub(crate) client: Client,
}

/// The networks of all clusters in question.
#[derive(Clone)]
pub(crate) struct Networks {
    found: Vec<(Connected, NetworkInfo)>,
    place: Option<String>,
}

/// A client of the cluster; an embedded one must be up. Nothing is contacted.
pub(crate) async fn connect(context: &Context, choice: &Provider) -> anyhow::Result<Connected> {
    Ok(Connected {
        choice: choice.clone(),
        client: choice.connect(&context.paths).await?,
    })
}

/// Which networks are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Meant<'a> {
    /// All of them, those included that plain Helm installed and nobody adopted.
    All,
    /// The one of this name or namespace; without a name the only one. Releases of plain Helm are looked at only where
    /// no other fits: a cluster may have many, of everything.
    One(Option<&'a str>),
}

impl Meant<'_> {
    fn is_among(self, infos: &[NetworkInfo]) -> bool {
        match self {
            Self::All => false,
            Self::One(name) => infos.iter().any(|info| is_called(info, name)),
        }
    }
}

/// The networks of the cluster named, or of all that were made here.
pub(crate) async fn networks(
    context: &Context,
    cluster: Option<&Provider>,
    meant: Meant<'_>,
) -> anyhow::Result<Networks> {
    let place = cluster.map(ToString::to_string);
    let found = match cluster {
        Some(choice) => of_cluster(context, choice, meant).await?,
        None => of_all_made_here(context, meant).await?,
    };
    Ok(Networks { found, place })
}

async fn of_cluster(
    context: &Context,
    choice: &Provider,
    meant: Meant<'_>,
) -> anyhow::Result<Vec<(Connected, NetworkInfo)>> {
    let (cluster, name) = (connect(context, choice).await?, choice.to_string());
    let mut infos = Network::list(&cluster.client, &name, &context.scope).await?;
    if !meant.is_among(&infos) {
        match by_helm(&cluster.client, &name, &context.scope, &infos).await {
            Ok(installed) => infos.extend(installed),
            // What aznet made itself is known all the same.
            Err(error) => context.printer.warn(chain(&error)),
        }
    }
    let found = infos.into_iter().map(|info| (cluster.clone(), info));
    Ok(found.collect())
}

/// A cluster that does not answer hides only its own networks; where none answers that is the error.
async fn of_all_made_here(
    context: &Context,
    meant: Meant<'_>,
) -> anyhow::Result<Vec<(Connected, NetworkInfo)>> {
    let (mut found, mut answered, mut broken) = (Vec::new(), false, Vec::new());
    for made in Provider::list(&context.paths)? {
        let choice = made.provider;
        if let (Provider::Embedded(name), true) = (&choice, made.stopped) {
            let back = format!("`aznet cluster up {name}` brings it back with its networks");
            context
                .printer
                .warn(format_args!("cluster `{name}` is not running; {back}"));
            continue;
        }
        let seen = of_cluster(context, &choice, meant).await;
        match seen.with_context(|| format!("cluster {choice}")) {
            Ok(networks) => {
                answered = true;
                found.extend(networks);
            }
            Err(error) => broken.push(error),
        }
    }
    if !answered && !broken.is_empty() {
        return Err(broken.swap_remove(0));
    }
    for error in broken {
        let words = format_args!("{error:#}; its networks are not shown");
        context.printer.warn(words);
    }
    Ok(found)
}

impl Networks {
    /// All of them, those being removed included.
    pub(crate) fn infos(&self) -> impl Iterator<Item = &NetworkInfo> {
        self.found.iter().map(|(_, info)| info)
    }

    /// Whether one is called so.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.infos().any(|info| is_called(info, Some(name)))
    }

    /// The network of this name or namespace; without a name the only one there is.
    pub(crate) fn open(&self, name: Option<&str>) -> Result<(Provider, Network), Failure> {
        Ok(opened(self.pick(name, false)?))
    }

    /// The same to be changed.
    ///
    /// # Errors
    /// [`Failure::NotAdopted`] of one that plain Helm installed.
    pub(crate) fn open_to_change(
        &self,
        name: Option<&str>,
    ) -> Result<(Provider, Network), Failure> {
        let found = self.pick(name, false)?;
        adopted(&found.1)?;
        Ok(opened(found))
    }

    /// The same to be removed: where none fits, one whose removal was begun and has not ended.
    pub(crate) fn open_to_remove(
        &self,
        name: Option<&str>,
    ) -> Result<(Provider, Network), Failure> {
        let found = self.pick_to_remove(name)?;
        adopted(&found.1)?;
        Ok(opened(found))
    }

    /// Our networks, or everyone's, those being removed included; and in words those that are not ours.
    pub(crate) fn open_all(&self, everyone: bool) -> (Vec<(Provider, Network)>, Vec<String>) {
        let (mut all, mut others) = (Vec::new(), Vec::new());
        for found in &self.found {
            let info = &found.1;
            // One of plain Helm is not among them until it is adopted.
            if !info.by_helm && (everyone || owner::is_mine(info)) {
                all.push(opened(found));
            } else {
                others.push(format!("{} of {}", info.name, owner::of(info)));
            }
        }
        (all, others)
    }

    fn pick_to_remove(&self, name: Option<&str>) -> Result<&(Connected, NetworkInfo), Failure> {
        let absent = |failure: &Failure| {
            matches!(
                failure,
                Failure::NoNetwork { .. } | Failure::UnknownNetwork { .. }
            )
        };
        match self.pick(name, false) {
            Err(none) if absent(&none) => match self.pick(name, true) {
                Err(too) if absent(&too) => Err(none),
                leaving => leaving,
            },
            found => found,
        }
    }

    fn pick(
        &self,
        name: Option<&str>,
        leaving: bool,
    ) -> Result<&(Connected, NetworkInfo), Failure> {
        // Without a name, one of plain Helm is meant only where there is no other.
        let only_by_helm = self.infos().all(|info| info.by_helm);
        let may = |info: &NetworkInfo| name.is_some() || !info.by_helm || only_by_helm;
        let there = || {
            let found = self.found.iter();
            found.filter(move |(_, info)| info.leaving == leaving && may(info))
        };
        let mut fitting = there().filter(|(_, info)| is_called(info, name));
        match (fitting.next(), fitting.next(), name) {
            (Some(only), None, _) => Ok(only),
            (None, _, Some(name)) if there().next().is_some() => {
                let running = there().map(|(_, info)| info.name.clone()).collect();
                Err(Failure::UnknownNetwork {
                    name: name.to_owned(),
                    running,
                })
            }
            (None, ..) => Err(Failure::NoNetwork {
                cluster: self.place.clone(),
            }),
            (Some(_), Some(_), _) => {
                let running = there()
                    .map(|(_, info)| format!("{} ({})", info.name, info.namespace))
                    .collect();
                Err(Failure::WhichNetwork { running })
            }
        }
    }
}

/// Of the networks of a cluster the one that `up` changes rather than make another of this name.
pub(crate) fn running(all: Vec<NetworkInfo>, name: &str) -> Option<NetworkInfo> {
    let mut all = all.into_iter();
    all.find(|info| info.name == name && !info.leaving)
}

/// Whether it has this name or namespace; without a name it does.
fn is_called(info: &NetworkInfo, name: Option<&str>) -> bool {
    name.is_none_or(|name| info.name == name || info.namespace == name)
}

/// A network that may be changed: what Helm alone installed is not ours until someone says so.
pub(crate) fn adopted(info: &NetworkInfo) -> Result<(), Failure> {
    if !info.by_helm {
        return Ok(());
    }
    Err(Failure::NotAdopted {
        name: info.name.clone(),
        namespace: info.namespace.clone(),
    })
}

fn opened((cluster, info): &(Connected, NetworkInfo)) -> (Provider, Network) {
    let network = Network::known(cluster.client.clone(), info.clone());
    (cluster.choice.clone(), network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(infos: &[(&str, &str, bool)]) -> Networks {
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let cluster = Connected {
            choice: Provider::default(),
            client: Client::try_from(config).unwrap(),
        };
        let info = |(name, namespace, leaving): &(&str, &str, bool)| NetworkInfo {
            name: (*name).to_owned(),
            namespace: (*namespace).to_owned(),
            cluster: "embedded".to_owned(),
            created: None,
            expires: None,
            created_by: None,
            values_from: None,
            port_base: None,
            good_revision: None,
            registry: None,
            leaving: *leaving,
            keeps_namespace: false,
            by_helm: false,
        };
        Networks {
            found: infos
                .iter()
                .map(|one| (cluster.clone(), info(one)))
                .collect(),
            place: None,
        }
    }

    fn removes(networks: &Networks, name: Option<&str>) -> Result<String, String> {
        let picked = networks.pick_to_remove(name);
        picked
            .map(|(_, info)| info.namespace.clone())
            .map_err(|failure| failure.to_string())
    }

    #[tokio::test]
    async fn a_release_of_plain_helm_is_looked_at_and_not_changed() {
        let mut networks = networks(&[("mine", "theirs", false)]);
        networks.found[0].1.by_helm = true;
        assert!(networks.open(Some("mine")).is_ok());
        for refused in [
            networks.open_to_change(Some("mine")),
            networks.open_to_remove(None),
        ] {
            assert_eq!(
                refused.unwrap_err().to_string(),
                "network mine was installed by plain Helm, in namespace theirs"
            );
        }
        let (chosen, others) = networks.open_all(true);
        assert!(chosen.is_empty());
        assert_eq!(others, ["mine of someone"]);
    }

    /// C09: a second `down` of a network that something holds said that no network was running.
    #[tokio::test]
    async fn a_removal_that_was_begun_is_gone_on_with() {
        let held = networks(&[("small", "aznet-small-a", true)]);
        assert_eq!(removes(&held, None).as_deref(), Ok("aznet-small-a"));
        assert_eq!(
            removes(&held, Some("small")).as_deref(),
            Ok("aznet-small-a")
        );
        assert!(
            held.pick(Some("small"), false).is_err(),
            "for all else it is gone"
        );
        let both = networks(&[
            ("small", "aznet-small-a", true),
            ("small", "aznet-small-b", false),
        ]);
        assert_eq!(
            removes(&both, Some("small")).as_deref(),
            Ok("aznet-small-b")
        );
        let none = removes(&both, Some("tiny")).unwrap_err();
        assert_eq!(none, "no network `tiny` is running; there is `small`");
    }
}
