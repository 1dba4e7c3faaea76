//! What went wrong as it is shown: in words, with hints, and the exit code that goes with it. The only place that knows
//! which error of which library means which exit code.

use aznet_chaos::ChaosError;
use aznet_chaos::load::LoadError as FaultsError;
use aznet_chaos::mesh::MeshError;
use aznet_cluster::machine::install::FixError;
use aznet_cluster::parts::images::ImageError;
use aznet_cluster::parts::toolchain::ToolchainError;
use aznet_cluster::provider::embedded;
use aznet_cluster::provider::{ClientError, ProviderError};
use aznet_cluster::source::SourceError;
use aznet_model::plan::DoesNotFit;
use aznet_model::values::nearest;
use aznet_network::adopt::AdoptError;
use aznet_network::bundle::BundleError;
use aznet_network::deploy::helm::HelmError;
use aznet_network::deploy::{DeployError, UpgradeError};
use aznet_network::load::LoadError;
use aznet_network::namespace::{NamespaceError, TurnError};
use aznet_network::observe::logs::LogError;
use aznet_network::observe::telemetry::TelemetryError;
use aznet_network::removal::{DownError, Held};
use aznet_network::secrets::Unfit;
use aznet_network::validators::{Refusal, ValidatorsError};
use aznet_runner::filter::BadFilter;
use aznet_runner::profile::ProfileError;

use crate::args::Place;
use crate::exit::Exit;
use crate::failure::Failure;

/// Why a run failed, as it is shown.
#[derive(Debug)]
pub struct Report {
    /// How the run ends.
    pub exit: Exit,
    /// What went wrong.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do.
    pub hints: Vec<String>,
    /// What was seen: pods, events, logs.
    pub evidence: Option<String>,
}

impl Report {
    /// Looks up what an error means. The innermost error that is known decides.
    /// `place` is what the command line named: commands in hints name it, too.
    pub fn of(error: &anyhow::Error, place: &Place) -> Self {
        let exit = error
            .chain()
            .filter_map(exit_of)
            .next_back()
            .unwrap_or(Exit::Unexpected);
        // A network that could not be changed is not one that could not be started.
        let upgrade = error.chain().find_map(way_back);
        let hints = upgrade.map_or_else(
            || error.chain().filter_map(hint_of).collect(),
            |hint| vec![hint],
        );
        let hints = hints
            .into_iter()
            .map(|hint| on_place(&hint, place))
            .collect();
        let mut texts: Vec<String> = Vec::new();
        for cause in error.chain() {
            let text = cause.to_string();
            // Some errors say what their source says.
            if texts.last().is_none_or(|last| !last.ends_with(&text)) {
                texts.push(text);
            }
        }
        // What follows an error's first line are details.
        let mut lines = texts
            .iter()
            .flat_map(|text| text.lines().map(str::to_owned));
        let message = lines.next().unwrap_or_default();
        let causes = lines.collect();
        Self {
            exit,
            message,
            causes,
            hints,
            evidence: error.chain().find_map(evidence_of),
        }
    }
}

/// The release of Chaos Mesh that users' clusters are advised to have: the one that embedded clusters get.
const CHAOS_MESH: &str = "2.8.4";

/// Verbs that look for networks on a cluster.
const NEEDED_BY: [&str; 11] = [
    "adopt",
    "bundle",
    "chaos",
    "up",
    "down",
    "status",
    "list",
    "logs",
    "test",
    "env",
    "validators",
];

/// A hint with the cluster and the namespace in its commands, where they were named.
pub(crate) fn on_place(text: &str, place: &Place) -> String {
    let add = |(index, part): (usize, &str)| {
        let verb = part
            .strip_prefix("aznet ")
            .and_then(|rest| rest.split(' ').next())
            .filter(|verb| index % 2 == 1 && NEEDED_BY.contains(verb));
        let flags = match verb {
            Some("adopt") => place.cluster_alone().flags(),
            Some(_) if !part.contains("--cluster") => place.flags(),
            _ => String::new(),
        };
        format!("{part}{flags}")
    };
    let parts: Vec<String> = text.split('`').enumerate().map(add).collect();
    parts.join("`")
}

