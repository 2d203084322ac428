"""Update: in place what can be, in the right order; otherwise NotUpdatable with nothing written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aws_sagemaker_modelpackage import timing

from .conftest import Invoker
from .events import (
    APPROVED,
    AS_DESCRIBED,
    BOTH_NAMES,
    CREATED_ISO,
    GROUP_ARN,
    HALF_DONE,
    IMAGE,
    IN_GROUP,
    NAMED,
    NAMED_STATE,
    NO_ENVIRONMENT,
    NO_VERSION_TAGS,
    PENDING,
    REJECTED,
    SCORER,
    UNKNOWN_STATUS,
    VERSION,
    VERSION_STATE,
    Model,
    changed,
    extra,
    extras,
    failed,
    failed_items,
    failed_version,
    in_progress,
    live_extra,
    live_specification,
    message,
    metadata,
    named,
    named_model,
    not_found,
    specification,
    succeeded,
    tag_list,
    to_add,
    validation,
    version,
    version_model,
)
from .scripted_sagemaker import ANY, DENIED, EXPIRED, UNAVAILABLE, Reply, Script, absent, error
from .tables import table

FINE = {"ApprovalDescription": "fine"}
NOW_FINE = {"ApprovalDescription": "now fine"}
NO_DESCRIPTION = {"ApprovalDescription": ""}
SOURCE = {"SourceUri": "s3://models/m"}
NEW_SOURCE = {"SourceUri": "s3://models/new"}
TEST_STAGE = {"ModelLifeCycle": {"Stage": "Test", "StageStatus": "Pending"}}
PROD_STAGE = {"ModelLifeCycle": {"Stage": "Prod", "StageStatus": "Approved"}}
LOGGED = {"ModelPackageRegistrationType": "Logged"}
REGISTERED = {"ModelPackageRegistrationType": "Registered"}
OLD_CONTENT = {"ModelCardContent": '{"old": 1}'}
DRAFT, ARCHIVED = {"ModelCardStatus": "Draft"}, {"ModelCardStatus": "Archived"}
CARD = OLD_CONTENT | DRAFT
NEW_CONTENT, NEW_STATUS = {"ModelCardContent": '{"new": 1}'}, {"ModelCardStatus": "Approved"}
NEW_CARD, NEW_DRAFT = NEW_CONTENT | NEW_STATUS, NEW_CONTENT | DRAFT
REFUSED = error("ValidationException", "this cannot be updated")
HALF_CHANGED = f"ModelCard is half changed. {REFUSED.text}"


def update(invoke: Invoker, desired: Model, previous: Model | None, context: Any = None) -> Model:
    """The event of an update of the version, whose states have these members beside its identity."""
    known = None if previous is None else {**VERSION_STATE, **previous}
    return invoke("UPDATE", {**VERSION_STATE, **desired}, known, context)


def update_failed(code: str, text: str | Reply, arn: str = VERSION) -> Model:
    return failed(code, "UPDATE", arn, text)


def not_updatable(name: str, reason: str, arn: str = VERSION) -> Model:
    return update_failed("NotUpdatable", f"{name} cannot be updated in place: {reason}", arn)


def card(content: Model) -> Model:
    """The property with this card, also as an update's argument."""
    return {"ModelCard": content}


def types(*names: str) -> Model:
    """A specification with these content types."""
    containers = [{"Image": IMAGE}]
    return {"InferenceSpecification": {"Containers": containers, "SupportedContentTypes": [*names]}}


def without_keys(*keys: str) -> Model:
    """The argument that removes these keys of the metadata."""
    return {"CustomerMetadataPropertiesToRemove": [*keys]}


def single(name: str) -> Model:
    """The property that adds one specification."""
    return {"AdditionalInferenceSpecificationDefinition": extra(name)}


# --- the previous state is the old template, or the model that was last returned --------------------

