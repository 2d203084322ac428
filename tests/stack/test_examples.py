"""What a user copies or runs: templates, SAM events, input sets."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.contract.runner import input_groups
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ROOT, SCHEMA
from tests.stack.stacks import TYPE, DeployedStacks, Json, tags

EXAMPLES = {path.stem: path for path in sorted((ROOT / "examples").glob("*.yaml"))}
GROUP_TYPE = "AWS::SageMaker::ModelPackageGroup"
ATTRIBUTES = {"ModelPackageArn", "CreationTime", "ModelPackageStatus"}
# What each invalid set gets wrong, as the refusal has to name it.
INVALID = {
    1: "ModelPackageName and ModelPackageGroupName cannot both be set",
    2: "InferenceSpecification.Containers[0].Environment.LOG_LEVEL must be a string, not a list",
    3: "Environment cannot be set on an unversioned package",
    4: "ModelCard.ModelCardContents is not a property of this type; did you mean ModelCardContent?",
    5: "CustomerMetadataProperties.owner is null",
}


# --- the gallery: what every example has ------------------------------------------------------------


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What cfn-lint says of each example and of a copy with a mistake, with our schema in place of its own.

    In one run, because it takes seconds to start.
    """
    scratch = tmp_path_factory.mktemp("lint")
    schemas = scratch / "schemas"  # a directory of its own: cfn-lint takes every JSON file in it for a schema
    schemas.mkdir()
    shutil.copy(SCHEMA, schemas)
    templates = list(EXAMPLES.values())
    for stem, path in EXAMPLES.items():
        wrong = scratch / f"{stem} with a mistake"
        wrong.write_text(path.read_text().replace("ModelPackageDescription:", "ModelPackageDescripton:"))
        templates.append(wrong)
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--registry-schemas", str(schemas)]
    command += ["--format", "json", "--template", *map(str, templates)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    found: dict[str, list[str]] = {path.name: [] for path in templates}
    for each in json.loads(done.stdout):
        found[Path(each["Filename"]).name].append(f"{each['Rule']['Id']} {each['Message']}")
    return found


@pytest.mark.parametrize("example", EXAMPLES)
def test_cfn_lint_has_nothing_to_say_of_an_example_and_would_see_a_mistake(
    findings: dict[str, list[str]], example: str
) -> None:
    assert findings[EXAMPLES[example].name] == []
    assert any("'ModelPackageDescripton'" in each for each in findings[f"{example} with a mistake"])


class Loader(yaml.SafeLoader):
    """Reads a template, its functions as the values they are given."""


def _value(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


Loader.add_multi_constructor("!", _value)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_explains_itself(example: str) -> None:
    template = yaml.load(EXAMPLES[example].read_text(), Loader)  # noqa: S506 - it is a SafeLoader
    assert template["Description"]
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"], name
        assert "Default" in parameter, name
    assert template["Outputs"].keys() >= ATTRIBUTES
    kinds = {TYPE, GROUP_TYPE}
    for resource in template["Resources"].values():
        assert resource["Type"] in kinds
        assert {"DeletionPolicy", "UpdateReplacePolicy"} <= resource.keys()


def test_every_example_is_in_the_readme_and_lives_in_a_test_below() -> None:
    readme = (ROOT / "README.md").read_text()
    told = re.findall(r"^\| \[[^\]]+\]\(examples/([^)]+?)/?\) \| .+ \|$", readme, re.MULTILINE)
    assert sorted(told) == sorted([*(path.name for path in EXAMPLES.values()), "cdk"])
    tests = {name.removeprefix("test_example_") for name in globals() if name.startswith("test_example_")}
    assert tests == {stem.replace("-", "_") for stem in EXAMPLES}


# --- the gallery: the life of each example ----------------------------------------------------------

Writes = list[tuple[str, Json]]


class Example:
    """An example in a stack with stack-level tags, and what its changes ask of SageMaker."""

    def __init__(self, stacks: DeployedStacks, sandbox: Sandbox, stem: str, given: Mapping[str, str]) -> None:
        self.stacks, self.sandbox = stacks, sandbox
        self._template = EXAMPLES[stem].read_text()
        self._given = dict(given)
        self._tags = tags(cost="1", stage="test")
        sandbox.sagemaker.clear_calls()
        self.name = stacks.create(self._template, **self._options())
        self.creation = self._writes()
        outputs = self.outputs
        assert outputs.keys() >= ATTRIBUTES
        assert (outputs["ModelPackageStatus"], outputs["CreationTime"][:2]) == ("Completed", "20")

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs."""
        return self.stacks.outputs(self.name)

    @property
    def arn(self) -> str:
        """The package that the stack has now."""
        return self.outputs["ModelPackageArn"]

    @property
    def package(self) -> Json:
        """That package, as SageMaker describes it."""
        described = self.stacks.package(self.arn)
        del described["ResponseMetadata"]
        return described

    def change(self, **given: str) -> Writes:
        """Update the stack with other values of some parameters; what it wrote, operations and inputs."""
        self._given |= given
        return self._update()

    def changes_in_place(self, *calls: Json, **given: str) -> None:
        """Update the stack, which must make these calls to UpdateModelPackage and no other."""
        arn = self.arn
        assert self.change(**given) == [
            ("UpdateModelPackage", {"ModelPackageArn": arn, **call}) for call in calls
        ]
        assert self.arn == arn

    def is_replaced(self, **given: str) -> str:
        """Update the stack, which must make a new package and keep the old one, whose ARN is returned."""
        old = self.arn
        written = {operation for operation, _ in self.change(**given)}
        assert "CreateModelPackage" in written
        assert "DeleteModelPackage" not in written
        assert self.arn != old
        assert self.stacks.package(old)["ModelPackageStatus"] == "Completed"
        return old

    def fails(self, **given: str) -> list[str]:
        """Update the stack, which must be rolled back; the reasons in its events."""
        package, parameters = self.package, self._given
        self._given = parameters | given
        status = self.stacks.update(self.name, self._template, **self._options())
        self._given = parameters
        assert status == "UPDATE_ROLLBACK_COMPLETE"
        assert self.package == package
        return self.stacks.reasons(self.name)

    def retagged(self) -> Writes:
        """Change a tag of the stack, and nothing else; what that wrote."""
        self._tags = tags(cost="2", stage="test")
        return self._update()

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of a group or of an unversioned package."""
        found = self.stacks.sagemaker.list_tags(ResourceArn=arn)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def is_deleted(self, *kept: str) -> None:
        """Delete the stack, which must leave these packages and no other, and its group."""
        assert self.stacks.delete(self.name) == "DELETE_COMPLETE"
        assert [package["ModelPackageArn"] for package in self.sandbox.sagemaker.packages] == list(kept)

    def _update(self) -> Writes:
        self.sandbox.sagemaker.clear_calls()
        status = self.stacks.update(self.name, self._template, **self._options())
        assert status == "UPDATE_COMPLETE", self.stacks.reasons(self.name)
        return self._writes()

    def _options(self) -> Json:
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in self._given.items()]
        return {"Parameters": parameters, "Tags": self._tags}

    def _writes(self) -> Writes:
        return [
            (call["operation"], {key: value for key, value in call["input"].items() if key != "ClientToken"})
            for call in self.sandbox.sagemaker.calls
            if not call["operation"].startswith(("Describe", "List"))
        ]


class Version(Example):
    """An example with a group and a version in it. SageMaker takes tags on the group only."""

    def __init__(self, stacks: DeployedStacks, sandbox: Sandbox, stem: str, given: Mapping[str, str]) -> None:
        super().__init__(stacks, sandbox, stem, given)
        self.group = stacks.arn(self.name, "Group")
        assert {"cost": "1", "stage": "test"}.items() <= self.tags(self.group).items()
        assert self.creation[0][0] == "CreateModelPackageGroup"
        assert "Tags" not in self.created
        assert self.created["ModelPackageGroupName"] == self.group

    @property
    def created(self) -> Json:
        """With what the version was made."""
        (found,) = (given for operation, given in self.creation if operation == "CreateModelPackage")
        return found

    def is_deleted(self, *kept: str) -> None:
        """Change the stack's tags, which reach the group alone, and delete it; the group stays."""
        touched = {given.get("ResourceArn") for _, given in self.retagged()}
        assert touched == {self.group}
        assert self.tags(self.group)["cost"] == "2"
        super().is_deleted(*kept)
        name = self.group.rsplit("/", 1)[1]
        stays = self.stacks.sagemaker.describe_model_package_group(ModelPackageGroupName=name)
        assert stays["ModelPackageGroupArn"] == self.group


@pytest.fixture
def gallery(sandbox: Sandbox) -> Iterator[DeployedStacks]:
    """Stacks in an account without a group: the examples bring theirs."""
    made = DeployedStacks(sandbox)
    yield made
    made.delete_all()
    made.close()


def test_example_registered_version(gallery: DeployedStacks, sandbox: Sandbox) -> None:
    example = Version(gallery, sandbox, "registered-version", {})
    assert example.package["ModelApprovalStatus"] == "PendingManualApproval"
    assert example.package["ApprovalDescription"] == "Waiting for the risk team"
    assert example.package["CustomerMetadataProperties"]["owner"] == "risk-engineering"
    example.changes_in_place(
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "Within the loss budget"},
        ApprovalStatus="Approved",
        ApprovalDescription="Within the loss budget",
    )
    old = example.is_replaced(ModelDataUrl="s3://ml-models-123456789012/fraud/1.5.0/model.tar.gz")
    example.is_deleted(old)


