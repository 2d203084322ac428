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
    NAMED,
    STATE,
    VERSION,
    Model,
    extra,
    failed,
    failed_items,
    failed_version,
    live_specification,
    named,
    named_model,
    not_found,
    specification,
    succeeded,
    tag_list,
    version,
    version_model,
)
from .scripted_sagemaker import Script, absent, error
from .tables import table


@pytest.mark.parametrize("is_test", [False, True], ids=["production", "test"])
def test_read_of_a_version_makes_one_call(invoke: Invoker, script: Script, is_test: bool) -> None:
    script.describe(VERSION, version())
    event = invoke.test("READ", STATE) if is_test else invoke("READ", STATE)
    assert event == succeeded(version_model())
    assert script.operations() == ["DescribeModelPackage"]


def test_read_of_an_unversioned_package_reads_all_pages_of_tags(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named())
    script.list_tags(NAMED, {"team": "risk"}, token="second")  # noqa: S106 - a page token
    script.list_tags(NAMED, {"stage": "test"}, after="second")
    tags = tag_list({"team": "risk", "stage": "test"})
    assert invoke("READ", {"ModelPackageArn": NAMED}) == succeeded(named_model(Tags=tags))


@pytest.mark.parametrize("tags", [{"aws:cloudformation:stack-name": "shop", "team": "risk"}, {}])
def test_read_returns_tags_but_those_of_aws(invoke: Invoker, script: Script, tags: dict[str, str]) -> None:
    script.describe(NAMED, named())
    script.expect("ListTags", {"ResourceArn": NAMED}, {"Tags": tag_list(tags)} if tags else {})
    expected = tag_list({"team": "risk"} if tags else {})
    assert invoke("READ", {"ModelPackageArn": NAMED}) == succeeded(named_model(Tags=expected))


# In models that other tests compare as a whole.
READ_ELSEWHERE = {
    *("ModelPackageArn", "CreationTime", "LastModifiedTime", "ModelPackageName", "ModelPackageGroupName"),
    *("Tags", "ModelPackageStatusItem"),
}


@pytest.mark.parametrize("name", AS_DESCRIBED)
def test_read_returns_a_property_as_described(invoke: Invoker, script: Script, name: str) -> None:
    script.describe(VERSION, version(**{name: AS_DESCRIBED[name]}))
    expected = version_model(**{name: AS_DESCRIBED[name]})
    assert invoke("READ", STATE) == succeeded(expected)


def test_read_returns_every_property(schema: dict[str, Any]) -> None:
    read = set(schema["properties"]) - top_level("writeOnlyProperties") - READ_ELSEWHERE
    unnamed = sorted(read - AS_DESCRIBED.keys())
    assert not unnamed, f"tests/unit/events.py: AS_DESCRIBED has no value of {unnamed}"
    assert AS_DESCRIBED.keys() == read


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
        "metadata without a key are absent": ({"CustomerMetadataProperties": {}}, {}),
        "what the schema wants filled is left out when it is empty": (
            {"InferenceSpecification": {**specification(), "SupportedTransformInstanceTypes": []}},
            {"InferenceSpecification": specification()},
        ),
        **{
            f"empty {name} stay": (members, members)
            for name, members in {
                "objects": {"ModelMetrics": {"Bias": {}, "Explainability": {}}},
                "lists": {"InferenceSpecification": {**specification(), "SupportedContentTypes": []}},
                "maps": {"InferenceSpecification": specification(Environment={})},
            }.items()
        },
        "what SageMaker filled in is returned": (
            {"InferenceSpecification": live_specification()},
            {"InferenceSpecification": live_specification()},
        ),
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
    script.describe(NAMED, named(ModelPackageStatus=status), tags={})
    expected = named_model(
        ModelPackageStatus=status, ModelPackageStatusItem={"Name": "scorer", "Status": item}
    )
    assert invoke("READ", {"ModelPackageArn": NAMED}) == succeeded(expected)


def test_read_of_a_failed_package_returns_the_reason(invoke: Invoker, script: Script) -> None:
    described = failed_version(failed_items(("batch", "out of memory")))
    script.describe(VERSION, described)
    reason = "validation profile batch: out of memory"
    item = {"Name": "churn", "Status": "Failed", "FailureReason": reason}
    expected = version_model(**described | {"CreationTime": CREATED_ISO, "ModelPackageStatusItem": item})
    assert invoke("READ", STATE) == succeeded(expected)


KEY_DENIED = error("AccessDeniedException", "not authorized to perform: kms:Decrypt")


@table(
    "reply, expected",
    {
        **{
            f"it is absent: {reply.text}": (reply, not_found("READ", VERSION, reply))
            for reply in (
                absent(VERSION),
                error("ResourceNotFound", "no such package"),
                error("ValidationException", "Could not find model package x"),
            )
        },
        "it is being deleted": (version(ModelPackageStatus="Deleting"), not_found("READ", VERSION)),
        "its status is unknown": (
            version(ModelPackageStatus="Archived"),
            succeeded(
                version_model(
                    ModelPackageStatus="Archived",
                    ModelPackageStatusItem={"Name": "churn", "Status": "Archived"},
                )
            ),
        ),
        "its key is denied": (KEY_DENIED, failed("AccessDenied", "READ", VERSION, KEY_DENIED)),
    },
)
def test_read_that_fails(invoke: Invoker, script: Script, reply: Any, expected: Model) -> None:
    script.describe(VERSION, reply)
    assert invoke("READ", STATE) == expected


@pytest.mark.parametrize(
    ("desired", "identifier"), [({"ModelPackageName": "scorer"}, "scorer"), (None, "Model")]
)
def test_read_without_an_arn_is_not_found(invoke: Invoker, desired: Any, identifier: str) -> None:
    assert invoke("READ", desired) == not_found("READ", identifier)


def test_read_ignores_other_properties(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version())
    event = invoke("READ", {"ModelPackageArn": VERSION, "Task": None, "Unknown": 1})
    assert event == succeeded(version_model())


def test_read_of_a_package_that_vanishes_is_not_found(invoke: Invoker, script: Script) -> None:
    script.describe(NAMED, named())
    script.expect("ListTags", {"ResourceArn": NAMED}, absent(NAMED))
    assert invoke("READ", {"ModelPackageArn": NAMED}) == failed("NotFound", "READ", NAMED, absent(NAMED))


@pytest.mark.parametrize("action", ["READ", "UPDATE", "DELETE"])
def test_name_is_no_identifier(invoke: Invoker, action: str) -> None:
    assert invoke(action, {"ModelPackageArn": "scorer"}, {})["errorCode"] == "NotFound"
