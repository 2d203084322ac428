"""Update: in place what can be, in the right order; otherwise NotUpdatable with nothing written."""

from __future__ import annotations

from typing import Any

import pytest

from aws_sagemaker_modelpackage import timing

from .conftest import Invoker
from .events import (
    APPROVED,
    AS_DESCRIBED,
    HALF_DONE,
    IMAGE,
    IN_GROUP,
    NAMED,
    NAMED_STATE,
    NO_DETAILS,
    PENDING,
    REJECTED,
    SCORER,
    STATE,
    VERSION,
    VERSION_STATE,
    Model,
    changed,
    does_not_exist,
    extra,
    extras,
    failed,
    failed_items,
    in_progress,
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
from .scripted_sagemaker import ANY, UNAVAILABLE, Reply, Script, absent, answer, error
from .tables import table

GROUP_ARN = "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/churn"
FINE = {"ApprovalDescription": "fine"}
NOW_FINE = {"ApprovalDescription": "now fine"}
NO_DESCRIPTION = {"ApprovalDescription": ""}
SOURCE = {"SourceUri": "s3://models/m"}
NEW_SOURCE = {"SourceUri": "s3://models/new"}
TEST_STAGE = {"ModelLifeCycle": {"Stage": "Test", "StageStatus": "Pending"}}
PROD_STAGE = {"ModelLifeCycle": {"Stage": "Prod", "StageStatus": "Approved"}}
LOGGED = {"ModelPackageRegistrationType": "Logged"}
REGISTERED = {"ModelPackageRegistrationType": "Registered"}
CARD = {"ModelCardContent": '{"old": 1}', "ModelCardStatus": "Draft"}
NEW_CARD = {"ModelCardContent": '{"new": 1}', "ModelCardStatus": "Approved"}
ARCHIVED_CARD = {"ModelCardContent": '{"new": 1}', "ModelCardStatus": "Archived"}
NEW_CONTENT = changed(ModelCard={"ModelCardContent": '{"new": 1}'})
NEW_STATUS = changed(ModelCard={"ModelCardStatus": "Approved"})
OLD_CONTENT = changed(ModelCard={"ModelCardContent": '{"old": 1}'})
REFUSED = error("ValidationException", "this cannot be updated")
REFUSED_TEXT = "this cannot be updated (ValidationException)"
DENIED = error("AccessDeniedException", "not authorized to perform: sagemaker:UpdateModelPackage")
DENIED_TEXT = "not authorized to perform: sagemaker:UpdateModelPackage (AccessDeniedException)"
EXPIRED = error("ExpiredTokenException", "expired")
HALF_CHANGED = "ModelCard is half changed"


def update(invoke: Invoker, desired: Model, previous: Model | None, context: Any = None) -> Model:
    """The event of an update of the version, whose states have these members beside its identity."""
    known = None if previous is None else {**VERSION_STATE, **previous}
    return invoke("UPDATE", {**VERSION_STATE, **desired}, known, context)


def update_failed(code: str, text: str, arn: str = VERSION) -> Model:
    return failed(code, "UPDATE", arn, text)


def not_updatable(name: str, reason: str, arn: str = VERSION) -> Model:
    return update_failed("NotUpdatable", f"{name} cannot be updated in place: {reason}", arn)


def types(*names: str) -> Model:
    """A specification with these content types."""
    containers = [{"Image": IMAGE}]
    return {"InferenceSpecification": {"Containers": containers, "SupportedContentTypes": [*names]}}


# --- the previous state is the old template, or the model that was last returned --------------------

# desired, previous template, live, arguments of the update (None: nothing is written)
CHANGES = {
    "nothing changed, nothing written": ({}, {}, {}, None),
    "an approval": (APPROVED, REJECTED, REJECTED, APPROVED),
    "an approval that left the template is taken back": ({}, APPROVED, APPROVED, PENDING),
    "an approval description goes with its status": (
        APPROVED | NOW_FINE,
        APPROVED | FINE,
        APPROVED | FINE,
        APPROVED | NOW_FINE,
    ),
    "an approval description alone goes with the live status": (FINE, {}, {}, PENDING | FINE),
    "an approval description that left the template is emptied": (
        APPROVED,
        APPROVED | FINE,
        APPROVED | FINE,
        APPROVED | NO_DESCRIPTION,
    ),
    "status and description that left the template go in one call": (
        {},
        APPROVED | FINE,
        APPROVED | FINE,
        PENDING | NO_DESCRIPTION,
    ),
    "metadata: changed and new keys in one map, dropped keys by name": (
        metadata(a="1", b="3", d="4"),
        metadata(a="1", b="2", c="3"),
        metadata(a="1", b="2", c="3"),
        metadata(b="3", d="4") | {"CustomerMetadataPropertiesToRemove": ["c"]},
    ),
    "metadata: all keys can be dropped": (
        {},
        metadata(a="1", b="2"),
        metadata(a="1", b="2"),
        {"CustomerMetadataPropertiesToRemove": ["a", "b"]},
    ),
    "metadata: an empty map drops all keys": (
        metadata(),
        metadata(a="1"),
        metadata(a="1"),
        {"CustomerMetadataPropertiesToRemove": ["a"]},
    ),
    "a new specification is added": (extras("a", "b"), extras("a"), extras("a"), to_add("b")),
    "a specification to add is added unless its name is there": (
        extras("a") | to_add("a", "b"),
        extras("a"),
        extras("a"),
        to_add("b"),
    ),
    "a single specification is added": (
        {"AdditionalInferenceSpecificationDefinition": extra("b")},
        {},
        {},
        to_add("b"),
    ),
    "a specification that was added once is not added again": (
        {"AdditionalInferenceSpecificationsToAdd": [extra("b", Description="again")]},
        to_add("b"),
        extras("b"),
        None,
    ),
    "a specification may move from the list to those to add": (to_add("a"), extras("a"), extras("a"), None),
    "a specification that was added later is not missing from the list": (
        extras("a") | {"AdditionalInferenceSpecificationDefinition": extra("b")},
        extras("a") | to_add("b"),
        extras("a", "b"),
        None,
    ),
    "a source is set when there was none": (SOURCE, {}, {}, SOURCE),
    "a source is changed if the service accepts it": (NEW_SOURCE, SOURCE, SOURCE, NEW_SOURCE),
    "a life cycle": (PROD_STAGE, TEST_STAGE, TEST_STAGE, PROD_STAGE),
    "a registration type": (REGISTERED, LOGGED, LOGGED, REGISTERED),
    "a card's status alone": (
        {"ModelCard": {"ModelCardContent": "{}", "ModelCardStatus": "Approved"}},
        {"ModelCard": {"ModelCardContent": "{}", "ModelCardStatus": "Draft"}},
        {"ModelCard": {"ModelCardContent": "{}", "ModelCardStatus": "Draft"}},
        {"ModelCard": {"ModelCardStatus": "Approved"}},
    ),
    "a card's content alone": (
        {"ModelCard": {"ModelCardContent": '{"a": 1}'}},
        {},
        {},
        {"ModelCard": {"ModelCardContent": '{"a": 1}'}},
    ),
    "what SageMaker filled in is no change": (
        {"InferenceSpecification": specification()},
        {"InferenceSpecification": specification()},
        {"InferenceSpecification": live_specification(ModelDataETag="e1")},
        None,
    ),
    "another order is no change": (types("a", "b"), types("a", "b"), types("b", "a"), None),
    "an empty object is no change against none": (
        {"ModelMetrics": {"Bias": {}, "Explainability": {}}},
        {"ModelMetrics": {"Bias": {}, "Explainability": {}}},
        {"ModelMetrics": {"Explainability": {}}},
        None,
    ),
    "what belongs to the service, and the token, change nothing": (
        {
            "ModelPackageVersion": "9",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "ModelPackageStatusItem": {"Name": "other", "Status": "Failed"},
            "LastModifiedTime": "2001-01-01T00:00:00+00:00",
            "CreatedBy": {"UserProfileName": "jo"},
            "LastModifiedBy": {"UserProfileName": "al"},
            "ClientToken": "another",
        },
        {},
        {},
        None,
    ),
    "a default that is spelled out changes nothing": (
        {"CertifyForMarketplace": "false", "SkipModelValidation": "None"},
        {},
        {},
        None,
    ),
    "the ARN of the group is the same as its name": ({"ModelPackageGroupName": GROUP_ARN}, {}, {}, None),
    "an empty list of tags changes nothing": ({"Tags": []}, {}, {}, None),
}


@pytest.mark.parametrize("last_returned", [False, True], ids=["old template", "last returned model"])
@table("desired, template, live, arguments", CHANGES)
def test_update_sends_only_what_differs(
    invoke: Invoker,
    script: Script,
    desired: Model,
    template: Model,
    live: Model,
    arguments: Model | None,
    last_returned: bool,
) -> None:
    script.describe(VERSION, version(**live))
    if arguments:
        script.update(changed(**arguments))
        script.describe(VERSION, version())
    event = update(invoke, desired, version_model(**live) if last_returned else template)
    assert event == succeeded(version_model(**({} if arguments else live)))


@table(
    "desired, previous, live",
    {
        "an approval that no template gave": ({}, {}, APPROVED),
        "a rejection of what the old template approved": ({}, APPROVED, REJECTED),
        "a rejection of what both templates approve": (APPROVED, APPROVED, REJECTED),
        "an approval description": ({}, FINE, NOW_FINE),
        "metadata, a changed and an added key": (metadata(a="1"), metadata(a="1"), metadata(a="2", z="9")),
        "metadata, a key that is gone already": ({}, metadata(a="1"), metadata(z="9")),
        "a specification": ({}, {}, extras("z")),
        "a life cycle": (TEST_STAGE, TEST_STAGE, PROD_STAGE),
        "a source": ({}, {}, SOURCE),
        "a model card": ({}, {}, {"ModelCard": {"ModelCardContent": "{}"}}),
        "what was done outside already": (APPROVED, {}, APPROVED),
        "no containers, so that an environment that left the template has nowhere to go": (
            {},
            {"Environment": {"A": "b"}},
            {},
        ),
    },
)
def test_update_leaves_changes_from_outside_the_stack(
    invoke: Invoker, script: Script, desired: Model, previous: Model, live: Model
) -> None:
    script.describe(VERSION, version(**live))
    assert update(invoke, desired, previous) == succeeded(version_model(**live))


def test_update_empties_a_description_from_outside(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(ApprovalDescription="not so fine"))
    script.update(changed(**PENDING, **NO_DESCRIPTION))
    script.describe(VERSION, version())
    assert update(invoke, NO_DESCRIPTION, FINE) == succeeded(version_model())


def test_update_without_previous_state_sends_what_is_not_live(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(Task="CLASSIFICATION", **metadata(a="1")))
    script.update(changed(**metadata(c="3")))
    script.describe(VERSION, version(**metadata(a="1", c="3")))
    event = update(invoke, {"Task": "CLASSIFICATION", **metadata(a="1", c="3")}, None)
    assert event == succeeded(version_model(**metadata(a="1", c="3")))


@pytest.mark.parametrize("description", [NOW_FINE, NO_DESCRIPTION], ids=["changed", "removed"])
def test_update_of_a_description_keeps_the_live_decision(
    invoke: Invoker, script: Script, description: Model
) -> None:
    script.describe(VERSION, version(**REJECTED, **FINE))
    script.update(changed(**REJECTED, **description))
    script.describe(VERSION, version(**REJECTED))
    desired = APPROVED | (NOW_FINE if description is NOW_FINE else {})
    assert update(invoke, desired, APPROVED | FINE) == succeeded(version_model(**REJECTED))


def test_update_with_a_whole_answer_changes_nothing(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(**AS_DESCRIBED))
    model = version_model(**AS_DESCRIBED)
    assert invoke("UPDATE", model, VERSION_STATE) == succeeded(model)


def test_update_refuses_an_unknown_status(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(ModelPackageStatus="Archived"))
    text = "SageMaker reports the status 'Archived', which this version of the handlers does not know"
    assert update(invoke, APPROVED, {}) == update_failed("GeneralServiceException", text)


def test_update_sends_all_that_can_go_together_in_one_call(invoke: Invoker, script: Script) -> None:
    sent: Model = APPROVED | FINE | metadata(a="1") | SOURCE | PROD_STAGE | REGISTERED
    script.describe(VERSION, version())
    script.update(changed(**sent, **to_add("b")))
    script.describe(VERSION, version(**sent, **extras("b")))
    assert update(invoke, sent | extras("b"), {}) == succeeded(version_model(**sent, **extras("b")))


def test_update_sends_changes_of_an_unversioned_package(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named())
    script.update(changed(NAMED, **APPROVED), error("ValidationException", "not for these"))
    event = invoke("UPDATE", {**NAMED_STATE, **APPROVED}, NAMED_STATE)
    assert event == update_failed("InvalidRequest", "not for these (ValidationException)", NAMED)


# --- what only a new package can be -----------------------------------------------------------------

CANNOT_CHANGE = "SageMaker cannot change it on an existing package"
CANNOT_REMOVE = "SageMaker cannot remove it from a package"
METRICS = [{"Bias": {"Report": {"ContentType": "json", "S3Uri": f"s3://{name}/"}}} for name in "ab"]


@pytest.mark.parametrize(
    ("name", "previous", "desired"),
    [
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
        ("CertifyForMarketplace", False, True),
        ("CertifyForMarketplace", True, None),
        ("SkipModelValidation", "None", "All"),
        ("SkipModelValidation", "All", None),
    ],
)
def test_update_of_a_create_only_property_is_not_updatable(
    invoke: Invoker, script: Script, name: str, previous: Any, desired: Any
) -> None:
    states = [{} if value is None else {name: value} for value in (desired, previous)]
    script.describe(VERSION, version(**states[1]))
    assert update(invoke, *states) == not_updatable(name, CANNOT_CHANGE)


@pytest.mark.parametrize("state", [{"ModelCard": {"ModelCardContent": "{}"}}, SOURCE, TEST_STAGE, LOGGED])
def test_update_that_removes_what_stays_is_not_updatable(
    invoke: Invoker, script: Script, state: Model
) -> None:
    script.describe(VERSION, version(**state))
    assert update(invoke, {}, state) == not_updatable(next(iter(state)), CANNOT_REMOVE)


@pytest.mark.parametrize(
    "state",
    [
        {"ModelPackageDescription": "old"},
        {"InferenceSpecification": specification()},
        {"SecurityConfig": {"KmsKeyId": "a"}},
    ],
)
def test_update_that_leaves_out_a_create_only_property_changes_nothing(
    invoke: Invoker, script: Script, state: Model
) -> None:
    script.describe(VERSION, version(**state))
    assert update(invoke, {}, state) == succeeded(version_model(**state))


@table(
    "desired, reason",
    {
        "one is changed": (
            {"AdditionalInferenceSpecifications": [extra("a", Description="other"), extra("b")]},
            "a exists, and SageMaker can only add specifications",
        ),
        "one is dropped": (extras("b"), "SageMaker cannot remove the specification a"),
        "all are dropped": (
            {},
            "SageMaker cannot remove the specification a; AdditionalInferenceSpecifications cannot be updated"
            " in place: SageMaker cannot remove the specification b",
        ),
    },
)
def test_update_can_only_add_specifications(
    invoke: Invoker, script: Script, desired: Model, reason: str
) -> None:
    script.describe(VERSION, version(**extras("a", "b")))
    event = update(invoke, desired, extras("a", "b"))
    assert event == not_updatable("AdditionalInferenceSpecifications", reason)


def test_update_notes_a_specification_to_add_that_stays(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(**extras("b")))
    note = message("UPDATE", VERSION, "SageMaker cannot remove additional specifications: b stay")
    assert update(invoke, {}, to_add("b")) == succeeded(version_model(**extras("b")), note)


def test_update_refuses_too_many_specifications_before_it_writes(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(**extras(*(f"s{i}" for i in range(15)))))
    text = (
        "AdditionalInferenceSpecifications: the package has 15 additional specifications and can have 15, 1"
        " more do not fit"
    )
    assert update(invoke, to_add("b") | APPROVED, {}) == update_failed("InvalidRequest", text)


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
    script.describe(NAMED, named())
    script.list_tags(NAMED, {})
    assert invoke("UPDATE", NAMED_STATE, {"ModelPackageArn": NAMED}) == succeeded(named_model())


def test_update_refuses_a_name_beside_a_group(invoke: Invoker) -> None:
    text = (
        "ModelPackageName and ModelPackageGroupName cannot both be set: a version is named by its group, an"
        " unversioned package by its own name. Remove one of them"
    )
    assert update(invoke, SCORER, {}) == update_failed("InvalidRequest", text)


def test_update_that_is_not_updatable_writes_nothing(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named(Task="CLASSIFICATION"))
    desired = {**NAMED_STATE, "Task": "REGRESSION", "Tags": tag_list({"a": "1"}), **APPROVED}
    event = invoke("UPDATE", desired, {**NAMED_STATE, "Task": "CLASSIFICATION"})
    assert event == not_updatable("Task", CANNOT_CHANGE, NAMED)


# --- probes: what the service may refuse ------------------------------------------------------------

BAD_VALUE = "1 validation error detected: Value 'x' at '{}' failed to satisfy"


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
        "a refusal replaces the package": (REFUSED, not_updatable("SourceUri", REFUSED_TEXT)),
        "a bad value stays one": (
            error("ValidationException", BAD_VALUE.format("sourceUri")),
            update_failed("InvalidRequest", f"{BAD_VALUE.format('SourceUri')} (ValidationException)"),
        ),
        "a missing permission stays one": (DENIED, update_failed("AccessDenied", DENIED_TEXT)),
        "a conflict stays one": (
            error("ConflictException", "busy"),
            update_failed("ResourceConflict", "busy (ConflictException)"),
        ),
    },
)
def test_probe_that_fails_ends_the_update(
    invoke: Invoker, script: Script, reply: Reply, expected: Model
) -> None:
    script.describe(VERSION, version(**SOURCE))
    script.update(changed(**NEW_SOURCE), reply)
    assert update(invoke, NEW_SOURCE | APPROVED, SOURCE) == expected


