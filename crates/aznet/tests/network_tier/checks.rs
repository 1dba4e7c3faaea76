//! One function for each thing the program promises about a real network.

use super::machine::{
    CLUSTER, Checked, Machine, NETWORK, aznet, json, kubectl, status, status_of, succeeds, until,
};
use super::{
    alerts, attacks, chaos, compose, deploy, ends, faults, join, kinds, matrix, new_image,
    newcomers, plain_helm, policies, ports, presets, quickstart, registry, rollout, secrets,
    served, smoke, soak, telemetry, validators, watch,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

type Check = fn(&Machine) -> Checked;

/// All checks, in the order in which they must run; with `AZNET_TEST_LONG` set, those that take long as well.
pub(crate) fn checks() -> Vec<(&'static str, Check)> {
    let mut all: Vec<(&str, Check)> = vec![
        ("up_small_reaches_its_first_checkpoint", up),
        ("status_has_what_scripts_rely_on", status_fields),
        ("tips_move_and_an_epoch_is_proven", proven),
        ("urls_of_env_answer", env),
        ("the_admin_api_wants_its_key", admin_key),
        ("only_those_who_need_to_can_connect", policies::are_enforced),
        ("a_stranger_is_served_a_bundle", served::to_strangers),
        ("tokens_move_and_are_proven_and_finalized", transfer),
        ("the_wallet_servers_own_test_passes_on_it", wallet),
        ("the_embedded_wallet_works_as_documented", embedded_wallet),
        (
            "tests_for_a_local_network_run_unchanged_on_it",
            existing_tests,
        ),
        ("logs_of_a_role_come_from_each_of_its_pods", logs),
        (
            "a_bundle_has_everything_but_secrets_and_explains_itself",
            watch::bundle,
        ),
        ("every_panel_and_alert_finds_its_series", telemetry::queries),
        ("every_panel_is_drawn_without_grafana", telemetry::page),
        ("what_the_quickstart_looks_at_is_there", quickstart::looking),
        (
            "no_alert_fires_on_a_healthy_network",
            alerts::healthy_is_quiet,
        ),
        ("up_again_restarts_nothing", up_again),
        (
            "b05_a_plan_counts_the_running_network_as_replaced",
            plan_again,
        ),
        ("urls_have_the_ports_that_were_asked_for_once", ports::kept),
        (
            "n05_pushed_images_are_pulled_by_a_cluster",
            registry::pushed_and_pulled,
        ),
    ];
    // While all nodes are peers of each other still: after a kill some may not be for minutes.
    all.push((
        "the_attacks_of_the_design_document_are_survived",
        attacks::named_are_survived,
    ));
    let long = takes_long();
    if long {
        all.extend(roll_outs());
    }
    all.extend(broken());
    if long {
        all.extend(protocol_faults());
        all.extend(kinds_and_plain_helm());
        all.extend(cells());
        all.extend(under_attack());
    }
    all.extend::<[(&str, Check); 2]>([
        ("chaos_mesh_leaves_nothing", chaos::uninstall),
        ("no_secret_is_told", secrets::none_is_told),
    ]);
    // Last, since two cores have little left for the nodes that come.
    if long {
        all.extend(more_nodes());
    }
    all.push(("down_leaves_the_machine_as_it_was", down));
    // With the machine for itself.
    if long {
        all.push((
            "tests_for_a_cluster_run_unchanged_on_a_local_network",
            on_local_network,
        ));
        all.push(("the_quickstart_works_as_written", quickstart::as_written));
        all.push((
            "a_deployment_stands_its_test_or_is_taken_back",
            deploy::staging,
        ));
    }
    all
}

/// What a check needs and the machine has not, though others can run on it.
pub(crate) fn lacks(check: &str) -> Option<String> {
    (check == compose::CHECK).then(compose::missing).flatten()
}

fn takes_long() -> bool {
    std::env::var_os("AZNET_TEST_LONG").is_some()
}

/// Something fails, or is made to.
fn broken() -> [(&'static str, Check); 12] {
    [
        (
            "evictions_stop_at_the_quorum_and_data_survives_them",
            rollout::evictions,
        ),
        ("a_killed_validator_process_comes_back", kill_validator),
        ("killed_kubelet_and_etcd_are_survived", kill_components),
        ("a_second_network_runs_beside_the_first", second_network),
        (
            "a_failure_of_the_boot_node_bites_heals_and_leaves_nothing",
            chaos::boot_node_failure,
        ),
        (
            "a_partition_of_one_direction_bites_heals_and_leaves_nothing",
            chaos::partition,
        ),
        (
            "a_slow_link_bites_heals_and_leaves_nothing",
            chaos::slow_link,
        ),
        ("load_bites_heals_and_leaves_nothing", chaos::stress),
        ("a_kill_is_seen_by_the_pod_that_comes", kinds::kill),
        (
            "a_partition_that_is_injected_and_does_not_bite_is_told",
            chaos::sabotage,
        ),
        ("faults_that_fit_nothing_are_refused", chaos::refusals),
        (
            "experiments_that_contradict_are_refused",
            faults::contradictions,
        ),
    ]
}

fn kinds_and_plain_helm() -> [(&'static str, Check); 4] {
    [
        (
            "a_limit_of_bandwidth_bites_heals_and_leaves_nothing",
            chaos::bandwidth,
        ),
        (
            "a_lossy_link_bites_heals_and_leaves_nothing",
            chaos::lossy_link,
        ),
        (
            "every_other_kind_bites_heals_and_leaves_nothing",
            kinds::others,
        ),
        (
            "plain_helm_installs_breaks_tests_and_removes_a_network",
            plain_helm::network_test,
        ),
    ]
}

/// They wait for a slot or two for each validator, for an alert, or for rounds of tests.
fn roll_outs() -> [(&'static str, Check); 6] {
    [
        (
            "a_run_in_the_cluster_passes_and_leaves_its_report",
            soak::in_the_cluster,
        ),
        (
            "one_validator_goes_ahead_and_a_rollback_brings_it_back",
            rollout::canary_and_rollback,
        ),
        (
            "validators_restart_one_at_a_time_and_the_quorum_stays",
            rollout::rolling_upgrade,
        ),
        (
            "a_validator_without_its_volume_syncs_anew",
            rollout::lost_volume,
        ),
        (
            "each_alert_fires_for_its_cause_and_resolves",
            alerts::fire_and_resolve,
        ),
        (
            "helm_test_fails_without_a_quorum_and_says_why",
            smoke::fails_and_says_why,
        ),
    ]
}

/// They wait for slots.
fn protocol_faults() -> [(&'static str, Check); 18] {
    [
        (
            "a_proposer_that_forges_attestations_is_one_for_a_while",
            faults::forged_attestation,
        ),
        (
            "a_misbehaving_validator_that_restarts_misbehaves_again",
            faults::restarted,
        ),
        (
            "a_fault_begins_in_the_slot_that_was_asked_for_and_is_replayed",
            faults::at_a_slot_and_again,
        ),
        (
            "the_same_seed_chooses_the_same_validators",
            faults::same_seed,
        ),
        (
            "more_than_a_third_of_the_committee_is_bitten_and_the_chain_recovers",
            faults::no_quorum,
        ),
        (
            "an_l1_that_is_paused_makes_no_block_for_a_while",
            faults::paused_l1,
        ),
        (
            "a_slow_an_expensive_and_a_reorganised_l1_heal",
            faults::disturbed_l1,
        ),
        (
            "a_sequence_of_faults_is_proved_step_by_step",
            faults::sequence,
        ),
        (
            "kinds_that_the_cluster_lacks_are_refused_by_name",
            faults::refused_kinds,
        ),
        (
            "what_a_killed_apply_leaves_is_cleared",
            faults::killed_apply,
        ),
        (
            "what_a_killed_apply_leaves_ends_by_itself",
            ends::by_themselves,
        ),
        (
            "a_validator_killed_under_a_partition_comes_back_partitioned",
            ends::follows_identity,
        ),
        ("a_fault_reaches_pods_that_come", newcomers::are_reached),
        (
            "a_daemon_killed_under_faults_changes_nothing",
            newcomers::survive_the_daemon,
        ),
        (
            "a_broker_lost_in_an_epochs_proof_delays_no_more_than_that",
            presets::broker_lost,
        ),
        (
            "a_proof_that_is_withheld_comes_later",
            presets::proof_withheld,
        ),
        (
            "presets_of_links_bite_or_are_refused_by_name",
            presets::of_links,
        ),
        (
            "a_committee_in_two_halves_makes_no_checkpoint",
            presets::split_committee,
        ),
    ]
}

/// Tokens move under faults.
fn cells() -> [(&'static str, Check); 3] {
    [
        (
            "tokens_move_under_conditions_that_stand_for_attacks",
            matrix::conditions_are_survived,
        ),
        (
            "an_interrupted_test_lifts_its_fault_and_reports",
            matrix::interrupted,
        ),
        (
            "tokens_move_while_other_images_are_rolled_out",
            new_image::tokens_move_meanwhile,
        ),
    ]
}

/// They wait for proposers' turns.
fn under_attack() -> [(&'static str, Check); 4] {
    [
        ("every_attack_is_survived", attacks::are_survived),
        (
            "without_its_attack_each_scenario_fails",
            attacks::are_missed,
        ),
        (
            "attacks_on_networks_of_their_own_are_survived",
            attacks::others_are_survived,
        ),
        (
            "without_its_attack_each_of_those_fails_too",
            attacks::others_are_missed,
        ),
    ]
}

/// They wait for epochs.
fn more_nodes() -> [(&'static str, Check); 12] {
    [
        ("upgrade_adds_nodes_and_restarts_none", upgrade),
        ("validators_of_two_groups_attest", groups),
        ("validators_are_listed", validators::listed),
        ("a_validator_is_added", validators::add),
        (
            "an_added_validator_is_drawn_when_announced",
            validators::drawn,
        ),
        (
            "a_removed_validator_is_out_before_its_pod",
            validators::remove,
        ),
        ("a_stranger_joins_by_what_a_bundle_says", join::full_node),
        (compose::CHECK, compose::full_node),
        (
            "a_stranger_registers_as_a_validator_and_attests",
            join::validator,
        ),
        ("a_strangers_prover_proves_an_epoch", join::prover),
        ("a_strangers_wallet_moves_tokens", join::wallet),
        (
            "no_secret_of_the_added_nodes_is_told",
            secrets::none_is_told,
        ),
    ]
}

/// The tier's network, with keys that nobody else has.
pub(crate) fn up_args() -> Result<Vec<&'static str>, String> {
    quickstart::arguments(quickstart::UP)?;
    let mut args: Vec<_> = quickstart::UP.split(' ').skip(1).collect();
    // A check takes back what the one before it has changed.
    args.extend([
        "--cluster",
        CLUSTER,
        "--reset",
        "--yes",
        "--telemetry",
        "--set",
        served::SET,
        "-f",
    ]);
    args.push(secrets::values_file()?);
    Ok(args)
}

fn up(_: &Machine) -> Checked {
    let cluster = CLUSTER.trim_start_matches("embedded:");
    json(&["cluster", "up", cluster, "--network-policy"])?;
    let report = json(&up_args()?)?;
    expect(
        report["name"] == NETWORK,
        "the name in the report",
        &report["name"],
    )?;
    telemetry::arrivals(&report)?;
    // On a busy machine the first ones are taken back, since provers start last.
    let there = |status: &Value| number(&status["tips"]["checkpointed"]) >= 1;
    until("a checkpoint", Duration::from_mins(2), there).map(drop)
}

fn status_fields(_: &Machine) -> Checked {
    let status = until("every node ready", Duration::from_mins(2), |s| {
        s["ready"] == true
    })?;
    for key in ["proposed", "checkpointed", "proven", "finalized"] {
        expect(
            status["tips"][key].is_u64(),
            &format!("tips.{key} as a number"),
            &status["tips"],
        )?;
    }
    let nodes = status["nodes"].as_array().ok_or("nodes is no list")?;
    let mut roles: BTreeMap<&str, usize> = BTreeMap::new();
    for node in nodes {
        *roles
            .entry(node["role"].as_str().unwrap_or_default())
            .or_default() += 1;
        for key in ["name", "role", "ready", "restarts", "tips", "peers"] {
            expect(node.get(key).is_some(), &format!("nodes[].{key}"), node)?;
        }
    }
    for (role, count) in [
        ("anvil", 1),
        ("boot-node", 1),
        ("validator", 4),
        ("full-node", 1),
        ("prover-node", 1),
    ] {
        expect(
            roles.get(role) == Some(&count),
            &format!("{count} × {role}"),
            &format!("{roles:?}"),
        )?;
    }
    for (role, count) in [("prover-broker", 1), ("prover-agent", 1), ("pxe", 1)] {
        expect(
            roles.get(role) == Some(&count),
            &format!("{count} × {role}"),
            &format!("{roles:?}"),
        )?;
    }
    expect(
        status["committee"]["size"] == 4 && status["committee"]["quorum"] == 3,
        "committee 4, quorum 3",
        &status["committee"],
    )
}

fn proven(_: &Machine) -> Checked {
    let before = status()?;
    until(
        "each tip beyond where it was, and proven > 0",
        Duration::from_mins(4),
        |now| {
            ["proposed", "checkpointed", "proven"]
                .iter()
                .all(|tip| number(&now["tips"][tip]) > number(&before["tips"][tip]))
                && now["tips"]["proven"].as_u64().is_some_and(|n| n > 0)
        },
    )?;
    Ok(())
}

fn env(_: &Machine) -> Checked {
    let urls = json(&["env", NETWORK, "--cluster", CLUSTER])?;
    for (key, body) in [
        (
            "AZTEC_NODE_URL",
            r#"{"jsonrpc":"2.0","id":1,"method":"node_getL2Tips","params":[]}"#,
        ),
        (
            "ETHEREUM_HOSTS",
            r#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#,
        ),
        (
            "PXE_URL",
            r#"{"jsonrpc":"2.0","id":1,"method":"pxe_getStatus","params":[]}"#,
        ),
    ] {
        let url = urls[key]
            .as_str()
            .ok_or_else(|| format!("no {key} in {urls}"))?;
        let answer = post(url, body)?;
        expect(
            answer.get("result").is_some(),
            &format!("a result from {key} at {url}"),
            &answer,
        )?;
    }
    Ok(())
}

fn admin_key(_: &Machine) -> Checked {
    let urls = json(&["env", NETWORK, "--cluster", CLUSTER])?;
    expect(
        urls.get("AZTEC_ADMIN_API_KEY").is_none(),
        "no key unless asked for",
        &urls.as_object().map(serde_json::Map::len),
    )?;
    let urls = json(&["env", NETWORK, "--cluster", CLUSTER, "--admin-key"])?;
    let text = |name: &str| urls[name].as_str().ok_or_else(|| format!("no {name}"));
    let (url, key) = (text("AZTEC_ADMIN_URL")?, text("AZTEC_ADMIN_API_KEY")?);
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"nodeAdmin_getConfig","params":[]}"#;
    for (sent, status) in [(None, 401_u16), (Some("wrong"), 401), (Some(key), 200)] {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut request = agent.post(url).header("content-type", "application/json");
        if let Some(sent) = sent {
            request = request.header("x-api-key", sent);
        }
        let mut answer = request
            .send(body)
            .map_err(|error| format!("{url}: {error}"))?;
        let told = answer.body_mut().read_to_string().unwrap_or_default();
        expect(
            answer.status() == status && told.contains("\"result\"") == (status == 200),
            &format!("{status} with key {}", sent.map_or("none", |_| "given")),
            &answer.status(),
        )?;
    }
    Ok(())
}

fn transfer(_: &Machine) -> Checked {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    quickstart::run_in(folder.path(), quickstart::TRANSFER)?;
    let junit = std::fs::read_to_string(folder.path().join("runs/last/junit.xml"))
        .map_err(|error| format!("junit.xml: {error}"))?;
    expect(
        junit.contains("failures=\"0\"") && junit.contains("transfer"),
        "a passed transfer in junit.xml",
        &junit,
    )?;
    watch::recorded(&folder.path().join("runs/last/events.jsonl"))
}

/// Two wallet servers that run as processes, spoken to as Aztec.js does.
fn wallet(_: &Machine) -> Checked {
    let said = xtask("pxe", &["--node-url", &url_of("AZTEC_NODE_URL")?])?;
    expect(
        said.contains("# fail 0") && said.contains("# skipped 0"),
        "the wallet server's test to pass",
        &said,
    )
}

/// The program that the guide shows, with a wallet of its own.
fn embedded_wallet(_: &Machine) -> Checked {
    let said = xtask("example", &["--node-url", &url_of("AZTEC_NODE_URL")?])?;
    let balances = "alice has 950, bob has 50";
    expect(said.contains(balances), balances, &said)
}

/// Tests that run on `aztec start --local-network`, with nothing but a variable of `aznet env` more.
fn existing_tests(_: &Machine) -> Checked {
    wallet_tests_on(&url_of("PXE_URL")?)
}

/// Those tests, on `aztec start --local-network`.
fn on_local_network(_: &Machine) -> Checked {
    let said = xtask("examples", &[])?;
    let all = said.contains("# fail 0") && said.contains("# skipped 0");
    expect(all, "the tests to pass on a local network", &said)
}

/// The same tests on a wallet server.
pub(crate) fn wallet_tests_on(url: &str) -> Checked {
    let said = xtask("examples", &["--pxe-url", url])?;
    let all = said.contains("# fail 0") && said.contains("# skipped 0");
    expect(
        all && said.contains("the wallet server http"),
        "the tests to pass on the wallet server",
        &said,
    )
}

fn url_of(variable: &str) -> Result<String, String> {
    let urls = json(&["env", NETWORK, "--cluster", CLUSTER])?;
    let url = urls[variable].as_str();
    url.map(str::to_owned)
        .ok_or_else(|| format!("no {variable}"))
}

/// What a task of xtask prints.
fn xtask(task: &str, flags: &[&str]) -> Result<String, String> {
    let xtask = std::env::var_os("AZNET_XTASK").ok_or("run this by `cargo xtask test network`")?;
    let output = std::process::Command::new(xtask)
        .arg(task)
        .args(flags)
        .output()
        .map_err(|error| format!("xtask could not be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    let ended = format!("`xtask {task}` ended with {}: {errors}", output.status);
    expect(
        output.status.success(),
        "exit code 0",
        &format!("{ended}{said}"),
    )?;
    Ok(said)
}

fn logs(_: &Machine) -> Checked {
    let text = succeeds(&["logs", NETWORK, "validator", "--cluster", CLUSTER])?;
    for ordinal in 0..4 {
        let pod = format!("validator-{ordinal}");
        expect(
            text.contains(&pod),
            &format!("lines of {pod}"),
            &text.lines().take(5).collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}

/// Pod name → (uid, restarts).
pub(crate) type Pods = BTreeMap<String, (String, u64)>;

/// The pods there are.
pub(crate) fn pods() -> Result<Pods, String> {
    let status = status()?;
    let namespace = status["namespace"]
        .as_str()
        .ok_or("no namespace in the status")?;
    let list: Value =
        serde_json::from_str(&kubectl(&["get", "pods", "-n", namespace, "-o", "json"])?)
            .map_err(|e| e.to_string())?;
    let items = list["items"].as_array().ok_or("no items")?;
    Ok(items
        .iter()
        .map(|pod| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let restarts = pod["status"]["containerStatuses"][0]["restartCount"]
                .as_u64()
                .unwrap_or_default();
            (
                text(&pod["metadata"]["name"]),
                (text(&pod["metadata"]["uid"]), restarts),
            )
        })
        .collect())
}

fn up_again(_: &Machine) -> Checked {
    let before = pods()?;
    json(&up_args()?)?;
    // Of an `up` that says less than the last one the rest stays.
    let report = json(&["up", NETWORK, "--cluster", CLUSTER])?;
    expect(report["outcome"] == "unchanged", "nothing changed", &report)?;
    let kept = report["kept"].as_array().into_iter().flatten();
    let kept: Vec<&Value> = kept.map(|change| &change["key"]).collect();
    expect(
        kept.contains(&&Value::from("telemetry.enabled")),
        "telemetry among what is kept",
        &kept,
    )?;
    // Nothing is restarted for an image that the cluster can't get.
    let image = "validator.image=aztecprotocol/aztec:4.1.99";
    let refused = aznet(&["up", NETWORK, "--cluster", CLUSTER, "--set", image])?;
    let code = refused.status.code();
    expect(code == Some(3), "the image refused", &code)?;
    let after = pods()?;
    expect(
        before == after,
        &format!("the same pods as before: {before:?}"),
        &format!("{after:?}"),
    )
}

/// B5: the README's example was refused while the network itself ran.
fn plan_again(_: &Machine) -> Checked {
    let plan = json(&[
        "plan",
        NETWORK,
        "--set",
        "validator.replicas=6",
        "--cluster",
        CLUSTER,
    ])?;
    expect(plan["replaces"] == NETWORK, "the network replaced", &plan)
}

fn upgrade(_: &Machine) -> Checked {
    let before = pods()?;
    let mut args = [up_args()?.as_slice(), rollout::rolled()].concat();
    args.extend([
        "--set",
        "fullNode.replicas=2",
        "--set",
        "validatorGroups.slow.replicas=1,validatorGroups.slow.keyOffset=100",
        "--set",
        "validatorGroups.slow.p2p.exposure=NodePort,validatorGroups.slow.p2p.nodePortBase=30400",
        "--set",
        "proverAgent.replicas=2",
    ]);
    json(&args)?;
    until("the added nodes ready", Duration::from_mins(5), |s| {
        s["ready"] == true
            && s["nodes"]
                .as_array()
                .is_some_and(|n| n.len() >= before.len() + 3)
    })?;
    let after = pods()?;
    let changed: Vec<_> = before
        .iter()
        .filter(|(name, was)| after.get(*name) != Some(was))
        .collect();
    expect(
        changed.is_empty(),
        "no pod of before replaced or restarted",
        &format!("{changed:?}"),
    )
}

/// Those that were there, and the one that came and is reached by a port of its machine.
fn groups(_: &Machine) -> Checked {
    let named = status()?["nodes"]
        .as_array()
        .and_then(|nodes| {
            nodes
                .iter()
                .find(|n| n["name"] == "validator-slow-0")
                .cloned()
        })
        .ok_or("no validator-slow-0")?;
    expect(
        named["role"] == "validator" && named["group"] == "slow",
        "a validator of the group slow",
        &named,
    )?;
    let text = succeeds(&["logs", NETWORK, "validator-slow", "--cluster", CLUSTER])?;
    expect(
        text.contains("30400"),
        "the port of the machine announced",
        &text.lines().take(5).collect::<Vec<_>>(),
    )?;
    let from = number(&status()?["now"]["slot"]);
    for pod in [
        "validator-0",
        "validator-1",
        "validator-2",
        "validator-3",
        "validator-slow-0",
    ] {
        let attester = rollout::attester(pod)?;
        // Of five validators each epoch's committee leaves one out.
        rollout::wait_for(&format!("{pod} attests"), Duration::from_mins(6), || {
            rollout::first_duty(&attester, from)?
                .ok_or_else(|| format!("{attester} has done no duty since slot {from}"))
        })?;
    }
    Ok(())
}

fn kill_validator(_: &Machine) -> Checked {
    let before = pods()?;
    let namespace = status()?["namespace"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let pid = main_process(&namespace, "validator-3")?;
    kill(pid)?;
    until(
        "validator-3 restarted and ready",
        Duration::from_mins(3),
        |s| {
            let node = s["nodes"]
                .as_array()
                .and_then(|nodes| nodes.iter().find(|n| n["name"] == "validator-3").cloned());
            node.is_some_and(|n| {
                n["ready"] == true
                    && n["restarts"].as_u64() > before.get("validator-3").map(|pod| pod.1)
            })
        },
    )?;
    moves("checkpoints after a validator was killed")
}

fn kill_components(_: &Machine) -> Checked {
    let name = CLUSTER.trim_start_matches("embedded:");
    for component in ["kubelet", "etcd"] {
        let before = component_of(name, component)?;
        kill(i32::try_from(number(&before["pid"])).unwrap_or_default())?;
        let restarts = number(&before["restarts"]);
        until(
            &format!("{component} restarted"),
            Duration::from_mins(1),
            |_| {
                component_of(name, component)
                    .is_ok_and(|now| number(&now["restarts"]) > restarts && now["pid"].is_u64())
            },
        )?;
    }
    moves("checkpoints after kubelet and etcd were killed")
}

fn second_network(_: &Machine) -> Checked {
    let shown = quickstart::arguments(quickstart::BESIDE)?;
    let mut args: Vec<&str> = shown.iter().map(String::as_str).collect();
    args.extend(["--cluster", CLUSTER, "--set", "validator.replicas=1"]);
    args.extend(["--set", "network.committeeSize=1"]);
    args.extend(["--set", "fullNode.replicas=0", "--set", "pxe.replicas=0"]);
    json(&args)?;
    let names: Vec<String> = networks()?;
    expect(
        names.iter().any(|n| n == "other") && names.iter().any(|n| n == NETWORK),
        "both networks listed",
        &format!("{names:?}"),
    )?;
    moves("checkpoints of the first network beside a second")?;
    if takes_long() {
        // Its keys are anvil's, which are public; still, nothing should get used to printing keys.
        secrets::nothing_leaks(&status_of("other")?, secrets::PUBLIC_MNEMONIC)?;
    }
    succeeds(&["down", "other", "--cluster", CLUSTER])?;
    let names = networks()?;
    expect(
        names == [NETWORK],
        "only the first left",
        &format!("{names:?}"),
    )
}

fn networks() -> Result<Vec<String>, String> {
    let list = json(&["list", "--cluster", CLUSTER])?;
    Ok(list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|n| n["name"].as_str().map(str::to_owned))
        .collect())
}

fn down(machine: &Machine) -> Checked {
    succeeds(&["down", "--all", "--cluster", CLUSTER])?;
    succeeds(&["cluster", "down", CLUSTER.trim_start_matches("embedded:")])?;
    let left = machine.difference();
    expect(
        left.is_empty(),
        "nothing left of the cluster",
        &format!("{left:#?}"),
    )
}

/// Two checkpoints more than now, within the time of ten slots.
fn moves(what: &str) -> Checked {
    let now = until("an answer", Duration::from_mins(1), |s| {
        s["tips"]["checkpointed"].is_u64()
    })?;
    let from = number(&now["tips"]["checkpointed"]);
    until(what, Duration::from_mins(2), |s| {
        number(&s["tips"]["checkpointed"]) >= from + 2
    })
    .map(drop)
}

fn component_of(cluster: &str, component: &str) -> Result<Value, String> {
    let clusters = json(&["cluster", "list"])?;
    let cluster = clusters
        .as_array()
        .into_iter()
        .flatten()
        .find(|c| c["name"] == cluster)
        .ok_or("the cluster is not listed")?;
    let components = cluster["components"]
        .as_array()
        .ok_or("no components listed")?;
    components
        .iter()
        .find(|c| c["name"] == component)
        .cloned()
        .ok_or_else(|| format!("{component} is not listed: {components:?}"))
}

/// The process that runs as PID 1 in the pod's main container, found by its cgroup, never by its name.
pub(super) fn main_process(namespace: &str, pod: &str) -> Result<i32, String> {
    let id = kubectl(&[
        "get",
        "pod",
        "-n",
        namespace,
        pod,
        "-o",
        "jsonpath={.status.containerStatuses[0].containerID}",
    ])?;
    let id = id.trim_start_matches("containerd://");
    let pids = std::fs::read_dir("/proc")
        .map_err(|e| e.to_string())?
        .flatten();
    let mut found: Vec<i32> = pids
        .filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
        .filter(|pid: &i32| {
            std::fs::read_to_string(format!("/proc/{pid}/cgroup"))
                .is_ok_and(|text| text.contains(id))
        })
        .collect();
    found.sort_unstable();
    found
        .first()
        .copied()
        .ok_or_else(|| format!("no process of container {id}"))
}

pub(crate) fn kill(pid: i32) -> Checked {
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::signal::Signal::SIGKILL,
    )
    .map_err(|e| format!("kill -9 {pid}: {e}"))
}

pub(crate) fn post(url: &str, body: &str) -> Result<Value, String> {
    let text = ureq::post(url)
        .header("content-type", "application/json")
        .send(body)
        .and_then(|mut answer| answer.body_mut().read_to_string())
        .map_err(|error| format!("{url}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{url}: {error}: {text}"))
}

pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

pub(crate) fn expect(holds: bool, what: &str, seen: &impl std::fmt::Debug) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(format!("expected {what}, saw {seen:?}"))
    }
}
