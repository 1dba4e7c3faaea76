use std::time::Duration;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::{Value, json};

use super::*;

fn pod(status: &Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": "full-node-0", "labels": {COMPONENT: "full-node"}},
        "spec": {"containers": [], "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-full-node-0"}}]},
        "status": status,
    }))
    .unwrap()
}

fn scheduled(containers: &Value) -> Pod {
    pod(&json!({
        "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}],
        "containerStatuses": containers,
    }))
}

fn container(state: &Value, restarts: u32, last: &Value) -> Value {
    json!([{"name": "aztec", "image": "localhost/aznet/aztec:1", "imageID": "", "ready": false,
        "restartCount": restarts, "state": state, "lastState": last}])
}

fn event(kind: &str, name: &str, reason: &str, message: &str, at: &str) -> Event {
    serde_json::from_value(json!({
        "metadata": {"name": "e"}, "involvedObject": {"kind": kind, "name": name},
        "reason": reason, "message": message, "lastTimestamp": at,
        "type": if reason.starts_with("Failed") || reason == "ProvisioningFailed" {"Warning"} else {"Normal"},
    }))
    .unwrap()
}

fn words(pod: &Pod, events: &[Event], message: Option<&str>) -> String {
    let message = message.map(|words| Message {
        words: words.to_owned(),
        since: Some("2026-01-01T00:00:37Z".parse().unwrap()),
    });
    let state = describe(Observed {
        pod,
        around: &Around::new(events, &[]),
        message: message.as_ref(),
    })
    .expect("a role");
    state.phase.words("2026-01-01T00:01:00Z".parse().unwrap())
}

#[test]
fn a_pod_of_another_kind_is_not_described() {
    let mut other = pod(&json!({}));
    other
        .labels_mut()
        .insert(COMPONENT.into(), "gateway".into());
    assert_eq!(
        describe(Observed {
            pod: &other,
            around: &Around::default(),
            message: None
        }),
        None
    );
}

#[test]
fn scheduling_and_volumes() {
    let claim: PersistentVolumeClaim = serde_json::from_value(
        json!({"metadata": {"name": "data-full-node-0"}, "status": {"phase": "Bound"}}),
    )
    .unwrap();
    let fresh = pod(&json!({}));
    let state = describe(Observed {
        pod: &fresh,
        around: &Around::new(&[], &[claim]),
        message: None,
    })
    .unwrap();
    assert_eq!(state.phase.to_string(), "waiting to be scheduled");
    assert_eq!(words(&fresh, &[], None), "volume being provisioned");

    let complaint = event(
        "PersistentVolumeClaim",
        "data-full-node-0",
        "ProvisioningFailed",
        "no class `fast`",
        "2026-01-01T00:00:00Z",
    );
    assert_eq!(
        words(&fresh, &[complaint], None),
        "volume data-full-node-0 not provisioned: no class `fast`"
    );

    let full = pod(
        &json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate, preemption: 0/1 nodes are available"}]}),
    );
    assert_eq!(
        words(&full, &[], None),
        "no machine can take it: 0/1 nodes are available: 1 Insufficient memory"
    );
}

#[test]
fn pulling_and_missing_images() {
    let creating = scheduled(&container(
        &json!({"waiting": {"reason": "ContainerCreating"}}),
        0,
        &json!({}),
    ));
    assert_eq!(words(&creating, &[], None), "container being created");
    let pulling = event(
        "Pod",
        "full-node-0",
        "Pulling",
        "Pulling image",
        "2026-01-01T00:00:00Z",
    );
    let pulled = event(
        "Pod",
        "full-node-0",
        "Pulled",
        "Pulled image",
        "2026-01-01T00:00:05Z",
    );
    assert_eq!(
        words(&creating, std::slice::from_ref(&pulling), None),
        "image being pulled: localhost/aznet/aztec:1"
    );
    assert_eq!(
        words(&creating, &[pulling, pulled], None),
        "container being created"
    );

    let missing = scheduled(&container(
        &json!({"waiting": {"reason": "ErrImageNeverPull", "message": "Container image is not present with pull policy of Never"}}),
        0,
        &json!({}),
    ));
    assert_eq!(
        words(&missing, &[], None),
        "image localhost/aznet/aztec:1 missing: Container image is not present with pull policy of Never"
    );
}

#[test]
fn a_sandbox_that_fails_is_told() {
    let creating = scheduled(&container(
        &json!({"waiting": {"reason": "ContainerCreating"}}),
        0,
        &json!({}),
    ));
    let failed = event(
        "Pod",
        "full-node-0",
        "FailedMount",
        "secret \"keys\" not found",
        "2026-01-01T00:00:00Z",
    );
    assert_eq!(
        words(&creating, &[failed], None),
        "container can't be created: secret \"keys\" not found"
    );
}

#[test]
fn running_waiting_and_ready() {
    let running = scheduled(&container(
        &json!({"running": {"startedAt": "2026-01-01T00:00:48Z"}}),
        0,
        &json!({}),
    ));
    assert_eq!(words(&running, &[], None), "starting (12s)");
    assert_eq!(
        words(
            &running,
            &[],
            Some("waiting for the boot node: no answer from http://boot-node:8080")
        ),
        "waiting for the boot node (23s): no answer from http://boot-node:8080"
    );
    // C4: `starting node --no-warnings /usr/src/…` for 30 s.
    assert_eq!(
        words(&running, &[], Some("Aztec starts")),
        "Aztec starts (23s): not ready yet"
    );
    let ready = pod(&json!({"conditions": [{"type": "Ready", "status": "True"}]}));
    assert_eq!(words(&ready, &[], Some("whatever")), "ready");
}

