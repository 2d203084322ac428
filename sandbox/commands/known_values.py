"""What is known of a template's values before it is deployed: by its parameters, conditions and mappings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.commands.output import Json
from sandbox.shared.settings import ACCOUNT, REGION
from sandbox.shared.template_functions import function_of, mapped_text
from sandbox.shared.template_parameters import as_text, names_of_ssm, value_problem

LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"
# A template has fewer resources and outputs; loops in loops make as many as they like.
MAX_LOOPS = 1_000
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}
_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


def parameter_values(parameters: Mapping[str, Json], *values: Mapping[str, str]) -> Json:
    """Return the values of parameters, as text or list; none of secret ones and those of Systems Manager.

    The first of `values` that has a parameter counts, then its default. Secret are those with `NoEcho`. What
    CloudFormation does not take as a value is none.
    """
    known: Json = {}
    for name, declared in parameters.items():
        given = next((each[name] for each in values if name in each), declared.get("Default"))
        kind = str(declared.get("Type"))
        is_secret = as_text(declared.get("NoEcho", "")).lower() == "true"
        if given is None or is_secret or names_of_ssm(declared):
            continue
        text = as_text(given)
        if value_problem(name, {"Type": kind, **declared}, text):
            continue
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        known[name] = [each.strip() for each in text.split(",")] if is_list else text
    return known


class KnownValues:
    """Resolves what the values of a template's parameters decide; the rest stays as it is."""

    def __init__(self, document: Json, values: Mapping[str, Any], stack_name: str) -> None:
        self._values = {**_PSEUDO, "AWS::StackName": stack_name, **values}
        self._mappings = _mapping(document.get("Mappings"))
        self._conditions = _mapping(document.get("Conditions"))
        transforms = document.get("Transform")
        self._has_loops = LANGUAGE_EXTENSIONS in (
            transforms if isinstance(transforms, list) else [transforms]
        )
        self._loops_left = MAX_LOOPS
        self.resources = self._expanded(_mapping(document.get("Resources")))
        self.outputs = self._expanded(_mapping(document.get("Outputs")))

    def condition(self, name: str, asking: frozenset[str] = frozenset()) -> bool | None:
        """Return the value of a condition; None where it is not known."""
        if name in asking or name not in self._conditions:
            return None
        return self._boolean(self._conditions[name], asking | {name})

    def is_active(self, definition: Any) -> bool:
        """Return whether a resource or an output may be there: its condition is not known to be false."""
        name = definition.get("Condition") if isinstance(definition, dict) else None
        return not isinstance(name, str) or self.condition(name) is not False

    def resolve(self, value: Any) -> Any:
        """Return a value with the functions resolved whose results are known."""
        if isinstance(value, list):
            return [self.resolve(each) for each in value]
        if not isinstance(value, dict):
            return value
        name, argument = function_of(value) or ("", None)
        if not name:
            return {key: self.resolve(each) for key, each in value.items()}
        if self._has_loops and name in ("Ref", "Fn::GetAtt"):  # of names that a loop puts together
            argument = self.resolve(argument)
        resolve = _FUNCTIONS.get(name)
        resolved = resolve(self, argument) if resolve else None
        return {name: argument} if resolved is None else resolved

    def _referred(self, argument: Any) -> Any:
        return self._values.get(argument) if isinstance(argument, str) else None

    def _chosen(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:
            return None
        chosen = self.condition(str(argument[0]))
        return None if chosen is None else self.resolve(argument[1 if chosen else 2])

    def _mapped(self, argument: Any) -> str | None:
        is_whole = isinstance(argument, list) and len(argument) == 3
        return mapped_text(argument, self._mappings, self._text) if is_whole else None

    def _joined(self, argument: Any) -> str | None:
        if not isinstance(argument, list) or len(argument) != 2:
            return None
        parts = self.resolve(argument[1])
        is_known = isinstance(parts, list) and not any(isinstance(each, dict | list) for each in parts)
        return str(argument[0]).join(map(as_text, parts)) if is_known else None

    def _text(self, value: Any) -> str | None:
        resolved = self.resolve(value)
        return None if isinstance(resolved, dict | list) else as_text(resolved)

    def _boolean(self, definition: Any, asking: frozenset[str]) -> bool | None:
        if isinstance(definition, dict) and definition.keys() == {"Condition"}:
            return self.condition(str(definition["Condition"]), asking)
        name, argument = function_of(definition) or ("", None)
        items = argument if isinstance(argument, list) else [argument]
        if name == "Fn::Equals" and len(items) == 2:
            texts = list(map(self._text, items))
            return None if None in texts else texts[0] == texts[1]
        values = [self._boolean(each, asking) for each in items] if name in _LOGICAL else [None]
        if name == "Fn::Not":
            return None if values[0] is None else not values[0]
        decisive = name == "Fn::Or"
        if decisive in values:
            return decisive
        return None if None in values else not decisive

    def _substituted(self, argument: Any) -> str | None:
        text, own = (*argument, {})[:2] if isinstance(argument, list) and argument else (argument, {})
        if not isinstance(text, str):
            return None
        names = _VARIABLE.findall(text)
        values = {name: self.resolve(_mapping(own).get(name, {"Ref": name.strip()})) for name in names}
        if any(isinstance(each, dict | list) for each in values.values()):
            return None
        return _VARIABLE.sub(lambda match: as_text(values[match[1]]), text).replace("${!", "${")

    def _expanded(self, mapping: Json) -> Json:
        """Return a mapping with its loops written out; without those whose collections are not known."""
        expanded: Json = {}
        for key, value in mapping.items():
            if not str(key).startswith("Fn::"):
                expanded[str(key)] = value
            elif self._has_loops and str(key).startswith("Fn::ForEach") and _is_loop(value):
                identifier, collection, body = value
                items = self.resolve(collection)
                for item in _texts(items if isinstance(items, list) else ()):
                    self._loops_left -= 1
                    if self._loops_left < 0:
                        break
                    expanded |= self._expanded(_replaced(body, identifier, item))
        return expanded


_FUNCTIONS: dict[str, Callable[[KnownValues, Any], Any]] = {
    "Fn::FindInMap": KnownValues._mapped,
    "Fn::If": KnownValues._chosen,
    "Fn::Join": KnownValues._joined,
    "Fn::Sub": KnownValues._substituted,
    "Ref": KnownValues._referred,
}
_LOGICAL = ("Fn::And", "Fn::Or", "Fn::Not")


def _is_loop(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and isinstance(value[2], dict)


def _texts(items: Iterable[Any]) -> list[str]:
    resolved = [each for item in items for each in (item if isinstance(item, list) else [item])]
    return [as_text(each) for each in resolved if not isinstance(each, dict)]


def _replaced(value: Any, identifier: str, item: str) -> Any:
    """Return a value with the identifier of a loop replaced."""
    if isinstance(value, str):
        # `&{...}` leaves out what a logical id cannot have.
        plain = re.sub(r"[^A-Za-z0-9]", "", item)
        return value.replace(f"${{{identifier}}}", item).replace(f"&{{{identifier}}}", plain)
    if isinstance(value, list):
        return [_replaced(each, identifier, item) for each in value]
    if value == {"Ref": identifier}:
        return item
    if isinstance(value, dict):
        return {
            _replaced(str(key), identifier, item): _replaced(each, identifier, item)
            for key, each in value.items()
        }
    return value


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
