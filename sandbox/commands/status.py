"""`status`: what is there."""

from __future__ import annotations

import argparse

from sandbox.commands import stacks
from sandbox.commands.common import (
    DONE,
    Commands,
    Help,
    Json,
    add_command,
    add_json,
    add_state,
    clock,
    command,
    put,
    put_json,
    sandbox_of,
    table,
)
from sandbox.state_file import Running


def add(commands: Commands) -> None:
    """Put the command into the parser."""
    parser = add_command(
        commands,
        "status",
        run,
        Help(
            summary="show stacks and packages, or one stack's resources, outputs and last failure",
            explanation=(
                "Shows the stacks of the running sandbox, and its model packages by group, with version, "
                "status, approval and stage of the life cycle. With the name of a stack: its resources, "
                "its outputs, and why it last failed. Properties are never shown."
            ),
            examples=["status", "status fraud", "status --json"],
        ),
    )
    parser.add_argument("stack", nargs="?", metavar="STACK", help="the stack's name")
    add_json(parser, "the same")
    add_state(parser)


def run(options: argparse.Namespace) -> int:
    """Show it."""
    running = sandbox_of(options)
    if options.stack is not None:
        return _one(options, running)
    found = _stacks(running)
    groups = running.overview()["groups"]
    if options.json:
        put_json({"page": running.page, "endpoints": running.endpoints, "stacks": found, "groups": groups})
        return DONE
    put("stacks")
    put(
        "\n".join(
            table([(each["stack"], each["status"], each["reason"]) for each in found]) or _none(options)
        )
    )
    put("packages")
    put("\n".join(_packages(groups)))
    put(f"page\n  {running.page}")
    return DONE


def _stacks(running: Running) -> list[Json]:
    if "cloudformation" not in running.endpoints:
        return []
    with stacks.of(running) as found:
        return [
            {
                "stack": each["StackName"],
                "stackId": each["StackId"],
                "status": each["StackStatus"],
                "reason": each.get("StackStatusReason") or None,
            }
            for each in found.all()
        ]


def _none(options: argparse.Namespace) -> list[str]:
    return ["  none; deploy one:", f"    {command(options, 'deploy examples/registered-version.yaml')}"]


def _packages(groups: list[Json]) -> list[str]:
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


def _one(options: argparse.Namespace, running: Running) -> int:
    with stacks.of(running) as found:
        stack = found.get(options.stack)
        resources = [
            {
                "resource": each["LogicalResourceId"],
                "status": each["ResourceStatus"],
                "type": each["ResourceType"],
                "physicalId": each.get("PhysicalResourceId"),
            }
            for each in found.resources(stack["StackId"])
        ]
        failures = found.last_failures(stack["StackId"])
    outputs = stacks.outputs(stack)
    if options.json:
        put_json(
            {
                "stack": stack["StackName"],
                "stackId": stack["StackId"],
                "status": stack["StackStatus"],
                "resources": resources,
                "outputs": outputs,
                "lastFailures": [failure.as_json() for failure in failures],
            }
        )
        return DONE
    put(f"{stack['StackName']} is {stack['StackStatus']}\nresources")
    put("\n".join(table([tuple(each.values()) for each in resources]) or ["  none"]))
    put("outputs")
    stacks.put_lines(outputs, lambda line: put(f"  {line}"))
    if failures:
        put("last failure")
        for failure in failures:
            put(f"  {clock(failure.time)} {failure.line()}")
    return DONE
