"""Table tests: rows named by sentences; tests without coverage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

# For tests of every case or of a duration: others cover their lines, and coverage doubles the time they take.
untraced = pytest.mark.no_cover


def table(names: str, rows: Mapping[str, Any]) -> pytest.MarkDecorator:
    """Run a test with each row: values for these comma-separated names, under the row's sentence as id."""
    return pytest.mark.parametrize(names, rows.values(), ids=rows.keys())
