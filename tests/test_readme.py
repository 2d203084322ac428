"""What the README says that can be checked without the sandbox."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import yaml
from botocore import xform_name
from botocore.session import Session

from packager.project import TypeName

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


# Options of the AWS CLI itself, and commands that it makes of several calls or of none.
CLI_OPTIONS = {"query", "output", "region", "endpoint-url"}
CLI_COMMANDS = {("cloudformation", "deploy"), ("s3", "cp"), ("lambda", "invoke")}


def aws_commands() -> list[list[str]]:
    """Every command of the AWS CLI in the README, as a shell would split it."""
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    found = [re.search(r"(?:^|\$\()aws (.*?)\)?$", line) for line in lines]
    return [shlex.split(match[1]) for match in found if match]


def test_the_commands_of_the_aws_cli_are_calls_with_parameters_that_there_are() -> None:
    session = Session()
    checked = []
    for service, command, *rest in aws_commands():
        options = {each.removeprefix("--") for each in rest if each.startswith("--")} - CLI_OPTIONS
        if (service, command) in CLI_COMMANDS:
            continue
        model = session.get_service_model(service)
        if command == "wait":
            data = session.get_component("data_loader").load_service_model(service, "waiters-2")
            waiters = {xform_name(name, "-"): waiter["operation"] for name, waiter in data["waiters"].items()}
            operation = waiters[rest[0]]
        else:
            operation = {xform_name(name, "-"): name for name in model.operation_names}[command]
        shape = model.operation_model(operation).input_shape
        assert options <= {xform_name(name, "-") for name in shape.members}, (command, options)
        checked.append(command)
    for needed in ("register-type", "set-type-default-version", "list-type-versions", "deregister-type"):
        assert needed in checked


def test_the_registration_is_of_the_package_that_the_command_before_it_builds() -> None:
    name = re.search(r"^make package TYPE_NAME=(\S+)$", README, re.MULTILINE)
    assert name
    new = TypeName.registrable(name[1])
    steps = block("sh", "register-type")
    assert f"cd build/{new.hyphenated}\n" in steps
    assert f"{new.hyphenated}.zip" in steps
    assert set(re.findall(r"--type-name (\S+)", steps)) == {new.name}
    for each in ("register-type", "list-type-versions"):
        done = subprocess.run(["/bin/sh", "-n", "-c", block("sh", each)], capture_output=True, check=False)  # noqa: S603
        assert done.returncode == 0, done.stderr


def test_the_make_commands_in_it_are_those_that_there_are() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.* ## ", makefile, re.MULTILINE))
    told = set(re.findall(r"(?:^|`)make ([a-z-]+[a-z_]*)", README, re.MULTILINE))
    # One part of the torture has the name of its tests.
    parts = {each.removeprefix("torture-") for each in told if each.startswith("torture-")}
    assert parts == {path.stem.removeprefix("test_") for path in (ROOT / "tests/torture").glob("test_*.py")}
    assert {each for each in told if not each.startswith("torture-")} <= targets
    assert {
        "demo",
        "test",
        "contract",
        "contract-package",
        "unit",
        "stack",
        "bench",
        "package",
        "start",
        "torture",
        "quick",
    } <= told


def test_the_roles_parameters_are_explained() -> None:
    template = yaml.safe_load((ROOT / "execution-role.yaml").read_text(encoding="utf-8"))
    told = re.findall(r"^\| `(\w+Arns?)` \| .+ \| .+ \|$", README, re.MULTILINE)
    assert sorted(told) == sorted(template["Parameters"])
    # What the steps give is what the role takes.
    given = re.findall(r"(\w+Arns)=(\S+)", block("sh", "register-type"))
    assert given
    for name, value in given:
        assert re.fullmatch(template["Parameters"][name]["AllowedPattern"], value), name
