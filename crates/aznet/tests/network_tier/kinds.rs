//! The kinds of faults that no other check applies, one after the other.

use aznet_chaos::reference::{self, Kind};
use serde_json::{Value, json};

use super::chaos::bites;
use super::machine::{Checked, Machine};

const KILL: &str = "pod: kill";
/// Each has a check of its own.
const ELSEWHERE: [&str; 10] = [
    "network: partition",
    "network: bandwidth",
    "network: delay",
    "network: loss",
    "stress: cpu",
    "stress: memory",
    "pod: failure",
    KILL,
    // Refused on embedded clusters.
    "clock: offset",
    "protocol: fake-attestations",
];

/// Each bites, heals and leaves nothing.
pub(crate) fn others(_: &Machine) -> Checked {
    let kinds = reference::kinds().into_iter();
    let others =
        kinds.filter(|kind| kind.shown.is_some() && !ELSEWHERE.contains(&kind.name.as_str()));
    // The L1 has checks of its own, too.
    for kind in others.filter(|kind| !kind.name.starts_with("l1: ")) {
        one(&kind).map_err(|error| format!("{}: {error}", kind.name))?;
    }
    Ok(())
}

/// A pod is gone, and another has its name.
pub(crate) fn kill(_: &Machine) -> Checked {
    let kinds = reference::kinds();
    let kill = kinds.iter().find(|kind| kind.name == KILL);
    one(kill.ok_or("there is no such fault")?)
}

fn one(kind: &Kind) -> Checked {
    let (pod, pods, duration) = if kind.name.starts_with("protocol: ") {
        (
            "validator-2",
            json!({"roles": ["validator"], "ordinals": [2]}),
            "3s",
        )
    } else {
        ("full-node-0", json!({"roles": ["full-node"]}), "20s")
    };
    let mut what = json!({"pods": pods});
    extend(&mut what, &kind.example);
    if kind.name == "pod: container-kill" {
        what["pod"]["containers"] = json!(["full-node"]);
    }
    what["duration"] = json!(duration);
    let name = kind.name.replace(": ", "-");
    bites(&name, &what, pod)
}

fn extend(what: &mut Value, more: &Value) {
    for (key, value) in more.as_object().into_iter().flatten() {
        what[key] = value.clone();
    }
}
