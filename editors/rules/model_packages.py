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

from aws_sagemaker_modelpackage import combinations, constraints, messages, tags, translate  # noqa: E402 - the path comes first

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
        yield keys, f"{messages.text_of(path)} {said}"


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
            problems = _about(view, problems) or _about(view, constraints.problems(model))
            problems = problems or combinations.create_problems(model)
            yield from ((tuple(messages.keys_of(each.path)), str(each)) for each in problems)
            if not problems:
                yield from _tags(view, model, cfn)


def _about(view: View, problems: list[messages.Problem]) -> list[messages.Problem]:
    """The problems of what the template says itself."""
    return [each for each in problems if view.knows(tuple(messages.keys_of(each.path)))]


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
        yield from _named(_misfits(cfn, resource.get("Properties")))


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


# --- what functions and texts give, put together ----------------------------------------------------

BUCKET, REPOSITORY, ROLE = "AWS::S3::Bucket", "AWS::ECR::Repository", "AWS::IAM::Role"


class Given(NamedTuple):
    """What a resource gives to a value: an attribute, or with an empty name what `Ref` gives."""

    name: str
    attribute: str


# A part of a text: itself, what a resource gives, or None for what is not known.
Piece = str | Given | None


class Leaf(NamedTuple):
    """A value without members, or a function, and what the schema says of it."""

    keys: Keys
    rule: Json
    value: Any
    pieces: list[Piece]
    template: Any

    @property
    def name(self) -> str:
        """The property."""
        return str(self.keys[-1]) if self.keys else ""

    @property
    def pattern(self) -> str:
        """What the schema asks for."""
        return str(self.rule.get("pattern", ""))

    def kind(self, piece: Piece) -> str:
        """The type of the resource that gives a piece; empty for other pieces."""
        found = self.template.get_resources().get(piece.name, {}) if isinstance(piece, Given) else {}
        return str(found.get("Type", ""))

    def given(self, kind: str) -> Iterator[tuple[int, Given]]:
        """Where resources of a type give something, and what."""
        for position, piece in enumerate(self.pieces):
            if isinstance(piece, Given) and self.kind(piece) == kind:
                yield position, piece

    def shown(self, piece: Given) -> str:
        """A piece as the template has it."""
        whole = f"{piece.name}.{piece.attribute}" if piece.attribute else piece.name
        if _function(self.value)[0] == "Fn::Sub":
            return f"${{{whole}}}"
        return f"!GetAtt {whole}" if piece.attribute else f"!Ref {whole}"