TOGETHER: Model = APPROVED | FINE | metadata(a="1") | SOURCE | PROD_STAGE | REGISTERED
CLASSIFICATION = {"Task": "CLASSIFICATION"}
SERVICE_MEMBERS: Model = {
    "ModelPackageVersion": "9",
    "ModelPackageStatusDetails": {"ValidationStatuses": []},
    "ModelPackageStatusItem": {"Name": "other", "Status": "Failed"},
    "LastModifiedTime": "2001-01-01T00:00:00+00:00",
    "CreatedBy": {"UserProfileName": "jo"},
    "LastModifiedBy": {"UserProfileName": "al"},
    "ClientToken": "another",
}
# desired, previous and live, arguments of the update (None: nothing is written)
CHANGES: dict[str, tuple[Model, Model, Model | None]] = {
    "nothing changed, nothing written": ({}, {}, None),
    "an approval": (APPROVED, REJECTED, APPROVED),
    "an approval that left the template is taken back": ({}, APPROVED, PENDING),
    "an approval description goes with its status": (
        APPROVED | NOW_FINE,
        APPROVED | FINE,
        APPROVED | NOW_FINE,
    ),
    "an approval description alone goes with the live status": (FINE, {}, PENDING | FINE),
    "an approval description that left the template is emptied": (
        APPROVED,
        APPROVED | FINE,
        APPROVED | NO_DESCRIPTION,
    ),
    "status and description that left the template": ({}, APPROVED | FINE, PENDING | NO_DESCRIPTION),
    "metadata: changed and new keys in one map, dropped keys by name": (
        metadata(a="1", b="3", d="4"),
        metadata(a="1", b="2", c="3"),
        metadata(b="3", d="4") | without_keys("c"),
    ),
    "metadata: all keys can be dropped": ({}, metadata(a="1", b="2"), without_keys("a", "b")),
    "metadata: an empty map drops all keys": (metadata(), metadata(a="1"), without_keys("a")),
    "a new specification is added": (extras("a", "b"), extras("a"), to_add("b")),
    "a specification to add is added unless its name is there": (
        extras("a") | to_add("a", "b"),
        extras("a"),
        to_add("b"),
    ),
    "a single specification is added": (single("b"), {}, to_add("b")),
    "a specification may move from the list to those to add": (to_add("a"), extras("a"), None),
    "a source is set when there was none": (SOURCE, {}, SOURCE),
    "a source is changed if the service accepts it": (NEW_SOURCE, SOURCE, NEW_SOURCE),
    "a life cycle": (PROD_STAGE, TEST_STAGE, PROD_STAGE),
    "a registration type": (REGISTERED, LOGGED, REGISTERED),
    "a card's status alone": (card(NEW_CARD), card(NEW_DRAFT), card(NEW_STATUS)),
    "a card's content alone": (card(NEW_CONTENT), {}, card(NEW_CONTENT)),
    "all that can go together goes in one call": (TOGETHER | extras("b"), {}, TOGETHER | to_add("b")),
    "what belongs to the service, and the token, change nothing": (SERVICE_MEMBERS, {}, None),
    "a default that is spelled out changes nothing": (
        {"CertifyForMarketplace": "false", "SkipModelValidation": "None"},
        {},
        None,
    ),
    "the ARN of the group is the same as its name": ({"ModelPackageGroupName": GROUP_ARN}, {}, None),
    "an empty list of tags changes nothing": ({"Tags": []}, {}, None),
}
EMPTY_METRICS: Model = {"ModelMetrics": {"Bias": {}, "Explainability": {}}}
# desired, previous, live, arguments
COMPLETED: dict[str, tuple[Model, Model, Model, Model | None]] = {
    "a specification that was added once is not added again": (
        to_add("b"),
        to_add("b"),
        {"AdditionalInferenceSpecifications": [live_extra("b")]},
        None,
    ),
    "a specification that was added later is not missing from the list": (
        extras("a") | single("b"),
        extras("a") | to_add("b"),
        extras("a", "b"),
        None,
    ),
    "what SageMaker filled in is no change": (
        {"InferenceSpecification": specification()},
        {"InferenceSpecification": specification()},
        {"InferenceSpecification": live_specification(ModelDataETag="e1")},
        None,
    ),
    "another order is no change": (types("a", "b"), types("a", "b"), types("b", "a"), None),
    "an empty object is no change against none": (
        EMPTY_METRICS,
        EMPTY_METRICS,
        {"ModelMetrics": {"Explainability": {}}},
        None,
    ),
    "a whole answer changes nothing": (version_model(**AS_DESCRIBED), {}, AS_DESCRIBED, None),
}
# What a change from outside the stack leaves to send, with the same columns.
FROM_OUTSIDE: dict[str, tuple[Model, Model | None, Model, Model | None]] = {
    "an approval that no template gave": ({}, {}, APPROVED, None),
    "a rejection of what both templates approve": (APPROVED, APPROVED, REJECTED, None),
    "metadata, new keys and values": (metadata(a="1"), metadata(a="1"), metadata(a="2", z="9"), None),
    "metadata, a key that is gone already": ({}, metadata(a="1"), metadata(z="9"), None),
    "a specification": ({}, {}, extras("z"), None),
    "a life cycle": (TEST_STAGE, TEST_STAGE, PROD_STAGE, None),
    "a source": ({}, {}, SOURCE, None),
    "a model card": ({}, {}, card(NEW_CONTENT), None),
    "what was done outside already": (APPROVED, {}, APPROVED, None),
    "no containers for an environment that left the template": ({}, {"Environment": {"A": "b"}}, {}, None),
    "a description from outside is emptied": (NO_DESCRIPTION, FINE, NOW_FINE, PENDING | NO_DESCRIPTION),
    "the live decision stays with a changed description": (
        APPROVED | NOW_FINE,
        APPROVED | FINE,
        REJECTED | FINE,
        REJECTED | NOW_FINE,
    ),
    "the live decision stays with a removed description": (
        APPROVED,
        APPROVED | FINE,
        REJECTED | FINE,
        REJECTED | NO_DESCRIPTION,
    ),
    "without a previous state, all that is not live": (
        CLASSIFICATION | metadata(a="1", c="3"),
        None,
        CLASSIFICATION | metadata(a="1"),
        metadata(c="3"),
    ),
}
OLD_TEMPLATE = {case: (new, old, old, sent) for case, (new, old, sent) in CHANGES.items()} | COMPLETED
LAST_RETURNED = {
    f"{case}, against the last returned model": (desired, version_model(**live), live, arguments)
    for case, (desired, _, live, arguments) in OLD_TEMPLATE.items()
}


@table("desired, previous, live, arguments", OLD_TEMPLATE | LAST_RETURNED | FROM_OUTSIDE)
def test_update_sends_only_what_differs(
    invoke: Invoker,
    script: Script,
    desired: Model,
    previous: Model | None,
    live: Model,
    arguments: Model | None,
) -> None:
    script.describe(VERSION, version(**live))
    if arguments:
        script.update(changed(**arguments))
        script.describe(VERSION, version())
    event = update(invoke, desired, previous)
    assert event == succeeded(version_model(**({} if arguments else live)))


def test_update_sends_changes_of_an_unversioned_package(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named())
    script.update(changed(NAMED, **APPROVED), REFUSED)
    event = invoke("UPDATE", {**NAMED_STATE, **APPROVED}, NAMED_STATE)
    assert event == update_failed("InvalidRequest", REFUSED, NAMED)


# --- what only a new package can be -----------------------------------------------------------------

CANNOT_CHANGE = "SageMaker cannot change it on an existing package"
METRICS = [{"Bias": {"Report": {"ContentType": "json", "S3Uri": f"s3://{name}/"}}} for name in "ab"]


CREATE_ONLY: list[tuple[Any, ...]] = [
    ("ModelPackageDescription", "old", "new"),
    ("Domain", "NATURAL_LANGUAGE_PROCESSING", "COMPUTER_VISION"),
    ("Task", "CLASSIFICATION", "REGRESSION"),
    ("SamplePayloadUrl", "s3://models/a", "s3://models/b"),
    ("InferenceSpecification", specification(), specification(ModelDataUrl="s3://models/m")),
    ("ValidationSpecification", validation("one"), validation("other")),
    ("SourceAlgorithmSpecification", *({"SourceAlgorithms": [{"AlgorithmName": n}]} for n in "ab")),
    ("MetadataProperties", {"CommitId": "a"}, {"CommitId": "b"}),
    ("ModelMetrics", *METRICS),
    ("DriftCheckBaselines", {"Bias": {}}, {"Bias": {"ConfigFile": {"S3Uri": "s3://b/"}}}),
    ("SecurityConfig", {"KmsKeyId": "a"}, {"KmsKeyId": "b"}),
    ("ManagedStorageType", None, "Restricted"),
    ("ClientToken", "mine", "another"),
    ("CertifyForMarketplace", False, True),
    ("CertifyForMarketplace", True, False),
    ("SkipModelValidation", "None", "All"),
    ("SkipModelValidation", "All", "None"),
]
SPECIFICATIONS = "AdditionalInferenceSpecifications"
TWO = [extra("a"), extra("b")]


@pytest.mark.parametrize(
    ("name", "previous", "desired", "reason"),
    [
        *((*row, CANNOT_CHANGE) for row in CREATE_ONLY),
        (
            SPECIFICATIONS,
            TWO,
            [extra("a", Description="other"), extra("b")],
            "a exists, and SageMaker can only add specifications",
        ),
        (
            SPECIFICATIONS,
            [extra("a", Description="one")],
            [extra("a")],
            "a exists, and SageMaker can only add specifications",
        ),
    ],
)
def test_update_of_what_only_a_new_package_can_be_is_not_updatable(
    invoke: Invoker, script: Script, name: str, previous: Any, desired: Any, reason: str
) -> None:
    states = [{} if value is None else {name: value} for value in (desired, previous)]
    script.describe(VERSION, version(**states[1]))
    assert update(invoke, *states) == not_updatable(name, reason)


