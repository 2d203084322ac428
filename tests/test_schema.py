"""The schema, compared with SageMaker's API description, the reference and the decisions behind it."""

import copy
import functools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from aws_sagemaker_modelpackage import changes, tags, translate
from packager.api_description import description
from packager.project import ROOT, schema
from sandbox.shared.java_patterns import matches

SCHEMA = schema()
REFERENCE: dict[str, Any] = json.loads(
    (ROOT / "tests" / "data" / "update_requires.json").read_text(encoding="utf-8")
)

# What a template or an answer can hold. Describe's input only selects what is read, it is not state.
SOURCES = (
    *(("CreateModelPackage", side) for side in ("input", "output")),
    *(("UpdateModelPackage", side) for side in ("input", "output")),
    ("DescribeModelPackage", "output"),
)

API_ONLY = {
    "CustomerMetadataPropertiesToRemove": "derived by the update handler from the keys a template drops",
}

# Rows of the reference that the API knows in another place, with the shape they follow there.
SCHEMA_ONLY = {
    "AdditionalInferenceSpecificationDefinition": "AdditionalInferenceSpecificationDefinition",
    "Environment": "EnvironmentMap",
    "ModelPackageStatusItem": "ModelPackageStatusItem",
}

# Describe answers with another shape than Create takes; the schema follows what a template may say.
ANSWERED_DIFFERENTLY = {
    ("ModelPackageGroupName", "EntityName"): "the plain name, where Create also takes an ARN",
    ("SamplePayloadUrl", "String"): "without the limits that Create puts on it",
}

# (place, keyword) -> (value in the schema, why it is not the API's)
OTHER_LIMITS = {
    ("properties.Environment", "maxProperties"): (16, "the reference's limit for the old top-level map"),
    ("properties.CustomerMetadataProperties", "minProperties"): (None, "an empty map drops every key"),
    ("properties.ModelPackageStatus", "enum"): (None, "read returns every status as it is"),
    ("ModelPackageStatusItem.Status", "enum"): (None, "the same"),
}

INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$"
METADATA = r"[\p{L}\p{Z}\p{N}_.:\/=+\-@]"

# API shape -> (pattern in the schema, accepted samples, refused samples). `${1,128}` behind a group makes the
# API's own patterns for metadata malformed; instance types are an enumeration there, which goes stale.
REPAIRED = {
    "CustomerMetadataKey": (f"^{METADATA}*$", ["team", "größe 1", "a/b:c=d+e-f@g.h_i"], ["a#b", "tab\there"]),
    "CustomerMetadataValue": (f"^{METADATA}*$", ["v1", "équipe", "s3://b/k"], ["50%", "a,b"]),
    "TransformInstanceType": (
        INSTANCE_TYPE,
        ["ml.m5.large", "ml.p6e-gb200.36xlarge", "ml.x9.metal-48xl"],
        ["m5.large", "ml.m5", "ml.m5.", "ml..large", "xml.m5.large", "ml.M5.large"],
    ),
    "ProductionVariantInstanceType": (
        INSTANCE_TYPE,
        ["ml.t2.medium", "ml.inf2.48xlarge"],
        ["ml.t2.medium ", "t2.medium"],
    ),
}

# API shape of a map's keys -> (pattern of the keys, accepted samples, refused samples). There is no keyword
# for the length of a key, so the pattern carries it.
ENVIRONMENT_KEY = "^[a-zA-Z_][a-zA-Z0-9_]{0,1023}$"
MAP_KEYS = {
    "EnvironmentKey": (ENVIRONMENT_KEY, ["A", "_a1", "A" * 1024], ["1A", "A-B", "", "A" * 1025]),
    "TransformEnvironmentKey": (ENVIRONMENT_KEY, ["A", "_a1", "A" * 1024], ["1A", "A-B", "", "A" * 1025]),
    "CustomerMetadataKey": (f"^{METADATA}{{1,128}}$", ["größe", "k" * 128], ["", "a#b", "k" * 129]),
}

# Newer than the reference; the API takes them only when it creates a package.
NEWER_CREATE_ONLY = {"SecurityConfig", "ManagedStorageType"}

