"""Which module imports which, in the handler package and in the sandbox, and what docstrings have to name."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from packager.project import PACKAGE, ROOT
from tests.guides.pages import check_rows

ARROWS = {
    "__init__": set[str](),
    "calls": {
        *("changes", "comparison", "errors", "probes", "refusals", "request", "stabilize", "tags"),
        "translate",
    },
    "changes": {"classes", "combinations", "comparison", "probes", "recast", "translate"},
    "classes": set[str](),
    "client": {"connections", "deadline", "request", "retries", "timing"},
    "combinations": {"comparison", "messages", "translate"},
    "comparison": set[str](),
    "connections": {"deadline", "timing"},
    "constraints": {"messages", "patterns"},
    "deadline": {"errors"},
    "encoding": set[str](),
    "envelope": set[str](),
    "decoding": set[str](),
    "errors": {"redaction"},
    "handlers": {
        "calls",
        "changes",
        "client",
        "constraints",
        "errors",
        "removals",
        "request",
        "resource",
        "stabilize",
        "tags",
        "timing",
        "translate",
        "validation",
    },
    "json_texts": set[str](),
    "messages": {"errors", "patterns", "spelling"},
    "models": set[str](),
    "occurrences": {"decoding"},
    "patterns": set[str](),
    "probes": {"comparison", "translate"},
    "recast": {"classes", "encoding", "messages", "shapes", "spelling"},
    "redaction": {"decoding", "json_texts", "occurrences"},
    "refusals": {"errors"},
    "removals": {"changes", "errors", "probes", "tags", "translate"},
    "request": {"deadline", "encoding", "errors", "recast", "redaction", "timing", "translate"},
    "resource": {"deadline", "encoding", "envelope", "errors", "request", "telemetry", "timing"},
    "retries": {"deadline", "errors", "timing"},
    "shapes": set[str](),
    "spelling": set[str](),
    "stabilize": {"errors"},
    "tags": {"errors", "messages"},
    "telemetry": {"client", "deadline", "timing"},
    "timing": set[str](),
    "translate": {"comparison", "constraints", "messages", "recast"},
    "validation": {"combinations", "constraints", "messages", "recast", "tags", "translate"},
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
    found = {module.stem: imports(module) for module in PACKAGE.glob("*.py")}
    check_rows("ARROWS in tests/test_layout.py, and the table in guides/architecture.md", ARROWS, found)


def test_handler_package_has_no_circle() -> None:
    TopologicalSorter(ARROWS).prepare()


# The folders and modules of the sandbox. What runs as a process of its own is started, and not imported.
SANDBOX_ARROWS = {
    "__main__": {"commands", "shared", "state_file"},
    "cloudcontrol": {"cloudformation", "shared"},
    "cloudformation": {"shared"},
    "commands": {"local_aws", "registry", "sagemaker", "shared", "state_file"},
    "contract": {"lambda_", "local_aws", "sagemaker", "shared"},
    "lambda_": {"shared"},
    "local_aws": {"page", "sagemaker", "shared"},
    "page": {"cloudformation", "shared"},
    "registry": {"lambda_", "shared"},
    "sagemaker": {"shared"},
    "shared": set[str](),
    "state_file": {"local_aws", "shared"},
}
# Started with `python -m`.
SANDBOX_PROGRAMS = {
    "sandbox.__main__",
    "sandbox.cloudcontrol.__main__",
    "sandbox.cloudformation.__main__",
    "sandbox.contract.__main__",
    "sandbox.contract.cfn_offline",
    "sandbox.registry.__main__",
}
# What the engine imports beside the standard library; all of it but the types is in `.venv-engine`, as is
# ministack, whose modules `ministack_hooks.names` imports by name.
ENGINE_PACKAGES = {"botocore", "hypercorn", "jsonata", "jsonschema", "mypy_boto3_sagemaker", "yaml"}


def sandbox_imports(module: Path) -> set[str]:
    """The full names of what a module of the sandbox imports, wherever in it."""
    package = [*module.relative_to(ROOT).parent.parts]
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {
                f"{base}.{name.name}" if f"{base}.{name.name}" in SANDBOX else base for name in node.names
            }
    return names


def module_name(path: Path) -> str:
    """The name that a module of the sandbox is imported by."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


