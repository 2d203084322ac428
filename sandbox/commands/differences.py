"""What is different from the template: the drift of stacks, as the local CloudFormation detects it.

Each nested stack is checked like the stack that it is part of, which CloudFormation itself leaves to the
caller. Confidential values are there as their shape alone, those of `NoEcho` parameters as CloudFormation
masks them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sandbox.commands import watch
from sandbox.commands.errors import TimedOutError, handler_message, service_message
from sandbox.commands.output import Json
from sandbox.commands.stacks import SandboxStacks
from sandbox.shared import bounded_json
from sandbox.shared.confidential import is_confidential, shown
from sandbox.shared.json_pointers import parts_of
from sandbox.shared.template_secrets import MASK, TemplateSecrets

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import (
        PropertyDifferenceTypeDef,
        StackResourceDriftTypeDef,
        StackResourceTypeDef,
        StackTypeDef,
    )

# Of stacks, as CloudFormation names them.
DRIFTED, IN_SYNC, NOT_CHECKED, UNKNOWN = "DRIFTED", "IN_SYNC", "NOT_CHECKED", "UNKNOWN"
# Of resources.
MODIFIED, DELETED = "MODIFIED", "DELETED"
STACK_TYPE = "AWS::CloudFormation::Stack"
NO_SUPPORT = "drift of this type cannot be detected here"
IS_NESTED = "a nested stack, whose resources are checked by themselves"
MAX_BESIDE_SECONDS = 30.0


@dataclass(frozen=True)
class Difference:
    """A property that is not as the template says; a side on which there is none is None.

    `is_hidden`: a value, or a part of one, is confidential, so that its shape stands in its place.
    """

    path: str
    kind: str
    expected: str | None
    actual: str | None
    is_hidden: bool = False

    def as_json(self) -> Json:
        """Return it as `--json` prints it."""
        return {
            "path": self.path,
            "kind": self.kind,
            "expected": self.expected,
            "actual": self.actual,
            "hidden": self.is_hidden,
        }


@dataclass(frozen=True)
class ResourceDrift:
    """A resource's drift; `reason` says why it was not checked, or could not be read."""

    resource: str
    type: str
    physical_id: str
    status: str
    reason: str | None = None
    differences: Sequence[Difference] = ()

    @property
    def has_drifted(self) -> bool:
        """Whether the resource is not as the template says."""
        return self.status in (MODIFIED, DELETED)

    def as_json(self) -> Json:
        """Return it as `--json` prints it."""
        return {
            "resource": self.resource,
            "type": self.type,
            "physicalId": self.physical_id,
            "status": self.status,
            "reason": self.reason,
            "differences": [each.as_json() for each in self.differences],
        }


@dataclass(frozen=True)
class StackDrift:
    """The drift of one stack; NOT_CHECKED with a reason where it cannot be detected."""

    stack: str
    stack_id: str
    status: str
    reason: str | None = None
    resources: Sequence[ResourceDrift] = ()

    @property
    def drifted(self) -> list[ResourceDrift]:
        """The resources that are not as the template says."""
        return [each for each in self.resources if each.has_drifted]

    def as_json(self) -> Json:
        """Return it as `--json` prints it."""
        return {
            "stack": self.stack,
            "stackId": self.stack_id,
            "status": self.status,
            "reason": self.reason,
            "resources": [each.as_json() for each in self.resources],
        }


@dataclass(frozen=True)
class Drift:
    """The drift of a stack, which is the first one, and of the stacks that are nested in it."""

    stacks: Sequence[StackDrift]

    @property
    def status(self) -> str:
        """DRIFTED if anything has drifted, UNKNOWN if a stack could not be checked; else IN_SYNC."""
        statuses = {each.status for each in self.stacks}
        if DRIFTED in statuses:
            return DRIFTED
        return UNKNOWN if statuses & {UNKNOWN, NOT_CHECKED} else IN_SYNC

    def drifted_names(self) -> list[str]:
        """Return each resource that has drifted as text, with the paths of its properties that differ.

        Those of nested stacks have the stack's name before theirs.
        """
        return [
            ("" if stack is self.stacks[0] else f"{stack.stack}/")
            + f"{each.resource}: "
            + (", ".join(dict.fromkeys(difference.path for difference in each.differences)) or each.status)
            for stack in self.stacks
            for each in stack.drifted
        ] + [
            f"{stack.stack}: {stack.reason}"
            for stack in self.stacks
            if stack.status == DRIFTED and not stack.drifted
        ]

    def problems(self) -> list[str]:
        """Return why stacks or resources could not be checked; types without drift are no problem."""
        return [each.reason for each in self.stacks if each.reason and each.status != DRIFTED]

    def as_json(self) -> Json:
        """Return it as `--json` prints it."""
        root = self.stacks[0]
        return {
            "stack": root.stack,
            "stackId": root.stack_id,
            "status": self.status,
            "stacks": [each.as_json() for each in self.stacks],
        }


