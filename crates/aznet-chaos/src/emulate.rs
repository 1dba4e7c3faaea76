//! Delay, loss and the like by `aznet-netem`, on nodes whose kernel has no netem. It runs in the pod of Chaos Mesh's daemon, only while the fault
//! lasts, and ends by itself when its time is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use aznet_model::chaos::{Direction, Experiment, NetworkFault};
use aznet_model::emulation::{Emulation, Link, NAME};
use jiff::Timestamp;
use kube::Client;
use serde::Deserialize;
use serde_json::Value;

use crate::daemon::Daemons;
use crate::error::ChaosError;
use crate::pods::Pods;
use crate::target::{self, Hit};

/// Starts the program for `$1` beside the daemon, with notes of what it tells: `$2` is what it does, `$3` the folder of pods' logs, which is
/// seen as the kubelet sees it, or else the machine's first process.
const START: &str = r#"mkdir -p /tmp/aznet-netem && cd /tmp/aznet-netem
printf '%s\n' "$2" > "$1.json"
for seer in $(pgrep -x kubelet) 1; do [ -d "/proc/$seer/root$3" ] && break; done
AZNET_NETEM="$2" setsid aznet-netem --pod-logs "/proc/$seer/root$3" > "$1.log" 2>&1 < /dev/null &
echo $! > "$1.pid""#;
/// Prints what it tells, and `runs` as long as it does.
const LOOK: &str = r#"cd /tmp/aznet-netem 2> /dev/null || exit 0
cat "$1.log" 2> /dev/null
[ -f "$1.pid" ] && kill -0 "$(cat "$1.pid")" 2> /dev/null && echo runs; true"#;
/// Has it take everything back, and waits for that.
const STOP: &str = r#"cd /tmp/aznet-netem 2> /dev/null || exit 0
for pid in $1.pid; do
  [ -f "$pid" ] || continue
  kill -TERM "$(cat "$pid")" 2> /dev/null
  n=0; while kill -0 "$(cat "$pid")" 2> /dev/null && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
  rm -f "$pid" "${pid%.pid}.log" "${pid%.pid}.json"
done"#;
/// Prints what it does, by whichever of `$1` it is done now: the name, and what it was told.
const LIST: &str = r#"cd /tmp/aznet-netem 2> /dev/null || exit 0
for pid in $1.pid; do
  [ -f "$pid" ] && kill -0 "$(cat "$pid")" 2> /dev/null || continue
  echo "${pid%.pid}" && cat "${pid%.pid}.json"
done; true"#;
/// Where the kubelet keeps pods' logs unless it is told otherwise.
const USUAL_LOGS: &str = "/var/log/pods";

/// Links that an experiment has at most on one pod: those of its pods, and those of its target's.
const LINKS: usize = 2;

/// A fault that is emulated.
#[derive(Debug)]
pub(crate) struct Emulated {
    /// Its name among the notes: that of the namespace and the experiment.
    key: String,
    fault: NetworkFault,
    lasts: Duration,
    /// When it ends, in seconds since 1970, once it has begun.
    until: OnceLock<u64>,
    /// It, without its end and its links.
    emulation: Emulation,
    aim: Mutex<Aim>,
}

/// Whom it is done to.
#[derive(Debug, Clone, PartialEq)]
struct Aim {
    hit: Hit,
    nodes: BTreeSet<String>,
    links: Vec<Link>,
}

/// How far it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Pods that it is done to.
    pub(crate) begun: BTreeSet<String>,
    /// What went wrong last.
    pub(crate) said: Option<String>,
    /// The nodes that the program runs on.
    pub(crate) runs: BTreeSet<String>,
}

impl Emulated {
    /// What is to be done; which pods is decided here.
    pub(crate) fn of(
        namespace: &str,
        (name, experiment): (&str, &Experiment),
        fault: &NetworkFault,
        (pods, seed): (&Pods, u64),
        beside: usize,
    ) -> Self {
        let hit = target::choose((name, seed), experiment, pods);
        Self {
            key: format!("{namespace}.{name}"),
            fault: fault.clone(),
            lasts: experiment.duration.duration(),
            until: OnceLock::new(),
            emulation: Emulation {
                experiment: short(name),
                namespace: namespace.to_owned(),
                until: 0,
                beside: u8::try_from(beside * LINKS).unwrap_or_default(),
                seed: target::hash(&(name, seed)),
                links: Vec::new(),
            },
            aim: Mutex::new(Aim::at(hit, fault, pods)),
        }
    }

