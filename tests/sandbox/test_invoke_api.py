"""The Invoke API, as boto3's Lambda client sees it: with functions in one process, and in their own."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.lambda_ import invoke_api
from sandbox.lambda_.function import Function, Outcome, read_functions
from sandbox.lambda_.invoke_api import MAX_CONCURRENT, MAX_PAYLOAD_BYTES, FunctionRunner
from sandbox.local_aws import Sandbox
from sandbox.shared.credentials import session
from sandbox.shared.settings import ACCOUNT, REGION, TEMPLATE
from tests.sandbox.helpers import MAX_WAIT_SECONDS, cases, invoke, until

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"


@pytest.fixture(params=["awslambda", "runtime_lambda"])
def functions(request: pytest.FixtureRequest) -> Any:
    """A client of either kind of functions."""
    return request.getfixturevalue(request.param)


def test_invoke_returns_the_answer(functions: Any) -> None:
    response, answer = invoke(functions, "Echo", {"hello": ["wörld", 1, None]})

    assert (response["StatusCode"], response["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in response
    assert answer["event"] == {"hello": ["wörld", 1, None]}
    # The context has what Lambda gives.
    assert 0 < answer["remaining"] <= 1000
    assert (answer["name"], answer["arn"], answer["memory"]) == ("Echo", FUNCTION + "Echo", "256")
    assert answer["request"] == response["ResponseMetadata"]["RequestId"]


@cases(
    "function, event, error, message",
    {
        "a handler that raises": ("Echo", {"raise": "on purpose"}, "LookupError", "on purpose"),
        # The runtime client sends it a second time, as a header, which http.server takes up to 64 KB.
        "a long message": ("Echo", {"raise": "long" * 50_000}, "LookupError", "long" * 50_000),
        "an answer that is no JSON": ("Echo", {"not json": True}, "Runtime.MarshalError", "nable to marshal"),
        "a handler that cannot be imported": (
            "Missing",
            {},
            "Runtime.ImportModuleError",
            "nowhere_to_be_found",
        ),
        "a handler over its timeout": (
            "Echo",
            {"sleep": 1.3},
            "Sandbox.Timedout",
            "Task timed out after 1.00 seconds",
        ),
    },
)
def test_invoke_returns_function_errors(
    functions: Any, function: str, event: Any, error: str, message: str
) -> None:
    for _ in range(2):
        response, answer = invoke(functions, function, event)

        assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
        assert answer["errorType"] == error
        assert message in answer["errorMessage"]
        assert error != "LookupError" or "echo" in "".join(answer["stackTrace"])


@cases(
    "fixture, line",
    {
        "in this process": ("fake_sandbox", "logged by the handler"),
        "under the runtime client": ("runtime_sandbox", "{request}\tlogged by the handler"),
    },
)
def test_handlers_print_and_log_to_the_log(request: pytest.FixtureRequest, fixture: str, line: str) -> None:
    sandbox: Sandbox = request.getfixturevalue(fixture)
    _, answer = invoke(sandbox.client("lambda"), "Echo", {})

    assert sandbox.logs is not None
    log = (sandbox.logs / "functions.log").read_text()
    assert "printed by the handler" in log
    assert line.format_map(answer) in log


def test_environment_has_the_local_endpoint_and_nothing_of_the_shell(
    awslambda: Any, fake_sandbox: Sandbox
) -> None:
    environment = invoke(awslambda, "Echo", {})[1]["environment"]

    assert environment["AWS_ENDPOINT_URL"] == fake_sandbox.endpoints["sagemaker"]
    assert environment["AWS_DEFAULT_REGION"] == REGION
    assert environment.keys().isdisjoint({"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"})


@pytest.mark.parametrize("name", ["Echo", "Echo:$LATEST", f"{ACCOUNT}:function:Echo", FUNCTION + "Echo"])
def test_invoke_takes_the_names_that_lambda_knows(awslambda: Any, name: str) -> None:
    assert invoke(awslambda, name, {})[1]["name"] == "Echo"


@cases(
    "name, payload, code, message",
    {
        "an unknown function": (
            "Missed",
            b"{}",
            "ResourceNotFoundException",
            f"Function not found: {FUNCTION}Missed",
        ),
        "no JSON": ("Echo", b"{not json", "InvalidRequestContentException", "Could not parse request body"),
        "a large payload": ("Echo", b" " * (MAX_PAYLOAD_BYTES + 1), "RequestTooLargeException", "smaller"),
    },
)
def test_invoke_refuses(awslambda: Any, name: str, payload: bytes, code: str, message: str) -> None:
    with pytest.raises(ClientError) as raised:
        invoke(awslambda, name, payload)

    assert raised.value.response["Error"]["Code"] == code
    assert message in str(raised.value)


def test_invocations_run_at_the_same_time(awslambda: Any) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: invoke(awslambda, "Echo", {"sleep": 0.6})[1], range(4)))

    # One after the other, the last would have been over the function's timeout.
    assert [answer["event"] for answer in answers] == [{"sleep": 0.6}] * 4


def test_dry_run_runs_nothing(awslambda: Any, fake_sandbox: Sandbox) -> None:
    response, answer = invoke(awslambda, "Echo", {}, InvocationType="DryRun")

    assert (response["StatusCode"], answer) == (204, None)
    assert fake_sandbox.invocations() == []


def test_invocations_are_listed_without_property_values(awslambda: Any, fake_sandbox: Sandbox) -> None:
    event = {
        "action": "CREATE",
        "bearerToken": "noted",
        "stackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/noted/1",
        "requestData": {
            "callerCredentials": {"sessionToken": "a secret, too"},
            "logicalResourceId": "Thing",
            "resourceProperties": {"Name": "secret", "Behave": "slow"},
            "stackTags": {},
        },
    }
    began = time.time()
    invoke(awslambda, "TypeFunction", event)
    invoke(awslambda, "Echo", {"raise": "on purpose"})

    first, second = fake_sandbox.invocations()
    assert first.pop("durationMs") > 0
    assert began - 1 < first.pop("started") < time.time() + 1
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


def test_invocations_of_the_test_entry_point_are_listed_alike(awslambda: Any, fake_sandbox: Sandbox) -> None:
    event = {
        "action": "READ",
        "credentials": {"sessionToken": "a session"},
        "request": {"clientRequestToken": "noted", "logicalResourceIdentifier": "Thing"},
    }
    invoke(awslambda, "Echo", event)

    (entry,) = fake_sandbox.invocations()
    expected = ("noted", "Thing", session("a session"))
    assert (entry["operation"], entry["logicalId"], entry["session"]) == expected


def test_invocations_of_sessions_are_listed_with_the_time_since_when_none_is_missing(
    awslambda: Any, fake_sandbox: Sandbox
) -> None:
    began = time.time()
    fake_sandbox.clear_invocations()
    for token in ("first", "second", "first", ""):
        invoke(awslambda, "Echo", {"credentials": {"sessionToken": token}})

    entries, since = fake_sandbox.matching_invocations(
        "session", [str(session("first")), str(session("third"))]
    )
    listed = fake_sandbox.invocations()
    assert entries == [listed[0], listed[2]]
    assert began <= since <= entries[0]["started"] + 0.001
    assert fake_sandbox.matching_invocations("id", [listed[3]["id"]]) == ([listed[3]], since)
    assert fake_sandbox.matching_invocations("operation", ["no such & token"]) == ([], since)


def test_runner_without_room_forgets_the_oldest_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoke_api, "MAX_INVOCATIONS", 2)
    runner = FunctionRunner({}, Counting(1))
    function = Function("Echo", "", 0, 0)
    times = []
    for _ in range(3):
        runner.run(function, {"credentials": {"sessionToken": "a"}}, "id")
        times.append(runner.invocations()[-1]["started"])

    entries, since = runner.matching("session", [str(session("a"))])
    assert [each["started"] for each in entries] == times[1:]
    assert times[0] <= since <= times[1] + 0.001


def test_runner_begins_an_invocation_with_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoke_api, "MAX_CONCURRENT", 1)
    host = Held()
    runner = FunctionRunner({}, host)
    function = Function("Echo", "", 0, 0)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(runner.run, function, {}, "first")
        until(lambda: host.at_work == 1)
        second = pool.submit(runner.run, function, {}, "second")
        until(lambda: len(runner.invocations()) == 2)
        arrived = runner.invocations()[1]["started"]
        until(lambda: round(time.time(), 3) > arrived)
        host.let_go.set()
        for each in (first, second):
            each.result()
    assert runner.invocations()[1]["started"] > arrived


def test_runner_misses_an_invocation_that_runs_when_it_is_forgotten() -> None:
    host = Held()
    runner = FunctionRunner({}, host)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(runner.run, Function("Echo", "", 0, 0), {}, "id")
        until(lambda: host.at_work == 1)
        runner.forget_invocations()
        forgotten = time.time()
        assert runner.matching("id", ["id"])[1] >= forgotten
        ended = time.time()
        host.let_go.set()
        running.result()
    since = runner.matching("id", ["id"])[1]
    assert ended <= since <= time.time()
    assert runner.matching("id", ["id"])[1] == since


def test_runner_matches_what_is_no_text() -> None:
    runner = FunctionRunner({}, Counting(1))
    runner.run(Function("Echo", "", 0, 0), {"bearerToken": ["a"], "stackId": {"b": 1}}, "id")
    assert runner.matching("operation", frozenset({"token"}))[0] == []


def test_invocations_are_listed_while_they_run(awslambda: Any, fake_sandbox: Sandbox) -> None:
    invoke(awslambda, "Echo", {"sleep": 0.5}, InvocationType="Event")

    (entry,) = until(fake_sandbox.invocations)
    assert (entry["running"], entry["status"], entry["durationMs"]) == (True, None, None)
    (entry,) = until(lambda: [each for each in fake_sandbox.invocations() if not each["running"]])
    assert entry["durationMs"] > 400


def test_read_functions_reads_both_entry_points() -> None:
    functions = read_functions(TEMPLATE)

    assert {name: function.handler for name, function in functions.items()} == {
        "TypeFunction": "aws_sagemaker_modelpackage.handlers.resource",
        "TestEntrypoint": "aws_sagemaker_modelpackage.handlers.test_entrypoint",
    }


class Held:
    """A host whose handlers end when they are let go."""

    def __init__(self) -> None:
        self.at_work = 0
        self.let_go = threading.Event()

    def run(self, _function: Function, _event: Any, _request_id: str) -> Outcome:
        self.at_work += 1
        assert self.let_go.wait(MAX_WAIT_SECONDS)
        return Outcome(b"{}")

    def close(self) -> None:
        """Nothing to close."""


class Counting:
    """A host whose handlers end once the first so many are at work."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._all_are_at_work = threading.Barrier(most)
        self.at_work = self.peak = 0

    def run(self, _function: Function, event: Any, _request_id: str) -> Outcome:
        with self._lock:
            self.at_work += 1
            self.peak = max(self.peak, self.at_work)
        self._all_are_at_work.wait(MAX_WAIT_SECONDS)
        with self._lock:
            self.at_work -= 1
        return Outcome(json.dumps(event).encode())

    def close(self) -> None:
        """Hold nothing."""


def test_invocations_beyond_the_most_at_once_wait_for_their_turn() -> None:
    host = Counting(MAX_CONCURRENT)
    runner = FunctionRunner({}, host)
    function = Function("Echo", "", 1.0, 128)
    count = 4 * MAX_CONCURRENT
    with ThreadPoolExecutor(count) as pool:
        outcomes = list(pool.map(lambda number: runner.run(function, number, str(number)).body, range(count)))
    assert outcomes == [str(number).encode() for number in range(count)]
    assert host.peak == MAX_CONCURRENT
