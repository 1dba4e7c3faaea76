//! A rendered chart against the plan of the same values.

use aznet_model::config::NetworkConfig;
use aznet_model::plan::{Plan, PodPlan, RolePlan};
use aznet_model::pod::PodName;
use aznet_model::role::Role;
use aznet_model::units::{Bytes, MilliCpu};
use aznet_model::values::{PodSettings, Values};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role as RbacRole, RoleBinding};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Add;
use std::str::FromStr;

/// All in which the objects are not as planned.
pub(crate) fn disagreements(values: &Values, plan: &Plan, objects: &[Value]) -> Vec<String> {
    let mut found: Vec<String> = objects.iter().filter_map(unreadable).collect();
    found.extend(objects.iter().filter_map(hollow));
    found.extend(workloads(plan, objects));
    for role in &plan.roles {
        if let Some(workload) = workload(objects, &role.name) {
            found.extend(settings(values, role, workload, objects));
        }
    }
    match config(objects) {
        Ok(config) => {
            found.extend(network(values, plan, &config));
            found.extend(plan.pods.iter().filter_map(|pod| keys(pod, &config)));
        }
        Err(error) => found.push(format!("aznet-node can't read network.json: {error}")),
    }
    found
}

/// What a template makes of a value that isn't there.
fn hollow(object: &Value) -> Option<String> {
    let text = object.to_string();
    let nothing = ["<nil>", "<no value>", "%!"]
        .into_iter()
        .find(|nothing| text.contains(nothing))?;
    Some(format!("{nothing} in a {}", object["kind"]))
}

/// Why Kubernetes' own types don't take an object.
fn unreadable(object: &Value) -> Option<String> {
    fn why<T: DeserializeOwned>(object: &Value) -> Option<String> {
        let error = T::deserialize(object).err()?;
        Some(format!(
            "Kubernetes can't read a {}: {error}",
            object["kind"]
        ))
    }
    match object["kind"].as_str() {
        Some("StatefulSet") => why::<StatefulSet>(object),
        Some("Deployment") => why::<Deployment>(object),
        Some("Job") => why::<Job>(object),
        Some("CronJob") => why::<CronJob>(object),
        Some("Role") => why::<RbacRole>(object),
        Some("RoleBinding") => why::<RoleBinding>(object),
        Some("Pod") => why::<Pod>(object),
        Some("ConfigMap") => why::<ConfigMap>(object),
        Some("Secret") => why::<Secret>(object),
        Some("Service") => why::<Service>(object),
        Some("ServiceAccount") => why::<ServiceAccount>(object),
        Some("PersistentVolumeClaim") => why::<PersistentVolumeClaim>(object),
        Some("NetworkPolicy") => why::<NetworkPolicy>(object),
        Some("PodDisruptionBudget") => why::<PodDisruptionBudget>(object),
        _ => Some(format!("an object of unknown kind: {}", object["kind"])),
    }
}

fn is_workload(object: &Value) -> bool {
    matches!(object["kind"].as_str(), Some("StatefulSet" | "Deployment"))
}

fn workload<'a>(objects: &'a [Value], name: &str) -> Option<&'a Value> {
    let mut workloads = objects.iter().filter(|one| is_workload(one));
    workloads.find(|one| one["metadata"]["name"] == name)
}

/// Which pods there are, and how many of each.
fn workloads(plan: &Plan, objects: &[Value]) -> Option<String> {
    let planned: BTreeMap<_, _> = plan
        .roles
        .iter()
        .map(|role| {
            let stateful = role.role.is_stateful();
            let kind = if stateful {
                "StatefulSet"
            } else {
                "Deployment"
            };
            let about = (kind, u64::from(role.replicas), role.role.name());
            (role.name.as_str(), about)
        })
        .collect();
    let workloads = objects.iter().filter(|one| is_workload(one));
    let rendered: BTreeMap<_, _> = workloads
        .map(|one| {
            let labels = &one["spec"]["template"]["metadata"]["labels"];
            let about = (
                one["kind"].as_str().unwrap_or_default(),
                one["spec"]["replicas"].as_u64().unwrap_or_default(),
                labels["app.kubernetes.io/component"]
                    .as_str()
                    .unwrap_or_default(),
            );
            (one["metadata"]["name"].as_str().unwrap_or_default(), about)
        })
        .collect();
    (planned != rendered).then(|| format!("workloads: planned {planned:?}, rendered {rendered:?}"))
}

