//! The fields of a pod that are said to Compose, or have no meaning on one machine.

use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde_json::Value;

const POD: [&str; 16] = [
    "containers",
    "initContainers",
    "securityContext",
    "terminationGracePeriodSeconds",
    "volumes",
    // Where Kubernetes puts the pod, and as whom.
    "affinity",
    "automountServiceAccountToken",
    "enableServiceLinks",
    "imagePullSecrets",
    "nodeSelector",
    "priorityClassName",
    "restartPolicy",
    "schedulerName",
    "serviceAccountName",
    "tolerations",
    "topologySpreadConstraints",
];
const POD_SECURITY: [&str; 7] = [
    "fsGroup",
    "fsGroupChangePolicy",
    "runAsGroup",
    "runAsUser",
    "sysctls",
    // Docker's own default, and what `user` says.
    "runAsNonRoot",
    "seccompProfile",
];
const CONTAINER: [&str; 14] = [
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "name",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "startupProbe",
    "volumeMounts",
    // Compose has none.
    "livenessProbe",
    "terminationMessagePolicy",
];
const CONTAINER_SECURITY: [&str; 5] = [
    "allowPrivilegeEscalation",
    "capabilities",
    "readOnlyRootFilesystem",
    "runAsNonRoot",
    "seccompProfile",
];
const MOUNT: [&str; 3] = ["mountPath", "name", "readOnly"];

/// The first field that is not known.
pub(super) fn unknown(spec: &PodSpec) -> Option<String> {
    let found = other(spec, &POD).or_else(|| other(&spec.security_context, &POD_SECURITY));
    let volumes = spec.volumes.iter().flatten();
    let mut in_memory = volumes.filter(|volume| {
        let empty = volume.empty_dir.as_ref();
        empty.is_some_and(|dir| dir.medium.is_some())
    });
    let mut containers = spec
        .init_containers
        .iter()
        .flatten()
        .chain(&spec.containers);
    found
        .or_else(|| {
            in_memory
                .next()
                .map(|volume| format!("the medium of {}", volume.name))
        })
        .or_else(|| containers.find_map(of_container))
}

fn of_container(container: &Container) -> Option<String> {
    let mut mounts = container.volume_mounts.iter().flatten();
    other(container, &CONTAINER)
        .or_else(|| other(&container.security_context, &CONTAINER_SECURITY))
        .or_else(|| mounts.find_map(|mount| other(mount, &MOUNT)))
}

fn other(object: &impl serde::Serialize, known: &[&str]) -> Option<String> {
    let value = serde_json::to_value(object).unwrap_or_default();
    let fields = value.as_object().into_iter().flatten();
    let mut others =
        fields.filter(|(name, value)| !known.contains(&name.as_str()) && !Value::is_null(value));
    others.next().map(|(name, _)| name.clone())
}
