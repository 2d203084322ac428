"""`deploy`: a template becomes a stack, or the stack becomes what the template says."""

from __future__ import annotations

import argparse
import re
from contextlib import closing
from typing import Any

from sandbox.commands import delete, stacks, templates
from sandbox.commands.common import (
    DONE,
    FAILED,
    Commands,
    Help,
    Json,
    Progress,
    UsageError,
    add_command,
    add_json,
    add_state,
    add_timeout,
    command,
    message_of,
    pair,
    pairs,
    put,
    put_json,
    sandbox_of,
    tell,
)
from sandbox.shared.clients import make_client
from sandbox.shared.processes import SandboxError
from sandbox.state_file import Running

# The sandbox is nobody's production: what a template needs it may have.
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
BUCKET = "templates-of-the-command-line"
# As handlers, SageMaker and CloudFormation say that a name is in use, and as error codes do.
_TAKEN = re.compile(r"already ?exists", re.IGNORECASE)


def add(commands: Commands) -> None:
    """Put the command into the parser."""
    parser = add_command(
        commands,
        "deploy",
        run,
        Help(
            summary="create or update a stack from a template, showing what happens",
            explanation=(
                "Creates a stack from a template (YAML or JSON), or updates the stack of that name, "
                "through the local CloudFormation to the handlers. Stack events and waits are shown on "
                "stderr as they happen, the outputs are printed on stdout at the end. When it fails, the "
                "reason comes last, in the handler's words, and after it what to do about a name that is "
                "taken. An update keeps the parameters and tags that are not given. The template and its "
                "parameters are checked before anything is created."
            ),
            examples=[
                "deploy examples/registered-version.yaml --stack fraud",
                "deploy examples/registered-version.yaml --stack fraud --parameters ApprovalStatus=Approved",
                "deploy examples/validated-package.yaml --tags team=risk --json",
            ],
        ),
    )
    parser.add_argument("template", metavar="TEMPLATE", help="the template's file; - is stdin")
    parser.add_argument("--stack", metavar="NAME", help="the stack's name; default: made of the file's name")
    for name, what in (("--parameters", "parameters of the template"), ("--tags", "tags of the stack")):
        parser.add_argument(
            name, nargs="+", action="extend", default=[], type=pair, metavar="NAME=VALUE", help=what
        )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="delete the stack first if it is in a state that no update leads out of",
    )
    add_timeout(parser)
    add_json(parser, "status, outputs and failures at the end")
    add_state(parser)


def run(options: argparse.Namespace) -> int:
    """Deploy, and return how that went."""
    template = templates.read(options.template)
    name = templates.stack_name(options.stack, options.template)
    with stacks.of(sandbox_of(options)) as found:
        stack = found.find(name)
        dead_end = stack is not None and stack["StackStatus"] in stacks.DEAD_ENDS
        # Looked at as a whole before anything is deleted or created.
        request = {
            "StackName": name,
            **_request(options, found.running, template, None if dead_end else stack),
        }

        def watched() -> int:
            live = stack
            if live is not None and dead_end:
                if not options.replace:
                    return _dead_end(options, live)
                _delete_first(options, found, live)
                live = None
            if live is not None and live["StackStatus"].endswith("_IN_PROGRESS"):
                return _busy(options, live)
            return _deploy(options, found, request, live)

        return stacks.unless_it_goes_on(options, found, name, watched)