def test_example_validated_package(gallery: DeployedStacks, sandbox: Sandbox) -> None:
    example = Example(gallery, sandbox, "validated-package", {})
    statuses = example.package["ModelPackageStatusDetails"]["ValidationStatuses"]
    assert [(each["Name"], each["Status"]) for each in statuses] == [("smoke-test", "Completed")]
    assert example.package["CertifyForMarketplace"] is True
    own = {"team": "risk", "listing": "card-fraud"}
    assert example.tags(example.arn) == {"cost": "1", "stage": "test", **own}
    assert example.retagged() == [("AddTags", {"ResourceArn": example.arn, "Tags": tags(cost="2")})]
    assert example.tags(example.arn) == {"cost": "2", "stage": "test", **own}
    old = example.is_replaced(Image="123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1.5.0")
    example.is_deleted(old)


def in_another_account(sandbox: Sandbox) -> Any:
    """A SageMaker client of account 210987654321."""
    with_role = sandbox.client("sts").assume_role(
        RoleArn="arn:aws:iam::210987654321:role/training", RoleSessionName="example"
    )["Credentials"]
    return sandbox.client(
        "sagemaker",
        aws_access_key_id=with_role["AccessKeyId"],
        aws_secret_access_key=with_role["SecretAccessKey"],
        aws_session_token=with_role["SessionToken"],
    )


