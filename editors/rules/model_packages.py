"""cfn-lint's rules for model packages: what the handlers would say, said while the template is written.

cfn-lint itself checks a template with the schema. These rules add what no schema can say. E9100 is everything
that the handlers refuse, in their own words. E9101 is what SageMaker refuses, or cannot use, and the handlers
leave to it. W9100 is what it accepts and what is hardly ever meant. A value that is only known when the
template is deployed is taken for a good one.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from cfnlint.data.schemas.extensions import aws_sagemaker_hosting, aws_sagemaker_transform
from cfnlint.helpers import load_resource
from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cloudformation_cli_python_lib.exceptions import InvalidRequest

PROJECT = Path(__file__).resolve().parents[2]
if importlib.util.find_spec("aws_sagemaker_modelpackage") is None:
    sys.path.insert(0, str(PROJECT / "src"))

from aws_sagemaker_modelpackage import combinations, limits, tags, translate, words  # noqa: E402 - the path comes first

Json = dict[str, Any]
Keys = tuple[str | int, ...]
Advice = Iterator[tuple[Keys, str]]

(SCHEMA_FILE,) = (PROJECT / "editors" / "schemas").glob("*.json")
SCHEMA: Json = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
TYPE: str = SCHEMA["typeName"]
GROUP_TYPE = "AWS::SageMaker::ModelPackageGroup"
# Combinations of conditions that are looked at.
MOST_SCENARIOS = 64
ABSENT = object()


# --- templates --------------------------------------------------------------------------------------


class View(NamedTuple):
    """A resource's properties under certain conditions, as the handlers would get them.

    What is only known when the template is deployed has a stand-in, and is in `unknown`.
    """

    properties: Json
    unknown: set[Keys]
    template: Any

    def knows(self, keys: Keys) -> bool:
        """Whether what is at these keys stands in the template."""
        return not any(keys[:length] in self.unknown for length in range(1, len(keys) + 1))

    def known(self, *keys: str | int) -> Any:
        """What the template has at these keys; None for nothing, or what is not known."""
        value: Any = self.properties
        for key in keys:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value if self.knows(keys) else None

    @property
    def versioned(self) -> bool:
        """Whether it is a version in a group."""
        return translate.is_versioned(self.properties)

    def everything(self) -> Iterator[tuple[Keys, Any]]:
        """Every value that the template has anywhere, with its keys."""
        yield from self._below((), self.properties)

    def _below(self, keys: Keys, value: Any) -> Iterator[tuple[Keys, Any]]:
        if keys in self.unknown:
            return
        yield keys, value
        inner = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, item in inner:
            yield from self._below((*keys, key), item)


def views(cfn: Any, resource: Json) -> Iterator[View]:
    """The properties of a resource, once for each way in which its conditions can turn out."""
    given = resource.get("Properties", {})
    if not isinstance(given, dict):
        return
    for scenario in _scenarios(cfn, given, resource.get("Condition")):
        unknown: set[Keys] = set()
        found = _resolved(given, SCHEMA, (), scenario, unknown)
        if isinstance(found, dict):
            yield View(found, unknown, cfn)


def _scenarios(cfn: Any, properties: Json, own: Any) -> list[dict[str, bool]]:
    """The ways in which the conditions of the properties can turn out where the resource's own holds."""
    known = cfn.template.get("Conditions", {})
    asked: dict[str, set[bool] | None] = {each: None for each in _conditions(properties) if each in known}
    if isinstance(own, str) and own in known:
        asked[own] = {True}
    return list(islice(cfn.conditions.build_scenarios(asked), MOST_SCENARIOS)) or [{}]


def _conditions(value: Any) -> Iterator[str]:
    name, given = _function(value)
    if name == "Fn::If" and isinstance(given, list) and given and isinstance(given[0], str):
        yield given[0]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _conditions(each)


