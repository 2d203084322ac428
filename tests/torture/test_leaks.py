"""Leaks: what is planted in credentials and templates is in nothing that is emitted."""

from __future__ import annotations

import base64
import itertools
import json
import logging
import random
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest

from aws_sagemaker_modelpackage.recast import vocabulary
from aws_sagemaker_modelpackage.redaction import Redactor, not_shown, secrets_in
from tests.faults.proxy import FOR_EVER, KINDS, Call, Effect, Fault, FaultKind

from . import spellings
from .leaks import (
    CALLER,
    CHANGES,
    FUNCTION,
    KEY_ERROR,
    LOGS,
    METRICS,
    NAME,
    NUMBER,
    ODD,
    PLANTS,
    PROVIDER,
    QUOTES,
    SIGNATURE_ERROR,
    SOMETHING,
    UNVERSIONED,
    VERSION,
    WORD,
    Emissions,
    Secret,
    at_its_path,
    echo,
    header_error,
    planted,
    refusing,
    secrets,
)
from .paths import put
from .world import ENTRY_POINTS, PROFILE, Figures, Json, World, package, sam_event, short_timeouts

# Real time that a client waits for an answer that does not come.
SILENCE_SECONDS = 0.1
# Where Lambda has a function's own credentials.
VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
# All that a message quotes has to appear in ours, and longer messages are cut.
MAX_QUOTED_CHARACTERS = 600

each_entry_point = pytest.mark.parametrize("entry_point", ENTRY_POINTS)


@pytest.fixture
def emissions(world: World, figures: Figures, monkeypatch: pytest.MonkeyPatch) -> Emissions:
    """Emissions of a world in which the service does everything that is asked of it, at once."""
    world.reset(inference_specification_replaceable=True, describes_until_completed=0)
    for variable, value in zip(VARIABLES, FUNCTION.values(), strict=True):
        monkeypatch.setenv(variable, value)
    return Emissions(world, figures["leaks"])


def create(emissions: Emissions, template: Json = VERSION) -> Json:
    last = emissions.run(planted(emissions.world.event("CREATE", template), telemetry=False))[-1]
    assert last["status"] == "SUCCESS", last
    return {**template, **identifier(last["resourceModel"])}


def identifier(state: Json) -> Json:
    return {"ModelPackageArn": state["ModelPackageArn"]}


# --- the search -------------------------------------------------------------------------------------

CREDENTIALS = [Secret(value, "") for each in (CALLER, PROVIDER, FUNCTION) for value in each.values()]
ALL = [*secrets(VERSION), *secrets(UNVERSIONED), *secrets(CHANGES), *CREDENTIALS]
CODED: dict[str, Callable[[str], str]] = {
    "in base64": lambda value: base64.b64encode(value.encode()).decode(),
    "in base64, one further": lambda value: base64.b64encode(f"x{value}".encode()).decode(),
    "in base64, two further": lambda value: base64.urlsafe_b64encode(f"xy{value}".encode()).decode(),
}


@pytest.mark.parametrize("how", [*QUOTES, *CODED])
def test_search_finds_every_value_however_it_is_quoted(how: str) -> None:
    quote = {**QUOTES, **CODED}[how]
    for value in {secret.value for secret in ALL if WORD in secret.value.casefold()}:
        # Of an access key a cut leaves too little to be found, and to be of use.
        if how.startswith("cut") and len(value) <= 20:
            continue
        assert PLANTS.names_in(quote(value)) & {*PLANTS.names_in(value), SOMETHING}
    assert PLANTS.names_in(quote("nothing")) == set()
    if not how.startswith(("cut", *CODED)):
        assert PLANTS.names_in(quote(f"0.{NUMBER}001")) == PLANTS.names_in(f"{WORD}001")


