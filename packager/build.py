"""The schema handler package: what `cfn submit --dry-run` builds, but small, quick to start, reproducible.

The CLI's own code builds it, with its language plugin subclassed in `_lean`: dependencies in pure Python, of
the hashes in requirements.txt and without the files in `LEFT_OUT`, modules of `stand_ins/` where those are
imported and never used, bytecode beside every module, an archive without times. Beside the package stand its
SHA-256 and its bill of materials.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from contextlib import chdir
from dataclasses import dataclass
from importlib.metadata import distributions
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from rpdk.core.exceptions import RPDKBaseException
from rpdk.core.project import Project

from packager import sbom
from packager.archive import pack
from packager.interpreter import environment as runtime_environment
from packager.interpreter import full_version
from packager.project import ROOT, TypeName, stage

HANDLERS = "ResourceProvider.zip"
LICENSE = "LICENSE"
# Where Lambda unpacks the handlers: the path of compiled modules in tracebacks.
TASK_ROOT = "/var/task"
# The role that `cfn submit` deploys where it is given none.
CLI_ROLE, LIMITED_ROLE = "resource-role.yaml", "execution-role.yaml"

# The settings of pip that are kept: where packages come from, and how to get there.
_PIP_SOURCE = re.compile(
    "PIP_(CACHE_DIR|CERT|CLIENT_CERT|CONFIG_FILE|DEFAULT_TIMEOUT|EXTRA_INDEX_URL|FIND_LINKS|INDEX_URL|NO_INDEX"
    "|PROXY|RETRIES|TRUSTED_HOST)"
)
# What pip prints in colours or for a terminal by.
_DISPLAY = re.compile("FORCE_COLOR|NO_COLOR|CLICOLOR.*|TTY_.*")

# Files of the dependencies that no handler reads, as glob patterns (folders end in a slash), with the reason.
LEFT_OUT = {
    "botocore/data/*/": "descriptions of every AWS service: those in use are in our own package, in api/",
    "botocore/data/endpoints.json": "the same for endpoints",
    "botocore/cacert.pem": "certifi's certificates are used",
    "certifi/*.py": "code that finds them in archives, too: there is a stand-in",
    "boto3/": "imported by the support library for sessions that it does not make here: there is a stand-in",
    "boto3-*.dist-info/": "goes with it",
    "s3transfer/": "imported by boto3",
    "s3transfer-*.dist-info/": "goes with it",
    "requests/": "imported by the support library for hooks: there is a stand-in",
    "requests-*.dist-info/": "goes with it",
    "charset_normalizer/": "imported by requests",
    "charset_normalizer-*.dist-info/": "goes with it",
    "idna/": "imported by requests, and by urllib3 for the name of a host that is not ASCII",
    "idna-*.dist-info/": "goes with it",
    "botocore/docs/[!u]*.py": "documentation of its clients, all but utils.py: there is a stand-in",
    "botocore/docs/bcdoc/": "goes with it",
    "urllib3/http2/[!p]*.py": "HTTP/2, all but probe.py, which says that there is none: there is a stand-in",
    "urllib3/contrib/emscripten/": "for Python in a browser",
    "*/models.py": "the CLI's classes of the type's properties, whose types shapes.py has",
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


# Modules in the place of some of them, as they lie in the package.
STAND_INS = Path(__file__).parent / "stand_ins"


class PackageError(Exception):
    """The package could not be built; the message has the reason."""


@dataclass(frozen=True)
class Package:
    """A built package: its files, the project it was built from, and the figures of the handlers in it.

    `checksum` is the file with the archive's SHA-256 as `sha256sum --check` takes it, `bom` the bill of
    materials. `interpreter` has written the bytecode; it is empty where there is none.
    """

    type_name: TypeName
    archive: Path
    checksum: Path
    bom: Path
    project: Path
    sha256: str
    files: int
    handlers_bytes: int
    interpreter: str

    @property
    def key(self) -> str:
        """The archive's name in a bucket, where other content has another one."""
        return f"{self.type_name.hyphenated}-{self.sha256}.zip"

    @property
    def bytecode(self) -> bool:
        """Whether every module has bytecode beside it."""
        return bool(self.interpreter)


