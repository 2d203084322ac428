"""The five functions CloudFormation calls.

Each reads the request, makes the calls in order and returns one event. Create, update and delete describe the
package, make the calls that its state and the operation's stage ask for, and report what came of them: an
IN_PROGRESS event has CloudFormation call again, and the next invocation goes on from the stage.

Beside the exceptions that their docstrings name, all five raise what a call raises (`errors.API_ERRORS`) and
InvalidCredentials; `resource` makes events of all of them.
"""

from __future__ import annotations

import typing
from collections.abc import MutableMapping
from typing import Any

from cloudformation_cli_python_lib import Action, ProgressEvent
from cloudformation_cli_python_lib.exceptions import InvalidRequest, NotFound, NotStabilized

from . import calls, changes, client, constraints, errors, removals, stabilize, tags, translate, validation
from .calls import Described
from .request import PlainModel, Request, Stage, page, success
from .resource import CodedResource
from .stabilize import State
from .timing import (
    MAX_CLOCK_SKEW_SECONDS,
    MAX_IGNORED_DELETE_SECONDS,
    MAX_TOKEN_AGE_SECONDS,
    MAX_UNKNOWN_ARN_SECONDS,
)
from .translate import Model

if typing.TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

TYPE_NAME = "AWS::SageMaker::ModelPackage"

Callback = MutableMapping[str, Any]

# Beside the error of an update that is refused a part of itself.
_HALF_DONE = "Part of the update is done, and the same update, sent again, does the rest"
# Of an ARN that stays unknown after a create, and after an update.
_UNKNOWN_ARN = "SageMaker returned this ARN but does not know it"
_UNKNOWN_AFTER_UPDATE = (
    "SageMaker does not know the package any more since it was updated: it may have been deleted meanwhile"
)
_DELETED_MEANWHILE = ": the package may have been deleted meanwhile. Repeat the operation"
_REUSED = (
    "A ClientToken that was used before brings back the ARN of its first package, even a deleted one: give"
    " ClientToken a new value or leave it out"
)
# Of a delete without effect.
_IGNORED_DELETE = "SageMaker accepted the delete but the package stays"

resource = CodedResource(TYPE_NAME, PlainModel)
test_entrypoint = resource.test_entrypoint


@resource.handler(Action.CREATE)
def create_handler(_session: Any, request: Request, _callback: Callback) -> ProgressEvent:
    """Register the package once, however often the event arrives, and wait until it is complete.

    Raises:
        InvalidRequest: the template breaks the schema, or SageMaker refuses its properties together.
        NotStabilized: the package failed, or was not visible in time.
    """
    context = request.context
    if context.arn and context.stage is not Stage.RETURNED:
        _remember_created(request)
    if context.arn:
        desired = translate.parse(request.desired)
    else:
        desired = validation.parse_create(request.desired, request.stack_tags)
    sagemaker = client.make(request)
    if not context.arn:
        context.arn = _register(sagemaker, request, desired)
        if translate.has_own_token(desired):
            context.stage = Stage.RETURNED
        else:
            _remember_created(request)
    try:
        return _finish_create(sagemaker, request, desired)
    except errors.API_ERRORS as error:
        if errors.is_absent(error, context.arn):
            return _wait_until_known(request)
        raise


def _remember_created(request: Request) -> None:
    """From here on a failure carries the model, so that CloudFormation deletes what it leaves behind."""
    request.created = translate.with_arn(request.desired, request.context.arn)


def _register(sagemaker: SageMakerClient, request: Request, desired: Model) -> str:
    """Call create; the ARN of the package."""
    if not request.token:
        raise InvalidRequest(
            "the request carries no token, so a repeated create could register a second package"
        )
    package_tags: tags.Tags = {}
    if not translate.is_versioned(desired):
        package_tags = tags.merged(desired.get(translate.TAGS), request.stack_tags)
    arguments = _create_arguments(request, desired, package_tags)
    try:
        return translate.arn_of(sagemaker.create_model_package(**arguments))
    except errors.API_ERRORS as error:
        if translate.has_own_token(desired) and errors.is_conflict(error):
            raise InvalidRequest(
                f"{_REUSED}. SageMaker says: {errors.message_of(error, request.redact)}"
            ) from error
        raise


def _create_arguments(request: Request, desired: Model, package_tags: tags.Tags) -> Model:
    name = translate.generated_name(request.stack_id, request.logical_id, request.token)
    return translate.create_arguments(desired, name, tags.as_list(package_tags), request.token)