def _leaves(cfn: Any, value: Any, rule: Json, keys: Keys) -> Iterator[Leaf]:
    """Every leaf, in all branches of conditions."""
    name, given = _function(value)
    if name == "Fn::If" and isinstance(given, list):
        for item in given[1:]:
            yield from _leaves(cfn, item, rule, keys)
    elif isinstance(value, dict) and not name:
        for key, item in value.items():
            yield from _leaves(cfn, item, _inner(rule, str(key)), (*keys, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(cfn, item, _inner(rule, number), (*keys, number))
    else:
        yield Leaf(keys, _rule(rule), value, _joined(_pieces(value)), cfn)


_DYNAMIC = re.compile(r"\{\{resolve:[^}]*\}\}")
_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


def _pieces(value: Any) -> Iterator[Piece]:
    name, given = _function(value)
    if isinstance(value, str):
        for number, text in enumerate(_DYNAMIC.split(value)):
            yield from (None, text) if number else (text,)
    elif name == "Ref":
        yield Given(str(given), "")
    elif name == "Fn::GetAtt":
        parts = given if isinstance(given, list) else str(given).split(".")
        yield Given(str(parts[0]), ".".join(map(str, parts[1:]))) if parts else None
    elif name == "Fn::Sub":
        text, own = (*given, {})[:2] if isinstance(given, list) and given else (given, {})
        yield from _substituted(str(text), own if isinstance(own, dict) else {})
    elif name == "Fn::Join" and isinstance(given, list) and len(given) == 2 and isinstance(given[1], list):
        for number, item in enumerate(given[1]):
            yield from (str(given[0]),) if number else ()
            yield from _pieces(item)
    else:
        yield None


def _substituted(text: str, own: Json) -> Iterator[Piece]:
    """What is in a text of `Fn::Sub`, which may bring variables of its own."""
    for number, part in enumerate(_VARIABLE.split(text)):
        if number % 2 == 0:
            yield from _pieces(part.replace("${!", "${"))
        elif part in own:
            yield from _pieces(own[part])
        else:
            name, _, attribute = part.strip().partition(".")
            yield Given(name, attribute)


def _joined(pieces: Iterator[Piece]) -> list[Piece]:
    """The same with no text beside another one, and no empty one."""
    found: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and found and isinstance(found[-1], str):
            found[-1] += piece
        elif piece != "":
            found.append(piece)
    return found


def _addresses(leaf: Leaf) -> Iterator[str]:
    patterned = "s3)://" in leaf.pattern
    if not leaf.pieces or not (patterned or leaf.name == "SourceUri"):
        return
    begins = leaf.pieces[0]
    for position, bucket in leaf.given(BUCKET):
        write = f"write !Sub s3://${{{bucket.name}}}/path/{'model.tar.gz' if patterned else ''}"
        if position == 0:
            yield f"{leaf.shown(bucket)} gives no address: {write}"
        elif position == 1 and (
            (begins == "s3://" and bucket.attribute) or (begins == "https://" and bucket.attribute == "Arn")
        ):
            yield f"{leaf.shown(bucket)} gives no bucket's name: {write}"
    # Of texts without a function E9100 speaks.
    begins = "" if isinstance(leaf.value, str) else begins
    if patterned and isinstance(begins, str) and not _may_begin(begins):
        yield f"must be {messages.wrong_pattern(leaf.pattern, begins).removeprefix('must be ')}"
    if leaf.name == "ModelDataUrl" and _only_a_bucket(leaf):
        yield "has a bucket and no key: write s3://bucket/path/model.tar.gz"


def _may_begin(text: str) -> bool:
    """Whether an address can begin like this."""
    return any(text.startswith(each) or each.startswith(text) for each in ("s3://", "https://"))


def _only_a_bucket(leaf: Leaf) -> bool:
    names = [Given(piece.name, "") for _, piece in leaf.given(BUCKET)]
    # What is not known may have a key in it.
    if any(not isinstance(piece, str) and piece not in names for piece in leaf.pieces):
        return False
    text = "".join(piece if isinstance(piece, str) else "bucket" for piece in leaf.pieces)
    # Of a literal that ends with a slash W9100 has more to say.
    return bool(re.fullmatch(r"s3://[^/]+" if isinstance(leaf.value, str) else r"s3://[^/]+/?", text))


def _roles(leaf: Leaf) -> Iterator[str]:
    if ":role/" not in leaf.pattern:
        return
    for position, role in leaf.given(ROLE):
        if position == 0 and role.attribute != "Arn":
            what = f"no ARN, {role.attribute} is something else" if role.attribute else "the role's name"
            yield f"{leaf.shown(role)} gives {what}: write !GetAtt {role.name}.Arn"
        elif role.attribute == "Arn" and len(leaf.pieces) > 1:
            yield f"{leaf.shown(role)} gives a whole ARN: write !GetAtt {role.name}.Arn and nothing else"


_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}\Z")


def _image_parts(leaf: Leaf) -> Iterator[str]:
    if leaf.name != "Image" or not leaf.pieces:
        return
    for position, repository in leaf.given(REPOSITORY):
        # Behind a registry the name that `Ref` gives is right.
        if repository.attribute == "Arn" or (position == 0 and repository.attribute != "RepositoryUri"):
            write = f"write !Sub ${{{repository.name}.RepositoryUri}}:TAG"
            yield f"{leaf.shown(repository)} gives no image: {write}"
    last = leaf.pieces[-1]
    if isinstance(last, str) and "@" in last and not _DIGEST.search(last):
        yield "has no digest behind @: write @sha256: and its 64 hexadecimal digits, in small letters"


_GROUP_ARN = "ModelPackageGroupArn"
# What may give the name of a group that it has from elsewhere.
_MAY_GIVE_A_GROUP = frozenset(
    {
        *(GROUP_TYPE, "AWS::CloudFormation::Stack", "AWS::CloudFormation::CustomResource"),
        *("AWS::ServiceCatalog::CloudFormationProvisionedProduct", "AWS::SageMaker::Project"),
    }
)


def _groups(leaf: Leaf) -> Iterator[str]:
    if leaf.name != translate.GROUP:
        return
    only = leaf.pieces[0] if len(leaf.pieces) == 1 else None
    kind = leaf.kind(only)
    if isinstance(only, str) and only in leaf.template.get_resources(GROUP_TYPE):
        group = leaf.template.get_resources(GROUP_TYPE)[only].get("Properties", {})
        if group.get(translate.GROUP) != only:
            yield f"is the logical id of a {GROUP_TYPE}, which is not its name: write !Ref {only}"
    elif isinstance(only, Given) and kind == TYPE:
        yield f"{leaf.shown(only)} is of a package: give the name or the ARN of a {GROUP_TYPE}"
    elif isinstance(only, Given) and kind.startswith("AWS::") and kind not in _MAY_GIVE_A_GROUP:
        from_a_parameter = (kind, only.attribute) == ("AWS::SSM::Parameter", "Value")
        if not from_a_parameter:
            yield f"{leaf.shown(only)} is of a {kind}: give the name or the ARN of a {GROUP_TYPE}"
    for _, group in leaf.given(GROUP_TYPE):
        alone = f"write !GetAtt {group.name}.{_GROUP_ARN}"
        if group.attribute in ("CreationTime", "ModelPackageGroupStatus"):
            yield f"{leaf.shown(group)} gives neither name nor ARN: {alone}"
        elif len(leaf.pieces) > 1 and group.attribute in ("", _GROUP_ARN):
            yield f"{leaf.shown(group)} gives a whole ARN: {alone} and nothing else"


def _misfits(cfn: Any, properties: Any) -> Advice:
    for leaf in _leaves(cfn, properties, SCHEMA, ()):
        for check in (_addresses, _roles, _image_parts, _groups):
            yield from ((leaf.keys, said) for said in islice(check(leaf), 1))


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
    # A version that waits for its approval may be there to try the type out.
    approved = view.known("ModelApprovalStatus") == "Approved"
    if view.versioned and approved and not {translate.SPECIFICATION, "SourceUri"} & view.properties.keys():
        yield (
            (translate.SPECIFICATION,),
            "is missing, and so is SourceUri: the version is Approved, but says nothing of a model",
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


_TYPE_LISTS = (("SupportedContentTypes",), ("SupportedResponseMIMETypes",))


def _media_types(view: View) -> Advice:
    for keys, value in view.everything():
        if not isinstance(value, str) or not (keys[-1:] == ("ContentType",) or keys[-2:-1] in _TYPE_LISTS):
            continue
        # SupportedResponseMIMETypes has a pattern, and so an error of its own.
        if "/" not in value and keys[-2:-1] != _TYPE_LISTS[1]:
            yield keys, "is no media type: give one such as text/csv or application/json"
        # A parameter in quotation marks may have a comma in it.
        elif "," in value and '"' not in value:
            one = "give one of them" if keys[-1] == "ContentType" else "give each as an item of its own"
            yield keys, f"has a comma in it, so it is one media type and no list: {one}"


def _parameters(view: View) -> Json:
    found: Json = view.template.template.get("Parameters") or {}
    return found


def _buckets(view: View) -> Advice:
    for keys, value in view.everything():
        found = re.match(r"s3://([^/]+)", value) if isinstance(value, str) else None
        # In a bucket's place there may be the ARN of an access point.
        if not found or found[1].startswith("arn:") or not re.search(r"[A-Z_]", found[1]):
            continue
        if found[1] in {*view.template.get_resources(), *_parameters(view)}:
            yield keys, f"has a name of this template for a bucket: write !Sub s3://${{{found[1]}}}/..."
        else:
            yield keys, "has capitals or _ in the bucket's name, which no bucket of today has"


_REFERRING = ("Url", "Uri", "Arn", "Role", "Image", "ImageDigest", "KmsKeyId", translate.GROUP)


def _names_of_this_template(view: View) -> Advice:
    groups = view.template.get_resources(GROUP_TYPE)
    for keys, value in view.everything():
        if not keys or not isinstance(value, str) or not str(keys[-1]).endswith(_REFERRING):
            continue
        if value in _parameters(view):
            yield keys, f"is the name of a parameter in this template: write !Ref {value}"
        # Of groups others speak.
        elif value in view.template.get_resources() and (keys != (translate.GROUP,) or value not in groups):
            yield keys, f"is the logical id of a resource in this template: write !Ref or !GetAtt of {value}"


# What Inference Recommender goes by; SageMaker takes other texts as well.
_FIELDS = {
    "Domain": ("COMPUTER_VISION", "NATURAL_LANGUAGE_PROCESSING", "MACHINE_LEARNING"),
    "Task": (
        *("IMAGE_CLASSIFICATION", "OBJECT_DETECTION", "TEXT_GENERATION", "IMAGE_SEGMENTATION"),
        *("FILL_MASK", "CLASSIFICATION", "REGRESSION", "OTHER"),
    ),
}


def _fields(view: View) -> Advice:
    for name, known in _FIELDS.items():
        value = view.known(name)
        if not isinstance(value, str) or value in known:
            continue
        said = re.findall(r"[a-z]+", value.lower())
        # The same letters before the same words: classification is one of its own.
        meant = [each for each in known if each.lower().replace("_", "") == "".join(said) != ""]
        meant = meant or [each for each in known if said and {*said} <= {*each.lower().split("_")}]
        if meant:
            yield (
                (name,),
                f"is none of the values that Inference Recommender knows; did you mean {' or '.join(meant)}?",
            )


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
    *(_buckets, _names_of_this_template, _fields),
)
