"""The sandbox from a shell: `python -m sandbox start`, `python -m sandbox demo`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sandbox.children import Ending, SandboxError
from sandbox.local import CREDENTIALS, REGION, Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start the local AWS and keep it until Ctrl-C")
    start.add_argument(
        "--time-scale", type=float, default=1.0, help="factor on the delays between a handler's callbacks"
    )
    start.add_argument("--no-engine", action="store_true", help="without CloudFormation")
    start.add_argument("--logs", type=Path, help="keep the logs in this directory")
    start.set_defaults(run=run_start)
    demo = commands.add_parser("demo", help="deploy the examples, showing and checking what happens")
    demo.add_argument("--template", type=Path, help="deploy and delete this template instead")
    demo.add_argument(
        "--parameters", nargs="*", default=[], type=parameter, metavar="NAME=VALUE", help="parameters for it"
    )
    demo.set_defaults(run=run_demo)
    export = commands.add_parser("export", help="write a template that deploys to a package like a live one")
    export.add_argument("arn", help="the package's ARN; endpoint and credentials come from the environment")
    export.set_defaults(run=run_export)
    options = parser.parse_args(arguments)
    try:
        code: int = options.run(options)
    except SandboxError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return code


def run_start(options: argparse.Namespace) -> int:
    """Start everything, say where it is, and wait for Ctrl-C or SIGTERM."""
    ending = Ending()  # before the start: a signal that comes meanwhile takes effect after it
    with Sandbox(engine=not options.no_engine, time_scale=options.time_scale, logs=options.logs) as sandbox:
        print(describe(sandbox), flush=True)
        ending.wait()
    print("stopped")
    return 0


def run_demo(options: argparse.Namespace) -> int:
    """Deploy the examples, or one template, and return whether all went as it should."""
    from sandbox.demo import run

    return run(options.template, dict(options.parameters))


def parameter(text: str) -> tuple[str, str]:
    """A parameter of a template, as the command line gives it."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text} is not of the form NAME=VALUE")
    return name, value


def run_export(options: argparse.Namespace) -> int:
    """Print the template of a live package."""
    from sandbox.export import export

    print(export(options.arn), end="")
    return 0


def describe(sandbox: Sandbox) -> str:
    """Return what to paste into a shell so that the AWS CLI and boto3 talk to the sandbox."""
    variables: dict[str, Any] = {name.upper(): value for name, value in CREDENTIALS.items()}
    variables["AWS_DEFAULT_REGION"] = REGION
    if "sagemaker" in sandbox.endpoints:
        # Whatever else is called (STS, S3, IAM) is moto's there, too, and must not reach the real AWS.
        variables["AWS_ENDPOINT_URL"] = sandbox.endpoints["sagemaker"]
    if "cloudformation" in sandbox.endpoints:
        # Where the engine looks for the templates of nested stacks.
        variables["AWS_ENDPOINT_URL_S3"] = sandbox.endpoints["cloudformation"]
    for part, endpoint in sandbox.endpoints.items():
        service = "lambda" if part == "functions" else part
        variables[f"AWS_ENDPOINT_URL_{service.upper()}"] = endpoint
    lines = [f"{part:15} {endpoint}" for part, endpoint in sandbox.endpoints.items()]
    lines += [f"{'logs':15} {sandbox.logs}", ""]
    lines += [f"export {name}={value}" for name, value in variables.items()]
    return "\n".join([*lines, "", "Ctrl-C stops it."])


if __name__ == "__main__":
    sys.exit(main())
