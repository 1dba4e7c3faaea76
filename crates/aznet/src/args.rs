//! Arguments that several verbs share, and how they are read.

use std::path::PathBuf;
use std::time::Duration;

use aznet_cluster::parts::kubernetes::Minor;
use aznet_cluster::provider::Provider;
use aznet_model::units::{Bytes, MilliCpu};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

/// How a verb prints its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document on stdout.
    Json,
}

/// `-o json`.
#[derive(Debug, Clone, Copy, Args)]
pub struct OutputArgs {
    /// Output format; `json` prints one JSON document to stdout and progress to stderr.
    #[arg(
        short = 'o',
        long = "output",
        value_enum,
        value_name = "FORMAT",
        default_value_t
    )]
    pub format: OutputFormat,
}

/// Which cluster a verb talks to.
#[derive(Debug, Clone, Args)]
pub struct ClusterArg {
    /// Cluster: `embedded[:NAME]`, `kind[:NAME][,workers=N]`, or `context:NAME` of your kubeconfig.
    #[arg(
        long,
        value_name = "CLUSTER",
        env = "AZNET_CLUSTER",
        hide_env_values = true
    )]
    pub cluster: Option<Provider>,
}

/// In which namespace a verb looks for networks.
#[derive(Debug, Clone, Args)]
pub struct NamespaceArg {
    /// Use only this existing namespace; rights within it are enough (default: all namespaces, a new one for each
    /// network).
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "AZNET_NAMESPACE",
        hide_env_values = true
    )]
    pub namespace: Option<String>,
}

/// Where the command line looks for networks: commands that are told name it, too.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// `--cluster`.
    pub cluster: Option<Provider>,
    /// `--namespace`.
    pub namespace: Option<String>,
}

impl Place {
    /// What to write behind a command; empty, or with a space before it.
    pub(crate) fn flags(&self) -> String {
        let cluster = self.cluster.as_ref();
        let cluster = cluster.map(|cluster| format!(" --cluster {cluster}"));
        let namespace = self.namespace.as_ref();
        let namespace = namespace.map(|namespace| format!(" --namespace {namespace}"));
        cluster.into_iter().chain(namespace).collect()
    }

    /// The same place for a verb that is told its namespace otherwise.
    pub(crate) fn cluster_alone(&self) -> Self {
        Self {
            cluster: self.cluster.clone(),
            namespace: None,
        }
    }
}

/// Which Kubernetes an embedded cluster is made of.
#[derive(Debug, Clone, Copy, Args)]
pub struct KubernetesArg {
    /// Kubernetes that a new embedded cluster is made of (default: the newest); one that is there keeps its own.
    #[arg(
        long,
        value_name = "MINOR",
        env = "AZNET_KUBERNETES",
        hide_env_values = true,
        value_parser = minors()
    )]
    pub kubernetes: Option<Minor>,
}

fn minors() -> impl TypedValueParser<Value = Minor> {
    PossibleValuesParser::new(Minor::ALL.map(Minor::name)).try_map(|name| name.parse::<Minor>())
}

/// Which network is meant, and what differs from it.
#[derive(Debug, Clone, Args)]
pub struct ValuesArgs {
    /// A network of `networks/` (default: `small`; for a running network, its own values).
    #[arg(value_name = "NETWORK")]
    pub network: Option<String>,
    /// Values file, applied over the network's values. Repeatable; later files win.
    #[arg(short = 'f', long = "values", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Set a single value, e.g. `validator.replicas=6`. Repeatable; overrides files.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = assignment)]
    pub set: Vec<String>,
}

impl ValuesArgs {
    /// The network of `networks/` that a new network is made from where none is named.
    pub const USUAL: &str = "small";

    /// The network of `networks/` that a new network is made from.
    pub fn network(&self) -> &str {
        self.network.as_deref().unwrap_or(Self::USUAL)
    }
}

/// What may be counted on, where the machine's own is not to be taken.
#[derive(Debug, Clone, Copy, Args)]
pub struct MachineArgs {
    /// Memory that the pods may count on, e.g. `24GiB` (default: what this machine has available).
    #[arg(long, value_name = "SIZE", env = "AZNET_MEMORY", value_parser = memory, hide = true)]
    pub memory: Option<Bytes>,
    /// Processor time that the pods may ask for, e.g. `4` or `1500m` (default: what no pod has asked for yet).
    #[arg(long, value_name = "CORES", env = "AZNET_CPU", value_parser = cpu, hide = true)]
    pub cpu: Option<MilliCpu>,
}

