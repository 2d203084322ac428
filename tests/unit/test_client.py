"""The client: credentials, region, attempts, time limits, and answers that are none."""

from __future__ import annotations

import contextlib
import logging
import socket
from typing import Any

import pytest
from cloudformation_cli_python_lib import Action
from cloudformation_cli_python_lib.utils import Credentials

from aws_sagemaker_modelpackage import client, timing
from aws_sagemaker_modelpackage.request import Deadline, Request

from .conftest import CREDENTIALS, Clock, Invoker
from .events import (
    GONE,
    MAYBE_REGISTERED,
    NAMED,
    VERSION,
    failed,
    named,
    not_found,
    nothing_of,
    said,
    succeeded,
    tag_list,
    version,
    version_model,
)
from .scripted_sagemaker import (
    A_PROXY_PAGE,
    ANY,
    HALF_AN_ANSWER,
    HALF_AN_ERROR,
    HANGS,
    HANGS_UP,
    NOT_TEXT,
    UNAVAILABLE,
    Reply,
    ScriptedSageMaker,
    answer,
    error,
)

STATE = {"ModelPackageArn": VERSION}


def request(*, left: float = 28.0) -> Request:
    """A request with so many seconds left."""
    return Request(
        action=Action.READ,
        token="",
        desired=STATE,
        region="eu-west-1",
        credentials=Credentials(**CREDENTIALS),
        deadline=Deadline(left),
    )


# --- who calls, and where ---------------------------------------------------------------------------


def test_each_invocation_signs_with_its_own_credentials_and_region(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    for key, region in (("AKIDONE", "eu-west-1"), ("AKIDTWO", "us-east-2")):
        sagemaker.describe(VERSION, version())
        event = invoke("READ", STATE, region=region, callerCredentials={**CREDENTIALS, "accessKeyId": key})
        assert event == succeeded(version_model())
    signed = [signer.split("/") for signer in sagemaker.signers]
    assert [(key, region, service) for key, _, region, service, _ in signed] == [
        ("AKIDONE", "eu-west-1", "sagemaker"),
        ("AKIDTWO", "us-east-2", "sagemaker"),
    ]


def test_the_hosts_own_credentials_are_never_used(
    invoke: Invoker, sagemaker: ScriptedSageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDHOST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the host")
    client._session.cache_clear()
    monkeypatch.setattr(client, "_session", client._session.__wrapped__)
    nothing = dict.fromkeys(CREDENTIALS)
    event = invoke("READ", STATE, callerCredentials=nothing)
    assert not sagemaker.signers
    assert event == failed(
        "InvalidCredentials", said("READ", VERSION, "the request carries no caller credentials")
    )


@pytest.mark.parametrize("missing", ["accessKeyId", "secretAccessKey"])
@pytest.mark.parametrize("nothing", [None, ""], ids=["null", "empty"])
def test_half_of_the_credentials_is_not_enough(invoke: Invoker, missing: str, nothing: str | None) -> None:
    event = invoke("READ", STATE, callerCredentials={**CREDENTIALS, missing: nothing})
    words = "the request carries no caller credentials"
    assert event == failed("InvalidCredentials", said("READ", VERSION, words))


def test_without_a_region_there_is_no_client(invoke: Invoker) -> None:
    event = invoke("READ", STATE, region=None)
    assert event == failed("InvalidRequest", said("READ", VERSION, "You must specify a region."))


def test_a_region_that_cannot_be_one_is_refused(invoke: Invoker) -> None:
    event = invoke("READ", STATE, region="not a region")
    words = "the event's region must be the name of a region"
    assert event == failed("InvalidRequest", said("READ", VERSION, words))


def test_api_descriptions_are_read_once_for_a_process() -> None:
    first: Any = client.make(request())
    second: Any = client.make(request())
    assert first is not second
    assert first.meta.service_model is not None
    assert client._session() is client._session()
    assert first._service_model is second._service_model


# --- time limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "connect", "read"),
    [
        pytest.param(28.0, 2.0, 5.0, id="all of the time"),
        pytest.param(14.0, 1.0, 2.5, id="half of it"),
        pytest.param(40.0, 2.0, 5.0, id="never more than the whole"),
        pytest.param(0.0, 0.1, 0.1, id="never nothing"),
        pytest.param(-5.0, 0.1, 0.1, id="nor less"),
    ],
)
def test_an_attempt_gets_its_share_of_the_time(left: float, connect: float, read: float) -> None:
    config: Any = client.make(request(left=left)).meta.config
    assert (config.connect_timeout, config.read_timeout) == (connect, read)
    assert config.retries == {"mode": "standard", "total_max_attempts": 4}


# --- attempts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(HANGS_UP, id="a lost connection"),
        pytest.param(UNAVAILABLE, id="503 without a word"),
        pytest.param(error("InternalFailure", "oops", 500), id="an internal failure"),
        pytest.param(error("ThrottlingException", "Rate exceeded"), id="throttling"),
        pytest.param(error("RequestTimeout", "slow"), id="a timeout of the service"),
    ],
)
def test_a_passing_disturbance_is_ridden_out(
    invoke: Invoker, sagemaker: ScriptedSageMaker, clock: Clock, reply: Reply
) -> None:
    for _ in range(3):
        sagemaker.describe(VERSION, reply)
    sagemaker.describe(VERSION, version())
    assert invoke("READ", STATE) == succeeded(version_model())
    assert len(clock.pauses) == 3


