"""What the guides say: their tables against schema and code, their links, and every command in them, run.

Commands run in a real shell. `aws`, which need not be installed, is a script that hands its arguments to this
process. Here they become the API call the AWS CLI would make, against the local AWS; in the blocks that begin
with "# In an account" they are held against the API's description.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jmespath  # type: ignore[import-untyped]
import pytest
import yaml
from botocore import xform_name
from botocore.session import Session
from botocore.validate import ParamValidator
from cloudformation_cli_python_lib.exceptions import NotUpdatable
from cloudformation_cli_python_lib.interface import HandlerErrorCode

from aws_sagemaker_modelpackage import changes, errors, handlers, timing
from packager.project import PACKAGE, ROOT, TypeName
from sandbox.local_aws import Sandbox
from sandbox.shared.api_validation import check
from sandbox.shared.clients import environment
from sandbox.shared.http import JsonHandler, LocalServer
from sandbox.shared.processes import clean_environment
from sandbox.shared.settings import CREDENTIALS, REGION
from sandbox.state_file import STATE_VARIABLE, RunningSandbox, StateFile
from tests.test_layout import imports

SCHEMA = json.loads((ROOT / "aws-sagemaker-modelpackage.json").read_text(encoding="utf-8"))
GUIDES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "guides").glob("*.md"))}
PICTURE = ROOT / "guides" / "request.svg"
# The type that the guides register, and where its project is built.
NAMED = TypeName.registrable("Acme::SageMaker::ModelPackage")

Json = dict[str, Any]
Row = tuple[str, ...]


def rows(guide: str, *header: str) -> list[Row]:
    """The cells of every table of a guide that has this header."""
    found: list[Row] = []
    ours = False
    for line in GUIDES[guide].splitlines():
        cells = tuple(cell.strip() for cell in line.strip("|").split(" | ")) if line.startswith("|") else ()
        if not cells:
            ours = False
        elif cells == header:
            ours = True
        elif ours and set("".join(cells)) - set("-| "):
            found.append(cells)
    assert found, header
    assert {len(row) for row in found} == {len(header)}
    return found


def quoted(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


# --- text and links ---------------------------------------------------------------------------------


def slug(heading: str) -> str:
    """The anchor that a heading has."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """The anchors of a page of Markdown."""
    return {slug(each) for each in re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)}


def prose(guide: str) -> str:
    """A guide without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", GUIDES[guide], flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_link_leads_somewhere(guide: str) -> None:
    text = prose(guide)
    definitions = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", text, re.MULTILINE))
    used = set(re.findall(r"\]\[([^\]]+)\]", text))
    assert used == set(definitions)
    inline = re.findall(r"\]\(([^)]+)\)", text)
    assert [link for link in definitions.values() if not link.startswith("https://")] == []
    broken = []
    for link in inline:
        assert "://" not in link, "links to elsewhere are named at the end of a guide"
        path, _, anchor = link.partition("#")
        page = ROOT / "guides" / path if path else ROOT / "guides" / f"{guide}.md"
        if not page.exists() or (anchor and anchor not in anchors(page)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_says_whom_it_is_for_and_links_to_the_others(guide: str) -> None:
    opening = GUIDES[guide].split("\n## ")[0]
    assert re.match(r"# .+\n\nFor ", opening)
    assert "[All guides](../README.md#guides)." in opening


@pytest.mark.parametrize("guide", GUIDES)
def test_lines_are_of_the_length_that_the_other_documents_have(guide: str) -> None:
    long = [
        line
        for line in GUIDES[guide].splitlines()
        if len(line) > 118 and not line.startswith(("|", "[", "!["))
    ]
    assert long == []


def parts_of_the_torture() -> set[str]:
    """What can stand behind `make torture-`."""
    return {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "torture").glob("test_*.py")}


