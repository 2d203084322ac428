"""`status`: the stacks and packages of the running sandbox, or one stack."""

from __future__ import annotations

import argparse
from contextlib import closing

from sandbox.commands import arguments
from sandbox.commands.output import Json, clock, print_json, print_result, print_values, table
from sandbox.commands.stacks import SandboxStacks, live_stacks, outputs
from sandbox.shared.exit_codes import DONE
from sandbox.state_file import RunningSandbox

HELP = arguments.Help(
    summary="show stacks and packages, or one stack's resources, outputs and last failure",
    explanation=(
        "Shows the stacks of the running sandbox, and its model packages by group, with version, "
        "status, approval and stage of the life cycle. With the name of a stack: its resources, "
        "its outputs, and why it last failed. Properties are never shown."
    ),
    examples=["status", "status fraud", "status --json"],
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("stack", nargs="?", metavar="STACK", help="the stack's name")
    arguments.add_shared(parser, "the same")


def run(options: argparse.Namespace) -> int:
    """Print the status and return the exit code."""
    sandbox = arguments.sandbox_of(options)
    if options.stack is not None:
        return _print_stack(options, sandbox)
    stacks = [
        {
            "stack": each["StackName"],
            "stackId": each["StackId"],
            "status": each["StackStatus"],
            "reason": each.get("StackStatusReason") or None,
        }
        for each in live_stacks(sandbox)
    ]
    groups = sandbox.overview()["groups"]
    if options.json:
        print_json({"page": sandbox.page, "endpoints": sandbox.endpoints, "stacks": stacks, "groups": groups})
        return DONE
    rows = table([(each["stack"], each["status"], each["reason"]) for each in stacks])
    deploy = arguments.command_line(options, "deploy examples/registered-version.yaml")
    lines = ["stacks", *(rows or ["  none; deploy one:", f"    {deploy}"])]
    print_result("\n".join([*lines, "packages", *_package_lines(groups), "page", f"  {sandbox.page}"]))
    return DONE


def _package_lines(groups: list[Json]) -> list[str]:
    lines = []
    for group in groups:
        lines.append(f"  {group['name'] or 'in no group'}")
        rows = [
            (
                package["version"] or package["name"],
                package["status"],
                package["approval"],
                "/".join(filter(None, (package["stage"], package["stageStatus"]))),
            )
            for package in group["packages"]
        ]
        lines += table(rows, indent="    ") or ["    none"]
    return lines or ["  none"]


def _print_stack(options: argparse.Namespace, sandbox: RunningSandbox) -> int:
    with closing(SandboxStacks(sandbox)) as stacks:
        stack = stacks.get(options.stack)
        resources = [
            {
                "resource": each["LogicalResourceId"],
                "status": each["ResourceStatus"],
                "type": each["ResourceType"],
                "physicalId": each.get("PhysicalResourceId"),
            }
            for each in stacks.resources(stack["StackId"])
        ]
        failures = stacks.last_failures(stack["StackId"])
    if options.json:
        print_json(
            {
                "stack": stack["StackName"],
                "stackId": stack["StackId"],
                "status": stack["StackStatus"],
                "resources": resources,
                "outputs": outputs(stack),
                "lastFailures": [failure.as_json() for failure in failures],
            }
        )
        return DONE
    print_result(f"{stack['StackName']} is {stack['StackStatus']}\nresources")
    print_result("\n".join(table([tuple(each.values()) for each in resources]) or ["  none"]))
    print_result("outputs")
    print_values(outputs(stack), indent="  ")
    if failures:
        print_result("last failure")
        for failure in failures:
            print_result(f"  {clock(failure.time)} {failure}")
    return DONE
