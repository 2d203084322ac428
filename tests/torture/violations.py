"""Templates with one fault each: every constraint at every path of the schema, broken one at a time.

The faults are made from hand-made templates that break nothing and together have every property. What a
template may say although it looks odd is listed beside them, each with its reason.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from packager.project import schema
from sandbox.shared.java_patterns import matches, occurs

from .world import ACCOUNT, GROUPS, REGION

Json = dict[str, Any]
Keys = tuple[str | int, ...]
Edit = Callable[[Json], None]

SCHEMA: Json = schema()

# Properties that are not the template's business, whatever is in them (properties.md).
SERVICE_OWNED = (
    "ModelPackageVersion",
    "ModelPackageStatusDetails",
    "ModelPackageStatusItem",
    "LastModifiedTime",
    "CreatedBy",
    "LastModifiedBy",
)
READ_ONLY = ("ModelPackageArn", "CreationTime", "ModelPackageStatus")

# In every value that no message may show.
SECRET = "hush"  # noqa: S105 - no password
SECRET_VALUE = f"{SECRET}-{SECRET}"
_SECRET_PROPERTIES = frozenset({"ModelCard", "Environment", "CustomerMetadataProperties"})

# Longer than anything a template may have, but for what the schema does not limit.
HUGE = 100_000
LEVELS = 2_000
# Of a path that is too long for a message, this much stands in it.
_SHOWN = 20


# --- templates that break nothing -------------------------------------------------------------------

_IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/churn:1"
_DIGEST = "sha256:" + "0" * 64


def _data(**more: Any) -> Json:
    return {
        "S3Uri": "s3://models/churn/",
        "S3DataType": "S3Prefix",
        "CompressionType": "None",
        "ModelAccessConfig": {"AcceptEula": True},
        "HubAccessConfig": {"HubContentArn": f"arn:aws:sagemaker:{REGION}:aws:hub-content/hub/Model/m/1"},
        "ManifestS3Uri": "s3://models/churn/manifest.json",
        "ETag": "e1",
        "ManifestEtag": "e2",
        **more,
    }


def _container(**more: Any) -> Json:
    return {
        "ContainerHostname": "scorer",
        "Image": _IMAGE,
        "ImageDigest": _DIGEST,
        "ModelDataUrl": "s3://models/churn.tar.gz",
        "ModelDataSource": {"S3DataSource": _data()},
        "ProductId": "product-1",
        "Environment": {"MODE": SECRET_VALUE, "LEVEL": SECRET_VALUE},
        "ModelInput": {"DataInputConfig": '{"input": [1, 30]}'},
        "Framework": "XGBOOST",
        "FrameworkVersion": "1.7-1",
        "NearestModelName": "xgboost",
        "AdditionalModelDataSources": [{"ChannelName": "extra", "S3DataSource": _data()}],
        "ModelDataETag": "e3",
        "IsCheckpoint": False,
        "BaseModel": {"HubContentName": "base", "HubContentVersion": "1.0.0", "RecipeName": "recipe"},
        **more,
    }


def _more_data() -> Json:
    return {
        "S3DataType": "S3Object",
        "S3Uri": "s3://models/more.tar.gz",
        "CompressionType": "Gzip",
        "ETag": "e4",
    }


def _specification(*containers: Json, **more: Any) -> Json:
    return {
        "Containers": [{"Image": _IMAGE}, *containers],
        "SupportedTransformInstanceTypes": ["ml.m5.large", "ml.c5.xlarge"],
        "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large", "ml.inf2.48xlarge"],
        "SupportedContentTypes": ["text/csv", "application/json"],
        "SupportedResponseMIMETypes": ["text/csv", "application/json"],
        **more,
    }


def _additional(name: str) -> Json:
    containers = _container(AdditionalS3DataSource=_more_data())
    return _specification(containers, Name=name, Description=f"the {name} one")


def _file(name: str) -> Json:
    return {"ContentType": "application/json", "ContentDigest": _DIGEST, "S3Uri": f"s3://models/{name}"}


VERSION: Json = {
    "ModelPackageGroupName": GROUPS[0],
    "ModelPackageDescription": "who will leave",
    "ModelPackageRegistrationType": "Registered",
    "InferenceSpecification": _specification(_container()),
    "AdditionalInferenceSpecifications": [
        {"Name": "small", "Containers": [{"Image": _IMAGE}]},
        _additional("large"),
    ],
    "AdditionalInferenceSpecificationsToAdd": [_additional("larger")],
    "AdditionalInferenceSpecificationDefinition": _additional("largest"),
    "Environment": {"MODE": SECRET_VALUE, "REGION": SECRET_VALUE},
    "ValidationSpecification": {
        "ValidationRole": f"arn:aws:iam::{ACCOUNT}:role/validate",
        "ValidationProfiles": [
            {
                "ProfileName": "batch",
                "TransformJobDefinition": {
                    "MaxConcurrentTransforms": 1,
                    "MaxPayloadInMB": 6,
                    "BatchStrategy": "MultiRecord",
                    "Environment": {"MODE": SECRET_VALUE},
                    "TransformInput": {
                        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/in"}},
                        "ContentType": "text/csv",
                        "CompressionType": "None",
                        "SplitType": "Line",
                    },
                    "TransformOutput": {
                        "S3OutputPath": "s3://data/out",
                        "Accept": "text/csv",
                        "AssembleWith": "Line",
                        "KmsKeyId": "alias/data",
                    },
                    "TransformResources": {
                        "InstanceType": "ml.m5.large",
                        "InstanceCount": 2,
                        "VolumeKmsKeyId": "alias/volumes",
                        "TransformAmiVersion": "al2-ami-1",
                    },
                },
            }
        ],
    },
    "SkipModelValidation": "None",
    "SourceAlgorithmSpecification": {
        "SourceAlgorithms": [
            {
                "AlgorithmName": "boosting",
                "ModelDataUrl": "s3://models/algorithm.tar.gz",
                "ModelDataSource": {"S3DataSource": _data()},
                "ModelDataETag": "e5",
            }
        ]
    },
    "SourceUri": "s3://models/churn/source",
    "SamplePayloadUrl": "s3://models/payload.tar.gz",
    "Domain": "MACHINE_LEARNING",
    "Task": "CLASSIFICATION",
    "ModelApprovalStatus": "Approved",
    "ApprovalDescription": "looks fine",
    "ModelCard": {"ModelCardContent": f'{{"about": "{SECRET_VALUE}"}}', "ModelCardStatus": "Draft"},
    "ModelLifeCycle": {"Stage": "Test", "StageStatus": "Pending", "StageDescription": "the first"},
    "ModelMetrics": {
        "ModelQuality": {"Statistics": _file("a"), "Constraints": _file("b")},
        "ModelDataQuality": {"Statistics": _file("c"), "Constraints": _file("d")},
        "Bias": {
            "Report": _file("e"),
            "PreTrainingReport": _file("f"),
            "PostTrainingReport": _file("g"),
        },
        "Explainability": {"Report": _file("h")},
    },
    "DriftCheckBaselines": {
        "Bias": {
            "ConfigFile": _file("i"),
            "PreTrainingConstraints": _file("j"),
            "PostTrainingConstraints": _file("k"),
        },
        "Explainability": {"Constraints": _file("l"), "ConfigFile": _file("m")},
        "ModelQuality": {"Statistics": _file("n"), "Constraints": _file("o")},
        "ModelDataQuality": {"Statistics": _file("p"), "Constraints": _file("q")},
    },
    "MetadataProperties": {
        "CommitId": "9fceb02",
        "Repository": "https://git.example.com/churn",
        "GeneratedBy": "pipeline",
        "ProjectId": "p-1",
    },
    "CustomerMetadataProperties": {"team": SECRET_VALUE, "cost centre": SECRET_VALUE},
    "SecurityConfig": {"KmsKeyId": "alias/models"},
    "ManagedStorageType": "Restricted",
}

# What a version cannot have.
UNVERSIONED: Json = {
    "ModelPackageName": "scorer",
    "CertifyForMarketplace": True,
    "ClientToken": "a-token-of-ours",
    "InferenceSpecification": _specification(),
    "Tags": [{"Key": "team", "Value": "risk"}, {"Key": "stage", "Value": "test"}],
}

# The schema has the container of both kinds of specification; SageMaker refuses this member in the first.
REFUSED_TOGETHER: Json = {
    "ModelPackageGroupName": GROUPS[0],
    "InferenceSpecification": _specification({"Image": _IMAGE, "AdditionalS3DataSource": _more_data()}),
}

TEMPLATES = (VERSION, UNVERSIONED, REFUSED_TOGETHER)


# --- the schema, and where a template has what it speaks of -----------------------------------------


def _resolved(rule: Json) -> Json:
    while "$ref" in rule:
        rule = SCHEMA["definitions"][rule["$ref"].rsplit("/", 1)[1]]
    return rule


def _kind(rule: Json) -> str:
    """What the rule's value is: one of the schema's types, or `map` for an object with free keys."""
    return "map" if "patternProperties" in rule else str(rule["type"])


def places(rule: Json | None = None, place: str = "") -> Iterator[str]:
    """Every property path of the schema that is the template's business: `Tags[].Key`, `Environment.*`."""
    if rule is None:
        for name, each in SCHEMA["properties"].items():
            if name not in (*SERVICE_OWNED, *READ_ONLY):
                yield from places(each, name)
        return
    rule = _resolved(rule)
    yield place
    if _kind(rule) == "array":
        yield from places(rule["items"], f"{place}[]")
    elif _kind(rule) == "map":
        yield from places(_free(rule)[1], f"{place}.*")
    else:
        for name, each in rule.get("properties", {}).items():
            yield from places(each, f"{place}.{name}")


