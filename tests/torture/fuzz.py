"""Fuzzed handler events: strategies for events of every action with odd parts, and the checks of answers.

One example is a way in which SageMaker behaves, and a few events that are sent one after the other. They meet
the packages of `prepare`: living, dead and unfinished ones.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

from cloudformation_cli_python_lib import Action
from hypothesis import strategies as st

from aws_sagemaker_modelpackage.request import CallbackContext
from sandbox.shared.settings import ACCOUNT, REGION, TYPE_NAME

from .paths import Keys, all_places, put, remove, text_of
from .templates import complete
from .violations import (
    DEEP_LIST,
    DEEP_OBJECT,
    HUGE_CHARACTERS,
    READ_ONLY,
    SECRET,
    SERVICE_OWNED,
    UNVERSIONED,
    VERSION,
)
from .world import (
    CALLER_CREDENTIALS,
    CODES,
    ENTRY_POINTS,
    GROUPS,
    MAX_MESSAGE_CHARACTERS,
    WRITES,
    Json,
    World,
    check_event,
    package,
    sam_event,
)

Strategy = st.SearchStrategy[Any]

ACTIONS = frozenset(action.name for action in Action)
STAGES = ("returned", "waiting", "writing", "written", "deleting")
_COUNTS = tuple(each.name for each in fields(CallbackContext) if each.type == "int")


# --- what is there ----------------------------------------------------------------------------------


def _arn(name: str, region: str = REGION) -> str:
    return f"arn:aws:sagemaker:{region}:{ACCOUNT}:model-package/{name}"


LIVING = (_arn(f"{GROUPS[0]}/1"), _arn(f"{GROUPS[0]}/2"), _arn("finished"), _arn("unfinished"))
DEAD = (_arn(f"{GROUPS[0]}/3"), _arn("absent"))
BEHAVIOURS: tuple[Json, ...] = (
    {},
    {"describes_until_completed": 0},
    {"visible_after_describes": 1},
    {"delete_describes": 2},
    {"status_override": "Archived"},
    {"inference_specification_replaceable": True},
    {"unversioned_updatable": False},
    {"conflict_while_validating": True},
)
_SPECIFICATION = {"InferenceSpecification": package(ModelPackageName="any")["InferenceSpecification"]}


def prepare(world: World, behaviour: Json) -> None:
    """Have SageMaker store the packages that an example begins with, and behave in this way from then on."""
    world.reset()
    for members in ({}, {"CustomerMetadataProperties": {"team": "risk"}}, {}):
        world.put(**_SPECIFICATION, **members)
    for name in ("finished", "unfinished"):
        world.put(ModelPackageName=name)
    world.call("DeleteModelPackage", ModelPackageName=DEAD[0])
    for _ in range(3):
        world.call("DescribeModelPackage", ModelPackageName=LIVING[2])
    for name, value in behaviour.items():
        setattr(world.sagemaker.behaviour, name, value)


# --- valid events -----------------------------------------------------------------------------------

_CHANGES: tuple[Json, ...] = (
    {},
    {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"},
    {"CustomerMetadataProperties": {"team": "fraud", "new": "one"}},
    {"AdditionalInferenceSpecificationsToAdd": [{"Name": "more", "Containers": [{"Image": "i"}]}]},
    {"ModelCard": {"ModelCardStatus": "Draft", "ModelCardContent": "{}"}},
    {"SourceUri": "s3://models/source"},
    {"Environment": {"MODE": "fast"}},
    {"ModelPackageDescription": "another one"},
    {"Domain": "MACHINE_LEARNING"},
    {"SamplePayloadUrl": "s3://models/payload"},
    {"Tags": [{"Key": "team", "Value": "risk"}]},
)
# A version with the members that only SageMaker sets.
_OWNED_BY_SAGEMAKER = sorted(READ_ONLY - {"ModelPackageArn"} | SERVICE_OWNED)
_DESCRIBED = package(ModelPackageArn=LIVING[0], **{name: complete((name,)) for name in _OWNED_BY_SAGEMAKER})
_NAMES = st.sampled_from(("name-1", "name-2", "finished", "unfinished"))
_TEMPLATES = st.one_of(
    st.builds(
        lambda group, change: package(ModelPackageGroupName=group, **change),
        *map(st.sampled_from, (GROUPS, _CHANGES)),
    ),
    _NAMES.map(lambda name: package(ModelPackageName=name)),
    st.sampled_from((package(ModelPackageGroupName=None), VERSION, _DESCRIBED)),
    _NAMES.map(lambda name: {**UNVERSIONED, "ModelPackageName": name}),
)
_SELDOM = st.sampled_from((False, False, False, False, True))


@st.composite
def _valid_events(draw: st.DrawFn, world: World) -> Json:
    action = draw(st.sampled_from(("READ", "LIST", "DELETE", *["CREATE"] * 2, *["UPDATE"] * 3)))
    arn = draw(st.sampled_from((*LIVING, *LIVING, *DEAD)))
    known, previous, context = {"ModelPackageArn": arn}, None, None
    if action == "CREATE":
        desired = draw(_TEMPLATES)
    elif action == "LIST":
        desired = draw(st.sampled_from((None, {}, *({"ModelPackageGroupName": group} for group in GROUPS))))
    elif action == "UPDATE":
        name = {} if GROUPS[0] in arn else {"ModelPackageName": arn.rsplit("/", 1)[1]}
        whole = {**package(**name), **_SPECIFICATION, **known}
        previous = draw(st.sampled_from((None, whole)))
        desired = {**whole, **draw(st.sampled_from(_CHANGES))}
    else:
        desired = draw(st.sampled_from((known, {**_DESCRIBED, **known})))
    if action in ("CREATE", "UPDATE", "DELETE") and draw(_SELDOM):
        stage = draw(st.sampled_from(({}, *({"stage": stage} for stage in STAGES))))
        context = {"arn": draw(st.sampled_from(LIVING)), _COUNTS[0]: draw(st.integers(0, 8)), **stage}
    tags = draw(st.sampled_from((None, {}, {"team": "risk", "aws:cloudformation:stack-name": "shop"})))
    token = f"fuzz-{draw(st.integers(0, 9))}"
    return world.event(action, desired, previous, context=context, token=token, stack_tags=tags)


# --- odd values -------------------------------------------------------------------------------------

_TEXT = st.text(st.characters(), max_size=20)
_ANY_JSON: Strategy = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=4,
)


def _odd(*values: Any) -> Strategy:
    return st.sampled_from(values) | st.sampled_from(values) | _ANY_JSON


_HUGE = "x" * HUGE_CHARACTERS
_NO_TEXT = "\ud800"
_ANYWHERE = _odd(
    *(
        None,
        {},
        [],
        "",
        "null",
        "true",
        "5",
        10**9,
        10**400,
        1e308,
        math.inf,
        math.nan,
        "\x00",
        _NO_TEXT,
        _HUGE,
    ),
    *("\u00e9", "\U0001f600", "a\nb", "<b>&'\"\\", "%s%n{0}", "../../etc/passwd", DEEP_OBJECT, DEEP_LIST),
    *({"a": None}, {"": ""}, {"Key": "a"}, {"Ref": "AWS::NoValue"}, ["x"] * 200, "${AWS::StackName}"),
    *("arn:aws:s3:::bucket", LIVING[0], DEAD[0], {f"k{n}": "v" for n in range(200)}),
)
_STACK_TAGS = _odd(
    *({"team": None}, {"team": 5}, {"aws:x": "y"}, {"AWS:x": "y"}, {"": ""}, {"k" * 200: "v"}),
    *({"k": "v" * 300}, {f"k{n}": "v" for n in range(60)}, {"a": {"b": 1}}, {"a": []}, [{"Key": "a"}]),
)
_ODD_NAMES = _odd(
    *("-a", "a-", "\u00e4", "a b", "a/b", "a" * 63, "a" * 64, "../..", "arn:aws:x", "\n", "a\n", "a\x00"),
    *(_NO_TEXT, GROUPS[0], "absent", "finished", _HUGE),
    f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/{GROUPS[0]}",
)
_IDENTIFIERS = _odd(
    *(*LIVING, *DEAD, _arn("churn/1", "eu-west-1"), _arn(""), _arn("churn/x"), "arn:", "arn:aws:sagemaker"),
    *(f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/churn", "arn:aws:s3:::bucket", "churn/1"),
    *(f"arn:{_NO_TEXT}", LIVING[0] + "\n", f" {LIVING[0]}", LIVING[0].upper(), _arn(_HUGE), _arn("\u00fc")),
    *("arn:" + _HUGE, "model-package"),
)
_REGIONS = _odd(
    *("", "nowhere", "eu-west-1", "r\u00e9union", "us east 1", "x" * 1_000, f"{REGION}\n", _NO_TEXT),
    *(REGION.upper(), "127.0.0.1/", "@evil.example", "cn-north-1", "us-gov-west-1", "aws-global"),
)
_ODD_CREDENTIALS: tuple[Any, ...] = ("", None, "\u00fc", _NO_TEXT, 5, [], "x" * 5_000)
_CREDENTIALS = _odd(
    *({}, {"accessKeyId": "A"}, {**CALLER_CREDENTIALS, "more": 1}),
    *({**CALLER_CREDENTIALS, name: odd} for name in CALLER_CREDENTIALS for odd in _ODD_CREDENTIALS),
    # Only the id of a key is no secret.
    {**CALLER_CREDENTIALS, "accessKeyId": "a\nb"},
    *[{**CALLER_CREDENTIALS, each: f"{SECRET}\n{SECRET}"} for each in ("secretAccessKey", "sessionToken")]
    * 4,
)
_ODD_COUNTS = _odd(0, 3, 4, 5, 59, 60, 10**9, 10**400, -5, "three", "3", 1.5, math.nan, math.inf, True)
CONTEXT_PARTS: dict[str, Strategy] = {
    "arn": _odd(*LIVING, *DEAD, "", _HUGE),
    "stage": _odd(*STAGES, "", "nonsense"),
    "was_failed": _odd(True, False, "true", 1),
    "unanswered": _odd(*sorted(WRITES), "", "DescribeModelPackage"),
    **dict.fromkeys(_COUNTS, _ODD_COUNTS),
    "unknown": _ANY_JSON,
    "self": st.just(1),
}
_ODD_PARTS = st.fixed_dictionaries({}, optional=CONTEXT_PARTS)
_CONTEXTS = st.one_of(
    _ODD_PARTS,
    *[st.builds(lambda arn, parts: {**parts, "arn": arn}, st.sampled_from(LIVING), _ODD_PARTS)] * 3,
    _odd([1], "somewhere", 7, DEEP_OBJECT, {}, {"": 1}),
)
_PROPERTIES = ("requestData", "resourceProperties")
# The parts of CloudFormation's event that have odd values of their own.
_PARTS: tuple[tuple[Keys, Strategy], ...] = (
    (("action",), _odd("NOPE", "create", "Create", "READ ", "", *sorted(ACTIONS))),
    (("bearerToken",), _odd("", "x" * 5_000, "\u00fcber", _NO_TEXT, " ", {"a": "b"}, "a\nb")),
    (("region",), _REGIONS),
    *[(("callbackContext",), _CONTEXTS)] * 4,
    (("nextToken",), _odd("", "\u00e9", _NO_TEXT, _HUGE, "WzEsIDJd", "a\nb")),
    (("requestData", "callerCredentials"), _CREDENTIALS),
    (("requestData", "stackTags"), _STACK_TAGS),
    (("requestData", "previousStackTags"), _STACK_TAGS),
    *[((*_PROPERTIES, "ModelPackageArn"), _IDENTIFIERS)] * 2,
    ((*_PROPERTIES, "ModelPackageName"), _ODD_NAMES),
    ((*_PROPERTIES, "ModelPackageGroupName"), _ODD_NAMES),
    ((*_PROPERTIES, "LastModifiedBy"), _odd(DEEP_OBJECT, DEEP_LIST, {"UserProfileName": _NO_TEXT})),
)


def _remaining(milliseconds: float) -> Any:
    return SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)


_LAMBDA_CONTEXTS: dict[str, Any] = {
    "none": None,
    "without the method": object(),
    "no time left": _remaining(0),
    "less than no time": _remaining(-100_000),
    "half a second": _remaining(500),
    "a minute": _remaining(60_000),
    "years": _remaining(10**12),
}


# --- fuzzed events ----------------------------------------------------------------------------------

_SHORT = reprlib.Repr()
_SHORT.maxlevel = 3
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


@dataclass(frozen=True)
class FuzzedEvent:
    """An event, and how often it is sent: CloudFormation repeats one whose answer is lost."""

    entry_point: str
    event: Any
    lambda_context: str
    times: int
    valid: Json
    edits: tuple[str, ...]
    """What was done to the valid event."""

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        """Print it for Hypothesis's report: without what every event has, and shortened."""
        data = self.valid["requestData"]
        parts = {name: value for name, value in data.items() if value and "Credentials" not in name}
        printer.text(
            f"<{self.valid['action']} through {self.entry_point}, sent {self.times} times, Lambda context"
            f" {self.lambda_context}, callback context {self.valid['callbackContext']}, {_SHORT.repr(parts)};"
            f" {', '.join(self.edits) or 'no edits'}>"
        )


