"""`infra/stacks` against AWS as moto has it: stacks are made, changed and deleted."""

import json
import os
import re
import shutil
import socket

import boto3
import pytest
import yaml
from moto.cloudformation.models import cloudformation_backends
from moto.cloudformation.parsing import get_model_map
from templates import GRAFANA, INFRA, JOIN, YOURS, as_deployed, parameters, resources, templates, without

# What moto's CloudFormation does not make. It is covered by cfn-lint, which has the schema of each, and by the rules.
NOT_MADE = {
    "AWS::CertificateManager::Certificate",
    "AWS::EKS::AccessEntry",
    "AWS::EKS::Addon",
    "AWS::EKS::Cluster",
    "AWS::EKS::Nodegroup",
    "AWS::EKS::PodIdentityAssociation",
    "AWS::IAM::OIDCProvider",
    "AWS::S3::BucketPolicy",
}


def test_what_is_not_made_is_what_moto_does_not_know():
    used = {one["Type"] for template in templates().values() for one in template["Resources"].values()}
    assert used - set(get_model_map()) == NOT_MADE


def test_nothing_gets_out():
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    with socket.socket() as outside, pytest.raises(OSError, match="Network is unreachable"):
        outside.connect(("192.0.2.1", 443))


class Stacks:
    """A copy of this folder whose templates hold what moto makes of them, and the program in it."""

    def __init__(self, network: str, folder, aws: dict[str, str], run):
        self.network, self.folder, self.aws, self.run = network, folder, aws, run
        shutil.copy(INFRA / "stacks", folder)
        shutil.copy(INFRA / f"{network}.json", folder)
        for stack in templates():
            self.write(stack)

    def write(self, stack: str, **more: str) -> None:
        made = without(as_deployed(templates()[stack], parameters(self.network, **more)), NOT_MADE)
        (self.folder / f"{stack}.yaml").write_text(json.dumps(made))

    def __call__(self, verb: str, *given: str, **variables: str):
        return self.run(self.folder / "stacks", verb, self.network, *given, env=self.aws | variables)

    def done(self, *words: str) -> str:
        done = self(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def client(self, service: str):
        names = {"aws_access_key_id": "AWS_ACCESS_KEY_ID", "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY"}
        keys = {argument: self.aws[name] for argument, name in names.items()}
        where = {"endpoint_url": self.aws["AWS_ENDPOINT_URL"], "region_name": self.aws["AWS_DEFAULT_REGION"]}
        return boto3.client(service, **where, **keys)

    def there(self) -> dict[str, int]:
        """How much of each kind there is."""
        ec2, elb, iam = self.client("ec2"), self.client("elbv2"), self.client("iam")
        return {
            "addresses": len(ec2.describe_addresses()["Addresses"]),
            "gateways": len(ec2.describe_internet_gateways()["InternetGateways"]),
            "groups": len(ec2.describe_security_groups()["SecurityGroups"]),
            "keys": len(self.client("kms").list_keys()["Keys"]),
            "launch templates": len(ec2.describe_launch_templates()["LaunchTemplates"]),
            "listeners": sum(len(self.listeners(one)) for one in elb.describe_load_balancers()["LoadBalancers"]),
            "load balancers": len(elb.describe_load_balancers()["LoadBalancers"]),
            "logs": len(self.client("logs").describe_log_groups()["logGroups"]),
            "nat gateways": len(open_gateways(ec2)),
            "policies": len(iam.list_policies(Scope="Local")["Policies"]),
            "roles": len(iam.list_roles()["Roles"]),
            "routes": len(ec2.describe_route_tables()["RouteTables"]),
            "stacks": len(self.client("cloudformation").describe_stacks()["Stacks"]),
            "subnets": len(ec2.describe_subnets()["Subnets"]),
            "target groups": len(elb.describe_target_groups()["TargetGroups"]),
            "vpcs": len(ec2.describe_vpcs()["Vpcs"]),
        }

    def listeners(self, balancer: dict) -> list[dict]:
        return self.client("elbv2").describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]


def open_gateways(ec2) -> list[dict]:
    return [one for one in ec2.describe_nat_gateways()["NatGateways"] if one["State"] != "deleted"]


YOUR_WORDS = [f"{key}={value}" for key, value in YOURS.items()]
CONCERNS = ["deployer", "network", "ingress", "cluster", "blobs"]


