"""Mistakes in templates, and how linter, handlers and stacks report them.

Every template beside this file has one mistake, which its name says. Comments at its beginning have a part of
each message that reports it:

- `linter`: from cfn-lint, run as guides/editors.md says. Without that line it reports nothing.
- `handler`: from the handlers, before any call, for clients that check nothing; or `none`, and why.
- `stack`: in the events of a stack, for what is only known when the template is deployed, with `parameters`.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ROOT
from tests.sandbox.helpers import invoke
from tests.stack.conftest import sandbox, stacks, started
from tests.stack.stacks import TYPE, DeployedStacks, parameters, sam_event

__all__ = ["sandbox", "stacks", "started"]  # fixtures of the stack tests

FILES = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.yaml"))}
REPORTS = {
    name: dict(re.findall(r"^# (\w+): (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE))
    for name, path in FILES.items()
}
NONE = "none, "
REFUSED = [name for name, reports in REPORTS.items() if not reports.get("handler", NONE).startswith(NONE)]
LEFT = [name for name, reports in REPORTS.items() if reports.get("handler", "").startswith(NONE)]
DEPLOYED = [name for name, reports in REPORTS.items() if "stack" in reports]
# A message of our own begins with the path of a property.
PATH = re.compile(r"[A-Za-z]\w*(\[\d+\]|\.[^ ]+)*:? ")

Json = dict[str, Any]


# --- the linter -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def linted() -> dict[str, list[str]]:
    """cfn-lint's messages for each template, from one run in the project's root."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json", *map(str, FILES.values())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    messages: dict[str, list[str]] = {name: [] for name in FILES}
    for match in json.loads(done.stdout):
        messages[Path(match["Filename"]).stem].append(match["Message"])
        if match["Rule"]["Id"][1:] in ("9100", "9101"):
            assert PATH.match(match["Message"]), match
    return messages


@pytest.mark.parametrize("name", FILES)
def test_linter_reports_the_mistake(linted: dict[str, list[str]], name: str) -> None:
    expected = REPORTS[name].get("linter")
    if expected is None:
        assert linted[name] == []
    else:
        assert [message for message in linted[name] if expected in message], linted[name]


def test_mistakes_are_reported_by_linter_or_stack() -> None:
    assert len(FILES) >= 90
    assert [name for name, reports in REPORTS.items() if not reports.keys() & {"linter", "stack"}] == []
    known = {"linter", "handler", "stack", "parameters"}
    assert [name for name, reports in REPORTS.items() if not reports.keys() <= known] == []
    # What the handlers accept, the linter reports.
    assert [name for name in LEFT if "linter" not in REPORTS[name]] == []


# --- the handlers -----------------------------------------------------------------------------------


@pytest.fixture
def functions(stacks: DeployedStacks, sandbox: Sandbox) -> Iterator[Any]:
    """A client of the functions, in a sandbox with nothing but a group in it."""
    del stacks  # creates the group
    sandbox.sagemaker.clear_calls()
    with closing(sandbox.client("lambda")) as client:
        yield client


def properties_of(name: str) -> Json:
    resources = yaml.safe_load(FILES[name].read_text(encoding="utf-8"))["Resources"]
    properties: Json
    (properties,) = [each["Properties"] for each in resources.values() if each["Type"] == TYPE]
    return properties


def create(functions: Any, properties: Json) -> Json:
    """The handlers' answer to a create that nothing has checked with the schema."""
    answer: Json = invoke(functions, "TestEntrypoint", sam_event("CREATE", properties))[1]
    return answer


@pytest.mark.parametrize("name", REFUSED)
def test_handlers_refuse_the_mistake_before_any_call(sandbox: Sandbox, functions: Any, name: str) -> None:
    answer = create(functions, properties_of(name))
    assert answer["errorCode"] == "InvalidRequest"
    assert REPORTS[name]["handler"] in answer["message"]
    assert sandbox.sagemaker.calls == []


@pytest.mark.parametrize("name", LEFT)
def test_handlers_leave_the_mistake_to_sagemaker(sandbox: Sandbox, functions: Any, name: str) -> None:
    answer = create(functions, properties_of(name))
    assert sandbox.sagemaker.calls[0]["operation"] == "CreateModelPackage"
    assert answer["status"] in ("SUCCESS", "IN_PROGRESS") or answer["errorCode"] == "InvalidRequest"


# --- a stack ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEPLOYED)
def test_stack_reports_the_mistake_and_creates_nothing(
    stacks: DeployedStacks, sandbox: Sandbox, name: str
) -> None:
    given = dict(each.split("=", 1) for each in shlex.split(REPORTS[name].get("parameters", "")))
    stack = f"mistake-{name}"
    body = FILES[name].read_text(encoding="utf-8")
    stacks.client.create_stack(StackName=stack, TemplateBody=body, Parameters=parameters(**given))
    assert stacks.wait(stack) in ("ROLLBACK_COMPLETE", "CREATE_FAILED")
    reasons = stacks.reasons(stack)
    assert [each for each in reasons if REPORTS[name]["stack"] in each], reasons
    assert sandbox.sagemaker.packages == []