def test_two_probes_are_not_updatable_at_once(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(**SOURCE, ModelCard=CARD))
    text = "ModelCard and SourceUri cannot be updated in place together: SageMaker may refuse either"
    event = update(invoke, {**NEW_SOURCE, "ModelCard": NEW_CARD}, {**SOURCE, "ModelCard": CARD})
    assert event == update_failed("NotUpdatable", text)


def test_card_content_and_status_go_in_two_calls(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(ModelCard=CARD))
    script.update(NEW_CONTENT)
    script.update(NEW_STATUS)
    script.describe(VERSION, version(ModelCard=NEW_CARD))
    event = update(invoke, {"ModelCard": NEW_CARD}, {"ModelCard": CARD})
    assert event == succeeded(version_model(ModelCard=NEW_CARD))


@table(
    "live, undo, expected",
    {
        "the first call is undone": (
            {"ModelCard": CARD},
            answer(STATE),
            not_updatable("ModelCard", REFUSED_TEXT),
        ),
        "a first card cannot be undone, so there is no reason to replace": (
            {},
            None,
            update_failed("InvalidRequest", f"{HALF_CHANGED}. {REFUSED_TEXT}"),
        ),
        "undoing is denied": (
            {"ModelCard": CARD},
            error("AccessDeniedException", "not you"),
            update_failed("AccessDenied", f"{HALF_CHANGED}. not you (AccessDeniedException)"),
        ),
    },
)
def test_card_whose_second_call_is_refused(
    invoke: Invoker, script: Script, live: Model, undo: Reply | None, expected: Model
) -> None:
    script.describe(VERSION, version(**live))
    script.update(NEW_CONTENT)
    script.update(NEW_STATUS, REFUSED)
    if undo:
        script.update(OLD_CONTENT, undo)
    assert update(invoke, {"ModelCard": NEW_CARD}, live) == expected


