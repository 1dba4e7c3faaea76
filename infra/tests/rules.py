"""What must hold of the templates and is in no schema. Each rule yields what is wrong."""

import json
import re
from collections.abc import Iterator

from templates import NETWORKS, YOURS, as_deployed, listed, nodes, of, parameters, resources

Templates = dict[str, dict]
WORLD = ("0.0.0.0/0", "::/0")
# Of GitHub, at which workflows prove who they are.
ISSUER = "token.actions.githubusercontent.com"
# What may assume which role: an environment, whose protection has the rest, or what can only look.
SUBJECTS = {
    "DeployRole": ("repo:${Repository}:environment:${Network}",),
    "InfraRole": ("repo:${Repository}:environment:infra-${Network}",),
    "PlanRole": ("repo:${Repository}:pull_request", "repo:${Repository}:ref:refs/heads/main"),
}
# Roles of the chart that run a node.
NODES = ("boot-node", "full-node", "validator", "prover-node")
LOGS = {"api", "audit", "authenticator", "controllerManager", "scheduler"}


def everywhere(all_: Templates, *types: str) -> Iterator[tuple[str, dict]]:
    """The name and the properties of every resource of some types."""
    for template in all_.values():
        for name, one in resources(template, *types).items():
            yield name, one["Properties"]


def load_balancers_have_an_address_for_each_subnet(all_: Templates) -> Iterator[str]:
    for name, wanted in everywhere(all_, "AWS::ElasticLoadBalancingV2::LoadBalancer"):
        mappings = wanted.get("SubnetMappings", [])
        if not mappings or "Subnets" in wanted:
            yield f"{name} names its subnets without addresses"
        addresses = [json.dumps(one.get("AllocationId")) for one in mappings]
        if "null" in addresses or len(set(addresses)) != len(mappings):
            yield f"{name} does not have one Elastic IP for each subnet"


def p2p_is_tcp_and_udp(all_: Templates) -> Iterator[str]:
    for kind in ("Listener", "TargetGroup"):
        for name, wanted in everywhere(all_, f"AWS::ElasticLoadBalancingV2::{kind}"):
            if wanted["Port"] == {"Ref": "P2pPort"} and wanted["Protocol"] != "TCP_UDP":
                yield f"{name} loses TCP or UDP: {wanted['Protocol']}"
    found = [one for _, one in everywhere(all_, "AWS::ElasticLoadBalancingV2::Listener")]
    if {"Ref": "P2pPort"} not in [one["Port"] for one in found]:
        yield "no listener has the p2p port"


def opened(all_: Templates, given: dict[str, str]) -> Iterator[tuple[str, dict]]:
    """What lets addresses in, of whichever kind of resource."""
    for template in all_.values():
        values = of(template, given)
        for name, one in as_deployed(template, given)["Resources"].items():
            wanted = one.get("Properties", {})
            rules = wanted.get("SecurityGroupIngress", [])
            if one["Type"] == "AWS::EC2::SecurityGroupIngress":
                rules = [wanted]
            for rule in rules:
                plain = {key: values.get(value["Ref"]) if is_ref(value) else value for key, value in rule.items()}
                yield name, plain | {"FromPort": rule.get("FromPort"), "ToPort": rule.get("ToPort")}


def is_ref(value) -> bool:
    return isinstance(value, dict) and "Ref" in value


def the_world_reaches_p2p_and_tls_only(all_: Templates) -> Iterator[str]:
    listeners = [one for _, one in everywhere(all_, "AWS::ElasticLoadBalancingV2::Listener")]
    served = [one["Port"] for one in listeners if one["Protocol"] == "TLS"]
    for network in NETWORKS:
        given = parameters(network, GrafanaDomain="x", JoinDomain="y")
        for name, rule in opened(all_, given):
            if not {rule.get("CidrIp"), rule.get("CidrIpv6")} & set(WORLD):
                continue
            ports = rule["FromPort"], rule["ToPort"]
            if ports not in [(port, port) for port in ({"Ref": "P2pPort"}, *served)]:
                yield f"{name} lets the world of {network} reach {ports}"