def test_made_and_made_again_and_deleted(tmp_path, aws, run):
    stacks = Stacks("spartan", tmp_path, aws, run)
    before = stacks.there()
    stacks.done("deploy", *YOUR_WORDS)
    check_what_was_made(stacks)
    after = stacks.there()

    # CloudFormation remembers what was given once.
    again = stacks.done("deploy")
    assert [line for line in again.splitlines() if line.startswith("aznet-")] == [
        f"aznet-spartan-{concern}: as it was" for concern in CONCERNS
    ]
    assert stacks.there() == after

    said = stacks.done("delete")
    assert stacks.there() == before
    # The bucket is meant to stay, and is named.
    bucket = "aznet-spartan-blobs-123456789012"
    assert f"left, with its blobs: s3://{bucket}" in said
    assert [one["Name"] for one in stacks.client("s3").list_buckets()["Buckets"]] == [bucket]
    stacks.client("s3").delete_bucket(Bucket=bucket)


def check_what_was_made(stacks) -> None:
    """Every resource that moto makes is there, with what of its properties moto keeps."""
    name, given = stacks.network, parameters(stacks.network)
    cloudformation, ec2, elb = (stacks.client(one) for one in ("cloudformation", "ec2", "elbv2"))
    for concern in CONCERNS:
        made = cloudformation.describe_stack_resources(StackName=f"aznet-{name}-{concern}")["StackResources"]
        wanted = json.loads((stacks.folder / f"{concern}.yaml").read_text())["Resources"]
        assert {one["LogicalResourceId"] for one in made} == set(wanted)

    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [f"aznet-{name}"]}])["Vpcs"]
    inside = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    assert vpc["CidrBlock"] == f"{given['Addresses']}.0.0/16"
    subnets = {tag(one, "Name"): one for one in ec2.describe_subnets(Filters=inside)["Subnets"]}
    zones = {subnet: one["AvailabilityZone"] for subnet, one in subnets.items()}
    sides = ("public", "private")
    assert zones == {f"aznet-{name}-{side}-{zone}": f"eu-west-1{zone}" for side in sides for zone in "ab"}
    (nat,) = open_gateways(ec2)
    assert nat["SubnetId"] == subnets[f"aznet-{name}-public-a"]["SubnetId"]
    routes = [route for table in ec2.describe_route_tables(Filters=inside)["RouteTables"] for route in table["Routes"]]
    out = [route for route in routes if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
    # Of which subnet each is, moto does not show: the rules say it.
    assert {route.get("NatGatewayId") for route in out} == {None, nat["NatGatewayId"]}
    assert len([route for route in out if (route.get("GatewayId") or "").startswith("igw-")]) == 1

    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    assert (balancer["Type"], balancer["Scheme"]) == ("network", "internet-facing")
    (listener,) = stacks.listeners(balancer)
    (group,) = elb.describe_target_groups()["TargetGroups"]
    ports = {(one["Protocol"], one["Port"]) for one in (listener, group)}
    assert ports == {("TCP_UDP", int(given["P2pPort"]))}
    assert listener["DefaultActions"][0]["TargetGroupArn"] == group["TargetGroupArn"]

    machines = ec2.describe_security_groups(Filters=[*inside, {"Name": "description", "Values": ["Machines of*"]}])
    (machines,) = machines["SecurityGroups"]
    let_in = {(rule["IpProtocol"], rule["FromPort"]) for rule in machines["IpPermissions"] if not rule["IpRanges"]}
    assert let_in == {("tcp", 30400), ("udp", 30400)}, "by the load balancer's group, and from nowhere else"
    (template,) = ec2.describe_launch_templates()["LaunchTemplates"]
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])
    data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert data["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True
    assert machines["GroupId"] in data["SecurityGroupIds"]


def tag(one: dict, key: str) -> str | None:
    return {each["Key"]: each["Value"] for each in one.get("Tags", [])}.get(key)


@pytest.fixture(scope="module")
def staging(tmp_path_factory, aws, run):
    """Deployed once for all tests below; each leaves it as it was."""
    stacks = Stacks("staging", tmp_path_factory.mktemp("staging"), aws, run)
    assert stacks.done("plan", *YOUR_WORDS).count("is not there yet") == len(CONCERNS)
    stacks.done("deploy", *YOUR_WORDS)
    check_what_was_made(stacks)
    return stacks


@pytest.fixture
def another_address(staging, request):
    """A template asks for one more than there is; how the plan shows it."""
    # moto 5.2.5 takes a resource of a name that it has deleted for the old one.
    name = "".join(filter(str.isalnum, request.node.name))
    template = staging.folder / "network.yaml"
    as_it_was = template.read_text()
    wanted = json.loads(as_it_was)
    wanted["Resources"][name] = {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}}
    template.write_text(json.dumps(wanted))
    before = staging.there()
    yield f"| Add | {name} | AWS::EC2::EIP |"
    template.write_text(as_it_was)
    staging.done("deploy")
    assert staging.there() == before


