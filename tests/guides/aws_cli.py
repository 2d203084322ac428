"""Stands in for the AWS CLI, which need not be installed: its arguments as API calls, made or validated.

`LocalAws` makes the calls against the local AWS; `Account` validates them with the API's description.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jmespath  # type: ignore[import-untyped]
import yaml
from botocore import xform_name
from botocore.session import Session
from botocore.validate import ParamValidator

from packager.project import ROOT, TypeName
from sandbox.local_aws import Sandbox
from sandbox.shared.api_validation import check
from sandbox.shared.http import JsonHandler, LocalServer
from sandbox.shared.processes import clean_environment
from sandbox.shared.settings import REGION
from sandbox.state_file import STATE_VARIABLE

Json = dict[str, Any]
# The type that the guides register.
NAMED = TypeName.registrable("Acme::SageMaker::ModelPackage")
CURL = Path(__file__).with_name("curl.py")


# Options of the AWS CLI itself.
CLI_OPTIONS = {"query", "output", "region", "endpoint-url"}


@cache
def _session() -> Session:
    """For the descriptions of the APIs, which take long to read."""
    return Session()


class CommandFailed(Exception):
    """What the AWS CLI would end with."""


@dataclass
class Command:
    """A command of the AWS CLI, as the API call it makes."""

    service: str
    operation: str
    arguments: Json
    waiter: str = ""
    query: str = ""
    output: str = "json"

    @classmethod
    def parse(cls, args: list[str], folder: Path) -> Command:
        """Parse the arguments of `aws`; files are relative to the folder."""
        service, name, *rest = args
        service = {"s3api": "s3"}.get(service, service)
        session = _session()
        model = session.get_service_model(service)
        waiter = ""
        if name == "wait":
            waiter, *rest = rest
            data = session.get_component("data_loader").load_service_model(service, "waiters-2")
            operations = {
                xform_name(each, "-"): waits["operation"] for each, waits in data["waiters"].items()
            }
            operation = operations[waiter]
        else:
            operation = {xform_name(each, "-"): each for each in model.operation_names}[name]
        options: dict[str, list[str]] = {}
        for word in rest:
            if word.startswith("--"):
                last = options.setdefault(word.removeprefix("--"), [])
            else:
                last.append(word)
        own = {each: " ".join(options.pop(each)) for each in CLI_OPTIONS & options.keys()}
        shape: Any = model.operation_model(operation).input_shape
        by_option = {xform_name(each, "-"): each for each in shape.members}
        # A flag has an option that is its opposite.
        opposites = {option for option in options if option not in by_option and option.startswith("no-")}
        arguments = {by_option[option.removeprefix("no-")]: False for option in opposites} | {
            by_option[option]: _value(shape.members[by_option[option]], given, folder)
            for option, given in options.items()
            if option not in opposites
        }
        return cls(service, operation, arguments, waiter, own.get("query", ""), own.get("output", "json"))

    def shown(self, answer: Any) -> str:
        """An answer as the CLI prints it."""
        result = jmespath.search(self.query, answer) if self.query else answer
        if self.output == "text":
            return _text(result)
        return json.dumps(result, indent=4, default=str) if result not in (None, {}) else ""


def _value(shape: Any, given: list[str], folder: Path) -> Any:
    """An option's value as its shape has it."""
    if shape.type_name == "boolean":
        assert given == [], given
        return True
    if shape.type_name == "list":
        if len(given) == 1 and given[0].startswith("["):
            return json.loads(given[0])
        return [_value(shape.member, [each], folder) for each in given]
    (text,) = given
    if text.startswith("file://"):
        text = (folder / text.removeprefix("file://")).read_text(encoding="utf-8")
    if shape.type_name == "integer":
        return int(text)
    if shape.type_name == "structure":
        return json.loads(text) if text.startswith("{") else _shorthand(shape, text)
    return text


def _shorthand(shape: Any, text: str) -> Json:
    """Members of a structure as `Name=value,...`."""
    pairs = [part.split("=", 1) for part in text.split(",")]
    flags = {name for name, member in shape.members.items() if member.type_name == "boolean"}
    return {name: value == "true" if name in flags else value for name, value in pairs}


def _text(result: Any) -> str:
    if not isinstance(result, list):
        return str(result)
    if any(isinstance(each, list) for each in result):
        return "\n".join(map(_text, result))
    return "\t".join(map(str, result))