def promotion(there: Any, number: int) -> dict[str, str]:
    """The parameters that promote a version of the other account, as its Describe tells them."""
    arn = f"arn:aws:sagemaker:us-east-1:210987654321:model-package/fraud-detection/{number}"
    source = there.describe_model_package(ModelPackageName=arn)
    container = source["InferenceSpecification"]["Containers"][0]
    return {
        "SourceModelPackageArn": source["ModelPackageArn"],
        "Image": container["Image"],
        "ImageDigest": container["ImageDigest"],
        "ModelDataUrl": container["ModelDataUrl"].replace("ml-models-210987654321", "ml-production"),
    }


def test_example_promoted_copy(gallery: DeployedStacks, sandbox: Sandbox) -> None:
    there = in_another_account(sandbox)
    there.create_model_package_group(ModelPackageGroupName="fraud-detection")
    for release in ("1.4.2", "1.5.0"):
        image = f"210987654321.dkr.ecr.us-east-1.amazonaws.com/fraud:{release}"
        artifacts = f"s3://ml-models-210987654321/fraud/{release}/model.tar.gz"
        there.create_model_package(
            ModelPackageGroupName="fraud-detection",
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [{"Image": image, "ModelDataUrl": artifacts}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
    first = promotion(there, 1)
    source = first["SourceModelPackageArn"]
    example = Version(gallery, sandbox, "promoted-copy", {**first, "LinkToSource": "no"})
    copy = example.package
    (container,) = copy["InferenceSpecification"]["Containers"]
    assert {key: container[key] for key in ("Image", "ImageDigest", "ModelDataUrl")} == {
        key: first[key] for key in ("Image", "ImageDigest", "ModelDataUrl")
    }
    assert container["ModelDataUrl"] == "s3://ml-production/fraud/1.4.2/model.tar.gz"
    assert copy["ModelApprovalStatus"] == "PendingManualApproval"  # though it is approved over there
    assert copy["CustomerMetadataProperties"] == {
        "promoted-from": source,
        "source-account": "210987654321",
        "change-ticket": "CHG-1042",
    }
    assert example.outputs["PromotedFrom"] == source

    example.changes_in_place({"SourceUri": source}, LinkToSource="yes")
    example.changes_in_place({"ModelApprovalStatus": "Approved"}, ApprovalStatus="Approved")
    example.changes_in_place(
        {"CustomerMetadataProperties": {"change-ticket": "CHG-1043"}}, ChangeTicket="CHG-1043"
    )
    second = promotion(there, 2)
    moved = sandbox.sagemaker.behaviour.image_digests
    moved[second["Image"]] = f"sha256:{'0' * 64}"  # the tag has another image by now
    assert any("ImageDigest" in reason for reason in example.fails(**second))
    moved.clear()
    old = example.is_replaced(**second, ApprovalStatus="PendingManualApproval")
    assert example.package["SourceUri"] == second["SourceModelPackageArn"]
    assert example.stacks.package(old)["ModelApprovalStatus"] == "Approved"
    assert there.describe_model_package(ModelPackageName=source)["ModelPackageStatus"] == "Completed"
    for number in (1, 2):  # so that what is left is this account's
        there.delete_model_package(ModelPackageName=promotion(there, number)["SourceModelPackageArn"])
    there.close()
    example.is_deleted(old)


def uris(value: Any) -> list[str]:
    """Every S3 URI below a value."""
    if isinstance(value, dict):
        return [uri for item in value.values() for uri in uris(item)]
    return [value] if isinstance(value, str) and value.startswith("s3://") else []


def test_example_drift_baselines(gallery: DeployedStacks, sandbox: Sandbox) -> None:
    example = Version(gallery, sandbox, "drift-baselines", {})
    kinds = {"Bias", "Explainability", "ModelDataQuality", "ModelQuality"}
    metrics, baselines = example.package["ModelMetrics"], example.package["DriftCheckBaselines"]
    assert metrics.keys() == baselines.keys() == kinds
    folder = "s3://ml-models-123456789012/fraud"
    assert len(uris(metrics)) == 7
    assert all(uri.startswith(f"{folder}/1.4.2/evaluation/") for uri in uris(metrics))
    assert len(set(uris(baselines))) == 9
    assert all(uri.startswith(f"{folder}/1.4.0/baselines/") for uri in uris(baselines))
    assert baselines["Bias"]["ConfigFile"]["S3Uri"].endswith("/model-bias/analysis_config.json")

    example.changes_in_place({"ModelApprovalStatus": "Approved"}, ApprovalStatus="Approved")
    first = example.is_replaced(BaselineUri=f"{folder}/1.4.2/baselines")
    renewed = example.package
    assert renewed["ModelMetrics"] == metrics
    assert all(uri.startswith(f"{folder}/1.4.2/") for uri in uris(renewed["DriftCheckBaselines"]))
    second = example.is_replaced(MonitorBias="no")
    for name in ("ModelMetrics", "DriftCheckBaselines"):
        assert example.package[name].keys() == kinds - {"Bias"}
    example.is_deleted(first, second)


def test_example_life_cycle_stages(gallery: DeployedStacks, sandbox: Sandbox) -> None:
    example = Version(gallery, sandbox, "life-cycle-stages", {})
    assert example.package["ModelLifeCycle"] == {"Stage": "Development", "StageStatus": "InProgress"}
    assert example.package["ModelApprovalStatus"] == "PendingManualApproval"
    described = {"Stage": "QA", "StageStatus": "Approved", "StageDescription": "Meets the budget"}
    example.changes_in_place({"ModelLifeCycle": described}, **described)
    stage = {"Stage": "Production", "StageStatus": "Approved"}
    example.changes_in_place(
        {"ModelLifeCycle": stage, "ModelApprovalStatus": "Approved"}, **stage, StageDescription=""
    )
    assert example.package["ModelLifeCycle"] == stage
    assert example.outputs["Stage"] == "Production (Approved)"
    example.changes_in_place(
        {"ModelLifeCycle": {**stage, "StageStatus": "Rejected"}, "ModelApprovalStatus": "Rejected"},
        StageStatus="Rejected",
    )
    old = example.is_replaced(
        Image="123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1.5.0",
        Stage="Development",
        StageStatus="InProgress",
    )
    assert example.package["ModelLifeCycle"]["Stage"] == "Development"
    example.is_deleted(old)


def test_example_model_card(gallery: DeployedStacks, sandbox: Sandbox) -> None:
    example = Version(gallery, sandbox, "model-card", {"Creator": "Payments & risk"})
    assert "SecurityConfig" not in example.created
    card = example.package["ModelCard"]
    content = json.loads(card["ModelCardContent"])
    assert (card["ModelCardStatus"], "\n" in card["ModelCardContent"]) == ("Draft", False)
    assert content["model_overview"]["model_creator"] == "Payments & risk"
    assert content["intended_uses"]["risk_rating"] == "Medium"
    # What the card of a package may have: the model cards' schema without model_package_details.
    assert content.keys() == {
        "model_overview",
        "intended_uses",
        "business_details",
        "training_details",
        "evaluation_details",
        "additional_information",
    }

    example.changes_in_place({"ModelCard": {"ModelCardStatus": "PendingReview"}}, CardStatus="PendingReview")
    rated = card["ModelCardContent"].replace('"Medium"', '"High"')
    example.changes_in_place(
        {"ModelCard": {"ModelCardContent": rated}},
        {"ModelCard": {"ModelCardStatus": "Approved"}},
        CardStatus="Approved",
        RiskRating="High",
    )
    assert example.package["ModelCard"] == {"ModelCardStatus": "Approved", "ModelCardContent": rated}
    key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    old = example.is_replaced(CardKeyArn=key)
    assert example.package["SecurityConfig"] == {"KmsKeyId": key}
    with pytest.raises(gallery.client.exceptions.ClientError, match="neither quotation marks"):
        example.change(Creator='Risk "engineering"')
    example.change(Creator="Risk")
    example.is_deleted(old)


def test_example_compiled_variants(gallery: DeployedStacks, sandbox: Sandbox) -> None:
    example = Version(gallery, sandbox, "compiled-variants", {})
    assert [each["Name"] for each in example.package["AdditionalInferenceSpecifications"]] == ["graviton"]
    artifacts = "s3://ml-models-123456789012/fraud/1.4.2/compiled/ml_inf2.tar.gz"
    example.changes_in_place(
        {
            "AdditionalInferenceSpecificationsToAdd": [
                {
                    "Name": "inferentia",
                    "Description": "Compiled for ml.inf2",
                    "Containers": [
                        {
                            "Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1.4.2-neuronx",
                            "ModelDataUrl": artifacts,
                        }
                    ],
                    "SupportedContentTypes": ["application/json"],
                    "SupportedResponseMIMETypes": ["application/json"],
                    "SupportedRealtimeInferenceInstanceTypes": ["ml.inf2.xlarge"],
                }
            ]
        },
        InferentiaModelDataUrl=artifacts,
    )
    variants = example.package["AdditionalInferenceSpecifications"]
    assert [each["Name"] for each in variants] == ["graviton", "inferentia"]
    example.changes_in_place({"ModelApprovalStatus": "Approved"}, ApprovalStatus="Approved")
    rebuilt = example.is_replaced(GravitonModelDataUrl=artifacts.replace("ml_inf2", "ml_c6g-2"))
    dropped = example.is_replaced(InferentiaModelDataUrl="")
    assert [each["Name"] for each in example.package["AdditionalInferenceSpecifications"]] == ["graviton"]
    example.is_deleted(rebuilt, dropped)


# --- what needs Node --------------------------------------------------------------------------------


def run_cdk(folder: Path, *, node: str | None, required: bool = False) -> subprocess.CompletedProcess[str]:
    """Run `make cdk` on a machine with another Node, or none, and where nothing can be installed."""
    for name, script in (("node", node), ("make", "echo No matching distribution; exit 2")):
        if script is not None:
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
    variables = {"PATH": str(folder), **({"CDK_REQUIRED": "1"} if required else {})}
    command = [sys.executable, "-m", "tests.cdk", str(folder / "make")]
    return subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (None, "the CDK runs on Node, and there is no node here: install Node 20 or newer"),
        ("echo v18.20.4", "aws-cdk-lib needs a newer Node than v18.20.4: install Node 20 or newer"),
        (
            "echo no; exit 1",
            "node --version does not answer with a version of Node: install Node 20 or newer",
        ),
    ],
    ids=["no Node", "an old one", "another program"],
)
def test_the_cdk_is_skipped_in_one_line_that_says_why(
    tmp_path: Path, node: str | None, reason: str, required: bool
) -> None:
    done = run_cdk(tmp_path, node=node, required=required)
    assert (done.stdout, done.stderr) == (f"SKIPPED: {reason}\n", "")
    assert done.returncode == int(required)