def build(folder: Path, type_name: TypeName, interpreter: Path | None) -> Package:
    """Stage the project in a new folder under this type name and package it there, as `type_name.archive`.

    With an interpreter of the registered runtime the package has bytecode as well.

    Raises:
        PackageError: The CLI refuses the schema, or dependencies cannot be installed or compiled.
    """
    folder = folder.resolve()  # the current folder changes below
    stage(folder, type_name)
    wheels: dict[str, str] = {}
    try:
        _generate_and_submit(folder, interpreter, wheels)
    except RPDKBaseException as error:
        raise PackageError(str(error)) from error
    written = folder / f"{type_name.hyphenated}.zip"
    with zipfile.ZipFile(written) as by_cli:
        files = {name: by_cli.read(name) for name in by_cli.namelist()}
    written.unlink()
    files[LICENSE] = (folder / LICENSE).read_bytes()
    # Stored, as the CLI does: the handlers in it are compressed, and CloudFormation can list it.
    content = pack(files, compressed=False)
    archive = folder / type_name.archive
    archive.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    checksum, bom = archive.with_suffix(".zip.sha256"), archive.with_suffix(".cdx.json")
    checksum.write_text(f"{sha256}  {archive.name}\n", encoding="utf-8")
    compiled_by = full_version(interpreter) if interpreter else ""
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    component = sbom.package(type_name.hyphenated, about["version"], about["license"], sha256)
    shipped = distributions(path=[str(folder / "build")])
    bom.write_text(sbom.write(component, shipped, wheels, compiled_by, stand_ins()), encoding="utf-8")
    with zipfile.ZipFile(BytesIO(files[HANDLERS])) as handlers:
        count = len(handlers.namelist())
    return Package(
        type_name,
        archive,
        checksum,
        bom,
        folder,
        sha256,
        count,
        len(files[HANDLERS]),
        interpreter=compiled_by,
    )


def stand_ins() -> list[str]:
    """The names of the packages in the place of which stand-ins are shipped."""
    packages = (each.parent.relative_to(STAND_INS) for each in STAND_INS.rglob("__init__.py"))
    return sorted(".".join(each.parts) for each in packages)


def unpack(archive: Path, folder: Path) -> None:
    """Unzip the handlers of a schema handler package into a new folder, as Lambda does."""
    with zipfile.ZipFile(archive) as outer, zipfile.ZipFile(BytesIO(outer.read(HANDLERS))) as inner:
        folder.mkdir(parents=True)
        inner.extractall(folder)


