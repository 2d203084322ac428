"""Read: the package as it is, or NotFound."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.shared.settings import top_level

from .conftest import Invoker
from .events import (
    AS_DESCRIBED,
    CREATED,
    CREATED_ISO,
    DIGEST,
    GONE,
    IMAGE,
    NAMED,
    NO_DETAILS,
    VERSION,
    extra,
    failed,
    failed_items,
    live_specification,
    named,
    named_model,
    not_found,
    said,
    succeeded,
    tag_list,
    version,
    version_model,
)
from .scripted_sagemaker import ScriptedSageMaker, error


def test_a_version_is_read_with_one_call(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version())
    assert invoke("READ", {"ModelPackageArn": VERSION}) == succeeded(version_model())
    assert sagemaker.operations() == ["DescribeModelPackage"]


def test_an_unversioned_package_is_read_with_every_page_of_its_tags(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {"team": "risk"}, token="second")  # noqa: S106 - a page token
    sagemaker.list_tags(NAMED, {"stage": "test"}, after="second")
    tags = tag_list({"team": "risk", "stage": "test"})
    assert invoke("READ", {"ModelPackageArn": NAMED}) == succeeded(named_model(Tags=tags))


def test_tags_of_aws_are_not_read(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(NAMED, named())
    sagemaker.list_tags(NAMED, {"aws:cloudformation:stack-name": "shop", "team": "risk"})
    expected = named_model(Tags=tag_list({"team": "risk"}))
    assert invoke("READ", {"ModelPackageArn": NAMED}) == succeeded(expected)


def test_a_package_without_tags_is_read_with_an_empty_list(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(NAMED, named())
    sagemaker.expect("ListTags", {"ResourceArn": NAMED}, {})
    assert invoke("READ", {"ModelPackageArn": NAMED}) == succeeded(named_model())


@pytest.mark.parametrize("name", AS_DESCRIBED)
def test_a_property_is_read_as_described(invoke: Invoker, sagemaker: ScriptedSageMaker, name: str) -> None:
    sagemaker.describe(VERSION, version(**{name: AS_DESCRIBED[name]}))
    expected = version_model(**{name: AS_DESCRIBED[name]})
    assert invoke("READ", {"ModelPackageArn": VERSION}) == succeeded(expected)


def test_every_property_is_read(schema: dict[str, Any]) -> None:
    elsewhere = {
        *("ModelPackageArn", "CreationTime", "LastModifiedTime", "ModelPackageName", "ModelPackageGroupName"),
        *("Tags", "ModelPackageStatusItem"),
    }
    never = top_level("writeOnlyProperties")
    assert AS_DESCRIBED.keys() | elsewhere | never == set(schema["properties"])


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        pytest.param(
            {"LastModifiedTime": CREATED + 0.25},
            {"LastModifiedTime": "2023-11-14T22:13:20.250000+00:00"},
            id="times are ISO 8601 with an offset",
        ),
        pytest.param(
            {"CreationTime": CREATED}, {"CreationTime": CREATED_ISO}, id="a time without a fraction"
        ),
        pytest.param(
            {"ModelPackageName": "churn-3"},
            {"ModelPackageStatusItem": {"Name": "churn", "Status": "Completed"}},
            id="a name that the service gives a version is no property of it",
        ),
        pytest.param({"ApprovalDescription": ""}, {}, id="an empty approval description is absent"),
        pytest.param(
            {"ModelMetrics": {"Bias": {}, "Explainability": {}}},
            {"ModelMetrics": {"Bias": {}, "Explainability": {}}},
            id="empty objects stay",
        ),
        pytest.param(
            {"InferenceSpecification": {"Containers": [{"Image": IMAGE}], "SupportedContentTypes": []}},
            {"InferenceSpecification": {"Containers": [{"Image": IMAGE}], "SupportedContentTypes": []}},
            id="empty lists stay",
        ),
        pytest.param(
            {"CustomerMetadataProperties": {}}, {"CustomerMetadataProperties": {}}, id="an empty map stays"
        ),
        pytest.param(
            {
                "ClientToken": "t",
                "Environment": {"A": "b"},
                "AdditionalInferenceSpecificationsToAdd": [extra("x")],
            },
            {},
            id="what is only written is never read",
        ),
        pytest.param({"Surprise": {"New": 1}}, {}, id="members that the schema does not know are dropped"),
    ],
)
def test_what_read_makes_of_an_answer(
    invoke: Invoker, sagemaker: ScriptedSageMaker, described: dict[str, Any], expected: dict[str, Any]
) -> None:
    sagemaker.describe(VERSION, version(**described))
    assert invoke("READ", {"ModelPackageArn": VERSION}) == succeeded(version_model(**expected))


@pytest.mark.parametrize(
    ("status", "item"),
    [("Pending", "NotStarted"), ("InProgress", "InProgress"), ("Completed", "Completed")],
)
def test_the_overall_status_is_read_as_one_item(
    invoke: Invoker, sagemaker: ScriptedSageMaker, status: str, item: str
) -> None:
    sagemaker.describe(NAMED, named(ModelPackageStatus=status))
    sagemaker.list_tags(NAMED, {})
    expected = named_model(
        ModelPackageStatus=status, ModelPackageStatusItem={"Name": "scorer", "Status": item}
    )
    assert invoke("READ", {"ModelPackageArn": NAMED}) == succeeded(expected)


def test_the_item_of_a_failed_package_says_why(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    details = {**NO_DETAILS, "ValidationStatuses": failed_items(("batch", "out of memory"))}
    sagemaker.describe(VERSION, version(ModelPackageStatus="Failed", ModelPackageStatusDetails=details))
    expected = version_model(
        ModelPackageStatus="Failed",
        ModelPackageStatusDetails=details,
        ModelPackageStatusItem={
            "Name": "churn",
            "Status": "Failed",
            "FailureReason": "validation profile batch: out of memory",
        },
    )
    assert invoke("READ", {"ModelPackageArn": VERSION}) == succeeded(expected)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param("ValidationException", GONE.format(VERSION), id="it does not exist"),
        pytest.param("ResourceNotFound", "no such package", id="the code says so"),
        pytest.param("ValidationException", f"Could not find model package {VERSION}", id="in other words"),
    ],
)
def test_what_is_not_there_is_not_found(
    invoke: Invoker, sagemaker: ScriptedSageMaker, code: str, message: str
) -> None:
    sagemaker.describe(VERSION, error(code, message))
    expected = not_found("READ", VERSION, f"{message} ({code})")
    assert invoke("READ", {"ModelPackageArn": VERSION}) == expected


def test_what_is_being_deleted_is_not_found(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version(ModelPackageStatus="Deleting"))
    assert invoke("READ", {"ModelPackageArn": VERSION}) == not_found("READ", VERSION)


def test_a_model_without_an_arn_is_not_found(invoke: Invoker) -> None:
    assert invoke("READ", {"ModelPackageName": "scorer"}) == not_found("READ", "scorer")


def test_a_request_without_any_model_is_not_found(invoke: Invoker) -> None:
    assert invoke("READ", None) == not_found("READ", "Model")


def test_other_properties_do_not_disturb_a_read(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version())
    event = invoke("READ", {"ModelPackageArn": VERSION, "Task": None, "Unknown": 1})
    assert event == succeeded(version_model())


def test_a_status_that_nobody_has_met_is_an_error(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version(ModelPackageStatus="Archived"))
    words = "SageMaker reports the status 'Archived', which this version of the handlers does not know"
    expected = failed("GeneralServiceException", said("READ", VERSION, words))
    assert invoke("READ", {"ModelPackageArn": VERSION}) == expected


def test_a_key_that_may_not_be_used_is_access_denied(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, error("AccessDeniedException", "not authorized to perform: kms:Decrypt"))
    words = "not authorized to perform: kms:Decrypt (AccessDeniedException)"
    expected = failed("AccessDenied", said("READ", VERSION, words))
    assert invoke("READ", {"ModelPackageArn": VERSION}) == expected


def test_a_package_that_vanishes_before_its_tags_are_read_is_not_found(
    invoke: Invoker, sagemaker: ScriptedSageMaker
) -> None:
    sagemaker.describe(NAMED, named())
    sagemaker.expect("ListTags", {"ResourceArn": NAMED}, error("ResourceNotFound", "gone"))
    expected = failed("NotFound", said("READ", NAMED, "gone (ResourceNotFound)"))
    assert invoke("READ", {"ModelPackageArn": NAMED}) == expected


def test_a_digest_that_sagemaker_filled_in_is_read(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version(InferenceSpecification=live_specification()))
    event = invoke("READ", {"ModelPackageArn": VERSION})
    assert event["resourceModel"]["InferenceSpecification"]["Containers"][0]["ImageDigest"] == DIGEST


def test_the_test_entry_point_reads_too(invoke: Invoker, sagemaker: ScriptedSageMaker) -> None:
    sagemaker.describe(VERSION, version())
    assert invoke.test("READ", {"ModelPackageArn": VERSION}) == succeeded(version_model())


@pytest.mark.parametrize("action", ["READ", "UPDATE", "DELETE"])
def test_a_name_is_no_identifier(invoke: Invoker, action: str) -> None:
    assert invoke(action, {"ModelPackageArn": "scorer"}, {})["errorCode"] == "NotFound"