def test_half_changed_card_is_finished_at_the_next_poll(invoke: Invoker, script: Script) -> None:
    states = {"ModelCard": NEW_CARD}, {"ModelCard": CARD}
    script.describe(VERSION, version(ModelCard=CARD))
    script.update(NEW_CONTENT)
    script.update(NEW_STATUS, EXPIRED)
    event = update(invoke, *states)
    desired = {**VERSION_STATE, **states[0]}
    assert event == in_progress(desired, 1, arn=VERSION, stage="writing", polls=1, failed_polls=1)
    script.describe(VERSION, version(ModelCard={**CARD, "ModelCardContent": '{"new": 1}'}))
    script.update(NEW_STATUS)
    script.describe(VERSION, version(ModelCard=NEW_CARD))
    event = update(invoke, *states, event["callbackContext"])
    assert event == succeeded(version_model(ModelCard=NEW_CARD))


@table(
    "previous, context",
    {
        "at a later poll": ({"ModelCard": CARD}, {"arn": VERSION, "stage": "writing"}),
        "after an attempt that was cut off": ({"ModelCard": CARD}, None),
        "after an attempt at a first card that was cut off": ({}, None),
    },
)
def test_half_changed_card_that_is_refused_is_undone_if_it_can_be(
    invoke: Invoker, script: Script, previous: Model, context: Any
) -> None:
    status = {"ModelCardStatus": "Draft"} if previous else {}
    script.describe(VERSION, version(ModelCard={"ModelCardContent": '{"new": 1}', **status}))
    script.update(NEW_STATUS, REFUSED)
    if previous:
        script.update(OLD_CONTENT)
        expected = not_updatable("ModelCard", REFUSED_TEXT)
    else:
        expected = update_failed("InvalidRequest", f"{HALF_CHANGED}. {REFUSED_TEXT}")
    assert update(invoke, {"ModelCard": NEW_CARD}, previous, context) == expected


