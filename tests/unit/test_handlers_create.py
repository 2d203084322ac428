"""Create: one package for one request, however often it arrives, and the wait until it is complete."""

from __future__ import annotations

from typing import Any

import pytest

from aws_sagemaker_modelpackage import timing

from .conftest import Invoker
from .events import (
    ACCOUNT,
    APPROVED,
    AS_DESCRIBED,
    DERIVED,
    GENERATED,
    GENERATED_FROM_NOTHING,
    GENERATED_WITHOUT_STACK,
    IMAGE,
    IN_GROUP,
    NAMED,
    NAMED_STATE,
    NO_DETAILS,
    PENDING,
    REQUEST,
    SCORER,
    VERSION,
    VERSION_STATE,
    Model,
    changed,
    extra,
    extras,
    failed,
    failed_items,
    in_progress,
    live_specification,
    named,
    named_model,
    specification,
    succeeded,
    tag_list,
    version,
    version_model,
)
from .scripted_sagemaker import ANY, HANGS_UP, UNAVAILABLE, Script, absent, error
from .tables import table

FINE = {"ApprovalDescription": "fine"}
SOURCE = {"SourceUri": "s3://models/m"}
SPECIFICATION = {"InferenceSpecification": specification()}
WITH_SOURCE = {**IN_GROUP, **SOURCE, **SPECIFICATION}
WORKING = version(ModelPackageStatus="InProgress")
DENIED = error("AccessDeniedException", "not authorized to perform: sagemaker:UpdateModelPackage")


def sent(**arguments: Any) -> Model:
    """The arguments of the create of a version."""
    return {"ClientToken": DERIVED, **IN_GROUP, **arguments}


def sent_named(**arguments: Any) -> Model:
    """The arguments of the create of an unversioned package."""
    return {"ClientToken": DERIVED, **SCORER, **arguments}


def create_failed(code: str, text: str, desired: Model | None = None) -> Model:
    """The failure of a create after the version exists, so that its model goes along."""
    return failed(code, "CREATE", VERSION, text, {**(desired or IN_GROUP), "ModelPackageArn": VERSION})


# --- the calls --------------------------------------------------------------------------------------


def test_create_of_a_version_makes_two_calls(invoke: Invoker, script: Script) -> None:
    script.create(sent(), VERSION)
    script.describe(VERSION, version())
    assert invoke("CREATE", IN_GROUP) == succeeded(version_model())
    assert script.operations() == ["CreateModelPackage", "DescribeModelPackage"]


def test_create_of_an_unversioned_package_reads_its_tags(invoke: Invoker, script: Script) -> None:
    script.create(sent_named(), NAMED)
    script.describe(NAMED, named())
    script.list_tags(NAMED, {})
    assert invoke("CREATE", SCORER) == succeeded(named_model())


def test_create_through_the_test_entry_point(invoke: Invoker, script: Script) -> None:
    script.create(sent(), VERSION)
    script.describe(VERSION, version())
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
def test_create_sends_a_property_as_given(invoke: Invoker, script: Script, name: str) -> None:
    script.create(sent(**{name: AS_GIVEN[name]}), VERSION)
    script.describe(VERSION, version())
    assert invoke("CREATE", {**IN_GROUP, name: AS_GIVEN[name]}) == succeeded(version_model())


GROUP_ARN = {"ModelPackageGroupName": f"{ACCOUNT}:model-package-group/churn"}
EMPTY: Model = {"ModelMetrics": {}, "DriftCheckBaselines": {}, "MetadataProperties": {}}
EMPTY_LIST = {"InferenceSpecification": {**specification(), "SupportedResponseMIMETypes": []}}


def environments(*given: Model) -> Model:
    """A specification with a container for each of these environments."""
    containers = [{"Image": IMAGE, **({"Environment": each} if each else {})} for each in given]
    return {"InferenceSpecification": {"Containers": containers}}


