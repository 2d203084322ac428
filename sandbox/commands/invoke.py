"""`invoke`: one event to the handlers, or as many as the operation takes."""

from __future__ import annotations

import argparse
import copy
import json
import time
from contextlib import closing
from typing import Any

from sandbox.commands.common import (
    DONE,
    FAILED,
    INTERRUPTED,
    LOOK_EVERY,
    Commands,
    Help,
    Json,
    NotOverError,
    Progress,
    UsageError,
    add_command,
    add_json,
    add_state,
    add_timeout,
    called,
    parse_json,
    put_json,
    read_text,
    sandbox_of,
    tell,
)
from sandbox.state_file import INVOKE_SECONDS, Running

# The function for each kind of event, by the member that tells them apart.
FUNCTIONS = {"requestData": "TypeFunction", "request": "TestEntrypoint"}
# Where each kind has the model that the next look needs.
MODELS = {"requestData": "resourceProperties", "request": "desiredResourceState"}


def add(commands: Commands) -> None:
    """Put the command into the parser."""
    parser = add_command(
        commands,
        "invoke",
        run,
        Help(
            summary="send one event to the handlers and show what they answer",
            explanation=(
                "Sends an event to the handlers through Lambda's Invoke API and prints the answer. An "
                "event with 'request', like those in sam-tests/, goes to TestEntrypoint; one with "
                "'requestData', as CloudFormation sends it, to TypeFunction. With --until-done an answer "
                "IN_PROGRESS is followed, after the delay it asks for, by the next look with its "
                "callbackContext and model, as CloudFormation would do it, until the operation is over; "
                "the last answer is printed. Delays pass as fast as 'start --time-scale' lets them."
            ),
            examples=[
                "invoke sam-tests/list.json",
                "invoke sam-tests/list.json --json",
                "invoke --until-done - < sam-tests/list.json",
            ],
        ),
    )
    parser.add_argument("event", metavar="EVENT_FILE", help="the event, as JSON; - is stdin")
    parser.add_argument("--until-done", action="store_true", help="look again until the operation is over")
    add_timeout(parser)
    add_json(parser, "the answer in one line")
    add_state(parser)


def run(options: argparse.Namespace) -> int:
    """Invoke, and return whether the answer is one to be glad of."""
    event = read(options.event)
    running = sandbox_of(options)
    answer: Json | None = None
    try:
        with closing(running.client("lambda", read_timeout=INVOKE_SECONDS)) as client:
            answer = _invoke(client, event)
            if options.until_done:
                answer = _until_done(options, running, client, event, answer)
    except KeyboardInterrupt:
        tell("Interrupted: the handlers are not asked again, and what they have begun stays as it is")
        return INTERRUPTED
    put_json(answer, pretty=not options.json)
    status = answer.get("status")
    if status == "FAILED":
        tell(f"FAILED {answer.get('errorCode')}: {answer.get('message')}")
    elif status == "IN_PROGRESS":
        tell("It is not over: the same command with --until-done looks again until it is")
    return FAILED if status == "FAILED" else DONE


def read(name: str) -> Json:
    """The event in a file (`-`: stdin); UsageError when it is none."""
    text = read_text(name, "event file")
    if not text.strip():
        raise UsageError(f"{called(name)} is empty")
    event = parse_json(text, name)
    if not isinstance(event, dict) or not any(isinstance(event.get(each), dict) for each in FUNCTIONS):
        raise UsageError(
            f"{called(name)} is no event: a JSON object with `request` (for TestEntrypoint) or `requestData` "
            "(for TypeFunction) is expected. There are examples in sam-tests/"
        )
    return event


def _kind(event: Json) -> str:
    return next(each for each in FUNCTIONS if isinstance(event.get(each), dict))


def _invoke(client: Any, event: Json) -> Json:
    from sandbox.shared.processes import SandboxError

    answered = client.invoke(FunctionName=FUNCTIONS[_kind(event)], Payload=json.dumps(event))
    with answered["Payload"] as payload:
        answer = json.loads(payload.read())
    if answered.get("FunctionError"):
        raise SandboxError(f"The function failed: {answer.get('errorType')}: {answer.get('errorMessage')}")
    if not isinstance(answer, dict):
        raise SandboxError("The function did not answer with an event")
    return answer


def _until_done(
    options: argparse.Namespace, running: Running, client: Any, event: Json, answer: Json
) -> Json:
    started = time.monotonic()
    looks = 1
    with Progress(quiet=options.json) as progress:
        while answer.get("status") == "IN_PROGRESS":
            delay = float(answer.get("callbackDelaySeconds") or 0) * running.time_scale
            if not options.json:
                progress.clear()
                tell(f"look {looks}: IN_PROGRESS, the next one in {delay:g} s")
            if time.monotonic() + delay - started > options.timeout:
                raise NotOverError(f"It is not over after {options.timeout:g} s, and nobody looks again")
            _wait(delay, started, progress)
            event = _next(event, answer)
            answer = _invoke(client, event)
            looks += 1
    if not options.json:
        tell(f"look {looks}: {answer.get('status')}")
    return answer


def _wait(delay: float, started: float, progress: Progress) -> None:
    end = time.monotonic() + delay
    while (left := end - time.monotonic()) > 0:
        progress.show(f"  {time.monotonic() - started:.0f} s so far, next look in {left:.0f} s")
        time.sleep(min(left, LOOK_EVERY))


def _next(event: Json, answer: Json) -> Json:
    """The event of the next look, which has what the last one answered with."""
    following = copy.deepcopy(event)
    following["callbackContext"] = answer.get("callbackContext")
    if answer.get("resourceModel"):
        kind = _kind(event)
        following[kind][MODELS[kind]] = answer["resourceModel"]
    return following
