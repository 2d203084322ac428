"""What the rules have of cfn-lint: its classes where it has loaded them, and its list of instance types.

cfn-lint takes seconds to import. The sandbox's `deploy` runs the rules without it, on stand-ins of its
classes; cfn-lint itself is always imported before a rule that it loads.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if "cfnlint.rules" in sys.modules:
    from cfnlint.rules import CloudFormationLintRule, RuleMatch
else:

    class CloudFormationLintRule:  # type: ignore[no-redef] # which of the two it is shows at run time
        """As much of cfn-lint's base class as the rules use."""

        id = ""

    @dataclass(frozen=True)
    class RuleMatch:  # type: ignore[no-redef] # which of the two it is shows at run time
        """A path in a template, and what a rule reports there."""

        path: Sequence[str | int]
        message: str


__all__ = ["CloudFormationLintRule", "RuleMatch", "instance_types"]


def instance_types() -> Iterator[str]:
    """Yield the instance types that cfn-lint lists, of all regions; none where it is not installed."""
    spec = importlib.util.find_spec("cfnlint")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        extensions = Path(folder) / "data" / "schemas" / "extensions"
        for kind in ("aws_sagemaker_hosting", "aws_sagemaker_transform"):
            path = extensions / kind / "instancetype_enum.json"
            text = path.read_text(encoding="utf-8") if path.exists() else "{}"
            regions: dict[str, Any] = json.loads(text)
            for region in regions.values():  # there is a description as well
                yield from region["enum"] if isinstance(region, dict) else ()
