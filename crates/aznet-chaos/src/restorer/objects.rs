//! The objects that take a fault back: a Job, and what NetworkPolicies must let it do.

use std::collections::{BTreeMap, BTreeSet};

use aznet_model::restoration::{Restoration, VARIABLE};
use aznet_network::clients::admin::KEY;
use serde_json::{Value, json};

use super::server::Server;

/// The annotation of a Job that tells, by experiment, when it takes it back.
pub(super) const ENDS: &str = "aznet.dev/ends";

/// Where the key of the admin API is.
const KEYS: &str = "/aznet/admin";
/// How often its first check may fail, a second each.
const CHECKS: u32 = 60;
/// How long it may take beyond the time of its last call: `aznet-node restore` gives up after ten minutes.
const BEYOND: u64 = 900;

/// What they are made of.
pub(crate) struct Objects<'a> {
    pub(crate) release: &'a str,
    /// How many the release has had.
    pub(crate) part: u32,
    pub(crate) servers: &'a [Server],
    pub(crate) ends: BTreeMap<&'a str, u64>,
    pub(crate) restoration: &'a Restoration,
}

impl Objects<'_> {
    /// What the Job is called.
    pub(super) fn name(&self) -> String {
        match self.part {
            0 => format!("{}-restore", self.release),
            part => format!("{}-restore-again-{part}", self.release),
        }
    }

    fn metadata(&self, suffix: &str) -> Value {
        let name = format!("{}{suffix}", self.name());
        json!({"name": name, "labels": self.labels()})
    }

    fn labels(&self) -> Value {
        json!({
            "app.kubernetes.io/name": "aztec-chaos",
            "app.kubernetes.io/instance": self.release,
            "app.kubernetes.io/component": "restore",
            "app.kubernetes.io/managed-by": "aznet",
        })
    }

    /// The Job. A container that fails is started again; its times are absolute.
    pub(super) fn job(&self) -> Value {
        let mut metadata = self.metadata("");
        metadata["annotations"] = json!({ENDS: json!(self.ends).to_string()});
        let seconds = self.seconds();
        let spec = json!({
            "backoffLimit": 6,
            "activeDeadlineSeconds": seconds,
            "template": {"metadata": {"labels": self.labels()}, "spec": self.pod()},
        });
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})
    }

    fn seconds(&self) -> u64 {
        let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
        self.restoration.end().saturating_sub(now) + BEYOND
    }

    fn pod(&self) -> Value {
        let like = self.servers.first();
        let mut pod = like.map(|one| one.pod.clone()).unwrap_or_default();
        pod["restartPolicy"] = json!("OnFailure");
        pod["automountServiceAccountToken"] = json!(false);
        pod["enableServiceLinks"] = json!(false);
        pod["terminationGracePeriodSeconds"] = json!(1);
        let mut container = like.map(|one| one.install.clone()).unwrap_or_default();
        let calls = serde_json::to_string(self.restoration).unwrap_or_default();
        container["name"] = json!("restore");
        container["command"] = json!(["/aznet-node", "restore"]);
        container["env"] = json!([{"name": VARIABLE, "value": calls}]);
        // So that it is known to reach all of them while that can still be mended.
        container["startupProbe"] = json!({
            "exec": {"command": ["/aznet-node", "restore", "--check"]},
            "periodSeconds": 1, "timeoutSeconds": 10, "failureThreshold": CHECKS,
        });
        if let Some(secret) = self.servers.iter().find_map(|one| one.secret.as_ref()) {
            let file =
                json!({"name": "AZNET_ADMIN_API_KEY_FILE", "value": format!("{KEYS}/{KEY}")});
            if let Some(env) = container["env"].as_array_mut() {
                env.push(file);
            }
            container["volumeMounts"] =
                json!([{"name": "admin", "mountPath": KEYS, "readOnly": true}]);
            let items = json!([{"key": KEY, "path": KEY}]);
            let secret = json!({"secretName": secret, "defaultMode": 0o440, "items": items});
            pod["volumes"] = json!([{"name": "admin", "secret": secret}]);
        }
        pod["containers"] = json!([container]);
        pod
    }

    /// What the Job's pod may do: ask for names, and call its servers.
    pub(super) fn egress(&self) -> Value {
        let names =
            json!({"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]});
        let groups = groups(self.servers.iter());
        let servers = groups.into_iter().map(|((label, port), values)| {
            json!({
                "to": [{"podSelector": selected(label, &values)}],
                "ports": [{"protocol": "TCP", "port": port}],
            })
        });
        let rules: Vec<Value> = std::iter::once(names).chain(servers).collect();
        self.policy(
            "",
            &json!({
                "podSelector": {"matchLabels": self.labels()},
                "policyTypes": ["Ingress", "Egress"],
                "egress": rules,
            }),
        )
    }

    /// Lets the Job's pod call servers that are shut off from it.
    pub(super) fn ingress(&self, isolated: &[&Server]) -> Vec<Value> {
        let groups = groups(isolated.iter().copied()).into_iter().enumerate();
        let each = groups.map(|(index, ((label, port), values))| {
            let from = json!([{"podSelector": {"matchLabels": self.labels()}}]);
            let spec = json!({
                "podSelector": selected(label, &values),
                "policyTypes": ["Ingress"],
                "ingress": [{"from": from, "ports": [{"protocol": "TCP", "port": port}]}],
            });
            self.policy(&format!("-{index}"), &spec)
        });
        each.collect()
    }

    fn policy(&self, suffix: &str, spec: &Value) -> Value {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": self.metadata(suffix), "spec": spec,
        })
    }
}

