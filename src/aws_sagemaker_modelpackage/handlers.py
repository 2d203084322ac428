"""The five functions CloudFormation calls.

Each reads the request, makes the calls in order and returns one event. Create, update and delete describe the
package, make the calls that its state and the operation's stage ask for, and report what came of them: an
IN_PROGRESS event has CloudFormation call again, and the next invocation goes on from the stage.

Beside the exceptions that their docstrings name, all five raise what a call raises (`errors.API_ERRORS`) and
InvalidCredentials; `resource` makes events of all of them.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping, MutableMapping
from typing import Any

from cloudformation_cli_python_lib import Action, ProgressEvent
from cloudformation_cli_python_lib.exceptions import InvalidRequest, NotFound, NotStabilized, NotUpdatable

from . import changes, client, constraints, errors, stabilize, tags, translate, validation
from .models import ResourceModel
from .request import Request, Stage, page, success
from .resource import CodedResource
from .stabilize import State
from .timing import MAX_IGNORED_DELETE_SECONDS, MAX_UNKNOWN_ARN_SECONDS
from .translate import Model

if typing.TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

TYPE_NAME = "AWS::SageMaker::ModelPackage"

Callback = MutableMapping[str, Any]
Described = Mapping[str, Any]

# Beside the error of an update that is refused a part of itself.
_HALF_DONE = "Part of the update is done, and the same update, sent again, does the rest"
# Of an ARN that stays unknown after a create.
_UNKNOWN_ARN = "SageMaker returned this ARN but does not know it"
_REUSED = (
    ". A ClientToken that was used before brings back the ARN of its first package, even a deleted one: give"
    " ClientToken a new value or leave it out"
)
_DELETED_MEANWHILE = ": the package may have been deleted meanwhile. Repeat the operation"
# Beside the error of a create that got no answer.
_MAYBE_REGISTERED = (
    "SageMaker may have registered the package all the same: this request, sent again, finds it; another one"
    " registers another"
)
# Of a delete without effect.
_IGNORED_DELETE = "SageMaker accepted the delete but the package stays"

resource = CodedResource(TYPE_NAME, ResourceModel)
test_entrypoint = resource.test_entrypoint


@resource.handler(Action.CREATE)
def create_handler(_session: Any, request: Request, _callback: Callback) -> ProgressEvent:
    """Register the package once, however often the event arrives, and wait until it is complete.

    Raises:
        InvalidRequest: the template breaks the schema, or SageMaker refuses its properties together.
        NotStabilized: the package failed, or was not visible in time.
    """
    if request.context.arn:
        _remember_created(request, request.context.arn)
        desired = translate.parse(request.desired)
    else:
        desired = validation.parse_create(request.desired, request.stack_tags)
    sagemaker = client.make(request)
    if not request.context.arn:
        _remember_created(request, _register(sagemaker, request, desired))
    return _finish_create(sagemaker, request, desired)


def _remember_created(request: Request, arn: str) -> None:
    """From here on a failure carries the model, so that CloudFormation deletes what it leaves behind."""
    request.context.arn = arn
    request.created = translate.with_arn(request.desired, arn)


def _register(sagemaker: SageMakerClient, request: Request, desired: Model) -> str:
    """Call create; the ARN of the package."""
    if not request.token:
        raise InvalidRequest(
            "the request carries no token, so a repeated create could register a second package"
        )
    package_tags: tags.Tags = {}
    if not translate.is_versioned(desired):
        package_tags = tags.merged(desired.get(translate.TAGS), request.stack_tags)
    name = translate.generated_name(request.stack_id, request.logical_id, request.token)
    arguments = translate.create_arguments(desired, name, tags.as_list(package_tags), request.token)
    request.failure_note = _MAYBE_REGISTERED
    try:
        answer = sagemaker.create_model_package(**arguments)
    except errors.API_ERRORS as error:
        if not errors.may_have_worked(error):
            request.failure_note = ""
        raise
    request.failure_note = ""
    return translate.arn_of(answer)


def _finish_create(sagemaker: SageMakerClient, request: Request, desired: Model) -> ProgressEvent:
    """Make the update that create's missing arguments need, once the package is ready, and report."""
    described = _describe(sagemaker, request)
    if described and stabilize.state_of(described) is State.READY:
        missing = translate.missing_after_create(desired, described)
        if missing:
            _send(sagemaker, request, missing)
            described = _describe(sagemaker, request) or described
    return _report_create(sagemaker, request, desired, described)


