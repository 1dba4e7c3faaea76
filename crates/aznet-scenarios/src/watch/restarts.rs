//! Containers that ended and were started again, from two looks at the pods.

use aznet_model::role::Role;
use aznet_network::observe::instances::{Ended, Instance};

/// A pod that is not the run that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restart {
    pub(crate) pod: String,
    pub(crate) role: Role,
    /// How often its containers were restarted until now.
    pub(crate) restarts: u32,
    /// What Kubernetes says of it.
    pub(crate) why: String,
    /// Whether the machine failed it: it had no memory left, or no room on its disk.
    pub(crate) by_machine: bool,
}

impl Restart {
    /// The same, with what the run that ended wrote last.
    pub(crate) fn with_last_words(self, lines: &[String]) -> Self {
        let Some(line) = lines.iter().find(|line| says_disk_full(line)) else {
            return self;
        };
        Self {
            why: format!("{}; its disk is full: {}", self.why, line.trim()),
            by_machine: true,
            ..self
        }
    }
}

/// The words of the C library for ENOSPC, which Node.js and LMDB pass on, or the error's name.
fn says_disk_full(line: &str) -> bool {
    line.contains("No space left on device") || line.contains("ENOSPC")
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
            Some(old) if old.uid == new.uid => restarts.push(again(new)),
            Some(_) => restarts.push(replaced(new, "it is another pod than before".to_owned())),
            None => {
                let same = |old: &&Instance| old.role == new.role && !new.role.is_stateful();
                let Some(place) = gone.iter().position(same) else {
                    continue;
                };
                let old = gone.swap_remove(place);
                restarts.push(replaced(new, format!("it replaces {}", old.pod)));
            }
        }
    }
    restarts
}

fn again(new: &Instance) -> Restart {
    let ended = new.ended.as_ref();
    Restart {
        pod: new.pod.clone(),
        role: new.role,
        restarts: new.restarts,
        why: ended.map_or_else(
            || "the kubelet does not say why".to_owned(),
            ToString::to_string,
        ),
        by_machine: ended.is_some_and(|ended| ended.reason == Ended::OUT_OF_MEMORY),
    }
}

fn replaced(new: &Instance, why: String) -> Restart {
    Restart {
        pod: new.pod.clone(),
        role: new.role,
        restarts: new.restarts,
        why,
        by_machine: false,
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
                    if one.by_machine { "!" } else { "" }
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
    }

    /// A container that ends on a full disk says nothing of the network.
    #[test]
    fn a_full_disk_is_the_machines_failure() {
        let ended = |reason: &str| Restart {
            pod: "validator-0".to_owned(),
            role: Role::Validator,
            restarts: 1,
            why: format!("aztec ended with exit code 1 ({reason})"),
            by_machine: false,
        };
        let said =
            |line: &str| ended("Error").with_last_words(&["INFO".to_owned(), line.to_owned()]);
        let full = said("ERROR: world-state Error: mdb_txn_commit: No space left on device");
        assert!(
            full.by_machine && full.why.contains("its disk is full: ERROR: world-state"),
            "{full:?}"
        );
        assert!(said("Error: ENOSPC: no space left on device, write").by_machine);
        assert_eq!(
            said("ERROR: world-state Error: the tree is corrupt"),
            ended("Error")
        );
        assert_eq!(ended("Error").with_last_words(&[]), ended("Error"));
    }
}