/// Servers that one rule can name: values of a label by that and the port.
fn groups<'a>(
    servers: impl Iterator<Item = &'a Server>,
) -> BTreeMap<(&'static str, u16), BTreeSet<&'a str>> {
    let mut groups: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for server in servers {
        let (label, value) = server.label();
        groups
            .entry((label, server.port))
            .or_default()
            .insert(value);
    }
    groups
}

fn selected(label: &str, values: &BTreeSet<&str>) -> Value {
    json!({
        "matchLabels": {"app.kubernetes.io/name": "aztec-network"},
        "matchExpressions": [{"key": label, "operator": "In", "values": values}],
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::batch::v1::Job;
    use k8s_openapi::api::networking::v1::NetworkPolicy;

    use super::super::server::tests::validator;
    use super::*;

    fn with<T>(test: impl FnOnce(Objects<'_>) -> T) -> T {
        let (servers, restoration) = ([validator()], Restoration::default());
        test(Objects {
            part: 0,
            release: "chaos-x",
            servers: &servers,
            ends: [("x", 7)].into(),
            restoration: &restoration,
        })
    }

    #[test]
    fn the_job_runs_what_the_network_has_with_the_key_and_without_a_token() {
        let job: Job = with(|objects| serde_json::from_value(objects.job())).expect("a Job");
        let annotations = job.metadata.annotations.expect("annotations");
        assert_eq!(annotations[ENDS], r#"{"x":7}"#);
        let pod = job.spec.and_then(|spec| spec.template.spec).expect("a pod");
        assert_eq!(pod.automount_service_account_token, Some(false));
        let container = &pod.containers[0];
        assert_eq!(container.image.as_deref(), Some("aznet-node:1"));
        let file = container
            .env
            .iter()
            .flatten()
            .find(|one| one.name.ends_with("KEY_FILE"));
        let file = file.and_then(|one| one.value.as_deref());
        assert_eq!(file, Some("/aznet/admin/apiKey"));
        let volume = pod.volumes.iter().flatten().next().expect("the key");
        let secret = volume
            .secret
            .as_ref()
            .and_then(|one| one.secret_name.as_deref());
        assert_eq!(secret, Some("admin-api"));
    }

    #[test]
    fn policies_let_it_reach_its_servers_and_open_only_what_was_shut() {
        let egress: NetworkPolicy =
            with(|objects| serde_json::from_value(objects.egress())).expect("a NetworkPolicy");
        let rules = egress.spec.and_then(|spec| spec.egress).expect("rules");
        assert_eq!(rules.len(), 2, "names and one server");
        let (open, none) = with(|objects| {
            let server = validator();
            (objects.ingress(&[&server]), objects.ingress(&[]))
        });
        assert!(
            none.is_empty(),
            "a policy would shut off what none shuts off"
        );
        assert_eq!(open.len(), 1);
        let ports = &open[0]["spec"]["ingress"][0]["ports"];
        assert_eq!(ports, &json!([{"protocol": "TCP", "port": 8880}]));
        assert_eq!(
            open[0]["spec"]["podSelector"]["matchExpressions"][0]["values"],
            json!(["validator-2"])
        );
    }
}