@pytest.mark.parametrize("guide", GUIDES)
def test_what_it_says_of_make_are_targets_that_there_are(guide: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.* ## ", makefile, re.MULTILINE))
    # One part of the torture has the name of its tests.
    targets |= {f"torture-{each}" for each in parts_of_the_torture()}
    told = re.findall(r"(?:^|`)make ([a-z_-]+)", GUIDES[guide], re.MULTILINE)
    assert [each for each in told if each not in targets] == []


# --- properties -------------------------------------------------------------------------------------

CLASSES = {
    "create-only": "createOnlyProperties",
    "conditional": "conditionalCreateOnlyProperties",
    "write-only": "writeOnlyProperties",
    "deprecated": "deprecatedProperties",
    "read-only": "readOnlyProperties",
}
PROPERTY_TABLE = ("property", "class", "a change", "create, read", "refused, and why")


def told_of_properties() -> dict[str, Row]:
    """Class, change, create and read, and refusals of each property."""
    found = rows("properties", *PROPERTY_TABLE)
    names = [quoted(row[0])[0] for row in found]
    assert sorted(names) == sorted(set(names))
    return dict(zip(names, (row[1:] for row in found), strict=True))


def test_every_property_is_told_once_with_the_classes_it_has_in_the_schema() -> None:
    told = {name: row[0] for name, row in told_of_properties().items()}
    classes: dict[str, list[str]] = {name: [] for name in SCHEMA["properties"]}
    for word, key in CLASSES.items():
        for pointer in SCHEMA[key]:
            classes[pointer.removeprefix("/properties/")].append(word)
    assert told == {name: ", ".join(found) or "none" for name, found in classes.items()}


def test_what_is_said_of_a_change_agrees_with_the_class() -> None:
    for name, (kind, change, *_) in told_of_properties().items():
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
CONTAINERS = {"Containers": [{"Image": "image:1"}]}
STAGE = {"Stage": "Development", "StageStatus": "InProgress"}
# A live value, none for a property that is not set, and the value that the template has now.
CHANGED: dict[str, tuple[Any, Any]] = {
    "ModelPackageName": ("one", "another"),
    "ModelPackageDescription": ("one", "another"),
    "Domain": ("one", "another"),
    "Task": ("one", "another"),
    "SamplePayloadUrl": ("s3://one/1.tar.gz", "s3://one/2.tar.gz"),
    "InferenceSpecification": (CONTAINERS, {"Containers": [{"Image": "image:2"}]}),
    "ValidationSpecification": (None, {"ValidationRole": "role", "ValidationProfiles": []}),
    "SourceAlgorithmSpecification": (None, {"SourceAlgorithms": [{"AlgorithmName": "one"}]}),
    "MetadataProperties": ({"CommitId": "1"}, {"CommitId": "2"}),
    "ModelMetrics": (None, {"Bias": {}}),
    "DriftCheckBaselines": (None, {"Bias": {}}),
    "SecurityConfig": (None, {"KmsKeyId": "key"}),
    "ManagedStorageType": (None, "Restricted"),
    "SkipModelValidation": (None, "All"),
    "CertifyForMarketplace": (None, True),
    "AdditionalInferenceSpecifications": (None, [{"Name": "more", **CONTAINERS}]),
    "AdditionalInferenceSpecificationsToAdd": (None, [{"Name": "more", **CONTAINERS}]),
    "AdditionalInferenceSpecificationDefinition": (None, {"Name": "more", **CONTAINERS}),
    "Environment": (None, {"WORKERS": "2"}),
    "SourceUri": (None, "s3://models/1/"),
    "ModelApprovalStatus": ("PendingManualApproval", "Approved"),
    "ApprovalDescription": (None, "Signed off"),
    "ModelCard": ({"ModelCardStatus": "Draft"}, {"ModelCardStatus": "Approved"}),
    "ModelLifeCycle": (STAGE, {**STAGE, "StageStatus": "Approved"}),
    "ModelPackageRegistrationType": ("Logged", "Registered"),
    "CustomerMetadataProperties": ({"owner": "risk"}, {"owner": "fraud"}),
}
# What only a template has, so that no update can meet a change of it, or what is compared elsewhere.
NOT_PLANNED = {
    "ClientToken": "CloudFormation replaces without asking",
    "ModelPackageGroupName": "a name and an ARN have to be told apart: tests/unit/test_changes.py",
    "Tags": "tests/unit/test_tags.py",
}
# A conditional property whose other changes replace; the first word is of the change in the table above.
REPLACED = {
    "AdditionalInferenceSpecifications": ([{"Name": "more", **CONTAINERS}], None),
    "SourceUri": ("s3://models/1/", None),
    "ModelCard": ({"ModelCardStatus": "Draft"}, None),
    "ModelLifeCycle": (STAGE, None),
    "ModelPackageRegistrationType": ("Logged", None),
}


def outcome(name: str, before: Any, after: Any) -> str:
    """What the handlers do about a change, in the guide's words."""
    common: Json = {"InferenceSpecification": CONTAINERS}
    if name != "ModelPackageName":
        common["ModelPackageGroupName"] = "fraud-detection"
    live = {**common, "ModelPackageArn": ARN} | ({} if before is None else {name: before})
    previous = common | ({} if before is None else {name: before})
    desired = common | ({} if after is None else {name: after})
    try:
        plan = changes.plan(desired, previous, live)
    except NotUpdatable:
        return "replaced"
    return "tried in place" if plan.probe else "in place" if plan.update else "nothing"


def test_what_is_said_of_a_change_is_what_the_handlers_do() -> None:
    told = told_of_properties()
    decided = {name for name, row in told.items() if not row[1].startswith(("ignored", "not for"))}
    assert decided == CHANGED.keys() | NOT_PLANNED.keys()
    for name, (before, after) in CHANGED.items():
        assert told[name][1].startswith(outcome(name, before, after)), name
    for name, (before, after) in REPLACED.items():
        assert outcome(name, before, after) == "replaced", name
    assert outcome("SourceUri", "s3://models/1/", "s3://models/2/") == "tried in place"


def test_the_members_it_tells_of_are_in_the_schema() -> None:
    told = [member for row in rows("properties", "member", "what to know") for member in quoted(row[0])]
    assert len(told) > 10
    for each in told:
        definition, _, member = each.partition(".")
        assert member in SCHEMA["definitions"][definition]["properties"], each


def test_the_words_for_the_evidence_are_explained_and_used() -> None:
    told = [row[0] for row in rows("properties", "word", "what stands behind it")]
    cells = " ".join(" ".join(row) for row in rows("properties", *PROPERTY_TABLE))
    cells += " ".join(" ".join(row) for row in rows("properties", "member", "what to know"))
    assert [word for word in told if word != "inferred" and f"({word})" not in cells] == []
    used = re.findall(r"\((documented|seen word for word|recorded|relied on|inferred)\)", cells)
    assert set(used) <= set(told)


def container(**members: Any) -> Json:
    """A specification with one container."""
    return {"Containers": [{"Image": "image:1", **members}]}


# What a template gets wrong, under the words with which it is refused.
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
    "SourceUri cannot be set on an unversioned package": {
        "ModelPackageGroupName": None,
        "SourceUri": "s3://models/1/",
    },
    "SageMaker takes no tags on a version of a model package group": {"Tags": [{"Key": "a", "Value": "1"}]},
    "Tags[1].Key occurs twice with different values": {
        "Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    },
}


def test_the_words_of_each_refusal_are_those_the_handlers_say() -> None:
    told = [words for row in rows("properties", "what", "words") for words in quoted(row[1])]
    assert sorted(told) == sorted(REFUSED)
    event = json.loads((ROOT / "sam-tests" / "create.json").read_text(encoding="utf-8"))
    for words, wrong in REFUSED.items():
        given = {"ModelPackageGroupName": "fraud-detection", **wrong}
        if given["ModelPackageGroupName"] is None:
            del given["ModelPackageGroupName"]
        event["request"]["desiredResourceState"] = given
        answer = handlers.test_entrypoint(event, None)
        assert answer["errorCode"] == "InvalidRequest", words
        assert re.search(re.escape(words).replace(re.escape("..."), ".+"), answer["message"]), answer[
            "message"
        ]


# --- operations -------------------------------------------------------------------------------------


def test_every_code_that_the_handlers_answer_with_is_explained() -> None:
    told = {
        quoted(row[0])[0]: row[1]
        for row in rows("operations", "code", "tried again", "what it means here", "what to do")
    }
    known = {rule.means for rule in errors.RULES} | {code for _, code in errors.SDK_RULES}
    known |= {HandlerErrorCode.GeneralServiceException, HandlerErrorCode.InternalFailure}
    known |= {HandlerErrorCode.NotStabilized, HandlerErrorCode.NotUpdatable}
    # Credentials are nothing CloudFormation tries again, only something that the next look has anew.
    again = errors.PASSING - {HandlerErrorCode.InvalidCredentials}
    assert told == {code.name: "yes" if code in again else "no" for code in known}


def test_the_messages_it_explains_are_those_of_the_code() -> None:
    joined = "\n".join(
        re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))
        for folder in (PACKAGE, ROOT / "sandbox")
        for path in sorted(folder.glob("**/*.py"))
    )
    told = " ".join(row[0] for row in rows("operations", "what you see", "what it means, and what to do"))
    for words in (
        "returned this ARN but does not know it",
        "accepted the delete but the package stays",
        "is not a property of this type",
        "SageMaker may have registered the package all the same",
        "is half changed",
        "SageMaker cannot remove additional specifications: ",
        "has no Python at ",
    ):
        assert words in told
        assert words in joined


