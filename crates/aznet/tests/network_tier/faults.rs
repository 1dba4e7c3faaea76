//! Faults that Chaos Mesh knows nothing of: misbehaving validators, the L1, times and choices by the protocol.

use super::chaos::{applied, experiment, keep, no_faults};
use super::checks::{expect, kill, main_process, number, post};
use super::ends;
use super::machine::{
    CLUSTER, Checked, Machine, NETWORK, aznet, json, kubectl, pause, status, succeeds, until,
};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const APPLY: [&str; 3] = ["chaos", "apply", NETWORK];

/// The pods that were bitten.
fn bitten(told: &[Value]) -> Vec<String> {
    let pods = told[2]["pods"].as_array().map(Vec::as_slice);
    let name = |one: &Value| one["pod"].as_str().unwrap_or_default().to_owned();
    pods.unwrap_or_default().iter().map(name).collect()
}

pub(super) fn namespace() -> Result<String, String> {
    let status = status()?;
    let namespace = status["namespace"].as_str().ok_or("no namespace")?;
    Ok(namespace.to_owned())
}

/// The proposer of a slot is told, says itself that it was, and is told the opposite afterwards.
pub(crate) fn forged_attestation(_: &Machine) -> Checked {
    let told = applied(&["forged-attestation"])?;
    let asked = json!({"duration": "60s", "protocol": {"action": "fake-attestations"}});
    keep(&asked, &told)?;
    let pods = bitten(&told);
    let [pod] = &pods[..] else {
        return Err(format!("bitten {pods:?}, expected one proposer"));
    };
    expect(
        told[2]["pods"][0]["measured"] == "injectFakeAttestation = true",
        "the setting read back",
        &told[2],
    )?;
    for stage in &told {
        expect(
            stage["slot"].is_u64() && stage["epoch"].is_u64(),
            "a slot and an epoch",
            stage,
        )?;
    }
    let log = kubectl(&[
        "logs",
        "-n",
        &namespace()?,
        pod,
        "-c",
        "validator",
        "--since=5m",
    ])?;
    let updates: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("Updated sequencer config"))
        .filter(|line| line.contains("injectFakeAttestation"))
        .collect();
    for value in ["true", "false"] {
        expect(
            updates.iter().any(|line| line.contains(value)),
            &format!("in the log of {pod}, that it updated injectFakeAttestation to {value}"),
            &updates,
        )?;
    }
    no_faults()
}

/// Settings do not survive a restart: the fault is done again.
pub(crate) fn restarted(_: &Machine) -> Checked {
    let what = json!({
        "pods": {"roles": ["validator"], "names": ["validator-3"]},
        "duration": "100s",
        "protocol": {"action": "withhold-checkpoints"},
    });
    let file = experiment("again", &what)?;
    let path = file.path().to_string_lossy().into_owned();
    let namespace = namespace()?;
    let output = thread::scope(|scope| {
        let apply = scope.spawn(|| {
            aznet(
                &[
                    &APPLY[..],
                    &["--cluster", CLUSTER, "-f", &path, "-o", "json"],
                ]
                .concat(),
            )
        });
        until(
            "the fault in the status",
            Duration::from_mins(1),
            |status| status["faults"][0]["says"] == "injected",
        )?;
        kill(main_process(&namespace, "validator-3")?)?;
        apply
            .join()
            .map_err(|_| "`chaos apply` was not run".to_owned())?
    })?;
    let told: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let again = told.as_array().into_iter().flatten().any(|one| {
        let measured = one["pods"][0]["measured"].as_str().unwrap_or_default();
        one["stage"] == "biting" && measured.ends_with("done again after it was lost")
    });
    expect(again, "a second biting, after the restart", &told)?;
    no_faults()
}

/// It begins when its slot does; what was recorded hits the same pod, as late in an epoch.
pub(crate) fn at_a_slot_and_again(_: &Machine) -> Checked {
    let what = json!({
        "pods": {"roles": ["validator"], "count": 1},
        "duration": "10s",
        "when": {"epoch": "next", "slot": 2},
        "protocol": {"action": "withhold-proposals"},
    });
    let (file, record) = (experiment("timed", &what)?, tempfile::NamedTempFile::new());
    let record = record.map_err(|error| error.to_string())?;
    let (file, record) = (
        file.path().to_string_lossy(),
        record.path().to_string_lossy(),
    );
    let first = applied(&["-f", &file, "--record", &record])?;
    let second = applied(&["-f", &record])?;
    for told in [&first, &second] {
        // It is applied three seconds before the slot begins.
        let place = number(&told[2]["slot"]) % 4;
        expect(
            place == 1 || place == 2,
            "a fault in the third slot of an epoch, or just before",
            &told[2],
        )?;
    }
    expect(
        bitten(&first) == bitten(&second),
        "the same pod again",
        &(bitten(&first), bitten(&second)),
    )?;
    no_faults()
}

