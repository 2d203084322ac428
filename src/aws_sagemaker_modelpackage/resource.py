"""The support library's Resource, adapted: what all events, failures, deadlines and telemetry have in common.

The library answers an event with a page token that it drops, models that lose their empty objects and lists,
failures without code or message, and calls to CloudWatch that the handler waits for. Everything that changes
this is here, in `request` and in `telemetry`, by overriding the private names listed in PRIVATE_NAMES.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import copy_context
from copy import copy
from functools import partial
from typing import Any, cast

from cloudformation_cli_python_lib import (
    Action,
    HandlerErrorCode,
    OperationStatus,
    ProgressEvent,
    Resource,
    exceptions,
)
from cloudformation_cli_python_lib.exceptions import NotFound, _HandlerError
from cloudformation_cli_python_lib.resource import MUTATING_ACTIONS
from cloudformation_cli_python_lib.utils import Credentials, HandlerRequest

from . import envelope, errors
from .deadline import Deadline
from .encoding import encodable
from .request import CallbackContext, PlainModel, Properties, Request
from .telemetry import MUTED, Telemetry
from .timing import (
    ANSWER_RESERVE_SECONDS,
    FINAL_TELEMETRY_SECONDS,
    MAX_FAILED_POLLS,
    MAX_INVOCATION_SECONDS,
)

LOG = logging.getLogger(__name__)

# Every private name of the support library that this package overrides or uses, with its signature. A test
# compares them with the library's source: an upgrade that changes one has to be read before it is taken.
PRIVATE_NAMES = {
    # Overridden here. A __call__ of our own would have to repeat what the library's does between these four:
    # metrics, its printed log, the test for JSON, and its last resort for exceptions.
    "resource.Resource._parse_request": (
        "(event_data: MutableMapping[str, Any]) -> Tuple[Tuple[Optional[SessionProxy],"
        " Optional[SessionProxy]], Action, MutableMapping[str, Any], HandlerRequest]"
    ),
    "resource.Resource._parse_test_request": (
        "(self, event_data: MutableMapping[str, Any]) -> Tuple[Optional[SessionProxy],"
        " BaseResourceHandlerRequest, Action, MutableMapping[str, Any]]"
    ),
    "resource.Resource._cast_resource_request": (
        "(self, request: HandlerRequest) -> BaseResourceHandlerRequest"
    ),
    "resource.Resource._invoke_handler": (
        "(self, session: Optional[SessionProxy], request: BaseResourceHandlerRequest, action: Action,"
        " callback_context: MutableMapping[str, Any]) -> ProgressEvent"
    ),
    # The base of Failure, and of what handlers raise.
    "exceptions._HandlerError": "(self, *args: Any)",
    # Overridden in `request`.
    "interface.BaseModel._serialize": "(self) -> Mapping[str, Any]",
    # Used in `telemetry`; the first has to find the handler that is there already.
    "log_delivery.ProviderLogHandler._get_existing_logger": "(cls) -> Optional['ProviderLogHandler']",
    "log_delivery.ProviderLogHandler._create_log_group": "(self) -> None",
    "log_delivery.ProviderLogHandler._create_log_stream": "(self) -> None",
}

# Beside an error that leaves open whether a write took effect, by operation; of all others the last.
_MAY_HAVE_WORKED = {
    errors.CREATE: (
        "SageMaker may have registered the package all the same: this request, sent again, finds it; another"
        " one registers another"
    ),
    "DeleteModelPackage": (
        "SageMaker may be deleting the package all the same: the same delete, sent again, waits until it is"
        " gone"
    ),
}
_MAY_BE_CHANGED = "SageMaker may have made the change all the same"
_GOES_ON = ": the same update, sent again, goes on from there"


class Failure(_HandlerError):
    """A failure as it leaves the handlers, with the model if CloudFormation has to delete what is left.

    Only its subclasses are made, by `failure`: the library derives the code from the class's name.
    """

    def __init__(self, message: str, model: Properties | None = None) -> None:
        """Hold message and model."""
        super().__init__(encodable(message))
        self.model = model

    def to_progress_event(self) -> ProgressEvent:
        """The FAILED event."""
        event = super().to_progress_event()
        event.resourceModel = PlainModel.echo(self.model) if self.model else None
        return event


# One class for each code, because the metric of a failure has the class as a dimension. They have the full
# names of the library's own, so that the dimension is the same for any provider and under any type name.
FAILURES = {
    code: cast(type[Failure], type(code.name, (Failure,), {"__module__": exceptions.__name__}))
    for code in HandlerErrorCode
}


def failure(code: HandlerErrorCode, message: str, model: Properties | None = None) -> Failure:
    """The failure with this code."""
    return FAILURES[code](message, model)


class CodedResource(Resource):
    """The library's Resource, whose handlers get a Request and may raise whatever a call raises."""

    # Those of one invocation, which works on a copy of its own.
    _deadline: Deadline
    _telemetry: Telemetry | None = None

    def __call__(self, event_data: MutableMapping[str, Any], context: Any) -> MutableMapping[str, Any]:
        """Answer CloudFormation's event; of Lambda's context only the remaining time counts."""
        return self._answer(Resource.__call__, event_data, context)

    def test_entrypoint(self, event: MutableMapping[str, Any], context: Any) -> MutableMapping[str, Any]:
        """Answer an event of the shape `sam local invoke TestEntrypoint` takes."""
        return self._answer(Resource.test_entrypoint, event, context)

    def _answer(self, entry_point: Callable[..., Any], event: Any, context: Any) -> MutableMapping[str, Any]:
        seconds = MAX_INVOCATION_SECONDS
        if hasattr(context, "get_remaining_time_in_millis"):
            seconds = min(seconds, context.get_remaining_time_in_millis() / 1000 - ANSWER_RESERVE_SECONDS)
        invocation = copy(self)
        invocation._deadline = Deadline(seconds)
        try:
            answer: MutableMapping[str, Any] = entry_point(invocation, event, context)
        finally:
            if invocation._telemetry:
                left = invocation._deadline.seconds_left()
                invocation._telemetry.finish(left + FINAL_TELEMETRY_SECONDS)
        if answer.get("status") == OperationStatus.FAILED.name and not answer.get("message"):
            # The library's last resort has no message at all.
            answer["message"] = "The handler failed before it could say why; its log has the details"
        text: MutableMapping[str, Any] = encodable(answer)
        return text

    # --- events in ----------------------------------------------------------------------------------

    def _parse_request(  # type: ignore[override] # the library's needs no instance
        self, event_data: MutableMapping[str, Any]
    ) -> Any:
        """The library's, without the two boto3 sessions it makes from the credentials.

        The caller's go into the one client the handler makes, the provider's into those of its telemetry.
        """
        with self._fail_on(event_data):
            event = HandlerRequest.deserialize(envelope.check_event(event_data))
            self._telemetry = Telemetry.of(event)
        return (None, self._telemetry), Action[event.action], event.callbackContext or {}, event

    def _parse_test_request(self, event_data: MutableMapping[str, Any]) -> Any:
        with self._fail_on(event_data):
            event = HandlerRequest.deserialize(envelope.check_test_event(event_data))
        return None, self._cast_resource_request(event), Action[event.action], event.callbackContext or {}

    @contextmanager
    def _fail_on(self, event: Any) -> Iterator[None]:
        """Turn what an unusable event raises into a Failure that names action, type and identifier."""
        action, properties = envelope.action_of(event), envelope.properties_of(event)
        subject = self.type_name
        if action:
            subject = f"{action.name} {self.type_name} {Request(action, '', properties).identifier}"
        try:
            yield
        except _HandlerError as error:
            code = error.to_progress_event().errorCode or HandlerErrorCode.InvalidRequest
            raise failure(code, f"{subject}: {error}") from None
        except Exception as error:
            _log_places(error)
            raise failure(
                HandlerErrorCode.InvalidRequest, f"{subject}: the event is not one that CloudFormation sends"
            ) from None

    def _cast_resource_request(self, request: HandlerRequest) -> Any:
        action, data = Action[request.action], request.requestData
        credentials = data.callerCredentials
        context = CallbackContext.resume((action in MUTATING_ACTIONS and request.callbackContext) or {})
        self._deadline.unanswered = self._deadline.left_open = context.unanswered
        return Request(
            action=action,
            # The library's classes have no default for three members: absent, they are an AttributeError.
            token=getattr(request, "bearerToken", None) or "",
            desired=getattr(data, "resourceProperties", None) or {},
            previous=data.previousResourceProperties,
            stack_tags=data.stackTags or {},
            previous_stack_tags=data.previousStackTags or {},
            stack_id=request.stackId,
            logical_id=data.logicalResourceId,
            region=getattr(request, "region", None) or None,
            account=getattr(request, "awsAccountId", None) or None,
            next_token=request.nextToken or None,
            # The library leaves an empty object as it is.
            credentials=credentials if isinstance(credentials, Credentials) else None,
            deadline=self._deadline,
            context=context,
        )

    # --- events out ---------------------------------------------------------------------------------

    def _invoke_handler(
        self, _session: Any, request: Any, action: Action, callback_context: MutableMapping[str, Any]
    ) -> ProgressEvent:
        handle = partial(super()._invoke_handler, None, request, action, callback_context)
        try:
            try:
                event = _call_in_time(handle, request.deadline)
            except errors.API_ERRORS as error:
                event = _poll_after(error, request)
        except Exception as error:
            failed = self._failure(request, error)
            if not isinstance(failed, FAILURES[HandlerErrorCode.NotFound]):
                raise failed from None
            # An answer like any other, which the library would log with a traceback. It would count it, too.
            if self._telemetry:
                self._telemetry.count_failure(action, failed)
            return failed.to_progress_event()
        LOG.info("%s %s: %s", action.name, request.identifier, event.status.name)
        if event.message:
            event.message = self._message(request, event.message)
        return event

    def _failure(self, request: Request, error: Exception) -> Failure:
        """Any exception as a failure with action, type and identifier in its message.

        The cause is not chained: the library logs the chain, and SageMaker quotes property values.
        """
        code, text = _code_and_text(error, request)
        model = request.created if code is not HandlerErrorCode.AlreadyExists else None
        LOG.info("%s %s failed: %s", request.action.name, request.identifier, code.name)
        return failure(code, self._message(request, text), model)

    def _message(self, request: Request, text: str) -> str:
        return errors.shorten(f"{request.action.name} {self.type_name} {request.identifier}: {text}")