def _free(rule: Json) -> tuple[str, Json]:
    """The pattern of a map's keys and the rule of its values."""
    ((pattern, values),) = rule["patternProperties"].items()
    return pattern, _resolved(values)


@dataclass(frozen=True)
class Node:
    """A value in a template, and what the schema says of it."""

    template: Json
    keys: Keys
    place: str
    rule: Json
    value: Any

    @property
    def kind(self) -> str:
        """The type of the value; `map` for an object with free keys."""
        return _kind(self.rule)

    @property
    def path(self) -> str:
        """The path as messages have it."""
        return path_of(self.keys)

    @property
    def is_secret(self) -> bool:
        """Whether no message may show the value."""
        return not _SECRET_PROPERTIES.isdisjoint(self.keys)


def path_of(keys: Iterable[str | int]) -> str:
    """The keys as a path in the template's own form: `Tags[2].Key`."""
    path = ""
    for key in keys:
        path += f"[{key}]" if isinstance(key, int) else f"{'.' if path else ''}{key}"
    return path


def _nodes(template: Json) -> Iterator[Node]:
    def below(keys: Keys, place: str, given: Json, value: Any) -> Iterator[Node]:
        rule = _resolved(given)
        yield Node(template, keys, place, rule, value)
        if _kind(rule) == "array":
            for position, item in enumerate(value):
                yield from below((*keys, position), f"{place}[]", rule["items"], item)
        elif _kind(rule) == "map":
            for key, item in value.items():
                yield from below((*keys, key), f"{place}.*", _free(rule)[1], item)
        elif _kind(rule) == "object":
            for name, item in value.items():
                yield from below((*keys, name), f"{place}.{name}", rule["properties"][name], item)

    for name, item in template.items():
        yield from below((name,), name, SCHEMA["properties"][name], item)