def _finish_create(sagemaker: SageMakerClient, request: Request, desired: Model) -> ProgressEvent:
    """Make the updates that create's missing arguments need, once the package is ready, and report."""
    if request.context.stage is Stage.RETURNED:
        request.failure_note = (
            f"The template's ClientToken brought {request.context.arn}, which may be another resource's"
            " package, so it stays"
        )
    described = calls.describe(sagemaker, request)
    if described and request.context.stage is Stage.RETURNED:
        _check_owner(request, desired, described)
    done: Model = {}
    while (
        described
        and stabilize.state_of(described) is State.READY
        and not translate.is_replaced_by_source(desired, described)
    ):
        missing = translate.missing_after_create(desired, {**described, **done})
        if not missing:
            break
        calls.send(sagemaker, request, missing)
        request.settle()
        done.update(missing)
        if translate.may_derive_specification(missing):
            described = calls.describe_with_source(sagemaker, request, missing["SourceUri"])
        else:
            described = calls.describe(sagemaker, request)
    return _report_create(sagemaker, request, desired, described)


def _check_owner(request: Request, desired: Model, described: Described) -> None:
    """Take the package for this resource's, unless the template's ClientToken brought back another one.

    Raises:
        InvalidRequest: it is another resource's, or an old one.
    """
    seconds = request.context.since - translate.created_at(described)
    names = changes.other_values(
        desired,
        _create_arguments(request, desired, {}),
        described,
        is_older=seconds > MAX_CLOCK_SKEW_SECONDS,
    )
    request.failure_note = ""
    if names or seconds > MAX_TOKEN_AGE_SECONDS:
        values = f", and has another {errors.join(names, ', ', 200)}" if names else ""
        raise InvalidRequest(
            f"ClientToken brought back {request.context.arn}, which was created"
            f" {max(0, seconds):.0f} seconds before this operation began{values}. {_REUSED}"
        )
    request.context.stage = None
    _remember_created(request)


def _report_create(
    sagemaker: SageMakerClient, request: Request, desired: Model, described: Described | None
) -> ProgressEvent:
    if described is None:
        return _wait_until_known(request)
    match stabilize.state_of(described):
        case State.WORKING:
            return _wait(request, described)
        case State.READY:
            _check_source(desired, described)
            return success(calls.read(sagemaker, described), tags.not_sent(desired.get(translate.TAGS)))
        case _:
            raise NotStabilized(stabilize.explain(described, request.redact))


def _check_source(desired: Model, described: Described) -> None:
    """Fail when SageMaker has put the SourceUri's specification in the place of the template's."""
    if translate.is_replaced_by_source(desired, described):
        raise NotStabilized(
            "SageMaker replaced the InferenceSpecification by that of SourceUri: give one of the two only"
        )


def _wait_until_known(request: Request) -> ProgressEvent:
    """Poll again for a package that Create returned and that a call does not know."""
    is_own = request.context.stage is Stage.RETURNED
    reason = f". {_REUSED}" if is_own else _DELETED_MEANWHILE
    return request.poll_at_most(MAX_UNKNOWN_ARN_SECONDS, f"{_UNKNOWN_ARN}{reason}")


@resource.handler(Action.READ)
def read_handler(_session: Any, request: Request, _callback: Callback) -> ProgressEvent:
    """Return the package as it is.

    Raises:
        NotFound: there is no such package, or it is being deleted.
    """
    request.context.arn, sagemaker = _identifier(request), client.make(request)
    return success(calls.read(sagemaker, _require(request, calls.describe(sagemaker, request))))


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
    try:
        return _advance_update(client.make(request), request, desired, previous)
    except errors.API_ERRORS as error:
        if request.context.has_written and errors.is_absent(error, request.context.arn):
            return request.poll_at_most(MAX_UNKNOWN_ARN_SECONDS, _UNKNOWN_AFTER_UPDATE)
        raise


def _advance_update(
    sagemaker: SageMakerClient, request: Request, desired: Model, previous: Model | None
) -> ProgressEvent:
    """Make the update's calls once the package is not busy, unless they are made, and report.

    | stage | package busy | ready or failed |
    | --- | --- | --- |
    | none | WAITING | calls are made: WRITTEN, or the end where there are none |
    | WAITING, WRITING | waits | calls are made: WRITTEN, or the end where there are none left |
    | WRITTEN | waits | the end |

    A package that is unknown after a call was made is waited for: read after write.
    """
    context = request.context
    request.failure_note = _HALF_DONE if context.stage is Stage.WRITING else ""
    described = calls.describe(sagemaker, request)
    if described is None and context.has_written:
        return request.poll_at_most(MAX_UNKNOWN_ARN_SECONDS, _UNKNOWN_AFTER_UPDATE)
    described = _require(request, described)
    may_write = stabilize.is_idle(described) and context.stage is not Stage.WRITTEN
    if may_write and _write(sagemaker, request, desired, previous, described):
        context.stage, context.polls = Stage.WRITTEN, 0
        described = calls.describe(sagemaker, request)
        if described is None:
            return request.poll_at_most(MAX_UNKNOWN_ARN_SECONDS, _UNKNOWN_AFTER_UPDATE)
        described = _require(request, described)
    return _report_update(sagemaker, request, desired, previous, described)


