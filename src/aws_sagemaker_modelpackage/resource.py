"""What the Python library lacks, in one place.

The page token of a list, states that keep empty objects and lists, failures that are always coded and
worded and carry the model where CloudFormation needs it, polling, and an end to every invocation.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from typing import Any

from cloudformation_cli_python_lib import Action, HandlerErrorCode, OperationStatus, ProgressEvent, Resource
from cloudformation_cli_python_lib.exceptions import NotFound, _HandlerError
from cloudformation_cli_python_lib.interface import BaseModel
from cloudformation_cli_python_lib.resource import MUTATING_ACTIONS
from cloudformation_cli_python_lib.utils import Credentials, HandlerRequest, UnmodelledRequest

from . import envelope, errors, redaction
from .telemetry import Connect, Telemetry
from .timing import LAST_WORDS, LONGEST_INVOCATION, RESERVE

LOG = logging.getLogger(__name__)

Properties = Mapping[str, Any]


class PlainModel(BaseModel):
    """A resource model as plain JSON, so that it goes out exactly as it is."""

    def __init__(self, properties: Properties) -> None:
        self.properties = dict(properties)

    @classmethod
    def echo(cls, state: Properties) -> PlainModel:
        """A state on its way back as it came, but for what is nested too deeply to be written down again.

        Only a property that is ignored can be: of all others the schema knows the shape.
        """
        return cls({name: value for name, value in state.items() if not _is_deep(value)})

    def _serialize(self) -> Properties:
        return self.properties


# Levels of objects and lists in one property; SageMaker's shapes have a dozen.
_MOST_LEVELS = 64


def _is_deep(value: Any) -> bool:
    level = _nested([value])
    for _ in range(_MOST_LEVELS):
        level = [item for each in level for item in _nested(each)]
        if not level:
            return False
    return True


def _nested(value: Any) -> list[Any]:
    """The objects and lists directly in an object or a list."""
    items = value.values() if isinstance(value, Mapping) else value
    return [item for item in items if isinstance(item, Mapping | list | tuple)]


@dataclass
class Poll:
    """How far an action has come: the callback context; nothing in it that cannot be found out again."""

    arn: str = ""
    stage: str | None = None
    looks: int = 0
    failed_looks: int = 0
    # When the action began, in seconds since 1970: what lies between two invocations counts as well.
    since: int = 0
    # Seconds of delays during which something that should be visible was not.
    unseen: int = 0

    @classmethod
    def resume(cls, context: Mapping[str, Any]) -> Poll:
        """Where the last invocation stopped; what makes no sense of it is found out anew."""
        known = {name: context[name] for name, fits in _CONTEXT.items() if fits(context.get(name))}
        return cls(**known) if "arn" in known else cls()

    def seconds(self) -> float:
        """Seconds since the action began."""
        return time.time() - self.since

    def again(self, model: Properties, pause: int) -> ProgressEvent:
        """The event that asks CloudFormation to call again in so many seconds, with the model for then."""
        self.looks += 1
        return ProgressEvent(
            status=OperationStatus.IN_PROGRESS,
            callbackContext={name: value for name, value in vars(self).items() if value},
            callbackDelaySeconds=pause,
            resourceModel=PlainModel.echo(model),
        )


# How far an action may have come when it has to be called again.
WAITING = "waiting"
WRITING = "writing"
WRITTEN = "written"
DELETING = "deleting"


def _arn(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("arn:")


def _stage(value: Any) -> bool:
    return value in (WAITING, WRITING, WRITTEN, DELETING)


def _count(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _MOST


# More than any of the counts can be, and still a whole number to every reader of JSON.
_MOST = 2**53
_CONTEXT: dict[str, Callable[[Any], bool]] = {
    "arn": _arn,
    "stage": _stage,
    "looks": _count,
    "failed_looks": _count,
    "since": _count,
    "unseen": _count,
}


@dataclass
class Request:
    """What one invocation is asked to do: the event without its two different shapes.

    States are the raw properties; `translate` types them. Nothing of it outlives the invocation.
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
    next_token: str | None = None
    credentials: Credentials | None = None
    deadline: float = 0.0
    # How far the action has come; where the last invocation stopped, at first.
    poll: Poll = field(default_factory=Poll)
    # The model a failed create carries; set once the package exists.
    created: Properties | None = None
    # Packages as SageMaker described them: their confidential values must not appear in messages either.
    described: list[Properties] = field(default_factory=list)
    # What SageMaker said when it did not know the package.
    said: str = ""
    # What an error that comes now leaves open, or leaves behind.
    caveat: str = ""
    # What no message may show, and of how many packages it is.
    _secrets: set[str] = field(default_factory=set)
    _known_of: int = -1

    def seconds_left(self) -> float:
        """Seconds until the answer has to be on its way."""
        return self.deadline - time.monotonic()

    @property
    def identifier(self) -> str:
        """How messages call the package: its ARN, or what else is known of it."""
        for state in (self.created or {}, self.desired):
            for name in ("ModelPackageArn", "ModelPackageName", "ModelPackageGroupName"):
                if isinstance(state.get(name), str):
                    return errors.shorten(state[name], _SHOWN)
        return errors.shorten(self.logical_id or "(unnamed)", _SHOWN)

    def redacted(self, words: str) -> str:
        """SageMaker's words without the values that no message may show."""
        if len(self.described) != self._known_of:
            given = vars(self.credentials).values() if self.credentials else ()
            secrets = redaction.credentials_in(given)
            for state in (self.desired, self.previous, *self.described):
                secrets |= redaction.secrets_in(state)
            # A region stands in every ARN, and in the environment that SageMaker's SDK gives to containers.
            self._secrets, self._known_of = secrets - {self.region}, len(self.described)
        return redaction.redact(words, self._secrets)