def test_a_change_is_shown_before_it_is_made(staging, another_address):
    before = staging.there()
    shown = staging.done("plan")
    assert another_address in shown, shown
    assert shown.count("no change.") == len(CONCERNS) - 1
    assert staging.there() == before, "a plan changes nothing"

    assert "aznet-staging-network: changed" in staging.done("deploy")
    assert staging.there() == before | {"addresses": before["addresses"] + 1}


class Workflow:
    """A workflow as act runs it, on a copy of the repository with the stacks of a network."""

    def __init__(self, name: str, stacks: Stacks, folder):
        self.name, self.stacks, self.folder = name, stacks, folder
        shutil.copytree(stacks.folder, folder / "infra", dirs_exist_ok=True)
        for part in ("workflows", "actions"):
            shutil.copytree(INFRA.parent / ".github" / part, folder / ".github" / part)
        author = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com")
        # act knows the repository by its remote alone.
        origin = ("remote", "add", "origin", "https://github.com/a/b")
        for words in (("init", "-b", "main"), origin, ("add", "."), (*author, "commit", "-m", "stacks")):
            done = stacks.run("git", "-C", str(folder), *words)
            assert done.returncode == 0, done.stderr

    def __call__(self, event: str, **payload) -> str:
        """What act tells of an event."""
        done = self.run(event, **payload)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def run(self, event: str, **payload):
        (self.folder / "event.json").write_text(json.dumps({"repository": {"full_name": "a/b"}, **payload}))
        return self.stacks.run(
            os.environ["AZNET_ACT"],
            event,
            *("--workflows", f".github/workflows/{self.name}.yml", "--eventpath", "event.json"),
            *("--platform", "ubuntu-24.04=-self-hosted", "--matrix", f"network:{self.stacks.network}"),
            *self.stand_ins(),
            *("--var", "AWS_ACCOUNT=123456789012", "--var", "AWS_REGION=eu-west-1"),
            *("--cache-server-addr", "127.0.0.1", "--artifact-server-addr", "127.0.0.1"),
            cwd=self.folder,
            env=self.stacks.aws,
        )

    def stand_ins(self) -> list[str]:
        """Actions that the emulator has no use for, or nobody can have here."""
        here = INFRA.parent / ".ci/act/actions"
        workflows = [path.read_text() for path in (self.folder / ".github/workflows").iterdir()]
        used = sorted({name for text in workflows for name in re.findall(r"uses: ([\w-]+/[\w-]+@\w+)", text)})
        known = [(name, here / name.partition("@")[0].partition("/")[2]) for name in used]
        return [word for name, at in known if at.is_dir() for word in ("--local-repository", f"{name}={at}")]


def test_the_workflow_changes_on_main_what_it_shows_of_a_pull_request(staging, another_address, tmp_path):
    workflow = Workflow("infra", staging, tmp_path)
    before = staging.there()
    role = "assumed arn:aws:iam::123456789012:role/aznet-staging-"

    shown = workflow("pull_request", pull_request={"head": {"repo": {"full_name": "a/b"}}})
    assert another_address in shown
    assert f"{role}plan in eu-west-1" in shown
    assert f"{role}infra" not in shown
    assert staging.there() == before

    other = workflow("pull_request", pull_request={"head": {"repo": {"full_name": "fork/b"}}})
    assert role not in other, "a fork has no identity"

    made = workflow("push", ref="refs/heads/main")
    assert f"{role}infra in eu-west-1" in made
    assert "aznet-staging-network: changed" in made
    assert staging.there() == before | {"addresses": before["addresses"] + 1}


@pytest.fixture
def cluster(staging):
    """What the stack `cluster` would have made, but for its machines and its address: nobody answers there."""
    eks, name = staging.client("eks"), "aznet-staging"
    role = f"arn:aws:iam::123456789012:role/{name}"
    eks.create_cluster(name=name, roleArn=role, resourcesVpcConfig={"subnetIds": []})
    yield name
    eks.delete_cluster(name=name)