def test_the_permissions_are_the_schemas_with_a_reason_for_each() -> None:
    found = rows("operations", "permission", "handlers", "reason")
    told = {
        (permission, handler)
        for permissions, names, _ in found
        for permission in quoted(permissions)
        for handler in names.split(", ")
    }
    needed = {
        (permission, name)
        for name, handler in SCHEMA["handlers"].items()
        for permission in handler["permissions"]
    }
    assert told == needed
    assert all(reason for *_, reason in found)


def role() -> Json:
    """The template of the execution role."""
    loaded: Json = yaml.safe_load((ROOT / "execution-role.yaml").read_text(encoding="utf-8"))
    return loaded


def test_the_roles_parameters_are_explained() -> None:
    header = (
        "parameter of execution-role.yaml",
        "what to give, as ARNs with commas between them",
        "without it",
    )
    assert sorted(quoted(row[0])[0] for row in rows("operations", *header)) == sorted(role()["Parameters"])


def test_the_limits_are_those_of_the_schema_and_the_code() -> None:
    told = {
        row[0]: row[1] for row in rows("operations", "limit", "value", "whose, and what happens beyond it")
    }
    properties, definitions = SCHEMA["properties"], SCHEMA["definitions"]
    container = definitions["ModelPackageContainerDefinition"]["properties"]
    assert {handler.get("timeoutInMinutes") for handler in SCHEMA["handlers"].values()} == {None, 2160}
    assert told == {
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
        "one invocation": f"{timing.MAX_INVOCATION_SECONDS:.0f} seconds",
        "registered versions in an account and Region": "50",
    }


