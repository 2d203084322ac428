"""Attempts: which answers are asked for again, how often, and after what pause."""

from __future__ import annotations

import socket

import pytest

from aws_sagemaker_modelpackage import client, timing

from .conftest import Clock, Invoker
from .events import (
    IN_GROUP,
    MAYBE_CHANGED,
    MAYBE_REGISTERED,
    NAMED,
    NAMED_STATE,
    STATE,
    VERSION,
    failed,
    named,
    not_found,
    not_promised,
    succeeded,
    tag_list,
    version,
    version_model,
)
from .scripted_sagemaker import (
    A_PROXY_PAGE,
    ANY,
    EXPIRED,
    HALF_AN_ANSWER,
    HALF_AN_ERROR,
    HANGS,
    HANGS_UP,
    NOT_TEXT,
    UNAVAILABLE,
    Reply,
    Script,
    absent,
    answer,
    error,
)
from .tables import table

INTERNAL = error("InternalFailure", "oops", 500)
THROTTLED = error("ThrottlingException", "Rate exceeded")
TOO_DEEP = Reply(body=b'{"ModelPackageArn":' * 50_000 + b"1" + b"}" * 50_000)
# JSON's parser reads it, and what follows it in the handlers would not.
DEEP = Reply(body=b'{"ModelPackageArn":"arn","CustomerMetadataProperties":' + b"[" * 900 + b"]" * 900 + b"}")
NOT_PROMISED = not_promised("DescribeModelPackage")


@table(
    "replies",
    {
        "a lost connection": [HANGS_UP] * 3,
        "503 without a code": [UNAVAILABLE] * 3,
        "an internal failure": [INTERNAL] * 3,
        "throttling": [THROTTLED] * 3,
        "a timeout of the service": [error("RequestTimeout", "slow")] * 3,
        "answers that are none of the API's": [A_PROXY_PAGE, HALF_AN_ANSWER, HALF_AN_ERROR],
    },
)
def test_passing_disturbance_is_ridden_out(
    invoke: Invoker, script: Script, clock: Clock, replies: list[Reply]
) -> None:
    script.describe(VERSION, *replies, version())
    assert invoke("READ", STATE) == succeeded(version_model())
    assert len(clock.pauses) == 3


CLOSED = 'Connection was closed before we received a valid response from endpoint URL: "{url}/".'


@table(
    "reply, attempts, code, text",
    {
        "lost connections": (HANGS_UP, 4, "NetworkFailure", CLOSED),
        "unavailable": (UNAVAILABLE, 4, "ServiceInternalError", "Service Unavailable (503)"),
        "500": (INTERNAL, 4, "ServiceInternalError", INTERNAL.text),
        "502": (error("Teapot", "boiling", 502), 4, "ServiceInternalError", "boiling (Teapot)"),
        "a page instead of an error": (
            Reply(500, b"<html>oops</html>"),
            4,
            "ServiceInternalError",
            "Internal Server Error (500)",
        ),
        "throttled": (THROTTLED, 4, "Throttling", THROTTLED.text),
        "expired credentials": (EXPIRED, 1, "InvalidCredentials", EXPIRED.text),
        "no known code": (error("Teapot", "boiling"), 1, "GeneralServiceException", "boiling (Teapot)"),
    },
)
def test_lasting_disturbance_is_reported_after_a_few_attempts(
    invoke: Invoker, script: Script, reply: Reply, attempts: int, code: str, text: str
) -> None:
    script.describe(VERSION, *[reply] * attempts)
    assert invoke("READ", STATE) == failed(code, "READ", VERSION, text.format(url=script.url))


@table(
    "reply",
    {
        "half an answer": HALF_AN_ANSWER,
        "half an error": HALF_AN_ERROR,
        "a page": A_PROXY_PAGE,
        "bytes that are no text": NOT_TEXT,
        "an empty answer": Reply(body=b""),
        "a list": answer([]),
        "other types": answer({"ModelPackageArn": "a", "InferenceSpecification": "odd"}),
        "no time": answer({"ModelPackageArn": "a", "CreationTime": "odd"}),
        "one nested too deeply": TOO_DEEP,
        "an error nested too deeply": Reply(400, TOO_DEEP.body),
        "null": Reply(503, b"null"),
        "a string": Reply(500, b'"Service Unavailable"'),
        "an error that is no text": Reply(500, b"\xff\xfe{"),
        "a code that is none": Reply(400, b'{"__type": 5}'),
        "a list as code": Reply(500, b'{"__type": ["a"]}'),
        "nothing": Reply(400, b""),
        "no code": Reply(400, b'{"message": "no"}'),
        "a redirection": Reply(302, b""),
        **{
            f"a page with {status}": Reply(status, b"<html>no</html>")
            for status in (301, 307, 404, 407, 413, 418)
        },
    },
)
def test_answer_that_is_none_of_the_api_is_asked_for_again(
    invoke: Invoker, script: Script, reply: Reply
) -> None:
    script.describe(VERSION, *[reply] * timing.MAX_ATTEMPTS)
    status = f" (HTTP {reply.status})" if reply.status >= 300 else ""
    text = not_promised(f"DescribeModelPackage{status}")
    assert invoke("READ", STATE) == failed("ServiceInternalError", "READ", VERSION, text)