@table(
    "described, is_done",
    {
        "another invocation was faster": (version(ModelCard=ARCHIVED_CARD), True),
        "none was": (version(ModelCard={**CARD, "ModelCardStatus": "Archived"}), False),
        "it is gone": (absent(VERSION), False),
    },
)
def test_card_that_another_invocation_archived_is_as_desired(
    invoke: Invoker, script: Script, described: Any, is_done: bool
) -> None:
    script.describe(VERSION, version(ModelCard=CARD))
    script.update(NEW_CONTENT, REFUSED)
    script.describe(VERSION, described)
    expected = not_updatable("ModelCard", REFUSED_TEXT)
    if is_done:
        script.update(changed(ModelCard={"ModelCardStatus": "Archived"}))
        script.describe(VERSION, version(ModelCard=ARCHIVED_CARD))
        expected = succeeded(version_model(ModelCard=ARCHIVED_CARD))
    assert update(invoke, {"ModelCard": ARCHIVED_CARD}, {"ModelCard": CARD}) == expected


def test_archived_card_gets_its_status_before_its_content(invoke: Invoker, script: Script) -> None:
    archived = {**CARD, "ModelCardStatus": "Archived"}
    script.describe(VERSION, version(ModelCard=archived))
    script.update(NEW_STATUS)
    script.update(NEW_CONTENT, REFUSED)
    script.update(changed(ModelCard={"ModelCardStatus": "Archived"}))
    event = update(invoke, {"ModelCard": NEW_CARD}, {"ModelCard": archived})
    assert event == not_updatable("ModelCard", REFUSED_TEXT)


