"""Finds the rule for a value: what a schema says of one property, or of a member of another rule."""

from __future__ import annotations

from typing import Any

from sandbox.shared.java_patterns import matches


class Rules:
    """The rules of one type's schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema

    def of_property(self, name: str) -> dict[str, Any] | None:
        """Return the rule for a property of the type, if there is one."""
        rule: dict[str, Any] | None = self._schema.get("properties", {}).get(name)
        return rule

    def of_member(self, rule: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the rule for a member of an object; the empty one, which allows everything, by default."""
        return next(iter(self.all_of_member(rule, name)), {})

    def all_of_member(self, rule: dict[str, Any], name: str) -> list[dict[str, Any]]:
        """Return every rule for a member of an object: its own, and those of the patterns that it matches."""
        named = [rule["properties"][name]] if name in rule.get("properties", {}) else []
        patterns = rule.get("patternProperties", {})
        return [*named, *(each for pattern, each in patterns.items() if matches(pattern, name))]

    def resolved(self, rule: dict[str, Any]) -> dict[str, Any]:
        """Return the rule that a reference stands for, or the rule itself."""
        while "$ref" in rule:
            rule = self._schema["definitions"][rule["$ref"].rsplit("/", 1)[1]]
        return rule