@pytest.mark.parametrize(
    "source", ["AdditionalInferenceSpecificationsToAdd", "AdditionalInferenceSpecificationDefinition"]
)
def test_update_of_an_added_specification_is_not_updatable(
    invoke: Invoker, script: Script, source: str
) -> None:
    given = {"AdditionalInferenceSpecificationDefinition": extra("b"), **to_add("b")}[source]
    other = json.loads(json.dumps(given).replace(IMAGE, IMAGE + "2"))
    script.describe(VERSION, version(**extras("b")))
    text = f"{source} cannot be updated in place: b exists, and SageMaker can only add specifications"
    assert update(invoke, {source: other}, {source: given}) == update_failed("NotUpdatable", text)


# --- what is taken out of the template, and stays ---------------------------------------------------

CANNOT = "SageMaker cannot remove {}, which {}"
OUTSIDE = "changed outside the template since: {}, which {}"
WHOLE: Model = {
    **card(NEW_CARD),
    **SOURCE,
    **TEST_STAGE,
    **LOGGED,
    "CertifyForMarketplace": True,
    "SkipModelValidation": "All",
    "ModelPackageDescription": "old",
    "InferenceSpecification": specification(),
    "SecurityConfig": {"KmsKeyId": "a"},
}
# desired, previous, live, text
KEPT: dict[str, tuple[Model, Model, Model, str]] = {
    **{
        name: ({}, {name: value}, {name: value}, CANNOT.format(name, "stays"))
        for name, value in WHOLE.items()
    },
    "a life cycle that was changed outside": (
        {},
        TEST_STAGE,
        PROD_STAGE,
        CANNOT.format("ModelLifeCycle", "stays"),
    ),
    "a member of the card": (
        card(NEW_STATUS),
        card(NEW_CARD),
        card(NEW_CARD),
        CANNOT.format("ModelCard.ModelCardContent", "stays"),
    ),
    "two specifications": (
        {},
        extras("a", "b"),
        extras("a", "b"),
        CANNOT.format("AdditionalInferenceSpecifications a, b", "stay"),
    ),
    "a specification that was added": (
        {},
        to_add("b"),
        extras("b"),
        CANNOT.format("AdditionalInferenceSpecificationsToAdd b", "stays"),
    ),
    "a single specification": (
        {},
        single("b"),
        extras("b"),
        CANNOT.format("AdditionalInferenceSpecificationDefinition b", "stays"),
    ),
    "an approval": ({}, APPROVED, REJECTED, OUTSIDE.format("ModelApprovalStatus", "stays")),
    "an approval description": ({}, FINE, NOW_FINE, OUTSIDE.format("ApprovalDescription", "stays")),
    "a key of the metadata": (
        metadata(b="2"),
        metadata(a="1", b="2"),
        metadata(a="9", b="2"),
        OUTSIDE.format("CustomerMetadataProperties.a", "stays"),
    ),
    "both kinds": (
        {},
        metadata(a="1") | LOGGED,
        metadata(a="2") | LOGGED,
        CANNOT.format("ModelPackageRegistrationType", "stays")
        + ". "
        + OUTSIDE.format("CustomerMetadataProperties.a", "stays"),
    ),
}


@table("desired, previous, live, text", KEPT)
def test_update_names_what_stays(
    invoke: Invoker, script: Script, desired: Model, previous: Model, live: Model, text: str
) -> None:
    script.describe(VERSION, version(**live))
    assert update(invoke, desired, previous) == succeeded(
        version_model(**live), message("UPDATE", VERSION, text)
    )


def test_update_names_tags_that_were_changed_outside(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named(), tags={"a": "9", "b": "2"})
    script.expect("DeleteTags", {"ResourceArn": NAMED, "TagKeys": ["b"]}, {})
    script.describe(NAMED, named(), tags={"a": "9"})
    previous = {**NAMED_STATE, "Tags": tag_list({"a": "1", "b": "2"})}
    text = message("UPDATE", NAMED, OUTSIDE.format("Tags.a", "stays"))
    expected = succeeded(named_model(Tags=tag_list({"a": "9"})), text)
    assert invoke("UPDATE", NAMED_STATE, previous) == expected


def test_refused_removal_of_the_environment_leaves_it(invoke: Invoker, script: Script) -> None:
    given, defaults = specification(), {"Environment": {"A": "1"}}
    live = version(InferenceSpecification=live_specification(**defaults))
    script.describe(VERSION, live)
    script.update(changed(InferenceSpecification=live_specification(Environment={})), REFUSED)
    event = update(invoke, {"InferenceSpecification": given}, {"InferenceSpecification": given, **defaults})
    model = version_model(InferenceSpecification=live["InferenceSpecification"])
    assert event == succeeded(model, message("UPDATE", VERSION, CANNOT.format("Environment.A", "stays")))


@table(
    "live, desired, text",
    {
        "too many specifications": (
            extras(*(f"s{i}" for i in range(15))),
            to_add("b"),
            "AdditionalInferenceSpecifications: the package has 15 additional specifications and can have 15,"
            " 1 more do not fit",
        ),
    },
)
def test_update_refuses_what_cannot_work_before_it_writes(
    invoke: Invoker, script: Script, live: Model, desired: Model, text: str
) -> None:
    script.describe(VERSION, version(**live))
    assert update(invoke, desired | APPROVED, {}) == update_failed("InvalidRequest", text)


OTHER_ACCOUNT = "arn:aws:sagemaker:eu-west-1:444455556666:model-package-group/churn"


@table(
    "arn, desired, reason",
    {
        "another name": (NAMED, {"ModelPackageName": "other"}, "rename a package"),
        "a name for a version": (VERSION, {"ModelPackageName": "other"}, "rename a package"),
        "another group": (VERSION, {"ModelPackageGroupName": "other"}, ""),
        "a group of another account": (VERSION, {"ModelPackageGroupName": OTHER_ACCOUNT}, ""),
        "a group for an unversioned package": (NAMED, IN_GROUP, ""),
    },
)
def test_update_of_name_or_group_is_not_updatable(
    invoke: Invoker, script: Script, arn: str, desired: Model, reason: str
) -> None:
    script.describe(arn, version() if arn == VERSION else named())
    event = invoke("UPDATE", {"ModelPackageArn": arn, **desired}, {"ModelPackageArn": arn})
    text = f"SageMaker cannot {reason}" if reason else "a version cannot move to another group"
    assert event == not_updatable(next(iter(desired)), text, arn)


def test_update_with_the_generated_name_changes_nothing(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named(), tags={})
    assert invoke("UPDATE", NAMED_STATE, {"ModelPackageArn": NAMED}) == succeeded(named_model())


