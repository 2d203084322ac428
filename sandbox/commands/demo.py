"""`demo`: the examples, deployed in a sandbox of their own."""

from __future__ import annotations

import argparse
from pathlib import Path

from sandbox.commands.common import Commands, Help, add_command, pair, pairs


def add(commands: Commands) -> None:
    """Put the command into the parser."""
    parser = add_command(
        commands,
        "demo",
        run,
        Help(
            summary="deploy the examples in a sandbox of its own, showing and checking what happens",
            explanation=(
                "Starts a sandbox of its own, deploys the examples in it through CloudFormation to the "
                "handlers, shows stack events and SageMaker calls, checks that what happens is what was "
                "said, and stops. With --template it deploys and deletes that template instead. It needs "
                "no running sandbox and touches none."
            ),
            examples=[
                "demo",
                "demo --template examples/registered-version.yaml --parameters GroupName=churn",
            ],
        ),
    )
    parser.add_argument("--template", type=Path, help="deploy and delete this template instead")
    parser.add_argument(
        "--parameters",
        nargs="*",
        action="extend",
        default=[],
        type=pair,
        metavar="NAME=VALUE",
        help="parameters for it",
    )


def run(options: argparse.Namespace) -> int:
    """Deploy the examples, or one template, and return whether all went as it should."""
    from sandbox.demo import run as tell_the_story

    return tell_the_story(options.template, pairs(options.parameters, "parameter"))