def _request(
    options: argparse.Namespace, running: Running, template: templates.Template, stack: Json | None
) -> Json:
    """What to ask of CloudFormation, for a stack that is there or for a new one."""
    has = {each["ParameterKey"] for each in stack.get("Parameters") or ()} if stack else set()
    request = {
        "Parameters": template.arguments(pairs(options.parameters, "parameter"), has),
        "Capabilities": CAPABILITIES,
        **_body(running, template),
    }
    tags = pairs(options.tags, "tag")
    if tags:  # without any, an update leaves those that there are
        request["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return request


def _deploy(options: argparse.Namespace, found: stacks.Stacks, request: Json, stack: Json | None) -> int:
    """Ask for it, and watch until it is over."""
    watch = found.watch(stack["StackId"]) if stack else None
    stack_id = _asked(found, request, stack)
    if stack_id is None:
        assert stack is not None
        return _unchanged(options, stack)
    kept = [each["ParameterKey"] for each in request["Parameters"] if "UsePreviousValue" in each]
    if kept:
        stacks.say(options)(f"These keep their values: {', '.join(kept)}")
    watch = watch or stacks.Watch(found, stack_id, set())
    outcome = watch.to_the_end(options.timeout, stacks.say(options), Progress(quiet=options.json))
    return _told(options, found.described(stack_id), outcome)


def _asked(found: stacks.Stacks, request: Json, stack: Json | None) -> str | None:
    """Ask CloudFormation and return the stack's id; None when there is nothing to change."""
    from botocore.exceptions import ClientError

    try:
        answer = (found.client.update_stack if stack else found.client.create_stack)(**request)
    except ClientError as refused:
        message = message_of(refused)
        if message.startswith("No updates are to be performed"):
            return None
        for each in request["Parameters"]:  # whose values may be secrets
            message = message.replace(f" value '{each.get('ParameterValue')}'", "")
        raise UsageError(f"CloudFormation refuses the template or its parameters: {message}") from refused
    return str(answer["StackId"])


def _body(running: Running, template: templates.Template) -> dict[str, str]:
    """The template, or where it is if it is too large for a request, as it would have to be in AWS."""
    if template.size <= templates.LARGEST_BODY:
        return {"TemplateBody": template.body}
    if template.size > templates.LARGEST_OBJECT:
        raise UsageError(
            f"The template has {template.size:,} bytes; CloudFormation takes {templates.LARGEST_OBJECT:,}"
        )
    # The engine reads templates from the S3 that it has itself.
    endpoint = running.endpoints["cloudformation"]
    with closing(make_client({**running.endpoints, "sagemaker": endpoint}, "s3")) as s3:
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="template", Body=template.body.encode())
    return {"TemplateURL": f"https://s3.us-east-1.amazonaws.com/{BUCKET}/template"}


def _delete_first(options: argparse.Namespace, found: stacks.Stacks, stack: Json) -> None:
    stacks.say(options)(f"{stack['StackName']} is {stack['StackStatus']} and is deleted first")
    outcome = delete.delete(options, found, stack)
    if outcome.status != "DELETE_COMPLETE":
        raise SandboxError(
            f"{stack['StackName']} could not be deleted, so there is no room for a new one. Why:\n"
            + "\n".join(f"  {failure.line()}" for failure in outcome.failures)
        )


def _busy(options: argparse.Namespace, stack: Json) -> int:
    tell(
        f"{stack['StackName']} is {stack['StackStatus']}: something else is under way. See it:\n"
        f"    {command(options, 'status ' + stack['StackName'])}"
    )
    return FAILED


def _dead_end(options: argparse.Namespace, stack: Json) -> int:
    name, status = stack["StackName"], stack["StackStatus"]
    if options.json:
        put_json({"stack": name, "stackId": stack["StackId"], "status": status, "changed": False})
    else:
        tell(
            f"{name} is {status}: CloudFormation updates no such stack. Delete it first, either with\n"
            f"    {command(options, f'delete {name}')}\n"
            "or by the same deployment with --replace"
        )
    return FAILED


def _unchanged(options: argparse.Namespace, stack: Json) -> int:
    if options.json:
        put_json(_result(stack, [], changed=False))
    else:
        tell(f"{stack['StackName']} is {stack['StackStatus']}, and nothing has to be changed")
        stacks.put_lines(stacks.outputs(stack), put)
    return DONE


def _told(options: argparse.Namespace, stack: Json, outcome: stacks.Outcome) -> int:
    succeeded = outcome.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    if options.json:
        put_json(_result(stack, outcome.failures, changed=True))
        return DONE if succeeded else FAILED
    name = stack["StackName"]
    tell(f"{name} is {outcome.status}")
    if succeeded:
        for failure in outcome.failures:
            tell(f"This could not be deleted: {failure.line()}")
        stacks.put_lines(stacks.outputs(stack), put)
        return DONE
    if outcome.status in stacks.DEAD_ENDS:
        tell(
            "Nothing can update it now: correct the template and deploy it again with --replace, or "
            f"delete {name}"
        )
    stacks.tell_why(outcome.failures)
    if any(_TAKEN.search(failure.reason) for failure in outcome.failures):
        tell(
            "What has that name already may be what a deleted stack has retained. Give another name, or "
            f"forget everything in this sandbox:\n    {command(options, 'reset')}"
        )
    return FAILED


def _result(stack: Json, failures: list[stacks.Failure], *, changed: bool) -> dict[str, Any]:
    return {
        "stack": stack["StackName"],
        "stackId": stack["StackId"],
        "status": stack["StackStatus"],
        "changed": changed,
        "outputs": stacks.outputs(stack),
        "failures": [failure.as_json() for failure in failures],
    }