def test_update_refuses_a_name_beside_a_group(invoke: Invoker) -> None:
    assert update(invoke, SCORER, {}) == update_failed("InvalidRequest", BOTH_NAMES)


def test_update_that_is_not_updatable_writes_nothing(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named(Task="CLASSIFICATION"))
    desired = {**NAMED_STATE, "Task": "REGRESSION", "Tags": tag_list({"a": "1"}), **APPROVED}
    event = invoke("UPDATE", desired, {**NAMED_STATE, "Task": "CLASSIFICATION"})
    assert event == not_updatable("Task", CANNOT_CHANGE, NAMED)


# --- probes: what the service may refuse ------------------------------------------------------------

BAD_VALUE = "1 validation error detected: Value 'x' at '{}' failed to satisfy"


BAD_SOURCE = error("ValidationException", BAD_VALUE.format("sourceUri"))
BUSY = error("ConflictException", "busy")
ALREADY_ARCHIVED = error("ValidationException", "Model Card is in Archived state")
NOT_NEW_CARD = not_updatable("ModelCard", REFUSED.text)


def test_probe_comes_before_all_other_calls(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(**SOURCE))
    script.update(changed(**NEW_SOURCE))
    script.update(changed(**APPROVED))
    script.describe(VERSION, version(**NEW_SOURCE, **APPROVED))
    event = update(invoke, NEW_SOURCE | APPROVED, SOURCE)
    assert event == succeeded(version_model(**NEW_SOURCE, **APPROVED))


@table(
    "reply, expected",
    {
        "a refusal replaces the package": (REFUSED, not_updatable("SourceUri", REFUSED.text)),
        "a bad value stays one": (
            BAD_SOURCE,
            update_failed("InvalidRequest", f"{BAD_VALUE.format('SourceUri')} (ValidationException)"),
        ),
        "a missing permission stays one": (DENIED, update_failed("AccessDenied", DENIED)),
        "a conflict stays one": (BUSY, update_failed("ResourceConflict", BUSY)),
    },
)
def test_probe_that_fails_ends_the_update(
    invoke: Invoker, script: Script, reply: Reply, expected: Model
) -> None:
    script.describe(VERSION, version(**SOURCE))
    script.update(changed(**NEW_SOURCE), reply)
    assert update(invoke, NEW_SOURCE | APPROVED, SOURCE) == expected


CARD_AND_SOURCE = (NEW_SOURCE | card(NEW_CARD), SOURCE | card(CARD))
CARD_AND_ENVIRONMENT = (card(NEW_DRAFT), card(CARD) | {"Environment": {"A": "1"}})


@table(
    "desired, previous, names",
    {
        "two values": (*CARD_AND_SOURCE, "ModelCard and SourceUri"),
        "a removal and a value": (*CARD_AND_ENVIRONMENT, "Environment and ModelCard"),
        "its rollback": (*CARD_AND_ENVIRONMENT[::-1], "Environment and ModelCard"),
    },
)
def test_two_probes_are_not_updatable_at_once(
    invoke: Invoker, script: Script, desired: Model, previous: Model, names: str
) -> None:
    given = {"InferenceSpecification": specification()}
    variables = previous.get("Environment", {})
    live = {name: value for name, value in previous.items() if name != "Environment"}
    containers = live_specification(Environment=variables) if variables else live_specification()
    script.describe(VERSION, version(InferenceSpecification=containers, **live))
    event = update(invoke, given | desired, given | previous)
    text = f"{names} cannot be updated in place together: SageMaker may refuse either"
    assert event == update_failed("NotUpdatable", text)


@table(
    "live, updates, expected",
    {
        "content and status go in two calls": (CARD, [(NEW_CONTENT,), (NEW_STATUS,)], None),
        "the first call is undone": (
            CARD,
            [(NEW_CONTENT,), (NEW_STATUS, REFUSED), (OLD_CONTENT,)],
            NOT_NEW_CARD,
        ),
        "a first card goes in one call": (None, [(NEW_CARD,)], None),
        "undoing is denied": (
            CARD,
            [(NEW_CONTENT,), (NEW_STATUS, REFUSED), (OLD_CONTENT, DENIED)],
            update_failed("AccessDenied", f"ModelCard is half changed. {DENIED.text}"),
        ),
        "an archived card gets its status before its content": (
            CARD | ARCHIVED,
            [(NEW_STATUS,), (NEW_CONTENT, REFUSED), (ARCHIVED,)],
            NOT_NEW_CARD,
        ),
    },
)
def test_update_of_a_card(
    invoke: Invoker,
    script: Script,
    live: Model | None,
    updates: list[tuple[Any, ...]],
    expected: Model | None,
) -> None:
    previous = card(live) if live else {}
    script.describe(VERSION, version(**previous))
    for content, *reply in updates:
        script.update(changed(**card(content)), *reply)
    if expected is None:
        script.describe(VERSION, version(**card(NEW_CARD)))
    event = update(invoke, card(NEW_CARD), previous)
    assert event == (expected or succeeded(version_model(**card(NEW_CARD))))


def test_archived_card_takes_no_new_content(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(**card(CARD | ARCHIVED)))
    script.update(changed(**card(NEW_CONTENT)), ALREADY_ARCHIVED)
    event = update(invoke, card(NEW_CONTENT), card(CARD))
    assert event == not_updatable("ModelCard", ALREADY_ARCHIVED.text)


def test_half_changed_card_is_finished_at_the_next_poll(invoke: Invoker, script: Script) -> None:
    states = card(NEW_CARD), card(CARD)
    script.describe(VERSION, version(**card(CARD)))
    script.update(changed(**card(NEW_CONTENT)))
    script.update(changed(**card(NEW_STATUS)), EXPIRED)
    event = update(invoke, *states)
    desired = {**VERSION_STATE, **states[0]}
    assert event == in_progress(desired, 1, arn=VERSION, stage="writing", polls=1, failed_polls=1)
    script.describe(VERSION, version(**card(CARD | NEW_CONTENT)))
    script.update(changed(**card(NEW_STATUS)))
    script.describe(VERSION, version(**card(NEW_CARD)))
    event = update(invoke, *states, event["callbackContext"])
    assert event == succeeded(version_model(**card(NEW_CARD)))


@table(
    "previous, context",
    {
        "at a later poll": (CARD, {"arn": VERSION, "stage": "writing"}),
        "after an attempt that was cut off": (CARD, None),
        "after an attempt at a first card that was cut off": (None, None),
    },
)
def test_half_changed_card_that_is_refused_is_undone_if_it_can_be(
    invoke: Invoker, script: Script, previous: Model | None, context: Any
) -> None:
    script.describe(VERSION, version(**card((previous or {}) | NEW_CONTENT)))
    script.update(changed(**card(NEW_STATUS)), REFUSED)
    if previous:
        script.update(changed(**card(OLD_CONTENT)))
    expected = NOT_NEW_CARD if previous else update_failed("InvalidRequest", HALF_CHANGED)
    assert update(invoke, card(NEW_CARD), card(previous) if previous else {}, context) == expected


