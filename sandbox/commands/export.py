"""`export`: a template that deploys to a package like a live one."""

from __future__ import annotations

import argparse
import os
import re
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import closing

from sandbox.commands.common import (
    DONE,
    Commands,
    Help,
    Json,
    UsageError,
    add_command,
    add_json,
    add_state,
    put_json,
    sandbox_of,
)
from sandbox.state_file import INVOKE_SECONDS

_PACKAGE = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:model-package/[^/]+(?:/\d+)?")
# Those that botocore would follow for SageMaker, the first one first.
VARIABLES = ("AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL")
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


def add(commands: Commands) -> None:
    """Put the command into the parser."""
    parser = add_command(
        commands,
        "export",
        run,
        Help(
            summary="write a template that deploys to a package like a live one",
            explanation=(
                "Reads a package through the handlers and prints a template (YAML) that deploys to an "
                "equal one, without what belongs to the service. It is read from the running sandbox or, "
                "in a shell that has exported the variables which 'start' prints, from the sandbox they "
                "name. A package in an account is read with --account only, with the credentials of the "
                "environment, and at its endpoint if it names one."
            ),
            examples=["export arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud-detection/1"],
        ),
    )
    parser.add_argument("arn", metavar="ARN", help="the package's ARN")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--account", action="store_true", help="read from the account of the environment's credentials"
    )
    add_state(where)
    add_json(parser, "the template")


def run(options: argparse.Namespace) -> int:
    """Print the template of a live package."""
    if not _PACKAGE.fullmatch(options.arn):
        raise UsageError(
            f"{options.arn} is not the ARN of a model package: "
            "arn:aws:sagemaker:REGION:ACCOUNT:model-package/NAME or .../GROUP/VERSION"
        )
    from sandbox import export

    read = export.from_environment if options.account else _reader(options)
    model = read(options.arn)
    if options.json:
        put_json(export.template(model))
    else:
        print(export.as_yaml(export.template(model)), end="", flush=True)
    return DONE


def _reader(options: argparse.Namespace) -> Callable[[str], Json]:
    """How to read from a sandbox: the one that is named, or the shell's, or the one that runs."""
    from sandbox import export

    if options.state is None and _local_endpoint(os.environ) is not None:
        # Whatever else the shell has exported: credentials of an account go nowhere but there.
        return export.from_local_endpoint
    running = sandbox_of(options)

    def read(arn: str) -> Json:
        with closing(running.client("lambda", read_timeout=INVOKE_SECONDS)) as client:
            return export.through(client, arn)

    return read


def _local_endpoint(variables: Mapping[str, str]) -> str | None:
    """The endpoint on this machine that the shell's variables name for SageMaker, if they do."""
    endpoint = next((variables[name] for name in VARIABLES if variables.get(name)), None)
    if endpoint is None or urllib.parse.urlsplit(endpoint).hostname not in LOCAL:
        return None
    return endpoint