@pytest.mark.parametrize("required", [False, True])
def test_the_cdk_is_skipped_when_it_cannot_be_installed(tmp_path: Path, required: bool) -> None:
    done = run_cdk(tmp_path, node="echo v22.1.0", required=required)
    assert done.stdout.splitlines()[:1] == ["No matching distribution"]
    assert done.stdout.splitlines()[1:] == [
        "SKIPPED: aws-cdk-lib could not be installed (see above): make the package registry reachable"
    ]
    assert done.returncode == int(required)


@pytest.mark.parametrize(("node", "found"), [(None, "there is no node here"), ("echo v18.0.0", "newer Node")])
def test_the_command_is_that_of_the_makefile(tmp_path: Path, node: str | None, found: str) -> None:
    for name in ("make", "sh"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    if node is not None:
        (tmp_path / "node").write_text(f"#!/bin/sh\n{node}\n")
        (tmp_path / "node").chmod(0o755)
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "cdk", f"PYTHON={sys.executable}"]
    for required, code in (("", 0), ("1", 2)):  # 2 is how make says that a command failed
        variables = {**outside, "PATH": str(tmp_path), "CDK_REQUIRED": required}
        done = subprocess.run(  # noqa: S603
            command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False
        )
        assert done.stdout.startswith("SKIPPED: ")
        assert found in done.stdout
        assert done.returncode == code


