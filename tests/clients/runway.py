"""Runway, with one CloudFormation module, which its CFNgin deploys."""

from __future__ import annotations

import json

from sandbox.shared.settings import ROOT
from tests.clients.deployer import Deployer
from tests.clients.outcomes import NotOfferedError
from tests.clients.templates import State, template
from tests.clients.world import Output, write

RUNWAY = ROOT / ".venv-clients-runway" / "bin" / "runway"


class Runway(Deployer):
    """`runway deploy`, `plan` and `destroy`."""

    title = "Runway"
    packages = ("runway",)

    def deploy(self, state: State) -> Output:
        return self._runway("deploy", state)

    def show_diff(self, state: State) -> None:
        self._runway("plan", state).succeeded().holds("Approval", "Rejected")

    def drift(self) -> None:
        self.find_drift()

    def find_drift(self) -> bool:
        raise NotOfferedError("no command for it")

    def import_package(self) -> None:
        raise NotOfferedError("no command for it")

    def import_version(self, arn: str) -> None:
        raise NotImplementedError

    def delete_stack(self) -> Output:
        return self._runway("destroy")

    def _runway(self, command: str, state: State | None = None) -> Output:
        module = {"path": "version.cfn", "parameters": {"environment": "here"}}  # without any it is skipped
        deployment = {"modules": [module], "regions": [self.world.region]}
        write(
            self.folder, {"runway.yml": json.dumps({"ignore_git_branch": True, "deployments": [deployment]})}
        )
        if state is not None:
            stack = {
                "name": self.stack,
                "template_path": "version.json",
                "variables": state.parameters,
            }
            # Without a bucket of its own, templates are sent as they are.
            config = {"namespace": "", "cfngin_bucket": "", "stacks": [stack]}
            files = {"cfngin.yml": json.dumps(config), "version.json": template(self.group, state)}
            write(self.folder / "version.cfn", files)
        return self.world.run([RUNWAY, command], cwd=self.folder, CI="1", DEPLOY_ENVIRONMENT="here")
