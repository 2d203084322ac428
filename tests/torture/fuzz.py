"""Events as nobody sends them: valid ones of every action, bent anywhere, drawn from a seed.

Event `number` of a seed is always the same one, so a failure is told as these two. Events come in rounds;
each begins with the same packages, so that what fails can be tried again without all that came before.
"""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import json
import math
import random
import re
import reprlib
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from cloudformation_cli_python_lib import Action

from aws_sagemaker_modelpackage import handlers

from .violations import DEEP_LIST, DEEP_OBJECT, HUGE, SECRET, UNVERSIONED, VERSION, Keys, path_of
from .world import (
    ACCOUNT,
    CODES,
    CREDENTIALS,
    DOORS,
    GROUPS,
    LONGEST_MESSAGE,
    REGION,
    TYPE,
    Json,
    World,
    check_event,
    package,
)

Draw = Callable[[random.Random], Any]

ACTIONS = frozenset(action.name for action in Action)
STAGES = ("waiting", "writing", "written", "deleting")
"""How far an action may have come, as callback contexts say it."""
# Events between two fresh starts.
ROUND = 50
# Seconds of real time that no event may take; nothing in them waits for anybody.
LONGEST = 10.0
# Kinds of faults in a report; each takes a second to make small.
MOST_REPORTED = 40


def deliver(world: World, event: Any, door: str, lambda_context: Any = None) -> tuple[Any, str]:
    """What the entry point answers, and what it prints: the library has a traceback for every failure.

    Unlike `World.send` it takes nesting that JSON's writer refuses.
    """
    entry = handlers.resource if door == "stack" else handlers.test_entrypoint
    if door == "test" and isinstance(event, dict) and "requestData" in event:
        event = world.test_event(event)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        return entry(event, lambda_context), printed.getvalue()


# --- what is there ----------------------------------------------------------------------------------


def _arn(name: str, region: str = REGION) -> str:
    return f"arn:aws:sagemaker:{region}:{ACCOUNT}:model-package/{name}"


LIVING = (_arn(f"{GROUPS[0]}/1"), _arn(f"{GROUPS[0]}/2"), _arn("finished"), _arn("unfinished"))
DEAD = (_arn(f"{GROUPS[0]}/3"), _arn("nobody"))
_BEHAVIOURS: tuple[Json, ...] = (
    {},
    {"describes_until_completed": 0},
    {"visible_after_describes": 1},
    {"delete_describes": 2},
    {"status_override": "Archived"},
    {"inference_specification_replaceable": True},
    {"unversioned_updatable": False},
    {"conflict_while_validating": True},
)
_SPECIFICATION: Json = package(ModelPackageName="any")["InferenceSpecification"]


def begin_round(world: World, number: int) -> None:
    """The packages that a round begins with, and a way in which SageMaker behaves."""
    world.reset()
    members: tuple[Json, ...] = ({}, {"CustomerMetadataProperties": {"team": "risk"}}, {})
    for each in members:
        world.client.create_model_package(
            ModelPackageGroupName=GROUPS[0], InferenceSpecification=_SPECIFICATION, **each
        )
    for name in ("finished", "unfinished"):
        world.client.create_model_package(ModelPackageName=name, InferenceSpecification=_SPECIFICATION)
    world.client.delete_model_package(ModelPackageName=DEAD[0])
    for _ in range(3):
        world.client.describe_model_package(ModelPackageName=LIVING[2])
    for name, value in _BEHAVIOURS[number % len(_BEHAVIOURS)].items():
        setattr(world.sagemaker.behaviour, name, value)


# --- valid events -----------------------------------------------------------------------------------

