"""The resource type as the rules need it: its schema, and the checks of its handlers.

No other file here imports the handlers' package. In a project that is packaged under another type's name, the
package and the schema have other names as well.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from aws_sagemaker_modelpackage import messages, translate, validation

Json = dict[str, Any]
Keys = tuple[str | int, ...]

# Schemas of other types may be beside it.
SCHEMA_FILE = Path(__file__).resolve().parents[1] / "schemas" / "aws-sagemaker-modelpackage.json"
SCHEMA: Json = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
TYPE: str = SCHEMA["typeName"]
GROUP_TYPE = "AWS::SageMaker::ModelPackageGroup"
GROUP, SPECIFICATION = translate.GROUP, translate.SPECIFICATION
READ_ONLY, DEPRECATED = (
    sorted(pointer.rsplit("/", 1)[1] for pointer in SCHEMA[keyword])
    for keyword in ("readOnlyProperties", "deprecatedProperties")
)
# Deprecated properties that the handlers do not send.
IGNORED = [each for each in DEPRECATED if each not in (translate.ENVIRONMENT, translate.DEFINITION)]

is_versioned = translate.is_versioned
wrong_pattern = messages.wrong_pattern


def path_text(keys: Keys) -> str:
    """The path of a property as messages show it, such as `Tags[2].Key`."""
    return messages.text_of(messages.path_of(*keys))


# --- the schema -------------------------------------------------------------------------------------


def dereferenced(schema: Json) -> Json:
    """The definition that a schema refers to, or the schema itself."""
    while "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def schema_below(schema: Json, *keys: str | int) -> Json:
    """The schema of the value at a path below a value with this schema; empty where there is none."""
    for key in keys:
        schema = dereferenced(schema)
        if isinstance(key, int):
            schema = schema.get("items", {})
        else:
            of_any_name: Json = next(iter(schema.get("patternProperties", {}).values()), {})
            schema = schema.get("properties", {}).get(key, of_any_name)
    return dereferenced(schema)


# --- the handlers' checks ---------------------------------------------------------------------------


# What a message is about: one remedy each. The check, where no beginning of a message says otherwise.
Topic = Literal[
    validation.Check,
    "names",
    "misplaced",
    "null",
    "missing",
    "limits",
    "not for unversioned",
    "ARN of another",
    "same names",
    "additional data",
    "environment of nothing",
    "keys of tags",
]
_TOPICS: dict[str, Topic] = {
    "is not a property of this type; it ": "misplaced",
    "is not a property of this type": "names",
    "is null": "null",
    "is required": "missing",
    r"has \d+ \w+ (together .+ )?and must have|must be at least": "limits",
    "cannot be set on an unversioned package": "not for unversioned",
    "is the ARN of something else": "ARN of another",
    "is the name of another one|has the name of": "same names",
    "is not allowed in": "additional data",
    "is the default environment": "environment of nothing",
    "occurs twice": "keys of tags",
}
# Messages about the name of a member, which is literal whatever its value is.
_OF_NAMES = re.compile("is not a property|is required|is no key")
Refusal = tuple[Topic, Keys, str]


def refusals(properties: Json, functions: Collection[Keys], *, cdk: bool) -> list[Refusal]:
    """All that the handlers refuse of properties: topic, path and message.

    At the paths of functions there are stand-ins: what follows from them is left out. With `cdk`, tags of a
    version may repeat those of the stack, which the handlers leave out.
    """

    def is_literal(keys: Keys) -> bool:
        return not any(keys[:length] in functions for length in range(1, len(keys) + 1))

    def is_known(keys: Keys) -> bool:
        return is_literal(keys) and not any(each[: len(keys)] == keys for each in functions)

    result: list[Refusal] = []
    for check, problems in validation.create_faults(properties, None)[1].items():
        for each in problems:
            message, keys = str(each), _keys(each.path)
            text = message.removeprefix(f"{path_text(keys)} ")
            topic = next((topic for start, topic in _TOPICS.items() if re.match(start, text)), check)
            place = keys[:-1] if _OF_NAMES.match(text) else keys
            if (
                (check == "combinations" or is_literal(place))
                and all(is_known(_keys(path)) for path in each.compared)
                and not (topic == "tags" and cdk)
            ):
                result.append((topic, keys, message))
    return result


def _keys(path: messages.Path) -> Keys:
    return tuple(messages.keys_of(path))
