//! What faults leave in the network namespaces of pods and among their processes, and taking it away.

use std::collections::{BTreeMap, BTreeSet};

use aznet_network::clients::exec::ExecError;

use crate::daemon::Daemons;
use crate::error::{ChaosError, Residue};
use crate::pods::Pods;

/// Prints the queueing disciplines, the rules and chains, and the sets, a word before each line.
const LOOK: &str = "tc qdisc show | sed 's/^/qdisc /'; \
                    iptables -w 5 -S | sed 's/^/rule /'; \
                    ipset list -name | sed 's/^/set /'";
/// Programs of stress.
const STRESSORS: [&str; 2] = ["stress-ng", "memStress"];

/// Traces by pod: words for each.
pub(crate) type Traces = BTreeMap<String, BTreeSet<String>>;

/// A process of a pod.
struct Process<'a> {
    pid: &'a str,
    program: &'a str,
    cgroups: &'a str,
}

impl Process<'_> {
    fn is_stressor(&self) -> bool {
        STRESSORS
            .iter()
            .any(|program| self.program.starts_with(program))
    }
}

/// Looks for what faults may leave at every pod whose node has a daemon.
pub(crate) async fn look(daemons: &Daemons, pods: &Pods) -> Result<Traces, ChaosError> {
    let mut traces = Traces::new();
    for node in daemons.nodes() {
        let table = run(daemons, node, &["ps", "-eww", "-o", "pid=,comm=,cgroup="]).await?;
        for (name, pod) in pods.iter().filter(|(_, pod)| pod.place.node == node) {
            let (mut found, mut pid) = (BTreeSet::new(), None);
            for process in of_pod(&table, &pod.uid) {
                pid = pid.or(Some(process.pid));
                if STRESSORS
                    .iter()
                    .any(|program| process.program.starts_with(program))
                {
                    found.insert(format!("process {}", process.program));
                }
            }
            if let Some(pid) = pid {
                let words = ["nsenter", "--target", pid, "--net", "--", "sh", "-c", LOOK];
                found.extend(of_namespace(&run(daemons, node, &words).await?));
            }
            traces.insert(name.clone(), found);
        }
    }
    Ok(traces)
}

/// What is there now and was not before.
pub(crate) fn residue(before: &Traces, now: &Traces) -> Vec<Residue> {
    let all = now.iter().flat_map(|(pod, found)| {
        let had = before.get(pod);
        let new = found
            .iter()
            .filter(move |one| had.is_none_or(|had| !had.contains(*one)));
        new.map(move |what| Residue {
            place: format!("pod {pod}"),
            what: what.clone(),
        })
    });
    all.collect()
}

/// Takes away what Chaos Mesh leaves once its faults are over: chains without effect, and sets that nothing uses; with
/// `processes` also load that its daemon has lost.
pub(crate) async fn sweep(
    daemons: &Daemons,
    pods: &Pods,
    left: &[Residue],
    processes: bool,
) -> Result<(), ChaosError> {
    let mut by_pod: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in left {
        if let Some(pod) = one.place.strip_prefix("pod ") {
            by_pod.entry(pod).or_default().push(&one.what);
        }
    }
    for (name, traces) in by_pod {
        let (Some(pod), script) = (pods.get(name), removal(&traces)) else {
            continue;
        };
        if script.is_empty() {
            continue;
        }
        let node = &pod.place.node;
        let table = run(daemons, node, &["ps", "-eww", "-o", "pid=,comm=,cgroup="]).await?;
        let stressors = of_pod(&table, &pod.uid).filter(|one| processes && one.is_stressor());
        for stressor in stressors {
            run(daemons, node, &["kill", "-TERM", stressor.pid]).await?;
        }
        let process = of_pod(&table, &pod.uid).next();
        if let Some(process) = process.filter(|_| !script.is_empty()) {
            let words = [
                "nsenter",
                "--target",
                process.pid,
                "--net",
                "--",
                "sh",
                "-c",
                &script,
            ];
            run(daemons, node, &words).await?;
        }
    }
    Ok(())
}

async fn run(daemons: &Daemons, node: &str, words: &[&str]) -> Result<String, ChaosError> {
    match daemons.run(node, words).await {
        // A process that has ended since takes its namespace with it.
        None | Some(Err(ExecError::Failed { .. })) => Ok(String::new()),
        Some(said) => said.map_err(|error| ChaosError::Measure(error.into())),
    }
}

/// The processes of a pod in what `ps` prints.
fn of_pod<'a>(table: &'a str, uid: &str) -> impl Iterator<Item = Process<'a>> {
    // As systemd writes it, too.
    let names = [format!("pod{uid}"), format!("pod{}", uid.replace('-', "_"))];
    let is_known = !uid.is_empty();
    let all = table.lines().filter_map(|line| {
        let (pid, rest) = line.trim_start().split_once(' ')?;
        let (program, cgroups) = rest.trim_start().split_once(' ')?;
        Some(Process {
            pid,
            program,
            cgroups,
        })
    });
    all.filter(move |one| is_known && names.iter().any(|name| one.cgroups.contains(name)))
}

