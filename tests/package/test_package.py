"""The package for CloudFormation's registry: contents, size, reproducibility, type name, interpreter."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from email.parser import Parser
from importlib.metadata import distributions
from io import BytesIO
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import packager.build
from benchmarks.measure import event, stub_aws, worker
from benchmarks.packages import Side
from packager import __main__, interpreter, project
from packager.archive import pack
from packager.build import HANDLERS, LICENSE, Package, PackageError, build, run_cfn, unpack
from packager.project import OURS, PACKAGE, RESERVED, ROOT, InvalidTypeNameError, TypeName, renamed, stage
from packager.sbom import INTERPRETER
from tests.linter import lint

from .conftest import ACME

MB = 1_000_000
# The flags of a bytecode file that is never compared with its source (PEP 552).
UNCHECKED_HASH = (1).to_bytes(4, "little")
needs_runtime = pytest.mark.skipif(interpreter.find() is None, reason=f"no {interpreter.runtime()} here")


def requirement(name: str) -> str:
    """The lines of requirements.txt that pin a package."""
    match = re.search(rf"^{name}==.*\n(?: .*\n)+", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert match, name
    return match.group()


def handlers_of(archive: Path) -> zipfile.ZipFile:
    """The archive for Lambda in a schema handler package."""
    with zipfile.ZipFile(archive) as outer:
        return zipfile.ZipFile(BytesIO(outer.read(HANDLERS)))


@pytest.fixture
def archive(package: Package) -> Iterator[zipfile.ZipFile]:
    with handlers_of(package.archive) as opened:
        yield opened


# --- what the registry gets -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package that `cfn submit --dry-run` builds from the same project."""
    project = tmp_path_factory.mktemp("plain") / "project"
    shutil.copytree(package.project, project, ignore=shutil.ignore_patterns("build"))
    run_cfn(project, "submit", "--dry-run")
    return project / f"{ACME.hyphenated}.zip"


def test_dry_run_of_the_cli_replaces_nothing_of_ours(package: Package, plain: Path) -> None:
    """In the built folder, where the CLI's package is another file."""
    assert not (package.project / plain.name).exists()
    for ours in (package.archive, package.checksum, package.bom):
        assert plain.with_name(ours.name).read_bytes() == ours.read_bytes(), ours.name
    assert plain.read_bytes() != package.archive.read_bytes()


def test_package_has_the_layout_of_the_cli(package: Package, plain: Path) -> None:
    with zipfile.ZipFile(plain) as theirs, zipfile.ZipFile(package.archive) as ours:
        assert ours.namelist() == sorted([*theirs.namelist(), LICENSE])
        for name in set(theirs.namelist()) - {HANDLERS}:
            assert ours.read(name) == theirs.read(name), name
        assert {entry.compress_type for entry in ours.infolist()} == {zipfile.ZIP_STORED}
        assert theirs.getinfo(HANDLERS).file_size > 8 * ours.getinfo(HANDLERS).file_size


def test_package_of_the_cli_answers_as_well(plain: Path, tmp_path: Path) -> None:
    """With the libraries in the place of which ours has stand-ins."""
    unpack(plain, tmp_path / "root")
    libraries = {each.name for each in distributions(path=[str(tmp_path / "root")])}
    assert {"boto3", "requests", "s3transfer", "idna"} < libraries
    assert not (tmp_path / "root" / "stand_in.py").exists()
    side = Side(tmp_path / "root", f"{ACME.package}.handlers.resource", ACME.name, 0, 0)
    with stub_aws() as stub, worker(side, Path(sys.executable), stub.endpoint) as process:
        assert process.invoke(event("READ", ACME.name))["answer"]["status"] == "SUCCESS"


def test_package_has_its_license_in_both_archives(package: Package, archive: zipfile.ZipFile) -> None:
    license_text = (ROOT / LICENSE).read_bytes()
    with zipfile.ZipFile(package.archive) as outer:
        assert outer.read(LICENSE) == archive.read(LICENSE) == license_text


def test_cli_validates_the_staged_project(package: Package) -> None:
    assert "Resource schema is valid." in run_cfn(package.project, "validate")
    (package.project / "rpdk.log").unlink(missing_ok=True)