@pytest.mark.parametrize("is_done", [True, False], ids=["another invocation was faster", "none was"])
def test_first_card_that_is_refused(invoke: Invoker, script: Script, is_done: bool) -> None:
    desired = card(NEW_CARD)
    script.describe(VERSION, version())
    script.update(changed(**desired), REFUSED)
    script.describe(VERSION, version(**desired) if is_done else version())
    if is_done:
        script.describe(VERSION, version(**desired))
    expected = succeeded(version_model(**desired)) if is_done else NOT_NEW_CARD
    assert update(invoke, desired, {}) == expected


@table(
    "described, is_done",
    {
        "another invocation was faster": (version(**card(NEW_CONTENT | ARCHIVED)), True),
        "none was": (version(**card(CARD | ARCHIVED)), False),
        "it is gone": (absent(VERSION), False),
    },
)
def test_card_that_another_invocation_archived_is_as_desired(
    invoke: Invoker, script: Script, described: Any, is_done: bool
) -> None:
    desired = card(NEW_CONTENT | ARCHIVED)
    script.describe(VERSION, version(**card(CARD)))
    script.update(changed(**card(NEW_CONTENT)), REFUSED)
    script.describe(VERSION, described)
    expected = NOT_NEW_CARD
    if is_done:
        script.update(changed(**card(ARCHIVED)))
        script.describe(VERSION, version(**desired))
        expected = succeeded(version_model(**desired))
    assert update(invoke, desired, card(CARD)) == expected


# --- calls that were made without an answer ---------------------------------------------------------


@pytest.mark.parametrize("is_done", [True, False])
def test_refusal_of_what_an_attempt_has_done_is_success(
    invoke: Invoker, script: Script, is_done: bool
) -> None:
    """The answer to the first attempt was lost, and the service takes no notice of the token."""
    sent = to_add("b") | metadata(a="1") | without_keys("z")
    live = version(
        AdditionalInferenceSpecifications=[extra("b", Description="") if is_done else extra("c")],
        **metadata(a="1"),
    )
    script.describe(VERSION, version(**metadata(z="0")))
    script.update(changed(**sent), UNAVAILABLE)
    script.update(changed(**sent), REFUSED)
    script.describe(VERSION, *([live, live] if is_done else [live]))
    event = update(invoke, to_add("b") | metadata(a="1"), metadata(z="0"))
    if is_done:
        assert event["status"] == "SUCCESS"
    else:
        assert event == update_failed("InvalidRequest", REFUSED)


def test_refusal_of_a_description_that_is_empty_is_success(invoke: Invoker, script: Script) -> None:
    """Describe leaves an empty description out."""
    script.describe(VERSION, version(**FINE))
    script.update(changed(**PENDING, **NO_DESCRIPTION), UNAVAILABLE)
    script.update(changed(**PENDING, **NO_DESCRIPTION), REFUSED)
    script.describe(VERSION, version(), version())
    assert update(invoke, {}, FINE) == succeeded(version_model())


@pytest.mark.parametrize("context", [None, {"arn": NAMED, "stage": "writing", "polls": 1}])
def test_update_that_is_denied_a_part_says_what_is_done(
    invoke: Invoker, script: Script, context: Any
) -> None:
    desired = {**NAMED_STATE, **APPROVED, "Tags": tag_list({"a": "1"})}
    script.describe(NAMED, named(**(APPROVED if context else {})), tags={})
    if context is None:
        script.update(changed(NAMED, **APPROVED))
    script.add_tags(NAMED, {"a": "1"}, DENIED)
    event = invoke("UPDATE", desired, NAMED_STATE, context)
    assert event == update_failed("AccessDenied", f"{HALF_DONE}. {DENIED.text}", NAMED)


def test_update_that_is_half_written_is_finished_at_the_next_poll(invoke: Invoker, script: Script) -> None:
    desired = {**NAMED_STATE, **APPROVED, "Tags": tag_list({"a": "1", "b": "2"})}
    previous = {**NAMED_STATE, "Tags": tag_list({"b": "2", "c": "3"})}
    script.describe(NAMED, named(), tags={"b": "2", "c": "3"})
    script.update(changed(NAMED, **APPROVED))
    script.add_tags(NAMED, {"a": "1"})
    script.delete_tags(NAMED, ["c"], EXPIRED)
    event = invoke("UPDATE", desired, previous)
    assert event == in_progress(desired, 1, arn=NAMED, stage="writing", polls=1, failed_polls=1)
    script.describe(NAMED, named(**APPROVED), tags={"a": "1", "b": "2", "c": "3"})
    script.delete_tags(NAMED, ["c"])
    script.describe(NAMED, named(**APPROVED), tags={"a": "1", "b": "2"})
    event = invoke("UPDATE", desired, previous, event["callbackContext"])
    assert event == succeeded(named_model(**APPROVED, Tags=tag_list({"a": "1", "b": "2"})))


# --- the environment --------------------------------------------------------------------------------

FAST, SLOW = {"MODE": "fast"}, {"MODE": "slow"}


@table(
    "desired, previous, own, live, expected",
    {
        "a changed default": (SLOW, FAST, {}, FAST, SLOW),
        "a new default": (FAST | {"L": "2"}, FAST, {}, FAST, FAST | {"L": "2"}),
        "a dropped default": ({}, FAST, {}, FAST | {"Z": "9"}, {"Z": "9"}),
        "a container's own key wins": (
            SLOW | {"L": "2"},
            FAST,
            {"MODE": "own"},
            {"MODE": "own"},
            {"MODE": "own", "L": "2"},
        ),
    },
)
def test_environment_goes_into_the_live_specification(
    invoke: Invoker, script: Script, desired: Model, previous: Model, own: Model, live: Model, expected: Model
) -> None:
    given = {"InferenceSpecification": specification(**({"Environment": own} if own else {}))}
    after = live_specification(Environment=expected)
    script.describe(VERSION, version(InferenceSpecification=live_specification(Environment=live)))
    script.update(changed(InferenceSpecification=after))
    script.describe(VERSION, version(InferenceSpecification=after))
    event = update(invoke, {**given, "Environment": desired}, {**given, "Environment": previous})
    assert event == succeeded(version_model(InferenceSpecification=after))


def test_environment_that_is_live_is_not_sent(invoke: Invoker, script: Script) -> None:
    live = {"InferenceSpecification": live_specification(Environment=FAST)}
    script.describe(VERSION, version(**live))
    desired = {"InferenceSpecification": specification(), "Environment": FAST}
    assert update(invoke, desired, version_model(**live)) == succeeded(version_model(**live))


