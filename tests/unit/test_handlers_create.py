"""Create: one package for one request, however often it arrives, and the wait until it is complete."""

from __future__ import annotations

from typing import Any

import pytest

from aws_sagemaker_modelpackage import timing

from .conftest import Invoker
from .events import (
    APPROVED,
    AS_DESCRIBED,
    BOTH_NAMES,
    DERIVED,
    GENERATED,
    GENERATED_FROM_NOTHING,
    GENERATED_WITHOUT_STACK,
    GROUP_ARN,
    IMAGE,
    IN_GROUP,
    NAMED,
    NAMED_STATE,
    NEEDED,
    NO_DESCRIPTION,
    NO_ENVIRONMENT,
    NO_VERSION_TAGS,
    NOT_REPEATABLE,
    PENDING,
    REJECTED,
    REQUEST,
    SCORER,
    SINCE,
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
    live_specification,
    message,
    named,
    named_model,
    specification,
    succeeded,
    tag_list,
    to_add,
    version,
    version_model,
)
from .scripted_sagemaker import ANY, DENIED, HANGS_UP, UNAVAILABLE, Reply, Script, absent, error
from .tables import table

FINE = {"ApprovalDescription": "fine"}
SOURCE = {"SourceUri": "s3://models/m"}
SPECIFICATION = {"InferenceSpecification": specification()}
INSTANCES = {
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
}
SERVED = {"InferenceSpecification": {**specification(), **INSTANCES}}
WITH_SOURCE = {**IN_GROUP, **SOURCE, **SPECIFICATION}
WORKING = version(ModelPackageStatus="InProgress")


def sent(**arguments: Any) -> Model:
    """The arguments of the create of a version."""
    return {"ClientToken": DERIVED, **IN_GROUP, **arguments}


def sent_named(**arguments: Any) -> Model:
    """The arguments of the create of an unversioned package."""
    return {"ClientToken": DERIVED, **SCORER, **arguments}


def register(script: Script, described: Reply | Model | None = None, **arguments: Any) -> None:
    """The next calls create a version with these arguments and describe it."""
    script.create(sent(**arguments), VERSION)
    script.describe(VERSION, version() if described is None else described)


def register_named(script: Script, tags: Model | None = None, **arguments: Any) -> None:
    """The next calls create an unversioned package with these arguments, describe it and list its tags."""
    script.create(sent_named(**arguments), NAMED)
    script.describe(NAMED, named(), tags=tags or {})


def create_failed(code: str, text: str | Reply, desired: Model | None = None) -> Model:
    """The failure of a create after the version exists, so that its model goes along."""
    return failed(code, "CREATE", VERSION, text, {**(desired or IN_GROUP), "ModelPackageArn": VERSION})


# --- the calls --------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_test", [False, True], ids=["production", "test"])
def test_create_of_a_version_makes_two_calls(invoke: Invoker, script: Script, is_test: bool) -> None:
    register(script)
    event = invoke.test("CREATE", IN_GROUP) if is_test else invoke("CREATE", IN_GROUP)
    assert event == succeeded(version_model())
    assert script.operations() == ["CreateModelPackage", "DescribeModelPackage"]


def test_create_of_an_unversioned_package_reads_its_tags(invoke: Invoker, script: Script) -> None:
    register_named(script)
    assert invoke("CREATE", SCORER) == succeeded(named_model())


NOT_SENT = {
    *("CertifyForMarketplace", "SourceUri", "ApprovalDescription", "ModelPackageVersion"),
    "ModelApprovalStatus",
    *("ModelPackageStatus", "ModelPackageStatusDetails", "CreatedBy", "LastModifiedBy"),
}
SENT: Model = {name: value for name, value in AS_DESCRIBED.items() if name not in NOT_SENT}
AS_GIVEN: Model = {
    **SENT,
    **APPROVED,
    "ModelPackageRegistrationType": "Logged",
    "SourceUri": "s3://models/churn.tar.gz",
    "SkipModelValidation": "All",
    "ModelMetrics": {"Bias": {}, "Explainability": {}},
    "DriftCheckBaselines": {"Bias": {}},
}