SANDBOX = {module_name(path): path for path in (ROOT / "sandbox").rglob("*.py")}
IMPORTS = {name: sandbox_imports(path) for name, path in SANDBOX.items()}


def reached(modules: Iterable[str]) -> set[str]:
    """The names of modules and of all that they import, directly or not."""
    names = set[str]()
    left = list(modules)
    while left:
        name = left.pop()
        if name not in names:
            names.add(name)
            left += IMPORTS.get(name, ())
    return names


def test_sandbox_folders_import_what_they_may() -> None:
    arrows: dict[str, set[str]] = {}
    for name, imported in IMPORTS.items():
        if name != "sandbox":
            folder = name.split(".")[1]
            others = {each.split(".")[1] for each in imported if each in SANDBOX and each != "sandbox"}
            arrows.setdefault(folder, set()).update(others - {folder})
    check_rows("SANDBOX_ARROWS in tests/test_layout.py", SANDBOX_ARROWS, arrows)


def test_sandbox_modules_import_without_circles() -> None:
    TopologicalSorter({name: imported & SANDBOX.keys() for name, imported in IMPORTS.items()}).prepare()


def test_sandbox_modules_are_all_in_use() -> None:
    packages = {name for name, path in SANDBOX.items() if path.name == "__init__.py"}
    # `sandbox.__main__` imports the commands by name.
    commands = {name for name in SANDBOX if name.startswith("sandbox.commands.")}
    unused = SANDBOX.keys() - packages - reached(SANDBOX_PROGRAMS | commands)
    assert not unused, f"no program imports {sorted(unused)}: use or remove them, or add to SANDBOX_PROGRAMS"


def test_engine_imports_what_its_environment_has() -> None:
    needed = reached(name for name in SANDBOX if name.startswith("sandbox.cloudformation"))
    others = {name.split(".")[0] for name in needed - SANDBOX.keys()}
    packages = others - sys.stdlib_module_names
    differing = sorted(packages ^ ENGINE_PACKAGES)
    assert not differing, (
        f"{differing}: imported by the engine's process, or in ENGINE_PACKAGES of tests/test_layout.py, not"
        " both; what is imported has to be in the group `engine` of pyproject.toml"
    )


def test_package_of_hooks_names_each_of_its_modules() -> None:
    package = SANDBOX["sandbox.cloudformation.ministack_hooks"]
    text = ast.get_docstring(ast.parse(package.read_text())) or ""
    modules = {path.stem for path in package.parent.glob("*.py") if path != package}
    differing = sorted(set(re.findall(r"`(\w+)`", text)) ^ modules)
    assert not differing, f"{differing}: modules or lines in the docstring of {package}, but not both"


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda)


def raises_itself(node: ast.AST) -> bool:
    """Whether a function raises an exception; re-raises and what is defined within it do not count."""
    if isinstance(node, ast.Raise) and node.exc is not None:
        return True
    return any(raises_itself(child) for child in ast.iter_child_nodes(node) if not isinstance(child, SCOPES))


def undocumented_raises(node: ast.Module | ast.ClassDef, where: str) -> Iterator[str]:
    """The public functions in a module or class that raise, and whose docstrings have no `Raises:`."""
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from undocumented_raises(child, f"{where} {child.name}")
        elif isinstance(child, FUNCTIONS) and raises_itself(child):
            is_magic = child.name.startswith("__")
            # A magic method needs no docstring: its class's has what it raises.
            docstring = ast.get_docstring(node if is_magic else child) or ""
            if "Raises:" not in docstring and (is_magic or not child.name.startswith("_")):
                yield f"{where} {child.name}"


@pytest.mark.parametrize("folder", ["src", "sandbox", "packager", "editors", "benchmarks"])
def test_public_functions_document_what_they_raise(folder: str) -> None:
    modules = {path: path.read_text() for path in (ROOT / folder).rglob("*.py") if path.name != "models.py"}
    assert modules
    for path, code in modules.items():
        assert list(undocumented_raises(ast.parse(code), str(path.relative_to(ROOT)))) == []
