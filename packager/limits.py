"""The limits the handlers check, cut out of the schema: `python -m packager.limits`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from packager.project import PACKAGE, ROOT, schema

TARGET = PACKAGE / "limits.json"

# Keywords that say nothing of which values are allowed, or what the generated classes say as well.
_LEFT_OUT = frozenset({"description", "type", "additionalProperties", "insertionOrder"})

Json = dict[str, Any]


def content() -> str:
    """The content of the file."""
    whole = schema()
    kept = {part: _limits(whole[part], names_are_ours=True) for part in ("properties", "definitions")}
    # One line for each limit, so that a change of the schema shows what it changes here.
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


def _limits(value: Any, names_are_ours: bool = False) -> Any:
    """The value without what is no limit; a map of names (of properties, definitions) keeps all."""
    if isinstance(value, Mapping):
        return {
            name: _limits(item, names_are_ours=name in _MAPS_OF_NAMES and not names_are_ours)
            for name, item in value.items()
            if names_are_ours or name not in _LEFT_OUT
        }
    return value


_MAPS_OF_NAMES = frozenset({"properties", "patternProperties"})


def main() -> int:
    """Write the file."""
    TARGET.write_text(content(), encoding="utf-8")
    print(TARGET.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
