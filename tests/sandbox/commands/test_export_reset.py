"""`export` and `reset`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import state_file
from sandbox.local_aws import Sandbox
from sandbox.sagemaker import Behaviour
from sandbox.shared.clients import environment
from sandbox.shared.credentials import VARIABLES, Credentials
from sandbox.shared.http_request import ask
from sandbox.shared.settings import REGISTRY_PATH
from sandbox.state_file import STATE_VARIABLE
from tests.sandbox.commands.cli import ARN, VALIDATED, VERSION, RunCommand, never_complete
from tests.sandbox.helpers import until


def test_export_reads_through_the_sandbox_handlers(run: RunCommand, sandbox: Sandbox) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    result = run("export", f"{ARN}/1")
    assert (result.code, result.err) == (0, "")
    (resource,) = yaml.safe_load(result.out)["Resources"].values()
    assert resource["Properties"]["Domain"] == "MACHINE_LEARNING"
    assert run("export", f"{ARN}/1", "--json").json["Resources"].popitem()[1] == resource
    assert [each["action"] for each in sandbox.invocations()][-2:] == ["READ", "READ"]
    missing = run("export", f"{ARN}/2")
    assert (missing.code, missing.out) == (1, "")
    assert missing.err.startswith("NotFound: READ AWS::SageMaker::ModelPackage")


def test_export_ignores_an_accounts_variables(
    run: RunCommand, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    # A shell for an account: nothing of it is used.
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", "https://sagemaker.invalid")
    monkeypatch.setenv("AWS_PROFILE", "production")
    assert run("export", f"{ARN}/1").code == 0
    assert sandbox.invocations()[-1]["action"] == "READ"


def test_export_follows_the_variables_that_start_prints(
    run: RunCommand, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    for name, value in environment(sandbox.endpoints, sandbox.credentials).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "nothing"))
    calls = len(sandbox.sagemaker.calls)
    assert run("export", f"{ARN}/1").code == 0
    assert len(sandbox.sagemaker.calls) > calls
    for name in VARIABLES.values():  # an account's, which are not sent, and are none of the sandbox's
        monkeypatch.setenv(name, "an-accounts-own")
    result = run("export", f"{ARN}/1")
    assert (result.code, "an-accounts-own" in result.err) == (1, False)
    assert "takes the credentials that it has printed" in result.err
    # A sandbox that is named is the one that is meant.
    assert run("export", f"{ARN}/1", "--state", str(tmp_path / "nothing")).code == 3


@pytest.mark.parametrize(
    "arn", ["fraud-detection/1", f"{ARN}/1/2", ARN.replace("model-package", "model"), ""]
)
def test_export_refuses_other_arns(run: RunCommand, arn: str) -> None:
    result = run("export", arn)
    assert result.code == 2
    assert "is not the ARN of a model package" in result.err


def test_reset_forgets_everything(run: RunCommand, sandbox: Sandbox) -> None:
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    sandbox.sagemaker.behaviour.tags_page = 1
    result = run("reset")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "Forgotten: 1 stack (fraud), 1 group (fraud-detection), 1 package, 1 handler event; "
        "SageMaker behaves by its defaults again\n"
    )
    assert sandbox.invocations() == []
    assert sandbox.sagemaker.behaviour == Behaviour()
    assert run("status", "--json").json["stacks"] == []
    counts = {"stacks": [], "groups": [], "packages": 0, "events": 0}
    assert run("reset", "--json").json == {**counts, "behaviour": False, "inProgress": []}
    # All names are free again.
    assert run("deploy", VERSION, "--stack", "fraud").code == 0
    assert run("reset").out == (
        "Forgotten: 1 stack (fraud), 1 group (fraud-detection), 1 package, 1 handler event\n"
    )


def test_reset_forgets_stacks_that_have_change_sets_alone(run: RunCommand, sandbox: Sandbox) -> None:
    client = sandbox.client("cloudformation")
    client.create_change_set(
        StackName="reviewed",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
    )
    client.close()
    assert run("reset", "--json").json["inProgress"] == []
    assert run("status", "--json").json["stacks"] == []


def test_reset_waits_longer_for_the_removal_of_versions(
    run: RunCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[tuple[object, ...]] = []

    def note(endpoint: str, method: str, path: str, credentials: Credentials, *seconds: float) -> Any:
        waits.append((f"{method} {path}", *seconds))
        return ask(endpoint, method, path, credentials, *seconds)

    monkeypatch.setattr(state_file, "ask", note)
    assert run("reset").code == 0
    assert waits[-1] == (f"DELETE {REGISTRY_PATH}", state_file.MAX_REMOVAL_SECONDS)


def test_reset_force_warns_of_handlers_that_go_on(run: RunCommand, sandbox: Sandbox) -> None:
    assert "handlers of the forgotten stack may go on" in " ".join(run("reset", "--help").out.split())
    never_complete(sandbox)
    assert run("deploy", VALIDATED, "--timeout", "0.3").code == 4
    assert run("reset").code == 1
    result = run("reset", "--force")
    assert result.code == 0
    assert result.out.startswith("Forgotten: 1 stack (validated-package), 0 groups, 1 package, ")
    assert result.err.startswith("In progress were: validated-package. Handlers that were asked before may ")
    until(lambda: [each["status"] for each in sandbox.invocations()][-1:] == ["FAILED"])
    assert "CREATE, again  validated-package/Package" in run("events", "validated-package", "--failed").out
    assert run("reset", "--force").err == ""
    never_complete(sandbox)
    assert run("deploy", VALIDATED, "--timeout", "0.3").code == 4
    quiet = run("reset", "--force", "--json")
    assert (quiet.code, quiet.err, quiet.json["inProgress"]) == (0, "", ["validated-package"])
    until(lambda: [each["status"] for each in sandbox.invocations()][-1:] == ["FAILED"])