/// What of a namespace is not as the kernel makes it.
fn of_namespace(text: &str) -> impl Iterator<Item = String> {
    let ours = text.lines().map(str::trim_end).filter(|line| {
        let mut words = line.split(' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            // `qdisc qdisc noqueue 0: dev lo …`: the kernel's own have no handle.
            (Some("qdisc"), _, _, Some(handle)) => handle != "0:",
            // `rule -P INPUT ACCEPT`
            (Some("rule"), Some(option), ..) => option != "-P",
            (Some("set"), Some(name), ..) => !name.is_empty(),
            _ => false,
        }
    });
    ours.map(|line| line.strip_prefix("qdisc ").unwrap_or(line).to_owned())
}

/// What removes chains, rules and sets; nothing where a rule of Chaos Mesh's is still in force.
fn removal(traces: &[&str]) -> String {
    let rules: Vec<&str> = traces
        .iter()
        .filter_map(|one| one.strip_prefix("rule "))
        .collect();
    let in_force = |rule: &&str| rule.starts_with("-A CHAOS-");
    if rules.iter().any(in_force) {
        return String::new();
    }
    let jumps = rules.iter().filter_map(|rule| {
        let chain = rule.strip_prefix("-A ")?.split(' ').nth(2)?;
        let jump = rule
            .strip_prefix("-A ")
            .filter(|_| chain.starts_with("CHAOS-") || chain.starts_with("AZNET-"))?;
        Some(format!("iptables -w 5 -D {jump}"))
    });
    let chains = || {
        rules
            .iter()
            .filter_map(|rule| rule.strip_prefix("-N "))
            .filter(|name| is_plain(name))
    };
    let emptied = chains().map(|chain| format!("iptables -w 5 -F {chain}"));
    let removed = chains().map(|chain| format!("iptables -w 5 -X {chain}"));
    let sets = traces
        .iter()
        .filter_map(|one| one.strip_prefix("set "))
        .filter(|name| is_plain(name));
    // A set of sets first.
    let mut sets: Vec<&str> = sets.collect();
    sets.sort_by_key(|name| !name.contains("_set_"));
    let flushed = sets.iter().map(|set| format!("ipset flush {set}"));
    let destroyed = sets.iter().map(|set| format!("ipset destroy {set}"));
    let all = jumps
        .chain(emptied)
        .chain(removed)
        .chain(flushed)
        .chain(destroyed);
    all.collect::<Vec<_>>().join("; ")
}

/// Nothing that a shell takes for anything but a word.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_/.".contains(c);
    !name.is_empty() && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_makes_itself_is_no_trace() {
        let text = "qdisc qdisc noqueue 0: dev lo root refcnt 2 \n\
            qdisc qdisc tbf 1: dev eth0 root refcnt 2 rate 8Mbit \n\
            rule -P INPUT ACCEPT\nrule -N CHAOS-INPUT\nset a_net_tgt_\n";
        let found: Vec<String> = of_namespace(text).collect();
        assert_eq!(
            found,
            [
                "qdisc tbf 1: dev eth0 root refcnt 2 rate 8Mbit",
                "rule -N CHAOS-INPUT",
                "set a_net_tgt_"
            ]
        );
    }

    #[test]
    fn processes_of_a_pod_are_known_by_its_cgroup() {
        let table = "   12 node            1:cpu:/kubepods/burstable/poda-b/c\n   \
            13 stress-ng-cpu   0::/kubepods-poda_b.slice/x\n   14 sh              0::/\n";
        let found: Vec<&str> = of_pod(table, "a-b").map(|one| one.program).collect();
        assert_eq!(found, ["node", "stress-ng-cpu"]);
        assert_eq!(of_pod(table, "").count(), 0);
    }

    #[test]
    fn empty_chains_and_sets_are_removed_and_rules_in_force_are_not() {
        let left = [
            "rule -N CHAOS-INPUT",
            "rule -N INPUT/x_",
            "rule -A INPUT -j CHAOS-INPUT",
            "set x_set_tgt_",
        ];
        assert_eq!(
            removal(&left),
            "iptables -w 5 -D INPUT -j CHAOS-INPUT; iptables -w 5 -F CHAOS-INPUT; iptables -w 5 -F INPUT/x_; \
             iptables -w 5 -X CHAOS-INPUT; iptables -w 5 -X INPUT/x_; ipset flush x_set_tgt_; ipset destroy x_set_tgt_"
        );
        assert_eq!(
            removal(&[&left[..], &["rule -A CHAOS-INPUT -j INPUT/x_"]].concat()),
            ""
        );
        assert_eq!(removal(&["set $(reboot)"]), "");
    }
}