    /// Begins on every node that has pods of it.
    pub(crate) async fn start(&self, client: &Client) -> Result<(), ChaosError> {
        let nodes = self.aim().nodes.clone();
        self.start_on(client, &nodes).await
    }

    async fn start_on(&self, client: &Client, nodes: &BTreeSet<String>) -> Result<(), ChaosError> {
        let daemons = Daemons::find(client).await?;
        let until = *self.until.get_or_init(|| now() + self.lasts.as_secs());
        let aim = self.aim().clone();
        let begun = Emulation {
            until,
            links: aim.links,
            ..self.emulation.clone()
        };
        let asked = serde_json::to_string(&begun).unwrap_or_default();
        for node in nodes {
            let logs = pod_logs(client, node).await;
            run(&daemons, node, &[START, "sh", &self.key, &asked, &logs]).await?;
        }
        Ok(())
    }

    /// Begins anew where it would be done to others, or to the same ones with other addresses: by name the program follows pods
    /// itself. Whether it was.
    pub(crate) async fn start_again(
        &self,
        client: &Client,
        hit: Hit,
        pods: &Pods,
    ) -> Result<bool, ChaosError> {
        let aim = Aim::at(hit, &self.fault, pods);
        if *self.aim() == aim {
            return Ok(false);
        }
        self.stop(client).await?;
        *self.aim() = aim;
        self.start(client).await?;
        Ok(true)
    }

    /// Begins anew where the program was killed, as with the daemon beside which it ran. Whether it was.
    pub(crate) async fn revive(&self, client: &Client) -> Result<bool, ChaosError> {
        let runs = self.look(client).await?.runs;
        let dead: BTreeSet<String> = self.aim().nodes.difference(&runs).cloned().collect();
        if dead.is_empty() || self.is_due() {
            return Ok(false);
        }
        self.start_on(client, &dead).await?;
        Ok(true)
    }

    /// Whether its time is over.
    pub(crate) fn is_due(&self) -> bool {
        self.until.get().is_some_and(|until| now() >= *until)
    }

    /// How far it is on all nodes together.
    pub(crate) async fn look(&self, client: &Client) -> Result<Progress, ChaosError> {
        let daemons = Daemons::find(client).await?;
        let mut progress = Progress::default();
        let nodes = self.aim().nodes.clone();
        for node in &nodes {
            progress.read(node, &run(&daemons, node, &[LOOK, "sh", &self.key]).await?);
        }
        Ok(progress)
    }

    /// Takes it back on every node.
    pub(crate) async fn stop(&self, client: &Client) -> Result<(), ChaosError> {
        stop(client, &self.key).await
    }

    /// The pods that it is done to.
    pub(crate) fn hit(&self) -> Hit {
        self.aim().hit.clone()
    }

    /// Pods that must show that it has begun.
    pub(crate) fn sending(&self) -> BTreeSet<String> {
        self.aim().sending().cloned().collect()
    }