@dataclass(frozen=True)
class StackResources:
    """A stack with its resources, and the names of its parameters whose values are secrets elsewhere."""

    stack: StackTypeDef
    resources: Sequence[StackResourceTypeDef]
    secrets: Collection[str] = field(default_factory=frozenset)


def with_nested(stacks: SandboxStacks, stack: StackTypeDef) -> Iterator[StackResources]:
    """Yield a stack, and each stack that is nested in it, with their resources that there are."""
    queue = [(stack, frozenset[str]())]
    while queue:
        current, secrets = queue.pop(0)
        resources = [
            each
            for each in stacks.resources(current["StackId"])
            if each.get("PhysicalResourceId") and each["ResourceStatus"] != "DELETE_COMPLETE"
        ]
        yield StackResources(current, resources, secrets)
        nested = [each for each in resources if each["ResourceType"] == STACK_TYPE]
        known = _secrets(stacks, current, secrets) if nested else None
        for each in nested:
            passed = known.passed_to(each["LogicalResourceId"]) if known else frozenset()
            queue.append((stacks.describe(each["PhysicalResourceId"]), passed))


def detect_all(stacks: SandboxStacks, stack: StackTypeDef, timeout_seconds: float) -> Drift:
    """Detect the drift of a stack and of the stacks that are nested in it.

    Raises:
        TimedOutError: a detection is still in progress after the timeout.
    """
    return Drift([detect(stacks, each, timeout_seconds) for each in with_nested(stacks, stack)])


def detect_all_beside(stacks: SandboxStacks, stack: StackTypeDef) -> Drift:
    """Detect the drift of a stack and of those nested in it beside what a command is about."""
    return Drift([detect_beside(stacks, each) for each in with_nested(stacks, stack)])


def detect_beside(
    stacks: SandboxStacks, of: StackResources, *, only: Sequence[str] | None = None
) -> StackDrift:
    """Detect the drift of one stack beside what a command is about: UNKNOWN if that takes too long."""
    try:
        return detect(stacks, of, MAX_BESIDE_SECONDS, only=only)
    except TimedOutError as error:
        return StackDrift(of.stack["StackName"], of.stack["StackId"], UNKNOWN, f"{error}")


def detect(
    stacks: SandboxStacks,
    of: StackResources,
    timeout_seconds: float,
    *,
    only: Sequence[str] | None = None,
) -> StackDrift:
    """Detect the drift of one stack, or of those of its resources that `only` names.

    Raises:
        TimedOutError: the detection is still in progress after the timeout.
    """
    from botocore.exceptions import ClientError

    name, stack_id = of.stack["StackName"], of.stack["StackId"]
    if of.stack["StackStatus"] == "DELETE_COMPLETE":  # a nested one, by itself
        return StackDrift(name, stack_id, DRIFTED, "the stack has been deleted")
    resources = [each for each in of.resources if only is None or each["LogicalResourceId"] in only]
    request: Any = {"StackName": stack_id, **({} if only is None else {"LogicalResourceIds": [*only]})}
    deadline = time.monotonic() + timeout_seconds
    try:
        detection = stacks.client.detect_stack_drift(**request)["StackDriftDetectionId"]
    except ClientError as error:  # the stack's status does not allow it
        return StackDrift(name, stack_id, NOT_CHECKED, service_message(error))
    status, reason = _wait(stacks, detection, deadline)
    if status is None:
        raise TimedOutError(f"The detection is not over after {timeout_seconds:g} s")
    results = {each["LogicalResourceId"]: each for each in _results(stacks, stack_id)}
    has_differences = any(each.get("PropertyDifferences") for each in results.values())
    secrets = _secrets(stacks, of.stack, of.secrets) if has_differences else None
    return StackDrift(
        name,
        stack_id,
        status,
        reason,
        [_resource(each, results.get(each["LogicalResourceId"]), secrets) for each in resources],
    )


