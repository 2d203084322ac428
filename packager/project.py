"""The project that is packaged: where its parts are, and a copy of it under another type's name."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "aws-sagemaker-modelpackage.json"
PACKAGE = ROOT / "src" / "aws_sagemaker_modelpackage"

# What somebody needs who validates, tests, packages or registers the type; the package itself is beside it.
# docs/, models.py and both roles are written anew from the schema.
PARTS = (
    ".cfnlintrc",
    ".rpdk-config",
    "LICENSE",
    "editors",
    "examples",
    "inputs",
    "requirements.txt",
    "sam-tests",
    "template.yml",
)
# Of files in folders, where there is no git to ask.
KINDS = frozenset({".json", ".md", ".py", ".yaml"})
# CloudFormation's registry refuses these as the first part of a name (RegisterType, TypeName); here in any
# case, because the registry tells AWS:: from aws:: and people do not.
RESERVED = ("Alexa", "Amazon", "AMZN", "AWS", "Custom", "Dev")
_PART = "[A-Za-z0-9]{2,64}"
_NAME = re.compile(rf"{_PART}::{_PART}::{_PART}")


class BadName(ValueError):
    """A type's name that cannot be registered; the text says why and what to do."""


@dataclass(frozen=True)
class TypeName:
    """A type's name, and what the CLI derives from it."""

    name: str

    @classmethod
    def registrable(cls, name: str) -> Self:
        """The name, if a private registry takes it; raises BadName with the reason otherwise."""
        if not _NAME.fullmatch(name):
            raise BadName(
                f"{name!r} is no name for a resource type: it has three parts of 2 to 64 letters and digits,"
                " joined by '::', such as Acme::SageMaker::ModelPackage"
            )
        first = name.partition("::")[0]
        if first.lower() in {each.lower() for each in RESERVED}:
            raise BadName(
                f"{name!r} cannot be registered: CloudFormation keeps names that begin with"
                f" {', '.join(RESERVED)} to itself. Begin with your organization's name instead of {first}"
            )
        return cls(name)

    @property
    def parts(self) -> tuple[str, ...]:
        """The three parts."""
        return tuple(self.name.split("::"))

    @property
    def hyphenated(self) -> str:
        """What the schema and the package's file are called."""
        return "-".join(self.parts).lower()

    @property
    def package(self) -> str:
        """What the package's folder is called."""
        return "_".join(self.parts).lower()


def schema(path: Path = SCHEMA) -> dict[str, Any]:
    """The type's schema, or that of a project staged elsewhere."""
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


OURS = TypeName(schema()["typeName"])


def stage(target: Path, new: TypeName) -> None:
    """Copy the project into a new folder, with everything that follows from the type's name.

    What merely lies about in its folders is not copied: what is shipped is what is in the repository.
    """
    target.mkdir(parents=True)
    for file in files():
        there = target / renamed(file.as_posix(), new)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text(renamed((ROOT / file).read_text(encoding="utf-8"), new), encoding="utf-8")


def files() -> list[Path]:
    """The project's files that are staged, below its root: git's, or without git those of the right kind."""
    parts = [*PARTS, SCHEMA.name, PACKAGE.relative_to(ROOT).as_posix()]
    command = ["git", "ls-files", "-z", "--", *parts]
    with suppress(OSError, subprocess.CalledProcessError):
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
        tracked = [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]
        if tracked:
            return tracked
    found = [
        path
        for part in parts
        for path in ((ROOT / part).rglob("*") if (ROOT / part).is_dir() else [ROOT / part])
    ]
    below = [path.relative_to(ROOT) for path in found if path.is_file() and "cdk.out" not in path.parts]
    return sorted(path for path in below if path.as_posix() in parts or path.suffix in KINDS)


def renamed(text: str, new: TypeName) -> str:
    """The text with our type's name, package and file replaced, and nothing that only begins so."""
    for old, other in (
        (OURS.name, new.name),
        (OURS.package, new.package),
        (OURS.hyphenated, new.hyphenated),
    ):
        # Not in AWS::SageMaker::ModelPackageGroup.
        text = re.sub(rf"(?<![\w:-]){re.escape(old)}(?![A-Za-z0-9_:])", other, text)
    return text