def data_is_encrypted(all_: Templates) -> Iterator[str]:
    for name, wanted in everywhere(all_, "AWS::EKS::Cluster"):
        if [one.get("Resources") for one in wanted.get("EncryptionConfig", [])] != [["secrets"]]:
            yield f"{name} does not encrypt its Secrets by a key of ours"
    for name, wanted in everywhere(all_, "AWS::EC2::LaunchTemplate"):
        for disk in wanted["LaunchTemplateData"]["BlockDeviceMappings"]:
            if disk["Ebs"].get("Encrypted") is not True:
                yield f"{name} has a disk that is not encrypted"


def blobs_are_ours_alone(all_: Templates) -> Iterator[str]:
    for name, wanted in everywhere(all_, "AWS::S3::Bucket"):
        if "BucketEncryption" not in wanted:
            yield f"{name} is not encrypted"
        if list(wanted.get("PublicAccessBlockConfiguration", {}).values()) != [True] * 4:
            yield f"{name} could be made public"


def every_node_reaches_the_bucket(all_: Templates) -> Iterator[str]:
    """By the ServiceAccount that the chart has for its role."""
    associations = [wanted["ServiceAccount"] for _, wanted in everywhere(all_, "AWS::EKS::PodIdentityAssociation")]
    for role in NODES:
        if associations.count(role) != 1:
            yield f"{role} has not one identity"
    for other in sorted(set(associations) - set(NODES)):
        yield f"{other} is no node's"


def what_is_served_is_encrypted(all_: Templates) -> Iterator[str]:
    for name, wanted in everywhere(all_, "AWS::ElasticLoadBalancingV2::Listener"):
        encrypted = wanted["Protocol"] == "TLS" and "TLS13" in wanted.get("SslPolicy", "")
        if wanted["Port"] != {"Ref": "P2pPort"} and not encrypted:
            yield f"{name} is no TLS of today"


def listeners_lead_from_the_world_to_machines(all_: Templates) -> Iterator[str]:
    """By rules of both groups that are there when the listener is."""
    template = all_["ingress"]
    targets = resources(template, "AWS::ElasticLoadBalancingV2::TargetGroup")
    leaving = template["Resources"]["World"]["Properties"]["SecurityGroupEgress"]
    rules = resources(template, "AWS::EC2::SecurityGroupIngress").values()
    for name, one in resources(template, "AWS::ElasticLoadBalancingV2::Listener").items():
        wanted = one["Properties"]
        target = targets[wanted["DefaultActions"][0]["TargetGroupArn"]["Ref"]]["Properties"]["Port"]
        entering = [rule["Properties"] for rule in rules if rule.get("Condition") == one.get("Condition")]
        ways = {
            "from the world": (wanted["Port"], [rule for rule in entering if "CidrIp" in rule]),
            "out of the load balancer": (target, leaving),
            "into machines": (target, [rule for rule in entering if "SourceSecurityGroupId" in rule]),
        }
        for way, (port, open_) in ways.items():
            let_through = [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in open_]
            for protocol in ("tcp", "udp") if wanted["Protocol"] == "TCP_UDP" else ("tcp",):
                if (protocol, port, port) not in let_through:
                    yield f"{name} has no way {way} by {protocol}"


def a_certificate_is_of_the_name_in_the_record(all_: Templates) -> Iterator[str]:
    """Both are there when the listener is."""
    template = all_["ingress"]
    everything = template["Resources"].items()
    for name, one in resources(template, "AWS::ElasticLoadBalancingV2::Listener").items():
        there = {key: other for key, other in everything if other.get("Condition") == one.get("Condition")}
        given = [each["CertificateArn"]["Ref"] for each in one["Properties"].get("Certificates", [])]
        certificates = [there[key]["Properties"] for key in given if key in there]
        records = [other["Properties"] for other in resources({"Resources": there}, "AWS::Route53::RecordSet").values()]
        options = [option for each in certificates for option in each["DomainValidationOptions"]]
        certified = [(option["DomainName"], option["HostedZoneId"]) for option in options]
        named = [(each["Name"], each["HostedZoneId"]) for each in records]
        if certified != named:
            yield f"{name} has certificates of {certified} and records of {named}"


def the_control_plane_is_logged(all_: Templates) -> Iterator[str]:
    kept = [one["LogGroupName"] for _, one in everywhere(all_, "AWS::Logs::LogGroup")]
    for name, wanted in everywhere(all_, "AWS::EKS::Cluster"):
        types = wanted.get("Logging", {}).get("ClusterLogging", {}).get("EnabledTypes", [])
        missing = LOGS - {one["Type"] for one in types}
        if missing:
            yield f"{name} does not log {', '.join(sorted(missing))}"
        if {"Fn::Sub": f"/aws/eks/{wanted['Name']['Fn::Sub']}/cluster"} not in kept:
            yield f"{name} leaves its logs behind: no log group has their name"


