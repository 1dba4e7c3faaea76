//! The ServiceAccounts that pods run as.

use crate::common::{object, render};
use crate::render::{sets, templates};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const EVERYTHING: [&str; 3] = [
    "telemetry.enabled=true",
    "bot.replicas=1",
    "validatorGroups.slow.replicas=1,validatorGroups.slow.keyOffset=100",
];

/// The ServiceAccounts, by name.
fn accounts(objects: &[Value]) -> BTreeMap<&str, &Value> {
    let accounts = objects.iter().filter(|one| one["kind"] == "ServiceAccount");
    accounts
        .map(|one| (one["metadata"]["name"].as_str().expect("a name"), one))
        .collect()
}

/// Component → the account that its pods run as.
fn runs_as(objects: &[Value]) -> BTreeMap<String, String> {
    let templates = templates(objects).into_iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    templates
        .map(|(_, pod)| {
            let component = &pod["metadata"]["labels"]["app.kubernetes.io/component"];
            (text(component), text(&pod["spec"]["serviceAccountName"]))
        })
        .collect()
}

#[tokio::test]
async fn each_role_runs_as_an_account_of_its_own_without_a_token() {
    let objects = render(&sets(&EVERYTHING)).await;
    let runs_as = runs_as(&objects);
    assert_eq!(runs_as.len(), 13, "every role: {runs_as:?}");
    let accounts = accounts(&objects);
    assert!(runs_as.keys().eq(accounts.keys()), "{:?}", accounts.keys());
    for (component, account) in &runs_as {
        assert_eq!(component, account);
        let made = accounts[account.as_str()];
        assert_eq!(made["automountServiceAccountToken"], false, "{account}");
        assert_eq!(made["metadata"].get("annotations"), None, "{account}");
        let labels = &made["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/component"], account.as_str());
    }
}

#[tokio::test]
async fn a_role_has_annotations_of_its_own_over_those_of_all() {
    let mut wanted = EVERYTHING.to_vec();
    wanted.extend([
        "defaults.serviceAccount.annotations.team=ours,defaults.serviceAccount.annotations.who=all",
        "validator.serviceAccount.annotations.who=validators",
        "validatorGroups.slow.serviceAccount.annotations.pace=slow",
        "proverAgent.serviceAccount.name=farm",
    ]);
    let objects = render(&sets(&wanted)).await;
    let annotations =
        |name: &str| &object(&objects, "ServiceAccount", name)["metadata"]["annotations"];
    assert_eq!(
        annotations("full-node"),
        &json!({"team": "ours", "who": "all"})
    );
    let validators = json!({"team": "ours", "who": "validators", "pace": "slow"});
    assert_eq!(annotations("validator"), &validators);
    assert_eq!(annotations("farm"), &json!({"team": "ours", "who": "all"}));
    assert_eq!(runs_as(&objects)["prover-agent"], "farm");
    assert!(!accounts(&objects).contains_key("prover-agent"));
}

#[tokio::test]
async fn accounts_that_are_there_are_not_made() {
    let none = render(&sets(&["defaults.serviceAccount.create=false"])).await;
    assert!(accounts(&none).is_empty());
    assert!(runs_as(&none).values().all(|account| account == "default"));

    let theirs = [
        "defaults.serviceAccount.name=aztec",
        "pxe.serviceAccount.create=false",
        "pxe.serviceAccount.name=wallets",
    ];
    let shared = render(&sets(&theirs)).await;
    assert_eq!(accounts(&shared).keys().collect::<Vec<_>>(), [&"aztec"]);
    let labels = &accounts(&shared)["aztec"]["metadata"]["labels"];
    assert_eq!(labels["app.kubernetes.io/component"], "network");
    for (component, account) in runs_as(&shared) {
        let expected = if component == "pxe" {
            "wallets"
        } else {
            "aztec"
        };
        assert_eq!(account, expected, "{component}");
    }
}
