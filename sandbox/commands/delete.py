"""`delete`: a stack goes, and with it what its template does not retain."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from sandbox.commands import stacks
from sandbox.commands.common import (
    DONE,
    FAILED,
    Commands,
    Help,
    Json,
    Progress,
    add_command,
    add_json,
    add_state,
    add_timeout,
    command,
    put_json,
    sandbox_of,
    table,
    tell,
)


def add(commands: Commands) -> None:
    """Put the command into the parser."""
    parser = add_command(
        commands,
        "delete",
        run,
        Help(
            summary="delete a stack, showing what happens",
            explanation=(
                "Deletes a stack through its handlers, as CloudFormation does: what the template says to "
                "retain stays, and is named at the end; what cannot be deleted leaves the stack in "
                "DELETE_FAILED with the reason. To forget everything without calling a handler, use reset."
            ),
            examples=["delete fraud", "delete validated-package --json"],
        ),
    )
    parser.add_argument("stack", metavar="STACK", help="the stack's name")
    parser.add_argument(
        "--retain",
        nargs="+",
        default=[],
        metavar="RESOURCE",
        help="logical ids of resources to leave where they are; for a stack in DELETE_FAILED",
    )
    add_timeout(parser)
    add_json(parser, "status, failures and what stays")
    add_state(parser)


def run(options: argparse.Namespace) -> int:
    """Delete the stack and return how that went."""
    with stacks.of(sandbox_of(options)) as found:
        stack = found.get(options.stack)

        def watched() -> int:
            outcome = delete(options, found, stack, options.retain)
            return _told(options, stack, outcome, found.kept(stack["StackId"]))

        return stacks.unless_it_goes_on(options, found, stack["StackName"], watched)


def delete(
    options: argparse.Namespace, found: stacks.Stacks, stack: Json, retained: Sequence[str] = ()
) -> stacks.Outcome:
    """Delete the stack, if it is not being deleted already, and wait for its end."""
    watch = found.watch(stack["StackId"])
    kept = {"RetainResources": list(retained)} if retained else {}
    if stack["StackStatus"] != "DELETE_IN_PROGRESS":
        found.client.delete_stack(StackName=stack["StackId"], **kept)
    return watch.to_the_end(options.timeout, stacks.say(options), Progress(quiet=options.json))


def _told(
    options: argparse.Namespace, stack: Json, outcome: stacks.Outcome, kept: Sequence[stacks.Kept]
) -> int:
    name = stack["StackName"]
    done = outcome.status == "DELETE_COMPLETE"
    if options.json:
        put_json(
            {
                "stack": name,
                "stackId": stack["StackId"],
                "status": outcome.status,
                "failures": [failure.as_json() for failure in outcome.failures],
                "retained": [each.as_json() for each in kept],
            }
        )
    else:
        tell(f"{name} is {outcome.status}")
        if not done:
            resources = " ".join(sorted({failure.resource for failure in outcome.failures}))
            again = command(options, f"delete {name} --retain {resources}")
            tell(f"To leave behind what cannot be deleted:\n    {again}")
            stacks.tell_why(outcome.failures)
        elif kept:
            _tell_what_stays(options, kept)
    return DONE if done else FAILED


def _tell_what_stays(options: argparse.Namespace, kept: Sequence[stacks.Kept]) -> None:
    tell("These stay (DeletionPolicy or UpdateReplacePolicy: Retain, or --retain):")
    for line in table([(each.resource, each.physical_id) for each in kept]):
        tell(line)
    tell(f"Their names stay taken. To forget everything in this sandbox:\n    {command(options, 'reset')}")
