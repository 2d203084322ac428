"""Which module of the handler package imports which: the arrows that the architecture guide describes."""

from __future__ import annotations

import ast
from pathlib import Path

from packager.project import PACKAGE

ARROWS = {
    "__init__": set[str](),
    "changes": {"combinations", "translate"},
    "client": {"request", "retries", "timing"},
    "combinations": {"translate", "messages"},
    "envelope": set[str](),
    "errors": set[str](),
    "request": {"errors", "redaction", "timing", "translate"},
    "resource": {"envelope", "errors", "request", "telemetry", "timing"},
    "handlers": {
        "changes",
        "client",
        "combinations",
        "constraints",
        "errors",
        "models",
        "request",
        "resource",
        "stabilize",
        "tags",
        "timing",
        "translate",
    },
    "constraints": {"messages"},
    "models": set[str](),
    "redaction": set[str](),
    "retries": {"errors", "request", "timing"},
    "stabilize": {"errors"},
    "tags": set[str](),
    "telemetry": {"client", "timing"},
    "timing": set[str](),
    "translate": {"models", "messages"},
    "messages": set[str](),
}


def imports(module: Path) -> set[str]:
    """The modules of the package that a module imports; an absolute import of the package fails."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            assert not any(name.name.startswith(PACKAGE.name) for name in node.names), "imports are relative"
        if isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith(PACKAGE.name), "imports are relative"
            if node.level:
                found |= {node.module} if node.module else {name.name for name in node.names}
    return found


def test_every_module_imports_what_it_may_and_no_other() -> None:
    assert {module.stem: imports(module) for module in PACKAGE.glob("*.py")} == ARROWS
