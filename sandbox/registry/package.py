"""Schema handler packages: reads one as the registry does, and unpacks it where its handlers run.

https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-walkthrough.html says what a
package is; the files in it are those that `cfn submit` writes.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

from sandbox.lambda_.function import Function
from sandbox.shared.json_pointers import parts_of, referenced

LOG = logging.getLogger("sandbox.registry")

SETTINGS_FILE = ".rpdk-config"
SCHEMA_FILE = "schema.json"
HANDLERS_FILE = "ResourceProvider.zip"
PROTOCOL_VERSION = "2.0.0"

# Lambda's for a function, unpacked: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_UNPACKED_BYTES = 250 * 1024**2
MAX_PACKAGE_BYTES = MAX_UNPACKED_BYTES
MAX_ENTRIES = 100_000
MAX_PATH_PARTS = 64  # folders can be nested more deeply than they can be removed again
MAX_PATH_BYTES = 1024
MAX_SCHEMA_BYTES = 1024**2
MAX_PROBLEMS = 5
MAX_PROBLEM_CHARACTERS = 200
CHUNK_BYTES = 1024**2
# What CloudFormation gives the functions of registered types.
TIMEOUT_SECONDS = 60.0
MEMORY_MB = 256

_ENTRY_POINT = re.compile(r"[A-Za-z_][\w-]*([./][A-Za-z_][\w-]*)*\.[A-Za-z_]\w*", re.ASCII)
_EXECUTABLE = 0o111
_TYPE_NAME = re.compile(r"[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}::[A-Za-z0-9]{2,64}")
_ENTRY_SIGNATURE = b"PK\x01\x02"  # of each entry in a zip's directory
# The two that Lambda takes; Python decompresses the others without a bound.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_PYTHON = re.compile(r"python3\.?\d+")


class PackageError(Exception):
    """A package cannot be registered; the message has the reason, as the registration's description."""


@dataclass(frozen=True)
class Package:
    """A package that has been read and unpacked."""

    schema: dict[str, Any]
    schema_text: str
    code: Path
    entry_point: str

    def function(self, name: str, region: str) -> Function:
        """Return the function that runs the package's handlers in a region."""
        return _RegionalFunction(name, self.entry_point, TIMEOUT_SECONDS, MEMORY_MB, region)


@dataclass(frozen=True)
class _RegionalFunction(Function):
    """A function in another region than this process's."""

    home: str

    @property
    def region(self) -> str:
        """The region in which the function is."""
        return self.home


def unpack(data: bytes, type_name: str, code: Path) -> Package:
    """Check a package of a type, and unpack its handlers into a new folder.

    Raises:
        PackageError: it is none, or one of another type, or its handlers do not run on this machine.
    """
    with _archive(data, "The schema handler package") as archive:
        settings = _json(archive, SETTINGS_FILE)
        schema_text = _member(archive, SCHEMA_FILE, MAX_SCHEMA_BYTES).decode("utf-8", errors="replace")
        schema = _parsed(schema_text, SCHEMA_FILE)
        _check_schema(schema, type_name)
        entry_point = _entry_point(settings, type_name)
        handlers = _member(archive, HANDLERS_FILE, MAX_UNPACKED_BYTES)
    with _archive(handlers, HANDLERS_FILE) as archive:
        _unpack_all(archive, code)
    return Package(schema, schema_text, code, entry_point)


def type_name_of(data: bytes) -> str:
    """Return the type name in a package's schema.

    Raises:
        PackageError: it is no package, or its schema has no name.
    """
    with _archive(data, "The schema handler package") as archive:
        name = _json(archive, SCHEMA_FILE).get("typeName")
    if not isinstance(name, str) or _TYPE_NAME.fullmatch(name) is None:
        raise PackageError(f"{SCHEMA_FILE} has no typeName of the form Organization::Service::Resource")
    return name


def _archive(data: bytes, name: str) -> zipfile.ZipFile:
    # Before the directory is read, which makes an object of each entry. A zip within may count, too.
    count = data.count(_ENTRY_SIGNATURE)
    if count > MAX_ENTRIES:
        raise PackageError(f"{name} has {count:,} entries; at most {MAX_ENTRIES:,} are taken")
    try:
        return zipfile.ZipFile(BytesIO(data))
    except Exception as problem:  # what a damaged directory raises has no common base
        raise PackageError(f"{name} is not a zip file: {problem}") from problem


