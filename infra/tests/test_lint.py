"""cfn-lint, which has AWS's schema of every type, and checkov with what was looked at."""

import json
import os
import pathlib

import pytest
from cfnlint import ConfigMixIn
from cfnlint.runner import Runner
from templates import GRAFANA, INFRA, JOIN, NETWORKS, of, parameters, refused, templates

# Failed checks and why they may: `CHECK RESOURCE` by reason.
REVIEWED = json.loads((pathlib.Path(__file__).parent / "checkov.json").read_text())


def lint(file: pathlib.Path, given: dict[str, str]) -> list[str]:
    """What cfn-lint says of a template with its parameters; warnings count."""
    template = templates()[file.stem]
    known = {name: split(template["Parameters"][name], value) for name, value in of(template, given).items()}
    regions = ["eu-west-1", "us-east-1"]
    config = ConfigMixIn([], templates=[str(file)], parameters=[known] if known else [], regions=regions)
    return [f"{match.rule.id} {match.message} ({match})" for match in Runner(config).run()]


def split(declared: dict, value: str) -> str | list[str]:
    return value.split(",") if declared["Type"] == "CommaDelimitedList" else value


@pytest.mark.parametrize("stack", templates())
@pytest.mark.parametrize("network", NETWORKS)
def test_cfn_lint_has_nothing_to_say(stack, network):
    assert lint(INFRA / f"{stack}.yaml", parameters(network)) == []


@pytest.mark.parametrize("named", [GRAFANA, JOIN, GRAFANA | JOIN], ids=["grafana", "join", "both"])
def test_cfn_lint_has_nothing_to_say_of_what_has_a_name(named):
    assert lint(INFRA / "ingress.yaml", parameters("spartan", **named)) == []


@pytest.mark.parametrize(
    ("stack", "right", "wrong", "said"),
    [
        ("cluster", "SupportType: STANDARD", "SupportType: LATEST", "'LATEST' is not one of"),
        ("cluster", "KeyArn:", "KeyArm:", "'KeyArm' was unexpected"),
        ("cluster", "AuthenticationMode: API", "AuthenticationMode: IAM", "'IAM' is not one of"),
        ("ingress", "Protocol: TCP_UDP", "Protocol: TCPUDP", "'TCPUDP' is not one of"),
        (
            "network",
            "RouteTableId: !Ref PublicRoutes",
            "RouteTableId: !Ref PublicRoute5",
            "'PublicRoute5' is not one of",
        ),
        ("blobs", "SSEAlgorithm: AES256", "SSEAlgorithm: AES-256", "'AES-256' is not one of"),
        ("github", "ClientIdList", "ClientIDs", "'ClientIDs' was unexpected"),
    ],
)
def test_cfn_lint_finds_mistakes(tmp_path, stack, right, wrong, said):
    text = (INFRA / f"{stack}.yaml").read_text()
    assert right in text
    file = tmp_path / f"{stack}.yaml"
    file.write_text(text.replace(right, wrong))
    found = lint(file, parameters("staging"))
    assert any(said in one for one in found), found


@pytest.mark.parametrize("network", NETWORKS)
def test_parameters_are_what_their_templates_take(network):
    assert [found for template in templates().values() for found in refused(template, parameters(network))] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("P2pPort", "40400"),
        ("JoinPort", "8443"),
        ("Addresses", "192.168"),
        ("Repository", "no-owner"),
        ("MachinesInZoneA", "0"),
    ],
)
def test_a_parameter_that_no_template_takes_is_found(name, value):
    given = parameters("staging", **{name: value})
    assert [found for template in templates().values() for found in refused(template, given)] == [f"{name}={value}"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"GrafanaDomain": "grafana.example.org"}, "GrafanaDomain needs GrafanaZone"),
        ({"JoinDomain": "join.example.org"}, "JoinDomain needs JoinZone"),
        (GRAFANA | JOIN | {"JoinDomain": GRAFANA["GrafanaDomain"]}, "JoinDomain is GrafanaDomain"),
    ],
)
def test_names_that_the_template_does_not_take_are_found(given, said):
    (found,) = refused(templates()["ingress"], parameters("staging", **given))
    assert found.startswith(said)
    assert list(refused(templates()["ingress"], parameters("staging", **GRAFANA, **JOIN))) == []


def test_checkov_finds_what_was_reviewed_and_what_was_not(run, tmp_path):
    """In one run, since most of it is its start: the templates as they are, and some with mistakes."""
    mistakes = {
        "cluster": ("HttpTokens: required", "HttpTokens: optional"),
        "blobs": ("BlockPublicAcls: true", "BlockPublicAcls: false"),
    }
    for stack in templates():
        text = (INFRA / f"{stack}.yaml").read_text()
        (tmp_path / f"{stack}.yaml").write_text(text)
        if stack in mistakes:
            right, wrong = mistakes[stack]
            assert right in text
            (tmp_path / f"{stack}-wrong.yaml").write_text(text.replace(right, wrong))
    found = checkov(run, tmp_path)
    assert {one for file, one in found if "wrong" not in file} == set(REVIEWED)
    new = {one for file, one in found if "wrong" in file} - set(REVIEWED)
    assert new == {"CKV_AWS_79 AWS::EC2::LaunchTemplate.MachineTemplate", "CKV_AWS_53 AWS::S3::Bucket.Bucket"}


def checkov(run, folder: pathlib.Path) -> list[tuple[str, str]]:
    """What checkov finds in a folder: the file, and `CHECK RESOURCE`."""
    # Installed apart: it wants other versions of what is installed here.
    program = os.environ["AZNET_CHECKOV"]
    words = ["--framework", "cloudformation", "--skip-download", "--compact", "--quiet", "--output", "json"]
    done = run(program, "--directory", folder, *words)
    found = json.loads(done.stdout)
    assert found["summary"]["parsing_errors"] == 0
    return [(one["file_path"], f"{one['check_id']} {one['resource']}") for one in found["results"]["failed_checks"]]
