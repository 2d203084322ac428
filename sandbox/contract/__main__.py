"""The contract tests on this machine: `python -m sandbox.contract`, which is `make contract`.

Runs the real `cfn test` over every set in `inputs/`, against the handlers behind the Invoke API and a
SageMaker whose validations and deletes take a few polls. With `--project` it does so for a package that `make
package` has built, in the project it was built from: its handlers are unzipped into an empty folder and run
under Lambda's runtime client. Arguments after `--` go to pytest, as with `cfn test` itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from packager.build import unpack
from sandbox.contract.runner import find_package, package_sandbox, run_contract_tests
from sandbox.lambda_.function import DEFAULT_MEMORY_MB
from sandbox.local_aws import Sandbox
from sandbox.shared.exit_codes import FAILED, INTERRUPTED
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import ROOT


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
            return run_contract_tests(sandbox, ROOT, options.pytest)
    project = options.project.resolve()
    with tempfile.TemporaryDirectory(prefix="task-") as folder:
        task_root = Path(folder) / "root"
        unpack(find_package(project), task_root)
        with package_sandbox(project, task_root) as sandbox:
            code = run_contract_tests(sandbox, project, options.pytest)
            # A process that died has no peak, and its failure is in the output of `cfn test`.
            peaks = [each["peakKb"] for each in sandbox.invocations() if "peakKb" in each]
    if not peaks:
        print("no invocation of the package has reported what memory it took", file=sys.stderr)
        return code or FAILED
    peak = max(peaks) / 1024
    print(f"peak memory of the package under Lambda's runtime client: {peak:.0f} MiB")
    if peak > DEFAULT_MEMORY_MB:
        print(
            f"that is more than the {DEFAULT_MEMORY_MB} MiB that Lambda gives at the least", file=sys.stderr
        )
        return code or FAILED
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SandboxError as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
