"""`export`: the template of a live package deploys to an equal one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import __main__ as cli
from sandbox.commands.export import LOGICAL_ID, make_template, read_with_environment, to_yaml
from sandbox.contract.runner import input_groups
from sandbox.local_aws import Sandbox
from sandbox.shared.clients import environment
from sandbox.shared.credentials import VARIABLES
from sandbox.shared.settings import REGION, ROOT, TYPE_NAME, top_level
from tests.sandbox.helpers import answer_of
from tests.stack.stacks import GROUP, IMAGE, DeployedStacks, Json, input_set, sam_event, template, version

ExportAndDeploy = Callable[[str], Json]
# What cannot be equal in two packages.
DIFFERS = {
    "ModelPackageArn",
    "CreationTime",
    "LastModifiedTime",
    "ModelPackageVersion",
    "ModelPackageName",
    "ModelPackageStatusItem",
    "LastModifiedBy",
}


@pytest.fixture
def shell(stacks: DeployedStacks, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A shell with the variables that `python -m sandbox start` prints, and the group of the input sets."""
    assert input_groups(ROOT / "inputs") == {GROUP}
    del stacks  # makes the group, and deletes every stack afterwards
    for name, value in environment(sandbox.endpoints, sandbox.credentials).items():
        monkeypatch.setenv(name, value)
    return sandbox


def export(arn: str) -> str:
    return to_yaml(make_template(read_with_environment(arn)))


def comparable(sandbox: Sandbox, arn: str) -> dict[str, Any]:
    """What read returns of a package, without what two packages cannot share."""
    event = sam_event("READ", {"ModelPackageArn": arn})
    model = answer_of(sandbox, "TestEntrypoint", event)["resourceModel"]
    return {name: value for name, value in model.items() if name not in DIFFERS}


ALGORITHM = {"AlgorithmName": "fraud-boosting", "ModelDataUrl": "s3://bucket/model.tar.gz"}
ALGORITHMS: Any = {"SourceAlgorithmSpecification": {"SourceAlgorithms": [ALGORITHM]}}
MODEL = f"arn:aws:sagemaker:{REGION}:123456789012:model/fraud"
UPDATES: dict[str, Any] = {"an approval": {"ModelApprovalStatus": "Approved"}, "nothing": {}}


@pytest.fixture
def export_and_deploy(
    shell: Sandbox, stacks: DeployedStacks, capsys: pytest.CaptureFixture[str]
) -> ExportAndDeploy:
    """Deploys a package's export, which must make an equal package in sync, and returns its properties."""

    def run(arn: str) -> Json:
        assert cli.main(["export", arn, "--json"]) == 0
        exported = capsys.readouterr()
        name = stacks.create(exported.out)
        assert comparable(shell, arn) == comparable(shell, stacks.arn(name, LOGICAL_ID))
        assert stacks.drift(name)[LOGICAL_ID]["StackResourceDriftStatus"] == "IN_SYNC"
        properties: Json = json.loads(exported.out)["Resources"][LOGICAL_ID]["Properties"]
        is_left_out = "InferenceSpecification" in stacks.package(arn).keys() - properties.keys()
        assert ("InferenceSpecification is left out" in exported.err) == is_left_out
        return properties

    return run


@pytest.mark.parametrize("number", range(1, 6))
def test_export_deploys_to_an_equal_package(
    export_and_deploy: ExportAndDeploy, stacks: DeployedStacks, number: int
) -> None:
    given = input_set(number)
    _, arn = stacks.create_package(template(given))
    assert ("InferenceSpecification" in export_and_deploy(arn)) == ("InferenceSpecification" in given)


# What the local SageMaker fills in beside the containers.
SUPPORTED = {
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}
IDENTITIES: list[Any] = [{"ModelPackageGroupName": GROUP}, {"ModelPackageName": "from-algorithm"}]


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("given", [True, False], ids=["given", "filled in"])
def test_export_keeps_a_specification_beside_an_algorithm(
    export_and_deploy: ExportAndDeploy, stacks: DeployedStacks, sandbox: Sandbox, identity: Any, given: bool
) -> None:
    sandbox.sagemaker.behaviour.describes_until_completed = 0
    own: Any = {"Containers": [{"Image": IMAGE, "ModelDataUrl": ALGORITHM["ModelDataUrl"]}], **SUPPORTED}
    specification = {"InferenceSpecification": own} if given else {}
    created = stacks.sagemaker.create_model_package(**identity, **ALGORITHMS, **specification)
    properties = export_and_deploy(created["ModelPackageArn"])
    assert properties["SourceAlgorithmSpecification"] == ALGORITHMS["SourceAlgorithmSpecification"]
    assert (properties["InferenceSpecification"] == own) == given


