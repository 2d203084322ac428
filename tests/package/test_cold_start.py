"""The files that a cold start opens, and the modules that it imports."""

from __future__ import annotations

import json
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.measure import ACTIONS, StubAws, run_program, stub_aws
from benchmarks.packages import Side

from .conftest import ACME

# Run in a process of its own: prints what it opened and imported until the first answer.
FIRST_INVOCATION = """
import importlib, json, os, sys
opened = []
sys.addaudithook(lambda name, arguments: opened.append(arguments[0]) if name == "open" else None)
entry = importlib.import_module(os.environ["MODULE"]).resource
answer = entry(json.loads(os.environ["EVENT"]), None)
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
print(json.dumps([answer["status"], [str(name) for name in opened], files]))
"""


@pytest.fixture(scope="module")
def stub() -> Iterator[StubAws]:
    with stub_aws() as server:
        yield server


def invoke_first(handlers: Path, stub: StubAws, action: str) -> tuple[list[str], dict[str, str | None]]:
    """The package's files that a first invocation opens, and the file of each module that it imports."""
    side = Side(handlers, f"{ACME.package}.handlers.resource", ACME.name, 0, 0)
    output = run_program(side, Path(sys.executable), stub.endpoint, FIRST_INVOCATION, action)
    status, opened, modules = json.loads(output)
    assert status == "SUCCESS"
    paths = [Path(name) for name in opened if name.startswith(str(handlers))]
    return [path.relative_to(handlers).as_posix() for path in paths], modules


@pytest.mark.parametrize("action", ACTIONS)
def test_cold_start_opens_the_data_that_it_needs(handlers: Path, stub: StubAws, action: str) -> None:
    opened, _ = invoke_first(handlers, stub, action)
    data = sorted(name for name in opened if not name.endswith((".py", ".pyc")))
    assert data == [
        f"{ACME.package}/api/endpoints.json",
        f"{ACME.package}/api/sagemaker/2017-07-24/endpoint-rule-set-1.json",
        f"{ACME.package}/api/sagemaker/2017-07-24/service-2.json",
        # Properties of a template are checked, and what read returns.
        *([f"{ACME.package}/constraints.json"] if action in ("CREATE", "READ", "UPDATE") else []),
        "botocore/data/partitions.json",
        "botocore/data/sdk-default-configuration.json",
    ]


def test_cold_start_imports_modules_of_the_package_and_of_python_only(handlers: Path, stub: StubAws) -> None:
    _, modules = invoke_first(handlers, stub, "READ")
    assert f"{ACME.package}.handlers" in modules
    own = (str(handlers), *sysconfig.get_paths().values())
    assert {name: file for name, file in modules.items() if file and not file.startswith(own)} == {}
    assert [name for name, file in modules.items() if "site-packages" in str(file)] == []
    # What only a mistake or another service needs.
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