_CHANGES: tuple[Json, ...] = (
    {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"},
    {"CustomerMetadataProperties": {"team": "fraud", "new": "one"}},
    {"AdditionalInferenceSpecificationsToAdd": [{"Name": "more", "Containers": [{"Image": "i"}]}]},
    {"ModelCard": {"ModelCardStatus": "Draft", "ModelCardContent": "{}"}},
    {"SourceUri": "s3://models/source"},
    {"Environment": {"MODE": "fast"}},
    {"ModelPackageDescription": "another one"},
    {"Tags": [{"Key": "team", "Value": "risk"}]},
    {},
)
# As SageMaker describes a version, with what nobody may set.
DESCRIBED: Json = {
    **package(),
    "ModelPackageArn": LIVING[0],
    "ModelPackageVersion": 1,
    "CreationTime": "2023-11-14T22:13:20+00:00",
    "ModelPackageStatus": "Completed",
    "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
    "CertifyForMarketplace": False,
    "ModelApprovalStatus": "PendingManualApproval",
    "CreatedBy": {"IamIdentity": {"Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b", "PrincipalId": "A"}},
    "LastModifiedTime": 1_700_000_000.0,
    "LastModifiedBy": {},
}


def _template(draw: random.Random) -> Json:
    base: Json = draw.choice(
        (
            package(),
            package(ModelPackageName=f"name-{draw.randrange(20)}"),
            package(ModelPackageGroupName=None),
            package(ModelPackageGroupName=draw.choice(GROUPS), **draw.choice(_CHANGES)),
            VERSION,
            {**UNVERSIONED, "ModelPackageName": f"scorer-{draw.randrange(20)}"},
            DESCRIBED,
        )
    )
    return copy.deepcopy(base)


def _event(draw: random.Random, token: str, world: World) -> Json:
    """A valid production event."""
    action = draw.choice(("CREATE", "CREATE", "UPDATE", "UPDATE", "READ", "DELETE", "LIST"))
    known = {"ModelPackageArn": draw.choice(LIVING if draw.random() < 0.8 else DEAD)}
    tags: Any = draw.choice((None, {}, {"team": "risk", "aws:cloudformation:stack-name": "shop"}))
    before: Any = None
    if action == "CREATE":
        desired: Any = _template(draw)
    elif action == "UPDATE":
        versioned = GROUPS[0] in known["ModelPackageArn"]
        name = None if versioned else known["ModelPackageArn"].rsplit("/", 1)[1]
        whole = package(**({} if versioned else {"ModelPackageName": name}))
        whole["InferenceSpecification"] = copy.deepcopy(_SPECIFICATION)
        before = draw.choice((None, {**whole, **known}))
        desired = {**whole, **copy.deepcopy(draw.choice(_CHANGES)), **known}
    elif action == "LIST":
        desired = draw.choice((None, {}, {"ModelPackageGroupName": draw.choice(GROUPS)}))
    else:
        desired = draw.choice((known, {**DESCRIBED, **known}))
    context: Any = None
    if action in ("CREATE", "UPDATE", "DELETE") and draw.random() < 0.2:
        context = {"arn": draw.choice(LIVING), "polls": draw.randrange(9)}
        context |= draw.choice(({}, *({"stage": stage} for stage in STAGES)))
    return world.event(action, desired, before, context=context, token=token, stack_tags=tags)


# --- odd things -------------------------------------------------------------------------------------

_PLAIN: tuple[Any, ...] = (
    *(None, {}, [], "", " ", "x", "null", "true", "5", True, False, 0, -1, 1, 1.5, 10**9, 10**400),
    *(1e308, math.inf, math.nan, "\u00e9", "\x00", "\ud800", "\U0001f600", "a\nb", "x" * HUGE, "<b>&'\"\\"),
    *({"a": None}, [None], [[]], [{}], {"": ""}, {"Key": "a"}, {"Ref": "AWS::NoValue"}, ["x"] * 200),
    *("arn:aws:s3:::bucket", LIVING[0], DEAD[0], "%s%n{0}", "../../etc/passwd", "${AWS::StackName}"),
    *(DEEP_OBJECT, DEEP_LIST, {f"k{number}": "v" for number in range(200)}),
)
_ACTIONS: tuple[Any, ...] = (
    "NOPE",
    "create",
    "Create",
    "READ ",
    "",
    None,
    5,
    {},
    [],
    True,
    "CREATE",
    "READ",
    "UPDATE",
    "DELETE",
)
_TOKENS: tuple[Any, ...] = (
    "",
    None,
    "x" * 5_000,
    "\u00fcber",
    "\ud800",
    " ",
    5,
    [],
    {"a": "b"},
    "a\nb",
    True,
)
_REGIONS: tuple[Any, ...] = (
    *("", None, "nowhere", "eu-west-1", 5, "r\u00e9union", "us east 1", "x" * 1_000, f"{REGION}\n", "\ud800"),
    *(
        {},
        [],
        True,
        REGION.upper(),
        "127.0.0.1/",
        "@evil.example",
        "cn-north-1",
        "us-gov-west-1",
        "aws-global",
    ),
)
_ODD_CREDENTIALS: tuple[Any, ...] = ("", None, "\u00fc", "\ud800", 5, [], "x" * 5_000)
_CREDENTIALS: tuple[Any, ...] = (
    *(None, {}, [], "x", 5, {"accessKeyId": "A"}, {**CREDENTIALS, "more": 1}),
    *({**CREDENTIALS, name: odd} for name in CREDENTIALS for odd in _ODD_CREDENTIALS),
    # Only the id of a key is no secret.
    {**CREDENTIALS, "accessKeyId": "a\nb"},
    *({**CREDENTIALS, name: f"{SECRET}\n{SECRET}"} for name in ("secretAccessKey", "sessionToken")),
)
_STACK_TAGS: tuple[Any, ...] = (
    *(
        {"team": None},
        {"team": 5},
        {"aws:x": "y"},
        {"AWS:x": "y"},
        {"": ""},
        {"k" * 200: "v"},
        {"k": "v" * 300},
    ),
    *({f"k{number}": "v" for number in range(60)}, [], "x", 5, {"a": {"b": 1}}, {"a": []}, [{"Key": "a"}]),
)
_PAGES: tuple[Any, ...] = ("", "x", 5, {}, [], "\u00e9", "\ud800", "x" * HUGE, "WzEsIDJd", True, "a\nb")
_IDENTIFIERS: tuple[Any, ...] = (
    *(*LIVING, *DEAD, _arn("churn/1", "eu-west-1"), _arn(""), _arn("churn/x"), "arn:", "arn:aws:sagemaker"),
    *(f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/churn", "arn:aws:s3:::bucket", "churn/1"),
    *("", None, 5, {}, [], True, "arn:\ud800", LIVING[0] + "\n", f" {LIVING[0]}", LIVING[0].upper()),
    *(_arn("x" * HUGE), _arn("\u00fc"), "arn:" + "x" * HUGE, "model-package"),
)
_NAMES: tuple[Any, ...] = (
    *(
        "-a",
        "a-",
        "\u00e4",
        "a b",
        "a/b",
        "a" * 63,
        "a" * 64,
        "",
        "../..",
        "arn:aws:x",
        "\n",
        "a\n",
        "\ud800",
    ),
    *(GROUPS[0], "nobody", "finished", None, 5, {}, [], "x" * HUGE, "a\x00"),
    f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/{GROUPS[0]}",
)
IN_CONTEXT: dict[str, tuple[Any, ...]] = {
    "arn": (*LIVING, *DEAD, "", None, 5, {}, [], "x", True, "x" * HUGE),
    "stage": (*STAGES, "", None, 5, [], {}, "nonsense"),
    "polls": (0, 3, 10**9, 10**400, -5, "three", "3", 1.5, None, [], math.nan, math.inf, True),
    "failed_polls": (0, 4, 5, 10**9, -5, "three", 1.5, None, []),
    "since": (0, 59, 60, 10**9, -100, "long", 1.5, None, {}, math.inf),
    "unseen_seconds": (0, 59, 60, 10**9, -1, "x", None, math.inf),
    "unknown": (1, None, {}),
    "self": (1,),
}


def _context(draw: random.Random) -> Any:
    if draw.random() < 0.2:
        return draw.choice(([1], [], "somewhere", 7, True, DEEP_OBJECT, {}, None, {"": 1}, 0.5))
    names = draw.sample(sorted(IN_CONTEXT), draw.randrange(1, 5))
    return {name: draw.choice(IN_CONTEXT[name]) for name in names}


def _one_of(values: tuple[Any, ...]) -> Draw:
    return lambda draw: draw.choice(values)


# The parts of an event that have odd values of their own: where each door has them, and the values.
_PARTS: tuple[tuple[dict[str, Keys], Draw], ...] = tuple(
    ({"stack": stack, "test": test}, draw)
    for stack, test, draw in (
        (("action",), ("action",), _one_of(_ACTIONS)),
        (("bearerToken",), ("request", "clientRequestToken"), _one_of(_TOKENS)),
        (("region",), ("region",), _one_of(_REGIONS)),
        (("callbackContext",), ("callbackContext",), _context),
        (("callbackContext",), ("callbackContext",), _context),
        (("nextToken",), ("request", "nextToken"), _one_of(_PAGES)),
        (("requestData", "callerCredentials"), ("credentials",), _one_of(_CREDENTIALS)),
        (("requestData", "stackTags"), ("request", "desiredResourceTags"), _one_of(_STACK_TAGS)),
        (("requestData", "previousStackTags"), ("request", "previousResourceTags"), _one_of(_STACK_TAGS)),
        *(
            (
                ("requestData", "resourceProperties", name),
                ("request", "desiredResourceState", name),
                _one_of(values),
            )
            for name, values in (
                ("ModelPackageArn", _IDENTIFIERS),
                ("ModelPackageArn", _IDENTIFIERS),
                ("ModelPackageName", _NAMES),
                ("ModelPackageGroupName", _NAMES),
            )
        ),
    )
)


def _remaining(milliseconds: float) -> Any:
    return SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)


LAMBDA_CONTEXTS: dict[str, Any] = {
    "none": None,
    "without the method": object(),
    "no time left": _remaining(0),
    "less than no time": _remaining(-100_000),
    "half a second": _remaining(500),
    "a minute": _remaining(60_000),
    "years": _remaining(10**12),
}


# --- bending ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bend:
    """One thing done to an event; where its place is no longer there, nothing."""

    keys: Keys
    how: str
    value: Any = None

    def applied(self, event: Any) -> Any:
        """The event with it; what is not on the way to its place is shared with the event."""
        if self.how == "put":
            return _with(event, self.keys, lambda _: self.value)
        *above, last = self.keys
        return _with(event, tuple(above), lambda parent: self._in_parent(parent, last))

    def _in_parent(self, parent: Any, last: str | int) -> Any:
        if isinstance(parent, dict):
            if self.how == "drop":
                return {key: item for key, item in parent.items() if key != last}
            return {**parent, self.value: parent[last]} if last in parent else parent
        if isinstance(parent, list) and isinstance(last, int) and last < len(parent):
            return parent[:last] + parent[last + 1 :] if self.how == "drop" else [*parent, parent[last]]
        return parent

    def __str__(self) -> str:
        value = "" if self.how == "drop" else f" {_short(self.value)}"
        return f"{path_of(self.keys) or 'the event'}: {self.how}{value}"


def _with(node: Any, keys: Keys, edit: Callable[[Any], Any]) -> Any:
    if not keys:
        return edit(node)
    key, *rest = keys
    if isinstance(node, dict) and (key in node or not rest):
        return {**node, key: _with(node.get(key), tuple(rest), edit)}
    if isinstance(node, list) and isinstance(key, int) and key < len(node):
        return [*node[:key], _with(node[key], tuple(rest), edit), *node[key + 1 :]]
    return node


def _paths(node: Any, keys: Keys = ()) -> Iterator[Keys]:
    """Every place in an event, the event itself first."""
    yield keys
    items: Any = ()
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, list):
        items = enumerate(node)
    for key, item in items:
        yield from _paths(item, (*keys, key))


