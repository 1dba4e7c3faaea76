//! What cannot change in a network's life, and why. The chart has the same list as `fixed.json`, written from here.

use serde::Serialize;

/// Keys that are fixed for one reason.
#[derive(Debug, Serialize)]
pub(super) struct Rule {
    /// In which networks.
    pub(super) when: When,
    /// Why, and what would be lost.
    pub(super) why: &'static str,
    /// The keys.
    pub(super) keys: &'static [Key],
}

/// Where a rule holds. What is meant is the network before the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum When {
    /// Everywhere.
    Always,
    /// Where this release deployed the L1 contracts. Of another's network, values are only what we believe of it: they
    /// may be corrected.
    Deployed,
    /// Where the L1 is the chart's anvil, and stays it.
    Anvil,
}

/// A key by both of its names.
#[derive(Debug, Serialize)]
pub(super) struct Key {
    /// In `network.json`.
    pub(super) config: &'static str,
    /// In the values.
    pub(super) values: &'static str,
}

const fn key(config: &'static str, values: &'static str) -> Key {
    Key { config, values }
}

/// All that is fixed.
pub(super) const RULES: [Rule; 7] = [
    Rule {
        when: When::Always,
        why: "nodes of another release have another rollup and can't follow this chain; start a new network for it (docs/guide/releases.md)",
        keys: &[key("release", "network.release")],
    },
    Rule {
        when: When::Always,
        why: "the nodes' data and keys belong to the network that they are in; start a new network to join another",
        keys: &[key("registryAddress", "network.registryAddress")],
    },
    Rule {
        when: When::Deployed,
        why: "the L1 contracts, and with them every block, stake and token, stay behind on the L1 of before; start a new network for another L1",
        keys: &[
            key("l1.chainId", "l1.chainId"),
            key("l1.anvil", "l1.anvil.enabled"),
        ],
    },
    Rule {
        when: When::Anvil,
        why: "anvil's clock runs by it since the first block: with another value a young chain can be discarded, and with it the L1 contracts and every block, stake and token; start a new network for another value",
        keys: &[
            key("l1.blockTime", "l1.blockTime"),
            key("skipWarmUp", "network.skipWarmUp"),
        ],
    },
    Rule {
        when: When::Deployed,
        why: "fixed when the L1 contracts were deployed: nodes with another value cannot follow the chain; start a new network for another value",
        keys: &[
            key("slotDuration", "network.slotDuration"),
            key("epochDuration", "network.epochDuration"),
            key("committeeSize", "network.committeeSize"),
            key(
                "lagInEpochsForValidatorSet",
                "network.lagInEpochsForValidatorSet",
            ),
            key("lagInEpochsForRandao", "network.lagInEpochsForRandao"),
            key("proofSubmissionEpochs", "network.proofSubmissionEpochs"),
            key("realProofs", "network.realProofs"),
            key("realVerifier", "network.realVerifier"),
        ],
    },
    Rule {
        when: When::Deployed,
        why: "part of the genesis state: nodes with another value compute another genesis and cannot follow the chain; start a new network for another value",
        keys: &[
            key("testAccounts", "network.testAccounts"),
            key("sponsoredFpc", "network.sponsoredFpc"),
        ],
    },
    Rule {
        when: When::Deployed,
        why: "fixed when the L1 contracts were deployed, which would keep the old value; start a new network for another value",
        keys: &[
            key(
                "staking.activationThreshold",
                "network.staking.activationThreshold",
            ),
            key(
                "staking.ejectionThreshold",
                "network.staking.ejectionThreshold",
            ),
            key(
                "staking.exitDelaySeconds",
                "network.staking.exitDelaySeconds",
            ),
            key("slashing.flavor", "network.slashing.flavor"),
            key(
                "slashing.localEjectionThreshold",
                "network.slashing.localEjectionThreshold",
            ),
            key("slashing.amounts.small", "network.slashing.amounts.small"),
            key("slashing.amounts.medium", "network.slashing.amounts.medium"),
            key("slashing.amounts.large", "network.slashing.amounts.large"),
            key("slashing.quorum", "network.slashing.quorum"),
            key(
                "slashing.roundSizeInEpochs",
                "network.slashing.roundSizeInEpochs",
            ),
            key("slashing.offsetInRounds", "network.slashing.offsetInRounds"),
            key(
                "slashing.executionDelayInRounds",
                "network.slashing.executionDelayInRounds",
            ),
            key(
                "slashing.lifetimeInRounds",
                "network.slashing.lifetimeInRounds",
            ),
            key(
                "slashing.disableDurationSeconds",
                "network.slashing.disableDurationSeconds",
            ),
            key("slashing.vetoer", "network.slashing.vetoer"),
        ],
    },
];

/// The list as the chart's templates read it: JSON.
pub fn fixed() -> String {
    let mut text = serde_json::to_string_pretty(&RULES).unwrap_or_default();
    text.push('\n');
    text
}