@table(
    "given, expected",
    {
        "a version is certified when the template says so": (
            {**IN_GROUP, "CertifyForMarketplace": "true"},
            sent(CertifyForMarketplace=True),
        ),
        "false is not sent for a version": ({**IN_GROUP, "CertifyForMarketplace": "false"}, sent()),
        "false is sent for an unversioned package": (
            {**SCORER, "CertifyForMarketplace": "false"},
            sent_named(CertifyForMarketplace=False),
        ),
        "the ARN of a group is sent as given": (GROUP_ARN, sent(**GROUP_ARN)),
        "an empty metadata map is left out": ({**IN_GROUP, "CustomerMetadataProperties": {}}, sent()),
        "further specifications are appended, each name once": (
            {
                **IN_GROUP,
                **extras("a"),
                "AdditionalInferenceSpecificationsToAdd": [extra("b"), extra("a", Description="a second a")],
                "AdditionalInferenceSpecificationDefinition": extra("c"),
            },
            sent(**extras("a", "b", "c")),
        ),
        "one specification on its own becomes the list": (
            {**IN_GROUP, "AdditionalInferenceSpecificationDefinition": extra("c")},
            sent(**extras("c")),
        ),
        "the environment is the default of every container, whose own keys win": (
            {**IN_GROUP, "Environment": {"MODE": "slow", "L": "1"}, **environments({"MODE": "fast"}, {})},
            sent(**environments({"MODE": "fast", "L": "1"}, {"MODE": "slow", "L": "1"})),
        ),
        "an empty environment is left out": ({**SCORER, "Environment": {}}, sent_named()),
        "what belongs to the service is ignored": (
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
        ),
        "empty objects are sent empty": ({**IN_GROUP, **EMPTY}, sent(**EMPTY)),
        "empty lists are sent empty": ({**IN_GROUP, **EMPTY_LIST}, sent(**EMPTY_LIST)),
    },
)
def test_create_translates_properties(invoke: Invoker, script: Script, given: Model, expected: Model) -> None:
    versioned = "ModelPackageGroupName" in given
    script.create(expected, VERSION if versioned else NAMED)
    script.describe(VERSION if versioned else NAMED, version() if versioned else named())
    if not versioned:
        script.list_tags(NAMED, {})
    assert invoke("CREATE", given) == succeeded(version_model() if versioned else named_model())


def test_create_accepts_a_whole_answer(invoke: Invoker, script: Script) -> None:
    not_sent = {
        *("CertifyForMarketplace", "SourceUri", "ApprovalDescription", "ModelPackageVersion"),
        *("ModelPackageStatus", "ModelPackageStatusDetails", "CreatedBy", "LastModifiedBy"),
    }
    arguments = {name: value for name, value in AS_DESCRIBED.items() if name not in not_sent}
    script.create(sent(**arguments), VERSION)
    script.describe(VERSION, version(**AS_DESCRIBED))
    event = invoke("CREATE", version_model(**AS_DESCRIBED))
    assert event == succeeded(version_model(**AS_DESCRIBED))


def test_create_sends_numbers_and_booleans(invoke: Invoker, script: Script) -> None:
    """CloudFormation sends both as strings."""

    def typed(count: Any, maximum: Any, checkpoint: Any) -> Model:
        job = {
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/in"}}
            },
            "TransformOutput": {"S3OutputPath": "s3://data/out"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": count},
            "MaxConcurrentTransforms": maximum,
        }
        return {
            "ValidationSpecification": {
                "ValidationRole": "arn:aws:iam::111122223333:role/v",
                "ValidationProfiles": [{"ProfileName": "batch", "TransformJobDefinition": job}],
            },
            "InferenceSpecification": {"Containers": [{"Image": IMAGE, "IsCheckpoint": checkpoint}]},
        }

    script.create(sent(**typed(2, 0, True)), VERSION)
    script.describe(VERSION, version())
    assert invoke("CREATE", {**IN_GROUP, **typed("2", "0", "True")}) == succeeded(version_model())


# --- the update that completes a create -------------------------------------------------------------


@table(
    "given, in_create, update",
    {
        "a description goes with its status": (FINE | APPROVED, APPROVED, APPROVED | FINE),
        "a description alone goes with the live status": (FINE, {}, PENDING | FINE),
        "a source beside a specification": (SOURCE | SPECIFICATION, SPECIFICATION, SOURCE),
        "both in one call": (
            SOURCE | SPECIFICATION | FINE | APPROVED,
            SPECIFICATION | APPROVED,
            SOURCE | APPROVED | FINE,
        ),
    },
)
def test_create_completes_the_package_with_an_update(
    invoke: Invoker, script: Script, given: Model, in_create: Model, update: Model
) -> None:
    status = given.get("ModelApprovalStatus", "PendingManualApproval")
    script.create(sent(**in_create), VERSION)
    script.describe(VERSION, version(ModelApprovalStatus=status))
    script.update(changed(**update))
    script.describe(VERSION, version(**update))
    assert invoke("CREATE", {**IN_GROUP, **given}) == succeeded(version_model(**update))


