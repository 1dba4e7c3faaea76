"""What no run on this machine would show of the workflows: which pushes, environments and rights they are of."""

import pytest
import yaml
from templates import INFRA, NETWORKS

FOLDER = INFRA.parent / ".github/workflows"
LOGIN = {"contents": "read", "id-token": "write"}


def workflow(name: str) -> dict:
    read = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    # YAML 1.1 takes the key for a truth value.
    read["on"] = read.pop(True)
    return read


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_is_deployed_from_its_branch_only(network):
    read = workflow(f"deploy-{network}")
    assert read["on"] == {"push": {"branches": [network]}}
    assert read["permissions"] == {}
    (job,) = read["jobs"].values()
    assert job["uses"] == "./.github/workflows/deploy.yml"
    assert (job["with"], job["permissions"]) == ({"network": network}, LOGIN)


def test_a_deployment_is_one_line_in_its_environment():
    read = workflow("deploy")
    assert list(read["on"]) == ["workflow_call"]
    assert read["concurrency"] == {"group": "deploy-${{ inputs.network }}", "cancel-in-progress": False}
    (job,) = read["jobs"].values()
    # The subject by which its role is assumed: infra/deployer.yaml.
    assert (job["environment"], job["permissions"]) == ("${{ inputs.network }}", LOGIN)
    assert role(job) == "aznet-${{ inputs.network }}-deploy"
    assert len([step for step in job["steps"] if "aznet deploy" in step.get("run", "")]) == 1


def test_stacks_change_from_main_with_approval_only():
    read = workflow("infra")
    assert set(read["on"]) == {"pull_request", "push"}
    assert read["on"]["push"]["branches"] == ["main"]
    plan, change = read["jobs"]["plan"], read["jobs"]["change"]
    assert change["needs"] == "plan"
    assert change["if"] == "github.event_name == 'push' && github.ref == 'refs/heads/main'"
    assert change["environment"] == "infra-${{ matrix.network }}"
    assert role(change) == "aznet-${{ matrix.network }}-infra"
    # Without an environment, or its subject would be another.
    assert "environment" not in plan
    assert role(plan) == "aznet-${{ matrix.network }}-plan"
    assert "github.event.pull_request.head.repo.full_name == github.repository" in plan["if"]
    for job in (plan, change):
        assert job["permissions"] == LOGIN
        assert job["concurrency"]["cancel-in-progress"] is False
        assert job["strategy"]["matrix"]["network"] == sorted(NETWORKS, reverse=True)


def role(job: dict) -> str:
    """The one that a job asks for."""
    (login,) = [step for step in job["steps"] if "configure-aws-credentials" in step.get("uses", "")]
    assert not {"aws-access-key-id", "aws-secret-access-key"} & set(login["with"])
    return login["with"]["role-to-assume"].partition(":role/")[2]
