//! The page for Docker Compose. It is executed in a test.

use std::fmt::Write as _;

use super::Compose;
use super::file::Credential;
use crate::join::page::{files, head};
use crate::join::{Facts, Joiner};

/// The chart's own Secret, which each joiner's machine has of its own.
const ADMIN: &str = "admin-api.env";

/// The page, in Markdown.
pub fn page(facts: &Facts, joiner: Joiner, compose: &Compose) -> String {
    let mut text = head(facts, joiner);
    text.push_str(
        "\nThis page is for a machine with Docker and Docker Compose 2, without Kubernetes. `compose.yaml` is what the chart makes of \
         `values.yaml` for Kubernetes: the same images, variables, limits and waits.\n",
    );
    text.push_str(&before(facts, joiner));
    text.push_str(&start(compose));
    text.push_str(&seen(facts, joiner));
    text.push_str(&then(facts, joiner));
    text.push_str(&later(facts, joiner));
    text
}

fn before(facts: &Facts, joiner: Joiner) -> String {
    let mut text =
        "\n## Before\n\nThis folder is for secrets from now on:\n\n    chmod 700 .\n\n".to_owned();
    if facts.is_within() {
        let _ = writeln!(
            text,
            "- The L1 or the blobs of this network have names of the operator's cluster, `*.{}.svc`. This machine must reach that \
             cluster, and Docker resolve its names (`dns`, `dns-search` and `dns-opts` of the Docker daemon). Where that can't be, ask \
             for a bundle of a network whose L1 (`aznet join --l1-url`) and blob store are elsewhere.\n\
             - Ask the operator to admit this machine's address by `networkPolicy.ingress` of the network: `l1`, `blobs` and `p2p`, \
             each `{{cidrs: {{{joiner}: ADDRESS/32}}}}`.",
            facts.namespace
        );
    }
    let _ = writeln!(
        text,
        "- Put the IP address by which peers reach this machine into the file `address`, and let TCP and UDP {} in. The node's RPC \
         takes port 8080 of 127.0.0.1{}.",
        facts.p2p_port(),
        if has_wallet_server(facts, joiner) {
            ", the wallet server 8081"
        } else {
            ""
        }
    );
    text.push_str(&files(facts, joiner));
    text.push_str(
        "- If Docker can't pull the images that `compose.yaml` names, tag others of the same release with these names.\n",
    );
    text
}

fn start(compose: &Compose) -> String {
    let mut text = "\n## Start\n\nIn this folder:\n\n    umask 077\n    chmod 700 .\n    echo \"P2P_IP=$(cat address)\" > .env\n".to_owned();
    for (file, all) in &compose.credentials {
        if file == ADMIN {
            text.push_str(
                "    [ -s apiKey ] || od -An -tx1 -N24 /dev/urandom | tr -d ' \\n' > apiKey\n",
            );
        }
        let names: Vec<String> = all
            .iter()
            .map(|one| format!("{}='%s'\\n", one.variable))
            .collect();
        let values: Vec<String> = all.iter().map(value).collect();
        let _ = writeln!(
            text,
            "    printf \"{}\" {} > {file}",
            names.concat(),
            values.join(" ")
        );
    }
    let mounted: Vec<&str> = compose
        .configs
        .keys()
        .chain(&compose.secrets)
        .map(String::as_str)
        .collect();
    let _ = writeln!(
        text,
        "    chmod a+r {}\n    docker compose up --detach --wait --wait-timeout 900\n\n\
         If the last command gives up, the containers go on; the next section has what to look at. The containers' user, who is not \
         you, reads the files of `chmod a+r`; no other user gets into the folder. `apiKey` is what the node's admin API asks for; its \
         port is not published.",
        mounted.join(" ")
    );
    text
}

/// How one sees that it works.
fn seen(facts: &Facts, joiner: Joiner) -> String {
    let (node, methods) = (joiner.node(), facts.release.methods);
    let ask = |method: &str| {
        format!(
            "    curl --silent --fail --header 'content-type: application/json' --data \
             '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":[]}}' http://127.0.0.1:8080\n"
        )
    };
    format!(
        "\n## Whether it works\n\nA container that is healthy answers. How far the node has synced, its peers, and what it says:\n\n\
         {}{}    docker compose logs --tail 20 {node}\n\n\
         `proposed` and `checkpointed` rise to those of the network. A node without peers after some minutes has an old node record, or a port is closed.\n\n\
         A process that ends is started again, also after a restart of the machine. One that hangs is not, as it would be by \
         Kubernetes: `docker compose ps` calls it `unhealthy`, and `docker compose restart {node}` is for you to say.\n",
        ask(methods.tips),
        ask(methods.peers)
    )
}