# --- architecture -----------------------------------------------------------------------------------


def modules() -> list[Path]:
    """The modules of the handler package."""
    return [path for path in sorted(PACKAGE.glob("*.py")) if path.stem != "__init__"]


def test_the_modules_and_their_arrows_are_those_of_the_code() -> None:
    told = {
        quoted(name)[0]: set(quoted(arrows))
        for name, _, arrows in rows("architecture", "module", "knows alone", "imports")
    }
    assert told == {path.stem: imports(path) for path in modules()}


def test_the_times_are_those_of_the_code() -> None:
    for what, value, name in rows("architecture", "what", "value", "name"):
        assert float(value.removesuffix(" s")) == getattr(timing, quoted(name)[0]), what


def test_what_stands_in_for_aws_is_there() -> None:
    told = [path for row in rows("architecture", "AWS's part", "here") for path in quoted(row[1])]
    assert [path for path in told if not (ROOT / path).exists()] == []


def test_the_picture_is_readable_by_everybody_and_names_what_there_is() -> None:
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
    # Whoever reads in the dark gets a ground and colours of its own for everything that has one.
    coloured = re.compile(r"^\s*(\.?[a-z]+) \{[^}]*#", re.MULTILINE)
    assert set(coloured.findall(light)) == set(coloured.findall(dark))
    for path in modules():
        if path.stem != "models":
            assert re.search(rf"\b{path.stem}\b", drawn), path.stem
    for folder in re.findall(r"sandbox/\w+", drawn):
        assert (ROOT / folder).exists() or (ROOT / f"{folder}.py").exists(), folder


# --- comparison -------------------------------------------------------------------------------------


def test_the_comparison_has_a_date_and_cites() -> None:
    text = GUIDES["comparison"]
    assert "As of November 2026." in text
    table = rows("comparison", "", "this type", "AWS's own type", "Terraform awscc", "ACK", "StackQL")
    # What is said of others is cited, is no more than what is said of AWS's type, or is a plain no.
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


# --- commands: the AWS CLI --------------------------------------------------------------------------


# Options of the AWS CLI itself.
CLI_OPTIONS = {"query", "output", "region", "endpoint-url"}


