use alloy_primitives::U256;
use aznet_model::report::{Attester, Held, ValidatorSet};

use super::{super::ValidatorPod, *};

fn who(n: u8) -> Address {
    Address::repeat_byte(n)
}

/// Pods `validator-0` … hold these attesters; those in `gone` have left the set.
fn seen(pods: &[&[u8]], committee: u64, gone: &[u8]) -> Validators {
    let names = (0..pods.len()).map(|n| format!("validator-{n}"));
    let pods: Vec<ValidatorPod> = names
        .zip(pods)
        .map(|(name, attesters)| ValidatorPod {
            name,
            ready: true,
            held: Some(Held {
                attesters: attesters.iter().copied().map(who).collect(),
                ..Held::default()
            }),
        })
        .collect();
    let attesters = pods
        .iter()
        .flat_map(|pod| pod.held.clone().unwrap().attesters);
    let mut attesters: Vec<Attester> = attesters
        .map(|address| attester(address, Standing::Validating))
        .collect();
    for address in gone.iter().copied().map(who) {
        attesters.retain(|one| one.address != address);
        attesters.push(attester(address, Standing::Leaving));
    }
    let active = attesters
        .iter()
        .filter(|one| one.standing == Standing::Validating)
        .count() as u64;
    Validators {
        groups: vec![Group {
            workload: "validator".into(),
            replicas: u32::try_from(pods.len()).unwrap(),
        }],
        pods,
        set: ValidatorSet {
            rollup: who(0xff),
            l1_time: 1_500,
            genesis: 1_000,
            slot_duration: 12,
            epoch_duration: 4,
            lag_in_epochs: 1,
            committee_size: committee,
            exit_delay: 172_800,
            active,
            attesters,
            queue: Vec::new(),
            draws: Vec::new(),
        },
        others: BTreeMap::new(),
    }
}

fn attester(address: Address, standing: Standing) -> Attester {
    Attester {
        address,
        standing,
        stake: U256::from(100),
        withdrawer: Some(address),
        exit: None,
    }
}

fn last_pods(count: u32) -> Goal {
    Goal::Count {
        workload: "validator".into(),
        count,
    }
}

fn pods(names: &[&str]) -> Goal {
    Goal::Pods(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn the_last_pods_go_with_their_attesters() {
    let seen = seen(&[&[1], &[2], &[3, 4]], 1, &[]);
    let removal = removal(&seen, &last_pods(1), false).unwrap();
    assert_eq!(removal.attesters(), [who(3), who(4)]);
    assert_eq!(removal.replicas["validator"], 2);
    assert!(removal.kept.is_empty());
}

#[test]
fn a_committee_must_be_left() {
    let seen = seen(&[&[1], &[2], &[3], &[4]], 3, &[]);
    assert!(removal(&seen, &last_pods(1), false).is_ok());
    let refusal = removal(&seen, &last_pods(2), false).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::Committee {
            leaving: 2,
            active: 4,
            committee: 3
        }
    );
    assert!(refusal.to_string().contains("halt for good"), "{refusal}");
}

#[test]
fn who_is_out_already_does_not_count_again() {
    let seen = seen(&[&[1], &[2], &[3], &[4]], 3, &[4]);
    let removal = removal(&seen, &last_pods(1), false).unwrap();
    assert!(removal.leaving.is_empty());
    assert_eq!(removal.replicas["validator"], 3);
}

#[test]
fn a_pod_in_the_middle_stays_and_says_why() {
    let seen = seen(&[&[1], &[2], &[3], &[4]], 2, &[]);
    let refusal = removal(&seen, &pods(&["validator-1"]), false).unwrap_err();
    let expected = Refusal::NotLast {
        pod: "validator-1".into(),
        above: vec!["validator-2".into(), "validator-3".into()],
    };
    assert_eq!(refusal, expected);
    let kept = removal(&seen, &pods(&["validator-1"]), true).unwrap();
    assert_eq!(kept.attesters(), [who(2)]);
    assert_eq!(
        (kept.kept.as_slice(), kept.replicas.len()),
        (["validator-1".to_owned()].as_slice(), 0)
    );
}

#[test]
fn pods_that_are_gone_leave_nothing_to_do() {
    let mut seen = seen(&[&[1], &[2]], 1, &[3]);
    seen.others.insert("validator-2".into(), vec![who(3)]);
    assert!(
        removal(&seen, &pods(&["validator-2"]), false)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_pod_that_never_was_is_an_error() {
    let mut seen = seen(&[&[1], &[2]], 1, &[]);
    seen.others.insert("validator-3".into(), vec![who(4)]);
    for pod in ["validator-7", "validator-3"] {
        let refusal = removal(&seen, &pods(&[pod]), false).unwrap_err();
        let expected = Refusal::NoPod {
            pod: pod.into(),
            workload: "validator".into(),
            replicas: 2,
        };
        assert_eq!(refusal, expected);
    }
}

#[test]
fn a_pod_that_can_not_be_asked_is_not_removed() {
    let mut seen = seen(&[&[1], &[2]], 1, &[]);
    seen.pods[1].held = None;
    assert_eq!(
        removal(&seen, &last_pods(1), false),
        Err(Refusal::Silent("validator-1".into()))
    );
}

#[test]
fn one_attester_of_several_leaves_its_pod_running() {
    let seen = seen(&[&[1, 2], &[3]], 1, &[]);
    let some = removal(&seen, &Goal::Attesters(vec![who(1)]), false).unwrap();
    assert_eq!(some.attesters(), [who(1)]);
    assert!(some.replicas.is_empty());
    assert_eq!(some.kept, ["validator-0"]);
    let whole = removal(&seen, &Goal::Attesters(vec![who(3)]), false).unwrap();
    assert_eq!(whole.replicas["validator"], 1);
    let stranger = removal(&seen, &Goal::Attesters(vec![who(9)]), false);
    assert_eq!(stranger, Err(Refusal::Stranger(who(9))));
}

#[test]
fn not_more_pods_go_than_there_are() {
    let seen = seen(&[&[1], &[2]], 0, &[]);
    assert!(matches!(
        removal(&seen, &last_pods(3), false),
        Err(Refusal::TooMany { .. })
    ));
    assert!(
        removal(&seen, &last_pods(2), false).is_ok(),
        "without a committee anybody proposes"
    );
}

#[test]
fn added_pods_are_the_next_ones() {
    let seen = seen(&[&[1], &[2]], 1, &[]);
    let addition = addition(&seen, "validator", 2, false).unwrap();
    assert_eq!(addition.pods, ["validator-2", "validator-3"]);
    assert_eq!(addition.replicas, 4);
    assert!(matches!(
        super::addition(&seen, "validator-x", 1, false),
        Err(Refusal::NoGroup { .. })
    ));
}

#[test]
fn retired_attesters_do_not_come_back() {
    let mut seen = seen(&[&[1], &[2]], 1, &[]);
    seen.others.insert("validator-2".into(), vec![who(3)]);
    seen.set.attesters.push(attester(who(3), Standing::Retired));
    let refusal = addition(&seen, "validator", 1, false).unwrap_err();
    assert!(matches!(refusal, Refusal::Retired { .. }), "{refusal}");
    let past = addition(&seen, "validator", 1, true).unwrap();
    assert_eq!(
        (past.pods, past.idle),
        (
            vec!["validator-3".to_owned()],
            vec!["validator-2".to_owned()]
        )
    );
    assert_eq!(past.replicas, 4);
}