@st.composite
def _odd_parts(draw: st.DrawFn) -> tuple[Keys, Any]:
    keys, values = draw(st.sampled_from(_PARTS))
    return keys, draw(values)


@st.composite
def _fuzzed_events(draw: st.DrawFn, world: World) -> FuzzedEvent:
    valid = event = draw(_valid_events(world))
    edits = []
    for keys, value in draw(st.lists(_odd_parts(), max_size=1)):
        event = put(event, keys, value)
        edits.append(f"put {text_of(keys)} {_SHORT.repr(value)}")
    entry_point = draw(st.sampled_from(ENTRY_POINTS))
    if entry_point == "test_entrypoint":
        event = sam_event(event)
    places = list(all_places(valid if entry_point == "resource" else sam_event(valid)))
    for keys, value in draw(st.lists(st.sampled_from(places), max_size=2)):
        how = draw(st.sampled_from(("put", "put", "put", "remove", "double"))) if keys else "put"
        name = text_of(keys) or "the event"
        if how == "put":
            new = draw(_ANYWHERE)
            event = put(event, keys, new)
            edits.append(f"put {name} {_SHORT.repr(new)}")
        elif how == "remove":
            event = remove(event, keys)
            edits.append(f"remove {name}")
        else:
            key = str(keys[-1])
            alike = draw(
                st.sampled_from((key.lower(), key.upper(), key.swapcase(), f"{key} ", f"{key}{_NO_TEXT}"))
            )
            event = put(event, (*keys[:-1], alike), value)
            edits.append(f"double {name} as {alike}")
    context = draw(st.sampled_from(list(_LAMBDA_CONTEXTS))) if draw(_SELDOM) else "none"
    return FuzzedEvent(entry_point, event, context, 2 if draw(_SELDOM) else 1, valid, tuple(edits))


