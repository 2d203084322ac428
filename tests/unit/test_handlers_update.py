"""Update: change in place what can be, in the right order; otherwise NotUpdatable with nothing written."""

from __future__ import annotations

from typing import Any

import pytest

from aws_sagemaker_modelpackage import timing

from .conftest import Invoker
from .events import (
    AS_DESCRIBED,
    GONE,
    HALF_DONE,
    IMAGE,
    NAMED,
    NO_DETAILS,
    VERSION,
    Model,
    changed,
    extra,
    failed,
    failed_items,
    in_progress,
    live_specification,
    named,
    named_model,
    not_found,
    said,
    specification,
    succeeded,
    tag_list,
    validation,
    version,
    version_model,
)
from .scripted_sagemaker import ANY, UNAVAILABLE, ScriptedSageMaker, error

IN_GROUP = {"ModelPackageGroupName": "churn"}
SCORER = {"ModelPackageName": "scorer"}
VERSION_STATE = {**IN_GROUP, "ModelPackageArn": VERSION}
NAMED_STATE = {**SCORER, "ModelPackageArn": NAMED}
REFUSED = error("ValidationException", "this cannot be updated")
REFUSED_WORDS = "this cannot be updated (ValidationException)"
BAD_VALUE = error(
    "ValidationException", "1 validation error detected: Value 'x' at 'sourceUri' failed to satisfy"
)
BAD_VALUE_WORDS = (
    "1 validation error detected: Value 'x' at 'SourceUri' failed to satisfy (ValidationException)"
)
DENIED = error("AccessDeniedException", "not authorized to perform: sagemaker:UpdateModelPackage")
DENIED_WORDS = "not authorized to perform: sagemaker:UpdateModelPackage (AccessDeniedException)"


# --- the previous state is the old template, or the model that was last returned --------------------

# desired, old template, described before, arguments of the update (None: nothing is written)
CHANGES = [
    pytest.param({}, {}, {}, None, id="nothing changed, nothing written"),
    pytest.param(
        {"ModelApprovalStatus": "Approved"},
        {"ModelApprovalStatus": "Rejected"},
        {"ModelApprovalStatus": "Rejected"},
        {"ModelApprovalStatus": "Approved"},
        id="an approval",
    ),
    pytest.param(
        {},
        {"ModelApprovalStatus": "Approved"},
        {"ModelApprovalStatus": "Approved"},
        {"ModelApprovalStatus": "PendingManualApproval"},
        id="an approval that left the template is taken back",
    ),
    pytest.param(
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "now fine"},
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"},
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"},
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "now fine"},
        id="an approval description goes with its status",
    ),
    pytest.param(
        {"ApprovalDescription": "think"},
        {},
        {},
        {"ModelApprovalStatus": "PendingManualApproval", "ApprovalDescription": "think"},
        id="an approval description goes with the live status when the template has none",
    ),
    pytest.param(
        {"ModelApprovalStatus": "Approved"},
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"},
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"},
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": ""},
        id="an approval description that left the template is emptied",
    ),
    pytest.param(
        {},
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"},
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"},
        {"ModelApprovalStatus": "PendingManualApproval", "ApprovalDescription": ""},
        id="status and description that left the template go in one call",
    ),
    pytest.param(
        {"CustomerMetadataProperties": {"a": "1", "b": "3", "d": "4"}},
        {"CustomerMetadataProperties": {"a": "1", "b": "2", "c": "3"}},
        {"CustomerMetadataProperties": {"a": "1", "b": "2", "c": "3"}},
        {
            "CustomerMetadataProperties": {"b": "3", "d": "4"},
            "CustomerMetadataPropertiesToRemove": ["c"],
        },
        id="metadata: changed and new keys in one map, dropped keys by name",
    ),
    pytest.param(
        {},
        {"CustomerMetadataProperties": {"a": "1", "b": "2"}},
        {"CustomerMetadataProperties": {"a": "1", "b": "2"}},
        {"CustomerMetadataPropertiesToRemove": ["a", "b"]},
        id="metadata: all keys can be dropped",
    ),
    pytest.param(
        {"CustomerMetadataProperties": {}},
        {"CustomerMetadataProperties": {"a": "1"}},
        {"CustomerMetadataProperties": {"a": "1"}},
        {"CustomerMetadataPropertiesToRemove": ["a"]},
        id="metadata: an empty map drops all keys",
    ),
    pytest.param(
        {"AdditionalInferenceSpecifications": [extra("a"), extra("b")]},
        {"AdditionalInferenceSpecifications": [extra("a")]},
        {"AdditionalInferenceSpecifications": [extra("a")]},
        {"AdditionalInferenceSpecificationsToAdd": [extra("b")]},
        id="a new specification is added",
    ),
    pytest.param(
        {
            "AdditionalInferenceSpecifications": [extra("a")],
            "AdditionalInferenceSpecificationsToAdd": [extra("a"), extra("b")],
        },
        {"AdditionalInferenceSpecifications": [extra("a")]},
        {"AdditionalInferenceSpecifications": [extra("a")]},
        {"AdditionalInferenceSpecificationsToAdd": [extra("b")]},
        id="a specification to add is added unless its name is there",
    ),
    pytest.param(
        {"AdditionalInferenceSpecificationDefinition": extra("b")},
        {},
        {},
        {"AdditionalInferenceSpecificationsToAdd": [extra("b")]},
        id="a single specification is added",
    ),
    pytest.param(
        {"AdditionalInferenceSpecificationsToAdd": [extra("b", Description="again")]},
        {"AdditionalInferenceSpecificationsToAdd": [extra("b")]},
        {"AdditionalInferenceSpecifications": [extra("b")]},
        None,
        id="a specification that was added before is not added again",
    ),
    pytest.param(
        {"AdditionalInferenceSpecificationsToAdd": [extra("a")]},
        {"AdditionalInferenceSpecifications": [extra("a")]},
        {"AdditionalInferenceSpecifications": [extra("a")]},
        None,
        id="a specification may move from the list to those to add",
    ),
    pytest.param(
        {
            "AdditionalInferenceSpecifications": [extra("a")],
            "AdditionalInferenceSpecificationDefinition": extra("b"),
        },
        {
            "AdditionalInferenceSpecifications": [extra("a")],
            "AdditionalInferenceSpecificationsToAdd": [extra("b")],
        },
        {"AdditionalInferenceSpecifications": [extra("a"), extra("b")]},
        None,
        id="a specification that was added later is not missing from the list",
    ),
    pytest.param(
        {"SourceUri": "s3://models/m"},
        {},
        {},
        {"SourceUri": "s3://models/m"},
        id="a source is set when there was none",
    ),
    pytest.param(
        {"SourceUri": "s3://models/new"},
        {"SourceUri": "s3://models/old"},
        {"SourceUri": "s3://models/old"},
        {"SourceUri": "s3://models/new"},
        id="a source is changed if the service accepts it",
    ),
    pytest.param(
        {"ModelLifeCycle": {"Stage": "Prod", "StageStatus": "Approved"}},
        {"ModelLifeCycle": {"Stage": "Test", "StageStatus": "Pending"}},
        {"ModelLifeCycle": {"Stage": "Test", "StageStatus": "Pending"}},
        {"ModelLifeCycle": {"Stage": "Prod", "StageStatus": "Approved"}},
        id="a life cycle",
    ),
    pytest.param(
        {"ModelPackageRegistrationType": "Registered"},
        {"ModelPackageRegistrationType": "Logged"},
        {"ModelPackageRegistrationType": "Logged"},
        {"ModelPackageRegistrationType": "Registered"},
        id="a registration type",
    ),
    pytest.param(
        {"ModelCard": {"ModelCardContent": "{}", "ModelCardStatus": "Approved"}},
        {"ModelCard": {"ModelCardContent": "{}", "ModelCardStatus": "Draft"}},
        {"ModelCard": {"ModelCardContent": "{}", "ModelCardStatus": "Draft"}},
        {"ModelCard": {"ModelCardStatus": "Approved"}},
        id="a card's status alone",
    ),
    pytest.param(
        {"ModelCard": {"ModelCardContent": '{"a": 1}'}},
        {},
        {},
        {"ModelCard": {"ModelCardContent": '{"a": 1}'}},
        id="a card's content alone",
    ),
    pytest.param(
        {"InferenceSpecification": specification()},
        {"InferenceSpecification": specification()},
        {"InferenceSpecification": live_specification(ModelDataETag="e1")},
        None,
        id="what SageMaker filled in is no change",
    ),
    pytest.param(
        {"InferenceSpecification": {"Containers": [{"Image": IMAGE}], "SupportedContentTypes": ["a", "b"]}},
        {"InferenceSpecification": {"Containers": [{"Image": IMAGE}], "SupportedContentTypes": ["a", "b"]}},
        {"InferenceSpecification": {"Containers": [{"Image": IMAGE}], "SupportedContentTypes": ["b", "a"]}},
        None,
        id="types in another order are no change",
    ),
    pytest.param(
        {"ModelMetrics": {"Bias": {}, "Explainability": {}}},
        {"ModelMetrics": {"Bias": {}, "Explainability": {}}},
        {"ModelMetrics": {"Explainability": {}}},
        None,
        id="an empty object is no change against none",
    ),
    pytest.param(
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
        id="what belongs to the service, and the token, change nothing",
    ),
    pytest.param(
        {"CertifyForMarketplace": "false", "SkipModelValidation": "None"},
        {},
        {},
        None,
        id="a default that is spelled out changes nothing",
    ),
    pytest.param(
        {"ModelPackageGroupName": "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/churn"},
        {},
        {},
        None,
        id="the ARN of the group is the same value as its name",
    ),
    pytest.param(
        {"Tags": []},
        {},
        {},
        None,
        id="an empty list of tags changes nothing",
    ),
]