def nodes() -> dict[str, Node]:
    """A node for each place: of the first template that has it, the last, so that indexes are not all 0."""
    found: dict[str, Node] = {}
    for template in reversed(TEMPLATES):
        found.update((node.place, node) for node in _nodes(template))
    return found


# --- faults -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Violation:
    """One fault in one template, and what a message has to say of it."""

    kind: str
    place: str
    template: Json
    edit: Edit
    named: tuple[str, ...]
    """The path at fault; of several, one has to be named."""
    cut: bool = False
    """The path is longer than this, and may be cut anywhere behind it."""
    suggests: str | None = None
    """The right name, where the fault is a slip of the pen."""

    def properties(self) -> Json:
        """The template with the fault."""
        made = copy.deepcopy(self.template)
        self.edit(made)
        return made

    def __str__(self) -> str:
        return f"{self.place or 'the top'}: {self.kind}"


@cache
def violations() -> tuple[Violation, ...]:
    """Every fault at every place."""
    found = [each for node in nodes().values() for each in _violations(node)]
    found += [each for template in TEMPLATES[:2] for each in _misnamed(template, (), "", template)]
    return (*found, *_unknown((), "", VERSION))


def quick(every: Iterable[Violation]) -> tuple[Violation, ...]:
    """A cut in which every place and every kind of fault comes at least once."""
    by_place: dict[str, list[Violation]] = {}
    first: dict[str, Violation] = {}
    for each in every:
        by_place.setdefault(each.place, []).append(each)
        first.setdefault(each.kind, each)
    chosen = [each[number % len(each)] for number, each in enumerate(by_place.values())]
    seen = {each.kind for each in chosen}
    return (*chosen, *(each for kind, each in first.items() if kind not in seen))


