"""The main job, shown: templates deployed through CloudFormation to our handlers, on this machine.

Every step says what it is about to show, prints stack events and SageMaker calls as they happen, and checks
that what it said is what happened. `python -m sandbox demo`, which is `make demo`.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour
from sandbox.shared.settings import EXAMPLES, TYPE_NAME

ATTRIBUTES = ("ModelPackageArn", "CreationTime", "ModelPackageStatus")
# Seconds between two looks at a stack.
LOOK_EVERY = 0.2
# Seconds after which a stack that has not come to rest is given up.
LONGEST_STACK = 120
BROKEN_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:broken"
REASON = "ClientError: the container exited with status 1 before it answered a ping"


class StepFailed(Exception):
    """A step did not do what it says."""


class Demo:
    """Deploys stacks in a running sandbox and tells what happens."""

    def __init__(self, sandbox: Sandbox, say: Callable[[str], None]) -> None:
        self._sandbox = sandbox
        self.say = say
        self._stacks = sandbox.client("cloudformation")
        self._sagemaker = sandbox.client("sagemaker")
        self._seen_events: set[str] = set()
        self._seen_calls = 0
        self._done: list[tuple[str, bool]] = []

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """One step of the story; what goes wrong in it is told, and counts."""
        self.say(f"\n== {what}")
        try:
            yield
        except Exception as problem:
            # Whatever it is, the other steps are still told, and the summary.
            said = str(problem) if isinstance(problem, StepFailed | ClientError) else repr(problem)
            self.say(f"   !! {said}")
            self._done.append((what, False))
        else:
            self._done.append((what, True))

    def summary(self) -> int:
        """Tell how every step ended; the exit code of the demo."""
        self.say("\n== Summary")
        for what, ok in self._done:
            self.say(f"   {'ok    ' if ok else 'FAILED'} {what}")
        return 0 if all(ok for _, ok in self._done) else 1

    def deploy(self, stack: str, template: Path, parameters: Mapping[str, str] | None = None) -> str:
        """Create or update the stack, showing what happens; its last status."""
        arguments = {
            "StackName": stack,
            "TemplateBody": template.read_text(encoding="utf-8"),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()
            ],
            "Tags": [{"Key": "environment", "Value": "demo"}],
        }
        exists = self.exists(stack)
        stack_id = (self._stacks.update_stack if exists else self._stacks.create_stack)(**arguments)[
            "StackId"
        ]
        return self._watch(stack_id)

    def delete(self, stack: str) -> str:
        """Delete the stack, showing what happens; its last status."""
        stack_id = self._stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
        self._stacks.delete_stack(StackName=stack)
        return self._watch(stack_id)

    def outputs(self, stack: str) -> dict[str, str]:
        """Show and return the outputs of a stack."""
        described = self._stacks.describe_stacks(StackName=stack)["Stacks"][0]
        found = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs") or ()}
        for key, value in found.items():
            self.say(f"   output  {key} = {value}")
        return found

    def reasons(self, stack_id: str) -> list[str]:
        """Why resources of our type failed, from the stack's events."""
        return [
            event["ResourceStatusReason"]
            for event in self._events(stack_id)
            if event.get("ResourceType") == TYPE_NAME and event["ResourceStatus"].endswith("_FAILED")
        ]

    def package(self, arn: str) -> dict[str, Any]:
        """The package as SageMaker has it."""
        described: dict[str, Any] = self._sagemaker.describe_model_package(ModelPackageName=arn)
        self._seen_calls = len(self._sandbox.sagemaker.calls)  # our own look is no part of the story
        return described

    def packages(self) -> list[str]:
        """The ARNs of all packages."""
        page = self._sagemaker.list_model_packages(ModelPackageType="Both", MaxResults=100)
        self._seen_calls = len(self._sandbox.sagemaker.calls)
        return [each["ModelPackageArn"] for each in page["ModelPackageSummaryList"]]

    def exists(self, stack: str) -> bool:
        """Whether there is a stack of this name."""
        # Deleted stacks stay in the list, so after a hundred of them a stack may be on a later page.
        pages = self._stacks.get_paginator("list_stacks").paginate()
        return any(
            each["StackName"] == stack and each["StackStatus"] != "DELETE_COMPLETE"
            for page in pages
            for each in page["StackSummaries"]
        )

    def _watch(self, stack_id: str) -> str:
        end = time.monotonic() + LONGEST_STACK
        while True:
            status: str = self._stacks.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"]
            self._tell(stack_id)
            if not status.endswith("_IN_PROGRESS"):
                return status
            if time.monotonic() > end:
                raise StepFailed(f"the stack is still {status} after {LONGEST_STACK} s")
            time.sleep(LOOK_EVERY)

    def _events(self, stack_id: str) -> list[dict[str, Any]]:
        pages = self._stacks.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        return [event for page in pages for event in page["StackEvents"]]

    def _tell(self, stack_id: str) -> None:
        """Show the calls and the events that are new since the last look, oldest first."""
        calls = self._sandbox.sagemaker.calls
        answered = itertools.takewhile(lambda call: call["answered"], calls[self._seen_calls :])
        for call in answered:
            self._seen_calls += 1
            outcome = f"  {call['error']}" if call.get("error") else ""
            self.say(f"   call    {call['operation']}{outcome}")
        for event in reversed(self._events(stack_id)):
            if event["EventId"] in self._seen_events:
                continue
            self._seen_events.add(event["EventId"])
            reason = event.get("ResourceStatusReason")
            self.say(
                f"   event   {event['ResourceStatus']:28} {event['LogicalResourceId']}"
                + (f"\n           {reason}" if reason else "")
            )


