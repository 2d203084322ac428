"""What the handlers need of the schema, classes and constraints: `python -m packager.constraints`."""

from __future__ import annotations

import json

from packager.cut import without
from packager.project import PACKAGE, ROOT, schema

TARGET = PACKAGE / "constraints.json"
# A module, because every cold start needs it, and a JSON file would have to be parsed.
CLASSES_TARGET = PACKAGE / "classes.py"

# The schema's lists of properties of one kind.
CLASSES = (
    "readOnlyProperties",
    "createOnlyProperties",
    "conditionalCreateOnlyProperties",
    "writeOnlyProperties",
    "deprecatedProperties",
)
# Keywords that constrain no value, or that the generated classes check.
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
    names = {"properties": [*whole["properties"]]}
    names |= {each: [pointer.removeprefix("/properties/") for pointer in whole[each]] for each in CLASSES}
    lines = [
        '"""The schema\'s properties, all and by class. Written by `make generate`, never edited."""',
        "",
        "from __future__ import annotations",
        "",
        "CLASSES: dict[str, tuple[str, ...]] = {",
    ]
    for each, members in names.items():
        lines += [f'    "{each}": (', *(f'        "{name}",' for name in members), "    ),"]
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    TARGET.write_text(content(), encoding="utf-8")
    CLASSES_TARGET.write_text(classes(), encoding="utf-8")
    print(TARGET.relative_to(ROOT), CLASSES_TARGET.relative_to(ROOT))
