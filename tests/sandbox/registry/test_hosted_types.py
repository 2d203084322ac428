"""Types that are there without being registered, `start --type`; and the end of the functions' process."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.__main__ import main
from sandbox.commands import start
from sandbox.local_aws import Sandbox
from sandbox.shared.processes import SandboxError
from tests.sandbox.helpers import cases, processes_of, until
from tests.sandbox.registry.packages import TYPE, Packages, closing_registry, package_of
from tests.sandbox.registry.test_versions_in_cloudcontrol import create, refusal
from tests.stack.cloudcontrol import CloudControl
from tests.stack.stacks import DeployedStacks

OTHER = "Acme::Test::Other"
TEMPLATE = {"Resources": {"A": {"Type": TYPE, "Properties": {"Name": "a"}}}}
HANGING = "import time\ntime.sleep(3600)\n"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Packages of the hosted types."""
    return Packages(tmp_path_factory.mktemp("hosted"))


@pytest.fixture(scope="module")
def hosting(kept: Packages) -> Iterator[Sandbox]:
    """A sandbox with two hosted types, of which nothing is left at its end."""
    paths = [kept.store / "thing.zip", kept.store / "other.zip"]
    paths[0].write_bytes(kept.build("hosted"))
    paths[1].write_bytes(kept.build("other", OTHER))
    with Sandbox(packages=paths, time_scale=0.02) as sandbox:
        folder = Path(sandbox._folder)
        yield sandbox
    assert not folder.exists()


def test_hosted_types_are_used_until_one_of_their_name_is_registered(
    hosting: Sandbox, kept: Packages
) -> None:
    with (
        closing_registry(hosting) as registry,
        closing(CloudControl(hosting, TYPE)) as api,
        closing(hosting.client("cloudformation")) as client,
    ):
        listed = client.list_types(Visibility="PUBLIC")["TypeSummaries"]
        assert {TYPE, OTHER} <= {each["TypeName"] for each in listed}
        assert client.list_types()["TypeSummaries"] == []
        public = client.describe_type(Type="RESOURCE", TypeName=TYPE)
        assert public["Visibility"] == "PUBLIC"
        assert public["Arn"] == "arn:aws:cloudformation:us-east-1::type/resource/Acme-Test-Thing"
        assert create(api, "before") == "hosted"
        not_found = refusal(create, api, "x", TypeVersionId="00000001")
        assert not_found == ("TypeNotFoundException", 400, f"The type '{TYPE}' cannot be found.")
        client.create_stack(StackName="hosted", TemplateBody=json.dumps(TEMPLATE))
        client.get_waiter("stack_create_complete").wait(StackName="hosted", WaiterConfig={"Delay": 1})
        assert kept.things()["a"]["MadeBy"] == "hosted"

        registry.register(kept.build("registered"))
        assert client.describe_type(Type="RESOURCE", TypeName=TYPE)["Visibility"] == "PRIVATE"
        assert create(api, "during") == "registered"
        # A hosted type goes on in the other region.
        with closing(CloudControl(hosting, TYPE, region_name="eu-west-1")) as european:
            assert create(european, "elsewhere") == "hosted"
        client.delete_stack(StackName="hosted")
        until(lambda: "a" not in kept.things())
        assert kept.handled()[-1] == ("registered", "DELETE")

        registry.deregister()
        assert client.describe_type(Type="RESOURCE", TypeName=TYPE)["Visibility"] == "PUBLIC"
        assert create(api, "after") == "hosted"
        assert client.validate_template(TemplateBody=json.dumps(TEMPLATE))


def test_reset_leaves_hosted_types(hosting: Sandbox) -> None:
    from sandbox.shared.http_request import ask
    from sandbox.shared.settings import REGISTRY_PATH

    ask(hosting.endpoints["functions"], "DELETE", REGISTRY_PATH, hosting.credentials)
    with closing(CloudControl(hosting, OTHER)) as api:
        assert create(api, "other") == "other"


@cases(
    "data, expected",
    {
        "handlers that do not start": (
            package_of("import nowhere"),
            "The handlers do not start: Unable to import module 'thing': No module named 'nowhere'",
        ),
        "no package": (b"x", "The schema handler package is not a zip file: File is not a zip file"),
        "another protocol": (package_of("", config={}), "Current version is no longer supported. "),
    },
)
def test_package_that_cannot_be_hosted_keeps_the_sandbox_from_starting(
    tmp_path: Path, data: bytes, expected: str
) -> None:
    path = tmp_path / "thing.zip"
    path.write_bytes(data)
    sandbox = Sandbox(packages=[path], sagemaker=False, engine=False, cloudcontrol=False)
    with pytest.raises(SandboxError) as refused:
        sandbox.start()
    assert str(refused.value).splitlines()[-1].startswith(expected)  # the end of the functions' log
    assert not Path(sandbox._folder).exists()