def _report_create(
    sagemaker: SageMakerClient, request: Request, desired: Model, described: Described | None
) -> ProgressEvent:
    if described is None:
        reason = _REUSED if translate.has_own_token(desired) else _DELETED_MEANWHILE
        return request.poll_at_most(MAX_UNKNOWN_ARN_SECONDS, f"{_UNKNOWN_ARN}{reason}")
    match stabilize.state_of(described):
        case State.WORKING:
            return _wait(request, described)
        case State.READY:
            return success(_model(sagemaker, described))
        case _:
            raise NotStabilized(stabilize.explain(described, request.redact))


@resource.handler(Action.READ)
def read_handler(_session: Any, request: Request, _callback: Callback) -> ProgressEvent:
    """Return the package as it is.

    Raises:
        NotFound: there is no such package, or it is being deleted.
    """
    request.context.arn, sagemaker = _identifier(request), client.make(request)
    return success(_model(sagemaker, _require(request, _describe(sagemaker, request))))


@resource.handler(Action.UPDATE)
def update_handler(_session: Any, request: Request, _callback: Callback) -> ProgressEvent:
    """Change in place what can be changed, and wait until the package is ready again.

    Raises:
        InvalidRequest: the template breaks the schema, or no package can be what it says.
        NotUpdatable: only a new package can be it; nothing is written then.
        NotFound: there is no such package, or it is being deleted.
        NotStabilized: the package was not ready in time.
    """
    previous = None if request.previous is None else translate.parse_known(request.previous)
    desired = validation.parse_update(request.desired, previous, request.stack_tags)
    request.context.arn = _identifier(request)
    return _advance_update(client.make(request), request, desired, previous)


def _advance_update(
    sagemaker: SageMakerClient, request: Request, desired: Model, previous: Model | None
) -> ProgressEvent:
    """Make the update's calls once the package is not busy, unless they are made, and report.

    | stage | package busy | ready or failed |
    | --- | --- | --- |
    | none | WAITING | calls are made: WRITTEN, or the end where there are none |
    | WAITING, WRITING | waits | calls are made: WRITTEN, or the end where there are none left |
    | WRITTEN | waits | the end |
    """
    context = request.context
    described = _require(request, _describe(sagemaker, request))
    may_write = stabilize.is_idle(described) and context.stage != Stage.WRITTEN
    if may_write and _write(sagemaker, request, desired, previous, described):
        context.stage, context.polls = Stage.WRITTEN, 0
        described = _require(request, _describe(sagemaker, request))
    return _report_update(sagemaker, request, desired, previous, described)


def _report_update(
    sagemaker: SageMakerClient, request: Request, desired: Model, previous: Model | None, described: Described
) -> ProgressEvent:
    state = stabilize.state_of(described)
    if state is State.WORKING:
        request.context.stage = request.context.stage or Stage.WAITING
        return _wait(request, described)
    notes = [stabilize.explain(described, request.redact)] if state is State.FAILED else []
    model = _model(sagemaker, described)
    kept = changes.not_removable(desired, previous, model)
    if kept:
        notes.append(f"SageMaker cannot remove additional specifications: {', '.join(kept)} stay")
    return success(model, ". ".join(notes))