def test_package_has_schema_and_settings_of_its_name(package: Package) -> None:
    with zipfile.ZipFile(package.archive) as outer:
        schema, settings = json.loads(outer.read("schema.json")), json.loads(outer.read(".rpdk-config"))
    assert schema["typeName"] == settings["typeName"] == ACME.name
    assert settings["entrypoint"] == "acme_machinelearning_modelversion.handlers.resource"
    assert settings["testEntrypoint"] == "acme_machinelearning_modelversion.handlers.test_entrypoint"
    assert schema["description"].startswith(f"Resource Type definition for {ACME.name}. ")
    described = schema["description"].replace(ACME.name, OURS.name)
    assert {**schema, "typeName": OURS.name, "description": described} == project.schema()


# --- what Lambda gets -------------------------------------------------------------------------------


def test_package_size(package: Package, archive: zipfile.ZipFile) -> None:
    limit = 2.3 if package.bytecode else 1.0
    assert package.handlers_bytes < limit * MB
    assert package.files == len(archive.namelist())
    sources = [entry for entry in archive.infolist() if not entry.filename.endswith(".pyc")]
    assert sum(entry.compress_size for entry in sources) < MB
    assert {entry.compress_type for entry in sources} == {zipfile.ZIP_DEFLATED}


def test_package_has_no_tests_caches_scripts_or_machine_code(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    unwanted = re.compile(
        r"(^|/)(tests?|bin|\.pytest_cache|\.mypy_cache)/|\.(so|pyd|dylib|exe|pyi|pth|sh)$|/RECORD$|/direct_url\.json$"
    )
    assert [name for name in names if unwanted.search(name)] == []
    assert {name.partition("/")[0] for name in names if name.endswith(".dist-info/METADATA")} == {
        name.partition("/")[0] for name in names if ".dist-info/" in name
    }
    assert not any(name.startswith(("setuptools", "moto", "pytest", "sandbox", "packager")) for name in names)


def test_package_has_descriptions_of_the_services_in_use_only(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    data = {name for name in names if name.startswith(("botocore/data/", "boto3/data/"))}
    assert data == {
        "botocore/data/_retry.json",
        "botocore/data/partitions.json",
        "botocore/data/sdk-default-configuration.json",
    }
    ours = {name.split("/")[2] for name in names if name.startswith(f"{ACME.package}/api/")}
    assert ours == {"sagemaker", "logs", "cloudwatch", "endpoints.json"}


def test_package_has_every_file_of_the_handlers(archive: zipfile.ZipFile) -> None:
    """But for the CLI's dataclasses, which nothing imports."""
    assert not [name for name in archive.namelist() if "models.py" in name]
    for path in PACKAGE.rglob("*"):
        if path.is_file() and path.suffix != ".pyc" and path.name != "models.py":
            name = f"{ACME.package}/{path.relative_to(PACKAGE).as_posix()}"
            assert archive.read(name).decode() == renamed(path.read_text(), ACME), name


@needs_runtime
def test_package_has_unchecked_bytecode_of_every_module(package: Package, archive: zipfile.ZipFile) -> None:
    assert package.bytecode
    tag = interpreter.runtime().replace("python", "cpython-").replace(".", "")
    names = archive.namelist()
    for name in [name for name in names if name.endswith(".py")]:
        folder, _, module = name.rpartition("/")
        compiled = f"{folder}/__pycache__/{module[:-3]}.{tag}.pyc".lstrip("/")
        content = archive.read(compiled)
        assert content[4:8] == UNCHECKED_HASH, compiled
        assert b"/var/task/" in content, compiled
    assert not any(str(package.project).encode() in archive.read(name) for name in names)


def test_command_without_an_interpreter_warns_and_writes_no_bytecode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(interpreter.VARIABLE, str(tmp_path / "absent"))
    monkeypatch.chdir(tmp_path)
    assert __main__.main(["--type-name", "Acme::Bare::Package", "--output", "."]) == 0
    printed = capsys.readouterr()
    assert f"warning: {interpreter.VARIABLE} is {tmp_path / 'absent'}, which is no " in printed.err
    assert "without bytecode" in printed.out
    assert (tmp_path / "build" / "acme-bare-package" / ".rpdk-config").exists()
    built = tmp_path / "acme-bare-package-release.zip"
    digest = hashlib.sha256(built.read_bytes()).hexdigest()
    assert f"  upload: aws s3 cp {built.name} s3://BUCKET/acme-bare-package-{digest}.zip " in printed.out
    with zipfile.ZipFile(built) as outer, handlers_of(built) as handlers:
        assert outer.getinfo(HANDLERS).file_size < MB
        assert not any(name.endswith(".pyc") for name in handlers.namelist())


def test_build_is_the_same_under_other_settings(
    package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another folder, hash seed, time zone, language and file mode, and a zlib that is of no use."""
    for name, value in (
        ("PYTHONHASHSEED", "7"),
        ("TZ", "Asia/Tokyo"),
        ("LC_ALL", "C"),
        ("PIP_NO_INPUT", "1"),
        ("FORCE_COLOR", "1"),
        ("TTY_COMPATIBLE", "1"),
        ("TTY_INTERACTIVE", "1"),
        ("PYTHONIOENCODING", "ascii"),
        ("PYTHONWARNINGS", "always"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(zlib, "compressobj", None)
    mask = os.umask(0o077)
    try:
        again = build(tmp_path / "another-folder", ACME, interpreter.find())
    finally:
        os.umask(mask)
    assert again.archive.read_bytes() == package.archive.read_bytes()
    assert again.checksum.read_bytes() == package.checksum.read_bytes()
    assert again.bom.read_bytes() == package.bom.read_bytes()


def test_pack_depends_on_names_and_contents_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"b/ä.py": b"x = 1\n" * 500, "a": b"", "c": os.urandom(300)}
    packed = {compressed: pack(files, compressed=compressed) for compressed in (True, False)}
    for compressed, content in packed.items():
        with zipfile.ZipFile(BytesIO(content)) as opened:
            assert opened.testzip() is None
            assert {name: opened.read(name) for name in opened.namelist()} == files
            assert opened.namelist() == sorted(files)
            assert {entry.external_attr >> 16 for entry in opened.infolist()} == {0o100644}
            assert {entry.date_time for entry in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        monkeypatch.setattr(zlib, "compressobj", None)
        assert pack(dict(reversed(files.items())), compressed=compressed) == content
    assert len(packed[True]) < len(packed[False])


# --- what is noted of it ----------------------------------------------------------------------------


def test_checksum_is_the_sha256_of_the_archive(package: Package) -> None:
    assert hashlib.sha256(package.archive.read_bytes()).hexdigest() == package.sha256
    assert package.checksum == package.archive.with_name(f"{package.archive.name}.sha256")
    assert package.checksum.read_text() == f"{package.sha256}  {package.archive.name}\n"


def test_bill_of_materials_names_what_is_in_the_package(package: Package, archive: zipfile.ZipFile) -> None:
    bom = json.loads(package.bom.read_text())
    shipped = [
        Parser().parsestr(archive.read(name).decode())
        for name in archive.namelist()
        if name.endswith(".dist-info/METADATA")
    ]
    assert [(each["name"], each["version"]) for each in bom["components"]] == sorted(
        (metadata["Name"], metadata["Version"]) for metadata in shipped
    )
    for each in bom["components"]:
        (digest,) = each["hashes"]
        assert f"--hash=sha256:{digest['content']}" in requirement(each["name"]), each["name"]
        assert each["licenses"], each["name"]
    described = bom["metadata"]["component"]
    assert (described["name"], described["hashes"][0]["content"]) == (ACME.hyphenated, package.sha256)
    assert bom["dependencies"][0]["dependsOn"] == [each["bom-ref"] for each in bom["components"]]


def test_bill_of_materials_is_valid_and_has_nothing_random(package: Package) -> None:
    text = package.bom.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert not {"serialNumber", "timestamp"} & set(re.findall(r'"(\w+)":', text))


@needs_runtime
def test_bill_of_materials_has_the_version_of_the_interpreter(package: Package) -> None:
    command = [str(interpreter.find()), "--version"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[1]  # noqa: S603
    assert package.interpreter == f"CPython {version}"
    properties = json.loads(package.bom.read_text())["metadata"]["properties"]
    noted = [each["value"] for each in properties if each["name"] == INTERPRETER]
    assert noted == [package.interpreter]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        # Requests requires four more.
        (
            "requirements.txt",
            requirement("requests"),
            r"(?s)pip build failed:\n.*In --require-hashes mode, all requirements must.*charset.normalizer",
        ),
        (
            "requirements.txt",
            f"six==1.17.0 --hash=sha256:{'0' * 64}\n",
            r"(?s)pip build failed:\n.*DO NOT MATCH THE HASHES",
        ),
        ("requirements.txt", "six==1.17.0\n", r"(?s)pip build failed:\n.*Hashes are required"),
        ("requirements.txt", "requests ==\n", r"(?s)pip build failed:\n.*requests"),
        (
            f"{ACME.hyphenated}.json",
            json.dumps({**project.schema(), "typeName": ACME.name, "primaryIdentifier": []}),
            "Resource schema is invalid: ",
        ),
    ],
    ids=[
        "a dependency is not pinned",
        "other content than pinned",
        "no content is pinned",
        "pip fails",
        "the CLI refuses the schema",
    ],
)
def test_build_failure_ends_the_command_with_its_reason(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
    content: str,
    message: str,
) -> None:
    def stage_wrongly(target: Path, type_name: TypeName) -> None:
        stage(target, type_name)
        (target / file).write_text(content)

    monkeypatch.setattr(packager.build, "stage", stage_wrongly)
    previous = [
        (tmp_path / ACME.archive).with_suffix(suffix) for suffix in (".zip", ".zip.sha256", ".cdx.json")
    ]
    for path in previous:
        path.write_text("previous")
    assert __main__.main(["--type-name", ACME.name, "--no-bytecode", "--output", str(tmp_path)]) == 1
    assert re.match(message, capsys.readouterr().err)
    assert not any(path.exists() for path in previous)


def test_check_installed_raises_where_pip_did_nothing(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text((ROOT / "requirements.txt").read_text())
    (tmp_path / "build").mkdir()
    with pytest.raises(PackageError, match="pip reports success but has not installed all"):
        packager.build._check_installed(tmp_path / "build")


def copy_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the files that are packaged into a folder outside git, and use it as the project."""
    root = tmp_path / "checkout"
    stage(root, OURS)
    monkeypatch.setattr(project, "ROOT", root)
    monkeypatch.setattr(project, "SCHEMA", root / project.SCHEMA.name)
    monkeypatch.setattr(project, "PACKAGE", root / PACKAGE.relative_to(ROOT))
    return root


@pytest.mark.parametrize("checkout", [True, False], ids=["in a checkout", "without git"])
def test_files_leaves_out_stray_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: bool
) -> None:
    root = copy_of_the_repository(tmp_path, monkeypatch)
    staged = [path.as_posix() for path in project.files()]
    if checkout:
        for arguments in (["init"], ["add", "--all"]):
            subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True)  # noqa: S603, S607
    for stray in ("handlers.py~", ".env", ".DS_Store", "notes.txt"):
        (project.PACKAGE / stray).write_bytes(b"\xff private")
    (root / "examples" / "mine.yaml.swp").write_text("secret")
    assert sorted(path.as_posix() for path in project.files()) == sorted(staged)
    # Git does not track it, so it is in no commit.
    (project.PACKAGE / "draft.py").write_text("")
    assert any(path.name == "draft.py" for path in project.files()) is not checkout


def test_stage_copies_a_read_only_checkout_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = copy_of_the_repository(tmp_path, monkeypatch)
    for path in root.rglob("*"):
        if path.is_file():
            path.chmod(0o444)
    stage(tmp_path / "again", ACME)
    written = [path for path in (tmp_path / "again").rglob("*") if path.is_file()]
    assert written
    assert all(path.stat().st_mode & 0o200 for path in written)


def test_pip_environment_keeps_sources_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_DRY_RUN", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://pypi.example.com")
    environment = packager.build._pip_environment()
    assert "PIP_DRY_RUN" not in environment
    assert environment["PIP_INDEX_URL"] == "https://pypi.example.com"
    assert environment["PATH"] == os.environ["PATH"]


