"""Translates properties into a typed model and SageMaker's arguments, and its answers into models. Pure.

Models are plain JSON, typed by the generated classes: the support library's own objects lose empty objects
and lists, which SageMaker and `cfn test` tell apart from absent ones.
"""

from __future__ import annotations

import hashlib
import json
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from cloudformation_cli_python_lib.identifier_utils import generate_resource_identifier
from cloudformation_cli_python_lib.interface import BaseModel

from . import messages, models
from .messages import Path, Place, Problem

Model = dict[str, Any]

IDENTIFIER = "ModelPackageArn"
NAME = "ModelPackageName"
TAGS = "Tags"
GROUP = "ModelPackageGroupName"
SPECIFICATION = "InferenceSpecification"
ADDITIONAL = "AdditionalInferenceSpecifications"
TO_ADD = "AdditionalInferenceSpecificationsToAdd"
DEFINITION = "AdditionalInferenceSpecificationDefinition"
ENVIRONMENT = "Environment"
METADATA = "CustomerMetadataProperties"
TO_REMOVE = "CustomerMetadataPropertiesToRemove"

# EntityName of the API, which a package's name is.
MAX_NAME_CHARACTERS = 63
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9-]")
# ClientToken of the API.
MAX_TOKEN_CHARACTERS = 36
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListModelPackages.html
MAX_PAGE_ITEMS = 100

# The schema's writeOnlyProperties: never read, should the service ever echo one.
_NEVER_READ = frozenset({"ClientToken", TO_ADD, DEFINITION, ENVIRONMENT})

# Properties that templates may have and that no call takes: the service's own, deprecated and read-only ones.
_SERVICE_OWNED = frozenset(
    {
        IDENTIFIER,
        "CreationTime",
        "ModelPackageStatus",
        "ModelPackageVersion",
        "ModelPackageStatusDetails",
        "ModelPackageStatusItem",
        "LastModifiedTime",
        "CreatedBy",
        "LastModifiedBy",
    }
)

# Properties that CreateModelPackage takes under the same name, as they are.
_SENT_AS_IS = (
    GROUP,
    "ModelPackageDescription",
    "ModelPackageRegistrationType",
    "ValidationSpecification",
    "SourceAlgorithmSpecification",
    "ModelApprovalStatus",
    "MetadataProperties",
    "ModelMetrics",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "DriftCheckBaselines",
    "SkipModelValidation",
    "SecurityConfig",
    "ModelCard",
    "ModelLifeCycle",
    "ManagedStorageType",
)


# --- what comes in ----------------------------------------------------------------------------------


def parse(properties: Mapping[str, Any] | None) -> Model:
    """A template's properties with CloudFormation's strings turned into numbers and booleans.

    Empty objects and lists survive. The service's own properties are ignored, so a whole answer of Describe
    can stand in a template.

    Raises:
        InvalidRequest: by their paths, members the schema does not know, nulls and values of a wrong type.
    """
    model, problems = examine(properties)
    messages.refuse(problems)
    return model


def examine(properties: Mapping[str, Any] | None) -> tuple[Model, list[Problem]]:
    """Like parse, but with the problems beside a model without them."""
    given = {name: value for name, value in (properties or {}).items() if name not in _SERVICE_OWNED}
    problems: list[Problem] = []
    return _model(given, problems), problems


def parse_known(properties: Mapping[str, Any] | None) -> Model:
    """Like parse, for a state that cannot be corrected any more: what does not fit is left out."""
    return _model(properties or {}, None)


def parse_only(properties: Mapping[str, Any] | None, *names: str) -> Model:
    """Like parse, with these properties only: an action that needs no others must not fail over them.

    Raises:
        InvalidRequest: see parse.
    """
    problems: list[Problem] = []
    model = _model({name: value for name, value in (properties or {}).items() if name in names}, problems)
    messages.refuse(problems)
    return model


def _model(properties: Mapping[str, Any], problems: list[Problem] | None) -> Model:
    return typing.cast(Model, _typed(properties, models.ResourceModel, None, problems))


_DROP = object()
# A value, its type, its path and the list of what does not fit: the value as the type says, or _DROP.
_Reader = Callable[[Any, Any, "Path", "list[Problem] | None"], Any]


