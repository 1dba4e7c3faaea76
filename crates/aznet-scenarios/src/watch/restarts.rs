//! Containers that ended and were started again, from two looks at the pods.

use aznet_model::role::Role;
use aznet_network::observe::instances::{Ended, Instance};

use super::invariant::Rule;

/// A pod that is not the run that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restart {
    pub(crate) pod: String,
    pub(crate) role: Role,
    /// How often its containers were restarted until now.
    pub(crate) restarts: u32,
    /// What Kubernetes says of it.
    pub(crate) why: String,
    /// The pod that was there before, by name: another one where names are not kept.
    pub(crate) was: String,
    /// The machine that it ran on before.
    pub(crate) machine: Option<String>,
    /// Whose failure it is.
    pub(crate) blame: Blame,
}

/// Whose failure it is that a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// What runs in it.
    Network,
    /// It took more memory than it may, or than there is.
    Memory,
    /// The machine failed it: no room on its disk, an eviction.
    Machine,
}

/// What a restart means to the tests on the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Something is broken.
    Broken(Rule),
    /// They can't be judged.
    NotTestable,
    /// One of them did it, and says itself what must be so of it.
    Meant,
}

impl Restart {
    /// What it means, where a test is `meant` to end containers of its role, or its memory must be `bounded`.
    pub(crate) const fn meaning(&self, meant: bool, bounded: bool) -> Meaning {
        match self.blame {
            // What an attack makes a node take is what the test is about.
            Blame::Memory if bounded => Meaning::Broken(Rule::Memory),
            _ if meant => Meaning::Meant,
            Blame::Network => Meaning::Broken(Rule::Restart),
            Blame::Memory | Blame::Machine => Meaning::NotTestable,
        }
    }

    /// The same, where that is known of its machine or of what the cluster did.
    pub(crate) fn of_machine(self, why: &str) -> Self {
        Self {
            why: format!("{}; {why}", self.why),
            blame: Blame::Machine,
            ..self
        }
    }

    /// The same, with what the run that ended wrote last.
    pub(crate) fn with_last_words(self, lines: &[String]) -> Self {
        let Some(line) = lines.iter().find(|line| says_disk_full(line)) else {
            return self;
        };
        Self {
            why: format!("{}; its disk is full: {}", self.why, line.trim()),
            blame: Blame::Machine,
            ..self
        }
    }
}

/// The words of the C library for ENOSPC, which Node.js and LMDB pass on, or the error's name.
fn says_disk_full(line: &str) -> bool {
    line.contains("No space left on device") || line.contains("ENOSPC")
}

/// Who of `before` is gone, even where another pod has its name now.
pub(crate) fn gone<'a>(
    before: &'a [Instance],
    now: &'a [Instance],
) -> impl Iterator<Item = &'a Instance> {
    let stays = move |old: &Instance| now.iter().any(|new| new.uid == old.uid);
    before.iter().filter(move |old| !stays(old))
}

/// Who of `now` is another run than in `before`. A pod whose name is new is one only if one of its role is gone, and
/// names of that role are not kept.
pub(crate) fn between(before: &[Instance], now: &[Instance]) -> Vec<Restart> {
    let named = |all: &[Instance], pod: &str| all.iter().find(|one| one.pod == pod).cloned();
    let mut gone: Vec<&Instance> = before
        .iter()
        .filter(|old| named(now, &old.pod).is_none())
        .collect();
    let mut restarts = Vec::new();
    for new in now {
        match named(before, &new.pod) {
            Some(old) if old.run() == new.run() => {}
            Some(old) if old.uid == new.uid => restarts.push(again(&old, new)),
            Some(old) => {
                restarts.push(replaced(
                    &old,
                    new,
                    "it is another pod than before".to_owned(),
                ));
            }
            None => {
                let same = |old: &&Instance| old.role == new.role && !new.role.is_stateful();
                let Some(place) = gone.iter().position(same) else {
                    continue;
                };
                let old = gone.swap_remove(place);
                restarts.push(replaced(old, new, format!("it replaces {}", old.pod)));
            }
        }
    }
    restarts
}

fn again(old: &Instance, new: &Instance) -> Restart {
    let ended = new.ended.as_ref();
    let why = ended.map_or_else(
        || "the kubelet does not say why".to_owned(),
        ToString::to_string,
    );
    let of_memory = ended.is_some_and(|ended| ended.reason == Ended::OUT_OF_MEMORY);
    Restart {
        blame: if of_memory {
            Blame::Memory
        } else {
            Blame::Network
        },
        ..replaced(old, new, why)
    }
}