def _function(value: Any) -> tuple[str, Any]:
    """The function that a value is, and what it is given; an empty name for other values."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, given),) = value.items()
        if name == "Ref" or str(name).startswith("Fn::"):
            return str(name), given
    return "", None


def _rule(rule: Json) -> Json:
    while "$ref" in rule:
        rule = SCHEMA["definitions"][rule["$ref"].rsplit("/", 1)[1]]
    return rule


def _inner(rule: Json, key: str | int) -> Json:
    """What the schema says of what is at a key of a value; nothing of what it does not know."""
    rule = _rule(rule)
    free: Json = next(iter(rule.get("patternProperties", {}).values()), {})
    found: Json = rule.get("items", {}) if isinstance(key, int) else rule.get("properties", {}).get(key, free)
    return found


def _resolved(value: Any, rule: Json, keys: Keys, scenario: Mapping[str, bool], unknown: set[Keys]) -> Any:
    name, given = _function(value)
    if name == "Fn::If" and isinstance(given, list) and len(given) == 3 and given[0] in scenario:
        return _resolved(given[1 if scenario[given[0]] else 2], rule, keys, scenario, unknown)
    if name == "Ref" and given == "AWS::NoValue":
        return ABSENT
    if name or (isinstance(value, str) and "{{resolve:" in value):
        unknown.add(keys)
        return _stand_in(_rule(rule), len(unknown))
    if isinstance(value, dict):
        return {
            str(key): item
            for key, each in value.items()
            if not str(key).startswith("Fn::")
            and (item := _resolved(each, _inner(rule, str(key)), (*keys, str(key)), scenario, unknown))
            is not ABSENT
        }
    if isinstance(value, list):
        items: list[Any] = []
        for each in value:
            # Counted without those that a condition leaves out, as the handlers count.
            item = _resolved(each, _inner(rule, 0), (*keys, len(items)), scenario, unknown)
            items += [] if item is ABSENT else [item]
        return items
    return value


def _stand_in(rule: Json, number: int) -> Any:
    """A value of the right kind; no two texts are alike, so that no two names are."""
    kind = rule.get("type")
    if kind == "array":
        return [_stand_in(_rule(rule["items"]), number)]
    if kind == "object":
        return {f"UNKNOWN{number}": "unknown"} if "patternProperties" in rule else {}
    return {"boolean": False, "integer": rule.get("minimum", 1)}.get(str(kind), f"unknown{number}")


class _Rule(CloudFormationLintRule):  # type: ignore[misc] # cfn-lint's classes are not typed for mypy
    """Looks at every model package of a template."""

    tags = ["resources", "sagemaker"]  # noqa: RUF012 - cfn-lint's own form
    source_url = "https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry.html"

    def match(self, cfn: Any) -> list[Any]:
        """What is to be said of a template, each thing once."""
        found: dict[tuple[Keys, str], Any] = {}
        for name, resource in cfn.get_resources(TYPE).items():
            for keys, said in self.told(cfn, resource):
                where = ("Resources", name, "Properties", *keys)
                found.setdefault((where, said), RuleMatch(list(where), said))
        return list(found.values())

    def told(self, cfn: Any, resource: Json) -> Advice:
        """What is to be said of one resource: keys in its properties, and words."""
        raise NotImplementedError


def _named(advice: Advice) -> Advice:
    """The same with the property's path in the words."""
    for keys, said in advice:
        path: Any = None
        for key in keys:
            path = (path, key)
        yield keys, f"{words.text_of(path)} {said}"


# --- what the handlers refuse -----------------------------------------------------------------------


class Refused(_Rule):
    """E9100."""

    id = "E9100"
    shortdesc = "The handlers of the model package would refuse this"
    description = "Everything that the handlers refuse before they call SageMaker, in their own words"

    def told(self, cfn: Any, resource: Json) -> Advice:
        """The handlers' own checks, in their order."""
        for view in views(cfn, resource):
            model, problems = translate.examine(view.properties)
            problems = _about(view, problems) or _about(view, limits.problems(model))
            problems = problems or combinations.create_problems(model)
            yield from ((tuple(words.keys_of(each.path)), str(each)) for each in problems)
            if not problems:
                yield from _tags(view, model, cfn)


def _about(view: View, problems: list[words.Problem]) -> list[words.Problem]:
    """The problems of what the template says itself."""
    return [each for each in problems if view.knows(tuple(words.keys_of(each.path)))]


