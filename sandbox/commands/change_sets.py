"""Change sets that say what an operation on a stack would do, and that leave nothing behind."""

from __future__ import annotations

import re
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from sandbox.commands.errors import UsageError, service_message
from sandbox.commands.output import Json
from sandbox.commands.stacks import SandboxStacks
from sandbox.commands.watch import poll_pause_seconds
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import NOT_HERE

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

# How CloudFormation begins the reason of a change set that has no changes.
_REFUSED = "The local CloudFormation refuses the template or its parameters"
_NO_CHANGES = "The submitted information didn't contain changes"
# The same of an update.
NO_UPDATES = "No updates are to be performed"
# How it refuses what another operation on the stack has come before.
_OTHER_OPERATION = re.compile(r"^Stack.* (already exists$|is in \w+_IN_PROGRESS state)")


class ChangeSet:
    """A change set of a request that updates a stack, or creates it where there is none.

    It is deleted at the end, unless it was executed, and so is a stack that is there for it alone.
    """

    def __init__(self, stacks: SandboxStacks, request: Json, stack: StackTypeDef | None) -> None:
        self.changes: list[Json] = []
        self.status = self.reason = ""
        self._client = stacks.client
        self._stacks = stacks
        self._request = request
        self._name = f"plan-{uuid.uuid4().hex}"
        self._previous = stack
        self._is_executed = False

    def __enter__(self) -> Self:
        try:
            self._create()
        except BaseException:
            self._delete()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if not self._is_executed:
            self._delete()

    @property
    def is_empty(self) -> bool:
        """Whether the operation would change nothing."""
        return self.status == "FAILED" and self.reason.startswith((_NO_CHANGES, NO_UPDATES))

    @property
    def is_automatic(self) -> bool:
        """Whether nothing changes but nested stacks, which are in every change set: maybe nothing does."""
        sources = [[each.get("ChangeSource") for each in change["Details"]] for change in self.changes]
        return all(each == ["Automatic"] for each in sources)

    def execute(self) -> None:
        """Begin the operation that is described.

        Raises:
            SandboxError: the stack is not as it was described any more.
        """
        from botocore.exceptions import ClientError

        name = self._request["StackName"]
        try:
            self._client.execute_change_set(ChangeSetName=self._name, StackName=name)
        except ClientError as error:
            raise SandboxError(
                f"{name} has been changed by another operation meanwhile, and this deployment was not begun: "
                f"{service_message(error)}"
            ) from error
        self._is_executed = True

    def _create(self) -> None:
        from botocore.exceptions import ClientError

        is_new = self._previous is None or self._previous["StackStatus"] == "REVIEW_IN_PROGRESS"
        kind: Any = "CREATE" if is_new else "UPDATE"
        try:
            self._client.create_change_set(**self._request, ChangeSetName=self._name, ChangeSetType=kind)
        except ClientError as error:
            raise refusal(error, self._request) from error
        begun = time.monotonic()
        while True:
            pages = self._client.get_paginator("describe_change_set").paginate(
                ChangeSetName=self._name, StackName=self._request["StackName"], IncludePropertyValues=True
            )
            described: list[Json] = [{**page} for page in pages]
            self.status, self.reason = described[0]["Status"], described[0].get("StatusReason") or ""
            if self.status not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                break
            time.sleep(poll_pause_seconds(begun))
        self.changes = [each["ResourceChange"] for page in described for each in page["Changes"]]
        if self.status == "FAILED" and not self.is_empty:
            raise UsageError(f"{_REFUSED}: {self.reason}")

    def _delete(self) -> None:
        from botocore.exceptions import ClientError

        name = self._request["StackName"]
        with suppress(ClientError):  # there is none, or no such stack, where the request was refused
            self._client.delete_change_set(ChangeSetName=self._name, StackName=name)
        stack = self._stacks.find(name) if self._previous is None else None
        if stack is None or stack["StackStatus"] != "REVIEW_IN_PROGRESS":
            return
        # Another client may have made a change set of that stack since.
        if not self._client.list_change_sets(StackName=stack["StackId"])["Summaries"]:
            self._client.delete_stack(StackName=stack["StackId"])


def refusal(error: ClientError, request: Json) -> SandboxError:
    """Return the error of a command whose request the local CloudFormation refuses."""
    message = service_message(error)
    for each in request["Parameters"]:  # whose values may be secrets
        message = message.replace(f" value '{each.get('ParameterValue')}'", "")
    if _OTHER_OPERATION.search(message):
        return SandboxError(f"Another operation is under way, or was first: {message}")
    if NOT_HERE in message:  # CloudFormation in AWS would take it
        return UsageError(message)
    # AWS's may know more than the engine does.
    return UsageError(f"{_REFUSED}: {message}")