fn replaced(old: &Instance, new: &Instance, why: String) -> Restart {
    Restart {
        pod: new.pod.clone(),
        role: new.role,
        restarts: new.restarts,
        why,
        was: old.pod.clone(),
        machine: old.machine.clone(),
        blame: Blame::Network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(pod: &str, role: Role, uid: &str, restarts: u32) -> Instance {
        Instance {
            pod: pod.to_owned(),
            role,
            uid: uid.to_owned(),
            machine: None,
            running: true,
            ready: true,
            restarts,
            ended: (restarts > 0).then(|| Ended {
                container: "aztec".to_owned(),
                exit_code: 137,
                reason: "OOMKilled".to_owned(),
                message: String::new(),
                at: None,
            }),
        }
    }

    #[test]
    fn restarts_and_replacements_are_seen_and_new_pods_are_none() {
        let before = [
            instance("anvil-a", Role::Anvil, "1", 0),
            instance("validator-0", Role::Validator, "2", 0),
            instance("validator-1", Role::Validator, "3", 0),
            instance("validator-2", Role::Validator, "4", 2),
        ];
        let now = [
            instance("anvil-b", Role::Anvil, "9", 0),
            instance("validator-0", Role::Validator, "2", 1),
            instance("validator-1", Role::Validator, "8", 0),
            instance("validator-2", Role::Validator, "4", 2),
            instance("validator-3", Role::Validator, "7", 0),
        ];
        let seen: Vec<String> = between(&before, &now)
            .iter()
            .map(|one| {
                format!(
                    "{}: {}{}",
                    one.pod,
                    one.why,
                    if one.blame == Blame::Memory { "!" } else { "" }
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                "anvil-b: it replaces anvil-a",
                "validator-0: aztec ended with exit code 137 (OOMKilled)!",
                "validator-1: it is another pod than before",
            ]
        );
        assert_eq!(between(&before, &before), []);
        let gone: Vec<&str> = gone(&before, &now).map(|one| one.uid.as_str()).collect();
        assert_eq!(gone, ["1", "3"]);
    }

    /// A container that an attack was to make take much memory, and which took more than there is, is what was found.
    #[test]
    fn a_node_under_attack_may_not_run_out_of_memory_and_others_may_for_the_machine() {
        let of = |blame| Restart {
            blame,
            ..ended("OOMKilled")
        };
        let memory = of(Blame::Memory);
        assert_eq!(memory.meaning(false, false), Meaning::NotTestable);
        assert_eq!(memory.meaning(false, true), Meaning::Broken(Rule::Memory));
        assert_eq!(memory.meaning(true, true), Meaning::Broken(Rule::Memory));
        assert_eq!(memory.meaning(true, false), Meaning::Meant);
        let machine = memory.of_machine("Evicted: low on memory");
        assert_eq!(machine.meaning(false, true), Meaning::NotTestable);
        assert!(machine.why.ends_with("; Evicted: low on memory"));
        let network = of(Blame::Network);
        assert_eq!(network.meaning(false, true), Meaning::Broken(Rule::Restart));
        assert_eq!(network.meaning(true, true), Meaning::Meant);
    }

    fn ended(reason: &str) -> Restart {
        Restart {
            pod: "validator-0".to_owned(),
            role: Role::Validator,
            restarts: 1,
            why: format!("aztec ended with exit code 1 ({reason})"),
            was: "validator-0".to_owned(),
            machine: None,
            blame: Blame::Network,
        }
    }

    /// A container that ends on a full disk says nothing of the network.
    #[test]
    fn a_full_disk_is_the_machines_failure() {
        let said =
            |line: &str| ended("Error").with_last_words(&["INFO".to_owned(), line.to_owned()]);
        let full = said("ERROR: world-state Error: mdb_txn_commit: No space left on device");
        assert!(
            full.blame == Blame::Machine
                && full.why.contains("its disk is full: ERROR: world-state"),
            "{full:?}"
        );
        let full = said("Error: ENOSPC: no space left on device, write");
        assert_eq!(full.blame, Blame::Machine);
        assert_eq!(
            said("ERROR: world-state Error: the tree is corrupt"),
            ended("Error")
        );
        assert_eq!(ended("Error").with_last_words(&[]), ended("Error"));
    }
}