def test_archived_card_takes_no_new_content(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(ModelCard={**CARD, "ModelCardStatus": "Archived"}))
    script.update(NEW_CONTENT, error("ValidationException", "Model Card is in Archived state"))
    event = update(invoke, {"ModelCard": {"ModelCardContent": '{"new": 1}'}}, {"ModelCard": CARD})
    assert event == not_updatable("ModelCard", "Model Card is in Archived state (ValidationException)")


# --- calls that were made without an answer ---------------------------------------------------------


@pytest.mark.parametrize("is_done", [True, False])
def test_refusal_of_what_an_attempt_has_done_is_success(
    invoke: Invoker, script: Script, is_done: bool
) -> None:
    """The answer to the first attempt was lost, and the service takes no notice of the token."""
    sent = to_add("b") | metadata(a="1") | {"CustomerMetadataPropertiesToRemove": ["z"]}
    live = version(
        AdditionalInferenceSpecifications=[extra("b", Description="") if is_done else extra("c")],
        **metadata(a="1"),
    )
    script.describe(VERSION, version(**metadata(z="0")))
    script.update(changed(**sent), UNAVAILABLE)
    script.update(changed(**sent), error("ValidationException", "b exists already"))
    script.describe(VERSION, *([live, live] if is_done else [live]))
    event = update(invoke, to_add("b") | metadata(a="1"), metadata(z="0"))
    if is_done:
        assert event["status"] == "SUCCESS"
    else:
        assert event == update_failed("InvalidRequest", "b exists already (ValidationException)")


