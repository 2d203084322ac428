"""The CDK's validator with the type's schema, as guides/editors.md says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from packager.project import ROOT, renamed
from tests.editors.conftest import Project, misspelt

MODULES = ROOT / ".npm-editors" / "node_modules"
SCRIPT = Path("editors") / "cdk-validate.cjs"
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
# An empty default is refused even where a condition leaves the value out, so these have a value.
VALUES = [
    "InferentiaModelDataUrl=s3://ml-models-123456789012/fraud/inf2.tar.gz",
    "CardKeyArn=arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555",
    f"ImageDigest=sha256:{'0' * 64}",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of templates, in which the validator is installed."""
    (tmp_path / "node_modules").symlink_to(MODULES)
    return tmp_path


def validate(script: Path, folder: Path, *arguments: str) -> tuple[int, list[str]]:
    command = [str(shutil.which("node")), str(script), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    return done.returncode, (done.stdout + done.stderr).splitlines()


def test_validator_knows_the_type(project: Project, folder: Path) -> None:
    root, name = project
    (folder / "wrong.yaml").write_text(misspelt(name), encoding="utf-8")
    message = "Properties.Domian: Additional properties are not allowed ('Domian' was unexpected)"
    assert validate(root / SCRIPT, folder, "wrong.yaml") == (1, [f"wrong.yaml:12: F3002 {message}"])


def test_validator_accepts_the_examples(project: Project, folder: Path) -> None:
    """Also members that AWS's own schema lacks."""
    root, name = project
    for path in EXAMPLES:
        (folder / path.name).write_text(renamed(path.read_text(encoding="utf-8"), name), encoding="utf-8")
    code, lines = validate(root / SCRIPT, folder, *VALUES, *(path.name for path in EXAMPLES))
    assert code == 0, lines
    assert [line for line in lines if name.name in line or "ModelPackage" in line] == []


def test_validator_is_asked_for_where_it_is_missing(tmp_path: Path) -> None:
    expected = "There is no @aws/cloudformation-validate here: npm install @aws/cloudformation-validate"
    assert validate(ROOT / SCRIPT, tmp_path, "wrong.yaml") == (2, [expected])


def test_validator_names_a_template_that_is_missing(folder: Path) -> None:
    (folder / "empty.yaml").touch()
    expected = "There is no template missing.yaml, node_modules"
    arguments = ("missing.yaml", "empty.yaml", "node_modules")
    assert validate(ROOT / SCRIPT, folder, *arguments) == (2, [expected])


def test_guide_has_the_tested_commands() -> None:
    guide = (ROOT / "guides" / "editors.md").read_text(encoding="utf-8")
    assert "npm install @aws/cloudformation-validate\n" in guide
    assert f"node $PROJECT/{SCRIPT} " in guide
    locked = json.loads((ROOT / "locks" / "editors" / "package.json").read_text())["dependencies"]
    assert [version for version in locked.values() if version not in guide] == []