# --- SAM events and input sets ----------------------------------------------------------------------


def invoke(sandbox: Sandbox, function: str, event: dict[str, Any]) -> dict[str, Any]:
    """The answer of a function behind the local Invoke API."""
    answer = sandbox.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    assert "FunctionError" not in answer
    payload: dict[str, Any] = json.load(answer["Payload"])
    return payload


def test_the_sam_events_tell_the_life_of_one_version(sandbox: Sandbox) -> None:
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName="fraud-detection")
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fraud-detection/1"
    answers = {}
    for action in ("create", "read", "update", "list", "delete"):
        event = json.loads((ROOT / "sam-tests" / f"{action}.json").read_text())
        assert event["action"] == action.upper()
        answers[action] = invoke(sandbox, "TestEntrypoint", event)
    assert {action: answer["status"] for action, answer in answers.items()} == dict.fromkeys(
        answers, "SUCCESS"
    )
    assert [
        answers[action]["resourceModel"]["ModelPackageArn"] for action in ("create", "read", "update")
    ] == [arn] * 3
    assert answers["create"]["resourceModel"] == answers["read"]["resourceModel"]
    assert answers["update"]["resourceModel"]["ModelApprovalStatus"] == "Approved"
    assert answers["list"]["resourceModels"] == [{"ModelPackageArn": arn}]
    assert "resourceModel" not in answers["delete"]
    assert sandbox.sagemaker.packages == []