def _violations(node: Node) -> Iterator[Violation]:
    yield from _wrong_types(node)
    yield from _nested(node)
    if node.kind == "string":
        yield from _wrong_strings(node)
    elif node.kind == "integer":
        for number in (node.rule["minimum"] - 1, str(node.rule["minimum"] - 1)):
            yield _put(node, f"{number!r}, below the minimum", number)
    elif node.kind == "array":
        yield from _wrong_lengths(node)
    elif node.kind == "map":
        yield from _wrong_entries(node)
    elif node.kind == "object":
        yield from _unknown(node.keys, node.place, node.template)
        yield from _misnamed(node.template, node.keys, node.place, node.value)
        yield from _missing(node)


def _put(node: Node, kind: str, value: Any, *named: str, cut: bool = False) -> Violation:
    return Violation(
        f"{node.kind}: {kind}",
        node.place,
        node.template,
        lambda template: put(template, node.keys, value),
        named or (node.path,),
        cut,
    )


def put(template: Json, keys: Keys, value: Any) -> None:
    """Put a value into a template."""
    place: Any = template
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value


def _rename(template: Json, keys: Keys, name: str) -> None:
    place: Any = template
    for key in keys[:-1]:
        place = place[key]
    # At its old position: a member is not wrong because it comes last.
    members = [(name if key == keys[-1] else key, value) for key, value in place.items()]
    place.clear()
    place.update(members)


def _remove(template: Json, keys: Keys) -> None:
    place: Any = template
    for key in keys[:-1]:
        place = place[key]
    del place[keys[-1]]


