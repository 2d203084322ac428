"""What the handlers need of the schema, classes and constraints: `python -m packager.constraints`."""

from __future__ import annotations

import json

from packager.cut import without
from packager.project import PACKAGE, ROOT, schema

TARGET = PACKAGE / "constraints.json"

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
    constraints = without(parts, _LEFT_OUT, maps=_MAPS_OF_NAMES)
    classes = {each: [pointer.removeprefix("/properties/") for pointer in whole[each]] for each in CLASSES}
    # One line for each constraint, so that a change of the schema shows what it changes here.
    return json.dumps({"classes": classes, **constraints}, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(content(), encoding="utf-8")
    print(TARGET.relative_to(ROOT))
