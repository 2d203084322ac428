"""The schema's propertyTransform: what it makes the same, in two independent JSONata engines."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import hypothesis
import jsonata
import jsonata2py
import pytest
from hypothesis import HealthCheck, Phase, given

from packager.project import schema
from packager.transforms import expressions
from sandbox.cloudformation.drift import Comparer
from sandbox.cloudformation.provider import Difference, Place
from sandbox.shared.settings import top_level
from tests.stack.stacks import input_set
from tests.torture.paths import ANY, Keys, Path, kind_of, rule_at
from tests.torture.templates import Template, templates

Model = dict[str, Any]
SCHEMA = schema()
TRANSFORMS = {
    pointer.removeprefix("/properties/"): text for pointer, text in SCHEMA["propertyTransform"].items()
}


# --- the engines ------------------------------------------------------------------------------------


@cache
def _compiled(name: str) -> tuple[Any, Any]:
    return jsonata.Jsonata(TRANSFORMS[name]), jsonata2py.compile(TRANSFORMS[name])


def transformed(name: str, template: Model) -> Any:
    """What a transform makes of a template, in both engines; None if that is nothing."""
    first, second = _compiled(name)
    values = [first.evaluate(template), second.evaluate(template)]
    plain = [None if value is jsonata2py.MISSING else json.loads(json.dumps(value)) for value in values]
    # One makes `ss` of a German sharp s, the other leaves it: no ARN of SageMaker has any.
    assert folded(plain[0]) == folded(plain[1]), name
    return plain[0]


def folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


@pytest.mark.parametrize("versioned", [True, False], ids=["version", "unversioned"])
def test_engines_agree_on_every_template(versioned: bool) -> None:
    @hypothesis.seed(1)
    @hypothesis.settings(
        max_examples=60,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(templates(versioned=versioned, max_values=60))
    def check(template: Template) -> None:
        for properties in (template.properties, spelled_out(template.properties)):
            for name in TRANSFORMS:
                transformed(name, properties)

    check()


def spelled_out(template: Model) -> Model:
    """The template with every member that says nothing where there was none."""
    filled = copy.deepcopy(template)
    for keys, value in silent_values(template):
        owner: Any = filled
        for key in keys[:-1]:
            owner = owner[key]
        owner.setdefault(keys[-1], value)
    return filled


# What every known engine has. `$reduce` fails in IBM's, `^(...)` and `$eval` are missing in old ones.
FUNCTIONS = {"count", "exists", "lowercase", "merge", "not", "split", "string", "substring"}


def test_transforms_use_what_every_engine_has() -> None:
    for name, text in TRANSFORMS.items():
        used = set(re.findall(r"\$([a-z]\w*)", text))
        assert used <= (FUNCTIONS if name == "InferenceSpecification" else FUNCTIONS - {"merge"}), name
        assert not re.search(r"\$OR|~>|\^\(|:=|function|/[^/]*/", text.replace('"/"', "")), name


def test_transforms_follow_from_the_schema() -> None:
    assert SCHEMA["propertyTransform"] == expressions(SCHEMA), "run `make generate` and commit"


def test_transforms_are_of_readable_properties() -> None:
    assert TRANSFORMS.keys() <= SCHEMA["properties"].keys()
    assert not TRANSFORMS.keys() & (top_level("writeOnlyProperties") | top_level("readOnlyProperties"))


def test_transforms_yield_no_text_of_a_person() -> None:
    """A detector may take what a transform yields for a regular expression."""
    texts = {
        name
        for name in TRANSFORMS
        if kind_of(rule_at((name,))) == "string" and "enum" not in rule_at((name,))
    }
    yielded = {name: transformed(name, {name: "Good (see .* below"}) for name in texts}
    assert {name for name, value in yielded.items() if value is not False} == {
        "ModelPackageName",  # letters, digits and hyphens
        "ModelPackageGroupName",
    }


# --- single values ----------------------------------------------------------------------------------


def named(names: str) -> list[Model]:
    """An additional specification for each letter."""
    return [{"Name": letter, "Containers": [{"Image": letter}]} for letter in names]


TAGS = [{"Key": key, "Value": "v"} for key in "ab"]
ADDITIONAL, TO_ADD = "AdditionalInferenceSpecifications", "AdditionalInferenceSpecificationsToAdd"
DEFINITION = "AdditionalInferenceSpecificationDefinition"
OWN: Model = {"Image": "a", "Environment": {"A": "own"}, "AdditionalModelDataSources": [{"ChannelName": "c"}]}
MERGED: list[Model] = [
    {**OWN, "Environment": {"A": "own", "B": "2"}},
    {"Image": "b", "Environment": {"A": "1", "B": "2"}},
]
IMAGE: Model = {"Image": "b"}
GROUP, PACKAGE = {"ModelPackageGroupName": "my-group"}, {"ModelPackageName": "my-package"}
GROUP_ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/my-group"
MODEL_ARN = "arn:aws:sagemaker:eu-west-1:123456789012:model/Fraud"


def with_containers(containers: list[Model]) -> Model:
    return {"InferenceSpecification": {"Containers": containers, "SupportedContentTypes": ["text/csv"]}}


# Property, what the template has of it and of others, and what CloudFormation compares.
VALUES: list[tuple[str, Model, Any]] = [
    ("ModelPackageGroupName", GROUP, "my-group"),
    ("ModelPackageGroupName", {"ModelPackageGroupName": GROUP_ARN}, "my-group"),
    ("ModelPackageName", {"ModelPackageName": "My-Package"}, "my-package"),
    ("SourceUri", {"SourceUri": MODEL_ARN}, MODEL_ARN.lower()),
    ("SourceUri", {"SourceUri": "s3://Bucket/Model/"}, False),
    ("SourceUri", {"SourceUri": "arn:aws:s3:::Bucket/Model/"}, False),
    ("SourceUri", {"SourceUri": ""}, None),
    *(("Tags", {"Tags": TAGS[:count]}, TAGS[:count]) for count in range(3)),
    *(("Tags", {"Tags": TAGS[:count], **PACKAGE}, TAGS[:count]) for count in range(3)),
    *(("Tags", {"Tags": TAGS[:count], **GROUP}, []) for count in range(3)),
    ("ApprovalDescription", {"ApprovalDescription": ""}, None),
    ("ApprovalDescription", {"ApprovalDescription": "fine"}, False),
    ("CustomerMetadataProperties", {"CustomerMetadataProperties": {}}, None),
    ("CustomerMetadataProperties", {"CustomerMetadataProperties": {"a": "b"}}, {"a": "b"}),
    ("CertifyForMarketplace", {"CertifyForMarketplace": False}, None),
    ("CertifyForMarketplace", {"CertifyForMarketplace": "false"}, None),
    ("CertifyForMarketplace", {"CertifyForMarketplace": "true"}, "true"),
    ("CertifyForMarketplace", {"CertifyForMarketplace": True}, True),
    ("SkipModelValidation", {"SkipModelValidation": "None"}, None),
    ("SkipModelValidation", {"SkipModelValidation": "All"}, "All"),
    ("ModelApprovalStatus", {"ModelApprovalStatus": "PendingManualApproval"}, None),
    ("ModelApprovalStatus", {"ModelApprovalStatus": "Approved"}, "Approved"),
    ("ModelMetrics", {"ModelMetrics": {"Bias": {}}}, None),
    *(
        (
            "InferenceSpecification",
            {**with_containers([OWN, IMAGE][:count]), **environment},
            with_containers(containers[:count])["InferenceSpecification"],
        )
        for count in (1, 2)
        for environment, containers in (
            ({}, [OWN, IMAGE]),
            ({"Environment": {}}, [OWN, IMAGE]),
            ({"Environment": {"A": "1", "B": "2"}}, MERGED),
        )
    ),
    (ADDITIONAL, {ADDITIONAL: named("a")}, named("a")),
    (ADDITIONAL, {TO_ADD: named("ab"), DEFINITION: named("c")[0]}, named("abc")),
    (ADDITIONAL, {DEFINITION: named("c")[0]}, named("c")),
    (ADDITIONAL, {ADDITIONAL: named("ab")}, named("ab")),
    (ADDITIONAL, {ADDITIONAL: named("a"), TO_ADD: named("b")}, named("ab")),
    (ADDITIONAL, {ADDITIONAL: named("ab"), TO_ADD: named("bac")}, named("abc")),
    (ADDITIONAL, {ADDITIONAL: named("a"), TO_ADD: named("b"), DEFINITION: named("c")[0]}, named("abc")),
    (ADDITIONAL, {ADDITIONAL: named("a"), TO_ADD: named("b"), DEFINITION: named("b")[0]}, named("ab")),
]


@pytest.mark.parametrize(("name", "template", "compared"), VALUES)
def test_transform_makes_the_value_that_read_returns(name: str, template: Model, compared: Any) -> None:
    assert transformed(name, template) == compared


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transform_leaves_an_absent_property_absent(name: str) -> None:
    assert transformed(name, PACKAGE if name != "ModelPackageName" else GROUP) in (None, [])


# --- what says nothing ------------------------------------------------------------------------------


def without_defaults(template: Model) -> Model:
    """The template without Environment, with which a container's empty one gets the defaults."""
    return {name: value for name, value in template.items() if name != "Environment"}


