//! Containers that ended and were started again, from two looks at the pods.

use aznet_network::observe::instances::{Ended, Instance};

/// A pod that is not the run that it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restart {
    pub(crate) pod: String,
    /// How often its containers were restarted until now.
    pub(crate) restarts: u32,
    /// What Kubernetes says of it.
    pub(crate) why: String,
    /// Whether it took more memory than it may.
    pub(crate) out_of_memory: bool,
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
        restarts: new.restarts,
        why: ended.map_or_else(
            || "the kubelet does not say why".to_owned(),
            ToString::to_string,
        ),
        out_of_memory: ended.is_some_and(|ended| ended.reason == Ended::OUT_OF_MEMORY),
    }
}

fn replaced(new: &Instance, why: String) -> Restart {
    Restart {
        pod: new.pod.clone(),
        restarts: new.restarts,
        why,
        out_of_memory: false,
    }
}

#[cfg(test)]
mod tests {
    use aznet_model::role::Role;

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
                    if one.out_of_memory { "!" } else { "" }
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
}
