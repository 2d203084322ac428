"""What the handlers need of the schema, classes, types and constraints: `python -m packager.constraints`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from packager.cut import without
from packager.project import PACKAGE, ROOT, schema

TARGET = PACKAGE / "constraints.json"
# Modules, because every cold start needs them, and a JSON file would have to be parsed. The CLI's dataclasses
# in models.py say the same as the second, and their import takes a tenth of a cold start.
CLASSES_TARGET, SHAPES_TARGET = PACKAGE / "classes.py", PACKAGE / "shapes.py"

# The schema's lists of properties of one kind.
CLASSES = (
    "readOnlyProperties",
    "createOnlyProperties",
    "conditionalCreateOnlyProperties",
    "writeOnlyProperties",
    "deprecatedProperties",
)
# Keywords that constrain no value, or whose types are in shapes.py.
_LEFT_OUT = frozenset({"description", "type", "additionalProperties", "insertionOrder"})
# Members whose keys are names of properties and shapes, which may be called description as well.
_MAPS_OF_NAMES = frozenset({"properties", "definitions", "patternProperties"})


def content() -> str:
    """The content of `constraints.json`."""
    whole = schema()
    parts = {part: whole[part] for part in ("properties", "definitions")}
    # One line for each constraint, so that a change of the schema shows what it changes here.
    return json.dumps(without(parts, _LEFT_OUT, maps=_MAPS_OF_NAMES), indent=1, ensure_ascii=False) + "\n"


def classes() -> str:
    """The content of `classes.py`."""
    whole = schema()
    names = {each: [pointer.removeprefix("/properties/") for pointer in whole[each]] for each in CLASSES}
    lines = [
        '"""The schema\'s properties by class. Written by `make generate`, never edited."""',
        "",
        "from __future__ import annotations",
        "",
        "CLASSES: dict[str, tuple[str, ...]] = {",
    ]
    for each, members in names.items():
        lines += [f'    "{each}": (', *(f'        "{name}",' for name in members), "    ),"]
    return "\n".join([*lines, "}", ""])


def shapes() -> str:
    """The content of `shapes.py`."""
    whole = schema()
    lines = [
        '"""The types of the schema\'s properties and members. Written by `make generate`, never edited."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import TypeAlias",
        "",
        "# The name of a shape or of a type of JSON; of a list `array` and the type of its items, of a map",
        "# `object` and that of its values.",
        'Kind: TypeAlias = "str | tuple[str, Kind]"',
        "# The shape of the properties, as the CLI calls it.",
        'RESOURCE = "ResourceModel"',
        "SHAPES: dict[str, dict[str, Kind]] = {",
    ]
    for name, shape in {"ResourceModel": whole, **whole["definitions"]}.items():
        members = shape["properties"].items()
        lines += [f'    "{name}": {{']
        lines += [*(f'        "{each}": {_kind(rule)},' for each, rule in members), "    },"]
    return "\n".join([*lines, "}", ""])


def _kind(rule: Mapping[str, Any]) -> str:
    """The type of a rule's values, as Python writes it."""
    if "$ref" in rule:
        return f'"{rule["$ref"].removeprefix("#/definitions/")}"'
    if rule["type"] == "array":
        return f'("array", {_kind(rule["items"])})'
    if rule["type"] == "object":
        (values,) = rule["patternProperties"].values()
        return f'("object", {_kind(values)})'
    return f'"{rule["type"]}"'


if __name__ == "__main__":
    TARGET.write_text(content(), encoding="utf-8")
    CLASSES_TARGET.write_text(classes(), encoding="utf-8")
    SHAPES_TARGET.write_text(shapes(), encoding="utf-8")
    print(*(each.relative_to(ROOT) for each in (TARGET, CLASSES_TARGET, SHAPES_TARGET)))
