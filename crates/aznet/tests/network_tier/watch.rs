//! What is recorded of a network while a test runs on it, and bundles of it.

use super::machine::{CLUSTER, Checked, Machine, NETWORK, json, status, succeeds};
use super::secrets;
use aznet_network::bundle::Bundle;
use aznet_runner::Event;
use aznet_runner::event::Kind;
use aznet_runner::observation::{Observation, SlotOutcome};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

/// Parts of a healthy network's bundle, besides those of each pod.
const PARTS: [&str; 5] = [
    "status.json",
    "versions.json",
    "events.json",
    "metrics.json",
    "manifests/revision-1.yaml",
];

/// A run on a healthy network has tips of every node, each slot once, and what pods use; and nothing that is broken.
pub(crate) fn recorded(events: &Path) -> Checked {
    let text = std::fs::read_to_string(events)
        .map_err(|error| format!("{}: {error}", events.display()))?;
    let seen: Vec<Observation> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Event>(line).ok())
        .filter_map(|event| match event.kind {
            Kind::Observed { seen, .. } => Some(seen),
            _ => None,
        })
        .collect();
    let broken = seen.iter().find(|seen| {
        matches!(
            seen,
            Observation::Violated { .. } | Observation::Restarted { .. }
        )
    });
    if let Some(broken) = broken {
        return Err(format!("a healthy network, and {broken:?}"));
    }
    let nodes = of_nodes(&status()?);
    let told: BTreeSet<&str> = seen.iter().filter_map(node).collect();
    if let Some(missing) = nodes.iter().find(|node| !told.contains(node.as_str())) {
        return Err(format!("no tips of {missing} among those of {told:?}"));
    }
    if !seen
        .iter()
        .any(|seen| matches!(seen, Observation::Resources { memory: 1.., .. }))
    {
        return Err("nothing is told of what pods use".to_owned());
    }
    slots(&seen)
}

fn node(seen: &Observation) -> Option<&str> {
    match seen {
        Observation::Tips { node, .. } => Some(node),
        _ => None,
    }
}

/// One after the other, most with a checkpoint, and with the proposer and its pod.
fn slots(seen: &[Observation]) -> Checked {
    let slots = seen.iter().filter_map(|seen| match seen {
        Observation::Slot {
            slot,
            proposer,
            pod,
            outcome,
            ..
        } => Some((*slot, proposer, pod, *outcome)),
        _ => None,
    });
    let slots: Vec<_> = slots.collect();
    let gap = slots.windows(2).find(|pair| pair[1].0 != pair[0].0 + 1);
    if let Some(gap) = gap {
        return Err(format!(
            "slots {} and {} follow each other",
            gap[0].0, gap[1].0
        ));
    }
    let checkpointed = slots
        .iter()
        .filter(|slot| slot.3 == SlotOutcome::Checkpointed)
        .count();
    let whose = slots
        .iter()
        .filter(|slot| slot.1.is_some() && slot.2.is_some())
        .count();
    if slots.len() < 5 || checkpointed * 2 < slots.len() || whose * 2 < slots.len() {
        return Err(format!(
            "of {} slots {checkpointed} have a checkpoint, and of {whose} the proposer's pod is known",
            slots.len()
        ));
    }
    Ok(())
}

/// Pods that have tips.
fn of_nodes(status: &Value) -> Vec<String> {
    let nodes = status["nodes"].as_array().into_iter().flatten();
    let nodes = nodes.filter(|node| node["tips"].is_object());
    nodes
        .filter_map(|node| Some(node["name"].as_str()?.to_owned()))
        .collect()
}

pub(crate) fn bundle(_: &Machine) -> Checked {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("bundle.tar.gz");
    let file = path.to_string_lossy();
    let made = json(&["bundle", NETWORK, "--cluster", CLUSTER, "--output", &file])?;
    let missing = made["missing"].as_array().map_or(usize::MAX, Vec::len);
    if missing > 0 {
        return Err(format!(
            "of a healthy network nothing is missing, but: {}",
            made["missing"]
        ));
    }
    let archive = File::open(&path).map_err(|error| error.to_string())?;
    let bundle = Bundle::read(archive).map_err(|error| format!("{error:?}"))?;
    let status = status()?;
    complete(&bundle, &status)?;
    without_secrets(&bundle, &status)?;
    let explained = succeeds(&["bundle", "--explain", &file])?;
    if !explained.contains("first: ") {
        return Err(format!("nothing is first in: {explained}"));
    }
    Ok(())
}

fn complete(bundle: &Bundle, status: &Value) -> Checked {
    let nodes = of_nodes(status);
    let pods = nodes.iter().map(|pod| format!("pods/{pod}.json"));
    let parts = PARTS.into_iter().map(str::to_owned).chain(pods);
    for part in parts {
        if !bundle.members.contains_key(&part) {
            return Err(format!("no {part} among {:?}", bundle.members.keys()));
        }
    }
    let silent = nodes.iter().find(|node| {
        !bundle
            .logs()
            .any(|(pod, text)| pod == node.as_str() && text.contains("aznet-node: "))
    });
    silent.map_or(Ok(()), |node| {
        Err(format!("no log of {node} with the words of aznet-node"))
    })
}

fn without_secrets(bundle: &Bundle, status: &Value) -> Checked {
    let namespace = status["namespace"]
        .as_str()
        .ok_or("no namespace in the status")?;
    let needles = secrets::needles(namespace, status, &secrets::MNEMONIC)?;
    for (path, text) in &bundle.members {
        let text = text.to_lowercase();
        if let Some((name, _)) = needles
            .iter()
            .find(|(_, secret)| text.contains(secret.as_str()))
        {
            // Never the secret itself: this is a log as well.
            return Err(format!("{name} is in {path}"));
        }
    }
    // Else it would be for nothing that none was found.
    if bundle.manifest.redacted == 0 {
        return Err("nothing was taken out, though the manifests have Secrets".to_owned());
    }
    Ok(())
}
