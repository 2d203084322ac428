"""Sceptre, with one stack in one group."""

from __future__ import annotations

import json

from sandbox.shared.settings import ROOT
from tests.clients.deployer import Deployer
from tests.clients.outcomes import NotOfferedError, expect, tail
from tests.clients.templates import State, template
from tests.clients.world import Output, write

SCEPTRE = ROOT / ".venv-clients-sceptre" / "bin" / "sceptre"
STACK = "models/version.yaml"


class Sceptre(Deployer):
    """`sceptre launch`, `diff`, `drift` and `delete`."""

    title = "Sceptre"
    packages = ("sceptre",)

    def deploy(self, state: State) -> Output:
        return self._sceptre(state, "launch", "--yes", STACK)

    def show_diff(self, state: State) -> None:
        # It ends with the number of stacks that differ.
        output = self._sceptre(state, "diff", STACK).holds("Approval", "Rejected")
        expect(output.code in {0, 1}, f"exit code {output.code}\n{tail(output.text)}")

    def find_drift(self) -> bool:
        output = self.world.run([SCEPTRE, "drift", "detect", STACK], cwd=self.folder).succeeded()
        finds = {"DRIFTED": True, "IN_SYNC": False}
        seen = [is_drift for words, is_drift in finds.items() if words in output.text]
        expect(
            len(seen) == 1, f"it says neither that there is drift nor that there is none\n{tail(output.text)}"
        )
        return seen[0]

    def import_package(self) -> None:
        raise NotOfferedError("no command for it")

    def import_version(self, arn: str) -> None:
        raise NotImplementedError

    def delete_stack(self) -> Output:
        return self.world.run([SCEPTRE, "delete", "--yes", STACK], cwd=self.folder)

    def _sceptre(self, state: State, *arguments: str) -> Output:
        stack = {
            "stack_name": self.stack,
            "template": {"path": "version.json", "type": "file"},
            "parameters": state.parameters,
        }
        project = {"project_code": "clients", "region": self.world.region}
        write(
            self.folder,
            {
                "config/models/config.yaml": json.dumps(project),
                f"config/{STACK}": json.dumps(stack),
                "templates/version.json": template(self.group, state),
            },
        )
        return self.world.run([SCEPTRE, *arguments], cwd=self.folder)
