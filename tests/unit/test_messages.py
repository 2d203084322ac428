"""Messages about mistakes: where each is, and what was meant."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from cloudformation_cli_python_lib.exceptions import InvalidRequest

from aws_sagemaker_modelpackage import messages, recast, translate

from .tables import table, untraced


def refused(properties: dict[str, Any]) -> str:
    """The message about properties that do not fit."""
    with pytest.raises(InvalidRequest) as failure:
        translate.parse(properties)
    return str(failure.value)


UNKNOWN = "is not a property of this type;"


@table(
    "given, advice",
    {
        "a slip": ({"Domian": 1}, "did you mean Domain?"),
        "a tag's name": ({"Tags": [{"Name": "a", "Value": "b"}]}, "did you mean Key?"),
        "a member of what contains its name": (
            {"SourceAlgorithms": []},
            "it belongs in SourceAlgorithmSpecification",
        ),
        "the same in other letters": (
            {"sourceAlgorithms": []},
            "did you mean SourceAlgorithms, in SourceAlgorithmSpecification?",
        ),
        "another case": ({"modelCARD": 1}, "did you mean ModelCard?"),
        "separators": ({"source_uri": 1}, "did you mean SourceUri?"),
        "the singular": ({"Tag": 1}, "did you mean Tags?"),
        "a part of the name": ({"GroupName": 1}, "did you mean ModelPackageGroupName?"),
        "a part with capitals": (
            {"InferenceSpecification": {"MIMETypes": 1}},
            "did you mean SupportedResponseMIMETypes?",
        ),
        "a part of two names": (
            {"Description": 1},
            "did you mean ModelPackageDescription or ApprovalDescription?",
        ),
        "the plural, not a longer one": ({"ModelMetrics": {"Bias": {"Reports": 1}}}, "did you mean Report?"),
        "the SDK's": ({"InferenceSpecification": {"Containers": [{"ImageUri": 1}]}}, "did you mean Image?"),
        "too high": (
            {"Containers": 1},
            "it belongs in InferenceSpecification or AdditionalInferenceSpecifications[0]",
        ),
        "too high in the second container": (
            {"InferenceSpecification": {"Containers": [{}, {"S3DataType": 1}]}},
            "it belongs in InferenceSpecification.Containers[1].ModelDataSource.S3DataSource or"
            " InferenceSpecification.Containers[1].AdditionalS3DataSource",
        ),
        "too low": ({"ModelMetrics": {"DriftCheckBaselines": 1}}, "it belongs at the top of the properties"),
        "a level is missing": (
            {"ModelMetrics": {"ModelQuality": {"S3Uri": 1}}},
            "it belongs in ModelMetrics.ModelQuality.Statistics or ModelMetrics.ModelQuality.Constraints",
        ),
        "the nearest to the top comes first": ({"KmsKeyId": 1}, "it belongs in SecurityConfig or"),
        "and misspelt": ({"imageUri": 1}, "did you mean Image, in InferenceSpecification.Containers[0]?"),
        "much like another": (
            {"SupportedTransformInstanceType": 1},
            "did you mean SupportedTransformInstanceTypes, in InferenceSpecification",
        ),
        "beside": ({"DeletionPolicy": 1}, "it is an attribute of a template's resource, beside Properties"),
        "beside, or half a name": (
            {"Metadata": 1},
            "it is an attribute of a template's resource, beside Properties; did you mean MetadataProperties"
            " or CustomerMetadataProperties?",
        ),
        "another type's": ({"VpcConfig": 1}, "it is one of AWS::SageMaker::Model"),
        "a function": ({"Fn::If": 1}, "functions are for templates"),
        "few others": ({"Tags": [{"team": 1}]}, "what there is here: Key, Value"),
        "nothing": ({"Qqqqqq": 1}, "there is nothing like it, so leave it out"),
    },
)
def test_unknown_advises_on_a_name(given: dict[str, Any], advice: str) -> None:
    assert f"{UNKNOWN} {advice}" in refused(given)


def test_unknown_does_not_offer_the_services_properties() -> None:
    assert "did you mean ModelPackageVersion?" not in refused({"ModelPackageVersionn": 1})
    assert "did you mean CreationTime?" not in refused({"CreationTimes": 1})


def test_unknown_cuts_a_long_name() -> None:
    assert refused({"U" * 100_000: 1}).startswith(f"{'U' * 64}... {UNKNOWN}")


@pytest.mark.parametrize(
    ("value", "known", "meant"),
    [
        ("approved", ("Approved", "Rejected"), "Approved"),
        ("pending-manual-approval", ("Approved", "PendingManualApproval"), "PendingManualApproval"),
        ("Pending", ("Approved", "PendingManualApproval"), "PendingManualApproval"),
        ("Aproved", ("Approved", "Rejected"), "Approved"),
        ("Prefix", ("S3Prefix", "S3Object"), "S3Prefix"),
        ("GZIP", ("None", "Gzip"), "Gzip"),
        ("whatever", ("None", "Gzip"), None),
        ("", ("None", "Gzip"), None),
        ("---", ("None", "Gzip"), None),
    ],
)
def test_did_you_mean(value: str, known: tuple[str, ...], meant: str | None) -> None:
    assert messages.did_you_mean(value, known) == (f"; did you mean {meant}?" if meant else "")


@table(
    "given, advice",
    {
        "Ref": ({"Task": {"Ref": "Task"}}, "Task must be a string, not an object: functions are for"),
        "If": ({"Tags": {"Fn::If": []}}, "Tags must be a list, not an object: functions are for"),
        "one text for a list": (
            {"InferenceSpecification": {"SupportedContentTypes": "text/csv"}},
            "must be a list, not a string: put it in brackets, or a hyphen before it",
        ),
        "one object for a list": (
            {"InferenceSpecification": {"Containers": {"Image": "i"}}},
            "must be a list, not an object: put a hyphen before its first line, or brackets around it",
        ),
        "JSON for an object": ({"ModelCard": '{"a": 1}'}, "write the object itself, not JSON in a string"),
        "an object for JSON": (
            {"ModelCard": {"ModelCardContent": {}}},
            "must be a string, not an object: write its JSON in one string, as Fn::ToJsonString makes it",
        ),
        "a text for an object": (
            {"InferenceSpecification": {"Containers": ["i"]}},
            "must be an object, not a string: it has ContainerHostname, Image,",
        ),
        "a list for a map": (
            {"CustomerMetadataProperties": [{"Key": "a"}]},
            "must be an object, not a list: write KEY: VALUE, without hyphens",
        ),
    },
)
def test_wrong_kind_advises_how_to_write_it(given: dict[str, Any], advice: str) -> None:
    assert advice in refused(given)


def test_synonyms_are_of_members_that_exist() -> None:
    names = {place.path[-1] for place in recast.places()} | {translate.ENVIRONMENT}
    assert set(messages._SYNONYMS.values()) - names == set()


# --- where advice leads -----------------------------------------------------------------------------

# The members of each object of the schema, by its path.
OBJECTS: dict[tuple[str, ...], list[str]] = {}
for each in recast.places():
    OBJECTS.setdefault(each.path[:-1], []).append(each.path[-1])


def variants(name: str) -> set[str]:
    """A member's name, its singular, its plural, and what else may be written for it."""
    synonyms = {each for each, meant in messages._SYNONYMS.items() if meant == name}
    return {name, f"{name.removesuffix('s')}s", name.removesuffix("s"), name[0].lower() + name[1:], *synonyms}


