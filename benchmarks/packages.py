"""The packages that are measured, unzipped into read-only folders as in Lambda.

Their size is counted as they are shipped; then their trust store gets the benchmark's authority.
"""

from __future__ import annotations

import io
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.certificates import Certificates
from benchmarks.figures import BARE, BEFORE, TEMPLATE
from benchmarks.figures import OURS as OUR_SIDE
from packager.build import HANDLERS, PackageError, build, run_cfn, unpack
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


def make(
    folder: Path, python: Path | None, certificates: Certificates, against: str | None = None
) -> dict[str, Side]:
    """Build and unzip ours, with and without bytecode, the CLI's template and the build of another commit.

    Without an interpreter of the registered runtime, ours has no bytecode either.

    Raises:
        PackageError: One of them could not be built.
        TrustStoreError: One of them has no trust store.
    """
    archives = {BARE: (build(folder / "built-bare", OURS, None).archive, OURS)}
    if python is not None:
        archives[OUR_SIDE] = (build(folder / "built", OURS, python).archive, OURS)
    archives[TEMPLATE] = (_build_template(folder / "built-template"), TEMPLATE_TYPE)
    if against is not None:
        archives[BEFORE] = (build_commit(folder / "built-before", against, python), OURS)
    sides = {
        name: _unzip(folder / f"side-{number}", archive, type_name, certificates)
        for number, (name, (archive, type_name)) in enumerate(archives.items())
    }
    sides.setdefault(OUR_SIDE, sides[BARE])
    return sides


def check_out(folder: Path, commit: str) -> None:
    """Write the files of a commit into a folder.

    Raises:
        PackageError: There is no such commit.
    """
    archive = subprocess.run(  # noqa: S603
        ["git", "archive", commit],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        raise PackageError(f"git archive {commit}: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")


def build_commit(folder: Path, commit: str, python: Path | None) -> Path:
    """Build the package of another commit, by its own packager in this environment; the archive.

    Raises:
        PackageError: There is no such commit, or its package could not be built.
    """
    check_out(folder, commit)
    # The folder comes first on the path of a module, so the packager is the commit's own.
    command = [sys.executable, "-m", "packager", *([] if python else ["--no-bytecode"])]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise PackageError(f"the package of {commit} could not be built:\n{done.stdout}{done.stderr}")
    return folder / OURS.archive


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


def _unzip(folder: Path, archive: Path, type_name: TypeName, certificates: Certificates) -> Side:
    unpack(archive, folder)
    certificates.install(folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(stat.S_IRUSR | stat.S_IXUSR if path.is_dir() else stat.S_IRUSR)
    with zipfile.ZipFile(archive) as outer:
        size = outer.getinfo(HANDLERS).file_size
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    return Side(folder, f"{type_name.package}.handlers.resource", type_name.name, size, files)
