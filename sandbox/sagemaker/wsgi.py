"""The application in front of moto: answers model packages and control requests, and passes the rest on."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import closing
from io import BytesIO
from typing import Any, NoReturn
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.wsgi import ClosingIterator

from sandbox.shared.api_validation import check
from sandbox.shared.credentials import session, signer
from sandbox.shared.errors import ApiError
from sandbox.shared.wsgi_server import Application

from . import moto_parts
from .arns import Scope, is_package_arn
from .behaviour import Behaviour, Fault
from .operations import ModelPackages

Json = dict[str, Any]

_TARGET_PREFIX = "SageMaker."
# More than any test makes; older calls are dropped, so that a demo that runs for days stays small.
MAX_CALLS = 100_000


class Calls:
    """The SageMaker calls so far, in order."""

    def __init__(self) -> None:
        self._calls: deque[Json] = deque(maxlen=MAX_CALLS)
        self._lock = threading.Lock()

    def add(self, call: Json) -> None:
        """Remember one call; its error is filled in once it is answered."""
        with self._lock:
            self._calls.append(call)

    def all(self) -> list[Json]:
        """Return the calls."""
        with self._lock:
            return list(self._calls)

    def clear(self) -> None:
        """Forget the calls."""
        with self._lock:
            self._calls.clear()


class SageMakerApplication:
    """The WSGI application of the whole server."""

    def __init__(self, service: ModelPackages, moto: Application) -> None:
        self.service = service
        self.calls = Calls()
        self._moto = moto

    def reset(self) -> None:
        """Forget packages, behaviour, calls, and all that moto holds."""
        self.service.reset()
        self.calls.clear()
        moto_parts.reset()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        # Control requests are not signed; a signed one is for a bucket of that name.
        if path.startswith("/sandbox/") and "HTTP_AUTHORIZATION" not in environ:
            status, answer = self._control(environ["REQUEST_METHOD"], path, _body(environ))
            return _respond(start_response, status, answer, "application/json")
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if target.startswith(_TARGET_PREFIX):
            return self._sagemaker(target.removeprefix(_TARGET_PREFIX), environ, start_response)
        return self._moto(environ, start_response)

    def _sagemaker(
        self, operation: str, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        body = _body(environ)
        arguments = _parse(body)
        started = time.monotonic()
        call: Json = {
            "operation": operation,
            "input": arguments,
            "error": None,
            "answered": False,
            "session": session(environ.get("HTTP_X_AMZ_SECURITY_TOKEN")),
            "received": round(time.time(), 3),
            "package": _package(arguments),
            "durationMs": None,
        }
        try:
            scope = _scope(environ)
            call |= {"region": scope.region, "account": scope.account}
            self.calls.add(call)
            fault = self.service.next_fault(operation)
            if fault is not None and not fault.happens:
                _fail(fault)
            if not self.service.answers(operation, call["input"]):
                self.service.check_before_moto(operation, scope, call["input"])
                return self._pass_on(call, environ, body, start_response)
            answer = self._answer(operation, scope, body)
            call["package"] = answer.get("ModelPackageArn") or call["package"]
            if fault is not None:
                _fail(fault)
        except ApiError as error:
            call["error"] = error.code
            answer = {"__type": error.code, "message": error.message}
            return _respond(start_response, error.http_status, answer)
        finally:
            call["durationMs"] = round((time.monotonic() - started) * 1000, 1)
            call["answered"] = True
        return _respond(start_response, 200, answer)

    def _answer(self, operation: str, scope: Scope, body: bytes) -> Json:
        # Parsed a second time: the stored values change with time, those in the list of calls must not.
        request = _parse(body)
        if not isinstance(request, dict):
            raise ApiError("SerializationException", "Start of structure expected")
        check(operation, request)
        return self.service.call(operation, scope, request)

    def _pass_on(
        self, call: Json, environ: WSGIEnvironment, body: bytes, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Pass a call on to moto, and note the code of an error."""
        statuses: list[str] = []

        def note_status(status: str, *rest: Any) -> Any:
            statuses.append(status)
            return start_response(status, *rest)

        with closing(
            ClosingIterator(self._moto(environ | {"wsgi.input": BytesIO(body)}, note_status))
        ) as answered:
            parts = list(answered)
        if statuses and not statuses[0].startswith("2"):
            answer = _parse(b"".join(parts))
            code = answer.get("__type") if isinstance(answer, dict) else None
            call["error"] = str(code or statuses[0]).rsplit("#", 1)[-1]
        return parts

    def _control(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Answer the sandbox's own requests, which tests, demos and commands make."""
        handlers: dict[tuple[str, str], Callable[[], tuple[int, Any]]] = {
            ("GET", "/sandbox/behaviour"): lambda: (200, self.service.behaviour.as_json()),
            ("PUT", "/sandbox/behaviour"): lambda: self._set_behaviour(_parse(body), base={}),
            ("PATCH", "/sandbox/behaviour"): lambda: self._set_behaviour(
                _parse(body), base=self.service.behaviour.as_json()
            ),
            ("POST", "/sandbox/reset"): lambda: _done(self.reset),
            ("GET", "/sandbox/calls"): lambda: (200, self.calls.all()),
            ("DELETE", "/sandbox/calls"): lambda: _done(self.calls.clear),
            ("GET", "/sandbox/packages"): lambda: (200, self.service.raw()),
        }
        handler = handlers.get((method, path))
        if handler is None:
            return 404, {"message": f"no such control request: {method} {path}"}
        return handler()

    def _set_behaviour(self, values: Any, base: Json) -> tuple[int, Any]:
        if not isinstance(values, dict):
            return 400, {"message": "a JSON object is expected"}
        try:
            self.service.behaviour = Behaviour.from_json(base | values)
        except ValueError as problem:
            return 400, {"message": str(problem)}
        return 200, self.service.behaviour.as_json()


def _done(action: Callable[[], None]) -> tuple[int, Any]:
    action()
    return 200, {}


def _fail(fault: Fault) -> NoReturn:
    raise ApiError(fault.code, fault.message, fault.http_status)


def _scope(environ: WSGIEnvironment) -> Scope:
    """Return account and region of a request, from the credential scope of its signature."""
    credential = signer(environ.get("HTTP_AUTHORIZATION", ""))
    if credential is None:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    key, region = credential
    return moto_parts.scope_of(access_key=key, region=region)


def _body(environ: WSGIEnvironment) -> bytes:
    size = int(environ.get("CONTENT_LENGTH") or 0)
    return environ["wsgi.input"].read(size) if size else b""


def _package(arguments: Any) -> str | None:
    """Return the ARN of the package that a call names, if it does."""
    if not isinstance(arguments, dict):
        return None
    named = (arguments.get(name) for name in ("ModelPackageName", "ModelPackageArn", "ResourceArn"))
    return next(filter(is_package_arn, named), None)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return None


def _respond(
    start_response: StartResponse, status: int, answer: Any, content_type: str = "application/x-amz-json-1.1"
) -> list[bytes]:
    payload = json.dumps(answer).encode()
    start_response(
        f"{status} {'OK' if status == 200 else 'Error'}",
        [
            ("Content-Type", content_type),
            ("Content-Length", str(len(payload))),
            ("x-amzn-RequestId", str(uuid.uuid4())),
        ],
    )
    return [payload]
