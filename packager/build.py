"""The schema handler package, as `cfn submit` builds it, but small, quick to start and always the same.

The CLI's own code makes the package; what differs is in `lean`: which files the dependencies come from, which
of them are left out, the bytecode beside them, and how the archive is written.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from rpdk.core.exceptions import DownstreamError, RPDKBaseException
from rpdk.core.plugin_registry import PLUGIN_REGISTRY
from rpdk.core.project import Project

from packager import role
from packager.interpreter import environment as runtime_environment
from packager.project import TypeName, schema, stage

HANDLERS = "ResourceProvider.zip"
# Where Lambda unpacks the handlers: what tracebacks of compiled modules name.
TASK_ROOT = "/var/task"
# The first day that an archive can tell: a file's own time would make every build another one.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16

# Settings of pip that say where packages come from and how to get there.
_PIP_SOURCES = frozenset(
    f"PIP_{name}"
    for name in [
        "CACHE_DIR",
        "CERT",
        "CLIENT_CERT",
        "CONFIG_FILE",
        "DEFAULT_TIMEOUT",
        "EXTRA_INDEX_URL",
        "FIND_LINKS",
        "INDEX_URL",
        "NO_INDEX",
        "PROXY",
        "RETRIES",
        "TRUSTED_HOST",
    ]
)

# What the dependencies bring along and no handler reads, and why it is not needed. Paths and patterns
# below the folder of the dependencies.
LEFT_OUT = {
    "botocore/data/*/": "descriptions of every AWS service: those in use are in our own package, in api/",
    "botocore/data/endpoints.json": "the same for endpoints",
    "botocore/cacert.pem": "certifi's certificates are used",
    "boto3/data/": "descriptions for boto3's resources, which are not used",
    "boto3/examples/": "for documentation",
    "dateutil/zoneinfo/": "a copy of the time zone database, read only by dateutil.zoneinfo",
    "setuptools/": "a requirement of the support library that it does not import",
    "setuptools-*.dist-info/": "goes with it",
    "_distutils_hack/": "goes with it",
    "distutils-precedence.pth": "goes with it",
    "bin/": "scripts",
    # Licenses and METADATA stay: what is shipped must say what it is and under which terms.
    "*.dist-info/RECORD": "lists what pip installed, which is not what is left",
    "*.dist-info/INSTALLER": "a note of pip's",
    "*.dist-info/REQUESTED": "a note of pip's",
    "*.dist-info/direct_url.json": "a note of pip's",
    "**/tests/": "tests",
    "**/*.pyi": "types, for checkers",
}


class PackageError(Exception):
    """The package could not be built; the text says why."""


@dataclass(frozen=True)
class Package:
    """What has been built: the archive, the project it was built from, and the handlers' own figures."""

    archive: Path
    project: Path
    files: int
    handlers_bytes: int
    bytecode: bool


def build(folder: Path, name: TypeName, interpreter: Path | None) -> Package:
    """Stage the project in a new folder under this name and package it there, as `<name>.zip`.

    With an interpreter of the registered runtime its bytecode is shipped too. Raises PackageError.
    """
    folder = folder.resolve()  # the CLI works in the current folder, which changes on the way
    stage(folder, name)
    with _refusals_told():
        _generate(folder)
        limited = role.render(schema(folder / f"{name.hyphenated}.json"))
        (folder / role.FILE).write_text(limited, encoding="utf-8")
        _submit(folder, interpreter)
    archive = folder / f"{name.hyphenated}.zip"
    _write_again(archive)
    with zipfile.ZipFile(archive) as outer, zipfile.ZipFile(BytesIO(outer.read(HANDLERS))) as inner:
        return Package(
            archive=archive,
            project=folder,
            files=len(inner.namelist()),
            handlers_bytes=outer.getinfo(HANDLERS).file_size,
            bytecode=interpreter is not None,
        )


def unpack(archive: Path, folder: Path) -> None:
    """Unzip the handlers of a schema handler package into a new folder, as Lambda does."""
    with zipfile.ZipFile(archive) as outer, zipfile.ZipFile(BytesIO(outer.read(HANDLERS))) as inner:
        folder.mkdir(parents=True)
        inner.extractall(folder)


@contextlib.contextmanager
def _refusals_told() -> Iterator[None]:
    """Raise what the CLI or the role's template refuses as PackageError, in their words."""
    try:
        yield
    except DownstreamError as error:
        said = getattr(error.__cause__, "stderr", None) or b""
        raise PackageError(f"{error}:\n{said.decode(errors='replace')}") from error
    except (RPDKBaseException, role.UndecidedPermission) as error:
        raise PackageError(str(error)) from error


