"""AWS as moto has it, on this machine's loopback interface, in a network namespace without any other."""

import ctypes
import fcntl
import os
import socket
import struct

from moto.cloudformation import models
from moto.cloudformation.parsing import ResourceMap
from moto.ec2.models import ec2_backends
from moto.elbv2.models import FakeLoadBalancer, elbv2_backends
from moto.iam.models import iam_backends
from moto.server import ThreadedMotoServer

CLONE_NEWNET = 0x4000_0000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def leave_the_network() -> None:
    """Moves this process to a network namespace of its own; what it starts from now on is in it as well."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"no network namespace, which takes root: {os.strerror(error)}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def start() -> str:
    """The URL at which it listens."""
    # Else the policies that AWS provides are unknown.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    mend_change_sets()
    mend_load_balancers()
    mend_deletions()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def mend_change_sets() -> None:
    """moto 5.2.5: a stack made by a change set sees no exports and has none."""
    backend = models.CloudFormationBackend
    create, execute = backend.create_change_set, backend.execute_change_set

    def create_change_set(self, *args, **words):
        made = create(self, *args, **words)
        self.stacks[made[1]].resource_map.cross_stack_resources = self.exports
        return made

    def execute_change_set(self, *args, **words):
        execute(self, *args, **words)
        for stack in self.stacks.values():
            if stack.template:
                stack.template_dict = stack.parse_template(stack.template)
                stack.output_map = stack._create_output_map()
                self.exports.update({export.name: export for export in stack.exports})

    backend.create_change_set, backend.execute_change_set = create_change_set, execute_change_set


def mend_load_balancers() -> None:
    """moto 5.2.5: every load balancer of CloudFormation is an `application` one, without the mapped subnets."""

    def create_from_cloudformation_json(name, cloudformation_json, account_id, region_name, **_):
        wanted = cloudformation_json["Properties"]
        return elbv2_backends[account_id][region_name].create_load_balancer(
            name,
            wanted.get("SecurityGroups"),
            wanted.get("Subnets", []),
            subnet_mappings=wanted.get("SubnetMappings"),
            scheme=wanted.get("Scheme"),
            loadbalancer_type=wanted.get("Type"),
        )

    FakeLoadBalancer.create_from_cloudformation_json = create_from_cloudformation_json


def delete_endpoint(ec2, endpoint) -> None:
    # Its routes go with their tables, which may have gone before.
    endpoint.route_table_ids = []
    ec2.delete_vpc_endpoints([endpoint.id])


def delete_listener(elb, listener) -> None:
    # It goes with its load balancer, which may have gone before.
    for balancer in elb.load_balancers.values():
        balancer.listeners.pop(listener.arn, None)


# How its services delete what its CloudFormation forgets to.
DELETIONS = {
    "AWS::EC2::EIP": lambda ec2, one: ec2.release_address(allocation_id=one.allocation_id),
    "AWS::EC2::InternetGateway": lambda ec2, one: ec2.delete_internet_gateway(one.id),
    "AWS::EC2::NatGateway": lambda ec2, one: ec2.delete_nat_gateway(one.id),
    # It goes with its table, which may have gone before.
    "AWS::EC2::Route": lambda _ec2, _one: None,
    "AWS::EC2::RouteTable": lambda ec2, one: ec2.delete_route_table(one.id),
    "AWS::EC2::VPCEndpoint": delete_endpoint,
    "AWS::EC2::VPCGatewayAttachment": lambda ec2, one: ec2.detach_internet_gateway(one.gateway_id, one.vpc_id),
    "AWS::ElasticLoadBalancingV2::Listener": delete_listener,
    "AWS::ElasticLoadBalancingV2::TargetGroup": lambda elb, one: elb.delete_target_group(one.arn),
    "AWS::IAM::ManagedPolicy": lambda iam, one: iam.delete_policy(one.arn),
}


def mend_deletions() -> None:
    """moto 5.2.5: a stack that is deleted leaves these behind, without a word."""
    delete = ResourceMap._delete_resource

    def delete_resource(self, resource, wanted):
        kind = wanted["Type"]
        if kind not in DELETIONS:
            return delete(self, resource, wanted)
        service = kind.split("::")[1]
        backends = {"EC2": ec2_backends, "ElasticLoadBalancingV2": elbv2_backends, "IAM": iam_backends}[service]
        region = "aws" if service == "IAM" else self._region_name
        return DELETIONS[kind](backends[self._account_id][region], resource)

    ResourceMap._delete_resource = delete_resource
