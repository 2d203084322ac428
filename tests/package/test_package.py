"""The package for CloudFormation's registry: what is in it, its size, and that it is always the same."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
import yaml

from packager import __main__, interpreter
from packager.build import HANDLERS, Package, PackageError, build
from packager.project import OURS, PACKAGE, RESERVED, ROOT, SCHEMA, BadName, TypeName, renamed, stage

from .conftest import ACME

MB = 1_000_000
# Python's mark of a bytecode file that is never compared with its source (PEP 552).
UNCHECKED_HASH = (1).to_bytes(4, "little")
needs_runtime = pytest.mark.skipif(interpreter.find() is None, reason=f"no {interpreter.runtime()} here")


def inner(package: Package) -> zipfile.ZipFile:
    """The archive that Lambda gets."""
    with zipfile.ZipFile(package.archive) as outer:
        return zipfile.ZipFile(BytesIO(outer.read(HANDLERS)))


# --- what the registry gets -------------------------------------------------------------------------


def test_the_layout_is_that_of_the_cli(package: Package, tmp_path: Path) -> None:
    # The CLI's own code, with dependencies that take no time to install.
    project = tmp_path / "plain"
    shutil.copytree(package.project, project, ignore=shutil.ignore_patterns("build", "*.zip"))
    (project / "requirements.txt").write_text("six==1.17.0\n")
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    command = [str(scripts / "cfn"), "submit", "--dry-run"]
    subprocess.run(command, cwd=project, env=environment, capture_output=True, check=True)  # noqa: S603
    with (
        zipfile.ZipFile(project / f"{ACME.hyphenated}.zip") as theirs,
        zipfile.ZipFile(package.archive) as ours,
    ):
        assert sorted(ours.namelist()) == sorted(theirs.namelist())
        assert ours.namelist() == sorted(ours.namelist())
        for name in set(ours.namelist()) - {HANDLERS}:
            assert ours.read(name) == theirs.read(name), name
        assert {entry.compress_type for entry in ours.infolist()} == {zipfile.ZIP_STORED}


def test_it_carries_schema_and_settings_of_its_name(package: Package) -> None:
    with zipfile.ZipFile(package.archive) as outer:
        schema, settings = json.loads(outer.read("schema.json")), json.loads(outer.read(".rpdk-config"))
    assert schema["typeName"] == settings["typeName"] == ACME.name
    assert settings["entrypoint"] == "acme_machinelearning_modelversion.handlers.resource"
    assert settings["testEntrypoint"] == "acme_machinelearning_modelversion.handlers.test_entrypoint"
    ours = json.loads(SCHEMA.read_text())
    assert {**schema, "typeName": OURS.name} == ours


# --- what Lambda gets -------------------------------------------------------------------------------


def test_it_is_small(package: Package) -> None:
    limit = 3.5 if package.bytecode else 2.0
    assert package.handlers_bytes < limit * MB
    with inner(package) as archive:
        assert package.files == len(archive.namelist())
        sources = [entry for entry in archive.infolist() if not entry.filename.endswith(".pyc")]
    assert sum(entry.compress_size for entry in sources) < 2 * MB
    assert {entry.compress_type for entry in sources} == {zipfile.ZIP_DEFLATED}


def test_it_holds_no_tests_caches_scripts_or_machine_code(package: Package) -> None:
    with inner(package) as archive:
        names = archive.namelist()
    unwanted = re.compile(
        r"(^|/)(tests?|bin|\.pytest_cache|\.mypy_cache)/|\.(so|pyd|dylib|exe|pyi|pth|sh)$|/RECORD$|/direct_url\.json$"
    )
    assert [name for name in names if unwanted.search(name)] == []
    assert {name.partition("/")[0] for name in names if name.endswith(".dist-info/METADATA")} == {
        name.partition("/")[0] for name in names if ".dist-info/" in name
    }
    assert not any(name.startswith(("setuptools", "moto", "pytest", "sandbox", "packager")) for name in names)


def test_descriptions_are_only_of_the_services_in_use(package: Package) -> None:
    with inner(package) as archive:
        names = archive.namelist()
    data = {name for name in names if name.startswith(("botocore/data/", "boto3/data/"))}
    assert data == {
        "botocore/data/_retry.json",
        "botocore/data/partitions.json",
        "botocore/data/sdk-default-configuration.json",
    }
    ours = {name.split("/")[2] for name in names if name.startswith(f"{ACME.package}/api/")}
    assert ours == {"sagemaker", "logs", "cloudwatch", "endpoints.json"}


def test_the_handlers_are_the_projects_own(package: Package) -> None:
    with inner(package) as archive:
        for path in PACKAGE.rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                name = f"{ACME.package}/{path.relative_to(PACKAGE).as_posix()}"
                assert archive.read(name).decode() == renamed(path.read_text(), ACME), name


@needs_runtime
def test_every_module_has_bytecode_that_is_never_compared_with_its_source(package: Package) -> None:
    assert package.bytecode
    tag = interpreter.runtime().replace("python", "cpython-").replace(".", "")
    with inner(package) as archive:
        names = set(archive.namelist())
        for name in [name for name in names if name.endswith(".py")]:
            folder, _, module = name.rpartition("/")
            compiled = f"{folder}/__pycache__/{module[:-3]}.{tag}.pyc".lstrip("/")
            content = archive.read(compiled)
            assert content[4:8] == UNCHECKED_HASH, compiled
            assert b"/var/task/" in content, compiled
        assert not any(str(package.project).encode() in archive.read(name) for name in names)


def test_without_the_runtimes_python_there_is_a_warning_and_no_bytecode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(interpreter.VARIABLE, str(tmp_path / "absent"))
    monkeypatch.chdir(tmp_path)
    assert __main__.main(["--type-name", "Acme::Bare::Package", "--output", "."]) == 0
    told = capsys.readouterr()
    assert f"warning: no {interpreter.runtime()} on this machine" in told.err
    assert "without bytecode" in told.out
    assert (tmp_path / "build" / "acme-bare-package" / ".rpdk-config").exists()
    with zipfile.ZipFile(tmp_path / "acme-bare-package.zip") as outer:
        assert outer.getinfo(HANDLERS).file_size < 2 * MB
        with zipfile.ZipFile(BytesIO(outer.read(HANDLERS))) as handlers:
            assert not any(name.endswith(".pyc") for name in handlers.namelist())


def test_the_same_commit_gives_the_same_bytes(package: Package, tmp_path: Path) -> None:
    again = build(tmp_path / "another-folder", ACME, interpreter.find())
    assert again.archive.read_bytes() == package.archive.read_bytes()


def test_a_dependency_that_is_not_pinned_ends_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import packager.build

    def with_a_loose_end(target: Path, name: TypeName) -> None:
        stage(target, name)
        # Requests brings four more.
        (target / "requirements.txt").write_text("requests==2.34.2\n")

    monkeypatch.setattr(packager.build, "stage", with_a_loose_end)
    with pytest.raises(PackageError, match=r"(?s)does not pin all.*charset-normalizer=="):
        build(tmp_path / "loose", ACME, None)


def test_what_pip_says_of_a_failure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import packager.build

    def with_a_mistake(target: Path, name: TypeName) -> None:
        stage(target, name)
        (target / "requirements.txt").write_text("requests ==\n")

    monkeypatch.setattr(packager.build, "stage", with_a_mistake)
    with pytest.raises(PackageError, match=r"(?s)pip build failed:\n.*requests"):
        build(tmp_path / "wrong", ACME, None)


def test_requirements_and_project_name_the_same_versions() -> None:
    import tomllib

    pinned = set(re.findall(r"^[\w-]+==[\w.]+", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["dependencies"]) <= pinned


# --- under another name -----------------------------------------------------------------------------


@pytest.mark.parametrize("first", [*RESERVED, "aws", "AMAZON", "dev"])
def test_a_reserved_name_is_refused_with_the_reason(first: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["--type-name", f"{first}::SageMaker::ModelPackage"]) == 1
    assert f"'{first}::SageMaker::ModelPackage' cannot be registered" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
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
    ],
)
def test_a_malformed_name_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(
        BadName, match="is no name for a resource type: it has three parts of 2 to 64 letters"
    ):
        TypeName.registrable(name)


def test_an_empty_name_is_not_taken_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["--type-name", ""]) == 1
    assert "is no name for a resource type" in capsys.readouterr().err


def test_everything_follows_the_name(package: Package) -> None:
    project = package.project
    left = [
        (path.relative_to(project).as_posix(), line)
        for path in project.rglob("*")
        if path.is_file() and "build" not in path.relative_to(project).parts and path.suffix != ".zip"
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(
            r"AWS::SageMaker::ModelPackage(?!Group)|aws[_-]sagemaker[_-]modelpackage|AWS-SageMaker-ModelPackage",
            line,
            re.IGNORECASE,
        )
    ]
    assert left == []


def test_a_group_keeps_the_name_that_aws_gave_it(package: Package) -> None:
    assert renamed("AWS::SageMaker::ModelPackageGroup", ACME) == "AWS::SageMaker::ModelPackageGroup"
    example = (package.project / "examples" / "registered-version.yaml").read_text()
    assert "Type: AWS::SageMaker::ModelPackageGroup\n" in example
    assert f"Type: {ACME.name}\n" in example


@pytest.mark.parametrize("file", ["resource-role.yaml", "execution-role.yaml"])
def test_the_roles_trust_the_type_of_that_name_and_no_other(package: Package, file: str) -> None:
    text = (package.project / file).read_text()
    assert re.findall(r"type/resource/([\w-]+)/\*", text) == ["Acme-MachineLearning-ModelVersion"]
    assert yaml.safe_load(text)["Resources"]


def test_under_our_own_name_the_staged_project_is_this_one(tmp_path: Path) -> None:
    stage(tmp_path / "same", OURS)
    for path in (tmp_path / "same").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (ROOT / path.relative_to(tmp_path / "same")).read_bytes(), path


def test_the_examples_pass_the_linter_with_the_renamed_schema(package: Package, tmp_path: Path) -> None:
    shutil.copy(package.project / f"{ACME.hyphenated}.json", tmp_path)
    linter = Path(sys.executable).parent / "cfn-lint"
    command = [str(linter), "--registry-schemas", str(tmp_path), "--template"]
    command += [str(path) for path in sorted((package.project / "examples").glob("*.yaml"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout


# --- the interpreter --------------------------------------------------------------------------------


def test_the_interpreter_is_of_the_registered_version() -> None:
    found = interpreter.find()
    if found is None:
        pytest.skip(f"no {interpreter.runtime()} here")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    assert said.stdout.startswith(f"Python {interpreter.runtime().removeprefix('python')}.")


def test_an_interpreter_of_another_version_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho python3.8\n")
    other.chmod(0o755)
    monkeypatch.setenv(interpreter.VARIABLE, str(other))
    assert interpreter.find() is None
    assert interpreter.main() == 1


def test_an_interpreter_can_be_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = tmp_path / "python"
    named.write_text(f"#!/bin/sh\necho {interpreter.runtime()}\n")
    named.chmod(0o755)
    monkeypatch.setenv(interpreter.VARIABLE, str(named))
    assert interpreter.main() == 0
    assert capsys.readouterr().out == f"{named}\n"


def test_the_interpreters_module_needs_nothing_but_python() -> None:
    spec = importlib.util.find_spec("packager.interpreter")
    assert spec
    assert spec.origin
    subprocess.run([sys.executable, "-S", "-I", spec.origin], capture_output=True, check=False, timeout=60)  # noqa: S603
    source = Path(spec.origin).read_text()
    imported = set(re.findall(r"^(?:from|import) ([\w]+)", source, re.MULTILINE)) - {"__future__"}
    assert imported <= set(sys.stdlib_module_names)