def test_environment_that_is_refused_is_not_updatable(invoke: Invoker, script: Script) -> None:
    given = {"InferenceSpecification": specification()}
    script.describe(VERSION, version(InferenceSpecification=live_specification()))
    script.expect("UpdateModelPackage", ANY, REFUSED)
    event = update(invoke, {**given, "Environment": {"A": "b"}}, given)
    assert event == not_updatable("Environment", REFUSED.text)


def test_environment_of_an_unversioned_package_is_refused_without_a_call(invoke: Invoker) -> None:
    event = invoke("UPDATE", {**NAMED_STATE, "Environment": {"A": "b"}}, NAMED_STATE)
    assert event == update_failed("InvalidRequest", f"Environment {NO_ENVIRONMENT}", NAMED)


def test_update_puts_all_faults_into_one_message_without_a_call(invoke: Invoker) -> None:
    desired = {
        "ModelApprovalStatus": "Yes",
        "ModelMetrics": [],
        **extras("a"),
        "AdditionalInferenceSpecificationsToAdd": [extra("a", Description="other")],
        "Tags": tag_list({"mine": "1"}),
    }
    assert update(invoke, desired, {}) == update_failed(
        "InvalidRequest",
        "4 problems: (1) ModelMetrics must be an object, not a list: leave out the hyphen or the brackets"
        " (2) ModelApprovalStatus must be one of Approved, Rejected, PendingManualApproval"
        " (3) AdditionalInferenceSpecificationsToAdd[0] has the name of AdditionalInferenceSpecifications[0]"
        " and other content: give it a name of its own, or the same content"
        f" (4) {NO_VERSION_TAGS}",
    )


# --- waiting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["Pending", "InProgress"])
def test_update_waits_for_a_busy_package_before_it_writes(
    invoke: Invoker, script: Script, status: str
) -> None:
    desired = {**VERSION_STATE, **APPROVED}
    context = None
    for polls in (1, 2):
        script.describe(VERSION, version(ModelPackageStatus=status))
        event = invoke("UPDATE", desired, VERSION_STATE, context)
        assert event == in_progress(desired, polls, arn=VERSION, stage="waiting", polls=polls)
        context = event["callbackContext"]
    script.describe(VERSION, version())
    script.update(changed(**APPROVED))
    script.describe(VERSION, version(**APPROVED))
    assert invoke("UPDATE", desired, VERSION_STATE, context) == succeeded(version_model(**APPROVED))


