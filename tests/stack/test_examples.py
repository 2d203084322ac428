"""The examples: valid, explained, and deployed through their whole life."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.local_aws import Sandbox
from sandbox.shared import template_yaml
from sandbox.shared.settings import ROOT, SCHEMA
from tests.linter import lint
from tests.stack.stacks import TYPE, DeployedStacks, Json, parameters, tags, writes

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

EXAMPLES = {path.stem: path for path in sorted((ROOT / "examples").glob("*.yaml"))}
TYPES = {
    TYPE,
    *(f"AWS::SageMaker::{name}" for name in ("Endpoint", "EndpointConfig", "Model", "ModelPackageGroup")),
    "AWS::SSM::Parameter",
}
ATTRIBUTES = {"ModelPackageArn", "CreationTime", "ModelPackageStatus"}
Writes = list[tuple[str, Json]]


@pytest.fixture(scope="module")
def lint_messages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """cfn-lint's messages for each example and a copy with a mistake, from one run, which takes seconds."""
    scratch = tmp_path_factory.mktemp("lint")
    schemas = scratch / "schemas"  # a directory of its own: cfn-lint takes every JSON file in it for a schema
    schemas.mkdir()
    shutil.copy(SCHEMA, schemas)
    templates = list(EXAMPLES.values())
    for stem, path in EXAMPLES.items():
        wrong = scratch / f"{stem} with a mistake.yaml"
        wrong.write_text(path.read_text().replace("ModelPackageDescription:", "ModelPackageDescripton:"))
        templates.append(wrong)
    return lint(scratch, "--registry-schemas", schemas, "--template", *templates)


@pytest.mark.parametrize("example", EXAMPLES)
def test_cfn_lint_finds_only_a_mistake(lint_messages: dict[str, list[str]], example: str) -> None:
    assert example not in lint_messages
    assert any("'ModelPackageDescripton'" in each for each in lint_messages[f"{example} with a mistake"])


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_have_descriptions_defaults_outputs_and_policies(example: str) -> None:
    template = template_yaml.load(EXAMPLES[example].read_text())
    assert template["Description"]
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"], name
        assert "Default" in parameter, name
    assert template["Outputs"].keys() >= ATTRIBUTES
    for resource in template["Resources"].values():
        assert resource["Type"] in TYPES
        assert {"DeletionPolicy", "UpdateReplacePolicy"} <= resource.keys()


def test_examples_are_in_the_readme_and_in_a_test_below() -> None:
    readme = (ROOT / "README.md").read_text()
    listed = re.findall(r"^\| \[[^\]]+\]\(examples/([^)]+?)/?\) \| .+ \|$", readme, re.MULTILINE)
    assert sorted(listed) == sorted([*(path.name for path in EXAMPLES.values()), "cdk"])
    tests = {name.removeprefix("test_example_") for name in globals() if name.startswith("test_example_")}
    assert tests == {stem.replace("-", "_") for stem in EXAMPLES}


class Example:
    """An example in a stack with tags, and the calls to SageMaker that its changes make."""

    def __init__(self, stacks: DeployedStacks, sandbox: Sandbox, stem: str, given: Mapping[str, str]) -> None:
        self.stacks, self.sandbox = stacks, sandbox
        self._template = EXAMPLES[stem].read_text()
        self._given = dict(given)
        self._tags = tags(cost="1", stage="test")
        sandbox.sagemaker.clear_calls()
        self.name = stacks.create(self._template, **self._options())
        self.creation = writes(self.sandbox)
        outputs = self.outputs
        assert outputs.keys() >= ATTRIBUTES
        assert (outputs["ModelPackageStatus"], outputs["CreationTime"][:2]) == ("Completed", "20")

    @property
    def outputs(self) -> dict[str, str]:
        return self.stacks.outputs(self.name)

    @property
    def arn(self) -> str:
        return self.outputs["ModelPackageArn"]

    @property
    def package(self) -> Json:
        described = self.stacks.package(self.arn)
        del described["ResponseMetadata"]
        return described

    def change(self, **given: str) -> Writes:
        """Update some parameters and return the writing calls."""
        self._given |= given
        return self._update()

    def change_in_place(self, *calls: Json, **given: str) -> None:
        """Update some parameters, which must make these calls to UpdateModelPackage and no other."""
        arn = self.arn
        assert self.change(**given) == [
            ("UpdateModelPackage", {"ModelPackageArn": arn, **call}) for call in calls
        ]
        assert self.arn == arn

    def replace(self, **given: str) -> str:
        """Update some parameters, which must create another package, and return the retained one's ARN."""
        old = self.arn
        operations = {operation for operation, _ in self.change(**given)}
        assert "CreateModelPackage" in operations
        assert "DeleteModelPackage" not in operations
        assert self.arn != old
        assert self.stacks.package(old)["ModelPackageStatus"] == "Completed"
        return old

    def fail(self, is_changed_back: bool = False, /, **given: str) -> list[str]:
        """Update some parameters, which must be rolled back, and return the reasons.

        The package is as it was before, but for the time where it is changed and then changed back.
        """
        package, previous = self.package, self._given
        self._given = previous | given
        status = self.stacks.update(self.name, self._template, **self._options())
        self._given = previous
        assert status == "UPDATE_ROLLBACK_COMPLETE"
        left = self.package
        if is_changed_back:
            assert left.pop("LastModifiedTime") > package.pop("LastModifiedTime")
        assert left == package
        return self.stacks.reasons(self.name)

    def retag(self) -> Writes:
        """Change a tag of the stack and return the writing calls."""
        self._tags = tags(cost="2", stage="test")
        return self._update()

    def delete(self, *kept: str) -> None:
        """Delete the stack, which must retain these packages and no other."""
        assert self.stacks.delete(self.name) == "DELETE_COMPLETE"
        assert [package["ModelPackageArn"] for package in self.sandbox.sagemaker.packages] == list(kept)

    def _update(self) -> Writes:
        self.sandbox.sagemaker.clear_calls()
        status = self.stacks.update(self.name, self._template, **self._options())
        assert status == "UPDATE_COMPLETE", self.stacks.reasons(self.name)
        return writes(self.sandbox)

    def _options(self) -> Json:
        return {"Parameters": parameters(**self._given), "Tags": self._tags}


