"""What commands import, each in a process of its own as on a command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.commands.quick_imports import quick_imports
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ROOT
from sandbox.state_file import STATE_VARIABLE
from tests.sandbox.commands.cli import VERSION

# Of the SDK itself; stand-ins are among the modules as well.
SLOW = {"boto3.resources", "botocore.client", "botocore.session", "requests.api", "urllib3.poolmanager"}
DEPLOY = ("deploy", VERSION, "--stack", "fraud")


def imported(state: Path, *arguments: str) -> set[str]:
    """The modules that a command has imported from files when it ends."""
    command = [sys.executable, "-X", "importtime", "-m", "sandbox", *arguments]
    environment = {"PATH": "/usr/bin:/bin", STATE_VARIABLE: str(state)}
    ended = subprocess.run(  # noqa: S603 - our own program
        command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment
    )
    lines = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def test_deploy_lints_and_plans_without_the_sdk(sandbox: Sandbox, state: Path) -> None:
    del sandbox  # emptied, and there
    created = imported(state, *DEPLOY)
    assert {"editors.rules._refused", "aws_sagemaker_modelpackage.validation"} <= created
    assert not created & SLOW
    tried = imported(state, *DEPLOY, "--parameters", "ApprovalStatus=Approved", "--plan")
    assert {"botocore.exceptions", "aws_sagemaker_modelpackage.changes"} <= tried
    assert not tried & SLOW


@pytest.mark.parametrize("command", [("status",), ("drift", "--help"), ("events",)], ids=" ".join)
def test_other_commands_import_no_rules_and_no_sdk(
    sandbox: Sandbox, state: Path, command: tuple[str, ...]
) -> None:
    del sandbox  # emptied, and there
    modules = imported(state, *command)
    assert "sandbox.commands.deploy" not in modules
    assert not any(name.startswith(("boto", "editors")) for name in modules)


def test_quick_imports_in_another_program_are_the_libraries() -> None:
    with quick_imports():
        from botocore import parsers
    assert parsers.create_parser("json")


def test_stand_ins_end_with_the_imports() -> None:
    code = """
from editors.rules._stand_ins import SLOW, stand_ins
with stand_ins(SLOW):
    import boto3.session, botocore.parsers, requests
    assert issubclass(botocore.parsers.ResponseParserError, Exception)
    assert not hasattr(botocore.parsers, "__file__")
    import cloudformation_cli_python_lib
import boto3.session, botocore.parsers, requests
assert botocore.parsers.create_parser("json") and boto3.session.__file__ and requests.__file__
"""
    subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], check=True, cwd=ROOT
    )
