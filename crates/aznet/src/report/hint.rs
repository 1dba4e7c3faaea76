//! What may help, for each error.

use crate::failure::Failure;
use aznet_cluster::parts::images::ImageError;
use aznet_cluster::provider::{ProviderError, kind};
use aznet_model::values::nearest;
use aznet_network::deploy::DeployError;
use aznet_network::namespace::NamespaceError;
use aznet_network::observe::telemetry::TelemetryError;
use aznet_network::removal::{DownError, Held};
use aznet_network::secrets::Unfit;
use aznet_network::validators::Refusal;
use aznet_runner::filter::BadFilter;
use aznet_runner::profile::ProfileError;

pub(super) type Cause<'a> = &'a (dyn std::error::Error + 'static);

/// The release of Chaos Mesh that users' clusters are advised to have: the one that embedded clusters get.
const CHAOS_MESH: &str = "2.8.4";

pub(super) fn way_back(cause: Cause<'_>) -> Option<String> {
    match cause.downcast_ref()? {
        Failure::NotUpgraded { back, .. } => Some(format!("{back} goes back to the values before")),
        Failure::TakenBack { network, .. } => Some(format!(
            "`aznet status {network}` shows how it is now; correct the values and deploy again"
        )),
        Failure::NotTakenBack { network, .. } => Some(format!(
            "`aznet status {network}` and `aznet logs {network}` show how it is now"
        )),
        _ => None,
    }
}

pub(super) fn hint_of(cause: Cause<'_>) -> Option<String> {
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
    if let Some(TelemetryError::NoPrometheus { .. }) = cause.downcast_ref() {
        let hint =
            "`telemetry.enabled=true` runs one in the network; `aznet up --telemetry` sets it";
        return Some(hint.to_owned());
    }
    if let Some(refusal) = cause.downcast_ref::<Refusal>() {
        return refused(refusal);
    }
    if let Some(ProviderError::Stopped { name }) = cause.downcast_ref() {
        return Some(format!(
            "`aznet cluster up {name}` restarts it with its networks"
        ));
    }
    let kind = match cause.downcast_ref() {
        Some(ProviderError::Kind(error)) => Some(error),
        _ => cause.downcast_ref(),
    };
    if let Some(kind::Error::Foreign { name }) = kind {
        return Some(format!(
            "use another name, or `--cluster context:kind-{name}` as it is; `kind delete cluster --name {name}` removes it"
        ));
    }
    if let Some(ImageError::NotPushed { target, .. }) = cause.downcast_ref() {
        let host = target.split('/').next().unwrap_or_default();
        return Some(format!(
            "`docker login {host}` or `buildah login {host}` stores credentials; --plain-http is for a registry without TLS"
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
        Failure::Disturbing { .. } => {
            Some("--disruptive allows that; --network NETWORK runs them on one of their own".into())
        }
        Failure::UnknownNetwork { name, running } => {
            nearest(name, running.iter().map(String::as_str))
                .map(|near| format!("did you mean `{near}`?"))
        }
        Failure::WhichNetwork { .. } => Some("add its name, e.g. `aznet status NAME`".to_owned()),
        Failure::WhichCluster { names } => names.first().map(|name| {
            let flag = if name.contains(':') { "--cluster " } else { "" };
            format!(
                "`aznet cluster down {flag}{name}` removes one, `aznet cluster down --all` removes all"
            )
        }),
        Failure::NotAdopted { namespace, .. } => {
            Some(format!("`aznet adopt {namespace}` makes it one of aznet's"))
        }
        Failure::NotYours { .. } => {
            Some("add --yes to remove it anyway; your owner name is AZNET_OWNER, or user@host".into())
        }
        Failure::Theirs { maker, .. } => Some(format!(
            "without --disruptive, tests that only look on are run; `AZNET_OWNER={maker}` says that you made it"
        )),
        Failure::NothingRolledOut => Some("add `--condition roll-out`".to_owned()),
        Failure::EndlessDocument => Some("leave out `-o json` or `--follow`".to_owned()),
        Failure::Interrupted(left) => left.as_ref().map(|left| left.next.clone()),
        Failure::Machine(_) => {
            Some("`aznet doctor` shows all of it, `aznet doctor --fix` installs what it can".into())
        }
        Failure::NotForKind(_) => {
            Some("`aznet doctor --cluster kind` shows all of it".to_owned())
        }
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
        Failure::Unmet { network, .. } => Some(format!(
            "`aznet preflight {network}` looks again; `aznet plan {network}` lists what is needed"
        )),
        Failure::NoImages { .. } => {
            Some("`aznet images load FILE|IMAGE` brings an image into the cluster".to_owned())
        }
        Failure::NoChaosMesh { .. } => Some(format!(
            "`helm install chaos-mesh chaos-mesh --repo https://charts.chaos-mesh.org --version {CHAOS_MESH} \
             --namespace chaos-mesh --create-namespace` installs it; on kind with \
             `--set chaosDaemon.runtime=containerd --set chaosDaemon.socketPath=/run/containerd/containerd.sock`"
        )),
        Failure::OtherChaosMesh { .. } => Some(format!(
            "`helm upgrade` to the chart chaos-mesh {CHAOS_MESH}: objects of other versions may mean something else"
        )),
        Failure::ServesNoBundles(network) => Some(format!(
            "`aznet up --name {network} --set bootNode.joinBundles.enabled=true` lets its boot node serve them, which restarts for that"
        )),
        Failure::NoRun { .. } => Some(
            "`aznet test` says where it records a run; `aznet test --report DIR` does so in a folder of yours"
                .to_owned(),
        ),
        Failure::BadTarget(_)
        | Failure::NoArchive(_)
        | Failure::Impossible(_)
        | Failure::NotUpgraded { .. }
        | Failure::TakenBack { .. }
        | Failure::NotTakenBack { .. }
        | Failure::NotHealthy { .. }
        | Failure::OtherRegistry { .. }
        | Failure::SmokeFailed { .. }
        | Failure::NothingToTest { .. }
        | Failure::EmptyPart { .. }
        | Failure::ReportUnwritable { .. }
        | Failure::RecordUnwritable { .. }
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
