"""The files that `cfn generate` writes, and the schema that `cfn validate` accepts."""

import shutil
from pathlib import Path

import pytest

from packager import cli_role
from packager.build import PackageError, run_cfn
from packager.project import PACKAGE, ROOT, SCHEMA

MODELS = PACKAGE.relative_to(ROOT) / "models.py"
INPUTS = (".rpdk-config", SCHEMA.name)


def copy_inputs(target: Path) -> Path:
    """Copy what the generator reads into a folder, so that no test writes into the repository."""
    for name in INPUTS:
        shutil.copy(ROOT / name, target / name)
    (target / MODELS).parent.mkdir(parents=True)
    return target


def generated_files(project: Path) -> dict[str, bytes]:
    """Contents of all files that the generator writes, by path."""
    paths = [project / MODELS, project / "resource-role.yaml", *(project / "docs").rglob("*")]
    return {str(path.relative_to(project)): path.read_bytes() for path in paths if path.is_file()}


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = copy_inputs(tmp_path_factory.mktemp("generate"))
    run_cfn(project, "generate")
    cli_role.mark(project)
    return project


def test_generate_writes_the_committed_files(regenerated: Path) -> None:
    fresh, committed = generated_files(regenerated), generated_files(ROOT)
    assert {str(MODELS), "resource-role.yaml", str(Path("docs") / "README.md")} <= set(fresh)
    differing = sorted(
        name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name)
    )
    assert not differing, f"run `make generate` and commit: {', '.join(differing)}"


def test_generate_does_not_change_its_inputs(regenerated: Path) -> None:
    for name in INPUTS:
        assert (regenerated / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_validate_accepts_the_schema(tmp_path: Path) -> None:
    """With one warning: Python's `re` lacks \\p{L}, which CloudFormation's Java has."""
    lines = run_cfn(copy_inputs(tmp_path), "validate").splitlines()
    expected = "Could not validate regular expression: "
    others = [line for line in lines if not (line.startswith(expected) and r"\p{" in line)]
    assert others == ["Resource schema is valid."]


def test_validate_refuses_a_broken_schema(tmp_path: Path) -> None:
    project = copy_inputs(tmp_path)
    schema = project / INPUTS[1]
    schema.write_text(schema.read_text(encoding="utf-8").replace('"primaryIdentifier"', '"primaryIdentity"'))
    with pytest.raises(PackageError, match="Resource schema is invalid"):
        run_cfn(project, "validate")
