"""`demo --registry`: the life of a type in CloudFormation's registry. `make register-demo` is this command.

A version is registered by `cfn submit`, the next one by the AWS CLI from the package of `make package`;
stacks use the one that is the default.
"""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from packager.project import TypeName, stage
from sandbox.commands.demo_steps import Demo, check
from sandbox.commands.shell import Shell
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ROOT

TYPE = TypeName.registrable("Acme::SageMaker::ModelPackage")
# What the older version of the type does not know.
NEWER_PROPERTY = "ModelLifeCycle"
BUCKET = "acme-packages"
GROUP = "fraud-detection"
# Of the request for a trial, whose stages are in no schema but the newer version's.
TRIAL = {
    "ModelPackageGroupName": GROUP,
    NEWER_PROPERTY: {"Stage": "Development", "StageStatus": "InProgress"},
}
FIRST, SECOND = "00000001", "00000002"
_OF_TYPE = f"--type RESOURCE --type-name {TYPE.name}"


def show_registry(print_line: Callable[[str], None], *, as_json: bool = False) -> int:
    """Show the registry in a sandbox of its own, from the first version to the last; return the exit code.

    `as_json`: print a document at the end instead of lines.
    """
    print_text: Callable[[str], None] = (lambda _: None) if as_json else print_line
    print_text("Starting SageMaker, the Invoke API with the registry, CloudFormation and Cloud Control ...")
    with tempfile.TemporaryDirectory(prefix="demo-") as folder, Sandbox() as sandbox:
        older = Path(folder) / "older"
        stage_older(older)
        demo = Demo(sandbox, print_text, TYPE.name)
        code = show_versions(demo, Shell(sandbox, demo.print_line), older, Path(folder) / "newer")
        if as_json:
            print_line(json.dumps(demo.as_json()))
        return code


def stage_older(project: Path) -> None:
    """Make a project of the type as an older commit has it: with a schema that lacks the newer property."""
    stage(project, TYPE)
    path = project / f"{TYPE.hyphenated}.json"
    path.write_text(without_newer(path.read_text(encoding="utf-8")), encoding="utf-8")


def without_newer(schema: str) -> str:
    """Return a schema as the older version has it."""
    content = json.loads(schema)
    del content["properties"][NEWER_PROPERTY]
    return json.dumps(content, indent=2)


def show_versions(demo: Demo, shell: Shell, older: Path, newer: Path) -> int:
    """Register, use, upgrade, try, switch, go back and remove; return the exit code.

    `older` is the project of the first version; the package of this one goes into the folder `newer`.
    """
    versions = _Versions(demo, shell)
    _upgrade(demo, shell, versions, older, newer)
    _switch(demo, versions, older)
    _remove(demo, shell, older)
    return demo.summary()


def _template(project: Path, name: str) -> Path:
    """Return an example, whose type has the name that it is registered under."""
    return project / "examples" / f"{name}.yaml"


def _upgrade(demo: Demo, shell: Shell, versions: _Versions, older: Path, newer: Path) -> None:
    first = _template(older, "registered-version")

    with demo.step("Submit a version of the type that is older than life cycles: cfn submit --set-default"):
        shell.run("cfn generate", older)
        shell.run("cfn submit --set-default", older)
        versions.check(f"{FIRST}\tTrue")

    with demo.step(f"Deploy a stack with {TYPE.name}: registered-version.yaml"):
        versions.deploy("fraud", first, "CREATE_COMPLETE")
        versions.check_used(FIRST)

    with demo.step("Upgrade: register the package of this commit; stacks stay with the first version"):
        archive = newer / TYPE.archive
        packager = f"{shlex.quote(sys.executable)} -m packager"
        shell.run(f"{packager} --type-name {TYPE.name} --output {shlex.quote(str(newer))}", ROOT)
        shell.run(f"aws s3 mb s3://{BUCKET}", newer)
        shell.run(f"aws s3 cp --no-progress {archive.name} s3://{BUCKET}/{archive.name}", newer)
        token = shell.run(
            f"aws cloudformation register-type {_OF_TYPE} --schema-handler-package "
            f"s3://{BUCKET}/{archive.name} --query RegistrationToken --output text",
            newer,
        ).strip()
        shell.run(f"aws cloudformation wait type-registration-complete --registration-token {token}", newer)
        versions.check(f"{FIRST}\tTrue\n{SECOND}\tFalse")
        versions.deploy("fraud", first, "UPDATE_COMPLETE", ApprovalStatus="Approved")
        versions.check_used(FIRST)

    with demo.step("Try the second version through Cloud Control, by its number"):
        arn = versions.request(
            f"create-resource --type-version-id {SECOND} --desired-state {shlex.quote(json.dumps(TRIAL))}"
        )
        versions.check_used(SECOND)
        check(NEWER_PROPERTY in demo.package(arn), "the package has no stage")
        versions.request(f"delete-resource --type-version-id {SECOND} --identifier {arn}")
        check(arn not in demo.packages(), "the trial is left behind")


