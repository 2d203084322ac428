"""Mistakes in templates: cfn-lint, the handlers or a stack report each of them.

Every template beside this file has a mistake, which its name says, or several. Comments at its beginning hold
the messages that are expected:

- `linter`: of cfn-lint, run as guides/editors.md says, behind a rule's id; a line for each. Without such a
  line there is none.
- `handler`: of the handlers, called without a template, before they call SageMaker; or `none`, and why.
- `stack`: in the events of a stack, for what is only known at deployment, with `parameters`.

The templates in `none/` are correct, although they resemble a mistake.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from aws_sagemaker_modelpackage import validation
from sandbox.local_aws import Sandbox
from sandbox.shared.settings import ROOT
from tests.linter import link_cfn_lint_alone, lint
from tests.sandbox.helpers import invoke
from tests.stack.conftest import empty_stacks, stacks
from tests.stack.stacks import TYPE, DeployedStacks, parameters, sam_event

__all__ = ["empty_stacks", "stacks"]  # fixtures of the stack tests

FILES = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.yaml"))}
CORRECT = [*Path(__file__).parent.glob("none/*.yaml"), *(ROOT / "examples").rglob("*.yaml")]
EXPECTED = {
    name: dict(re.findall(r"^# (\w+): (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE))
    for name, path in FILES.items()
}
LINTED = {
    name: re.findall(r"^# linter: (\w+) (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    for name, path in FILES.items()
}
# A mistake for each of our rules, by id. The test of the guide's table holds that none lacks one.
BY_ID = {rule: name for name, lines in LINTED.items() for rule, _ in lines if re.match("[EW]9", rule)}
NONE = "none, "
REFUSED = [name for name, expected in EXPECTED.items() if not expected.get("handler", NONE).startswith(NONE)]
LEFT = [name for name, expected in EXPECTED.items() if expected.get("handler", "").startswith(NONE)]
DEPLOYED = [name for name, expected in EXPECTED.items() if "stack" in expected]

Json = dict[str, Any]


# --- the linter -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def linted() -> dict[str, list[str]]:
    """The matches of cfn-lint in all templates, by a template's name."""
    return lint(ROOT, *FILES.values(), *CORRECT)


@pytest.mark.parametrize("name", FILES)
def test_linter_reports_mistake(linted: dict[str, list[str]], name: str) -> None:
    matches = linted.get(name, [])
    for rule, text in LINTED[name]:
        assert [each for each in matches if each.startswith(f"{rule} ") and text in each], matches
    assert LINTED[name] or not matches


@pytest.mark.parametrize("name", REFUSED)
def test_linter_and_handlers_report_the_same(linted: dict[str, list[str]], name: str) -> None:
    """The rules with the handlers' messages and the handlers themselves, as far as both see a template."""
    _, faults = validation.create_faults(properties_of(name), {})
    ours = [each.split(" ", 1)[1] for each in linted[name] if re.match("E91[14]", each)]
    assert sorted(ours) == sorted(str(each) for problems in faults.values() for each in problems)


def test_linter_accepts_correct_templates(linted: dict[str, list[str]]) -> None:
    assert len(CORRECT) > 15
    assert {path.stem for path in CORRECT} & linted.keys() == set()


def test_linter_messages_begin_with_a_property(linted: dict[str, list[str]]) -> None:
    ours = [each for matches in linted.values() for each in matches if re.match("[EW]9", each)]
    assert [each for each in ours if not re.match(r"\w+ [A-Za-z]\w*(\[\d+\]|\.[^ ]+)*:? ", each)] == []


def test_ignore_checks_silences_one_rule(linted: dict[str, list[str]], tmp_path: Path) -> None:
    for rule, name in BY_ID.items():
        ignore = f"Metadata:\n  cfn-lint: {{config: {{ignore_checks: [{rule}]}}}}\n"
        template = f"{FILES[name].read_text(encoding='utf-8')}\n{ignore}"
        (tmp_path / f"{rule}.yaml").write_text(template, encoding="utf-8")
    remaining = lint(ROOT, *tmp_path.iterdir())
    for rule, name in BY_ID.items():
        assert remaining.get(rule, []) == [each for each in linted[name] if not each.startswith(rule)]


def test_cfn_lint_alone_reports_the_same(linted: dict[str, list[str]], tmp_path: Path) -> None:
    """Where neither the support library nor the SDK is installed, which the handlers import."""
    packages = link_cfn_lint_alone(tmp_path / "packages")
    assert not [*packages.glob("boto*"), *packages.glob("cloudformation*")]
    names = sorted(set(BY_ID.values()))
    assert lint(ROOT, *(FILES[name] for name in names), packages=packages) == {
        name: linted[name] for name in names
    }


def test_mistakes_are_reported_by_the_linter_or_at_deployment() -> None:
    assert len(FILES) >= 90
    assert [name for name, each in EXPECTED.items() if not each.keys() & {"linter", "stack"}] == []
    known = {"linter", "handler", "stack", "parameters"}
    assert [name for name, each in EXPECTED.items() if not each.keys() <= known] == []
    # What the handlers do not refuse only the linter reports.
    assert [name for name in LEFT if not LINTED[name]] == []


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


def create(sandbox: Sandbox, functions: Any, properties: Json) -> Json:
    """The handlers' answer to a create that nothing has checked with the schema."""
    event = sandbox.credentials.put_into(sam_event("CREATE", properties))
    answer: Json = invoke(functions, "TestEntrypoint", event)[1]
    return answer


@pytest.mark.parametrize("name", REFUSED)
def test_handlers_refuse_the_mistake_before_any_call(sandbox: Sandbox, functions: Any, name: str) -> None:
    answer = create(sandbox, functions, properties_of(name))
    assert answer["errorCode"] == "InvalidRequest"
    assert EXPECTED[name]["handler"] in answer["message"]
    assert sandbox.sagemaker.calls == []


@pytest.mark.parametrize("name", LEFT)
def test_handlers_leave_the_mistake_to_sagemaker(sandbox: Sandbox, functions: Any, name: str) -> None:
    answer = create(sandbox, functions, properties_of(name))
    assert sandbox.sagemaker.calls[0]["operation"] == "CreateModelPackage"
    assert answer["status"] in ("SUCCESS", "IN_PROGRESS") or answer["errorCode"] == "InvalidRequest"


# --- a stack ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEPLOYED)
def test_stack_reports_the_mistake_and_creates_nothing(
    stacks: DeployedStacks, sandbox: Sandbox, name: str
) -> None:
    given = dict(each.split("=", 1) for each in shlex.split(EXPECTED[name].get("parameters", "")))
    stack = f"mistake-{name}"
    body = FILES[name].read_text(encoding="utf-8")
    stacks.client.create_stack(StackName=stack, TemplateBody=body, Parameters=parameters(**given))
    assert stacks.wait(stack) in ("ROLLBACK_COMPLETE", "CREATE_FAILED")
    reasons = stacks.reasons(stack)
    assert [each for each in reasons if EXPECTED[name]["stack"] in each], reasons
    assert sandbox.sagemaker.packages == []
