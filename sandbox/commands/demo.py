"""`demo`: deploys the examples in a sandbox of its own, and checks every step.

Every step prints what it is about to show, then stack events and SageMaker calls as they happen; it fails
when something else happens. `make demo` is this command.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.commands import arguments
from sandbox.commands.errors import UsageError
from sandbox.commands.output import Json, print_result
from sandbox.commands.stacks import SandboxStacks, outputs
from sandbox.commands.watch import NewEvents, wait
from sandbox.local_aws import Sandbox
from sandbox.shared.exit_codes import DONE, FAILED
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import ACCOUNT, EXAMPLES, REGION, TYPE_NAME
from sandbox.state_file import RunningSandbox

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef

ATTRIBUTES = ("ModelPackageArn", "CreationTime", "ModelPackageStatus")
STACK_TIMEOUT_SECONDS = 120
REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/fraud"
BROKEN_IMAGE = f"{REPOSITORY}:broken"
REASON = "ClientError: the container exited with status 1 before it answered a ping"

HELP = arguments.Help(
    summary="deploy the examples in a sandbox of its own, showing and checking what happens",
    explanation=(
        "Starts a sandbox of its own, deploys the examples in it through CloudFormation to the "
        "handlers, shows stack events and SageMaker calls, checks that what happens is what was "
        "announced, and stops. With --template it deploys and deletes that template instead. It needs "
        "no running sandbox and touches none."
    ),
    examples=["demo", "demo --template examples/registered-version.yaml --parameters GroupName=churn"],
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--template", type=Path, help="deploy and delete this template instead")
    parser.add_argument(
        "--parameters",
        nargs="*",
        action="extend",
        default=[],
        type=arguments.pair,
        metavar="NAME=VALUE",
        help="parameters for it",
    )


def run(options: argparse.Namespace) -> int:
    """Deploy the examples, or one template, and return the exit code.

    Raises:
        UsageError: the template does not exist, or there are parameters without a template.
    """
    from sandbox.sagemaker import Behaviour

    template, parameters = options.template, arguments.unique(options.parameters, "parameter")
    if template is not None and not template.is_file():
        raise UsageError(f"There is no template at {template}")
    if parameters and template is None:
        raise UsageError("Parameters need a template of your own: the examples have their own")
    print_result("Starting SageMaker, the Invoke API and CloudFormation on this machine ...")
    with Sandbox() as sandbox:
        # Three polls until a validation has ended: after 1, 2 and 4 seconds.
        sandbox.sagemaker.behaviour = Behaviour(describes_until_completed=2, pending_describes=1)
        for part, endpoint in sandbox.endpoints.items():
            print_result(f"   {part:15} {endpoint}")
        demo = Demo(sandbox, print_result)
        return deploy_template(demo, template, parameters) if template else deploy_examples(demo)


class StepFailed(SandboxError):
    """A step does not do what it announces."""


class Demo:
    """Deploys stacks in a sandbox of this process and prints what happens, line by line."""

    def __init__(self, sandbox: Sandbox, print_line: Callable[[str], None]) -> None:
        self.sandbox = sandbox
        self.print_line = print_line
        self.stacks = SandboxStacks(RunningSandbox.of(sandbox))
        self._sagemaker = sandbox.client("sagemaker")
        self._shown_calls = 0
        self._steps: list[tuple[str, bool]] = []

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Run one step; an exception in it is printed and fails the demo, which goes on."""
        from botocore.exceptions import ClientError

        self.print_line(f"\n== {title}")
        try:
            yield
        except Exception as error:
            message = str(error) if isinstance(error, SandboxError | ClientError) else repr(error)
            self.print_line(f"   !! {message}")
            self._steps.append((title, False))
        else:
            self._steps.append((title, True))

    def summary(self) -> int:
        """Print how every step ended and return the exit code."""
        self.print_line("\n== Summary")
        for title, succeeded in self._steps:
            self.print_line(f"   {'ok    ' if succeeded else 'FAILED'} {title}")
        return DONE if all(succeeded for _, succeeded in self._steps) else FAILED

    def deploy(self, stack: str, template: Path, parameters: Mapping[str, str] | None = None) -> str:
        """Create or update the stack, show what happens and return its last status."""
        request: Json = {
            "StackName": stack,
            "TemplateBody": template.read_text(encoding="utf-8"),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()
            ],
            "Tags": [{"Key": "environment", "Value": "demo"}],
        }
        live = self.stacks.find(stack)
        if live is None:
            stack_id = self.stacks.client.create_stack(**request)["StackId"]
            return self._watch(self.stacks.new_events(stack_id, skip=False))
        events = self.stacks.new_events(live["StackId"])
        self.stacks.client.update_stack(**request)
        return self._watch(events)

    def delete(self, stack: str) -> str:
        """Delete the stack, show what happens and return its last status."""
        events = self.stacks.new_events(self.stacks.get(stack)["StackId"])
        self.stacks.client.delete_stack(StackName=stack)
        return self._watch(events)

    def outputs(self, stack: str) -> dict[str, str]:
        """Show and return the outputs of a stack."""
        values = outputs(self.stacks.get(stack))
        for key, value in values.items():
            self.print_line(f"   output  {key} = {value}")
        return values

    def reasons(self, stack: str) -> list[str]:
        """Return why resources of our type failed, from the stack's events."""
        return [
            event["ResourceStatusReason"]
            for event in self.stacks.events(stack)
            if event.get("ResourceType") == TYPE_NAME and event["ResourceStatus"].endswith("_FAILED")
        ]

    def package(self, arn: str) -> DescribeModelPackageOutputTypeDef:
        """Return the package as SageMaker describes it."""
        package = self._sagemaker.describe_model_package(ModelPackageName=arn)
        self._skip_calls()
        return package

    def packages(self) -> list[str]:
        """Return the ARNs of all packages."""
        page = self._sagemaker.list_model_packages(ModelPackageType="Both", MaxResults=100)
        self._skip_calls()
        return [each["ModelPackageArn"] for each in page["ModelPackageSummaryList"]]

    def _watch(self, events: NewEvents) -> str:
        client = self.stacks.client
        return wait(client, events.stack_id, STACK_TIMEOUT_SECONDS, on_poll=lambda _: self._show(events))

    def _skip_calls(self) -> None:
        """Leave out the demo's own calls, which are not the handlers'."""
        self._shown_calls = len(self.sandbox.sagemaker.calls)

    def _show(self, events: NewEvents) -> None:
        calls = self.sandbox.sagemaker.calls[self._shown_calls :]
        for call in itertools.takewhile(lambda call: call["answered"], calls):
            self._shown_calls += 1
            error = f"  {call['error']}" if call.get("error") else ""
            self.print_line(f"   call    {call['operation']}{error}")
        for event in events.poll():
            reason = event.get("ResourceStatusReason")
            self.print_line(
                f"   event   {event['ResourceStatus']:28} {event['LogicalResourceId']}"
                + (f"\n           {reason}" if reason else "")
            )