# What a runner has of its own: `cargo build` gives the program that these tests were given.
PROGRAMS = {
    "cargo": """test "$*" = "build --locked --bin aznet"
mkdir -p target/debug
ln -s "$AZNET_PROGRAM" target/debug/aznet""",
    "gh": """test "$*" = "release download --pattern images.yaml"
echo 'images: {}' > images.yaml""",
}


def test_a_push_to_its_branch_comes_to_the_networks_cluster(staging, cluster, tmp_path, monkeypatch):
    """As far as there is a cluster: what `aznet deploy` does on one is tested on one."""
    programs, home = tmp_path / "programs", tmp_path / "home"
    for folder in (programs, home):
        folder.mkdir()
    for name, lines in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/bash\nset -eu\n{lines}\n")
        (programs / name).chmod(0o755)
    repository = tmp_path / "repository"
    for part in ("networks", "helm-charts"):
        shutil.copytree(INFRA.parent / part, repository / part)
    shutil.copytree(INFRA / "values", repository / "infra/values")
    (repository / ".ci").mkdir()
    # The compiler is not needed either.
    (repository / ".ci/rust").write_text("exit 0\n")
    own = {"PATH": f"{programs}{os.pathsep}{staging.aws['PATH']}", "HOME": str(home)}
    monkeypatch.setattr(staging, "aws", staging.aws | own)

    done = Workflow("deploy-staging", staging, repository).run("push", ref="refs/heads/staging")
    said = done.stdout + done.stderr
    assert "assumed arn:aws:iam::123456789012:role/aznet-staging-deploy in eu-west-1" in said
    assert done.returncode != 0, said
    assert f"can't read namespace {cluster} on cluster context:{cluster}" in said
    assert "Success - Main infra/stacks values" in said
    # After the failure as well.
    assert "Success - Main What the network is like" in said
    contexts = yaml.safe_load((home / ".kube/config").read_text())["contexts"]
    assert [one["name"] for one in contexts] == [cluster]


def test_values_are_what_the_stacks_know(staging):
    values = json.loads(staging.done("values"))
    ec2 = staging.client("ec2")
    # moto keeps no names of addresses: it is the one that is not the NAT gateway's.
    of_nat = [one["AllocationId"] for nat in open_gateways(ec2) for one in nat["NatGatewayAddresses"]]
    addresses = ec2.describe_addresses()["Addresses"]
    (address,) = [one for one in addresses if one["AllocationId"] not in of_nat]
    blobs = {"enabled": True, "url": "s3://aznet-staging-blobs-123456789012/aztec", "region": "eu-west-1"}
    assert values == {"bootNode": {"p2p": {"announceIp": address["PublicIp"]}}, "blobStore": blobs}


@pytest.fixture
def groups_of_machines(staging):
    """Auto Scaling groups as EKS tags them; the target groups of each, when it is called."""
    ec2, scaling = staging.client("ec2"), staging.client("autoscaling")
    subnet = ec2.describe_subnets(Filters=[{"Name": "tag:Name", "Values": ["aznet-staging-private-a"]}])
    image = ec2.register_image(Name="machine", RootDeviceName="/dev/xvda")["ImageId"]
    scaling.create_launch_configuration(LaunchConfigurationName="x", ImageId=image, InstanceType="m5.large")
    for name in ("MachinesA-1", "ProverMachinesGroup-1"):
        tags = {"eks:cluster-name": "aznet-staging", "eks:nodegroup-name": name}
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchConfigurationName="x",
            MinSize=0,
            MaxSize=0,
            VPCZoneIdentifier=subnet["Subnets"][0]["SubnetId"],
            Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in tags.items()],
        )

    def targets() -> dict[str, set[str]]:
        groups = scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
        return {one["AutoScalingGroupName"]: set(one.get("TargetGroupARNs", [])) for one in groups}

    yield targets
    for name in targets():
        scaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)


def test_machines_come_behind_the_load_balancer(staging, groups_of_machines):
    """Those of the network's own pods."""
    assert "the machines of 1 Auto Scaling groups" in staging.done("deploy")
    (group,) = staging.client("elbv2").describe_target_groups()["TargetGroups"]
    assert groups_of_machines() == {"MachinesA-1": {group["TargetGroupArn"]}, "ProverMachinesGroup-1": set()}


