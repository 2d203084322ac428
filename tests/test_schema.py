"""The schema, compared with SageMaker's API description, the reference and the decisions behind it."""

import copy
import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jsonata
import pytest
from botocore.loaders import Loader

from aws_sagemaker_modelpackage import changes, tags, translate
from packager.project import ROOT, schema
from sandbox.shared.java_patterns import matches

SCHEMA = schema()
REFERENCE: dict[str, Any] = json.loads(
    (ROOT / "tests" / "data" / "update_requires.json").read_text(encoding="utf-8")
)

# What a template or an answer can hold. Describe's input only selects what is read, it is not state.
SOURCES = (
    ("CreateModelPackage", "input"),
    ("UpdateModelPackage", "input"),
    ("CreateModelPackage", "output"),
    ("UpdateModelPackage", "output"),
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
    ("properties.CustomerMetadataProperties", "minProperties"): (
        0,
        "an empty map is how a template drops every key",
    ),
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
    "CustomerMetadataKey": (
        "^" + METADATA + "{1,128}$",
        ["team", "größe", "k" * 128],
        ["", "a#b", "k" * 129],
    ),
}

CONDITIONAL_CREATE_ONLY = {
    "ModelPackageName",
    "AdditionalInferenceSpecifications",
    "Environment",
    "CertifyForMarketplace",
    "SkipModelValidation",
    "ModelCard",
    "SourceUri",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
}
WRITE_ONLY = {
    "ClientToken",
    "AdditionalInferenceSpecificationsToAdd",
    "AdditionalInferenceSpecificationDefinition",
    "Environment",
}
DEPRECATED = {
    "AdditionalInferenceSpecificationDefinition",
    "Environment",
    "ModelPackageVersion",
    "ModelPackageStatusDetails",
    "ModelPackageStatusItem",
    "LastModifiedTime",
    "CreatedBy",
    "LastModifiedBy",
}

# What SageMaker does with the caller's rights when it looks at images, artifacts and cards.
ARTIFACTS = {"ecr:BatchGetImage", "ecr:DescribeImages", "s3:GetObject", "s3:ListBucket"}
ENCRYPTION = {"kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"}
PERMISSIONS = {
    "create": {
        "sagemaker:CreateModelPackage",
        "sagemaker:DescribeModelPackage",
        "sagemaker:UpdateModelPackage",
        "sagemaker:AddTags",
        "sagemaker:ListTags",
        "iam:PassRole",
        *ARTIFACTS,
        *ENCRYPTION,
    },
    "read": {"sagemaker:DescribeModelPackage", "sagemaker:ListTags", "kms:Decrypt"},
    "update": {
        "sagemaker:UpdateModelPackage",
        "sagemaker:DescribeModelPackage",
        "sagemaker:AddTags",
        "sagemaker:DeleteTags",
        "sagemaker:ListTags",
        *ARTIFACTS,
        *ENCRYPTION,
    },
    "delete": {"sagemaker:DeleteModelPackage", "sagemaker:DescribeModelPackage"},
    "list": {"sagemaker:ListModelPackages"},
}


@functools.cache
def api() -> dict[str, Any]:
    """SageMaker's API description as botocore ships it, without what a home directory may add to it."""
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    description: dict[str, Any] = loader.load_service_model("sagemaker", "service-2")
    return description