def misplaced() -> dict[str, tuple[tuple[str, ...], str]]:
    """Objects and the names of members that they do not have, by what happened to the member."""
    cases: dict[str, tuple[tuple[str, ...], str]] = {}

    def add(what: str, keys: tuple[str, ...], name: str) -> None:
        # No message offers the deprecated properties at the top, which are allowed all the same.
        if name not in OBJECTS[keys] and (keys or name not in recast._DEPRECATED):
            cases[f"{what}: {'.'.join((*keys, name))}"] = (keys, name)

    for keys, members in OBJECTS.items():
        for around in set(keys) - {messages.ITEM}:
            for name in variants(around):
                add("wrapped", keys, name)
        for name in members:
            for inner in (inner for inner in OBJECTS if inner[: len(keys)] == keys and inner != keys):
                add("too deep", inner, name)
            for length in range(len(keys)):
                if keys[:length] in OBJECTS:
                    add("too shallow", keys[:length], name)
    return cases


MISPLACED = misplaced()
IN = r"at the top of the properties|in (\S+?)(?: or (\S+?))?(?=\?|$)"


def led_to(where: str, name: str, advice: str) -> list[str]:
    """The paths to which advice about a member of an object leads."""

    def below(place: str | None, member: str) -> str:
        return f"{place}.{member}" if place else member

    if match := re.fullmatch(rf"it belongs (?:{IN})", advice):
        return [below(place, name) for place in match.groups() if place] or [name]
    if match := re.fullmatch(rf"did you mean (\w+), (?:{IN})\?", advice):
        return [below(place, match[1]) for place in match.groups()[1:] if place] or [match[1]]
    if match := re.fullmatch(r"did you mean (.+)\?", advice):
        return [below(where, each) for each in match[1].split(" or ")]
    if match := re.fullmatch(r"what there is here: (.+?)(, \.\.\.)?", advice):
        return [below(where, each) for each in match[1].split(", ")]
    assert advice == "there is nothing like it, so leave it out", advice or name
    return []