def _tags(view: View, model: Json, cfn: Any) -> Advice:
    if not view.knows(("Tags",)):
        return
    try:
        given = tags.as_map(model.get("Tags"))
        # The CDK repeats the stack's tags in every resource, and those the handlers leave out.
        if given and view.versioned and not cfn.is_cdk_template():
            tags.refuse_on_version(model["Tags"], None)
    except InvalidRequest as error:
        yield ("Tags",), str(error)


# --- what SageMaker refuses, or cannot use ----------------------------------------------------------


class Unusable(_Rule):
    """E9101."""

    id = "E9101"
    shortdesc = "SageMaker would refuse this of a model package, or could not use it"
    description = "What the handlers leave to SageMaker and CloudFormation, who alone can be sure of it"

    def told(self, cfn: Any, resource: Json) -> Advice:
        """What the properties say, and what functions in them give."""
        for view in views(cfn, resource):
            for check in (_read_only, _card, _nothing_to_serve, _certified_version):
                yield from _named(check(view))
        yield from _named(_given_by_functions(cfn, resource.get("Properties"), SCHEMA, ()))


def _read_only(view: View) -> Advice:
    for name in (each.rsplit("/", 1)[1] for each in SCHEMA["readOnlyProperties"]):
        if name in view.properties:
            yield (
                (name,),
                "is an attribute of the finished package, which CloudFormation refuses here: leave it out",
            )


def _card(view: View) -> Advice:
    keys = ("ModelCard", "ModelCardContent")
    content = view.known(*keys)
    if not isinstance(content, str):
        return
    try:
        if isinstance(json.loads(content), dict):
            return
        why = "it is JSON, but no object"
    except json.JSONDecodeError as error:
        why = f"it is no JSON from character {error.pos + 1} on"
    except RecursionError:
        why = "it is nested too deeply"
    yield keys, f"must be a JSON object in one string, such as '{{\"model_overview\": {{}}}}': {why}"


def _nothing_to_serve(view: View) -> Advice:
    algorithm = "SourceAlgorithmSpecification"
    if not view.versioned and not {translate.SPECIFICATION, algorithm, "SourceUri"} & view.properties.keys():
        yield (
            (translate.SPECIFICATION,),
            f"is missing: an unversioned package needs it, or a {algorithm}; a version, {translate.GROUP}",
        )


def _certified_version(view: View) -> Advice:
    if view.versioned and str(view.known("CertifyForMarketplace")).lower() == "true":
        yield (
            ("CertifyForMarketplace",),
            f"is for unversioned packages only: leave it out, or take {translate.GROUP} out",
        )


# What `Ref` and `Fn::GetAtt` of another resource give, where it does not fit: by a word of the property's
# pattern or its name, the type, and the attribute or "" for any.
_MISFITS: tuple[tuple[str, str, str, str], ...] = (
    ("s3)://", "AWS::S3::Bucket", "", "gives no address: write !Sub s3://${{{name}}}/path/model.tar.gz"),
    ("SourceUri", "AWS::S3::Bucket", "", "gives no address: write !Sub s3://${{{name}}}/path/"),
    (":role/", "AWS::IAM::Role", "Ref", "gives the role's name: write !GetAtt {name}.Arn"),
    ("Image", "AWS::ECR::Repository", "", "gives no image: write !Sub ${{{name}.RepositoryUri}}:TAG"),
    (translate.GROUP, TYPE, "", f"is of a package: give the name or the ARN of a {GROUP_TYPE}"),
)


