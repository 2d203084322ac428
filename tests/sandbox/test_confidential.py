"""Confidential values of properties: what an output shows in their place."""

from __future__ import annotations

from sandbox.shared.confidential import is_confidential, shown

PROPERTIES = {
    "ModelPackageGroupName": "fraud",
    "ModelCard": {"ModelCardContent": '{"intended_uses": {"purpose": "s3cret"}}', "ModelCardStatus": "Draft"},
    "CustomerMetadataProperties": {"team": "s3cret", "runs": 3, "open": True, "none": None},
    "InferenceSpecification": {
        "Containers": [{"Image": "fraud:1", "Environment": {"TOKEN": "s3cret", "DEPTH": "3"}}],
        "SupportedContentTypes": ["text/csv"],
    },
}


def test_shown_replaces_confidential_values_by_their_shape() -> None:
    assert shown(PROPERTIES) == {
        "ModelPackageGroupName": "fraud",
        "ModelCard": {"ModelCardContent": "(JSON object)", "ModelCardStatus": "Draft"},
        "CustomerMetadataProperties": {
            "team": "(string)",
            "runs": "(number)",
            "open": "(boolean)",
            "none": "(null)",
        },
        "InferenceSpecification": {
            "Containers": [{"Image": "fraud:1", "Environment": {"TOKEN": "(string)", "DEPTH": "(string)"}}],
            "SupportedContentTypes": ["text/csv"],
        },
    }


def test_shown_replaces_a_value_below_a_path() -> None:
    assert shown("Draft", ["ModelCard", "ModelCardStatus"]) == "Draft"
    assert shown("{}", ["ModelCard", "ModelCardContent"]) == "(JSON object)"
    assert shown({"A": ["x"]}, ["Environment"]) == {"A": ["(string)"]}
    assert shown("x", ["Environment", "0"]) == "(string)"


def test_is_confidential_of_paths() -> None:
    assert is_confidential(["InferenceSpecification", "Containers", "0", "Environment", "TOKEN"])
    assert not is_confidential(["ModelCard", "ModelCardStatus"])
    assert not is_confidential([])


def test_is_confidential_of_keys_that_are_named_like_an_open_member() -> None:
    assert is_confidential(["CustomerMetadataProperties", "ModelCardStatus"])
    assert is_confidential(["Environment", "ModelCardStatus"])
    assert shown({"CustomerMetadataProperties": {"ModelCardStatus": "s3cret"}}) == {
        "CustomerMetadataProperties": {"ModelCardStatus": "(string)"}
    }
