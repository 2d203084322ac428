"""`events`: the handler events, with their SageMaker calls and answers."""

from __future__ import annotations

import argparse
import time
from contextlib import closing

from sandbox.commands import arguments, watch
from sandbox.commands.output import Json, clock, print_json, print_result, report
from sandbox.commands.stacks import SandboxStacks
from sandbox.shared.exit_codes import DONE
from sandbox.state_file import RunningSandbox

HELP = arguments.Help(
    summary="show what the handlers were asked, called and answered",
    explanation=(
        "Shows the events that the handlers got, oldest first, each with its time, action, "
        "resource (stack/logical id), status, delay until the next poll, duration and SageMaker "
        "calls with their errors, and with the handler's message if there is one. 'again' marks a "
        "later poll of an operation. The newest 500 are shown."
    ),
    examples=["events", "events fraud", "events --failed --json"],
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("stack", nargs="?", metavar="STACK", help="only those of this stack, deleted or not")
    parser.add_argument(
        "--follow", action="store_true", help="go on showing them as they are answered, until Ctrl-C"
    )
    parser.add_argument("--failed", action="store_true", help="only those that failed")
    arguments.add_shared(parser, "one object for each event, on a line of its own")


def run(options: argparse.Namespace) -> int:
    """Show the events and return the exit code."""
    sandbox = arguments.sandbox_of(options)
    seen: set[str] = set()
    overview = sandbox.overview()
    count = _show(options, sandbox, seen, overview)
    if options.follow:
        try:
            while True:
                time.sleep(watch.POLL_SECONDS)
                _show(options, sandbox, seen, sandbox.overview())
        except KeyboardInterrupt:  # the only way to end it
            return DONE
    if options.stack is not None and not any(event["stack"] == options.stack for event in overview["events"]):
        with closing(SandboxStacks(sandbox)) as stacks:
            stacks.get(options.stack)  # fails if there is no such stack at all
    if not options.json:
        if overview["olderEvents"]:
            report(f"Older events, which are not shown: {overview['olderEvents']}")
        if not count:
            report("No such events" if options.failed or options.stack else "No events yet")
    return DONE


def _show(options: argparse.Namespace, sandbox: RunningSandbox, seen: set[str], overview: Json) -> int:
    """Show the events that are not among those seen, and return how many."""
    count = 0
    for event in overview["events"]:
        if (options.stack is not None and event["stack"] != options.stack) or (
            options.failed and event["status"] != "FAILED"
        ):
            continue
        # With --follow, an event is shown once it has ended.
        if event["id"] in seen or (options.follow and event["running"]):
            continue
        seen.add(event["id"])
        count += 1
        if options.json:
            print_json(event)
        else:
            print_result(event_line(event, sandbox.time_scale))
    return count


def event_line(event: Json, time_scale: float) -> str:
    """Return a handler event as text; a failure has its message on a second line."""
    action = f"{event['action']}{', again' if event['callback'] else ''}"
    where = "/".join(filter(None, (event["stack"], event["logicalId"]))) or event["function"]
    status = "running" if event["running"] else event["status"]
    parts = [f"{clock(event['started'])}  {action:13}  {where:24}  {status:11}"]
    if event["callbackDelaySeconds"] is not None and event["status"] == "IN_PROGRESS":
        parts.append(f"next poll after {event['callbackDelaySeconds'] * time_scale:g} s")
    if event["durationMs"] is not None:
        parts.append(f"{event['durationMs']:.0f} ms")
    calls = ", ".join(
        call["operation"] + (f" ({call['error']})" if call["error"] else "") for call in event["calls"]
    )
    if calls:
        parts.append(calls)
    line = "  ".join(parts).rstrip()
    if event["status"] == "FAILED":
        line += f"\n    {event['errorCode'] or 'no code'}: {event['message']}"
    elif event["message"]:
        line += f"\n    {event['message']}"
    return line
