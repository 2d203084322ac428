"""Change sets: which changes they have, what is said of them, and what is left of one that is executed.

Seen in ministack 1.5.33: a change of outputs alone is none, an executed set keeps its name and goes with the
next one, `IncludePropertyValues` is ignored, values of parameters with `NoEcho` are shown, and of the members
that have no effect most are dropped. Rules are those of answers of AWS [R] where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.cloudformation.query_protocol import answer_members
from sandbox.cloudformation.resource_changes import Json, changed_resource, type_problem, with_values

from . import nested_templates, revert_drift
from .change_set_members import MEMBERS, STACK_MEMBERS, described, request_members, summary
from .compared_templates import Template, hook_compared_templates
from .names import CHANGE_SETS, CLOUDFORMATION, HANDLERS, HELPERS, STACKS, module, replace

Answer = tuple[int, dict[str, str], bytes]
Action = Callable[[dict[str, Any]], Answer]

_OK = 200
_NO_CHANGES = "The submitted information didn't contain changes."
# Where the changes with values are, in the engine's record of a change set, and what its stack had before.
_VALUES, _PREVIOUS = "_sandbox_values", "_sandbox_previous"
_WARNING = "_sandbox_warning"
# Where the id of the change set that was executed last is, in the engine's record of a stack.
_LAST = "_sandbox_last_change_set"
_INCOMPLETE = (
    "[WARN] --include-property-values option can return incomplete ChangeSet data because: "
    "ChangeSet creation failed for resource [{}] because: {}"
)


def hook_change_sets() -> None:
    """Replace what the engine compares, and the operations on change sets."""
    track = module(CHANGE_SETS)._track_change_set_execution

    async def track_with_members(change_set: Json, stack: Json, deploy: Any) -> None:
        await track(change_set, stack, deploy)
        if change_set["ExecutionStatus"] != "EXECUTE_COMPLETE":
            stack.update(change_set[_PREVIOUS])
            revert_drift.restore(change_set, stack)

    hook_compared_templates()
    replace("_find_change_set", _find, CHANGE_SETS)
    replace("_drop_other_change_sets", _drop_pending, CHANGE_SETS)
    replace("_track_change_set_execution", track_with_members, CHANGE_SETS)
    actions = module(HANDLERS)._ACTION_HANDLERS
    wrappers: dict[str, Callable[[Action], Action]] = {
        "CreateChangeSet": _creating,
        "CreateStack": _creating_reviewed,
        "DeleteStack": _keeping_executed,
        "DescribeChangeSet": _describing,
        "ExecuteChangeSet": _executing,
        "ListChangeSets": _listing,
    }
    for action, wrap in wrappers.items():
        actions[action] = wrap(actions[action])


def _all() -> Any:
    """Return the engine's change sets by id, of the account and region of the request."""
    return module(CLOUDFORMATION)._change_sets


def _refuse(message: str) -> Answer:
    refusal: Answer = module(HANDLERS)._error("ValidationError", message)
    return refusal


def _text(params: dict[str, Any], name: str) -> str:
    return str(module(HANDLERS)._p(params, name))


def _is_pending(change_set: Json) -> bool:
    return not change_set["ExecutionStatus"].startswith("EXECUTE_")


def _stack(name_or_id: str) -> Json | None:
    """Return a stack; one that is deleted has no name any more."""
    stack: Json | None = module(HANDLERS)._resolve_stack(name_or_id)
    if stack and stack["StackStatus"] == "DELETE_COMPLETE" and stack["StackId"] != name_or_id:
        return None
    return stack


def _find(name_or_id: str, stack_name: str = "") -> tuple[str | None, Json | None]:
    """Return id and record; by its name an executed one only as the stack's last one."""
    change_sets = _all()
    if name_or_id in change_sets:
        return name_or_id, change_sets[name_or_id]
    stack = _stack(stack_name) if stack_name else None
    stack_id = stack["StackId"] if stack else None
    matches = [
        (each["ChangeSetId"], each)
        for each in change_sets.values()
        if each["ChangeSetName"] == name_or_id and (not stack_name or each["StackId"] == stack_id)
    ]
    last = stack.get(_LAST) if stack else None
    pending = [each for each in matches if _is_pending(each[1])]
    executed = [each for each in matches if each[0] == last]
    return (pending or executed or [(None, None)])[-1]


def _drop_pending(stack_id: str, executed: str) -> None:
    """Delete what no longer fits the stack once one of its change sets is executed."""
    change_sets = _all()
    for key, each in list(change_sets.items()):
        if each["StackId"] == stack_id and key != executed and _is_pending(each):
            del change_sets[key]


