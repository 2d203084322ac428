"""`delete`: deletes a stack, and with it what its template does not retain."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from sandbox.commands import arguments
from sandbox.commands.output import Json, print_json, report, table
from sandbox.commands.stacks import RetainedResource, SandboxStacks, StackResult, report_failures, run_watched
from sandbox.shared.exit_codes import DONE, FAILED

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

HELP = arguments.Help(
    summary="delete a stack, showing what happens",
    explanation=(
        "Deletes a stack through its handlers, as CloudFormation does: what the template says to "
        "retain stays, and is named at the end; what cannot be deleted leaves the stack in "
        "DELETE_FAILED with the reason. To forget everything without calling a handler, use reset."
    ),
    examples=["delete fraud", "delete validated-package --json"],
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("stack", metavar="STACK", help="the stack's name")
    parser.add_argument(
        "--retain",
        nargs="+",
        default=[],
        metavar="RESOURCE",
        help="logical ids of resources to leave where they are; for a stack in DELETE_FAILED",
    )
    arguments.add_shared(parser, "status, failures and what stays", timeout=True)


def run(options: argparse.Namespace) -> int:
    """Delete the stack and return the exit code."""
    with closing(SandboxStacks(arguments.sandbox_of(options))) as stacks:
        stack = stacks.get(options.stack)

        def action() -> int:
            result = delete(options, stacks, stack, options.retain)
            return _report(options, stack, result, stacks.retained(stack["StackId"]))

        return run_watched(options, stacks, stack["StackName"], action)


def delete(
    options: argparse.Namespace,
    stacks: SandboxStacks,
    stack: StackTypeDef,
    retain: Sequence[str] = (),
) -> StackResult:
    """Delete the stack unless that is under way, and wait for its end.

    Raises:
        TimedOutError: the stack is still in progress after --timeout.
    """
    events = stacks.new_events(stack["StackId"])
    if stack["StackStatus"] != "DELETE_IN_PROGRESS":
        retained: Json = {"RetainResources": list(retain)} if retain else {}
        stacks.client.delete_stack(StackName=stack["StackId"], **retained)
    return stacks.follow(options, events)


def _report(
    options: argparse.Namespace,
    stack: StackTypeDef,
    result: StackResult,
    retained: Sequence[RetainedResource],
) -> int:
    name = stack["StackName"]
    is_deleted = result.status == "DELETE_COMPLETE"
    if options.json:
        print_json(
            {
                "stack": name,
                "stackId": stack["StackId"],
                "status": result.status,
                "failures": [failure.as_json() for failure in result.failures],
                "retained": [each.as_json() for each in retained],
            }
        )
        return DONE if is_deleted else FAILED
    report(f"{name} is {result.status}")
    if not is_deleted:
        resources = " ".join(sorted({failure.resource for failure in result.failures}))
        again = arguments.command_line(options, f"delete {name} --retain {resources}")
        report(f"To leave behind what cannot be deleted:\n    {again}")
        report_failures(result.failures)
        return FAILED
    if retained:
        report("These stay (DeletionPolicy or UpdateReplacePolicy: Retain, or --retain):")
        report("\n".join(table([(each.resource, each.physical_id) for each in retained])))
        reset = arguments.command_line(options, "reset")
        report(f"Their names stay taken. To forget everything in this sandbox:\n    {reset}")
    return DONE