@pytest.mark.parametrize("last_returned", [False, True], ids=["old template", "last returned model"])
@pytest.mark.parametrize(("desired", "template", "live", "update"), CHANGES)
def test_only_what_differs_is_sent(
    invoke: Invoker,
    sagemaker: ScriptedSageMaker,
    desired: Model,
    template: Model,
    live: Model,
    update: Model | None,
    last_returned: bool,
) -> None:
    previous = version_model(**live) if last_returned else {**VERSION_STATE, **template}
    sagemaker.describe(VERSION, version(**live))
    if update:
        sagemaker.update(changed(**update))
        sagemaker.describe(VERSION, version())
    event = invoke("UPDATE", {**VERSION_STATE, **desired}, previous)
    assert event == succeeded(version_model(**({} if update else live)))


@pytest.mark.parametrize(
    ("desired", "previous", "live"),
    [
        pytest.param({}, {}, {"ModelApprovalStatus": "Approved"}, id="an approval that no template gave"),
        pytest.param(
            {},
            {"ModelApprovalStatus": "Approved"},
            {"ModelApprovalStatus": "Rejected"},
            id="a rejection of what the old template approved",
        ),
        pytest.param(
            {"ModelApprovalStatus": "Approved"},
            {"ModelApprovalStatus": "Approved"},
            {"ModelApprovalStatus": "Rejected"},
            id="a rejection of what both templates approve",
        ),
        pytest.param(
            {},
            {"ApprovalDescription": "fine"},
            {"ApprovalDescription": "not so fine"},
            id="an approval description",
        ),
        pytest.param(
            {"CustomerMetadataProperties": {"a": "1"}},
            {"CustomerMetadataProperties": {"a": "1"}},
            {"CustomerMetadataProperties": {"a": "2", "z": "9"}},
            id="metadata, a changed and an added key",
        ),
        pytest.param(
            {},
            {"CustomerMetadataProperties": {"a": "1"}},
            {"CustomerMetadataProperties": {"z": "9"}},
            id="metadata, a key that is gone already",
        ),
        pytest.param({}, {}, {"AdditionalInferenceSpecifications": [extra("z")]}, id="a specification"),
        pytest.param(
            {"ModelLifeCycle": {"Stage": "Test", "StageStatus": "Pending"}},
            {"ModelLifeCycle": {"Stage": "Test", "StageStatus": "Pending"}},
            {"ModelLifeCycle": {"Stage": "Prod", "StageStatus": "Approved"}},
            id="a life cycle",
        ),
        pytest.param({}, {}, {"SourceUri": "s3://models/m"}, id="a source"),
        pytest.param({}, {}, {"ModelCard": {"ModelCardContent": "{}"}}, id="a model card"),
    ],
)
def test_what_was_changed_outside_the_stack_stays(
    invoke: Invoker, sagemaker: ScriptedSageMaker, desired: Model, previous: Model, live: Model
) -> None:
    sagemaker.describe(VERSION, version(**live))
    event = invoke("UPDATE", {**VERSION_STATE, **desired}, {**VERSION_STATE, **previous})
    assert event == succeeded(version_model(**live))


def test_what_was_done_outside_the_stack_already_is_not_done_again(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version(ModelApprovalStatus="Approved"))
    event = invoke("UPDATE", {**VERSION_STATE, "ModelApprovalStatus": "Approved"}, VERSION_STATE)
    assert event == succeeded(version_model(ModelApprovalStatus="Approved"))


def test_an_empty_approval_description_in_the_template_empties_what_was_written_outside(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version(ApprovalDescription="not so fine"))
    sagemaker.update(changed(ModelApprovalStatus="PendingManualApproval", ApprovalDescription=""))
    sagemaker.describe(VERSION, version())
    desired = {**VERSION_STATE, "ApprovalDescription": ""}
    event = invoke("UPDATE", desired, {**VERSION_STATE, "ApprovalDescription": "fine"})
    assert event == succeeded(version_model())


def test_without_a_previous_state_what_is_live_already_is_not_sent(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version(Task="CLASSIFICATION", CustomerMetadataProperties={"a": "1"}))
    sagemaker.update(changed(CustomerMetadataProperties={"c": "3"}))
    sagemaker.describe(VERSION, version(CustomerMetadataProperties={"a": "1", "c": "3"}))
    wanted = {"Task": "CLASSIFICATION", "CustomerMetadataProperties": {"a": "1", "c": "3"}}
    event = invoke("UPDATE", {**VERSION_STATE, **wanted})
    assert event == succeeded(version_model(CustomerMetadataProperties={"a": "1", "c": "3"}))


