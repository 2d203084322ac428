"""What people get wrong in templates: each mistake is told to them, by the linter or by the handlers.

Every template beside this file has one mistake, which its name says. Comments at its beginning hold the words
with which it is caught:

- `linter`: by cfn-lint, run as guides/editors.md says. Without that line it has nothing to say.
- `handler`: by the handlers, for whoever calls them without a template, before any call; or `none`, and why.
- `stack`: in the events of a stack, for what is only known when the template is deployed, with `parameters`.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ROOT
from tests.stack.stacks import GROUP, TYPE, DeployedStacks

FILES = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.yaml"))}
TOLD = {
    name: dict(re.findall(r"^# (\w+): (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE))
    for name, path in FILES.items()
}
NONE = "none, "
REFUSED = [name for name, told in TOLD.items() if not told.get("handler", NONE).startswith(NONE)]
LEFT = [name for name, told in TOLD.items() if told.get("handler", "").startswith(NONE)]
DEPLOYED = [name for name, told in TOLD.items() if "stack" in told]
# A message of our own begins with the path of a property.
PATH = re.compile(r"[A-Za-z]\w*(\[\d+\]|\.[^ ]+)*:? ")

Json = dict[str, Any]


# --- the linter -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def linted() -> dict[str, list[str]]:
    """What cfn-lint says of each template, in one run from the project's root."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json", *map(str, FILES.values())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    found: dict[str, list[str]] = {name: [] for name in FILES}
    for match in json.loads(done.stdout):
        found[Path(match["Filename"]).stem].append(match["Message"])
        if match["Rule"]["Id"][1:] in ("9100", "9101"):
            assert PATH.match(match["Message"]), match
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_linter_says_what_is_wrong(linted: dict[str, list[str]], name: str) -> None:
    words = TOLD[name].get("linter")
    if words is None:
        assert linted[name] == []
    else:
        assert [message for message in linted[name] if words in message], linted[name]


def test_every_mistake_is_caught_by_the_linter_or_when_it_is_deployed() -> None:
    assert len(FILES) >= 90
    assert [name for name, told in TOLD.items() if not told.keys() & {"linter", "stack"}] == []
    known = {"linter", "handler", "stack", "parameters"}
    assert [name for name, told in TOLD.items() if not told.keys() <= known] == []
    # What the handlers leave alone is the linter's alone.
    assert [name for name in LEFT if "linter" not in TOLD[name]] == []


# --- the handlers -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """A sandbox whose handlers' delays pass ten times as fast."""
    with Sandbox(cloudcontrol=False, time_scale=0.1) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """The sandbox with one group in it and nothing else."""
    running.sagemaker.reset()
    client = running.client("sagemaker")
    client.create_model_package_group(ModelPackageGroupName=GROUP)
    client.close()
    running.sagemaker.clear_calls()
    yield running
    running.sagemaker.reset()


@pytest.fixture(scope="module")
def functions(running: Sandbox) -> Iterator[Any]:
    """A client of the functions."""
    client = running.client("lambda")
    yield client
    client.close()


def properties_of(name: str) -> Json:
    """The properties of the package in a template that has no function in it."""
    resources = yaml.safe_load(FILES[name].read_text(encoding="utf-8"))["Resources"]
    (found,) = [each["Properties"] for each in resources.values() if each["Type"] == TYPE]
    properties: Json = found
    return properties


def created(functions: Any, properties: Json) -> Json:
    """The handlers' answer to a create, with nobody between who looks at the schema."""
    event = json.loads((ROOT / "sam-tests" / "create.json").read_text(encoding="utf-8"))
    event["request"]["desiredResourceState"] = properties
    with functions.invoke(FunctionName="TestEntrypoint", Payload=json.dumps(event))["Payload"] as answer:
        payload: Json = json.loads(answer.read())
    return payload


@pytest.mark.parametrize("name", REFUSED)
def test_the_handlers_refuse_it_before_any_call(sandbox: Sandbox, functions: Any, name: str) -> None:
    answer = created(functions, properties_of(name))
    assert answer["errorCode"] == "InvalidRequest"
    assert TOLD[name]["handler"] in answer["message"]
    assert sandbox.sagemaker.calls == []


@pytest.mark.parametrize("name", LEFT)
def test_what_the_handlers_do_not_refuse_they_leave_to_sagemaker(
    sandbox: Sandbox, functions: Any, name: str
) -> None:
    answer = created(functions, properties_of(name))
    assert sandbox.sagemaker.calls[0]["operation"] == "CreateModelPackage"
    assert answer["status"] in ("SUCCESS", "IN_PROGRESS") or answer["errorCode"] == "InvalidRequest"


# --- a stack ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEPLOYED)
def test_a_stack_says_what_is_wrong_and_makes_nothing(sandbox: Sandbox, name: str) -> None:
    given = dict(each.split("=", 1) for each in shlex.split(TOLD[name].get("parameters", "")))
    parameters: list[Any] = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    stacks = DeployedStacks(sandbox)
    try:
        stack = f"mistake-{name}"
        body = FILES[name].read_text(encoding="utf-8")
        stacks.client.create_stack(StackName=stack, TemplateBody=body, Parameters=parameters)
        assert stacks.wait(stack) in ("ROLLBACK_COMPLETE", "CREATE_FAILED")
        assert [each for each in stacks.reasons(stack) if TOLD[name]["stack"] in each], stacks.reasons(stack)
        assert sandbox.sagemaker.packages == []
    finally:
        stacks.delete_all()
        stacks.close()