class LocalAws:
    """Makes the calls, against a running sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._clients: dict[str, Any] = {}

    def run(self, args: list[str], folder: Path) -> str:
        """What the command prints."""
        command = Command.parse(args, folder)
        if command.service not in self._clients:
            self._clients[command.service] = self._sandbox.client(command.service)
        client = self._clients[command.service]
        if command.waiter:
            waiter = client.get_waiter(command.waiter.replace("-", "_"))
            waiter.wait(**command.arguments, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
            return ""
        answer = getattr(client, xform_name(command.operation))(**command.arguments)
        answer.pop("ResponseMetadata", None)
        return command.shown(answer)

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients.values():
            client.close()


class Account:
    """Makes no call: holds each one against the API's description, and answers with what the next needs."""

    ANSWERS: Mapping[str, Json] = {
        "DescribeStacks": {
            "Stacks": [
                {
                    "Outputs": [
                        {
                            "OutputKey": "ExecutionRoleArn",
                            "OutputValue": "arn:aws:iam::123456789012:role/acme",
                        },
                        {"OutputKey": "LogGroupName", "OutputValue": "acme"},
                        {
                            "OutputKey": "LoggingConfig",
                            "OutputValue": "LogRoleArn=arn:aws:iam::123456789012:role/a,LogGroupName=acme",
                        },
                    ]
                }
            ]
        },
        "GetTemplate": {"TemplateBody": (ROOT / "execution-role.yaml").read_text(encoding="utf-8")},
        "DescribeType": {"DefaultVersionId": "00000001"},
        "RegisterType": {"RegistrationToken": "11111111-2222-3333-4444-555555555555"},
        "DescribeTypeRegistration": {
            "TypeVersionArn": f"arn:aws:cloudformation:{REGION}:123456789012:type/resource/Acme/00000002"
        },
    }

    def __init__(self) -> None:
        self.made: list[str] = []

    def run(self, args: list[str], folder: Path) -> str:
        """What the command would print; CommandFailed when the API has no such call."""
        if args[:2] == ["cloudformation", "deploy"]:
            self._deploy(args[2:], folder)
            return ""
        if args[:2] == ["s3", "cp"]:
            source = Path(args[2])
            assert (folder / source).exists(), args
            stem = source.stem.removesuffix("-release")
            key = rf"({re.escape(source.name)}|{stem}-[0-9a-f]{{64}}\.zip)"
            assert re.fullmatch(rf"s3://[A-Za-z0-9-]+/{key}", args[3]), args
            return ""
        command = Command.parse(args, folder)
        shape = _session().get_service_model(command.service).operation_model(command.operation).input_shape
        assert shape
        report = ParamValidator().validate(command.arguments, shape)
        assert not report.has_errors(), report.generate_report()
        check(command.operation, command.arguments, command.service)
        assert command.arguments.get("TypeName", NAMED.name) == NAMED.name
        if command.query:
            jmespath.compile(command.query)
        self.made.append(command.operation)
        return command.shown(self.ANSWERS.get(command.operation, {}))

    @staticmethod
    def _deploy(args: list[str], folder: Path) -> None:
        options: dict[str, list[str]] = {}
        for word in args:
            if word.startswith("--"):
                last = options.setdefault(word, [])
            else:
                last.append(word)
        written = yaml.safe_load((folder / options["--template-file"][0]).read_text(encoding="utf-8"))
        has_role = "AWS::IAM::Role" in [each["Type"] for each in written["Resources"].values()]
        needed = {"--capabilities"} if has_role else set()
        # What is not given stays as it is, in the update of a stack.
        may_be = {"--parameter-overrides", "--no-fail-on-empty-changeset"}
        assert set(options) - may_be == {"--stack-name", "--template-file"} | needed
        for given in options.get("--parameter-overrides", []):
            name, _, value = given.partition("=")
            pattern = {"Number": "[0-9]+"}.get(written["Parameters"][name]["Type"], "")
            assert re.fullmatch(pattern or written["Parameters"][name]["AllowedPattern"], value), name


@contextmanager
def serving(aws: LocalAws | Account) -> Iterator[str]:
    """Answer the `aws` script, which sends its folder and arguments, with what it shall print."""

    class Handler(JsonHandler):
        def post(self) -> None:
            folder, *args = self.body().decode().removesuffix("\0").split("\0")
            try:
                status, output = 200, aws.run(args, Path(folder))
            except Exception as problem:  # in the output of the shell, which the test shows
                status, output = 400, f"aws {' '.join(args)}: {problem!r}"
            self.answer(status, f"{output}\n".encode() if output else b"")

    with LocalServer(Handler) as server:
        yield server.endpoint


def run_shell(
    text: str, folder: Path, aws: LocalAws | Account, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run commands in a shell in which `aws` is a script; what it prints is in `stdout`, errors included."""
    tools = folder.parent / "tools"
    tools.mkdir(exist_ok=True)
    script = tools / "aws"
    script.write_text(
        '#!/bin/sh\n{ printf "%s\\0" "$PWD" "$@"; } |\n'
        '    curl --silent --show-error --fail-with-body --data-binary @- "$AWS_SCRIPT_ENDPOINT"\n'
    )
    script.chmod(0o755)
    if shutil.which("curl") is None:
        curl = tools / "curl"
        curl.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{CURL}" "$@"\n')
        curl.chmod(0o755)
    with serving(aws) as endpoint:
        return subprocess.run(  # noqa: S603 - the guides' own commands
            ["/bin/sh", "-e", "-u", "-c", text],
            cwd=folder,
            env=clean_environment(
                **variables,
                **{name: os.environ[name] for name in (STATE_VARIABLE,) if name in os.environ},
                AWS_SCRIPT_ENDPOINT=endpoint,
                PATH=f"{tools}{os.pathsep}{os.environ['PATH']}",
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
