"""Rich templates, which have every member there can be, and other valid values for what they have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from sandbox.shared.java_patterns import matches
from sandbox.shared.settings import ACCOUNT, REGION, schema

from .paths import ANY, Path, kind_of, members, rule_at
from .templates import (
    ALGORITHM,
    APPROVAL,
    CARD,
    CARD_STATUS,
    CONTENT,
    CYCLE,
    ENVIRONMENT,
    GROUP,
    NAME,
    READ_ONLY,
    SOURCE,
    SPECIFICATION,
    TAGS,
    complete,
    fitted,
    group_arn,
)
from .verdicts import SPECIFICATIONS, TOKEN
from .world import GROUPS, IMAGE, Json

STACK_TAGS = {"team": "Risk"}
SETTABLE = tuple(name for name in schema()["properties"] if name not in READ_ONLY)

_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/Models"
_TEXTS: dict[str, str] = {
    NAME: "churn-model",
    GROUP: GROUPS[0],
    SOURCE: "s3://models/churn.tar.gz",
    CONTENT: '{"model_overview": {"model_name": "churn"}, "intended_uses": {}, "sizes": [0.1, 1e400]}',
    "DataInputConfig": '{"input": [1, 3, 224, 9007199254740993.0]}',
    "StageDescription": "arn:aws:s3:::evidence/Report.pdf",
    "ValidationRole": f"arn:aws:iam::{ACCOUNT}:role/Validation",
    "KmsKeyId": _KEY,
    "VolumeKmsKeyId": _KEY,
    "AlgorithmName": f"{_ARN}:algorithm/Churn",
    "HubContentArn": f"{_ARN}:hub-content/Hub/Model/Churn/1.0.0",
}
_JSON_TEXTS = frozenset({CONTENT, "DataInputConfig"})


def allowed(rule: Json, text: str) -> bool:
    fits = rule.get("minLength", 0) <= len(text) <= rule.get("maxLength", len(text))
    return fits and matches(rule.get("pattern", r"^[\S\s]*$"), text)


def text_for(path: Path) -> str | None:
    """Text for a path: its own, or one that is made of its name."""
    last = next(each for each in reversed(path) if each != ANY)
    short = last.lower()[:20]
    candidates = (_TEXTS.get(last), short, f"s3://models/{short}", f"text/{short}")
    return next((each for each in candidates if each and allowed(rule_at(path), each)), None)


def another(path: Path, value: Any) -> Any:
    """Another valid value for a path, None if there is none."""
    rule = rule_at(path)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if "enum" in rule:
        return next((each for each in rule["enum"] if each != value), None)
    if path[-1] in _JSON_TEXTS:
        return value.replace("{", '{"input_2": [1], ', 1)
    found = next((each for each in _others(path, value) if each != value and allowed(rule, each)), None)
    assert found is not None, (
        f"_others in tests/torture/rich.py has no second valid value of {'.'.join(path)}"
    )
    return found


def similar_texts(path: Path, value: Any) -> Iterator[str]:
    """Other values that are easily taken for the same: of numbers, of members, of ARNs."""
    if path[-1] in _JSON_TEXTS:
        for number, other in _CLOSE_NUMBERS.items():
            if number in value:
                yield value.replace(number, other)
        name = next(iter(json.loads(value)))
        yield value.replace("{", f'{{"{name}": "overruled", ', 1)
    elif isinstance(value, str) and value.startswith("arn:") and not value.startswith("arn:aws:sagemaker:"):
        *service, resource = value.split(":", 5)
        yield ":".join([*service, resource.swapcase()])


# None is told from the other one by a float.
_CLOSE_NUMBERS = {
    "0.1": "0.10000000000000000001",
    "1e400": "1e500",
    "9007199254740993.0": "9007199254740992.0",
}


def _others(path: Path, text: str) -> Iterator[str]:
    if path == (GROUP,):
        yield GROUPS[1]
    if text.startswith("ml."):
        yield "ml.m5.xlarge"
    yield from (f"{text}{end}" for end in ("-2", "2", "/2"))
    yield from (f"{text[:-1]}{end}" for end in "0123456789")


def distinct(path: Path, value: Any) -> Any:
    """The value without two equal items in a list, or two with an equal name."""
    named = dict(members(rule_at(path)))
    if isinstance(value, dict):
        return {key: distinct((*path, key if key in named else ANY), each) for key, each in value.items()}
    if not isinstance(value, list):
        return value
    inner = (*path, ANY)
    items = [distinct(inner, each) for each in value]
    return [*items[:1], *(_renamed(inner, each, items[0]) for each in items[1:])]


def _renamed(path: Path, item: Any, other: Any) -> Any:
    if not isinstance(item, dict):
        return another(path, item) if item == other else item
    for name in ("Name", "ChannelName", "Key"):
        if name in item and item[name] == other.get(name):
            return {**item, name: another((*path, name), item[name])}
    return item


def rich(*without: str) -> Json:
    """A template with every member of every property, except some."""
    return {
        name: distinct((name,), complete((name,), text=text_for)) for name in SETTABLE if name not in without
    }


def _rich_version() -> Json:
    template = rich(NAME, TOKEN)
    for container in template[SPECIFICATION]["Containers"]:
        container.pop("AdditionalS3DataSource", None)  # SageMaker refuses it there
    _name_specifications(template)
    template[ENVIRONMENT] = {"DEFAULT": "1", "LEVEL": "info"}
    return {**template, TAGS: [{"Key": key, "Value": value} for key, value in STACK_TAGS.items()]}


def _rich_unversioned() -> Json:
    template = fitted(rich(GROUP, TOKEN, APPROVAL, SOURCE, ENVIRONMENT), STACK_TAGS).properties
    _name_specifications(template)
    return template


def _name_specifications(template: Json) -> None:
    """Give each additional specification a name of its own."""
    names = iter(("First", "Second", "Third", "Fourth", "Fifth"))
    for property_name in SPECIFICATIONS:
        given = template[property_name]
        for each in given if isinstance(given, list) else [given]:
            each["Name"] = next(names)


_PLAIN = {GROUP: GROUPS[0], SPECIFICATION: {"Containers": [{"Image": IMAGE}]}}
BASES: dict[str, Callable[[], Json]] = {
    "version": _rich_version,
    "unversioned": _rich_unversioned,
    "plain": lambda: dict(_PLAIN),
    "algorithm": lambda: {GROUP: GROUPS[0], ALGORITHM: rich()[ALGORITHM]},
    "source": lambda: {GROUP: GROUPS[0], SOURCE: f"{_ARN}:model/Churn"},
    "archived": lambda: {**_PLAIN, CARD: {CONTENT: _TEXTS[CONTENT], CARD_STATUS: "Archived"}},
    "stage": lambda: {
        **_PLAIN,
        CYCLE: {"Stage": "Staging", "StageStatus": "Approved", "StageDescription": ""},
    },
    "token": lambda: {**_PLAIN, TOKEN: "token-1"},
}
# The properties that are mutated of the small ones; of the others it is all.
_ONLY = {
    "algorithm": (ALGORITHM, SPECIFICATION),
    "source": (SOURCE, SPECIFICATION),
    "archived": (CARD,),
    "stage": (CYCLE,),
    "token": (TOKEN,),
}
MATRIX = [(base, name) for base in BASES for name in _ONLY.get(base, SETTABLE)]


@cache
def template_of(base: str) -> Json:
    return BASES[base]()


def leading_to(path: Path, target: Path) -> Any:
    """A value with what is required, and what leads to a path."""
    rule = rule_at(path)
    kind = kind_of(rule)
    if path == target or kind not in ("object", "array", "map"):
        return distinct(path, complete(path, text=text_for))
    if kind == "map":
        return {"KEY": leading_to((*path, ANY), target)}
    if kind == "array":
        return [leading_to((*path, ANY), target)]
    return {
        name: leading_to((*path, name), target)
        for name in rule["properties"]
        if name in rule.get("required", ()) or target[: len(path) + 1] == (*path, name)
    }


def same_texts(path: Path, value: Any) -> Iterator[str]:
    """Other texts that mean the same."""
    if path[-1] in _JSON_TEXTS:
        # Numbers stay as they are written: some are none of Python's.
        parsed = json.loads(value, parse_int="\0{}\0".format, parse_float="\0{}\0".format)
        turned = json.dumps(parsed, indent=1, sort_keys=True).replace("\n", " ")
        yield turned.replace('"\\u0000', "").replace('\\u0000"', "").replace("0.1,", "1.0E-1,")
    elif path == (GROUP,):
        yield group_arn(value)
    elif path == (NAME,):
        yield value.upper()
    elif isinstance(value, str) and value.startswith("arn:aws:sagemaker:") and value != value.lower():
        yield value.lower()
