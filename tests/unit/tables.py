"""Table tests: rows named by sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest


def table(names: str, rows: Mapping[str, Any]) -> pytest.MarkDecorator:
    """Run a test with each row: values for these comma-separated names, under the row's sentence as id."""
    return pytest.mark.parametrize(names, rows.values(), ids=rows.keys())