class Comparison:
    """Collects every difference between a schema and the API description, not just the first."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema
        self.shapes: dict[str, Any] = api()["shapes"]
        self.differences: list[str] = []
        self.reached: set[str] = set()
        self._done: set[tuple[str, str]] = set()

    def run(self) -> list[str]:
        """Compare everything; return the differences, sorted."""
        properties: dict[str, Any] = self.schema["properties"]
        known = set(SCHEMA_ONLY)
        for operation, side in SOURCES:
            structure = self.shapes[api()["operations"][operation][side]["shape"]]
            for member, reference in structure["members"].items():
                known.add(member)
                if member in API_ONLY or (member, reference["shape"]) in ANSWERED_DIFFERENTLY:
                    continue
                if member in properties:
                    self.compare(f"properties.{member}", properties[member], reference["shape"])
                else:
                    self.differences.append(f"properties.{member}: missing, {operation} has it")
        for member, shape in SCHEMA_ONLY.items():
            if member in properties:
                self.compare(f"properties.{member}", properties[member], shape)
            else:
                self.differences.append(f"properties.{member}: missing, the reference has it")
        self.differences += [f"properties.{name}: unknown to the API" for name in set(properties) - known]
        return sorted(set(self.differences))

    def compare(self, place: str, node: dict[str, Any], shape_name: str) -> None:
        """Compare one value of the schema with one shape, and all that they contain."""
        self.reached.add(shape_name)
        shape = self.shapes[shape_name]
        if "$ref" in node:
            name = node["$ref"].removeprefix("#/definitions/")
            if (name, shape_name) in self._done:
                return
            self._done.add((name, shape_name))
            place, node = name, self.schema["definitions"][name]
        expected = {
            "structure": "object",
            "map": "object",
            "list": "array",
            "timestamp": "string",
            "long": "integer",
        }.get(shape["type"], shape["type"])
        if node.get("type") != expected:
            self.differences.append(f"{place}: type {node.get('type')}, the API has {shape['type']}")
            return
        compare: dict[str, Callable[[str, dict[str, Any], str], None]] = {
            "structure": self._structure,
            "map": self._map,
            "list": self._list,
            "string": self._string,
            "integer": self._integer,
            "long": self._integer,
        }
        if shape["type"] in compare:
            compare[shape["type"]](place, node, shape_name)

    def _structure(self, place: str, node: dict[str, Any], shape_name: str) -> None:
        shape = self.shapes[shape_name]
        members, properties = shape["members"], node.get("properties", {})
        for name in members:
            if name in properties:
                self.compare(f"{place}.{name}", properties[name], members[name]["shape"])
            else:
                self.differences.append(f"{place}.{name}: missing")
        self.differences += [
            f"{place}.{name}: unknown to the API" for name in properties if name not in members
        ]
        ours, theirs = sorted(node.get("required", [])), sorted(shape.get("required", []))
        if ours != theirs:
            self.differences.append(f"{place}: required {ours}, the API has {theirs}")

    def _map(self, place: str, node: dict[str, Any], shape_name: str) -> None:
        shape = self.shapes[shape_name]
        self._limits(place, node, shape, "minProperties", "maxProperties")
        pattern, *more = node.get("patternProperties", {"": None})
        if more:
            self.differences.append(f"{place}: several key patterns, the code generator knows one")
        if pattern != MAP_KEYS[shape["key"]["shape"]][0]:
            self.differences.append(f"{place}: key pattern {pattern}")
        if pattern:
            self.compare(f"{place}.*", node["patternProperties"][pattern], shape["value"]["shape"])

    def _list(self, place: str, node: dict[str, Any], shape_name: str) -> None:
        shape = self.shapes[shape_name]
        self._limits(place, node, shape, "minItems", "maxItems")
        self.compare(f"{place}[]", node.get("items", {}), shape["member"]["shape"])

    def _integer(self, place: str, node: dict[str, Any], shape_name: str) -> None:
        for keyword, bound in (("minimum", "min"), ("maximum", "max")):
            ours, theirs = node.get(keyword), self.shapes[shape_name].get(bound)
            if ours != theirs:
                self.differences.append(f"{place}: {keyword} {ours}, the API has {theirs}")

    def _string(self, place: str, node: dict[str, Any], shape_name: str) -> None:
        shape = self.shapes[shape_name]
        self._limits(place, node, shape, "minLength", "maxLength")
        pattern: str | None = f"^{shape['pattern']}$" if "pattern" in shape else None
        values = set(shape.get("enum", ()))
        if shape_name in REPAIRED:
            pattern, values = REPAIRED[shape_name][0], set()
            for value in shape.get("enum", ()):
                if not matches(pattern, value):
                    self.differences.append(f"{place}: pattern refuses {value}, which the API lists")
        if node.get("pattern") != pattern:
            self.differences.append(f"{place}: pattern {node.get('pattern')}, expected {pattern}")
        if set(node.get("enum", ())) != values:
            self.differences.append(
                f"{place}: enum differs in {sorted(set(node.get('enum', ())) ^ values)} from the API's"
            )

    def _limits(self, place: str, node: dict[str, Any], shape: dict[str, Any], least: str, most: str) -> None:
        # The API writes "no lower limit" as 0 and the schema as nothing.
        for keyword, theirs, nothing in ((least, shape.get("min", 0), 0), (most, shape.get("max"), None)):
            expected = OTHER_LIMITS.get((place, keyword), (theirs, ""))[0]
            ours = node.get(keyword, nothing)
            if ours != expected:
                self.differences.append(f"{place}: {keyword} {ours}, expected {expected}")


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
    found = set()
    for _, node in nodes(SCHEMA):
        if isinstance(node.get("pattern"), str):
            found.add(node["pattern"])
        found |= set(node.get("patternProperties", ()))
    return sorted(found)


def pointers(names: Iterable[str]) -> list[str]:
    """JSON pointers to the properties of these names, sorted."""
    return sorted(f"/properties/{name}" for name in names)


def test_schema_follows_the_api_description_member_by_member() -> None:
    differences = Comparison(SCHEMA).run()
    assert not differences, "\n".join(differences)


def test_comparison_reaches_the_shapes_at_every_depth() -> None:
    comparison = Comparison(SCHEMA)
    comparison.run()
    assert len(comparison.reached) > 100
    assert {
        "InferenceHubAccessConfig",
        "BaseModel",
        "TransformAmiVersion",
        "IamIdentity",
        "ContentDigest",
    } <= comparison.reached


@pytest.mark.parametrize(
    ("path", "value", "difference"),
    [
        ("properties/ModelCard", None, "properties.ModelCard: missing"),
        ("properties/Invented", {"type": "string"}, "properties.Invented: unknown to the API"),
        ("properties/Environment", None, "properties.Environment: missing, the reference has it"),
        ("properties/Domain/maxLength", 64, "properties.Domain: maxLength 64, expected None"),
        ("properties/Domain/type", "integer", "properties.Domain: type integer"),
        ("properties/Tags/maxItems", 49, "properties.Tags: maxItems 49, expected 50"),
        (
            "properties/CustomerMetadataProperties/maxProperties",
            16,
            "properties.CustomerMetadataProperties: maxProperties 16",
        ),
        ("properties/ModelPackageVersion/minimum", 2, "properties.ModelPackageVersion: minimum 2"),
        ("definitions/HubBaseModel/properties/RecipeName", None, "HubBaseModel.RecipeName: missing"),
        ("definitions/Tag/properties/Value/minLength", 1, "Tag.Value: minLength 1, expected 0"),
        ("definitions/ModelInput/required", None, "ModelInput: required []"),
        (
            "definitions/SourceAlgorithm/required",
            ["AlgorithmName", "ModelDataUrl"],
            "SourceAlgorithm: required",
        ),
        ("definitions/S3DataSource/properties/S3DataType/enum", ["S3Prefix"], "enum differs in"),
        ("definitions/ModelInput/properties/DataInputConfig/pattern", "^a$", "DataInputConfig: pattern ^a$"),
        (
            "definitions/TransformResources/properties/InstanceType/pattern",
            r"^ml\.[a-z0-9]+\.[a-z0-9]+$",
            "TransformResources.InstanceType: pattern",
        ),
        (
            "definitions/TransformJobDefinition/properties/Environment/patternProperties",
            {"^[A-Z]+$": {"type": "string"}},
            "Environment: key pattern ^[A-Z]+$",
        ),
    ],
)
def test_comparison_reports_a_schema_that_was_changed(path: str, value: object, difference: str) -> None:
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
def test_patterns_that_are_not_the_apis_accept_and_refuse_samples(
    table: dict[str, tuple[str, list[str], list[str]]],
) -> None:
    wrong = [
        f"{shape}: {value!r}"
        for shape, (pattern, accepted, refused) in table.items()
        for value, fits in [(value, True) for value in accepted] + [(value, False) for value in refused]
        if matches(pattern, value) is not fits
    ]
    assert not wrong


def test_repairs_are_still_needed() -> None:
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
def test_group_is_given_by_name_or_arn(value: str, fits: bool) -> None:
    group = SCHEMA["properties"]["ModelPackageGroupName"]
    assert matches(group["pattern"], value) is fits
    assert group["maxLength"] == 170


@pytest.mark.parametrize("pattern", patterns())
def test_patterns_compile_with_ecma_syntax_and_are_anchored(pattern: str) -> None:
    matches(pattern, "")  # raises what Python's compiler does not take
    assert "${" not in pattern, "sandbox.shared.java_patterns repairs this, and CloudFormation does not"
    assert not re.search(r"\(\?P|\(\?[aiLmsux]|\\[AZ]|[*+?}]\+", pattern), "Python's syntax, not ECMA-262's"
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    depth = [pattern[:at].count("(") - pattern[:at].count(")") for at, c in enumerate(pattern) if c == "|"]
    assert 0 not in depth, "an anchor would hold for one alternative only"


def test_reference_and_schema_agree_on_what_an_update_requires() -> None:
    requires = REFERENCE["properties"]
    assert set(requires.values()) == {"Replacement", "No interruption"}
    assert set(requires) <= set(SCHEMA["properties"])
    replaced = {name for name, update in requires.items() if update == "Replacement"}
    # Newer than the reference; the API takes both only when it creates a package.
    create_only = replaced | {"SecurityConfig", "ManagedStorageType"}
    assert sorted(SCHEMA["createOnlyProperties"]) == pointers(create_only)


def test_reference_and_schema_agree_on_attributes() -> None:
    assert sorted(SCHEMA["readOnlyProperties"]) == pointers(REFERENCE["attributes"])


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [
        ("primaryIdentifier", {"ModelPackageArn"}),
        ("conditionalCreateOnlyProperties", CONDITIONAL_CREATE_ONLY),
        ("writeOnlyProperties", WRITE_ONLY),
        ("deprecatedProperties", DEPRECATED),
    ],
)
def test_properties_are_in_their_class(keyword: str, expected: set[str]) -> None:
    assert sorted(SCHEMA[keyword]) == pointers(expected)
    assert expected <= set(SCHEMA["properties"])


@pytest.mark.parametrize(
    ("name", "keyword", "limit"),
    [
        ("Tags", "maxItems", tags.MAX_TAGS),
        ("AdditionalInferenceSpecifications", "maxItems", changes.MAX_SPECIFICATIONS),
        ("ModelPackageName", "maxLength", translate.MAX_NAME_CHARACTERS),
        ("ClientToken", "maxLength", translate.MAX_TOKEN_CHARACTERS),
    ],
)
def test_a_limit_that_the_handlers_know_is_that_of_the_schema(name: str, keyword: str, limit: int) -> None:
    assert SCHEMA["properties"][name][keyword] == limit


def test_nothing_is_required_of_every_template() -> None:
    assert "required" not in SCHEMA
    assert SCHEMA["replacementStrategy"] == "create_then_delete"


def test_everything_has_a_description_of_a_sentence() -> None:
    without = [
        place
        for place, node in described()
        if not re.fullmatch(r"[A-Z].{10,}\.", node.get("description", ""))
    ]
    assert not without


def test_descriptions_are_our_own_words() -> None:
    def sentences(text: str) -> set[str]:
        plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text)).strip().lower()
        return {sentence.strip(" .") for sentence in re.split(r"\.(?:\s|$)", plain) if len(sentence) > 25}

    theirs: set[str] = set()
    for _, node in nodes(api()["shapes"]):
        if isinstance(node.get("documentation"), str):
            theirs |= sentences(node["documentation"])
    assert len(theirs) > 1000
    copied = {
        place: node["description"] for place, node in described() if sentences(node["description"]) & theirs
    }
    assert not copied


def test_objects_are_closed_and_lists_say_whether_order_counts() -> None:
    open_objects, lists = [], []
    for place, node in nodes({key: SCHEMA[key] for key in ("properties", "definitions")}):
        if node.get("type") == "object" and node.get("additionalProperties") is not False:
            open_objects.append(place)
        if node.get("type") == "array":
            lists.append((place, node))
    assert SCHEMA["additionalProperties"] is False
    assert not open_objects
    assert lists
    assert [place for place, node in lists if not isinstance(node.get("insertionOrder"), bool)] == []
    # The code generator makes a set of it, and objects cannot be in a set.
    assert [place for place, node in lists if "uniqueItems" in node] == []
    assert SCHEMA["properties"]["Tags"]["insertionOrder"] is False
    # `cfn test` compares unordered lists item by item to the last member, which fails where SageMaker
    # completes the items (image digests, ETags).
    for name in ("AdditionalInferenceSpecifications", "AdditionalInferenceSpecificationsToAdd"):
        assert SCHEMA["properties"][name]["insertionOrder"] is True
    # A request passes through the containers one after another.
    for definition in ("InferenceSpecification", "AdditionalInferenceSpecificationDefinition"):
        assert SCHEMA["definitions"][definition]["properties"]["Containers"]["insertionOrder"] is True


def test_definitions_are_used_and_do_not_break_the_generated_code() -> None:
    used = {node["$ref"].removeprefix("#/definitions/") for _, node in nodes(SCHEMA) if "$ref" in node}
    assert used == set(SCHEMA["definitions"])
    assert not used & {"BaseModel", "ResourceModel", "ResourceHandlerRequest", "TypeConfigurationModel"}


def transformed(name: str, template: dict[str, Any]) -> Any:
    """What CloudFormation makes of a property before it compares it with the one that READ returned."""
    result = jsonata.Jsonata(SCHEMA["propertyTransform"][f"/properties/{name}"]).evaluate(template)
    return json.loads(json.dumps(result))


def test_only_readable_properties_are_transformed_and_whole() -> None:
    names = [pointer.removeprefix("/properties/") for pointer in SCHEMA["propertyTransform"]]
    assert set(names) <= set(SCHEMA["properties"])
    assert not set(SCHEMA["propertyTransform"]) & set(SCHEMA["writeOnlyProperties"])


@pytest.mark.parametrize("name", [pointer.split("/")[2] for pointer in SCHEMA["propertyTransform"]])
def test_transform_leaves_an_absent_property_absent(name: str) -> None:
    assert transformed(name, {"ModelPackageName": "my-package"}) in (None, [])


@pytest.mark.parametrize(
    "group", ["my-group", "arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/my-group"]
)
def test_transform_makes_the_plain_group_name_of_a_name_and_of_an_arn(group: str) -> None:
    assert transformed("ModelPackageGroupName", {"ModelPackageGroupName": group}) == "my-group"


@pytest.mark.parametrize("count", [0, 1, 2])
def test_transform_drops_the_tags_of_versions_only(count: int) -> None:
    tags = [{"Key": str(number), "Value": "v"} for number in range(count)]
    assert transformed("Tags", {"Tags": tags}) == tags
    assert transformed("Tags", {"Tags": tags, "ModelPackageName": "my-package"}) == tags
    assert transformed("Tags", {"Tags": tags, "ModelPackageGroupName": "my-group"}) == []


def test_transform_takes_what_is_emptied_for_absent() -> None:
    assert transformed("ApprovalDescription", {"ApprovalDescription": ""}) is None
    assert transformed("ApprovalDescription", {"ApprovalDescription": "fine"}) == "fine"
    name = "CustomerMetadataProperties"
    assert transformed(name, {name: {}}) is None
    assert transformed(name, {name: {"a": "b"}}) == {"a": "b"}


@pytest.mark.parametrize("count", [1, 2])
def test_transform_gives_every_container_the_default_environment(count: int) -> None:
    own = {"Image": "a", "Environment": {"A": "own"}, "AdditionalModelDataSources": [{"ChannelName": "c"}]}
    containers = [own, {"Image": "b"}][:count]
    specification = {"Containers": containers, "SupportedContentTypes": ["text/csv"]}
    name = "InferenceSpecification"
    assert transformed(name, {name: specification}) == specification
    assert transformed(name, {name: specification, "Environment": {}}) == specification
    merged = [
        {**own, "Environment": {"A": "own", "B": "2"}},
        {"Image": "b", "Environment": {"A": "1", "B": "2"}},
    ][:count]
    found = transformed(name, {name: specification, "Environment": {"A": "1", "B": "2"}})
    assert found == {**specification, "Containers": merged}


@pytest.mark.parametrize(
    ("template", "names"),
    [
        pytest.param({"AdditionalInferenceSpecifications": "a"}, "a", id="one"),
        pytest.param({"AdditionalInferenceSpecifications": "ab"}, "ab", id="two"),
        pytest.param(
            {"AdditionalInferenceSpecifications": "a", "AdditionalInferenceSpecificationsToAdd": "b"},
            "ab",
            id="one more",
        ),
        pytest.param(
            {"AdditionalInferenceSpecifications": "ab", "AdditionalInferenceSpecificationsToAdd": "bac"},
            "abc",
            id="each once",
        ),
        pytest.param(
            {
                "AdditionalInferenceSpecifications": "a",
                "AdditionalInferenceSpecificationsToAdd": "b",
                "AdditionalInferenceSpecificationDefinition": "c",
            },
            "abc",
            id="by both ways",
        ),
    ],
)
def test_transform_completes_the_additional_specifications(template: dict[str, str], names: str) -> None:
    def of(letters: str) -> list[dict[str, Any]]:
        return [{"Name": letter, "Containers": [{"Image": letter}]} for letter in letters]

    definition = "AdditionalInferenceSpecificationDefinition"
    given = {name: of(value)[0] if name == definition else of(value) for name, value in template.items()}
    assert transformed("AdditionalInferenceSpecifications", given) == of(names)


@pytest.mark.parametrize("handler", ["create", "read", "update", "delete", "list"])
def test_handler_has_exactly_the_permissions_it_needs(handler: str) -> None:
    permissions = SCHEMA["handlers"][handler]["permissions"]
    assert [name for name in permissions if not re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", name)] == []
    assert len(permissions) == len(set(permissions))
    assert set(permissions) == PERMISSIONS[handler]


def test_all_five_handlers_exist_and_the_long_ones_may_take_as_long_as_cloudformation_allows() -> None:
    handlers = SCHEMA["handlers"]
    timeouts = {name: handler.get("timeoutInMinutes") for name, handler in handlers.items()}
    assert timeouts == {"create": 2160, "read": None, "update": 2160, "delete": 2160, "list": None}


def test_list_takes_a_group() -> None:
    filters = SCHEMA["handlers"]["list"]["handlerSchema"]["properties"]
    group = SCHEMA["properties"]["ModelPackageGroupName"]
    assert set(filters) == {"ModelPackageGroupName"}
    assert {**filters["ModelPackageGroupName"], "description": ""} == {**group, "description": ""}


def test_tagging_is_declared_as_the_handlers_do_it() -> None:
    assert SCHEMA["tagging"] == {
        "taggable": True,
        "tagOnCreate": True,
        "tagUpdatable": True,
        "cloudFormationSystemTags": False,
        "tagProperty": "/properties/Tags",
        "permissions": ["sagemaker:AddTags", "sagemaker:ListTags", "sagemaker:DeleteTags"],
    }