@pytest.mark.parametrize("name", AS_GIVEN)
def test_create_sends_a_property_as_given(invoke: Invoker, script: Script, name: str) -> None:
    register(script, **{name: AS_GIVEN[name]})
    assert invoke("CREATE", {**IN_GROUP, name: AS_GIVEN[name]}) == succeeded(version_model())


MINE = {"ClientToken": "mine"}
REUSED = (
    "A ClientToken that was used before brings back the ARN of its first package, even a deleted one: give"
    " ClientToken a new value or leave it out"
)
REPLACED = "SageMaker replaced the InferenceSpecification by that of SourceUri: give one of the two only"
ARN_OF_GROUP = {"ModelPackageGroupName": GROUP_ARN}
ROLE = "arn:aws:iam::111122223333:role/v"
EMPTY: Model = {"ModelMetrics": {}, "DriftCheckBaselines": {}, "MetadataProperties": {}}
EMPTY_LIST: Model = {"InferenceSpecification": {**specification(), "SupportedResponseMIMETypes": []}}


def environments(*given: Model) -> Model:
    """A specification with a container for each of these environments."""
    containers = [{"Image": IMAGE, **({"Environment": each} if each else {})} for each in given]
    return {"InferenceSpecification": {"Containers": containers}}


def typed(count: Any, maximum: Any, checkpoint: Any) -> Model:
    """Properties with these numbers and this boolean."""
    profile, *_ = AS_DESCRIBED["ValidationSpecification"]["ValidationProfiles"]
    job = {
        **profile["TransformJobDefinition"],
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": count},
        "MaxConcurrentTransforms": maximum,
    }
    profiles = [{"ProfileName": "batch", "TransformJobDefinition": job}]
    return {
        "ValidationSpecification": {"ValidationRole": ROLE, "ValidationProfiles": profiles},
        "InferenceSpecification": {"Containers": [{"Image": IMAGE, "IsCheckpoint": checkpoint}]},
    }


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
        "the ARN of a group is sent as given": (ARN_OF_GROUP, sent(**ARN_OF_GROUP)),
        "an empty metadata map is left out": ({**IN_GROUP, "CustomerMetadataProperties": {}}, sent()),
        "further specifications are appended, each name once": (
            {
                **IN_GROUP,
                **extras("a"),
                **to_add("b", "a"),
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
        "empty objects are sent empty": (IN_GROUP | EMPTY, sent(**EMPTY)),
        "empty lists are sent empty": (IN_GROUP | EMPTY_LIST, sent(**EMPTY_LIST)),
        "numbers and booleans, which CloudFormation sends as strings": (
            IN_GROUP | typed("2", "0", "True"),
            sent(**typed(2, 0, True)),
        ),
    },
)
def test_create_translates_properties(invoke: Invoker, script: Script, given: Model, expected: Model) -> None:
    versioned = "ModelPackageGroupName" in given
    script.create(expected, VERSION if versioned else NAMED)
    if versioned:
        script.describe(VERSION, version())
    else:
        script.describe(NAMED, named(), tags={})
    assert invoke("CREATE", given) == succeeded(version_model() if versioned else named_model())


def test_create_accepts_a_whole_answer(invoke: Invoker, script: Script) -> None:
    register(script, version(**AS_DESCRIBED), **SENT)
    event = invoke("CREATE", version_model(**AS_DESCRIBED))
    assert event == succeeded(version_model(**AS_DESCRIBED))


# --- the update that completes a create -------------------------------------------------------------


