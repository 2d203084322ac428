"""The contract tests on this machine: `python -m sandbox.contract`, which is `make contract`.

Runs the real `cfn test` over every set in `inputs/`, against the handlers behind the Invoke API and a
SageMaker whose validations and deletes take a few polls. Arguments after `--` go to pytest, as with `cfn
test` itself.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.children import clean_environment
from sandbox.local import CREDENTIALS, REGION, ROOT, Sandbox
from sandbox.sagemaker import Behaviour

# Statuses take time, so that IN_PROGRESS events and their callbacks are part of every run.
ASYNCHRONOUS = Behaviour(describes_until_completed=2, pending_describes=1, delete_describes=1)


def main(arguments: list[str] | None = None) -> int:
    """Run the contract tests and return the exit code of `cfn test`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.contract", description=__doc__)
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    options = parser.parse_args(arguments)
    with Sandbox(engine=False, cloudcontrol=False) as sandbox:
        sandbox.sagemaker.behaviour = ASYNCHRONOUS
        for group in groups_of(ROOT / "inputs"):
            sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
        return run_cfn_test(sandbox.endpoints["functions"], options.pytest)


def groups_of(inputs: Path) -> set[str]:
    """The model package groups that the input sets expect to be there."""
    models = (json.loads(file.read_text()) for file in sorted(inputs.glob("inputs_*_create.json")))
    return {model["ModelPackageGroupName"] for model in models if "ModelPackageGroupName" in model}


def run_cfn_test(endpoint: str, pytest_arguments: list[str]) -> int:
    """Run `cfn test` in the project's root against an Invoke API and return its exit code."""
    command = [sys.executable, "-m", "sandbox.cfn", "test", "--endpoint", endpoint, "--region", REGION]
    if pytest_arguments:
        command += ["--", *pytest_arguments]
    environment = clean_environment(**{name.upper(): value for name, value in CREDENTIALS.items()})
    with tempfile.TemporaryDirectory(prefix="contract-") as scratch:
        # The suite's own pytest must neither see this project's settings nor leave a cache behind.
        # Nor do its notes on every property it leaves out of a comparison, whole models each, help anybody.
        addopts = f"-o cache_dir={scratch} -o log_cli_level=WARNING"
        environment |= {"PYTEST_ADDOPTS": addopts, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
