"""What the README says that can be checked without the sandbox."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCHEMA = json.loads((ROOT / "aws-sagemaker-modelpackage.json").read_text(encoding="utf-8"))


def block(language: str, containing: str) -> str:
    """The fenced block of this language that contains a text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return str(next(each for each in blocks if containing in each))


def test_the_table_of_permissions_is_the_schemas_with_a_reason_for_each() -> None:
    rows = re.findall(
        r"^\| (`[a-z0-9]+:\w+`(?:, `[a-z0-9]+:\w+`)*) \| ([a-z, ]+) \| (.*) \|$", README, re.MULTILINE
    )
    told = {
        (permission, handler)
        for permissions, handlers, _ in rows
        for permission in re.findall(r"`(.+?)`", permissions)
        for handler in handlers.split(", ")
    }
    needed = {
        (permission, name)
        for name, handler in SCHEMA["handlers"].items()
        for permission in handler["permissions"]
    }
    assert told == needed
    assert [permissions for permissions, _, reason in rows if not reason.strip()] == []


def test_every_file_it_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_recipe_for_another_name_builds_a_package_that_can_run(tmp_path: Path) -> None:
    project = tmp_path / "project"
    left_out = shutil.ignore_patterns(
        ".*", "__pycache__", "*.egg-info", "build", "rpdk.log*", "tests", "sandbox"
    )
    shutil.copytree(ROOT, project, ignore=left_out)
    shutil.copy(ROOT / ".rpdk-config", project)
    recipe = block("sh", "cfn submit --dry-run").replace(
        'make setup && export PATH="$PWD/.venv/bin:$PATH"\n', ""
    )
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = ["/bin/sh", "-euc", recipe]
    done = subprocess.run(  # noqa: S603
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    settings = json.loads((project / ".rpdk-config").read_text())
    assert settings["typeName"] == "Acme::SageMaker::ModelPackage"
    with zipfile.ZipFile(project / "acme-sagemaker-modelpackage.zip") as package:
        assert json.loads(package.read("schema.json"))["typeName"] == settings["typeName"]
        assert json.loads(package.read(".rpdk-config"))["entrypoint"] == settings["entrypoint"]
    module, _, attribute = settings["entrypoint"].rpartition(".")
    # What CloudFormation gets runs from the folder the package was built in, and from nothing else.
    probe = f"from {module} import {attribute} as entry, TYPE_NAME; print(TYPE_NAME, callable(entry))"
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-S", "-c", probe],
        cwd=project / "build",
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "Acme::SageMaker::ModelPackage True\n", run.stderr