type Cause<'a> = &'a (dyn std::error::Error + 'static);

fn exit_of(cause: Cause<'_>) -> Option<Exit> {
    own(cause)
        .or_else(|| tests(cause))
        .or_else(|| network(cause))
        .or_else(|| faults(cause))
        .or_else(|| cluster(cause))
}

/// Which tests were asked for.
fn tests(cause: Cause<'_>) -> Option<Exit> {
    if cause.is::<BadFilter>() {
        return Some(Exit::Usage);
    }
    Some(match cause.downcast_ref::<ProfileError>()? {
        ProfileError::Unknown {
            inherited_by: None, ..
        } => Exit::Usage,
        _ => Exit::InvalidValues,
    })
}

fn faults(cause: Cause<'_>) -> Option<Exit> {
    if cause.is::<FaultsError>() {
        return Some(Exit::InvalidValues);
    }
    if cause.is::<MeshError>() {
        return Some(Exit::Cluster);
    }
    Some(match cause.downcast_ref::<ChaosError>()? {
        ChaosError::Api { .. } => Exit::Cluster,
        error if error.is_refusal() => Exit::InvalidValues,
        _ => Exit::Fault,
    })
}

fn own(cause: Cause<'_>) -> Option<Exit> {
    Some(match cause.downcast_ref::<Failure>()? {
        Failure::NoNetwork { .. }
        | Failure::UnknownNetwork { .. }
        | Failure::WhichNetwork { .. }
        | Failure::WhichCluster { .. }
        | Failure::NotAdopted { .. }
        | Failure::NotYours { .. }
        | Failure::BadTarget(_)
        | Failure::NoArchive(_)
        | Failure::NoRun { .. }
        | Failure::NoBaseline { .. }
        | Failure::ReportThere { .. }
        | Failure::ReportUnwritable { .. }
        | Failure::PortTaken { .. }
        | Failure::NotOurKubernetes { .. }
        | Failure::EndlessDocument => Exit::Usage,
        Failure::NotSettled { .. } | Failure::NotUpgraded { .. } => Exit::Deploy,
        Failure::Impossible(_)
        | Failure::Refused { .. }
        | Failure::ForGood { .. }
        | Failure::LeaveForGood(_)
        | Failure::UnfitSecrets { .. }
        | Failure::MoreThanScaling { .. }
        | Failure::OtherNetwork { .. }
        | Failure::NoImages { .. } => Exit::InvalidValues,
        Failure::Machine(_) | Failure::NoChaosMesh { .. } => Exit::Cluster,
        Failure::NoTest { .. }
        | Failure::NoTestInProfile { .. }
        | Failure::EmptyPart { .. }
        | Failure::NothingToTest { .. } => Exit::NoTest,
        Failure::Interrupted(_) => Exit::Interrupted,
    })
}

fn network(cause: Cause<'_>) -> Option<Exit> {
    if cause.is::<LoadError>() || cause.is::<DoesNotFit>() {
        return Some(Exit::InvalidValues);
    }
    if let Some(AdoptError::NoRelease { .. } | AdoptError::Several { .. }) = cause.downcast_ref() {
        return Some(Exit::Usage);
    }
    if let Some(error) = cause.downcast_ref::<NamespaceError>() {
        return Some(match error {
            NamespaceError::Api { .. } => Exit::Cluster,
            _ => Exit::Usage,
        });
    }
    let helm = cause
        .downcast_ref::<HelmError>()
        .or(match cause.downcast_ref() {
            Some(UpgradeError::Helm(error)) => Some(error),
            _ => None,
        });
    if let Some(error) = helm {
        return Some(if error.is_unreachable() {
            Exit::Cluster
        } else {
            Exit::Deploy
        });
    }
    if matches!(
        cause.downcast_ref::<LogError>(),
        Some(LogError::NoPods { .. })
    ) {
        return Some(Exit::Usage);
    }
    if let Some(error) = cause.downcast_ref::<TurnError>() {
        return Some(match error {
            TurnError::Api(_) => Exit::Cluster,
            TurnError::Wait(_) => Exit::Deploy,
        });
    }
    if cause.is::<BundleError>() {
        return Some(Exit::Usage);
    }
    if cause.is::<TelemetryError>() {
        return Some(Exit::Unhealthy);
    }
    if let Some(refusal) = cause.downcast_ref::<Refusal>() {
        return Some(match refusal {
            Refusal::NoGroup { .. } | Refusal::NoPod { .. } | Refusal::Stranger(_) => Exit::Usage,
            Refusal::Silent(_) => Exit::Unhealthy,
            _ => Exit::InvalidValues,
        });
    }
    if let Some(error) = cause.downcast_ref::<ValidatorsError>() {
        return Some(match error {
            ValidatorsError::NoPod { .. } => Exit::Unhealthy,
            ValidatorsError::Kubernetes(_) => Exit::Cluster,
            ValidatorsError::Exec(_) | ValidatorsError::Answer { .. } => Exit::Deploy,
        });
    }
    let known = cause.is::<DeployError>() || cause.is::<DownError>() || cause.is::<UpgradeError>();
    known.then_some(Exit::Deploy)
}

fn cluster(cause: Cause<'_>) -> Option<Exit> {
    let is_misnamed = |error: &embedded::Error| {
        matches!(
            error,
            embedded::Error::BadName { .. } | embedded::Error::NoSuchCluster { .. }
        )
    };
    let provider = cause.downcast_ref::<ProviderError>();
    if cause.downcast_ref().is_some_and(is_misnamed)
        || matches!(provider, Some(ProviderError::Embedded(error)) if is_misnamed(error))
        || matches!(provider, Some(ProviderError::NotOurs { .. }))
    {
        return Some(Exit::Usage);
    }
    let known = cause.is::<embedded::Error>()
        || cause.is::<ProviderError>()
        || cause.is::<ClientError>()
        || cause.is::<SourceError>()
        || cause.is::<ToolchainError>()
        || cause.is::<ImageError>()
        || cause.is::<FixError>();
    known.then_some(Exit::Cluster)
}

fn way_back(cause: Cause<'_>) -> Option<String> {
    match cause.downcast_ref()? {
        Failure::NotUpgraded { back, .. } => Some(format!("{back} goes back to the values before")),
        _ => None,
    }
}

fn hint_of(cause: Cause<'_>) -> Option<String> {
    if let Some(NamespaceError::Api { cluster, .. }) = cause.downcast_ref() {
        return Some(unreachable(cluster));
    }
    if let Some(DeployError::Failed { network, .. } | DeployError::TooLate { network, .. }) =
        cause.downcast_ref()
    {
        return Some(format!(
            "it was left running for inspection: `aznet logs {network}`; `aznet down {network}` removes it"
        ));
    }
    if let Some(DeployError::Unseen { network, .. }) = cause.downcast_ref() {
        return Some(format!(
            "it may still come up: to see it, you need the rights to list and watch pods, events, StatefulSets and Deployments in its namespace; `aznet down {network}` removes it"
        ));
    }
    if let Some(DeployError::Removed { network }) = cause.downcast_ref() {
        return Some(format!(
            "`aznet list` shows whether network {network} is gone; then `aznet up` starts a new one"
        ));
    }
    if let Some(DownError::Held {
        network,
        namespace,
        held,
        ..
    }) = cause.downcast_ref()
    {
        return Some(release(network, namespace, held));
    }
    if let Some(refusal) = cause.downcast_ref::<Refusal>() {
        return refused(refusal);
    }
    if let Some(ProviderError::Stopped { name }) = cause.downcast_ref() {
        return Some(format!(
            "`aznet cluster up {name}` restarts it with its networks"
        ));
    }
    if let Some(near) = meant(cause) {
        return Some(format!("did you mean `{near}`?"));
    }
    hint_of_own(cause.downcast_ref()?)
}

fn hint_of_own(failure: &Failure) -> Option<String> {
    match failure {
        Failure::NotSettled { .. } => Some(
            "`aznet validators list` shows the progress; run the same command to continue"
                .to_owned(),
        ),
        Failure::NoNetwork { .. } => Some("start one with `aznet up`".to_owned()),
        Failure::UnknownNetwork { name, running } => {
            nearest(name, running.iter().map(String::as_str))
                .map(|near| format!("did you mean `{near}`?"))
        }
        Failure::WhichNetwork { .. } => Some("add its name, e.g. `aznet status NAME`".to_owned()),
        Failure::WhichCluster { names } => names.first().map(|name| {
            format!(
                "`aznet cluster down {name}` removes one, `aznet cluster down --all` removes all"
            )
        }),
        Failure::NotAdopted { namespace, .. } => {
            Some(format!("`aznet adopt {namespace}` makes it one of aznet's"))
        }
        Failure::NotYours { .. } => Some(
            "add --yes to remove it anyway; your owner name is AZNET_OWNER, or user@host"
                .to_owned(),
        ),
        Failure::EndlessDocument => Some("leave out `-o json` or `--follow`".to_owned()),
        Failure::Interrupted(left) => left.as_ref().map(|left| left.next.clone()),
        Failure::Machine(_) => Some(
            "`aznet doctor` shows all of it, `aznet doctor --fix` installs what it can".to_owned(),
        ),
        Failure::NoTest { asked, known } => Some(other_tests(asked, known)),
        Failure::NoTestInProfile { .. } => Some(
            "another --profile has other tests; filters are changed in .config/aznet.toml"
                .to_owned(),
        ),
        Failure::ReportThere { .. } => Some("--force writes over it".to_owned()),
        Failure::Refused { network, .. } => Some(format!(
            "`aznet down {network}` and `aznet up` start a new one with these values"
        )),
        Failure::ForGood { .. } | Failure::LeaveForGood(_) => Some("--yes confirms it".to_owned()),
        Failure::OtherNetwork { network, named, .. } => Some(format!(
            "leave NETWORK out to keep its values: `aznet up --name {network}`, `aznet plan --diff {network}`; \
             with `{named} --reset` they change it to networks/{named}.yaml; another --name starts a second network"
        )),
        Failure::MoreThanScaling { network, .. } => Some(format!(
            "its chart is not the one of this aznet: `aznet up --name {network}` brings it up to date first"
        )),
        Failure::PortTaken { base, count, .. } => Some(format!(
            "the network's URLs have the {count} ports from {base} on: end that process, or give another --port-base"
        )),
        Failure::UnfitSecrets { unfit, .. } => {
            let commands: Vec<String> = unfit.iter().filter_map(Unfit::command).collect();
            (!commands.is_empty()).then(|| commands.join("\n"))
        }
        Failure::NoImages { .. } => {
            Some("`aznet images load FILE|IMAGE` brings an image into the cluster".to_owned())
        }
        Failure::NoChaosMesh { .. } => Some(format!(
            "`helm install chaos-mesh chaos-mesh --repo https://charts.chaos-mesh.org --version {CHAOS_MESH} \
             --namespace chaos-mesh --create-namespace` installs it; on kind with \
             `--set chaosDaemon.runtime=containerd --set chaosDaemon.socketPath=/run/containerd/containerd.sock`"
        )),
        Failure::NoRun { .. } => {
            Some("`aznet test --report DIR` records a run in a folder".to_owned())
        }
        Failure::BadTarget(_)
        | Failure::NoArchive(_)
        | Failure::Impossible(_)
        | Failure::NotUpgraded { .. }
        | Failure::NothingToTest { .. }
        | Failure::EmptyPart { .. }
        | Failure::ReportUnwritable { .. }
        | Failure::NoBaseline { .. }
        | Failure::NotOurKubernetes { .. } => None,
    }
}

/// What to ask for instead of names that no test has.
fn other_tests(asked: &[String], known: &[String]) -> String {
    let known = || known.iter().map(String::as_str);
    let near = asked.iter().find_map(|name| nearest(name, known()));
    near.map_or_else(
        || "`aznet test --list` lists them".to_owned(),
        |near| format!("did you mean `{near}`?"),
    )
}

/// The name that may have been meant by one that there is not.
fn meant(cause: Cause<'_>) -> Option<&str> {
    if let Some(ProfileError::Unknown { nearest, .. }) = cause.downcast_ref() {
        return nearest.as_deref();
    }
    cause.downcast_ref::<BadFilter>()?.nearest()
}

/// How what finalizers hold is let go.
fn release(network: &str, namespace: &str, held: &[Held]) -> String {
    let patch = |one: &Held| {
        let place = if one.resource == "namespace" {
            String::new()
        } else {
            format!(" -n {namespace}")
        };
        format!(
            "\n  kubectl patch {} {}{place} --type=merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'",
            one.resource, one.name
        )
    };
    format!(
        "the controller that set a finalizer removes it; if that controller is gone, remove it yourself, then run `aznet down {network}` again:{}",
        held.iter().map(patch).collect::<String>()
    )
}

fn refused(refusal: &Refusal) -> Option<String> {
    let hint = match refusal {
        Refusal::Retired { .. } => {
            "--past-retired skips them with idle pods; a group in validatorGroups with another keyOffset has fresh keys"
        }
        Refusal::Committee { .. } => "add others first: `aznet validators add`",
        Refusal::NotLast { .. } => "name those as well, or keep its pod running: --keep-pod",
        Refusal::Silent(_) => "`aznet status` shows its state",
        Refusal::NoPod { .. } => "`aznet validators list` shows the pods there are",
        Refusal::NoGroup { .. } | Refusal::TooMany { .. } | Refusal::Stranger(_) => return None,
    };
    Some(hint.to_owned())
}

fn unreachable(cluster: &str) -> String {
    match cluster.split_once(':') {
        Some(("context", name)) => format!("does `kubectl --context {name} get nodes` reach it?"),
        Some((_, name)) => {
            format!("`aznet cluster list` shows its state, `aznet cluster up {name}` restarts it")
        }
        None => "is it running?".to_owned(),
    }
}

/// What was seen of a network that did not come up.
fn evidence_of(cause: Cause<'_>) -> Option<String> {
    match cause.downcast_ref()? {
        DeployError::Failed { evidence, .. } | DeployError::TooLate { evidence, .. } => {
            Some(evidence.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_hints_name_cluster_and_namespace() {
        let place = Place {
            cluster: "context:lab".parse().ok(),
            namespace: Some("team".to_owned()),
        };
        let hint = on_place(
            "`aznet down small` or `aznet adopt team`, not `helm list`",
            &place,
        );
        assert_eq!(
            hint,
            "`aznet down small --cluster context:lab --namespace team` or `aznet adopt team --cluster context:lab`, \
             not `helm list`"
        );
    }
}
