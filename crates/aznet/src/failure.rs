//! Failures that the command line itself finds, in words.

use aznet_cluster::machine::finding::Finding;
use aznet_kit::wait::WaitError;
use aznet_model::upgrade::Consequence;
use aznet_model::values::Problem;
use aznet_network::deploy::DeployError;
use aznet_network::secrets::Unfit;
use aznet_runner::Partition;

use crate::left::Left;

/// Failures that the command line itself finds.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no network at all.
    #[error("no network is running{}", place(.cluster.as_deref()))]
    NoNetwork {
        /// Where was looked, if not everywhere.
        cluster: Option<String>,
    },
    /// No network has this name.
    #[error("no network `{name}` is running; there {}", listed(running))]
    UnknownNetwork {
        /// The name asked for.
        name: String,
        /// What is running.
        running: Vec<String>,
    },
    /// Several networks run and none was named.
    #[error("more than one network is running ({})", named(running))]
    WhichNetwork {
        /// What is running.
        running: Vec<String>,
    },
    /// A network that plain Helm installed is to be changed.
    #[error("network {name} was installed by plain Helm, in namespace {namespace}")]
    NotAdopted {
        /// The network.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// A network of someone else's is to be removed, and nobody said that it shall be.
    #[error("network {network} stays as it is: {maker} made it")]
    NotYours {
        /// The network.
        network: String,
        /// Who made it.
        maker: String,
    },
    /// A network of someone else's is to be disturbed.
    #[error("network {network} is not disturbed: {maker} made it")]
    Theirs {
        /// The network.
        network: String,
        /// Who made it.
        maker: String,
    },
    /// Several clusters are there and none was named.
    #[error("this machine has several clusters ({})", named(names))]
    WhichCluster {
        /// What is there.
        names: Vec<String>,
    },
    /// A version was asked for of a cluster that has its own.
    #[error(
        "`--kubernetes` (AZNET_KUBERNETES) selects the version of an embedded cluster; `{cluster}` has a version of its own"
    )]
    NotOurKubernetes {
        /// The cluster.
        cluster: String,
    },
    /// `-f` with `-o json`.
    #[error("`--follow` can't be combined with `-o json`")]
    EndlessDocument,
    /// `--roll-out` without the condition that it is for.
    #[error(
        "`--roll-out` says what the condition `roll-out` replaces pods by, which is not among the conditions"
    )]
    NothingRolledOut,
    /// A cluster of the user's own lacks Chaos Mesh.
    #[error("there is no Chaos Mesh on {cluster}")]
    NoChaosMesh {
        /// The cluster.
        cluster: String,
    },
    /// The Chaos Mesh of a user's cluster is of another version. Nothing was applied.
    #[error("the Chaos Mesh on {cluster} is of version {seen}; this aznet knows {expected}")]
    OtherChaosMesh {
        /// The cluster.
        cluster: String,
        /// Its version.
        seen: String,
        /// The release series that is known.
        expected: &'static str,
    },
    /// Combinations of values that can't work.
    #[error("{}", each(.0))]
    Impossible(Vec<Problem>),
    /// A running network can't be changed so.
    #[error(
        "these values can't be applied to the running network {network}{}",
        reasons(refused)
    )]
    Refused {
        /// The network, which stays as it is.
        network: String,
        /// What can't be, and why.
        refused: Vec<Consequence>,
    },
    /// What was asked for can't be undone, and nobody said that it shall be.
    #[error(
        "network {network} stays as it is: this can't be undone{}",
        reasons(for_good)
    )]
    ForGood {
        /// The network.
        network: String,
        /// What would be for good.
        for_good: Vec<Consequence>,
    },
    /// Attesters would leave the validator set, and nobody confirmed it.
    #[error("{0}; nothing was changed")]
    LeaveForGood(String),
    /// Pods would restart for Secrets that are not as they must be.
    #[error("network {network} stays as it is\n{}", each(unfit))]
    UnfitSecrets {
        /// The network.
        network: String,
        /// What is wrong with them.
        unfit: Vec<Unfit>,
    },
    /// What a deployment needs is not there.
    #[error("network {network} is not deployed\n{}", each(unmet))]
    Unmet {
        /// The network.
        network: String,
        /// What is missing.
        unmet: Vec<String>,
    },
    /// A change of the number of validators would change more.
    #[error(
        "more than the number of validators of network {network} would change{}",
        reasons(others)
    )]
    MoreThanScaling {
        /// The network, which stays as it is.
        network: String,
        /// What else would change.
        others: Vec<Consequence>,
    },
    /// An upgrade did not go well.
    #[error("network {network} is not up with its new values")]
    NotUpgraded {
        /// The network.
        network: String,
        /// The command that goes back, if one can be written down.
        back: String,
        /// What went wrong.
        #[source]
        source: Box<DeployError>,
    },
    /// A network is not well after all.
    #[error("network {network} is not healthy")]
    NotHealthy {
        /// The network.
        network: String,
        /// What was waited for.
        #[source]
        wait: WaitError,
    },
    /// The L1 contracts are others than when the network was last seen to be good.
    #[error(
        "network {network} is on other L1 contracts than before: its registry was {before} and is {now}"
    )]
    OtherRegistry {
        /// The network.
        network: String,
        /// The registry that was noted.
        before: String,
        /// The one that a node names.
        now: String,
    },
    /// Nothing in the network serves bundles.
    #[error("network {0} serves no bundles")]
    ServesNoBundles(String),
    /// A network did not pass the test that a deployment must pass.
    #[error("network {network} did not pass its smoke test\n{}", each(tests))]
    SmokeFailed {
        /// The network.
        network: String,
        /// What was wrong, by test.
        tests: Vec<String>,
        /// Whether a test found something; else none could be run.
        found: bool,
    },
    /// What was deployed did not stand, and the network is as before.
    #[error("network {network} was taken back to revision {revision}")]
    TakenBack {
        /// The network.
        network: String,
        /// The newest revision of its release that was seen to be good.
        revision: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was deployed did not stand, and the network could not be taken back.
    #[error("{failure}; network {network} could not be taken back to revision {revision}")]
    NotTakenBack {
        /// The network.
        network: String,
        /// The newest revision of its release that was seen to be good.
        revision: String,
        /// What went wrong first.
        failure: String,
        /// Why it is not as before.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The network runs and was made from something else.
    #[error("network {network} was made from networks/{made_from}.yaml, not networks/{named}.yaml")]
    OtherNetwork {
        /// The network.
        network: String,
        /// The overlay in `networks/` that it was made from.
        made_from: String,
        /// The one asked for.
        named: String,
    },
    /// Pods could not start: their images are not on the nodes, which pull none.
    #[error(
        "{cluster} pulls no images and lacks {}; it has\n{}",
        missing.join(", "),
        there.join("\n")
    )]
    NoImages {
        /// The cluster.
        cluster: String,
        /// What is lacking.
        missing: Vec<String>,
        /// What it has.
        there: Vec<String>,
    },
    /// A port of a network's row is somebody else's.
    #[error("port {port} is in use{}", .holder.as_ref().map(|who| format!(" by {who}")).unwrap_or_default())]
    PortTaken {
        /// The port.
        port: u16,
        /// The first of the row.
        base: u16,
        /// How many ports there are in the row.
        count: u16,
        /// Who has it, where that can be known.
        holder: Option<String>,
    },
    /// The machine lacks what a cluster needs.
    #[error("this machine can't run a cluster\n{}", each(.0))]
    Machine(Vec<Finding>),
    /// The machine lacks what a cluster of kind needs.
    #[error("this machine can't run a cluster of kind\n{}", each(.0))]
    NotForKind(Vec<Finding>),
    /// No test fits.
    #[error("no test is selected; there {}", listed(known))]
    NoTest {
        /// The parts of names that were asked for.
        asked: Vec<String>,
        /// The names of all tests.
        known: Vec<String>,
    },
    /// What was asked for is not among the tests of the profile.
    #[error(
        "no test is selected: profile `{profile}` has none of those that fit; its filter is `{filter}`"
    )]
    NoTestInProfile {
        /// The profile.
        profile: String,
        /// Its filter.
        filter: String,
    },
    /// There are fewer tests than parts.
    #[error("no test is selected: part {part} of {tests} {} is empty", if *tests == 1 { "test" } else { "tests" })]
    EmptyPart {
        /// The part.
        part: Partition,
        /// How many tests there are in all parts.
        tests: usize,
    },
    /// The folder for reports holds those of another run.
    #[error("{folder} holds the report of another run: {files}")]
    ReportThere {
        /// The folder.
        folder: String,
        /// What is in it.
        files: String,
    },
    /// No report could be written.
    #[error("{folder} can't be written: {why}")]
    ReportUnwritable {
        /// The folder.
        folder: String,
        /// Why.
        why: String,
    },
    /// What was done could not be recorded.
    #[error("{file} can't be written: {why}")]
    RecordUnwritable {
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
    /// There is nothing to compare a run with.
    #[error("{file} holds no statistics of a run: {why}")]
    NoBaseline {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Every selected test disturbs its network, which was there before.
    #[error("every selected test disturbs its network, which was there before: {}", .tests.join(", "))]
    Disturbing {
        /// The tests.
        tests: Vec<String>,
    },
    /// No selected test can run on the network.
    #[error("network {network} would have nothing to test\n{}", .lacking.join("\n"))]
    NothingToTest {
        /// The network.
        network: String,
        /// What it lacks, for each test.
        lacking: Vec<String>,
    },
    /// There is no record of a run, or none that can be read.
    #[error("{record} is no record of a run: {why}")]
    NoRun {
        /// The file.
        record: String,
        /// What is wrong with it.
        why: String,
    },
    /// An archive that was named is not there.
    #[error("there is no file {0}")]
    NoArchive(String),
    /// What was to be removed is none of it.
    #[error("{0}")]
    BadTarget(String),
    /// A change of the validator set takes too long.
    #[error("timed out waiting for the validator set to change")]
    NotSettled {
        /// What was waited for.
        #[source]
        wait: WaitError,
    },
    /// The work was stopped by Ctrl-C.
    #[error("interrupted{}", .0.as_ref().map(|left| format!(": {}", left.what)).unwrap_or_default())]
    Interrupted(Option<Left>),
}

fn place(cluster: Option<&str>) -> String {
    cluster
        .map(|cluster| format!(" on {cluster}"))
        .unwrap_or_default()
}

fn reasons(refused: &[Consequence]) -> String {
    let line = |one: &Consequence| format!("\n{}: {}", one.subject, one.reasons.join("; "));
    refused.iter().map(line).collect()
}

fn each<T: ToString>(things: &[T]) -> String {
    things
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn named(names: &[String]) -> String {
    format!("`{}`", names.join("`, `"))
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "is none".to_owned(),
        [name] => format!("is `{name}`"),
        names => format!("are `{}`", names.join("`, `")),
    }
}
