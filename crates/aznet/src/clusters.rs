//! From `--cluster` to clients, and from a name to the network that is meant.

use anyhow::Context as _;
use aznet_cluster::provider::Provider;
use aznet_cluster::provider::embedded::State;
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

/// The networks of the cluster named, or of all embedded ones.
pub(crate) async fn networks(
    context: &Context,
    cluster: Option<&Provider>,
) -> anyhow::Result<Networks> {
    let place = cluster.map(ToString::to_string);
    let found = match cluster {
        Some(choice) => of_cluster(context, choice).await?,
        None => of_all_embedded(context).await?,
    };
    Ok(Networks { found, place })
}

async fn of_cluster(
    context: &Context,
    choice: &Provider,
) -> anyhow::Result<Vec<(Connected, NetworkInfo)>> {
    let cluster = connect(context, choice).await?;
    let infos = Network::list(&cluster.client, &choice.to_string()).await?;
    let found = infos.into_iter().map(|info| (cluster.clone(), info));
    Ok(found.collect())
}

/// A cluster that does not answer hides only its own networks; where none answers that is the error.
async fn of_all_embedded(context: &Context) -> anyhow::Result<Vec<(Connected, NetworkInfo)>> {
    let (mut found, mut answered, mut broken) = (Vec::new(), false, Vec::new());
    for (choice, info) in Provider::list(&context.paths)? {
        if info.state == State::Stopped {
            let name = info.name;
            let back = format!("`aznet cluster up {name}` brings it back with its networks");
            context
                .printer
                .warn(format_args!("cluster `{name}` is not running; {back}"));
            continue;
        }
        let seen = of_cluster(context, &choice).await;
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
        self.infos()
            .any(|info| info.name == name || info.namespace == name)
    }

    /// The network of this name or namespace; without a name the only one there is.
    pub(crate) async fn open(&self, name: Option<&str>) -> anyhow::Result<(Provider, Network)> {
        opened(self.pick(name, false)?).await
    }

    /// The same to be removed: where none fits, one whose removal was begun and has not ended.
    pub(crate) async fn open_to_remove(
        &self,
        name: Option<&str>,
    ) -> anyhow::Result<(Provider, Network)> {
        opened(self.pick_to_remove(name)?).await
    }

    /// Our networks, or everyone's, those being removed included; and in words those that are not ours.
    pub(crate) async fn open_all(
        &self,
        everyone: bool,
    ) -> anyhow::Result<(Vec<(Provider, Network)>, Vec<String>)> {
        let (mut all, mut others) = (Vec::new(), Vec::new());
        for found in &self.found {
            let info = &found.1;
            if everyone || owner::is_mine(info) {
                all.push(opened(found).await?);
            } else {
                let maker = info.created_by.as_deref().unwrap_or("someone");
                others.push(format!("{} of {maker}", info.name));
            }
        }
        Ok((all, others))
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
        let there = || {
            let found = self.found.iter();
            found.filter(move |(_, info)| info.leaving == leaving)
        };
        let fits = |info: &NetworkInfo| {
            name.is_none_or(|name| info.name == name || info.namespace == name)
        };
        let mut fitting = there().filter(|(_, info)| fits(info));
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

async fn opened((cluster, info): &(Connected, NetworkInfo)) -> anyhow::Result<(Provider, Network)> {
    let network =
        Network::find(cluster.client.clone(), &info.cluster, Some(&info.namespace)).await?;
    Ok((cluster.choice.clone(), network))
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
            leaving: *leaving,
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
