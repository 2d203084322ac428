"""`reset`: the sandbox as it was when it started."""

from __future__ import annotations

import argparse

from sandbox.commands import stacks
from sandbox.commands.common import (
    DONE,
    FAILED,
    Commands,
    Help,
    Json,
    add_command,
    add_json,
    add_state,
    command,
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
        "reset",
        run,
        Help(
            summary="forget stacks, packages, events and behaviour",
            explanation=(
                "Makes the running sandbox what it was when it started: stacks, groups, packages, "
                "buckets, handler events, SageMaker calls and the settings of the local SageMaker's "
                "behaviour are forgotten. No handler is called: to see a deletion at work, use delete. "
                "While a stack is in progress nothing is forgotten, unless --force is given: then handlers "
                "of the forgotten stack may go on, fail because their package is gone, and show up on the "
                "page. Cloud Control's list of past requests stays."
            ),
            examples=["reset", "reset --json"],
        ),
    )
    parser.add_argument("--force", action="store_true", help="also while a stack is in progress")
    add_json(parser, "what was forgotten")
    add_state(parser)


def run(options: argparse.Namespace) -> int:
    """Forget, and say what."""
    from sandbox.sagemaker.behaviour import Behaviour

    running = sandbox_of(options)
    found = _stacks(running)
    busy = [name for name, status in found.items() if status.endswith("_IN_PROGRESS")]
    if busy and not options.force:
        tell(
            f"In progress: {', '.join(busy)}. Nothing is forgotten, because handlers would go on. Wait for "
            f"the end, or give --force. See it:\n    {command(options, f'status {busy[0]}')}"
        )
        return FAILED
    overview = running.overview()
    changed = running.behaviour() != Behaviour().as_json()
    running.reset()
    forgotten = {
        "stacks": list(found),
        "groups": [group["name"] for group in overview["groups"] if group["name"]],
        "packages": sum(len(group["packages"]) for group in overview["groups"]),
        "events": len(overview["events"]) + overview["olderEvents"],
        "behaviour": changed,
        "inProgress": busy,
    }
    if options.json:
        put_json(forgotten)
    else:
        put(_words(forgotten))
        if busy:
            tell(
                f"In progress were: {', '.join(busy)}. Handlers that were asked before may still go on and "
                "fail, because what they look for is gone; the page and `events` then show that. Another "
                "reset, once they have ended, forgets it"
            )
    return DONE


def _stacks(running: Running) -> dict[str, str]:
    if "cloudformation" not in running.endpoints:
        return {}
    with stacks.of(running) as found:
        return {each["StackName"]: each["StackStatus"] for each in found.all()}


def _words(forgotten: Json) -> str:
    def counted(count: int, what: str, names: list[str] | None = None) -> str:
        return f"{count} {what}{'' if count == 1 else 's'}" + (f" ({', '.join(names)})" if names else "")

    parts = [
        counted(len(forgotten["stacks"]), "stack", forgotten["stacks"]),
        counted(len(forgotten["groups"]), "group", forgotten["groups"]),
        counted(forgotten["packages"], "package"),
        counted(forgotten["events"], "handler event"),
    ]
    behaviour = "; SageMaker behaves by its defaults again" if forgotten["behaviour"] else ""
    return f"Forgotten: {', '.join(parts)}{behaviour}"