@table(
    "given, in_create, update",
    {
        "an approval waits for its description": (FINE | APPROVED, {}, APPROVED | FINE),
        "a rejection does not wait": (FINE | REJECTED, REJECTED, REJECTED | FINE),
        "a description alone goes with the live status": (FINE, {}, PENDING | FINE),
        "a source beside a specification": (SOURCE | SPECIFICATION, SPECIFICATION, SOURCE),
        "both in one call": (
            SOURCE | SPECIFICATION | FINE | APPROVED,
            SPECIFICATION,
            SOURCE | APPROVED | FINE,
        ),
        "an approval waits for its source": (
            SOURCE | SPECIFICATION | APPROVED,
            SPECIFICATION,
            SOURCE | APPROVED,
        ),
    },
)
def test_create_completes_the_package_with_an_update(
    invoke: Invoker, script: Script, given: Model, in_create: Model, update: Model
) -> None:
    script.create(sent(**in_create), VERSION)
    script.describe(VERSION, version(**in_create))
    script.update(changed(**update))
    script.describe(VERSION, version(**in_create | update))
    assert invoke("CREATE", {**IN_GROUP, **given}) == succeeded(version_model(**in_create | update))


MODEL_SOURCE = {"SourceUri": "arn:aws:sagemaker:eu-west-1:111122223333:model/m"}


def test_create_approves_after_a_source_that_may_replace_the_specification(
    invoke: Invoker, script: Script
) -> None:
    script.create(sent(**SPECIFICATION), VERSION)
    script.describe(VERSION, version(**SPECIFICATION))
    script.update(changed(**MODEL_SOURCE))
    script.describe(VERSION, version(**SPECIFICATION | MODEL_SOURCE))
    script.update(changed(**APPROVED))
    final = SPECIFICATION | MODEL_SOURCE | APPROVED
    script.describe(VERSION, version(**final))
    assert invoke("CREATE", {**IN_GROUP, **final}) == succeeded(version_model(**final))


def test_create_waits_for_a_source_before_it_approves(invoke: Invoker, script: Script) -> None:
    final = SPECIFICATION | MODEL_SOURCE | APPROVED
    script.create(sent(**SPECIFICATION), VERSION)
    script.describe(VERSION, version(**SPECIFICATION))
    script.update(changed(**MODEL_SOURCE))
    script.describe(VERSION, version(**SPECIFICATION))
    event = invoke("CREATE", {**IN_GROUP, **final})
    assert event == in_progress({**VERSION_STATE, **final}, 1, arn=VERSION, polls=1, failed_polls=1)
    script.describe(VERSION, version(**SPECIFICATION | MODEL_SOURCE))
    script.update(changed(**APPROVED))
    script.describe(VERSION, version(**final))
    event = invoke("CREATE", {**IN_GROUP, **final}, context=event["callbackContext"])
    assert event == succeeded(version_model(**final))


def test_create_whose_specification_the_source_replaced_fails(invoke: Invoker, script: Script) -> None:
    given = {**IN_GROUP, **SPECIFICATION, **MODEL_SOURCE, **APPROVED}
    script.create(sent(**SPECIFICATION), VERSION)
    script.describe(VERSION, version(**SPECIFICATION))
    script.update(changed(**MODEL_SOURCE))
    other = {"InferenceSpecification": specification(Image=f"{IMAGE}-other")}
    script.describe(VERSION, version(**other | MODEL_SOURCE))
    assert invoke("CREATE", given) == create_failed("NotStabilized", REPLACED, given)


def test_create_does_not_repeat_its_update(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(**FINE))
    event = invoke("CREATE", VERSION_STATE | FINE, context={"arn": VERSION, "polls": 1})
    assert event == succeeded(version_model(**FINE))


REFUSED = error("ValidationException", "it has a SourceUri already")
UNSEEN = in_progress({**WITH_SOURCE, "ModelPackageArn": VERSION}, 1, arn=VERSION, polls=1, unseen_seconds=1)
FAILED_REASON = "the package's status is Failed: SageMaker gives no reason"


