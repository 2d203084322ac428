"""Create: one package for one request, however often it arrives, and the wait until it is complete."""

from __future__ import annotations

from typing import Any

import pytest

from aws_sagemaker_modelpackage import timing

from .conftest import Invoker
from .events import (
    AS_DESCRIBED,
    DERIVED,
    GENERATED,
    GENERATED_FROM_NOTHING,
    GENERATED_WITHOUT_STACK,
    GONE,
    IMAGE,
    NAMED,
    NO_DETAILS,
    REQUEST,
    VERSION,
    changed,
    extra,
    failed,
    failed_items,
    in_progress,
    live_specification,
    named,
    named_model,
    said,
    specification,
    succeeded,
    tag_list,
    version,
    version_model,
)
from .scripted_sagemaker import ANY, HANGS_UP, UNAVAILABLE, ScriptedSageMaker, error

IN_GROUP = {"ModelPackageGroupName": "churn"}
SCORER = {"ModelPackageName": "scorer"}
UNKNOWN = error("ValidationException", GONE.format(VERSION))
REGISTERED = {**IN_GROUP, "ModelPackageArn": VERSION}


def sent(**arguments: Any) -> dict[str, Any]:
    """The arguments of the create of a version."""
    return {"ClientToken": DERIVED, **IN_GROUP, **arguments}


def sent_named(**arguments: Any) -> dict[str, Any]:
    """The arguments of the create of an unversioned package."""
    return {"ClientToken": DERIVED, **SCORER, **arguments}


# --- the calls --------------------------------------------------------------------------------------