def _call_in_time(handle: Callable[[], ProgressEvent], deadline: Deadline) -> ProgressEvent:
    """What the handler returns or raises; OutOfTime when it has not by the deadline, which is closed then.

    The SDK's timeouts are for one read of one address. An answer that trickles in, or a name with many dead
    addresses, outlasts them: only a thread of its own can be left behind. It sends nothing any more (see
    `connections`), also when it goes on in a later invocation. What it sent is cut off and may have worked.
    """
    outcome: Future[ProgressEvent] = Future()

    def run() -> None:
        try:
            try:
                event = handle()
            finally:
                deadline.end()
            outcome.set_result(event)
        except BaseException as error:
            outcome.set_exception(error)

    # In the context of this invocation, to whose log its records belong.
    thread = threading.Thread(target=copy_context().run, args=(run,), daemon=True)
    thread.start()
    wait([outcome], timeout=max(0.0, deadline.seconds_left()))
    deadline.close()
    is_done = outcome.done()
    deadline.cut_off()
    if not is_done:
        thread.name = f"{MUTED} of a handler"
        raise errors.OutOfTime()
    return outcome.result()


def _poll_after(error: Exception, request: Request) -> ProgressEvent:
    """The next poll, which an operation that has begun gets after a passing error; or the error, raised."""
    if not (request.has_begun and errors.is_passing(error)):
        raise error
    request.context.failed_polls += 1
    if request.context.failed_polls >= MAX_FAILED_POLLS:
        raise error
    return request.poll_again(error)