@table(
    "update, polls, expected",
    {
        "it is denied, which leaves the package to CloudFormation": (
            [DENIED],
            [],
            create_failed("AccessDenied", DENIED, WITH_SOURCE),
        ),
        # The first answer was lost: failing now would have CloudFormation delete a good package.
        "it is refused because it is done": (
            [UNAVAILABLE, REFUSED],
            [version(**SOURCE)] * 2,
            succeeded(version_model(**SOURCE)),
        ),
        "it is refused and not done": (
            [UNAVAILABLE, REFUSED],
            [version(SourceUri="s3://models/other")],
            create_failed("InvalidRequest", REFUSED, WITH_SOURCE),
        ),
        "the package fails": (
            [None],
            [version(ModelPackageStatus="Failed", **SOURCE)],
            create_failed("NotStabilized", FAILED_REASON, WITH_SOURCE),
        ),
        "the package is busy": (
            [None],
            [version(ModelPackageStatus="InProgress", **SOURCE)],
            in_progress({**WITH_SOURCE, "ModelPackageArn": VERSION}, 1, arn=VERSION, polls=1),
        ),
        "the package is unknown for a moment": ([None], [absent(VERSION)], UNSEEN),
        "the update does not know the package": ([absent(VERSION)], [], UNSEEN),
    },
)
def test_create_reports_the_package_after_its_update(
    invoke: Invoker, script: Script, update: list[Reply | None], polls: list[Any], expected: Model
) -> None:
    script.create(ANY, VERSION)
    script.describe(VERSION, version())
    for reply in update:
        script.update(changed(**SOURCE), reply)
    script.describe(VERSION, *polls)
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
    script.describe(NAMED, named(ModelPackageName=name), tags={})
    item = {"Name": name, "Status": "Completed"}
    expected = succeeded(named_model(ModelPackageName=name, ModelPackageStatusItem=item))
    assert invoke("CREATE", {}, **request_data) == expected


def test_create_sends_a_token_that_follows_the_requests(invoke: Invoker, script: Script) -> None:
    register(script)
    register(script)
    assert invoke("CREATE", IN_GROUP) == invoke("CREATE", IN_GROUP)
    script.create(ANY, VERSION)
    script.describe(VERSION, version())
    invoke("CREATE", IN_GROUP, bearerToken=f"{REQUEST}!")
    token = script.calls[-2][1]["ClientToken"]
    assert token != DERIVED
    assert len(token) == 36


@pytest.mark.parametrize("token", ["", None])
def test_create_without_a_request_token_is_refused(invoke: Invoker, token: str | None) -> None:
    event = invoke("CREATE", IN_GROUP, bearerToken=token)
    assert event == failed("InvalidRequest", "CREATE", "churn", NOT_REPEATABLE)


def test_create_whose_answer_is_lost_is_repeated_with_its_token(invoke: Invoker, script: Script) -> None:
    script.create(sent(), HANGS_UP)
    register(script)
    assert invoke("CREATE", IN_GROUP) == succeeded(version_model())


# --- waiting ----------------------------------------------------------------------------------------


@table(
    "given, stage, reason",
    {
        "with a token of the template's": (MINE, {"stage": "returned"}, f". {REUSED}"),
        "with the request's": (
            {},
            {},
            ": the package may have been deleted meanwhile. Repeat the operation",
        ),
    },
)
def test_create_polls_an_unknown_arn_for_a_minute(
    invoke: Invoker, script: Script, given: Model, stage: Model, reason: str
) -> None:
    script.create(sent(**given), VERSION)
    script.describe(VERSION, absent(VERSION))
    event = invoke("CREATE", {**IN_GROUP, **given})
    waited = 0
    for polls, delay in enumerate((1, 2, 4, 8, 16, 29), start=1):
        waited += delay
        context = {"arn": VERSION, "unseen_seconds": waited, "polls": polls, **stage}
        assert event == in_progress({**VERSION_STATE, **given}, delay, **context)
        script.describe(VERSION, absent(VERSION))
        event = invoke("CREATE", event["resourceModel"], context=event["callbackContext"])
    assert waited == timing.MAX_UNKNOWN_ARN_SECONDS == 60
    text = f"SageMaker returned this ARN but does not know it{reason}"
    if given:  # it may be another resource's
        assert event == failed("NotStabilized", "CREATE", VERSION, text)
    else:
        assert event == create_failed("NotStabilized", text, {**IN_GROUP, **given})


# --- a ClientToken of the template's own ------------------------------------------------------------

RECENT = {"CreationTime": SINCE - timing.MAX_TOKEN_AGE_SECONDS}
OLD = {"CreationTime": SINCE - timing.MAX_TOKEN_AGE_SECONDS - 1}


