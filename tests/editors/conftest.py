"""The project, and the folder that `make package` builds from it, each with the type's name there."""

from __future__ import annotations

from pathlib import Path

import pytest

from packager.project import OURS, ROOT, TypeName, renamed, stage

ACME = TypeName.registrable("Acme::SageMaker::ModelPackage")
MISSPELT = (ROOT / "tests" / "mistakes" / "a-property-is-misspelt.yaml").read_text(encoding="utf-8")

Project = tuple[Path, TypeName]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built folder that was copied elsewhere."""
    folder = tmp_path_factory.mktemp("elsewhere") / ACME.hyphenated
    stage(folder, ACME)
    return folder


@pytest.fixture(params=["clone", "built"])
def project(request: pytest.FixtureRequest, built: Path) -> Project:
    return (ROOT, OURS) if request.param == "clone" else (built, ACME)


def misspelt(name: TypeName) -> str:
    """A template with a misspelt property of the type under this name."""
    return renamed(MISSPELT, name)
