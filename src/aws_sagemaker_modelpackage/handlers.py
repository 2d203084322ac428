"""The five functions CloudFormation calls.

Each reads the request, makes the calls in order and returns one event. What a call means, how long to wait
and what a property becomes is decided in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from cloudformation_cli_python_lib import Action, ProgressEvent
from cloudformation_cli_python_lib.exceptions import InvalidRequest, NotFound, NotStabilized, NotUpdatable

from . import changes, client, errors, stabilize, tags, translate
from .framework import CodedResource, Poll, Request, page, success
from .models import ResourceModel
from .stabilize import State

TYPE_NAME = "AWS::SageMaker::ModelPackage"

resource = CodedResource(TYPE_NAME, ResourceModel)
test_entrypoint = resource.test_entrypoint

Context = MutableMapping[str, Any]
Described = Mapping[str, Any]

# How far an action has come when it has to be called again.
WAITING = "waiting"
WRITTEN = "written"
DELETING = "deleting"


@resource.handler(Action.CREATE)
def create_handler(_session: Any, request: Request, context: Context) -> ProgressEvent:
    """Register the package once, however often the event arrives, and wait until it is complete."""
    desired, poll = translate.parse(request.desired), Poll.resume(context)
    sagemaker = client.make(request)
    if not poll.arn:
        poll.arn = _register(sagemaker, request, desired)
    # From here on a failure carries the model, so that CloudFormation deletes what it leaves behind.
    request.created = {**request.desired, translate.IDENTIFIER: poll.arn}
    try:
        return _registered(sagemaker, request, desired, poll)
    except errors.API_ERRORS as error:
        return _look_again(request, poll, error)


def _register(sagemaker: Any, request: Request, desired: translate.Model) -> str:
    if not request.token:
        raise InvalidRequest(
            "the request carries no token, so a repeated create could register a second package"
        )
    translate.check_create(desired)
    package_tags: tags.Tags = {}
    if translate.is_versioned(desired):
        tags.refuse_on_version(desired.get("Tags"), request.stack_tags)
    else:
        package_tags = tags.merged(desired.get("Tags"), request.stack_tags)
    name = translate.generated_name(request.stack_id, request.logical_id, request.token)
    arguments = translate.create_arguments(desired, name, tags.as_list(package_tags), request.token)
    return translate.arn_of(sagemaker.create_model_package(**arguments))


def _registered(sagemaker: Any, request: Request, desired: translate.Model, poll: Poll) -> ProgressEvent:
    described = _describe(sagemaker, request, translate.named(poll.arn))
    if described is None:
        return _wait_at_most(
            request,
            poll,
            stabilize.LONGEST_UNKNOWN,
            "SageMaker returned this ARN but does not know it. A ClientToken that was used before brings back"
            " the ARN of its first package, even a deleted one: give ClientToken a new value or leave it out",
        )
    state = stabilize.state_of(described)
    if state is State.WORKING:
        return _wait(request, poll)
    if state is not State.READY:
        raise NotStabilized(stabilize.explain(described))
    rest = translate.outstanding(desired, described)
    if rest:
        sagemaker.update_model_package(**translate.update_arguments(poll.arn, rest, request.token))
        described = _describe(sagemaker, request, translate.named(poll.arn)) or described
    return success(_model(sagemaker, described))


@resource.handler(Action.READ)
def read_handler(_session: Any, request: Request, _context: Context) -> ProgressEvent:
    """Return the package as it is."""
    arn, sagemaker = _identifier(request), client.make(request)
    described = _describe(sagemaker, request, translate.named(arn))
    if described is None or stabilize.is_deleting(described):
        raise NotFound(TYPE_NAME, arn)
    return success(_model(sagemaker, described))


@resource.handler(Action.UPDATE)
def update_handler(_session: Any, request: Request, context: Context) -> ProgressEvent:
    """Change in place what can be, or answer NotUpdatable before anything is written."""
    desired, poll = translate.parse(request.desired), Poll.resume(context)
    poll.arn = _identifier(request)
    translate.check_identity(desired)
    sagemaker = client.make(request)
    try:
        return _updated(sagemaker, request, desired, poll)
    except errors.API_ERRORS as error:
        if poll.stage is None:
            raise
        return _look_again(request, poll, error)


def _updated(sagemaker: Any, request: Request, desired: translate.Model, poll: Poll) -> ProgressEvent:
    described = _describe(sagemaker, request, translate.named(poll.arn))
    if described is None or stabilize.is_deleting(described):
        raise NotFound(TYPE_NAME, poll.arn)
    state = stabilize.state_of(described)
    if state is State.WORKING:
        poll.stage = poll.stage or WAITING
        return _wait(request, poll)
    if poll.stage != WRITTEN and _write(sagemaker, request, desired, poll.arn, described):
        poll.stage, poll.looks = WRITTEN, 0
        return _updated(sagemaker, request, desired, poll)
    note = stabilize.explain(described) if state is State.FAILED else ""
    return success(_model(sagemaker, described), note)


def _write(
    sagemaker: Any, request: Request, desired: translate.Model, arn: str, described: Described
) -> bool:
    """Make the calls of the update, as few as possible; whether there were any."""
    previous = None if request.previous is None else translate.parse_known(request.previous)
    live = translate.to_model(described, (), stabilize.status_item(described))
    plan = changes.plan(desired, previous, live)
    tag_change = _tag_change(sagemaker, request, desired, previous, live)
    if plan.probe:
        _try(sagemaker, request, arn, plan.probe)
    if plan.update:
        sagemaker.update_model_package(**translate.update_arguments(arn, plan.update, request.token))
    if tag_change:
        tags.apply(sagemaker, arn, tag_change)
    return bool(plan or tag_change)


def _try(sagemaker: Any, request: Request, arn: str, probe: changes.Probe) -> None:
    """Make a change that the service may refuse; a refusal leaves the package as it was."""
    for position, change in enumerate(probe.calls):
        try:
            sagemaker.update_model_package(**translate.update_arguments(arn, change, request.token))
        except errors.API_ERRORS as error:
            if not errors.is_refusal(error):
                raise
            if position and probe.undo:
                sagemaker.update_model_package(**translate.update_arguments(arn, probe.undo, request.token))
            raise NotUpdatable(
                f"{probe.property} cannot be updated in place: {errors.words_of(error)}"
            ) from error


def _tag_change(
    sagemaker: Any,
    request: Request,
    desired: translate.Model,
    previous: translate.Model | None,
    live: translate.Model,
) -> tags.Difference:
    if translate.is_versioned(live):
        tags.refuse_on_version(desired.get("Tags"), request.stack_tags)
        return tags.Difference()
    wanted = tags.merged(desired.get("Tags"), request.stack_tags)
    before = {} if previous is None else tags.merged(previous.get("Tags"), request.previous_stack_tags)
    if wanted == before:
        return tags.Difference()
    return tags.difference(before, wanted, tags.read(sagemaker, live[translate.IDENTIFIER]))


@resource.handler(Action.DELETE)
def delete_handler(_session: Any, request: Request, context: Context) -> ProgressEvent:
    """Delete the package and wait until it is gone."""
    poll = Poll.resume(context)
    poll.arn = _identifier(request)
    sagemaker = client.make(request)
    try:
        return _deleted(sagemaker, request, poll)
    except errors.API_ERRORS as error:
        if poll.stage is None:
            raise
        return _look_again(request, poll, error)


def _deleted(sagemaker: Any, request: Request, poll: Poll) -> ProgressEvent:
    # A package whose key is disabled or not ours to use must still be deletable.
    described = _describe(sagemaker, request, translate.named_without_content(poll.arn))
    if described is None:
        if poll.stage is None:
            raise NotFound(TYPE_NAME, poll.arn)
        return success()
    state = stabilize.state_of(described)
    if state is State.DELETING:
        poll.stage = DELETING
        return _wait(request, poll)
    if state is State.WORKING:
        # A package that is being validated cannot be deleted yet.
        poll.stage = poll.stage or WAITING
        return _wait(request, poll)
    if poll.stage == DELETING:
        return _wait_at_most(
            request,
            poll,
            stabilize.LONGEST_IGNORED_DELETE,
            "SageMaker accepted the delete but the package stays",
        )
    try:
        sagemaker.delete_model_package(**translate.named(poll.arn))
    except errors.API_ERRORS as error:
        # It was there a moment ago: either an answer was lost or somebody else was faster.
        if not errors.is_absent(error):
            raise
        return success()
    poll.stage, poll.looks = DELETING, 0
    return _deleted(sagemaker, request, poll)


@resource.handler(Action.LIST)
def list_handler(_session: Any, request: Request, _context: Context) -> ProgressEvent:
    """Return one page of identifiers, of all packages or of a group's."""
    group = translate.parse_only(request.desired, translate.GROUP).get(translate.GROUP)
    sagemaker = client.make(request)
    answer = sagemaker.list_model_packages(**translate.list_arguments(group, request.next_token))
    # Read calls a package not found once it is being deleted, so a list does not name it.
    found = [each for each in translate.summaries(answer) if not stabilize.is_deleting(each)]
    return page([translate.to_identifier(each) for each in found], translate.next_token(answer))


