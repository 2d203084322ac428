"""The five functions CloudFormation calls.

Each reads the request, makes the calls in order and returns one event. What a call means, how long to wait
and what a property becomes is decided in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from cloudformation_cli_python_lib import Action, ProgressEvent
from cloudformation_cli_python_lib.exceptions import InvalidRequest, NotFound, NotStabilized, NotUpdatable

from . import changes, client, combinations, constraints, errors, stabilize, tags, timing, translate
from .models import ResourceModel
from .resource import DELETING, WAITING, WRITING, WRITTEN, CodedResource, Request, page, success
from .stabilize import State

TYPE_NAME = "AWS::SageMaker::ModelPackage"

Context = MutableMapping[str, Any]
Described = Mapping[str, Any]

# What an update that is denied a part of itself says beside the error.
_HALF_DONE = "Part of the update is done, and the same update, sent again, does the rest"
# What a create says of an ARN that stays unknown.
_UNKNOWN_ARN = "SageMaker returned this ARN but does not know it"
_USED_BEFORE = (
    ". A ClientToken that was used before brings back the ARN of its first package, even a deleted one: give"
    " ClientToken a new value or leave it out"
)
_DELETED_MEANWHILE = ": somebody may have deleted the package meanwhile. Repeat the operation"
# What a create that got no answer says beside the error.
_MAYBE_REGISTERED = (
    "SageMaker may have registered the package all the same: this request, sent again, finds it; another one"
    " registers another"
)


def _look_again(request: Request, error: Exception) -> ProgressEvent:
    """Once an action has begun, what disturbs it may pass: it goes on at the next look, a few times."""
    poll = request.poll
    poll.failed_looks += 1
    if not errors.is_passing(error) or poll.failed_looks >= timing.FAILING_LOOKS:
        raise error
    return _again(request, timing.delay(poll.looks), error)


resource = CodedResource(TYPE_NAME, ResourceModel, disturbed=_look_again, connect=client.connect)
test_entrypoint = resource.test_entrypoint


@resource.handler(Action.CREATE)
def create_handler(_session: Any, request: Request, _context: Context) -> ProgressEvent:
    """Register the package once, however often the event arrives, and wait until it is complete."""
    if request.poll.arn:
        _leaves(request, request.poll.arn)
    desired = translate.parse(request.desired)
    if not request.poll.arn:
        constraints.check(desired)
    sagemaker = client.make(request)
    if not request.poll.arn:
        _leaves(request, _register(sagemaker, request, desired))
    return _registered(sagemaker, request, desired)


def _leaves(request: Request, arn: str) -> None:
    """From here on a failure carries the model, so that CloudFormation deletes what it leaves behind."""
    request.poll.arn = arn
    request.created = translate.with_arn(request.desired, arn)


def _register(sagemaker: Any, request: Request, desired: translate.Model) -> str:
    if not request.token:
        raise InvalidRequest(
            "the request carries no token, so a repeated create could register a second package"
        )
    combinations.check_create(desired)
    package_tags: tags.Tags = {}
    if translate.is_versioned(desired):
        tags.refuse_on_version(desired.get(translate.TAGS), request.stack_tags)
    else:
        package_tags = tags.merged(desired.get(translate.TAGS), request.stack_tags)
    name = translate.generated_name(request.stack_id, request.logical_id, request.token)
    arguments = translate.create_arguments(desired, name, tags.as_list(package_tags), request.token)
    request.caveat = _MAYBE_REGISTERED
    try:
        answer = sagemaker.create_model_package(**arguments)
    except errors.API_ERRORS as error:
        if not errors.may_have_worked(error):
            request.caveat = ""
        raise
    request.caveat = ""
    return translate.arn_of(answer)


def _registered(sagemaker: Any, request: Request, desired: translate.Model) -> ProgressEvent:
    arn = request.poll.arn
    described = _describe(sagemaker, request, translate.named(arn))
    if described is None:
        why = _USED_BEFORE if translate.has_own_token(desired) else _DELETED_MEANWHILE
        return _wait_at_most(request, timing.LONGEST_UNKNOWN, f"{_UNKNOWN_ARN}{why}")
    waiting = _unready(request, described)
    rest = {} if waiting else translate.outstanding(desired, described)
    if rest:
        _send(sagemaker, request, rest)
        described = _describe(sagemaker, request, translate.named(arn)) or described
        waiting = _unready(request, described)
    return waiting or success(_model(sagemaker, described))


def _unready(request: Request, described: Described) -> ProgressEvent | None:
    """The event of a create that has to wait, None once it need not; NotStabilized if it came to nothing."""
    state = stabilize.state_of(described)
    if state is State.WORKING:
        return _wait(request, described)
    if state is not State.READY:
        raise NotStabilized(stabilize.explain(described, request.redacted))
    return None


@resource.handler(Action.READ)
def read_handler(_session: Any, request: Request, _context: Context) -> ProgressEvent:
    """Return the package as it is."""
    arn, sagemaker = _identifier(request), client.make(request)
    described = _describe(sagemaker, request, translate.named(arn))
    if described is None or stabilize.is_deleting(described):
        raise NotFound(TYPE_NAME, arn)
    return success(_model(sagemaker, described))


@resource.handler(Action.UPDATE)
def update_handler(_session: Any, request: Request, _context: Context) -> ProgressEvent:
    """Change in place what can be, or answer NotUpdatable before anything is written."""
    desired, request.poll.arn = translate.parse(request.desired), _identifier(request)
    previous = None if request.previous is None else translate.parse_known(request.previous)
    constraints.check(desired, previous)
    combinations.check_identity(desired)
    return _updated(client.make(request), request, desired, previous)


def _updated(
    sagemaker: Any, request: Request, desired: translate.Model, previous: translate.Model | None
) -> ProgressEvent:
    poll = request.poll
    described = _describe(sagemaker, request, translate.named(poll.arn))
    if described is None or stabilize.is_deleting(described):
        raise NotFound(TYPE_NAME, poll.arn)
    state = stabilize.state_of(described)
    if state is State.WORKING:
        poll.stage = poll.stage or WAITING
        return _wait(request, described)
    if poll.stage != WRITTEN and _write(sagemaker, request, desired, previous, described):
        poll.stage, poll.looks = WRITTEN, 0
        return _updated(sagemaker, request, desired, previous)
    notes = [stabilize.explain(described, request.redacted)] if state is State.FAILED else []
    model = _model(sagemaker, described)
    staying = changes.staying(desired, previous, model)
    if staying:
        notes.append(f"SageMaker cannot remove additional specifications: {', '.join(staying)} stay")
    return success(model, ". ".join(notes))


def _write(
    sagemaker: Any,
    request: Request,
    desired: translate.Model,
    previous: translate.Model | None,
    described: Described,
) -> bool:
    """Make the calls of the update, as few as possible; whether there were any."""
    arn, poll = request.poll.arn, request.poll
    live = translate.to_model(described, (), stabilize.status_item(described))
    plan = changes.plan(desired, previous, live)
    tag_change = _tag_change(sagemaker, request, desired, previous, live)
    if plan.probe:
        _try(sagemaker, request, plan.probe)
    if poll.stage == WRITING:
        request.caveat = _HALF_DONE
    if plan.update:
        _send(sagemaker, request, plan.update)
        poll.stage, request.caveat = WRITING, _HALF_DONE
    for write in tags.writes(sagemaker, arn, tag_change):
        write()
        poll.stage, request.caveat = WRITING, _HALF_DONE
    request.caveat = ""
    return bool(plan or tag_change)


def _send(sagemaker: Any, request: Request, change: translate.Model) -> None:
    """Make a change; being refused what an attempt without an answer has done is as good as an answer."""
    try:
        sagemaker.update_model_package(**translate.update_arguments(request.poll.arn, change, request.token))
    except errors.API_ERRORS as error:
        if errors.is_refusal(error) and errors.was_repeated(error):
            described = _describe(sagemaker, request, translate.named(request.poll.arn)) or {}
            if changes.is_done(change, described):
                return
        raise


def _try(sagemaker: Any, request: Request, probe: changes.Probe) -> None:
    """Make a change that the service may refuse; NotUpdatable only if the package is as it was."""

    def send(change: translate.Model) -> None:
        _send(sagemaker, request, change)
        # What disturbs the rest now is ridden out: a package shall not stay half changed.
        request.poll.stage = WRITING

    begun = probe.begun or request.poll.stage == WRITING
    for position, change in enumerate(probe.calls):
        half = begun or position > 0
        try:
            send(change)
        except errors.API_ERRORS as error:
            if probe.closes and errors.is_refusal(error):
                described = _describe(sagemaker, request, translate.named(request.poll.arn)) or {}
                if changes.is_done(change, described):
                    continue
            if half:
                request.caveat = f"{probe.property} is half changed"
            if not errors.is_refusal(error) or (half and probe.undo is None):
                raise
            if half and probe.undo:
                send(probe.undo)
                request.caveat = ""
            said = errors.words_of(error, request.redacted)
            raise NotUpdatable(f"{probe.property} cannot be updated in place: {said}") from error


def _tag_change(
    sagemaker: Any,
    request: Request,
    desired: translate.Model,
    previous: translate.Model | None,
    live: translate.Model,
) -> tags.Difference:
    if translate.is_versioned(live):
        tags.refuse_on_version(desired.get(translate.TAGS), request.stack_tags)
        return tags.Difference()
    wanted = tags.merged(desired.get(translate.TAGS), request.stack_tags)
    before = (
        {}
        if previous is None
        else tags.merged_known(previous.get(translate.TAGS), request.previous_stack_tags)
    )
    if wanted == before:
        return tags.Difference()
    return tags.difference(before, wanted, tags.read(sagemaker, live[translate.IDENTIFIER]))


@resource.handler(Action.DELETE)
def delete_handler(_session: Any, request: Request, _context: Context) -> ProgressEvent:
    """Delete the package and wait until it is gone."""
    request.poll.arn = _identifier(request)
    return _deleted(client.make(request), request)


def _deleted(sagemaker: Any, request: Request) -> ProgressEvent:
    poll = request.poll
    # A package whose key is disabled or not ours to use must still be deletable.
    described = _describe(sagemaker, request, translate.named_without_content(poll.arn))
    if described is None:
        if poll.stage is None:
            raise NotFound(TYPE_NAME, poll.arn)
        return success()
    state = stabilize.state_of(described)
    if state is State.DELETING:
        poll.stage = DELETING
        return _wait(request, described)
    if state is State.WORKING:
        # A package that is being validated cannot be deleted yet.
        poll.stage = poll.stage or WAITING
        return _wait(request, described)
    if poll.stage == DELETING:
        return _wait_at_most(
            request, timing.LONGEST_IGNORED_DELETE, "SageMaker accepted the delete but the package stays"
        )
    _delete(sagemaker, request)
    poll.stage, poll.looks = DELETING, 0
    return _deleted(sagemaker, request)


def _delete(sagemaker: Any, request: Request) -> None:
    """Call delete; being told that the package is on its way out, or gone, is as good as an answer.

    It was there a moment ago: either an answer was lost or somebody else was faster.
    """
    try:
        sagemaker.delete_model_package(**translate.named(request.poll.arn))
    except errors.API_ERRORS as error:
        if errors.is_absent(error):
            return
        if errors.is_conflict(error):
            found = _describe(sagemaker, request, translate.named_without_content(request.poll.arn))
            if found is None or stabilize.is_deleting(found):
                return
        raise


@resource.handler(Action.LIST)
def list_handler(_session: Any, request: Request, _context: Context) -> ProgressEvent:
    """Return one page of identifiers, of all packages or of a group's."""
    wanted = translate.parse_only(request.desired, translate.GROUP)
    constraints.check(wanted)
    sagemaker = client.make(request)
    answer = sagemaker.list_model_packages(
        **translate.list_arguments(wanted.get(translate.GROUP), request.next_token)
    )
    # Read calls a package not found once it is being deleted, so a list does not name it.
    found = [each for each in translate.summaries(answer) if not stabilize.is_deleting(each)]
    return page([translate.to_identifier(each) for each in found], translate.next_token(answer))


