"""Translates properties into a typed model and SageMaker's arguments, and its answers into models. Pure.

Models are plain JSON: the support library's own objects lose empty objects and lists, which SageMaker and
`cfn test` tell apart from absent ones.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from cloudformation_cli_python_lib.identifier_utils import generate_resource_identifier

from .comparison import contained
from .constraints import without_empty
from .messages import Problem, refuse
from .recast import PROPERTIES, SERVICE_OWNED, WRITE_ONLY, recast

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
STATUS = "ModelApprovalStatus"
TOKEN = "ClientToken"  # noqa: S105 - the name of a property
DESCRIPTION = "ApprovalDescription"
LIFE_CYCLE = "ModelLifeCycle"
APPROVED = "Approved"
# What a version has without a decision.
UNDECIDED = "PendingManualApproval"

# EntityName of the API, which a package's name is.
MAX_NAME_CHARACTERS = 63
# A source that SageMaker can derive an InferenceSpecification from: a model or a package.
_ARN_SOURCE = re.compile("arn:", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9-]")
# ClientToken of the API.
MAX_TOKEN_CHARACTERS = 36
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListModelPackages.html
MAX_PAGE_ITEMS = 100

# Properties that CreateModelPackage takes otherwise than as they are, under another name, or not at all.
_SENT_OTHERWISE = frozenset(
    {
        *(NAME, TAGS, SPECIFICATION, ADDITIONAL, TO_ADD, DEFINITION, ENVIRONMENT, METADATA, TOKEN),
        *(DESCRIPTION, "CertifyForMarketplace", "SourceUri"),
    }
)
_SENT_AS_IS = tuple(name for name in PROPERTIES if name not in _SENT_OTHERWISE | SERVICE_OWNED)


# --- what comes in ----------------------------------------------------------------------------------


def parse(properties: Mapping[str, Any] | None) -> Model:
    """A template's properties with CloudFormation's strings turned into numbers and booleans.

    Empty objects and lists survive. The service's own properties are ignored, so a whole answer of Describe
    can stand in a template.

    Raises:
        InvalidRequest: by their paths, members the schema does not know, nulls and values of a wrong type.
    """
    model, problems = examine(properties)
    refuse(problems)
    return model


def examine(properties: Mapping[str, Any] | None) -> tuple[Model, list[Problem]]:
    """Like parse, but with the problems beside a model that has `messages.FAULTY` in their places."""
    given = {name: value for name, value in (properties or {}).items() if name not in SERVICE_OWNED}
    problems: list[Problem] = []
    return _without_empty_source(recast(given, problems)), problems


def parse_known(properties: Mapping[str, Any] | None) -> Model:
    """Like parse, for a state that cannot be corrected any more: what does not fit is left out."""
    return _without_empty_source(recast(properties or {}, None))


def _without_empty_source(model: Model) -> Model:
    """A model without an empty SourceUri, which SageMaker would take for one that is set."""
    return {name: value for name, value in model.items() if name != "SourceUri" or value != ""}


def parse_only(properties: Mapping[str, Any] | None, *names: str) -> Model:
    """Like parse, with these properties only: an action that needs no others must not fail over them.

    Raises:
        InvalidRequest: see parse.
    """
    problems: list[Problem] = []
    model = recast({name: value for name, value in (properties or {}).items() if name in names}, problems)
    refuse(problems)
    return model


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
    arguments[TOKEN] = desired.get(TOKEN) or client_token(token)
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
    if desired.get(STATUS) == APPROVED and _is_completed_later(desired):
        # An approval sets pipelines going, which must find the whole package: it comes with the last call.
        del arguments[STATUS]
    return arguments


def with_defaults(specification: Mapping[str, Any], environment: Mapping[str, str]) -> Model:
    """The specification, every container's environment completed by the defaults; its own keys win."""
    completed = deepcopy(dict(specification))
    if environment:
        for container in completed.get("Containers") or ():
            container[ENVIRONMENT] = {**environment, **container.get(ENVIRONMENT, {})}
    return completed