def test_refusal_of_a_description_that_is_empty_is_success(invoke: Invoker, script: Script) -> None:
    """Describe leaves an empty description out."""
    script.describe(VERSION, version(**FINE))
    script.update(changed(**PENDING, **NO_DESCRIPTION), UNAVAILABLE)
    script.update(changed(**PENDING, **NO_DESCRIPTION), error("ValidationException", "nothing to describe"))
    script.describe(VERSION, version(), version())
    assert update(invoke, {}, FINE) == succeeded(version_model())


@pytest.mark.parametrize("context", [None, {"arn": NAMED, "stage": "writing", "polls": 1}])
def test_update_that_is_denied_a_part_says_what_is_done(
    invoke: Invoker, script: Script, context: Any
) -> None:
    desired = {**NAMED_STATE, **APPROVED, "Tags": tag_list({"a": "1"})}
    script.describe(NAMED, named(**(APPROVED if context else {})))
    script.list_tags(NAMED, {})
    if context is None:
        script.update(changed(NAMED, **APPROVED))
    script.add_tags(NAMED, {"a": "1"}, DENIED)
    event = invoke("UPDATE", desired, NAMED_STATE, context)
    assert event == update_failed("AccessDenied", f"{HALF_DONE}. {DENIED_TEXT}", NAMED)


