"""The resource type as the rules need it: its schema, and the checks of its handlers.

No other file here imports the handlers' package. In a project that is packaged under another type's name, the
package and the schema have other names as well.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

from cloudformation_cli_python_lib.exceptions import InvalidRequest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from aws_sagemaker_modelpackage import combinations, constraints, messages, tags, translate

Json = dict[str, Any]
Keys = tuple[str | int, ...]

(SCHEMA_FILE,) = Path(__file__).resolve().parents[1].glob("schemas/*.json")
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
    path: messages.Path = None
    for key in keys:
        path = (path, key)
    return messages.text_of(path)


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


# What a check of the handlers is about.
Check = Literal["kinds", "values", "combinations", "keys of tags", "tags of versions"]
# What a message is about: one remedy each. The check, where no beginning of a message says otherwise.
Topic = Literal[
    Check,
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
]
_TOPICS: dict[str, Topic] = {
    "is not a property of this type; it ": "misplaced",
    "is not a property of this type": "names",
    "is null": "null",
    "is required": "missing",
    r"has \d+ \w+ and must have|must be at least": "limits",
    "cannot be set on an unversioned package": "not for unversioned",
    "is the ARN of something else": "ARN of another",
    "is the name of another one": "same names",
    "is not allowed in": "additional data",
    "is the default environment": "environment of nothing",
}
Refusal = tuple[Topic, Keys, str]


def refusals(properties: Json, is_literal: Callable[[Keys], bool], *, cdk: bool) -> list[Refusal]:
    """All that the first failing check refuses of properties: topic, path and message.

    Paths that are not literal have stand-ins, and are no matter of kinds and values. With `cdk`, tags of a
    version may repeat those of the stack, which the handlers leave out.
    """

    def about_literals(check: Check, problems: Iterable[messages.Problem]) -> list[Refusal]:
        return [each for each in _located(check, problems) if is_literal(each[1])]

    model, misfits = translate.examine(properties)
    return (
        about_literals("kinds", misfits)
        or about_literals("values", constraints.problems(model))
        or _located("combinations", combinations.create_problems(model))
        or (_refused_tags(model, cdk=cdk) if is_literal(("Tags",)) else [])
    )


def _located(check: Check, problems: Iterable[messages.Problem]) -> list[Refusal]:
    return [(_topic(check, each), tuple(messages.keys_of(each.path)), str(each)) for each in problems]


def _topic(check: Check, problem: messages.Problem) -> Topic:
    text = str(problem).removeprefix(f"{messages.text_of(problem.path)} ")
    return next((topic for start, topic in _TOPICS.items() if re.match(start, text)), check)


def _refused_tags(model: Json, *, cdk: bool) -> list[Refusal]:
    check: Check = "keys of tags"
    try:
        given = tags.as_map(model.get("Tags"))
        check = "tags of versions"
        if given and is_versioned(model) and not cdk:
            tags.refuse_on_version(model["Tags"], None)
    except InvalidRequest as error:
        return [(check, ("Tags",), str(error))]
    return []