class Version(Example):
    """An example with a group and a version in it, of which only the group has tags."""

    def __init__(self, stacks: DeployedStacks, sandbox: Sandbox, stem: str, given: Mapping[str, str]) -> None:
        super().__init__(stacks, sandbox, stem, given)
        self.group = stacks.arn(self.name, "Group")
        assert {"cost": "1", "stage": "test"}.items() <= self.stacks.tags(self.group).items()
        assert self.creation[0][0] == "CreateModelPackageGroup"
        assert "Tags" not in self.created
        assert self.created["ModelPackageGroupName"] == self.group

    @property
    def created(self) -> Json:
        (request,) = (given for operation, given in self.creation if operation == "CreateModelPackage")
        return request

    def delete(self, *kept: str, tagged: Collection[str] = ()) -> None:
        """Change the stack's tags, which reach the group and no version, and delete the stack; it stays.

        `tagged` are the ARNs of what else has tags.
        """
        assert {given.get("ResourceArn") for _, given in self.retag()} == {self.group, *tagged}
        assert self.stacks.tags(self.group)["cost"] == "2"
        super().delete(*kept)
        name = self.group.rsplit("/", 1)[1]
        group = self.stacks.sagemaker.describe_model_package_group(ModelPackageGroupName=name)
        assert group["ModelPackageGroupArn"] == self.group


def test_example_registered_version(empty_stacks: DeployedStacks, sandbox: Sandbox) -> None:
    example = Version(empty_stacks, sandbox, "registered-version", {})
    assert example.package["ModelApprovalStatus"] == "PendingManualApproval"
    assert example.package["ApprovalDescription"] == "Waiting for the risk team"
    assert example.package["CustomerMetadataProperties"]["owner"] == "risk-engineering"
    example.change_in_place(
        {"ModelApprovalStatus": "Approved", "ApprovalDescription": "Within the loss budget"},
        ApprovalStatus="Approved",
        ApprovalDescription="Within the loss budget",
    )
    old = example.replace(ModelDataUrl="s3://ml-models-123456789012/fraud/1.5.0/model.tar.gz")
    example.delete(old)


def test_example_validated_package(empty_stacks: DeployedStacks, sandbox: Sandbox) -> None:
    example = Example(empty_stacks, sandbox, "validated-package", {})
    statuses = example.package["ModelPackageStatusDetails"]["ValidationStatuses"]
    assert [(each["Name"], each["Status"]) for each in statuses] == [("smoke-test", "Completed")]
    assert example.package["CertifyForMarketplace"] is True
    own = {"team": "risk", "listing": "card-fraud"}
    assert empty_stacks.tags(example.arn) == {"cost": "1", "stage": "test", **own}
    assert example.retag() == [("AddTags", {"ResourceArn": example.arn, "Tags": tags(cost="2")})]
    assert empty_stacks.tags(example.arn) == {"cost": "2", "stage": "test", **own}
    old = example.replace(Image="123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1.5.0")
    example.delete(old)


