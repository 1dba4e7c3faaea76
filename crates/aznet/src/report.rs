//! What went wrong as it is shown: in words, with hints, and the exit code that goes with it. The only place that knows
//! which error of which library means which exit code.

mod hint;

use aznet_chaos::ChaosError;
use aznet_chaos::load::LoadError as FaultsError;
use aznet_chaos::mesh::MeshError;
use aznet_cluster::machine::install::FixError;
use aznet_cluster::parts::images::ImageError;
use aznet_cluster::parts::toolchain::ToolchainError;
use aznet_cluster::provider::{ClientError, ProviderError};
use aznet_cluster::provider::{embedded, kind};
use aznet_cluster::source::SourceError;
use aznet_model::plan::{DoesNotFit, NoMachine};
use aznet_network::adopt::AdoptError;
use aznet_network::bundle::BundleError;
use aznet_network::deploy::helm::HelmError;
use aznet_network::deploy::{DeployError, UpgradeError};
use aznet_network::join::{JoinError, ServeError};
use aznet_network::load::LoadError;
use aznet_network::namespace::{NamespaceError, TurnError};
use aznet_network::observe::logs::LogError;
use aznet_network::observe::telemetry::TelemetryError;
use aznet_network::removal::DownError;
use aznet_network::validators::{Refusal, ValidatorsError};
use aznet_runner::filter::BadFilter;
use aznet_runner::profile::ProfileError;

use crate::args::Place;
use crate::exit::Exit;
use crate::failure::Failure;

use self::hint::{Cause, hint_of, way_back};

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

/// Verbs that look for networks on a cluster.
const NEEDED_BY: [&str; 15] = [
    "adopt",
    "bundle",
    "chaos",
    "dashboards",
    "up",
    "deploy",
    "preflight",
    "down",
    "status",
    "list",
    "logs",
    "test",
    "env",
    "join",
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
        | Failure::Theirs { .. }
        | Failure::BadTarget(_)
        | Failure::NoArchive(_)
        | Failure::ServesNoBundles(_)
        | Failure::NoRun { .. }
        | Failure::NoBaseline { .. }
        | Failure::ReportThere { .. }
        | Failure::ReportUnwritable { .. }
        | Failure::RecordUnwritable { .. }
        | Failure::PortTaken { .. }
        | Failure::NotOurKubernetes { .. }
        | Failure::EndlessDocument
        | Failure::NothingRolledOut => Exit::Usage,
        Failure::NotSettled { .. }
        | Failure::NotUpgraded { .. }
        | Failure::TakenBack { .. }
        | Failure::NotTakenBack { .. } => Exit::Deploy,
        Failure::NotHealthy { .. }
        | Failure::OtherRegistry { .. }
        | Failure::SmokeFailed { found: false, .. } => Exit::Unhealthy,
        Failure::SmokeFailed { found: true, .. } => Exit::TestsFailed,
        Failure::Impossible(_)
        | Failure::Refused { .. }
        | Failure::ForGood { .. }
        | Failure::LeaveForGood(_)
        | Failure::UnfitSecrets { .. }
        | Failure::MoreThanScaling { .. }
        | Failure::Unmet { .. }
        | Failure::OtherNetwork { .. }
        | Failure::NoImages { .. } => Exit::InvalidValues,
        Failure::Machine(_) | Failure::NotForKind(_) | Failure::NoChaosMesh { .. } => Exit::Cluster,
        Failure::OtherChaosMesh { .. } => Exit::Fault,
        Failure::NoTest { .. }
        | Failure::NoTestInProfile { .. }
        | Failure::EmptyPart { .. }
        | Failure::Disturbing { .. }
        | Failure::NothingToTest { .. } => Exit::NoTest,
        Failure::Interrupted(_) => Exit::Interrupted,
    })
}

fn network(cause: Cause<'_>) -> Option<Exit> {
    if cause.is::<LoadError>() || cause.is::<DoesNotFit>() || cause.is::<NoMachine>() {
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
            TurnError::Wait(_) | TurnError::Held { .. } => Exit::Deploy,
        });
    }
    if cause.is::<BundleError>() {
        return Some(Exit::Usage);
    }
    if let Some(error) = cause.downcast_ref::<JoinError>() {
        return Some(match error {
            JoinError::Kubernetes(_) => Exit::Cluster,
            JoinError::NotUp { .. } | JoinError::NotReady { .. } => Exit::Unhealthy,
        });
    }
    if let Some(error) = cause.downcast_ref::<ServeError>() {
        return match error {
            ServeError::Kubernetes(_) => Some(Exit::Cluster),
            ServeError::Files(_) | ServeError::Pack(_) | ServeError::TooLarge { .. } => None,
        };
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
    let is_refused = |error: &kind::Error| {
        matches!(
            error,
            kind::Error::Foreign { .. }
                | kind::Error::OtherWorkers { .. }
                | kind::Error::NoSuchCluster { .. }
                | kind::Error::NoPolicy { .. }
        )
    };
    let provider = cause.downcast_ref::<ProviderError>();
    if cause.downcast_ref().is_some_and(is_misnamed)
        || matches!(provider, Some(ProviderError::Embedded(error)) if is_misnamed(error))
        || matches!(provider, Some(ProviderError::NotOurs { .. }))
        || cause.downcast_ref().is_some_and(is_refused)
        || matches!(provider, Some(ProviderError::Kind(error)) if is_refused(error))
    {
        return Some(Exit::Usage);
    }
    let known = cause.is::<embedded::Error>()
        || cause.is::<kind::Error>()
        || cause.is::<ProviderError>()
        || cause.is::<ClientError>()
        || cause.is::<SourceError>()
        || cause.is::<ToolchainError>()
        || cause.is::<ImageError>()
        || cause.is::<FixError>();
    known.then_some(Exit::Cluster)
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