@pytest.fixture
def named(staging):
    """The join bundles have a name, and a certificate that is made by hand."""
    acm, route53 = staging.client("acm"), staging.client("route53")
    certificate = acm.request_certificate(DomainName=JOIN["JoinDomain"], ValidationMethod="DNS")["CertificateArn"]
    zone = route53.create_hosted_zone(Name="example.org", CallerReference="once")["HostedZone"]["Id"]
    given = JOIN | {"JoinZone": zone.rpartition("/")[2]}
    before = staging.there()
    staging.write("ingress", **given)
    template = staging.folder / "ingress.yaml"
    template.write_text(template.read_text().replace("joincertificate", certificate))
    staging.done("deploy", *(f"{key}={value}" for key, value in given.items()))
    yield given
    staging.write("ingress")
    staging.done("deploy")
    assert staging.there() == before
    route53.delete_hosted_zone(Id=zone)
    acm.delete_certificate(CertificateArn=certificate)


def test_bundles_are_served_where_they_have_a_name(staging, named, groups_of_machines):
    elb, port = staging.client("elbv2"), int(parameters("staging")["JoinPort"])
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    (listener,) = [one for one in staging.listeners(balancer) if one["Protocol"] == "TLS"]
    groups = {one["TargetGroupArn"]: one for one in elb.describe_target_groups()["TargetGroups"]}
    group = groups[listener["DefaultActions"][0]["TargetGroupArn"]]
    assert (group["Protocol"], group["Port"], group["HealthCheckProtocol"]) == ("TCP", port, "TCP")
    staging.done("deploy", *(f"{key}={value}" for key, value in named.items()))
    assert groups_of_machines() == {"MachinesA-1": set(groups), "ProverMachinesGroup-1": set()}

    values = json.loads(staging.done("values"))["bootNode"]
    url = f"https://{named['JoinDomain']}:{listener['Port']}/"
    assert values["joinBundles"] == {"nodePort": port, "url": url}
    records = staging.client("route53").list_resource_record_sets(HostedZoneId=named["JoinZone"])["ResourceRecordSets"]
    (record,) = [one for one in records if one["Type"] == "A"]
    assert record["Name"].rstrip(".") == named["JoinDomain"]
    assert record["ResourceRecords"] == [{"Value": values["p2p"]["announceIp"]}]


def test_a_role_leaves_the_stack_of_administrators_alone(staging):
    role = "arn:aws:iam::123456789012:role/aznet-staging-execution"
    said = staging.done("deploy", "--role", role)
    assert "deployer" not in said
    assert "aznet-staging-network: as it was" in said


def test_mistakes_are_named(staging):
    unknown = staging.run(staging.folder / "stacks", "plan", "stagign", env=staging.aws)
    assert unknown.returncode != 0
    assert "known are staging" in unknown.stderr
    # Without credentials; the emulator asks for none, the program of AWS does.
    nobody = staging("plan", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert nobody.returncode != 0
    assert "credentials" in nobody.stderr
    # A stack that imports what nobody exports.
    template = staging.folder / "ingress.yaml"
    as_it_was = template.read_text()
    template.write_text(as_it_was.replace("-Vpc", "-Vcp"))
    wrong = staging("deploy")
    template.write_text(as_it_was)
    assert wrong.returncode != 0
    assert "No export named aznet-staging-Vcp" in wrong.stderr


def test_a_dead_stack_is_named_with_what_to_do(staging):
    """moto does not roll back: its state is set from here."""
    backend = cloudformation_backends["123456789012"]["eu-west-1"]
    (stack,) = [one for one in backend.stacks.values() if one.name == "aznet-staging-ingress"]
    stack.status = "ROLLBACK_COMPLETE"
    dead = staging("deploy")
    assert dead.returncode != 0
    assert "aws cloudformation delete-stack --stack-name aznet-staging-ingress" in dead.stderr
    stack.status = "CREATE_COMPLETE"


@pytest.mark.parametrize(("name", "given"), [("Grafana", GRAFANA), ("Join", JOIN)])
def test_what_can_have_a_name_is_there_where_it_has_one(name, given):
    bare = as_deployed(templates()["ingress"], parameters("staging"))
    named = as_deployed(templates()["ingress"], parameters("staging", **given))
    kinds = ("AWS::ElasticLoadBalancingV2::Listener", "AWS::Route53::RecordSet", "AWS::CertificateManager::Certificate")
    assert list(resources(bare, *kinds)) == ["P2pListener"]
    assert set(resources(named, *kinds)) == {"P2pListener", f"{name}Listener", f"{name}Record", f"{name}Certificate"}