def test_type_that_is_hosted_twice_keeps_the_sandbox_from_starting(
    tmp_path: Path, packages: Packages
) -> None:
    path = tmp_path / "thing.zip"
    path.write_bytes(packages.build())
    sandbox = Sandbox(packages=[path, path], sagemaker=False, engine=False, cloudcontrol=False)
    with pytest.raises(SandboxError, match=f"There is a package of {TYPE} already"):
        sandbox.start()


# --- the command's option ---------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, packages: Packages) -> Path:
    """A project in which `cfn submit --dry-run` has left a package."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "acme-test-thing.zip").write_bytes(packages.build())
    (folder / "text.zip").write_text("text")
    return folder


def test_type_option_takes_packages_and_projects(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    class Started(Exception):
        pass

    def record(**options: Any) -> Any:
        given.append(options["packages"])
        raise Started

    monkeypatch.setattr(start, "Sandbox", record)
    package = project / "acme-test-thing.zip"
    for path in (project, package):
        with pytest.raises(Started):
            main(["start", "--state", str(project / "state"), "--type", f"{TYPE}={path}"])
    assert given == [[package], [package]]


@cases(
    "argument, expected",
    {
        "no path": ("Acme::Test::Thing", "Acme::Test::Thing is not of the form NAME=PATH"),
        "no name": (
            "={project}/acme-test-thing.zip",
            "cannot be hosted as : it is that of another type, Acme::",
        ),
        "another name": (
            "Acme::Test::Other={project}/acme-test-thing.zip",
            "acme-test-thing.zip cannot be hosted as Acme::Test::Other: it is that of another type",
        ),
        "a project without a package": (
            "Acme::Test::Other={project}",
            "run `cfn submit --dry-run` in the type's",
        ),
        "no such file": (
            "Acme::Test::Thing={project}/none.zip",
            "run `cfn submit --dry-run` in the type's project",
        ),
        "text": ("Acme::Test::Thing={project}/text.zip", "The schema handler package is not a zip file"),
    },
)
def test_type_option_refuses(
    project: Path, capsys: pytest.CaptureFixture[str], argument: str, expected: str
) -> None:
    assert main(["start", "--type", argument.format(project=project)]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert expected in error
    assert "Traceback" not in error


def test_type_option_refuses_the_type_that_is_hosted_anyway(
    project: Path, packages: Packages, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "AWS::SageMaker::ModelPackage"
    path = project / "aws.zip"
    path.write_bytes(packages.build(type_name=name))
    assert main(["start", "--type", f"{name}={path}"]) == 2
    assert "it is hosted anyway" in capsys.readouterr().err


# --- the end of the functions' process --------------------------------------------------------------


def functions_process(sandbox: Sandbox) -> int:
    (process,) = [child._process for child in sandbox._children if child.name == "functions"]
    assert process is not None
    return int(process.pid)


def test_registry_whose_process_was_killed_is_unavailable_and_leaves_nothing(packages: Packages) -> None:
    with Sandbox(time_scale=0.02) as sandbox:
        folder = Path(sandbox._folder)
        with closing_registry(sandbox) as registry:
            registry.register(packages.build())
            stacks = DeployedStacks(sandbox)
            name = stacks.create(TEMPLATE)
        (code,) = folder.glob("sandbox-*/Acme-Test-Thing-*")
        assert len(processes_of(code)) == 1
        assert folder.stat().st_mode & 0o077 == 0
        assert code.stat().st_mode & 0o077 == 0
        os.kill(functions_process(sandbox), signal.SIGKILL)
        until(sandbox.ended_children)
        config = Config(proxies={}, retries={"total_max_attempts": 1})
        with closing(sandbox.client("cloudformation", config=config)) as client:
            with pytest.raises(ClientError) as raised:
                client.list_types()
            error: Any = raised.value.response
            assert error["Error"]["Code"] == "ServiceUnavailable"
            assert error["ResponseMetadata"]["HTTPStatusCode"] == 503
            # What is known stays known, and what needs no handlers works.
            client.validate_template(TemplateBody=json.dumps(TEMPLATE))
            drift = stacks.drift(name)["A"]
            assert drift["StackResourceDriftStatus"] == "UNKNOWN"
            assert "The registry does not answer" in drift["DriftStatusReason"]
        stacks.close()
        until(lambda: processes_of(code) == set())
    assert not folder.exists()


def test_stop_ends_registrations_that_hang(packages: Packages) -> None:
    with Sandbox(cloudcontrol=False) as sandbox:
        folder = Path(sandbox._folder)
        with closing_registry(sandbox) as registry:
            registry.register(packages.build())
            registry.begin(package_of(HANGING, type_name=OTHER), OTHER)

            def started() -> list[Path]:
                return list(folder.glob("sandbox-*/Acme-Test-Other-*"))

            (code,) = until(started)
            until(lambda: processes_of(code))
    assert processes_of(code) == set()
    assert not folder.exists()