# A version with every member that there can be, and an unversioned package.
RICH = {"version": without_defaults(input_set(2)), "unversioned": input_set(3)}
# Members of a value that is described exactly as given, or changed in place: an empty text differs from none.
EXACT = {("ModelLifeCycle", "StageDescription"), ("ModelCard", "ModelCardContent")}


def silent(path: Path, *, required: bool) -> Iterator[Any]:
    """The values at a path that mean the same as none."""
    rule = rule_at(path)
    kind = kind_of(rule)
    if required or path in EXACT:
        return
    if kind == "boolean":
        yield from (False, "false")
    elif kind in ("map", "object") and not rule.get("required") and not rule.get("minProperties"):
        yield {}
    elif kind == "array" and not rule.get("minItems"):
        yield []
    elif "enum" in rule:
        yield from {"None", "PendingManualApproval"}.intersection(rule["enum"])
    elif kind == "string" and not rule.get("minLength") and re.fullmatch(emptiness(rule), ""):
        yield ""
    elif path[-1] == "MaxConcurrentTransforms":
        yield from (0, "0")


def emptiness(rule: Model) -> str:
    """The pattern of a rule as far as Python needs it to say whether it takes an empty text."""
    return re.sub(r"\\p\{\w\}", "a", rule.get("pattern", ""))