@cache
def _session() -> Session:
    """For the descriptions of the APIs, which take long to read."""
    return Session()


class CommandFailed(Exception):
    """What the AWS CLI would end with."""


@dataclass
class Command:
    """A command of the AWS CLI, as the API call it makes."""

    service: str
    operation: str
    arguments: Json
    waiter: str = ""
    query: str = ""
    output: str = "json"

    @classmethod
    def parse(cls, words: list[str], folder: Path) -> Command:
        """Of the words behind `aws`; files are relative to the folder."""
        service, name, *rest = words
        session = _session()
        model = session.get_service_model(service)
        waiter = ""
        if name == "wait":
            waiter, *rest = rest
            data = session.get_component("data_loader").load_service_model(service, "waiters-2")
            operations = {
                xform_name(each, "-"): found["operation"] for each, found in data["waiters"].items()
            }
            operation = operations[waiter]
        else:
            operation = {xform_name(each, "-"): each for each in model.operation_names}[name]
        options: dict[str, list[str]] = {}
        for word in rest:
            if word.startswith("--"):
                last = options.setdefault(word.removeprefix("--"), [])
            else:
                last.append(word)
        own = {each: " ".join(options.pop(each)) for each in CLI_OPTIONS & options.keys()}
        shape: Any = model.operation_model(operation).input_shape
        by_option = {xform_name(each, "-"): each for each in shape.members}
        arguments = {
            by_option[option]: _value(shape.members[by_option[option]], given, folder)
            for option, given in options.items()
        }
        return cls(service, operation, arguments, waiter, own.get("query", ""), own.get("output", "json"))

    def shown(self, answer: Any) -> str:
        """An answer as the CLI prints it."""
        found = jmespath.search(self.query, answer) if self.query else answer
        if self.output == "text":
            return _text(found)
        return json.dumps(found, indent=4, default=str) if found not in (None, {}) else ""


def _value(shape: Any, given: list[str], folder: Path) -> Any:
    """An option's value as its shape has it."""
    if shape.type_name == "boolean":
        assert given == [], given
        return True
    if shape.type_name == "list":
        if len(given) == 1 and given[0].startswith("["):
            return json.loads(given[0])
        return [_value(shape.member, [each], folder) for each in given]
    (text,) = given
    if text.startswith("file://"):
        text = (folder / text.removeprefix("file://")).read_text(encoding="utf-8")
    if shape.type_name == "integer":
        return int(text)
    if shape.type_name == "structure":
        return (
            json.loads(text) if text.startswith("{") else dict(part.split("=", 1) for part in text.split(","))
        )
    return text


def _text(found: Any) -> str:
    if not isinstance(found, list):
        return str(found)
    if any(isinstance(each, list) for each in found):
        return "\n".join(map(_text, found))
    return "\t".join(map(str, found))


class LocalAws:
    """Makes the calls, against a running sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._clients: dict[str, Any] = {}

    def run(self, words: list[str], folder: Path) -> str:
        """What the command prints."""
        command = Command.parse(words, folder)
        if command.service not in self._clients:
            self._clients[command.service] = self._sandbox.client(command.service)
        client = self._clients[command.service]
        if command.waiter:
            waiter = client.get_waiter(command.waiter.replace("-", "_"))
            waiter.wait(**command.arguments, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
            return ""
        answer = getattr(client, xform_name(command.operation))(**command.arguments)
        answer.pop("ResponseMetadata", None)
        return command.shown(answer)

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()


class Account:
    """Makes no call: holds each one against the API's description, and answers with what the next needs."""

    ANSWERS: Mapping[str, Json] = {
        "DescribeStacks": {
            "Stacks": [
                {
                    "Outputs": [
                        {
                            "OutputKey": "ExecutionRoleArn",
                            "OutputValue": "arn:aws:iam::123456789012:role/acme",
                        }
                    ]
                }
            ]
        },
        "RegisterType": {"RegistrationToken": "11111111-2222-3333-4444-555555555555"},
        "DescribeTypeRegistration": {
            "TypeVersionArn": f"arn:aws:cloudformation:{REGION}:123456789012:type/resource/Acme/00000002"
        },
    }

    def __init__(self) -> None:
        self.made: list[str] = []

    def run(self, words: list[str], folder: Path) -> str:
        """What the command would print; CommandFailed when the API has no such call."""
        if words[:2] == ["cloudformation", "deploy"]:
            self._deploy(words[2:], folder)
            return ""
        if words[:2] == ["s3", "cp"]:
            assert (folder / words[2]).exists(), words
            assert words[3] == f"s3://BUCKET/{words[2]}"
            return ""
        command = Command.parse(words, folder)
        shape = _session().get_service_model(command.service).operation_model(command.operation).input_shape
        assert shape
        report = ParamValidator().validate(command.arguments, shape)
        assert not report.has_errors(), report.generate_report()
        check(command.operation, command.arguments, command.service)
        assert command.arguments.get("TypeName", NAMED.name) == NAMED.name
        if command.query:
            jmespath.compile(command.query)
        self.made.append(command.operation)
        return command.shown(self.ANSWERS.get(command.operation, {}))

    @staticmethod
    def _deploy(words: list[str], folder: Path) -> None:
        options: dict[str, list[str]] = {}
        for word in words:
            if word.startswith("--"):
                last = options.setdefault(word, [])
            else:
                last.append(word)
        assert set(options) == {"--stack-name", "--template-file", "--capabilities", "--parameter-overrides"}
        written = yaml.safe_load((folder / options["--template-file"][0]).read_text(encoding="utf-8"))
        assert "ExecutionRoleArn" in written["Outputs"]
        for given in options["--parameter-overrides"]:
            name, _, value = given.partition("=")
            assert re.fullmatch(written["Parameters"][name]["AllowedPattern"], value), name


