"""The packages that are measured, unzipped into read-only folders as in Lambda."""

from __future__ import annotations

import shutil
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packager.build import HANDLERS, build, run_cfn, unpack
from packager.project import OURS, ROOT, TypeName, stage

TEMPLATE_TYPE = TypeName("Template::SageMaker::ModelPackage")
TEMPLATE_SOURCES = ROOT / "benchmarks" / "cli_template"


@dataclass(frozen=True)
class Side:
    """One unzipped handler package; its size is that of the archive for Lambda."""

    folder: Path
    entry: str
    type_name: str
    zip_bytes: int
    files: int


def make(folder: Path, python: Path | None) -> dict[str, Side]:
    """Build and unzip ours, ours without bytecode and the CLI's template, by these names.

    Without an interpreter of the registered runtime, ours has no bytecode either.

    Raises:
        PackageError: One of them could not be built.
    """
    sides = {}
    if python is not None:
        sides["ours"] = _unzip(folder / "ours", build(folder / "built", OURS, python).archive, OURS)
    bare = build(folder / "built-bare", OURS, None).archive
    sides["ours without bytecode"] = _unzip(folder / "bare", bare, OURS)
    template = _build_template(folder / "built-template")
    sides["CLI's template"] = _unzip(folder / "template", template, TEMPLATE_TYPE)
    sides.setdefault("ours", sides["ours without bytecode"])
    return sides


def _build_template(folder: Path) -> Path:
    """Build the CLI's template, with the same schema and the same library, by the CLI alone."""
    stage(folder, TEMPLATE_TYPE)
    source = folder / "src" / TEMPLATE_TYPE.package
    shutil.rmtree(source)
    shutil.copytree(TEMPLATE_SOURCES, source)
    (source / "__init__.py").touch()
    run_cfn(folder, "generate")
    run_cfn(folder, "submit", "--dry-run")
    return folder / f"{TEMPLATE_TYPE.hyphenated}.zip"


def _unzip(folder: Path, archive: Path, type_name: TypeName) -> Side:
    unpack(archive, folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(stat.S_IRUSR | stat.S_IXUSR if path.is_dir() else stat.S_IRUSR)
    with zipfile.ZipFile(archive) as outer:
        size = outer.getinfo(HANDLERS).file_size
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    return Side(folder, f"{type_name.package}.handlers.resource", type_name.name, size, files)