@contextmanager
def _executed_hidden() -> Iterator[None]:
    """Leave the names of executed change sets to others."""
    change_sets = _all()
    executed = {key: each for key, each in list(change_sets.items()) if not _is_pending(each)}
    for key in executed:
        del change_sets[key]
    try:
        yield
    finally:
        change_sets.update(executed)


def _keeping_executed(delete: Action) -> Action:
    """A deleted stack takes along the change sets that were not executed."""

    def delete_stack(params: dict[str, Any]) -> Answer:
        with _executed_hidden():
            return delete(params)

    return delete_stack


def _creating_reviewed(create: Action) -> Action:
    """A stack that only has change sets can be created without them, which makes them obsolete."""

    def create_stack(params: dict[str, Any]) -> Answer:
        stacks = module(CLOUDFORMATION)._stacks
        stack = stacks.get(_text(params, "StackName"))
        if not stack or stack["StackStatus"] != "REVIEW_IN_PROGRESS":
            answer = create(params)
            _keep_deleted(stack)
            return answer
        del stacks[stack["StackName"]]
        answer = create(params)
        if answer[0] != _OK:
            _put_back(stack)
            return answer
        created = stacks[stack["StackName"]]
        for each in _all().values():
            if each["StackId"] == stack["StackId"]:
                each.update(StackId=created["StackId"], ExecutionStatus="OBSOLETE")
        return answer

    return create_stack


def _creating(create: Action) -> Action:
    def create_change_set(params: dict[str, Any]) -> Answer:
        kind = _text(params, "ChangeSetType") or "UPDATE"
        stack = _stack(_text(params, "StackName"))
        if problem := _request_problem(params, kind):
            return _refuse(problem)
        stacks = module(CLOUDFORMATION)._stacks
        if stack and kind == "CREATE" and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            params = {**params, "StackName": [stack["StackName"]]}
        # Asked by its id, a stack may be another one than that of its name, which has been deleted since.
        previous = stacks.get(stack["StackName"] if stack else _text(params, "StackName"))
        known = set(_all())
        with _executed_hidden():
            answer = create(params)
        made = next((each for key, each in _all().items() if key not in known), None)
        if made is None:
            _put_back(previous)
            return answer
        _keep_deleted(previous)
        placed = stacks[made["StackName"]]
        if placed is not previous:
            placed["Tags"] = []  # the change set's, until it is executed
        if previous and previous is not placed and previous["StackStatus"] == "REVIEW_IN_PROGRESS":
            # The engine has made another stack of that name.
            module(CLOUDFORMATION)._stack_events.pop(placed["StackId"], None)
            _put_back(previous)
            answer = (
                *answer[:2],
                answer[2].replace(placed["StackId"].encode(), previous["StackId"].encode()),
            )
            placed, made["StackId"] = previous, previous["StackId"]
        try:
            _complete(made, placed, params)
        except Exception:
            del _all()[made["ChangeSetId"]]
            raise
        return answer

    return create_change_set


def _keep_deleted(stack: Json | None) -> None:
    """Keep a deleted stack by its id, once another one has its name."""
    stacks = module(CLOUDFORMATION)._stacks
    if stack and stack["StackStatus"] == "DELETE_COMPLETE" and stacks[stack["StackName"]] is not stack:
        stacks[stack["StackId"]] = stack


def _put_back(stack: Json | None) -> None:
    """Keep the stack whose place a refused change set of a new one has taken."""
    if stack:
        module(CLOUDFORMATION)._stacks[stack["StackName"]] = stack


def _request_problem(params: dict[str, Any], kind: str) -> str | None:
    helpers = module(HELPERS)
    modes = helpers.enum_problems(params, "DeploymentMode", "deploymentMode", (revert_drift.MODE,))
    if modes:
        return str(helpers.validation_error_message(modes))
    if _text(params, "DeploymentMode") and kind != "UPDATE":
        return f"DeploymentMode {revert_drift.MODE} is only valid when ChangeSetType is UPDATE."  # [I]
    return None