def _report_update(
    sagemaker: SageMakerClient, request: Request, desired: Model, previous: Model | None, described: Described
) -> ProgressEvent:
    context, state = request.context, stabilize.state_of(described)
    if state is State.WORKING:
        context.stage = context.stage or Stage.WAITING
        return _wait(request, described)
    notes = [stabilize.explain(described, request.redact)] if state is State.FAILED else []
    if notes and context.has_written and not context.was_failed:
        raise NotStabilized(f"since the update {notes[0]}")
    if changes.is_new_source(desired, previous):
        _check_source(desired, described)
    model = calls.read(sagemaker, described)
    notes.append(removals.message(desired, previous, model, *calls.merged_tags(request, desired, previous)))
    notes.append(tags.not_sent(desired.get(translate.TAGS)))
    return success(model, ". ".join(filter(None, notes)))


def _write(
    sagemaker: SageMakerClient, request: Request, desired: Model, previous: Model | None, described: Described
) -> bool:
    """Make the calls of the update, as few as possible; whether there were any."""
    context = request.context
    live = translate.to_model(described, (), stabilize.status_item(described))
    plan = changes.plan(desired, previous, live)
    tag_change = calls.tag_change(sagemaker, request, desired, previous, live)
    if not context.has_written:
        context.was_failed = stabilize.state_of(described) is State.FAILED
    is_written = bool(plan.source or plan.update or tag_change)
    if context.has_written and changes.is_new_source(desired, previous):
        _check_source(desired, described)
    if plan.probe:
        is_written = calls.try_probe(sagemaker, request, plan.probe) or is_written
    if plan.source:
        calls.send(sagemaker, request, plan.source)
        context.stage = Stage.WRITING
    if plan.sets_source and translate.SPECIFICATION in desired:
        _check_source(desired, calls.describe_with_source(sagemaker, request, desired["SourceUri"]))
    if context.stage is Stage.WRITING:
        request.failure_note = _HALF_DONE
    if plan.update:
        calls.send(sagemaker, request, plan.update)
        context.stage, request.failure_note = Stage.WRITING, _HALF_DONE
    for write in tags.writes(sagemaker, context.arn, tag_change):
        write()
        context.stage, request.failure_note = Stage.WRITING, _HALF_DONE
    request.settle()
    return is_written


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

    | stage | package absent | busy | being deleted | ready, failed, or of a status that is not known |
    | --- | --- | --- | --- | --- |
    | none | NotFound | WAITING | DELETING | delete is called: DELETING |
    | WAITING | the end | waits | DELETING | delete is called: DELETING |
    | DELETING | the end | waits | waits | waits a minute |
    """
    context = request.context
    described = calls.describe(sagemaker, request, metadata_only=True)
    if described is None and context.stage is None:
        raise NotFound(TYPE_NAME, context.arn)
    busy = (State.WORKING, State.DELETING)
    if described and stabilize.known_state_of(described) not in busy and context.stage is not Stage.DELETING:
        calls.delete(sagemaker, request)
        request.settle()
        context.stage, context.polls = Stage.DELETING, 0
        described = calls.describe(sagemaker, request, metadata_only=True)
    return _report_delete(request, described)


def _report_delete(request: Request, described: Described | None) -> ProgressEvent:
    if described is None:
        return success()
    match request.context.stage, stabilize.known_state_of(described):
        case _, State.READY | State.FAILED | None:
            return request.poll_at_most(MAX_IGNORED_DELETE_SECONDS, _IGNORED_DELETE)
        case _, State.DELETING:
            request.context.stage = Stage.DELETING
        case None, State.WORKING:
            request.context.stage = Stage.WAITING
    return _wait(request, described)


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


def _require(request: Request, described: Described | None) -> Described:
    if described is None or stabilize.is_deleting(described):
        raise NotFound(TYPE_NAME, request.context.arn)
    return described


def _wait(request: Request, described: Described) -> ProgressEvent:
    hours = request.context.seconds() / 3600
    too_long = f"{stabilize.explain(described, request.redact)}, after {hours:.0f} hours"
    request.context.failed_polls = 0
    return request.poll_again(NotStabilized(too_long))
