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

from benchmarks.measure import Wire, Worker, event
from benchmarks.packages import Side
from packager import __main__, interpreter, project
from packager.build import HANDLERS, Package, PackageError, build, unpack
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


def run_cfn(project: Path, *arguments: str) -> str:
    """Run the CLI in a project, with the pip of this environment, and return what it says."""
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(  # noqa: S603 - the CLI of this environment
        [str(scripts / "cfn"), *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def plain(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `cfn submit --dry-run` builds from the same project."""
    project = tmp_path_factory.mktemp("plain") / "project"
    shutil.copytree(package.project, project, ignore=shutil.ignore_patterns("build", "*.zip"))
    run_cfn(project, "submit", "--dry-run")
    return project / f"{ACME.hyphenated}.zip"


def test_the_layout_is_that_of_the_cli(package: Package, plain: Path) -> None:
    with zipfile.ZipFile(plain) as theirs, zipfile.ZipFile(package.archive) as ours:
        assert sorted(ours.namelist()) == sorted(theirs.namelist())
        assert ours.namelist() == sorted(ours.namelist())
        for name in set(ours.namelist()) - {HANDLERS}:
            assert ours.read(name) == theirs.read(name), name
        assert {entry.compress_type for entry in ours.infolist()} == {zipfile.ZIP_STORED}
        assert theirs.getinfo(HANDLERS).file_size > 8 * ours.getinfo(HANDLERS).file_size


def test_the_package_of_the_cli_alone_answers_as_well(plain: Path, tmp_path: Path) -> None:
    unpack(plain, tmp_path / "root")
    side = Side(tmp_path / "root", f"{ACME.package}.handlers.resource", ACME.name, 0, 0)
    with Wire() as wire, Worker(side, Path(sys.executable), wire.endpoint) as worker:
        assert worker.invoke(event("READ", ACME.name))["answer"]["status"] == "SUCCESS"


def test_the_cli_validates_the_project_of_that_name(package: Package) -> None:
    assert "Resource schema is valid." in run_cfn(package.project, "validate")
    (package.project / "rpdk.log").unlink(missing_ok=True)


def test_it_carries_schema_and_settings_of_its_name(package: Package) -> None:
    with zipfile.ZipFile(package.archive) as outer:
        schema, settings = json.loads(outer.read("schema.json")), json.loads(outer.read(".rpdk-config"))
    assert schema["typeName"] == settings["typeName"] == ACME.name
    assert settings["entrypoint"] == "acme_machinelearning_modelversion.handlers.resource"
    assert settings["testEntrypoint"] == "acme_machinelearning_modelversion.handlers.test_entrypoint"
    ours = project.schema()
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
    absent = tmp_path / "absent"
    assert (
        f"warning: {interpreter.VARIABLE} is {absent}, which is no {interpreter.runtime()} that runs"
        in told.err
    )
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


@pytest.mark.parametrize(
    ("keyword", "changed", "words"),
    [
        pytest.param(
            "handlers",
            {"read": {"permissions": ["kms:Encrypt"]}},
            "kms:Encrypt: packager/role.py does not say",
            id="a permission that no statement limits",
        ),
        pytest.param("primaryIdentifier", [], "Resource schema is invalid: ", id="what the CLI refuses"),
    ],
)
def test_a_schema_that_cannot_be_packaged_ends_the_command_in_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    keyword: str,
    changed: object,
    words: str,
) -> None:
    import packager.build

    def with_another_schema(target: Path, name: TypeName) -> None:
        stage(target, name)
        file = target / f"{name.hyphenated}.json"
        file.write_text(json.dumps({**project.schema(file), keyword: changed}))

    monkeypatch.setattr(packager.build, "stage", with_another_schema)
    assert __main__.main(["--type-name", ACME.name, "--no-bytecode", "--output", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(words)


def test_requirements_and_project_name_the_same_versions() -> None:
    import tomllib

    pinned = set(re.findall(r"^[\w-]+==[\w.]+", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["dependencies"]) <= pinned


def copy_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that are packaged, in a folder that is no checkout yet."""
    root = tmp_path / "checkout"
    stage(root, OURS)
    monkeypatch.setattr(project, "ROOT", root)
    monkeypatch.setattr(project, "SCHEMA", root / SCHEMA.name)
    monkeypatch.setattr(project, "PACKAGE", root / PACKAGE.relative_to(ROOT))
    return root


def git(root: Path, *arguments: str) -> None:
    """Run git there, with a name, whatever this machine is set up for."""
    command = ["git", "-c", "user.name=tests", "-c", "user.email=tests@example.com", *arguments]
    subprocess.run(command, cwd=root, capture_output=True, check=True)  # noqa: S603


@pytest.mark.parametrize("checkout", [True, False], ids=["in a checkout", "without git"])
def test_what_lies_about_is_not_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: bool
) -> None:
    root = copy_of_the_repository(tmp_path, monkeypatch)
    before = [path.as_posix() for path in project.files()]
    if checkout:
        git(root, "init")
        git(root, "add", "--all")
    for stray in ("handlers.py~", ".env", ".DS_Store", "notes.txt"):
        (project.PACKAGE / stray).write_bytes(b"\xff not for others")
    (root / "examples" / "mine.yaml.swp").write_text("secret")
    assert sorted(path.as_posix() for path in project.files()) == sorted(before)
    # A module that git does not know yet is no part of a commit.
    (project.PACKAGE / "draft.py").write_text("")
    assert any(path.name == "draft.py" for path in project.files()) is not checkout


def test_a_checkout_that_cannot_be_written_is_staged_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy_of_the_repository(tmp_path, monkeypatch)
    for path in root.rglob("*"):
        if path.is_file():
            path.chmod(0o444)
    stage(tmp_path / "again", ACME)
    written = [path for path in (tmp_path / "again").rglob("*") if path.is_file()]
    assert written
    assert all(path.stat().st_mode & 0o200 for path in written)


def test_settings_of_pip_that_say_where_to_install_are_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    import packager.build

    monkeypatch.setenv("PIP_DRY_RUN", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://pypi.example.com")
    with packager.build._plain_pip():
        assert "PIP_DRY_RUN" not in os.environ
        assert os.environ["PIP_INDEX_URL"] == "https://pypi.example.com"
    assert os.environ["PIP_DRY_RUN"] == "1"


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


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        ([], ""),
        (["TYPE_NAME="], '--type-name "$TYPE_NAME"'),
        (["TYPE_NAME=Acme::A1::B2"], '--type-name "$TYPE_NAME"'),
    ],
    ids=["none", "an empty one", "one"],
)
def test_the_command_tells_no_name_from_an_empty_one(given: list[str], passed_on: str) -> None:
    command = ["make", "--no-print-directory", "--dry-run", "package", *given]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS", "TYPE_NAME"))
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.splitlines()[-1].strip() == f".venv/bin/python -m packager {passed_on}".strip()


def test_everything_follows_the_name(package: Package) -> None:
    left = [
        (path.relative_to(package.project).as_posix(), line)
        for path in package.project.rglob("*")
        if path.is_file() and "build" not in path.relative_to(package.project).parts and path.suffix != ".zip"
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


def test_a_relative_name_of_an_interpreter_means_the_current_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = tmp_path / "python"
    # A stand-in that needs its environment, as an interpreter with shared libraries does.
    named.write_text(f"#!/bin/sh\necho ${{NEEDED:+{interpreter.runtime()}}}\n")
    named.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(interpreter.VARIABLE, "./python")
    assert interpreter.find() is None
    assert (
        interpreter.missing()
        == f"{interpreter.VARIABLE} is ./python, which is no {interpreter.runtime()} that runs"
    )
    monkeypatch.setenv("NEEDED", "1")
    assert interpreter.find() == named
    assert interpreter.environment()["NEEDED"] == "1"


def test_pythons_own_settings_do_not_reach_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert "PYTHONPATH" not in interpreter.environment()


def test_without_one_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(interpreter.VARIABLE, raising=False)
    assert interpreter.missing().startswith(f"no {interpreter.runtime()} on this machine: install it")


def test_the_interpreters_module_needs_nothing_but_python() -> None:
    spec = importlib.util.find_spec("packager.interpreter")
    assert spec
    assert spec.origin
    command = [sys.executable, "-S", "-I", spec.origin]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    found = interpreter.find()
    expected = (0, f"{found}\n", "") if found else (1, "", "")
    assert (done.returncode, done.stdout, done.stderr) == expected
    source = Path(spec.origin).read_text()
    imported = set(re.findall(r"^(?:from|import) ([\w]+)", source, re.MULTILINE)) - {"__future__"}
    assert imported <= set(sys.stdlib_module_names)