def _bend(draw: random.Random, event: Any, door: str) -> Bend:
    if draw.random() < 0.5:
        where, odd = draw.choice(_PARTS)
        return Bend(where[door], "put", odd(draw))
    keys = draw.choice(list(_paths(event)))
    how = draw.choice(("put", "put", "put", "drop", "double")) if keys else "put"
    if how != "double":
        return Bend(keys, how, draw.choice(_PLAIN) if how == "put" else None)
    name = str(keys[-1])
    return Bend(
        keys, how, draw.choice((name.lower(), name.upper(), name[:1].swapcase() + name[1:], f"{name} "))
    )


def _short(value: Any) -> str:
    shortener = reprlib.Repr()
    shortener.maxlevel, shortener.maxdict, shortener.maxlist = 3, 6, 3
    shortener.maxstring = shortener.maxother = shortener.maxlong = 60
    return shortener.repr(value)


@dataclass(frozen=True)
class Drawn:
    """Event `number` of a seed: a valid one, and what is done to it."""

    seed: int
    number: int
    door: str
    base: Json
    bends: tuple[Bend, ...]
    lambda_context: str
    times: int
    """How often it is sent; CloudFormation repeats an event whose answer was lost."""

    def event(self) -> Any:
        """The event, anew each time."""
        event: Any = copy.deepcopy(self.base)
        for bend in self.bends:
            event = bend.applied(event)
        return event

    def __str__(self) -> str:
        bends = "; ".join(map(str, self.bends)) or "not bent"
        times = f", sent {self.times} times" if self.times > 1 else ""
        context = "" if self.lambda_context == "none" else f", Lambda context: {self.lambda_context}"
        return (
            f"--seed {self.seed}, event {self.number} ({self.base['action']} through door {self.door}"
            f"{context}{times}): {bends}"
        )


