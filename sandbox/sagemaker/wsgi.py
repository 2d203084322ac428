"""The application in front of moto: answers model packages and control requests, and passes the rest on."""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.parse
import uuid
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from http import HTTPStatus
from io import BytesIO
from typing import Any, NoReturn
from wsgiref.types import StartResponse, WSGIEnvironment

from botocore.model import OperationNotFoundError
from werkzeug.wrappers import Request, Response

from sandbox.shared import bounded_json
from sandbox.shared.api_validation import check
from sandbox.shared.credentials import IssuedKey, session, signer
from sandbox.shared.errors import ApiError
from sandbox.shared.guard import ABSENT, CONTROL_PREFIX, UNAVAILABLE, Refused, is_control
from sandbox.shared.heads import Head
from sandbox.shared.http_request import SECRETS_PATH
from sandbox.shared.settings import ACCOUNT, NOT_HERE
from sandbox.shared.wsgi_server import Application

from . import moto_parts
from .arns import Scope, is_package_arn
from .behaviour import Behaviour, Fault
from .engine import Engine
from .history import Caller
from .operations import ModelPackages

Json = dict[str, Any]

LOG = logging.getLogger("sandbox.sagemaker")

# The codes of a refusal by protocol: JSON, query, S3.
_FAILED = ("ValidationException", "ValidationError", "InvalidRequest")
# Of the operations that are answered here and by moto, its part needs what the API description demands.
_SHARED_OPERATIONS = ("AddTags", "DeleteTags", "ListTags", "Search")
_TARGET_PREFIX = "SageMaker."
_JSON = "application/x-amz-json-"
_SECRETS = SECRETS_PATH.removeprefix(CONTROL_PREFIX)
# More than any test makes; older calls are dropped, so that a demo that runs for days stays small.
MAX_CALLS = 100_000


class SageMakerApplication:
    """The WSGI application of the whole server."""

    def __init__(self, service: ModelPackages, moto: Application, engine: Engine | None = None) -> None:
        self.service = service
        self._engine = engine
        self._calls: deque[Json] = deque(maxlen=MAX_CALLS)
        self._calls_lock = threading.Lock()
        self._moto = moto

    def calls(self) -> list[Json]:
        """Return the SageMaker calls so far, in order."""
        with self._calls_lock:
            return list(self._calls)

    def clear_calls(self) -> None:
        """Forget the calls."""
        with self._calls_lock:
            self._calls.clear()

    def reset(self) -> None:
        """Forget packages, groups, behaviour, calls, and all that moto holds."""
        self.service.forget()
        self.clear_calls()
        moto_parts.reset()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        target = request.headers.get("X-Amz-Target", "")
        address = f"{request.path}?{request.query_string.decode('latin-1')}"
        head = Head.of(request.method, address, request.headers)
        is_json = request.mimetype.startswith(_JSON)
        if is_control(head):
            response = _response(*self._control(request), "application/json")
        elif target.startswith(_TARGET_PREFIX):
            response = self._sagemaker(target.removeprefix(_TARGET_PREFIX), request)
        elif self._engine is not None and self._engine.serves(head):
            response = _engine_answer(self._engine, request, head)
        elif is_json and _parse(body := request.get_data()) is None:
            response = _error_response(_unreadable())
        else:
            if is_json:
                environ = {**environ, "wsgi.input": BytesIO(body)}
            response = self._other(target or f"{request.method} {request.path}", environ, head)
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def _other(self, what: str, environ: WSGIEnvironment, head: Head) -> Response:
        """Return moto's answer to a request that is not SageMaker's; a refusal in place of a page."""
        try:
            response = Response.from_app(self._moto, environ, buffered=True)
            absent = _absent(what, response, head)
            if absent is None:
                return response
            refused = Refused(absent, ABSENT, HTTPStatus.BAD_REQUEST)
        except Exception as problem:
            refused = _refused(what, problem)
        status, headers, content = refused.answer(head)
        return Response(content, status, headers)

    def _sagemaker(self, operation: str, request: Request) -> Response:
        body = request.get_data()
        arguments = _parse(body)
        started = time.monotonic()
        call: Json = {
            "operation": operation,
            "input": arguments,
            "error": None,
            "answered": False,
            "session": session(request.headers.get("X-Amz-Security-Token")),
            "received": round(time.time(), 3),
            "package": _package(arguments),
            "durationMs": None,
        }
        try:
            scope = self._scope(request)
            call |= {"region": scope.region, "account": scope.account}
            with self._calls_lock:
                self._calls.append(call)
            fault = self.service.next_fault(operation)
            if fault is not None and not fault.happens:
                _fail(fault)
            if not self.service.answers(operation, arguments):
                if not isinstance(arguments, dict):
                    raise _unreadable()
                if operation in _SHARED_OPERATIONS:
                    check(operation, arguments)
                environ = request.environ | {"wsgi.input": BytesIO(body)}
                return self._pass_on(operation, call, moto_parts.in_account(environ, scope.account))
            caller = Caller(operation, call["session"], call["received"])
            answer = self._answer(caller, scope, body)
            call["package"] = answer.get("ModelPackageArn") or call["package"]
            if fault is not None:
                _fail(fault)
        except ApiError as error:
            call["error"] = error.code
            return _error_response(error)
        finally:
            call["durationMs"] = round((time.monotonic() - started) * 1000, 1)
            call["answered"] = True
        return _response(200, answer)

    def _answer(self, caller: Caller, scope: Scope, body: bytes) -> Json:
        # Parsed a second time: the stored values change with time, those in the list of calls must not.
        request = _parse(body)
        check(caller.operation, request)
        try:
            return self.service.call(caller.operation, scope, request, caller)
        except ApiError:
            raise
        except Exception as problem:
            raise _unanswered(caller.operation, problem) from problem

    def _scope(self, request: Request) -> Scope:
        """Return account and region of a request, from the credential scope of its signature."""
        credential = signer(request.headers.get("Authorization", ""))
        if credential is None:
            raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        access_key, region = credential
        try:
            key = self._issued_key(access_key)
        except OSError as problem:
            raise ApiError(UNAVAILABLE[0], f"The local IAM does not answer: {problem}", 503) from problem
        return moto_parts.scope_in(ACCOUNT if key is None else key.account, region)

    def _issued_key(self, access_key: str) -> IssuedKey | None:
        return self._engine.issued_key(access_key) if self._engine else moto_parts.issued_key(access_key)

    def _pass_on(self, operation: str, call: Json, environ: WSGIEnvironment) -> Response:
        """Pass a call on to moto, and note the code of an error.

        Raises:
            ApiError: moto does not have the operation, or fails at this request.
        """
        try:
            response = Response.from_app(self._moto, environ, buffered=True)
        except Exception as problem:
            raise _unanswered(operation, problem) from problem
        if not 200 <= response.status_code < 300:
            answer = _parse(response.get_data())
            if not isinstance(answer, dict) or "__type" not in answer:
                raise ApiError(ABSENT[0], f"SageMaker's {operation} is {NOT_HERE}")
            call["error"] = str(answer["__type"]).rsplit("#", 1)[-1]
        return response

    def _control(self, request: Request) -> tuple[int, Any]:
        """Answer the sandbox's own requests, which tests, demos and commands make."""
        values = _parse(request.get_data())
        answer: Any = {}
        match request.method, request.path.removeprefix(CONTROL_PREFIX):
            case "GET", "behaviour":
                answer = self.service.behaviour.as_json()
            case "PUT", "behaviour":
                return self._set_behaviour({}, values)
            case "PATCH", "behaviour":
                return self._set_behaviour(self.service.behaviour.as_json(), values)
            case "POST", "reset":
                self.reset()
            case "GET", "calls":
                answer = self.calls()
            case "DELETE", "calls":
                self.clear_calls()
            case "GET", "packages":
                answer = self.service.raw()
            case "GET", secret if secret.startswith(_SECRETS):
                try:
                    key = self._issued_key(urllib.parse.unquote(secret.removeprefix(_SECRETS)))
                except OSError as problem:
                    return HTTPStatus.SERVICE_UNAVAILABLE, {"message": str(problem)}
                answer = {"key": None if key is None else asdict(key)}
            case _:
                return 404, {"message": f"no such control request: {request.method} {request.path}"}
        return 200, answer

    def _set_behaviour(self, base: Json, values: Any) -> tuple[int, Any]:
        if not isinstance(values, dict):
            return 400, {"message": "a JSON object is expected"}
        try:
            self.service.behaviour = Behaviour.from_json(base | values)
        except ValueError as problem:
            return 400, {"message": str(problem)}
        return 200, self.service.behaviour.as_json()