def run_cfn(folder: Path, *arguments: str) -> str:
    """Run the CLI of this environment in a project's folder and return its output.

    Raises:
        PackageError: It fails; the message has its output.
    """
    scripts = Path(sys.executable).parent
    # Its Python plugin runs the first pip on the path.
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(  # noqa: S603
        [scripts / "cfn", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PackageError(f"cfn {' '.join(arguments)} failed:\n{done.stdout}")
    return done.stdout


def _generate_and_submit(folder: Path, interpreter: Path | None, wheels: dict[str, str]) -> None:
    """Do what `cfn generate` and `cfn submit --dry-run` do, the latter with the lean plugin.

    Adds the SHA-256 of what was installed to `wheels`, by name.
    """
    project = Project(root=folder)
    project.load()
    project.generate()
    project.generate_docs()
    # The generated one allows the handlers' actions on everything in the account.
    shutil.copyfile(folder / LIMITED_ROLE, folder / CLI_ROLE)
    project._plugin = _lean(type(project._plugin), interpreter, wheels)()
    with chdir(folder):
        project.submit(
            dry_run=True,
            endpoint_url=None,
            region_name=None,
            role_arn=None,
            use_role=False,
            set_default=False,
            profile_name=None,
        )


def _lean(plugin: Any, interpreter: Path | None, wheels: dict[str, str]) -> type:
    """Subclass the CLI's language plugin: how dependencies are installed, and what is archived."""

    class Lean(plugin):  # type: ignore[misc] # the CLI has no types
        def _build(self, base_path: Path) -> None:
            wheels.update(_install(base_path, plugin.RUNTIME))

        def _pre_package(self, build_path: Path) -> IO[bytes]:
            _check_installed(build_path)
            _prune(build_path)
            _stand_in(build_path)
            if interpreter is not None:
                _compile(build_path, interpreter)
            shutil.copyfile(build_path.parent / LICENSE, build_path / LICENSE)
            paths = [path for path in build_path.rglob("*") if path.is_file()]
            files = {path.relative_to(build_path).as_posix(): path.read_bytes() for path in paths}
            return BytesIO(pack(files, compressed=True))

    return Lean


def _install(folder: Path, runtime: str) -> dict[str, str]:
    """Install a project's requirements into its build folder, without Docker and for any machine.

    Returns the SHA-256 of what each was installed from, by name: one of those in requirements.txt.
    """
    command = [sys.executable, "-m", "pip", "install", "--no-color", "--disable-pip-version-check"]
    command += ["--no-compile", "--target", str(folder / "build"), "--quiet"]
    command += ["--require-hashes", "--requirement", str(folder / "requirements.txt")]
    # Pure Python only, which runs on both of Lambda's architectures.
    command += ["--platform", "any", "--implementation", "py", "--abi", "none"]
    command += ["--python-version", runtime.removeprefix("python"), "--only-binary", ":all:"]
    with TemporaryDirectory() as scratch:
        # A file: what is printed may be wrapped, or in another encoding.
        report = Path(scratch, "report.json")
        command += ["--report", str(report)]
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, env=_pip_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise PackageError(f"pip build failed:\n{done.stderr}")
        installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {
        each["metadata"]["name"]: each["download_info"]["archive_info"]["hashes"]["sha256"]
        for each in installed
    }


def _pip_environment() -> dict[str, str]:
    """The environment without settings of Python, colours and pip, but for pip's sources."""
    return {
        name: value
        for name, value in runtime_environment().items()
        if not _DISPLAY.fullmatch(name) and (not name.startswith("PIP_") or _PIP_SOURCE.fullmatch(name))
    }


def _check_installed(folder: Path) -> None:
    """Raise PackageError unless what requirements.txt pins is installed in the folder beside it."""
    lines = (folder.parent / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = {tuple(line.split()[0].split("==")) for line in lines if "==" in line}
    missing = pinned - {
        (each.name.lower().replace("_", "-"), each.version) for each in distributions(path=[str(folder)])
    }
    if missing:
        raise PackageError(
            "pip reports success but has not installed all of requirements.txt: look into its configuration"
        )


def _prune(folder: Path) -> None:
    """Remove the files in LEFT_OUT."""
    for pattern in LEFT_OUT:
        for path in list(folder.glob(pattern.rstrip("/"))):
            if path.is_dir() and pattern.endswith("/"):
                shutil.rmtree(path)
            elif path.is_file() and not pattern.endswith("/"):
                path.unlink()


def _stand_in(folder: Path) -> None:
    """Add the stand-ins of what is left out."""
    for source in STAND_INS.rglob("*.py"):
        target = folder / source.relative_to(STAND_INS)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _compile(folder: Path, interpreter: Path) -> None:
    """Write bytecode that Python loads without comparing it with the source, whose time no archive keeps."""
    command = [str(interpreter), "-S", "-s", "-m", "compileall", "-q"]
    command += ["--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", TASK_ROOT, str(folder)]
    done = subprocess.run(  # noqa: S603
        command, env=runtime_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PackageError(f"{interpreter} could not compile the package:\n{done.stdout}{done.stderr}")
