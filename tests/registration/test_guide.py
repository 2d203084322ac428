"""The registry's commands of the operations guide, by the real `aws` and `cfn` against the sandbox."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from packager.build import Package
from packager.project import ROOT
from sandbox.commands.demo_registry import TYPE
from sandbox.commands.shell import Shell
from sandbox.local_aws import Sandbox
from tests.guides.aws_cli import LocalAws, run_shell
from tests.guides.pages import Block, blocks
from tests.registration.packages import Packages, versions_run
from tests.stack.stacks import DeployedStacks, parameters

HEADINGS = ("Register", "Upgrade, roll back, remove")
BUCKET = "acme-packages"
LOGGED = "Logs and metrics 1"
BLOCKS = {
    name: block
    for block in blocks()
    if block.guide == "operations"
    if (name := str(block).removeprefix("operations: ")) == LOGGED or block.heading in HEADINGS
}
(
    REGISTER,
    SUBMIT,
    UPGRADE,
    TRY,
    SWITCH,
    GO_BACK,
    ROLE_BACK,
    REMOVE_VERSION,
    REMOVE_TYPE,
) = RUN = (
    *("Register 1", "Register 2"),
    *(f"Upgrade, roll back, remove {number}" for number in range(1, 8)),
)


@pytest.fixture
def work(package: Package, tmp_path: Path) -> Path:
    """The root of the project after `make package`, as far as the commands need it."""
    work = tmp_path / "work"
    built = work / "build" / TYPE.hyphenated
    shutil.copytree(package.project, built, ignore=shutil.ignore_patterns("build", "*.zip"))
    (work / ".venv").symlink_to(ROOT / ".venv")
    return work


def versions(stacks: DeployedStacks) -> list[tuple[str, bool]]:
    """The live versions of the type, and which is the default."""
    page = stacks.client.list_type_versions(Type="RESOURCE", TypeName=TYPE.name)
    return [(each["VersionId"], each["IsDefaultVersion"]) for each in page["TypeVersionSummaries"]]


# A trial fails before there is a package, and after that, and is interrupted; with parts of what it prints.
FAILING_TRIALS = {
    r"\"$GROUP\"": (r"\"$GROUP-2\"", "does not exist"),
    "get-resource ": ("get-resource --wrong ", "error: 400"),
    "try get-resource ": ("sh -c 'kill -INT $PPID' # ", ""),
}


def describe(stacks: DeployedStacks) -> Any:
    """The type, with what its default version was registered with."""
    return stacks.client.describe_type(Type="RESOURCE", TypeName=TYPE.name)


def deployed_role(stacks: DeployedStacks) -> str:
    """The template of the execution role's stack."""
    return str(stacks.client.get_template(StackName="acme-modelpackage-role")["TemplateBody"])


def left(sandbox: Sandbox, stacks: DeployedStacks) -> tuple[int, list[str]]:
    """How many packages there are, and the names of the groups."""
    page = stacks.sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    return len(sandbox.sagemaker.packages), [each["ModelPackageGroupName"] for each in page]


def check_logs(sandbox: Sandbox, stacks: DeployedStacks) -> None:
    """The version logs where its registration says, with metrics in the namespace of its name."""
    name = stacks.outputs("acme-modelpackage-logging")["LogGroupName"]
    assert describe(stacks)["LoggingConfig"]["LogGroupName"] == name
    with closing(sandbox.client("logs")) as logs, closing(sandbox.client("cloudwatch")) as cloudwatch:
        (group,) = logs.describe_log_groups()["logGroups"]
        assert (group["logGroupName"], group["retentionInDays"]) == (name, 90)
        assert logs.describe_log_streams(logGroupName=name)["logStreams"]
        metrics = cloudwatch.list_metrics(Namespace=f"AWS/CloudFormation/{TYPE.in_namespace}")["Metrics"]
        assert "HandlerInvocationCount" in {each["MetricName"] for each in metrics}


def check_calls(sandbox: Sandbox, work: Path) -> None:
    """Commands whose calls are made without the AWS CLI, which takes a second for each."""
    with closing(LocalAws(sandbox)) as aws:
        assert "HandlerInvocationCount" in run_shell(BLOCKS[LOGGED].text, work, aws).stdout
        for right, (wrong, printed) in FAILING_TRIALS.items():
            done = run_shell(BLOCKS[TRY].text.replace(right, wrong), work, aws)
            assert done.returncode != 0
            assert printed in done.stdout, done.stdout
        # An upgrade that is begun again, with the newer role deployed already.
        kept = work / "role-of-00000001.yaml"
        before = kept.read_text()
        steps = BLOCKS[UPGRADE].text
        run_shell(steps[steps.index("DEFAULT=") : steps.index("aws cloudformation deploy")], work, aws)
        assert kept.read_text() == before