def _given_by_functions(cfn: Any, value: Any, rule: Json, keys: Keys) -> Advice:
    name, given = _function(value)
    if name in ("Ref", "Fn::GetAtt"):
        parts = given if isinstance(given, list) else str(given).split(".", 1)
        yield from _given_by_another(cfn, str(next(iter(parts), "")), name, rule, keys)
    elif name == "Fn::Sub":
        text = given[0] if isinstance(given, list) and given else given
        if isinstance(text, str) and "s3)://" in _rule(rule).get("pattern", ""):
            begins = text.partition("${")[0]
            if begins and not any(
                begins.startswith(each) or each.startswith(begins) for each in ("s3://", "https://")
            ):
                yield (
                    keys,
                    f"must be {words.wrong_pattern(_rule(rule)['pattern'], begins).removeprefix('must be ')}",
                )
    elif isinstance(value, dict) and not name:
        for key, item in value.items():
            yield from _given_by_functions(cfn, item, _inner(rule, str(key)), (*keys, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _given_by_functions(cfn, item, _inner(rule, number), (*keys, number))
    if name == "Fn::If" and isinstance(given, list):
        for item in given[1:]:
            yield from _given_by_functions(cfn, item, rule, keys)


def _given_by_another(cfn: Any, name: str, function: str, rule: Json, keys: Keys) -> Advice:
    resource = cfn.get_resources().get(name, {})
    place = f"{_rule(rule).get('pattern', '')} {keys[-1] if keys else ''}"
    for word, kind, only, said in _MISFITS:
        if word in place and resource.get("Type") == kind and only in ("", function):
            yield keys, f"{'!Ref' if function == 'Ref' else '!GetAtt'} {name} {said.format(name=name)}"
            return


# --- what is hardly ever meant ----------------------------------------------------------------------


class Unmeant(_Rule):
    """W9100."""

    id = "W9100"
    shortdesc = "SageMaker takes this of a model package, but it is hardly ever meant"
    description = "Properties that have no effect, that contradict each other, or that nobody can use"

    def told(self, cfn: Any, resource: Json) -> Advice:
        """Every piece of advice."""
        for view in views(cfn, resource):
            for check in ADVICE:
                yield from _named(check(view))


def _token(view: View) -> Advice:
    if "ClientToken" in view.properties:
        yield (
            ("ClientToken",),
            "is not needed, so leave it out: two resources with one token share one package, and a token that"
            " was used before brings back the ARN of a deleted one",
        )


def _of_the_service(view: View) -> Advice:
    deprecated = {each.rsplit("/", 1)[1] for each in SCHEMA["deprecatedProperties"]}
    for name in deprecated - {translate.ENVIRONMENT, translate.DEFINITION}:
        if name in view.properties:
            yield (name,), "belongs to SageMaker and is ignored: leave it out"


def _without_effect(view: View) -> Advice:
    if not view.versioned:
        for name in ("ModelApprovalStatus", "ApprovalDescription"):
            if name in view.properties:
                yield (name,), f"is for versions only: set {translate.GROUP}, or leave it out"


def _no_model(view: View) -> Advice:
    if view.versioned and not {translate.SPECIFICATION, "SourceUri"} & view.properties.keys():
        yield (
            (translate.SPECIFICATION,),
            "is missing, and so is SourceUri: the version says nothing of a model and cannot be deployed",
        )


def _validation(view: View) -> Advice:
    validation = "ValidationSpecification"
    if str(view.known("CertifyForMarketplace")).lower() == "true" and validation not in view.properties:
        yield (
            (validation,),
            "is missing: with CertifyForMarketplace SageMaker validates the package, and needs a job for it",
        )
    if view.known("SkipModelValidation") == "All" and validation in view.properties:
        yield ("SkipModelValidation",), f"skips the {validation}: leave out one of the two"


def _model_data(view: View) -> Advice:
    for keys, value in view.everything():
        if not isinstance(value, dict):
            continue
        if "ModelDataUrl" in value and "ModelDataSource" in value:
            yield (*keys, "ModelDataUrl"), "and ModelDataSource say the same: leave out one of the two"
        if str(value.get("ModelDataUrl", "")).endswith("/"):
            yield (
                (*keys, "ModelDataUrl"),
                "is the address of one archive (.tar.gz): for a folder take ModelDataSource with S3DataType"
                " S3Prefix and CompressionType None",
            )
        if "CompressionType" in value and keys[-1:] != ("TransformInput",):
            yield from _s3(view, keys)


def _s3(view: View, keys: Keys) -> Advice:
    address = view.known(*keys, "S3Uri")
    kind, compression = (view.known(*keys, name) for name in ("S3DataType", "CompressionType"))
    if kind == "S3Prefix" and compression == "Gzip":
        yield (
            (*keys, "CompressionType"),
            "Gzip is for one archive: take S3DataType S3Object, or CompressionType None",
        )
    if isinstance(address, str) and kind == "S3Prefix" and not address.endswith("/"):
        yield (*keys, "S3Uri"), "is a prefix (S3DataType S3Prefix), so it must end with /"
    if isinstance(address, str) and kind == "S3Object" and address.endswith("/"):
        yield (
            (*keys, "S3Uri"),
            "ends with / and so is no object: take S3DataType S3Prefix, or name the object",
        )


_REGISTRY = re.compile(r"\d{12}\.dkr[.-]ecr[.-][^/]+/\S+")


def _images(view: View) -> Advice:
    for keys, value in view.everything():
        if keys[-1:] == ("Image",) and isinstance(value, str) and not _REGISTRY.match(value):
            yield (
                keys,
                "is in no registry that SageMaker reads: give it as"
                " ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG",
            )


def _cards(view: View) -> Advice:
    card = view.properties.get("ModelCard")
    if isinstance(card, dict) and view.knows(("ModelCard",)):
        for name in ("ModelCardContent", "ModelCardStatus"):
            if name not in card:
                yield ("ModelCard", name), "is missing: a new card has a content and a status"


def _media_types(view: View) -> Advice:
    for keys, value in view.everything():
        if (keys[-1:] == ("ContentType",) or keys[-2:-1] == ("SupportedContentTypes",)) and (
            isinstance(value, str) and "/" not in value
        ):
            yield keys, "is no media type: give one such as text/csv or application/json"


def _versions(view: View) -> Advice:
    for keys, value in view.everything():
        if keys[-1:] in (("FrameworkVersion",), ("HubContentVersion",)) and isinstance(value, float):
            yield keys, "is a number, so 1.10 becomes 1.1: put it in quotes"


_EDGES = re.compile(r"\A\s|\s\Z")


def _edges(view: View) -> Advice:
    for keys, value in view.everything():
        named = (
            str(keys[-1]).endswith(("Url", "Uri", "Path", "Image", "Name", "Id", "Arn")) if keys else False
        )
        if named and isinstance(value, str) and _EDGES.search(value):
            yield keys, "begins or ends with a space or a line break: take it out"


def _known_instance_types() -> dict[str, set[str]]:
    """The sizes of each family that cfn-lint knows of, in any region."""
    found: dict[str, set[str]] = {}
    for package in (aws_sagemaker_hosting, aws_sagemaker_transform):
        for region in load_resource(package, "instancetype_enum.json").values():
            for each in region["enum"] if isinstance(region, dict) else ():  # there is a description as well
                _, family, size = each.split(".")
                found.setdefault(family, set()).add(size)
    return found


def _instance_types(view: View) -> Advice:
    by_family = _known_instance_types()
    known = [f"ml.{family}.{size}" for family, sizes in by_family.items() for size in sizes]
    sizes = set().union(*by_family.values())
    for keys, value in view.everything():
        if not isinstance(value, str) or not re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9-]+", value):
            continue
        if not any(str(key).endswith(("InstanceType", "InstanceTypes")) for key in keys[-2:]):
            continue
        _, family, size = value.split(".")
        # A family that is not known may be new, with sizes that are.
        if size not in by_family.get(family, sizes):
            close = get_close_matches(value, known, n=1)
            yield keys, f"is no instance type that is known{f'; did you mean {close[0]}?' if close else ''}"


def _group_of_this_template(view: View) -> Advice:
    group = view.known(translate.GROUP)
    for name, resource in view.template.get_resources(GROUP_TYPE).items():
        if isinstance(group, str) and resource.get("Properties", {}).get(translate.GROUP) == group:
            yield (
                (translate.GROUP,),
                f"does not wait for the group to be made: write !GetAtt {name}.ModelPackageGroupArn",
            )


ADVICE: tuple[Callable[[View], Advice], ...] = (
    *(_token, _of_the_service, _without_effect, _no_model, _validation, _model_data, _images, _cards),
    *(_media_types, _versions, _instance_types, _group_of_this_template, _edges),
)