class Failure(_HandlerError):
    """A coded, worded failure as it leaves the handlers, with the model if CloudFormation has to clean up."""

    def __init__(self, code: HandlerErrorCode, message: str, model: Properties | None = None) -> None:
        # The library derives the code from the class's name, which cannot work here.
        Exception.__init__(self, message)
        self.code = code
        self.model = model

    def to_progress_event(self) -> ProgressEvent:
        """The FAILED event."""
        event = ProgressEvent.failed(self.code, str(self))
        event.resourceModel = PlainModel.echo(self.model) if self.model else None
        return event


# Characters of an identifier that messages show: an ARN's, and what somebody writes in its place.
_SHOWN = 256

# What becomes of an error in an action that has begun: another look, or the error itself, raised.
Disturbed = Callable[[Request, Exception], ProgressEvent]


@dataclass
class Invocation:
    """What one invocation has of its own beside its request, and leaves behind nowhere."""

    deadline: float
    telemetry: Telemetry | None = None


_INVOCATION: ContextVar[Invocation] = ContextVar("invocation")


class CodedResource(Resource):
    """The library's Resource; handlers get a Request and may raise anything that a call can raise."""

    def __init__(
        self, type_name: str, model: type[BaseModel], disturbed: Disturbed, connect: Connect
    ) -> None:
        super().__init__(type_name, model)
        self._disturbed = disturbed
        self._connect = connect

    def __call__(self, event_data: MutableMapping[str, Any], context: Any) -> MutableMapping[str, Any]:
        """Answer CloudFormation's event."""
        return self._in_time(super().__call__, event_data, context)

    def test_entrypoint(self, event: MutableMapping[str, Any], context: Any) -> MutableMapping[str, Any]:
        """Answer an event of the shape `sam local invoke TestEntrypoint` takes."""
        return self._in_time(super().test_entrypoint, event, context)

    @staticmethod
    def _in_time(entry: Callable[..., Any], event: Any, context: Any) -> MutableMapping[str, Any]:
        seconds = LONGEST_INVOCATION
        if hasattr(context, "get_remaining_time_in_millis"):
            seconds = min(seconds, context.get_remaining_time_in_millis() / 1000 - RESERVE)
        invocation = Invocation(deadline=time.monotonic() + seconds)
        reset = _INVOCATION.set(invocation)
        try:
            answer: MutableMapping[str, Any] = entry(event, context)
        finally:
            _INVOCATION.reset(reset)
            if invocation.telemetry:
                invocation.telemetry.finish(invocation.deadline + LAST_WORDS - time.monotonic())
        if answer.get("status") == OperationStatus.FAILED.name and not answer.get("message"):
            # The library's last resort says nothing at all; an error that says nothing helps nobody.
            answer["message"] = "The handler failed before it could say why; its log has the details"
        return answer

    def _parse_request(  # type: ignore[override] # the library's needs no instance
        self, event_data: MutableMapping[str, Any]
    ) -> Any:
        """The library's, without the two boto3 sessions it makes from the credentials.

        The caller's go into the one client the handler makes, the provider's into those of its telemetry.
        """
        with self._refusals(event_data):
            event = HandlerRequest.deserialize(envelope.checked(event_data))
            telemetry = _INVOCATION.get().telemetry = Telemetry.of(event, self._connect)
        return (None, telemetry), Action[event.action], event.callbackContext or {}, event

    @contextmanager
    def _refusals(self, event: Any) -> Iterator[None]:
        """Word what makes an event unusable as every failure is worded."""
        action, found = envelope.action_of(event), envelope.properties_of(event)
        subject = self.type_name
        if action:
            subject = f"{action.name} {self.type_name} {Request(action, '', found).identifier}"
        try:
            yield
        except _HandlerError as error:
            code = error.to_progress_event().errorCode or HandlerErrorCode.InvalidRequest
            raise Failure(code, f"{subject}: {error}") from None
        except Exception as error:
            _log_places(error)
            raise Failure(
                HandlerErrorCode.InvalidRequest, f"{subject}: the event is not one that CloudFormation sends"
            ) from None

    def _cast_resource_request(self, request: HandlerRequest) -> Any:
        data = request.requestData
        return self._request(
            Action[request.action],
            UnmodelledRequest(
                # The library's class has these two without a default: absent is an AttributeError.
                clientRequestToken=getattr(request, "bearerToken", ""),
                desiredResourceState=getattr(data, "resourceProperties", None),
                previousResourceState=data.previousResourceProperties,
                desiredResourceTags=data.stackTags,
                previousResourceTags=data.previousStackTags,
                logicalResourceIdentifier=data.logicalResourceId,
                stackId=request.stackId,
                region=getattr(request, "region", None),
                nextToken=request.nextToken,
            ),
            data.callerCredentials,
        )

    def _parse_test_request(self, event_data: MutableMapping[str, Any]) -> Any:
        with self._refusals(event_data):
            event = envelope.checked_test(event_data)
            known = {each.name for each in fields(UnmodelledRequest)}
            given = UnmodelledRequest(**{name: event["request"].get(name) for name in known})
            given.region = given.region or event.get("region")
            request = self._request(Action[event["action"]], given, Credentials(**event["credentials"]))
        return None, request, request.action, event.get("callbackContext") or {}

    @staticmethod
    def _request(action: Action, given: UnmodelledRequest, credentials: Credentials | None) -> Request:
        return Request(
            action=action,
            token=given.clientRequestToken or "",
            desired=given.desiredResourceState or {},
            previous=given.previousResourceState,
            stack_tags=given.desiredResourceTags or {},
            previous_stack_tags=given.previousResourceTags or {},
            stack_id=given.stackId,
            logical_id=given.logicalResourceIdentifier,
            region=given.region or None,
            next_token=given.nextToken or None,
            # The library leaves an empty object as it is.
            credentials=credentials if isinstance(credentials, Credentials) else None,
            deadline=_INVOCATION.get().deadline,
        )

    def _invoke_handler(
        self, _session: Any, request: Any, action: Action, callback_context: MutableMapping[str, Any]
    ) -> ProgressEvent:
        try:
            if action in MUTATING_ACTIONS:
                request.poll = Poll.resume(callback_context)
            request.poll.since = request.poll.since or int(time.time())
            event = self._handled(request, action, callback_context)
        except Exception as error:
            raise self._failure(request, error) from None
        LOG.info("%s %s: %s", action.name, request.identifier, event.status.name)
        if event.message:
            event.message = self._worded(request, event.message)
        return event

    def _handled(
        self, request: Any, action: Action, callback_context: MutableMapping[str, Any]
    ) -> ProgressEvent:
        try:
            return self._answered_in_time(
                lambda: super(CodedResource, self)._invoke_handler(None, request, action, callback_context),
                request,
            )
        except errors.API_ERRORS as error:
            has_begun = request.created is not None or request.poll.stage is not None
            if not has_begun:
                raise
            return self._disturbed(request, error)

    @staticmethod
    def _answered_in_time(handle: Callable[[], ProgressEvent], request: Request) -> ProgressEvent:
        """What the handler returns or raises; OutOfTime when it has not by the deadline.

        The SDK's timeouts are for one read of one address. An answer that trickles in, or a name with many
        dead addresses, outlasts them: only a thread of its own can be left behind. No call begins in it
        after the deadline (see client), and one under way is one CloudFormation repeats with the same token.
        """
        outcome: Future[ProgressEvent] = Future()

        def run() -> None:
            try:
                outcome.set_result(handle())
            except BaseException as error:
                outcome.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        try:
            return outcome.result(timeout=max(0.0, request.seconds_left()))
        except TimeoutError:
            if not outcome.done():
                raise errors.OutOfTime() from None
        return outcome.result()  # it came, or raised, at the last moment

    def _failure(self, request: Request, error: Exception) -> Failure:
        """Any exception as a failure that says action, type, identifier and what is wrong.

        The cause is not chained: the library logs the chain, and the service quotes property values.
        """
        code, said = _code_and_words(error, request)
        model = request.created if code is not HandlerErrorCode.AlreadyExists else None
        LOG.info("%s %s failed: %s", request.action.name, request.identifier, code.name)
        return Failure(code, self._worded(request, said), model)

    def _worded(self, request: Request, said: str) -> str:
        return errors.shorten(f"{request.action.name} {self.type_name} {request.identifier}: {said}")