def test_create_sends_a_description_alone_where_there_is_no_status(invoke: Invoker, script: Script) -> None:
    script.create(sent_named(), NAMED)
    script.describe(NAMED, named())
    script.update(changed(NAMED, **FINE))
    script.describe(NAMED, named(**FINE))
    script.list_tags(NAMED, {})
    assert invoke("CREATE", SCORER | FINE) == succeeded(named_model(**FINE))


def test_create_does_not_repeat_its_update(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(**FINE))
    event = invoke("CREATE", VERSION_STATE | FINE, context={"arn": VERSION, "polls": 1})
    assert event == succeeded(version_model(**FINE))


def test_create_whose_update_is_denied_leaves_the_package_to_cloudformation(
    invoke: Invoker, script: Script
) -> None:
    script.create(ANY, VERSION)
    script.describe(VERSION, version())
    script.expect("UpdateModelPackage", ANY, DENIED)
    text = "not authorized to perform: sagemaker:UpdateModelPackage (AccessDeniedException)"
    assert invoke("CREATE", IN_GROUP | FINE) == create_failed("AccessDenied", text, IN_GROUP | FINE)


@pytest.mark.parametrize("done", [True, False])
def test_create_whose_update_is_refused_because_it_is_done(
    invoke: Invoker, script: Script, done: bool
) -> None:
    """Its first answer was lost: failing now would have CloudFormation delete a good package."""
    live = version(SourceUri="s3://models/m" if done else "s3://models/other")
    script.create(ANY, VERSION)
    script.describe(VERSION, version())
    script.update(changed(**SOURCE), UNAVAILABLE)
    script.update(changed(**SOURCE), error("ValidationException", "it has a SourceUri already"))
    script.describe(VERSION, *([live, live] if done else [live]))
    expected = succeeded(version_model(**SOURCE))
    if not done:
        text = "it has a SourceUri already (ValidationException)"
        expected = create_failed("InvalidRequest", text, WITH_SOURCE)
    assert invoke("CREATE", WITH_SOURCE) == expected


@table(
    "reply, expected",
    {
        "it fails": (
            version(ModelPackageStatus="Failed", **SOURCE),
            create_failed(
                "NotStabilized", "the package's status is Failed: SageMaker gives no reason", WITH_SOURCE
            ),
        ),
        "it is busy": (
            version(ModelPackageStatus="InProgress", **SOURCE),
            in_progress({**WITH_SOURCE, "ModelPackageArn": VERSION}, 1, arn=VERSION, polls=1),
        ),
        "it is unknown for a moment": (absent(VERSION), succeeded(version_model())),
    },
)
def test_create_reports_the_package_after_its_update(
    invoke: Invoker, script: Script, reply: Any, expected: Model
) -> None:
    script.create(ANY, VERSION)
    script.describe(VERSION, version())
    script.update(changed(**SOURCE))
    script.describe(VERSION, reply)
    assert invoke("CREATE", WITH_SOURCE) == expected


# --- names and tokens -------------------------------------------------------------------------------


@table(
    "request_data, name",
    {
        "from stack and logical id": ({}, GENERATED),
        "from the logical id alone": ({"stackId": None}, GENERATED_WITHOUT_STACK),
        "from neither": ({"stackId": None, "logicalResourceId": None}, GENERATED_FROM_NOTHING),
    },
)
def test_create_generates_a_name(invoke: Invoker, script: Script, request_data: Model, name: str) -> None:
    script.create({"ClientToken": DERIVED, "ModelPackageName": name}, NAMED)
    script.describe(NAMED, named(ModelPackageName=name))
    script.list_tags(NAMED, {})
    item = {"Name": name, "Status": "Completed"}
    expected = succeeded(named_model(ModelPackageName=name, ModelPackageStatusItem=item))
    assert invoke("CREATE", {}, **request_data) == expected


def test_create_sends_the_same_token_for_the_same_request(invoke: Invoker, script: Script) -> None:
    for _ in range(2):
        script.create(sent(), VERSION)
        script.describe(VERSION, version())
    assert invoke("CREATE", IN_GROUP) == invoke("CREATE", IN_GROUP)


def test_create_sends_another_token_for_another_request(invoke: Invoker, script: Script) -> None:
    script.create(ANY, VERSION)
    script.describe(VERSION, version())
    invoke("CREATE", IN_GROUP, bearerToken=f"{REQUEST}!")
    token = script.calls[0][1]["ClientToken"]
    assert token != DERIVED
    assert len(token) == 36


