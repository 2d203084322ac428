"""Reads a template and checks it before anything is asked of CloudFormation."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.commands.errors import UsageError
from sandbox.commands.files import display_name, not_json, read_text
from sandbox.commands.output import Json
from sandbox.shared.template_form import form_problem
from sandbox.shared.template_references import PSEUDO_PARAMETERS

# CloudFormation's own limit.
MAX_NAME_CHARACTERS = 128
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# `${!Name}` is the text `${Name}`.
_IN_TEXT = re.compile(r"\$\{([^!}][^}]*)\}")


@dataclass(frozen=True)
class Template:
    """A template's text, its content and its parameters' declarations; `file` is its name in messages."""

    file: str
    body: str
    document: Json
    parameters: Mapping[str, Json]

    def arguments(self, given: Mapping[str, str], previous: Collection[str]) -> list[Json]:
        """Return the parameters as the API takes them; those of the stack keep their previous values.

        Raises:
            UsageError: the template does not have a parameter, or one has no value.
        """
        unknown = [name for name in given if name not in self.parameters]
        if unknown:
            raise UsageError(self._unknown(unknown))
        missing = [
            name
            for name, declared in self.parameters.items()
            if name not in given and name not in previous and "Default" not in declared
        ]
        if missing:
            raise UsageError(self._missing(missing))
        return [
            {"ParameterKey": name, "ParameterValue": given[name]}
            if name in given
            else {"ParameterKey": name, "UsePreviousValue": True}
            for name in self.parameters
            if name in given or name in previous
        ]

    def _unknown(self, names: list[str]) -> str:
        lines = []
        for name in names:
            close = difflib.get_close_matches(name, self.parameters, 1)
            hint = f"; it has {close[0]}" if close else ""
            lines.append(f"{self.file} has no parameter {name}{hint}")
        return "\n".join([*lines, f"Its parameters: {', '.join(self.parameters) or 'none'}"])

    def _missing(self, names: list[str]) -> str:
        lines = [
            f"  {name}" + (f": {text}" if (text := self.parameters[name].get("Description")) else "")
            for name in names
        ]
        values = " ".join(f"{name}=..." for name in names)
        head = f"{self.file} needs values that it has no defaults for:"
        return "\n".join([head, *lines, f"Give them with --parameters {values}"])


def read(name: str) -> Template:
    """Return the template in a file (`-`: stdin).

    Raises:
        UsageError: it is no template; the message has line and column where that makes sense.
    """
    body = read_text(name, "template")
    file = display_name(name)
    if not body.strip():
        raise UsageError(f"{file} is empty")
    document = content(body, file)
    if not isinstance(document, dict):
        raise UsageError(f"{file} is no template: it is {_kind(document)}, not a mapping")
    _check_resources(document.get("Resources"), file)
    parameters = document.get("Parameters") or {}
    if not isinstance(parameters, dict) or not all(isinstance(each, dict) for each in parameters.values()):
        raise UsageError(f"{file}: Parameters has to be a mapping of names to their declarations")
    _check_references(document, parameters, file)
    if problem := form_problem(document):
        raise UsageError(f"{file} is no template: {problem}")
    return Template(file, body, document, {str(key): value for key, value in parameters.items()})


def content(body: str, file: str = "The template") -> Any:
    """Return what a template's text has in it; `file` is its name in messages.

    Raises:
        UsageError: it is neither JSON nor YAML.
    """
    # Distinguished as CloudFormation does.
    return _parse_json(body, file) if body.lstrip().startswith("{") else _parse_yaml(body, file)


def stack_name(given: str | None, template: str) -> str:
    """Return the name for the stack: the one given, or one made of the template's file name.

    Raises:
        UsageError: it is not a name for a stack.
    """
    name = given if given is not None else re.sub(r"[^A-Za-z0-9]+", "-", Path(template).stem).strip("-")
    if _NAME.fullmatch(name) and len(name) <= MAX_NAME_CHARACTERS:
        return name
    if given is None:
        raise UsageError(f"No stack can be named after {display_name(template)}: give a name with --stack")
    raise UsageError(
        f"{given} is not a name for a stack: a letter first, then letters, digits and hyphens, "
        f"{MAX_NAME_CHARACTERS} at most"
    )


def _check_resources(resources: Any, file: str) -> None:
    if not isinstance(resources, dict) or not resources:
        raise UsageError(f"{file} is no template: it has no Resources")
    for logical_id, resource in resources.items():
        if str(logical_id).startswith("Fn::ForEach"):
            continue
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise UsageError(f"{file}: the resource {logical_id} has no Type")


def _check_references(document: Json, parameters: Json, file: str) -> None:
    """Raise UsageError for a reference to nothing, with its place, which CloudFormation does not say."""
    blocks = {block: document.get(block) for block in ("Resources", "Conditions", "Outputs")}
    mappings = list(_mappings(blocks))
    if "Transform" in document or any(_may_add_resources(each) for _, each in mappings):
        return
    known = {str(each) for each in (*parameters, *document["Resources"])} | PSEUDO_PARAMETERS
    lines = []
    for place, mapping in mappings:
        for reference in _references(mapping):
            if reference not in known:
                close = difflib.get_close_matches(reference, sorted(known), 1)
                hint = f"; there is {close[0]}" if close else ""
                lines.append(f"{file} has no parameter and no resource {reference}, named at {place}{hint}")
    if lines:
        raise UsageError("\n".join(lines))


def _mappings(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield all mappings in a value with their paths."""
    left = [("", value)]
    while left:
        place, each = left.pop()
        if not isinstance(each, dict | list):
            continue
        if isinstance(each, dict):
            yield place, each
        parts = list(each.items() if isinstance(each, dict) else enumerate(each))
        left += [(f"{place}/{key}", part) for key, part in reversed(parts)]


def _may_add_resources(mapping: Json) -> bool:
    """Return whether there may be resources in the end that the template does not spell out."""
    kind = mapping.get("Type")
    return (isinstance(kind, str) and kind.endswith("::MODULE")) or any(
        str(key) == "Fn::Transform" or str(key).startswith("Fn::ForEach") for key in mapping
    )


def _references(mapping: Json) -> list[str]:
    """Return the names that an intrinsic function uses; nothing for any other mapping."""
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
        names = map(str.strip, _IN_TEXT.findall(text) if isinstance(text, str) else [])
        return [name.partition(".")[0] for name in names if not isinstance(own, dict) or name not in own]
    return []


def _parse_json(body: str, file: str) -> Any:
    from sandbox.shared import template_yaml

    try:
        return template_yaml.parse_json(body)
    except template_yaml.RefusedTemplate as refused:
        raise UsageError(f"{file} is no template: {refused}") from refused
    except ValueError as error:
        raise not_json(error, file) from error


def _parse_yaml(body: str, file: str) -> Any:
    import yaml

    from sandbox.shared import template_yaml

    try:
        return template_yaml.load(body)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UsageError(f"{file} is not YAML: {where}{error.problem or error}") from error
    except yaml.reader.ReaderError as error:
        head = body[: error.position]
        where = f"line {head.count(chr(10)) + 1}, column {error.position - head.rfind(chr(10))}"
        raise UsageError(f"{file} is not YAML: {where}: a character that may not be there") from error
    except template_yaml.RefusedTemplate as refused:
        raise UsageError(f"{file} is no template: {refused}") from refused
    except ValueError as error:  # a date that cannot be one
        raise UsageError(f"{file} is not YAML: {error}") from error


def _kind(document: Any) -> str:
    kinds = {list: "a list", str: "a text", type(None): "nothing"}
    return kinds.get(type(document), "a single value")