# Class of properties -> its members, as the specification has them.
CLASSES = {
    "primaryIdentifier": "ModelPackageArn",
    "conditionalCreateOnlyProperties": (
        "ModelPackageName AdditionalInferenceSpecifications AdditionalInferenceSpecificationsToAdd"
        " AdditionalInferenceSpecificationDefinition Environment CertifyForMarketplace"
        " SkipModelValidation ModelCard SourceUri"
    ),
    "writeOnlyProperties": (
        "ClientToken AdditionalInferenceSpecificationsToAdd AdditionalInferenceSpecificationDefinition"
        " Environment"
    ),
    "deprecatedProperties": (
        "AdditionalInferenceSpecificationDefinition Environment ModelPackageVersion ModelPackageStatusDetails"
        " ModelPackageStatusItem LastModifiedTime CreatedBy LastModifiedBy"
    ),
}

# What SageMaker does with the caller's permissions when it reads images, artifacts and cards.
ARTIFACTS = "ecr:BatchGetImage ecr:DescribeImages s3:GetObject s3:ListBucket"
ENCRYPTION = "kms:CreateGrant kms:Decrypt kms:DescribeKey kms:GenerateDataKey"
# What AWS's own type lists beside that: SageMaker's validation, and the scan for a marketplace.
VALIDATION = (
    "sagemaker:CreateModel sagemaker:CreateTrainingJob sagemaker:CreateTransformJob"
    " sagemaker:DescribeTransformJob ecr:StartImageScan ecr:DescribeImageScanFindings"
)
PERMISSIONS = {
    "create": (
        "sagemaker:CreateModelPackage sagemaker:DescribeModelPackage sagemaker:UpdateModelPackage"
        f" sagemaker:AddTags sagemaker:ListTags iam:PassRole {VALIDATION} {ARTIFACTS} {ENCRYPTION}"
    ),
    "read": "sagemaker:DescribeModelPackage sagemaker:ListTags kms:Decrypt kms:DescribeKey",
    "update": (
        "sagemaker:UpdateModelPackage sagemaker:DescribeModelPackage sagemaker:AddTags sagemaker:DeleteTags"
        f" sagemaker:ListTags {ARTIFACTS} {ENCRYPTION}"
    ),
    "delete": "sagemaker:DeleteModelPackage sagemaker:DescribeModelPackage kms:Decrypt kms:DescribeKey",
    "list": "sagemaker:ListModelPackages",
}


@functools.cache
def api() -> dict[str, Any]:
    """SageMaker's API description as botocore ships it, without what a home directory may add to it."""
    return description("sagemaker")


TYPES = {"structure": "object", "map": "object", "list": "array", "timestamp": "string", "long": "integer"}
LIMITS = {
    "map": ("minProperties", "maxProperties"),
    "list": ("minItems", "maxItems"),
    "string": ("minLength", "maxLength"),
}


def expected_keywords(shape_name: str) -> dict[str, Any]:
    """The keywords of the schema for a shape of the API; None for those that it must not have."""
    shape = api()["shapes"][shape_name]
    kind = shape["type"]
    keywords: dict[str, Any] = {"type": TYPES.get(kind, kind)}
    if kind in LIMITS:
        # The API writes "no lower limit" as 0 and the schema as nothing.
        keywords |= zip(LIMITS[kind], (shape.get("min") or None, shape.get("max")), strict=True)
    if kind == "structure":
        keywords["required"] = sorted(shape.get("required", [])) or None
    elif kind == "map":
        keywords["patternProperties"] = [MAP_KEYS[shape["key"]["shape"]][0]]
    elif kind in ("integer", "long"):
        keywords |= {"minimum": shape.get("min"), "maximum": shape.get("max")}
    elif shape_name in REPAIRED:
        keywords |= {"pattern": REPAIRED[shape_name][0], "enum": None}
    elif kind == "string":
        pattern = f"^{shape['pattern']}$" if "pattern" in shape else None
        keywords |= {"pattern": pattern, "enum": sorted(shape.get("enum", [])) or None}
    return keywords


def members_of(shape_name: str) -> dict[str, str]:
    """The members of a structure, with the names of their shapes."""
    return {name: member["shape"] for name, member in api()["shapes"][shape_name]["members"].items()}