@pytest.mark.parametrize(
    "description", [pytest.param("now fine", id="changed"), pytest.param("", id="removed")]
)
def test_a_new_approval_description_does_not_undo_a_decision_made_outside_the_stack(
    invoke: Invoker, sagemaker: ScriptedSageMaker, description: str
) -> None:
    approval = {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"}
    sagemaker.describe(VERSION, version(ModelApprovalStatus="Rejected", ApprovalDescription="fine"))
    sagemaker.update(changed(ModelApprovalStatus="Rejected", ApprovalDescription=description))
    sagemaker.describe(VERSION, version(ModelApprovalStatus="Rejected"))
    desired = {**VERSION_STATE, "ModelApprovalStatus": "Approved"}
    if description:
        desired["ApprovalDescription"] = description
    event = invoke("UPDATE", desired, {**VERSION_STATE, **approval})
    assert event == succeeded(version_model(ModelApprovalStatus="Rejected"))


def test_a_whole_answer_that_is_fed_back_changes_nothing(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version(**AS_DESCRIBED))
    answer = version_model(**AS_DESCRIBED)
    assert invoke("UPDATE", answer, VERSION_STATE) == succeeded(answer)


def test_a_status_that_nobody_has_met_is_an_error(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version(ModelPackageStatus="Archived"))
    words = "SageMaker reports the status 'Archived', which this version of the handlers does not know"
    event = invoke("UPDATE", {**VERSION_STATE, "ModelApprovalStatus": "Approved"}, VERSION_STATE)
    assert event == failed("GeneralServiceException", said("UPDATE", VERSION, words))


def test_all_that_can_go_together_goes_in_one_call(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    desired: Model = {
        "ModelApprovalStatus": "Approved",
        "ApprovalDescription": "fine",
        "CustomerMetadataProperties": {"a": "1"},
        "AdditionalInferenceSpecifications": [extra("b")],
        "SourceUri": "s3://models/m",
        "ModelLifeCycle": {"Stage": "Prod", "StageStatus": "Approved"},
        "ModelPackageRegistrationType": "Registered",
    }
    sagemaker.describe(VERSION, version())
    sent = {name: value for name, value in desired.items() if name != "AdditionalInferenceSpecifications"}
    sagemaker.update(changed(**sent, AdditionalInferenceSpecificationsToAdd=[extra("b")]))
    sagemaker.describe(VERSION, version(**desired))
    event = invoke("UPDATE", {**VERSION_STATE, **desired}, VERSION_STATE)
    assert event == succeeded(version_model(**desired))


def test_an_unversioned_package_is_sent_its_changes_too(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(NAMED, named())
    sagemaker.update(
        changed(NAMED, ModelApprovalStatus="Approved"), error("ValidationException", "not for these")
    )
    event = invoke("UPDATE", {**NAMED_STATE, "ModelApprovalStatus": "Approved"}, NAMED_STATE)
    expected = failed("InvalidRequest", said("UPDATE", NAMED, "not for these (ValidationException)"))
    assert event == expected


# --- what only a new package can be -----------------------------------------------------------------

CANNOT_CHANGE = "cannot be updated in place: SageMaker cannot change it on an existing package"
CANNOT_REMOVE = "cannot be updated in place: SageMaker cannot remove it from a package"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("ModelPackageDescription", "old", "new"),
        ("Domain", "NATURAL_LANGUAGE_PROCESSING", "COMPUTER_VISION"),
        ("Task", "CLASSIFICATION", "REGRESSION"),
        ("SamplePayloadUrl", "s3://models/a", "s3://models/b"),
        ("InferenceSpecification", specification(), specification(ModelDataUrl="s3://models/m")),
        ("ValidationSpecification", validation("one"), validation("other")),
        (
            "SourceAlgorithmSpecification",
            {"SourceAlgorithms": [{"AlgorithmName": "a"}]},
            {"SourceAlgorithms": [{"AlgorithmName": "b"}]},
        ),
        ("MetadataProperties", {"CommitId": "a"}, {"CommitId": "b"}),
        (
            "ModelMetrics",
            {"Bias": {"Report": {"ContentType": "json", "S3Uri": "s3://a/"}}},
            {"Bias": {"Report": {"ContentType": "json", "S3Uri": "s3://b/"}}},
        ),
        ("DriftCheckBaselines", {"Bias": {}}, {"Bias": {"ConfigFile": {"S3Uri": "s3://b/"}}}),
        ("SecurityConfig", {"KmsKeyId": "a"}, {"KmsKeyId": "b"}),
        ("ManagedStorageType", None, "Restricted"),
        ("CertifyForMarketplace", False, True),
        ("SkipModelValidation", "None", "All"),
    ],
)
def test_a_change_that_only_a_new_package_can_have_is_not_updatable(
    invoke: Invoker, sagemaker: ScriptedSageMaker, name: str, old: Any, new: Any
) -> None:
    before = {} if old is None else {name: old}
    sagemaker.describe(VERSION, version(**before))
    event = invoke("UPDATE", {**VERSION_STATE, name: new}, {**VERSION_STATE, **before})
    assert event == failed("NotUpdatable", said("UPDATE", VERSION, f"{name} {CANNOT_CHANGE}"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ModelCard", {"ModelCardContent": "{}"}),
        ("SourceUri", "s3://models/m"),
        ("ModelLifeCycle", {"Stage": "Test", "StageStatus": "Pending"}),
        ("ModelPackageRegistrationType", "Logged"),
    ],
)
def test_a_property_that_cannot_be_removed_is_not_updatable(
    invoke: Invoker, sagemaker: ScriptedSageMaker, name: str, value: Any
) -> None:
    sagemaker.describe(VERSION, version(**{name: value}))
    event = invoke("UPDATE", VERSION_STATE, {**VERSION_STATE, name: value})
    assert event == failed("NotUpdatable", said("UPDATE", VERSION, f"{name} {CANNOT_REMOVE}"))


@pytest.mark.parametrize(("name", "value"), [("CertifyForMarketplace", True), ("SkipModelValidation", "All")])
def test_a_flag_that_leaves_the_template_is_a_change(
    invoke: Invoker, sagemaker: ScriptedSageMaker, name: str, value: Any
) -> None:
    sagemaker.describe(VERSION, version(**{name: value}))
    event = invoke("UPDATE", VERSION_STATE, {**VERSION_STATE, name: value})
    assert event == failed("NotUpdatable", said("UPDATE", VERSION, f"{name} {CANNOT_CHANGE}"))


@pytest.mark.parametrize("name", ["ModelPackageDescription", "InferenceSpecification", "SecurityConfig"])
def test_a_create_only_property_that_leaves_the_template_is_no_change(
    invoke: Invoker, sagemaker: ScriptedSageMaker, name: str
) -> None:
    value: Any = {
        "ModelPackageDescription": "old",
        "InferenceSpecification": specification(),
        "SecurityConfig": {"KmsKeyId": "a"},
    }[name]
    sagemaker.describe(VERSION, version(**{name: value}))
    event = invoke("UPDATE", VERSION_STATE, {**VERSION_STATE, name: value})
    assert event == succeeded(version_model(**{name: value}))


@pytest.mark.parametrize(
    ("desired", "words"),
    [
        pytest.param(
            {"AdditionalInferenceSpecifications": [extra("a", Description="other"), extra("b")]},
            "a exists, and SageMaker can only add specifications",
            id="one is changed",
        ),
        pytest.param(
            {"AdditionalInferenceSpecifications": [extra("b")]},
            "SageMaker cannot remove the specification a",
            id="one is dropped",
        ),
        pytest.param(
            {},
            "SageMaker cannot remove the specification a; AdditionalInferenceSpecifications cannot be updated"
            " in place: SageMaker cannot remove the specification b",
            id="all are dropped",
        ),
    ],
)
def test_specifications_can_only_be_added(
    invoke: Invoker, sagemaker: ScriptedSageMaker, desired: Model, words: str
) -> None:
    live = {"AdditionalInferenceSpecifications": [extra("a"), extra("b")]}
    sagemaker.describe(VERSION, version(**live))
    event = invoke("UPDATE", {**VERSION_STATE, **desired}, {**VERSION_STATE, **live})
    words = f"AdditionalInferenceSpecifications cannot be updated in place: {words}"
    assert event == failed("NotUpdatable", said("UPDATE", VERSION, words))


def test_a_specification_to_add_that_leaves_the_template_stays(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    live = {"AdditionalInferenceSpecifications": [extra("b")]}
    sagemaker.describe(VERSION, version(**live))
    previous = {**VERSION_STATE, "AdditionalInferenceSpecificationsToAdd": [extra("b")]}
    words = said("UPDATE", VERSION, "SageMaker cannot remove additional specifications: b stay")
    assert invoke("UPDATE", VERSION_STATE, previous) == succeeded(version_model(**live), words)


def test_more_specifications_than_fit_are_refused_before_anything_is_written(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    live = {"AdditionalInferenceSpecifications": [extra(f"s{i}") for i in range(15)]}
    sagemaker.describe(VERSION, version(**live))
    desired = {"AdditionalInferenceSpecificationsToAdd": [extra("b")], "ModelApprovalStatus": "Approved"}
    words = (
        "AdditionalInferenceSpecifications: the package has 15 additional specifications and can have 15, 1"
        " more do not fit"
    )
    event = invoke("UPDATE", {**VERSION_STATE, **desired}, VERSION_STATE)
    assert event == failed("InvalidRequest", said("UPDATE", VERSION, words))


@pytest.mark.parametrize(
    ("arn", "desired", "words"),
    [
        pytest.param(
            NAMED,
            {"ModelPackageName": "other"},
            "ModelPackageName cannot be updated in place: SageMaker cannot rename a package",
            id="another name",
        ),
        pytest.param(
            VERSION,
            {"ModelPackageName": "other"},
            "ModelPackageName cannot be updated in place: SageMaker cannot rename a package",
            id="a name for a version",
        ),
        pytest.param(
            VERSION,
            {"ModelPackageGroupName": "other"},
            "ModelPackageGroupName cannot be updated in place: a version cannot move to another group",
            id="another group",
        ),
        pytest.param(
            VERSION,
            {"ModelPackageGroupName": "arn:aws:sagemaker:eu-west-1:444455556666:model-package-group/churn"},
            "ModelPackageGroupName cannot be updated in place: a version cannot move to another group",
            id="a group of another account",
        ),
        pytest.param(
            NAMED,
            {"ModelPackageGroupName": "churn"},
            "ModelPackageGroupName cannot be updated in place: a version cannot move to another group",
            id="a group for an unversioned package",
        ),
    ],
)
def test_what_a_package_is_called_cannot_change(
    invoke: Invoker, sagemaker: ScriptedSageMaker, arn: str, desired: Model, words: str
) -> None:
    sagemaker.describe(arn, version() if arn == VERSION else named())
    event = invoke("UPDATE", {"ModelPackageArn": arn, **desired}, {"ModelPackageArn": arn})
    assert event == failed("NotUpdatable", said("UPDATE", arn, words))


def test_a_generated_name_that_the_template_spells_out_later_is_no_change(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {})
    assert invoke("UPDATE", NAMED_STATE, {"ModelPackageArn": NAMED}) == succeeded(named_model())


def test_a_name_and_a_group_together_are_refused_without_a_call(invoke: Invoker) -> None:
    words = (
        "ModelPackageName and ModelPackageGroupName cannot both be set: a version is named by its group, an"
        " unversioned package by its own name. Remove one of them"
    )
    event = invoke("UPDATE", {**VERSION_STATE, **SCORER}, VERSION_STATE)
    assert event == failed("InvalidRequest", said("UPDATE", VERSION, words))


def test_what_is_not_updatable_leaves_the_rest_unwritten(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(NAMED, named(Task="CLASSIFICATION"))
    desired = {
        **NAMED_STATE,
        "Task": "REGRESSION",
        "Tags": tag_list({"a": "1"}),
        "ModelApprovalStatus": "Approved",
    }
    event = invoke("UPDATE", desired, {**NAMED_STATE, "Task": "CLASSIFICATION"})
    assert event == failed("NotUpdatable", said("UPDATE", NAMED, f"Task {CANNOT_CHANGE}"))


# --- what the service may refuse --------------------------------------------------------------------

CARD = {"ModelCardContent": '{"old": 1}', "ModelCardStatus": "Draft"}
NEW_CARD = {"ModelCardContent": '{"new": 1}', "ModelCardStatus": "Approved"}
OLD_SOURCE = {"SourceUri": "s3://models/old"}
NEW_SOURCE = {"SourceUri": "s3://models/new"}


def test_a_probing_change_comes_before_all_other_writes(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version(**OLD_SOURCE))
    sagemaker.update(changed(**NEW_SOURCE))
    sagemaker.update(changed(ModelApprovalStatus="Approved"))
    sagemaker.describe(VERSION, version(**NEW_SOURCE, ModelApprovalStatus="Approved"))
    desired = {**VERSION_STATE, **NEW_SOURCE, "ModelApprovalStatus": "Approved"}
    event = invoke("UPDATE", desired, {**VERSION_STATE, **OLD_SOURCE})
    assert event == succeeded(version_model(**NEW_SOURCE, ModelApprovalStatus="Approved"))


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        pytest.param(
            REFUSED,
            "NotUpdatable",
            f"SourceUri cannot be updated in place: {REFUSED_WORDS}",
            id="a refusal replaces the package",
        ),
        pytest.param(BAD_VALUE, "InvalidRequest", BAD_VALUE_WORDS, id="a bad value stays one"),
        pytest.param(DENIED, "AccessDenied", DENIED_WORDS, id="a missing permission stays one"),
        pytest.param(
            error("ConflictException", "busy"),
            "ResourceConflict",
            "busy (ConflictException)",
            id="a conflict stays one",
        ),
    ],
)
def test_after_a_probing_change_fails_nothing_else_is_written(
    invoke: Invoker, sagemaker: ScriptedSageMaker, reply: Any, code: str, words: str
) -> None:
    sagemaker.describe(VERSION, version(**OLD_SOURCE))
    sagemaker.update(changed(**NEW_SOURCE), reply)
    desired = {**VERSION_STATE, **NEW_SOURCE, "ModelApprovalStatus": "Approved"}
    event = invoke("UPDATE", desired, {**VERSION_STATE, **OLD_SOURCE})
    assert event == failed(code, said("UPDATE", VERSION, words))


def test_two_probing_changes_are_not_updatable_at_once(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version(**OLD_SOURCE, ModelCard=CARD))
    desired = {**VERSION_STATE, **NEW_SOURCE, "ModelCard": NEW_CARD}
    event = invoke("UPDATE", desired, {**VERSION_STATE, **OLD_SOURCE, "ModelCard": CARD})
    words = "ModelCard and SourceUri cannot be updated in place together: SageMaker may refuse either"
    assert event == failed("NotUpdatable", said("UPDATE", VERSION, words))


def test_a_cards_content_and_status_go_in_two_calls(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version(ModelCard=CARD))
    sagemaker.update(changed(ModelCard={"ModelCardContent": '{"new": 1}'}))
    sagemaker.update(changed(ModelCard={"ModelCardStatus": "Approved"}))
    sagemaker.describe(VERSION, version(ModelCard=NEW_CARD))
    event = invoke("UPDATE", {**VERSION_STATE, "ModelCard": NEW_CARD}, {**VERSION_STATE, "ModelCard": CARD})
    assert event == succeeded(version_model(ModelCard=NEW_CARD))


HALF_CHANGED = "ModelCard is half changed"


def test_a_half_made_change_of_a_card_is_undone(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version(ModelCard=CARD))
    sagemaker.update(changed(ModelCard={"ModelCardContent": '{"new": 1}'}))
    sagemaker.update(changed(ModelCard={"ModelCardStatus": "Approved"}), REFUSED)
    sagemaker.update(changed(ModelCard={"ModelCardContent": '{"old": 1}'}))
    event = invoke("UPDATE", {**VERSION_STATE, "ModelCard": NEW_CARD}, {**VERSION_STATE, "ModelCard": CARD})
    words = f"ModelCard cannot be updated in place: {REFUSED_WORDS}"
    assert event == failed("NotUpdatable", said("UPDATE", VERSION, words))


def test_a_half_made_card_that_cannot_be_undone_is_no_reason_to_replace(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version())
    sagemaker.update(changed(ModelCard={"ModelCardContent": '{"new": 1}'}))
    sagemaker.update(changed(ModelCard={"ModelCardStatus": "Approved"}), REFUSED)
    event = invoke("UPDATE", {**VERSION_STATE, "ModelCard": NEW_CARD}, VERSION_STATE)
    expected = said("UPDATE", VERSION, f"{HALF_CHANGED}. {REFUSED_WORDS}")
    assert event == failed("InvalidRequest", expected)


def test_a_half_made_card_whose_undoing_is_denied_says_so(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version(ModelCard=CARD))
    sagemaker.update(changed(ModelCard={"ModelCardContent": '{"new": 1}'}))
    sagemaker.update(changed(ModelCard={"ModelCardStatus": "Approved"}), REFUSED)
    sagemaker.update(
        changed(ModelCard={"ModelCardContent": '{"old": 1}'}), error("AccessDeniedException", "not you")
    )
    event = invoke("UPDATE", {**VERSION_STATE, "ModelCard": NEW_CARD}, {**VERSION_STATE, "ModelCard": CARD})
    words = f"{HALF_CHANGED}. not you (AccessDeniedException)"
    assert event == failed("AccessDenied", said("UPDATE", VERSION, words))


def test_a_half_made_card_is_gone_on_with_at_the_next_look(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    desired, previous = {**VERSION_STATE, "ModelCard": NEW_CARD}, {**VERSION_STATE, "ModelCard": CARD}
    sagemaker.describe(VERSION, version(ModelCard=CARD))
    sagemaker.update(changed(ModelCard={"ModelCardContent": '{"new": 1}'}))
    sagemaker.update(
        changed(ModelCard={"ModelCardStatus": "Approved"}), error("ExpiredTokenException", "old")
    )
    event = invoke("UPDATE", desired, previous)
    assert event == in_progress(desired, 1, arn=VERSION, stage="writing", polls=1, failed_polls=1)
    half = {**CARD, "ModelCardContent": '{"new": 1}'}
    sagemaker.describe(VERSION, version(ModelCard=half))
    sagemaker.update(changed(ModelCard={"ModelCardStatus": "Approved"}))
    sagemaker.describe(VERSION, version(ModelCard=NEW_CARD))
    event = invoke("UPDATE", desired, previous, event["callbackContext"])
    assert event == succeeded(version_model(ModelCard=NEW_CARD))


def test_a_half_made_card_that_is_refused_at_a_later_look_is_undone(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    desired, previous = {**VERSION_STATE, "ModelCard": NEW_CARD}, {**VERSION_STATE, "ModelCard": CARD}
    sagemaker.describe(VERSION, version(ModelCard={**CARD, "ModelCardContent": '{"new": 1}'}))
    sagemaker.update(changed(ModelCard={"ModelCardStatus": "Approved"}), REFUSED)
    sagemaker.update(changed(ModelCard={"ModelCardContent": '{"old": 1}'}))
    context = {"arn": VERSION, "stage": "writing", "polls": 1, "failed_polls": 1}
    event = invoke("UPDATE", desired, previous, context)
    words = f"ModelCard cannot be updated in place: {REFUSED_WORDS}"
    assert event == failed("NotUpdatable", said("UPDATE", VERSION, words))


def test_an_update_that_is_denied_a_part_of_itself_says_what_is_done(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    desired = {**NAMED_STATE, "ModelApprovalStatus": "Approved", "Tags": tag_list({"a": "1"})}
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {})
    sagemaker.update(changed(NAMED, ModelApprovalStatus="Approved"))
    sagemaker.expect("AddTags", {"ResourceArn": NAMED, "Tags": tag_list({"a": "1"})}, DENIED)
    event = invoke("UPDATE", desired, NAMED_STATE)
    assert event == failed("AccessDenied", said("UPDATE", NAMED, f"{HALF_DONE}. {DENIED_WORDS}"))
    sagemaker.describe(NAMED, named(ModelApprovalStatus="Approved"))
    sagemaker.list_tags(NAMED, {})
    sagemaker.expect("AddTags", {"ResourceArn": NAMED, "Tags": tag_list({"a": "1"})}, DENIED)
    event = invoke("UPDATE", desired, NAMED_STATE, {"arn": NAMED, "stage": "writing", "polls": 1})
    assert event == failed("AccessDenied", said("UPDATE", NAMED, f"{HALF_DONE}. {DENIED_WORDS}"))


@pytest.mark.parametrize("done", [True, False])
def test_a_change_that_is_refused_because_it_was_done_is_done(
    invoke: Invoker, sagemaker: ScriptedSageMaker, done: bool
) -> None:
    """The answer to the first attempt was lost, and the service takes no notice of the token."""
    new: Model = {
        "AdditionalInferenceSpecificationsToAdd": [extra("b")],
        "CustomerMetadataProperties": {"a": "1"},
    }
    dropped: Model = {"CustomerMetadataPropertiesToRemove": ["z"]}
    before = version(CustomerMetadataProperties={"z": "0"})
    after = version(
        AdditionalInferenceSpecifications=[extra("b", Description="") if done else extra("c")],
        CustomerMetadataProperties={"a": "1"},
    )
    sagemaker.describe(VERSION, before)
    sagemaker.update(changed(**new, **dropped), UNAVAILABLE)
    sagemaker.update(changed(**new, **dropped), error("ValidationException", "b exists already"))
    sagemaker.describe(VERSION, after)
    if done:
        sagemaker.describe(VERSION, after)
    previous = {**VERSION_STATE, "CustomerMetadataProperties": {"z": "0"}}
    event = invoke("UPDATE", {**VERSION_STATE, **new}, previous)
    if done:
        assert event["status"] == "SUCCESS"
    else:
        words = said("UPDATE", VERSION, "b exists already (ValidationException)")
        assert event == failed("InvalidRequest", words)


def test_an_emptied_description_that_is_refused_because_it_was_done_is_done(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    """Describe leaves an empty description out."""
    emptied: Model = {"ModelApprovalStatus": "PendingManualApproval", "ApprovalDescription": ""}
    sagemaker.describe(VERSION, version(ApprovalDescription="fine"))
    sagemaker.update(changed(**emptied), UNAVAILABLE)
    sagemaker.update(changed(**emptied), error("ValidationException", "nothing to describe"))
    for _ in range(2):
        sagemaker.describe(VERSION, version())
    event = invoke("UPDATE", VERSION_STATE, {**VERSION_STATE, "ApprovalDescription": "fine"})
    assert event == succeeded(version_model())


@pytest.mark.parametrize("first", [False, True], ids=["a second card", "a first card"])
def test_a_half_made_card_of_an_attempt_that_was_cut_off_is_undone(
    invoke: Invoker, sagemaker: ScriptedSageMaker, first: bool
) -> None:
    """Its process died after the first call, and the event came again."""
    before: Model = {} if first else {"ModelCard": CARD}
    live = {"ModelCardContent": '{"new": 1}', **({} if first else {"ModelCardStatus": "Draft"})}
    sagemaker.describe(VERSION, version(ModelCard=live))
    sagemaker.update(changed(ModelCard={"ModelCardStatus": "Approved"}), REFUSED)
    if not first:
        sagemaker.update(changed(ModelCard={"ModelCardContent": '{"old": 1}'}))
    event = invoke("UPDATE", {**VERSION_STATE, "ModelCard": NEW_CARD}, {**VERSION_STATE, **before})
    expected = failed("InvalidRequest", said("UPDATE", VERSION, f"{HALF_CHANGED}. {REFUSED_WORDS}"))
    if not first:
        words = f"ModelCard cannot be updated in place: {REFUSED_WORDS}"
        expected = failed("NotUpdatable", said("UPDATE", VERSION, words))
    assert event == expected


ARCHIVED = {"ModelCardContent": '{"new": 1}', "ModelCardStatus": "Archived"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(version(ModelCard=ARCHIVED), None, id="another was faster"),
        pytest.param(version(ModelCard={**CARD, "ModelCardStatus": "Archived"}), REFUSED_WORDS, id="nobody"),
        pytest.param(error("ValidationException", GONE.format(VERSION)), REFUSED_WORDS, id="it is gone"),
    ],
)
def test_a_card_that_another_invocation_has_archived_is_as_desired(
    invoke: Invoker, sagemaker: ScriptedSageMaker, found: Any, expected: str | None
) -> None:
    desired, previous = {**VERSION_STATE, "ModelCard": ARCHIVED}, {**VERSION_STATE, "ModelCard": CARD}
    sagemaker.describe(VERSION, version(ModelCard=CARD))
    sagemaker.update(changed(ModelCard={"ModelCardContent": '{"new": 1}'}), REFUSED)
    sagemaker.describe(VERSION, found)
    if expected is None:
        sagemaker.update(changed(ModelCard={"ModelCardStatus": "Archived"}))
        sagemaker.describe(VERSION, version(ModelCard=ARCHIVED))
    event = invoke("UPDATE", desired, previous)
    if expected is None:
        assert event == succeeded(version_model(ModelCard=ARCHIVED))
    else:
        words = f"ModelCard cannot be updated in place: {expected}"
        assert event == failed("NotUpdatable", said("UPDATE", VERSION, words))


def test_an_update_that_is_half_written_is_gone_on_with_at_the_next_look(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    desired = {**NAMED_STATE, "ModelApprovalStatus": "Approved", "Tags": tag_list({"a": "1", "b": "2"})}
    previous = {**NAMED_STATE, "Tags": tag_list({"b": "2", "c": "3"})}
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {"b": "2", "c": "3"})
    sagemaker.update(changed(NAMED, ModelApprovalStatus="Approved"))
    sagemaker.expect("AddTags", {"ResourceArn": NAMED, "Tags": tag_list({"a": "1"})}, {"Tags": []})
    sagemaker.expect(
        "DeleteTags", {"ResourceArn": NAMED, "TagKeys": ["c"]}, error("ExpiredTokenException", "old")
    )
    event = invoke("UPDATE", desired, previous)
    assert event == in_progress(desired, 1, arn=NAMED, stage="writing", polls=1, failed_polls=1)
    approved = named(ModelApprovalStatus="Approved")
    sagemaker.describe(NAMED, approved)
    sagemaker.list_tags(NAMED, {"a": "1", "b": "2", "c": "3"})
    sagemaker.expect("DeleteTags", {"ResourceArn": NAMED, "TagKeys": ["c"]}, {})
    sagemaker.describe(NAMED, approved)
    sagemaker.list_tags(NAMED, {"a": "1", "b": "2"})
    event = invoke("UPDATE", desired, previous, event["callbackContext"])
    expected = named_model(ModelApprovalStatus="Approved", Tags=tag_list({"a": "1", "b": "2"}))
    assert event == succeeded(expected)


def test_an_archived_card_is_taken_out_of_the_archive_before_its_content_changes(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    archived = {**CARD, "ModelCardStatus": "Archived"}
    sagemaker.describe(VERSION, version(ModelCard=archived))
    sagemaker.update(changed(ModelCard={"ModelCardStatus": "Approved"}))
    sagemaker.update(changed(ModelCard={"ModelCardContent": '{"new": 1}'}), REFUSED)
    sagemaker.update(changed(ModelCard={"ModelCardStatus": "Archived"}))
    desired = {**VERSION_STATE, "ModelCard": NEW_CARD}
    event = invoke("UPDATE", desired, {**VERSION_STATE, "ModelCard": archived})
    words = f"ModelCard cannot be updated in place: {REFUSED_WORDS}"
    assert event == failed("NotUpdatable", said("UPDATE", VERSION, words))


def test_content_of_an_archived_card_is_not_updatable(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version(ModelCard={**CARD, "ModelCardStatus": "Archived"}))
    refused = error("ValidationException", "Model Card is in Archived state")
    sagemaker.update(changed(ModelCard={"ModelCardContent": '{"new": 1}'}), refused)
    desired = {**VERSION_STATE, "ModelCard": {"ModelCardContent": '{"new": 1}'}}
    event = invoke("UPDATE", desired, {**VERSION_STATE, "ModelCard": CARD})
    words = "ModelCard cannot be updated in place: Model Card is in Archived state (ValidationException)"
    assert event == failed("NotUpdatable", said("UPDATE", VERSION, words))


ENVIRONMENTS = [
    pytest.param(
        {"MODE": "slow"}, {"MODE": "fast"}, {}, {"MODE": "fast"}, {"MODE": "slow"}, id="a changed default"
    ),
    pytest.param(
        {"MODE": "fast", "LEVEL": "2"},
        {"MODE": "fast"},
        {},
        {"MODE": "fast"},
        {"MODE": "fast", "LEVEL": "2"},
        id="a new default",
    ),
    pytest.param({}, {"MODE": "fast"}, {}, {"MODE": "fast", "Z": "9"}, {"Z": "9"}, id="a dropped default"),
    pytest.param(
        {"MODE": "slow", "LEVEL": "2"},
        {"MODE": "fast"},
        {"MODE": "own"},
        {"MODE": "own"},
        {"MODE": "own", "LEVEL": "2"},
        id="a container's own key wins",
    ),
]


@pytest.mark.parametrize(("new", "old", "own", "live", "expected"), ENVIRONMENTS)
def test_a_new_environment_goes_into_the_live_specification(
    invoke: Invoker,
    sagemaker: ScriptedSageMaker,
    new: Model,
    old: Model,
    own: Model,
    live: Model,
    expected: Model,
) -> None:
    given = {"InferenceSpecification": specification(**({"Environment": own} if own else {}))}
    sagemaker.describe(VERSION, version(InferenceSpecification=live_specification(Environment=live)))
    after = live_specification(Environment=expected)
    sagemaker.update(changed(InferenceSpecification=after))
    sagemaker.describe(VERSION, version(InferenceSpecification=after))
    event = invoke(
        "UPDATE",
        {**VERSION_STATE, **given, "Environment": new},
        {**VERSION_STATE, **given, "Environment": old},
    )
    assert event == succeeded(version_model(InferenceSpecification=after))


def test_an_environment_that_is_live_already_is_not_sent(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    live = live_specification(Environment={"MODE": "fast"})
    sagemaker.describe(VERSION, version(InferenceSpecification=live))
    desired = {**VERSION_STATE, "InferenceSpecification": specification(), "Environment": {"MODE": "fast"}}
    event = invoke("UPDATE", desired, version_model(InferenceSpecification=live))
    assert event == succeeded(version_model(InferenceSpecification=live))


def test_an_environment_that_is_refused_is_not_updatable(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    given = {**VERSION_STATE, "InferenceSpecification": specification()}
    sagemaker.describe(VERSION, version(InferenceSpecification=live_specification()))
    sagemaker.expect("UpdateModelPackage", ANY, REFUSED)
    event = invoke("UPDATE", {**given, "Environment": {"A": "b"}}, given)
    words = f"Environment cannot be updated in place: {REFUSED_WORDS}"
    assert event == failed("NotUpdatable", said("UPDATE", VERSION, words))


def test_an_environment_of_an_unversioned_package_is_refused(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(NAMED, named())
    event = invoke("UPDATE", {**NAMED_STATE, "Environment": {"A": "b"}}, NAMED_STATE)
    words = (
        "Environment cannot be set on an unversioned package: SageMaker takes container environments only"
        " for versions (set ModelPackageGroupName)"
    )
    assert event == failed("InvalidRequest", said("UPDATE", NAMED, words))


def test_an_environment_of_a_package_without_containers_changes_nothing(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version())
    previous = {**VERSION_STATE, "Environment": {"A": "b"}}
    assert invoke("UPDATE", VERSION_STATE, previous) == succeeded(version_model())


# --- waiting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["Pending", "InProgress"])
def test_a_package_that_is_being_validated_is_waited_for_before_anything_is_written(
    invoke: Invoker, sagemaker: ScriptedSageMaker, status: str
) -> None:
    desired = {**VERSION_STATE, "ModelApprovalStatus": "Approved"}
    sagemaker.describe(VERSION, version(ModelPackageStatus=status))
    event = invoke("UPDATE", desired, VERSION_STATE)
    assert event == in_progress(desired, 1, arn=VERSION, stage="waiting", polls=1)
    sagemaker.describe(VERSION, version(ModelPackageStatus=status))
    event = invoke("UPDATE", desired, VERSION_STATE, event["callbackContext"])
    assert event == in_progress(desired, 2, arn=VERSION, stage="waiting", polls=2)
    sagemaker.describe(VERSION, version())
    sagemaker.update(changed(ModelApprovalStatus="Approved"))
    sagemaker.describe(VERSION, version(ModelApprovalStatus="Approved"))
    event = invoke("UPDATE", desired, VERSION_STATE, event["callbackContext"])
    assert event == succeeded(version_model(ModelApprovalStatus="Approved"))


def test_a_change_that_sets_the_package_to_work_is_waited_for_and_not_repeated(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    desired = {**VERSION_STATE, **NEW_SOURCE}
    sagemaker.describe(VERSION, version())
    sagemaker.update(changed(**NEW_SOURCE))
    sagemaker.describe(VERSION, version(ModelPackageStatus="InProgress"))
    event = invoke("UPDATE", desired, VERSION_STATE)
    assert event == in_progress(desired, 1, arn=VERSION, stage="written", polls=1)
    sagemaker.describe(VERSION, version())
    event = invoke("UPDATE", desired, VERSION_STATE, event["callbackContext"])
    assert event == succeeded(version_model())


def test_a_failed_package_is_updated_and_the_message_says_so(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    details = {**NO_DETAILS, "ValidationStatuses": failed_items(("batch", "out of memory"))}
    state = {"ModelPackageStatus": "Failed", "ModelPackageStatusDetails": details}
    sagemaker.describe(VERSION, version(**state))
    sagemaker.update(changed(ModelApprovalStatus="Rejected"))
    sagemaker.describe(VERSION, version(**state, ModelApprovalStatus="Rejected"))
    event = invoke("UPDATE", {**VERSION_STATE, "ModelApprovalStatus": "Rejected"}, VERSION_STATE)
    reason = "validation profile batch: out of memory"
    expected = version_model(
        **state,
        ModelApprovalStatus="Rejected",
        ModelPackageStatusItem={"Name": "churn", "Status": "Failed", "FailureReason": reason},
    )
    note = said("UPDATE", VERSION, f"the package's status is Failed: {reason}")
    assert event == succeeded(expected, note)


def test_the_note_on_a_failed_package_is_no_longer_than_a_message_may_be(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    details = {**NO_DETAILS, "ValidationStatuses": failed_items(("batch", "x" * 1500))}
    sagemaker.describe(VERSION, version(ModelPackageStatus="Failed", ModelPackageStatusDetails=details))
    message = invoke("UPDATE", VERSION_STATE, VERSION_STATE)["message"]
    words = "the package's status is Failed: validation profile batch: xxx"
    assert message.startswith(said("UPDATE", VERSION, words))
    assert len(message) <= 1000


def test_the_note_on_a_failed_package_shows_no_confidential_value(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    details = {**NO_DETAILS, "ValidationStatuses": failed_items(("batch", "KEY is hunter22, which is bad"))}
    live = live_specification(Environment={"KEY": "hunter22"})
    sagemaker.describe(
        VERSION,
        version(ModelPackageStatus="Failed", ModelPackageStatusDetails=details, InferenceSpecification=live),
    )
    message = invoke("UPDATE", VERSION_STATE, VERSION_STATE)["message"]
    words = "the package's status is Failed: validation profile batch: KEY is ***, which is bad"
    assert message == said("UPDATE", VERSION, words)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        pytest.param(
            error("ValidationException", GONE.format(VERSION)),
            f"{GONE.format(VERSION)} (ValidationException)",
            id="not there",
        ),
        pytest.param(version(ModelPackageStatus="Deleting"), "", id="being deleted"),
    ],
)
def test_what_is_gone_or_going_is_not_found(
    invoke: Invoker, sagemaker: ScriptedSageMaker, reply: Any, words: str
) -> None:
    sagemaker.describe(VERSION, reply)
    assert invoke("UPDATE", VERSION_STATE, VERSION_STATE) == not_found("UPDATE", VERSION, words)


def test_the_absence_of_another_package_is_not_ours(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    desired = {**VERSION_STATE, "SourceUri": f"{VERSION[:-1]}9"}
    sagemaker.describe(VERSION, version())
    sagemaker.update(
        changed(SourceUri=f"{VERSION[:-1]}9", ClientToken=ANY),
        error("ValidationException", GONE.format(f"{VERSION[:-1]}9")),
    )
    words = f"{GONE.format(f'{VERSION[:-1]}9')} (ValidationException)"
    assert invoke("UPDATE", desired, VERSION_STATE) == failed(
        "InvalidRequest", said("UPDATE", VERSION, words)
    )


def test_a_package_that_vanishes_before_the_write_is_not_found(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    desired = {**VERSION_STATE, "ModelApprovalStatus": "Approved"}
    sagemaker.describe(VERSION, version())
    sagemaker.update(
        changed(ModelApprovalStatus="Approved"), error("ValidationException", GONE.format(VERSION))
    )
    answer = invoke("UPDATE", desired, VERSION_STATE)
    assert (answer["status"], answer["errorCode"]) == ("FAILED", "NotFound")


def test_an_update_without_an_arn_is_not_found(invoke: Invoker) -> None:
    assert invoke("UPDATE", SCORER, SCORER) == not_found("UPDATE", "scorer")


def test_a_first_look_that_fails_is_the_answer(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, error("AccessDeniedException", "no"))
    event = invoke("UPDATE", VERSION_STATE, VERSION_STATE)
    assert event == failed("AccessDenied", said("UPDATE", VERSION, "no (AccessDeniedException)"))


def test_looks_that_fail_after_the_write_are_repeated_without_writing_again(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    desired = {**VERSION_STATE, "ModelApprovalStatus": "Approved"}
    sagemaker.describe(VERSION, version())
    sagemaker.update(changed(ModelApprovalStatus="Approved"))
    for _ in range(4):
        sagemaker.describe(VERSION, UNAVAILABLE)
    event = invoke("UPDATE", desired, VERSION_STATE)
    context = {"arn": VERSION, "stage": "written", "polls": 1, "failed_polls": 1}
    assert event == in_progress(desired, 1, **context)
    sagemaker.describe(VERSION, version(ModelApprovalStatus="Approved"))
    event = invoke("UPDATE", desired, VERSION_STATE, event["callbackContext"])
    assert event == succeeded(version_model(ModelApprovalStatus="Approved"))


def test_looks_that_keep_failing_end_with_their_own_failure(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, error("ExpiredTokenException", "expired"))
    context = {"arn": VERSION, "stage": "waiting", "polls": 4, "failed_polls": timing.MAX_FAILED_POLLS - 1}
    event = invoke("UPDATE", VERSION_STATE, VERSION_STATE, context)
    expected = failed("InvalidCredentials", said("UPDATE", VERSION, "expired (ExpiredTokenException)"))
    assert event == expected


# --- tags -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "stack", "own_before", "stack_before", "live", "add", "drop"),
    [
        pytest.param(
            {"a": "2", "b": "1"},
            {},
            {"a": "1"},
            {},
            {"a": "1"},
            {"a": "2", "b": "1"},
            [],
            id="add and overwrite",
        ),
        pytest.param(
            {}, {}, {"a": "1"}, {}, {"a": "1", "z": "9"}, {}, ["a"], id="drop, and leave others alone"
        ),
        pytest.param(
            {"b": "1"}, {}, {"a": "1"}, {}, {"a": "1"}, {"b": "1"}, ["a"], id="add first, then drop"
        ),
        pytest.param(
            {"a": "1"},
            {"s": "2"},
            {"a": "1"},
            {"s": "1"},
            {"a": "1", "s": "1"},
            {"s": "2"},
            [],
            id="a stack tag",
        ),
        pytest.param(
            {},
            {"a": "s"},
            {"a": "own"},
            {"a": "s"},
            {"a": "own"},
            {"a": "s"},
            [],
            id="the stack's value returns",
        ),
        pytest.param(
            {"a": "1", "aws:b": "2"}, {}, {"aws:c": "3"}, {}, {"aws:c": "3"}, {"a": "1"}, [], id="none of AWS"
        ),
        pytest.param({"a": "1"}, {}, {}, {}, {"a": "1"}, {}, [], id="nothing that is live already"),
        pytest.param({}, {}, {"a": "1"}, {}, {}, {}, [], id="nothing that is gone already"),
    ],
)
def test_tags_change_by_key(
    invoke: Invoker,
    sagemaker: ScriptedSageMaker,
    own: Model,
    stack: Model,
    own_before: Model,
    stack_before: Model,
    live: Model,
    add: Model,
    drop: list[str],
) -> None:
    after = {key: value for key, value in {**live, **add}.items() if key not in drop}
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, live)
    if add:
        sagemaker.expect("AddTags", {"ResourceArn": NAMED, "Tags": tag_list(add)}, {"Tags": []})
    if drop:
        sagemaker.expect("DeleteTags", {"ResourceArn": NAMED, "TagKeys": drop}, {})
    if add or drop:
        sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, after)
    event = invoke(
        "UPDATE",
        {**NAMED_STATE, "Tags": tag_list(own)},
        {**NAMED_STATE, "Tags": tag_list(own_before)},
        stackTags=stack,
        previousStackTags=stack_before,
    )
    mine = {key: value for key, value in after.items() if not key.startswith("aws:")}
    assert event == succeeded(named_model(Tags=tag_list(mine)))


def test_a_previous_state_may_give_a_key_two_values(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    """A rollback sends the template that was refused, and nobody can correct it any more."""
    refused = [*tag_list({"a": "1", "b": "2"}), *tag_list({"a": "3"})]
    desired = {**NAMED_STATE, "Tags": tag_list({"a": "1"})}
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {"a": "1"})
    sagemaker.list_tags(NAMED, {"a": "1"})
    event = invoke("UPDATE", desired, {**NAMED_STATE, "Tags": refused})
    assert event == succeeded(named_model(Tags=tag_list({"a": "1"})))


def test_room_is_made_first_when_the_tags_would_not_fit(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    many = {f"k{i}": "1" for i in range(49)}
    before, after = {**many, "old": "1"}, {**many, "new": "1"}
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, before)
    sagemaker.expect("DeleteTags", {"ResourceArn": NAMED, "TagKeys": ["old"]}, {})
    sagemaker.expect("AddTags", {"ResourceArn": NAMED, "Tags": tag_list({"new": "1"})}, {"Tags": []})
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, after)
    event = invoke(
        "UPDATE", {**NAMED_STATE, "Tags": tag_list(after)}, {**NAMED_STATE, "Tags": tag_list(before)}
    )
    assert event == succeeded(named_model(Tags=tag_list(after)))


def test_tags_that_did_not_change_are_not_even_read_before(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {"a": "changed outside", "z": "added outside"})
    state = {**NAMED_STATE, "Tags": tag_list({"a": "1"})}
    event = invoke("UPDATE", state, state)
    expected = named_model(Tags=tag_list({"a": "changed outside", "z": "added outside"}))
    assert event == succeeded(expected)


def test_tags_against_the_model_that_was_last_returned(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {"s": "1", "a": "1"})
    sagemaker.expect("AddTags", {"ResourceArn": NAMED, "Tags": tag_list({"a": "2"})}, {"Tags": []})
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {"s": "1", "a": "2"})
    event = invoke(
        "UPDATE",
        {**NAMED_STATE, "Tags": tag_list({"a": "2"})},
        named_model(Tags=tag_list({"s": "1", "a": "1"})),
        stackTags={"s": "1"},
        previousStackTags={"s": "1"},
    )
    assert event == succeeded(named_model(Tags=tag_list({"s": "1", "a": "2"})))


def test_without_a_previous_state_tags_are_added_and_none_dropped(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {"z": "9"})
    sagemaker.expect("AddTags", {"ResourceArn": NAMED, "Tags": tag_list({"a": "1"})}, {"Tags": []})
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {"z": "9", "a": "1"})
    event = invoke("UPDATE", {**NAMED_STATE, "Tags": tag_list({"a": "1"})})
    assert event == succeeded(named_model(Tags=tag_list({"z": "9", "a": "1"})))


def test_a_change_of_stack_tags_alone_leaves_a_version_untouched(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version())
    own = {"Tags": tag_list({"team": "new"})}
    event = invoke(
        "UPDATE",
        {**VERSION_STATE, **own},
        {**VERSION_STATE, "Tags": tag_list({"team": "old"})},
        stackTags={"team": "new"},
        previousStackTags={"team": "old"},
    )
    assert event == succeeded(version_model())


def test_tags_of_a_version_are_refused_before_anything_is_written(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version())
    desired = {**VERSION_STATE, "Tags": tag_list({"mine": "1"}), "ModelApprovalStatus": "Approved"}
    words = (
        "Tags: SageMaker takes no tags on a version of a model package group. Put them on the group"
        " (AWS::SageMaker::ModelPackageGroup), and data about this one version into"
        " CustomerMetadataProperties"
    )
    assert invoke("UPDATE", desired, VERSION_STATE) == failed(
        "InvalidRequest", said("UPDATE", VERSION, words)
    )


def test_the_test_entry_point_updates_too(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {})
    sagemaker.expect("AddTags", {"ResourceArn": NAMED, "Tags": tag_list({"s": "1"})}, {"Tags": []})
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {"s": "1"})
    event = invoke.test(
        "UPDATE", NAMED_STATE, previousResourceState=NAMED_STATE, desiredResourceTags={"s": "1"}
    )
    assert event == succeeded(named_model(Tags=tag_list({"s": "1"})))
