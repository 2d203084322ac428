"""Confidential values: planted wherever some can be, and searched for in everything that is emitted.

A planted value has its mark at its beginning and at its end, with characters between that JSON, HTML, URLs
and Python escape differently. A mark is letters and digits, which none of them changes: it is found however
the value is quoted, in either case, with half of the value cut off, and in base64.
"""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import re
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from sandbox.shared.settings import REGION
from tests.faults.proxy import Call, FaultKind, error

from .world import IMAGE, Json, World, drive, package, validation

LOG_GROUP = "torture-logs"
# How CloudWatch's two services begin the names of their operations.
LOGS, METRICS = "Logs_20140328.", "GraniteServiceVersion20100801."
# Loggers of the servers, which share this process: nothing of them is in the handlers' process.
SERVERS = ("flask_cors", "moto", "responses", "sandbox", "werkzeug")
CONTEXT_KEYS = {"arn", "stage", "polls", "failed_polls", "since", "unseen_seconds"}
# An ARN of the usual length and a few short values.
MAX_CONTEXT_BYTES = 250
# Numbers have a mark of their own; no time, port or account looks like it.
WORD, NUMBER = "qzx7vj", "7301955"

_MARK = re.compile(rf"(?:{WORD}|{NUMBER})(\d\d\d)?")
# The name of a mark that is cut off before its number, or in base64.
SOMETHING = "something"