def drawn(world: World, seed: int, number: int) -> Drawn:
    """Event `number` of a seed."""
    draw = random.Random(f"{seed}-{number}")  # noqa: S311 - nobody has to be kept from guessing it
    door = DOORS[number % len(DOORS)]
    base = _event(draw, f"fuzz-{seed}-{number}", world)
    if door == "test":
        base = world.test_event(base)
    bends = tuple(_bend(draw, base, door) for _ in range(draw.choice((0, 1, 1, 1, 2, 3))))
    context = draw.choice(list(LAMBDA_CONTEXTS)) if draw.random() < 0.2 else "none"
    return Drawn(seed, number, door, base, bends, context, 2 if draw.random() < 0.1 else 1)


# --- trying -----------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What was sent and what came of it."""

    events: Counter[str] = field(default_factory=Counter)
    """By door."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """SUCCESS, IN_PROGRESS, or the code of the failure."""
    faults: Counter[str] = field(default_factory=Counter)
    """By kind; of "uncoded" and "unworded" there may be none."""
    examples: dict[str, tuple[Drawn, int]] = field(default_factory=dict)
    """Of each fault, as it is worded, the first event and how many there are."""


# Names of Python's exceptions say nothing to who wrote the template, or the event.
_PYTHON = re.compile(r"\b(Attribute|Index|Key|Overflow|Recursion|Type|Unicode\w*|Value)Error\b")
_SECRETS = (SECRET, CREDENTIALS["secretAccessKey"], CREDENTIALS["sessionToken"])


class Faulty(Exception):
    """An answer, or what became of packages, is not as it has to be."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind


