"""What one invocation is asked to do, how far its operation has come, and the events that can answer it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cloudformation_cli_python_lib import Action, OperationStatus, ProgressEvent
from cloudformation_cli_python_lib.exceptions import NotStabilized
from cloudformation_cli_python_lib.interface import BaseModel
from cloudformation_cli_python_lib.utils import Credentials

from . import errors, recast, redaction, translate
from .deadline import WRITES, Deadline
from .encoding import encodable, is_encodable
from .timing import FINAL_POLL_SECONDS, MAX_DELAY_SECONDS, MAX_OPERATION_SECONDS, delay_seconds

Properties = Mapping[str, Any]

# More than any count of a callback context can be, and still a whole number to every reader of JSON.
_MAX_COUNT = 2**53
# Levels of objects and lists in one property; SageMaker's shapes have a dozen.
_MAX_LEVELS = 64
# Characters of an identifier that messages show: an ARN's, or those of what an event has in its place.
_MAX_IDENTIFIER_CHARACTERS = 256


class Stage(StrEnum):
    """How far an operation has come, as the callback context says it to the next invocation."""

    RETURNED = "returned"
    """Create has returned an ARN for a ClientToken of the template's own; it may be another resource's."""
    WAITING = "waiting"
    """The package is busy, so nothing is written yet."""
    WRITING = "writing"
    """Some of an update's calls are made; the others may be left."""
    WRITTEN = "written"
    """All of an update's calls are made; the package may be busy with them."""
    DELETING = "deleting"
    """The package is being deleted, and may still be there."""


@dataclass
class CallbackContext:
    """How far an operation has come.

    Without it the handlers go on from what SageMaker describes, with counts and time begun anew.
    """

    arn: str = ""
    stage: Stage | None = None
    polls: int = 0
    failed_polls: int = 0
    # When the operation began, in seconds since 1970: the time between two invocations counts as well.
    since: int = 0
    # Delays during which something that should be visible was not.
    unseen_seconds: int = 0
    # Whether the package had failed before an update's first call.
    was_failed: bool = False

    # The operation of a write of which it is open whether it took effect.
    unanswered: str = ""

    @property
    def has_written(self) -> bool:
        """Whether calls of an update are made."""
        return self.stage in (Stage.WRITING, Stage.WRITTEN)

    @classmethod
    def resume(cls, context: Mapping[str, Any]) -> CallbackContext:
        """The context that the last invocation returned, without members that make no sense.

        Other versions of the handlers have the same `arn`, `stage` and `since`, and may have other counts.
        """
        arn, stage = context.get("arn"), context.get("stage")
        if not (isinstance(arn, str) and arn.startswith("arn:") and is_encodable(arn)):
            return cls(since=int(time.time()))
        counts = {name: context[name] for name in _COUNTS if _is_count(context.get(name))}
        resumed = cls(arn, next((each for each in Stage if each == stage), None), **counts)
        resumed.was_failed = context.get("was_failed") is True
        resumed.unanswered = next((each for each in WRITES if each == context.get("unanswered")), "")
        resumed.since = resumed.since or int(time.time())
        return resumed

    def seconds(self) -> float:
        """Seconds since the operation began."""
        return time.time() - self.since


_COUNTS = ("polls", "failed_polls", "since", "unseen_seconds")


def _is_count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MAX_COUNT


