"""What the CDK made of its apps, and the sandbox to deploy it in."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.shared.processes import clean_environment
from sandbox.shared.settings import ROOT
from tests.registration.conftest import package
from tests.stack.conftest import empty_stacks, stacks
from tests.stack.stacks import Json, tags

__all__ = ["empty_stacks", "package", "stacks"]  # fixtures of other tests

APP = ROOT / "examples" / "cdk"
PYTHON = ROOT / ".venv-cdk" / "bin" / "python"
Synthesize = Callable[..., "Assembly"]


@dataclass(frozen=True)
class Assembly:
    """A cloud assembly with one stack, as `app.synth()` wrote it."""

    folder: Path

    @property
    def manifest(self) -> Json:
        content: Json = json.loads((self.folder / "manifest.json").read_text())
        return content

    @property
    def properties(self) -> Json:
        (stack,) = (
            artifact
            for artifact in self.manifest["artifacts"].values()
            if artifact["type"] == "aws:cloudformation:stack"
        )
        properties: Json = stack["properties"]
        return properties

    @property
    def path(self) -> Path:
        return self.folder / str(self.properties["templateFile"])

    @property
    def template(self) -> Json:
        content: Json = json.loads(self.path.read_text())
        return content

    @property
    def tags(self) -> list[Any]:
        return tags(**self.properties.get("tags", {}))

    @property
    def violations(self) -> list[Json]:
        report = json.loads((self.folder / "validation-report.json").read_text())
        return [violation for plugin in report["pluginReports"] for violation in plugin["violations"]]


def run(arguments: Sequence[str | Path], **variables: str) -> None:
    """Run a CDK program in the example's folder, with the Python that has the CDK."""
    if not PYTHON.exists():
        pytest.fail(f"there is no {PYTHON.relative_to(ROOT)}: run `make cdk`")
    # Node 20 still does, with a long warning that it is too old.
    quiet = {"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1"}
    environment = clean_environment(PYTHONPATH=str(APP), **quiet, **variables)
    done = subprocess.run(  # noqa: S603
        [PYTHON, *arguments], cwd=APP, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Synthesizes the example as the CDK's command line does; keywords are context."""

    def example(**given: str) -> Assembly:
        settings = json.loads((APP / "cdk.json").read_text())
        program, *arguments = shlex.split(settings["app"])
        assert program == "python3"
        context: Mapping[str, object] = {**settings["context"], **given}
        folder = tmp_path_factory.mktemp("example") / "cdk.out"
        run(arguments, CDK_OUTDIR=str(folder), CDK_CONTEXT_JSON=json.dumps(context))
        return Assembly(folder)

    return example


@pytest.fixture(scope="session")
def example(synthesize: Synthesize) -> Assembly:
    return synthesize()


@pytest.fixture(scope="session")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Assembly]:
    """The apps of apps.py, by their names."""
    folder = tmp_path_factory.mktemp("apps")
    run([Path(__file__).with_name("apps.py"), folder])
    return lambda name: Assembly(folder / name)
