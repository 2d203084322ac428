"""A template as somebody wrote it, looked at before anything is asked of CloudFormation."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.commands.common import Json, UsageError, called, parse_json, read_text

# CloudFormation's own limits.
LARGEST_BODY = 51_200
LARGEST_OBJECT = 1_000_000
LONGEST_NAME = 128
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in (
        "AccountId",
        "NoValue",
        "NotificationARNs",
        "Partition",
        "Region",
        "StackId",
        "StackName",
        "URLSuffix",
    )
)
# `${!Name}` is the text `${Name}`.
_IN_TEXT = re.compile(r"\$\{([^!}][^}]*)\}")
# The short tags of what speaks of a name.
_REFERENCES = {"Ref": "Ref", "GetAtt": "Fn::GetAtt", "Sub": "Fn::Sub"}


@dataclass(frozen=True)
class Template:
    """A template's text, and what its parameters are."""

    name: str
    body: str
    parameters: Mapping[str, Json]

    @property
    def size(self) -> int:
        """Its size as CloudFormation counts it."""
        return len(self.body.encode())

    def arguments(self, given: Mapping[str, str], kept: Collection[str]) -> list[Json]:
        """The parameters as the API takes them; those that a stack has already keep their values.

        UsageError for those that the template does not have, and for those that have no value.
        """
        unknown = [name for name in given if name not in self.parameters]
        if unknown:
            raise UsageError(self._unknown(unknown))
        missing = [
            name
            for name, declared in self.parameters.items()
            if name not in given and name not in kept and "Default" not in declared
        ]
        if missing:
            raise UsageError(self._missing(missing))
        return [
            {"ParameterKey": name, "ParameterValue": given[name]}
            if name in given
            else {"ParameterKey": name, "UsePreviousValue": True}
            for name in self.parameters
            if name in given or name in kept
        ]

    def _unknown(self, names: list[str]) -> str:
        lines = []
        for name in names:
            near = difflib.get_close_matches(name, self.parameters, 1)
            lines.append(
                f"{called(self.name)} has no parameter {name}" + (f"; it has {near[0]}" if near else "")
            )
        has = ", ".join(self.parameters) or "none"
        return "\n".join([*lines, f"Its parameters: {has}"])

    def _missing(self, names: list[str]) -> str:
        lines = [
            f"  {name}"
            + (f": {described}" if (described := self.parameters[name].get("Description")) else "")
            for name in names
        ]
        values = " ".join(f"{name}=..." for name in names)
        head = f"{called(self.name)} needs values that it has no defaults for:"
        return "\n".join([head, *lines, f"Give them with --parameters {values}"])


def read(name: str) -> Template:
    """The template in a file (`-`: stdin); UsageError, naming line and column, when it is none."""
    body = read_text(name, "template")
    if not body.strip():
        raise UsageError(f"{called(name)} is empty")
    # Told apart as CloudFormation does.
    document = parse_json(body, name) if body.lstrip().startswith("{") else _parse_yaml(body, name)
    if not isinstance(document, dict):
        raise UsageError(f"{called(name)} is no template: it is {_kind(document)}, not a mapping")
    _check_resources(document.get("Resources"), name)
    parameters = document.get("Parameters") or {}
    if not isinstance(parameters, dict) or not all(isinstance(each, dict) for each in parameters.values()):
        raise UsageError(f"{called(name)}: Parameters has to be a mapping of names to their declarations")
    _check_references(document, parameters, name)
    return Template(name, body, {str(key): value for key, value in parameters.items()})


def stack_name(given: str | None, template: str) -> str:
    """The name for the stack: the one given, or one made of the file's; UsageError when there is none."""
    name = given if given is not None else re.sub(r"[^A-Za-z0-9]+", "-", Path(template).stem).strip("-")
    if _NAME.fullmatch(name) and len(name) <= LONGEST_NAME:
        return name
    if given is None:
        raise UsageError(f"No stack can be named after {called(template)}: give a name with --stack")
    raise UsageError(
        f"{given} is not a name for a stack: a letter first, then letters, digits and hyphens, "
        f"{LONGEST_NAME} at most"
    )