@contextmanager
def serving(aws: LocalAws | Account) -> Iterator[str]:
    """Answer the `aws` script: its folder and its words come in, what it prints goes out."""

    class Handler(JsonHandler):
        def post(self) -> None:
            folder, *words = self.body().decode().removesuffix("\0").split("\0")
            try:
                status, said = 200, aws.run(words, Path(folder))
            except Exception as problem:  # the shell is told, and the test sees what it says
                status, said = 400, f"aws {' '.join(words)}: {problem!r}"
            self.answer(status, f"{said}\n".encode() if said else b"")

    with LocalServer(Handler) as server:
        yield server.endpoint


# --- commands: the blocks ---------------------------------------------------------------------------

ACCOUNT = "# In an account."


@dataclass(frozen=True)
class Block:
    """A fenced block of a guide."""

    guide: str
    heading: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.guide}: {self.heading} {self.number}"

    @property
    def for_an_account(self) -> bool:
        """Whether its commands need one."""
        return self.text.startswith(ACCOUNT)

    @property
    def is_of_make(self) -> bool:
        """Whether it is for make, whose targets take minutes: they are checked to be there."""
        return all(line.startswith("make ") for line in self.text.splitlines())


def blocks() -> list[Block]:
    """Every fenced block of the guides."""
    found = []
    for guide, text in GUIDES.items():
        assert set(re.findall(r"^```(\w*)$", text, re.MULTILINE)) <= {"sh", ""}
        for section in re.split(r"^(?=## )", text, flags=re.MULTILINE):
            heading = section.splitlines()[0].lstrip("# ")
            for number, block in enumerate(
                re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE), 1
            ):
                found.append(Block(guide, heading, number, block))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the commands run: all that is in the project, and what they write stays here."""
    work = tmp_path / "work"
    work.mkdir()
    for path in ROOT.iterdir():
        if path.name not in ("build", ".git"):
            (work / path.name).symlink_to(path)
    built = work / "build" / NAMED.hyphenated
    built.mkdir(parents=True)
    # What `make package` leaves: its contents are tests/package's to prove.
    (built / "execution-role.yaml").symlink_to(ROOT / "execution-role.yaml")
    (built / f"{NAMED.hyphenated}.zip").touch()
    return work


def run(block: Block, folder: Path, aws: LocalAws | Account, **variables: str) -> str:
    """Run a block in a shell and return what it prints."""
    tools = folder.parent / "tools"
    tools.mkdir(exist_ok=True)
    script = tools / "aws"
    script.write_text(
        '#!/bin/sh\n{ printf "%s\\0" "$PWD" "$@"; } |\n'
        '    curl --silent --show-error --fail-with-body --data-binary @- "$AWS_SCRIPT_ENDPOINT"\n'
    )
    script.chmod(0o755)
    with serving(aws) as endpoint:
        done = subprocess.run(  # noqa: S603 - the guides' own commands
            ["/bin/sh", "-e", "-u", "-c", block.text],
            cwd=folder,
            env=clean_environment(
                **variables,
                **{name: os.environ[name] for name in (STATE_VARIABLE,) if name in os.environ},
                AWS_SCRIPT_ENDPOINT=endpoint,
                PATH=f"{tools}{os.pathsep}{os.environ['PATH']}",
                PYTHONDONTWRITEBYTECODE="1",
            ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    said = f"{done.stdout}{done.stderr}"
    assert done.returncode == 0, f"{block}: {said}"
    return said


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that the command line finds, whose handlers' delays pass ten times as fast."""
    state = tmp_path_factory.mktemp("state") / "sandbox.json"
    with (
        StateFile(state) as state_file,
        Sandbox(time_scale=0.1, page=True) as sandbox,
        pytest.MonkeyPatch.context() as shell,
    ):
        sandbox.sagemaker.reset()  # what moto holds belongs to the process, and to tests before this one
        state_file.write(RunningSandbox.of(sandbox))
        shell.setenv(STATE_VARIABLE, str(state))
        yield sandbox


