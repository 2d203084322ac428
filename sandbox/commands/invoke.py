"""`invoke`: sends one event to the handlers, or polls until its operation is over."""

from __future__ import annotations

import argparse
import copy
import json
import time
from contextlib import closing
from typing import Any

from sandbox.commands import arguments, files, watch
from sandbox.commands.errors import TimedOutError, UsageError
from sandbox.commands.output import Json, Progress, print_json, report
from sandbox.shared.exit_codes import DONE, FAILED, INTERRUPTED
from sandbox.shared.processes import SandboxError
from sandbox.state_file import INVOKE_TIMEOUT_SECONDS, RunningSandbox

# The function for each kind of event, by a member that only this kind has.
FUNCTIONS = {"requestData": "TypeFunction", "request": "TestEntrypoint"}
# Where each kind has the model.
MODELS = {"requestData": "resourceProperties", "request": "desiredResourceState"}

HELP = arguments.Help(
    summary="send one event to the handlers and show what they answer",
    explanation=(
        "Sends an event to the handlers through Lambda's Invoke API and prints the answer. An "
        "event with 'request', like those in sam-tests/, goes to TestEntrypoint; one with "
        "'requestData', as CloudFormation sends it, to TypeFunction. The handlers get the sandbox's "
        "credentials in place of those in the event. With --until-done an answer "
        "IN_PROGRESS is followed, after the delay it asks for, by the next poll with its "
        "callbackContext and model, as CloudFormation would do it, until the operation is over; "
        "the last answer is printed. Delays pass as fast as 'start --time-scale' lets them."
    ),
    examples=[
        "invoke sam-tests/list.json",
        "invoke sam-tests/list.json --json",
        "invoke --until-done - < sam-tests/list.json",
    ],
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("event", metavar="EVENT_FILE", help="the event, as JSON; - is stdin")
    parser.add_argument("--until-done", action="store_true", help="poll until the operation is over")
    arguments.add_shared(parser, "the answer in one line", timeout=True)


def run(options: argparse.Namespace) -> int:
    """Invoke the function, print its answer and return the exit code."""
    event = _read(options.event)
    sandbox = arguments.sandbox_of(options)
    # The local SageMaker refuses those of an account, and those of sam-tests/.
    event = sandbox.credentials.put_into(event)
    try:
        with closing(sandbox.client("lambda", read_timeout=INVOKE_TIMEOUT_SECONDS)) as client:
            answer = _invoke(client, event)
            if options.until_done:
                answer = _poll_until_done(options, sandbox, client, event, answer)
    except KeyboardInterrupt:
        report("Interrupted: the handlers are not asked again, and what they have begun stays as it is")
        return INTERRUPTED
    print_json(answer, pretty=not options.json)
    status = answer.get("status")
    if status == "FAILED":
        report(f"FAILED {answer.get('errorCode')}: {answer.get('message')}")
    elif status == "IN_PROGRESS":
        report("It is not over: the same command with --until-done polls until it is")
    return FAILED if status == "FAILED" else DONE


def _read(name: str) -> Json:
    text = files.read_text(name, "event file")
    if not text.strip():
        raise UsageError(f"{files.display_name(name)} is empty")
    event = files.parse_json(text, name)
    if not isinstance(event, dict) or not any(isinstance(event.get(each), dict) for each in FUNCTIONS):
        raise UsageError(
            f"{files.display_name(name)} is no event: a JSON object with `request` (for TestEntrypoint) or "
            "`requestData` (for TypeFunction) is expected. There are examples in sam-tests/"
        )
    return event


def _kind(event: Json) -> str:
    return next(each for each in FUNCTIONS if isinstance(event.get(each), dict))


def _invoke(client: Any, event: Json) -> Json:  # no stubs of Lambda's client are installed
    response = client.invoke(FunctionName=FUNCTIONS[_kind(event)], Payload=json.dumps(event))
    with response["Payload"] as payload:
        answer = json.loads(payload.read())
    if response.get("FunctionError"):
        raise SandboxError(f"The function failed: {answer.get('errorType')}: {answer.get('errorMessage')}")
    if not isinstance(answer, dict):
        raise SandboxError("The function did not answer with an event")
    return answer


def _poll_until_done(
    options: argparse.Namespace, sandbox: RunningSandbox, client: Any, event: Json, answer: Json
) -> Json:
    started = time.monotonic()
    polls = 1
    with Progress(quiet=options.json) as progress:
        while answer.get("status") == "IN_PROGRESS":
            delay = float(answer.get("callbackDelaySeconds") or 0) * sandbox.time_scale
            if not options.json:
                progress.clear()
                report(f"poll {polls}: IN_PROGRESS, the next one in {delay:g} s")
            if time.monotonic() + delay - started > options.timeout:
                raise TimedOutError(f"It is not over after {options.timeout:g} s, and is not polled again")
            end = time.monotonic() + delay
            while (left := end - time.monotonic()) > 0:
                progress.show(f"  {time.monotonic() - started:.0f} s so far, next poll in {left:.0f} s")
                time.sleep(min(left, watch.POLL_SECONDS))
            event = _next_event(event, answer)
            answer = _invoke(client, event)
            polls += 1
    if not options.json:
        report(f"poll {polls}: {answer.get('status')}")
    return answer


def _next_event(event: Json, answer: Json) -> Json:
    """Return the event of the next poll, with the callback context and the model of the answer."""
    following = copy.deepcopy(event)
    following["callbackContext"] = answer.get("callbackContext")
    if answer.get("resourceModel"):
        kind = _kind(event)
        following[kind][MODELS[kind]] = answer["resourceModel"]
    return following
