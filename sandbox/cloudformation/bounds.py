"""Bounds on what functions and dynamic references make of a template: they multiply what they are given.

The size of a result is known before it is made, so that neither time nor memory is spent on what is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from sandbox.shared.settings import NOT_HERE
from sandbox.shared.template_functions import JOIN_PROBLEM, SELECT_PROBLEM
from sandbox.shared.template_parameters import as_text

MAX_CHARACTERS = 1_000_000  # as many as a whole template of CloudFormation has

Resolve = Callable[..., Any]

_VARIABLE = re.compile(r"\$\{([^}]+)\}")


class OversizedValueError(ValueError):
    """What a function would make is too long."""

    def __init__(self, function: str) -> None:
        super().__init__(
            f"Template error: {function} would make a text of more than {MAX_CHARACTERS:,} characters: nest "
            "or repeat less"
        )


def bounded(resolve: Resolve) -> Resolve:
    """Return a function that resolves a value like `resolve(value, *scope)`, unless that is too long.

    `resolve` has to resolve what is in the value by the function that is returned here.

    Raises:
        OversizedValueError: a text would be too long.
        ValueError: an argument of a function turns out to be of the wrong kind, where the engine has
            Python's words for it, or none.
    """

    def resolve_bounded(value: Any, *scope: Any) -> Any:
        function, arguments = next(iter(value.items()), ("", None)) if isinstance(value, dict) else ("", None)
        if function == "Fn::Cidr" and isinstance(arguments, list) and len(arguments) == 2:
            raise ValueError(f"Fn::Cidr without a number of bits is {NOT_HERE}: give it as the third value")
        if isinstance(arguments, list) and len(arguments) == 2:
            first, second = arguments
            if function == "Fn::Join" and isinstance(first, str):
                items = resolve_bounded(second, *scope)
                if not isinstance(items, list | str):
                    raise ValueError(JOIN_PROBLEM)
                if isinstance(items, list):
                    items = list(map(boolean_as_text, items))
                parts = [str(each) for each in items] if isinstance(items, list) else [str(items)]
                _check(function, len(first) * len(parts) + sum(map(len, parts)))
                value = {function: [first, items]}
            elif function == "Fn::Select" and isinstance(first, dict):
                index = resolve_bounded(first, *scope)
                if not str(index).isdecimal():
                    raise ValueError(SELECT_PROBLEM)
                value = {function: [index, second]}
            elif function == "Fn::Sub" and isinstance(first, str) and isinstance(second, dict):
                own = {name: boolean_as_text(resolve_bounded(each, *scope)) for name, each in second.items()}
                _check_sub(resolve, first, own, scope)
                value = {function: [first, own]}
        elif function == "Fn::Sub" and isinstance(arguments, str):
            _check_sub(resolve, arguments, {}, scope)
        resolved = resolve(value, *scope)
        if isinstance(resolved, str):
            _check(function, len(resolved))
        return resolved

    return resolve_bounded


def boolean_as_text(value: Any) -> Any:
    """Return the text that a boolean stands for where texts are made; anything else as it is."""
    return as_text(value) if isinstance(value, bool) else value


def bounded_references(resolve: Resolve, reference: re.Pattern[str]) -> Resolve:
    """Return a function that resolves dynamic references like `resolve(value, *how)`, unless too long.

    What counts are all references of a value together, which are those of one resource.

    Raises:
        OversizedValueError: the texts would be too long.
    """

    def resolve_bounded(value: Any, *how: Any, **options: Any) -> Any:
        uses: Counter[str] = Counter()
        left = [value]
        while left:
            each = left.pop()
            if isinstance(each, str):
                uses.update(match[0] for match in reference.finditer(each))
            elif isinstance(each, dict | list):
                left += each.values() if isinstance(each, dict) else each
        # Each of them once: they are as long as what they stand for.
        _, texts = resolve(list(uses), *how, **options)
        size = sum(number * len(str(texts[literal])) for literal, number in uses.items())
        _check("{{resolve:...}}", size)
        return resolve(value, *how, **options)

    return resolve_bounded


def _check_sub(resolve: Resolve, text: str, own: dict[str, Any], scope: tuple[Any, ...]) -> None:
    uses = Counter(_VARIABLE.findall(text))
    if len(uses) == sum(uses.values()) and not own:
        return  # each is used once: the result is no longer than its parts
    size = len(text)
    for name, number in uses.items():
        value = own[name] if name in own else resolve({"Fn::Sub": f"${{{name}}}"}, *scope)
        size += number * len(str(value))
    _check("Fn::Sub", size)


def _check(function: str, size: int) -> None:
    if size > MAX_CHARACTERS:
        raise OversizedValueError(function)