/// The shell's words for a credential's value.
fn value(credential: &Credential) -> String {
    match credential.key.as_str() {
        "apiKeyHash" => "\"$(sha256sum < apiKey | cut -d ' ' -f 1)\"".to_owned(),
        key => format!("\"$(cat {key})\""),
    }
}

/// What a joiner with keys or a wallet has to do besides.
fn then(facts: &Facts, joiner: Joiner) -> String {
    let node = joiner.node();
    let held = format!("    docker compose exec {node} /aznet/bin/aznet-node validators held\n");
    let anvil = facts.values.l1.is_anvil();
    match joiner {
        Joiner::Validator if anvil => format!(
            "\n## The validator set\n\nThe container has funded its publisher and registered its attester by itself. Its addresses, and where its attester stands:\n\n\
             {held}    docker compose exec {node} /aznet/bin/aznet-node validators show\n\n\
             It attests as soon as a committee is drawn from a validator set that has it, in two or three epochs.\n"
        ),
        Joiner::Validator => format!(
            "\n## The validator set\n\nThe addresses that the container holds:\n\n{held}\n\
             Send ETH to the publisher. Whoever has the stake registers the attester: `docs/guide/validators.md` of aznet, \"Adding\".\n"
        ),
        Joiner::Prover if !anvil => format!(
            "\n## What it pays with\n\nSend ETH to the publisher that the container holds:\n\n{held}"
        ),
        Joiner::Wallet => wallet(facts, joiner),
        Joiner::Prover | Joiner::FullNode => String::new(),
    }
}

/// Another release, and the end.
fn later(facts: &Facts, joiner: Joiner) -> String {
    let mut text = "\n## Later\n\n`docker compose down` stops all and keeps the data. When the network has another release, or the operator writes the \
         bundle again: `docker compose down`, the new bundle over this folder, and the commands of this page again. Your files stay.\n"
        .to_owned();
    if joiner == Joiner::Validator {
        text.push_str(
            "\nThese keys are for one machine. Before another has them, `docker compose down` here: a machine that is only off starts its \
             containers again with itself. While you can't reach it, start no other with its keys, unless it can't come back.\n",
        );
        text.push_str(&leaving(facts, joiner));
    }
    text.push_str("\n`docker compose down --volumes` removes the data, too. What is left is this folder, with its secrets.\n");
    if joiner == Joiner::Validator && facts.release.signing_protection {
        text.push_str(
            "Among the data is the record of what the validator has signed, without which it may sign twice: keep the volume as long as \
             the keys are used. Without it, or on another machine, start the validator again only when the epoch in which it signed last is over.\n",
        );
    }
    text
}

fn leaving(facts: &Facts, joiner: Joiner) -> String {
    let node = joiner.node();
    let how = if facts.values.l1.is_anvil() {
        format!(
            "\n\n```text\ndocker compose exec {node} /aznet/bin/aznet-node validators leave\n```\n\n"
        )
    } else {
        " whoever has the withdrawer's key does that. ".to_owned()
    };
    format!(
        "\nA validator that stops while it is in the set can be slashed for its absence. To go for good, leave the set first:{how}\
         That is permanent, and there are duties until no committee has it any more: `docs/guide/validators.md` of aznet, \"Removing\".\n"
    )
}

fn has_wallet_server(facts: &Facts, joiner: Joiner) -> bool {
    joiner == Joiner::Wallet && facts.release.wallet
}

fn wallet(facts: &Facts, joiner: Joiner) -> String {
    let mut text =
        "\n## The wallet\n\nA wallet of Aztec.js takes your own node, `http://127.0.0.1:8080`.\n"
            .to_owned();
    if has_wallet_server(facts, joiner) {
        text.push_str("The wallet server beside it is `http://127.0.0.1:8081`.\n");
    }
    text
}
