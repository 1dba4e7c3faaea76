//! Who finds whom: the L1, the boot node or another network, and a node for wallets and bots.

use super::release;
use crate::release::TestAccounts;
use crate::role::Role;
use crate::values::{Problem, Values};

pub(super) fn problems(values: &Values) -> Vec<Problem> {
    let mut problems = boot_node(values);
    problems.extend(if values.l1.anvil.enabled {
        beside_anvil(values)
    } else {
        elsewhere(values)
    });
    problems.extend(blobs(values));
    problems.extend(proofs(values));
    problems.extend(verifier(values));
    problems.extend(a_node_to_talk_to(values));
    problems.extend(bot(values));
    problems
}

fn boot_node(values: &Values) -> Vec<Problem> {
    let (network, replicas) = (&values.network, values.boot_node.replicas);
    let new = network.registry_address.is_empty();
    if replicas == 0 && new {
        return vec![Problem::new(
            "bootNode.replicas",
            replicas,
            "exactly 1",
            "set it to 1: it deploys the L1 contracts and the others find the network through it",
        )];
    }
    if replicas == 0 && network.bootstrap_nodes.is_empty() {
        return vec![Problem::new(
            "network.bootstrapNodes",
            "none",
            "one or more while bootNode.replicas is 0: the nodes have no other way to join",
            format!(
                "give ENRs of nodes of that network ({}), or set bootNode.replicas to 1",
                release::of(values).methods.encoded_enr
            ),
        )];
    }
    if replicas == 0 && values.boot_node.join_bundles.enabled {
        return vec![Problem::new(
            "bootNode.joinBundles.enabled",
            "true while bootNode.replicas is 0",
            "false: the boot node serves them",
            "set it to false, or bootNode.replicas to 1",
        )];
    }
    Vec::new()
}

fn beside_anvil(values: &Values) -> Vec<Problem> {
    let (l1, network) = (&values.l1, &values.network);
    let secret = l1.existing_secret.is_empty();
    [
        (
            !l1.anvil.external,
            "l1.anvil.external",
            "true, although l1.anvil.enabled is true",
            "one of the two",
            "set one of them to false",
        ),
        (
            l1.execution_urls.is_empty(),
            "l1.executionUrls",
            "URLs, although l1.anvil.enabled is true",
            "none",
            "remove them, or set l1.anvil.enabled to false",
        ),
        (
            l1.consensus_urls.is_empty(),
            "l1.consensusUrls",
            "URLs, although l1.anvil.enabled is true",
            "none: anvil has no consensus client",
            "remove them",
        ),
        (
            l1.trace_urls.is_empty(),
            "l1.traceUrls",
            "URLs, although l1.anvil.enabled is true",
            "none: anvil traces by itself",
            "remove them",
        ),
        (
            secret,
            "l1.existingSecret",
            "a Secret with URLs, although l1.anvil.enabled is true",
            "empty",
            "remove it, or set l1.anvil.enabled to false",
        ),
        (
            network.registry_address.is_empty(),
            "network.registryAddress",
            "an address on the chart's own anvil",
            "empty: a new chain has no contracts",
            "remove it, or set l1.anvil.enabled to false and name that network's L1",
        ),
    ]
    .into_iter()
    .filter(|(fine, ..)| !fine)
    .map(|(_, key, seen, expected, remedy)| Problem::new(key, seen, expected, remedy))
    .collect()
}

fn elsewhere(values: &Values) -> Vec<Problem> {
    let l1 = &values.l1;
    let mut problems = Vec::new();
    if !l1.existing_secret.is_empty() {
        let twice = [
            ("l1.executionUrls", !l1.execution_urls.is_empty()),
            ("l1.consensusUrls", !l1.consensus_urls.is_empty()),
            ("l1.traceUrls", !l1.trace_urls.is_empty()),
        ];
        problems.extend(
            twice
                .into_iter()
                .filter(|(_, given)| *given)
                .map(|(key, _)| {
                    Problem::new(
                        key,
                        "URLs beside l1.existingSecret",
                        "none: URLs come from one place",
                        "put them into the Secret, or remove l1.existingSecret",
                    )
                }),
        );
        return problems;
    }
    if l1.execution_urls.is_empty() {
        problems.push(Problem::new(
            "l1.executionUrls",
            "none",
            "one or more while l1.anvil.enabled is false",
            "name your L1's JSON-RPC URLs, or a Secret that holds them in l1.existingSecret",
        ));
    }
    problems.extend(others_anvil(values));
    problems
}