def test_update_that_is_half_written_is_finished_at_the_next_poll(invoke: Invoker, script: Script) -> None:
    desired = {**NAMED_STATE, **APPROVED, "Tags": tag_list({"a": "1", "b": "2"})}
    previous = {**NAMED_STATE, "Tags": tag_list({"b": "2", "c": "3"})}
    script.describe(NAMED, named())
    script.list_tags(NAMED, {"b": "2", "c": "3"})
    script.update(changed(NAMED, **APPROVED))
    script.add_tags(NAMED, {"a": "1"})
    script.delete_tags(NAMED, ["c"], EXPIRED)
    event = invoke("UPDATE", desired, previous)
    assert event == in_progress(desired, 1, arn=NAMED, stage="writing", polls=1, failed_polls=1)
    script.describe(NAMED, named(**APPROVED))
    script.list_tags(NAMED, {"a": "1", "b": "2", "c": "3"})
    script.delete_tags(NAMED, ["c"])
    script.describe(NAMED, named(**APPROVED))
    script.list_tags(NAMED, {"a": "1", "b": "2"})
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
    assert event == not_updatable("Environment", REFUSED_TEXT)


def test_environment_of_an_unversioned_package_is_refused(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named())
    event = invoke("UPDATE", {**NAMED_STATE, "Environment": {"A": "b"}}, NAMED_STATE)
    text = (
        "Environment cannot be set on an unversioned package: SageMaker takes container environments only"
        " for versions (set ModelPackageGroupName)"
    )
    assert event == update_failed("InvalidRequest", text, NAMED)


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


def failed_version(reason: str, **members: Any) -> Model:
    """A version whose validation failed, as Describe answers."""
    details = {**NO_DETAILS, "ValidationStatuses": failed_items(("batch", reason))}
    return version(ModelPackageStatus="Failed", ModelPackageStatusDetails=details, **members)


def test_update_of_a_failed_package_notes_the_reason(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, failed_version("out of memory"))
    script.update(changed(**REJECTED))
    described = failed_version("out of memory", **REJECTED)
    script.describe(VERSION, described)
    reason = "validation profile batch: out of memory"
    expected = version_model(
        **{name: described[name] for name in ("ModelPackageStatus", "ModelPackageStatusDetails")},
        **REJECTED,
        ModelPackageStatusItem={"Name": "churn", "Status": "Failed", "FailureReason": reason},
    )
    note = message("UPDATE", VERSION, f"the package's status is Failed: {reason}")
    assert update(invoke, REJECTED, {}) == succeeded(expected, note)


def test_update_cuts_a_long_note(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, failed_version("x" * 1500))
    note = update(invoke, {}, {})["message"]
    text = "the package's status is Failed: validation profile batch: xxx"
    assert note.startswith(message("UPDATE", VERSION, text))
    assert len(note) <= 1000


def test_update_redacts_its_note(invoke: Invoker, script: Script) -> None:
    live = live_specification(Environment={"KEY": "hunter22"})
    script.describe(VERSION, failed_version("KEY is hunter22, which is bad", InferenceSpecification=live))
    text = "the package's status is Failed: validation profile batch: KEY is ***, which is bad"
    assert update(invoke, {}, {})["message"] == message("UPDATE", VERSION, text)


@table(
    "reply, reason",
    {
        "absent": (absent(VERSION), does_not_exist(VERSION)),
        "being deleted": (version(ModelPackageStatus="Deleting"), ""),
    },
)
def test_update_of_an_absent_package_is_not_found(
    invoke: Invoker, script: Script, reply: Any, reason: str
) -> None:
    script.describe(VERSION, reply)
    assert update(invoke, {}, {}) == not_found("UPDATE", VERSION, reason)


def test_update_that_names_another_absent_package_is_a_bad_value(invoke: Invoker, script: Script) -> None:
    other = f"{VERSION[:-1]}9"
    script.describe(VERSION, version())
    script.update(changed(SourceUri=other), absent(other))
    assert update(invoke, {"SourceUri": other}, {}) == update_failed("InvalidRequest", does_not_exist(other))