@cache
def _members(cls: Any) -> dict[str, Any]:
    """The generated class's members and their types, without the Optional around each."""
    hints = typing.get_type_hints(cls, vars(models))
    return {name: typing.get_args(hint)[0] for name, hint in hints.items()}


def _typed(value: Any, kind: Any, path: Path, problems: list[Problem] | None) -> Any:
    """The value as the type says; or _DROP, with the problem in the list if there is one."""
    if value is None:
        return _misfit(problems, path, "is null: leave the property out instead")
    reader, inner = _reader(kind)
    return reader(value, inner, path, problems)


@cache
def _reader(kind: Any) -> tuple[_Reader, Any]:
    origin = typing.get_origin(kind)
    if origin is not None and issubclass(origin, Sequence):
        return _typed_list, typing.get_args(kind)[0]
    if origin is not None and issubclass(origin, Mapping):
        return _typed_map, typing.get_args(kind)[1]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _typed_object, kind
    return _typed_scalar, kind


def _misfit(problems: list[Problem] | None, path: Path, text: str | Callable[[], str]) -> Any:
    if problems is not None:
        problems.append(Problem(path, text))
    return _DROP


def _wrong_kind(problems: list[Problem] | None, path: Path, expected: str, value: Any, kind: Any) -> Any:
    return _misfit(problems, path, partial(messages.wrong_kind, path, expected, value, _names_in(kind)))


def _unknown(path: Path, cls: Any) -> str:
    return messages.unknown(path, _names_in(cls), _places())


def _typed_list(value: Any, kind: Any, path: Path, problems: list[Problem] | None) -> Any:
    if not isinstance(value, list | tuple):
        return _wrong_kind(problems, path, "a list", value, kind)
    items = [_typed(item, kind, (path, position), problems) for position, item in enumerate(value)]
    return [item for item in items if item is not _DROP]


def _typed_map(value: Any, kind: Any, path: Path, problems: list[Problem] | None) -> Any:
    if not isinstance(value, Mapping):
        return _wrong_kind(problems, path, "an object", value, kind)
    items = [(str(key), _typed(item, kind, (path, str(key)), problems)) for key, item in value.items()]
    return {key: item for key, item in items if item is not _DROP}


def _typed_object(value: Any, cls: Any, path: Path, problems: list[Problem] | None) -> Any:
    if not isinstance(value, Mapping):
        return _wrong_kind(problems, path, "an object", value, cls)
    members = _members(cls)
    model = {}
    for name, item in value.items():
        inner = (path, str(name))
        if name in members:
            typed = _typed(item, members[name], inner, problems)
            if typed is not _DROP:
                model[name] = typed
        else:
            _misfit(problems, inner, partial(_unknown, inner, cls))
    return model


def _names_in(kind: Any) -> list[str]:
    """The members that a template may give an object; none of what is no object."""
    if _reader(kind)[0] is not _typed_object:
        return []
    return [name for name in _members(kind) if kind is not models.ResourceModel or name not in _SERVICE_OWNED]


@cache
def _places() -> tuple[Place, ...]:
    """Every place where a template may have a member, in the schema's order."""

    def below(kind: Any, path: tuple[str, ...]) -> Iterator[Place]:
        reader, inner = _reader(kind)
        if reader is _typed_list:
            yield from below(inner, (*path, messages.ITEM))
        for name in _names_in(inner) if reader is _typed_object else ():
            if path or name not in (ENVIRONMENT, DEFINITION):  # these two are deprecated
                yield messages.Place(inner.__name__, (*path, name))
                yield from below(_members(inner)[name], (*path, name))

    return tuple(below(models.ResourceModel, ()))


def _typed_scalar(value: Any, kind: Any, path: Path, problems: list[Problem] | None) -> Any:
    expected = _ARTICLES.get(kind, "a value")
    if isinstance(value, Mapping | list | tuple):
        return _wrong_kind(problems, path, expected, value, kind)
    typed: Any
    if kind is bool:
        typed = _boolean(value)
    elif kind in (int, float):
        typed = _number(value, kind)
    elif isinstance(value, bool):
        typed = "true" if value else "false"
    else:
        typed = str(value)
    return _misfit(problems, path, f"must be {expected}") if typed is None else typed


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return None


