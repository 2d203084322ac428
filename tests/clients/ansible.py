"""Ansible: the module cloudformation of the collection amazon.aws."""

from __future__ import annotations

import json
from typing import Any

from sandbox.shared.settings import ROOT
from tests.clients.deployer import Deployer
from tests.clients.outcomes import NotOfferedError
from tests.clients.templates import State
from tests.clients.world import Output, write

FOLDER = ROOT / ".venv-clients-ansible" / "bin"


class Ansible(Deployer):
    """`ansible-playbook` with one task."""

    title = "Ansible"
    packages = ("ansible",)

    def deploy(self, state: State) -> Output:
        return self._play({"state": "present", **self._template_of(state)})

    def show_diff(self, state: State) -> None:
        shown = self._play({"state": "present", **self._template_of(state)}, "--check", "-vvv").succeeded()
        shown.holds("Modify", "Package", "ModelApprovalStatus")

    def drift(self) -> None:
        self.find_drift()

    def find_drift(self) -> bool:
        raise NotOfferedError("no module of the collection detects it")

    def import_package(self) -> None:
        raise NotOfferedError("the module cannot import resources")

    def import_version(self, arn: str) -> None:
        raise NotImplementedError

    def delete_stack(self) -> Output:
        return self._play({"state": "absent"})

    def _template_of(self, state: State) -> dict[str, Any]:
        return {"template": self.template_file(state), "template_parameters": state.parameters}

    def _play(self, given: dict[str, Any], *arguments: str) -> Output:
        module = {"stack_name": self.stack, "region": self.world.region, **given}
        task = {"name": "the stack", "amazon.aws.cloudformation": module}
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
        write(self.folder, {"playbook.json": json.dumps([play])})
        python = f"ansible_python_interpreter={FOLDER / 'python'}"
        command = [str(FOLDER / "ansible-playbook"), "playbook.json", "--extra-vars", python, *arguments]
        return self.world.run(command, cwd=self.folder)