def _code_and_words(error: Exception, request: Request) -> tuple[HandlerErrorCode, str]:
    if isinstance(error, NotFound):
        said = f" (SageMaker says: {request.said})" if request.said else ""
        return HandlerErrorCode.NotFound, f"there is no such package, or it is being deleted{said}"
    if isinstance(error, _HandlerError):
        event = error.to_progress_event()
        return event.errorCode or HandlerErrorCode.InternalFailure, event.message
    if isinstance(error, errors.API_ERRORS):
        code, said = errors.code_of(error, request.poll.arn), errors.words_of(error, request.redacted)
    else:
        _log_places(error)  # a defect of ours
        code = HandlerErrorCode.InternalFailure
        said = f"internal error ({type(error).__name__}); the handler's log says where"
    return code, ". ".join(filter(None, (request.caveat, said)))


def _log_places(error: Exception) -> None:
    """Log where an error comes from: its message may quote anything, the places it passed cannot."""
    LOG.error("%s at\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))


# --- events -----------------------------------------------------------------------------------------


def success(model: Properties | None = None, message: str = "") -> ProgressEvent:
    """The last event of an action, with the model read would return."""
    return ProgressEvent(
        status=OperationStatus.SUCCESS,
        message=message,
        resourceModel=None if model is None else PlainModel(model),
    )


def page(models: list[dict[str, Any]], next_token: str | None) -> ProgressEvent:
    """One page of a list."""
    return ProgressEvent(
        status=OperationStatus.SUCCESS,
        resourceModels=[PlainModel(model) for model in models],
        nextToken=next_token,
    )
