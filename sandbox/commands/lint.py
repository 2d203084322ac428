"""What the project's rules for cfn-lint report about a template before anything is made of it.

The rules run without cfn-lint, which takes seconds to import, and on what is known at deployment: conditions
have the values that the parameters give them, and what the handlers refuse is looked for in values of
parameters as well. What is only known later counts as correct.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.commands.known_values import KnownValues
from sandbox.commands.output import Json
from sandbox.commands.quick_imports import quick_imports
from sandbox.commands.templates import Template
from sandbox.shared.settings import TYPE_NAME
from sandbox.shared.template_functions import function_of, functions

if TYPE_CHECKING:
    from editors.rules._rule import Rule

SETTINGS = ".cfnlintrc"
# Of the conditions in a package that no parameter decides: so many combinations of values are linted.
MAX_SCENARIOS = 32
# cfn-lint's own rule about attributes that a type does not have.
_ATTRIBUTES = "E6101"
# Of templates that the CDK has made, which puts tags of the stack on each resource.
_CDK_TYPE = "AWS::CDK::Metadata"
VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")

Path_ = tuple[str | int, ...]
# A rule's id, a path in the template, and a message.
Match = tuple[str, Path_, str]


@dataclass(frozen=True)
class Problem:
    """What a rule reports, with its path, and the line of as much of the path as the template has."""

    rule: str
    line: int
    path: str
    message: str

    @property
    def is_error(self) -> bool:
        """Whether a deployment of the template would fail."""
        return self.rule.startswith("E")

    def as_json(self) -> Json:
        """Return it as `--json` prints it."""
        return {"level": "error" if self.is_error else "warning", **asdict(self)}

    def text(self, file: str) -> str:
        """Return it as lines for people."""
        return f"{file}:{self.line}: {self.rule} {self.message}\n    {self.path}"


@dataclass(frozen=True)
class Deployment:
    """What a template is deployed with: what its parameters make known, and whether the stack has tags.

    `type_names` are names under which the type of this project is registered as well.
    """

    known: KnownValues
    has_tags: bool
    type_names: Collection[str] = ()


def lint(
    template: Template, deployment: Deployment, previous: Callable[[], KnownValues] | None
) -> list[Problem]:
    """Return what the rules report about a template, errors first.

    `previous` returns what the stack has been deployed with, if there is one: the handlers take again what
    they have taken once, so that an error there is none.

    Raises:
        Exception: the rules, or the handlers that they ask, cannot be imported, or one of them fails.
    """
    matches = _matches(template, deployment)
    if previous and any(map(_is_error, matches)):
        before = previous()
        matches = [
            each for each in matches if not (_is_error(each) and _is_same(each[1], deployment.known, before))
        ]
    if not matches:
        return []
    line = _lines(template.body)
    problems = [Problem(rule, line(path), "/".join(map(str, path)), text) for rule, path, text in matches]
    return sorted(problems, key=lambda each: (not each.is_error, each.line, each.path, each.rule))


def _is_error(match: Match) -> bool:
    return match[0].startswith("E")


def _is_same(path: Path_, known: KnownValues, before: KnownValues) -> bool:
    """Return whether the property at a path is what it was."""
    if len(path) < 4 or path[1] not in before.resources:
        return False
    values = [each.resolve(each.resources[str(path[1])]) for each in (known, before)]
    one, other = ((each.get("Properties") or {}).get(path[3]) for each in values)
    return one is not None and one == other


# --- the rules --------------------------------------------------------------------------------------


def _matches(template: Template, deployment: Deployment) -> list[Match]:
    known, types = deployment.known, {TYPE_NAME, *deployment.type_names}
    resources = {
        name: each
        for name, each in known.resources.items()
        if isinstance(each, dict) and known.is_active(each)
    }
    if not any(each.get("Type") in types for each in resources.values()):
        return []  # the rules are about packages, and take their time to import

    with quick_imports():
        from editors.rules import _advice, _refused, _unusable
        from editors.rules._resource_type import READ_ONLY
        from editors.rules._rule import RefusalRule, Rule

    resolved = {
        name: {**each, "Properties": known.resolve(each.get("Properties", {}))}
        for name, each in resources.items()
    }
    rules = [each() for module in (_refused, _unusable, _advice) for each in _rules(module, Rule)]
    sides = [(each, _by_types(each)) for each in (resources, resolved)]
    certain = set(_wrong_attributes(known, resources, types, READ_ONLY))
    found = {*certain}
    for name in (name for name, each in resources.items() if each.get("Type") in types):
        named = dict.fromkeys(_conditions(resources[name]))
        unknown = [each for each in named if known.condition(each) is None]
        combinations = itertools.product((True, False), repeat=len(unknown))
        matches: list[set[Match]] = []
        for values in itertools.islice(combinations, MAX_SCENARIOS):
            scenario = _Scenario(known, dict(zip(unknown, values, strict=True)))
            views = [
                _View(template.document, {name: side[name]}, others, scenario, deployment.has_tags)
                for side, others in sides
            ]
            matches.append(
                {
                    (rule.id, tuple(match.path), match.message)
                    for rule in rules
                    for match in rule.match(views[isinstance(rule, RefusalRule)])
                }
            )
        found.update(*matches)
        if next(combinations, None) is None:
            certain |= set.intersection(*matches)
    ignored = _ignored(template.document, resources)
    # What depends on something that is not known is no error yet.
    return [each for each in found if (each in certain or not _is_error(each)) and not ignored(each)]


def _conditions(value: Any) -> Iterator[str]:
    """Yield the conditions that a resource, and the values in it, depend on."""
    if isinstance(value, dict) and isinstance(value.get("Condition"), str):
        yield value["Condition"]
    for name, argument in functions(value):
        if name == "Fn::If" and isinstance(argument, list) and argument and isinstance(argument[0], str):
            yield argument[0]


def _by_types(resources: Json) -> Callable[[tuple[str, ...]], Json]:
    """Return what returns the resources of types, or all; each rule asks for the same of each value."""
    return functools.cache(
        lambda types: {
            name: each for name, each in resources.items() if not types or each.get("Type") in types
        }
    )


def _rules(module: Any, base: type[Rule]) -> Iterator[type[Rule]]:
    for each in vars(module).values():
        if isinstance(each, type) and issubclass(each, base) and each.__module__ == module.__name__:
            yield each


@dataclass(frozen=True)
class _Scenario:
    """The values of all conditions: known ones, and one combination of the others."""

    known: KnownValues
    others: Mapping[str, bool]

    def condition(self, name: str) -> bool:
        return self.others.get(name, self.known.condition(name) is not False)


@dataclass(frozen=True, eq=False)
class _View:
    """As much of cfn-lint's template as the rules ask for, with one package in one scenario."""

    template: Json
    package: Json
    resources: Callable[[tuple[str, ...]], Json]
    scenario: _Scenario
    has_tags: bool

    @property
    def conditions(self) -> _View:
        """What has the scenarios."""
        return self

    def get_resources(self, types: str | Sequence[str] = ()) -> Json:
        """Return the resources of these types, or all; of packages, as the rules ask for them, the one."""
        if isinstance(types, str):
            return {name: each for name, each in self.package.items() if self._is_whole(each)}
        return self.resources(tuple(types))

    def build_scenarios(self, asked: Collection[str]) -> list[dict[str, bool]]:
        """Return the one scenario of this view."""
        return [{name: self.scenario.condition(name) for name in asked}]

    def is_cdk_template(self) -> bool:
        """Return whether a version may have tags: those that repeat the stack's, or are as they were."""
        return self.has_tags or bool(self.get_resources([_CDK_TYPE]))

    def _is_whole(self, resource: Json) -> bool:
        """Return whether a package is there, with properties that no transform may add to."""
        condition, properties = resource.get("Condition"), resource.get("Properties", {})
        is_there = not isinstance(condition, str) or self.scenario.condition(condition)
        return is_there and function_of(properties) is None and not _is_transformed(properties)