class Comparison:
    """Collects every difference between a schema and the API description, not just the first."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema
        self.differences: list[str] = []
        self.reached: set[str] = set()
        self._done: set[tuple[str, str]] = set()

    def run(self) -> list[str]:
        """Compare everything; return the differences, sorted."""
        sources = [api()["operations"][operation][side]["shape"] for operation, side in SOURCES]
        members = [pair for source in sources for pair in members_of(source).items()]
        properties = self.schema["properties"]
        for name, shape in (*members, *SCHEMA_ONLY.items()):
            if name not in API_ONLY and (name, shape) not in ANSWERED_DIFFERENTLY:
                self._compare_members("properties.", properties, {name: shape})
        known = SCHEMA_ONLY.keys() | {name for name, _ in members}
        self.differences += [f"properties.{name}: unknown to the API" for name in properties.keys() - known]
        return sorted(set(self.differences))

    def _compare_members(self, prefix: str, nodes: dict[str, Any], shapes: dict[str, str]) -> None:
        for name, shape_name in shapes.items():
            if name in nodes:
                self._compare(f"{prefix}{name}", nodes[name], shape_name)
            else:
                self.differences.append(f"{prefix}{name}: missing")

    def _compare(self, place: str, node: dict[str, Any], shape_name: str) -> None:
        """Compare one value of the schema with one shape, and all that they contain."""
        self.reached.add(shape_name)
        if "$ref" in node:
            name = node["$ref"].removeprefix("#/definitions/")
            if (name, shape_name) in self._done:
                return
            self._done.add((name, shape_name))
            place, node = name, self.schema["definitions"][name]
        for keyword, value in expected_keywords(shape_name).items():
            expected = OTHER_LIMITS.get((place, keyword), (value, ""))[0]
            actual = node.get(keyword)
            actual = sorted(actual) if isinstance(actual, list | dict) else actual
            if actual != expected:
                self.differences.append(f"{place}: {keyword} {actual}, expected {expected}")
        shape = api()["shapes"][shape_name]
        if shape["type"] == "structure":
            nodes, shapes = node.get("properties", {}), members_of(shape_name)
            self._compare_members(f"{place}.", nodes, shapes)
            self.differences += [f"{place}.{name}: unknown to the API" for name in nodes.keys() - shapes]
        elif shape["type"] == "map":
            for value in node.get("patternProperties", {}).values():
                self._compare(f"{place}.*", value, shape["value"]["shape"])
        elif shape["type"] == "list":
            self._compare(f"{place}[]", node.get("items", {}), shape["member"]["shape"])


def nodes(value: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object inside a JSON value, with its place."""
    if isinstance(value, dict):
        yield place, value
        for key, inner in value.items():
            yield from nodes(inner, f"{place}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from nodes(inner, f"{place}/{index}")


def described() -> Iterator[tuple[str, dict[str, Any]]]:
    """The type, its properties and definitions, and the members of the definitions."""
    yield "type", SCHEMA
    for name, node in SCHEMA["properties"].items():
        yield f"properties.{name}", node
    for name, node in SCHEMA["definitions"].items():
        yield name, node
        for member, inner in node["properties"].items():
            yield f"{name}.{member}", inner


def patterns() -> list[str]:
    """All regular expressions of the schema, those of map keys included."""
    return sorted(
        {
            pattern
            for _, node in nodes(SCHEMA)
            for pattern in (node.get("pattern"), *node.get("patternProperties", ()))
            if isinstance(pattern, str)
        }
    )


def pointers(names: Iterable[str]) -> list[str]:
    """JSON pointers to the properties of these names, sorted."""
    return sorted(f"/properties/{name}" for name in names)


def test_schema_follows_the_api_description() -> None:
    differences = Comparison(SCHEMA).run()
    assert not differences, "\n".join(
        [
            "aws-sagemaker-modelpackage.json is not SageMaker's API as botocore describes it. Change it, run"
            " `make generate`; `make property NAME=...` says what else is missing:",
            *differences,
        ]
    )


def test_comparison_reaches_shapes_at_every_depth() -> None:
    comparison = Comparison(SCHEMA)
    comparison.run()
    assert len(comparison.reached) > 100
    assert {
        "InferenceHubAccessConfig",
        "BaseModel",
        "TransformAmiVersion",
        "IamIdentity",
    } <= comparison.reached
    assert "ContentDigest" in comparison.reached


@pytest.mark.parametrize(
    ("path", "value", "difference"),
    [
        ("properties/ModelCard", None, "properties.ModelCard: missing"),
        ("properties/Invented", {"type": "string"}, "properties.Invented: unknown to the API"),
        ("properties/Environment", None, "properties.Environment: missing"),
        ("properties/Domain/maxLength", 64, "properties.Domain: maxLength 64, expected None"),
        ("properties/Domain/type", "integer", "properties.Domain: type integer, expected string"),
        ("properties/Tags/maxItems", 49, "properties.Tags: maxItems 49, expected 50"),
        (
            "properties/CustomerMetadataProperties/maxProperties",
            16,
            "Properties: maxProperties 16, expected 50",
        ),
        ("properties/ModelPackageVersion/minimum", 2, "ModelPackageVersion: minimum 2, expected 1"),
        ("definitions/HubBaseModel/properties/RecipeName", None, "HubBaseModel.RecipeName: missing"),
        ("definitions/Tag/properties/Value/minLength", 1, "Tag.Value: minLength 1, expected None"),
        ("definitions/ModelInput/required", None, "ModelInput: required None, expected ['DataInputConfig']"),
        ("definitions/SourceAlgorithm/required", ["AlgorithmName", "X"], "SourceAlgorithm: required ["),
        ("definitions/S3DataSource/properties/S3DataType/enum", ["A"], "enum ['A'], expected ["),
        ("definitions/ModelInput/properties/DataInputConfig/pattern", "^a$", "DataInputConfig: pattern ^a$"),
        (
            "definitions/TransformResources/properties/InstanceType/pattern",
            r"^ml\.[a-z0-9]+\.[a-z0-9]+$",
            "TransformResources.InstanceType: pattern",
        ),
        (
            "definitions/TransformJobDefinition/properties/Environment/patternProperties",
            {"^[A-Z]+$": {"type": "string"}},
            "Environment: patternProperties ['^[A-Z]+$'], expected [",
        ),
    ],
)
def test_comparison_reports_a_changed_schema(path: str, value: object, difference: str) -> None:
    changed = copy.deepcopy(SCHEMA)
    *parents, last = path.split("/")
    target = changed
    for parent in parents:
        target = target[parent]
    if value is None:
        del target[last]
    else:
        target[last] = value
    differences = Comparison(changed).run()
    assert any(difference in line for line in differences), differences


def test_instance_type_pattern_accepts_what_the_api_lists() -> None:
    shapes = api()["shapes"]
    listed = shapes["TransformInstanceType"]["enum"] + shapes["ProductionVariantInstanceType"]["enum"]
    assert len(listed) > 300
    assert [name for name in listed if not matches(INSTANCE_TYPE, name)] == []


@pytest.mark.parametrize("table", [REPAIRED, MAP_KEYS], ids=["repaired", "map keys"])
def test_own_patterns_accept_and_refuse_samples(
    table: dict[str, tuple[str, list[str], list[str]]],
) -> None:
    wrong = [
        f"{shape}: {value!r}"
        for shape, (pattern, accepted, refused) in table.items()
        for value, fits in [(value, True) for value in accepted] + [(value, False) for value in refused]
        if matches(pattern, value) is not fits
    ]
    assert not wrong


def test_repaired_patterns_are_still_wrong_in_the_api() -> None:
    shapes = api()["shapes"]
    assert "${1,128}" in shapes["CustomerMetadataKey"]["pattern"]
    assert "${1,256}" in shapes["CustomerMetadataValue"]["pattern"]
    assert "pattern" not in shapes["TransformInstanceType"]
    assert "pattern" not in shapes["ProductionVariantInstanceType"]


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("my-group", True),
        ("arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/my-group", True),
        ("arn:aws-us-gov:sagemaker:us-gov-west-1:123456789012:model-package-group/my-group", True),
        ("arn:aws-cn:sagemaker:cn-north-1:123456789012:model-package-group/my-group", True),
        ("my-group-", False),
        ("my group", False),
        ("arn:aws:s3:::bucket/my-group", False),
    ],
)
def test_group_pattern_accepts_name_and_arn(value: str, fits: bool) -> None:
    group = SCHEMA["properties"]["ModelPackageGroupName"]
    assert matches(group["pattern"], value) is fits
    assert group["maxLength"] == 170


