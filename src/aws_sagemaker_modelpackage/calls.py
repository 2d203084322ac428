"""Makes the calls to SageMaker about one package, each with what counts as its success.

All raise what a call raises (`errors.API_ERRORS`).
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

from cloudformation_cli_python_lib.exceptions import InvalidRequest, NotUpdatable

from . import changes, errors, refusals, stabilize, tags, translate
from .comparison import contained
from .probes import Probe
from .request import Request, Stage
from .translate import Model

if typing.TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

Described = Mapping[str, Any]


def describe(
    sagemaker: SageMakerClient, request: Request, *, metadata_only: bool = False
) -> Described | None:
    """The request's package, or None when there is none.

    `metadata_only` needs no key: a package whose key is disabled or not the caller's can still be deleted.
    """
    arguments = translate.describe_arguments(request.context.arn, metadata_only=metadata_only)
    try:
        described: Described = sagemaker.describe_model_package(**arguments)
    except errors.API_ERRORS as error:
        if errors.is_absent(error, request.context.arn):
            request.not_found_message = errors.message_of(error, request.redact)
            return None
        raise
    request.described.append(described)
    return described


def read(sagemaker: SageMakerClient, described: Described) -> Model:
    """The full model of a described package; only unversioned packages have tags to ask for."""
    package_tags = (
        {} if translate.is_versioned(described) else tags.read(sagemaker, translate.arn_of(described))
    )
    return translate.to_model(described, tags.as_list(package_tags), stabilize.status_item(described))


def send(sagemaker: SageMakerClient, request: Request, change: Model) -> None:
    """Make a change; a refusal of what an attempt without an answer has done counts as success.

    Raises:
        InvalidRequest: the source that the change names is absent.
    """
    try:
        sagemaker.update_model_package(
            **translate.update_arguments(request.context.arn, change, request.token)
        )
    except errors.API_ERRORS as error:
        arn = request.context.arn
        if "SourceUri" in change and errors.is_absent(error, arn) and not errors.names(error, arn):
            raise InvalidRequest(f"SourceUri: {errors.message_of(error, request.redact)}") from error
        may_be_done = errors.is_bad_request(error) and errors.was_repeated(error)
        if not (may_be_done and _is_done(sagemaker, request, change)):
            raise


def describe_with_source(sagemaker: SageMakerClient, request: Request, source: str) -> Described:
    """The package with the SourceUri that was set.

    Raises:
        NotVisible: Describe does not show it yet.
    """
    described = describe(sagemaker, request)
    if described is None or not contained(source, described.get("SourceUri"), "SourceUri"):
        raise errors.NotVisible(change="SourceUri")
    return described


def try_probe(sagemaker: SageMakerClient, request: Request, probe: Probe) -> bool:
    """Make a change that the service may refuse; whether it is made, and not a removal that was refused.

    Raises:
        NotUpdatable: it is refused, and the package is as it was.
    """

    def send_part(change: Model) -> None:
        send(sagemaker, request, change)
        # An error that comes now is followed by another poll: the package shall not stay half changed.
        request.context.stage = Stage.WRITING

    begun = probe.begun or request.context.stage == Stage.WRITING
    for position, change in enumerate(probe.calls):
        is_half_done = begun or position > 0
        try:
            send_part(change)
        except errors.API_ERRORS as error:
            may_be_done = probe.last_call_blocks_first and errors.is_bad_request(error)
            if may_be_done and _is_done(sagemaker, request, change):
                continue
            if probe.is_removal and refusals.is_refusal(error):
                return False
            if is_half_done:
                # A description that is older than an earlier call does not show what that has changed.
                changed = "may be half changed" if request.unanswered else "is half changed"
                request.failure_note = f"{probe.property} {changed}"
            if not refusals.is_refusal(error) or (is_half_done and probe.undo is None):
                raise
            if is_half_done and probe.undo:
                send_part(probe.undo)
                request.failure_note = ""
            refusal = errors.message_of(error, request.redact)
            raise NotUpdatable(f"{probe.property} cannot be updated in place: {refusal}") from error
    return True


def _is_done(sagemaker: SageMakerClient, request: Request, change: Model) -> bool:
    return changes.is_done(change, describe(sagemaker, request) or {})


def tag_change(
    sagemaker: SageMakerClient, request: Request, desired: Model, previous: Model | None, live: Model
) -> tags.Difference:
    """What has to change of the package's tags, which are read only when the templates' differ."""
    if translate.is_versioned(live):
        return tags.Difference()
    previous_tags, desired_tags = merged_tags(request, desired, previous)
    if desired_tags == previous_tags:
        return tags.Difference()
    return tags.difference(previous_tags, desired_tags, tags.read(sagemaker, live[translate.IDENTIFIER]))


def merged_tags(request: Request, desired: Model, previous: Model | None) -> tuple[tags.Tags, tags.Tags]:
    """The tags of both templates, the stack's included."""
    previous_tags: tags.Tags = {}
    if previous is not None:
        previous_tags = tags.merged(previous.get(translate.TAGS), request.previous_stack_tags)
    return previous_tags, tags.merged(desired.get(translate.TAGS), request.stack_tags)


def delete(sagemaker: SageMakerClient, request: Request) -> None:
    """Delete the package; an answer that it is being deleted, or gone, counts as success.

    It was there a moment ago: either an answer was lost or another client was faster.
    """
    try:
        sagemaker.delete_model_package(**translate.delete_arguments(request.context.arn))
    except errors.API_ERRORS as error:
        if errors.is_absent(error, request.context.arn):
            return
        if errors.is_conflict(error):
            described = describe(sagemaker, request, metadata_only=True)
            if described is None or stabilize.is_deleting(described):
                return
        raise