_NO_OBJECT: tuple[Any, ...] = (None, [], [{}], "", "word", 5, 0.5, True, False)
_TWO_TO_THE_31 = 2**31
# By the schema's type, values of which none can be read as that type. CloudFormation sends primitives as
# strings, so "5" is a number and 5 is a string.
_NOT: dict[str, tuple[Any, ...]] = {
    "string": (None, {}, {"a": "word"}, [], ["word"]),
    "boolean": (None, {}, [], "", "yes", "1", 1, 0, 1.5),
    "integer": (
        None,
        {},
        [],
        "",
        "abc",
        True,
        "true",
        1.5,
        "1.5",
        # What JSON's 1e400 is read as.
        math.inf,
        math.nan,
        10**400,
        "1e999",
        "9" * 400,
        "9" * 5_000,
        # Python would read these.
        "1_000",
        " 1 ",
        "0x10",
        "\u0661",
        # The API's integers have 32 bits.
        _TWO_TO_THE_31,
        str(_TWO_TO_THE_31),
        10**20,
    ),
    "object": _NO_OBJECT,
    "map": _NO_OBJECT,
    "array": (None, {}, {"0": "word"}, "", "word", "a,b", 5, 0.5, True, False),
}


def shown(value: Any) -> str:
    """A value for a report."""
    text = str(value)
    return repr(value) if len(text) <= 40 else f"{text[:10]}... ({len(text)} characters)"