@pytest.mark.parametrize("token", ["", None])
def test_create_without_a_request_token_is_refused(invoke: Invoker, token: str | None) -> None:
    text = "the request carries no token, so a repeated create could register a second package"
    event = invoke("CREATE", IN_GROUP, bearerToken=token)
    assert event == failed("InvalidRequest", "CREATE", "churn", text)


def test_create_whose_answer_is_lost_is_repeated_with_its_token(invoke: Invoker, script: Script) -> None:
    script.create(sent(), HANGS_UP)
    script.create(sent(), VERSION)
    script.describe(VERSION, version())
    assert invoke("CREATE", IN_GROUP) == succeeded(version_model())


# --- waiting ----------------------------------------------------------------------------------------


@table(
    "given, reason",
    {
        "with a token of the template's": (
            {"ClientToken": "mine"},
            ". A ClientToken that was used before brings back the ARN of its first package, even a deleted"
            " one: give ClientToken a new value or leave it out",
        ),
        "with the request's": ({}, ": the package may have been deleted meanwhile. Repeat the operation"),
    },
)
def test_create_polls_an_unknown_arn_for_a_minute(
    invoke: Invoker, script: Script, given: Model, reason: str
) -> None:
    script.create(sent(**given), VERSION)
    script.describe(VERSION, absent(VERSION))
    event = invoke("CREATE", {**IN_GROUP, **given})
    waited = 0
    for polls, delay in enumerate((1, 2, 4, 8, 16, 29), start=1):
        waited += delay
        context = {"arn": VERSION, "unseen_seconds": waited, "polls": polls}
        assert event == in_progress({**VERSION_STATE, **given}, delay, **context)
        script.describe(VERSION, absent(VERSION))
        event = invoke("CREATE", event["resourceModel"], context=event["callbackContext"])
    assert waited == timing.MAX_UNKNOWN_ARN_SECONDS == 60
    text = f"SageMaker returned this ARN but does not know it{reason}"
    assert event == create_failed("NotStabilized", text, {**IN_GROUP, **given})


