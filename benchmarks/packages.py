"""The packages that are measured: unzipped where nobody may write, as Lambda has them."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packager.build import HANDLERS, PackageError, build, unpack
from packager.project import OURS, ROOT, TypeName, stage

USUAL = TypeName("Usual::SageMaker::ModelPackage")


@dataclass(frozen=True)
class Side:
    """One unzipped handler package."""

    folder: Path
    entry: str
    type_name: str
    zip_bytes: int
    files: int


def make(folder: Path, python: Path | None) -> dict[str, Side]:
    """Build and unzip ours, ours without bytecode, and the usual way's; by name."""
    made = {}
    if python is not None:
        made["ours"] = _side(folder / "ours", build(folder / "built", OURS, python).archive, OURS)
    bare = build(folder / "built-bare", OURS, None).archive
    made["ours without bytecode"] = _side(folder / "bare", bare, OURS)
    made["usual"] = _side(folder / "usual", _usual(folder / "built-usual"), USUAL)
    # What is measured first is what Lambda gets: bytecode, where there is some.
    made.setdefault("ours", made["ours without bytecode"])
    return made


def remove(folder: Path) -> None:
    """Remove the folder, in which nobody may write."""
    for path in [folder, *(each for each in folder.rglob("*") if each.is_dir())]:
        path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder)


def _usual(folder: Path) -> Path:
    """The package of the usual way: the same schema and the same library, built by the CLI alone."""
    stage(folder, USUAL)
    source = folder / "src" / USUAL.package
    shutil.rmtree(source)
    source.mkdir()
    (source / "__init__.py").touch()
    shutil.copy(ROOT / "benchmarks" / "usual" / "handlers.py", source)
    # The plugin calls the pip that the path finds first.
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    for command in (["generate"], ["submit", "--dry-run"]):
        done = subprocess.run(  # noqa: S603 - the CLI of this environment
            [scripts / "cfn", *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PackageError(f"cfn {command[0]} failed:\n{done.stdout}{done.stderr}")
    return folder / f"{USUAL.hyphenated}.zip"


def _side(folder: Path, archive: Path, name: TypeName) -> Side:
    unpack(archive, folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(stat.S_IRUSR | stat.S_IXUSR if path.is_dir() else stat.S_IRUSR)
    with zipfile.ZipFile(archive) as outer:
        size = outer.getinfo(HANDLERS).file_size
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    return Side(folder, f"{name.package}.handlers.resource", name.name, size, files)
