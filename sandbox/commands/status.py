"""`status`: the stacks and packages of the running sandbox, or one stack."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING, Any

from sandbox.commands import arguments, differences
from sandbox.commands.differences import ResourceDrift
from sandbox.commands.output import Json, clock, print_json, print_result, print_values, table
from sandbox.commands.stacks import SandboxStacks, live_stacks, outputs
from sandbox.shared.exit_codes import DONE
from sandbox.state_file import RunningSandbox

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

HELP = arguments.Help(
    summary="show stacks and packages, or one stack's resources, packages, outputs and last failure",
    explanation=(
        "Shows the stacks of the running sandbox, and its model packages by group, with version, "
        "status, approval and stage of the life cycle. With the name of a stack: its resources; its "
        "packages, with what of each is different from the template, for which the handlers read them; "
        "its outputs; and why it last failed. Confidential values are never shown."
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
        packages = _packages(stacks, stack)
        failures = stacks.last_failures(stack["StackId"])
    if options.json:
        print_json(
            {
                "stack": stack["StackName"],
                "stackId": stack["StackId"],
                "status": stack["StackStatus"],
                "resources": resources,
                "packages": [each | {"drift": each["drift"].as_json()} for each in packages],
                "outputs": outputs(stack),
                "lastFailures": [failure.as_json() for failure in failures],
            }
        )
        return DONE
    print_result(f"{stack['StackName']} is {stack['StackStatus']}\nresources")
    print_result("\n".join(table([tuple(each.values()) for each in resources]) or ["  none"]))
    if packages:
        print_result("packages")
        print_result("\n".join(line for each in packages for line in _lines(each, stack["StackName"])))
    print_result("outputs")
    print_values(outputs(stack), indent="  ")
    if failures:
        print_result("last failure")
        for failure in failures:
            print_result(f"  {clock(failure.time)} {failure}")
    return DONE


def _packages(stacks: SandboxStacks, stack: StackTypeDef) -> list[Json]:
    """Return the packages of a stack, and of those nested in it, each with its `drift`.

    They are known by their ARNs: a type that is registered under another name makes packages, too.
    """
    live: dict[str, Json] = {}
    packages = []
    for each in differences.with_nested(stacks, stack):
        arns = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in each.resources
            if ":model-package/" in resource["PhysicalResourceId"]
        }
        if not arns:
            continue
        live = live or {package["ModelPackageArn"].lower(): package for package in stacks.sandbox.packages()}
        drift = differences.detect_beside(stacks, each, only=[*arns])
        of_resource = {resource.resource: resource for resource in drift.resources}
        for name, arn in arns.items():
            unchecked = ResourceDrift(name, "", arn, drift.status, drift.reason)
            packages.append(
                {
                    "resource": name,
                    "stack": drift.stack,
                    "arn": arn,
                    **_package(live.get(arn.lower(), {})),
                    "drift": of_resource.get(name, unchecked),
                }
            )
    return packages


def _package(live: Json) -> Json:
    """Return what is shown of a package, None for what it does not have; nothing else of one that is gone."""
    stages, card = live.get("ModelLifeCycle") or {}, live.get("ModelCard") or {}
    return {
        "version": live.get("ModelPackageVersion"),
        "status": live.get("ModelPackageStatus"),
        "approval": live.get("ModelApprovalStatus"),
        "hasApprovalDescription": bool(live.get("ApprovalDescription")),
        "stage": stages.get("Stage"),
        "stageStatus": stages.get("StageStatus"),
        "cardStatus": card.get("ModelCardStatus"),
    }


def _lines(package: Json, stack_name: str) -> list[str]:
    """Return a package as text; the name of a stack that is nested in that stack before its resource's."""
    nested = "" if package["stack"] == stack_name else f"{package['stack']}/"
    description = ", with a description" if package["hasApprovalDescription"] else ""
    drift: ResourceDrift = package["drift"]
    values: dict[str, Any] = {
        "version": package["version"],
        "status": package["status"] or "it is not there",
        "approval": package["approval"] and f"{package['approval']}{description}",
        "stage": "/".join(filter(None, (package["stage"], package["stageStatus"]))),
        "card": package["cardStatus"],
        "drift": drift.status + (f": {drift.reason}" if drift.reason else ""),
    }
    return [
        f"  {nested}{package['resource']}  {package['arn']}",
        *table([(name, value) for name, value in values.items() if value], indent="    "),
        *(f"      {line}" for each in drift.differences for line in differences.text_lines(each)),
    ]