@pytest.mark.parametrize("pattern", patterns())
def test_pattern_has_ecma_syntax_and_is_anchored(pattern: str) -> None:
    matches(pattern, "")  # raises what Python's compiler does not take
    assert "${" not in pattern, "sandbox.shared.java_patterns repairs this, and CloudFormation does not"
    assert not re.search(r"\(\?P|\(\?[aiLmsux]|\\[AZ]|[*+?}]\+", pattern), "Python's syntax, not ECMA-262's"
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    depth = [pattern[:at].count("(") - pattern[:at].count(")") for at, c in enumerate(pattern) if c == "|"]
    assert 0 not in depth, "an anchor would hold for one alternative only"


def test_handlers_send_what_the_api_takes() -> None:
    """What follows from the schema in `translate` and `changes` is what the two operations have."""
    created = members_of("CreateModelPackageInput").keys()
    unsent = (created & SCHEMA["properties"].keys()) - {*translate._SENT_AS_IS} - translate._SENT_OTHERWISE
    assert not unsent, (
        f"CreateModelPackage takes {sorted(unsent)}, which the handlers never send: run `make generate`, or"
        " take them out of deprecatedProperties in aws-sagemaker-modelpackage.json"
    )
    unknown = set(translate._SENT_AS_IS) - created
    assert not unknown, (
        f"CreateModelPackage does not have {sorted(unknown)}: add them to _SENT_OTHERWISE in translate.py, or"
        " to a class in aws-sagemaker-modelpackage.json"
    )
    unknown = set(changes.SET_AS_IS) - members_of("UpdateModelPackageInput").keys()
    assert not unknown, (
        f"UpdateModelPackage does not have {sorted(unknown)}: add them to createOnlyProperties in"
        " aws-sagemaker-modelpackage.json, or write a rule in changes.py and add them to _WITH_RULES"
    )