def test_create_succeeds_when_the_arn_becomes_known(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    context = {"arn": VERSION, "unseen_seconds": 60, "polls": 6}
    assert invoke("CREATE", VERSION_STATE, context=context) == succeeded(version_model())


def test_create_waits_until_the_package_is_complete(invoke: Invoker, script: Script) -> None:
    script.create(sent_named(), NAMED)
    script.describe(NAMED, named(ModelPackageStatus="Pending"))
    event = invoke("CREATE", SCORER)
    for polls, delay in enumerate((1, 2, 4, 8, 16, 32, 60, 60), start=1):
        assert event == in_progress(NAMED_STATE, delay, arn=NAMED, polls=polls)
        script.describe(NAMED, named(ModelPackageStatus="InProgress"))
        event = invoke("CREATE", event["resourceModel"], context=event["callbackContext"])
    script.describe(NAMED, named())
    script.list_tags(NAMED, {})
    event = invoke("CREATE", event["resourceModel"], context=event["callbackContext"])
    assert event == succeeded(named_model())


@table(
    "validations, scans, text",
    {
        "one profile": (
            failed_items(("batch", "out of memory")),
            [],
            "validation profile batch: out of memory",
        ),
        "a profile and an image": (
            [*failed_items(("batch", "out of memory")), {"Name": "other", "Status": "Completed"}],
            failed_items(("scan", None)),
            "validation profile batch, image scan scan failed. validation profile batch: out of memory;"
            " image scan scan: no reason given",
        ),
        "no reason": ([], [], "SageMaker gives no reason"),
    },
)
def test_create_of_a_package_that_fails_is_not_stabilized(
    invoke: Invoker, script: Script, validations: Any, scans: Any, text: str
) -> None:
    details = {"ValidationStatuses": validations, "ImageScanStatuses": scans}
    script.create(sent(), VERSION)
    script.describe(VERSION, version(ModelPackageStatus="Failed", ModelPackageStatusDetails=details))
    assert invoke("CREATE", IN_GROUP) == create_failed(
        "NotStabilized", f"the package's status is Failed: {text}"
    )


def test_create_of_a_package_that_is_deleted_meanwhile_is_not_stabilized(
    invoke: Invoker, script: Script
) -> None:
    script.describe(VERSION, version(ModelPackageStatus="Deleting", ModelPackageStatusDetails=NO_DETAILS))
    event = invoke("CREATE", VERSION_STATE, context={"arn": VERSION, "polls": 3})
    assert event == create_failed("NotStabilized", "the package's status is Deleting")


def test_create_does_not_wait_in_an_unknown_status(invoke: Invoker, script: Script) -> None:
    script.create(sent(), VERSION)
    script.describe(VERSION, version(ModelPackageStatus="Archived"))
    text = "SageMaker reports the status 'Archived', which this version of the handlers does not know"
    assert invoke("CREATE", IN_GROUP) == create_failed("GeneralServiceException", text)


def test_create_whose_polls_keep_failing_ends_with_their_error(invoke: Invoker, script: Script) -> None:
    script.create(sent(), VERSION)
    script.describe(VERSION, *[UNAVAILABLE] * 4)
    event = invoke("CREATE", IN_GROUP)
    for failures, delay in enumerate((1, 2, 4, 8), start=1):
        context = {"arn": VERSION, "polls": failures, "failed_polls": failures}
        assert event == in_progress(VERSION_STATE, delay, **context)
        script.describe(VERSION, *[UNAVAILABLE] * 4)
        event = invoke("CREATE", event["resourceModel"], context=event["callbackContext"])
    assert timing.MAX_FAILED_POLLS == 5
    assert event == create_failed("ServiceInternalError", "Service Unavailable (503)")


@table(
    "reply, context, delay, expected",
    {
        "a success ends the failures": (WORKING, {"polls": 4, "failed_polls": 4}, 16, {"polls": 5}),
        "an unknown ARN ends them, too": (
            absent(VERSION),
            {"polls": 4, "failed_polls": 4, "unseen_seconds": 3},
            16,
            {"polls": 5, "unseen_seconds": 19},
        ),
        "expired credentials are renewed": (
            error("ExpiredTokenException", "The security token is expired"),
            {"polls": 2},
            4,
            {"polls": 3, "failed_polls": 1},
        ),
    },
)
def test_create_counts_failed_polls(
    invoke: Invoker, script: Script, reply: Any, context: Model, delay: int, expected: Model
) -> None:
    script.describe(VERSION, reply)
    event = invoke("CREATE", VERSION_STATE, context={"arn": VERSION, **context})
    assert event == in_progress(VERSION_STATE, delay, arn=VERSION, **expected)


def test_create_does_not_repeat_a_poll_that_cannot_succeed(invoke: Invoker, script: Script) -> None:
    script.create(sent(), VERSION)
    script.describe(VERSION, error("AccessDeniedException", "no"))
    assert invoke("CREATE", IN_GROUP) == create_failed("AccessDenied", "no (AccessDeniedException)")


# --- failures ---------------------------------------------------------------------------------------

NAME_TAKEN = (
    "the name is taken. A replacement is made before the old package is deleted, so replacing a package that"
    " has a name needs a new ModelPackageName. SageMaker says: "
)


@table(
    "reply, code, text",
    {
        "a taken name": (
            error("ValidationException", "Model Package already exists"),
            "AlreadyExists",
            f"{NAME_TAKEN}Model Package already exists (ValidationException)",
        ),
        "a taken name, by another code": (
            error("ResourceInUse", "in use"),
            "AlreadyExists",
            f"{NAME_TAKEN}in use (ResourceInUse)",
        ),
        "a quota": (
            error("ResourceLimitExceeded", "too many"),
            "ServiceLimitExceeded",
            "too many (ResourceLimitExceeded)",
        ),
        "a group that does not exist is no missing package": (
            error("ValidationException", "ModelPackageGroup churn does not exist."),
            "InvalidRequest",
            "ModelPackageGroup churn does not exist. (ValidationException)",
        ),
    },
)
def test_create_that_is_refused_carries_no_model(
    invoke: Invoker, script: Script, reply: Any, code: str, text: str
) -> None:
    script.create(sent_named(), reply)
    assert invoke("CREATE", SCORER) == failed(code, "CREATE", "scorer", text)


@table(
    "given, text",
    {
        "a name beside a group": (
            IN_GROUP,
            "ModelPackageName and ModelPackageGroupName cannot both be set: a version is named by its group,"
            " an unversioned package by its own name. Remove one of them",
        ),
        "an environment of an unversioned package": (
            {"Environment": {"A": "b"}, **SPECIFICATION},
            "Environment cannot be set on an unversioned package: SageMaker takes container environments only"
            " for versions (set ModelPackageGroupName)",
        ),
        "a source beside a specification of an unversioned package": (
            SOURCE | SPECIFICATION,
            "SourceUri cannot be set on an unversioned package that has an InferenceSpecification: SageMaker"
            " takes it only for versions (set ModelPackageGroupName)",
        ),
        "a key with two values": (
            {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]},
            "Tags[1].Key occurs twice with different values: give each key once",
        ),
        "a tag without value": ({"Tags": [{"Key": "a"}]}, "Tags[0].Value is required and missing"),
        "an unknown member": (
            {"ModelMetrics": {"Bias": {"Reports": {}}}},
            "ModelMetrics.Bias.Reports is not a property of this type; did you mean Report?",
        ),
        "a null": (
            {"InferenceSpecification": {"Containers": [{"Image": None}]}},
            "InferenceSpecification.Containers[0].Image is null: leave the property out instead",
        ),
        "a wrong type": (
            {"InferenceSpecification": {"Containers": "one"}},
            "InferenceSpecification.Containers must be a list, not a string",
        ),
        "what the schema requires": (
            {"InferenceSpecification": {}},
            "InferenceSpecification.Containers is required and missing",
        ),
    },
)
def test_create_refuses_what_cannot_work_without_a_call(invoke: Invoker, given: Model, text: str) -> None:
    assert invoke("CREATE", {**SCORER, **given}) == failed("InvalidRequest", "CREATE", "scorer", text)