def given(keys: tuple[str, ...], value: Any) -> Any:
    """Properties with a value at a path of the schema."""
    for key in reversed(keys):
        value = [value] if key == messages.ITEM else {key: value}
    return value


@cache
def advice_on(keys: tuple[str, ...], name: str) -> tuple[str, str]:
    """The path of the object in the message about a member, and the advice."""
    path, _, advice = refused(given(keys, {name: 1})).partition(f" {UNKNOWN} ")
    return path.removesuffix(name).removesuffix("."), advice


@untraced
def test_unknown_never_leads_back_to_where_one_is() -> None:
    known = {
        "".join("[0]" if key == messages.ITEM else f".{key}" for key in each.path)[1:]
        for each in recast.places()
    }
    assert len(MISPLACED) > 1000
    back, unheard = [], []
    for case, (keys, name) in MISPLACED.items():
        where, advice = advice_on(keys, name)
        around = {where, *(where[: match.start()] for match in re.finditer(r"[.\[]", where))} - {""}
        targets = led_to(where, name, advice)
        back += [f"{case}: {advice}" for target in targets if target in around or target == f"{where}.{name}"]
        unheard += [f"{case}: {advice}" for target in targets if target not in known]
    assert back == []
    assert unheard == []


def test_unknown_names_what_can_be_in_a_wrapped_property() -> None:
    wrapped = [(keys, keys[-1 - (keys[-1] == messages.ITEM)]) for keys in OBJECTS if keys]
    assert len(wrapped) > 40
    for keys, own in wrapped:
        for name in variants(own) - {*OBJECTS[keys]}:
            members = OBJECTS[keys]
            shown = ", ".join(members[:8]) + (", ..." if len(members) > 8 else "")
            assert (name, advice_on(keys, name)[1]) == (name, f"what there is here: {shown}")


@untraced
def test_unknown_leads_a_level_up_or_down() -> None:
    """A member that only one object can have is led to it, from wherever it was put."""
    only = {name: keys for keys, members in OBJECTS.items() for name in members}
    unique = {name for name in only if sum(name in members for members in OBJECTS.values()) == 1}
    led = {
        case: led_to(advice_on(keys, name)[0], name, advice_on(keys, name)[1])
        for case, (keys, name) in MISPLACED.items()
        if name in unique and name not in keys
    }
    assert len(led) > 500
    assert [case for case, targets in led.items() if len(targets) != 1] == []


@pytest.mark.parametrize(
    ("properties", "advice"),
    [
        (
            {"DriftCheckBaselines": {"Baselines": []}},
            "what there is here: Bias, Explainability, ModelQuality, ModelDataQuality",
        ),
        (
            {"ModelMetrics": {"Metrics": {}}},
            "what there is here: ModelQuality, ModelDataQuality, Bias, Explainability",
        ),
        ({"Properties": {"Task": "x"}}, "they are here already, so leave out this level"),
    ],
)
def test_unknown_advises_on_a_level_too_many(properties: dict[str, Any], advice: str) -> None:
    assert refused(properties).endswith(f" {UNKNOWN} {advice}")