/// Chance chooses the same pods by the same number.
pub(crate) fn same_seed(_: &Machine) -> Checked {
    let what = json!({
        "pods": {"roles": ["validator"], "count": 2},
        "duration": "3s",
        "protocol": {"action": "spare-invalid-checkpoints"},
    });
    let file = experiment("chosen", &what)?;
    let path = file.path().to_string_lossy();
    let told = |seed| applied(&["-f", &path, "--seed", seed]).map(|told| bitten(&told));
    let (first, again) = (told("5")?, told("5")?);
    expect(
        first.len() == 2 && first == again,
        "the same two pods",
        &(first, again),
    )?;
    no_faults()
}

/// Two of a committee of four are more than a third.
pub(crate) fn no_quorum(_: &Machine) -> Checked {
    let told = applied(&["no-quorum"])?;
    let pods = bitten(&told);
    expect(
        pods.len() == 2,
        "two validators without whom there is no quorum",
        &pods,
    )?;
    let before = number(&status()?["tips"]["checkpointed"]);
    until(
        "checkpoints after there was no quorum",
        Duration::from_mins(3),
        |status| number(&status["tips"]["checkpointed"]) > before,
    )?;
    no_faults()
}

/// Seen from outside, too: the block number stands still.
pub(crate) fn paused_l1(_: &Machine) -> Checked {
    let url = json(&["env", NETWORK, "--cluster", CLUSTER])?;
    let url = url["ETHEREUM_HOSTS"]
        .as_str()
        .ok_or("no ETHEREUM_HOSTS")?
        .to_owned();
    let (told, longest) = thread::scope(|scope| {
        let apply = scope.spawn(|| applied(&["l1-paused"]));
        let (mut longest, mut last, mut since) = (Duration::ZERO, 0, Instant::now());
        while !apply.is_finished() {
            let number = block_number(&url)?;
            if number != last {
                (last, since) = (number, Instant::now());
            }
            longest = longest.max(since.elapsed());
            pause();
        }
        let told = apply
            .join()
            .map_err(|_| "`chaos apply` was not read".to_owned())?;
        told.map(|told| (told, longest))
    })?;
    keep(
        &json!({"duration": "30s", "l1": {"action": "paused"}}),
        &told,
    )?;
    expect(bitten(&told).len() == 1, "one L1", &told[2])?;
    // It lasts 30 s, and a block takes 4 s otherwise.
    expect(
        longest >= Duration::from_secs(24),
        "24 s without a block",
        &longest,
    )?;
    no_faults()
}

fn block_number(url: &str) -> Result<u64, String> {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#;
    let answer = post(url, body)?;
    let digits = answer["result"].as_str().unwrap_or_default();
    u64::from_str_radix(digits.trim_start_matches("0x"), 16)
        .map_err(|error| format!("{answer}: {error}"))
}

/// Each in turn, on the network's own L1.
pub(crate) fn disturbed_l1(_: &Machine) -> Checked {
    for (name, fault, duration) in [
        ("slow", json!({"action": "slow", "blockTime": "8s"}), "40s"),
        (
            "expensive",
            json!({"action": "base-fee", "gwei": 50}),
            "20s",
        ),
        ("reorg", json!({"action": "reorg", "depth": 2}), "20s"),
    ] {
        let what = json!({"pods": {"roles": ["anvil"]}, "duration": duration, "l1": fault});
        let file = experiment(name, &what)?;
        let told = applied(&["-f", &file.path().to_string_lossy()]);
        let told = told.map_err(|error| format!("{name}: {error}"))?;
        keep(&what, &told)?;
        no_faults()?;
    }
    let before = number(&status()?["tips"]["checkpointed"]);
    until(
        "checkpoints after the L1's faults",
        Duration::from_mins(3),
        |status| number(&status["tips"]["checkpointed"]) > before,
    )?;
    Ok(())
}

/// A sequence, each step of which is proved like any other.
pub(crate) fn sequence(_: &Machine) -> Checked {
    let pods = json!({"roles": ["validator"], "ordinals": [2]});
    let values = json!({
        "experiments": {
            "silent": {"pods": pods, "duration": "4s", "protocol": {"action": "withhold-proposals"}},
            "dear": {"pods": {"roles": ["anvil"]}, "duration": "10s", "l1": {"action": "base-fee", "gwei": 40}},
        },
        "sequences": {"bad-day": {"steps": ["dear", "silent", "dear"]}},
    });
    let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
    std::io::Write::write_all(&mut file, values.to_string().as_bytes())
        .map_err(|error| error.to_string())?;
    let path = file.path().to_string_lossy();
    let told = json_of(&["-f", &path])?;
    let all = told.as_array().map(Vec::as_slice).unwrap_or_default();
    let clean: Vec<&Value> = all
        .iter()
        .filter(|one| one["stage"] == "clean")
        .map(|one| &one["experiment"])
        .collect();
    expect(
        clean == ["dear", "silent", "dear"],
        "each step clean, in order",
        &clean,
    )?;
    no_faults()
}

fn json_of(args: &[&str]) -> Result<Value, String> {
    json(&[&APPLY[..], &["--cluster", CLUSTER], args].concat())
}

