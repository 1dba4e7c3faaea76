//! The matrix: every topology under every condition, each a test `transfer@CONDITION` of its topology.

use std::sync::Arc;
use std::time::Duration;

use aznet_network::namespace::Network;
use aznet_runner::{Class, Failure, Test, TestId};
use futures::future::BoxFuture;

use crate::attack;
use crate::beside::Beside;
use crate::condition::{Condition, ROLL_OUT};
use crate::faults::Tools;
use crate::topology::Facts;
use crate::watch::Watch;
use crate::{Provide, attend, cell};

/// What the cells are called before their condition.
pub(crate) const SCENARIO: &str = "transfer";
/// For the start of a network, a transfer down to finality, and faults that are done and undone; what is waited for inside
/// has deadlines of its own in protocol time.
pub(crate) const DEADLINE: Duration = Duration::from_mins(75);

/// Gives what faults are done with on a network's cluster, with Chaos Mesh installed.
pub type Equip = Arc<dyn Fn(Network) -> BoxFuture<'static, Result<Tools, Failure>> + Send + Sync>;

/// Says that no other test is to have the network that the last one had.
pub type Spoil = Arc<dyn Fn() + Send + Sync>;

/// What may be done to the networks of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allows {
    /// They are the run's own.
    Everything,
    /// It was there before: it may be disturbed, and must stay.
    Disturbing,
    /// The same, and what was named for it may be rolled out on it.
    RollingOut,
    /// It was there before, and is to be left alone.
    Looking,
}

/// A topology, and its networks.
#[derive(Clone)]
pub struct Row {
    /// Its name.
    pub topology: String,
    /// What decides which conditions are possible.
    pub facts: Facts,
    /// What may be done to its networks.
    pub allows: Allows,
    /// Gives the network that its tests share.
    pub shared: Provide,
    /// Gives a network that no test has run on.
    pub fresh: Provide,
    /// Is called where a test did not pass, or was stopped.
    pub spoil: Spoil,
}

/// Spoils the network of a test, unless that has passed, or was skipped and did nothing to it.
struct UnlessPassed(Option<Spoil>);

impl UnlessPassed {
    fn ended(mut self, outcome: &Result<(), Failure>) {
        if matches!(outcome, Ok(()) | Err(Failure::Skipped(_))) {
            self.0 = None;
        }
    }
}

impl Drop for UnlessPassed {
    fn drop(&mut self) {
        if let Some(spoil) = &self.0 {
            spoil();
        }
    }
}

impl Row {
    /// Why a condition is not possible here; `None`: it is.
    pub fn refusal(&self, condition: &Condition) -> Option<String> {
        let allowed = match (self.allows, condition.class()) {
            (Allows::Everything, _)
            | (_, Class::Observe)
            | (Allows::Disturbing | Allows::RollingOut, Class::Disrupt) => None,
            (Allows::RollingOut, Class::Own) if condition.name == ROLL_OUT => None,
            (_, Class::Own) => {
                Some("needs a network of its own: it would leave this one with a history")
            }
            (Allows::Looking, Class::Disrupt) => {
                Some("disturbs the network, which was there before: --disruptive allows that")
            }
        };
        condition
            .refusal(&self.facts)
            .or_else(|| allowed.map(str::to_owned))
    }

