"""The AWS CLI: `aws cloudformation deploy`, and its commands for stacks and change sets."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from sandbox.shared.settings import ROOT, TYPE_NAME
from tests.clients.deployer import Deployer
from tests.clients.outcomes import NotOfferedError, expect, tail
from tests.clients.templates import State
from tests.clients.world import Output

AWS = ROOT / ".venv-clients-aws" / "bin" / "aws"
NO_UPDATES = "No updates are to be performed"


class AwsCli(Deployer):
    """What both ways share."""

    packages = ("awscli",)

    def aws(self, *arguments: str | Path) -> Output:
        """Run a command of `aws cloudformation`."""
        return self.world.run([AWS, "cloudformation", *arguments], cwd=self.folder)

    def wait(self, for_what: str, *arguments: str) -> Output:
        """Run one of the CLI's waiters."""
        return self.aws("wait", for_what, *arguments)

    def delete_stack(self) -> Output:
        self.aws("delete-stack", "--stack-name", self.stack).succeeded()
        return self.wait("stack-delete-complete", "--stack-name", self.stack)


class Deploy(AwsCli):
    """`aws cloudformation deploy`, which makes a change set and executes it."""

    title = "AWS CLI, `deploy`"

    def deploy(self, state: State) -> Output:
        return self._deploy_command(state)

    def show_diff(self, state: State) -> None:
        time.sleep(1)  # its name has the second in it, and a change set without changes stays
        output = self._deploy_command(state, "--no-execute-changeset").succeeded()
        match = re.search(r"aws cloudformation (describe-change-set --change-set-name \S+)", output.text)
        expect(match is not None, f"it prints no command for the change set\n{tail(output.text)}")
        assert match is not None
        arguments = match[1].split()
        self.aws(*arguments).succeeded().holds("Modify", "Package", "ModelApprovalStatus")
        self.aws("delete-change-set", *arguments[1:]).succeeded()

    def find_drift(self) -> bool:
        raise NotOfferedError("`deploy` only deploys; the stack commands below have it")

    def import_package(self) -> None:
        raise NotOfferedError("`deploy` only deploys; the stack commands below have it")

    def import_version(self, arn: str) -> None:
        raise NotImplementedError

    def drift(self) -> None:
        self.find_drift()

    def _deploy_command(self, state: State, *more: str) -> Output:
        parameters = [f"{name}={value}" for name, value in state.parameters.items()]
        template = self.template_file(state)
        return self.aws(
            *("deploy", "--stack-name", self.stack, "--template-file", template),
            *("--no-fail-on-empty-changeset", "--parameter-overrides", *parameters, *more),
        )


class Stacks(AwsCli):
    """create-stack, update-stack, change sets, drift detection and imports."""

    title = "AWS CLI, stacks and change sets"

    def deploy(self, state: State) -> Output:
        exists = self.world.stack(self.stack) is not None
        started = self.aws(f"{'update' if exists else 'create'}-stack", *self._stack_arguments(state))
        if exists and started.code and NO_UPDATES in started.text:
            return Output(0, started.text)
        if started.code:
            return started
        operation = "update" if exists else "create"
        return self.wait(f"stack-{operation}-complete", "--stack-name", self.stack)

    def show_diff(self, state: State) -> None:
        self.aws("create-change-set", "--change-set-name", "shown", *self._stack_arguments(state)).succeeded()
        names = ("--stack-name", self.stack, "--change-set-name", "shown")
        self.wait("change-set-create-complete", *names).succeeded()
        shown = self.aws("describe-change-set", *names).succeeded()
        shown.holds("Modify", "Package", "ModelApprovalStatus")
        self.aws("delete-change-set", *names).succeeded()

    def find_drift(self) -> bool:
        started = self.aws("detect-stack-drift", "--stack-name", self.stack).succeeded()
        detection = json.loads(started.text)["StackDriftDetectionId"]
        status = self.aws("describe-stack-drift-detection-status", "--stack-drift-detection-id", detection)
        return bool(json.loads(status.succeeded().text)["StackDriftStatus"] == "DRIFTED")

    def import_version(self, arn: str) -> None:
        resources = [
            {
                "ResourceType": TYPE_NAME,
                "LogicalResourceId": "Package",
                "ResourceIdentifier": {"ModelPackageArn": arn},
            }
        ]
        names = ("--stack-name", self.import_stack, "--change-set-name", "import")
        self.aws(
            *("create-change-set", "--change-set-type", "IMPORT", *names),
            *("--template-body", f"file://{self.import_template_file()}"),
            *("--resources-to-import", json.dumps(resources)),
        ).succeeded()
        self.wait("change-set-create-complete", *names).succeeded()
        self.aws("execute-change-set", *names).succeeded()
        self.wait("stack-import-complete", "--stack-name", self.import_stack).succeeded()

    def _stack_arguments(self, state: State) -> list[str]:
        parameters = [
            f"ParameterKey={name},ParameterValue={value}" for name, value in state.parameters.items()
        ]
        template = self.template_file(state)
        return [
            "--stack-name",
            self.stack,
            "--template-body",
            f"file://{template}",
            "--parameters",
            *parameters,
        ]
