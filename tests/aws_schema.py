"""Every difference between AWS's own schema of the type, in the pinned cfn-lint's copy, and ours.

`DIFFERENCES` has the reason of each; guides/comparison.md has the same table for readers, which
`python -m tests.aws_schema` writes (it is part of `make generate`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from packager.project import ROOT, schema

Node = dict[str, Any]

CLASSES = (
    "primaryIdentifier",
    "readOnlyProperties",
    "createOnlyProperties",
    "conditionalCreateOnlyProperties",
    "writeOnlyProperties",
    "deprecatedProperties",
)
# What a value may be; `format` and the like are cfn-lint's additions to AWS's schema.
LIMITS = (
    *("type", "enum", "pattern", "required", "insertionOrder", "uniqueItems", "minimum", "maximum"),
    *(f"{end}{unit}" for unit in ("Length", "Items", "Properties") for end in ("min", "max")),
)
# Keywords of the type itself that are compared in parts, or that say nothing of what it does.
_COMPARED_IN_PARTS = {*CLASSES, "properties", "definitions", "handlers", "tagging", "description"}


class Found(NamedTuple):
    """One difference: `there` and `here` are the values of a keyword at a place."""

    keyword: str
    place: str
    there: str
    here: str


@dataclass(frozen=True)
class Difference:
    """Differences of one keyword and one reason, at one place or several."""

    keyword: str
    places: tuple[str, ...]
    there: str
    here: str
    why: str

    def expanded(self) -> Iterator[Found]:
        """One difference for each place."""
        return (Found(self.keyword, place, self.there, self.here) for place in self.places)


@cache
def aws_schema() -> Node:
    """AWS's schema of the type, as cfn-lint has it for us-east-1.

    Not through cfn-lint's manager, which prefers a newer copy in this machine's cache.
    """
    folder = files("cfnlint") / "data" / "schemas"
    listed = json.loads((folder / "providers" / "us-east-1.json").read_text(encoding="utf-8"))
    name = listed["AWS::SageMaker::ModelPackage"]
    loaded: Node = json.loads((folder / "resources" / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def differences(theirs: Node, ours: Node) -> set[Found]:
    """Every difference between two schemas of the type, but for the texts of descriptions."""
    return {
        *_classes(theirs, ours),
        *_parts("tagging", theirs["tagging"], ours["tagging"]),
        *_handlers(theirs["handlers"], ours["handlers"]),
        *_parts(
            "the type",
            *(
                {key: each for key, each in s.items() if key not in _COMPARED_IN_PARTS}
                for s in (theirs, ours)
            ),
        ),
        *_Shapes(theirs, ours).compared(),
    }


def undescribed(theirs: Node, ours: Node) -> list[str]:
    """Properties and members that have a description in their schema and none in ours."""
    return sorted(_Shapes(theirs, ours).undescribed())


def _classes(theirs: Node, ours: Node) -> Iterator[Found]:
    for keyword in CLASSES:
        there, here = ({each.rpartition("/")[2] for each in s.get(keyword, ())} for s in (theirs, ours))
        yield from _membership(keyword, "", there, here)


def _handlers(theirs: Node, ours: Node) -> Iterator[Found]:
    yield from _membership("handlers", "", set(theirs), set(ours))
    for name in sorted(theirs.keys() & ours.keys()):
        there, here = (set(each[name]["permissions"]) for each in (theirs, ours))
        yield from _membership("permissions", f"{name} ", there, here)
        timeouts = (each[name].get("timeoutInMinutes") for each in (theirs, ours))
        yield from _value("timeoutInMinutes", name, *timeouts)
        filters = (set(each[name].get("handlerSchema", {}).get("properties", ())) for each in (theirs, ours))
        yield from _membership("handlerSchema", f"{name} ", *filters)


def _membership(keyword: str, prefix: str, there: set[str], here: set[str]) -> Iterator[Found]:
    for name in there ^ here:
        yield Found(keyword, f"{prefix}{name}", *("yes" if name in each else "no" for each in (there, here)))


def _parts(keyword: str, theirs: Node, ours: Node) -> Iterator[Found]:
    for name in theirs.keys() | ours.keys():
        there, here = (sorted(v) if isinstance(v := s.get(name), list) else v for s in (theirs, ours))
        if there != here:
            shown = (
                "no" if each is None else each if isinstance(each, bool) else "yes" for each in (there, here)
            )
            yield Found(keyword, name, *map(_text, shown))


def _value(keyword: str, place: str, there: Any, here: Any) -> Iterator[Found]:
    if there != here:
        yield Found(keyword, place, _text(there), _text(here))


def _text(value: Any) -> str:
    """A value as the table shows it."""
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value)


class _Shapes:
    """Compares what two schemas allow of the values, once for each pair of shapes."""

    def __init__(self, theirs: Node, ours: Node) -> None:
        self._theirs = theirs
        self._ours = ours

    def compared(self) -> Iterator[Found]:
        """The differences in properties, members and limits."""
        for place, there, here in self._pairs():
            for keyword in LIMITS:
                yield from _value(keyword, place, *(_limit(keyword, each) for each in (there, here)))
            members = (set(each.get("properties", ())) for each in (there, here))
            yield from _membership("properties", f"{place}.".lstrip("."), *members)
            keys = (sorted(each.get("patternProperties", ())) or None for each in (there, here))
            yield from _value("patternProperties", place, *keys)

    def undescribed(self) -> Iterator[str]:
        """The places with a description there and none here; that of a definition counts for all its uses."""
        for place, there, here in self._pairs():
            is_item = place.endswith("[]")  # the list has the description
            if there.get("description") and not here.get("description") and not is_item:
                yield place

    def _pairs(self) -> Iterator[tuple[str, Node, Node]]:
        """Every place that both have, with the nodes there; in a definition it begins with our name of it."""
        done = set()
        waiting: list[tuple[str, Node, Node]] = [("", self._theirs, self._ours)]
        while waiting:
            place, there, here = waiting.pop()
            shapes = (there.get("$ref"), here.get("$ref"))
            place = here.get("$ref", place).rpartition("/")[2]
            there, here = _resolved(self._theirs, there), _resolved(self._ours, here)
            if all(shapes):
                if shapes in done:
                    continue
                done.add(shapes)
            if place:
                yield place, there, here
            else:
                yield "", {"properties": there["properties"]}, {"properties": here["properties"]}
            if "items" in there and "items" in here:
                waiting.append((f"{place}[]", there["items"], here["items"]))
            members, own = there.get("properties", {}), here.get("properties", {})
            waiting += [
                (f"{place}.{name}".lstrip("."), members[name], own[name])
                for name in members.keys() & own.keys()
            ]


def _resolved(schema: Node, node: Node) -> Node:
    own = {key: value for key, value in node.items() if key != "$ref"}
    while "$ref" in node:
        node = schema["definitions"][node["$ref"].rpartition("/")[2]]
    return node | own


def _limit(keyword: str, node: Node) -> Any:
    value = node.get(keyword)
    if keyword == "insertionOrder":
        return node.get(keyword, True) if node.get("type") == "array" else None
    if keyword == "pattern" and value is not None:
        # Theirs mostly have no anchors; the API's match the whole value, and so do ours.
        return value.removeprefix("^").removesuffix("$")
    if isinstance(value, list):
        return sorted(value)
    return value or None  # no lower limit is 0 there, and nothing here


def _places(names: str, prefix: str = "") -> tuple[str, ...]:
    return tuple(f"{prefix}{name}" for name in names.split())


_CONTAINER = "ModelPackageContainerDefinition."
_TYPE_LISTS = "SupportedTransformInstanceTypes SupportedRealtimeInferenceInstanceTypes"
_LISTS = f"SupportedContentTypes SupportedResponseMIMETypes {_TYPE_LISTS}"
_SPECIFICATIONS = ("InferenceSpecification.", "AdditionalInferenceSpecificationDefinition.")
_ROWS_OF_THE_REFERENCE = "AdditionalInferenceSpecificationDefinition Environment"
_OF_THE_SERVICE = "CreatedBy LastModifiedBy ModelPackageStatusItem"
_INSTANCE_TYPES = (
    *(f"{prefix}{name}[]" for prefix in _SPECIFICATIONS for name in _TYPE_LISTS.split()),
    "TransformResources.InstanceType",
)


@cache
def _newer(keyword: str = "") -> tuple[str, ...]:
    """What AWS's type does not have yet, in all or in a class; tests/test_schema.py holds it to the API."""
    others = {*_ROWS_OF_THE_REFERENCE.split(), *_OF_THE_SERVICE.split()}
    found = _Shapes(aws_schema(), schema()).compared()
    names = sorted(
        each.place for each in found if each[0::2] == ("properties", "no") and each.place not in others
    )
    return tuple(each for each in names if not keyword or f"/properties/{each}" in schema()[keyword])