def silent_values(template: Model) -> list[tuple[Keys, Any]]:
    """Keys of members of a template's objects, whether they are there or not, and what says nothing there."""
    hidden = top_level("writeOnlyProperties") | top_level("readOnlyProperties")
    owned = top_level("deprecatedProperties")
    names = SCHEMA["properties"].keys() - hidden - owned - {"Tags"}
    return [each for name in sorted(names) for each in _silent_below((name,), (name,), template)]


def _silent_below(path: Path, keys: Keys, owner: Model) -> Iterator[tuple[Keys, Any]]:
    name = path[-1]
    required = name in (rule_at(path[:-1]).get("required", ()) if len(path) > 1 else ())
    yield from ((keys, value) for value in silent(path, required=required))
    rule, value = rule_at(path), owner.get(name)
    items = value if isinstance(value, list) and kind_of(rule_at((*path, ANY))) == "object" else []
    inside = [((*path, ANY), (*keys, position), item) for position, item in enumerate(items)]
    if isinstance(value, dict) and kind_of(rule) == "object":
        inside = [(path, keys, value)]
    for where, position, each in inside:
        for member in rule_at(where)["properties"]:
            yield from _silent_below((*where, member), (*position, member), each)


def put(target: Any, keys: Keys, value: Any) -> None:
    *parents, last = keys
    for key in parents:
        target = target[key]
    target[last] = value


def without(target: Model, keys: Keys) -> Model:
    """The value without the member at these keys."""
    copied: Any = copy.deepcopy(target)
    owner = copied
    for key in keys[:-1]:
        owner = owner[key]
    owner.pop(keys[-1], None)
    return copied  # type: ignore[no-any-return]  # it is the copy of an object


SILENT = [
    pytest.param(kind, keys, value, id=f"{kind}: {'.'.join(map(str, keys))}: {value!r}")
    for kind, template in RICH.items()
    for keys, value in silent_values(template)
]
COMPARER = Comparer(SCHEMA)
PLACE = Place("stack", "arn:aws:cloudformation:us-east-1:123456789012:stack/stack/1", "Package")
PACKAGE_ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud/1"
ROLE = "arn:aws:iam::123456789012:role/Admin"


def model_of(template: Model) -> Model:
    """What read returns for a template, with something of the service's in it."""
    hidden = top_level("writeOnlyProperties")
    model = {name: value for name, value in copy.deepcopy(template).items() if name not in hidden}
    model |= {"ModelPackageArn": PACKAGE_ARN, "Tags": template.get("Tags", [])}
    for specification in [
        *filter(None, [model.get("InferenceSpecification")]),
        *model.get(ADDITIONAL, []),
    ]:
        for container in specification["Containers"]:
            container.setdefault("ImageDigest", f"sha256:{'0' * 64}")
            if specification is model.get("InferenceSpecification") and "Environment" in template:
                container["Environment"] = {**template["Environment"], **container.get("Environment", {})}
    return model


