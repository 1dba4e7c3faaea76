//! What a profile says.

use std::fmt;

use serde::{Serialize, Serializer};

use super::methods::Methods;
use crate::role::Role;
use crate::slashing::Offence;
use crate::units::Bytes;

/// A line of releases. Two are equal if their names are.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent trait of a release"
)]
pub struct Release {
    /// Its name, e.g. `4.1`.
    pub name: &'static str,
    /// The version that the profile was made from.
    pub version: &'static str,
    /// How far the profile can be trusted.
    pub proof: Proof,
    /// Where its images are published.
    pub image: &'static str,
    /// Scopes of its npm packages.
    pub scopes: &'static [&'static str],
    /// How its processes are started.
    pub start: Start,
    /// Variables that its processes read under other names than those of 4.1, or not at all.
    pub environment: Environment,
    /// What a validator can be slashed for, by the variable that holds the penalty.
    pub offences: &'static [(Offence, &'static str)],
    /// Methods of its JSON-RPC.
    pub methods: Methods,
    /// How a slot is divided into blocks; `None`: one block, unless someone says otherwise.
    pub blocks: Option<Blocks>,
    /// Longest time from leaving until the stake can be withdrawn that the L1 contracts accept, in seconds.
    pub max_exit_delay: Option<u64>,
    /// Accounts in the genesis state.
    pub test_accounts: TestAccounts,
    /// `true`: a node starts only where the L1 traces transactions.
    pub needs_traces: bool,
    /// `true`: a validator keeps a record of what it signed, and relies on it.
    pub signing_protection: bool,
    /// `true`: a publisher that can't pay for the dearest transaction neither proposes nor proves.
    pub publishers_must_afford: bool,
    /// `true`: there is an image of the wallet server for it.
    pub wallet: bool,
    /// `true`: a node counts the votes against its own validators, and their slashes.
    pub tells_own_slashing: bool,
    /// `true`: a node counts how often a publisher had too little to go on.
    pub tells_low_balance: bool,
    /// What its nodes need.
    pub node_memory: NodeMemory,
}

/// Memory of boot nodes, full nodes, validators and prover nodes.
pub struct NodeMemory {
    /// What one used under the load of a test network; `None`: none was ever measured.
    pub measured: Option<Bytes>,
    /// What Aztec recommends to operators of its public networks, where that is known.
    pub recommended: Option<Bytes>,
}

/// How far a profile can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Proof {
    /// Networks of this release are run by the tests.
    Run,
    /// Made from sources and documents; no network of it was started.
    Read,
}

/// Arguments of `aztec`, by role.
pub struct Start {
    /// Boot nodes and full nodes.
    pub node: &'static [&'static str],
    /// Validators.
    pub validator: &'static [&'static str],
    /// Prover nodes with a broker elsewhere.
    pub prover_node: &'static [&'static str],
    /// Prover nodes with a broker and an agent in their own process, enabled by the environment.
    pub lone_prover_node: &'static [&'static str],
    /// Options that older releases have: with one of them the program ends at once.
    pub gone: &'static [&'static str],
}

impl Start {
    /// The arguments that start a role; empty for what is not `aztec`. `broker`: proving jobs are queued elsewhere.
    pub const fn of(&self, role: Role, broker: bool) -> &'static [&'static str] {
        match role {
            Role::BootNode | Role::FullNode => self.node,
            Role::Validator => self.validator,
            Role::ProverNode if broker => self.prover_node,
            Role::ProverNode => self.lone_prover_node,
            Role::ProverBroker => &["start", "--prover-broker"],
            Role::ProverAgent => &["start", "--prover-agent"],
            Role::Bot => &["start", "--bot"],
            Role::Anvil
            | Role::BlobStore
            | Role::Pxe
            | Role::OtelCollector
            | Role::Prometheus
            | Role::Grafana => &[],
        }
    }
}

/// What differs from the variables of 4.1. Aztec ignores an unknown variable without a word.
pub struct Environment {
    /// Variables with another name or other values.
    pub renamed: &'static [Renamed],
    /// Variables that nothing reads any more.
    pub dropped: &'static [&'static str],
    /// Variables for nodes whose L1 is the chart's own anvil.
    pub on_own_anvil: &'static [(&'static str, &'static str)],
}