@pytest.mark.parametrize(
    ("reply", "attempts", "code", "words"),
    [
        pytest.param(
            HANGS_UP,
            4,
            "NetworkFailure",
            'Connection was closed before we received a valid response from endpoint URL: "{url}/".',
            id="lost connections",
        ),
        pytest.param(
            HALF_AN_ANSWER,
            4,
            "ServiceInternalError",
            nothing_of("DescribeModelPackage"),
            id="half an answer",
        ),
        pytest.param(
            HALF_AN_ERROR,
            4,
            "ServiceInternalError",
            nothing_of("DescribeModelPackage"),
            id="half an error",
        ),
        pytest.param(UNAVAILABLE, 4, "ServiceInternalError", "Service Unavailable (503)", id="unavailable"),
        pytest.param(
            error("InternalFailure", "oops", 500),
            4,
            "ServiceInternalError",
            "oops (InternalFailure)",
            id="500",
        ),
        pytest.param(
            error("Teapot", "boiling", 502), 4, "ServiceInternalError", "boiling (Teapot)", id="502"
        ),
        pytest.param(
            Reply(500, b"<html>oops</html>"),
            4,
            "ServiceInternalError",
            "Internal Server Error (500)",
            id="a page instead of an error",
        ),
        pytest.param(
            error("ThrottlingException", "Rate exceeded"),
            4,
            "Throttling",
            "Rate exceeded (ThrottlingException)",
            id="throttled",
        ),
        pytest.param(
            A_PROXY_PAGE,
            4,
            "ServiceInternalError",
            nothing_of("DescribeModelPackage"),
            id="a page instead of an answer",
        ),
        pytest.param(
            NOT_TEXT,
            4,
            "ServiceInternalError",
            nothing_of("DescribeModelPackage"),
            id="bytes that are no text",
        ),
        pytest.param(
            Reply(body=b""),
            4,
            "ServiceInternalError",
            nothing_of("DescribeModelPackage"),
            id="an empty answer",
        ),
        pytest.param(
            answer([]),
            4,
            "ServiceInternalError",
            nothing_of("DescribeModelPackage"),
            id="JSON of another shape",
        ),
        pytest.param(
            error("ExpiredTokenException", "expired"),
            1,
            "InvalidCredentials",
            "expired (ExpiredTokenException)",
            id="expired credentials",
        ),
        pytest.param(
            error("Teapot", "boiling"), 1, "GeneralServiceException", "boiling (Teapot)", id="no known code"
        ),
    ],
)
def test_a_lasting_disturbance_is_reported_after_a_few_attempts(
    invoke: Invoker, sagemaker: ScriptedSageMaker, reply: Reply, attempts: int, code: str, words: str
) -> None:
    for _ in range(attempts):
        sagemaker.describe(VERSION, reply)
    assert invoke("READ", STATE) == failed(code, said("READ", VERSION, words.format(url=sagemaker.url)))