def test_search_finds_a_value_wherever_it_is_emitted(
    emissions: Emissions, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name is no secret and is emitted in many places: there the search has to find it.
    deaf = logging.getLogger("torture.deaf")
    monkeypatch.setattr(deaf, "propagate", False)
    world.reset()
    with emissions.recording():
        event = planted(world.event("CREATE", package(ModelPackageName=NAME)))
        emissions.run({**event, "resourceType": f"Torture::Leaks::{NAME}"})
        emissions.invoke(planted(world.event("READ", {"ModelPackageArn": f"arn:{NAME}"})))
        print(NAME)
        print(NAME, file=sys.stderr)
        warnings.warn(NAME, stacklevel=1)
        deaf.debug("%s", NAME)
        logging.getLogger("botocore.auth").warning(NAME)
        logging.getLogger("torture.new").log(1, "message", extra={"more": NAME})
        try:
            int(NAME)
        except ValueError:
            logging.getLogger().exception("failed")
    places = {place for place, text in emissions.emitted if PLANTS.names_in(text) == {"a name"}}
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
    (leak,) = emissions.leaks()
    assert leak.startswith(f"'a name' in {', '.join(sorted(places))}: ")


# --- success ----------------------------------------------------------------------------------------


@each_entry_point
def test_operations_that_succeed_leak_nothing(emissions: Emissions, world: World, entry_point: str) -> None:
    ends: list[Json] = []
    world.reset(inference_specification_replaceable=True)

    def run(action: str, desired: Json, previous: Json | None = None) -> Json:
        ends.append(emissions.run(planted(world.event(action, desired, previous)), entry_point)[-1])
        return {**desired, **identifier(ends[-1].get("resourceModel") or desired)}

    with emissions.search():
        version, unversioned = run("CREATE", VERSION), run("CREATE", UNVERSIONED)
        for change in CHANGES.values():
            version = run("UPDATE", {**version, **change}, version)
        run("READ", identifier(version))
        emissions.invoke(planted(world.event("LIST", {})), entry_point)
        run("DELETE", version)
        run("DELETE", unversioned)
    assert {each["status"] for each in ends} == {"SUCCESS"}
    assert world.packages == []


# --- refusals that quote ----------------------------------------------------------------------------


def messages(quote: Callable[[Secret], str], quoted: Iterable[Secret], *, alone: bool) -> Iterator[str]:
    """Error messages that quote all of these, each alone or as many together as fit."""
    message = ""
    for secret in quoted:
        text = quote(secret)
        if message and (alone or len(message) + len(text) > MAX_QUOTED_CHARACTERS):
            yield message
            message = ""
        message = f"{message}; {text}" if message else text
    yield message


def quoting(how: str) -> Callable[[Secret], str]:
    return at_its_path if how == "at its path" else lambda secret: QUOTES[how](secret.value)


WAYS = ("at its path", *QUOTES)


@pytest.mark.parametrize("how", WAYS)
def test_refused_create_leaks_nothing(emissions: Emissions, world: World, long: bool, how: str) -> None:
    quoted = [*secrets(VERSION), *(CREDENTIALS[:3] if how != "at its path" else [])]
    with emissions.search():
        for number, message in enumerate(messages(quoting(how), quoted, alone=long)):
            world.proxy.arm(Fault(refusing(message), operation="CreateModelPackage"))
            event = planted(world.event("CREATE", VERSION), telemetry=long)
            assert emissions.run(event, ENTRY_POINTS[number % 2])[-1]["errorCode"] == "InvalidRequest"


@pytest.mark.parametrize("how", WAYS)
def test_refused_update_leaks_nothing(emissions: Emissions, world: World, long: bool, how: str) -> None:
    previous, changes = create(emissions), list(CHANGES.values())
    with emissions.search():
        for change in changes if long else [changes[WAYS.index(how) % len(changes)]]:
            # The previous values are quoted as well.
            quoted = [*secrets(change), *(secrets({each: previous.get(each) for each in change}))]
            for message in messages(quoting(how), quoted, alone=long):
                world.proxy.arm(Fault(refusing(message), operation="UpdateModelPackage", times=FOR_EVER))
                event = planted(world.event("UPDATE", {**previous, **change}, previous), telemetry=False)
                assert emissions.run(event)[-1]["errorCode"] in ("InvalidRequest", "NotUpdatable")


def test_drawn_values_are_hidden_in_drawn_spellings(figures: Figures, long: bool, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(100_000 if long else 2_000):
        drawn = spellings.draw(rng)
        shown = Redactor({drawn.value}, vocabulary()).redact(drawn.text)
        figures["leaks"]["spellings drawn"] += 1
        assert spellings.left_of(drawn, shown) == "", f"{drawn}: {shown}"


def test_drawn_values_of_cards_are_hidden_in_drawn_spellings(long: bool, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(20_000 if long else 400):
        drawn, how = spellings.draw(rng), rng.choice(sorted(spellings.CARD_TEXTS))
        card = spellings.CARD_TEXTS[how](drawn.value)
        found = secrets_in({"ModelCard": {"ModelCardContent": card}})
        assert drawn.value in found, (how, drawn)
        shown = Redactor(not_shown(found, vocabulary()), vocabulary()).redact(drawn.text)
        assert spellings.left_of(drawn, shown) == "", f"{how}: {drawn}: {shown}"


def test_refusal_with_drawn_values_leaks_nothing(
    emissions: Emissions, world: World, long: bool, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    for number in range(1_000 if long else 20):
        drawn = spellings.draw(rng)
        # Ours is cut at a thousand characters.
        while len(drawn.text) > MAX_QUOTED_CHARACTERS or "Value '" in drawn.text:
            drawn = spellings.draw(rng)
        event = world.event("CREATE", package(Environment={"KEY": drawn.value}))
        world.proxy.arm(Fault(refusing(drawn.text), operation="CreateModelPackage"))
        with emissions.recording():
            last = emissions.run(planted(event, telemetry=False), ENTRY_POINTS[number % 2])[-1]
        shown = last["message"].partition(": ")[2].removesuffix(" (ValidationException)")
        assert (last["errorCode"], spellings.left_of(drawn, shown)) == ("InvalidRequest", ""), drawn
        if len(drawn.quoted) >= spellings.MIN_LETTERS:
            assert not any(drawn.quoted in text for _, text in emissions.emitted)


# The service's other refusals: the code, and the beginning of the message.
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
def test_refused_call_leaks_nothing(emissions: Emissions, world: World, long: bool, action: str) -> None:
    state = create(emissions, UNVERSIONED)
    change = {"CustomerMetadataProperties": CHANGES["metadata"]["CustomerMetadataProperties"]}
    after = {**state, **change, "Tags": [{"Key": "stage", "Value": "production"}]}
    desired, previous, quoted = {
        "CREATE": (VERSION, None, list(secrets(VERSION))),
        "READ": (identifier(state), None, []),
        "UPDATE": (after, state, [*secrets(after), *secrets(state)]),
        "DELETE": (state, None, list(secrets(state))),
        "LIST": ({}, None, []),
    }[action]
    message = "; ".join(QUOTES["as it is"](each.value) for each in (*CREDENTIALS[:3], *quoted[-3:]))
    cells = itertools.product(CALLS[action], REFUSALS if long else REFUSALS[::4])
    with emissions.search():
        for number, (operation, (code, beginning)) in enumerate(cells):
            refusal = refusing(f"{beginning}{message}", code)
            world.proxy.arm(Fault(refusal, operation=operation, times=FOR_EVER))
            event = planted(world.event(action, desired, previous), telemetry=long)
            assert emissions.run(event, ENTRY_POINTS[number % 2])[-1]["status"] == "FAILED"
            assert any(call.fault for call in world.proxy.calls)


def test_reasons_of_a_failed_package_leak_nothing(emissions: Emissions, world: World, long: bool) -> None:
    environment = VERSION["InferenceSpecification"]["Containers"][0]["Environment"]
    images = [f"failing-{number}" for number in range(4)]
    containers = [{"Image": image, "Environment": environment} for image in images]
    template = put(VERSION, ("InferenceSpecification", "Containers"), containers)
    (value,) = environment.values()
    with emissions.search():
        # Several reasons share a message, and each is cut: wherever that is, no half of a value is left.
        for length in range(0, 260, 3 if long else 37):
            reason = f"{'x' * length} {value}"
            for failing in ([PROFILE], [PROFILE, *images]) if long else ([PROFILE, *images],):
                world.reset(validation_failures=dict.fromkeys(failing, reason), describes_until_completed=0)
                event = planted(world.event("CREATE", template), telemetry=False)
                assert emissions.run(event)[-1]["errorCode"] == "NotStabilized"


# --- what is between us and the service -------------------------------------------------------------

ANSWERS: dict[str, Callable[[Call], FaultKind]] = {
    "signature": lambda _: SIGNATURE_ERROR,
    "header": header_error,
    "key": lambda _: KEY_ERROR,
    **{
        f"{kind} page, {status}": echo(status, kind)
        for kind in ("plain", "HTML", "JSON")
        for status in (200, 403, 502)
    },
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answer_that_repeats_the_request_leaks_nothing(
    emissions: Emissions, world: World, long: bool, name: str
) -> None:
    state = create(emissions)
    struck = {
        "CREATE": ("CreateModelPackage", VERSION, None),
        "UPDATE": ("UpdateModelPackage", {**state, **CHANGES["card"]}, state),
        "READ": ("DescribeModelPackage", identifier(state), None),
        "DELETE": ("DeleteModelPackage", state, None),
        "LIST": ("ListModelPackages", {}, None),
    }

    def strike(operation: str, call: Call) -> FaultKind | None:
        return ANSWERS[name](call) if call.operation == operation else None

    with emissions.search():
        for number, (action, (operation, desired, previous)) in enumerate(struck.items()):
            if long or action in ("CREATE", "UPDATE", "READ"):
                world.proxy.throttle = partial(strike, operation)
                event = planted(world.event(action, desired, previous), telemetry=long)
                assert emissions.run(event, ENTRY_POINTS[number % 2])[-1]["status"] == "FAILED"


def test_broken_calls_leak_nothing(emissions: Emissions, world: World, long: bool) -> None:
    ways = list(itertools.product(("CreateModelPackage", "DescribeModelPackage"), (1, FOR_EVER)))
    with short_timeouts(SILENCE_SECONDS), emissions.search():
        for number, kind in enumerate(KINDS.values()):
            for operation, strikes in ways if long else [ways[number % len(ways)]]:
                times = 1 if kind.effect is Effect.SILENCE else strikes
                world.proxy.arm(Fault(kind, operation=operation, times=times))
                event = planted(world.event("CREATE", VERSION), telemetry=long or number % 8 == 0)
                emissions.run(event, ENTRY_POINTS[number // 2 % 2])
                assert kind.effect is Effect.REFUSE or any(call.fault for call in world.proxy.calls)


def test_refusal_of_cloudwatch_leaks_nothing(emissions: Emissions, world: World) -> None:
    message = "; ".join(f"not allowed: {value}" for value in PROVIDER.values())
    with emissions.search():
        for service in (f"{LOGS}PutLogEvents", f"{METRICS}PutMetricData"):
            for code in ("InvalidSignatureException", "ResourceNotFoundException", "InternalFailure"):
                world.proxy.arm(Fault(refusing(message, code), operation=service, times=FOR_EVER))
                emissions.run(planted(world.event("LIST", {})))
    assert any("not all of this invocation was sent" in text for _, text in emissions.emitted)


# --- malformed answers, events and templates --------------------------------------------------------


def odd_answers(described: Json, odd: str) -> Iterator[Json]:
    """Answers to Describe that no API description allows: in confidential members, and in others."""
    shapes = (odd, [odd], {"Odd": odd}, {odd: {odd: odd}}, 5)
    confidential = (
        "ModelCard",
        "CustomerMetadataProperties",
        "InferenceSpecification",
        "ValidationSpecification",
    )
    for member, shape in itertools.product(confidential, shapes):
        yield {**described, member: shape}
    container = described["InferenceSpecification"]["Containers"][0]
    for shape in shapes:
        yield {**described, "ModelCard": {"ModelCardContent": shape, "ModelCardStatus": "Draft"}}
        yield {**described, "CustomerMetadataProperties": {"owner": shape}}
        containers = [{**container, "Environment": shape}]
        yield {**described, "InferenceSpecification": {"Containers": containers}}
    # What is odd is no secret, but the answer has all the rest.
    others = ("CreationTime", "ModelPackageStatusDetails", "CreatedBy", "LastModifiedTime")
    for member, shape in itertools.product(others, ("odd", ["odd"], {"Odd": 5})):
        yield {**described, member: shape}


def test_odd_answers_leak_nothing(emissions: Emissions, world: World, long: bool) -> None:
    state = create(emissions)
    (stored,) = world.packages
    described = {name: each for name, each in stored.items() if name != "Tags"}
    actions = ("READ", "UPDATE", "DELETE")
    with emissions.search():
        for number, answer in enumerate(list(odd_answers(described, ODD))[:: 1 if long else 2]):
            for action in actions if long else [actions[number % 3]]:
                kind = FaultKind("odd", status=200, body=json.dumps(answer, default=str).encode())
                world.proxy.arm(Fault(kind, operation="DescribeModelPackage", times=FOR_EVER))
                desired = {**state, **CHANGES["metadata"]} if action == "UPDATE" else state
                emissions.invoke(planted(world.event(action, desired, state), telemetry=False))
                assert any(call.fault for call in world.proxy.calls)


def odd_events(event: Json, secret: str) -> Iterator[Json]:
    """Malformed events: something confidential where something else belongs."""
    secrets: tuple[Any, ...] = (secret, [secret], {"accessKeyId": secret}, {**CALLER, "expires": secret}, 5)
    data = ("callerCredentials", "providerCredentials", "resourceProperties", "previousResourceProperties")
    for name, shape in itertools.product(data, secrets):
        yield put(event, ("requestData", name), shape)
    for name in ("stackTags", "systemTags", "providerLogGroupName"):
        yield put(event, ("requestData", name), {"x": [5]})
    names = ("action", "region", "callbackContext", "bearerToken", "resourceType", "nextToken")
    for name, shape in itertools.product(names, (5, ["x"], {"x": 5})):
        yield {**event, name: shape}
    for name in ("action", "requestData", "region", "bearerToken"):
        yield {each: value for each, value in event.items() if each != name}


def test_malformed_events_leak_nothing(emissions: Emissions, world: World) -> None:
    secret = CALLER["secretAccessKey"]
    with emissions.search():
        for event in odd_events(planted(world.event("CREATE", VERSION), telemetry=False), secret):
            emissions.invoke(event)
        event = sam_event(planted(world.event("CREATE", VERSION)))
        for member in ("credentials", "request", "callbackContext", "action"):
            for shape in (None, 5, ["x"], {"x": 5}, *([secret] if member == "credentials" else [])):
                emissions.invoke({**event, member: shape}, "test_entrypoint")


def odd_templates(odd: str) -> Iterator[Json]:
    """Templates with something confidential of the wrong type, shape or length."""
    environment = ("InferenceSpecification", "Containers", 0, "Environment")
    profile = ("ValidationSpecification", "ValidationProfiles", 0, "TransformJobDefinition", "Environment")
    for shape in (odd, [odd], {"Key": {odd: odd}}, {"Key": [odd]}, {"Key": None, "Other": odd}):
        for keys in (
            ("CustomerMetadataProperties",),
            ("Environment",),
            ("ModelCard",),
            ("ModelCard", "ModelCardContent"),
            environment,
            profile,
        ):
            yield put(VERSION, keys, shape)
    long = odd * 4000
    for keys, value in (
        (("CustomerMetadataProperties", "owner"), long),
        (("CustomerMetadataProperties", "owner"), f"{odd}#!"),
        (("Environment", "KEY"), long),
        (("ModelCard", "ModelCardContent"), long),
        (("ModelCard", "ModelCardContent"), f"{odd}\n"),
    ):
        yield put(VERSION, keys, value)
    for keys in (("Environment",), environment):
        yield put(UNVERSIONED, keys, {"KEY": odd})


@each_entry_point
def test_wrong_templates_leak_nothing(emissions: Emissions, world: World, entry_point: str) -> None:
    state = create(emissions)
    with emissions.search():
        for number, template in enumerate(odd_templates(ODD)):
            update = world.event("UPDATE", {**template, **identifier(state)}, state)
            event = update if number % 2 else world.event("CREATE", template)
            emissions.run(planted(event, telemetry=False), entry_point)


def test_unusable_credentials_leak_nothing(emissions: Emissions, world: World, long: bool) -> None:
    broken = ("{}\n", "{}\r\nX-More: 1", "\u20ac{}", "\x00{}", " {} ")
    with emissions.search():
        for number, (name, shape) in enumerate(itertools.product(CALLER, (*broken, None, "", 5, ["x"]))):
            telemetry = long or shape == broken[0]
            event = planted(world.event("CREATE", VERSION), telemetry=telemetry)
            for owner in ("callerCredentials", "providerCredentials")[: 1 + telemetry]:
                value = event["requestData"][owner][name]
                changed = shape.format(value) if isinstance(shape, str) else shape
                event = put(event, ("requestData", owner, name), changed)
            emissions.run(event, ENTRY_POINTS[0 if telemetry else number % 2])


# --- the callback context ---------------------------------------------------------------------------


@each_entry_point
def test_operations_end_without_a_callback_context(
    emissions: Emissions, world: World, entry_point: str
) -> None:
    world.reset(visible_after_describes=2, describes_until_completed=3, delete_describes=3)

    def run(action: str, desired: Json, previous: Json | None = None) -> list[Json]:
        event = planted(world.event(action, desired, previous), telemetry=False)
        return emissions.run(event, entry_point, forgetful=True)

    with emissions.search():
        created = [run("CREATE", template) for template in (VERSION, UNVERSIONED)]
        assert [(len(events) > 3, events[-1]["status"]) for events in created] == [(True, "SUCCESS")] * 2
        assert len(world.packages) == 2
        for events, template in zip(created, (VERSION, UNVERSIONED), strict=True):
            state = {**template, **identifier(events[-1]["resourceModel"])}
            changed = {**state, "CustomerMetadataProperties": {"owner": "another"}}
            updated = run("UPDATE", changed, state)[-1]
            assert updated["status"] == "SUCCESS", updated
            assert updated["resourceModel"]["CustomerMetadataProperties"] == {"owner": "another"}
            deleted = run("DELETE", changed)
            # Without the context it is not known that the package was there.
            assert (len(deleted) > 1, deleted[-1].get("errorCode")) == (True, "NotFound")
    assert world.packages == []