def source_account(sandbox: Sandbox) -> SageMakerClient:
    """A SageMaker client of account 210987654321."""
    credentials = sandbox.client("sts").assume_role(
        RoleArn="arn:aws:iam::210987654321:role/training", RoleSessionName="example"
    )["Credentials"]
    return sandbox.client(
        "sagemaker",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def promotion(source: SageMakerClient, number: int) -> dict[str, str]:
    """The parameters that promote a version of the other account."""
    arn = f"arn:aws:sagemaker:us-east-1:210987654321:model-package/fraud-detection/{number}"
    package = source.describe_model_package(ModelPackageName=arn)
    container = package["InferenceSpecification"]["Containers"][0]
    return {
        "SourceModelPackageArn": package["ModelPackageArn"],
        "Image": container["Image"],
        "ImageDigest": container["ImageDigest"],
        "ModelDataUrl": container["ModelDataUrl"].replace("ml-models-210987654321", "ml-production"),
    }


def test_example_promoted_copy(empty_stacks: DeployedStacks, sandbox: Sandbox) -> None:
    there = source_account(sandbox)
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
    example = Version(empty_stacks, sandbox, "promoted-copy", {**first, "LinkToSource": "no"})
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

    example.change_in_place({"SourceUri": source}, LinkToSource="yes")
    example.change_in_place({"ModelApprovalStatus": "Approved"}, ApprovalStatus="Approved")
    example.change_in_place(
        {"CustomerMetadataProperties": {"change-ticket": "CHG-1043"}}, ChangeTicket="CHG-1043"
    )
    second = promotion(there, 2)
    moved = sandbox.sagemaker.behaviour.image_digests
    moved[second["Image"]] = f"sha256:{'0' * 64}"  # the tag has another image by now
    assert any("ImageDigest" in reason for reason in example.fail(**second))
    moved.clear()
    old = example.replace(**second, ApprovalStatus="PendingManualApproval")
    assert example.package["SourceUri"] == second["SourceModelPackageArn"]
    assert example.stacks.package(old)["ModelApprovalStatus"] == "Approved"
    assert there.describe_model_package(ModelPackageName=source)["ModelPackageStatus"] == "Completed"
    for number in (1, 2):  # so that what is left is this account's
        there.delete_model_package(ModelPackageName=promotion(there, number)["SourceModelPackageArn"])
    there.close()
    example.delete(old)


def uris(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [uri for item in value.values() for uri in uris(item)]
    return [value] if isinstance(value, str) and value.startswith("s3://") else []


def test_example_drift_baselines(empty_stacks: DeployedStacks, sandbox: Sandbox) -> None:
    example = Version(empty_stacks, sandbox, "drift-baselines", {})
    kinds = {"Bias", "Explainability", "ModelDataQuality", "ModelQuality"}
    metrics, baselines = example.package["ModelMetrics"], example.package["DriftCheckBaselines"]
    assert metrics.keys() == baselines.keys() == kinds
    folder = "s3://ml-models-123456789012/fraud"
    assert len(uris(metrics)) == 7
    assert all(uri.startswith(f"{folder}/1.4.2/evaluation/") for uri in uris(metrics))
    assert len(set(uris(baselines))) == 9
    assert all(uri.startswith(f"{folder}/1.4.0/baselines/") for uri in uris(baselines))
    assert baselines["Bias"]["ConfigFile"]["S3Uri"].endswith("/model-bias/analysis_config.json")

    example.change_in_place({"ModelApprovalStatus": "Approved"}, ApprovalStatus="Approved")
    first = example.replace(BaselineUri=f"{folder}/1.4.2/baselines")
    renewed = example.package
    assert renewed["ModelMetrics"] == metrics
    assert all(uri.startswith(f"{folder}/1.4.2/") for uri in uris(renewed["DriftCheckBaselines"]))
    second = example.replace(MonitorBias="no")
    for name in ("ModelMetrics", "DriftCheckBaselines"):
        assert example.package[name].keys() == kinds - {"Bias"}
    example.delete(first, second)


def test_example_life_cycle_stages(empty_stacks: DeployedStacks, sandbox: Sandbox) -> None:
    example = Version(empty_stacks, sandbox, "life-cycle-stages", {})
    assert example.package["ModelLifeCycle"] == {"Stage": "Development", "StageStatus": "InProgress"}
    assert example.package["ModelApprovalStatus"] == "PendingManualApproval"
    described = {"Stage": "QA", "StageStatus": "Approved", "StageDescription": "Meets the budget"}
    example.change_in_place({"ModelLifeCycle": described}, **described)
    stage = {"Stage": "Production", "StageStatus": "Approved"}
    example.change_in_place(
        {"ModelLifeCycle": stage, "ModelApprovalStatus": "Approved"}, **stage, StageDescription=""
    )
    assert example.package["ModelLifeCycle"] == stage
    assert example.outputs["Stage"] == "Production (Approved)"
    example.change_in_place(
        {"ModelLifeCycle": {**stage, "StageStatus": "Rejected"}, "ModelApprovalStatus": "Rejected"},
        StageStatus="Rejected",
    )
    old = example.replace(
        Image="123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1.5.0",
        Stage="Development",
        StageStatus="InProgress",
    )
    assert example.package["ModelLifeCycle"]["Stage"] == "Development"
    example.delete(old)


def test_example_model_card(empty_stacks: DeployedStacks, sandbox: Sandbox) -> None:
    example = Version(empty_stacks, sandbox, "model-card", {"Creator": "Payments & risk"})
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

    example.change_in_place({"ModelCard": {"ModelCardStatus": "PendingReview"}}, CardStatus="PendingReview")
    rated = card["ModelCardContent"].replace('"Medium"', '"High"')
    example.change_in_place(
        {"ModelCard": {"ModelCardContent": rated}},
        {"ModelCard": {"ModelCardStatus": "Approved"}},
        CardStatus="Approved",
        RiskRating="High",
    )
    assert example.package["ModelCard"] == {"ModelCardStatus": "Approved", "ModelCardContent": rated}
    key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    old = example.replace(CardKeyArn=key)
    assert example.package["SecurityConfig"] == {"KmsKeyId": key}
    with pytest.raises(empty_stacks.client.exceptions.ClientError, match="neither quotation marks"):
        example.change(Creator='Risk "engineering"')
    example.change(Creator="Risk")
    example.delete(old)


def test_example_compiled_variants(empty_stacks: DeployedStacks, sandbox: Sandbox) -> None:
    example = Version(empty_stacks, sandbox, "compiled-variants", {})
    assert [each["Name"] for each in example.package["AdditionalInferenceSpecifications"]] == ["graviton"]
    artifacts = "s3://ml-models-123456789012/fraud/1.4.2/compiled/ml_inf2.tar.gz"
    example.change_in_place(
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
    example.change_in_place({"ModelApprovalStatus": "Approved"}, ApprovalStatus="Approved")
    rebuilt = example.replace(GravitonModelDataUrl=artifacts.replace("ml_inf2", "ml_c6g-2"))
    example.change_in_place(InferentiaModelDataUrl="")
    variants = example.package["AdditionalInferenceSpecifications"]
    assert [each["Name"] for each in variants] == ["graviton", "inferentia"]
    example.delete(rebuilt)


def test_example_endpoint_of_the_approved_version(empty_stacks: DeployedStacks, sandbox: Sandbox) -> None:
    example = Version(empty_stacks, sandbox, "endpoint-of-the-approved-version", {})
    sagemaker = empty_stacks.sagemaker

    def served() -> str:
        """The version that the endpoint serves, as SageMaker says."""
        endpoint = sagemaker.describe_endpoint(EndpointName="fraud-detection")
        assert endpoint["EndpointStatus"] == "InService"
        config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        (variant,) = config["ProductionVariants"]
        model = sagemaker.describe_model(ModelName=variant["ModelName"])
        return model["PrimaryContainer"]["ModelPackageName"]

    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert "EndpointArn" not in example.outputs
    approval, *creations = example.change(ApprovalStatus="Approved")
    assert approval == (
        "UpdateModelPackage",
        {"ModelPackageArn": example.arn, "ModelApprovalStatus": "Approved"},
    )
    made = [operation for operation, _ in creations]
    assert made == ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"]
    first, endpoint = example.arn, example.outputs["EndpointArn"]
    assert served() == example.outputs["ServedVersionArn"] == first

    # Another model is another version, and as long as it is not approved nothing else changes.
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/fraud:1.5.0"
    retained = example.replace(
        Image=image,
        ApprovalStatus="PendingManualApproval",
        ServedVersionArn=example.outputs["ServedVersionArn"],
    )
    assert served() == retained == first != example.arn

    # One that does not come up leaves the endpoint as it is.
    sandbox.sagemaker.behaviour.endpoint_failures[image] = "no ping"
    reasons = example.fail(True, ApprovalStatus="Approved")
    assert any("is not in service with the desired configuration: no ping" in reason for reason in reasons)
    sandbox.sagemaker.behaviour.endpoint_failures.clear()
    assert served() == first

    writes_of_approval = [operation for operation, _ in example.change(ApprovalStatus="Approved")]
    assert writes_of_approval == [
        "UpdateModelPackage",
        *("CreateModel", "CreateEndpointConfig", "UpdateEndpoint", "DeleteEndpointConfig", "DeleteModel"),
    ]
    assert served() == example.arn
    assert example.outputs["EndpointArn"] == endpoint
    drift = empty_stacks.drift(example.name)
    assert {drift[name]["StackResourceDriftStatus"] for name in ("Version", "Model", "Endpoint")} == {
        "IN_SYNC"
    }
    tagged = [empty_stacks.arn(example.name, name) for name in ("Model", "EndpointConfiguration", "Endpoint")]
    example.delete(first, tagged=tagged)
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_models()["Models"] == []