def attempt(world: World, one: Drawn) -> Iterator[str]:
    """Send the event as often as it is to be sent, yielding each outcome; raise Faulty for a fault."""
    before = {each["ModelPackageArn"] for each in world.packages}
    for _ in range(one.times):
        event = one.event()
        action = event.get("action") if isinstance(event, dict) else None
        began = time.monotonic()
        try:
            answer, printed = deliver(world, event, one.door, LAMBDA_CONTEXTS[one.lambda_context])
            answer = json.loads(json.dumps(answer))
        except Exception as error:
            raise Faulty("uncoded", f"{type(error).__name__} out of the entry point") from error
        if time.monotonic() - began > LONGEST:
            raise Faulty("slow", f"it took {time.monotonic() - began:.0f} seconds")
        _check_answer(answer, action)
        _check_secrets(printed, "what is printed")
        _check_packages(answer, action, {each["ModelPackageArn"] for each in world.packages} - before)
        yield answer.get("errorCode") or answer["status"]


def _check_answer(answer: Any, action: Any) -> None:
    if not isinstance(answer, dict):
        raise Faulty("uncoded", f"no event but {type(answer).__name__}")
    message = answer.get("message") or ""
    if answer.get("status") == "FAILED":
        if answer.get("errorCode") not in CODES - {"InternalFailure"}:
            raise Faulty("uncoded", f"{answer.get('errorCode')}: {_alike(message.rsplit(': ', 1)[-1])}")
        known = isinstance(action, str) and action in ACTIONS
        if known and not message.startswith(f"{action} {TYPE} "):
            raise Faulty("unworded", f"the message of a known action begins: {_alike(message)}")
        if len(message.split()) < 4 or _PYTHON.search(message):
            raise Faulty("unworded", f"the message is: {_alike(message)}")
    if len(message) > LONGEST_MESSAGE or "Traceback" in message:
        raise Faulty("unworded", "the message is too long, or a traceback")
    _check_secrets(message, "the message")
    if answer["status"] == "IN_PROGRESS" and action not in ("CREATE", "UPDATE", "DELETE"):
        raise Faulty("event", f"{action} has to be answered at once")
    try:
        check_event(answer)
    except AssertionError as error:
        broken = traceback.extract_tb(error.__traceback__)[-1].line
        raise Faulty("event", f"{action} is answered {answer['status']}: {broken}") from error