def differing(template: Model, model: Model) -> list[Difference]:
    return COMPARER.compare(PLACE, template, model).differences


def test_silent_values_are_many() -> None:
    assert len(SILENT) > 100
    places = {".".join(map(str, keys)) for each in RICH.values() for keys, _ in silent_values(each)}
    assert {
        "CertifyForMarketplace",
        "InferenceSpecification.Containers.1.IsCheckpoint",
        "ValidationSpecification.ValidationProfiles.0.TransformJobDefinition.TransformOutput.KmsKeyId",
        f"{ADDITIONAL}.0.SupportedResponseMIMETypes",
        "ModelMetrics.Bias",
    } <= places


@pytest.mark.parametrize(("kind", "keys", "value"), SILENT)
def test_drift_of_a_value_that_says_nothing_is_none(kind: str, keys: Keys, value: Any) -> None:
    """Whether Describe answers it as it was given or leaves it out."""
    template = copy.deepcopy(RICH[kind])
    put(template, keys, value)
    assert differing(template, model_of(template)) == []
    assert differing(template, without(model_of(template), keys)) == []


@pytest.mark.parametrize(("kind", "keys", "value"), SILENT)
def test_transform_leaves_out_a_value_that_says_nothing(kind: str, keys: Keys, value: Any) -> None:
    name = str(keys[0])
    template = copy.deepcopy(RICH[kind])
    put(template, keys, value)
    assert transformed(name, template) == transformed(name, without(template, keys))


# Where something else than none differs from what says nothing: values of the package, by their paths.
OTHERS: list[tuple[str, Keys, Any, Any]] = [
    ("version", ("InferenceSpecification", "Containers", 0, "IsCheckpoint"), False, True),
    ("version", ("InferenceSpecification", "Containers", 0, "Framework"), "", "TENSORFLOW"),
    ("version", ("InferenceSpecification", "Containers", 0, "Environment"), {}, {"A": "1"}),
    ("version", ("InferenceSpecification", "SupportedContentTypes"), [], ["text/csv"]),
    ("version", (ADDITIONAL, 0, "Description"), "", "x"),
    ("version", (ADDITIONAL, 0, "Containers", 0, "IsCheckpoint"), "false", True),
    ("version", (TO_ADD, 0, "Description"), "", "x"),
    *(
        (
            "unversioned",
            ("ValidationSpecification", "ValidationProfiles", 0, "TransformJobDefinition", *keys),
            value,
            live,
        )
        for keys, value, live in (
            (("MaxConcurrentTransforms",), 0, 4),
            (("TransformInput", "SplitType"), "None", "Line"),
            (("TransformInput", "CompressionType"), "None", "Gzip"),
            (("TransformOutput", "KmsKeyId"), "", "key"),
        )
    ),
    ("version", ("MetadataProperties", "CommitId"), "", "x"),
]


@pytest.mark.parametrize(("kind", "keys", "value", "live"), OTHERS)
def test_drift_of_a_value_that_says_nothing_where_the_package_has_one(
    kind: str, keys: Keys, value: Any, live: Any
) -> None:
    template = {**copy.deepcopy(RICH[kind]), TO_ADD: named("z")}
    put(template, keys, value)
    model = model_of(template)
    model[ADDITIONAL] = [*reversed(model.get(ADDITIONAL, [])), *copy.deepcopy(named("z"))]
    if ADDITIONAL not in template:
        template[ADDITIONAL] = []
    if keys[0] in (ADDITIONAL, TO_ADD):
        name = template[str(keys[0])][keys[1]]["Name"]
        put(next(each for each in model[ADDITIONAL] if each["Name"] == name), keys[2:], live)
    else:
        put(model, keys, live)
    assert [each.path.rpartition("/")[2] for each in differing(template, model)] == [
        "A" if live == {"A": "1"} else "0" if isinstance(live, list) else keys[-1]
    ]


def test_drift_of_an_emptied_member_ignores_what_the_service_filled_in_beside_it() -> None:
    template = {"MetadataProperties": {"CommitId": ""}}
    assert differing(template, {"MetadataProperties": {"GeneratedBy": "x"}}) == []


ORDERS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "reversed": lambda items: items[::-1],
    "as it is": lambda items: items,
}


@pytest.mark.parametrize("order", ORDERS)
def test_drift_of_specifications_in_another_order_is_none(order: str) -> None:
    template = {**GROUP, ADDITIONAL: named("abc"), TO_ADD: named("xc"), DEFINITION: named("y")[0]}
    model = model_of({**GROUP, ADDITIONAL: ORDERS[order](named("abcxy"))})
    assert differing(template, model) == []
    model[ADDITIONAL][0]["Containers"][0]["Image"] = "another"
    (difference,) = differing(template, model)
    assert difference.path.endswith("/Containers/0/Image")