def _check_resources(resources: Any, name: str) -> None:
    if not isinstance(resources, dict) or not resources:
        raise UsageError(f"{called(name)} is no template: it has no Resources")
    for logical_id, resource in resources.items():
        if str(logical_id).startswith("Fn::ForEach"):
            continue
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise UsageError(f"{called(name)}: the resource {logical_id} has no Type")


def _check_references(document: Json, parameters: Json, name: str) -> None:
    """Refuse what speaks of a name that nothing has, as CloudFormation does and the local engine does not."""
    blocks = {block: document.get(block) for block in ("Resources", "Conditions", "Outputs")}
    inside = list(_inside(blocks))
    if "Transform" in document or any(_makes_names(each) for _, each in inside):
        return
    known = {str(each) for each in (*parameters, *document["Resources"])} | _PSEUDO_PARAMETERS
    unknown = [(used, place) for place, each in inside for used in _used(each) if used not in known]
    if unknown:
        lines = []
        for used, place in unknown:
            near = difflib.get_close_matches(used, sorted(known), 1)
            hint = f"; there is {near[0]}" if near else ""
            lines.append(f"{called(name)} has no parameter and no resource {used}, named at {place}{hint}")
        raise UsageError("\n".join(lines))


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    """All mappings in a value with their places, each once: anchors can make a value a part of itself."""
    seen: set[int] = set()
    left = [("", value)]
    while left:
        place, each = left.pop()
        if not isinstance(each, dict | list) or id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict):
            yield place, each
        parts = list(each.items() if isinstance(each, dict) else enumerate(each))
        left += [(f"{place}/{key}", part) for key, part in reversed(parts)]


def _makes_names(mapping: Json) -> bool:
    """Tell whether there may be resources in the end that the template does not spell out."""
    kind = mapping.get("Type")
    return (isinstance(kind, str) and kind.endswith("::MODULE")) or any(
        str(key) == "Fn::Transform" or str(key).startswith("Fn::ForEach") for key in mapping
    )


def _used(mapping: Json) -> list[str]:
    """The names that an intrinsic function uses; none of anything else."""
    if len(mapping) != 1:
        return []
    ((function, given),) = mapping.items()
    if function == "Ref" and isinstance(given, str):
        return [given]
    if function == "Fn::GetAtt":
        first = given[0] if isinstance(given, list) and given else given
        return [first.partition(".")[0]] if isinstance(first, str) else []
    if function == "Fn::Sub":
        text, own = (*given, {})[:2] if isinstance(given, list) and given else (given, {})
        found = _IN_TEXT.findall(text) if isinstance(text, str) else []
        own = own if isinstance(own, dict) else {}
        return [each.strip().partition(".")[0] for each in found if each.strip() not in own]
    return []


def _parse_yaml(body: str, name: str) -> Any:
    import yaml

    from sandbox.shared import template_yaml

    def long_form(tag: str, value: Any) -> Any:
        return {_REFERENCES[tag]: value} if tag in _REFERENCES else value

    try:
        return template_yaml.load(body, long_form)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UsageError(f"{called(name)} is not YAML: {where}{problem.problem or problem}") from problem
    except yaml.reader.ReaderError as problem:
        before = body[: problem.position]
        where = f"line {before.count(chr(10)) + 1}, column {problem.position - before.rfind(chr(10))}"
        raise UsageError(
            f"{called(name)} is not YAML: {where}: a character that may not be there"
        ) from problem
    except (RecursionError, ValueError) as problem:  # ValueError: a date that cannot be one
        reason = "it is nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        raise UsageError(f"{called(name)} is not YAML: {reason}") from problem


def _kind(document: Any) -> str:
    kinds = {list: "a list", str: "a text", type(None): "nothing"}
    return kinds.get(type(document), "a single value")
