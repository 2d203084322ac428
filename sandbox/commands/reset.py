"""`reset`: empties the running sandbox."""

from __future__ import annotations

import argparse

from sandbox.commands import arguments
from sandbox.commands.output import Json, print_json, print_result, report
from sandbox.commands.stacks import live_stacks
from sandbox.commands.watch import is_in_progress
from sandbox.shared.exit_codes import DONE, FAILED

HELP = arguments.Help(
    summary="forget stacks, packages, events and behaviour",
    explanation=(
        "Makes the running sandbox what it was when it started: stacks, groups, packages, "
        "buckets, registered types, handler events, SageMaker calls and the settings of the local "
        "SageMaker's behaviour are forgotten. No handler is called: to see a deletion at work, use delete. "
        "While a stack is in progress nothing is forgotten, unless --force is given: then handlers "
        "of the forgotten stack may go on, fail because their package is gone, and show up on the "
        "page. Cloud Control's list of past requests stays."
    ),
    examples=["reset", "reset --json"],
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--force", action="store_true", help="also while a stack is in progress")
    arguments.add_shared(parser, "what was forgotten")


def run(options: argparse.Namespace) -> int:
    """Reset the sandbox, report what it held and return the exit code."""
    from sandbox.sagemaker.behaviour import Behaviour

    sandbox = arguments.sandbox_of(options)
    stacks = live_stacks(sandbox)
    busy = [stack["StackName"] for stack in stacks if is_in_progress(stack["StackStatus"])]
    if busy and not options.force:
        report(
            f"In progress: {', '.join(busy)}. Nothing is forgotten, because handlers would go on. Wait for "
            f"the end, or give --force. See it:\n    {arguments.command_line(options, f'status {busy[0]}')}"
        )
        return FAILED
    overview = sandbox.overview()
    is_changed = sandbox.behaviour() != Behaviour().as_json()
    sandbox.reset()
    forgotten = {
        "stacks": [stack["StackName"] for stack in stacks],
        "groups": [group["name"] for group in overview["groups"] if group["name"]],
        "packages": sum(len(group["packages"]) for group in overview["groups"]),
        "events": len(overview["events"]) + overview["olderEvents"],
        "behaviour": is_changed,
        "inProgress": busy,
    }
    if options.json:
        print_json(forgotten)
    else:
        print_result(_summary(forgotten))
        if busy:
            report(
                f"In progress were: {', '.join(busy)}. Handlers that were asked before may still go on and "
                "fail, because what they need is gone; the page and `events` then show that. Another "
                "reset, once they have ended, forgets it"
            )
    return DONE


def _summary(forgotten: Json) -> str:
    def count(number: int, noun: str, names: list[str] | None = None) -> str:
        return f"{number} {noun}{'' if number == 1 else 's'}" + (f" ({', '.join(names)})" if names else "")

    parts = [
        count(len(forgotten["stacks"]), "stack", forgotten["stacks"]),
        count(len(forgotten["groups"]), "group", forgotten["groups"]),
        count(forgotten["packages"], "package"),
        count(forgotten["events"], "handler event"),
    ]
    behaviour = "; SageMaker behaves by its defaults again" if forgotten["behaviour"] else ""
    return f"Forgotten: {', '.join(parts)}{behaviour}"