def test_a_refused_connection_is_a_network_failure(
    invoke: Invoker, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed_again:
        closed_again.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed_again.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
    words = f'Could not connect to the endpoint URL: "{url}/"'
    assert invoke("READ", STATE) == failed("NetworkFailure", said("READ", VERSION, words))
    assert len(clock.pauses) == timing.MAX_ATTEMPTS - 1


def test_an_answer_that_does_not_come_is_a_network_failure(
    invoke: Invoker, sagemaker: ScriptedSageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "READ_SECONDS", 0.2)
    for _ in range(4):
        sagemaker.describe(VERSION, HANGS)
    words = f'Read timeout on endpoint URL: "{sagemaker.url}/"'
    assert invoke("READ", STATE) == failed("NetworkFailure", said("READ", VERSION, words))


def test_what_cannot_pass_is_not_tried_again(
    invoke: Invoker, sagemaker: ScriptedSageMaker, clock: Clock
) -> None:
    sagemaker.describe(VERSION, error("ValidationException", GONE.format(VERSION)))
    words = f"{GONE.format(VERSION)} (ValidationException)"
    assert invoke("READ", STATE) == not_found("READ", VERSION, words)
    assert clock.pauses == []


def test_an_operation_that_promises_nothing_may_answer_nothing(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.look(VERSION, version())
    sagemaker.delete(VERSION, Reply(body=b""))
    sagemaker.look(VERSION, error("ValidationException", GONE.format(VERSION)))
    assert invoke("DELETE", STATE) == succeeded()


@pytest.mark.parametrize("reply", [HALF_AN_ANSWER, A_PROXY_PAGE], ids=["half an answer", "a page"])
def test_tags_that_could_not_be_read_are_not_taken_for_none(
    invoke: Invoker, sagemaker: ScriptedSageMaker, reply: Reply
) -> None:
    sagemaker.describe(NAMED, named())
    for _ in range(timing.MAX_ATTEMPTS):
        sagemaker.expect("ListTags", {"ResourceArn": NAMED}, reply)
    event = invoke("READ", {"ModelPackageArn": NAMED})
    assert event == failed("ServiceInternalError", said("READ", NAMED, nothing_of("ListTags")))


def test_tags_whose_setting_is_answered_with_a_page_are_not_taken_for_set(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    state = {"ModelPackageArn": NAMED, "ModelPackageName": "scorer"}
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {})
    for _ in range(timing.MAX_ATTEMPTS):
        sagemaker.expect("AddTags", ANY, A_PROXY_PAGE)
    event = invoke("UPDATE", {**state, "Tags": tag_list({"a": "1"})}, state)
    assert event == failed("ServiceInternalError", said("UPDATE", NAMED, nothing_of("AddTags")))


def test_a_create_that_is_answered_with_a_page_is_no_success(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    for _ in range(timing.MAX_ATTEMPTS):
        sagemaker.expect("CreateModelPackage", ANY, A_PROXY_PAGE)
    event = invoke("CREATE", {"ModelPackageGroupName": "churn"})
    words = f"{MAYBE_REGISTERED}. {nothing_of('CreateModelPackage')}"
    assert event == failed("ServiceInternalError", said("CREATE", "churn", words))


def test_an_answer_that_is_none_of_the_api_is_asked_for_again(
    invoke: Invoker, sagemaker: ScriptedSageMaker, clock: Clock
) -> None:
    for reply in (A_PROXY_PAGE, HALF_AN_ANSWER, HALF_AN_ERROR):
        sagemaker.describe(VERSION, reply)
    sagemaker.describe(VERSION, version())
    assert invoke("READ", STATE) == succeeded(version_model())
    assert len(clock.pauses) == 3


def test_an_answer_that_is_none_of_the_api_is_not_asked_for_when_time_is_short(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, A_PROXY_PAGE, takes=timing.MAX_INVOCATION_SECONDS - 1)
    words = nothing_of("DescribeModelPackage")
    assert invoke("READ", STATE) == failed("ServiceInternalError", said("READ", VERSION, words))


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(body=b'{"ModelPackageArn": "a", "InferenceSpecification": "odd"}'), id="types"),
        pytest.param(Reply(body=b'{"ModelPackageArn": "a", "CreationTime": "odd"}'), id="a time"),
        pytest.param(Reply(503, b"null"), id="null"),
        pytest.param(Reply(500, b'"Service Unavailable"'), id="a string"),
        pytest.param(Reply(500, b"\xff\xfe{"), id="an error that is no text"),
        pytest.param(Reply(400, b'{"__type": 5}'), id="a code that is none"),
        pytest.param(Reply(500, b'{"__type": ["a"]}'), id="a list as code"),
    ],
)
def test_an_answer_of_another_shape_is_asked_for_again(
    invoke: Invoker, sagemaker: ScriptedSageMaker, reply: Reply
) -> None:
    for _ in range(timing.MAX_ATTEMPTS):
        sagemaker.describe(VERSION, reply)
    words = nothing_of("DescribeModelPackage")
    assert invoke("READ", STATE) == failed("ServiceInternalError", said("READ", VERSION, words))


