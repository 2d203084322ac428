"""The one loader of templates: YAML with CloudFormation's short tags, read in bounded time and memory.

CloudFormation takes no YAML aliases, so `load` and `bounded` refuse them: a template is no larger than its
text. In what `AWS::Include` includes it takes them; there what they stand for is counted, as if it were
written out, before anything is made of it. Sources of both: the user guide's "CloudFormation template
formats", and what CloudFormation answered in issue 1 of seeebiii/aws-cloudformation-templates.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import yaml

from sandbox.shared import bounded_json

Tag = Callable[[str, Any], Any]

# Levels of maps and lists. A policy inside functions has about twenty; the engine's own functions take a
# multiple of them on Python's stack.
MAX_DEPTH = 100
# Keys and values, with aliases written out: more than a template of CloudFormation's 1 MB has.
MAX_NODES = 250_000


class RefusedTemplate(ValueError):
    """A template that is not read: it is nested too deeply, or has aliases."""


class AliasError(RefusedTemplate):
    """A template that is not read because it has aliases."""


def long_form(tag: str, value: Any) -> Any:
    """Return the object that a short tag stands for, such as `{"Fn::Sub": value}` for `!Sub`."""
    if tag == "GetAtt" and isinstance(value, str) and "." in value:
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


def load(text: str, tag: Tag = long_form) -> Any:
    """Return the content of a YAML or JSON template; `tag` makes the value of a tag's name and content.

    Raises:
        RefusedTemplate: it is nested too deeply, or has aliases.
        yaml.YAMLError: the text is not YAML.
        ValueError: a value in it cannot be (a date).
    """

    class Loader(bounded(yaml.SafeLoader)):  # type: ignore[misc] # a class that a function returns
        """A loader of its own for each `tag`: PyYAML keeps constructors in the class."""

    Loader.add_multi_constructor("!", lambda loader, name, node: tag(name, _content(loader, node)))
    return yaml.load(text, Loader)  # noqa: S506 - it is a SafeLoader


def parse_json(text: str) -> Any:
    """Return the content of a template in JSON.

    Raises:
        RefusedTemplate: it is nested too deeply.
        ValueError: the text is not JSON.
    """
    try:
        return bounded_json.loads(text, MAX_DEPTH)
    except bounded_json.TooDeepError as too_deep:
        raise RefusedTemplate(str(too_deep)) from None


def check_snippet(text: str) -> None:
    """Check what `AWS::Include` is about to read, which may have aliases.

    Raises:
        RefusedTemplate: it is nested too deeply, or its aliases stand for too much.
        yaml.YAMLError, ValueError: the text is not YAML, or not JSON.
    """
    if text.lstrip().startswith("{"):
        parse_json(text)
    else:
        yaml.compose(text, bounded(yaml.SafeLoader, takes_aliases=True))


def syntax_problem(error: Exception) -> str:
    """Return CloudFormation's reason against a text that could not be read, from the error that was raised.

    The column of JSON is recorded there, that of YAML is PyYAML's.
    """
    if isinstance(error, AliasError):
        return "Template error: YAML aliases are not allowed in CloudFormation templates"
    if isinstance(error, json.JSONDecodeError):
        place = f"(line {error.lineno}, column {error.colno + 1})"
        return f"Template format error: JSON not well-formed. {place}"
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        place = f"(line {mark.line + 1}, column {mark.column + 1})"
        return f"Template format error: YAML not well-formed. {place}"
    if isinstance(error, yaml.YAMLError):
        return "Template format error: YAML not well-formed."
    reason = str(error) if isinstance(error, RefusedTemplate) else "unsupported structure."
    return f"Template format error: {reason}"


def bounded(loader: type[yaml.SafeLoader], *, takes_aliases: bool = False) -> type[yaml.SafeLoader]:
    """Return a loader that raises `RefusedTemplate` for aliases, or counts them, and for deep nesting."""

    class Bounded(loader):  # type: ignore[misc, valid-type] # any loader
        """Counts while the nodes are made; an alias costs as much as what it stands for."""

        def __init__(self, stream: Any) -> None:
            super().__init__(stream)
            self._depth = 0
            self._count = 0
            self._counts: dict[str, int] = {}

        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.peek_event()
            if isinstance(event, yaml.AliasEvent):
                self._count_alias(event)
                return super().compose_node(parent, index)
            if self._depth == MAX_DEPTH:
                raise _too_deep(event.start_mark)
            before = self._count
            self._count += 1
            self._depth += 1
            node = super().compose_node(parent, index)
            self._depth -= 1
            if event.anchor:
                self._counts[event.anchor] = self._count - before
            return node

        def fetch_flow_collection_start(self, token: Any) -> None:
            # The scanner is up to 1,024 brackets ahead of the nodes, in a time that their square takes.
            if len(self.indents) + self.flow_level >= MAX_DEPTH:
                raise _too_deep(self.get_mark())
            super().fetch_flow_collection_start(token)

        def _count_alias(self, event: yaml.AliasEvent) -> None:
            if not takes_aliases:
                raise AliasError(
                    f"{_place(event.start_mark)}: YAML aliases are not allowed in CloudFormation templates: "
                    f"write out what *{event.anchor} stands for, as `aws cloudformation package` does"
                )
            # One that is known and not counted yet is inside what it stands for.
            unknown = MAX_NODES if event.anchor in self.anchors else 0
            self._count += self._counts.get(str(event.anchor), unknown)
            if self._count > MAX_NODES:
                raise RefusedTemplate(
                    f"{_place(event.start_mark)}: with *{event.anchor} its aliases stand for more than "
                    f"{MAX_NODES:,} values: use fewer"
                )

    return Bounded


def _too_deep(mark: Any) -> RefusedTemplate:
    return RefusedTemplate(f"{_place(mark)}: {bounded_json.TooDeepError(MAX_DEPTH)}")


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _content(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)
