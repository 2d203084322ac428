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
    IMAGE,
    NAMED,
    NO_DETAILS,
    STATE,
    VERSION,
    Model,
    does_not_exist,
    extra,
    failed,
    failed_items,
    live_specification,
    named,
    named_model,
    not_found,
    succeeded,
    tag_list,
    version,
    version_model,
)
from .scripted_sagemaker import Script, absent, error
from .tables import table


def test_read_of_a_version_makes_one_call(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    assert invoke("READ", STATE) == succeeded(version_model())
    assert script.operations() == ["DescribeModelPackage"]


def test_read_of_an_unversioned_package_reads_all_pages_of_tags(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named())
    script.list_tags(NAMED, {"team": "risk"}, token="second")  # noqa: S106 - a page token
    script.list_tags(NAMED, {"stage": "test"}, after="second")
    tags = tag_list({"team": "risk", "stage": "test"})
    assert invoke("READ", {"ModelPackageArn": NAMED}) == succeeded(named_model(Tags=tags))


@table(
    "answer, tags",
    {
        "none of AWS": (
            {"Tags": tag_list({"aws:cloudformation:stack-name": "shop", "team": "risk"})},
            {"team": "risk"},
        ),
        "no tags": ({}, {}),
    },
)
def test_read_returns_tags(invoke: Invoker, script: Script, answer: Model, tags: Model) -> None:
    script.describe(NAMED, named())
    script.expect("ListTags", {"ResourceArn": NAMED}, answer)
    assert invoke("READ", {"ModelPackageArn": NAMED}) == succeeded(named_model(Tags=tag_list(tags)))


@pytest.mark.parametrize("name", AS_DESCRIBED)
def test_read_returns_a_property_as_described(invoke: Invoker, script: Script, name: str) -> None:
    script.describe(VERSION, version(**{name: AS_DESCRIBED[name]}))
    expected = version_model(**{name: AS_DESCRIBED[name]})
    assert invoke("READ", STATE) == succeeded(expected)


def test_read_returns_every_property(schema: dict[str, Any]) -> None:
    elsewhere = {
        *("ModelPackageArn", "CreationTime", "LastModifiedTime", "ModelPackageName", "ModelPackageGroupName"),
        *("Tags", "ModelPackageStatusItem"),
    }
    never = top_level("writeOnlyProperties")
    assert AS_DESCRIBED.keys() | elsewhere | never == set(schema["properties"])


@table(
    "described, expected",
    {
        "times are ISO 8601 with an offset": (
            {"LastModifiedTime": CREATED + 0.25},
            {"LastModifiedTime": "2023-11-14T22:13:20.250000+00:00"},
        ),
        "a time without a fraction": ({"CreationTime": CREATED}, {"CreationTime": CREATED_ISO}),
        "a name that the service gives a version is no property of it": (
            {"ModelPackageName": "churn-3"},
            {"ModelPackageStatusItem": {"Name": "churn", "Status": "Completed"}},
        ),
        "an empty approval description is absent": ({"ApprovalDescription": ""}, {}),
        "empty objects stay": (
            {"ModelMetrics": {"Bias": {}, "Explainability": {}}},
            {"ModelMetrics": {"Bias": {}, "Explainability": {}}},
        ),
        "empty lists stay": (
            {"InferenceSpecification": {"Containers": [{"Image": IMAGE}], "SupportedContentTypes": []}},
            {"InferenceSpecification": {"Containers": [{"Image": IMAGE}], "SupportedContentTypes": []}},
        ),
        "an empty map stays": ({"CustomerMetadataProperties": {}}, {"CustomerMetadataProperties": {}}),
        "what is only written is never read": (
            {
                "ClientToken": "t",
                "Environment": {"A": "b"},
                "AdditionalInferenceSpecificationsToAdd": [extra("x")],
            },
            {},
        ),
        "members that the schema does not know are dropped": ({"Surprise": {"New": 1}}, {}),
    },
)
def test_read_translates_an_answer(
    invoke: Invoker, script: Script, described: dict[str, Any], expected: dict[str, Any]
) -> None:
    script.describe(VERSION, version(**described))
    assert invoke("READ", STATE) == succeeded(version_model(**expected))


@pytest.mark.parametrize(
    ("status", "item"),
    [("Pending", "NotStarted"), ("InProgress", "InProgress"), ("Completed", "Completed")],
)
def test_read_returns_the_status_as_an_item(invoke: Invoker, script: Script, status: str, item: str) -> None:
    script.describe(NAMED, named(ModelPackageStatus=status))
    script.list_tags(NAMED, {})
    expected = named_model(
        ModelPackageStatus=status, ModelPackageStatusItem={"Name": "scorer", "Status": item}
    )
    assert invoke("READ", {"ModelPackageArn": NAMED}) == succeeded(expected)


def test_read_of_a_failed_package_returns_the_reason(invoke: Invoker, script: Script) -> None:
    details = {**NO_DETAILS, "ValidationStatuses": failed_items(("batch", "out of memory"))}
    script.describe(VERSION, version(ModelPackageStatus="Failed", ModelPackageStatusDetails=details))
    expected = version_model(
        ModelPackageStatus="Failed",
        ModelPackageStatusDetails=details,
        ModelPackageStatusItem={
            "Name": "churn",
            "Status": "Failed",
            "FailureReason": "validation profile batch: out of memory",
        },
    )
    assert invoke("READ", STATE) == succeeded(expected)


@table(
    "reply, reason",
    {
        "it does not exist": (absent(VERSION), does_not_exist(VERSION)),
        "the code says so": (
            error("ResourceNotFound", "no such package"),
            "no such package (ResourceNotFound)",
        ),
        "another message": (
            error("ValidationException", "Could not find model package x"),
            "Could not find model package x (ValidationException)",
        ),
        "it is being deleted": (version(ModelPackageStatus="Deleting"), ""),
    },
)
def test_read_of_an_absent_package_is_not_found(
    invoke: Invoker, script: Script, reply: Any, reason: str
) -> None:
    script.describe(VERSION, reply)
    assert invoke("READ", STATE) == not_found("READ", VERSION, reason)


@pytest.mark.parametrize(
    ("desired", "identifier"), [({"ModelPackageName": "scorer"}, "scorer"), (None, "Model")]
)
def test_read_without_an_arn_is_not_found(invoke: Invoker, desired: Any, identifier: str) -> None:
    assert invoke("READ", desired) == not_found("READ", identifier)


def test_read_ignores_other_properties(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    event = invoke("READ", {"ModelPackageArn": VERSION, "Task": None, "Unknown": 1})
    assert event == succeeded(version_model())


def test_read_refuses_an_unknown_status(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(ModelPackageStatus="Archived"))
    text = "SageMaker reports the status 'Archived', which this version of the handlers does not know"
    assert invoke("READ", STATE) == failed("GeneralServiceException", "READ", VERSION, text)


def test_read_without_the_key_is_denied(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, error("AccessDeniedException", "not authorized to perform: kms:Decrypt"))
    text = "not authorized to perform: kms:Decrypt (AccessDeniedException)"
    assert invoke("READ", STATE) == failed("AccessDenied", "READ", VERSION, text)


def test_read_of_a_package_that_vanishes_is_not_found(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named())
    script.expect("ListTags", {"ResourceArn": NAMED}, error("ResourceNotFound", "gone"))
    event = invoke("READ", {"ModelPackageArn": NAMED})
    assert event == failed("NotFound", "READ", NAMED, "gone (ResourceNotFound)")


def test_read_returns_what_sagemaker_filled_in(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(InferenceSpecification=live_specification()))
    event = invoke("READ", STATE)
    assert event["resourceModel"]["InferenceSpecification"]["Containers"][0]["ImageDigest"] == DIGEST


def test_read_through_the_test_entry_point(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    assert invoke.test("READ", STATE) == succeeded(version_model())


@pytest.mark.parametrize("action", ["READ", "UPDATE", "DELETE"])
def test_name_is_no_identifier(invoke: Invoker, action: str) -> None:
    assert invoke(action, {"ModelPackageArn": "scorer"}, {})["errorCode"] == "NotFound"