# --- the type name ----------------------------------------------------------------------------------


RESERVED_NAMES = [f"{first}::SageMaker::ModelPackage" for first in (*RESERVED, "aws", "AMAZON", "dev")]
MALFORMED_NAMES = [
    "Acme",
    "Acme::SageMaker",
    "Acme::SageMaker::ModelPackage::MODULE",
    "Acme::SageMaker::Model-Package",
    "Acme:SageMaker:ModelPackage",
    "A::SageMaker::ModelPackage",
    f"Acme::SageMaker::{'M' * 65}",
    "Acme::SageMaker::ModelPackage\n",
    " Acme::SageMaker::ModelPackage",
    "Äcme::SageMaker::ModelPackage",
]


@pytest.mark.parametrize("name", RESERVED_NAMES + MALFORMED_NAMES)
def test_registrable_refuses_a_name(name: str) -> None:
    reserved = f"'{name}' cannot be registered"
    message = reserved if name in RESERVED_NAMES else "it has three parts of 2 to 64 letters and digits"
    with pytest.raises(InvalidTypeNameError, match=message):
        TypeName.registrable(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "is no name for a resource type"), ("AWS::SageMaker::ModelPackage", "cannot be registered")],
)
def test_command_prints_why_it_refuses_a_name(
    name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main(["--type-name", name]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        ([], ""),
        (["TYPE_NAME="], '--type-name "$TYPE_NAME"'),
        (["TYPE_NAME=Acme::A1::B2"], '--type-name "$TYPE_NAME"'),
    ],
    ids=["none", "an empty one", "one"],
)
def test_make_package_passes_on_a_name_even_if_empty(given: list[str], passed_on: str) -> None:
    command = ["make", "--no-print-directory", "--dry-run", "package", *given]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS", "TYPE_NAME"))
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.splitlines()[-1].strip() == f".venv/bin/python -m packager {passed_on}".strip()