def check(condition: bool, message: str) -> None:
    """Fail a step with the message unless the condition holds.

    Raises:
        StepFailed: the condition does not hold.
    """
    if not condition:
        raise StepFailed(message)


def deploy_examples(demo: Demo) -> int:
    """Deploy the examples, from the first version to the last delete; return the exit code."""
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
        image = {"Image": f"{REPOSITORY}:1.5.0"}
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
        left = demo.packages()
        demo.sandbox.sagemaker.behaviour.validation_failures[BROKEN_IMAGE] = REASON
        status = demo.deploy("broken-package", package, {"Image": BROKEN_IMAGE})
        check(status == "ROLLBACK_COMPLETE", f"the stack is {status}")
        check(
            any(REASON in reason for reason in demo.reasons("broken-package")), "the events lack the reason"
        )
        check(demo.packages() == left, "the failed package was left behind")

    for stack in ("broken-package", "validated-package", "registered-version"):
        with demo.step(f"Delete the stack {stack}"):
            status = demo.delete(stack)
            check(status == "DELETE_COMPLETE", f"the stack is {status}")

    with demo.step("What is left is what the template retains: the version that was replaced"):
        left = demo.packages()
        for arn in left:
            demo.print_line(f"   left    {arn}")
        check(left == [first.get("ModelPackageArn")], "something else is left")
    return demo.summary()


def deploy_template(demo: Demo, template: Path, parameters: Mapping[str, str] | None = None) -> int:
    """Deploy a template, show its outputs and delete it; return the exit code."""
    with demo.step(f"Deploy {template}"):
        status = _deploy_own(demo, template, parameters)
        demo.outputs("own-template")
        check(status == "CREATE_COMPLETE", f"the stack is {status}")
    if demo.stacks.find("own-template"):  # a template that is refused makes none
        with demo.step("Delete the stack"):
            status = demo.delete("own-template")
            check(status == "DELETE_COMPLETE", f"the stack is {status}")
    return demo.summary()


def _deploy_own(demo: Demo, template: Path, parameters: Mapping[str, str] | None) -> str:
    from botocore.exceptions import ClientError

    try:
        return demo.deploy("own-template", template, parameters)
    except ClientError as error:
        hint = '. Give it with PARAMETERS="Name=value"' if "no Default" in str(error) else ""
        raise StepFailed(f"{error}{hint}") from error