@pytest.mark.parametrize(
    ("name", "template", "live"),
    [
        ("ApprovalDescription", "good", "better"),
        ("ApprovalDescription", "good", None),
        ("ApprovalDescription", "", "better"),
        ("ApprovalDescription", "go.d", "good"),
        ("ModelPackageDescription", "one", "other"),
        ("CertifyForMarketplace", False, True),
        ("SkipModelValidation", "None", "All"),
        ("ModelApprovalStatus", "PendingManualApproval", "Approved"),
        ("SourceUri", "s3://bucket/model/", "s3://bucket/Model/"),
        ("SourceUri", MODEL_ARN, MODEL_ARN + "-2"),
        ("ModelPackageName", "fraud", "fraud-2"),
        ("ModelPackageGroupName", GROUP_ARN, "my-group-2"),
        ("CustomerMetadataProperties", {}, {"a": "b"}),
        ("ModelCard", {"ModelCardContent": '{"a": 1}'}, {"ModelCardContent": '{"a": 2}'}),
        ("ModelCard", {"ModelCardContent": '{"a": 1}'}, {"ModelCardContent": '{"a": 1'}),
        ("ModelCard", {"ModelCardContent": '{"a": true}'}, {"ModelCardContent": '{"a": 1}'}),
        ("ModelLifeCycle", {"StageDescription": ""}, {"StageDescription": "x"}),
        ("CustomerMetadataProperties", {"role": ROLE}, {"role": ROLE.lower()}),
        ("CustomerMetadataProperties", {"a": ""}, {}),
        ("Tags", [{"Key": "role", "Value": ROLE}], [{"Key": "role", "Value": ROLE.lower()}]),
        ("ApprovalDescription", "[1,2]", "[1, 2]"),
        ("ApprovalDescription", "ARN:aws:x: says No", "arn:aws:x: says no"),
        ("ApprovalDescription", "good", "false"),
        ("ApprovalDescription", True, "false"),
        ("Domain", "COMPUTER_VISION", "false"),
        ("SourceUri", "arn:aws:s3:::bucket/Model", "arn:aws:s3:::bucket/model"),
    ],
)
def test_drift_of_another_value_is_reported_as_the_template_has_it(
    name: str, template: Any, live: Any
) -> None:
    model = {} if live is None else {name: live}
    differences = differing({name: template}, model)
    assert differences
    if isinstance(template, str):
        assert [each.expected for each in differences] == [template]


@pytest.mark.parametrize(
    ("name", "template", "live"),
    [
        ("ModelCard", {"ModelCardContent": '{"a": [1, "ü"]}'}, {"ModelCardContent": '{ "a":[1,"\\u00fc"] }'}),
        ("SourceUri", MODEL_ARN.lower(), MODEL_ARN),
        ("SourceUri", MODEL_ARN, MODEL_ARN.lower()),
        ("ModelPackageGroupName", GROUP_ARN, "My-Group"),
        ("ModelPackageName", "My-Package", "my-package"),
        ("ModelPackageName", "My-Package", "MY-PACKAGE"),
        ("ModelPackageGroupName", "my-group", "My-Group"),
        ("ModelLifeCycle", {"Stage": "a", "StageDescription": ""}, {"Stage": "a"}),
        ("ModelCard", {"ModelCardStatus": "Draft", "ModelCardContent": ""}, {"ModelCardStatus": "Draft"}),
        (
            "InferenceSpecification",
            {"Containers": [{"ModelInput": {"DataInputConfig": '{"input": [1, 30]}'}}]},
            {"Containers": [{"ModelInput": {"DataInputConfig": '{"input":[1,30]}'}, "IsCheckpoint": False}]},
        ),
    ],
)
def test_drift_of_a_value_written_otherwise_is_none(name: str, template: Any, live: Any) -> None:
    assert differing({name: template}, {name: live}) == []


def test_drift_of_a_name_that_describe_leaves_out() -> None:
    model = {"ModelPackageArn": PACKAGE_ARN.removesuffix("/1")}
    assert differing({"ModelPackageName": "Fraud"}, model) == []
    assert differing({"ModelPackageName": "other"}, model)
    assert differing({"ModelPackageName": "1"}, {"ModelPackageArn": PACKAGE_ARN, **GROUP})
