"""The project that is packaged: its files, and a copy of it under another type name."""

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

# What validating, testing, packaging or registering the type needs, beside schema and package.
# `cfn generate` writes docs/, models.py and resource-role.yaml from the schema.
PARTS = (
    ".cfnlintrc",
    ".rpdk-config",
    "LICENSE",
    "alarms.yaml",
    "editors",
    "examples",
    "execution-role.yaml",
    "inputs",
    "logging.yaml",
    "registration.yaml",
    "requirements.txt",
    "sam-tests",
    "template.yml",
)
# Suffixes of the files to stage from folders when git cannot list them.
SUFFIXES = frozenset({".cjs", ".json", ".md", ".py", ".yaml"})
# First parts of names that a private registry refuses. Compared without case: Aws:: would only confuse.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RegisterType.html (TypeName)
RESERVED = ("Alexa", "Amazon", "AMZN", "AWS", "Custom", "Dev")
_NAME = re.compile("[A-Za-z0-9]{2,64}(::[A-Za-z0-9]{2,64}){2}")


class InvalidTypeNameError(ValueError):
    """A type name that cannot be registered; the message has the reason and the remedy."""


@dataclass(frozen=True)
class TypeName:
    """A type name, and the names that the CLI and the registry derive from it."""

    name: str

    @classmethod
    def registrable(cls, name: str) -> Self:
        """A type name that a private registry accepts.

        Raises:
            InvalidTypeNameError: It is malformed, or its first part is reserved.
        """
        if not _NAME.fullmatch(name):
            raise InvalidTypeNameError(
                f"{name!r} is no name for a resource type: it has three parts of 2 to 64 letters and digits,"
                " joined by '::', such as Acme::SageMaker::ModelPackage"
            )
        first = name.partition("::")[0]
        if first.lower() in {each.lower() for each in RESERVED}:
            raise InvalidTypeNameError(
                f"{name!r} cannot be registered: CloudFormation keeps names that begin with"
                f" {', '.join(RESERVED)} to itself. Begin with your organization's name instead of {first}"
            )
        return cls(name)

    @property
    def in_arn(self) -> str:
        """The name in the type's ARN, such as AWS-SageMaker-ModelPackage."""
        return self.name.replace("::", "-")

    @property
    def in_namespace(self) -> str:
        """The name in the namespace of its metrics, such as AWS/SageMaker/ModelPackage."""
        return self.name.replace("::", "/")

    @property
    def hyphenated(self) -> str:
        """The name of the schema's file, without suffix, and of the package that the CLI builds."""
        return self.in_arn.lower()

    @property
    def archive(self) -> str:
        """The file of the built package: not the name that the CLI writes its own to, and replaces."""
        return f"{self.hyphenated}-release.zip"

    @property
    def package(self) -> str:
        """The name of the Python package."""
        return self.hyphenated.replace("-", "_")


def schema() -> dict[str, Any]:
    """Read the type's schema."""
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return loaded


OURS = TypeName(schema()["typeName"])


def stage(target: Path, type_name: TypeName) -> None:
    """Copy the project's files into a new folder, with the type name replaced in paths and contents."""
    target.mkdir(parents=True)
    for file in files():
        copy = target / renamed(file.as_posix(), type_name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(renamed((ROOT / file).read_text(encoding="utf-8"), type_name), encoding="utf-8")


def files() -> list[Path]:
    """Paths of the files to stage, relative to the root: those that git tracks, or without git by suffix."""
    parts = [*PARTS, SCHEMA.name, PACKAGE.relative_to(ROOT).as_posix()]
    command = ["git", "ls-files", "-z", "--", *parts]
    with suppress(OSError, subprocess.CalledProcessError):
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
        tracked = [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]
        if tracked:
            return tracked
    single = [ROOT / part for part in parts]
    in_folders = [path for folder in single for path in folder.rglob("*") if path.suffix in SUFFIXES]
    files = [path.relative_to(ROOT) for path in [*single, *in_folders] if path.is_file()]
    return sorted(path for path in files if "cdk.out" not in path.parts)


def renamed(text: str, type_name: TypeName) -> str:
    """Replace every form of our type name in a text, but not longer names that begin with one."""
    for form in ("name", "in_arn", "in_namespace", "hyphenated", "package"):
        ours, other = getattr(OURS, form), getattr(type_name, form)
        # Not in AWS::SageMaker::ModelPackageGroup.
        text = re.sub(rf"(?<![\w:-]){re.escape(ours)}(?![A-Za-z0-9_:])", other, text)
    return text