def test_create_refuses_an_environment_without_containers(invoke: Invoker) -> None:
    text = (
        "Environment is the default environment of the containers in InferenceSpecification, which is not set"
    )
    event = invoke("CREATE", {**IN_GROUP, "Environment": {"A": "b"}})
    assert event == failed("InvalidRequest", "CREATE", "churn", text)


# --- tags -------------------------------------------------------------------------------------------


@table(
    "own, stack, expected",
    {
        "the resource's own win": (
            {"cost": "42", "stage": "test"},
            {"team": "risk", "cost": "1"},
            {"team": "risk", "cost": "42", "stage": "test"},
        ),
        "none of AWS": ({"aws:mine": "1", "team": "risk"}, {"aws:stack": "shop"}, {"team": "risk"}),
    },
)
def test_create_sends_merged_tags(
    invoke: Invoker, script: Script, own: Model, stack: Model, expected: Model
) -> None:
    script.create(sent_named(Tags=tag_list(expected)), NAMED)
    script.describe(NAMED, named())
    script.list_tags(NAMED, expected)
    event = invoke("CREATE", {**SCORER, "Tags": tag_list(own)}, stackTags=stack)
    assert event == succeeded(named_model(Tags=tag_list(expected)))


@table(
    "own",
    {
        "no tags of its own": {},
        "an empty list": {"Tags": []},
        "tags that only repeat the stack's": {"Tags": tag_list({"team": "risk"})},
        "tags of AWS": {"Tags": tag_list({"aws:cloudformation:stack-name": "shop"})},
    },
)
def test_create_of_a_version_in_a_tagged_stack_sends_no_tags(
    invoke: Invoker, script: Script, own: Model
) -> None:
    script.create(sent(), VERSION)
    script.describe(VERSION, version())
    event = invoke("CREATE", IN_GROUP | own, stackTags={"team": "risk", "cost": "42"})
    assert event == succeeded(version_model())


@pytest.mark.parametrize("own", [{"mine": "1"}, {"team": "other"}], ids=["another key", "another value"])
def test_create_refuses_tags_of_a_version(invoke: Invoker, own: Model) -> None:
    text = (
        "Tags: SageMaker takes no tags on a version of a model package group. Put them on the group"
        " (AWS::SageMaker::ModelPackageGroup), and data about this one version into"
        " CustomerMetadataProperties"
    )
    event = invoke("CREATE", {**IN_GROUP, "Tags": tag_list(own)}, stackTags={"team": "risk"})
    assert event == failed("InvalidRequest", "CREATE", "churn", text)


def test_create_returns_what_sagemaker_completed(invoke: Invoker, script: Script) -> None:
    script.create(sent(**SPECIFICATION), VERSION)
    script.describe(VERSION, version(InferenceSpecification=live_specification()))
    event = invoke("CREATE", IN_GROUP | SPECIFICATION)
    assert event == succeeded(version_model(InferenceSpecification=live_specification()))