def test_stage_leaves_no_form_of_our_name(package: Package) -> None:
    left = [
        (path.relative_to(package.project).as_posix(), line)
        for path in package.project.rglob("*")
        if path.is_file()
        and "build" not in path.relative_to(package.project).parts
        # Other tests import what is staged.
        and path.suffix not in (".zip", ".pyc")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(
            r"AWS(::|/)SageMaker(::|/)ModelPackage(?!Group)|aws[_-]sagemaker[_-]modelpackage|AWS-SageMaker-ModelPackage",
            line,
            re.IGNORECASE,
        )
    ]
    assert left == []


def test_renamed_keeps_the_name_of_groups(package: Package) -> None:
    assert renamed("AWS::SageMaker::ModelPackageGroup", ACME) == "AWS::SageMaker::ModelPackageGroup"
    example = (package.project / "examples" / "registered-version.yaml").read_text()
    assert "Type: AWS::SageMaker::ModelPackageGroup\n" in example
    assert f"Type: {ACME.name}\n" in example


def test_stage_under_our_name_changes_nothing(tmp_path: Path) -> None:
    stage(tmp_path / "same", OURS)
    for path in (tmp_path / "same").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (ROOT / path.relative_to(tmp_path / "same")).read_bytes(), path


def test_cfn_lint_accepts_the_staged_examples(package: Package, tmp_path: Path) -> None:
    shutil.copy(package.project / f"{ACME.hyphenated}.json", tmp_path)
    examples = (package.project / "examples").glob("*.yaml")
    assert lint(tmp_path, "--registry-schemas", tmp_path, "--template", *examples) == {}