@pytest.mark.parametrize("identity", IDENTITIES)
def test_export_leaves_out_what_comes_of_an_algorithm_where_it_cannot_be_given(
    export_and_deploy: ExportAndDeploy, stacks: DeployedStacks, sandbox: Sandbox, identity: Any
) -> None:
    sandbox.sagemaker.behaviour.describes_until_completed = 0
    source = {"S3Uri": "s3://bucket/model/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    algorithm: Any = {"AlgorithmName": "a", "ModelDataSource": {"S3DataSource": source}}
    created = stacks.sagemaker.create_model_package(
        **identity, SourceAlgorithmSpecification={"SourceAlgorithms": [algorithm]}
    )
    properties = export_and_deploy(created["ModelPackageArn"])
    assert ("InferenceSpecification" in properties) == ("ModelPackageGroupName" in identity)


@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
@pytest.mark.parametrize("source", ["package", "model"])
def test_export_leaves_out_what_comes_of_a_source(
    export_and_deploy: ExportAndDeploy, stacks: DeployedStacks, source: str, update: Any
) -> None:
    _, package = stacks.create_package(template(version()))
    uri = package if source == "package" else MODEL
    created = stacks.sagemaker.create_model_package(ModelPackageGroupName=GROUP, SourceUri=uri)
    arn = created["ModelPackageArn"]
    assert stacks.package(arn)["InferenceSpecification"]
    if update:
        stacks.sagemaker.update_model_package(ModelPackageArn=arn, **update)
    properties = export_and_deploy(arn)
    assert properties["SourceUri"] == uri
    assert "InferenceSpecification" not in properties


def test_export_keeps_a_specification_beside_a_source(
    export_and_deploy: ExportAndDeploy, stacks: DeployedStacks
) -> None:
    _, package = stacks.create_package(template(version()))
    own = version(InferenceSpecification={"Containers": [{"Image": IMAGE.replace(":1", ":own")}]})
    for uri in (package, MODEL, f"{package}9", "s3://bucket/model/"):
        _, arn = stacks.create_package(template({**own, "SourceUri": uri}))
        assert export_and_deploy(arn)["InferenceSpecification"] == own["InferenceSpecification"]


def test_export_keeps_a_specification_that_differs_from_its_sources(
    export_and_deploy: ExportAndDeploy, stacks: DeployedStacks
) -> None:
    _, package = stacks.create_package(template(version()))
    own = {"Containers": [{"Image": IMAGE.replace(":1", ":own")}], **SUPPORTED}
    _, arn = stacks.create_package(template(version(InferenceSpecification=own, SourceUri=package)))
    assert export_and_deploy(arn)["InferenceSpecification"] == own


def test_export_keeps_keys_that_are_the_users(
    export_and_deploy: ExportAndDeploy, stacks: DeployedStacks
) -> None:
    keys = {"ETag": "1", "ImageDigest": "2", "KmsKeyId": "", "IsCheckpoint": "false"}
    specification = {"Containers": [{"Image": IMAGE, "Environment": keys}]}
    metadata = {**keys, "KmsKeyId": "3"}
    given = version(InferenceSpecification=specification, CustomerMetadataProperties=metadata)
    _, arn = stacks.create_package(template(given))
    properties = export_and_deploy(arn)
    assert properties["CustomerMetadataProperties"] == metadata
    assert properties["InferenceSpecification"] == specification


def test_export_names_the_group_of_another_account_by_its_arn(
    export_and_deploy: ExportAndDeploy, stacks: DeployedStacks, sandbox: Sandbox
) -> None:
    group = f"arn:aws:sagemaker:{REGION}:210987654321:model-package-group/shared"
    sandbox.sagemaker.behaviour.shared_groups = [group]
    _, arn = stacks.create_package(template({**version(), "ModelPackageGroupName": group}))
    assert arn.endswith(":210987654321:model-package/shared/1")
    assert export_and_deploy(arn)["ModelPackageGroupName"] == group
    assert cli.main(["export", arn, "--account"]) == 0


def test_export_quotes_text_like_numbers(shell: Sandbox) -> None:
    metadata = {"commit": "12345e7", "rate": "1e3", "mode": "0o17", "approved": "yes"}
    created = shell.client("sagemaker").create_model_package(
        ModelPackageGroupName=GROUP, CustomerMetadataProperties=metadata
    )
    exported = export(created["ModelPackageArn"])
    for value in metadata.values():
        assert f': "{value}"' in exported


def test_export_imports_its_package(shell: Sandbox, stacks: DeployedStacks) -> None:
    arn = shell.client("sagemaker").create_model_package(ModelPackageGroupName=GROUP)["ModelPackageArn"]
    resource = {"ResourceType": TYPE_NAME, "LogicalResourceId": LOGICAL_ID}
    change_set = stacks.change_set(
        "export-import",
        yaml.safe_load(export(arn)),
        ChangeSetType="IMPORT",
        ResourcesToImport=[{**resource, "ResourceIdentifier": {"ModelPackageArn": arn}}],
    )
    assert stacks.execute(change_set) == "IMPORT_COMPLETE"
    assert stacks.drift("export-import")[LOGICAL_ID]["StackResourceDriftStatus"] == "IN_SYNC"


@pytest.mark.usefixtures("shell")
def test_export_leaves_out_the_services_properties(
    stacks: DeployedStacks, capsys: pytest.CaptureFixture[str]
) -> None:
    properties = input_set(1)
    _, arn = stacks.create_package(template(properties))
    assert cli.main(["export", arn]) == 0
    resource = yaml.safe_load(capsys.readouterr().out)["Resources"][LOGICAL_ID]
    assert not resource["Properties"].keys() & (
        top_level("readOnlyProperties") | top_level("deprecatedProperties")
    )
    del properties["Tags"]  # an empty list says nothing
    assert resource["Properties"] == {**properties, "ModelApprovalStatus": "PendingManualApproval"}


@pytest.mark.usefixtures("shell")
def test_export_reports_a_missing_package(capsys: pytest.CaptureFixture[str]) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:123456789012:model-package/fraud-detection/99"
    assert cli.main(["export", arn]) == 1
    assert capsys.readouterr().err.startswith(f"NotFound: READ {TYPE_NAME} {arn}: there is no such package")


def test_export_without_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/x"
    assert cli.main(["export", arn, "--account"]) == 1
    assert "There are no credentials" in capsys.readouterr().err
