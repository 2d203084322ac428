"""Every command in the guides, run in a real shell, with `aws` replaced by `aws_cli`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from packager.project import ROOT
from sandbox.local_aws import Sandbox
from sandbox.shared.clients import environment
from sandbox.shared.credentials import VARIABLES
from sandbox.shared.settings import REGION
from sandbox.state_file import STATE_VARIABLE, RunningSandbox, StateFile
from tests.guides.aws_cli import NAMED, Account, LocalAws, run_shell
from tests.guides.pages import Block, blocks

ARN = f"arn:aws:sagemaker:{REGION}:123456789012:model-package/fraud-detection/1"


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
    for template in ("execution-role.yaml", "logging.yaml", "alarms.yaml", "registration.yaml"):
        (built / template).symlink_to(ROOT / template)
    (built / NAMED.archive).touch()
    return work


def run(block: Block, folder: Path, aws: LocalAws | Account, **variables: str) -> str:
    """Run a block in a shell and return what it prints."""
    done = run_shell(block.text, folder, aws, **variables)
    assert done.returncode == 0, f"{block}: {done.stdout}"
    return done.stdout


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox that the command line finds, whose handlers' delays pass ten times as fast."""
    state = tmp_path / "sandbox.json"
    with StateFile(state) as state_file, Sandbox(time_scale=0.1, page=True) as sandbox:
        sandbox.sagemaker.reset()  # what moto holds belongs to the process, and to tests before this one
        state_file.write(RunningSandbox.of(sandbox))
        monkeypatch.setenv(STATE_VARIABLE, str(state))
        yield sandbox


# Parts of what the blocks print; guides in the order of the README.
PRINTS = {
    "local: Start, deploy, inspect 2": ["UPDATE_COMPLETE", "fraud/Version", "UpdateModelPackage", ARN],
    "local: Start, deploy, inspect 3": ["DELETE_COMPLETE"],
    "local: Before anything is made 1": [
        "build/wrong.yaml:54: E9111 Domian is not a property of this type; did you mean Domain?",
        "exit code 2",
        '{"changed": false, "problems": [{"level": "error", "rule": "E9111", "line": 54, ',
    ],
    "local: See what a deployment would do 1": [
        "  ! Version (AWS::SageMaker::ModelPackage): replace, the old one is retained\n",
        '      ModelApprovalStatus "PendingManualApproval" -> "Approved"  (in place; from parameter ',
        '{"stack": "planned", "exists": true, "changed": false, "resources": [], ',
    ],
    "local: See what has drifted 1": [
        "/ModelApprovalStatus  NOT_EQUAL\n      expected  PendingManualApproval\n      actual    Approved",
        "exit code 5",
        "drift     MODIFIED",
        "But it has drifted",
    ],
    "local: Use the AWS CLI 1": [ARN.replace("fraud-detection", "churn")],
    "local: Inject faults 1": ["It failed, as it should.", "the container did not answer a ping"],
    "local: Inject faults 2": [":210987654321:model-package/shared-models/1", "DELETE_COMPLETE"],
    "local: Test it 1": ["1 passed"],
    "properties: See it before it happens 1": ["Version\tModify\tFalse", "Version\tIN_SYNC"],
    "editors: In one command 1": [],
    "editors: In one command 2": ["Domian is not a property of this type; did you mean Domain?"],
    "editors: In one command 3": ["'Domian' was unexpected. Did you mean 'Domain'?"],
    "operations: A stack that waits 1": ["CREATE_COMPLETE"],
    "operations: A stack that waits 2": ['"Completed"'],
    "operations: What a rollback leaves 1": ["UPDATE_ROLLBACK_COMPLETE"],
    "operations: What a rollback leaves 2": [
        "UPDATE_COMPLETE\t",
        "AdditionalInferenceSpecifications more, which stays",
    ],
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
# tests/registration runs those for a project.
LOCAL = [block for block in blocks() if not (block.for_an_account or block.for_a_project or block.is_of_make)]


def test_every_local_block_has_an_expected_output() -> None:
    assert sorted(map(str, LOCAL)) == sorted(PRINTS)


def test_local_blocks_print_the_expected_output(running: Sandbox, folder: Path) -> None:
    exported = environment(running.endpoints, running.credentials)
    assert set(VARIABLES.values()) <= exported.keys()
    aws = LocalAws(running)
    by_name = {str(block): block for block in LOCAL}
    try:
        for name, parts in PRINTS.items():
            output = run(by_name[name], folder, aws, **exported)
            assert [each for each in parts if each not in output] == [], f"{name}: {output}"
    finally:
        aws.close()


def test_account_blocks_make_valid_api_calls(folder: Path) -> None:
    account = Account()
    for block in blocks():
        if block.for_an_account and "cfn submit" not in block.text:  # tests/registration runs that
            run(block, folder, account, BUCKET="BUCKET")
    assert set(account.made) >= {
        "RegisterType",
        "DescribeTypeRegistration",
        "SetTypeDefaultVersion",
        "ListTypeVersions",
        "DeregisterType",
        "CreateStackInstances",
        "CreateStackSet",
        "PutBucketPolicy",
        "UpdateStackInstances",
        "UpdateStackSet",
    }


def test_make_blocks_name_the_registered_type() -> None:
    (command,) = [block.text for block in blocks() if block.is_of_make and "TYPE_NAME" in block.text]
    assert command == f"make package TYPE_NAME={NAMED.name}\n"