def test_create_with_a_token_of_the_templates(invoke: Invoker, script: Script) -> None:
    """A repeated event gets the package of the first one."""
    given = {**MINE, **SPECIFICATION, "Environment": {"A": "1"}}
    live = live_specification(Environment={"A": "1"})
    completed = specification(Environment={"A": "1"})
    for _ in range(2):
        script.create(sent(**MINE, InferenceSpecification=completed), VERSION)
        script.describe(VERSION, version(InferenceSpecification=live, **RECENT))
        event = invoke("CREATE", {**IN_GROUP, **given})
        assert event["status"] == "SUCCESS"
        assert event["resourceModel"]["ModelPackageArn"] == VERSION


@table(
    "given, described, reason",
    {
        "an old package": ({}, version(**OLD), "created 301 seconds before this operation began"),
        "another description": (
            {"ModelPackageDescription": "mine"},
            version(**RECENT, ModelPackageDescription="theirs"),
            "created 300 seconds before this operation began, and has another ModelPackageDescription",
        ),
        "another specification": (
            SPECIFICATION,
            version(**RECENT, InferenceSpecification=specification(Image=f"{IMAGE}-other")),
            "created 300 seconds before this operation began, and has another InferenceSpecification",
        ),
        "another group, which is busy": (
            {},
            version(**RECENT, ModelPackageGroupName="other", ModelPackageStatus="InProgress"),
            "created 300 seconds before this operation began, and has another ModelPackageGroupName",
        ),
    },
)
def test_create_that_gets_another_resources_package_is_refused(
    invoke: Invoker, script: Script, given: Model, described: Model, reason: str
) -> None:
    script.create(sent(**MINE, **given), VERSION)
    script.describe(VERSION, described)
    text = f"ClientToken brought back {VERSION}, which was {reason}. {REUSED}"
    expected = failed("InvalidRequest", "CREATE", "churn", text)
    assert invoke("CREATE", {**IN_GROUP, **MINE, **given}) == expected


@pytest.mark.parametrize("age_seconds", [0, 1, 2])
def test_create_makes_its_second_call_to_a_package_of_its_own_age(
    invoke: Invoker, script: Script, age_seconds: int
) -> None:
    described = {"CreationTime": SINCE - age_seconds, **PENDING}
    given = {"ApprovalDescription": "good", "ModelApprovalStatus": "Approved"}
    script.create(sent(**MINE), VERSION)
    script.describe(VERSION, version(**described))
    if age_seconds < 2:
        script.update(changed(**given))
        script.describe(VERSION, version(**described | given))
    event = invoke("CREATE", IN_GROUP | MINE | given)
    if age_seconds < 2:
        assert event["status"] == "SUCCESS"
    else:
        text = (
            f"ClientToken brought back {VERSION}, which was created 2 seconds before this operation began,"
            f" and has another ModelApprovalStatus, ApprovalDescription. {REUSED}"
        )
        assert event == failed("InvalidRequest", "CREATE", "churn", text)


def test_create_that_gets_another_resources_name_is_refused(invoke: Invoker, script: Script) -> None:
    script.create(sent_named(**MINE), NAMED)
    script.describe(NAMED, named(ModelPackageName="other", **RECENT))
    event = invoke("CREATE", SCORER | MINE)
    assert event["errorCode"] == "InvalidRequest"
    assert "has another ModelPackageName" in event["message"]
    assert "resourceModel" not in event


def test_create_with_a_token_in_conflict_is_refused(invoke: Invoker, script: Script) -> None:
    conflict = error("ConflictException", "the token was used for another request")
    script.create(sent(**MINE), conflict)
    text = f"{REUSED}. SageMaker says: {conflict.text}"
    assert invoke("CREATE", IN_GROUP | MINE) == failed("InvalidRequest", "CREATE", "churn", text)