@pytest.mark.parametrize("attempts", [2, 3, 4])
def test_a_throttled_call_pauses_longer_each_time(
    invoke: Invoker, sagemaker: ScriptedSageMaker, clock: Clock, attempts: int
) -> None:
    for _ in range(attempts - 1):
        sagemaker.describe(VERSION, error("ThrottlingException", "Rate exceeded"))
    sagemaker.describe(VERSION, version())
    assert invoke("READ", STATE) == succeeded(version_model())
    longest = [timing.MAX_THROTTLED_PAUSE_SECONDS, timing.MAX_PAUSE_SECONDS, timing.MAX_PAUSE_SECONDS][
        : attempts - 1
    ]
    assert len(clock.pauses) == attempts - 1
    assert all(most / 2 <= pause <= most for pause, most in zip(clock.pauses, longest, strict=True))


# --- logs -------------------------------------------------------------------------------------------


def test_requests_and_answers_are_not_logged_at_any_level(
    invoke: Invoker, sagemaker: ScriptedSageMaker, caplog: pytest.LogCaptureFixture
) -> None:
    card = {"ModelCardContent": '{"overview": "what only we know"}', "ModelCardStatus": "Draft"}
    sagemaker.describe(VERSION, version(ModelCard=card))
    loggers = [name for name in logging.root.manager.loggerDict if name.startswith("botocore")]
    with contextlib.ExitStack() as levels:
        for name in (None, *loggers):
            levels.enter_context(caplog.at_level(logging.DEBUG, logger=name))
        logging.getLogger("botocore.endpoint").debug("is a record that botocore would make")
        assert invoke("READ", STATE) == succeeded(version_model(ModelCard=card))
    assert len(loggers) > 10
    levels_of_botocore = {record.levelno for record in caplog.records if record.name.startswith("botocore")}
    assert levels_of_botocore == {logging.INFO}  # where it found its endpoint
    assert "what only we know" not in caplog.text
    assert "session" not in caplog.text


def test_the_wire_fails_a_test_whose_calls_are_not_those_of_the_script() -> None:
    unforeseen: Any = ScriptedSageMaker()
    assert unforeseen.reply_to("ListTags", {}).status == 400
    with pytest.raises(AssertionError, match=r"ListTags {} came, expected was: no call"):
        unforeseen.verify()
    left = ScriptedSageMaker()
    left.delete(VERSION)
    with pytest.raises(AssertionError, match="these calls never came"):
        left.verify()
