"""Runs the real `cfn test` in a project, against the functions of a local AWS."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sandbox.lambda_.runtime_client import interpreter
from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour
from sandbox.shared.credentials import VARIABLES
from sandbox.shared.processes import SandboxError, clean_environment
from sandbox.shared.settings import REGION, ROOT

# Statuses take a few polls, so that IN_PROGRESS events and their callbacks are part of every run.
ASYNCHRONOUS = Behaviour(describes_until_completed=2, pending_describes=1, delete_describes=1)


def find_package(project: Path) -> Path:
    """Return the package in a project that `make package` has left.

    Raises:
        SandboxError: there is none, or more than one.
    """
    packages = sorted(project.glob("*.zip"))
    if len(packages) != 1:
        raise SandboxError(f"There is no package in {project}: run `make package`")
    return packages[0]


def package_sandbox(project: Path, task_root: Path) -> Sandbox:
    """Return a local AWS whose functions are an unzipped package, under Lambda's runtime client."""
    return Sandbox(
        engine=False,
        cloudcontrol=False,
        template=project / "template.yml",
        code=task_root,
        runtime_python=interpreter(),
    )


def run_contract_tests(sandbox: Sandbox, project: Path, pytest_arguments: Sequence[str]) -> int:
    """Run `cfn test` in a project against the functions of a started sandbox; return its exit code."""
    sandbox.sagemaker.behaviour = ASYNCHRONOUS
    for group in input_groups(project / "inputs"):
        sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    command = [sys.executable, "-m", "sandbox.contract.cfn_offline", "test"]
    command += ["--endpoint", sandbox.endpoints["functions"], "--region", REGION]
    if pytest_arguments:
        command += ["--", *pytest_arguments]
    # The command runs in the project, and finds the sandbox here.
    environment = clean_environment(
        PYTHONPATH=str(ROOT),
        **{VARIABLES[name]: value for name, value in sandbox.credentials.settings().items()},
    )
    with tempfile.TemporaryDirectory(prefix="contract-") as scratch:
        # The suite's own pytest neither reads this project's settings nor leaves a cache behind; it logs no
        # whole models, as it would for every property it leaves out of a comparison.
        addopts = f"-o cache_dir={scratch} -o log_cli_level=WARNING"
        environment["PYTEST_ADDOPTS"] = addopts
        return subprocess.run(command, cwd=project, env=environment, check=False).returncode  # noqa: S603


def input_groups(inputs: Path) -> set[str]:
    """Return the model package groups that the input sets of a folder need."""
    models = (json.loads(file.read_text()) for file in sorted(inputs.glob("inputs_*_create.json")))
    return {model["ModelPackageGroupName"] for model in models if "ModelPackageGroupName" in model}
