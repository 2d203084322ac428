"""Nothing leaks: what is planted in credentials and templates is in nothing that is emitted."""

from __future__ import annotations

import base64
import itertools
import json
import logging
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from tests.faults.proxy import FOR_EVER, KINDS, Call, Effect, Fault, FaultKind

from .leaks import (
    CALLER,
    CHANGES,
    FUNCTION,
    LOGS,
    METRICS,
    NAME,
    NUMBER,
    ODD,
    PLANTS,
    PROVIDER,
    QUOTES,
    SOMETHING,
    UNVERSIONED,
    VERSION,
    WORD,
    Everything,
    Secret,
    at_its_path,
    echo,
    header_error,
    key_error,
    planted,
    refusing,
    secrets,
    signature_error,
)
from .world import DOORS, PROFILE, Figures, Json, World, impatient, package

CONTEXT_KEYS = {"arn", "stage", "polls", "failed_polls", "since", "unseen_seconds"}
# An ARN of the usual length and a few short words.
MOST_CONTEXT_BYTES = 250
# Real seconds that a client waits for an answer that does not come.
HASTE = 0.1
# Where Lambda has a function's own credentials.
VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

Search = Callable[[], AbstractContextManager[None]]
# Of what is quoted in one message all has to be seen: longer messages are cut.
MOST_QUOTED = 600


@pytest.fixture(scope="module")
def counted(figures: Figures) -> Iterator[Counter[str]]:
    """What is counted over all tests."""
    counts: Counter[str] = Counter()
    yield counts
    figures["leaks"] = {
        "planted": len(PLANTS),
        "invocations": counts["invocations"],
        "log records": counts["log"],
        "parts of events": counts["event"],
        "calls to CloudWatch": counts["cloudwatch"],
        "bytes searched": counts["bytes"],
        "longest callback context": counts["longest context"],
        "found": counts["found"],
    }


@pytest.fixture
def everything(world: World, counted: Counter[str], monkeypatch: pytest.MonkeyPatch) -> Everything:
    """All that is emitted, where a service answers that does what is asked of it, and does it at once."""
    world.reset(inference_specification_replaceable=True, describes_until_completed=0)
    for variable, value in zip(VARIABLES, FUNCTION.values(), strict=True):
        monkeypatch.setenv(variable, value)
    return Everything(world, counted)


@contextmanager
def searched(everything: Everything, counted: Counter[str]) -> Iterator[None]:
    """Take all that is emitted and find nothing of what is planted in it; callback contexts are small."""
    with everything.on():
        yield
    for context in everything.contexts:
        size = len(json.dumps(context))
        assert context.keys() <= CONTEXT_KEYS
        assert size <= MOST_CONTEXT_BYTES
        counted["longest context"] = max(counted["longest context"], size)
    leaks = everything.leaks()
    counted["found"] += len(leaks)
    assert not leaks, f"{len(leaks)} leaks:\n" + "\n".join(leaks)


@pytest.fixture
def search(everything: Everything, counted: Counter[str]) -> Search:
    """Searches what is emitted while it is on."""
    return lambda: searched(everything, counted)


def existing(everything: Everything, template: Json = VERSION) -> Json:
    """A package made of the template: the template, with its ARN."""
    made = everything.run(planted(everything.world.event("CREATE", template), telemetry=False))
    assert made[-1]["status"] == "SUCCESS", made[-1]
    return {**template, "ModelPackageArn": made[-1]["resourceModel"]["ModelPackageArn"]}


def named(state: Json) -> Json:
    """The identifier of a package."""
    return {"ModelPackageArn": state["ModelPackageArn"]}


# --- the search can find ----------------------------------------------------------------------------

CREDENTIALS = [Secret(value, "") for whose in (CALLER, PROVIDER, FUNCTION) for value in whose.values()]
ALL = [*secrets(VERSION), *secrets(UNVERSIONED), *secrets(CHANGES), *CREDENTIALS]
CODED: dict[str, Callable[[str], str]] = {
    "in base64": lambda value: base64.b64encode(value.encode()).decode(),
    "in base64, one further": lambda value: base64.b64encode(f"x{value}".encode()).decode(),
    "in base64, two further": lambda value: base64.urlsafe_b64encode(f"xy{value}".encode()).decode(),
}