def test_create_only_properties_are_those_of_the_reference() -> None:
    requires = REFERENCE["properties"]
    assert set(requires.values()) == {"Replacement", "No interruption"}
    assert set(requires) <= set(SCHEMA["properties"])
    replaced = {name for name, update in requires.items() if update == "Replacement"}
    differing = set(SCHEMA["createOnlyProperties"]) ^ set(pointers(replaced | NEWER_CREATE_ONLY))
    assert not differing, (
        f"{sorted(differing)}: create-only in aws-sagemaker-modelpackage.json, or in update_requires.json and"
        " NEWER_CREATE_ONLY of tests/test_schema.py, but not in both"
    )


def test_read_only_properties_are_the_attributes_of_the_reference() -> None:
    assert sorted(SCHEMA["readOnlyProperties"]) == pointers(REFERENCE["attributes"])


@pytest.mark.parametrize("keyword", CLASSES)
def test_class_has_its_properties(keyword: str) -> None:
    differing = set(SCHEMA[keyword]) ^ set(pointers(CLASSES[keyword].split()))
    assert not differing, (
        f"{sorted(differing)}: in {keyword} of aws-sagemaker-modelpackage.json, or in CLASSES of"
        " tests/test_schema.py, but not in both"
    )
    assert len(SCHEMA[keyword]) == len(set(SCHEMA[keyword]))
    assert set(CLASSES[keyword].split()) <= SCHEMA["properties"].keys()


@pytest.mark.parametrize(
    ("name", "keyword", "limit"),
    [
        ("Tags", "maxItems", tags.MAX_TAGS),
        ("AdditionalInferenceSpecifications", "maxItems", changes.MAX_SPECIFICATIONS),
        ("ModelPackageName", "maxLength", translate.MAX_NAME_CHARACTERS),
        ("ClientToken", "maxLength", translate.MAX_TOKEN_CHARACTERS),
    ],
)
def test_limit_of_the_handlers_is_that_of_the_schema(name: str, keyword: str, limit: int) -> None:
    assert SCHEMA["properties"][name][keyword] == limit