def text_lines(difference: Difference) -> list[str]:
    """Return a difference as text: its path and kind, then what is expected and what is there."""
    note = "  (values are not shown)" if difference.is_hidden else ""
    sides = (("expected", difference.expected), ("actual", difference.actual))
    return [
        f"{difference.path}  {difference.kind}{note}",
        *(f"  {name:8}  {printable(value)}" for name, value in sides if value is not None),
    ]


def printable(text: str) -> str:
    """Return a text as it is, or as JSON if it is empty or a terminal would not show it as it is."""
    return text if text and text.isprintable() else json.dumps(text)


def difference_of(described: PropertyDifferenceTypeDef, *, is_secret: bool = False) -> Difference:
    """Return a difference that CloudFormation describes, without values that may not be shown."""
    path, kind = described["PropertyPath"], described["DifferenceType"]
    parts = parts_of(path)
    expected, actual = (
        MASK if is_secret else _shown_text(described[side], parts)
        for side in ("ExpectedValue", "ActualValue")
    )
    given = (described["ExpectedValue"], described["ActualValue"])
    is_hidden = is_confidential(parts) or (expected, actual) != given
    return Difference(
        path, kind, None if kind == "ADD" else expected, None if kind == "REMOVE" else actual, is_hidden
    )


def _wait(stacks: SandboxStacks, detection: str, deadline: float) -> tuple[str | None, str | None]:
    """Return the stack's drift status, None if it is not known in time, and why it is not known of all."""
    begun = time.monotonic()
    while True:
        status = stacks.client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            return status.get("StackDriftStatus", UNKNOWN), status.get("DetectionStatusReason")
        if time.monotonic() > deadline:
            return None, None
        time.sleep(watch.poll_pause_seconds(begun))


def _results(stacks: SandboxStacks, stack_id: str) -> Iterator[StackResourceDriftTypeDef]:
    """Yield the drift of every resource that was checked; botocore has no paginator for it."""
    request: Any = {"StackName": stack_id}
    while True:
        page = stacks.client.describe_stack_resource_drifts(**request)
        yield from page["StackResourceDrifts"]
        if not page.get("NextToken"):
            return
        request["NextToken"] = page["NextToken"]


def _resource(
    resource: StackResourceTypeDef,
    result: StackResourceDriftTypeDef | None,
    secrets: TemplateSecrets | None,
) -> ResourceDrift:
    name, type_name = resource["LogicalResourceId"], resource["ResourceType"]
    described = (name, type_name, resource["PhysicalResourceId"])
    if result is None:
        return ResourceDrift(*described, NOT_CHECKED, IS_NESTED if type_name == STACK_TYPE else NO_SUPPORT)
    reason = result.get("DriftStatusReason")
    differences = result.get("PropertyDifferences") or ()
    return ResourceDrift(
        *described,
        result["StackResourceDriftStatus"],
        handler_message(reason) if reason else None,
        [
            difference_of(each, is_secret=secrets is not None and secrets.has(name, each["PropertyPath"]))
            for each in differences
        ],
    )


def _shown_text(text: str, parts: Sequence[str]) -> str:
    """Return a value, which drift results have as text, with the shape in place of what is confidential."""
    # In a confidential value, every text is one: a card's content is no object whose members are shown.
    value = text if is_confidential(parts[:-1]) else _structure(text)
    result = shown(value, parts)
    if result == value:
        return text
    return result if isinstance(result, str) else json.dumps(result, sort_keys=True, ensure_ascii=False)


def _structure(text: str) -> Any:
    """Return the object or list that a text stands for, or the text."""
    try:
        value = bounded_json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict | list) else text


def _secrets(stacks: SandboxStacks, stack: StackTypeDef, passed: Collection[str]) -> TemplateSecrets:
    """Return the secrets of a stack's template; `passed` are the parameters that its parent keeps secret."""
    processed, original = (_template(stacks, stack["StackId"], stage) for stage in ("Processed", "Original"))
    values = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters") or ()}
    return TemplateSecrets(processed, original, values, passed)


def _template(stacks: SandboxStacks, stack_id: str, stage: Literal["Processed", "Original"]) -> Json:
    """Return the template of a stack; an empty one if it cannot be read."""
    from sandbox.shared import template_yaml

    body: Any = stacks.client.get_template(StackName=stack_id, TemplateStage=stage)["TemplateBody"]
    template = template_yaml.load(body) if isinstance(body, str) else body  # botocore parses JSON
    return {**template} if isinstance(template, Mapping) else {}