/// What this cluster lacks, or nothing measures, is said before anything is applied.
pub(crate) fn refused_kinds(_: &Machine) -> Checked {
    for (fault, words) in [
        (
            json!({"io": {"action": "fault", "volume": "/data", "errno": 5}}),
            "can't do fault: FUSE and toda missing",
        ),
        (
            json!({"dns": {"action": "error"}}),
            "can't do error: the DNS server of Chaos Mesh missing",
        ),
        (
            json!({"http": {"action": "abort", "port": 8080}}),
            "can't do abort: tproxy missing",
        ),
        (
            json!({"clock": {"offset": "-10m"}}),
            "can't do offset: ptrace and Chaos Mesh's clocks missing",
        ),
    ] {
        let mut what = json!({"pods": {"roles": ["full-node"]}, "duration": "20s"});
        for (key, fault) in fault.as_object().into_iter().flatten() {
            what[key] = fault.clone();
        }
        let file = experiment("refused", &what)?;
        let path = file.path().to_string_lossy();
        let output = aznet(&[&APPLY[..], &["--cluster", CLUSTER, "-f", &path]].concat())?;
        let said = String::from_utf8_lossy(&output.stderr);
        let unwrapped = said.split_whitespace().collect::<Vec<_>>().join(" ");
        expect(
            output.status.code() == Some(23) && unwrapped.contains(words),
            &format!("exit code 23 and `{words}`"),
            &(output.status, &unwrapped),
        )?;
    }
    no_faults()
}

/// Experiments that hide each other, and shares and times that there are not.
pub(crate) fn contradictions(_: &Machine) -> Checked {
    let validator = json!({"roles": ["validator"], "ordinals": [0]});
    let committee = json!({"roles": ["validator"], "groups": ["nobody"], "committee": "1/3"});
    let kill = json!({"action": "kill"});
    for (experiments, words) in [
        (
            json!({
                "killed": {"pods": validator, "duration": "20s", "pod": kill},
                "forger": {"pods": validator, "duration": "20s", "protocol": {"action": "fake-attestations"}},
            }),
            "forger and killed contradict each other on validator-0",
        ),
        (
            json!({"late": {"pods": validator, "duration": "20s", "when": {"slot": 1}, "pod": kill}}),
            "slot 1 is too near, or over",
        ),
        (
            json!({"odd": {"pods": validator, "duration": "20s", "when": {"epoch": "next", "slot": 99}, "pod": kill}}),
            "and no slot 99",
        ),
        (
            json!({"few": {"pods": committee, "duration": "20s", "pod": kill}}),
            "no pods hold 1 of the 4 members",
        ),
        (
            json!({"whose": {"pods": validator, "duration": "20s", "when": {"proposing": "validator-77"}, "pod": kill}}),
            "name validator-77",
        ),
    ] {
        let mut file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
        let values = json!({"experiments": experiments}).to_string();
        std::io::Write::write_all(&mut file, values.as_bytes())
            .map_err(|error| error.to_string())?;
        let path = file.path().to_string_lossy();
        let output = aznet(&[&APPLY[..], &["--cluster", CLUSTER, "-f", &path]].concat())?;
        let said = String::from_utf8_lossy(&output.stderr);
        let unwrapped = said.split_whitespace().collect::<Vec<_>>().join(" ");
        expect(
            output.status.code() == Some(3) && unwrapped.contains(words),
            &format!("exit code 3 and `{words}`"),
            &(output.status, &unwrapped),
        )?;
    }
    no_faults()
}

/// `list` knows of the faults that a killed `apply` has left, and `clear` takes them back from what was noted, long before
/// they would end.
pub(crate) fn killed_apply(_: &Machine) -> Checked {
    let mut apply = begun(&["l1-paused", "--set", "experiments.l1-paused.duration=10m"])?;
    let injected = until(
        "the fault in the status",
        Duration::from_mins(1),
        |status| status["faults"][0]["says"] == "injected",
    );
    apply.kill().map_err(|error| error.to_string())?;
    apply.wait().map_err(|error| error.to_string())?;
    injected?;
    let listed = json(&["chaos", "list", NETWORK, "--cluster", CLUSTER])?;
    expect(
        listed[0]["name"] == "l1-paused" && listed[0]["action"] == "paused",
        "the fault in the list",
        &listed,
    )?;
    succeeds(&["chaos", "clear", NETWORK, "--cluster", CLUSTER])?;
    let before = number(&status()?["tips"]["checkpointed"]);
    until(
        "checkpoints once the L1 goes on",
        Duration::from_mins(3),
        |status| number(&status["tips"]["checkpointed"]) > before,
    )?;
    no_faults()?;
    ends::nothing_is_left()
}

pub(super) fn begun(args: &[&str]) -> Result<Child, String> {
    Command::new(env!("CARGO_BIN_EXE_aznet"))
        .args([&APPLY[..], &["--cluster", CLUSTER], args].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("aznet could not be started: {error}"))
}