def test_all_blocks_of_the_registry_are_run() -> None:
    assert sorted(BLOCKS) == sorted([*RUN, LOGGED])
    assert all(block.for_an_account for block in BLOCKS.values())


def test_guide_registers_upgrades_goes_back_and_removes(
    sandbox: Sandbox, stacks: DeployedStacks, shell: Shell, packages: Packages, work: Path
) -> None:
    archive = work / "build" / TYPE.hyphenated / TYPE.archive
    examples = archive.parent / "examples"
    first, staged = (
        (examples / f"{name}.yaml").read_text() for name in ("registered-version", "life-cycle-stages")
    )
    sandbox.client("s3", endpoint_url=sandbox.endpoints["cloudformation"]).create_bucket(Bucket=BUCKET)

    def run(name: str) -> str:
        block: Block = BLOCKS[name]
        return shell.run(f"BUCKET={BUCKET}\n{block.text}", work)

    def used() -> str:
        return versions_run(sandbox)[-1]

    # The first version, which is older than life cycles.
    archive.write_bytes(packages.older)
    run(REGISTER)
    first_role = deployed_role(stacks)
    assert versions(stacks) == [("00000001", True)]
    described = describe(stacks)
    assert described["ExecutionRoleArn"].startswith("arn:aws:iam::123456789012:role/")
    stack = stacks.create(first)
    assert used() == "00000001"
    check_logs(sandbox, stacks)

    # The second one, which is not yet the default.
    archive.write_bytes(packages.newer)
    role = archive.with_name("execution-role.yaml")
    role.write_text(role.read_text().replace("ResourceTypePolicy", "NewerPolicy"))
    assert run(UPGRADE).endswith("00000001\tTrue\n00000002\tFalse\n")
    assert stacks.update(stack, first, Parameters=parameters(ApprovalStatus="Approved")) == "UPDATE_COMPLETE"
    assert used() == "00000001"
    assert deployed_role(stacks) == role.read_text() != first_role
    before = left(sandbox, stacks)
    assert "from version 2 of the type" in run(TRY)
    assert used() == "00000002"
    check_calls(sandbox, work)
    assert left(sandbox, stacks) == before

    run(SWITCH)
    assert versions(stacks) == [("00000001", False), ("00000002", True)]
    newer = stacks.create(staged)
    assert used() == "00000002"

    # The way back refuses what the first version does not know, and leaves the package as it is.
    run(GO_BACK)
    run(ROLE_BACK)
    assert deployed_role(stacks).rstrip() == first_role.rstrip()
    arn = stacks.arn(newer, "Version")
    assert stacks.update(newer, staged, Parameters=parameters(Stage="QA")) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("unsupported property ModelLifeCycle" in reason for reason in stacks.reasons(newer))
    assert stacks.package(arn)["ModelLifeCycle"]["Stage"] == "Development"
    assert stacks.delete(newer) == "DELETE_COMPLETE"

    run(REMOVE_VERSION)
    assert versions(stacks) == [("00000001", True)]

    submit_and_remove(stacks, run, stack, first)
    assert used() == "00000003"


def submit_and_remove(stacks: DeployedStacks, run: Callable[[str], str], stack: str, template: str) -> None:
    """Register the CLI's own package, then remove the type from under no stack."""
    # The CLI's own package is one more version, and the default.
    assert "Set default version to" in run(SUBMIT)
    assert versions(stacks) == [("00000001", False), ("00000003", True)]
    assert describe(stacks)["LoggingConfig"]["LogGroupName"] == f"{TYPE.hyphenated}-logs"
    assert (
        stacks.update(stack, template, Parameters=parameters(ApprovalStatus="Rejected")) == "UPDATE_COMPLETE"
    )
    assert stacks.delete(stack) == "DELETE_COMPLETE"

    # The type goes by its name, once the default version is the only one.
    with pytest.raises(ClientError, match="more than one active version"):
        stacks.client.deregister_type(Type="RESOURCE", TypeName=TYPE.name)
    stacks.client.deregister_type(Type="RESOURCE", TypeName=TYPE.name, VersionId="00000001")
    with pytest.raises(ClientError, match="'00000003' is the default version and cannot be deregistered"):
        stacks.client.deregister_type(Type="RESOURCE", TypeName=TYPE.name, VersionId="00000003")
    run(REMOVE_TYPE)
    assert stacks.client.list_types()["TypeSummaries"] == []
    with pytest.raises(ClientError, match=rf"Unrecognized resource types: \[{TYPE.name}\]"):
        stacks.client.create_stack(StackName="late", TemplateBody=template)