def _identifier(request: Request) -> str:
    arn = translate.parse_only(request.desired, translate.IDENTIFIER).get(translate.IDENTIFIER)
    # The contract tests update a model that was never created and want to hear just this. Describe would
    # take a name, too, but then one package would have two identifiers.
    if not str(arn).startswith("arn:"):
        raise NotFound(TYPE_NAME, request.identifier)
    return str(arn)


def _describe(sagemaker: Any, request: Request, arguments: translate.Model) -> Described | None:
    """The package, or None when there is none."""
    try:
        described: Described = sagemaker.describe_model_package(**arguments)
    except errors.API_ERRORS as error:
        if errors.is_absent(error):
            request.said = errors.words_of(error, request.redacted)
            return None
        raise
    request.described.append(described)
    return described


def _model(sagemaker: Any, described: Described) -> translate.Model:
    """The full model; only unversioned packages have tags to ask for."""
    package_tags = (
        {} if translate.is_versioned(described) else tags.read(sagemaker, translate.arn_of(described))
    )
    return translate.to_model(described, tags.as_list(package_tags), stabilize.status_item(described))


def _again(request: Request, pause: int, otherwise: Exception) -> ProgressEvent:
    """Ask to be called again, or raise the error once the time that the action may take is up.

    The desired model goes out and comes back, because the caller may send it as the next desired state.
    """
    poll = request.poll
    left = int(timing.LONGEST_OPERATION - timing.LAST_LOOK - poll.seconds())
    if left <= 0:
        raise otherwise
    return poll.again(translate.with_arn(request.desired, poll.arn), min(pause, left))


def _wait(request: Request, described: Described) -> ProgressEvent:
    poll = request.poll
    poll.failed_looks = 0
    too_long = NotStabilized(
        f"{stabilize.explain(described, request.redacted)}, after {poll.seconds() / 3600:.0f} hours"
    )
    return _again(request, timing.delay(poll.looks), too_long)


def _wait_at_most(request: Request, seconds: int, otherwise: str) -> ProgressEvent:
    """Wait for something to become visible; NotStabilized, saying what is wrong, when it does not in time."""
    poll = request.poll
    left = seconds - poll.unseen
    if left <= 0:
        raise NotStabilized(otherwise)
    pause = min(timing.delay(poll.looks), left)
    poll.unseen, poll.failed_looks = poll.unseen + pause, 0
    return _again(request, pause, NotStabilized(otherwise))