def _generate(folder: Path) -> None:
    """What `cfn generate` does: models, documents and the role from the schema, which it checks first."""
    project = Project(root=folder)
    project.load()
    project.generate()
    project.generate_docs()


def _submit(folder: Path, interpreter: Path | None) -> None:
    """What `cfn submit --dry-run` does, with the plugin replaced by ours."""
    project = Project(root=folder)
    project.load_settings()
    language = project.language
    plugin = lean(PLUGIN_REGISTRY[language](), interpreter)
    with _registered(language, plugin), _plain_pip(), contextlib.chdir(folder):
        project.load()
        project.submit(
            dry_run=True,
            endpoint_url=None,
            region_name=None,
            role_arn=None,
            use_role=False,
            set_default=False,
            profile_name=None,
        )


@contextlib.contextmanager
def _registered(language: str, plugin: type) -> Iterator[None]:
    stock = PLUGIN_REGISTRY[language]
    PLUGIN_REGISTRY[language] = lambda: plugin
    try:
        yield
    finally:
        PLUGIN_REGISTRY[language] = stock


@contextlib.contextmanager
def _plain_pip() -> Iterator[None]:
    """Without the settings of pip that say how and where to install; those that say where from stay."""
    dropped = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") and name not in _PIP_SOURCES
    }
    for name in dropped:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(dropped)


def lean(stock: Any, interpreter: Path | None) -> type:
    """The CLI's language plugin, with the package's contents chosen and written as described above."""

    class Lean(stock):  # type: ignore[misc]
        """Builds without Docker, for any machine that Lambda may run on."""

        @staticmethod
        def _make_pip_command(base_path: Path) -> list[str]:
            # Pure Python only: it runs on either of Lambda's processors, whatever this machine's is.
            version = stock.RUNTIME.removeprefix("python")
            command = [sys.executable, "-m", "pip", "install", "--no-color", "--disable-pip-version-check"]
            command += ["--no-compile", "--target", str(base_path / "build")]
            command += ["--requirement", str(base_path / "requirements.txt")]
            command += ["--platform", "any", "--implementation", "py", "--abi", "none"]
            return [*command, "--python-version", version, "--only-binary", ":all:"]

        def _pre_package(self, build_path: Path) -> IO[bytes]:
            _check_pinned(build_path)
            _prune(build_path)
            if interpreter is not None:
                _compile(build_path, interpreter)
            archive = BytesIO()
            _archive(archive, _files(build_path), zipfile.ZIP_DEFLATED)
            archive.seek(0)
            return archive

    return Lean


def _check_pinned(folder: Path) -> None:
    """Raise PackageError unless exactly what requirements.txt pins has been installed."""
    found = {_normalized(each.name): each.version for each in distributions(path=[str(folder)])}
    lines = (folder.parent / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("#")[0].strip().split("==") for line in lines if "==" in line)
    if not found:
        raise PackageError("pip reports success but has installed nothing: look into its configuration")
    if found != {_normalized(name): version for name, version in pinned.items()}:
        wanted = "\n".join(f"{name}=={version}" for name, version in sorted(found.items()))
        raise PackageError(
            "requirements.txt does not pin all that is installed, so that two builds of the same commit could"
            f" differ. It should name:\n{wanted}"
        )


def _normalized(name: str) -> str:
    return name.lower().replace("_", "-")


def _prune(folder: Path) -> None:
    """Remove what is left out."""
    for pattern in LEFT_OUT:
        found = [path for path in folder.glob(pattern.rstrip("/")) if path.is_dir() == pattern.endswith("/")]
        for path in found:
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()


def _compile(folder: Path, interpreter: Path) -> None:
    """Write bytecode that Python takes without a look at the source, whose times no archive keeps."""
    command = [
        str(interpreter),
        "-S",
        "-s",
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
    ]
    command += ["-s", str(folder), "-p", TASK_ROOT, str(folder)]
    # Sets of constants are written in the order of their hashes.
    environment = {**runtime_environment(), "PYTHONHASHSEED": "0"}
    done = subprocess.run(  # noqa: S603
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PackageError(f"{interpreter} could not compile the package:\n{done.stdout}{done.stderr}")


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def _write_again(archive: Path) -> None:
    """Write the CLI's archive with its files in one order and without their times."""
    with zipfile.ZipFile(archive) as written:
        files = {name: written.read(name) for name in written.namelist()}
    with archive.open("wb") as target:
        # Not compressed, like the CLI's: the handlers in it are, and CloudFormation sees what is in it.
        _archive(target, files, zipfile.ZIP_STORED)


def _archive(target: IO[bytes], files: dict[str, bytes], compression: int) -> None:
    with zipfile.ZipFile(target, "w", compression, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.external_attr = _READABLE
            entry.create_system = 3  # Unix, on whatever machine
            archive.writestr(entry, files[name], compression, 9)
