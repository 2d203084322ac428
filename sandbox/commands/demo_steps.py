"""The steps of `demo`: each shows what happens, and fails where that is not as announced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.commands.chronology import Chronology
from sandbox.commands.output import Json
from sandbox.commands.stacks import CAPABILITIES, SandboxStacks, outputs
from sandbox.commands.template_body import sent_template
from sandbox.commands.watch import NewEvents, is_in_progress, wait
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


@dataclass
class Step:
    """A step that has begun: what happened in it, and the problem that it ended with."""

    title: str
    lines: list[Json] = field(default_factory=list)
    problem: str | None = None

    def as_json(self) -> Json:
        """Return it as `--json` prints it."""
        return {
            "title": self.title,
            "ok": self.problem is None,
            "problem": self.problem,
            "lines": self.lines,
        }


class Demo:
    """Deploys stacks in a sandbox of this process and prints what happens, line by line."""

    def __init__(
        self, sandbox: Sandbox, print_line: Callable[[str], None], type_name: str = TYPE_NAME
    ) -> None:
        self.sandbox = sandbox
        self.type_name = type_name
        self._print = print_line
        self.stacks = SandboxStacks(RunningSandbox.of(sandbox))
        self._sagemaker = sandbox.client("sagemaker")
        self._chronology = Chronology(lambda: sandbox.sagemaker.calls)
        self._steps: list[Step] = []

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Run one step; an exception in it is printed and fails the demo, which goes on."""
        from botocore.exceptions import ClientError

        step = Step(title)
        self._steps.append(step)
        self._print(f"\n== {title}")
        try:
            yield
        except Exception as error:
            step.problem = str(error) if isinstance(error, SandboxError | ClientError) else repr(error)
            self._print(f"   !! {step.problem}")

    def print_line(self, text: str, **line: str) -> None:
        """Print a line of a step; `line` is what `--json` has of it, the text if there is none."""
        self._print(text)
        if self._steps:
            self._steps[-1].lines.append(line or {"kind": "text", "text": text.strip()})

    def summary(self) -> int:
        """Print how every step ended and return the exit code."""
        self._print("\n== Summary")
        for step in self._steps:
            self._print(f"   {'FAILED' if step.problem else 'ok    '} {step.title}")
        return FAILED if any(step.problem for step in self._steps) else DONE

    def as_json(self) -> Json:
        """Return the steps as `--json` prints them."""
        steps = [step.as_json() for step in self._steps]
        return {"ok": all(step["ok"] for step in steps), "steps": steps}

    def deploy(self, stack: str, template: Path, parameters: Mapping[str, str] | None = None) -> str:
        """Create or update the stack, show what happens and return its last status."""
        with sent_template(self.stacks.sandbox, template.read_text(encoding="utf-8")) as body:
            return self._deploy({"StackName": stack, **body}, parameters or {})

    def _deploy(self, request: Json, parameters: Mapping[str, str]) -> str:
        stack = request["StackName"]
        request |= {
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
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
            self.print_line(f"   output  {key} = {value}", kind="output", name=key, value=value)
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
        self._chronology.skip()  # the demo's own call, which is not the handlers'
        return package

    def packages(self) -> list[str]:
        """Return the ARNs of all packages."""
        page = self._sagemaker.list_model_packages(ModelPackageType="Both", MaxResults=100)
        self._chronology.skip()  # the demo's own call, which is not the handlers'
        return [each["ModelPackageArn"] for each in page["ModelPackageSummaryList"]]

    def _watch(self, events: NewEvents) -> str:
        def show(status: str) -> None:
            for each in self._chronology.poll(events.poll, is_over=not is_in_progress(status)):
                self._print(f"   {each}")
                self._steps[-1].lines.append(each.as_json())

        return wait(self.stacks.client, events.stack_id, STACK_TIMEOUT_SECONDS, on_poll=show)


def check(condition: bool, message: str) -> None:
    """Fail a step with the message unless the condition holds.

    Raises:
        StepFailed: the condition does not hold.
    """
    if not condition:
        raise StepFailed(message)