    /// The test of a condition, skipped with the reason where it is not possible.
    fn test(&self, condition: &'static Condition, equip: &Equip, watch: &Watch) -> Test {
        let id = id(&self.topology, condition);
        let about = format!(
            "tokens move; {}: {}",
            condition.about,
            condition.expects.words()
        );
        let refusal = self.refusal(condition);
        let (row, equip, watch) = (self.clone(), equip.clone(), watch.clone());
        let body = move |context| {
            let (row, equip, refusal) = (row.clone(), equip.clone(), refusal.clone());
            let watch = watch.clone();
            async move {
                if let Some(reason) = refusal {
                    return Err(Failure::Skipped(reason));
                }
                let network = match condition.class() {
                    Class::Own => (row.fresh)().await?,
                    Class::Observe | Class::Disrupt => (row.shared)().await?,
                };
                let unless_passed = UnlessPassed(Some(row.spoil.clone()));
                let place = (network.clone(), context);
                let outcome = if condition.is_calm() {
                    attend(cell::calm, &[], place, &watch).await
                } else {
                    let tools = if condition.waves.is_empty() {
                        None
                    } else {
                        Some(equip(network).await?)
                    };
                    let (trouble, beside) = (condition.trouble(), beside(condition.attack)?);
                    let done = (&row.facts, tools.as_ref());
                    let run = |world| cell::disturbed(world, trouble, done, &beside);
                    let restarts = [trouble.restarts().as_slice(), beside.restarts()].concat();
                    attend(run, &restarts, place, &watch).await
                };
                unless_passed.ended(&outcome);
                outcome
            }
        };
        Test::new(id.network, id.name, about, body)
            .class(condition.class())
            .tags(condition.tags())
            .deadline(DEADLINE)
    }
}

/// What goes on beside the transfers: the attack called so.
fn beside(attack: Option<&str>) -> Result<Beside, Failure> {
    let attack = attack.map(|name| {
        let unknown = || Failure::Infrastructure(format!("there is no attack {name}"));
        attack::named(name).ok_or_else(unknown)
    });
    Ok(Beside {
        attack: attack.transpose()?,
        load: 0,
    })
}

/// Which test a cell is.
pub fn id(topology: &str, condition: &Condition) -> TestId {
    TestId {
        network: topology.to_owned(),
        name: format!("{SCENARIO}@{}", condition.name),
    }
}

