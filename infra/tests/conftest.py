"""All tests run in a network namespace without a way out, with AWS as moto has it on its loopback interface."""

import os
import pathlib
import subprocess
import sys

import emulator
import pytest


def pytest_sessionstart():
    emulator.leave_the_network()


@pytest.fixture(scope="session")
def aws() -> dict[str, str]:
    """The environment in which AWS is the emulator, and nothing of this machine's account is seen."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    programs = [str(pathlib.Path(sys.executable).parent), kept["PATH"]]
    return kept | {
        "PATH": os.pathsep.join(programs),
        "AWS_ENDPOINT_URL": emulator.start(),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@pytest.fixture(scope="session")
def run():
    """Runs a program to its end; what it printed, and its exit code."""

    def run(*words, **options) -> subprocess.CompletedProcess:
        return subprocess.run(words, capture_output=True, text=True, timeout=900, check=False, **options)

    return run
