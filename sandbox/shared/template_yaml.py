"""The one loader of templates: YAML with CloudFormation's short tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

Tag = Callable[[str, Any], Any]


def long_form(tag: str, value: Any) -> Any:
    """Return the object that a short tag stands for, such as `{"Fn::Sub": value}` for `!Sub`."""
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


def load(text: str, tag: Tag = long_form) -> Any:
    """Return the content of a YAML or JSON template; `tag` makes the value of a tag's name and content.

    Raises:
        yaml.YAMLError: the text is not YAML.
        ValueError, RecursionError: a value in it cannot be (a date), or it is nested too deeply.
    """

    class Loader(yaml.SafeLoader):
        """A loader of its own for each `tag`: PyYAML keeps constructors in the class."""

    Loader.add_multi_constructor("!", lambda loader, name, node: tag(name, _content(loader, node)))
    return yaml.load(text, Loader)  # noqa: S506 - it is a SafeLoader


def _content(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)
