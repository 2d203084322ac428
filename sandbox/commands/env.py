"""`env`: prints the running sandbox's variables for the AWS CLI and SDKs."""

from __future__ import annotations

import argparse

from sandbox.commands import arguments
from sandbox.commands.output import print_json, print_result
from sandbox.shared.clients import exports
from sandbox.shared.exit_codes import DONE

HELP = arguments.Help(
    summary="print the variables for the AWS CLI and SDKs again, for eval",
    explanation=(
        "Prints the variables with which the AWS CLI, boto3 and the SDKs of other languages find the running "
        "sandbox: credentials, region, and an endpoint for each service. They are lines for a shell's eval, "
        'as in eval "$(python -m sandbox env)". Only what is exported before a command starts reaches it.'
    ),
    examples=["env", "env --json"],
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    arguments.add_shared(parser, "the variables")


def run(options: argparse.Namespace) -> int:
    """Print the variables and return the exit code."""
    variables = arguments.sandbox_of(options).environment()
    if options.json:
        print_json(variables)
    else:
        print_result("\n".join(exports(variables)))
    return DONE