def _number(value: Any, kind: type[int] | type[float]) -> int | float | None:
    # Python reads more as a number than JSON does: "1_000", " 1 ".
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return None
    try:
        number = (
            kind(value) if not isinstance(value, str) or value.lstrip("-").isdigit() else kind(float(value))
        )
        # The API's whole numbers have 32 bits.
        exact = not isinstance(value, bool) and number == float(value) and abs(number) < 2**31
    except (TypeError, ValueError, OverflowError):
        exact = False
    return number if exact else None


_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
_ARTICLES = {str: "a string", bool: "true or false", int: "a whole number", float: "a number"}


# --- one or the other kind of package ---------------------------------------------------------------


def is_versioned(model: Mapping[str, Any]) -> bool:
    """Whether a template, a model or a described package is a version in a group."""
    return GROUP in model


def generated_name(stack_id: str | None, logical_id: str | None, token: str) -> str:
    """A name for an unversioned package whose template gives none: the same for the same request."""
    # The library joins its arguments; a name has letters, digits and hyphens, and no hyphen first.
    joined = generate_resource_identifier(stack_id, logical_id, token, MAX_NAME_CHARACTERS)
    name = _NOT_IN_NAMES.sub("", joined)
    if stack_id or logical_id:
        return name.lstrip("-")
    return f"model-package{name[1:]}"


def client_token(token: str, salt: str = "") -> str:
    """A valid ClientToken for any request token; two request tokens never give the same one."""
    return hashlib.sha256(f"{salt}{token}".encode()).hexdigest()[:MAX_TOKEN_CHARACTERS]


# --- model -> arguments -----------------------------------------------------------------------------


def create_arguments(
    desired: Mapping[str, Any], name: str, package_tags: Sequence[Mapping[str, str]], token: str
) -> Model:
    """The arguments of CreateModelPackage; `name` is used where the template gives neither name nor group.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
    """
    versioned = is_versioned(desired)
    arguments = {member: deepcopy(desired[member]) for member in _SENT_AS_IS if member in desired}
    arguments["ClientToken"] = desired.get("ClientToken") or client_token(token)
    if not versioned:
        arguments[NAME] = desired.get(NAME, name)
        if package_tags:
            arguments[TAGS] = list(package_tags)
    # The service refuses the flag on a version, and false says nothing there.
    if "CertifyForMarketplace" in desired and (not versioned or desired["CertifyForMarketplace"]):
        arguments["CertifyForMarketplace"] = desired["CertifyForMarketplace"]
    if desired.get(METADATA):  # the API's map may not be empty
        arguments[METADATA] = dict(desired[METADATA])
    if SPECIFICATION in desired:
        arguments[SPECIFICATION] = with_defaults(desired[SPECIFICATION], desired.get(ENVIRONMENT) or {})
    elif "SourceUri" in desired:  # beside a specification the API refuses it: see missing_after_create()
        arguments["SourceUri"] = desired["SourceUri"]
    specifications = all_specifications(desired)
    if specifications:
        arguments[ADDITIONAL] = specifications
    return arguments


def with_defaults(specification: Mapping[str, Any], environment: Mapping[str, str]) -> Model:
    """The specification, every container's environment completed by the defaults; its own keys win."""
    completed = deepcopy(dict(specification))
    if environment:
        for container in completed.get("Containers") or ():
            container[ENVIRONMENT] = {**environment, **container.get(ENVIRONMENT, {})}
    return completed


def all_specifications(desired: Mapping[str, Any]) -> list[Model]:
    """Every additional specification a template gives, in order, each name of the extra properties once."""
    specifications = [deepcopy(each) for each in desired.get(ADDITIONAL) or ()]
    names = {each.get("Name") for each in specifications}
    for each in extra_specifications(desired):
        if each.get("Name") not in names:
            names.add(each.get("Name"))
            specifications.append(deepcopy(each))
    return specifications


def extra_specifications(desired: Mapping[str, Any]) -> Iterator[Model]:
    """The specifications of the two write-only properties that add some."""
    yield from desired.get(TO_ADD) or ()
    if desired.get(DEFINITION):
        yield desired[DEFINITION]