def _is_transformed(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_transformed, value))
    if not isinstance(value, dict):
        return False
    return any(str(key).startswith(("Fn::Transform", "Fn::ForEach")) for key in value) or any(
        map(_is_transformed, value.values())
    )


# --- attributes -------------------------------------------------------------------------------------


def _wrong_attributes(
    known: KnownValues, resources: Json, types: Collection[str], attributes: Sequence[str]
) -> Iterator[Match]:
    packages = {name for name, each in resources.items() if each.get("Type") in types}
    outputs = {name: each for name, each in known.outputs.items() if known.is_active(each)}
    places = [(("Resources", name), each.get("Properties")) for name, each in resources.items()]
    places += [(("Outputs", name), each) for name, each in outputs.items()]
    for path, value in places:
        for name, attribute in _attributes(known.resolve(value)):
            if name in packages and attribute not in attributes:
                yield (
                    _ATTRIBUTES,
                    path,
                    f"{attribute} is no attribute of {name}, which has {', '.join(attributes)}",
                )


def _attributes(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the attributes that functions in a value refer to, with the logical ids of their resources."""
    if isinstance(value, list):
        for each in value:
            yield from _attributes(each)
    if not isinstance(value, dict):
        return
    name, argument = function_of(value) or ("", None)
    if name == "Fn::GetAtt":
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        if isinstance(parts, list) and len(parts) == 2 and all(isinstance(each, str) for each in parts):
            yield parts[0], parts[1]
        return
    if name == "Fn::Sub":
        text = argument[0] if isinstance(argument, list) and argument else argument
        for each in VARIABLE.findall(text) if isinstance(text, str) else ():
            resource, _, attribute = each.strip().partition(".")
            if attribute:
                yield resource, attribute
    for each in value.values():
        yield from _attributes(each)


# --- what is ignored --------------------------------------------------------------------------------


def _ignored(document: Json, resources: Json) -> Callable[[Match], bool]:
    """Return what says of a match whether a setting of cfn-lint leaves it out."""
    everywhere = (*_ignore_checks(_settings()), *_ignore_checks(_config(document)))
    of_resource = {name: _ignore_checks(_config(each)) for name, each in resources.items()}

    def is_ignored(match: Match) -> bool:
        rule, path, _ = match
        return rule.startswith(everywhere) or rule in of_resource.get(str(path[1]), ())

    return is_ignored


def _settings() -> Any:
    import yaml

    try:
        return yaml.safe_load(Path(SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None


def _config(value: Any) -> Any:
    for name in ("Metadata", "cfn-lint", "config"):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _ignore_checks(config: Any) -> tuple[str, ...]:
    ids = config.get("ignore_checks") if isinstance(config, dict) else None
    return tuple(map(str, ids)) if isinstance(ids, list) else ()


# --- lines ------------------------------------------------------------------------------------------


def _lines(body: str) -> Callable[[Path_], int]:
    """Return what gives the line of a path, or of the part of it that a template has."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # JSON may be indented with tabs, YAML not.
        root = yaml.compose(body.replace("\t", " ") if body.lstrip().startswith("{") else body, Loader=loader)
    except yaml.YAMLError:
        root = None

    def line(path: Path_) -> int:
        node, place = root, root
        for key in path:
            place, node = _below(node, key) or (place, None)
            if node is None:
                break
        return place.start_mark.line + 1 if place else 1

    return line


def _below(node: Any, key: str | int) -> tuple[Any, Any] | None:
    """Return the node of a key, and the one of its value."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        return next((pair for pair in node.value if pair[0].value == str(key)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key], node.value[key]
    return None