def _with_secret(value: Any) -> Any:
    """The value with the secret for its words."""
    if isinstance(value, dict):
        return {key: _with_secret(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_secret(item) for item in value]
    return SECRET_VALUE if value == "word" else value


def _wrong_types(node: Node) -> Iterator[Violation]:
    for value in _NOT[node.kind]:
        yield _put(node, shown(value), _with_secret(value) if node.is_secret else value)


def _nest(inside: Any, wrap: Callable[[Any], Any]) -> Any:
    for _ in range(LEVELS):
        inside = wrap(inside)
    return inside


DEEP_OBJECT: Json = _nest(SECRET_VALUE, lambda inside: {"a": inside})
DEEP_LIST: list[Any] = _nest(SECRET_VALUE, lambda inside: [inside])


def _nested(node: Node) -> Iterator[Violation]:
    in_object = node.kind in ("object", "map")
    yield _put(node, "objects in objects", DEEP_OBJECT, f"{node.path}.a" if in_object else node.path)
    in_list = node.kind == "array"
    yield _put(node, "lists in lists", DEEP_LIST, f"{node.path}[0]" if in_list else node.path)


# --- strings


# What some pattern of the schema does not have in it.
_ODD_CHARACTERS = ("!", " ", "\n", "<", "\x07", "*", "\N{FULLWIDTH DIGIT ONE}")


def _breaking(rule: Json, value: str) -> str | None:
    """A string of a legal length that breaks the pattern, made of one that does not."""
    middle = len(value) // 2
    for character in _ODD_CHARACTERS:
        candidates = (
            value[:middle] + character + value[middle:],
            value[:middle] + character + value[middle + 1 :],
            character + value[1:],
        )
        for candidate in candidates:
            if _length_is_legal(rule, candidate) and not occurs(rule["pattern"], candidate):
                return candidate
    return None


def _length_is_legal(rule: Json, value: str) -> bool:
    return bool(rule.get("minLength", 0) <= len(value) <= rule.get("maxLength", math.inf))


def _is_legal(rule: Json, value: str) -> bool:
    return (
        _length_is_legal(rule, value)
        and ("pattern" not in rule or matches(rule["pattern"], value))
        and ("enum" not in rule or value in rule["enum"])
    )


def patterns_that_match_everything() -> frozenset[str]:
    """Patterns of template strings that no string of a legal length was found to break."""
    return frozenset(
        node.rule["pattern"]
        for node in nodes().values()
        if "pattern" in node.rule and _breaking(node.rule, node.value) is None
    )


def _wrong_strings(node: Node) -> Iterator[Violation]:
    rule, value = node.rule, node.value
    shortest, longest = rule.get("minLength", 0), rule.get("maxLength")
    if shortest:
        yield _put(node, "too short", value[: shortest - 1])
    if longest is not None:
        yield _put(node, "too long by one", value + "a" * (longest + 1 - len(value)))
    if "pattern" in rule:
        breaking = _breaking(rule, value)
        if breaking is not None:
            yield _put(node, "against the pattern", breaking)
        # Python's `$` lets it pass.
        if _length_is_legal(rule, f"{value}\n") and not matches(rule["pattern"], f"{value}\n"):
            yield _put(node, "a new line at its end", f"{value}\n")
    if "enum" in rule:
        yield _put(node, "not in the enumeration", "Unheard-of")
        yield _put(node, "in the wrong case", value.swapcase())
        yield _put(node, "empty", "")
    word = SECRET if node.is_secret else "loud"
    for name, huge in _huge(word).items():
        if not _is_legal(rule, huge):
            yield _put(node, name, huge)


def _huge(word: str) -> dict[str, str]:
    """Strings of 100,000 characters; on the later ones a pattern may take very long to fail."""
    half = (HUGE - len("s3:///\n\n") - len(word)) // 2
    return {
        f"{HUGE} characters": word * (HUGE // len(word)),
        f"{HUGE} characters, most of them hyphens": word + "-" * (HUGE - len(word) - 1) + "!",
        f"{HUGE} characters of a URL": f"s3://{word}{'a' * half}/{'a' * half}\n\n",
    }


# --- lists and maps


# Members by which the items of some list are told apart.
_NAMING = ("Name", "Key", "ChannelName", "ProfileName")


def _wrong_lengths(node: Node) -> Iterator[Violation]:
    if node.rule.get("minItems"):
        yield _put(node, "empty", [])
    most = node.rule.get("maxItems")
    if most is not None:
        yield _put(node, "too many", [_another(node.value[-1], number) for number in range(most + 1)])


def _another(item: Json, number: int) -> Json:
    return {name: f"{value}{number}" if name in _NAMING else value for name, value in item.items()}


# Keys that some map of the schema does not take.
_ODD_KEYS = ("", "1A", "A-B", "a#b", "tab\there", "\n", "MODE\n", "K" * 129, "K" * 1025, "K" * HUGE)


def _wrong_entries(node: Node) -> Iterator[Violation]:
    pattern, _ = _free(node.rule)
    for key in _ODD_KEYS:
        if not matches(pattern, key):
            yield _wrong_entry(node, key)
    most = node.rule["maxProperties"]
    yield _put(node, "too many", {f"K{number}": SECRET_VALUE for number in range(most + 1)})


def _wrong_entry(node: Node, key: str) -> Violation:
    # How a message shows a control character is its own business.
    told = re.split(r"[\n\t]", key)[0][:_SHOWN]
    named = f"{node.path}.{told}" if told else node.path
    return _put(
        node,
        f"the key {shown(key)}",
        {**node.value, key: SECRET_VALUE},
        named,
        cut=told != key,
    )


# --- members


def _unknown(keys: Keys, place: str, template: Json) -> Iterator[Violation]:
    """Members that the schema does not know, at the top or in an object."""
    values = {"": SECRET_VALUE, " of null": None, " of objects": DEEP_OBJECT, " of lists": DEEP_LIST}
    for what, value in values.items():
        yield _member(keys, place, template, f"an unknown member{what}", "Unheard", value)
    yield _member(keys, place, template, f"an unknown member of {HUGE} characters", "U" * HUGE, "x", cut=True)


def _member(
    keys: Keys, place: str, template: Json, kind: str, name: str, value: Any, *, cut: bool = False
) -> Violation:
    return Violation(
        kind,
        place,
        template,
        lambda changed: put(changed, (*keys, name), value),
        (path_of((*keys, name[:_SHOWN] if cut else name)),),
        cut,
    )


def _misnamed(template: Json, keys: Keys, place: str, members: Json) -> Iterator[Violation]:
    """Each member under its own name in the wrong case."""
    for name in members:
        for wrong in (name[0].lower() + name[1:], name.upper()):
            if wrong not in members:
                yield Violation(
                    "a member in the wrong case",
                    f"{place}.{name}" if place else name,
                    template,
                    partial(_rename, keys=(*keys, name), name=wrong),
                    (path_of((*keys, wrong)),),
                    suggests=name,
                )


def _missing(node: Node) -> Iterator[Violation]:
    required = node.rule.get("required", ())
    paths = tuple(f"{node.path}.{name}" for name in required)
    if required:
        yield _put(node, "empty", {}, *paths)
    for name, path in zip(required, paths, strict=True):
        yield Violation(
            "a required member is missing",
            f"{node.place}.{name}",
            node.template,
            partial(_remove, keys=(*node.keys, name)),
            (path,),
        )


# --- what looks like a fault and is none ------------------------------------------------------------


@dataclass(frozen=True)
class Oddity:
    """Something odd that a template may say."""

    place: str
    what: str
    why: str
    template: Json
    edit: Edit

    def properties(self) -> Json:
        """The template that says it."""
        made = copy.deepcopy(self.template)
        self.edit(made)
        return made

    def __str__(self) -> str:
        return f"{self.place}: {self.what} ({self.why})"


_PRIMITIVES = "CloudFormation sends every primitive as a string, other callers send it as it is"
_UNLIMITED = "the schema, like the API, does not limit it"
_NOTHING_REQUIRED = "nothing in it is required, and an empty object is not an absent one"
_NO_LEAST = "the list has no least length, and an empty one is not an absent one"
_OF_THE_SERVICE = "it belongs to the service and is ignored; whole Describe answers are used as templates"
_RETURNED = "it is a return value and not the template's business; so are Describe answers used"

# By the schema's type, what is read as a value of it.
_ALSO: dict[str, tuple[Any, ...]] = {
    "integer": ("2", 2.0, "2.0", "2e0"),
    "boolean": ("true", "false", "TRUE"),
    "string": (8, 1.5, True),
}
# Whatever somebody may have put there.
_WHATEVER: tuple[Any, ...] = (None, {}, [], "", "x", 5, True, math.inf, {"a": [None]}, ["x"], "x" * HUGE)


def oddities() -> list[Oddity]:
    """Every oddity at every place that may have it."""
    found = [each for node in nodes().values() for each in _oddities(node)]
    for names, why in ((SERVICE_OWNED, _OF_THE_SERVICE), (READ_ONLY, _RETURNED)):
        for name in names:
            found += [_odd_top(name, shown(value), why, value) for value in _WHATEVER]
            found.append(_odd_top(name, "objects in objects", why, DEEP_OBJECT))
            found.append(_odd_top(name, "lists in lists", why, DEEP_LIST))
    return found


def _odd_top(name: str, what: str, why: str, value: Any) -> Oddity:
    return Oddity(name, what, why, _SMALL, lambda template: put(template, (name,), value))


# Not finished at once, so that the template is answered, too, and comes back.
_SMALL: Json = {"ModelPackageName": "scorer", "InferenceSpecification": _specification()}


def _oddities(node: Node) -> Iterator[Oddity]:
    # Another group would have to be there.
    if node.template is REFUSED_TOGETHER or node.place == "ModelPackageGroupName":
        return

    def odd(what: str, why: str, value: Any) -> Oddity:
        return Oddity(node.place, what, why, node.template, lambda template: put(template, node.keys, value))

    for value in _ALSO.get(node.kind, ()):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if node.kind != "string" or _is_legal(node.rule, text):
            yield odd(shown(value), _PRIMITIVES, value)
    if node.kind == "string":
        for name, huge in _huge(SECRET).items():
            if _is_legal(node.rule, huge):
                yield odd(name, _UNLIMITED, huge)
    elif node.kind == "map" or (node.kind == "object" and not node.rule.get("required")):
        yield odd("{}", _NOTHING_REQUIRED, {})
    elif node.kind == "array" and not node.rule.get("minItems"):
        yield odd("[]", _NO_LEAST, [])