def _check_secrets(text: str, where: str) -> None:
    found = [secret for secret in _SECRETS if secret in text]
    if found:
        raise Faulty("secrets", f"{found[0]} is in {where}")


def _alike(message: str) -> str:
    """The beginning of a message without what differs between two of the same kind."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|arn:\S+|x{9,}|-?\d[\d.]*|nan|None|True|False", "*", message)[:90]


def _check_packages(answer: Json, action: Any, new: set[str]) -> None:
    if len(new) > (action == "CREATE"):
        raise Faulty("packages", f"{action} made {len(new)}")
    told = (answer.get("resourceModel") or {}).get("ModelPackageArn")
    if new and told not in new:
        raise Faulty("packages", f"a package was made, and the {answer['status']} event does not name it")


def run(world: World, seed: int, numbers: range) -> Tally:
    """Send these events of a seed, round by round."""
    tally = Tally()
    for one in (drawn(world, seed, number) for number in numbers):
        if one.number % ROUND == 0 or one.number == numbers.start:
            begin_round(world, one.number // ROUND)
        try:
            for outcome in attempt(world, one):
                tally.events[one.door] += 1
                tally.outcomes[outcome] += 1
        except Faulty as fault:
            tally.events[one.door] += 1
            tally.faults[fault.kind] += 1
            first, times = tally.examples.get(str(fault), (one, 0))
            tally.examples[str(fault)] = first, times + 1
    return tally


def smallest(world: World, one: Drawn, fault: str) -> Drawn | None:
    """The event with as little done to it as shows the fault in a fresh round; None if none does there."""
    for size in range(len(one.bends) + 1):
        for bends in itertools.combinations(one.bends, size):
            for context in dict.fromkeys(("none", one.lambda_context)):
                less = replace(one, bends=bends, lambda_context=context)
                if _shows(world, less, fault):
                    return less
    return None


def _shows(world: World, one: Drawn, fault: str) -> bool:
    begin_round(world, one.number // ROUND)
    try:
        list(attempt(world, one))
    except Faulty as found:
        return str(found) == fault
    return False


def report(world: World, examples: Mapping[str, tuple[Drawn, int]]) -> str:
    """The faults, each with its event, or a smaller one that shows it too."""
    lines = []
    for fault, (one, times) in itertools.islice(examples.items(), MOST_REPORTED):
        lines.append(f"{times} times {fault}\n    {smallest(world, one, fault) or one}")
    if len(examples) > len(lines):
        lines.append(f"and {len(examples) - len(lines)} other faults")
    return "\n".join(lines)
