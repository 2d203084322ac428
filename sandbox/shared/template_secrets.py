"""Which values of a stack's template are secrets: those of `NoEcho` parameters, and those of other stores.

A property with a secret anywhere in it counts as one, as in CloudFormation's change sets, and so does an
attribute that is a property of its resource with a secret in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sandbox.shared.json_pointers import parts_of

Template = Mapping[str, Any]

MASK = "****"  # what CloudFormation describes of a secret
HIDDEN = "(NoEcho)"  # in place of an output with a secret in it

_IN_TEXT = re.compile(r"\$\{([^!}][^}]*)\}")
# What the values of other stores are referred to by, in texts of a template.
_SECRET_REFERENCES = ("{{resolve:secretsmanager:", "{{resolve:ssm-secure:")


class TemplateSecrets:
    """The secrets of a template, of which transforms have made the processed one.

    A transform may have put the values of parameters in place of functions, or made resources that only the
    processed template spells out. `values` are those of parameters; `passed` are the parameters whose values
    are secrets of the parent. `parameters` has the names of those whose values are secrets.
    """

    def __init__(
        self, processed: Template, original: Template, values: Mapping[str, str], passed: Collection[str] = ()
    ) -> None:
        self._processed = processed
        self._original = original
        self._names = {*passed}
        for name, each in _members(original, "Parameters"):
            is_hidden = str(_mapping(each).get("NoEcho")).lower() == "true"
            if is_hidden or self.uses(values.get(name, _mapping(each).get("Default"))):
                self._names.add(name)
        self.parameters = frozenset(self._names)
        self._names |= {
            f"Mappings/{name}" for name, each in _members(original, "Mappings") if self.uses(each)
        }
        count = -1
        while count < len(self._names):  # an attribute may be a property with another attribute in it
            count = len(self._names)
            for template in (processed, original):
                self._names |= {
                    f"{resource}.{name}"
                    for resource, _ in _members(template, "Resources")
                    for name, value in _properties(template, resource).items()
                    if self.uses(value)
                }

    def has(self, resource: str, path: str) -> bool:
        """Return whether the property that a path of a resource begins with has a secret in it.

        A resource that no template spells out may have any secret there is.
        """
        name = parts_of(path)[0]
        templates = (self._processed, self._original)
        spelled = [each for each in templates if resource in _mapping(each.get("Resources"))]
        if not spelled:
            return bool(self._names)
        values = [_properties(each, resource).get(name) for each in spelled]
        if self._original not in spelled:  # it comes from a loop, or is included
            made = [each for key, each in _members(self._original, "Resources") if key.startswith("Fn::")]
            values += _named(name, made)
        return any(map(self.uses, values))

    def passed_to(self, resource: str) -> frozenset[str]:
        """Return the parameters of a nested stack whose values are secrets here."""
        given = _mapping(_properties(self._processed, resource).get("Parameters"))
        return frozenset(name for name, value in given.items() if self.uses(value))

    def uses(self, value: Any) -> bool:
        """Return whether a value of the template has a secret in it."""
        if isinstance(value, Mapping):
            return any(
                any(self._is_among(each) for each in _references(function, argument)) or self.uses(argument)
                for function, argument in value.items()
            )
        if isinstance(value, list):
            return any(self.uses(each) for each in value)
        return isinstance(value, str) and (
            any(reference in value for reference in _SECRET_REFERENCES)
            or any(self._is_among(name.strip()) for name in _IN_TEXT.findall(value))
        )

    def _is_among(self, reference: str) -> bool:
        resource, dot, attribute = reference.partition(".")
        # The outputs of a nested stack are made of its parameters.
        member = "Parameters" if attribute.startswith("Outputs.") else attribute
        return f"{resource}{dot}{member}" in self._names


def _references(function: str, argument: Any) -> Iterator[str]:
    """Yield what a function refers to: the name of a parameter, `RESOURCE.ATTRIBUTE` or `Mappings/NAME`."""
    parts = argument if isinstance(argument, list) else [argument]
    if function == "Ref":
        yield str(argument)
    elif function == "Fn::GetAtt":
        yield ".".join(map(str, parts))
    elif function == "Fn::FindInMap":
        yield f"Mappings/{parts[0]}"


def _members(template: Template, section: str) -> Iterator[tuple[str, Any]]:
    yield from _mapping(template.get(section)).items()


def _properties(template: Template, resource: str) -> Mapping[str, Any]:
    """Return the properties of a resource as the template has them; none for one that it does not have."""
    return _mapping(_mapping(_mapping(template.get("Resources")).get(resource)).get("Properties"))


def _named(name: str, value: Any) -> list[Any]:
    """Return the members of that name, at any depth."""
    if isinstance(value, Mapping):
        found = [value[name]] if name in value else []
        return [*found, *(each for item in value.values() for each in _named(name, item))]
    return [each for item in value for each in _named(name, item)] if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
