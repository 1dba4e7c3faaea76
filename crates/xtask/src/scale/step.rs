//! A network of one size, from the plan until nothing is left; each step is seen to have happened.

use super::figures::{Cost, Size, Step};
use super::ground::{self, CLUSTER};
use super::process::{self, Ran};
use crate::bench::machine;
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const NETWORK: &str = "scale";
/// Selects the pods of networks.
const PODS: &str = "app.kubernetes.io/name=aztec-network";
/// What `aznet up` says when all pods serve. No node will say that a checkpoint is on L1.
const PODS_READY: &str = "✓ pods";
/// Validators that the change replaces: Kubernetes does it one by one, whatever their number.
const REPLACED: u32 = 10;
/// The exit code of a status that is not ready.
const UNHEALTHY: i32 = 22;

/// Measures all steps.
pub(super) fn all(validators: u32) -> Result<Size> {
    println!("{validators} validators");
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("values.json");
    std::fs::write(&file, ground::values().to_string())?;
    let network = Network {
        validators,
        file: &file,
        place: format!("embedded:{CLUSTER}"),
    };
    let mut steps = BTreeMap::new();
    let mut note = |step: Step, cost: Cost| {
        let Cost {
            took,
            cpu,
            helm,
            memory,
        } = cost;
        let command = step.command();
        println!("  {command}: {took} s, CPU {cpu} s, Helm's {helm} s, {memory} MB");
        steps.insert(step, cost);
    };
    note(Step::Plan, network.plan()?);
    note(Step::Up, network.up()?);
    let (pods, on_a_node) = network.spread()?;
    let control_plane = (machine::system(CLUSTER)? / 1e6).round();
    note(Step::Status, network.status()?);
    note(Step::Upgrade, network.upgrade()?);
    note(Step::Down, network.down()?);
    Ok(Size {
        validators,
        pods,
        on_a_node,
        control_plane,
        steps,
    })
}

struct Network<'a> {
    validators: u32,
    file: &'a Path,
    place: String,
}

impl Network<'_> {
    /// The arguments that say which values.
    fn values(&self, more: &[&str]) -> Result<Vec<String>> {
        let file = self.file.to_str().context("a path in UTF-8")?;
        let validators = format!("validator.replicas={}", self.validators);
        let words = ["small", "-f", file, "--set", &validators];
        let words = words.into_iter().chain(more.iter().copied());
        Ok(words.map(str::to_owned).collect())
    }

    fn plan(&self) -> Result<Cost> {
        let values = self.values(&[])?;
        let words = [vec!["plan", "-o", "json"], refs(&values)].concat();
        let ran = well(process::aznet(&words, None)?)?;
        let plan: serde_json::Value = serde_json::from_str(&ran.stdout)?;
        let pods = plan["pods"].as_array().map_or(0, Vec::len);
        ensure!(pods > self.count(), "planned are {pods} pods");
        Ok(ran.cost)
    }

    fn up(&self) -> Result<Cost> {
        self.until_ready(&[])
    }

    /// Other values for the last validators, which are replaced one by one.
    fn upgrade(&self) -> Result<Cost> {
        let held = self.validators.saturating_sub(REPLACED);
        let held = format!("validator.updateStrategy.partition={held}");
        let at_once = "validator.updateStrategy.minReadySeconds=0";
        let sets = ["validator.logLevel=debug", &held, at_once];
        let before = replaced()?;
        ensure!(
            before == 0,
            "{before} pods are as changed before the change"
        );
        let cost = self.until_ready(&sets.map(|set| ["--set", set]).concat())?;
        let (replaced, wanted) = (replaced()?, self.count().min(REPLACED as usize));
        ensure!(
            replaced == wanted,
            "{replaced} pods were replaced, not {wanted}"
        );
        Ok(cost)
    }

    fn until_ready(&self, more: &[&str]) -> Result<Cost> {
        let place = ["--name", NETWORK, "--cluster", &self.place, "--yes"];
        let values = self.values(&[more, &place].concat())?;
        let words = [vec!["up"], refs(&values)].concat();
        Ok(process::aznet(&words, Some(PODS_READY))?.cost)
    }

    /// All pods, and the fewest and the most validators on a node.
    fn spread(&self) -> Result<(u32, (u32, u32))> {
        let names = ground::output(&["get", "pods", "-A", "-l", PODS, "-o", "name"])?;
        let path = "jsonpath={.items[?(@.status.phase=='Running')].spec.nodeName}";
        let mut on = BTreeMap::<String, u32>::new();
        for node in of_validators(path)?.split_whitespace() {
            *on.entry(node.to_owned()).or_default() += 1;
        }
        ensure!(
            on.keys().all(|node| node.starts_with("kwok-")),
            "on real nodes: {on:?}"
        );
        let seen: u32 = on.values().sum();
        ensure!(seen == self.validators, "{seen} validators run");
        let (fewest, most) = (on.values().min(), on.values().max());
        let spread = (fewest.copied().unwrap_or(0), most.copied().unwrap_or(0));
        ensure!(
            spread.1 - spread.0 <= 1,
            "{} to {} on a node",
            spread.0,
            spread.1
        );
        Ok((u32::try_from(names.lines().count())?, spread))
    }

    /// No node answers, and the status says so of each.
    fn status(&self) -> Result<Cost> {
        let ran = process::aznet(&["status", NETWORK, "--cluster", &self.place], None)?;
        ensure!(
            ran.status.code() == Some(UNHEALTHY),
            "{}\n{}",
            ran.status,
            ran.stderr
        );
        // Below the table each is named again, with what is wrong with it.
        let table = ran.stdout.lines().filter(|line| !line.starts_with('✗'));
        let words = table.flat_map(str::split_whitespace);
        let listed: BTreeSet<&str> = words.filter(|word| is_validator(word)).collect();
        let listed = listed.len();
        ensure!(listed == self.count(), "{listed} validators are listed");
        Ok(ran.cost)
    }

    fn down(&self) -> Result<Cost> {
        let ran = well(process::aznet(
            &["down", NETWORK, "--cluster", &self.place],
            None,
        )?)?;
        let kinds = "namespaces,persistentvolumes,persistentvolumeclaims";
        let left = ground::output(&["get", kinds, "-A", "-o", "name"])?;
        let is_ours = |line: &&str| {
            line.starts_with("namespace/aznet-") || line.starts_with("persistentvolume")
        };
        let ours: Vec<&str> = left.lines().filter(is_ours).collect();
        ensure!(ours.is_empty(), "left are {}", ours.join(", "));
        Ok(ran.cost)
    }

    fn count(&self) -> usize {
        self.validators as usize
    }
}

/// What kubectl says of the pods of validators.
fn of_validators(path: &str) -> Result<String> {
    let label = "app.kubernetes.io/component=validator";
    ground::output(&["get", "pods", "-A", "-l", label, "-o", path])
}

/// Validators that have the changed values.
fn replaced() -> Result<usize> {
    let path = "jsonpath={.items[*].spec.containers[0].env[?(@.name=='LOG_LEVEL')].value}";
    let levels = of_validators(path)?;
    let changed = levels.split_whitespace().filter(|level| *level == "debug");
    Ok(changed.count())
}

fn is_validator(word: &str) -> bool {
    let ordinal = word.strip_prefix("validator-");
    ordinal.is_some_and(|ordinal| ordinal.parse::<u32>().is_ok())
}

fn refs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

fn well(ran: Ran) -> Result<Ran> {
    if !ran.status.success() {
        bail!("{}\n{}", ran.status, ran.stderr);
    }
    Ok(ran)
}