def _json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    return _parsed(_member(archive, name, MAX_SCHEMA_BYTES).decode("utf-8", errors="replace"), name)


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise PackageError(f"{name} is not JSON: {problem}") from problem
    if not isinstance(content, dict):
        raise PackageError(f"{name} is not a JSON object")
    return content


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    try:
        entry = archive.getinfo(name)
    except KeyError:
        raise PackageError(
            f"The package has no {name} at its top: build it with `cfn submit --dry-run`"
        ) from None
    return b"".join(_chunks(archive, entry, limit))


def _chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int, taken: int = 0) -> Iterator[bytes]:
    """Yield the content of an entry, which may be longer than it says, if no limit is passed with it."""
    if entry.compress_type not in _METHODS:
        raise PackageError(f"{entry.filename} is compressed by another method than Deflate")
    left = limit - taken
    try:
        with archive.open(entry) as content:
            while chunk := content.read(CHUNK_BYTES):
                left -= len(chunk)
                _refuse_large(entry, left, limit)
                yield chunk
    except PackageError:
        raise
    except Exception as problem:  # what a damaged entry raises has no common base
        raise PackageError(f"{entry.filename} cannot be unpacked: {problem}") from problem


def _refuse_large(entry: zipfile.ZipInfo, left: int, limit: int) -> None:
    if left < 0:
        raise PackageError(
            f"{entry.filename} is too large: at most {limit // 1024**2} MiB are taken, unpacked"
        )


# --- the schema -------------------------------------------------------------------------------------


def _check_schema(schema: dict[str, Any], type_name: str) -> None:
    try:
        errors = sorted(_validator().iter_errors(schema), key=lambda error: list(map(str, error.path)))
    except RecursionError as problem:
        raise PackageError("Error validating schema definition: it is nested too deeply") from problem
    problems = [
        f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:MAX_PROBLEM_CHARACTERS]}"
        for error in errors
    ]
    problems += _reference_problems(schema)
    if problems:
        more = f" (and {len(problems) - MAX_PROBLEMS} more)" if len(problems) > MAX_PROBLEMS else ""
        raise PackageError(f"Error validating schema definition: {'; '.join(problems[:MAX_PROBLEMS])}{more}")
    if schema["typeName"] != type_name:
        raise PackageError(
            f"The type name {type_name} of the request is not that of the schema, {schema['typeName']}"
        )


@cache
def _validator() -> Any:
    # The CLI's own meta-schema. It takes a second to import, so only a registration does.
    from rpdk.core.data_loaders import make_resource_validator

    return make_resource_validator()