/// Parses a lifetime: `90m`, `2h`, `1day 12h`.
pub fn ttl(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(ttl) if ttl.is_zero() => Err("a network can't live for 0 s".to_owned()),
        ttl => ttl,
    }
}

/// Parses the time that is shown.
pub fn span(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(span) if span.is_zero() => Err("0 s show nothing".to_owned()),
        span => span,
    }
}

/// Parses a duration: `90m`, `2h`, `1day 12h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; expected e.g. `90m` or `2h`"))
}

/// Checks the name of a network: an RFC 1123 label of at most 40 characters, for it becomes part of other names.
pub fn network_name(text: &str) -> Result<String, String> {
    dns_label(text, 40)
}

/// Checks the name of an embedded cluster.
pub fn cluster_name(text: &str) -> Result<String, String> {
    match format!("embedded:{text}").parse() {
        Ok(Provider::Embedded(name)) => Ok(name),
        Ok(_) => Err("expected the name of an embedded cluster".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A cluster that aznet makes and removes.
pub fn made_here(text: &str) -> Result<Provider, String> {
    match text.parse() {
        Ok(provider @ Provider::Context(_)) => Err(format!(
            "`{provider}` is a cluster of your own: aznet neither makes nor removes it"
        )),
        Ok(provider) => Ok(provider),
        Err(error) => Err(error.to_string()),
    }
}

fn dns_label(text: &str, longest: usize) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edge = |c: Option<char>| c.is_some_and(|c| c != '-');
    if text.len() <= longest
        && text.chars().all(inner)
        && edge(text.chars().next())
        && edge(text.chars().next_back())
    {
        return Ok(text.to_owned());
    }
    Err(format!(
        "expected lower-case letters, digits and inner `-`, at most {longest} characters"
    ))
}

pub(crate) fn assignment(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((key, _)) if !key.trim().is_empty() => Ok(text.to_owned()),
        _ => Err("expected KEY=VALUE, e.g. `validator.replicas=6`".to_owned()),
    }
}

/// How many validators to add or to remove.
pub(crate) fn number_of_validators(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|n| (1..=1000).contains(n));
    number.ok_or_else(|| "expected a whole number from 1 to 1000".to_owned())
}

/// How many lines to show.
pub(crate) fn number_of_lines(text: &str) -> Result<i64, String> {
    let number = text.parse().ok().filter(|n| *n >= 0);
    number.ok_or_else(|| "expected a whole number, 0 or more".to_owned())
}

fn cpu(text: &str) -> Result<MilliCpu, String> {
    text.parse()
        .map_err(|_| "expected cores, such as `4` or `1500m`".to_owned())
}

/// Parses a size as Kubernetes writes it (`24Gi`), or as people do (`24GiB`).
fn memory(text: &str) -> Result<Bytes, String> {
    text.strip_suffix('B')
        .unwrap_or(text)
        .parse()
        .map_err(|_| "expected e.g. `24GiB` or `512MiB`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        assert!(duration("10").unwrap_err().contains("`90m`"));
    }

    #[test]
    fn numbers_have_bounds_in_words() {
        assert_eq!(number_of_validators("1000"), Ok(1000));
        assert_eq!(number_of_lines("0"), Ok(0));
        for text in ["0", "1001", "-1", "two"] {
            let error = number_of_validators(text);
            assert_eq!(
                error,
                Err("expected a whole number from 1 to 1000".to_owned()),
                "{text}"
            );
        }
        let error = number_of_lines("-1");
        assert_eq!(error, Err("expected a whole number, 0 or more".to_owned()));
    }

    #[test]
    fn memory_takes_the_units_of_kubernetes() {
        assert_eq!(memory("24GiB"), Ok(Bytes(24 << 30)));
        assert_eq!(memory("512Mi"), Ok(Bytes(512 << 20)));
        for text in ["", "GiB", "-1G", "plenty"] {
            assert!(memory(text).is_err(), "{text}");
        }
    }
}