def _write(
    sagemaker: SageMakerClient, request: Request, desired: Model, previous: Model | None, described: Described
) -> bool:
    """Make the calls of the update, as few as possible; whether there were any."""
    context = request.context
    live = translate.to_model(described, (), stabilize.status_item(described))
    plan = changes.plan(desired, previous, live)
    tag_change = _tag_change(sagemaker, request, desired, previous, live)
    if plan.probe:
        _try(sagemaker, request, plan.probe)
    if context.stage == Stage.WRITING:
        request.failure_note = _HALF_DONE
    if plan.update:
        _send(sagemaker, request, plan.update)
        context.stage, request.failure_note = Stage.WRITING, _HALF_DONE
    for write in tags.writes(sagemaker, context.arn, tag_change):
        write()
        context.stage, request.failure_note = Stage.WRITING, _HALF_DONE
    request.failure_note = ""
    return bool(plan or tag_change)


def _send(sagemaker: SageMakerClient, request: Request, change: Model) -> None:
    """Make a change; a refusal of what an attempt without an answer has done counts as success."""
    try:
        sagemaker.update_model_package(
            **translate.update_arguments(request.context.arn, change, request.token)
        )
    except errors.API_ERRORS as error:
        may_be_done = errors.is_refusal(error) and errors.was_repeated(error)
        if not (may_be_done and changes.is_done(change, _describe(sagemaker, request) or {})):
            raise


def _try(sagemaker: SageMakerClient, request: Request, probe: changes.Probe) -> None:
    """Make a change that the service may refuse; NotUpdatable only if the package is as it was."""

    def send(change: Model) -> None:
        _send(sagemaker, request, change)
        # An error that comes now is followed by another poll: the package shall not stay half changed.
        request.context.stage = Stage.WRITING

    begun = probe.begun or request.context.stage == Stage.WRITING
    for position, change in enumerate(probe.calls):
        is_half_done = begun or position > 0
        try:
            send(change)
        except errors.API_ERRORS as error:
            may_be_done = probe.last_call_blocks_first and errors.is_refusal(error)
            if may_be_done and changes.is_done(change, _describe(sagemaker, request) or {}):
                continue
            if is_half_done:
                request.failure_note = f"{probe.property} is half changed"
            if not errors.is_refusal(error) or (is_half_done and probe.undo is None):
                raise
            if is_half_done and probe.undo:
                send(probe.undo)
                request.failure_note = ""
            refusal = errors.message_of(error, request.redact)
            raise NotUpdatable(f"{probe.property} cannot be updated in place: {refusal}") from error


def _tag_change(
    sagemaker: SageMakerClient, request: Request, desired: Model, previous: Model | None, live: Model
) -> tags.Difference:
    if translate.is_versioned(live):
        return tags.Difference()
    desired_tags = tags.merged(desired.get(translate.TAGS), request.stack_tags)
    previous_tags: tags.Tags = {}
    if previous is not None:
        previous_tags = tags.merged(previous.get(translate.TAGS), request.previous_stack_tags)
    if desired_tags == previous_tags:
        return tags.Difference()
    return tags.difference(previous_tags, desired_tags, tags.read(sagemaker, live[translate.IDENTIFIER]))


@resource.handler(Action.DELETE)
def delete_handler(_session: Any, request: Request, _callback: Callback) -> ProgressEvent:
    """Delete the package and wait until it is gone.

    Raises:
        NotFound: there was no such package to begin with.
        NotStabilized: the delete was accepted without effect, or the package was not gone in time.
    """
    request.context.arn = _identifier(request)
    return _advance_delete(client.make(request), request)


def _advance_delete(sagemaker: SageMakerClient, request: Request) -> ProgressEvent:
    """Delete the package once it is not busy, unless that is done, and report.

    | stage | package absent | busy | being deleted | ready or failed |
    | --- | --- | --- | --- | --- |
    | none | NotFound | WAITING | DELETING | delete is called: DELETING |
    | WAITING | the end | waits | DELETING | delete is called: DELETING |
    | DELETING | the end | waits | waits | waits a minute |
    """
    context = request.context
    described = _describe(sagemaker, request, metadata_only=True)
    if described is None and context.stage is None:
        raise NotFound(TYPE_NAME, context.arn)
    if described and stabilize.is_idle(described) and context.stage != Stage.DELETING:
        _delete(sagemaker, request)
        context.stage, context.polls = Stage.DELETING, 0
        described = _describe(sagemaker, request, metadata_only=True)
    return _report_delete(request, described)


