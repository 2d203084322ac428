"""Packages, built once for all tests that look into them."""

from __future__ import annotations

from pathlib import Path

import pytest

from packager import interpreter
from packager.build import Package, build, unpack
from packager.project import TypeName

ACME = TypeName.registrable("Acme::MachineLearning::ModelVersion")


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The package under a name of its own, as `make package TYPE_NAME=...` builds it on this machine."""
    return build(tmp_path_factory.mktemp("package") / ACME.hyphenated, ACME, interpreter.find())


@pytest.fixture(scope="session")
def handlers(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Lambda would unzip."""
    folder = tmp_path_factory.mktemp("task") / "root"
    unpack(package.archive, folder)
    return folder
