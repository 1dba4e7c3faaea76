//! The page of a bundle: what one needs, and the commands. It is executed in a test.

use std::fmt::Write as _;

use super::{Facts, Joiner, SECRETS};

/// The page, in Markdown.
pub fn page(facts: &Facts, joiner: Joiner) -> String {
    let mut text = head(facts, joiner);
    text.push_str("\nThis page is for Kubernetes. On a machine with Docker alone, go by `COMPOSE.md`.\n\n## Before\n\n");
    if facts.is_within() {
        text.push_str(&admitted(joiner));
    }
    text.push_str(&files(facts, joiner));
    text.push_str(
        "- If your cluster can't pull the images that `values.yaml` names, name others under `images`, of the same release.\n",
    );
    text.push_str(&kubernetes(facts, joiner));
    text.push_str(&then(facts, joiner));
    text
}

/// What the network is.
pub(super) fn head(facts: &Facts, joiner: Joiner) -> String {
    let mut text = format!(
        "# Join {} as {}\n\nRead from the running network by `aznet join`. Nothing here is secret.\n\n| what | |\n|---|---|\n",
        facts.network,
        joiner.words()
    );
    let image = &facts.values.images.aztec.image;
    let rows = [
        (
            "release",
            format!("Aztec {}, `{image}`", facts.node_version),
        ),
        ("L1", format!("chain {}: {}", facts.chain_id, l1(facts))),
        ("registry", format!("`{}`", facts.registry)),
        ("rollup version", facts.rollup_version.to_string()),
        ("blobs", blobs(facts)),
        ("p2p", p2p(facts)),
        (
            "nodes to join by",
            format!("{} in `values.yaml`", facts.enrs.len()),
        ),
    ];
    let snapshots = facts
        .snapshots()
        .map(|url| ("snapshots", format!("`{url}`")));
    for (name, value) in rows.into_iter().chain(snapshots) {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text
}

fn l1(facts: &Facts) -> String {
    match facts.execution_urls().join(", ") {
        urls if facts.values.l1.anvil.enabled && facts.l1_urls.is_empty() => {
            format!("{urls}, within its cluster only")
        }
        urls if urls.is_empty() => "your own execution and consensus clients".to_owned(),
        urls => urls,
    }
}

fn blobs(facts: &Facts) -> String {
    facts.blobs().map_or_else(
        || "your consensus client".to_owned(),
        |url| format!("`{url}`, with credentials of the operator's"),
    )
}

fn p2p(facts: &Facts) -> String {
    let port = facts.p2p_port();
    if facts.is_exposed() {
        format!("its nodes are reached from everywhere; let TCP and UDP {port} in to yours")
    } else {
        format!("its nodes are reached within its cluster only; TCP and UDP {port}")
    }
}

fn admitted(joiner: Joiner) -> String {
    let name = joiner.name();
    format!(
        "- Ask the operator to admit your namespace, here `{name}`, by `networkPolicy.ingress` of the network: `l1`, `blobs` and \
         `p2p`, each `{{namespaces: {{{name}: {{kubernetes.io/metadata.name: {name}}}}}}}`.\n"
    )
}

/// What only people can give each other, in files.
pub(super) fn files(facts: &Facts, joiner: Joiner) -> String {
    let mut text = String::new();
    if facts.blobs().is_some() {
        text.push_str(
            "- Ask the operator for credentials of the blob store, and put them into the files `accessKeyId` and `secretAccessKey`.\n",
        );
    }
    if !facts.values.l1.is_anvil() {
        text.push_str(
            "- Put the URLs of your execution clients into the file `executionUrls`, those of your consensus clients into \
             `consensusUrls`, each a list with commas.\n",
        );
    }
    if joiner.has_keys() {
        text.push_str(
            "- Put a mnemonic of your own into the file `mnemonic`, and keep it: it is your keys.",
        );
        if joiner == Joiner::Validator {
            text.push_str(
                " No other node may run with it, here or elsewhere: two that sign with the same key get it slashed.",
            );
        }
        text.push('\n');
    }
    text
}

fn kubernetes(facts: &Facts, joiner: Joiner) -> String {
    let (name, workload) = (joiner.name(), joiner.node());
    let mut text = format!(
        "\n## Install\n\nIn this folder, with Helm 3 or 4:\n\n    kubectl create namespace {name}\n"
    );
    for (secret, keys) in SECRETS {
        let wanted = match secret {
            "blobs" => facts.blobs().is_some(),
            "l1" => !facts.values.l1.is_anvil(),
            _ => joiner.has_keys(),
        };
        if wanted {
            let keys = keys.iter().map(|key| format!(" --from-file={key}"));
            let keys: String = keys.collect();
            let _ = writeln!(
                text,
                "    kubectl create secret generic {secret} --namespace {name}{keys}"
            );
        }
    }
    let _ = writeln!(
        text,
        "    helm install {name} ./aztec-network --namespace {name} --values values.yaml --wait --timeout 15m\n\n\
         A pod that is ready answers. How far it has synced is in what it says:\n\n    kubectl logs --namespace {name} {workload}-0 --tail 20\n"
    );
    if facts.is_exposed() {
        text.push_str(&reached_from_outside(joiner));
    }
    text
}

fn reached_from_outside(joiner: Joiner) -> String {
    format!(
        "Peers reach the node by a port of its machine if you add `--set {}.p2p.exposure=HostPort` to `helm install`; a node that none \
         can reach follows the chain all the same, by those that it reaches itself.\n",
        joiner.node().values_key()
    )
}

/// What a joiner with keys has to do besides.
fn then(facts: &Facts, joiner: Joiner) -> String {
    let (name, workload) = (joiner.name(), joiner.node());
    let held = format!(
        "    kubectl exec --namespace {name} {workload}-0 -- /aznet/bin/aznet-node validators held\n"
    );
    match joiner {
        Joiner::FullNode => String::new(),
        Joiner::Wallet => wallet(facts, name),
        Joiner::Validator if facts.values.l1.is_anvil() => format!(
            "\n## The validator set\n\nThe pod has funded its publisher and registered its attester by itself. Its addresses, and where its attester stands:\n\n\
             {held}    kubectl exec --namespace {name} {workload}-0 -- /aznet/bin/aznet-node validators show\n\n\
             It attests as soon as a committee is drawn from a validator set that has it, in two or three epochs.\n"
        ),
        Joiner::Validator => format!(
            "\n## The validator set\n\nThe addresses that the pod holds:\n\n{held}\n\
             Send ETH to the publisher. Whoever has the stake registers the attester: `docs/guide/validators.md` of aznet, \"Adding\".\n"
        ),
        Joiner::Prover if facts.values.l1.is_anvil() => String::new(),
        Joiner::Prover => format!(
            "\n## What it pays with\n\nSend ETH to the publisher that the pod holds:\n\n{held}"
        ),
    }
}

fn wallet(facts: &Facts, name: &str) -> String {
    let node = "http://full-node.wallet.svc:8080";
    let mut text = format!(
        "\n## The wallet\n\nA wallet of Aztec.js takes your own node, `{node}` within the cluster, or from your machine, while this runs:\n\n```text\nkubectl port-forward --namespace {name} full-node-0 8080\n```\n"
    );
    if facts.release.wallet {
        text.push_str("\nThe wallet server beside it is `http://pxe-0.pxe.wallet.svc:8080`.\n");
    }
    text
}
