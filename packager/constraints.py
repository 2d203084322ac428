"""The schema's constraints of values, which the handlers check: `python -m packager.constraints`."""

from __future__ import annotations

import json

from packager.cut import without
from packager.project import PACKAGE, ROOT, schema

TARGET = PACKAGE / "constraints.json"

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


if __name__ == "__main__":
    TARGET.write_text(content(), encoding="utf-8")
    print(TARGET.relative_to(ROOT))
