"""A package, built once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from packager import interpreter
from packager.build import Package, build, unpack
from packager.project import TypeName

ACME = TypeName.registrable("Acme::MachineLearning::ModelVersion")


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The package under another name, as `make package TYPE_NAME=...` builds it on this machine."""
    return build(tmp_path_factory.mktemp("package") / ACME.hyphenated, ACME, interpreter.find())


@pytest.fixture(scope="session")
def handlers(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the unzipped handlers, as in Lambda."""
    folder = tmp_path_factory.mktemp("task") / "root"
    unpack(package.archive, folder)
    return folder