@pytest.mark.parametrize("how", [*QUOTES, *CODED])
def test_the_search_finds_every_value_however_it_is_written(how: str) -> None:
    write = {**QUOTES, **CODED}[how]
    for value in {secret.value for secret in ALL if WORD in secret.value.casefold()}:
        # Of an access key a cut leaves too little to be found, and to be of use.
        if how.startswith("cut") and len(value) <= 20:
            continue
        assert PLANTS.found(write(value)) & {*PLANTS.found(value), SOMETHING}
    assert PLANTS.found(write("nothing")) == set()
    if not how.startswith(("cut", *CODED)):
        assert PLANTS.found(write(f"0.{NUMBER}001")) == PLANTS.found(f"{WORD}001")


def test_the_search_finds_a_value_wherever_it_is_emitted(
    everything: Everything, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What may be told, such as a name, is told in many places: there the search has to find it.
    deaf = logging.getLogger("torture.deaf")
    monkeypatch.setattr(deaf, "propagate", False)
    world.reset()
    with everything.on():
        event = planted(world.event("CREATE", package(ModelPackageName=NAME)))
        everything.run({**event, "resourceType": f"Torture::Leaks::{NAME}"})
        everything.invoke(planted(world.event("READ", {"ModelPackageArn": f"arn:{NAME}"})))
        print(NAME)
        print(NAME, file=sys.stderr)
        warnings.warn(NAME, stacklevel=1)
        deaf.debug("%s", NAME)
        logging.getLogger("botocore.auth").warning(NAME)
        logging.getLogger("torture.new").log(1, "said", extra={"more": NAME})
        try:
            int(NAME)
        except ValueError:
            logging.getLogger().exception("failed")
    places = {where for where, what in everything.emitted if PLANTS.found(what) == {"a name"}}
    assert places >= {
        "event message",
        "event callbackContext",
        "log aws_sagemaker_modelpackage.resource INFO",
        "log torture.deaf DEBUG",
        "log torture.new Level 1",
        "log botocore.auth WARNING",
        "log root ERROR",
        "output",
        "warning",
        f"cloudwatch {LOGS}PutLogEvents",
        f"cloudwatch {METRICS}PutMetricData",
    }
    (leak,) = everything.leaks()
    assert leak.startswith(f"'a name' in {', '.join(sorted(places))}: ")


# --- success ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_nothing_leaks_from_operations_that_succeed(
    everything: Everything, world: World, search: Search, door: str
) -> None:
    ended: list[Json] = []
    world.reset(inference_specification_replaceable=True)

    def run(action: str, desired: Json, previous: Json | None = None) -> Json:
        ended.append(everything.run(planted(world.event(action, desired, previous)), door)[-1])
        return {**desired, **named(ended[-1].get("resourceModel") or desired)}

    with search():
        version, unversioned = run("CREATE", VERSION), run("CREATE", UNVERSIONED)
        for change in CHANGES.values():
            version = run("UPDATE", {**version, **change}, version)
        run("READ", named(version))
        everything.invoke(planted(world.event("LIST", {})), door)
        run("DELETE", version)
        run("DELETE", unversioned)
    assert {each["status"] for each in ended} == {"SUCCESS"}
    assert world.packages == []


# --- the service quotes -----------------------------------------------------------------------------


def messages(quote: Callable[[Secret], str], quoted: Iterable[Secret], *, alone: bool) -> Iterator[str]:
    """Error messages that quote all of these, each alone or as many together as can be seen at once."""
    message = ""
    for secret in quoted:
        words = quote(secret)
        if message and (alone or len(message) + len(words) > MOST_QUOTED):
            yield message
            message = ""
        message = f"{message}; {words}" if message else words
    yield message


