"""Which module of the handler package imports which: the arrows that the architecture guide describes."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

from packager.project import PACKAGE

ARROWS = {
    "__init__": set[str](),
    "changes": {"combinations", "translate"},
    "client": {"request", "retries", "timing"},
    "combinations": {"messages", "translate"},
    "constraints": {"messages", "patterns"},
    "envelope": set[str](),
    "errors": set[str](),
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
    "messages": {"patterns"},
    "models": set[str](),
    "patterns": set[str](),
    "recast": {"messages", "models"},
    "redaction": set[str](),
    "request": {"errors", "redaction", "timing", "translate"},
    "resource": {"envelope", "errors", "request", "telemetry", "timing"},
    "retries": {"errors", "request", "timing"},
    "stabilize": {"errors"},
    "tags": set[str](),
    "telemetry": {"client", "timing"},
    "timing": set[str](),
    "translate": {"messages", "recast"},
}


def imports(module: Path) -> set[str]:
    """The modules of the package that a module imports; an absolute import of the package fails."""
    modules = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            assert not any(name.name.startswith(PACKAGE.name) for name in node.names), "imports are relative"
        if isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith(PACKAGE.name), "imports are relative"
            if node.level:
                modules |= {node.module} if node.module else {name.name for name in node.names}
    return modules


def test_handler_package_imports_along_the_arrows() -> None:
    assert {module.stem: imports(module) for module in PACKAGE.glob("*.py")} == ARROWS


def test_handler_package_has_no_circle() -> None:
    TopologicalSorter(ARROWS).prepare()