/// A workload's environment, image, ports, requests and volumes.
fn settings(values: &Values, role: &RolePlan, object: &Value, objects: &[Value]) -> Vec<String> {
    let pod = values.pod_of(&role.workload());
    let spec = &object["spec"]["template"]["spec"];
    let containers = spec["containers"].as_array().cloned().unwrap_or_default();
    let Some(container) = containers.first() else {
        return vec![format!("{}: no container", role.name)];
    };
    let mut found = environment(&pod, container);
    found.extend(service_account(&pod, role, spec, objects));
    found.extend(image(&pod, role.role, container));
    found.extend(ports(&pod, role.role, container));
    let of = |what: &'static str| {
        let running = running(spec);
        running.map(move |one| &one["resources"]["requests"][what])
    };
    let (memory, cpu) = (role.each.memory_requested, role.each.cpu_requested);
    found.extend(amount::<Bytes>("memory", of("memory"), &memory));
    found.extend(amount::<MilliCpu>("cpu", of("cpu"), &cpu));
    let volume = std::iter::once(claimed(role, object, objects));
    found.extend(amount::<Bytes>("the volume", volume, &role.each.disk));
    found
        .into_iter()
        .map(|one| format!("{}: {one}", role.role))
        .collect()
}

/// The containers that run for as long as the pod does.
fn running(spec: &Value) -> impl Iterator<Item = &Value> {
    let before = spec["initContainers"].as_array().into_iter().flatten();
    let beside = before.filter(|one| one["restartPolicy"] == "Always");
    let containers = spec["containers"].as_array().into_iter().flatten();
    containers.chain(beside)
}

/// The size of a workload's volume: a StatefulSet claims one for each pod, a Deployment's is an object of its own.
fn claimed<'a>(role: &RolePlan, object: &'a Value, objects: &'a [Value]) -> &'a Value {
    let own = objects.iter().find(|one| {
        one["kind"] == "PersistentVolumeClaim" && one["metadata"]["name"] == role.name.as_str()
    });
    let claim = own.unwrap_or(&object["spec"]["volumeClaimTemplates"][0]);
    &claim["spec"]["resources"]["requests"]["storage"]
}

/// Variables that the values name, as the container has them.
fn environment(pod: &PodSettings, container: &Value) -> Vec<String> {
    let entries = container["env"].as_array().cloned().unwrap_or_default();
    let rendered = |name: &str| {
        let mut of_name = entries.iter().filter(|entry| entry["name"] == name);
        of_name.next_back().map(|entry| entry["value"].clone())
    };
    let planned = pod.env.iter().flatten();
    planned
        .filter_map(|(name, value)| {
            let rendered = rendered(name).unwrap_or_default();
            let same = rendered.as_str() == Some(value.as_str());
            (!same).then(|| format!("a variable in env is {rendered}, planned {value:?}"))
        })
        .collect()
}

fn image(pod: &PodSettings, role: Role, container: &Value) -> Option<String> {
    let own = pod.image.as_deref().filter(|image| !image.is_empty())?;
    let rendered = &container["image"];
    (rendered != own).then(|| format!("its image is {rendered}, planned {own:?} ({role})"))
}

/// Whom the pods run as, and that it is made where it is to be.
fn service_account(
    pod: &PodSettings,
    role: &RolePlan,
    spec: &Value,
    objects: &[Value],
) -> Vec<String> {
    let account = pod.service_account.clone().unwrap_or_default();
    let workload = role.workload();
    let planned = account.name_for(&workload);
    let rendered = &spec["serviceAccountName"];
    let mut found = Vec::new();
    if rendered != planned {
        found.push(format!("runs as {rendered}, planned {planned:?}"));
    }
    let is_it = |one: &&Value| {
        one["kind"] == "ServiceAccount" && one["metadata"]["name"].as_str() == Some(planned)
    };
    if account.is_created() && objects.iter().filter(is_it).count() != 1 {
        found.push(format!("there is not one ServiceAccount {planned:?}"));
    }
    found
}