def only_a_workflow_of_ours_can_log_in(all_: Templates) -> Iterator[str]:
    for name, wanted in everywhere(all_, "AWS::IAM::Role"):
        for statement in wanted["AssumeRolePolicyDocument"]["Statement"]:
            if "sts:AssumeRoleWithWebIdentity" not in listed(statement["Action"]):
                continue
            claims = statement.get("Condition", {}).get("StringEquals", {})
            if list(statement.get("Condition", {})) != ["StringEquals"]:
                yield f"{name} is not bound by StringEquals alone"
            if claims.get(f"{ISSUER}:aud") != "sts.amazonaws.com":
                yield f"{name} accepts tokens that are for others"
            for subject in listed(claims.get(f"{ISSUER}:sub")):
                text = subject.get("Fn::Sub") if isinstance(subject, dict) else subject
                if text not in SUBJECTS.get(name, ()):
                    yield f"{name} does not name its workflow exactly: {text!r}"


def things_are_made_in_an_order_that_works(all_: Templates) -> Iterator[str]:
    """Where CloudFormation does not see it by references."""
    for template in all_.values():
        of_gateway = set(resources(template, "AWS::EC2::VPCGatewayAttachment"))
        machines = set(resources(template, "AWS::EKS::Nodegroup"))
        addons = {one["Properties"]["AddonName"]: name for name, one in resources(template, "AWS::EKS::Addon").items()}
        for name, one in template["Resources"].items():
            after, wanted = set(listed(one.get("DependsOn", []))), one.get("Properties", {})
            gateway = one["Type"] == "AWS::EC2::Route" and "GatewayId" in wanted
            if of_gateway and (gateway or one["Type"] == "AWS::EC2::EIP") and not after & of_gateway:
                yield f"{name} may come before the VPC has its gateway"
            if one["Type"] == "AWS::EKS::Nodegroup" and addons.get("vpc-cni") not in after:
                yield f"{name} waits for machines that have no CNI yet"
            on_machines = wanted.get("AddonName") in ("coredns", "aws-ebs-csi-driver")
            if one["Type"] == "AWS::EKS::Addon" and on_machines and not after & machines:
                yield f"{name} has no machine to run on yet"
            if one["Type"] == "AWS::EKS::Cluster" and not after & set(resources(template, "AWS::Logs::LogGroup")):
                yield f"{name} makes its log group by itself"


def access_is_no_more_than_needed(all_: Templates) -> Iterator[str]:
    """An entry and its policies are one resource: neither waits for the other. A role made before is referred to."""
    for name, wanted in everywhere(all_, "AWS::EKS::AccessEntry"):
        if isinstance(wanted["PrincipalArn"], str):
            yield f"{name} does not refer to its role"
        policies = [one["PolicyArn"]["Fn::Sub"].rpartition("/")[2] for one in wanted.get("AccessPolicies", [])]
        groups = wanted.get("KubernetesGroups", [])
        right = {"Administrators": (["AmazonEKSClusterAdminPolicy"], []), "Deployer": ([], ["aznet-deployer"])}
        if (policies, groups) != right.get(name):
            yield f"{name} has {policies} and the groups {groups}"


def the_cluster_is_as_decided(all_: Templates) -> Iterator[str]:
    for name, wanted in everywhere(all_, "AWS::EKS::Cluster"):
        if wanted.get("UpgradePolicy") != {"SupportType": "STANDARD"}:
            yield f"{name} would slide into extended support, at six times the price"
        access = {"AuthenticationMode": "API", "BootstrapClusterCreatorAdminPermissions": False}
        if wanted.get("AccessConfig") != access:
            yield f"{name} has administrators that are in no access entry"
    settings = {
        one["AddonName"]: one.get("ConfigurationValues", "{}") for _, one in everywhere(all_, "AWS::EKS::Addon")
    }
    if json.loads(settings["vpc-cni"]).get("enableNetworkPolicy") != "true":
        yield "NetworkPolicies are not enforced"
    if not json.loads(settings["aws-ebs-csi-driver"]).get("defaultStorageClass", {}).get("enabled"):
        yield "there is no default StorageClass: volumes stay Pending"
    for name, wanted in everywhere(all_, "AWS::EC2::LaunchTemplate"):
        metadata = wanted["LaunchTemplateData"].get("MetadataOptions", {})
        if metadata != {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}:
            yield f"{name} gives its role to pods"


