"""Halves of characters: refused where they would be sent, replaced in what leaves the handlers."""

from __future__ import annotations

from typing import Any

import pytest

from aws_sagemaker_modelpackage import encoding

from .conftest import Invoker
from .events import IN_GROUP, REJECTED, STATE, VERSION, VERSION_STATE, changed, failed, in_progress, version
from .scripted_sagemaker import Script
from .tables import table

HALF, OTHER_HALF = "\ud83d", "\ude00"


@table(
    "value, expected",
    {
        "a text": ("\u00fc", "\u00fc"),
        "a half": (f"a{HALF}", "a\ufffd"),
        "the other half": (f"{OTHER_HALF}a", "\ufffda"),
        "two halves of one": (HALF + OTHER_HALF, "\U0001f600"),
        "the wrong way round": (OTHER_HALF + HALF, "\ufffd\ufffd"),
        "a key, and in a list": ({HALF: [1, HALF, None]}, {"\ufffd": [1, "\ufffd", None]}),
    },
)
def test_encodable(value: Any, expected: Any) -> None:
    assert encoding.encodable(value) == expected


NOT_SENT = "holds half a character (a lone surrogate), which SageMaker cannot be sent"


@table(
    "template, path",
    {
        "a value": ({"ModelPackageDescription": HALF}, "ModelPackageDescription"),
        "a name": ({"SourceUri": f"s3://{HALF}"}, "SourceUri"),
        "in a list": ({"Tags": [{"Key": HALF, "Value": "1"}]}, "Tags[0].Key"),
        "a value of a map": (
            {"CustomerMetadataProperties": {"a": HALF}},
            "CustomerMetadataProperties.a",
        ),
        "a key of a map": (
            {"CustomerMetadataProperties": {f"a{HALF}": "1"}},
            "CustomerMetadataProperties.a\ufffd",
        ),
    },
)
@pytest.mark.parametrize("action", ["CREATE", "UPDATE"])
def test_half_a_character_is_refused_before_any_call(
    invoke: Invoker, action: str, template: dict[str, Any], path: str
) -> None:
    known, identifier = (STATE, VERSION) if action == "UPDATE" else ({}, "churn")
    event = invoke(action, IN_GROUP | known | template, {} if action == "CREATE" else VERSION_STATE)
    assert event == failed("InvalidRequest", action, identifier, f"{path} {NOT_SENT}")


@table(
    "desired, message",
    {
        "an unknown property": ({**IN_GROUP, HALF: 1}, "AWS::SageMaker::ModelPackage churn: \ufffd is not a"),
        "a name": (
            {"ModelPackageName": f"x{HALF}"},
            "AWS::SageMaker::ModelPackage x\ufffd: ModelPackageName",
        ),
    },
)
def test_message_about_half_a_character_is_encodable(
    invoke: Invoker, capsys: pytest.CaptureFixture[str], desired: dict[str, Any], message: str
) -> None:
    for event in (invoke("CREATE", desired), invoke.test("CREATE", desired)):
        assert event["errorCode"] == "InvalidRequest"
        assert message in event["message"]
    # So is the traceback, which the library prints.
    assert message in "".join(capsys.readouterr()).encode().decode()


def test_model_that_is_echoed_is_encodable(invoke: Invoker, script: Script) -> None:
    ignored = {"CreatedBy": {"UserProfileName": HALF}}
    script.describe(VERSION, version())
    script.update(changed(**REJECTED))
    script.describe(VERSION, version(**REJECTED, ModelPackageStatus="InProgress"))
    event = invoke("UPDATE", VERSION_STATE | REJECTED | ignored, VERSION_STATE)
    model = VERSION_STATE | REJECTED | {"CreatedBy": {"UserProfileName": "\ufffd"}}
    assert event == in_progress(model, 1, arn=VERSION, stage="written", polls=1)


def test_answer_of_sagemaker_with_half_a_character_is_read(invoke: Invoker, script: Script) -> None:
    script.describe(VERSION, version(ModelPackageDescription=f"a{HALF}"))
    event = invoke("READ", STATE)
    assert event["resourceModel"]["ModelPackageDescription"] == "a\ufffd"


def test_callback_context_with_half_an_arn_is_none(invoke: Invoker) -> None:
    event = invoke("CREATE", {**IN_GROUP, "Tsk": 1}, context={"arn": f"arn:{HALF}", "stage": "waiting"})
    assert event["errorCode"] == "InvalidRequest"
    assert "resourceModel" not in event