def containers(specification: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    """The containers of a specification, of an absent one none."""
    return (specification or {}).get("Containers") or ()


def environments(specification: Mapping[str, Any] | None) -> Iterator[Mapping[str, str]]:
    """The environment of every container of a specification, then empty ones without end."""
    for container in containers(specification):
        yield container.get(ENVIRONMENT) or {}
    while True:
        yield {}


def specifications(desired: Mapping[str, Any]) -> Iterator[tuple[str, Model]]:
    """Every additional specification a template gives, each with the property that has it."""
    for source in (ADDITIONAL, TO_ADD):
        for each in desired.get(source) or ():
            yield source, each
    if desired.get(DEFINITION):
        yield DEFINITION, desired[DEFINITION]


def all_specifications(desired: Mapping[str, Any]) -> list[Model]:
    """Every additional specification a template gives, in order, each name of the extra properties once."""
    names: set[Any] = set()
    kept: list[Model] = []
    for source, each in specifications(desired):
        if source == ADDITIONAL or each.get("Name") not in names:
            names.add(each.get("Name"))
            kept.append(deepcopy(each))
    return kept


def may_derive_specification(properties: Mapping[str, Any]) -> bool:
    """Whether SageMaker may make an InferenceSpecification of an algorithm, a model or a package."""
    is_arn = _ARN_SOURCE.match(properties.get("SourceUri", "")) is not None
    return is_arn or "SourceAlgorithmSpecification" in properties


def is_replaced_by_source(desired: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether SageMaker has put a specification of the live SourceUri in the place of the template's."""
    return (
        SPECIFICATION in desired
        and _ARN_SOURCE.match(live.get("SourceUri", "")) is not None
        and not contained(
            with_defaults(desired[SPECIFICATION], desired.get(ENVIRONMENT) or {}),
            live.get(SPECIFICATION),
            SPECIFICATION,
        )
    )


def created_at(described: Mapping[str, Any]) -> float:
    """When a described package was created, in seconds since 1970."""
    created = described.get("CreationTime")
    return created.timestamp() if isinstance(created, datetime) else 0.0


def missing_after_create(desired: Mapping[str, Any], live: Mapping[str, Any]) -> Model:
    """The arguments of the next UpdateModelPackage that completes a create; empty when nothing is missing.

    Create takes no ApprovalDescription, and no SourceUri beside an InferenceSpecification. A SourceUri that
    SageMaker may derive a specification from goes alone, because the package may be another one after it.
    """
    arguments: Model = {}
    if SPECIFICATION in desired and "SourceUri" in desired and "SourceUri" not in live:
        arguments["SourceUri"] = desired["SourceUri"]
        if _ARN_SOURCE.match(desired["SourceUri"]):
            return arguments
    if desired.get(DESCRIPTION) and desired[DESCRIPTION] != live.get(DESCRIPTION):
        arguments.update(approval(live, desired[DESCRIPTION]))
    if (
        desired.get(STATUS) == APPROVED
        and _is_completed_later(desired)
        and live.get(STATUS) in (None, UNDECIDED)
    ):
        arguments[STATUS] = APPROVED
    return arguments


def _is_completed_later(desired: Mapping[str, Any]) -> bool:
    """Whether a package takes more than its create."""
    return bool(desired.get(DESCRIPTION)) or (SPECIFICATION in desired and "SourceUri" in desired)


def approval(live: Mapping[str, Any], description: str) -> Model:
    """A description together with the status it describes: the service takes both in one call only.

    The status is the live one, so that a description never revokes an approval given outside the stack.
    """
    status = live.get(STATUS)
    described: Model = {DESCRIPTION: description}
    return {STATUS: status, **described} if status else described


def has_own_token(desired: Mapping[str, Any]) -> bool:
    """Whether a template brings a ClientToken, which may have been used before."""
    return bool(desired.get(TOKEN))


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
        arguments[TOKEN] = client_token(token, salt=json.dumps(arguments, sort_keys=True))
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

    Members the schema does not know are dropped, and so is what is empty although the schema wants something
    there; times become ISO 8601 strings with offset, and a version has no name.
    """
    model = without_empty(
        parse_known({name: _plain(value) for name, value in described.items() if name not in WRITE_ONLY})
    )
    if is_versioned(model):
        model.pop(NAME, None)
    for name in (DESCRIPTION, METADATA):  # empty means absent
        if not model.get(name):
            model.pop(name, None)
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
