//! Validators that come and go while the network runs, held against the rollup contract itself.

use super::checks::{expect, number, post};
use super::machine::{CLUSTER, Checked, Machine, NETWORK, json, status, until};
use serde_json::{Value, json as value};
use std::sync::Mutex;
use std::time::Duration;

/// `getSamplingSizeAt(uint256)`: how many the committee of the epoch at a time is drawn from.
const SAMPLING_SIZE: &str = "29176625";
/// The first epoch that may draw the validator that was added.
static ADDED: Mutex<Option<u64>> = Mutex::new(None);

fn list() -> Result<Value, String> {
    json(&["validators", "list", NETWORK, "--cluster", CLUSTER])
}

/// The attesters whose pod satisfies.
fn attesters(list: &Value, fits: impl Fn(&Value) -> bool) -> Vec<&Value> {
    let all = list["attesters"].as_array().map(Vec::as_slice);
    all.unwrap_or_default()
        .iter()
        .filter(|one| fits(one))
        .collect()
}

/// How many validators the committee of `epoch` is drawn from.
fn drawn_from(list: &Value, epoch: u64) -> Result<u64, String> {
    let urls = json(&["env", NETWORK, "--cluster", CLUSTER])?;
    let start = number(&list["genesis"]) + epoch * number(&list["epochSeconds"]);
    let call = value!({"to": list["rollup"], "data": format!("0x{SAMPLING_SIZE}{start:064x}")});
    let body =
        value!({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]});
    let url = urls["ETHEREUM_HOSTS"].as_str().unwrap_or_default();
    let answer = post(url, &body.to_string())?;
    let word = answer["result"].as_str().unwrap_or_default();
    u64::from_str_radix(word.trim_start_matches("0x"), 16)
        .map_err(|error| format!("{answer}: {error}"))
}

/// After a group of one was added to four: each pod has one attester in the set, and the sentinels watch them.
pub(crate) fn listed(_: &Machine) -> Checked {
    let list = list()?;
    expect(
        number(&list["active"]) == 5,
        "5 validators",
        &list["active"],
    )?;
    for pod in [
        "validator-0",
        "validator-1",
        "validator-2",
        "validator-3",
        "validator-slow-0",
    ] {
        let own = attesters(&list, |one| one["pod"] == pod);
        expect(
            own.len() == 1 && own[0]["status"] == "validating",
            &format!("one attester of {pod}, validating"),
            &own,
        )?;
    }
    let members = attesters(&list, |one| {
        let epochs = one["committees"].as_array();
        epochs.is_some_and(|epochs| epochs.contains(&list["epoch"]))
    });
    expect(
        members.len() == 4,
        "4 members of the committee",
        &members.len(),
    )?;
    let watched = attesters(&list, |one| number(&one["duties"]["attestations"]) > 0);
    expect(watched.len() >= 4, "duties of 4 validators", &watched.len())
}

/// Registered and announced; the next checks pass the time until its epoch.
pub(crate) fn add(_: &Machine) -> Checked {
    let before = number(&list()?["epoch"]);
    let added = json(&[
        "validators",
        "add",
        NETWORK,
        "--no-wait",
        "--cluster",
        CLUSTER,
    ])?;
    expect(
        added["pods"] == value!(["validator-4"]),
        "validator-4",
        &added["pods"],
    )?;
    expect(
        number(&added["active"]) == 6,
        "6 validators",
        &added["active"],
    )?;
    let epoch = number(&added["epoch"]);
    *ADDED.lock().map_err(|error| error.to_string())? = Some(epoch);
    expect(epoch > before, "an epoch to come", &added)
}

/// In the epoch that was announced, and not before, committees are drawn from the larger set.
pub(crate) fn drawn(_: &Machine) -> Checked {
    let epoch = ADDED
        .lock()
        .map_err(|error| error.to_string())?
        .ok_or("nothing was added")?;
    until(
        "the epoch that was announced",
        Duration::from_mins(3),
        |_| list().is_ok_and(|list| number(&list["epoch"]) >= epoch),
    )?;
    let list = list()?;
    let sizes = (drawn_from(&list, epoch - 1)?, drawn_from(&list, epoch)?);
    expect(sizes == (5, 6), "5 before the epoch, 6 from it on", &sizes)
}

/// Out of the set first, out of the committees in the epoch that it names, and only then without its pod.
pub(crate) fn remove(_: &Machine) -> Checked {
    let refused = super::machine::aznet(&[
        "validators",
        "remove",
        NETWORK,
        "--count",
        "3",
        "--cluster",
        CLUSTER,
    ])?;
    expect(
        refused.status.code() == Some(3),
        "exit code 3 where no committee would be left",
        &String::from_utf8_lossy(&refused.stderr),
    )?;
    let remove = [
        "validators",
        "remove",
        NETWORK,
        "validator-4",
        "--cluster",
        CLUSTER,
    ];
    let unasked = super::machine::aznet(&remove)?;
    expect(
        unasked.status.code() == Some(3),
        "exit code 3 where nobody confirms what is for good",
        &String::from_utf8_lossy(&unasked.stderr),
    )?;
    let removed = json(&[remove.as_slice(), &["--yes"]].concat())?;
    expect(
        removed["pods"] == value!(["validator-4"]),
        "validator-4",
        &removed["pods"],
    )?;
    expect(
        number(&removed["active"]) == 5,
        "5 validators",
        &removed["active"],
    )?;
    let (epoch, list) = (number(&removed["epoch"]), list()?);
    expect(
        number(&list["epoch"]) >= epoch,
        "the pod gone in that epoch, not before",
        &list["epoch"],
    )?;
    let sizes = (drawn_from(&list, epoch - 1)?, drawn_from(&list, epoch)?);
    expect(sizes == (6, 5), "6 before the epoch, 5 from it on", &sizes)?;
    let nodes = status()?;
    let gone = nodes["nodes"]
        .as_array()
        .is_some_and(|all| all.iter().all(|one| one["name"] != "validator-4"));
    expect(gone, "no pod validator-4", &nodes["nodes"])?;
    let leaving = attesters(&list, |one| one["status"] == "leaving");
    expect(leaving.len() == 1, "its stake on the way out", &leaving)?;
    let again = json(&remove)?;
    expect(
        again["pods"] == value!([]),
        "nothing left to remove",
        &again,
    )
}