def a_group_of_machines_with_volumes_is_in_one_zone(all_: Templates) -> Iterator[str]:
    for name, wanted in everywhere(all_, "AWS::EKS::Nodegroup"):
        provers = wanted["Labels"] == {"aznet.dev/purpose": "provers"}
        if provers and wanted.get("CapacityType") != "SPOT":
            yield f"{name} pays the full price for provers"
        if not provers and len(wanted["Subnets"]) != 1:
            yield f"{name} spans zones: a volume of one is out of reach in the other"


def nothing_secret_is_a_parameter(all_: Templates) -> Iterator[str]:
    for stack, template in all_.items():
        for name, one in template.get("Parameters", {}).items():
            if "NoEcho" in one or re.search("(?i)password|secret|token|mnemonic|privatekey", name):
                yield f"{stack} has the parameter {name}"


def parameters_are_all_given_and_used(all_: Templates) -> Iterator[str]:
    declared = {name: one for template in all_.values() for name, one in template.get("Parameters", {}).items()}
    for network in NETWORKS:
        given = set(parameters(network))
        needed = {name for name, one in declared.items() if "Default" not in one}
        for name in sorted(needed - given):
            yield f"{network} does not say {name}"
        for name in sorted(given - set(declared) - set(YOURS)):
            yield f"{network} says {name}, which no template has"


def imports_come_from_stacks_before(all_: Templates, order: tuple[str, ...]) -> Iterator[str]:
    exported: set[str] = set()
    for stack in order:
        for node in nodes(all_[stack]["Resources"]):
            name = node.get("Fn::ImportValue", {"Fn::Sub": None})["Fn::Sub"]
            if name is not None and name not in exported:
                yield f"{stack} imports {name}, which no stack before it exports"
        outputs = all_[stack].get("Outputs", {}).values()
        exported |= {one["Export"]["Name"]["Fn::Sub"] for one in outputs if "Export" in one}


def the_bucket_outlives_its_stack(all_: Templates) -> Iterator[str]:
    for template in all_.values():
        for name, one in resources(template, "AWS::S3::Bucket").items():
            if (one.get("DeletionPolicy"), one.get("UpdateReplacePolicy")) != ("Retain", "Retain"):
                yield f"{name} goes with its stack"
            if "LifecycleConfiguration" not in one["Properties"]:
                yield f"{name} keeps for ever what nobody reads"


def subnets_have_their_way_out(all_: Templates) -> Iterator[str]:
    """Private ones by the NAT gateway, public ones by the VPC's own."""
    for template in all_.values():
        out = {}
        for one in resources(template, "AWS::EC2::Route").values():
            wanted = one["Properties"]
            out[wanted["RouteTableId"]["Ref"]] = "NatGatewayId" if "NatGatewayId" in wanted else "GatewayId"
        ways = {}
        for one in resources(template, "AWS::EC2::SubnetRouteTableAssociation").values():
            wanted = one["Properties"]
            ways[wanted["SubnetId"]["Ref"]] = out.get(wanted["RouteTableId"]["Ref"])
        for name in resources(template, "AWS::EC2::Subnet"):
            if ways.get(name) != ("NatGatewayId" if name.startswith("Private") else "GatewayId"):
                yield f"{name} has not the way out that it should have: {ways.get(name)}"


RULES = [
    subnets_have_their_way_out,
    load_balancers_have_an_address_for_each_subnet,
    p2p_is_tcp_and_udp,
    the_world_reaches_p2p_and_tls_only,
    data_is_encrypted,
    blobs_are_ours_alone,
    every_node_reaches_the_bucket,
    what_is_served_is_encrypted,
    listeners_lead_from_the_world_to_machines,
    a_certificate_is_of_the_name_in_the_record,
    the_control_plane_is_logged,
    only_a_workflow_of_ours_can_log_in,
    things_are_made_in_an_order_that_works,
    access_is_no_more_than_needed,
    the_cluster_is_as_decided,
    a_group_of_machines_with_volumes_is_in_one_zone,
    nothing_secret_is_a_parameter,
    parameters_are_all_given_and_used,
    the_bucket_outlives_its_stack,
]
