"""The contract tests on this machine: `python -m sandbox.contract`, which is `make contract`.

Runs the real `cfn test` over every set in `inputs/`, against the handlers behind the Invoke API and a
SageMaker whose validations and deletes take a few polls. With `--project` it does so for a package that `make
package` has built, in the project it was built from: its handlers are unzipped into an empty folder and run
under Lambda's runtime client. Arguments after `--` go to pytest, as with `cfn test` itself.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from packager.build import unpack
from sandbox.lambda_.function import DEFAULT_MEMORY_MB
from sandbox.lambda_.runtime_client import interpreter
from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour
from sandbox.shared.processes import SandboxError, clean_environment
from sandbox.shared.settings import CREDENTIALS, REGION, ROOT

# Statuses take time, so that IN_PROGRESS events and their callbacks are part of every run.
ASYNCHRONOUS = Behaviour(describes_until_completed=2, pending_describes=1, delete_describes=1)

# What Lambda gives a function that does not ask for more.
LEAST_MEMORY_MB = DEFAULT_MEMORY_MB


def main(arguments: list[str] | None = None) -> int:
    """Run the contract tests and return the exit code of `cfn test`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.contract", description=__doc__)
    parser.add_argument(
        "--project",
        type=Path,
        help="a project that `make package` has left in build/: test the package in it",
    )
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    options = parser.parse_args(arguments)
    if options.project is None:
        with Sandbox(engine=False, cloudcontrol=False) as sandbox:
            return run(sandbox, ROOT, options.pytest)
    project = options.project.resolve()
    with tempfile.TemporaryDirectory(prefix="task-") as folder:
        task_root = Path(folder) / "root"
        unpack(archive_of(project), task_root)
        with packaged(project, task_root) as sandbox:
            code = run(sandbox, project, options.pytest)
            # A process that died tells nothing, and its failure is in what `cfn test` says.
            peaks = [each["peakKb"] for each in sandbox.invocations() if "peakKb" in each]
    if not peaks:
        print("no invocation of the package has told what memory it took", file=sys.stderr)
        return code or 1
    peak = max(peaks) / 1024
    print(f"peak memory of the package under Lambda's runtime client: {peak:.0f} MiB")
    if peak > LEAST_MEMORY_MB:
        print(f"that is more than the {LEAST_MEMORY_MB} MiB that Lambda gives at the least", file=sys.stderr)
        return code or 1
    return code


def archive_of(project: Path) -> Path:
    """The package in a project that `make package` has left; raises SandboxError when there is none."""
    found = sorted(project.glob("*.zip"))
    if len(found) != 1:
        raise SandboxError(f"There is no package in {project}: run `make package`")
    return found[0]


def packaged(project: Path, task_root: Path) -> Sandbox:
    """A local AWS whose functions are an unzipped package, under Lambda's runtime client."""
    return Sandbox(
        engine=False,
        cloudcontrol=False,
        template=project / "template.yml",
        code=task_root,
        runtime_python=interpreter(),
    )


def run(sandbox: Sandbox, project: Path, pytest_arguments: list[str]) -> int:
    """Run `cfn test` in a project against the functions of a running sandbox and return its exit code."""
    sandbox.sagemaker.behaviour = ASYNCHRONOUS
    for group in groups_of(project / "inputs"):
        sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    return run_cfn_test(project, sandbox.endpoints["functions"], pytest_arguments)


def groups_of(inputs: Path) -> set[str]:
    """The model package groups that the input sets expect to be there."""
    models = (json.loads(file.read_text()) for file in sorted(inputs.glob("inputs_*_create.json")))
    return {model["ModelPackageGroupName"] for model in models if "ModelPackageGroupName" in model}


def run_cfn_test(project: Path, endpoint: str, pytest_arguments: list[str]) -> int:
    """Run `cfn test` in a project's root against an Invoke API and return its exit code."""
    command = [
        sys.executable,
        "-m",
        "sandbox.contract.cfn_offline",
        "test",
        "--endpoint",
        endpoint,
        "--region",
        REGION,
    ]
    if pytest_arguments:
        command += ["--", *pytest_arguments]
    # The command runs elsewhere, and finds the sandbox here.
    environment = clean_environment(
        PYTHONPATH=str(ROOT), **{name.upper(): value for name, value in CREDENTIALS.items()}
    )
    with tempfile.TemporaryDirectory(prefix="contract-") as scratch:
        # The suite's own pytest must neither see this project's settings nor leave a cache behind.
        # Nor do its notes on every property it leaves out of a comparison, whole models each, help anybody.
        addopts = f"-o cache_dir={scratch} -o log_cli_level=WARNING"
        environment |= {"PYTEST_ADDOPTS": addopts, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(command, cwd=project, env=environment, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SandboxError as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit(130)