#[test]
fn what_was_ready_since_it_started_does_not_start() {
    let running = |unready: &str| {
        pod(&json!({
            "conditions": [{"type": "PodScheduled", "status": "True"},
                {"type": "Ready", "status": "False", "lastTransitionTime": unready}],
            "containerStatuses": container(&json!({"running": {"startedAt": "2026-01-01T00:00:18Z"}}), 1, &json!({})),
        }))
    };
    let was_ready = running("2026-01-01T00:00:53Z");
    assert_eq!(words(&was_ready, &[], None), "no longer ready (7s)");
    // The last that a node said as it started.
    assert_eq!(
        words(&was_ready, &[], Some("Aztec starts")),
        "no longer ready (7s)"
    );
    // Since its process ended, which was started again.
    let restarted = running("2026-01-01T00:00:10Z");
    assert_eq!(words(&restarted, &[], None), "starting (42s)");
}

#[test]
fn a_crash_loop_shows_the_termination_message_and_is_forgiven_once() {
    let end = json!({"terminated": {"exitCode": 3, "reason": "Error", "message": "the L1 at http://anvil:8545 did not answer for 120s\n"}});
    let crashed = |restarts| {
        scheduled(&container(
            &json!({"waiting": {"reason": "CrashLoopBackOff"}}),
            restarts,
            &end,
        ))
    };
    let describe = |restarts| {
        describe(Observed {
            pod: &crashed(restarts),
            around: &Around::default(),
            message: None,
        })
        .unwrap()
    };
    assert_eq!(
        describe(1).phase.to_string(),
        "ended with exit code 3: the L1 at http://anvil:8545 did not answer for 120s"
    );
    assert_eq!(describe(3).phase.patience(3), Some(Duration::from_secs(90)));
    assert_eq!(describe(4).phase.patience(4), Some(Duration::ZERO));
}

#[test]
fn an_init_container_comes_first() {
    let preparing = pod(&json!({
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "initContainerStatuses": [{"name": "install", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"running": {}}}],
        "containerStatuses": container(&json!({"waiting": {"reason": "PodInitializing"}}), 0, &json!({})),
    }));
    assert_eq!(
        words(&preparing, &[], None),
        "init container install running"
    );
}

#[test]
fn a_runtime_error_is_told_without_its_layers() {
    let layers = "failed to create containerd task: failed to create shim task: OCI runtime create failed: \
        runc create failed: unable to start container process: exec: \"/x\": stat /x: no such file or directory: unknown";
    let failing = scheduled(&container(
        &json!({"waiting": {"reason": "RunContainerError", "message": layers}}),
        0,
        &json!({}),
    ));
    assert_eq!(
        words(&failing, &[], None),
        "container can't be created: unable to start container process: exec: \"/x\": stat /x: no such file or directory"
    );
}

#[test]
fn a_scheduler_that_tries_again_has_no_reason_yet() {
    let again = pod(
        &json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulerError",
        "message": "running PreBind plugin \"VolumeBinding\": Operation cannot be fulfilled on persistentvolumeclaims"}]}),
    );
    assert_eq!(words(&again, &[], None), "volume being provisioned");
}

#[test]
fn the_container_that_speaks_is_the_one_that_is_stuck() {
    let statuses = |state: Value| {
        pod(
            &json!({"initContainerStatuses": [{"name": "install", "image": "i", "imageID": "", "ready": false,
            "restartCount": 0, "state": state}]}),
        )
    };
    let named = |state: Value| {
        let mut pod = statuses(state);
        let spec = pod.spec.as_mut().unwrap();
        spec.containers = serde_json::from_value(json!([{"name": "aztec"}])).unwrap();
        speaking_container(&pod).unwrap()
    };
    assert_eq!(named(json!({"terminated": {"exitCode": 0}})), "aztec");
    assert_eq!(named(json!({"terminated": {"exitCode": 1}})), "install");
    assert_eq!(named(json!({"running": {}})), "install");
}

#[test]
fn a_container_beside_the_main_one_speaks_only_while_it_does_not_run() {
    let named = |state: Value| {
        let mut pod = pod(
            &json!({"initContainerStatuses": [{"name": "join-bundles", "image": "i", "imageID": "", "ready": false,
            "restartCount": 0, "state": state}]}),
        );
        let spec = pod.spec.as_mut().unwrap();
        spec.containers = serde_json::from_value(json!([{"name": "aztec"}])).unwrap();
        let beside = json!([{"name": "join-bundles", "restartPolicy": "Always"}]);
        spec.init_containers = serde_json::from_value(beside).unwrap();
        speaking_container(&pod).unwrap()
    };
    assert_eq!(named(json!({"running": {}})), "aztec");
    assert_eq!(
        named(json!({"terminated": {"exitCode": 1}})),
        "join-bundles"
    );
}