    fn aim(&self) -> MutexGuard<'_, Aim> {
        self.aim.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Aim {
    fn at(hit: Hit, fault: &NetworkFault, pods: &Pods) -> Self {
        let addresses = |names: &[String]| {
            let ips = names.iter().filter_map(|name| pods.get(name)?.place.ip);
            Some(ips.map(|ip| ip.to_string()).collect())
        };
        let link = |pods: &[String], peers| Link {
            pods: pods.to_vec(),
            peers,
            impairment: fault.impairment(),
        };
        let direction = fault.direction.unwrap_or(Direction::To);
        let peers = fault.target.as_ref().and_then(|_| addresses(&hit.targets));
        let mut links = Vec::new();
        if direction != Direction::From {
            links.push(link(&hit.pods, peers));
        }
        if direction != Direction::To {
            links.push(link(&hit.targets, addresses(&hit.pods)));
        }
        let mut aim = Self {
            hit,
            nodes: BTreeSet::new(),
            links,
        };
        let node = |name: &String| Some(pods.get(name)?.place.node.clone());
        aim.nodes = aim.sending().filter_map(node).collect();
        aim
    }

    fn sending(&self) -> impl Iterator<Item = &String> {
        self.links.iter().flat_map(|link| &link.pods)
    }
}

impl Progress {
    fn read(&mut self, node: &str, told: &str) {
        #[derive(Deserialize)]
        struct Told {
            event: String,
            pod: Option<String>,
            error: Option<String>,
        }
        for line in told.lines() {
            let Ok(event) = serde_json::from_str::<Told>(line) else {
                if line == "runs" {
                    self.runs.insert(node.to_owned());
                }
                continue;
            };
            match (event.event.as_str(), event.pod) {
                ("began", Some(pod)) => {
                    self.begun.insert(pod);
                }
                ("ended", Some(pod)) => {
                    self.begun.remove(&pod);
                }
                _ => self.said = event.error.or(self.said.take()),
            }
        }
    }
}

/// What is emulated in a namespace now, by the experiment's name.
pub(crate) async fn list(
    client: &Client,
    namespace: &str,
) -> Result<BTreeMap<String, Emulation>, ChaosError> {
    let daemons = Daemons::find(client).await?;
    let mut all = BTreeMap::new();
    for node in daemons.nodes() {
        let told = run(&daemons, node, &[LIST, "sh", &format!("{namespace}.*")]).await?;
        all.extend(listed(namespace, &told));
    }
    Ok(all)
}

fn listed(namespace: &str, told: &str) -> BTreeMap<String, Emulation> {
    let lines: Vec<&str> = told.lines().collect();
    let pairs = lines.chunks_exact(2).filter_map(|pair| {
        let name = pair[0].strip_prefix(namespace)?.strip_prefix('.')?;
        Some((name.to_owned(), serde_json::from_str(pair[1]).ok()?))
    });
    pairs.collect()
}

/// Takes back all that is emulated in a namespace.
pub(crate) async fn stop_all(client: &Client, namespace: &str) -> Result<(), ChaosError> {
    stop(client, &format!("{namespace}.*")).await
}

async fn stop(client: &Client, keys: &str) -> Result<(), ChaosError> {
    let daemons = Daemons::find(client).await?;
    for node in daemons.nodes() {
        run(&daemons, node, &[STOP, "sh", keys]).await?;
    }
    Ok(())
}

async fn run(daemons: &Daemons, node: &str, script: &[&str]) -> Result<String, ChaosError> {
    let words = [&["sh", "-c"], script].concat();
    let said = daemons.run(node, &words).await.unwrap_or(Ok(String::new()));
    said.map_err(|error| ChaosError::Measure(error.into()))
}

/// In seconds since 1970.
fn now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}

/// Where the kubelet of a node keeps pods' logs, by its own account.
async fn pod_logs(client: &Client, node: &str) -> String {
    let asked = http::Request::get(format!("/api/v1/nodes/{node}/proxy/configz")).body(Vec::new());
    let Ok(asked) = asked else {
        return USUAL_LOGS.to_owned();
    };
    let told = client.request::<Value>(asked).await.unwrap_or_default();
    let folder = told["kubeletconfig"]["podLogsDir"].as_str();
    folder.unwrap_or(USUAL_LOGS).to_owned()
}

/// A name that has room in that of a chain.
fn short(name: &str) -> String {
    if name.len() <= NAME {
        return name.to_owned();
    }
    let begin: String = name.chars().take(NAME - 9).collect();
    format!("{begin}-{:08x}", target::hash(&name) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_what_has_begun_and_not_ended() {
        let mut progress = Progress::default();
        progress.read(
            "one",
            r#"{"event":"began","pod":"validator-0","uid":"1"}
{"event":"began","pod":"validator-1","uid":"2"}
{"event":"ended","pod":"validator-0","uid":"1","packets":7}
{"event":"refused","pod":"validator-2","uid":"3","error":"no queue"}
runs"#,
        );
        assert_eq!(progress.begun, BTreeSet::from(["validator-1".to_owned()]));
        assert_eq!(progress.said.as_deref(), Some("no queue"));
        progress.read("other", "");
        assert_eq!(progress.runs, BTreeSet::from(["one".to_owned()]));
    }

    #[test]
    fn what_is_emulated_is_known_by_its_experiment() {
        let told = "net.slow\n{\"experiment\": \"slow\", \"namespace\": \"net\", \"until\": 7, \"seed\": 1, \"links\": []}\n";
        let all = listed("net", told);
        assert_eq!(all["slow"].until, 7);
        assert!(listed("other", told).is_empty());
    }

    #[test]
    fn a_long_name_is_cut_and_stays_its_own() {
        assert_eq!(short("slow-validators"), "slow-validators");
        let (one, other) = (
            short("a-name-that-is-too-long-1"),
            short("a-name-that-is-too-long-2"),
        );
        assert!(
            one.len() <= NAME && other.len() <= NAME && one != other,
            "{one} {other}"
        );
    }
}