def test_update_of_a_package_that_vanishes_is_not_found(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    script.update(changed(**APPROVED), absent(VERSION))
    event = update(invoke, APPROVED, {})
    assert (event["status"], event["errorCode"]) == ("FAILED", "NotFound")


def test_update_without_an_arn_is_not_found(invoke: Invoker) -> None:
    assert invoke("UPDATE", SCORER, SCORER) == not_found("UPDATE", "scorer")


def test_update_whose_first_poll_fails_ends(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, error("AccessDeniedException", "no"))
    event = invoke("UPDATE", STATE, STATE)
    assert event == update_failed("AccessDenied", "no (AccessDeniedException)")


def test_update_repeats_a_failed_poll_without_writing_again(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    script.update(changed(**APPROVED))
    script.describe(VERSION, *[UNAVAILABLE] * 4)
    event = update(invoke, APPROVED, {})
    context = {"arn": VERSION, "stage": "written", "polls": 1, "failed_polls": 1}
    assert event == in_progress({**VERSION_STATE, **APPROVED}, 1, **context)
    script.describe(VERSION, version(**APPROVED))
    assert update(invoke, APPROVED, {}, event["callbackContext"]) == succeeded(version_model(**APPROVED))


def test_update_whose_polls_keep_failing_ends_with_their_error(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, EXPIRED)
    context = {"arn": VERSION, "stage": "waiting", "polls": 4, "failed_polls": timing.MAX_FAILED_POLLS - 1}
    event = update(invoke, {}, {}, context)
    assert event == update_failed("InvalidCredentials", "expired (ExpiredTokenException)")


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
        "none of AWS": ({"a": "1", "aws:b": "2"}, {}, {"aws:c": "3"}, {}, {"aws:c": "3"}, {"a": "1"}, []),
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
    script.describe(NAMED, named())
    script.list_tags(NAMED, live)
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


def test_update_accepts_two_values_of_a_previous_tag(invoke: Invoker, script: Script) -> None:
    """A rollback sends the template that was refused, which cannot be corrected any more."""
    refused = [*tag_list({"a": "1", "b": "2"}), *tag_list({"a": "3"})]
    script.describe(NAMED, named())
    script.list_tags(NAMED, {"a": "1"})
    script.list_tags(NAMED, {"a": "1"})
    desired = {**NAMED_STATE, "Tags": tag_list({"a": "1"})}
    event = invoke("UPDATE", desired, {**NAMED_STATE, "Tags": refused})
    assert event == succeeded(named_model(Tags=tag_list({"a": "1"})))


def test_update_drops_tags_first_where_there_is_no_room(invoke: Invoker, script: Script) -> None:
    many = {f"k{i}": "1" for i in range(49)}
    previous, desired = {**many, "old": "1"}, {**many, "new": "1"}
    script.describe(NAMED, named())
    script.list_tags(NAMED, previous)
    script.delete_tags(NAMED, ["old"])
    script.add_tags(NAMED, {"new": "1"})
    script.describe(NAMED, named())
    script.list_tags(NAMED, desired)
    event = update_tags(invoke, desired, previous)
    assert event == succeeded(named_model(Tags=tag_list(desired)))


def test_update_does_not_read_tags_that_do_not_change(invoke: Invoker, script: Script) -> None:
    live = {"a": "changed outside", "z": "added outside"}
    script.describe(NAMED, named())
    script.list_tags(NAMED, live)  # for the model that is returned
    assert update_tags(invoke, {"a": "1"}, {"a": "1"}) == succeeded(named_model(Tags=tag_list(live)))


def test_update_of_stack_tags_leaves_a_version_alone(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    desired, previous = ({**VERSION_STATE, "Tags": tag_list({"team": team})} for team in ("new", "old"))
    stacks = {"stackTags": {"team": "new"}, "previousStackTags": {"team": "old"}}
    assert invoke("UPDATE", desired, previous, **stacks) == succeeded(version_model())


def test_update_refuses_tags_of_a_version_before_it_writes(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    text = (
        "Tags: SageMaker takes no tags on a version of a model package group. Put them on the group"
        " (AWS::SageMaker::ModelPackageGroup), and data about this one version into"
        " CustomerMetadataProperties"
    )
    event = update(invoke, {"Tags": tag_list({"mine": "1"}), **APPROVED}, {})
    assert event == update_failed("InvalidRequest", text)


def test_update_through_the_test_entry_point(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named())
    script.list_tags(NAMED, {})
    script.add_tags(NAMED, {"s": "1"})
    script.describe(NAMED, named())
    script.list_tags(NAMED, {"s": "1"})
    tags = {"desiredResourceTags": {"s": "1"}}
    event = invoke.test("UPDATE", NAMED_STATE, previousResourceState=NAMED_STATE, **tags)
    assert event == succeeded(named_model(Tags=tag_list({"s": "1"})))