@pytest.mark.parametrize(
    ("status", "code", "attempts"),
    [(401, "AccessDenied", 1), (403, "AccessDenied", 1), (429, "Throttling", 4)],
)
def test_page_whose_status_says_enough_is_answered_by_it(
    invoke: Invoker, script: Script, status: int, code: str, attempts: int
) -> None:
    script.describe(VERSION, *[Reply(status, b"<html>no</html>")] * attempts)
    assert invoke("READ", STATE)["errorCode"] == code


def test_answer_that_is_none_of_the_api_is_not_asked_for_again_without_time(
    invoke: Invoker, script: Script
) -> None:
    script.describe(VERSION, A_PROXY_PAGE, takes=timing.MAX_INVOCATION_SECONDS - 1)
    assert invoke("READ", STATE) == failed("ServiceInternalError", "READ", VERSION, NOT_PROMISED)


def test_refused_connection_is_a_network_failure(
    invoke: Invoker, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed_again:
        closed_again.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed_again.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
    text = f'Could not connect to the endpoint URL: "{url}/"'
    assert invoke("READ", STATE) == failed("NetworkFailure", "READ", VERSION, text)
    assert len(clock.pauses) == timing.MAX_ATTEMPTS - 1


def test_answer_that_does_not_come_is_a_network_failure(
    invoke: Invoker, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "READ_SECONDS", 0.2)
    script.describe(VERSION, *[HANGS] * timing.MAX_ATTEMPTS)
    text = f'Read timeout on endpoint URL: "{script.url}/"'
    assert invoke("READ", STATE) == failed("NetworkFailure", "READ", VERSION, text)


def test_lasting_error_is_not_asked_for_again(invoke: Invoker, script: Script, clock: Clock) -> None:
    script.describe(VERSION, absent(VERSION))
    assert invoke("READ", STATE) == not_found("READ", VERSION, absent(VERSION))
    assert clock.pauses == []


def test_operation_without_promises_may_have_an_empty_answer(invoke: Invoker, script: Script) -> None:
    script.describe_metadata(VERSION, version())
    script.delete(VERSION, Reply(body=b""))
    script.describe_metadata(VERSION, absent(VERSION))
    assert invoke("DELETE", STATE) == succeeded()


@pytest.mark.parametrize("reply", [HALF_AN_ANSWER, A_PROXY_PAGE], ids=["half an answer", "a page"])
def test_unreadable_tags_are_not_taken_for_none(invoke: Invoker, script: Script, reply: Reply) -> None:
    script.describe(NAMED, named())
    for _ in range(timing.MAX_ATTEMPTS):
        script.expect("ListTags", {"ResourceArn": NAMED}, reply)
    event = invoke("READ", {"ModelPackageArn": NAMED})
    assert event == failed("ServiceInternalError", "READ", NAMED, not_promised("ListTags"))


@pytest.mark.parametrize("reply", [TOO_DEEP, DEEP], ids=["by far", "for the handlers"])
def test_answer_that_is_nested_too_deeply_is_ridden_out(
    invoke: Invoker, script: Script, clock: Clock, reply: Reply
) -> None:
    script.describe(VERSION, reply, version())
    assert invoke("READ", STATE) == succeeded(version_model())
    assert len(clock.pauses) == 1


def test_page_after_tags_are_added_is_no_success(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named(), tags={})
    for _ in range(timing.MAX_ATTEMPTS):
        script.add_tags(NAMED, {"a": "1"}, A_PROXY_PAGE)
    event = invoke("UPDATE", {**NAMED_STATE, "Tags": tag_list({"a": "1"})}, NAMED_STATE)
    text = f"{MAYBE_CHANGED}. {not_promised('AddTags')}"
    assert event == failed("ServiceInternalError", "UPDATE", NAMED, text)


@pytest.mark.parametrize("reply", [A_PROXY_PAGE, TOO_DEEP], ids=["a page", "one nested too deeply"])
def test_unreadable_answer_to_a_create_is_no_success(invoke: Invoker, script: Script, reply: Reply) -> None:
    for _ in range(timing.MAX_ATTEMPTS):
        script.create(ANY, reply)
    text = f"{MAYBE_REGISTERED}. {not_promised('CreateModelPackage')}"
    assert invoke("CREATE", IN_GROUP) == failed("ServiceInternalError", "CREATE", "churn", text)


@pytest.mark.parametrize("attempts", [2, 3, 4])
def test_throttled_call_pauses_longer_each_time(
    invoke: Invoker, script: Script, clock: Clock, attempts: int
) -> None:
    script.describe(VERSION, *[THROTTLED] * (attempts - 1), version())
    assert invoke("READ", STATE) == succeeded(version_model())
    longest = [timing.MAX_THROTTLED_PAUSE_SECONDS, timing.MAX_PAUSE_SECONDS, timing.MAX_PAUSE_SECONDS]
    assert len(clock.pauses) == attempts - 1
    assert all(most / 2 <= pause <= most for pause, most in zip(clock.pauses, longest, strict=False))
