"""A cold start reads what its invocation needs, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measure import Wire, environment, event
from benchmarks.packages import Side

from .conftest import ACME

# Runs in a process of its own: what was opened and what was imported until the first answer.
FIRST = """
import importlib, json, os, sys
opened = []
sys.addaudithook(lambda name, arguments: opened.append(arguments[0]) if name == "open" else None)
entry = importlib.import_module(os.environ["MODULE"]).resource
answer = entry(json.loads(os.environ["EVENT"]), None)
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
print(json.dumps([answer["status"], [str(name) for name in opened], files]))
"""


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    """SageMaker's side."""
    with Wire() as running:
        yield running


def first(handlers: Path, wire: Wire, action: str) -> tuple[list[str], dict[str, str | None]]:
    """The files below the package that a first invocation opens, and the modules it imports, with theirs."""
    side = Side(handlers, f"{ACME.package}.handlers.resource", ACME.name, 0, 0)
    variables: dict[str, Any] = {
        **environment(side, wire.endpoint),
        "MODULE": f"{ACME.package}.handlers",
        "EVENT": json.dumps(event(action, ACME.name)),
    }
    command = [sys.executable, "-S", "-c", FIRST]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)  # noqa: S603
    status, opened, modules = json.loads(done.stdout)
    assert status == "SUCCESS", done.stderr
    inside = [
        Path(name).relative_to(handlers).as_posix() for name in opened if name.startswith(str(handlers))
    ]
    return inside, modules


@pytest.mark.parametrize("action", ["CREATE", "READ", "UPDATE", "DELETE", "LIST"])
def test_it_reads_sagemakers_description_and_what_every_client_needs(
    handlers: Path, wire: Wire, action: str
) -> None:
    opened, _ = first(handlers, wire, action)
    data = sorted(name for name in opened if not name.endswith((".py", ".pyc")))
    assert data == [
        f"{ACME.package}/api/endpoints.json",
        f"{ACME.package}/api/sagemaker/2017-07-24/endpoint-rule-set-1.json",
        f"{ACME.package}/api/sagemaker/2017-07-24/service-2.json",
        # Only what a template says is checked.
        *([f"{ACME.package}/constraints.json"] if action in ("CREATE", "UPDATE") else []),
        "botocore/data/partitions.json",
        "botocore/data/sdk-default-configuration.json",
    ]


def test_it_imports_nothing_that_only_a_mistake_or_another_service_needs(handlers: Path, wire: Wire) -> None:
    _, modules = first(handlers, wire, "READ")
    assert f"{ACME.package}.handlers" in modules
    unwanted = {
        "difflib",
        "boto3.dynamodb",
        "boto3.s3.transfer",
        "setuptools",
        "pkg_resources",
        "awscrt",
        "unittest",
    }
    assert unwanted.isdisjoint(modules)


def test_every_module_is_the_packages_or_pythons_own(handlers: Path, wire: Wire) -> None:
    _, modules = first(handlers, wire, "READ")
    elsewhere = {
        name: file
        for name, file in modules.items()
        if file and not file.startswith((str(handlers), *sysconfig.get_paths().values()))
    }
    assert elsewhere == {}
    assert [name for name, file in modules.items() if "site-packages" in str(file)] == []
