"""`drift`: what of a stack's resources is not as its template says."""

from __future__ import annotations

import argparse
import shlex
import time
from contextlib import closing
from typing import TYPE_CHECKING

from sandbox.commands import arguments, differences
from sandbox.commands.differences import DRIFTED, IN_SYNC, Drift, StackDrift
from sandbox.commands.output import print_json, print_result, report, table
from sandbox.commands.stacks import CAPABILITIES, SandboxStacks
from sandbox.shared.exit_codes import DONE, DRIFT, FAILED

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_QUERY = "Changes[].ResourceChange.[LogicalResourceId, Action, Replacement]"
_EXIT_CODES = {IN_SYNC: DONE, DRIFTED: DRIFT}

ROLLBACK_FAILED = "UPDATE_ROLLBACK_FAILED"

HELP = arguments.Help(
    summary="show what of a stack is not as its template says",
    explanation=(
        "Detects the drift of a stack through the local CloudFormation, which reads each resource "
        "that it can check, and compares it with the template. Shows every resource with its status "
        "(IN_SYNC, MODIFIED, DELETED, NOT_CHECKED, UNKNOWN), and of each property that differs what "
        "is expected and what is there. Stacks that are nested in it are checked as well. Values of "
        "model cards, environments and customer metadata, and those of NoEcho parameters, are never "
        "shown. The exit code is 5 if there is any drift."
    ),
    examples=["drift fraud", "drift fraud --json"],
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("stack", metavar="STACK", help="the stack's name")
    arguments.add_shared(parser, "the same", timeout=True)


def run(options: argparse.Namespace) -> int:
    """Detect the drift of a stack, print it, and return the exit code."""
    with closing(SandboxStacks(arguments.sandbox_of(options))) as stacks:
        stack = stacks.get(options.stack)
        drift = differences.detect_all(stacks, stack, options.timeout)
    if options.json:
        print_json(drift.as_json())
    else:
        for each in drift.stacks:
            print_result("\n".join(_stack_lines(each)))
        root, *nested = drift.stacks
        if root.drifted:
            report(_ways_back(options, stack))
        ways = [arguments.command_line(options, f"drift {each.stack}") for each in nested if each.drifted]
        if ways:
            report("A nested stack has ways back of its own:\n" + "\n".join(f"    {each}" for each in ways))
    return _EXIT_CODES.get(drift.status, FAILED)


def report_drift(options: argparse.Namespace, drift: Drift) -> None:
    """Report what of a stack has drifted, by names alone, and why it could not be checked; else nothing."""
    if drift.status == DRIFTED:
        name = drift.stacks[0].stack
        report(
            "But it has drifted, which a deployment of the same template does not change:\n"
            + "".join(f"  {each}\n" for each in drift.drifted_names())
            + f"See the values, and the ways back:\n    {arguments.command_line(options, f'drift {name}')}"
        )
    for each in drift.problems():
        report(f"Its drift is not known: {each}")


def _stack_lines(stack: StackDrift) -> list[str]:
    rows = table(
        [(each.resource, each.status, each.type, each.physical_id, each.reason) for each in stack.resources]
    )
    lines = [f"{stack.stack} is {stack.status}" + (f": {stack.reason}" if stack.reason else "")]
    for row, resource in zip(rows, stack.resources, strict=True):
        details = (line for each in resource.differences for line in differences.text_lines(each))
        lines += [row, *(f"    {line}" for line in details)]
    if stack.status == IN_SYNC and not any(each.status == IN_SYNC for each in stack.resources):
        lines.append("  nothing in it can be checked")
    return lines


def rollback_advice(options: argparse.Namespace, stack: StackTypeDef) -> str:
    """Return what ends the rollback of a stack in ROLLBACK_FAILED, and keeps what it has."""
    environment = arguments.command_line(options, "env")
    return (
        "Once the cause is removed, this ends its rollback:\n"
        f'    eval "$({environment})"\n'
        f"    aws cloudformation continue-update-rollback --stack-name {shlex.quote(stack['StackName'])}"
    )


def _ways_back(options: argparse.Namespace, stack: StackTypeDef) -> str:
    """Return what ends the drift of a stack: to change the template, or the resources."""
    of_stack = f"--stack-name {shlex.quote(stack['StackName'])}"
    environment = f'    eval "$({arguments.command_line(options, "env")})"\n'
    if stack["StackStatus"] == ROLLBACK_FAILED:
        advice = rollback_advice(options, stack)
        return f"{stack['StackName']} is {ROLLBACK_FAILED} and takes no update. {advice}"
    # Another than that of a change set which was only looked at, and which would be executed in its place.
    of_set = f"{of_stack} --change-set-name {time.strftime('revert-drift-%Y%m%d-%H%M%S')}"
    kept = [
        shlex.quote(f"ParameterKey={each['ParameterKey']},UsePreviousValue=true")
        for each in stack.get("Parameters") or ()
    ]
    parameters = f" \\\n        --parameters {' '.join(kept)}" if kept else ""
    return (
        "Where what is there is right, put it into the template, without what is DELETED, and deploy it. "
        "Where the template is right, a change set brings the resources of this stack back to it. "
        "See what it would do:\n"
        f"{environment}"
        f"    aws cloudformation create-change-set {of_set} \\\n"
        f"        --deployment-mode REVERT_DRIFT --use-previous-template{parameters} \\\n"
        f"        --capabilities {' '.join(CAPABILITIES)}\n"
        f"    aws cloudformation wait change-set-create-complete {of_set}\n"
        f"    aws cloudformation describe-change-set {of_set} \\\n"
        f"        --query '{_QUERY}' --output table\n"
        "What cannot be changed in place is replaced (True), and the old one deleted unless the template "
        "retains it; a package that has a name of its own cannot be. What SageMaker cannot remove, as an "
        "additional specification, stays. If that is right:\n"
        f"    aws cloudformation execute-change-set {of_set}\n"
        f"    aws cloudformation wait stack-update-complete {of_stack}"
    )