def words(how: str) -> Callable[[Secret], str]:
    """A way to quote, of the value alone or with its path."""
    return at_its_path if how == "at its path" else lambda secret: QUOTES[how](secret.value)


WAYS = ("at its path", *QUOTES)


@pytest.mark.parametrize("how", WAYS)
def test_nothing_leaks_when_a_create_is_refused(
    everything: Everything, world: World, search: Search, long: bool, how: str
) -> None:
    quoted = [*secrets(VERSION), *(CREDENTIALS[:3] if how != "at its path" else [])]
    with search():
        for door, message in zip(
            itertools.cycle(DOORS), messages(words(how), quoted, alone=long), strict=False
        ):
            world.proxy.arm(Fault(refusing(message), operation="CreateModelPackage"))
            event = planted(world.event("CREATE", VERSION), telemetry=long)
            assert everything.run(event, door)[-1]["errorCode"] == "InvalidRequest"


@pytest.mark.parametrize("how", WAYS)
def test_nothing_leaks_when_an_update_is_refused(
    everything: Everything, world: World, search: Search, long: bool, how: str
) -> None:
    before, changes = existing(everything), list(CHANGES.values())
    with search():
        for change in changes if long else [changes[WAYS.index(how) % len(changes)]]:
            # What was there before is quoted as well.
            quoted = [*secrets(change), *(secrets({each: before.get(each) for each in change}))]
            for message in messages(words(how), quoted, alone=long):
                world.proxy.arm(Fault(refusing(message), operation="UpdateModelPackage", times=FOR_EVER))
                event = planted(world.event("UPDATE", {**before, **change}, before), telemetry=False)
                assert everything.run(event)[-1]["errorCode"] in ("InvalidRequest", "NotUpdatable")


# The service's other ways to say no: the code, and what the words begin with.
REFUSALS = (
    ("ValidationException", "ModelPackage arn:aws:sagemaker:x does not exist. "),
    ("ValidationException", "ModelPackage already exists: "),
    ("AccessDeniedException", "User is not authorized to perform: sagemaker:X with "),
    ("InternalFailure", ""),
    ("ResourceLimitExceeded", ""),
    ("ConflictException", ""),
    ("ThrottlingException", "Rate exceeded "),
    ("ExpiredTokenException", ""),
    ("SomethingNewException", ""),
)
# What each action calls.
CALLS = {
    "CREATE": ("CreateModelPackage", "DescribeModelPackage"),
    "READ": ("DescribeModelPackage", "ListTags"),
    "UPDATE": ("DescribeModelPackage", "UpdateModelPackage", "ListTags", "AddTags", "DeleteTags"),
    "DELETE": ("DescribeModelPackage", "DeleteModelPackage"),
    "LIST": ("ListModelPackages",),
}


@pytest.mark.parametrize("action", CALLS)
def test_nothing_leaks_from_any_action_that_is_refused(
    everything: Everything, world: World, search: Search, long: bool, action: str
) -> None:
    state = existing(everything, UNVERSIONED)
    change = {"CustomerMetadataProperties": CHANGES["metadata"]["CustomerMetadataProperties"]}
    after = {**state, **change, "Tags": [{"Key": "stage", "Value": "production"}]}
    desired, previous, quoted = {
        "CREATE": (VERSION, None, list(secrets(VERSION))),
        "READ": (named(state), None, []),
        "UPDATE": (after, state, [*secrets(after), *secrets(state)]),
        "DELETE": (state, None, list(secrets(state))),
        "LIST": ({}, None, []),
    }[action]
    message = "; ".join(QUOTES["as it is"](each.value) for each in (*CREDENTIALS[:3], *quoted[-3:]))
    cells = itertools.product(CALLS[action], REFUSALS if long else REFUSALS[::4])
    with search():
        for door, (operation, (code, begins)) in zip(itertools.cycle(DOORS), cells, strict=False):
            refusal = refusing(f"{begins}{message}", code)
            world.proxy.arm(Fault(refusal, operation=operation, times=FOR_EVER))
            event = planted(world.event(action, desired, previous), telemetry=long)
            assert everything.run(event, door)[-1]["status"] == "FAILED"
            assert any(call.fault for call in world.proxy.calls)


