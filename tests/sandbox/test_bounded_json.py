"""JSON that is nested too deeply is refused in words, wherever a request has it."""

from __future__ import annotations

import pytest

from sandbox.local_aws import Sandbox
from sandbox.shared import bounded_json
from sandbox.shared.bounded_json import MAX_DEPTH, TooDeepError
from sandbox.shared.http_request import Answer, request
from sandbox.shared.signatures import sign_post

DEPTHS = (MAX_DEPTH, 1_000, 3_000, 200_000)
AMZ_JSON = {"Content-Type": "application/x-amz-json-1.1"}


def nested(levels: int) -> bytes:
    """Return an object in which there are so many levels more."""
    return b'{"a": ' + b"[" * levels + b"]" * levels + b"}"


def post(
    sandbox: Sandbox, part: str, body: bytes, path: str = "/", target: str = "", service: str = ""
) -> Answer:
    url = f"{sandbox.endpoints[part]}{path}"
    signed = sign_post(url, body, sandbox.credentials, service or part, {**AMZ_JSON, "X-Amz-Target": target})
    return request(url, "POST", body, signed)


def test_bounded_json_takes_as_many_levels_as_it_says() -> None:
    assert bounded_json.loads(nested(MAX_DEPTH - 1))
    for levels in DEPTHS:
        with pytest.raises(TooDeepError, match="nested too deeply, in more than 200 levels"):
            bounded_json.loads(nested(levels))


@pytest.mark.parametrize("text", ["NaN", '{"a": [-Infinity]}'])
def test_bounded_json_refuses_what_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="is no number of JSON"):
        bounded_json.loads(text)


@pytest.mark.parametrize("levels", DEPTHS)
def test_nested_event_is_refused(fake_sandbox: Sandbox, levels: int) -> None:
    path = "/2015-03-31/functions/Echo/invocations"
    answer = post(fake_sandbox, "functions", nested(levels), path, service="lambda")
    assert (answer.status, answer.headers["X-Amzn-ErrorType"]) == (400, "InvalidRequestContentException")
    assert b"nested too deeply" in answer.body


@pytest.mark.parametrize("levels", DEPTHS)
@pytest.mark.parametrize(
    ("part", "service", "target"),
    [
        ("sagemaker", "sagemaker", "SageMaker.CreateModelPackage"),
        ("sagemaker", "sagemaker", "SageMaker.CreateModel"),
        ("sagemaker", "ssm", "AmazonSSM.PutParameter"),
        ("cloudformation", "ssm", "AmazonSSM.PutParameter"),
        ("cloudcontrol", "cloudcontrolapi", "CloudApiService.GetResource"),
    ],
)
def test_nested_request_is_refused(
    fake_sandbox: Sandbox, part: str, service: str, target: str, levels: int
) -> None:
    answer = post(fake_sandbox, part, nested(levels), target=target, service=service)
    assert answer.status == 400
    assert b"SerializationException" in answer.body


@pytest.mark.parametrize("levels", DEPTHS)
def test_nested_behaviour_is_refused(fake_sandbox: Sandbox, levels: int) -> None:
    headers = {"Authorization": fake_sandbox.credentials.basic}
    url = f"{fake_sandbox.endpoints['sagemaker']}/sandbox/behaviour"
    for method in ("PATCH", "PUT"):
        answer = request(url, method, nested(levels), headers)
        assert (answer.status, answer.body) == (400, b'{"message": "a JSON object is expected"}')
