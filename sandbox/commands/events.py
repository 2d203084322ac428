"""`events`: what the handlers have been asked, what they called, and how they answered."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from sandbox.commands import stacks
from sandbox.commands.common import (
    DONE,
    LOOK_EVERY,
    Commands,
    Help,
    Json,
    add_command,
    add_json,
    add_state,
    clock,
    put,
    put_json,
    sandbox_of,
    tell,
)
from sandbox.state_file import Running


def add(commands: Commands) -> None:
    """Put the command into the parser."""
    parser = add_command(
        commands,
        "events",
        run,
        Help(
            summary="show what the handlers were asked, called and answered",
            explanation=(
                "Shows the events that the handlers got, oldest first, each with its time, action, "
                "resource (stack/logical id), status, delay until the next look, duration and SageMaker "
                "calls with their errors, and with the message of a failure. 'again' marks a later look "
                "at an operation. The newest 500 are shown."
            ),
            examples=["events", "events fraud", "events --failed --json"],
        ),
    )
    parser.add_argument("stack", nargs="?", metavar="STACK", help="only those of this stack, deleted or not")
    parser.add_argument(
        "--follow", action="store_true", help="go on showing them as they are answered, until Ctrl-C"
    )
    parser.add_argument("--failed", action="store_true", help="only those that failed")
    add_json(parser, "one object for each event, on a line of its own")
    add_state(parser)


def run(options: argparse.Namespace) -> int:
    """Show them."""
    running = sandbox_of(options)
    seen: set[str] = set()
    shown = _show(options, running, seen, overview := running.overview())
    if options.follow:
        return _follow(options, running, seen)
    if options.stack is not None and not any(event["stack"] == options.stack for event in overview["events"]):
        with stacks.of(running) as found:
            found.get(options.stack)  # says so if there is no such stack at all
    if not options.json:
        if overview["olderEvents"]:
            tell(f"Older events, which are not shown: {overview['olderEvents']}")
        if not shown:
            tell("No such events" if options.failed or options.stack else "No events yet")
    return DONE


def _follow(options: argparse.Namespace, running: Running, seen: set[str]) -> int:
    try:
        while True:
            time.sleep(LOOK_EVERY)
            _show(options, running, seen, running.overview())
    except KeyboardInterrupt:  # which is how it ends
        return DONE


def _show(options: argparse.Namespace, running: Running, seen: set[str], overview: Json) -> int:
    """Show the events that have not been, and return how many."""
    shown = 0
    for event in _wanted(options, overview["events"]):
        # What is still running is shown at its end, if there will be one to see.
        if event["id"] in seen or (options.follow and event["running"]):
            continue
        seen.add(event["id"])
        shown += 1
        if options.json:
            put_json(event)
        else:
            put(line(event, running.time_scale))
    return shown


def _wanted(options: argparse.Namespace, events: list[Json]) -> Iterator[Json]:
    for event in events:
        if options.stack is not None and event["stack"] != options.stack:
            continue
        if options.failed and event["status"] != "FAILED":
            continue
        yield event


def line(event: Json, time_scale: float) -> str:
    """An event as somebody reads it."""
    action = f"{event['action']}{', again' if event['callback'] else ''}"
    where = "/".join(filter(None, (event["stack"], event["logicalId"]))) or event["function"]
    status = "running" if event["running"] else event["status"]
    parts = [f"{clock(event['started'])}  {action:13}  {where:24}  {status:11}"]
    if event["callbackDelaySeconds"] is not None and event["status"] == "IN_PROGRESS":
        parts.append(f"next look after {event['callbackDelaySeconds'] * time_scale:g} s")
    if event["durationMs"] is not None:
        parts.append(f"{event['durationMs']:.0f} ms")
    calls = ", ".join(
        call["operation"] + (f" ({call['error']})" if call["error"] else "") for call in event["calls"]
    )
    if calls:
        parts.append(calls)
    told = "  ".join(parts).rstrip()
    if event["status"] == "FAILED":
        told += f"\n    {event['errorCode'] or 'no code'}: {event['message']}"
    return told