def _fail(fault: Fault) -> NoReturn:
    raise ApiError(fault.code, fault.message, fault.http_status)


def _unreadable() -> ApiError:
    return ApiError("SerializationException", "Start of structure expected")


def _unanswered(operation: str, problem: Exception) -> ApiError:
    refused = _refused(f"SageMaker's {operation}", problem)
    return ApiError(refused.codes[0], str(refused), refused.status)


def _absent(what: str, response: Response, head: Head) -> str | None:
    """Return what is not there for a request that moto answers with a page or with nothing; None otherwise.

    Its S3 answers without a body when a bucket is not there.
    """
    if response.status_code < HTTPStatus.BAD_REQUEST or response.mimetype != "text/html":
        return None
    body = response.get_data()
    if body[:9].lower() == b"<!doctype":
        return f"{what} is {NOT_HERE}"
    return f"{what} names no operation" if not body and head.path == "/" and head.bucket is None else None


def _refused(what: str, problem: Exception) -> Refused:
    """Return the error for what is not there, or what fails: the client's, which no SDK tries again."""
    if isinstance(problem, (NotImplementedError, OperationNotFoundError)):
        return Refused(f"{what} is {NOT_HERE}: {problem}", ABSENT, HTTPStatus.BAD_REQUEST)
    LOG.warning("%s failed", what, exc_info=problem)
    reason = f"{what} cannot answer this request: {type(problem).__name__}: {problem}"
    return Refused(reason, _FAILED, HTTPStatus.BAD_REQUEST)


def _engine_answer(engine: Engine, request: Request, head: Head) -> Response:
    try:
        return engine.answer(request)
    except Refused as refused:
        status, headers, content = refused.answer(head)
        return Response(content, status, headers)


def _package(arguments: Any) -> str | None:
    """Return the ARN of the package that a call names, if it does."""
    if not isinstance(arguments, dict):
        return None
    identifiers = (arguments.get(name) for name in ("ModelPackageName", "ModelPackageArn", "ResourceArn"))
    return next(filter(is_package_arn, identifiers), None)


def _parse(body: bytes) -> Any:
    try:
        return bounded_json.loads(body or b"{}")
    except ValueError:
        return None


def _error_response(error: ApiError) -> Response:
    return _response(error.http_status, {"__type": error.code, "message": error.message})


def _response(status: int, answer: Any, content_type: str = "application/x-amz-json-1.1") -> Response:
    headers = {"x-amzn-RequestId": str(uuid.uuid4())}
    return Response(json.dumps(answer), status, headers, content_type=content_type)