/// A new network would move the clock under the one that is there.
fn others_anvil(values: &Values) -> Option<Problem> {
    let new = values.network.registry_address.is_empty();
    (values.l1.anvil.external && new).then(|| {
        Problem::new(
            "l1.anvil.external",
            "true, although network.registryAddress is empty",
            "false: another release's anvil is for joining that release's network",
            "name that network's registry in network.registryAddress",
        )
    })
}

/// Nodes read what is on L1 with its blobs, which anvil doesn't serve.
fn blobs(values: &Values) -> Option<Problem> {
    let l1 = &values.l1;
    let elsewhere = !l1.consensus_urls.is_empty() || !l1.existing_secret.is_empty();
    if values.blob_store.enabled || elsewhere {
        return None;
    }
    let remedy = if l1.anvil.enabled {
        "enable it: anvil has no consensus client to get blobs from"
    } else {
        "enable it, or name your L1's beacon URLs in l1.consensusUrls"
    };
    Some(Problem::new(
        "blobStore.enabled",
        false,
        "true while there are no l1.consensusUrls: nodes get blobs from either",
        remedy,
    ))
}

/// One switch: all roles that say something about proofs must say the same.
fn proofs(values: &Values) -> Vec<Problem> {
    let mut said = values.fake_proofs();
    let Some((first, fake)) = said.next() else {
        return Vec::new();
    };
    said.filter(|(_, other)| *other != fake)
        .map(|(key, other)| {
            Problem::new(
                key,
                other,
                format!("{fake}, as {first} says: all of a network make and check the same kind of proof"),
                "let them agree, or remove them and set network.realProofs",
            )
        })
        .collect()
}

/// Where it costs money, nobody wants a rollup on which nothing is ever proven.
fn verifier(values: &Values) -> Option<Problem> {
    let alone = values.network.real_verifier && !values.l1.anvil.enabled;
    alone.then(|| {
        Problem::new(
            "network.realVerifier",
            true,
            "false while l1.anvil.enabled is false: it refuses every fake proof, for tests on the chart's anvil",
            "set it to false; network.realProofs deploys the real verifier for real proofs",
        )
    })
}

fn a_node_to_talk_to(values: &Values) -> Vec<Problem> {
    if values.boot_node.replicas > 0 || values.full_node.replicas > 0 {
        return Vec::new();
    }
    [Role::Pxe, Role::Bot]
        .into_iter()
        .filter(|role| values.replicas(*role) > 0)
        .map(|role| {
            Problem::new(
                format!("{}.replicas", role.values_key()),
                values.replicas(role),
                "0 without a full node or boot node: it would have no node to connect to",
                "set it to 0, or raise fullNode.replicas",
            )
        })
        .collect()
}

fn bot(values: &Values) -> Option<Problem> {
    let bot = &values.bot;
    if bot.replicas == 0 {
        return None;
    }
    if bot.private_transfers_per_tx + bot.public_transfers_per_tx == 0 {
        return Some(Problem::new(
            "bot.privateTransfersPerTx",
            "0, and so is bot.publicTransfersPerTx",
            "1 or more of either: the bot would have nothing to send",
            "raise one of them, or set bot.replicas to 0",
        ));
    }
    if !bot.existing_secret.is_empty() {
        return None;
    }
    let accounts = &release::of(values).test_accounts;
    if bot.replicas > accounts.bots {
        return Some(Problem::new(
            "bot.replicas",
            bot.replicas,
            format!(
                "{} or less with test accounts, of which each bot has one: there are no more",
                accounts.bots
            ),
            "lower it, or name a Secret with keys of funded accounts in bot.existingSecret",
        ));
    }
    without_an_account(values, accounts)
}

/// A bot without a key, and no test account that it could send from.
fn without_an_account(values: &Values, accounts: &TestAccounts) -> Option<Problem> {
    let deployed = !accounts.need_deployment || values.pxe.replicas > 0;
    let (expected, remedy) = if accounts.need_deployment {
        (
            "a Secret, or network.testAccounts and a pxe: a bot sends from a test account, which a pxe deploys",
            "set network.testAccounts to true and pxe.replicas to 1, or name a Secret with keys of funded accounts",
        )
    } else {
        (
            "a Secret, or network.testAccounts: a bot sends from a test account",
            "set network.testAccounts to true, or name a Secret with keys of funded accounts",
        )
    };
    let without = !(values.network.test_accounts && deployed);
    without.then(|| Problem::new("bot.existingSecret", "empty", expected, remedy))
}
