"""The steps of `demo`: each shows what happens, and fails where that is not as announced."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.commands.output import Json
from sandbox.commands.stacks import CAPABILITIES, SandboxStacks, outputs
from sandbox.commands.watch import NewEvents, wait
from sandbox.local_aws import Sandbox
from sandbox.shared.exit_codes import DONE, FAILED
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import TYPE_NAME
from sandbox.state_file import RunningSandbox

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef

STACK_TIMEOUT_SECONDS = 120


class StepFailed(SandboxError):
    """A step does not do what it announces."""


class Demo:
    """Deploys stacks in a sandbox of this process and prints what happens, line by line."""

    def __init__(
        self, sandbox: Sandbox, print_line: Callable[[str], None], type_name: str = TYPE_NAME
    ) -> None:
        self.sandbox = sandbox
        self.type_name = type_name
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
            "Capabilities": CAPABILITIES,
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
        """Return why resources of the type failed, from the stack's events."""
        return [
            event["ResourceStatusReason"]
            for event in self.stacks.events(stack)
            if event.get("ResourceType") == self.type_name and event["ResourceStatus"].endswith("_FAILED")
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