def sequences(world: World) -> st.SearchStrategy[list[FuzzedEvent | None]]:
    """Events of every action through both entry points, most of them with edits.

    None, in place of an event, lets a failing sequence be shrunk. The events are declared unique, because
    else Hypothesis follows each example with five that only repeat parts of it.
    """
    event = st.one_of(st.none(), *[_fuzzed_events(world)] * 5)
    return st.lists(event, min_size=1, max_size=6, unique_by=id)


# --- checks -----------------------------------------------------------------------------------------


class Uncoded(AssertionError):
    """No event, or a failure without one of the contract's codes."""


class Unworded(AssertionError):
    """A failure whose message does not say what failed and why."""


# Names of Python's exceptions mean nothing to the author of a template, or of an event.
_PYTHON = re.compile(r"\b(Attribute|Index|Key|Overflow|Recursion|Type|Unicode\w*|Value)Error\b")
_SECRETS = (SECRET, CALLER_CREDENTIALS["secretAccessKey"], CALLER_CREDENTIALS["sessionToken"])


def outcomes(world: World, fuzzed: FuzzedEvent) -> Iterator[str]:
    """Send an event as often as it is to be sent and check every answer; yield its error code or status.

    Raises AssertionError for an answer, or for what became of the packages, that is not as it has to be.
    """
    before = _arns(world)
    action = fuzzed.event.get("action") if isinstance(fuzzed.event, dict) else None
    context = _LAMBDA_CONTEXTS[fuzzed.lambda_context]
    for _ in range(fuzzed.times):
        try:
            answer, printed = world.invoke_captured(fuzzed.event, fuzzed.entry_point, context)
        except Exception as error:
            raise Uncoded(f"{type(error).__name__} out of the entry point") from error
        _check_answer(answer, action)
        assert not any(secret in printed for secret in _SECRETS), "a secret is printed"
        new = _arns(world) - before
        assert len(new) <= (action == "CREATE"), f"{action} made {len(new)} packages"
        named = (answer.get("resourceModel") or {}).get("ModelPackageArn")
        # A package that the template's own token brought may be another resource's, so a message names it.
        message = answer.get("message") or ""
        is_worded = "ClientToken" in message and any(arn in message for arn in new)
        assert not new or named in new or is_worded, (
            f"the {answer['status']} event does not name the package it made"
        )
        yield answer.get("errorCode") or answer["status"]


def _arns(world: World) -> set[str]:
    return {each["ModelPackageArn"] for each in world.packages}


def _check_answer(answer: Any, action: Any) -> None:
    if not isinstance(answer, dict):
        raise Uncoded(f"no event but {type(answer).__name__}")
    message = answer.get("message") or ""
    if answer.get("status") == "FAILED":
        if answer.get("errorCode") not in CODES - {"InternalFailure"}:
            raise Uncoded(f"{answer.get('errorCode')}: {message}")
        known = isinstance(action, str) and action in ACTIONS
        if known and not message.startswith(f"{action} {TYPE_NAME} "):
            raise Unworded(f"the message of a known action begins {message[:90]!r}")
        if len(message.split()) < 4 or _PYTHON.search(message):
            raise Unworded(f"the message is {message!r}")
    if len(message) > MAX_MESSAGE_CHARACTERS or "Traceback" in message:
        raise Unworded("the message is too long, or a traceback")
    assert not any(secret in message for secret in _SECRETS), "a secret is in the message"
    if answer["status"] == "IN_PROGRESS":
        assert action in ("CREATE", "UPDATE", "DELETE"), f"{action} has to be answered at once"
    check_event(answer)
