//! What users of a network talk to: by whom it is served, and under which name tools look for it.

use aznet_model::role::Role;
use serde::Serialize;

use crate::{clients::l1, clients::l2, observe::telemetry};

/// Something that users talk to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// What it is: `node`, `pxe`, `ethereum`, `otlp`, `prometheus` or `grafana`.
    pub name: &'static str,
    /// The environment variable that Aztec's tools read its URL from.
    pub variable: &'static str,
    /// Who serves it; any ready pod of the role will do.
    pub role: Role,
    /// The pods' port.
    pub port: u16,
    /// Its URL inside the cluster.
    pub url: String,
}

/// The endpoints of a network with pods of these roles in `namespace`.
pub fn endpoints(namespace: &str, roles: &[Role]) -> Vec<Endpoint> {
    let node = if roles.contains(&Role::FullNode) {
        Role::FullNode
    } else {
        Role::BootNode
    };
    let all = [
        (
            "ethereum",
            "ETHEREUM_HOSTS",
            Role::Anvil,
            l1::PORT,
            "anvil".to_owned(),
        ),
        ("node", "AZTEC_NODE_URL", node, l2::PORT, service(node)),
        (
            "pxe",
            "PXE_URL",
            Role::Pxe,
            l2::PORT,
            "pxe-0.pxe".to_owned(),
        ),
        observer(
            "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            Role::OtelCollector,
            telemetry::OTLP_PORT,
        ),
        observer(
            "prometheus",
            "PROMETHEUS_URL",
            Role::Prometheus,
            telemetry::PROMETHEUS_PORT,
        ),
        observer(
            "grafana",
            "GRAFANA_URL",
            Role::Grafana,
            telemetry::GRAFANA_PORT,
        ),
    ];
    all.into_iter()
        .filter(|(_, _, role, ..)| roles.contains(role))
        .map(|(name, variable, role, port, host)| {
            let url = format!("http://{host}.{namespace}.svc:{port}");
            Endpoint {
                name,
                variable,
                role,
                port,
                url,
            }
        })
        .collect()
}

fn observer(
    name: &'static str,
    variable: &'static str,
    role: Role,
    port: u16,
) -> (&'static str, &'static str, Role, u16, String) {
    (name, variable, role, port, role.name().to_owned())
}

fn service(node: Role) -> String {
    if node == Role::FullNode {
        "full-node".into()
    } else {
        format!("{node}-0.{node}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wallets_use_the_boot_node_where_there_is_no_full_node() {
        let urls = |roles: &[Role]| {
            endpoints("ns", roles)
                .into_iter()
                .map(|end| end.url)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            urls(&[Role::Anvil, Role::BootNode, Role::FullNode, Role::Pxe]),
            [
                "http://anvil.ns.svc:8545",
                "http://full-node.ns.svc:8080",
                "http://pxe-0.pxe.ns.svc:8080"
            ]
        );
        assert_eq!(
            urls(&[Role::BootNode]),
            ["http://boot-node-0.boot-node.ns.svc:8080"]
        );
    }
}
