"""Loads the rules for model packages; where they cannot be loaded, one warning that says why.

cfn-lint loads this file alone, in no package, and ends at any exception. It may be of any environment:
of another version, with another Python, without the packages that the handlers import.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

EDITORS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(EDITORS.parent))

MODULES = ("refused", "unusable", "advice")
# What the handlers are written for, whose checks the rules run.
MIN_PYTHON = (3, 11)
# The newest version that the rules are tested with: `make editors`.
NEWEST_CFN_LINT = "1.58.0"
NOT_LOADED = "The rules for model packages are not loaded"


class NotLoaded(CloudFormationLintRule):  # type: ignore[misc] # cfn-lint's classes are not typed for mypy
    """The warning at the first model package of a template: its schema is checked, the rules are not."""

    id = "W9000"
    shortdesc = NOT_LOADED
    tags = ["resources", "sagemaker"]  # noqa: RUF012 - cfn-lint's own form
    description = ""

    def match(self, cfn: Any) -> list[RuleMatch]:
        """The match in a template with a model package."""
        packages = list(cfn.get_resources("AWS::SageMaker::ModelPackage"))[:1]
        return [RuleMatch(["Resources", name, "Type"], self.description) for name in packages]


def load() -> dict[str, type[Any]]:
    """The classes of the rules by name.

    Raises:
        Exception: anything that keeps them from being loaded.
    """
    if sys.version_info < MIN_PYTHON:
        raise ImportError(f"they do not run on Python {_dotted(sys.version_info[:2])}")
    with import_module("editors.rules._stand_ins").stand_ins():
        modules = [import_module(f"editors.rules._{name}") for name in MODULES]
    return {
        name: each
        for module in modules
        for name, each in vars(module).items()
        if isinstance(each, type) and "id" in vars(each)
    }


def reason(error: Exception) -> str:
    """Why the rules are not loaded, and what helps."""
    remedy = f"use cfn-lint {NEWEST_CFN_LINT} with Python {_dotted(MIN_PYTHON)} or newer"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").endswith("_modelpackage"):
        remedy = f"have src/ beside {EDITORS.name}/, as the project and the folder of `make package` do"
    return f"{NOT_LOADED}, so only the schema is checked: {error}. To have them, {remedy}"


def _dotted(version: tuple[Any, ...]) -> str:
    return ".".join(map(str, version))


# cfn-lint makes a rule of each class of rules that it meets in this module.
with suppress(Exception):  # another version may have no list of types to add to
    import_module("editors.rules._registered_types")
try:
    globals().update(load())
except Exception as error:
    NotLoaded.description = reason(error)
else:
    del NotLoaded