_ROWS = (
    Difference(
        "properties",
        tuple(name for name in _newer() if "." not in name),
        "no",
        "yes",
        "members of CreateModelPackage that AWS's type does not have yet",
    ),
    Difference(
        "properties",
        _places(_ROWS_OF_THE_REFERENCE),
        "no",
        "yes",
        "rows of the first reference of the type, which old templates follow",
    ),
    Difference(
        "properties",
        _places(_OF_THE_SERVICE),
        "no",
        "yes",
        "in Describe or in the first reference: people put whole answers of Describe into templates",
    ),
    Difference(
        "properties",
        tuple(name for name in _newer() if "." in name),
        "no",
        "yes",
        "members of the API's shapes that AWS's type does not have yet",
    ),
    Difference(
        "readOnlyProperties",
        ("LastModifiedTime",),
        "yes",
        "no",
        "an attribute there; the first reference has it as a property, so a template may have it here",
    ),
    Difference(
        "deprecatedProperties",
        (
            *_places("CreatedBy LastModifiedBy LastModifiedTime ModelPackageStatusDetails"),
            *_places("ModelPackageStatusItem ModelPackageVersion"),
        ),
        "no",
        "yes",
        "they belong to SageMaker: read reports them, and in a template they are ignored",
    ),
    Difference(
        "deprecatedProperties",
        _places(_ROWS_OF_THE_REFERENCE),
        "no",
        "yes",
        "converted into what the API has: an additional specification, the containers' environment",
    ),
    Difference(
        "writeOnlyProperties",
        _places(_ROWS_OF_THE_REFERENCE),
        "no",
        "yes",
        "Describe answers what they were converted into",
    ),
    Difference(
        "writeOnlyProperties", _newer("writeOnlyProperties"), "no", "yes", "Describe does not return them"
    ),
    Difference(
        "createOnlyProperties",
        _newer("createOnlyProperties"),
        "no",
        "yes",
        "UpdateModelPackage has no such member",
    ),
    Difference(
        "conditionalCreateOnlyProperties",
        _places("CertifyForMarketplace ModelPackageName SkipModelValidation"),
        "no",
        "yes",
        "UpdateModelPackage has no such member: a change replaces the package and is never ignored",
    ),
    Difference(
        "conditionalCreateOnlyProperties",
        (
            *_places("AdditionalInferenceSpecifications AdditionalInferenceSpecificationsToAdd"),
            "AdditionalInferenceSpecificationDefinition",
        ),
        "no",
        "yes",
        "the API adds specifications, but changes none: a changed one replaces the package",
    ),
    Difference(
        "conditionalCreateOnlyProperties",
        ("Environment",),
        "no",
        "yes",
        "only SageMaker knows whether it takes another InferenceSpecification",
    ),
    Difference(
        "tagging",
        ("cloudFormationSystemTags",),
        "true",
        "false",
        "no caller can set tags whose keys begin with aws:",
    ),
    Difference(
        "permissions",
        ("update ecr:DescribeImages",),
        "no",
        "yes",
        "SageMaker resolves the images of added specifications as it does in a create",
    ),
    Difference(
        "timeoutInMinutes",
        _places("create update delete"),
        "none",
        "2160",
        "a validation for the marketplace can take longer than the two hours that are the default",
    ),
    Difference("the type", ("sourceUrl",), "yes", "no", "the sources have no address that could be named"),
    Difference("the type", ("documentationUrl",), "no", "yes", "where SageMaker explains what a package is"),
    Difference(
        "the type",
        ("replacementStrategy",),
        "no",
        "yes",
        "the default, spelled out: others deploy from the old version until the new one is there",
    ),
    Difference(
        "the type",
        ("propertyTransform",),
        "no",
        "yes",
        "for drift detection: the same value written otherwise is no drift",
    ),
    Difference(
        "insertionOrder",
        (
            *_places("AdditionalInferenceSpecifications AdditionalInferenceSpecificationsToAdd Tags"),
            *(name for prefix in _SPECIFICATIONS for name in _places(_LISTS, prefix)),
            "ModelPackageStatusDetails.ValidationStatuses",
        ),
        "true",
        "false",
        "the order says nothing, so another one is no drift",
    ),
    Difference(
        "uniqueItems",
        ("InferenceSpecification.Containers",),
        "true",
        "none",
        "not in the API: two containers of a pipeline may be alike",
    ),
    Difference(
        "required",
        ("InferenceSpecification",),
        "Containers, SupportedContentTypes, SupportedResponseMIMETypes",
        "Containers",
        "the API requires no more",
    ),
    Difference(
        "required",
        ("ModelCard",),
        "ModelCardContent, ModelCardStatus",
        "none",
        "the API requires neither: status and content change in calls of their own",
    ),
    Difference(
        "required",
        ("ModelPackageContainerDefinition",),
        "Image",
        "none",
        "the API does not require it",
    ),
    Difference(
        "required",
        ("ModelPackageStatusDetails",),
        "none",
        "ValidationStatuses",
        "the API's: every answer has it",
    ),
    Difference("minItems", ("ValidationSpecification.ValidationProfiles",), "1", "none", "not in the API"),
    Difference(
        "minLength", (f"{_CONTAINER}Image",), "1", "none", "not in the API; the pattern says the same"
    ),
    Difference(
        "minProperties",
        ("CustomerMetadataProperties",),
        "1",
        "none",
        "an empty map drops every key",
    ),
    Difference("maxLength", ("ModelInput.DataInputConfig",), "1024", "16384", "the API's limit"),
    Difference("maxProperties", (f"{_CONTAINER}Environment",), "16", "100", "the API's limit"),
    Difference(
        "enum",
        ("S3DataSource.S3DataType",),
        "AugmentedManifestFile, ManifestFile, S3Prefix",
        "AugmentedManifestFile, Converse, ManifestFile, S3Prefix",
        "the API's values",
    ),
    Difference(
        "enum",
        ("ModelPackageStatus",),
        "Completed, Deleting, Failed, InProgress, Pending",
        "none",
        "read returns every status as it is",
    ),
    Difference(
        "enum",
        ("ModelPackageStatusItem.Status",),
        "Completed, Failed, InProgress, NotStarted",
        "none",
        "read returns every status as it is",
    ),
    Difference(
        "pattern",
        _INSTANCE_TYPES,
        "none",
        r"ml\.[a-z0-9-]+\.[a-z0-9-]+",
        "the form of an instance type, in place of a list that goes stale",
    ),
    Difference(
        "pattern",
        ("AdditionalInferenceSpecificationDefinition.Description",),
        ".*",
        r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*",
        "the API's pattern",
    ),
    Difference(
        "pattern",
        ("ModelPackageArn",),
        r"arn:aws(-cn|-us-gov|-iso-f)?:sagemaker:[a-z0-9\-]{9,16}:[0-9]{12}:model-package/[\S]{1,2048}",
        r"arn:aws[a-z\-]*:sagemaker:[a-z0-9\-]{9,16}:[0-9]{12}:model-package/[\S]{1,2048}",
        "the API's pattern, which takes every partition",
    ),
    Difference(
        "pattern",
        (f"{_CONTAINER}FrameworkVersion",),
        r"[0-9]\.[A-Za-z0-9.]+",
        r"[0-9]\.[A-Za-z0-9.-]+",
        "the API's pattern",
    ),
    Difference("pattern", (f"{_CONTAINER}Image",), r"[\S]{1,255}", r"[\S]+", "the API's pattern"),
    Difference(
        "pattern",
        _places("TransformOutput.KmsKeyId TransformResources.VolumeKmsKeyId"),
        ".*",
        "[a-zA-Z0-9:/_-]*",
        "the API's pattern",
    ),
    Difference(
        "patternProperties",
        ("CustomerMetadataProperties",),
        r"^([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,128}, ^([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,256}",
        r"^[\p{L}\p{Z}\p{N}_.:\/=+\-@]{1,128}$",
        "the API's pattern is malformed: a count behind the end; here the count is that of the characters",
    ),
    Difference(
        "patternProperties",
        (f"{_CONTAINER}Environment", "TransformJobDefinition.Environment"),
        r"[\S\s]*, [a-zA-Z_][a-zA-Z0-9_]*",
        "^[a-zA-Z_][a-zA-Z0-9_]{0,1023}$",
        "there any key is allowed, by the pattern of the values; here the API's pattern and length",
    ),
)
# A row whose places follow from the schema may have none.
DIFFERENCES = tuple(row for row in _ROWS if row.places)

GUIDE = ROOT / "guides" / "comparison.md"
HEADER = "| keyword | where | there | here | why |\n| --- | --- | --- | --- | --- |\n"


def table() -> str:
    """The rows of the guide's table."""
    return "".join(f"| {' | '.join(_cells(each))} |\n" for each in DIFFERENCES)


def _cells(row: Difference) -> Iterator[str]:
    yield _code(row.keyword, {"the type"})
    yield ", ".join(map(_code, row.places))
    yield from (_code(value, {"yes", "no", "none"}) for value in (row.there, row.here))
    yield row.why


def _code(text: str, plain: Collection[str] = ()) -> str:
    """A value as the guide has it: plain words as they are, everything else in backticks."""
    return text if text in plain else f"`{text}`".replace("|", "\\|")


def with_table(guide: str) -> str:
    """The text of the guide with the rows as they are now."""
    before, _, rest = guide.partition(HEADER)
    _, blank, after = rest.partition("\n\n")
    return f"{before}{HEADER}{table()}{blank[1:]}{after}"


if __name__ == "__main__":
    GUIDE.write_text(with_table(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")
    print(GUIDE.relative_to(ROOT))