# --- the interpreter --------------------------------------------------------------------------------


@needs_runtime
def test_find_returns_the_registered_version() -> None:
    command = [str(interpreter.find()), "--version"]
    version = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert version.stdout.startswith(f"Python {interpreter.runtime().removeprefix('python')}.")


@pytest.mark.parametrize(
    ("prints", "found"),
    [("python3.8", False), (interpreter.runtime(), True)],
    ids=["another version", "the registered version"],
)
def test_find_takes_the_interpreter_of_the_variable_if_it_has_the_version(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    prints: str,
    found: bool,
) -> None:
    # Prints only with its environment, as an interpreter with shared libraries runs only with it.
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\necho ${{NEEDED:+{prints}}}\n")
    path.chmod(0o755)
    monkeypatch.setenv("NEEDED", "1")
    monkeypatch.chdir(tmp_path)
    for value in (str(path), "./python"):
        monkeypatch.setenv(interpreter.VARIABLE, value)
        assert interpreter.find() == (path if found else None)
        assert interpreter.main() == (0 if found else 1)
        assert capsys.readouterr().out == (f"{path}\n" if found else "")
        assert interpreter.missing().startswith(f"{interpreter.VARIABLE} is {value}, which is no ")


def test_interpreter_environment_has_no_settings_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("NEEDED", "1")
    assert "PYTHONPATH" not in interpreter.environment()
    assert interpreter.environment()["NEEDED"] == "1"


def test_missing_has_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(interpreter.VARIABLE, raising=False)
    assert interpreter.missing().startswith(f"no {interpreter.runtime()} on this machine: install it")


def test_interpreter_module_needs_the_standard_library_only() -> None:
    command = [sys.executable, "-S", "-I", interpreter.__file__]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    path = interpreter.find()
    expected = (0, f"{path}\n", "") if path else (1, "", "")
    assert (done.returncode, done.stdout, done.stderr) == expected