/// A variable that has another name now.
pub struct Renamed {
    /// Its name in 4.1.
    pub from: &'static str,
    /// Its name.
    pub to: &'static str,
    /// Values that have other words; the rest stay as they are.
    pub values: &'static [(&'static str, &'static str)],
}

impl Environment {
    /// The name and value under which a variable of 4.1 is read; `None` where nothing reads it.
    pub fn translated(&self, name: &str, value: &str) -> Option<(String, String)> {
        if self.dropped.contains(&name) {
            return None;
        }
        let Some(renamed) = self.renamed.iter().find(|renamed| renamed.from == name) else {
            return Some((name.to_owned(), value.to_owned()));
        };
        let word = renamed.values.iter().find(|(from, _)| *from == value);
        let value = word.map_or(value, |(_, to)| to);
        Some((renamed.to.to_owned(), value.to_owned()))
    }

    /// What becomes of a variable of 4.1, where something does.
    pub fn change(&self, name: &str) -> Option<VariableChange> {
        if self.dropped.contains(&name) {
            return Some(VariableChange::Dropped);
        }
        let renamed = self.renamed.iter().find(|renamed| renamed.from == name);
        renamed.map(|renamed| VariableChange::Renamed(renamed.to))
    }
}

/// What became of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableChange {
    /// Nothing reads it.
    Dropped,
    /// It has this name.
    Renamed(&'static str),
}

/// How a sequencer divides its slot (`stdlib/timetable`).
pub struct Blocks {
    /// Length of a block in milliseconds where nobody says otherwise.
    pub default_duration: u64,
    /// Budgets on an L1 with slots of 8 s and more.
    pub usual: Budgets,
    /// Budgets on a faster L1.
    pub fast: Budgets,
}

/// Times that a slot has beside its blocks, in milliseconds.
#[derive(Clone, Copy)]
pub struct Budgets {
    /// For a message to reach everyone.
    pub p2p: u64,
    /// For preparing the checkpoint.
    pub prepare: u64,
    /// The shortest block.
    pub shortest_block: u64,
}

/// L1 slots shorter than this, in seconds, have tighter budgets.
const FAST_L1_SLOT: u64 = 8;
/// What a slot has beside blocks and messages, in milliseconds.
const INITIALIZATION: u64 = 1000;

impl Blocks {
    /// The budgets on an L1 with slots of so many seconds.
    pub const fn budgets(&self, l1_slot: u64) -> Budgets {
        if l1_slot < FAST_L1_SLOT {
            self.fast
        } else {
            self.usual
        }
    }
}

impl Budgets {
    /// Blocks of `block` milliseconds in a slot of so many seconds: ⌊(S − 1 − D − 2P − prep) / D⌋.
    pub const fn blocks(&self, slot: u64, block: u64) -> u64 {
        if block == 0 {
            return 0;
        }
        self.for_blocks(slot).saturating_sub(block) / block
    }

    /// The longest block of which a slot has room for one, in milliseconds.
    pub const fn longest_block(&self, slot: u64) -> u64 {
        self.for_blocks(slot) / 2
    }

    /// The least slot with room for the shortest block, in whole seconds.
    pub const fn least_slot(&self) -> u64 {
        (2 * self.shortest_block + INITIALIZATION + 2 * self.p2p + self.prepare).div_ceil(1000)
    }

    /// What is left for building the blocks and running the last of them once more.
    const fn for_blocks(&self, slot: u64) -> u64 {
        slot.saturating_mul(1000)
            .saturating_sub(INITIALIZATION + 2 * self.p2p + self.prepare)
    }
}

/// Accounts that the genesis state has with `network.testAccounts`.
pub struct TestAccounts {
    /// `true`: someone must deploy them before anyone can send from them.
    pub need_deployment: bool,
    /// As many bots can have one each.
    pub bots: u32,
    /// `true`: a bot is given the secret of its account; `false`: without a key it takes the first test account.
    pub secrets_for_bots: bool,
}

impl PartialEq for Release {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Release {}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Release({})", self.name)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl Serialize for Release {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}
