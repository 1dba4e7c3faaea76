"""The templates keep the rules, and a mistake of each kind is caught by the rule that is for it."""

import copy

import pytest
import rules
import yaml
from templates import load, program, templates

STACKS = program().STACKS


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_templates_keep(rule):
    assert list(rule(templates())) == []


def test_stacks_are_made_in_the_order_of_their_imports():
    assert list(rules.imports_come_from_stacks_before(templates(), STACKS)) == []
    assert set(STACKS) | {"github"} == set(templates())
    backwards = list(rules.imports_come_from_stacks_before(templates(), STACKS[::-1]))
    assert "ingress imports aznet-${Network}-Vpc, which no stack before it exports" in backwards


def test_aliases_are_refused():
    with pytest.raises(yaml.YAMLError, match="no aliases"):
        load("one: &one 1\ntwo: *one\n")


# A change to a property (where, what; None removes it), and what its rule then says.
MISTAKES = [
    (
        "network.Resources.PrivateRoutesB.Properties.RouteTableId.Ref",
        "PublicRoutes",
        rules.subnets_have_their_way_out,
        "PrivateB has not the way out",
    ),
    (
        "ingress.Resources.LoadBalancer.Properties.SubnetMappings.0.AllocationId",
        None,
        rules.load_balancers_have_an_address_for_each_subnet,
        "LoadBalancer does not have one Elastic IP for each subnet",
    ),
    (
        "ingress.Resources.LoadBalancer.Properties.Subnets",
        ["a", "b"],
        rules.load_balancers_have_an_address_for_each_subnet,
        "LoadBalancer names its subnets without addresses",
    ),
    ("ingress.Resources.P2pListener.Properties.Protocol", "UDP", rules.p2p_is_tcp_and_udp, "P2pListener loses"),
    ("ingress.Resources.P2p.Properties.Protocol", "TCP", rules.p2p_is_tcp_and_udp, "P2p loses"),
    ("ingress.Resources.P2pListener.Properties.Port", 40400, rules.p2p_is_tcp_and_udp, "no listener has"),
    (
        "network.Resources.Machines.Properties.SecurityGroupIngress",
        [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}],
        rules.the_world_reaches_p2p_and_tls_only,
        "Machines lets the world of spartan reach (22, 22)",
    ),
    (
        "ingress.Resources.WorldGrafana.Properties.FromPort",
        80,
        rules.the_world_reaches_p2p_and_tls_only,
        "WorldGrafana lets the world of spartan reach (80, 443)",
    ),
    (
        "ingress.Resources.WorldJoin.Properties.ToPort",
        8444,
        rules.the_world_reaches_p2p_and_tls_only,
        "WorldJoin lets the world of staging reach (8443, 8444)",
    ),
    (
        "ingress.Resources.JoinListener.Properties.Protocol",
        "TCP",
        rules.the_world_reaches_p2p_and_tls_only,
        "WorldJoin lets the world of spartan reach (8443, 8443)",
    ),
    ("cluster.Resources.Cluster.Properties.EncryptionConfig", None, rules.data_is_encrypted, "Cluster does not"),
    (
        "cluster.Resources.MachineTemplate.Properties.LaunchTemplateData.BlockDeviceMappings.0.Ebs.Encrypted",
        None,
        rules.data_is_encrypted,
        "MachineTemplate has a disk that is not encrypted",
    ),
    ("blobs.Resources.Bucket.Properties.BucketEncryption", None, rules.blobs_are_ours_alone, "Bucket is not encrypted"),
    (
        "blobs.Resources.Bucket.Properties.PublicAccessBlockConfiguration.BlockPublicPolicy",
        False,
        rules.blobs_are_ours_alone,
        "Bucket could be made public",
    ),
    (
        "blobs.Resources.Validator.Properties.ServiceAccount",
        "default",
        rules.every_node_reaches_the_bucket,
        "validator has not one identity",
    ),
    (
        "ingress.Resources.GrafanaListener.Properties.Protocol",
        "TCP",
        rules.what_is_served_is_encrypted,
        "GrafanaListener is no TLS",
    ),
    (
        "ingress.Resources.JoinListener.Properties.SslPolicy",
        "ELBSecurityPolicy-2016-08",
        rules.what_is_served_is_encrypted,
        "JoinListener is no TLS of today",
    ),
    (
        "ingress.Resources.WorldJoin.Condition",
        "Grafana",
        rules.listeners_lead_from_the_world_to_machines,
        "JoinListener has no way from the world",
    ),
    (
        "ingress.Resources.World.Properties.SecurityGroupEgress.3",
        None,
        rules.listeners_lead_from_the_world_to_machines,
        "JoinListener has no way out of the load balancer",
    ),
    (
        "ingress.Resources.World.Properties.SecurityGroupEgress.1.IpProtocol",
        "tcp",
        rules.listeners_lead_from_the_world_to_machines,
        "P2pListener has no way out of the load balancer by udp",
    ),
    (
        "ingress.Resources.MachinesJoin.Properties.FromPort",
        {"Ref": "GrafanaPort"},
        rules.listeners_lead_from_the_world_to_machines,
        "JoinListener has no way into machines",
    ),
    (
        "ingress.Resources.JoinListener.Properties.DefaultActions.0.TargetGroupArn.Ref",
        "GrafanaTargets",
        rules.listeners_lead_from_the_world_to_machines,
        "JoinListener has no way into machines",
    ),
    (
        "ingress.Resources.JoinListener.Properties.Certificates.0.CertificateArn.Ref",
        "GrafanaCertificate",
        rules.a_certificate_is_of_the_name_in_the_record,
        "JoinListener has certificates of []",
    ),
    (
        "ingress.Resources.JoinRecord.Properties.HostedZoneId.Ref",
        "GrafanaZone",
        rules.a_certificate_is_of_the_name_in_the_record,
        "JoinListener has certificates of",
    ),
    (
        "cluster.Resources.Cluster.Properties.Logging.ClusterLogging.EnabledTypes.1",
        None,
        rules.the_control_plane_is_logged,
        "Cluster does not log audit",
    ),
    (
        "cluster.Resources.Logs.Properties.LogGroupName",
        {"Fn::Sub": "/aws/eks/${Network}/cluster"},
        rules.the_control_plane_is_logged,
        "Cluster leaves its logs behind",
    ),
    (
        "deployer.Resources.DeployRole.Properties.AssumeRolePolicyDocument.Statement.0.Condition",
        {"StringLike": {f"{rules.ISSUER}:aud": "sts.amazonaws.com", f"{rules.ISSUER}:sub": "repo:example/*"}},
        rules.only_a_workflow_of_ours_can_log_in,
        "DeployRole is not bound by StringEquals alone",
    ),
    (
        "deployer.Resources.InfraRole.Properties.AssumeRolePolicyDocument.Statement.0.Condition.StringEquals."
        + rules.ISSUER.replace(".", "\\.")
        + ":sub",
        {"Fn::Sub": "repo:${Repository}:*"},
        rules.only_a_workflow_of_ours_can_log_in,
        "InfraRole does not name its workflow exactly",
    ),
    (
        "network.Resources.NatAddress.DependsOn",
        None,
        rules.things_are_made_in_an_order_that_works,
        "NatAddress may come before the VPC has its gateway",
    ),
    (
        "network.Resources.PublicRoute.DependsOn",
        None,
        rules.things_are_made_in_an_order_that_works,
        "PublicRoute may come before the VPC has its gateway",
    ),
    (
        "cluster.Resources.MachinesB.DependsOn",
        "KubeProxy",
        rules.things_are_made_in_an_order_that_works,
        "MachinesB waits for machines that have no CNI yet",
    ),
    (
        "cluster.Resources.EbsCsi.DependsOn",
        ["PodIdentity"],
        rules.things_are_made_in_an_order_that_works,
        "EbsCsi has no machine to run on yet",
    ),
    (
        "cluster.Resources.Cluster.DependsOn",
        None,
        rules.things_are_made_in_an_order_that_works,
        "Cluster makes its log group by itself",
    ),
    (
        "cluster.Resources.Deployer.Properties.AccessPolicies",
        [{"PolicyArn": {"Fn::Sub": "x/AmazonEKSAdminPolicy"}, "AccessScope": {"Type": "cluster"}}],
        rules.access_is_no_more_than_needed,
        "Deployer has ['AmazonEKSAdminPolicy']",
    ),
    (
        "cluster.Resources.Deployer.Properties.PrincipalArn",
        "arn:aws:iam::1:role/aznet-staging-deploy",
        rules.access_is_no_more_than_needed,
        "Deployer does not refer to its role",
    ),
    (
        "cluster.Resources.Cluster.Properties.UpgradePolicy",
        None,
        rules.the_cluster_is_as_decided,
        "Cluster would slide",
    ),
    (
        "cluster.Resources.Cluster.Properties.AccessConfig.AuthenticationMode",
        "API_AND_CONFIG_MAP",
        rules.the_cluster_is_as_decided,
        "Cluster has administrators",
    ),
    (
        "cluster.Resources.VpcCni.Properties.ConfigurationValues",
        None,
        rules.the_cluster_is_as_decided,
        "NetworkPolicies",
    ),
    (
        "cluster.Resources.EbsCsi.Properties.ConfigurationValues",
        None,
        rules.the_cluster_is_as_decided,
        "there is no default",
    ),
    (
        "cluster.Resources.MachineTemplate.Properties.LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit",
        2,
        rules.the_cluster_is_as_decided,
        "MachineTemplate gives its role to pods",
    ),
    (
        "cluster.Resources.MachinesA.Properties.Subnets",
        ["a", "b"],
        rules.a_group_of_machines_with_volumes_is_in_one_zone,
        "MachinesA spans zones",
    ),
    (
        "cluster.Resources.ProverMachinesGroup.Properties.CapacityType",
        "ON_DEMAND",
        rules.a_group_of_machines_with_volumes_is_in_one_zone,
        "ProverMachinesGroup pays the full price",
    ),
    (
        "ingress.Parameters.GrafanaPassword",
        {"Type": "String", "Default": "x"},
        rules.nothing_secret_is_a_parameter,
        "ingress has the parameter GrafanaPassword",
    ),
    (
        "network.Parameters.ZoneC",
        {"Type": "String"},
        rules.parameters_are_all_given_and_used,
        "spartan does not say ZoneC",
    ),
    ("ingress.Parameters.P2pPort", None, rules.parameters_are_all_given_and_used, "spartan says P2pPort"),
    (
        "blobs.Resources.Bucket.DeletionPolicy",
        "Delete",
        rules.the_bucket_outlives_its_stack,
        "Bucket goes with its stack",
    ),
    (
        "blobs.Resources.Bucket.Properties.LifecycleConfiguration",
        None,
        rules.the_bucket_outlives_its_stack,
        "Bucket keeps for ever",
    ),
]


@pytest.mark.parametrize(
    ("where", "what", "rule", "said"), MISTAKES, ids=[f"{m[0].split('.', 2)[2]}" for m in MISTAKES]
)
def test_a_mistake_is_caught(where, what, rule, said):
    wrong = copy.deepcopy(templates())
    put(wrong, where, what)
    assert any(found.startswith(said) for found in rule(wrong)), list(rule(wrong))


def test_each_rule_has_its_mistake():
    assert {mistake[2] for mistake in MISTAKES} == set(rules.RULES)


def put(value, where: str, what) -> None:
    """Sets or removes what a path of names and places leads to."""
    *way, last = [step.replace("\0", ".") for step in where.replace("\\.", "\0").split(".")]
    for step in way:
        value = value[int(step) if isinstance(value, list) else step]
    if isinstance(value, list):
        last = int(last)
    if what is None:
        del value[last]
    else:
        value[last] = what