def _report_delete(request: Request, described: Described | None) -> ProgressEvent:
    if described is None:
        return success()
    match request.context.stage, stabilize.state_of(described):
        case _, State.READY | State.FAILED:
            return request.poll_at_most(MAX_IGNORED_DELETE_SECONDS, _IGNORED_DELETE)
        case _, State.DELETING:
            request.context.stage = Stage.DELETING
        case None, State.WORKING:
            request.context.stage = Stage.WAITING
    return _wait(request, described)


def _delete(sagemaker: SageMakerClient, request: Request) -> None:
    """Call delete; an answer that the package is being deleted, or gone, counts as success.

    It was there a moment ago: either an answer was lost or another client was faster.
    """
    try:
        sagemaker.delete_model_package(**translate.delete_arguments(request.context.arn))
    except errors.API_ERRORS as error:
        if errors.is_absent(error):
            return
        if errors.is_conflict(error):
            described = _describe(sagemaker, request, metadata_only=True)
            if described is None or stabilize.is_deleting(described):
                return
        raise


@resource.handler(Action.LIST)
def list_handler(_session: Any, request: Request, _callback: Callback) -> ProgressEvent:
    """Return one page of identifiers, of all packages or of a group's.

    Raises:
        InvalidRequest: the group's name is none.
    """
    filters = translate.parse_only(request.desired, translate.GROUP)
    constraints.check(filters)
    sagemaker = client.make(request)
    answer = sagemaker.list_model_packages(
        **translate.list_arguments(filters.get(translate.GROUP), request.next_token)
    )
    # To read, a package that is being deleted is not found, so a list leaves it out.
    kept = [each for each in translate.summaries(answer) if not stabilize.is_deleting(each)]
    return page([translate.to_identifier(each) for each in kept], translate.next_token(answer))


def _identifier(request: Request) -> str:
    arn = translate.parse_only(request.desired, translate.IDENTIFIER).get(translate.IDENTIFIER)
    # The contract tests update a model that was never created and expect just this. Describe would take a
    # name, too, but then one package would have two identifiers.
    if not str(arn).startswith("arn:"):
        raise NotFound(TYPE_NAME, request.identifier)
    return str(arn)


def _describe(
    sagemaker: SageMakerClient, request: Request, *, metadata_only: bool = False
) -> Described | None:
    """The request's package, or None when there is none.

    `metadata_only` needs no key: a package whose key is disabled or not the caller's can still be deleted.
    """
    arguments = translate.describe_arguments(request.context.arn, metadata_only=metadata_only)
    try:
        described: Described = sagemaker.describe_model_package(**arguments)
    except errors.API_ERRORS as error:
        if errors.is_absent(error):
            request.not_found_message = errors.message_of(error, request.redact)
            return None
        raise
    request.described.append(described)
    return described


def _require(request: Request, described: Described | None) -> Described:
    if described is None or stabilize.is_deleting(described):
        raise NotFound(TYPE_NAME, request.context.arn)
    return described


def _model(sagemaker: SageMakerClient, described: Described) -> Model:
    """The full model; only unversioned packages have tags to ask for."""
    package_tags = (
        {} if translate.is_versioned(described) else tags.read(sagemaker, translate.arn_of(described))
    )
    return translate.to_model(described, tags.as_list(package_tags), stabilize.status_item(described))


def _wait(request: Request, described: Described) -> ProgressEvent:
    hours = request.context.seconds() / 3600
    too_long = f"{stabilize.explain(described, request.redact)}, after {hours:.0f} hours"
    request.context.failed_polls = 0
    return request.poll_again(NotStabilized(too_long))