def test_nothing_leaks_when_the_service_tells_why_a_package_failed(
    everything: Everything, world: World, search: Search, long: bool
) -> None:
    template = json.loads(json.dumps(VERSION))
    images = [f"failing-{number}" for number in range(4)]
    environment = template["InferenceSpecification"]["Containers"][0]["Environment"]
    template["InferenceSpecification"]["Containers"] = [
        {"Image": image, "Environment": environment} for image in images
    ]
    (value,) = environment.values()
    with search():
        # Several reasons share a message, and each is cut: wherever that is, no half of a value is left.
        for length in range(0, 260, 3 if long else 37):
            reason = f"{'x' * length} {value}"
            for failing in ([PROFILE], [PROFILE, *images]) if long else ([PROFILE, *images],):
                world.reset(validation_failures=dict.fromkeys(failing, reason), describes_until_completed=0)
                event = planted(world.event("CREATE", template), telemetry=False)
                assert everything.run(event)[-1]["errorCode"] == "NotStabilized"


# --- what is between us and the service -------------------------------------------------------------

ANSWERS: dict[str, Callable[[Call], FaultKind]] = {
    "signature": signature_error,
    "header": header_error,
    "key": key_error,
    **{
        f"{kind} page, {status}": echo(status, kind)
        for kind in ("plain", "HTML", "JSON")
        for status in (200, 403, 502)
    },
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_nothing_leaks_when_an_answer_repeats_the_request(
    everything: Everything, world: World, search: Search, long: bool, answer: str
) -> None:
    state = existing(everything)
    operations = {
        "CREATE": ("CreateModelPackage", VERSION, None),
        "UPDATE": ("UpdateModelPackage", {**state, **CHANGES["card"]}, state),
        "READ": ("DescribeModelPackage", named(state), None),
        "DELETE": ("DeleteModelPackage", state, None),
        "LIST": ("ListModelPackages", {}, None),
    }

    def strike(operation: str) -> None:
        world.proxy.throttle = lambda call: ANSWERS[answer](call) if call.operation == operation else None

    with search():
        for number, (action, (struck, desired, previous)) in enumerate(operations.items()):
            if long or action in ("CREATE", "UPDATE", "READ"):
                strike(struck)
                event = planted(world.event(action, desired, previous), telemetry=long)
                assert everything.run(event, DOORS[number % 2])[-1]["status"] == "FAILED"


def test_nothing_leaks_from_calls_that_break(
    everything: Everything, world: World, search: Search, long: bool
) -> None:
    operations = ("CreateModelPackage", "DescribeModelPackage")
    ways = list(itertools.product(operations, (1, FOR_EVER)))
    with impatient(HASTE), search():
        for number, kind in enumerate(KINDS.values()):
            for operation, strikes in ways if long else [ways[number % len(ways)]]:
                times_struck = 1 if kind.effect is Effect.SILENCE else strikes
                world.proxy.arm(Fault(kind, operation=operation, times=times_struck))
                event = planted(world.event("CREATE", VERSION), telemetry=long or number % 8 == 0)
                everything.run(event, DOORS[number // 2 % 2])
                assert kind.effect is Effect.REFUSE or any(call.fault for call in world.proxy.calls)


def test_nothing_leaks_when_cloudwatch_refuses(everything: Everything, world: World, search: Search) -> None:
    words = "; ".join(f"not allowed: {value}" for value in PROVIDER.values())
    with search():
        for service in (f"{LOGS}PutLogEvents", f"{METRICS}PutMetricData"):
            for code in ("InvalidSignatureException", "ResourceNotFoundException", "InternalFailure"):
                world.proxy.arm(Fault(refusing(words, code), operation=service, times=FOR_EVER))
                everything.run(planted(world.event("LIST", {})))
    assert any("not all of this invocation was sent" in what for _, what in everything.emitted)


# --- what makes no sense ----------------------------------------------------------------------------


def odd_answers(described: Json, odd: str) -> Iterator[Json]:
    """Answers to Describe that no API description allows: where something confidential is, and elsewhere."""
    shapes = (odd, [odd], {"Odd": odd}, {odd: {odd: odd}}, 5)
    for member in (
        "ModelCard",
        "CustomerMetadataProperties",
        "InferenceSpecification",
        "ValidationSpecification",
    ):
        yield from ({**described, member: shape} for shape in shapes)
    containers = described["InferenceSpecification"]["Containers"]
    for shape in shapes:
        yield {**described, "ModelCard": {"ModelCardContent": shape, "ModelCardStatus": "Draft"}}
        yield {**described, "CustomerMetadataProperties": {"owner": shape}}
        changed = [{**containers[0], "Environment": shape}]
        yield {**described, "InferenceSpecification": {"Containers": changed}}
    # What is odd says nothing, but the answer holds all the rest.
    for member in ("CreationTime", "ModelPackageStatusDetails", "CreatedBy", "LastModifiedTime"):
        yield from ({**described, member: shape} for shape in ("odd", ["odd"], {"Odd": 5}))


def test_nothing_leaks_from_odd_answers(
    everything: Everything, world: World, search: Search, long: bool
) -> None:
    state = existing(everything)
    (described,) = (
        {name: each for name, each in package.items() if name != "Tags"} for package in world.packages
    )
    answers = list(odd_answers(described, ODD))
    with search():
        for number, answer in enumerate(answers if long else answers[::2]):
            actions = ("READ", "UPDATE", "DELETE")
            for action in actions if long else [actions[number % 3]]:
                kind = FaultKind("odd", status=200, body=json.dumps(answer, default=str).encode())
                world.proxy.arm(Fault(kind, operation="DescribeModelPackage", times=FOR_EVER))
                desired = {**state, **CHANGES["metadata"]} if action == "UPDATE" else state
                event = planted(world.event(action, desired, state), telemetry=False)
                everything.invoke(event)
                assert any(call.fault for call in world.proxy.calls)


def odd_events(event: Json, secret: str) -> Iterator[Json]:
    """Events that are none: something confidential where something else belongs."""
    shapes: tuple[Any, ...] = (secret, [secret], {"accessKeyId": secret}, {**CALLER, "expires": secret}, 5)
    data = event["requestData"]
    for name in (
        "callerCredentials",
        "providerCredentials",
        "resourceProperties",
        "previousResourceProperties",
    ):
        yield from ({**event, "requestData": {**data, name: shape}} for shape in shapes)
    for name in ("stackTags", "systemTags", "providerLogGroupName"):
        yield {**event, "requestData": {**data, name: {"x": [5]}}}
    for name in ("action", "region", "callbackContext", "bearerToken", "resourceType", "nextToken"):
        yield from ({**event, name: shape} for shape in (5, ["x"], {"x": 5}))
    for name in ("action", "requestData", "region", "bearerToken"):
        yield {each: value for each, value in event.items() if each != name}


def test_nothing_leaks_from_events_that_are_none(
    everything: Everything, world: World, search: Search
) -> None:
    secret = CALLER["secretAccessKey"]
    with search():
        for event in odd_events(planted(world.event("CREATE", VERSION), telemetry=False), secret):
            everything.invoke(event)
        proper = world.test_event(planted(world.event("CREATE", VERSION)))
        for member in ("credentials", "request", "callbackContext", "action"):
            for shape in (None, 5, ["x"], {"x": 5}, *([secret] if member == "credentials" else [])):
                everything.invoke({**proper, member: shape}, "test")


def odd_templates(odd: str) -> Iterator[Json]:
    """Templates with something confidential of the wrong type, shape or length."""
    shapes: tuple[Any, ...] = (odd, [odd], {"Key": {odd: odd}}, {"Key": [odd]}, {"Key": None, "Other": odd})
    for shape in shapes:
        yield {**VERSION, "CustomerMetadataProperties": shape}
        yield {**VERSION, "Environment": shape}
        yield {**VERSION, "ModelCard": shape}
        yield {**VERSION, "ModelCard": {"ModelCardContent": shape, "ModelCardStatus": "Draft"}}
        changed = json.loads(json.dumps(VERSION))
        changed["InferenceSpecification"]["Containers"][0]["Environment"] = shape
        yield changed
        changed = json.loads(json.dumps(VERSION))
        job = changed["ValidationSpecification"]["ValidationProfiles"][0]["TransformJobDefinition"]
        job["Environment"] = shape
        yield changed
    long = odd * 4000
    yield {**VERSION, "CustomerMetadataProperties": {"owner": long}}
    yield {**VERSION, "CustomerMetadataProperties": {"owner": f"{odd}#!"}}
    yield {**VERSION, "Environment": {"KEY": long}}
    yield {**VERSION, "ModelCard": {"ModelCardContent": long, "ModelCardStatus": "Draft"}}
    yield {**VERSION, "ModelCard": {"ModelCardContent": f"{odd}\n", "ModelCardStatus": "Draft"}}
    yield {**UNVERSIONED, "Environment": {"KEY": odd}}
    unversioned = json.loads(json.dumps(UNVERSIONED))
    unversioned["InferenceSpecification"]["Containers"][0]["Environment"] = {"KEY": odd}
    yield unversioned


@pytest.mark.parametrize("door", DOORS)
def test_nothing_leaks_from_templates_that_are_wrong(
    everything: Everything, world: World, search: Search, door: str
) -> None:
    state = existing(everything)
    with search():
        for number, template in enumerate(odd_templates(ODD)):
            update = world.event("UPDATE", {**template, **named(state)}, state)
            event = update if number % 2 else world.event("CREATE", template)
            everything.run(planted(event, telemetry=False), door)


def test_nothing_leaks_from_credentials_that_cannot_be_used(
    everything: Everything, world: World, search: Search, long: bool
) -> None:
    broken = ("{}\n", "{}\r\nX-More: 1", "\u20ac{}", "\x00{}", " {} ")
    with search():
        for number, (name, shape) in enumerate(itertools.product(CALLER, (*broken, None, "", 5, ["x"]))):
            telemetry = long or shape == broken[0]
            event = planted(world.event("CREATE", VERSION), telemetry=telemetry)
            for whose in ("callerCredentials", "providerCredentials")[: 1 + telemetry]:
                value = event["requestData"][whose][name]
                changed = shape.format(value) if isinstance(shape, str) else shape
                event["requestData"][whose] = {**event["requestData"][whose], name: changed}
            everything.run(event, "stack" if telemetry else DOORS[number % 2])


# --- the callback context ---------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_nothing_in_a_callback_context_is_needed(
    everything: Everything, world: World, search: Search, door: str
) -> None:
    world.reset(visible_after_describes=2, describes_until_completed=3, delete_describes=3)

    def run(action: str, desired: Json, previous: Json | None = None) -> list[Json]:
        event = planted(world.event(action, desired, previous), telemetry=False)
        return everything.run(event, door, forgetful=True)

    with search():
        made = [run("CREATE", template) for template in (VERSION, UNVERSIONED)]
        assert [(len(events) > 3, events[-1]["status"]) for events in made] == [(True, "SUCCESS")] * 2
        assert len(world.packages) == 2
        for events, template in zip(made, (VERSION, UNVERSIONED), strict=True):
            state = {**template, **named(events[-1]["resourceModel"])}
            changed = {**state, "CustomerMetadataProperties": {"owner": "somebody"}}
            updated = run("UPDATE", changed, state)[-1]
            assert updated["status"] == "SUCCESS", updated
            assert updated["resourceModel"]["CustomerMetadataProperties"] == {"owner": "somebody"}
            deleted = run("DELETE", changed)
            # Whoever has forgotten that it was there finds that it is not.
            assert (len(deleted) > 1, deleted[-1].get("errorCode")) == (True, "NotFound")
    assert world.packages == []
