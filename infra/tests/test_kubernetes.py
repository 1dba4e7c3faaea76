"""What is not of AWS in this folder."""

import yaml
from templates import INFRA, NETWORKS, parameters, program

GUIDE = INFRA.parent / "docs/guide/your-cluster.md"


def test_a_workflow_has_the_rights_of_the_guide():
    role, binding = yaml.safe_load_all((INFRA / "kubernetes/rights.yaml").read_text())
    (block,) = [part for part in GUIDE.read_text().split("```") if part.startswith("yaml\napiVersion: rbac")]
    wanted = yaml.safe_load(block.removeprefix("yaml\n"))["rules"]
    # In a Role, it can be no other namespace than the Role's own.
    assert wanted[0].pop("resourceNames") == ["team"]
    assert role["rules"] == wanted
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [subject["name"] for subject in binding["subjects"]] == ["aznet-deployer"]


def test_the_boot_node_is_where_the_load_balancer_looks():
    for network in NETWORKS:
        values = yaml.safe_load((INFRA / f"values/{network}.yaml").read_text())
        p2p = values["bootNode"]["p2p"]
        assert (p2p["exposure"], str(p2p["nodePortBase"])) == ("NodePort", parameters(network)["P2pPort"])
        ports = [parameters(network)[name] for name in ("P2pPort", "GrafanaPort", "JoinPort")]
        assert len(set(ports)) == len(ports)
        # Its password would travel in clear.
        assert values["telemetry"]["grafana"]["expose"]["type"] == "ClusterIP"


def test_grafana_is_served_by_tls_or_not_at_all():
    of_ingress = {"Address": "192.0.2.1", "GrafanaPort": "30300", "GrafanaUrl": "https://grafana.example.org/"}
    grafana = program().for_the_chart(of_ingress, {})["telemetry"]["grafana"]
    assert grafana["expose"] == {"type": "NodePort", "nodePort": 30300}
    assert grafana["env"]["GF_SERVER_ROOT_URL"] == "https://grafana.example.org/"
    assert grafana["env"]["GF_SECURITY_COOKIE_SECURE"] == "true"
    assert "telemetry" not in program().for_the_chart({"Address": "192.0.2.1"}, {})


def test_bundles_are_served_by_tls_or_within_the_cluster_only():
    of_ingress = {"Address": "192.0.2.1", "JoinPort": "30890", "JoinUrl": "https://join.example.org:8443/"}
    boot_node = program().for_the_chart(of_ingress, {})["bootNode"]
    assert boot_node["joinBundles"] == {"nodePort": 30890, "url": "https://join.example.org:8443/"}
    assert program().for_the_chart({"Address": "192.0.2.1"}, {})["bootNode"] == {"p2p": {"announceIp": "192.0.2.1"}}