def _identifier(request: Request) -> str:
    arn = translate.parse_only(request.desired, translate.IDENTIFIER).get(translate.IDENTIFIER)
    if not arn:
        # The contract tests update a model that was never created and want to hear just this.
        raise NotFound(TYPE_NAME, request.identifier)
    return str(arn)


def _describe(sagemaker: Any, request: Request, arguments: translate.Model) -> Described | None:
    """The package, or None when there is none."""
    try:
        described: Described = sagemaker.describe_model_package(**arguments)
    except errors.API_ERRORS as error:
        if errors.is_absent(error):
            return None
        raise
    request.quotable.append(described)
    return described


def _model(sagemaker: Any, described: Described) -> translate.Model:
    """The full model; only unversioned packages have tags to ask for."""
    package_tags = (
        {} if translate.is_versioned(described) else tags.read(sagemaker, translate.arn_of(described))
    )
    return translate.to_model(described, tags.as_list(package_tags), stabilize.status_item(described))


def _wait(request: Request, poll: Poll) -> ProgressEvent:
    poll.failed_looks = 0
    return poll.again(request.desired, stabilize.delay(poll.looks))


def _wait_at_most(request: Request, poll: Poll, seconds: int, otherwise: str) -> ProgressEvent:
    """Wait for something to become visible; NotStabilized, saying what is wrong, when it does not in time."""
    left = seconds - poll.waited
    if left <= 0:
        raise NotStabilized(otherwise)
    pause = min(stabilize.delay(poll.looks), left)
    poll.waited += pause
    poll.failed_looks = 0
    return poll.again(request.desired, pause)


def _look_again(request: Request, poll: Poll, error: Exception) -> ProgressEvent:
    """A look that failed is repeated a few times if what disturbed it may pass."""
    poll.failed_looks += 1
    if not errors.is_passing(error) or poll.failed_looks >= stabilize.FAILING_LOOKS:
        raise error
    return poll.again(request.desired, stabilize.delay(poll.looks))
