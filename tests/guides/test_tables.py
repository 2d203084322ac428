"""The tables and the picture in the guides, compared with schema and code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from cloudformation_cli_python_lib.exceptions import NotUpdatable
from cloudformation_cli_python_lib.interface import HandlerErrorCode

from aws_sagemaker_modelpackage import changes, errors, handlers, removals, timing
from packager import registration
from packager.project import PACKAGE, ROOT
from sandbox.shared.settings import REGION
from tests.guides.pages import GUIDES, Row, check_rows, quoted, rows
from tests.property_values import CHANGED, CONTAINERS, NOT_PLANNED, REPLACED
from tests.test_layout import imports

SCHEMA = json.loads((ROOT / "aws-sagemaker-modelpackage.json").read_text(encoding="utf-8"))
PICTURE = ROOT / "guides" / "request.svg"
Json = dict[str, Any]


# --- every guide ------------------------------------------------------------------------------------


@pytest.mark.parametrize("guide", GUIDES)
def test_guide_opens_with_its_readers_and_a_link_to_the_others(guide: str) -> None:
    opening = GUIDES[guide].split("\n## ")[0]
    assert re.match(r"# .+\n\nFor ", opening)
    assert "[All guides](../README.md#guides)." in opening


def parts_of_the_torture() -> set[str]:
    """What can stand behind `make torture-`."""
    return {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "torture").glob("test_*.py")}


@pytest.mark.parametrize("guide", GUIDES)
def test_guide_names_existing_make_targets(guide: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.* ## ", makefile, re.MULTILINE))
    # One part of the torture has the name of its tests.
    targets |= {f"torture-{each}" for each in parts_of_the_torture()}
    targets_named = re.findall(r"(?:^|`)make ([a-z_-]+)", GUIDES[guide], re.MULTILINE)
    assert [each for each in targets_named if each not in targets] == []


# --- properties -------------------------------------------------------------------------------------

CLASSES = {
    "create-only": "createOnlyProperties",
    "conditional": "conditionalCreateOnlyProperties",
    "write-only": "writeOnlyProperties",
    "deprecated": "deprecatedProperties",
    "read-only": "readOnlyProperties",
}
PROPERTY_TABLE = ("property", "class", "a change", "create, read", "refused, and why")


def property_rows() -> dict[str, Row]:
    """Class, change, create and read, and refusals of each property."""
    body = rows("properties", *PROPERTY_TABLE)
    names = [quoted(row[0])[0] for row in body]
    assert sorted(names) == sorted(set(names))
    return dict(zip(names, (row[1:] for row in body), strict=True))


def test_property_table_has_the_classes_of_the_schema() -> None:
    table = {name: row[0] for name, row in property_rows().items()}
    classes: dict[str, list[str]] = {name: [] for name in SCHEMA["properties"]}
    for word, key in CLASSES.items():
        for pointer in SCHEMA[key]:
            classes[pointer.removeprefix("/properties/")].append(word)
    expected = {name: ", ".join(words) or "none" for name, words in classes.items()}
    check_rows("the classes in guides/properties.md", table, expected)


def test_property_table_changes_agree_with_the_classes() -> None:
    for name, (kind, change, *_) in property_rows().items():
        kinds = kind.split(", ")
        if "create-only" in kinds:
            assert change.startswith("replaced"), name
            assert "in place" not in change, name
        elif "conditional" in kinds:
            assert "replaced" in change, name
        elif "read-only" in kinds:
            assert change == "not for templates", name
        else:
            assert change.startswith(("in place", "ignored")), name
            assert "replaced" not in change, name


ARN = f"arn:aws:sagemaker:{REGION}:123456789012:model-package/fraud-detection/1"


def outcome(name: str, live_value: Any, desired_value: Any) -> str:
    """What the handlers do about a change, in the terms of the guide."""
    common: Json = {"InferenceSpecification": CONTAINERS}
    if name != "ModelPackageName":
        common["ModelPackageGroupName"] = "fraud-detection"
    live = {**common, "ModelPackageArn": ARN} | as_described(name, live_value)
    previous = common | ({} if live_value is None else {name: live_value})
    desired = common | ({} if desired_value is None else {name: desired_value})
    try:
        plan = changes.plan(desired, previous, live)
    except NotUpdatable:
        return "replaced"
    return "tried in place" if plan.probe else "in place" if plan.update else "nothing"


def as_described(name: str, value: Any) -> Json:
    """The members of a described package that has a property with this value."""
    if value is None:
        return {}
    if name.startswith("AdditionalInferenceSpecification"):
        return {"AdditionalInferenceSpecifications": value if isinstance(value, list) else [value]}
    return {name: value}


def stays(name: str, value: Any) -> bool:
    """Whether the message of an update names a value that the template has no more and the package keeps."""
    common: Json = {"InferenceSpecification": CONTAINERS, "ModelPackageGroupName": "fraud-detection"}
    live = {**common, "ModelPackageArn": ARN} | as_described(name, value)
    return name in removals.message(common, {**common, name: value}, live, {}, {}).split("stay")[0]


def test_property_table_changes_are_those_of_the_handlers() -> None:
    table = property_rows()
    decided = {name for name, row in table.items() if not row[1].startswith(("ignored", "not for"))}
    listed = CHANGED.keys() | NOT_PLANNED.keys()
    assert decided - listed == set(), "add two values to CHANGED in tests/property_values.py"
    assert listed - decided == set(), "take it out of tests/property_values.py"
    row = "is what the handlers do, not what its row in guides/properties.md begins with"
    for name, (live_value, desired_value) in CHANGED.items():
        done = outcome(name, live_value, desired_value)
        assert table[name][1].startswith(done), f"{name}: {done!r} {row}"
    for name, (live_value, desired_value) in REPLACED.items():
        assert outcome(name, live_value, desired_value) == "replaced", name
        assert "replaced" in table[name][1], name
    assert outcome("SourceUri", "s3://models/1/", "s3://models/2/") == "tried in place"


def test_property_table_says_what_stays() -> None:
    table = property_rows()
    # A create-only property that is taken out replaces the package in a stack; those of TOKENS leave with it.
    settable = [name for name in CHANGED if "create-only" not in table[name][0].split(", ")]
    staying = {name for name in settable if stays(name, CHANGED[name][1])}
    for name in staying:
        assert outcome(name, CHANGED[name][1], None) == "nothing", name
    link = "[stays](#what-a-removal-means)"
    linked = {name for name, row in table.items() if link in row[1]}
    # Its row says "like an entry of AdditionalInferenceSpecificationsToAdd".
    expected = staying - {"AdditionalInferenceSpecificationDefinition"}
    assert linked == expected, f"guides/properties.md: the rows of these must say `Taken out: {link}`"


def test_member_table_has_members_of_the_schema() -> None:
    table = [member for row in rows("properties", "member", "what to know") for member in quoted(row[0])]
    assert len(table) > 10
    for each in table:
        definition, _, member = each.partition(".")
        assert member in SCHEMA["definitions"][definition]["properties"], each


def test_evidence_words_are_explained_and_used() -> None:
    table = [row[0] for row in rows("properties", "grade", "what stands behind it")]
    cells = " ".join(" ".join(row) for row in rows("properties", *PROPERTY_TABLE))
    cells += " ".join(" ".join(row) for row in rows("properties", "member", "what to know"))
    assert [word for word in table if word != "inferred" and f"({word})" not in cells] == []
    used = re.findall(r"\((documented|seen word for word|recorded|relied on|inferred)\)", cells)
    assert set(used) <= set(table)


def container(**members: Any) -> Json:
    """A specification with one container."""
    return {"Containers": [{"Image": "image:1", **members}]}


# Templates that the handlers refuse, by the message.
REFUSED: dict[str, Json] = {
    "ModelPackageName and ModelPackageGroupName cannot both be set": {"ModelPackageName": "one"},
    "is not a property of this type; did you mean ...?": {"Domian": "OTHER"},
    "is null: leave the property out instead": {"Domain": None},
    "must be a list, not a string": {"AdditionalInferenceSpecifications": "one"},
    "has 51 entries and must have 50 at most": {
        "CustomerMetadataProperties": {f"key-{number}": "1" for number in range(51)}
    },
    "must be an address that begins with s3:// or https://": {"SamplePayloadUrl": "ftp://one"},
    "must be one of ...; did you mean ...?": {"ModelApprovalStatus": "approved"},
    "is not a property of this type; it belongs in InferenceSpecification.Containers[0]": {
        "ModelDataUrl": "s3://models/1/model.tar.gz"
    },
    "ModelPackageGroupName is the ARN of something else": {
        "ModelPackageGroupName": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/fraud"
    },
    "AdditionalInferenceSpecifications[1].Name is the name of another one as well": {
        "AdditionalInferenceSpecifications": [{"Name": "one", **CONTAINERS}] * 2
    },
    "AdditionalInferenceSpecificationsToAdd[0] has the name of AdditionalInferenceSpecifications[0] and other"
    " content": {
        "AdditionalInferenceSpecifications": [{"Name": "one", **CONTAINERS}],
        "AdditionalInferenceSpecificationsToAdd": [{"Name": "one", "Description": "other", **CONTAINERS}],
    },
    "AdditionalInferenceSpecificationsToAdd has 16 specifications together with"
    " AdditionalInferenceSpecifications and must have 15 at most": {
        name: [{"Name": f"{name}-{number}", **CONTAINERS} for number in range(8)]
        for name in ("AdditionalInferenceSpecifications", "AdditionalInferenceSpecificationsToAdd")
    },
    "InferenceSpecification.Containers[0].AdditionalS3DataSource is not allowed in InferenceSpecification": {
        "InferenceSpecification": container(
            AdditionalS3DataSource={"S3DataType": "S3Object", "S3Uri": "s3://models/more"}
        )
    },
    "InferenceSpecification.Containers[0].ModelDataSource cannot be set on an unversioned package": {
        "ModelPackageGroupName": None,
        "InferenceSpecification": container(ModelDataSource={}),
    },
    "InferenceSpecification.SupportedTransformInstanceTypes is required on an unversioned package": {
        "ModelPackageGroupName": None,
        "InferenceSpecification": CONTAINERS,
    },
    "is required and missing": {"ModelLifeCycle": {"Stage": "Development"}},
    "Environment cannot be set on an unversioned package": {
        "ModelPackageGroupName": None,
        "InferenceSpecification": CONTAINERS,
        "Environment": {"WORKERS": "2"},
    },
    "ApprovalDescription cannot be set on an unversioned package": {
        "ModelPackageGroupName": None,
        "ApprovalDescription": "fine",
    },
    "SourceUri cannot be set on an unversioned package": {
        "ModelPackageGroupName": None,
        "SourceUri": "s3://models/1/",
    },
    "SageMaker takes no tags on a version of a model package group": {"Tags": [{"Key": "a", "Value": "1"}]},
    "Tags[1].Key occurs twice with different values": {
        "Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    },
}


def test_refusal_table_has_the_messages_of_the_handlers() -> None:
    messages = [each for row in rows("properties", "what", "message") for each in quoted(row[1])]
    assert sorted(messages) == sorted(REFUSED)
    event = json.loads((ROOT / "sam-tests" / "create.json").read_text(encoding="utf-8"))
    for message, wrong in REFUSED.items():
        given = {"ModelPackageGroupName": "fraud-detection", **wrong}
        if given["ModelPackageGroupName"] is None:
            del given["ModelPackageGroupName"]
        event["request"]["desiredResourceState"] = given
        answer = handlers.test_entrypoint(event, None)
        assert answer["errorCode"] == "InvalidRequest", message
        assert re.search(re.escape(message).replace(re.escape("..."), ".+"), answer["message"]), answer[
            "message"
        ]


# --- operations -------------------------------------------------------------------------------------


def test_code_table_has_every_code_of_the_handlers() -> None:
    table = {
        quoted(row[0])[0]: row[1]
        for row in rows("operations", "code", "tried again", "what it means here", "what to do")
    }
    known = {rule.means for rule in errors.RULES} | {code for _, code in errors.SDK_RULES}
    known |= {HandlerErrorCode.GeneralServiceException, HandlerErrorCode.InternalFailure}
    known |= {HandlerErrorCode.NotStabilized, HandlerErrorCode.NotUpdatable}
    # Credentials are nothing CloudFormation tries again, only something that the next poll has anew.
    again = errors.PASSING - {HandlerErrorCode.InvalidCredentials}
    expected = {code.name: "yes" if code in again else "no" for code in known}
    check_rows("the codes in guides/operations.md", table, expected)


def test_message_table_has_messages_of_the_code() -> None:
    joined = "\n".join(
        re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))
        for folder in (PACKAGE, ROOT / "sandbox")
        for path in sorted(folder.glob("**/*.py"))
    )
    table = " ".join(row[0] for row in rows("operations", "what you see", "what it means, and what to do"))
    for message in (
        "returned this ARN but does not know it",
        "accepted the delete but the package stays",
        "is not a property of this type",
        "SageMaker may have registered the package all the same",
        "is half changed",
        "SageMaker cannot remove ",
        "changed outside the template since: ",
        "ClientToken brought back ",
        "SageMaker replaced the InferenceSpecification by that of SourceUri",
        "has no Python at ",
    ):
        assert message in table
        assert message in joined


def test_permission_table_has_a_reason_for_each_of_the_schema() -> None:
    body = rows("operations", "permission", "handlers", "reason")
    table = {
        (permission, handler)
        for permissions, names, _ in body
        for permission in quoted(permissions)
        for handler in names.split(", ")
    }
    needed = {
        (permission, name)
        for name, handler in SCHEMA["handlers"].items()
        for permission in handler["permissions"]
    }
    assert table == needed, f"the permissions in guides/operations.md: {sorted(table ^ needed)}"
    assert all(reason for *_, reason in body)


def role() -> Json:
    """The template of the execution role."""
    loaded: Json = yaml.safe_load((ROOT / "execution-role.yaml").read_text(encoding="utf-8"))
    return loaded


def test_role_parameters_are_explained() -> None:
    header = (
        "parameter of execution-role.yaml",
        "what to give; of ARNs several, with commas between them",
        "without it",
    )
    assert sorted(quoted(row[0])[0] for row in rows("operations", *header)) == sorted(role()["Parameters"])


def test_parameters_of_the_registration_are_explained() -> None:
    own, logging = (
        yaml.safe_load(path.read_text(encoding="utf-8"))["Parameters"]
        for path in (registration.OWN_PART, registration.LOGGING)
    )
    # Those of the roles have a table of their own.
    own |= {name: each for name, each in logging.items() if name not in role()["Parameters"]}
    table = {
        name: without
        for names, _, without in rows("organisation", "parameter", "what to give", "without it")
        for name in quoted(names)
    }
    assert table.keys() == own.keys(), (
        "the parameters of packager/registration.yaml in guides/organisation.md"
    )
    for name, parameter in own.items():
        assert (table[name] == "required") is ("Default" not in parameter), name
    assert table["LogRetentionDays"] == str(own["LogRetentionDays"]["Default"])


def test_alarm_table_has_the_alarms_with_their_defaults() -> None:
    template = yaml.safe_load((ROOT / "alarms.yaml").read_text(encoding="utf-8"))
    table = {
        quoted(row[0])[0]: row[1]
        for row in rows("operations", "alarm of alarms.yaml", "goes off", "what to do")
    }
    assert sorted(table) == sorted(template["Resources"])
    for name, alarm in template["Resources"].items():
        threshold = alarm["Properties"]["Threshold"]
        if threshold == 0:
            assert "at the first" in table[name]
        else:
            default = template["Parameters"][threshold["Ref"]]["Default"]
            assert f"over `{threshold['Ref']}` ({default}) " in table[name]


def test_limit_table_has_the_limits_of_schema_and_code() -> None:
    table = {
        row[0]: row[1] for row in rows("operations", "limit", "value", "whose, and what happens beyond it")
    }
    properties, definitions = SCHEMA["properties"], SCHEMA["definitions"]
    container = definitions["ModelPackageContainerDefinition"]["properties"]
    assert {handler.get("timeoutInMinutes") for handler in SCHEMA["handlers"].values()} == {None, 2160}
    expected = {
        "packages in an account and Region": "your quota",
        "tags of an unversioned package": str(properties["Tags"]["maxItems"]),
        "additional inference specifications of a package": str(changes.MAX_SPECIFICATIONS),
        "keys in `CustomerMetadataProperties`": str(
            properties["CustomerMetadataProperties"]["maxProperties"]
        ),
        "containers in a specification": str(
            definitions["InferenceSpecification"]["properties"]["Containers"]["maxItems"]
        ),
        "environment variables of a container": str(container["Environment"]["maxProperties"]),
        "validation profiles": str(
            definitions["ValidationSpecification"]["properties"]["ValidationProfiles"]["maxItems"]
        ),
        "characters of a model card": format(
            definitions["ModelCard"]["properties"]["ModelCardContent"]["maxLength"], ","
        ),
        "create, update and delete": f"{timing.MAX_OPERATION_SECONDS / 3600:.0f} hours",
        "one invocation": f"{timing.MAX_INVOCATION_SECONDS + timing.FINAL_TELEMETRY_SECONDS:.0f} seconds",
        "registered versions in an account and Region": "50",
    }
    check_rows("the limits in guides/operations.md", table, expected)


# --- architecture -----------------------------------------------------------------------------------


def modules() -> list[Path]:
    """The modules of the handler package."""
    return [path for path in sorted(PACKAGE.glob("*.py")) if path.stem != "__init__"]


def test_module_table_has_the_imports_of_the_code() -> None:
    table = {
        quoted(name)[0]: set(quoted(arrows))
        for name, _, arrows in rows("architecture", "module", "holds", "imports")
    }
    expected = {path.stem: imports(path) for path in modules()}
    check_rows("the modules in guides/architecture.md", table, expected)


def test_time_table_has_the_values_of_the_code() -> None:
    for what, value, name in rows("architecture", "what", "value", "name"):
        assert float(value.removesuffix(" s")) == getattr(timing, quoted(name)[0]), what


def test_sandbox_table_names_existing_files() -> None:
    table = [path for row in rows("architecture", "AWS's part", "here") for path in quoted(row[1])]
    assert [path for path in table if not (ROOT / path).exists()] == []


def test_picture_is_accessible_and_names_every_module() -> None:
    picture = ElementTree.parse(PICTURE).getroot()  # noqa: S314 - our own file
    space = "{http://www.w3.org/2000/svg}"
    labels = [picture.find(f"{space}{name}") for name in ("title", "desc")]
    assert picture.get("role") == "img"
    assert picture.get("aria-labelledby") == " ".join(
        str(each.get("id")) for each in labels if each is not None
    )
    assert all(each is not None and each.text and each.text.strip() for each in labels)
    drawn = " ".join("".join(each.itertext()) for each in picture.iter(f"{space}text"))
    style = picture.find(f"{space}style")
    assert style is not None
    light, _, dark = str(style.text).partition("prefers-color-scheme: dark")
    # In the dark scheme the ground, and everything that has a colour, has another one.
    coloured = re.compile(r"^\s*(\.?[a-z]+) \{[^}]*#", re.MULTILINE)
    assert set(coloured.findall(light)) == set(coloured.findall(dark))
    for path in modules():
        if path.stem != "models":
            assert re.search(rf"\b{path.stem}\b", drawn), path.stem
    for folder in re.findall(r"sandbox/\w+", drawn):
        assert (ROOT / folder).exists() or (ROOT / f"{folder}.py").exists(), folder


# --- comparison -------------------------------------------------------------------------------------


def test_comparison_has_a_date_and_citations() -> None:
    text = GUIDES["comparison"]
    assert "As of November 2026." in text
    table = rows("comparison", "", "this type", "AWS's own type", "Terraform awscc", "ACK", "StackQL")
    # Each cell about another type has a citation, refers to the one about AWS's type, or is a plain no.
    plain = re.compile(
        r"as AWS's own|no\b|not verified|AWS\b|you\b|the cluster|nothing$|Terraform and its state"
    )
    uncited = [
        (row[0], cell) for row in table for cell in row[2:] if "][" not in cell and not plain.match(cell)
    ]
    assert uncited == []
    for other in ("AWS's own type", "Terraform awscc", "ACK, the SageMaker", "StackQL"):
        section = text.split(f"\n## {other}")[1].split("\n## ")[0]
        assert section.count("][") >= 3, other