def test_create_whose_owner_is_not_known_fails_without_a_model(invoke: Invoker, script: Script) -> None:
    script.create(sent(**MINE), VERSION)
    script.describe(VERSION, DENIED)
    text = (
        f"The template's ClientToken brought {VERSION}, which may be another resource's package, so it stays."
        f" {DENIED.text}"
    )
    assert invoke("CREATE", IN_GROUP | MINE) == failed("AccessDenied", "CREATE", "churn", text)


def test_create_goes_on_once_the_owner_is_known(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(ModelPackageStatus="InProgress", **RECENT))
    context = {"arn": VERSION, "stage": "returned", "polls": 1, "since": SINCE}
    event = invoke("CREATE", VERSION_STATE | MINE, context=context)
    assert event == in_progress(VERSION_STATE | MINE, 2, arn=VERSION, polls=2)
    script.describe(VERSION, version(ModelPackageStatus="Failed", **OLD))
    event = invoke("CREATE", VERSION_STATE | MINE, context=event["callbackContext"])
    assert event == create_failed("NotStabilized", FAILED_REASON, IN_GROUP | MINE)


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
    script.describe(NAMED, named(), tags={})
    event = invoke("CREATE", event["resourceModel"], context=event["callbackContext"])
    assert event == succeeded(named_model())


@table(
    "reply, code, text",
    {
        "a profile failed": (
            failed_version(failed_items(("batch", "out of memory"))),
            "NotStabilized",
            "the package's status is Failed: validation profile batch: out of memory",
        ),
        "a profile and an image failed": (
            failed_version(
                [*failed_items(("batch", "out of memory")), {"Name": "other", "Status": "Completed"}],
                failed_items(("scan", None)),
            ),
            "NotStabilized",
            "the package's status is Failed: validation profile batch, image scan scan failed."
            " validation profile batch: out of memory; image scan scan: no reason given",
        ),
        "it failed without a reason": (failed_version([]), "NotStabilized", FAILED_REASON),
        "its status is unknown": (
            version(ModelPackageStatus="Archived"),
            "GeneralServiceException",
            UNKNOWN_STATUS,
        ),
        "it is deleted meanwhile": (
            version(ModelPackageStatus="Deleting"),
            "NotStabilized",
            "the package's status is Deleting",
        ),
        "a poll is denied": (DENIED, "AccessDenied", DENIED.text),
    },
)
def test_create_ends_with_what_a_poll_reports(
    invoke: Invoker, script: Script, reply: Any, code: str, text: str
) -> None:
    register(script, reply)
    assert invoke("CREATE", IN_GROUP) == create_failed(code, text)


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


# --- failures ---------------------------------------------------------------------------------------

NAME_TAKEN = (
    "the name is taken. A replacement is made before the old package is deleted, so replacing a package that"
    " has a name needs a new ModelPackageName. SageMaker says: "
)


TAKEN = error("ValidationException", "Model Package already exists")
IN_USE = error("ResourceInUse", "in use")
QUOTA = error("ResourceLimitExceeded", "too many")
NO_GROUP = error("ValidationException", "ModelPackageGroup churn does not exist.")