def check(holds: bool, otherwise: str) -> None:
    """Raise StepFailed, saying what is wrong, unless it holds."""
    if not holds:
        raise StepFailed(otherwise)


def tell_story(demo: Demo, sandbox: Sandbox) -> int:
    """The examples, from the first version to the last delete; the exit code."""
    version, package = EXAMPLES / "registered-version.yaml", EXAMPLES / "validated-package.yaml"
    first: dict[str, str] = {}

    with demo.step("Register a version in a group: registered-version.yaml"):
        status = demo.deploy("registered-version", version)
        first = demo.outputs("registered-version")
        check(status == "CREATE_COMPLETE", f"the stack is {status}")
        check(set(ATTRIBUTES) <= first.keys(), "an attribute is missing from the outputs")
        check(first["ModelPackageStatus"] == "Completed", "the version is not complete")

    with demo.step("Approve it by a parameter: updated in place, the same version"):
        approved = {"ApprovalStatus": "Approved", "ApprovalDescription": "Within the loss budget"}
        status = demo.deploy("registered-version", version, approved)
        after = demo.outputs("registered-version")
        check(status == "UPDATE_COMPLETE", f"the stack is {status}")
        check(after["ModelPackageArn"] == first.get("ModelPackageArn"), "the version was replaced")
        check(demo.package(after["ModelPackageArn"])["ModelApprovalStatus"] == "Approved", "not approved")

    with demo.step("Change the container: another model, so a new version; the old one is retained"):
        image = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1.5.0"}
        status = demo.deploy("registered-version", version, image)
        after = demo.outputs("registered-version")
        check(status == "UPDATE_COMPLETE", f"the stack is {status}")
        check(after["ModelPackageArn"] != first.get("ModelPackageArn"), "the version was not replaced")
        check(first.get("ModelPackageArn") in demo.packages(), "the old version is gone")

    with demo.step(
        "An unversioned package, validated before it is complete, with tags: validated-package.yaml"
    ):
        status = demo.deploy("validated-package", package)
        after = demo.outputs("validated-package")
        check(status == "CREATE_COMPLETE", f"the stack is {status}")
        check(set(ATTRIBUTES) <= after.keys(), "an attribute is missing from the outputs")

    with demo.step("A package whose validation fails: rolled back, with SageMaker's reason in the events"):
        before = demo.packages()
        sandbox.sagemaker.behaviour.validation_failures[BROKEN_IMAGE] = REASON
        status = demo.deploy("broken-package", package, {"Image": BROKEN_IMAGE})
        check(status == "ROLLBACK_COMPLETE", f"the stack is {status}")
        check(any(REASON in reason for reason in demo.reasons("broken-package")), "the reason is not told")
        check(demo.packages() == before, "the failed package was left behind")

    for stack in ("broken-package", "validated-package", "registered-version"):
        with demo.step(f"Delete the stack {stack}"):
            status = demo.delete(stack)
            check(status == "DELETE_COMPLETE", f"the stack is {status}")

    with demo.step("What is left is what the template retains: the version that was replaced"):
        left = demo.packages()
        for arn in left:
            demo.say(f"   left    {arn}")
        check(left == [first.get("ModelPackageArn")], "something else is left")
    return demo.summary()


def deploy_own(demo: Demo, template: Path, parameters: Mapping[str, str] | None = None) -> int:
    """Somebody's own template: deployed, its outputs shown, and deleted; the exit code."""
    with demo.step(f"Deploy {template}"):
        try:
            status = demo.deploy("own-template", template, parameters)
        except ClientError as refused:
            hint = '. Give it with PARAMETERS="Name=value"' if "no Default" in str(refused) else ""
            raise StepFailed(f"{refused}{hint}") from refused
        demo.outputs("own-template")
        check(status == "CREATE_COMPLETE", f"the stack is {status}")
    if demo.exists("own-template"):  # a template that is refused makes none
        with demo.step("Delete the stack"):
            status = demo.delete("own-template")
            check(status == "DELETE_COMPLETE", f"the stack is {status}")
    return demo.summary()


def run(template: Path | None = None, parameters: Mapping[str, str] | None = None) -> int:
    """Start the sandbox, tell the story (or deploy the template) and stop; the exit code."""
    if template is not None and not template.is_file():
        print(f"There is no template at {template}", file=sys.stderr)
        return 2
    if parameters and template is None:
        print("Parameters need a template of your own: the story has its own", file=sys.stderr)
        return 2

    def say(line: str) -> None:
        print(line, flush=True)

    say("Starting SageMaker, the Invoke API and CloudFormation on this machine ...")
    with Sandbox() as sandbox:
        # Three looks until a validation has ended: 1, 2 and 4 seconds apart.
        sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=2, pending_describes=1)
        for part, endpoint in sandbox.endpoints.items():
            say(f"   {part:15} {endpoint}")
        demo = Demo(sandbox, say)
        return deploy_own(demo, template, parameters) if template else tell_story(demo, sandbox)