def _code_and_text(error: Exception, request: Request) -> tuple[HandlerErrorCode, str]:
    if isinstance(error, NotFound):
        reason = f" (SageMaker says: {request.not_found_message})" if request.not_found_message else ""
        return HandlerErrorCode.NotFound, f"there is no such package, or it is being deleted{reason}"
    if isinstance(error, _HandlerError):
        event = error.to_progress_event()
        return event.errorCode or HandlerErrorCode.InternalFailure, event.message
    if isinstance(error, errors.API_ERRORS):
        code = errors.code_of(error, request.context.arn)
        text = errors.message_of(error, request.redact)
    else:
        _log_places(error)  # a defect of the handlers
        code = HandlerErrorCode.InternalFailure
        text = f"internal error ({type(error).__name__}); the handler's log says where"
    return code, ". ".join(filter(None, (request.failure_note, _may_have_worked(request), text)))


def _may_have_worked(request: Request) -> str:
    """What to say of a write that may have taken effect; empty where none is open."""
    operation = request.unanswered
    goes_on = _GOES_ON if request.action is Action.UPDATE else ""
    return _MAY_HAVE_WORKED.get(operation, f"{_MAY_BE_CHANGED}{goes_on}") if operation else ""


def _log_places(error: Exception) -> None:
    """Log where an error comes from: its message may quote anything, the places it passed cannot."""
    LOG.error("%s at\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