@pytest.mark.parametrize("name", ["Containers", "SupportedContentTypes", "Items"])
def test_wrong_kind_advises_on_a_list_with_a_name_before_it(name: str) -> None:
    property_name = name if name != "Items" else "Containers"
    message = refused({"InferenceSpecification": {property_name: {name: []}}})
    assert message.endswith("must be a list, not an object: write the list itself, without a name before it")


# --- all in one message -----------------------------------------------------------------------------


def problems(*texts: str) -> list[messages.Problem]:
    return [messages.Problem((None, f"P{number}"), text) for number, text in enumerate(texts)]


def shown(*texts: str) -> str:
    with pytest.raises(InvalidRequest) as failure:
        messages.refuse(problems(*texts))
    return str(failure.value)


def test_refuse_shows_short_problems_whole() -> None:
    assert shown("is wrong", "is bad") == "2 problems: (1) P0 is wrong (2) P1 is bad"
    messages.refuse([])


def test_refuse_cuts_the_longest_at_a_word_so_that_all_are_shown() -> None:
    message = shown("one two " * 400, "is bad", *["three, four " * 200] * 4)
    assert re.fullmatch(
        r"6 problems: \(1\) P0 (one two )+(one|one two)\.\.\. \(2\) P1 is bad"
        r"( \(\d\) P\d (three, four )+three(, four)?\.\.\.){4}",
        message,
    )
    assert messages.MAX_PROBLEMS_CHARACTERS - 60 < len(message) <= messages.MAX_PROBLEMS_CHARACTERS


def test_refuse_cuts_a_single_word() -> None:
    message = shown("x" * 3000, "is bad")
    assert re.fullmatch(r"2 problems: \(1\) P0 x+\.\.\. \(2\) P1 is bad", message)
    assert len(message) == messages.MAX_PROBLEMS_CHARACTERS


def test_refuse_counts_only_what_does_not_fit() -> None:
    texts = ["is required and missing", *["must be one of many, many known values"] * 40]
    message = shown(*texts)
    assert message.startswith("41 problems: (1) P0 is required and missing (2) P1 must be one of many...")
    count = message.count("must be one of") + 1
    assert message.endswith(f" and {41 - count} more")
    another = len(f" ({count + 1}) P{count} ") + messages.MIN_TEXT_CHARACTERS
    words_cut_off = 4 * count
    assert len(message) <= messages.MAX_PROBLEMS_CHARACTERS < len(message) + words_cut_off + another


def test_refuse_shows_ten_ordinary_faults() -> None:
    faults = {
        "Domian": "x",
        "Task": ["x"],
        "SourceUri": {"Ref": "Bucket"},
        "ModelCard": "x",
        "InferenceSpecification": {
            "Containers": [{"Imag": "x", "ModelDataUrl": None, "Enviroment": {}}],
            "ContentTypes": ["text/csv"],
        },
        "Tags": [{"Key": "a", "Name": "b"}],
        "SkipModelValidation": {},
    }
    message = refused(faults)
    paths = [
        *("Domian", "Task", "SourceUri", "ModelCard", "Tags[0].Name", "SkipModelValidation"),
        *(f"InferenceSpecification.Containers[0].{name}" for name in ("Imag", "ModelDataUrl", "Enviroment")),
        "InferenceSpecification.ContentTypes",
    ]
    assert message.startswith("10 problems: ")
    assert all(re.search(rf" \(\d+\) {re.escape(path)} (is|must) ", message) for path in paths)
    assert len(message) <= messages.MAX_PROBLEMS_CHARACTERS


def test_refuse_shows_a_single_problem_whole() -> None:
    assert shown("x" * 3000) == "P0 " + "x" * 3000


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("ModelPackageGroup", ["ModelPackageGroupName"]),
        ("modelPackageGroupName", ["ModelPackageGroupName"]),
        ("ModelPackageGrupName", ["ModelPackageGroupName"]),
        ("Domian", ["Domain"]),
        ("Unheard", []),
    ],
)
def test_meant(name: str, known: list[str]) -> None:
    assert messages.meant(name, OBJECTS[()]) == known