def _complete(change_set: Json, stack: Json, params: dict[str, Any]) -> None:
    """Add to a change set that is made what the engine leaves out of it."""
    members = change_set[MEMBERS] = request_members(params)
    is_update = change_set["ChangeSetType"] == "UPDATE"
    previous = stack if is_update else {}
    stack_name, stack_id = stack["StackName"], stack["StackId"]
    with module(STACKS)._stack_region_context(stack, stack_id):
        before = Template(
            previous.get("_template") or {}, previous.get("_resolved_params") or {}, stack_name, stack_id
        )
        after = Template(change_set["_template"], change_set["_resolved_params"], stack_name, stack_id)
        live = previous.get("_resources") or {}
        if problem := type_problem(before.resources, after.resources):
            change_set.update(Status="FAILED", ExecutionStatus="UNAVAILABLE", StatusReason=problem)
            change_set.update({"Changes": [], _VALUES: [], _WARNING: None})
            return
        sides = before.side(), after.side()
        change_set[_VALUES] = with_values(change_set["Changes"], *sides, live)
        change_set[_WARNING] = next(
            (_INCOMPLETE.format(*problem) for problem in sides[1].problems.items()), None
        )
        if is_update:
            for key in ("Changes", _VALUES):
                change_set[key] = nested_templates.with_nested(change_set[key], after.resources, live)
        if members["DeploymentMode"]:
            revert_drift.add_changes(change_set, stack, sides, _VALUES)
        is_empty = change_set["StatusReason"].startswith(_NO_CHANGES)
        if is_empty and (
            change_set["Changes"]
            or not is_update
            or before.outputs(live) != after.outputs(live)
            or _has_other_changes(change_set, stack)
        ):
            change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")


def _has_other_changes(change_set: Json, stack: Json) -> bool:
    """Return whether an update changes parameters, tags, or what else belongs to the stack itself.

    A value of a parameter that no resource has is a change [measured, of one from Parameter Store]; a change
    of members alone is one because nothing else could make it [I].
    """
    values = [each["_resolved_params"] for each in (stack, change_set)]
    for name in values[0].keys() & values[1].keys():
        if values[0][name]["Value"] != values[1][name]["Value"]:
            return True
    members = change_set[MEMBERS]
    if any(members[name] is not None and members[name] != stack.get(name) for name in STACK_MEMBERS):
        return True
    return bool(module(STACKS)._stack_tags_changed(stack, change_set["Tags"], change_set["_tags_given"]))


def _describing(describe: Action) -> Action:
    def describe_change_set(params: dict[str, Any]) -> Answer:
        answer = describe(params)
        if answer[0] != _OK:
            return answer
        change_set = _find(_text(params, "ChangeSetName"), _text(params, "StackName"))[1] or {}
        description = described(change_set)
        key = "Changes"
        if _text(params, "IncludePropertyValues").lower() == "true":
            key = _VALUES
            description["StatusReason"] = description["StatusReason"] or change_set[_WARNING]
        empty: Json = {"Scope": [], "Details": []}
        changes = [
            {"Type": "Resource", "ResourceChange": empty | changed_resource(each)} for each in change_set[key]
        ]
        return _answer("DescribeChangeSet", {**description, "Changes": changes})

    return describe_change_set


def _answer(action: str, members: Json, more: str = "") -> Answer:
    helpers = module(HELPERS)
    inner = answer_members(members, helpers._esc) + more
    answer: Answer = helpers._xml(_OK, f"{action}Response", f"<{action}Result>{inner}</{action}Result>")
    return answer


def _listing(list_all: Action) -> Action:
    def list_change_sets(params: dict[str, Any]) -> Answer:
        name = _text(params, "StackName")
        if not name:
            return list_all(params)
        stack = _stack(name)
        if stack is None:
            return _refuse(f"Stack [{name}] does not exist")
        pending = [
            each for each in _all().values() if each["StackId"] == stack["StackId"] and _is_pending(each)
        ]
        listed, token, problem = module(HELPERS)._page(pending, params, "ListChangeSets")
        if problem:
            refusal: Answer = problem
            return refusal
        return _answer("ListChangeSets", {"Summaries": [summary(each) for each in listed]}, token)

    return list_change_sets


def _executing(execute: Action) -> Action:
    def execute_change_set(params: dict[str, Any]) -> Answer:
        key, change_set = _find(_text(params, "ChangeSetName"), _text(params, "StackName"))
        stack = _stack(change_set["StackId"]) if change_set else None
        if change_set is None or stack is None or change_set["ExecutionStatus"] != "AVAILABLE":
            return execute(params)
        members = change_set[MEMBERS]
        change_set[_PREVIOUS] = {name: stack.get(name) for name in STACK_MEMBERS}
        revert_drift.prepare(change_set, stack)
        answer = execute(params)
        if answer[0] == _OK:
            given = {name: members[name] for name in STACK_MEMBERS if members[name] is not None}
            stack.update(given, **{_LAST: key})
        else:
            revert_drift.restore(change_set, stack)
        return answer

    return execute_change_set