def _in_base64(word: str, before: int) -> str:
    """The word in base64 with so many bytes before it, without the ends that depend on its neighbours."""
    coded = base64.b64encode(bytes(before) + word.encode()).decode()
    return coded[-(-before * 8 // 6) : (before + len(word)) * 8 // 6]


_IN_BASE64 = [_in_base64(word, before) for word in (WORD, WORD.upper()) for before in range(3)]


class Plants:
    """Makes values with marks, and searches for the marks."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def __len__(self) -> int:
        return len(self._names)

    def mark(self, name: str) -> str:
        self._names.append(name)
        return f"{WORD}{len(self._names) - 1:03}"

    def text(self, name: str, between: str = ' "it\'s" <a&b>\n10% \u00e4/\\') -> str:
        """A value with characters that need escapes."""
        mark = self.mark(name)
        return f"{mark}{between}{mark}"

    def number(self, name: str) -> int:
        return int(self.mark(name).replace(WORD, NUMBER))

    def names_in(self, text: str) -> set[str]:
        """The names of the values of which a mark is in the text."""
        numbers = _MARK.findall(text.casefold())
        known = {self._names[int(each)] for each in numbers if each and int(each) < len(self._names)}
        coded = text.translate(str.maketrans("-_", "+/"))
        unknown = len(known) < len(set(numbers)) or any(word in coded for word in _IN_BASE64)
        return known | {SOMETHING} if unknown else known


PLANTS = Plants()
NAME, ODD = PLANTS.mark("a name"), PLANTS.text("something odd")
"""What is no secret, to test the search; and what is planted where it does not belong."""


# --- where it is planted ----------------------------------------------------------------------------


def _credentials(owner: str) -> dict[str, str]:
    key, secret, token = (PLANTS.mark(f"{owner} {part}") for part in ("access key", "secret key", "token"))
    return {
        "accessKeyId": f"ASIA{key.upper()}AAAAAAA",
        "secretAccessKey": f"{secret}/K7MDENG+bPxRfiCYEXAM/{secret}",
        "sessionToken": f"{token}IQoJb3JpZ2luX2VjE//{'w8dGpq+/' * 40}{token}==",
    }


CALLER, PROVIDER, FUNCTION = map(_credentials, ("the caller's", "the provider's", "the function's"))


def _containers(place: str) -> list[Json]:
    return [{"Image": IMAGE, "Environment": {"KEY": PLANTS.text(f"environment in {place}")}}]


def _card(edition: str) -> Json:
    """A model card: text, names and numbers, some of them deep inside."""
    overview = {
        "model_description": PLANTS.text(f"card, text, {edition}"),
        "model_version": PLANTS.number(f"card, number, {edition}"),
        "weight": float(f"0.{PLANTS.number(f'card, fraction, {edition}')}"),
    }
    deep = {
        "caveats_and_recommendations": PLANTS.text(f"card, deep text, {edition}"),
        # The only names in a card that are its author's.
        "custom_details": {PLANTS.text(f"card, name, {edition}", "_"): "value"},
    }
    content = {"model_overview": overview, "additional_information": deep}
    return {"ModelCardStatus": "Draft", "ModelCardContent": json.dumps(content)}


def _metadata(edition: str) -> Json:
    # The few characters that metadata may have.
    return {"owner": PLANTS.text(f"metadata, {edition}", " =/+\u00e4:@-"), "stage": "production"}


def _validation(edition: str) -> Json:
    return validation(Environment={"KEY": PLANTS.text(f"environment of the validation, {edition}")})


def _version() -> Json:
    made = package(
        ModelCard=_card("old"),
        CustomerMetadataProperties=_metadata("old"),
        Environment={"DEFAULT": PLANTS.text("environment, old")},
        ValidationSpecification=_validation("version"),
        AdditionalInferenceSpecifications=[{"Name": "one", "Containers": _containers("one more")}],
        AdditionalInferenceSpecificationsToAdd=[{"Name": "two", "Containers": _containers("two more")}],
        AdditionalInferenceSpecificationDefinition={"Name": "three", "Containers": _containers("three more")},
    )
    made["InferenceSpecification"]["Containers"] = _containers("the container")
    return made


VERSION = _version()
"""Properties of a version with something planted wherever a version can have it."""
UNVERSIONED = package(
    ModelPackageName="churn-model",
    CustomerMetadataProperties=_metadata("unversioned"),
    ValidationSpecification=_validation("unversioned"),
    Tags=[{"Key": "team", "Value": "forecasting"}],
)
"""Those of an unversioned package, which can have less of it."""

# Each is one update: a card and an environment, which SageMaker may refuse, cannot change together.
CHANGES: dict[str, Json] = {
    "metadata": {
        "CustomerMetadataProperties": _metadata("new"),
        "AdditionalInferenceSpecificationsToAdd": [{"Name": "four", "Containers": _containers("four more")}],
        "ModelApprovalStatus": "Approved",
    },
    "card": {"ModelCard": _card("new")},
    "environment": {"Environment": {"DEFAULT": PLANTS.text("environment, new")}},
}


@dataclass(frozen=True)
class Secret:
    """A value planted in a template, as SageMaker would quote it, and the API's path to it."""

    value: str
    path: str


def secrets(value: Any, path: str = "") -> Iterator[Secret]:
    """Every value planted in a template; of a model card also its parts."""
    if isinstance(value, dict):
        for name, item in value.items():
            member = f"{name[:1].lower()}{name[1:]}"
            yield from secrets(item, f"{path}.{member}" if path else member)
    elif isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from secrets(item, f"{path}.{number}.member")
    elif PLANTS.names_in(str(value)):
        yield Secret(str(value), path)
        if path.endswith("modelCardContent"):
            yield from (Secret(part, path) for part in _parts(json.loads(value)))


def _parts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from _parts(each)
    elif PLANTS.names_in(str(value)):
        yield str(value)


# --- how a service quotes ---------------------------------------------------------------------------

_CONSTRAINT = "failed to satisfy constraint: Member must have length less than or equal to 3"

QUOTES: dict[str, Callable[[str], str]] = {
    "as it is": lambda value: f"not allowed: {value}",
    "in single quotes": lambda value: f"the value '{value}' is not allowed",
    "in double quotes": lambda value: f'the value "{value}" is not allowed',
    "in a map": lambda value: f"not allowed: {{KEY={value}, OTHER=1}}",
    "as JSON": lambda value: f"not allowed: {json.dumps(value)}",
    "as JSON with its characters": lambda value: f"not allowed: {json.dumps(value, ensure_ascii=False)}",
    "as JSON in JSON": lambda value: f"not allowed: {json.dumps(json.dumps({'KEY': value}))}",
    "as Python": lambda value: f"not allowed: {value!r}",
    "as HTML": lambda value: f"<p>not allowed: {html.escape(value)}</p>",
    "as JSON in HTML": lambda value: f"<p>not allowed: {html.escape(json.dumps(value))}</p>",
    "as a URL": lambda value: f"not allowed: ?value={urllib.parse.quote(value, safe='')}",
    "as a form": lambda value: f"not allowed: value={urllib.parse.quote_plus(value)}",
    "on one line": lambda value: f"not allowed: {' '.join(value.split())}",
    "in capitals": lambda value: f"not allowed: {value.upper()}",
    "cut at its end": lambda value: f"not allowed: {value[: len(value) // 2]}...",
    "cut in the middle": lambda value: (
        f"not allowed: {value[: len(value) // 3]}...{value[-(len(value) // 3) :]}"
    ),
}


def at_its_path(secret: Secret) -> str:
    """SageMaker's message for a broken constraint."""
    return f"1 validation error detected: Value '{secret.value}' at '{secret.path}' {_CONSTRAINT}"


def refusing(message: str, code: str = "ValidationException", status: int = 400) -> FaultKind:
    return error("refusing", code, message, status)


# AWS's error for a signature that does not match, which quotes in full what should have been signed.
SIGNATURE_ERROR = refusing(
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret"
    " Access Key and signing method. Consult the service documentation for details.\n\nThe Canonical String"
    " for this request should have been\n'POST\n/\n\ncontent-type:application/x-amz-json-1.1\n"
    f"host:api.sagemaker.{REGION}.amazonaws.com\nx-amz-date:20261124T000000Z\n"
    f"x-amz-security-token:{CALLER['sessionToken']}\nx-amz-target:SageMaker.CreateModelPackage\n\n"
    "content-type;host;x-amz-date;x-amz-security-token;x-amz-target\n5f1d3a'\n\nThe String-to-Sign should"
    f" have been\n'AWS4-HMAC-SHA256\n20261124T000000Z\n20261124/{REGION}/sagemaker/aws4_request\n0be1'\n",
    "InvalidSignatureException",
    403,
)
# AWS's error for an unknown key.
KEY_ERROR = refusing(
    f"The AWS Access Key Id {CALLER['accessKeyId']} you provided does not exist in our records"
    f" (token {CALLER['sessionToken']}, secret {CALLER['secretAccessKey']})",
    "UnrecognizedClientException",
    403,
)


def header_error(call: Call) -> FaultKind:
    """AWS's error for an Authorization header it cannot read, which quotes the header in full."""
    return refusing(
        "Authorization header requires 'Signature' parameter. Authorization header requires existence of"
        f" either a 'X-Amz-Date' or a 'Date' header. Authorization={call.authorization}",
        "IncompleteSignatureException",
    )


def echo(status: int, kind: str) -> Callable[[Call], FaultKind]:
    """The page of a proxy before AWS that quotes the request it blocks."""

    def answer(call: Call) -> FaultKind:
        headers = f"Authorization: {call.authorization}\nX-Amz-Security-Token: {CALLER['sessionToken']}"
        body = json.dumps(call.arguments)
        page = f"<html><h1>Blocked</h1><pre>{headers}\n\n{body}</pre></html>"
        if kind == "HTML":
            page = f"<html><h1>Blocked</h1><pre>{html.escape(headers)}\n\n{html.escape(body)}</pre></html>"
        if kind == "JSON":
            page = json.dumps({"error": "blocked", "message": headers, "request": body})
        return FaultKind("echo", status=status, body=page.encode(), content_type=f"text/{kind.lower()}")

    return answer


# --- what is emitted --------------------------------------------------------------------------------

_COUNTED = {"log": "log records", "event": "parts of events", "cloudwatch": "calls to CloudWatch"}
_LONGEST = "longest callback context"
# The parts of an answer that are the model, in which the contract wants the values.
_MODELS = ("resourceModel", "resourceModels")


class _Handler(logging.Handler):
    """Passes on every record with all its attributes."""

    def __init__(self, add: Callable[[str, str], None]) -> None:
        super().__init__(logging.NOTSET)
        self._add = add
        self._known = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}

    def emit(self, record: logging.LogRecord) -> None:
        extras = {name: value for name, value in vars(record).items() if name not in self._known}
        self._add(f"log {record.name} {record.levelname}", f"{self.format(record)} {extras or ''}")


class Emissions:
    """Everything emitted while it is recording: logs of every level, output, warnings, events, metrics."""

    def __init__(self, world: World, counts: Json) -> None:
        self.world = world
        counts["planted"] = len(PLANTS)
        self._counts = counts
        self.emitted: dict[tuple[str, str], None] = {}
        """Places and texts, each pair once, in order."""
        self.contexts: list[Json] = []
        """All callback contexts."""

    def add(self, place: str, text: str) -> None:
        kind = place.partition(" ")[0]
        if kind in _COUNTED:
            self._counts[_COUNTED[kind]] += 1
        self._counts["bytes searched"] += len(text)
        self.emitted[place, text] = None

    def leaks(self) -> list[str]:
        """The name of each value that was emitted, its places, and the text around its first mark."""
        places: dict[str, list[str]] = {}
        texts: dict[str, str] = {}
        for place, text in self.emitted:
            for name in PLANTS.names_in(text):
                mark = _MARK.search(text.casefold())
                start = max(0, mark.start() - 80) if mark else 0
                texts.setdefault(name, text[start : start + 200])
                places.setdefault(name, []).append(place)
        return [f"{name!r} in {', '.join(sorted(set(places[name])))}: {text}" for name, text in texts.items()]

    def invoke(self, event: Any, entry_point: str = "resource") -> Json:
        """Invoke once, and record the answer without the model."""
        self._counts["invocations"] += 1
        answer: Json = self.world.invoke(json.loads(json.dumps(event)), entry_point)
        if context := answer.get("callbackContext"):
            self.contexts.append(context)
        for name, part in answer.items():
            if name not in _MODELS:
                self.add(f"event {name}", json.dumps(part, ensure_ascii=False))
        return answer

    def run(self, event: Json, entry_point: str = "resource", *, forgetful: bool = False) -> list[Json]:
        """Drive an operation to its end; `forgetful` loses the callback context before every invocation."""

        def invoke(event: Json) -> Json:
            return self.invoke({**event, "callbackContext": None} if forgetful else event, entry_point)

        return drive(event, invoke, self.world.clock.advance)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record all that is emitted, at every level of every logger there is."""
        handler = _Handler(self.add)
        output, errors = io.StringIO(), io.StringIO()
        root = logging.getLogger()
        known = [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
        before = [(each, each.level, each.disabled) for each in (root, *known)]
        for each in (root, *known):
            # As boto3.set_stream_logger does it: a handler of the logger itself, at the lowest level.
            each.addHandler(handler)
            each.setLevel(1)
            each.disabled = each.name.partition(".")[0] in SERVERS
        self.world.proxy.watch = self._add_telemetry
        try:
            with (
                warnings.catch_warnings(record=True) as caught,
                redirect_stdout(output),
                redirect_stderr(errors),
            ):
                warnings.simplefilter("always")
                yield
        finally:
            self.world.proxy.reset_callbacks()
            for each, level, disabled in before:
                each.removeHandler(handler)
                each.setLevel(level)
                each.disabled = disabled
        self.add("output", output.getvalue())
        self.add("output", errors.getvalue())
        for warning in caught:
            self.add("warning", str(warning.message))

    @contextmanager
    def search(self) -> Iterator[None]:
        """Record, and check that nothing planted is in it, and that callback contexts are small."""
        with self.recording():
            yield
        for context in self.contexts:
            size = len(json.dumps(context))
            assert context.keys() <= CONTEXT_KEYS
            assert size <= MAX_CONTEXT_BYTES
            self._counts[_LONGEST] = max(self._counts[_LONGEST], size)
        leaks = self.leaks()
        self._counts["found"] += len(leaks)
        assert not leaks, f"{len(leaks)} leaks:\n" + "\n".join(leaks)

    def _add_telemetry(self, call: Call, when: str) -> None:
        # What SageMaker is sent is the work itself.
        if when == "before" and call.operation.startswith((LOGS, METRICS)):
            self.add(f"cloudwatch {call.operation}", json.dumps(call.arguments, ensure_ascii=False))


def planted(event: Json, *, telemetry: bool = True) -> Json:
    """The event with the planted credentials, of the caller and of the provider's logs."""
    data = {**event["requestData"], "callerCredentials": CALLER}
    if telemetry:
        data |= {"providerCredentials": PROVIDER, "providerLogGroupName": LOG_GROUP}
    return {**event, "requestData": data}
