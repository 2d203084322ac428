"""What `cfn generate` writes is what the repository holds, and `cfn validate` accepts the schema."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from packager.project import PACKAGE, ROOT, SCHEMA

MODELS = PACKAGE.relative_to(ROOT) / "models.py"
INPUTS = (".rpdk-config", SCHEMA.name)


def cfn(command: str, project: Path) -> subprocess.CompletedProcess[str]:
    """Run the CLI that belongs to this interpreter on a project."""
    executable = Path(sys.executable).parent / "cfn"
    assert executable.exists(), "the CLI is not installed: run `make setup`"
    return subprocess.run(  # noqa: S603 - the CLI of this environment and a literal from below
        [str(executable), command], cwd=project, capture_output=True, text=True, timeout=120, check=False
    )


def copy_of_inputs(target: Path) -> Path:
    """A project that holds only what the generator reads, so that a test never writes into the repository."""
    for name in INPUTS:
        shutil.copy(ROOT / name, target / name)
    (target / MODELS).parent.mkdir(parents=True)
    return target


def generated_files(project: Path) -> dict[str, bytes]:
    """Contents of all files that the generator owns, by path."""
    paths = [project / MODELS, project / "resource-role.yaml", *(project / "docs").rglob("*")]
    return {str(path.relative_to(project)): path.read_bytes() for path in paths if path.is_file()}


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh copy of the project after `cfn generate`."""
    project = copy_of_inputs(tmp_path_factory.mktemp("generate"))
    result = cfn("generate", project)
    assert result.returncode == 0, result.stdout + result.stderr
    return project


def test_generated_files_are_the_committed_ones(regenerated: Path) -> None:
    fresh, committed = generated_files(regenerated), generated_files(ROOT)
    assert {str(MODELS), "resource-role.yaml", str(Path("docs") / "README.md")} <= set(fresh)
    differing = sorted(
        name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name)
    )
    assert not differing, f"run `cfn generate` and commit: {', '.join(differing)}"


def test_generate_leaves_its_inputs_alone(regenerated: Path) -> None:
    for name in INPUTS:
        assert (regenerated / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_validate_accepts_the_schema_with_no_warning_but_the_known_one(tmp_path: Path) -> None:
    result = cfn("validate", copy_of_inputs(tmp_path))
    lines = (result.stdout + result.stderr).splitlines()
    assert result.returncode == 0, lines
    assert "Resource schema is valid." in lines
    # Python's `re` lacks \p{L}; CloudFormation knows it.
    known = "Could not validate regular expression: "
    unknown = [line for line in lines if not (line.startswith(known) and r"\p{" in line)]
    assert unknown == ["Resource schema is valid."]


def test_validate_refuses_a_broken_schema(tmp_path: Path) -> None:
    project = copy_of_inputs(tmp_path)
    schema = project / INPUTS[1]
    schema.write_text(schema.read_text(encoding="utf-8").replace('"primaryIdentifier"', '"primaryIdentity"'))
    assert cfn("validate", project).returncode != 0