def test_update_waits_for_the_package_and_does_not_write_again(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    script.update(changed(**SOURCE))
    script.describe(VERSION, version(ModelPackageStatus="InProgress"))
    event = update(invoke, SOURCE, {})
    assert event == in_progress({**VERSION_STATE, **SOURCE}, 1, arn=VERSION, stage="written", polls=1)
    script.describe(VERSION, version())
    assert update(invoke, SOURCE, {}, event["callbackContext"]) == succeeded(version_model())


def test_update_of_a_failed_package_notes_the_reason(invoke: Invoker, script: Script) -> None:
    failures = failed_items(("batch", "out of memory"))
    script.describe(VERSION, failed_version(failures))
    script.update(changed(**REJECTED))
    described = failed_version(failures) | REJECTED
    script.describe(VERSION, described)
    reason = "validation profile batch: out of memory"
    item = {"Name": "churn", "Status": "Failed", "FailureReason": reason}
    expected = version_model(**described | {"CreationTime": CREATED_ISO, "ModelPackageStatusItem": item})
    note = message("UPDATE", VERSION, f"the package's status is Failed: {reason}")
    assert update(invoke, REJECTED, {}) == succeeded(expected, note)


def test_update_that_broke_the_package_fails(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    script.update(changed(**REJECTED))
    script.describe(VERSION, version(ModelPackageStatus="InProgress"))
    event = update(invoke, REJECTED, {})
    script.describe(VERSION, failed_version(failed_items(("batch", "out of memory"))))
    text = "since the update the package's status is Failed: validation profile batch: out of memory"
    expected = update_failed("NotStabilized", text)
    assert update(invoke, REJECTED, {}, event["callbackContext"]) == expected


def test_update_of_a_failed_package_stays_a_success_at_a_later_poll(invoke: Invoker, script: Script) -> None:
    failures = failed_items(("batch", "out of memory"))
    script.describe(VERSION, failed_version(failures))
    script.update(changed(**REJECTED))
    script.describe(VERSION, version(ModelPackageStatus="InProgress"))
    event = update(invoke, REJECTED, {})
    assert event["callbackContext"]["was_failed"] is True
    script.describe(VERSION, failed_version(failures))
    assert update(invoke, REJECTED, {}, event["callbackContext"])["status"] == "SUCCESS"


UNKNOWN = absent(VERSION)


@table(
    "second, stage",
    {
        "by the update, after a first call": (UNKNOWN, "writing"),
        "by Describe, after the calls": (None, "written"),
    },
)
def test_update_waits_for_a_package_that_is_unknown_after_a_write(
    invoke: Invoker, script: Script, second: Reply | None, stage: str
) -> None:
    script.describe(VERSION, version(**card(CARD)))
    script.update(changed(**card(NEW_CONTENT)))
    script.update(changed(**card(NEW_STATUS)), second)
    if second is None:
        script.describe(VERSION, UNKNOWN)
    event = update(invoke, card(NEW_CARD), card(CARD))
    desired = {**VERSION_STATE, **card(NEW_CARD)}
    assert event == in_progress(desired, 1, arn=VERSION, stage=stage, polls=1, unseen_seconds=1)
    for _ in range(6):
        script.describe(VERSION, UNKNOWN)
        event = update(invoke, card(NEW_CARD), card(CARD), event["callbackContext"])
    text = (
        "SageMaker does not know the package any more since it was updated: it may have been deleted"
        " meanwhile"
    )
    assert event == update_failed("NotStabilized", text)


def test_update_that_does_not_know_the_package_before_a_write_is_not_found(
    invoke: Invoker, script: Script
) -> None:
    script.describe(VERSION, version())
    script.update(changed(**REJECTED), UNKNOWN)
    assert update(invoke, REJECTED, {})["errorCode"] == "NotFound"


def test_update_waits_for_tags_of_a_package_that_is_unknown(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named(), tags={})
    script.expect("AddTags", {"ResourceArn": NAMED, "Tags": tag_list({"a": "1"})}, {})
    script.describe(NAMED, named())
    script.expect("ListTags", ANY, absent(NAMED))
    event = invoke("UPDATE", {**NAMED_STATE, "Tags": tag_list({"a": "1"})}, NAMED_STATE)
    assert event["status"] == "IN_PROGRESS"
    assert event["callbackContext"]["unseen_seconds"] == 1


def test_update_whose_specification_the_source_replaced_fails(invoke: Invoker, script: Script) -> None:
    given = {"InferenceSpecification": specification()}
    source = {"SourceUri": "arn:aws:sagemaker:eu-west-1:111122223333:model/m"}
    script.describe(VERSION, version(InferenceSpecification=live_specification()))
    script.update(changed(**source))
    other = live_specification() | {"Containers": [{"Image": f"{IMAGE}-other"}]}
    script.describe(VERSION, version(InferenceSpecification=other, **source))
    text = "SageMaker replaced the InferenceSpecification by that of SourceUri: give one of the two only"
    assert update(invoke, given | source, given) == update_failed("NotStabilized", text)


def test_update_cuts_a_long_note(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, failed_version(failed_items(("batch", "x" * 1500))))
    note = update(invoke, {}, {})["message"]
    text = "the package's status is Failed: validation profile batch: xxx"
    assert note.startswith(message("UPDATE", VERSION, text))
    assert len(note) <= 1000


def test_update_redacts_its_note(invoke: Invoker, script: Script) -> None:
    live = live_specification(Environment={"KEY": "hunter22"})
    failures = failed_items(("batch", "KEY is hunter22, which is bad"))
    script.describe(VERSION, failed_version(failures, InferenceSpecification=live))
    text = "the package's status is Failed: validation profile batch: KEY is ***, which is bad"
    assert update(invoke, {}, {})["message"] == message("UPDATE", VERSION, text)


@table(
    "reply, context, expected",
    {
        "it is absent": (absent(VERSION), None, not_found("UPDATE", VERSION, absent(VERSION))),
        "it is being deleted": (
            version(ModelPackageStatus="Deleting"),
            None,
            not_found("UPDATE", VERSION),
        ),
        "its status is unknown": (
            version(ModelPackageStatus="Archived"),
            None,
            update_failed("GeneralServiceException", UNKNOWN_STATUS),
        ),
        "the first poll fails": (DENIED, None, update_failed("AccessDenied", DENIED)),
        "polls keep failing": (
            EXPIRED,
            {"arn": VERSION, "stage": "waiting", "failed_polls": timing.MAX_FAILED_POLLS - 1},
            update_failed("InvalidCredentials", EXPIRED),
        ),
    },
)
def test_update_ends_with_what_a_poll_reports(
    invoke: Invoker, script: Script, reply: Any, context: Any, expected: Model
) -> None:
    script.describe(VERSION, reply)
    assert update(invoke, APPROVED, {}, context) == expected


OTHER = f"{VERSION[:-1]}9"


@table(
    "desired, missing, code",
    {
        "another package, which an argument names": ({"SourceUri": OTHER}, OTHER, "InvalidRequest"),
        "the package, which vanishes": (APPROVED, VERSION, "NotFound"),
    },
)
def test_update_whose_write_reports_an_absent_package(
    invoke: Invoker, script: Script, desired: Model, missing: str, code: str
) -> None:
    script.describe(VERSION, version())
    script.update(changed(**desired), absent(missing))
    assert update(invoke, desired, {}) == update_failed(code, absent(missing))


def test_update_without_an_arn_is_not_found(invoke: Invoker) -> None:
    assert invoke("UPDATE", SCORER, SCORER) == not_found("UPDATE", "scorer")


def test_update_repeats_a_failed_poll_without_writing_again(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    script.update(changed(**APPROVED))
    script.describe(VERSION, *[UNAVAILABLE] * 4)
    event = update(invoke, APPROVED, {})
    context = {"arn": VERSION, "stage": "written", "polls": 1, "failed_polls": 1}
    assert event == in_progress({**VERSION_STATE, **APPROVED}, 1, **context)
    script.describe(VERSION, version(**APPROVED))
    assert update(invoke, APPROVED, {}, event["callbackContext"]) == succeeded(version_model(**APPROVED))


# --- tags -------------------------------------------------------------------------------------------


def update_tags(invoke: Invoker, desired: Model | None, previous: Model | None, **stacks: Any) -> Model:
    """The event of an update of the unversioned package with these tags of its own."""
    states = (
        None if tags is None else {**NAMED_STATE, "Tags": tag_list(tags)} for tags in (desired, previous)
    )
    return invoke("UPDATE", *states, **stacks)


@table(
    "own, stack, previous, previous_stack, live, add, drop",
    {
        "add, overwrite": ({"a": "2", "b": "1"}, {}, {"a": "1"}, {}, {"a": "1"}, {"a": "2", "b": "1"}, []),
        "drop, leave others alone": ({}, {}, {"a": "1"}, {}, {"a": "1", "z": "9"}, {}, ["a"]),
        "add first, then drop": ({"b": "1"}, {}, {"a": "1"}, {}, {"a": "1"}, {"b": "1"}, ["a"]),
        "a stack tag": ({"a": "1"}, {"s": "2"}, {"a": "1"}, {"s": "1"}, {"a": "1", "s": "1"}, {"s": "2"}, []),
        "the stack's value returns": ({}, {"a": "s"}, {"a": "own"}, {"a": "s"}, {"a": "own"}, {"a": "s"}, []),
        "against the model that was last returned": (
            {"a": "2"},
            {"s": "1"},
            {"s": "1", "a": "1"},
            {"s": "1"},
            {"s": "1", "a": "1"},
            {"a": "2"},
            [],
        ),
        "none of AWS": ({"a": "1"}, {}, {"aws:c": "3"}, {}, {"aws:c": "3"}, {"a": "1"}, []),
        "nothing that is live already": ({"a": "1"}, {}, {}, {}, {"a": "1"}, {}, []),
        "nothing that is gone already": ({}, {}, {"a": "1"}, {}, {}, {}, []),
        "no previous state, no drop": ({"a": "1"}, {}, None, {}, {"z": "9"}, {"a": "1"}, []),
    },
)
def test_update_changes_tags_by_key(
    invoke: Invoker,
    script: Script,
    own: Model,
    stack: Model,
    previous: Model | None,
    previous_stack: Model,
    live: Model,
    add: Model,
    drop: list[str],
) -> None:
    after = {key: value for key, value in {**live, **add}.items() if key not in drop}
    script.describe(NAMED, named(), tags=live)
    if add:
        script.add_tags(NAMED, add)
    if drop:
        script.delete_tags(NAMED, drop)
    if add or drop:
        script.describe(NAMED, named())
    script.list_tags(NAMED, after)
    event = update_tags(invoke, own, previous, stackTags=stack, previousStackTags=previous_stack)
    mine = {key: value for key, value in after.items() if not key.startswith("aws:")}
    assert event == succeeded(named_model(Tags=tag_list(mine)))


def test_update_names_tags_of_aws_which_are_not_sent(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named(), tags={})
    event = update_tags(invoke, {"aws:b": "2"}, {})
    text = "Tags that begin with aws: are AWS's, and not sent: aws:b"
    assert event == succeeded(named_model(), message("UPDATE", NAMED, text))


@table(
    "own, previous, previous_stack, stack",
    {
        "as in the previous template, once the stack has other tags": (
            {"team": "risk"},
            {"team": "risk"},
            {"team": "risk"},
            {"team": "fraud"},
        ),
        "as in the previous template, once the stack has none": ({"a": "1"}, {"a": "1"}, {"a": "1"}, {}),
        "as the stack's": ({"team": "risk"}, {}, {}, {"team": "risk"}),
    },
)
def test_update_leaves_out_known_tags_of_a_version(
    invoke: Invoker, script: Script, own: Model, previous: Model, previous_stack: Model, stack: Model
) -> None:
    script.describe(VERSION, version())
    desired, known = ({**VERSION_STATE, "Tags": tag_list(tags)} for tags in (own, previous))
    event = invoke("UPDATE", desired, known, stackTags=stack, previousStackTags=previous_stack)
    assert event == succeeded(version_model())


@pytest.mark.parametrize("own", [{"team": "fraud"}, {"team": "risk", "mine": "1"}], ids=["changed", "new"])
def test_update_refuses_own_tags_of_a_version_without_a_call(invoke: Invoker, own: Model) -> None:
    desired, known = ({"Tags": tag_list(tags)} for tags in (own, {"team": "risk"}))
    assert update(invoke, desired, known) == update_failed("InvalidRequest", NO_VERSION_TAGS)


def test_update_accepts_two_values_of_a_previous_tag(invoke: Invoker, script: Script) -> None:
    """A rollback sends the template that was refused, which cannot be corrected any more."""
    refused = [*tag_list({"a": "1", "b": "2"}), *tag_list({"a": "3"})]
    script.describe(NAMED, named(), tags={"a": "1"})
    script.list_tags(NAMED, {"a": "1"})
    desired = {**NAMED_STATE, "Tags": tag_list({"a": "1"})}
    event = invoke("UPDATE", desired, {**NAMED_STATE, "Tags": refused})
    assert event == succeeded(named_model(Tags=tag_list({"a": "1"})))


def test_update_drops_tags_first_where_there_is_no_room(invoke: Invoker, script: Script) -> None:
    many = {f"k{i}": "1" for i in range(49)}
    previous, desired = {**many, "old": "1"}, {**many, "new": "1"}
    script.describe(NAMED, named(), tags=previous)
    script.delete_tags(NAMED, ["old"])
    script.add_tags(NAMED, {"new": "1"})
    script.describe(NAMED, named(), tags=desired)
    event = update_tags(invoke, desired, previous)
    assert event == succeeded(named_model(Tags=tag_list(desired)))


def test_update_does_not_read_tags_that_do_not_change(invoke: Invoker, script: Script) -> None:
    live = {"a": "changed outside", "z": "added outside"}
    script.describe(NAMED, named(), tags=live)  # for the model that is returned
    assert update_tags(invoke, {"a": "1"}, {"a": "1"}) == succeeded(named_model(Tags=tag_list(live)))


def test_update_of_stack_tags_leaves_a_version_alone(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    desired, previous = ({**VERSION_STATE, "Tags": tag_list({"team": team})} for team in ("new", "old"))
    stacks = {"stackTags": {"team": "new"}, "previousStackTags": {"team": "old"}}
    assert invoke("UPDATE", desired, previous, **stacks) == succeeded(version_model())


def test_update_through_the_test_entry_point(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named(), tags={})
    script.add_tags(NAMED, {"s": "1"})
    script.describe(NAMED, named(), tags={"s": "1"})
    tags = {"desiredResourceTags": {"s": "1"}}
    event = invoke.test("UPDATE", NAMED_STATE, previousResourceState=NAMED_STATE, **tags)
    assert event == succeeded(named_model(Tags=tag_list({"s": "1"})))


def test_update_approves_after_a_source_that_may_replace_the_specification(
    invoke: Invoker, script: Script
) -> None:
    given = {"InferenceSpecification": specification()}
    live = {"InferenceSpecification": live_specification()}
    source = {"SourceUri": "arn:aws:sagemaker:eu-west-1:111122223333:model/m"}
    script.describe(VERSION, version(**live))
    script.update(changed(**source))
    script.describe(VERSION, version(**live))
    event = update(invoke, given | source | APPROVED, given)
    assert event["callbackContext"]["stage"] == "writing"
    script.describe(VERSION, version(**live | source))
    script.update(changed(**APPROVED))
    script.describe(VERSION, version(**live | source | APPROVED))
    event = update(invoke, given | source | APPROVED, given, event["callbackContext"])
    assert event == succeeded(version_model(**live | source | APPROVED))


def test_rollback_of_a_source_that_replaced_the_specification_says_so(
    invoke: Invoker, script: Script
) -> None:
    given = {"InferenceSpecification": specification()}
    source = {"SourceUri": "arn:aws:sagemaker:eu-west-1:111122223333:model/m"}
    other = {"InferenceSpecification": specification(Image=f"{IMAGE}-other")}
    script.describe(VERSION, version(**other | source))
    text = (
        f"{CANNOT.format('SourceUri', 'stays')}. InferenceSpecification is not the template's: SageMaker took"
        " it from SourceUri"
    )
    expected = succeeded(version_model(**other | source), message("UPDATE", VERSION, text))
    assert update(invoke, given, given | source) == expected


def test_update_whose_source_is_absent_is_a_bad_request(invoke: Invoker, script: Script) -> None:
    missing = error("ResourceNotFound", "The requested resource was not found.")
    script.describe(VERSION, version(**SOURCE))
    script.update(changed(**NEW_SOURCE), missing)
    expected = update_failed("InvalidRequest", f"SourceUri: {missing.text}")
    assert update(invoke, NEW_SOURCE, SOURCE) == expected


def test_update_that_broke_the_package_with_a_lost_answer_fails(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, failed_version(failed_items(("batch", "out of memory"))) | REJECTED)
    event = update(invoke, REJECTED, {}, {"arn": VERSION, "stage": "writing", "polls": 1})
    assert event["errorCode"] == "NotStabilized"


def test_update_that_is_refused_after_a_probe_is_half_done(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(**SOURCE))
    script.update(changed(**NEW_SOURCE))
    script.update(changed(**APPROVED), BUSY)
    event = update(invoke, NEW_SOURCE | APPROVED, SOURCE)
    assert event["status"] == "IN_PROGRESS"
    script.describe(VERSION, version(**NEW_SOURCE))
    script.update(changed(**APPROVED), DENIED)
    event = update(invoke, NEW_SOURCE | APPROVED, SOURCE, event["callbackContext"])
    assert event == update_failed("AccessDenied", f"{HALF_DONE}. {DENIED.text}")