/// Every row under each of these conditions.
pub fn tests(rows: &[Row], conditions: &[&'static Condition], equip: &Equip) -> Vec<Test> {
    let watch = &Watch::default();
    let cells = rows.iter().flat_map(|row| {
        let each = conditions.iter();
        each.map(move |condition| row.test(condition, equip, watch))
    });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::condition::CONDITIONS;
    use crate::topology::TOPOLOGIES;
    use crate::topology::tests::facts;

    fn row(name: &str, facts: Facts, allows: Allows) -> Row {
        let none: Provide =
            Arc::new(|| Box::pin(async { Err(Failure::Infrastructure("no network".to_owned())) }));
        Row {
            topology: name.to_owned(),
            facts,
            allows,
            shared: none.clone(),
            fresh: none,
            spoil: Arc::new(|| ()),
        }
    }

    fn equip() -> Equip {
        Arc::new(|_| Box::pin(async { Err(Failure::Infrastructure("no tools".to_owned())) }))
    }

    /// A change of a topology or of a rule shows here.
    #[test]
    fn impossible_cells_are_skipped_with_the_reason() {
        let mut table = String::new();
        for topology in TOPOLOGIES {
            let row = row(topology.name, facts(topology.name, &[]), Allows::Everything);
            for condition in CONDITIONS {
                if let Some(reason) = row.refusal(condition) {
                    writeln!(table, "{} @ {}: {reason}", topology.name, condition.name)
                        .expect("a String");
                }
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn what_a_changed_plan_makes_impossible_is_refused() {
        let refusal = |name: &str, set: &str, condition: &str| {
            let condition = CONDITIONS.iter().find(|one| one.name == condition);
            let row = row(name, facts(name, &[set]), Allows::Everything);
            row.refusal(condition.expect("a condition"))
        };
        let words = refusal(
            "small",
            "network.slashing.disablePenalties=false",
            "provers-late",
        );
        assert!(words.is_some_and(|words| words.contains("slashed")));
        let words = refusal("small", "fullNode.replicas=0", "boot-node-offline");
        assert!(words.is_some_and(|words| words.contains("talks to the boot node")));
        let words = refusal("small", "pxe.replicas=0", "calm");
        assert!(words.is_some_and(|words| words.contains("wallet server")));
        let prunes = "network.slashing.disablePenalties=false";
        let words = refusal("small", prunes, "l1-paused-long");
        assert!(words.is_some_and(|words| words.contains("slashed")));
        // Of eight validators in two pods four are drawn: without a pod the other four may be them.
        let words = refusal("two-pods", "network.committeeSize=4", "validator-offline");
        assert!(words.is_some_and(|words| words.contains("holds 4 of 4 attesters")));
    }

    #[test]
    fn a_network_that_was_there_before_is_not_disturbed_unasked() {
        let refused = |allows| -> BTreeSet<&str> {
            let row = row("small", facts("small", &[]), allows);
            let possible = CONDITIONS
                .iter()
                .filter(|one| one.refusal(&row.facts).is_none());
            let refused = possible.filter(|one| row.refusal(one).is_some());
            refused.map(|one| one.name).collect()
        };
        assert!(refused(Allows::Everything).is_empty());
        assert_eq!(
            refused(Allows::Disturbing),
            BTreeSet::from([
                "l1-censored-long",
                "l1-paused-long",
                "provers-late",
                "roll-out",
                "validators-join",
                "validators-leave"
            ])
        );
        let left = refused(Allows::RollingOut);
        assert!(!left.contains("roll-out") && left.len() == 5, "{left:?}");
        let alone = refused(Allows::Looking);
        assert!(
            alone.contains("no-quorum")
                && alone.contains("invalid-block")
                && !alone.contains("calm"),
            "{alone:?}"
        );
    }

    /// A cell without its attack would be a calm one that passes.
    #[test]
    fn an_attack_goes_on_beside_the_transfers_of_its_cell() {
        for condition in CONDITIONS {
            let beside = beside(condition.attack).expect("an attack that there is");
            let attack = beside.attack.map(|attack| attack.name);
            assert_eq!(attack, condition.attack, "{}", condition.name);
        }
        assert!(beside(Some("attack-nobody")).is_err());
    }

    #[test]
    fn a_network_is_spoiled_unless_its_test_has_passed() {
        let count = Arc::new(AtomicU32::new(0));
        let spoil = || -> Option<Spoil> {
            let count = count.clone();
            Some(Arc::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }))
        };
        UnlessPassed(spoil()).ended(&Ok(()));
        UnlessPassed(spoil()).ended(&Err(Failure::skipped("netem")));
        assert_eq!(count.load(Ordering::Relaxed), 0);
        UnlessPassed(spoil()).ended(&Err(Failure::assertion("no checkpoint")));
        assert_eq!(count.load(Ordering::Relaxed), 1);
        // Whoever is stopped does not say how it ended.
        drop(UnlessPassed(spoil()));
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn cells_have_the_class_and_tags_of_their_condition() {
        let rows = [row("small", facts("small", &[]), Allows::Everything)];
        let conditions: Vec<&'static Condition> = CONDITIONS.iter().collect();
        let tests = tests(&rows, &conditions, &equip());
        let named = |name: &str| {
            let test = tests.iter().find(|test| test.id.name == name);
            let test = test.expect("a test");
            (test.class, test.tags.join(" "))
        };
        assert_eq!(
            named("transfer@calm"),
            (Class::Observe, "matrix calm".to_owned())
        );
        let (class, tags) = named("transfer@no-quorum");
        assert_eq!(
            (class, tags.as_str()),
            (Class::Disrupt, "matrix no-quorum chaos long")
        );
        let (class, tags) = named("transfer@invalid-block");
        assert_eq!(
            (class, tags.as_str()),
            (Class::Disrupt, "matrix invalid-block chaos long attack")
        );
        let (class, tags) = named("transfer@provers-late");
        assert!(class == Class::Own && tags.ends_with("prune"));
        let all: BTreeSet<&str> = CONDITIONS.iter().map(|one| one.name).collect();
        assert_eq!(all.len(), CONDITIONS.len());
    }
}
