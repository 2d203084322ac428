"""The Invoke API, as boto3's Lambda client sees it."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.lambda_.function import read_functions
from sandbox.lambda_.invoke_api import MAX_PAYLOAD_BYTES
from sandbox.local_aws import Sandbox
from sandbox.shared.credentials import session
from sandbox.shared.settings import TEMPLATE
from tests.sandbox.looking import invoke, until


def test_the_answer_of_the_handler_comes_back(awslambda: Any) -> None:
    response, answer = invoke(awslambda, "Echo", {"hello": ["world", 1, None]})

    assert response["StatusCode"] == 200
    assert "FunctionError" not in response
    assert response["ExecutedVersion"] == "$LATEST"
    assert answer["event"] == {"hello": ["world", 1, None]}


def test_the_context_has_what_lambda_gives(awslambda: Any) -> None:
    response, answer = invoke(awslambda, "Echo", {})

    assert 0 < answer["remaining"] <= 1000
    assert answer["name"] == "Echo"
    assert answer["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:Echo"
    assert answer["memory"] == "256"
    assert answer["request"] == response["ResponseMetadata"]["RequestId"]


def test_the_environment_holds_the_local_endpoint_and_nothing_of_the_shell(
    awslambda: Any, fake_sandbox: Sandbox
) -> None:
    _, answer = invoke(awslambda, "Echo", {})

    environment = answer["environment"]
    assert environment["AWS_ENDPOINT_URL"] == fake_sandbox.endpoints["sagemaker"]
    assert environment["AWS_DEFAULT_REGION"] == "us-east-1"
    assert environment.keys().isdisjoint({"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"})


@pytest.mark.parametrize(
    "name",
    [
        "Echo",
        "Echo:$LATEST",
        "123456789012:function:Echo",
        "arn:aws:lambda:us-east-1:123456789012:function:Echo",
    ],
)
def test_a_function_has_the_names_that_lambda_knows(awslambda: Any, name: str) -> None:
    _, answer = invoke(awslambda, name, {})

    assert answer["name"] == "Echo"


def test_an_unknown_function_is_not_found(awslambda: Any) -> None:
    with pytest.raises(awslambda.exceptions.ResourceNotFoundException) as raised:
        invoke(awslambda, "Nobody", {})

    assert "Function not found: arn:aws:lambda:us-east-1:123456789012:function:Nobody" in str(raised.value)


def test_a_payload_that_is_no_json_is_refused(awslambda: Any) -> None:
    with pytest.raises(awslambda.exceptions.InvalidRequestContentException) as raised:
        invoke(awslambda, "Echo", b"{not json")

    assert "Could not parse request body into json" in str(raised.value)


def test_a_payload_that_is_too_large_is_refused(awslambda: Any) -> None:
    with pytest.raises(ClientError) as raised:
        invoke(awslambda, "Echo", b" " * (MAX_PAYLOAD_BYTES + 1))

    assert raised.value.response["Error"]["Code"] == "RequestTooLargeException"


def test_a_handler_that_raises_is_a_function_error(awslambda: Any) -> None:
    response, answer = invoke(awslambda, "Echo", {"raise": "on purpose"})

    assert response["StatusCode"] == 200
    assert response["FunctionError"] == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("LookupError", "on purpose")
    assert "echo" in "".join(answer["stackTrace"])


def test_an_answer_that_is_no_json_is_a_function_error(awslambda: Any) -> None:
    response, answer = invoke(awslambda, "Echo", {"not json": True})

    assert response["FunctionError"] == "Unhandled"
    assert answer["errorType"] == "Runtime.MarshalError"


def test_a_handler_that_cannot_be_imported_is_a_function_error(awslambda: Any) -> None:
    response, answer = invoke(awslambda, "Missing", {})

    assert response["FunctionError"] == "Unhandled"
    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert "nowhere_to_be_found" in answer["errorMessage"]


def test_a_handler_that_runs_over_its_timeout_is_cut_off(awslambda: Any) -> None:
    response, answer = invoke(awslambda, "Echo", {"sleep": 1.3})

    assert response["FunctionError"] == "Unhandled"
    assert answer["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in answer["errorMessage"]


def test_invocations_run_side_by_side(awslambda: Any) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: invoke(awslambda, "Echo", {"sleep": 0.6})[1], range(4)))

    # One after the other, the last would have been over the function's timeout.
    assert [answer["event"] for answer in answers] == [{"sleep": 0.6}] * 4


def test_a_dry_run_runs_nothing(awslambda: Any, fake_sandbox: Sandbox) -> None:
    response, answer = invoke(awslambda, "Echo", {}, InvocationType="DryRun")

    assert (response["StatusCode"], answer) == (204, None)
    assert fake_sandbox.invocations() == []


def test_what_handlers_print_goes_to_the_log(awslambda: Any, fake_sandbox: Sandbox) -> None:
    invoke(awslambda, "Echo", {})

    assert fake_sandbox.logs is not None
    log = (fake_sandbox.logs / "functions.log").read_text()
    assert "printed by the handler" in log
    assert "logged by the handler" in log


def test_invocations_are_noted_without_property_values(awslambda: Any, fake_sandbox: Sandbox) -> None:
    event = {
        "action": "CREATE",
        "bearerToken": "noted",
        "stackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/noted/1",
        "requestData": {
            "callerCredentials": {"sessionToken": "a secret, too"},
            "logicalResourceId": "Thing",
            "resourceProperties": {"Name": "secret", "Behave": "slow"},
            "stackTags": {},
        },
    }
    before = time.time()
    invoke(awslambda, "TypeFunction", event)
    invoke(awslambda, "Echo", {"raise": "on purpose"})

    first, second = fake_sandbox.invocations()
    assert first.pop("durationMs") > 0
    assert before - 1 < first.pop("started") < time.time() + 1
    assert len(first.pop("id")) == 36
    assert first == {
        "running": False,
        "stackId": event["stackId"],
        "logicalId": "Thing",
        "operation": "noted",
        "session": session("a secret, too"),
        "function": "TypeFunction",
        "action": "CREATE",
        "callback": False,
        "status": "IN_PROGRESS",
        "errorCode": None,
        "message": None,
        "callbackDelaySeconds": 20,
    }
    assert (second["errorCode"], second["message"]) == ("LookupError", "on purpose")
    assert (second["session"], second["operation"], second["logicalId"]) == (None, None, None)
    assert "secret" not in json.dumps([first, second])

    fake_sandbox.clear_invocations()
    assert fake_sandbox.invocations() == []


def test_an_event_of_the_other_entry_point_is_noted_alike(awslambda: Any, fake_sandbox: Sandbox) -> None:
    event = {
        "action": "READ",
        "credentials": {"sessionToken": "a session"},
        "request": {"clientRequestToken": "noted", "logicalResourceIdentifier": "Thing"},
    }
    invoke(awslambda, "Echo", event)

    (noted,) = fake_sandbox.invocations()
    assert (noted["operation"], noted["logicalId"], noted["session"]) == (
        "noted",
        "Thing",
        session("a session"),
    )


def test_what_has_not_answered_yet_is_noted_as_running(awslambda: Any, fake_sandbox: Sandbox) -> None:
    invoke(awslambda, "Echo", {"sleep": 0.5}, InvocationType="Event")

    (entry,) = until(fake_sandbox.invocations)
    assert (entry["running"], entry["status"], entry["durationMs"]) == (True, None, None)
    (entry,) = until(lambda: [each for each in fake_sandbox.invocations() if not each["running"]])
    assert entry["durationMs"] > 400


def test_the_project_template_declares_both_entry_points() -> None:
    functions = read_functions(TEMPLATE)

    assert {name: function.handler for name, function in functions.items()} == {
        "TypeFunction": "aws_sagemaker_modelpackage.handlers.resource",
        "TestEntrypoint": "aws_sagemaker_modelpackage.handlers.test_entrypoint",
    }