@table(
    "reply, code, text",
    {
        "a taken name": (TAKEN, "AlreadyExists", f"{NAME_TAKEN}{TAKEN.text}"),
        "a taken name, by another code": (IN_USE, "AlreadyExists", f"{NAME_TAKEN}{IN_USE.text}"),
        "a quota": (QUOTA, "ServiceLimitExceeded", QUOTA.text),
        "a group that does not exist is no missing package": (NO_GROUP, "InvalidRequest", NO_GROUP.text),
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
        "a name beside a group": (IN_GROUP, BOTH_NAMES),
        "an environment of an unversioned package": (
            {"Environment": {"A": "b"}, **SERVED},
            f"Environment {NO_ENVIRONMENT}",
        ),
        "a source beside a specification of an unversioned package": (
            SOURCE | SERVED,
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
        "an approval's description": (FINE, NO_DESCRIPTION),
        "a null": (
            {"InferenceSpecification": {"Containers": [{"Image": None}], **INSTANCES}},
            "InferenceSpecification.Containers[0].Image is null: leave the property out instead",
        ),
        "a wrong type": (
            {"InferenceSpecification": {"Containers": "one", **INSTANCES}},
            "InferenceSpecification.Containers must be a list, not a string",
        ),
        "what the schema requires": (
            {"InferenceSpecification": INSTANCES},
            "InferenceSpecification.Containers is required and missing",
        ),
        "faults of every kind, in one message": (
            {
                "InferenceSpecification": {
                    "Containers": [{"Environment": {"A": "b"}, "Image": None}],
                    "SupportedTransformInstanceTypes": [],
                },
                "Domian": "x",
                "Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}],
            },
            "6 problems: (1) InferenceSpecification.Containers[0].Image is null: leave the property out"
            " instead (2) Domian is not a property of this type; did you mean Domain?"
            " (3) InferenceSpecification.SupportedTransformInstanceTypes has 0 items and must have 1 at least"
            f" (4) InferenceSpecification.Containers[0].Environment {NO_ENVIRONMENT}"
            f" (5) InferenceSpecification.SupportedRealtimeInferenceInstanceTypes {NEEDED}"
            " (6) Tags[1].Key occurs twice with different values: give each key once",
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
        "none of AWS": ({"team": "risk"}, {"aws:stack": "shop"}, {"team": "risk"}),
    },
)
def test_create_sends_merged_tags(
    invoke: Invoker, script: Script, own: Model, stack: Model, expected: Model
) -> None:
    register_named(script, expected, Tags=tag_list(expected))
    event = invoke("CREATE", {**SCORER, "Tags": tag_list(own)}, stackTags=stack)
    assert event == succeeded(named_model(Tags=tag_list(expected)))


@table(
    "own",
    {
        "no tags of its own": {},
        "an empty list": {"Tags": []},
        "tags that only repeat the stack's": {"Tags": tag_list({"team": "risk"})},
    },
)
def test_create_of_a_version_in_a_tagged_stack_sends_no_tags(
    invoke: Invoker, script: Script, own: Model
) -> None:
    register(script)
    event = invoke("CREATE", IN_GROUP | own, stackTags={"team": "risk", "cost": "42"})
    assert event == succeeded(version_model())


@pytest.mark.parametrize("is_version", [True, False])
def test_create_names_tags_of_aws_which_are_not_sent(
    invoke: Invoker, script: Script, is_version: bool
) -> None:
    own = {"Tags": tag_list({"aws:a": "1", "AWS:b": "2"})}
    text = "Tags that begin with aws: are AWS's, and not sent: aws:a, AWS:b"
    if is_version:
        register(script)
        event = invoke("CREATE", IN_GROUP | own)
        assert event == succeeded(version_model(), message("CREATE", VERSION, text))
    else:
        register_named(script, {})
        event = invoke("CREATE", SCORER | own)
        assert event == succeeded(named_model(), message("CREATE", NAMED, text))


@pytest.mark.parametrize("own", [{"mine": "1"}, {"team": "other"}], ids=["another key", "another value"])
def test_create_refuses_tags_of_a_version(invoke: Invoker, own: Model) -> None:
    event = invoke("CREATE", {**IN_GROUP, "Tags": tag_list(own)}, stackTags={"team": "risk"})
    assert event == failed("InvalidRequest", "CREATE", "churn", NO_VERSION_TAGS)


def test_create_refuses_more_tags_than_fit_with_the_stacks(invoke: Invoker) -> None:
    own, stack = ({f"{start}{number}": "1" for number in range(30)} for start in ("own", "stack"))
    event = invoke("CREATE", {**SCORER, "Tags": tag_list(own)}, stackTags=stack)
    text = "Tags has 60 items together with the stack's tags and must have 50 at most"
    assert event == failed("InvalidRequest", "CREATE", "scorer", text)


def test_create_returns_what_sagemaker_completed(invoke: Invoker, script: Script) -> None:
    register(script, version(InferenceSpecification=live_specification()), **SPECIFICATION)
    event = invoke("CREATE", IN_GROUP | SPECIFICATION)
    assert event == succeeded(version_model(InferenceSpecification=live_specification()))