def test_there_is_an_event_for_each_action_and_no_other() -> None:
    assert {path.stem for path in (ROOT / "sam-tests").iterdir()} == {
        "create",
        "read",
        "update",
        "delete",
        "list",
    }


@pytest.mark.parametrize("number", INVALID)
def test_an_invalid_input_set_is_refused_naming_the_property(sandbox: Sandbox, number: int) -> None:
    for group in input_groups(ROOT / "inputs"):
        sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    sandbox.sagemaker.clear_calls()
    properties = json.loads((ROOT / "inputs" / f"inputs_{number}_invalid.json").read_text())
    event = json.loads((ROOT / "sam-tests" / "create.json").read_text())
    event["request"]["desiredResourceState"] = properties
    answer = invoke(sandbox, "TestEntrypoint", event)
    assert answer["errorCode"] == "InvalidRequest"
    assert INVALID[number] in answer["message"]
    assert sandbox.sagemaker.calls == []


def test_every_input_set_has_all_three_files() -> None:
    found = sorted(path.name for path in (ROOT / "inputs").iterdir())
    assert found == sorted(
        f"inputs_{n}_{kind}.json" for n in INVALID for kind in ("create", "invalid", "update")
    )


# Members no set can hold, each with its reason.
NOT_IN_A_SET = {
    "ClientToken": "two creates with one token are one package, and `cfn test` creates several",
    "ModelPackageName": "fixed in a set, it would be taken when two of the suite's packages live at once",
    "ModelPackageArn": "read-only",
    "CreationTime": "read-only",
    "ModelPackageStatus": "read-only",
    "ModelPackageVersion": "belongs to the service",
    "ModelPackageStatusDetails": "belongs to the service",
    "ModelPackageStatusItem": "belongs to the service",
    "CreatedBy": "belongs to the service",
    "LastModifiedBy": "belongs to the service",
    "LastModifiedTime": "belongs to the service",
    "ModelPackageContainerDefinition.ImageDigest": "refused when the tag has another by now",
    "ModelPackageContainerDefinition.ModelDataETag": "speaks of an object in S3 that has to be there",
    "SourceAlgorithm.ModelDataETag": "speaks of an object in S3 that has to be there",
    "S3ModelDataSource.ETag": "speaks of an object in S3 that has to be there",
    "S3ModelDataSource.ManifestEtag": "speaks of an object in S3 that has to be there",
    "AdditionalS3DataSource.ETag": "speaks of an object in S3 that has to be there",
}


