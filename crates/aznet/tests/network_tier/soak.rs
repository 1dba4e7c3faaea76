//! The tests that run in the cluster on a schedule: one run, started at once, with what its pod may do and what it leaves.

use super::checks::{expect, pods, up_args};
use super::machine::{Checked, Machine, json, kubeconfig, kubectl, pause, pinned};
use super::rollout::namespace;
use crate::shown::shown;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A run of several rounds. Its schedule does not come soon: 29 February.
const SETTINGS: [&str; 8] = [
    "--set",
    "soak.enabled=true",
    "--set",
    "soak.schedule=0 0 29 2 *",
    "--set",
    "soak.durationSeconds=240",
    "--set",
    "soak.storage.size=1Gi",
];
/// What the page starts a run with.
const START: &str = "kubectl create job soak-now ";
/// How a copy of the reports begins and ends there.
const COPY: [&str; 2] = ["export IMAGE=", "kubectl delete pod soak-reader "];
/// The image may yet have to start, and the last round to end.
const WITHIN: Duration = Duration::from_mins(20);
/// What the pod's account may not do.
const FORBIDDEN: [&str; 7] = [
    "get secrets",
    "create pods --subresource=exec",
    "create pods",
    "get nodes --subresource=proxy",
    "get configmaps",
    "watch pods",
    "list services",
];

pub(crate) fn in_the_cluster(_: &Machine) -> Checked {
    let before = pods()?;
    json(&[up_args()?.as_slice(), &SETTINGS].concat())?;
    let namespace = namespace()?;
    let outcome = run(&namespace).map_err(|error| format!("{error}\n{}", evidence(&namespace)));
    json(&up_args()?)?;
    outcome?;
    expect(
        pods()? == before,
        "no pod of the network replaced",
        &pods()?,
    )?;
    leaves_nothing(&namespace)
}

fn run(namespace: &str) -> Checked {
    may_only_look(namespace)?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    shell(namespace, folder.path(), &commands(START, START)?)?;
    let said = ended(namespace)?;
    for measure in ["memory", "disk"] {
        let what = format!("the drift of {measure}");
        expect(drifted(&said, measure), &what, &said)?;
    }
    expect(
        !said.contains("is not known"),
        "memory and disk known",
        &said,
    )?;
    shell(namespace, folder.path(), &commands(COPY[0], COPY[1])?)?;
    reported(&folder.path().join("reports"))
}

/// Whether it says which grew, or `no disk grew by more than 10 %`.
fn drifted(said: &str, measure: &str) -> bool {
    let [some, none] = [format!("MiB of {measure} (+"), format!("no {measure} grew")];
    let lines = said.lines().map(str::trim_start);
    let mut drift = lines.filter(|line| line.starts_with("Drift"));
    drift.any(|line| line.contains(&some) || line.contains(&none))
}

fn may_only_look(namespace: &str) -> Checked {
    let account = format!("--as=system:serviceaccount:{namespace}:soak");
    let can = |what: &str| {
        let args = ["auth", "can-i", "--namespace", namespace, &account];
        let asked: Vec<&str> = args.into_iter().chain(what.split(' ')).collect();
        // `no` is an exit code, too.
        kubectl(&asked).is_ok_and(|answer| answer.trim() == "yes")
    };
    expect(
        can("create pods --subresource=proxy"),
        "the way to the pods' ports",
        &"no",
    )?;
    let allowed: Vec<&str> = FORBIDDEN.into_iter().filter(|what| can(what)).collect();
    expect(allowed.is_empty(), "none of this allowed", &allowed)
}

/// What the run said, once it has passed.
fn ended(namespace: &str) -> Result<String, String> {
    let began = Instant::now();
    let conditions = || -> Result<Value, String> {
        let job = [
            "get",
            "job",
            "soak-now",
            "--namespace",
            namespace,
            "--output",
            "json",
        ];
        let job: Value =
            serde_json::from_str(&kubectl(&job)?).map_err(|error| error.to_string())?;
        Ok(job["status"]["conditions"].clone())
    };
    loop {
        let seen = conditions()?;
        let is = |kind: &str| {
            let mut all = seen.as_array().into_iter().flatten();
            all.any(|one| one["type"] == kind && one["status"] == "True")
        };
        if is("Complete") {
            return kubectl(&["logs", "job/soak-now", "--namespace", namespace]);
        }
        if is("Failed") || began.elapsed() > WITHIN {
            return Err(format!("the run did not pass: {seen}"));
        }
        pause();
    }
}

/// One folder, by the name of the pod, with a report that has what was measured.
fn reported(reports: &Path) -> Checked {
    let folders = std::fs::read_dir(reports).map_err(|error| error.to_string())?;
    let folders: Vec<_> = folders.flatten().map(|entry| entry.path()).collect();
    let runs: Vec<_> = (folders.iter())
        .filter(|path| path.join("events.jsonl").is_file())
        .collect();
    let [run] = runs[..] else {
        return Err(format!("not the report of one run: {folders:?}"));
    };
    let events = std::fs::read_to_string(run.join("events.jsonl"));
    let events = events.map_err(|error| error.to_string())?;
    for observation in ["resources", "disk", "slot"] {
        let told = format!(r#""observation":"{observation}""#);
        expect(events.contains(&told), &told, &run)?;
    }
    let html = std::fs::read_to_string(run.join("report.html"));
    let html = html.map_err(|error| error.to_string())?;
    expect(html.contains("</html>"), "a whole report", &run)
}

/// The CronJob takes its jobs along, they their pods.
fn leaves_nothing(namespace: &str) -> Checked {
    let left = [
        "get",
        "cronjobs,jobs,pods,persistentvolumeclaims,roles,rolebindings,serviceaccounts,configmaps,networkpolicies",
        "--namespace",
        namespace,
        "--selector",
        "app.kubernetes.io/component=soak",
        "--output",
        "name",
    ];
    let began = Instant::now();
    while !kubectl(&left)?.trim().is_empty() {
        if began.elapsed() > Duration::from_mins(2) {
            return Err(format!("left of soak: {}", kubectl(&left)?));
        }
        pause();
    }
    Ok(())
}

/// The page's commands from one that begins so to one that begins so.
fn commands(from: &str, to: &str) -> Result<String, String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/testing.md");
    let page = std::fs::read_to_string(page).map_err(|error| error.to_string())?;
    let all = shown(&page);
    let place = |start: &str| {
        let place = all.iter().position(|shown| shown.text.starts_with(start));
        place.ok_or_else(|| format!("the page does not show `{start}`"))
    };
    let mut script = String::new();
    for shown in &all[place(from)?..=place(to)?] {
        let _ = writeln!(script, "{}", shown.text);
    }
    Ok(script)
}

fn shell(namespace: &str, folder: &Path, script: &str) -> Checked {
    let kubectl = pinned("kubectl")?;
    let tools = kubectl.parent().unwrap_or(Path::new("/"));
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-euc", script])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", tools.display()))
        .env("KUBECONFIG", kubeconfig()?)
        .env("NAMESPACE", namespace)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{script}ended with {}:\n{said}", output.status))
}

/// What the run said and how its pod is, for the case that something failed.
fn evidence(namespace: &str) -> String {
    let of = [
        "--namespace",
        namespace,
        "--selector",
        "app.kubernetes.io/component=soak",
    ];
    let logs = kubectl(&[&["logs", "--tail=60"], &of[..]].concat());
    let pods = kubectl(&[&["describe", "pods"], &of[..]].concat());
    [logs, pods]
        .map(|text| text.unwrap_or_else(|error| error))
        .join("\n")
}