def test_schema_requires_no_property() -> None:
    assert "required" not in SCHEMA
    assert SCHEMA["replacementStrategy"] == "create_then_delete"


def test_descriptions_are_sentences() -> None:
    texts = {place: node.get("description", "") for place, node in described()}
    assert [place for place, text in texts.items() if not re.fullmatch(r"[A-Z].{10,}\.", text)] == []


def test_descriptions_of_what_stays_do_not_promise_a_replacement() -> None:
    """A whole value that is taken out never replaces the package."""
    wrong = r"\b(remov|tak|dropp?)ing it\b[^.;]*\breplaces"
    assert [place for place, node in described() if re.search(wrong, node["description"])] == []


def test_descriptions_copy_no_sentence_of_the_api() -> None:
    def sentences(text: str) -> set[str]:
        plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)).strip().lower()
        return {sentence.strip(" .") for sentence in re.split(r"\.(?:\s|$)", plain) if len(sentence) > 25}

    texts = [node.get("documentation") for _, node in nodes(api()["shapes"])]
    theirs = {sentence for text in texts if isinstance(text, str) for sentence in sentences(text)}
    assert len(theirs) > 1000
    assert [place for place, node in described() if sentences(node["description"]) & theirs] == []


def test_objects_are_closed_and_lists_declare_their_order() -> None:
    rules = list(nodes({key: SCHEMA[key] for key in ("properties", "definitions")}))
    objects = [("the type", SCHEMA), *(each for each in rules if each[1].get("type") == "object")]
    assert [place for place, node in objects if node.get("additionalProperties") is not False] == []
    lists = [each for each in rules if each[1].get("type") == "array"]
    assert lists
    assert [place for place, node in lists if not isinstance(node.get("insertionOrder"), bool)] == []
    # The code generator makes a set of it, and objects cannot be in a set.
    assert [place for place, node in lists if "uniqueItems" in node] == []
    for name in ("Tags", "AdditionalInferenceSpecifications", "AdditionalInferenceSpecificationsToAdd"):
        assert SCHEMA["properties"][name]["insertionOrder"] is False
    # A request passes through the containers one after another.
    for definition in ("InferenceSpecification", "AdditionalInferenceSpecificationDefinition"):
        assert SCHEMA["definitions"][definition]["properties"]["Containers"]["insertionOrder"] is True


def test_definitions_are_used_and_fit_the_generated_code() -> None:
    used = {node["$ref"].removeprefix("#/definitions/") for _, node in nodes(SCHEMA) if "$ref" in node}
    assert used == set(SCHEMA["definitions"])
    assert not used & {"BaseModel", "ResourceModel", "ResourceHandlerRequest", "TypeConfigurationModel"}


@pytest.mark.parametrize("handler", PERMISSIONS)
def test_handler_has_exactly_its_permissions(handler: str) -> None:
    permissions = SCHEMA["handlers"][handler]["permissions"]
    assert [name for name in permissions if not re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", name)] == []
    assert len(permissions) == len(set(permissions))
    assert set(permissions) == set(PERMISSIONS[handler].split())


def test_handlers_have_the_longest_timeouts() -> None:
    handlers = SCHEMA["handlers"]
    timeouts = {name: handler.get("timeoutInMinutes") for name, handler in handlers.items()}
    assert timeouts == {"create": 2160, "read": None, "update": 2160, "delete": 2160, "list": None}


def test_list_filter_is_the_group() -> None:
    filters = SCHEMA["handlers"]["list"]["handlerSchema"]["properties"]
    group = SCHEMA["properties"]["ModelPackageGroupName"]
    assert set(filters) == {"ModelPackageGroupName"}
    assert {**filters["ModelPackageGroupName"], "description": ""} == {**group, "description": ""}


def test_tagging_is_that_of_the_handlers() -> None:
    assert SCHEMA["tagging"] == {
        "taggable": True,
        "tagOnCreate": True,
        "tagUpdatable": True,
        "cloudFormationSystemTags": False,
        "tagProperty": "/properties/Tags",
        "permissions": ["sagemaker:AddTags", "sagemaker:ListTags", "sagemaker:DeleteTags"],
    }