def members(value: Any, rule: dict[str, Any], owner: str) -> set[str]:
    """Every member of the schema that a value sets, as `Definition.Member`, or `Property` at the top."""
    schema = json.loads(SCHEMA.read_text())
    if "$ref" in rule:
        owner = rule["$ref"].rsplit("/", 1)[1]
        rule = schema["definitions"][owner]
    found = set()
    if isinstance(value, dict):
        for name, item in value.items():
            if name in rule.get("properties", {}):
                found |= {f"{owner}.{name}".removeprefix(".")} | members(item, rule["properties"][name], "")
    if isinstance(value, list):
        for item in value:
            found |= members(item, rule["items"], owner)
    return found


def test_the_input_sets_use_every_member_that_a_set_can_hold() -> None:
    schema = json.loads(SCHEMA.read_text())
    every = set(schema["properties"])
    service_owned = {"ModelPackageStatusDetails", "ModelPackageStatusItem", "UserContext", "IamIdentity"}
    for name, definition in schema["definitions"].items():
        if name not in service_owned:
            every |= {f"{name}.{member}" for member in definition["properties"]}
    used = set()
    for path in (ROOT / "inputs").glob("*.json"):
        if not path.stem.endswith("invalid"):
            used |= members(json.loads(path.read_text()), schema, "")
    assert every - used == set(NOT_IN_A_SET)