/// What a container listens on, where values say it.
fn ports(pod: &PodSettings, role: Role, container: &Value) -> Vec<String> {
    let service = pod.service.unwrap_or_default();
    let mut planned = Vec::new();
    if role.pushes() {
        planned.push(("http", service.target_port.or(service.node_port)));
    }
    if role.is_node() {
        planned.extend([
            ("admin", service.admin_port),
            ("p2p", service.p2p_port),
            ("p2p-udp", service.p2p_port),
        ]);
    }
    let ports = container["ports"].as_array().cloned().unwrap_or_default();
    let rendered = |name: &str| {
        let port = ports.iter().find(|port| port["name"] == name);
        port.and_then(|port| port["containerPort"].as_u64())
    };
    planned
        .into_iter()
        .filter_map(|(name, planned)| {
            let (rendered, planned) = (rendered(name), planned.map(u64::from));
            (rendered != planned)
                .then(|| format!("port {name} is {rendered:?}, planned {planned:?}"))
        })
        .collect()
}

/// What several ask for together.
fn amount<'a, T: FromStr + Default + PartialEq + Add<Output = T> + fmt::Debug>(
    what: &str,
    rendered: impl Iterator<Item = &'a Value>,
    planned: &T,
) -> Option<String> {
    let (mut sum, mut texts) = (Some(T::default()), Vec::new());
    for one in rendered {
        let text = match one {
            Value::Null => "0".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        sum = sum.and_then(|sum| Some(sum + text.parse::<T>().ok()?));
        texts.push(text);
    }
    let texts = texts.join(" + ");
    (sum.as_ref() != Some(planned))
        .then(|| format!("{what} asked for is {texts}, planned {planned:?}"))
}

/// `network.json` as the pods read it.
pub(crate) fn config(objects: &[Value]) -> Result<NetworkConfig, serde_json::Error> {
    let mut maps = objects.iter().filter(|one| one["kind"] == "ConfigMap");
    let config = maps.find(|one| one["metadata"]["name"] == "network-config");
    let text = config.and_then(|one| one["data"]["network.json"].as_str());
    serde_json::from_str(text.unwrap_or_default())
}

/// What pods are told of the network.
fn network(values: &Values, plan: &Plan, config: &NetworkConfig) -> Vec<String> {
    let network = &values.network;
    let mut found = Vec::new();
    let mut compare = |what: &str, rendered: String, planned: String| {
        if rendered != planned {
            found.push(format!("{what}: pods read {rendered}, planned {planned}"));
        }
    };
    let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let endpoints = &config.endpoints;
    compare(
        "boot node",
        text(&endpoints.boot_node),
        text(&plan.endpoints.boot_node),
    );
    compare("node", text(&endpoints.node), text(&plan.endpoints.node));
    compare(
        "pxe",
        text(&endpoints.pxe),
        text(&plan.endpoints.pxe.first()),
    );
    compare(
        "L1",
        text(&config.l1.execution_urls),
        text(&plan.endpoints.l1),
    );
    compare(
        "proofs",
        text(&config.real_proofs),
        text(&values.real_proofs()),
    );
    compare(
        "bootstrap nodes",
        text(&config.bootstrap_nodes),
        text(&network.bootstrap_nodes),
    );
    for (what, rendered, planned) in [
        ("slot", config.slot_duration, plan.timing.slot_seconds),
        ("epoch", config.epoch_duration, network.epoch_duration),
        ("committee", config.committee_size, plan.committee.size),
        ("chain id", config.l1.chain_id, values.l1.chain_id),
        ("block time", config.l1.block_time, values.l1.block_time),
    ] {
        compare(what, rendered.to_string(), planned.to_string());
    }
    found
}

/// The keys that a pod derives.
fn keys(pod: &PodPlan, config: &NetworkConfig) -> Option<String> {
    let PodName { workload, ordinal } = PodName::parse(&pod.name)?;
    let (attesters, publishers) = match (config.keys.validators.get(&workload), pod.role) {
        (Some(keys), _) => (Some(keys.attester), Some(keys.publisher)),
        (None, Role::ProverNode) => (None, Some(config.keys.prover)),
        (None, _) => (None, None),
    };
    let [attesters, publishers] =
        [attesters, publishers].map(|keys| keys.map(|keys| keys.of_replica(ordinal)));
    let same = (attesters, publishers) == (pod.attesters, pod.publishers);
    (!same).then(|| {
        format!(
            "keys of a {}: {attesters:?} and {publishers:?}, planned {:?} and {:?}",
            pod.role, pod.attesters, pod.publishers
        )
    })
}