@dataclass
class Request:
    """What one invocation is asked to do: an event of either entry point. It ends with the invocation.

    States are the raw properties; `translate` types them.
    """

    action: Action
    token: str
    desired: Properties
    previous: Properties | None = None
    stack_tags: Properties = field(default_factory=dict)
    previous_stack_tags: Properties = field(default_factory=dict)
    stack_id: str | None = None
    logical_id: str | None = None
    region: str | None = None
    account: str | None = None
    next_token: str | None = None
    credentials: Credentials | None = None
    deadline: Deadline = field(default_factory=lambda: Deadline(0.0))
    context: CallbackContext = field(default_factory=CallbackContext)
    # The model that a failed create carries; set once the package exists.
    created: Properties | None = None
    # Packages as SageMaker described them: messages must not show their confidential values either.
    described: list[Properties] = field(default_factory=list)
    # What SageMaker answered when it did not know the package.
    not_found_message: str = ""
    # What a failure that comes now leaves open, or leaves behind.
    failure_note: str = ""
    # Takes out what no message may show, and of how many described packages that is.
    _redactor: redaction.Redactor | None = None
    _redactor_of: int = -1

    @property
    def has_begun(self) -> bool:
        """Whether the operation has changed or awaited something, so that a failed poll may be repeated."""
        return self.created is not None or self.context.stage is not None

    @property
    def identifier(self) -> str:
        """How messages call the package: its ARN, or what else is known of it."""
        for state in (self.created or {}, self.desired):
            for name in (translate.IDENTIFIER, translate.NAME, translate.GROUP):
                if isinstance(state.get(name), str):
                    return errors.shorten(encodable(state[name]), _MAX_IDENTIFIER_CHARACTERS)
        return errors.shorten(self.logical_id or "(unnamed)", _MAX_IDENTIFIER_CHARACTERS)

    @property
    def unanswered(self) -> str:
        """The operation of a write of which it is open whether it took effect; empty when there is none."""
        return self.deadline.unanswered or self.deadline.reopened

    def settle(self) -> None:
        """Note that all writes are answered, those that an earlier invocation has left open as well."""
        self.failure_note = self.deadline.left_open = self.deadline.reopened = ""

    def redact(self, text: str) -> str:
        """A text of SageMaker's without the values that no message may show."""
        if self._redactor is None or len(self.described) != self._redactor_of:
            secrets: set[str] = set()
            # Both stand in every ARN, and in the environment that SageMaker's SDK gives to containers.
            shown = {str(self.region), str(self.account)}
            for state in (self.desired, self.previous, *self.described):
                secrets |= redaction.secrets_in(state)
                shown |= redaction.open_in(state)
            given = vars(self.credentials).values() if self.credentials else ()
            # Nor does a message hide what it is made of: "Model Package Group x does not exist".
            words = recast.vocabulary()
            hidden = redaction.not_shown(secrets, shown | words)
            self._redactor = redaction.Redactor(hidden | redaction.credentials_in(given), words)
            self._redactor_of = len(self.described)
        return self._redactor.redact(text)

    def poll_again(self, otherwise: Exception, max_delay_seconds: int = MAX_DELAY_SECONDS) -> ProgressEvent:
        """The event that asks CloudFormation to invoke again after a delay, or after the time that is left.

        The desired model goes out and comes back, because the caller may send it as the next desired state.

        Raises:
            Exception: `otherwise`, once the operation may take no more time.
        """
        left = int(MAX_OPERATION_SECONDS - FINAL_POLL_SECONDS - self.context.seconds())
        if left <= 0:
            raise otherwise
        delay = min(delay_seconds(self.context.polls), max_delay_seconds, left)
        self.context.polls += 1
        self.context.unanswered = self.unanswered
        return ProgressEvent(
            status=OperationStatus.IN_PROGRESS,
            callbackContext={name: value for name, value in vars(self.context).items() if value},
            callbackDelaySeconds=delay,
            resourceModel=PlainModel.echo(translate.with_arn(self.desired, self.context.arn)),
        )

    def poll_at_most(self, max_seconds: int, otherwise: str) -> ProgressEvent:
        """Like poll_again, for something that should be visible after so many seconds of delays.

        Raises:
            NotStabilized: `otherwise`, when it is not.
        """
        context = self.context
        left = max_seconds - context.unseen_seconds
        if left <= 0:
            raise NotStabilized(otherwise)
        context.unseen_seconds += min(delay_seconds(context.polls), left)
        context.failed_polls = 0
        return self.poll_again(NotStabilized(otherwise), left)


# --- events -----------------------------------------------------------------------------------------


class PlainModel(BaseModel):
    """A resource model as plain JSON, which goes out exactly as it is, empty objects and lists included."""

    def __init__(self, properties: Properties) -> None:
        """Hold a copy of these properties."""
        self.properties = dict(properties)

    @classmethod
    def echo(cls, state: Properties) -> PlainModel:
        """A state of the event as it came, without properties that are nested too deeply to be serialized.

        Only an ignored property can be: the schema knows the shape of all others.
        """
        return cls({name: value for name, value in state.items() if not _is_deep(value)})

    def _serialize(self) -> Properties:
        return self.properties


def _is_deep(value: Any) -> bool:
    level = _nested([value])
    for _ in range(_MAX_LEVELS):
        level = [item for each in level for item in _nested(each)]
        if not level:
            return False
    return True


def _nested(value: Any) -> list[Any]:
    """The objects and lists directly in an object or a list."""
    items = value.values() if isinstance(value, Mapping) else value
    return [item for item in items if isinstance(item, Mapping | list | tuple)]


def success(model: Properties | None = None, message: str = "") -> ProgressEvent:
    """The SUCCESS event of an operation, with the model that read returns."""
    return ProgressEvent(
        status=OperationStatus.SUCCESS,
        message=message,
        resourceModel=None if model is None else PlainModel(model),
    )


def page(models: list[dict[str, Any]], next_token: str | None) -> ProgressEvent:
    """The SUCCESS event with one page of a list, and the token of the page after it."""
    return ProgressEvent(
        status=OperationStatus.SUCCESS,
        resourceModels=[PlainModel(model) for model in models],
        nextToken=next_token,
    )