# Parts of what the blocks print; guides in the order of the README.
PRINTS = {
    "local: Start, deploy, inspect 2": ["UPDATE_COMPLETE", "fraud/Version", "UpdateModelPackage", ARN],
    "local: Start, deploy, inspect 3": ["DELETE_COMPLETE"],
    "local: Use the AWS CLI 1": [ARN.replace("fraud-detection", "churn")],
    "local: Inject faults 1": ["It failed, as it should.", "the container did not answer a ping"],
    "local: Test it 1": ["1 passed"],
    "properties: See it before it happens 1": ["Version\tModify\tFalse", "Version\tIN_SYNC"],
    "editors: In one command 1": [],
    "editors: In one command 2": ["Domian is not a property of this type; did you mean Domain?"],
    "editors: In one command 3": ["'Domian' was unexpected. Did you mean 'Domain'?"],
    "operations: A stack that waits 1": ["CREATE_COMPLETE"],
    "operations: A stack that waits 2": ['"Completed"'],
    "operations: A rollback that fails 1": ["UPDATE_ROLLBACK_FAILED"],
    "operations: A rollback that fails 2": ["Version\t", "the name is taken"],
    "operations: Leftovers after lost answers 1": ["CREATE_COMPLETE"],
    "operations: Leftovers after lost answers 2": [f"{ARN}\t20"],
    "operations: Take over a package that exists 1": [],
    "operations: Rehearse it here 1": ["ThrottlingException", '"UpdateModelPackage"'],
    "operations: Rehearse it here 2": ["It failed, as it should.", "the container did not answer a ping"],
    "other-clients: Cloud Control, StackQL, SDKs 1": [
        '\\"ModelApprovalStatus\\": \\"Approved\\"',
        f'"{ARN}"',
    ],
}
LOCAL = [block for block in blocks() if not block.for_an_account and not block.is_of_make]


def test_what_every_local_block_prints_is_looked_at() -> None:
    assert sorted(map(str, LOCAL)) == sorted(PRINTS)


def test_followed_one_after_the_other_the_guides_do_on_this_machine_what_they_say(
    running: Sandbox, folder: Path
) -> None:
    exported = environment(running.endpoints)
    assert {name.upper() for name in CREDENTIALS} <= exported.keys()
    aws = LocalAws(running)
    by_name = {str(block): block for block in LOCAL}
    try:
        for name, words in PRINTS.items():
            said = run(by_name[name], folder, aws, **exported)
            assert [each for each in words if each not in said] == [], f"{name}: {said}"
    finally:
        aws.close()


def test_the_commands_for_an_account_are_calls_that_the_api_takes(folder: Path) -> None:
    account = Account()
    for block in blocks():
        if block.for_an_account:
            run(block, folder, account)
    assert set(account.made) >= {
        "RegisterType",
        "DescribeTypeRegistration",
        "SetTypeDefaultVersion",
        "ListTypeVersions",
        "DeregisterType",
    }


def test_the_commands_of_make_name_the_type_that_the_others_register() -> None:
    (command,) = [block.text for block in blocks() if block.is_of_make and "TYPE_NAME" in block.text]
    assert command == f"make package TYPE_NAME={NAMED.name}\n"
