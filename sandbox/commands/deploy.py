"""`deploy`: creates or updates a stack from a template."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from sandbox.commands import arguments, delete, differences, templates
from sandbox.commands.change_sets import NO_UPDATES, ChangeSet, refusal
from sandbox.commands.deployment import Deployment, confirm, deletions
from sandbox.commands.drift import ROLLBACK_FAILED, report_drift, rollback_advice
from sandbox.commands.errors import service_message
from sandbox.commands.lint import Problem
from sandbox.commands.output import Json, print_json, print_result, print_values, report
from sandbox.commands.plan import Plan
from sandbox.commands.stacks import (
    CAPABILITIES,
    DEAD_ENDS,
    SandboxStacks,
    StackResult,
    outputs,
    report_failures,
    reporter,
    run_watched,
)
from sandbox.commands.template_body import sent_template
from sandbox.commands.watch import is_in_progress
from sandbox.shared.exit_codes import DONE, FAILED, USAGE
from sandbox.shared.processes import SandboxError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

# How handlers, SageMaker and CloudFormation say, in messages and error codes, that a name is in use.
_NAME_TAKEN = re.compile(r"already ?exists", re.IGNORECASE)

HELP = arguments.Help(
    summary="create or update a stack from a template, showing what happens",
    explanation=(
        "Creates a stack from a template (YAML or JSON), or updates the stack of that name, "
        "through the local CloudFormation to the handlers. Stack events and waits are shown on "
        "stderr as they happen, with the message of a handler that could not do everything; the "
        "outputs are printed on stdout at the end. When it fails, the handler's message comes last, "
        "and after it what to do about a name that is taken. An update "
        "keeps the parameters and tags that are not given. The template and its parameters are checked "
        "before anything is created, by the rules of editors/rules as well: an error ends the command. What "
        "an update replaces or removes without retaining it is asked about on a terminal. --plan shows "
        "what would happen, and does nothing."
    ),
    examples=[
        "deploy examples/registered-version.yaml --stack fraud",
        "deploy examples/registered-version.yaml --stack fraud --parameters ApprovalStatus=Approved",
        "deploy examples/registered-version.yaml --stack fraud --parameters Image=IMAGE --plan",
        "deploy examples/validated-package.yaml --tags team=risk --json",
    ],
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("template", metavar="TEMPLATE", help="the template's file; - is stdin")
    parser.add_argument("--stack", metavar="NAME", help="the stack's name; default: made of the file's name")
    for name, content in (("--parameters", "parameters of the template"), ("--tags", "tags of the stack")):
        parser.add_argument(
            name,
            nargs="+",
            action="extend",
            default=[],
            type=arguments.pair,
            metavar="NAME=VALUE",
            help=content,
        )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="delete the stack first if it is in a state that no update leads out of",
    )
    parser.add_argument(
        "--plan",
        action="store_true",
        help="show what would be added, changed, replaced or removed, and why, without doing it",
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help="do not ask about what is deleted; without a terminal nothing is asked",
    )
    parser.add_argument(
        "--no-lint", action="store_true", help="deploy without asking the rules of editors/rules"
    )
    arguments.add_shared(
        parser, "status, outputs, failures and messages at the end, or the plan", timeout=True
    )


def run(options: argparse.Namespace) -> int:
    """Deploy the template and return the exit code."""
    template = templates.read(options.template)
    name = templates.stack_name(options.stack, options.template)
    with (
        closing(SandboxStacks(arguments.sandbox_of(options))) as stacks,
        sent_template(stacks.sandbox, template.body) as body,
    ):
        stack = stacks.find(name)
        is_dead_end = stack is not None and stack["StackStatus"] in DEAD_ENDS
        updated = None if is_dead_end else stack
        # Checked as a whole before anything is deleted or created.
        request = {"StackName": name, **body, **_request(options, template, updated)}
        deployment = Deployment(stacks, template, request, updated)
        problems = [] if options.no_lint else deployment.problems()
        _report_problems(options, template, problems)
        if any(each.is_error for each in problems):
            return USAGE

        def action() -> int:
            if stack is not None and is_dead_end and not options.replace:
                return _report_dead_end(options, stack)
            if stack is not None and is_in_progress(stack["StackStatus"]):
                report(
                    f"{name} is {stack['StackStatus']}: something else is under way. See it:\n"
                    f"    {arguments.command_line(options, f'status {name}')}"
                )
                return FAILED
            dead = stack if is_dead_end else None
            if options.plan:
                plan = deployment.plan_in_place_of(dead) if dead else deployment.plan_alone()
                return _report_plan(options, deployment, plan, problems)
            if dead:
                confirm(deletions(stacks, dead), is_confirmed=options.yes)
                _delete_first(options, stacks, dead)
            return _deploy(options, stacks, deployment, problems)

        return run_watched(options, stacks, name, action)


def _request(options: argparse.Namespace, template: templates.Template, stack: StackTypeDef | None) -> Json:
    """Return the request that updates the stack, or creates one, but for the template.

    Raises:
        UsageError: a parameter or a tag is not usable.
    """
    previous = {each["ParameterKey"] for each in stack.get("Parameters") or ()} if stack else set()
    request = {
        "Parameters": template.arguments(arguments.unique(options.parameters, "parameter"), previous),
        "Capabilities": CAPABILITIES,
    }
    tags = arguments.unique(options.tags, "tag")
    if tags:  # without any, an update leaves the stack's tags as they are
        request["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return request


def _deploy(
    options: argparse.Namespace, stacks: SandboxStacks, deployment: Deployment, problems: Sequence[Problem]
) -> int:
    request, stack = deployment.request, deployment.stack
    events = stacks.new_events(stack["StackId"]) if stack else None
    stack_id = _begin(options, stacks, deployment)
    if stack_id is None:
        assert stack is not None
        return _report_unchanged(options, stacks, stack, problems)
    kept = [each["ParameterKey"] for each in request["Parameters"] if "UsePreviousValue" in each]
    if kept:
        reporter(options)(f"These keep their values: {', '.join(kept)}")
    result = stacks.follow(options, events or stacks.new_events(stack_id, skip=False))
    return _report(options, stacks.describe(stack_id), result, problems)


def _begin(options: argparse.Namespace, stacks: SandboxStacks, deployment: Deployment) -> str | None:
    """Return the id of the stack that is updated or created; None when nothing has to be changed.

    Raises:
        UsageError: the local CloudFormation refuses the request, or lacks what is in the template.
        NotConfirmedError: it would delete something, and is not to.
    """
    from botocore.exceptions import ClientError

    client, request, stack = stacks.client, deployment.request, deployment.stack
    if stack:
        with ChangeSet(stacks, request, stack) as change_set:
            if change_set.is_empty:
                return None
            confirm(deployment.losses(change_set), is_confirmed=options.yes)
            if not change_set.is_automatic:
                change_set.execute()
                return stack["StackId"]
    try:
        return (client.update_stack if stack else client.create_stack)(**request)["StackId"]
    except ClientError as error:
        if service_message(error).startswith(NO_UPDATES):
            return None
        raise refusal(error, request) from error


def _delete_first(options: argparse.Namespace, stacks: SandboxStacks, stack: StackTypeDef) -> None:
    reporter(options)(f"{stack['StackName']} is {stack['StackStatus']} and is deleted first")
    result = delete.delete(options, stacks, stack)
    if result.status != "DELETE_COMPLETE":
        raise SandboxError(
            f"{stack['StackName']} could not be deleted, so there is no room for a new one. Why:\n"
            + "\n".join(f"  {failure}" for failure in result.failures)
        )


def _report_dead_end(options: argparse.Namespace, stack: StackTypeDef) -> int:
    name, status = stack["StackName"], stack["StackStatus"]
    if options.json:
        print_json({"stack": name, "stackId": stack["StackId"], "status": status, "changed": False})
    else:
        report(
            f"{name} is {status}: CloudFormation updates no such stack. Delete it first, either with\n"
            f"    {arguments.command_line(options, f'delete {name}')}\n"
            "or by the same deployment with --replace"
        )
        if status == ROLLBACK_FAILED:
            report(f"Or keep what it has. {rollback_advice(options, stack)}")
    return FAILED


def _report_problems(
    options: argparse.Namespace, template: templates.Template, problems: Sequence[Problem]
) -> None:
    is_wrong = any(each.is_error for each in problems)
    if not options.json:
        for each in problems:
            report(each.text(template.file))
        if is_wrong:
            report("Nothing was changed. --no-lint deploys it nevertheless")
    elif is_wrong:
        print_json({"changed": False, "problems": [each.as_json() for each in problems]})


def _report_plan(
    options: argparse.Namespace, deployment: Deployment, plan: Plan, problems: Sequence[Problem]
) -> int:
    name = deployment.request["StackName"]
    if options.json:
        print_json(
            {
                "stack": name,
                "exists": deployment.stack is not None,
                "changed": bool(plan),
                **plan.as_json(),
                "problems": [each.as_json() for each in problems],
            }
        )
        return DONE
    verb = "updated" if deployment.stack else "created"
    print_result(f"{name} would be {verb}:" if plan else f"Nothing would change in {name}")
    for line in plan.lines():
        print_result(line)
    report("Nothing was changed: this is a plan")
    return DONE


def _report_unchanged(
    options: argparse.Namespace, stacks: SandboxStacks, stack: StackTypeDef, problems: Sequence[Problem]
) -> int:
    reporter(options)(f"{stack['StackName']} is {stack['StackStatus']}, and nothing has to be changed")
    drift = differences.detect_all_beside(stacks, stack)
    if options.json:
        unchanged = StackResult(stack["StackStatus"], [], [])
        _print_result(stack, unchanged, problems, changed=False, drift=drift)
        return DONE
    report_drift(options, drift)
    print_values(outputs(stack))
    return DONE


def _report(
    options: argparse.Namespace, stack: StackTypeDef, result: StackResult, problems: Sequence[Problem]
) -> int:
    succeeded = result.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    if options.json:
        _print_result(stack, result, problems, changed=True)
        return DONE if succeeded else FAILED
    name = stack["StackName"]
    report(f"{name} is {result.status}")
    if succeeded:
        for failure in result.failures:
            report(f"This could not be deleted: {failure}")
        print_values(outputs(stack))
        return DONE
    if result.status == ROLLBACK_FAILED:
        report(rollback_advice(options, stack))
    if result.status in DEAD_ENDS:
        report(
            "Nothing can update it now: correct the template and deploy it again with --replace, or "
            f"delete {name}"
        )
    report_failures(result.failures)
    if any(_NAME_TAKEN.search(failure.reason) for failure in result.failures):
        report(
            "What has that name already may be what a deleted stack has retained. Give another name, or "
            f"forget everything in this sandbox:\n    {arguments.command_line(options, 'reset')}"
        )
    return FAILED


def _print_result(
    stack: StackTypeDef,
    result: StackResult,
    problems: Sequence[Problem],
    *,
    changed: bool,
    drift: differences.Drift | None = None,
) -> None:
    print_json(
        {
            "stack": stack["StackName"],
            "stackId": stack["StackId"],
            "status": stack["StackStatus"],
            "changed": changed,
            "outputs": outputs(stack),
            "failures": [failure.as_json() for failure in result.failures],
            "messages": [message.as_json() for message in result.messages],
            "drift": drift.as_json() if drift else None,
            "problems": [problem.as_json() for problem in problems],
        }
    )
