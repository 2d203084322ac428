"""The AWS SAM CLI over a template without a transform."""

from __future__ import annotations

from sandbox.shared.settings import ROOT
from tests.clients.deployer import Deployer
from tests.clients.outcomes import NotOfferedError
from tests.clients.templates import State
from tests.clients.world import Output

SAM = ROOT / ".venv-clients-sam" / "bin" / "sam"


class Sam(Deployer):
    """`sam deploy`, which makes a change set, shows it and executes it; `sam delete`."""

    title = "SAM"
    packages = ("aws-sam-cli",)

    def deploy(self, state: State) -> Output:
        return self._deploy_command(state)

    def show_diff(self, state: State) -> None:
        self._deploy_command(state, "--no-execute-changeset").succeeded().holds("* Modify", "Package")
        for change_set in self.world.cloudformation.list_change_sets(StackName=self.stack)["Summaries"]:
            self.world.cloudformation.delete_change_set(ChangeSetName=change_set["ChangeSetId"])

    def drift(self) -> None:
        self.find_drift()

    def find_drift(self) -> bool:
        raise NotOfferedError("no command for it")

    def import_package(self) -> None:
        raise NotOfferedError("no command for it")

    def import_version(self, arn: str) -> None:
        raise NotImplementedError

    def delete_stack(self) -> Output:
        arguments = ["delete", "--stack-name", self.stack, "--region", self.world.region, "--no-prompts"]
        return self.world.run([SAM, *arguments], cwd=self.folder)

    def _deploy_command(self, state: State, *more: str) -> Output:
        parameters = [f"{name}={value}" for name, value in state.parameters.items()]
        return self.world.run(
            [
                *(SAM, "deploy", "--stack-name", self.stack, "--template-file", self.template_file(state)),
                *("--region", self.world.region, "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
                *("--parameter-overrides", *parameters, *more),
            ],
            cwd=self.folder,
        )