def _reference_problems(schema: dict[str, Any]) -> list[str]:
    """Return what is wrong with references: nothing here may read another document."""
    problems = []
    waiting: list[tuple[str, Any]] = [("", schema)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, dict):
            if pointer and isinstance(value.get("$id"), str):
                problems.append(f"{pointer}: $id makes another document of a part of the schema")
            if isinstance(value.get("$ref"), str) and (problem := _reference_problem(schema, value)):
                problems.append(f"{pointer}: {problem}")
            waiting += [(f"{pointer}/{name}", inner) for name, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{pointer}/{number}", inner) for number, inner in enumerate(value)]
    return sorted(problems)


def _reference_problem(schema: dict[str, Any], rule: Any) -> str | None:
    passed = set()
    while isinstance(rule, dict) and isinstance(rule.get("$ref"), str):
        reference = rule["$ref"]
        if not reference.startswith("#"):
            return "$ref leads out of the schema"
        if reference in passed:
            return f"$ref {reference} leads back to itself"
        passed.add(reference)
        try:
            rule = referenced(schema, reference)
        except LookupError:
            return f"$ref {reference} leads to nothing"
        if not _is_rule(parts_of(reference)) or not isinstance(rule, dict):
            return f"$ref {reference} leads to no definition and no property"
    return None


def _is_rule(parts: Sequence[str]) -> bool:
    """Return whether what values are like is at a place in a schema; the whole schema is that, too."""
    if not parts:
        return True
    if parts[0] in ("definitions", "patternProperties", "properties"):
        return len(parts) > 1 and _is_below_rule(parts[2:])
    return False


def _is_below_rule(parts: Sequence[str]) -> bool:
    is_single = parts[:1] in (("additionalProperties",), ("items",))
    return _is_below_rule(parts[1:]) if is_single else _is_rule(parts)


# --- the handlers -----------------------------------------------------------------------------------


def _entry_point(settings: dict[str, Any], type_name: str) -> str:
    # The registry does without the settings' type name [R], but not with another one.
    if settings.get("typeName", type_name) != type_name:
        raise PackageError(
            f"The type name {type_name} of the request is not that of {SETTINGS_FILE}, {settings['typeName']}"
        )
    if _setting(settings, "protocolVersion") != PROTOCOL_VERSION:
        raise PackageError(
            "Current version is no longer supported. Please upgrade to CFN-CLI 2.0 following the guide: "
            "https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/what-is-cloudformation-cli.html"
        )  # [R]
    runtime, entry_point = settings.get("runtime"), settings.get("entrypoint")
    if not isinstance(runtime, str) or _PYTHON.fullmatch(runtime) is None:
        raise PackageError(
            f"Handlers of the runtime {runtime} do not run on this machine, which has Python's only"
        )
    if not isinstance(entry_point, str) or _ENTRY_POINT.fullmatch(entry_point) is None:
        raise PackageError(f"{SETTINGS_FILE} has no entrypoint of the form module.function")
    return entry_point


def _setting(settings: dict[str, Any], name: str) -> Any:
    inner = settings.get("settings")
    return inner.get(name) if isinstance(inner, dict) else None


def _unpack_all(archive: zipfile.ZipFile, code: Path) -> None:
    entries = archive.infolist()
    for entry in entries:
        _refuse_outer(entry)
    if repeated := [name for name, times in Counter(archive.namelist()).items() if times > 1]:
        raise PackageError(f"{HANDLERS_FILE} has more than one entry {repeated[0]!r}")
    taken = 0
    code.mkdir(mode=0o700, parents=True)
    for entry in entries:
        path = code.joinpath(*PurePosixPath(entry.filename).parts)
        try:
            if entry.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                for chunk in _chunks(archive, entry, MAX_UNPACKED_BYTES, taken):
                    taken += len(chunk)
                    file.write(chunk)
            if entry.external_attr >> 16 & _EXECUTABLE:
                path.chmod(0o755)
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else problem
            raise PackageError(
                f"{entry.filename!r} in {HANDLERS_FILE} cannot be unpacked: {reason}"
            ) from problem


def _refuse_outer(entry: zipfile.ZipInfo) -> None:
    """Refuse an entry that is not a file or folder below the one it is unpacked into."""
    parts = PurePosixPath(entry.filename).parts
    is_outer = not parts or entry.filename.startswith("/") or ".." in parts
    if is_outer or "\\" in entry.filename or ":" in parts[0] or "\0" in entry.filename:
        raise PackageError(f"{entry.filename!r} in {HANDLERS_FILE} leads out of the package")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise PackageError(f"{entry.filename!r} in {HANDLERS_FILE} is a link; packages have files only")
    if len(parts) > MAX_PATH_PARTS or len(os.fsencode(entry.filename)) > MAX_PATH_BYTES:
        raise PackageError(
            f"{entry.filename[:MAX_PROBLEM_CHARACTERS]!r} in {HANDLERS_FILE} is nested too deeply or too "
            f"long: at most {MAX_PATH_PARTS} names and {MAX_PATH_BYTES:,} bytes are taken"
        )


def remove(code: Path) -> None:
    """Remove what `unpack` has made, as far as it got; nothing happens where there is nothing."""
    try:
        shutil.rmtree(code, ignore_errors=True)
    except RecursionError:  # by folders that handlers have made
        LOG.warning("%s stays behind: it is nested too deeply", code)