def test_a_version_is_created_with_two_calls(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.create(sent(), VERSION)
    sagemaker.describe(VERSION, version())
    assert invoke("CREATE", IN_GROUP) == succeeded(version_model())
    assert sagemaker.operations() == ["CreateModelPackage", "DescribeModelPackage"]


def test_an_unversioned_package_is_created_and_its_tags_read(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.create(sent_named(), NAMED)
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {})
    assert invoke("CREATE", SCORER) == succeeded(named_model())


def test_the_test_entry_point_creates_too(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.create(sent(), VERSION)
    sagemaker.describe(VERSION, version())
    assert invoke.test("CREATE", IN_GROUP) == succeeded(version_model())


AS_GIVEN: dict[str, Any] = {
    "ModelPackageDescription": "who will leave",
    "ModelPackageRegistrationType": "Logged",
    "ValidationSpecification": {
        "ValidationRole": "arn:aws:iam::111122223333:role/v",
        "ValidationProfiles": [],
    },
    "SourceAlgorithmSpecification": {"SourceAlgorithms": [{"AlgorithmName": "xgboost"}]},
    "SourceUri": "s3://models/churn.tar.gz",
    "SamplePayloadUrl": "s3://models/payload.tar.gz",
    "SkipModelValidation": "All",
    "Domain": "MACHINE_LEARNING",
    "Task": "CLASSIFICATION",
    "InferenceSpecification": specification(Environment={"MODE": "fast"}),
    "AdditionalInferenceSpecifications": [extra("a")],
    "ModelApprovalStatus": "Approved",
    "ModelCard": {"ModelCardContent": "{}", "ModelCardStatus": "Draft"},
    "ModelLifeCycle": {"Stage": "Test", "StageStatus": "Pending"},
    "ModelMetrics": {"Bias": {}, "Explainability": {}},
    "DriftCheckBaselines": {"Bias": {}},
    "MetadataProperties": {"CommitId": "abc"},
    "CustomerMetadataProperties": {"team": "risk"},
    "SecurityConfig": {"KmsKeyId": "alias/models"},
    "ManagedStorageType": "Restricted",
    "ClientToken": "mine-1",
}


@pytest.mark.parametrize("name", AS_GIVEN)
def test_a_property_of_a_version_is_sent_as_given(
    invoke: Invoker, sagemaker: ScriptedSageMaker, name: str
) -> None:
    sagemaker.create(sent(**{name: AS_GIVEN[name]}), VERSION)
    sagemaker.describe(VERSION, version())
    assert invoke("CREATE", {**IN_GROUP, name: AS_GIVEN[name]}) == succeeded(version_model())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            {**IN_GROUP, "CertifyForMarketplace": "true"},
            sent(CertifyForMarketplace=True),
            id="a version is certified when the template says so",
        ),
        pytest.param(
            {**IN_GROUP, "CertifyForMarketplace": "false"}, sent(), id="false is not sent for a version"
        ),
        pytest.param(
            {**SCORER, "CertifyForMarketplace": "false"},
            sent_named(CertifyForMarketplace=False),
            id="false is sent for an unversioned package",
        ),
        pytest.param(
            {"ModelPackageGroupName": "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/churn"},
            {
                "ClientToken": DERIVED,
                "ModelPackageGroupName": "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/churn",
            },
            id="the ARN of a group is sent as given",
        ),
        pytest.param(
            {**IN_GROUP, "CustomerMetadataProperties": {}}, sent(), id="an empty metadata map is left out"
        ),
        pytest.param(
            {
                **IN_GROUP,
                "AdditionalInferenceSpecifications": [extra("a")],
                "AdditionalInferenceSpecificationsToAdd": [extra("b"), extra("a", Description="a second a")],
                "AdditionalInferenceSpecificationDefinition": extra("c"),
            },
            sent(AdditionalInferenceSpecifications=[extra("a"), extra("b"), extra("c")]),
            id="further specifications are appended, each name once",
        ),
        pytest.param(
            {**IN_GROUP, "AdditionalInferenceSpecificationDefinition": extra("c")},
            sent(AdditionalInferenceSpecifications=[extra("c")]),
            id="one specification on its own becomes the list",
        ),
        pytest.param(
            {
                **IN_GROUP,
                "Environment": {"MODE": "slow", "LEVEL": "1"},
                "InferenceSpecification": {
                    "Containers": [{"Image": IMAGE, "Environment": {"MODE": "fast"}}, {"Image": IMAGE}]
                },
            },
            sent(
                InferenceSpecification={
                    "Containers": [
                        {"Image": IMAGE, "Environment": {"MODE": "fast", "LEVEL": "1"}},
                        {"Image": IMAGE, "Environment": {"MODE": "slow", "LEVEL": "1"}},
                    ]
                }
            ),
            id="the environment is the default of every container, whose own keys win",
        ),
        pytest.param({**SCORER, "Environment": {}}, sent_named(), id="an empty environment says nothing"),
        pytest.param(
            {
                **IN_GROUP,
                "ModelPackageVersion": "7",
                "ModelPackageStatusDetails": {"ValidationStatuses": [{"Name": "v", "Status": "Failed"}]},
                "ModelPackageStatusItem": {"Name": "churn", "Status": "Completed"},
                "LastModifiedTime": "2023-11-14T22:13:20+00:00",
                "CreatedBy": {"UserProfileName": "jo"},
                "LastModifiedBy": {"UserProfileName": "al"},
                "ModelPackageStatus": "Completed",
                "CreationTime": "2023-11-14T22:13:20+00:00",
            },
            sent(),
            id="what belongs to the service is ignored",
        ),
        pytest.param(
            {**IN_GROUP, "ModelMetrics": {}, "DriftCheckBaselines": {}, "MetadataProperties": {}},
            sent(ModelMetrics={}, DriftCheckBaselines={}, MetadataProperties={}),
            id="empty objects are sent empty",
        ),
        pytest.param(
            {**IN_GROUP, "InferenceSpecification": {**specification(), "SupportedResponseMIMETypes": []}},
            sent(InferenceSpecification={**specification(), "SupportedResponseMIMETypes": []}),
            id="empty lists are sent empty",
        ),
    ],
)
def test_what_create_sends(
    invoke: Invoker, sagemaker: ScriptedSageMaker, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    versioned = "ModelPackageGroupName" in given
    sagemaker.create(expected, VERSION if versioned else NAMED)
    sagemaker.describe(VERSION if versioned else NAMED, version() if versioned else named())
    if not versioned:
        sagemaker.list_tags(NAMED, {})
    assert invoke("CREATE", given) == succeeded(version_model() if versioned else named_model())


def test_a_whole_answer_that_is_fed_back_is_accepted(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    not_sent = {
        *("CertifyForMarketplace", "SourceUri", "ApprovalDescription", "ModelPackageVersion"),
        *("ModelPackageStatus", "ModelPackageStatusDetails", "CreatedBy", "LastModifiedBy"),
    }
    arguments = {name: value for name, value in AS_DESCRIBED.items() if name not in not_sent}
    sagemaker.create(sent(**arguments), VERSION)
    sagemaker.describe(VERSION, version(**AS_DESCRIBED))
    event = invoke("CREATE", version_model(**AS_DESCRIBED))
    assert event == succeeded(version_model(**AS_DESCRIBED))


def test_numbers_and_booleans_arrive_as_strings(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    def validation(count: Any, most: Any) -> dict[str, Any]:
        job = {
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/in"}}
            },
            "TransformOutput": {"S3OutputPath": "s3://data/out"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": count},
            "MaxConcurrentTransforms": most,
        }
        return {
            "ValidationRole": "arn:aws:iam::111122223333:role/v",
            "ValidationProfiles": [{"ProfileName": "batch", "TransformJobDefinition": job}],
        }

    def containers(checkpoint: Any) -> dict[str, Any]:
        return {"Containers": [{"Image": IMAGE, "IsCheckpoint": checkpoint}]}

    expected = sent(ValidationSpecification=validation(2, 0), InferenceSpecification=containers(True))
    sagemaker.create(expected, VERSION)
    sagemaker.describe(VERSION, version())
    given = {
        **IN_GROUP,
        "ValidationSpecification": validation("2", "0"),
        "InferenceSpecification": containers("True"),
    }
    assert invoke("CREATE", given) == succeeded(version_model())


# --- what needs a second call -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "in_create", "update"),
    [
        pytest.param(
            {"ApprovalDescription": "fine", "ModelApprovalStatus": "Approved"},
            {"ModelApprovalStatus": "Approved"},
            {"ModelApprovalStatus": "Approved", "ApprovalDescription": "fine"},
            id="an approval description follows with its status",
        ),
        pytest.param(
            {"ApprovalDescription": "undecided"},
            {},
            {"ModelApprovalStatus": "PendingManualApproval", "ApprovalDescription": "undecided"},
            id="without a status in the template the live one goes along",
        ),
        pytest.param(
            {"SourceUri": "s3://models/m", "InferenceSpecification": specification()},
            {"InferenceSpecification": specification()},
            {"SourceUri": "s3://models/m"},
            id="a source beside a specification follows",
        ),
        pytest.param(
            {
                "SourceUri": "s3://models/m",
                "InferenceSpecification": specification(),
                "ApprovalDescription": "fine",
                "ModelApprovalStatus": "Approved",
            },
            {"InferenceSpecification": specification(), "ModelApprovalStatus": "Approved"},
            {
                "SourceUri": "s3://models/m",
                "ModelApprovalStatus": "Approved",
                "ApprovalDescription": "fine",
            },
            id="both follow in one call",
        ),
    ],
)
def test_what_create_cannot_take_follows_in_an_update(
    invoke: Invoker,
    sagemaker: ScriptedSageMaker,
    given: dict[str, Any],
    in_create: dict[str, Any],
    update: dict[str, Any],
) -> None:
    status = given.get("ModelApprovalStatus", "PendingManualApproval")
    sagemaker.create(sent(**in_create), VERSION)
    sagemaker.describe(VERSION, version(ModelApprovalStatus=status))
    sagemaker.update(changed(**update))
    sagemaker.describe(VERSION, version(**update))
    assert invoke("CREATE", {**IN_GROUP, **given}) == succeeded(version_model(**update))


def test_an_unversioned_package_without_a_status_is_described_without_one(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.create(sent_named(), NAMED)
    sagemaker.describe(NAMED, named())
    sagemaker.update({"ModelPackageArn": NAMED, "ApprovalDescription": "fine"})
    sagemaker.describe(NAMED, named(ApprovalDescription="fine"))
    sagemaker.list_tags(NAMED, {})
    event = invoke("CREATE", {**SCORER, "ApprovalDescription": "fine"})
    assert event == succeeded(named_model(ApprovalDescription="fine"))


def test_a_second_call_that_was_made_before_is_not_repeated(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version(ApprovalDescription="fine"))
    desired = {**REGISTERED, "ApprovalDescription": "fine"}
    event = invoke("CREATE", desired, context={"arn": VERSION, "polls": 1})
    assert event == succeeded(version_model(ApprovalDescription="fine"))


def test_a_second_call_that_is_refused_leaves_the_package_to_cloudformation(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.create(ANY, VERSION)
    sagemaker.describe(VERSION, version())
    refused = error("AccessDeniedException", "not authorized to perform: sagemaker:UpdateModelPackage")
    sagemaker.expect("UpdateModelPackage", ANY, refused)
    desired = {**IN_GROUP, "ApprovalDescription": "fine"}
    words = "not authorized to perform: sagemaker:UpdateModelPackage (AccessDeniedException)"
    expected = failed("AccessDenied", said("CREATE", VERSION, words), {**desired, "ModelPackageArn": VERSION})
    assert invoke("CREATE", desired) == expected


@pytest.mark.parametrize("done", [True, False])
def test_a_second_call_that_is_refused_because_it_was_done_is_done(
    invoke: Invoker, sagemaker: ScriptedSageMaker, done: bool
) -> None:
    """Its first answer was lost: failing now would have CloudFormation delete a good package."""
    sagemaker.create(ANY, VERSION)
    sagemaker.describe(VERSION, version())
    source = "s3://models/m" if done else "s3://models/other"
    sagemaker.update(changed(SourceUri="s3://models/m"), UNAVAILABLE)
    sagemaker.update(
        changed(SourceUri="s3://models/m"), error("ValidationException", "it has a SourceUri already")
    )
    sagemaker.describe(VERSION, version(SourceUri=source))
    if done:
        sagemaker.describe(VERSION, version(SourceUri=source))
    desired = {**IN_GROUP, "SourceUri": "s3://models/m", "InferenceSpecification": specification()}
    event = invoke("CREATE", desired)
    if done:
        assert event == succeeded(version_model(SourceUri=source))
    else:
        words = said("CREATE", VERSION, "it has a SourceUri already (ValidationException)")
        assert event == failed("InvalidRequest", words, {**desired, "ModelPackageArn": VERSION})


def test_a_package_that_fails_after_the_second_call_is_not_stabilized(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.create(ANY, VERSION)
    sagemaker.describe(VERSION, version())
    sagemaker.update(changed(SourceUri="s3://models/m"))
    sagemaker.describe(VERSION, version(ModelPackageStatus="Failed", SourceUri="s3://models/m"))
    desired = {**IN_GROUP, "SourceUri": "s3://models/m", "InferenceSpecification": specification()}
    words = "the package's status is Failed: SageMaker gives no reason"
    expected = failed(
        "NotStabilized", said("CREATE", VERSION, words), {**desired, "ModelPackageArn": VERSION}
    )
    assert invoke("CREATE", desired) == expected


def test_a_package_that_the_second_call_sets_to_work_is_waited_for(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.create(ANY, VERSION)
    sagemaker.describe(VERSION, version())
    sagemaker.update(changed(SourceUri="s3://models/m"))
    sagemaker.describe(VERSION, version(ModelPackageStatus="InProgress", SourceUri="s3://models/m"))
    desired = {**IN_GROUP, "SourceUri": "s3://models/m", "InferenceSpecification": specification()}
    event = invoke("CREATE", desired)
    assert event == in_progress({**desired, "ModelPackageArn": VERSION}, 1, arn=VERSION, polls=1)


def test_a_package_that_is_unknown_right_after_the_second_call_is_shown_as_before(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.create(ANY, VERSION)
    sagemaker.describe(VERSION, version())
    sagemaker.update(changed(SourceUri="s3://models/m"))
    sagemaker.describe(VERSION, UNKNOWN)
    desired = {**IN_GROUP, "SourceUri": "s3://models/m", "InferenceSpecification": specification()}
    assert invoke("CREATE", desired) == succeeded(version_model())


# --- names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_data", "name"),
    [
        pytest.param({}, GENERATED, id="from stack and logical id"),
        pytest.param({"stackId": None}, GENERATED_WITHOUT_STACK, id="from the logical id alone"),
        pytest.param({"stackId": None, "logicalResourceId": None}, GENERATED_FROM_NOTHING, id="from neither"),
    ],
)
def test_a_name_is_generated_where_the_template_gives_none(
    invoke: Invoker, sagemaker: ScriptedSageMaker, request_data: dict[str, Any], name: str
) -> None:
    sagemaker.create({"ClientToken": DERIVED, "ModelPackageName": name}, NAMED)
    sagemaker.describe(NAMED, named(ModelPackageName=name))
    sagemaker.list_tags(NAMED, {})
    item = {"Name": name, "Status": "Completed"}
    expected = succeeded(named_model(ModelPackageName=name, ModelPackageStatusItem=item))
    assert invoke("CREATE", {}, **request_data) == expected


def test_a_name_and_a_group_together_are_refused(invoke: Invoker) -> None:
    words = (
        "ModelPackageName and ModelPackageGroupName cannot both be set: a version is named by its group, an"
        " unversioned package by its own name. Remove one of them"
    )
    event = invoke("CREATE", {**IN_GROUP, **SCORER})
    assert event == failed("InvalidRequest", said("CREATE", "scorer", words))


# --- tokens -----------------------------------------------------------------------------------------


def test_the_same_request_gives_the_same_client_token(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    for _ in range(2):
        sagemaker.create(sent(), VERSION)
        sagemaker.describe(VERSION, version())
    assert invoke("CREATE", IN_GROUP) == invoke("CREATE", IN_GROUP)


def test_another_request_gives_another_client_token(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.create(ANY, VERSION)
    sagemaker.describe(VERSION, version())
    invoke("CREATE", IN_GROUP, bearerToken=f"{REQUEST}!")
    token = sagemaker.calls[0][1]["ClientToken"]
    assert token != DERIVED
    assert len(token) == 36


@pytest.mark.parametrize("token", ["", None])
def test_a_request_without_a_token_is_refused(invoke: Invoker, token: str | None) -> None:
    words = "the request carries no token, so a repeated create could register a second package"
    event = invoke("CREATE", IN_GROUP, bearerToken=token)
    assert event == failed("InvalidRequest", said("CREATE", "churn", words))


def test_a_create_whose_answer_is_lost_is_repeated_with_its_token(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.create(sent(), HANGS_UP)
    sagemaker.create(sent(), VERSION)
    sagemaker.describe(VERSION, version())
    assert invoke("CREATE", IN_GROUP) == succeeded(version_model())


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param(
            {"ClientToken": "mine"},
            ". A ClientToken that was used before brings back the ARN of its first package, even a deleted"
            " one: give ClientToken a new value or leave it out",
            id="with a token of the template's",
        ),
        pytest.param(
            {},
            ": the package may have been deleted meanwhile. Repeat the operation",
            id="with the request's",
        ),
    ],
)
def test_an_arn_that_describe_does_not_know_is_polled_for_a_minute(
    invoke: Invoker, sagemaker: ScriptedSageMaker, given: dict[str, Any], why: str
) -> None:
    registered = {**REGISTERED, **given}
    sagemaker.create(sent(**given), VERSION)
    sagemaker.describe(VERSION, UNKNOWN)
    event = invoke("CREATE", {**IN_GROUP, **given})
    waited, looks = 0, 0
    for delay in (1, 2, 4, 8, 16, 29):
        waited, looks = waited + delay, looks + 1
        context = {"arn": VERSION, "unseen_seconds": waited, "polls": looks}
        assert event == in_progress(registered, delay, **context)
        sagemaker.describe(VERSION, UNKNOWN)
        event = invoke("CREATE", event["resourceModel"], context=event["callbackContext"])
    assert waited == timing.MAX_UNKNOWN_ARN_SECONDS == 60
    words = f"SageMaker returned this ARN but does not know it{why}"
    assert event == failed("NotStabilized", said("CREATE", VERSION, words), registered)


def test_an_arn_that_becomes_known_is_no_failure(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version())
    context = {"arn": VERSION, "unseen_seconds": 60, "polls": 6}
    assert invoke("CREATE", REGISTERED, context=context) == succeeded(version_model())


# --- waiting ----------------------------------------------------------------------------------------


def test_a_package_is_waited_for_until_it_is_complete(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    desired = {**SCORER, "ModelPackageArn": NAMED}
    sagemaker.create(sent_named(), NAMED)
    sagemaker.describe(NAMED, named(ModelPackageStatus="Pending"))
    event = invoke("CREATE", SCORER)
    waited = 0
    for looks, delay in enumerate((1, 2, 4, 8, 16, 32, 60, 60), start=1):
        waited += delay
        assert event == in_progress(desired, delay, arn=NAMED, polls=looks)
        sagemaker.describe(NAMED, named(ModelPackageStatus="InProgress"))
        event = invoke("CREATE", event["resourceModel"], context=event["callbackContext"])
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {})
    event = invoke("CREATE", event["resourceModel"], context=event["callbackContext"])
    assert event == succeeded(named_model())


@pytest.mark.parametrize(
    ("details", "words"),
    [
        pytest.param(
            {"ValidationStatuses": failed_items(("batch", "out of memory")), "ImageScanStatuses": []},
            "the package's status is Failed: validation profile batch: out of memory",
            id="one profile",
        ),
        pytest.param(
            {
                "ValidationStatuses": [
                    *failed_items(("batch", "out of memory")),
                    {"Name": "other", "Status": "Completed"},
                ],
                "ImageScanStatuses": failed_items(("scan", None)),
            },
            "the package's status is Failed: validation profile batch, image scan scan failed."
            " validation profile batch: out of memory; image scan scan: no reason given",
            id="a profile and an image",
        ),
        pytest.param(
            {
                "ValidationStatuses": failed_items(*((f"p{i}", "bad") for i in range(8))),
                "ImageScanStatuses": [],
            },
            "the package's status is Failed: "
            + ", ".join(f"validation profile p{i}" for i in range(8))
            + " failed. "
            + "; ".join(f"validation profile p{i}: bad" for i in range(8)),
            id="every profile that fits",
        ),
        pytest.param(
            {
                "ValidationStatuses": failed_items(*((f"p{i}", "bad") for i in range(30))),
                "ImageScanStatuses": [],
            },
            "the package's status is Failed: "
            + ", ".join(f"validation profile p{i}" for i in range(15))
            + " and 15 more failed. "
            + "; ".join(f"validation profile p{i}: bad" for i in range(12))
            + " and 18 more",
            id="the remainder is counted",
        ),
        pytest.param(NO_DETAILS, "the package's status is Failed: SageMaker gives no reason", id="no reason"),
    ],
)
def test_a_failed_package_is_not_stabilized_and_says_why(
    invoke: Invoker, sagemaker: ScriptedSageMaker, details: dict[str, Any], words: str
) -> None:
    sagemaker.create(sent(), VERSION)
    sagemaker.describe(VERSION, version(ModelPackageStatus="Failed", ModelPackageStatusDetails=details))
    assert invoke("CREATE", IN_GROUP) == failed("NotStabilized", said("CREATE", VERSION, words), REGISTERED)


def test_a_package_that_somebody_deletes_meanwhile_is_not_stabilized(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version(ModelPackageStatus="Deleting"))
    event = invoke("CREATE", REGISTERED, context={"arn": VERSION, "polls": 3})
    words = "the package's status is Deleting"
    assert event == failed("NotStabilized", said("CREATE", VERSION, words), REGISTERED)


def test_a_status_that_nobody_has_met_is_an_error_and_no_reason_to_wait(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.create(sent(), VERSION)
    sagemaker.describe(VERSION, version(ModelPackageStatus="Archived"))
    words = "SageMaker reports the status 'Archived', which this version of the handlers does not know"
    expected = failed("GeneralServiceException", said("CREATE", VERSION, words), REGISTERED)
    assert invoke("CREATE", IN_GROUP) == expected


def test_looks_that_keep_failing_end_with_their_own_failure(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.create(sent(), VERSION)
    for _ in range(4):
        sagemaker.describe(VERSION, UNAVAILABLE)
    event = invoke("CREATE", IN_GROUP)
    for failures, delay in enumerate((1, 2, 4, 8), start=1):
        context = {"arn": VERSION, "polls": failures, "failed_polls": failures}
        assert event == in_progress(REGISTERED, delay, **context)
        for _ in range(4):
            sagemaker.describe(VERSION, UNAVAILABLE)
        event = invoke("CREATE", event["resourceModel"], context=event["callbackContext"])
    assert timing.MAX_FAILED_POLLS == 5
    assert event == failed(
        "ServiceInternalError", said("CREATE", VERSION, "Service Unavailable (503)"), REGISTERED
    )


def test_a_look_that_succeeds_starts_the_count_of_failures_anew(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, version(ModelPackageStatus="InProgress"))
    context = {"arn": VERSION, "polls": 4, "failed_polls": 4}
    expected = in_progress(REGISTERED, 16, arn=VERSION, polls=5)
    assert invoke("CREATE", REGISTERED, context=context) == expected


def test_an_unknown_arn_starts_the_count_of_failures_anew(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, UNKNOWN)
    context = {"arn": VERSION, "polls": 4, "failed_polls": 4, "unseen_seconds": 3}
    expected = in_progress(REGISTERED, 16, arn=VERSION, polls=5, unseen_seconds=19)
    assert invoke("CREATE", REGISTERED, context=context) == expected


def test_a_look_that_cannot_succeed_is_not_repeated(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.create(sent(), VERSION)
    sagemaker.describe(VERSION, error("AccessDeniedException", "no"))
    event = invoke("CREATE", IN_GROUP)
    assert event == failed("AccessDenied", said("CREATE", VERSION, "no (AccessDeniedException)"), REGISTERED)


def test_credentials_that_expire_while_waiting_are_renewed_by_the_next_look(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(VERSION, error("ExpiredTokenException", "The security token is expired"))
    event = invoke("CREATE", REGISTERED, context={"arn": VERSION, "polls": 2})
    assert event == in_progress(REGISTERED, 4, arn=VERSION, polls=3, failed_polls=1)


# --- failures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        pytest.param(
            error("ValidationException", "Model Package already exists"),
            "AlreadyExists",
            "the name is taken. A replacement is made before the old package is deleted, so replacing a"
            " package that has a name needs a new ModelPackageName. SageMaker says: Model Package already"
            " exists (ValidationException)",
            id="a taken name",
        ),
        pytest.param(
            error("ResourceInUse", "in use"),
            "AlreadyExists",
            "the name is taken. A replacement is made before the old package is deleted, so replacing a"
            " package that has a name needs a new ModelPackageName. SageMaker says: in use (ResourceInUse)",
            id="a taken name in other words",
        ),
        pytest.param(
            error("ResourceLimitExceeded", "too many"),
            "ServiceLimitExceeded",
            "too many (ResourceLimitExceeded)",
            id="a quota",
        ),
        pytest.param(
            error("ValidationException", "ModelPackageGroup churn does not exist."),
            "InvalidRequest",
            "ModelPackageGroup churn does not exist. (ValidationException)",
            id="a group that does not exist is no missing package",
        ),
    ],
)
def test_a_refused_create_carries_no_model(
    invoke: Invoker, sagemaker: ScriptedSageMaker, reply: Any, code: str, words: str
) -> None:
    sagemaker.create(sent_named(), reply)
    assert invoke("CREATE", SCORER) == failed(code, said("CREATE", "scorer", words))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(
            {**SCORER, "Environment": {"A": "b"}, "InferenceSpecification": specification()},
            "Environment cannot be set on an unversioned package: SageMaker takes container environments only"
            " for versions (set ModelPackageGroupName)",
            id="an environment of an unversioned package",
        ),
        pytest.param(
            {**SCORER, "SourceUri": "s3://models/m", "InferenceSpecification": specification()},
            "SourceUri cannot be set on an unversioned package that has an InferenceSpecification: SageMaker"
            " takes it only for versions (set ModelPackageGroupName)",
            id="a source beside a specification of an unversioned package",
        ),
        pytest.param(
            {**SCORER, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]},
            "Tags[1].Key occurs twice with different values: give each key once",
            id="a key with two values",
        ),
        pytest.param(
            {**SCORER, "Tags": [{"Key": "a"}]},
            "Tags[0].Value is required and missing",
            id="a tag without value",
        ),
        pytest.param(
            {**SCORER, "ModelMetrics": {"Bias": {"Reports": {}}}},
            "ModelMetrics.Bias.Reports is not a property of this type; did you mean Report?",
            id="an unknown member",
        ),
        pytest.param(
            {**SCORER, "InferenceSpecification": {"Containers": [{"Image": None}]}},
            "InferenceSpecification.Containers[0].Image is null: leave the property out instead",
            id="a null",
        ),
        pytest.param(
            {**SCORER, "InferenceSpecification": {"Containers": "one"}},
            "InferenceSpecification.Containers must be a list, not a string",
            id="a wrong type",
        ),
        pytest.param(
            {**SCORER, "InferenceSpecification": {}},
            "InferenceSpecification.Containers is required and missing",
            id="what the schema requires",
        ),
    ],
)
def test_what_cannot_work_is_refused_without_a_call(
    invoke: Invoker, given: dict[str, Any], words: str
) -> None:
    assert invoke("CREATE", given) == failed("InvalidRequest", said("CREATE", "scorer", words))


def test_an_environment_without_containers_is_refused(invoke: Invoker) -> None:
    words = (
        "Environment is the default environment of the containers in InferenceSpecification, which is not set"
    )
    event = invoke("CREATE", {**IN_GROUP, "Environment": {"A": "b"}})
    assert event == failed("InvalidRequest", said("CREATE", "churn", words))


# --- tags -------------------------------------------------------------------------------------------


def test_resource_tags_win_over_stack_tags(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    tags = {"team": "risk", "cost": "42", "stage": "test"}
    sagemaker.create(sent_named(Tags=tag_list(tags)), NAMED)
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, tags)
    own = tag_list({"cost": "42", "stage": "test"})
    event = invoke("CREATE", {**SCORER, "Tags": own}, stackTags={"team": "risk", "cost": "1"})
    assert event == succeeded(named_model(Tags=tag_list(tags)))


def test_tags_of_aws_are_not_sent(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.create(sent_named(Tags=tag_list({"team": "risk"})), NAMED)
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {"team": "risk"})
    own = tag_list({"aws:mine": "1", "team": "risk"})
    event = invoke("CREATE", {**SCORER, "Tags": own}, stackTags={"aws:stack": "shop"})
    assert event == succeeded(named_model(Tags=tag_list({"team": "risk"})))


@pytest.mark.parametrize(
    "own",
    [
        pytest.param(None, id="no tags of its own"),
        pytest.param([], id="an empty list"),
        pytest.param(tag_list({"team": "risk"}), id="tags that only repeat the stack's"),
        pytest.param(tag_list({"aws:cloudformation:stack-name": "shop"}), id="tags of AWS"),
    ],
)
def test_a_version_is_made_in_a_tagged_stack_without_tags(
    invoke: Invoker, sagemaker: ScriptedSageMaker, own: list[dict[str, str]] | None
) -> None:
    sagemaker.create(sent(), VERSION)
    sagemaker.describe(VERSION, version())
    desired = IN_GROUP if own is None else {**IN_GROUP, "Tags": own}
    event = invoke("CREATE", desired, stackTags={"team": "risk", "cost": "42"})
    assert event == succeeded(version_model())


@pytest.mark.parametrize(
    "own",
    [
        pytest.param(tag_list({"mine": "1"}), id="a key of its own"),
        pytest.param(tag_list({"team": "other"}), id="another value for a stack tag"),
    ],
)
def test_tags_of_a_version_are_refused(invoke: Invoker, own: list[dict[str, str]]) -> None:
    words = (
        "Tags: SageMaker takes no tags on a version of a model package group. Put them on the group"
        " (AWS::SageMaker::ModelPackageGroup), and data about this one version into"
        " CustomerMetadataProperties"
    )
    event = invoke("CREATE", {**IN_GROUP, "Tags": own}, stackTags={"team": "risk"})
    assert event == failed("InvalidRequest", said("CREATE", "churn", words))


def test_a_specification_that_sagemaker_completes_is_returned_completed(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.create(sent(InferenceSpecification=specification()), VERSION)
    sagemaker.describe(VERSION, version(InferenceSpecification=live_specification()))
    event = invoke("CREATE", {**IN_GROUP, "InferenceSpecification": specification()})
    assert event == succeeded(version_model(InferenceSpecification=live_specification()))