def missing_after_create(desired: Mapping[str, Any], live: Mapping[str, Any]) -> Model:
    """The arguments of the UpdateModelPackage that completes a create; empty when nothing is missing.

    Create takes no ApprovalDescription, and no SourceUri beside an InferenceSpecification.
    """
    arguments: Model = {}
    if SPECIFICATION in desired and "SourceUri" in desired and "SourceUri" not in live:
        arguments["SourceUri"] = desired["SourceUri"]
    if desired.get("ApprovalDescription") and desired["ApprovalDescription"] != live.get(
        "ApprovalDescription"
    ):
        arguments.update(approval(live, desired["ApprovalDescription"]))
    return arguments


def approval(live: Mapping[str, Any], description: str) -> Model:
    """A description together with the status it describes: the service takes both in one call only.

    The status is the live one, so that a description never revokes an approval given outside the stack.
    """
    status = live.get("ModelApprovalStatus")
    described: Model = {"ApprovalDescription": description}
    return {"ModelApprovalStatus": status, **described} if status else described


def has_own_token(desired: Mapping[str, Any]) -> bool:
    """Whether a template brings a ClientToken, which may have been used before."""
    return bool(desired.get("ClientToken"))


def describe_arguments(arn: str, *, metadata_only: bool = False) -> Model:
    """The arguments of DescribeModelPackage, which takes an ARN for a name.

    `metadata_only` leaves the model card's content out, and so needs no key.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModelPackage.html
    """
    return {NAME: arn, **({"IncludedData": "MetadataOnly"} if metadata_only else {})}


def delete_arguments(arn: str) -> Model:
    """The arguments of DeleteModelPackage, which takes an ARN for a name."""
    return {NAME: arn}


def update_arguments(arn: str, change: Mapping[str, Any], token: str) -> Model:
    """The arguments of UpdateModelPackage for one change.

    Adding specifications and setting a first SourceUri cannot be repeated, so they get a ClientToken: an
    answer that was lost must not turn into a refusal of the second attempt. Other changes can be repeated,
    and must also work when the same change is made again later.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
    """
    arguments = {IDENTIFIER: arn, **change}
    if TO_ADD in change or "SourceUri" in change:
        arguments["ClientToken"] = client_token(token, salt=json.dumps(arguments, sort_keys=True))
    return arguments


def list_arguments(group: str | None, next_token: str | None) -> Model:
    """The arguments of ListModelPackages for one page: of a group, or of both kinds of package."""
    # Without a type SageMaker lists unversioned packages only; a group implies versions.
    arguments: Model = {
        "MaxResults": MAX_PAGE_ITEMS,
        **({GROUP: group} if group else {"ModelPackageType": "Both"}),
    }
    if next_token:
        arguments["NextToken"] = next_token
    return arguments


# --- answer -> model --------------------------------------------------------------------------------


def to_model(
    described: Mapping[str, Any], package_tags: Sequence[Mapping[str, str]], status_item: Mapping[str, str]
) -> Model:
    """The model of a described package, as read returns it.

    Members the schema does not know are dropped, times become ISO 8601 strings with offset, and a version
    has no name.
    """
    model = parse_known({name: _plain(value) for name, value in described.items() if name not in _NEVER_READ})
    if is_versioned(model):
        model.pop(NAME, None)
    if not model.get("ApprovalDescription"):
        model.pop("ApprovalDescription", None)
    model["ModelPackageStatusItem"] = dict(status_item)
    model[TAGS] = list(package_tags)
    return model


def arn_of(answer: Mapping[str, Any]) -> str:
    """The ARN in an answer to Create or Describe."""
    return str(answer[IDENTIFIER])


def summaries(answer: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The packages on one page of ListModelPackages."""
    return answer.get("ModelPackageSummaryList") or ()


def next_token(answer: Mapping[str, Any]) -> str | None:
    """The token of the page after this one, if there is one."""
    return answer.get("NextToken") or None


def with_arn(properties: Mapping[str, Any], arn: str) -> Model:
    """A state as it came, with the package's ARN."""
    return {**properties, IDENTIFIER: arn}


def to_identifier(summary: Mapping[str, Any]) -> Model:
    """The model of a package in a list: its identifier only."""
    return {IDENTIFIER: summary[IDENTIFIER]}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