def _switch(demo: Demo, versions: _Versions, older: Path) -> None:
    first, staged = _template(older, "registered-version"), _template(older, "life-cycle-stages")

    with demo.step("Switch: the second version is the default, and stacks can have what is new in it"):
        versions.switch(SECOND)
        versions.deploy("stages", staged, "CREATE_COMPLETE")
        versions.check_used(SECOND)

    with demo.step("The way back: the first version again, which refuses what it does not know"):
        versions.switch(FIRST)
        versions.deploy("stages", staged, "UPDATE_ROLLBACK_COMPLETE", Stage="QA")
        refused = f"unsupported property {NEWER_PROPERTY}"
        check(any(refused in each for each in demo.reasons("stages")), "the events lack the reason")
        versions.deploy("fraud", first, "UPDATE_COMPLETE", ApprovalStatus="Rejected")
        versions.check_used(FIRST)


def _remove(demo: Demo, shell: Shell, older: Path) -> None:
    with demo.step("Delete the stacks"):
        for stack in ("stages", "fraud"):
            check(demo.delete(stack) == "DELETE_COMPLETE", f"the stack {stack} is not deleted")
        check(demo.packages() == [], "a package is left behind")

    with demo.step("Remove the second version by its number, and the type with the default one by its name"):
        deregister = f"aws cloudformation deregister-type {_OF_TYPE}"
        shell.run(f"{deregister} --version-id {SECOND}", ROOT)
        answer = shell.refuse(f"{deregister} --version-id {FIRST}", ROOT)
        check("is the default version and cannot be deregistered" in answer, "it is refused otherwise")
        shell.run(deregister, ROOT)

    with demo.step("What is left: nothing, and CloudFormation does not know the type"):
        left = shell.run("aws cloudformation list-types --query TypeSummaries[].TypeName --output text", ROOT)
        check(not left.strip(), "a type is left")
        template = shlex.quote(f"file://{_template(older, 'registered-version')}")
        answer = shell.refuse(f"aws cloudformation validate-template --template-body {template}", ROOT)
        check(f"Unrecognized resource types: [{TYPE.name}]" in answer, "it is refused otherwise")


class _Versions:
    """The versions of the type: which there are, and which one is used."""

    def __init__(self, demo: Demo, shell: Shell) -> None:
        self._demo = demo
        self._shell = shell

    def check(self, expected: str) -> None:
        """Fail unless these are the versions, with whether each is the default."""
        query = '"TypeVersionSummaries[].[VersionId, IsDefaultVersion]"'
        command = f"aws cloudformation list-type-versions {_OF_TYPE} --query {query} --output text"
        check(self._shell.run(command, ROOT).strip() == expected, "the versions are others")

    def switch(self, version_id: str) -> None:
        """Make a version the default."""
        self._shell.run(
            f"aws cloudformation set-type-default-version {_OF_TYPE} --version-id {version_id}", ROOT
        )

    def deploy(self, stack: str, template: Path, expected: str, **parameters: str) -> None:
        """Create or update a stack, and fail unless it ends in this status."""
        status = self._demo.deploy(stack, template, parameters)
        check(status == expected, f"the stack is {status}")

    def check_used(self, version_id: str) -> None:
        """Fail unless this version has run the newest handler, by the name of its function."""
        function = self._demo.sandbox.invocations()[-1]["function"]
        self._demo.print_line(f"   handler of {function}")
        check(f"-{version_id}" in function, "another version has run")

    def request(self, command: str) -> str:
        """Make a request of Cloud Control, wait for its success, and return the identifier."""
        begin, _, rest = command.partition(" ")
        token = self._shell.run(
            f"aws cloudcontrol {begin} --type-name {TYPE.name} {rest} "
            "--query ProgressEvent.RequestToken --output text",
            ROOT,
        ).strip()
        self._shell.run(f"aws cloudcontrol wait resource-request-success --request-token {token}", ROOT)
        identifier = "--query ProgressEvent.Identifier --output text"
        status = f"aws cloudcontrol get-resource-request-status --request-token {token} {identifier}"
        return self._shell.run(status, ROOT).strip()
