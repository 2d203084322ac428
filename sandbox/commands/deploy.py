"""`deploy`: creates or updates a stack from a template."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from sandbox.commands import arguments, delete, differences, templates
from sandbox.commands.drift import report_drift
from sandbox.commands.errors import UsageError, service_message
from sandbox.commands.output import Json, print_json, print_values, report
from sandbox.commands.stacks import (
    CAPABILITIES,
    DEAD_ENDS,
    Reason,
    SandboxStacks,
    StackResult,
    outputs,
    report_failures,
    reporter,
    run_watched,
)
from sandbox.commands.watch import is_in_progress
from sandbox.shared.clients import client_factory
from sandbox.shared.exit_codes import DONE, FAILED
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import NOT_HERE, REGION
from sandbox.state_file import RunningSandbox

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

BUCKET = "templates-of-the-command-line"
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
        "before anything is created."
    ),
    examples=[
        "deploy examples/registered-version.yaml --stack fraud",
        "deploy examples/registered-version.yaml --stack fraud --parameters ApprovalStatus=Approved",
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
    arguments.add_shared(parser, "status, outputs, failures and messages at the end", timeout=True)


def run(options: argparse.Namespace) -> int:
    """Deploy the template and return the exit code."""
    template = templates.read(options.template)
    name = templates.stack_name(options.stack, options.template)
    with closing(SandboxStacks(arguments.sandbox_of(options))) as stacks:
        stack = stacks.find(name)
        is_dead_end = stack is not None and stack["StackStatus"] in DEAD_ENDS
        # Checked as a whole before anything is deleted or created.
        request = {
            "StackName": name,
            **_request(options, stacks.sandbox, template, None if is_dead_end else stack),
        }

        def action() -> int:
            live = stack
            if live is not None and is_dead_end:
                if not options.replace:
                    return _report_dead_end(options, live)
                _delete_first(options, stacks, live)
                live = None
            if live is not None and is_in_progress(live["StackStatus"]):
                report(
                    f"{name} is {live['StackStatus']}: something else is under way. See it:\n"
                    f"    {arguments.command_line(options, f'status {name}')}"
                )
                return FAILED
            return _deploy(options, stacks, request, live)

        return run_watched(options, stacks, name, action)


def _request(
    options: argparse.Namespace,
    sandbox: RunningSandbox,
    template: templates.Template,
    stack: StackTypeDef | None,
) -> Json:
    """Return the request that updates the stack, or creates one.

    Raises:
        UsageError: a parameter or a tag is not usable, or the template is too large.
    """
    previous = {each["ParameterKey"] for each in stack.get("Parameters") or ()} if stack else set()
    request = {
        "Parameters": template.arguments(arguments.unique(options.parameters, "parameter"), previous),
        "Capabilities": CAPABILITIES,
        **_body(sandbox, template),
    }
    tags = arguments.unique(options.tags, "tag")
    if tags:  # without any, an update leaves the stack's tags as they are
        request["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return request


def _body(sandbox: RunningSandbox, template: templates.Template) -> dict[str, str]:
    """Return the template, or the address of one that is too large for a request, as in AWS."""
    if template.size_bytes <= templates.MAX_BODY_BYTES:
        return {"TemplateBody": template.body}
    if template.size_bytes > templates.MAX_OBJECT_BYTES:
        raise UsageError(
            f"The template has {template.size_bytes:,} bytes; CloudFormation takes "
            f"{templates.MAX_OBJECT_BYTES:,}"
        )
    # The engine reads templates from the S3 that it has itself.
    endpoint = sandbox.endpoints["cloudformation"]
    with closing(client_factory({"sagemaker": endpoint}, sandbox.credentials)("s3")) as s3:
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="template", Body=template.body.encode())
    return {"TemplateURL": f"https://s3.{REGION}.amazonaws.com/{BUCKET}/template"}


def _deploy(
    options: argparse.Namespace,
    stacks: SandboxStacks,
    request: Json,
    stack: StackTypeDef | None,
) -> int:
    events = stacks.new_events(stack["StackId"]) if stack else None
    stack_id = _send(stacks, request, stack)
    if stack_id is None:
        assert stack is not None
        return _report_unchanged(options, stacks, stack)
    kept = [each["ParameterKey"] for each in request["Parameters"] if "UsePreviousValue" in each]
    if kept:
        reporter(options)(f"These keep their values: {', '.join(kept)}")
    result = stacks.follow(options, events or stacks.new_events(stack_id, skip=False))
    return _report(options, stacks.describe(stack_id), result)


def _send(stacks: SandboxStacks, request: Json, stack: StackTypeDef | None) -> str | None:
    """Return the id of the stack that is updated or created; None when nothing has to be changed.

    Raises:
        UsageError: the local CloudFormation refuses the request, or lacks what is in the template.
    """
    from botocore.exceptions import ClientError

    client = stacks.client
    try:
        if stack:
            return client.update_stack(**request)["StackId"]
        return client.create_stack(**request)["StackId"]
    except ClientError as error:
        message = service_message(error)
        if message.startswith("No updates are to be performed"):
            return None
        for each in request["Parameters"]:  # whose values may be secrets
            message = message.replace(f" value '{each.get('ParameterValue')}'", "")
        if NOT_HERE in message:  # CloudFormation in AWS would take it
            raise UsageError(message) from error
        # AWS's may know more than the engine does.
        raise UsageError(
            f"The local CloudFormation refuses the template or its parameters: {message}"
        ) from error


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
    return FAILED


def _report_unchanged(options: argparse.Namespace, stacks: SandboxStacks, stack: StackTypeDef) -> int:
    drift = differences.detect_all(stacks, stack, options.timeout)
    if options.json:
        _print_result(stack, [], [], changed=False, drift=drift)
        return DONE
    report(f"{stack['StackName']} is {stack['StackStatus']}, and nothing has to be changed")
    report_drift(options, drift)
    print_values(outputs(stack))
    return DONE


def _report(options: argparse.Namespace, stack: StackTypeDef, result: StackResult) -> int:
    succeeded = result.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    if options.json:
        _print_result(stack, result.failures, result.messages, changed=True)
        return DONE if succeeded else FAILED
    name = stack["StackName"]
    report(f"{name} is {result.status}")
    if succeeded:
        for failure in result.failures:
            report(f"This could not be deleted: {failure}")
        print_values(outputs(stack))
        return DONE
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
    failures: Sequence[Reason],
    messages: Sequence[Reason],
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
            "failures": [failure.as_json() for failure in failures],
            "messages": [message.as_json() for message in messages],
            "drift": drift.as_json() if drift else None,
        }
    )
