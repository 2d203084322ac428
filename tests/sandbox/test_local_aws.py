"""The sandbox as a whole: start, ports, state file, and that nothing is left running."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.__main__ import main
from sandbox.local_aws import Sandbox
from sandbox.shared.credentials import ACCESS_KEY_PREFIX, Access, Credentials
from sandbox.shared.http_request import ask
from sandbox.shared.processes import MAX_DESCRIPTORS, SandboxError, clean_environment
from sandbox.shared.settings import ACCOUNT, NOWHERE, PORTS, REGION, ROOT, SCHEMA
from sandbox.state_file import RunningSandbox, StateError, StateFile

END_SECONDS = 10.0
# The content of a state file that its sandbox has left behind.
STALE = json.dumps(
    RunningSandbox(
        process=1, endpoints={}, page=None, logs="", time_scale=1.0, credentials=Credentials.new()
    ).as_json()
)


def is_open(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    with closing(socket.socket()) as attempt:
        return attempt.connect_ex((address.hostname, address.port)) == 0


def all_closed(endpoints: list[str]) -> bool:
    """Wait for the endpoints to close, and return whether they did."""
    deadline = time.monotonic() + END_SECONDS
    while any(map(is_open, endpoints)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(is_open, endpoints))


def is_running(state: Path) -> bool:
    """Return whether there is a sandbox for the other commands."""
    return main(["status", "--state", str(state)]) == 0


def free_ports() -> int:
    """The first of as many free ports in a row as a sandbox takes, and one before them.

    Not of those that systems give to programs without a choice of their own: other tests ask for these.
    """
    while True:
        first = random.randrange(15_000, 30_000)  # noqa: S311 - any will do
        if not any(is_open(f"http://127.0.0.1:{first + each}") for each in range(-1, len(PORTS))):
            return first


@contextmanager
def started(state: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str], str]]:
    """Run `python -m sandbox start`; yield the process, its endpoints and its output until it was ready."""
    command = [sys.executable, "-m", "sandbox", "start", "--state", str(state), *arguments]
    with state.with_suffix(".err").open("w") as errors:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    with process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "Ctrl-C" in line or "--json" in arguments:
                    break
            output = "".join(lines)
            endpoint = r"^\w+ +(http://127\.0\.0\.1:\d+)(?:/\?token=\w+)?$"
            yield process, re.findall(endpoint, output, re.MULTILINE), output
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_start_prints_endpoints_and_stops_on_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with started(state) as (process, endpoints, output):
        assert len(endpoints) == 5
        assert output.startswith(f"page            {endpoints[0]}/?token=")
        assert all(map(is_open, endpoints))
        for service in ("SAGEMAKER", "LAMBDA", "CLOUDFORMATION", "CLOUDCONTROL"):
            assert f"export AWS_ENDPOINT_URL_{service}=http://127.0.0.1:" in output
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            assert f"export {name}={REGION}\n" in output
        assert f"export AWS_ACCESS_KEY_ID={ACCESS_KEY_PREFIX}" in output
        assert "export AWS_SECRET_ACCESS_KEY=" in output
        assert is_running(state)
        assert json.loads(state.read_text()).keys() == {
            *("process", "endpoints", "page", "logs", "timeScale", "accessKey", "secretKey"),
        }
        assert state.stat().st_mode & 0o777 == 0o600

        process.send_signal(number)
        process.send_signal(number)  # as by Ctrl-C twice

        assert process.wait(END_SECONDS) == 0
        assert all_closed(endpoints)
        assert not state.exists()
    assert state.with_suffix(".err").read_text().endswith("stopped\n")


def test_parts_may_have_many_descriptors_open() -> None:
    """Also where the system begins with few, as macOS does."""

    def children() -> set[str]:
        lists = Path("/proc/self/task").glob("*/children")
        return {each for path in lists for each in path.read_text().split()}

    others, before = children(), resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        with Sandbox(engine=False, page=False):
            processes = children() - others
            limits = [Path(f"/proc/{each}/limits").read_text() for each in ("self", *processes)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    soft = [int(match[1]) for text in limits for match in re.finditer(r"Max open files\s+(\d+)", text)]
    assert len(soft) == 3  # and the functions, and Cloud Control
    assert set(soft) == {min(MAX_DESCRIPTORS, before[1])}


def test_start_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    command = [sys.executable, "-m", "sandbox", "start", "--state", str(state)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)  # noqa: S603
    with process:
        while not state.exists():  # from then on it can be interrupted
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=END_SECONDS)
    assert process.returncode == 130
    assert errors == "interrupted before everything had started; nothing is left running\n"
    assert not state.exists()


def test_start_that_is_killed_leaves_only_a_stale_state_file(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with started(state, "--time-scale", "0.1") as (process, endpoints, _):
        process.kill()

        assert process.wait(END_SECONDS) == -signal.SIGKILL
        assert all_closed(endpoints)
        assert state.exists()
        assert not is_running(state)
        with StateFile(state) as state_file:
            assert state_file.path.read_bytes() == b""


def test_start_ends_with_any_of_its_parts(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with started(state, "--no-engine", "--open") as (process, endpoints, output):
        assert len(endpoints) == 4
        assert "It is open: every user of this machine" in state.with_suffix(".err").read_text()
        assert is_running(state)
        assert "CLOUDFORMATION" not in output

        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)

        assert process.wait(END_SECONDS) == 1
        assert all_closed(endpoints)
        assert not state.exists()
    assert "The functions process has ended by itself. Its log:" in state.with_suffix(".err").read_text()


def test_start_takes_chosen_ports_and_names_those_in_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, port = tmp_path / "state", free_ports()
    with started(state, "--json", "--port", str(port), "--no-engine") as (process, _, output):
        ready = json.loads(output)
        assert ready["page"] == f"http://127.0.0.1:{port}"
        assert ready["endpoints"] == {
            part: f"http://127.0.0.1:{port + PORTS.index(part)}"
            for part in ("sagemaker", "functions", "cloudcontrol")
        }
        assert ready["environment"]["AWS_ENDPOINT_URL"] == ready["endpoints"]["sagemaker"]
        assert (ready["process"], ready["state"]) == (process.pid, str(state))

        assert main(["start", "--state", str(state)]) == 1
        errors = capsys.readouterr().err
        assert errors.startswith(
            f"A sandbox is running already: process {process.pid}, page {ready['pageAddress']}.\n"
        )
        other = tmp_path / "other"
        assert main(["start", "--state", str(other), "--port", str(port - 1)]) == 1
        assert capsys.readouterr().err == (
            f"Ports {port} (sagemaker), {port + 1} (functions), {port + 2} (cloudformation) are in use by "
            "another program: choose others with --port, or leave it out for free ones\n"
        )
        assert not other.exists()
        process.send_signal(signal.SIGHUP)  # the terminal is closed

        assert process.wait(END_SECONDS) == 0
        assert all_closed(list(ready["endpoints"].values()))


@pytest.mark.parametrize("part", ["sagemaker", "page", "functions"])
def test_sandbox_names_a_port_that_is_taken_at_the_last_moment(part: str) -> None:
    first = free_ports()
    with closing(socket.socket()) as other:

        def take(starting: str) -> None:
            if starting == part:
                other.bind(("127.0.0.1", first + PORTS.index(part)))
                other.listen()

        with pytest.raises(SandboxError, match=rf"[Pp]ort {first + PORTS.index(part)} "):
            Sandbox(engine=False, cloudcontrol=False, page=True, port=first, starting=take).start()
        assert all_closed(
            [f"http://127.0.0.1:{first + PORTS.index('sagemaker')}"] if part != "sagemaker" else []
        )


@pytest.mark.parametrize("module", ["sandbox.registry", "sandbox.cloudcontrol"])
def test_programs_name_a_port_in_use(module: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        command = [sys.executable, "-m", module, "--port", str(port)]
        if module == "sandbox.cloudcontrol":
            command += ["--schema", str(SCHEMA), "--functions-endpoint", NOWHERE]
        environment = clean_environment(**Access(Credentials.new()).variables())
        done = subprocess.run(  # noqa: S603
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, f"Port {port} cannot be had: Address already in use\n")


@pytest.mark.parametrize(
    ("content", "overwrites"),
    [(None, True), ("", True), (STALE, True), ("a letter to my aunt", False), ('{"endpoints": {}}', False)],
)
def test_state_file_overwrites_only_the_state_of_a_sandbox(
    tmp_path: Path, content: str | None, overwrites: bool
) -> None:
    state = tmp_path / "folder" / "state"
    if content is not None:
        state.parent.mkdir()
        state.write_text(content)
    if overwrites:
        with StateFile(state):
            assert state.read_text() == ""
        assert not state.exists()
    else:
        with pytest.raises(StateError, match="and stays as it is"), StateFile(state):
            pass
        assert state.read_text() == content


def test_start_refuses_a_state_file_that_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/null/state")):
        assert main(["start", "--state", str(path)]) == 2


def test_state_file_waits_for_its_readers(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.write_text("")
    with state.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        reader = threading.Timer(0.1, file.close)
        reader.start()
        with StateFile(state):
            assert file.closed
        reader.join()


def test_sandbox_serves_the_page() -> None:
    with pytest.raises(ValueError, match="the page needs the local SageMaker"):
        Sandbox(engine=False, sagemaker=False, page=True)
    with Sandbox(engine=False, functions=False, page=True) as sandbox:
        assert sandbox.endpoints.keys() == {"sagemaker"}
        assert sandbox.page is not None
        with closing(sandbox.client("sagemaker")) as client:
            client.create_model_package_group(ModelPackageGroupName="shown")
        assert {"name": "shown", "packages": []} in ask(
            sandbox.page, "GET", "/api/state", sandbox.credentials
        )["groups"]
        page = sandbox.page
        sandbox.sagemaker.reset()
    assert sandbox.page is None
    assert all_closed([page])
    assert Sandbox().page is None


def test_sandbox_stops_everything_after_an_exception() -> None:
    endpoints: list[str] = []
    with pytest.raises(LookupError), Sandbox(engine=False, cloudcontrol=False) as sandbox:  # noqa: PT012 - both are the test
        endpoints += sandbox.endpoints.values()
        raise LookupError

    assert len(endpoints) == 2
    assert all_closed(endpoints)
    assert sandbox.endpoints == {}


def test_sandbox_shows_the_log_of_a_part_that_does_not_start(tmp_path: Path) -> None:
    template = tmp_path / "template.yml"
    template.write_text("Resources: {}")

    with pytest.raises(SandboxError) as raised:
        Sandbox(engine=False, sagemaker=False, template=template).start()

    assert "The functions process did not start: it ended before it was ready" in str(raised.value)
    assert "declares no AWS::Serverless::Function" in str(raised.value)


def test_client_of_a_part_that_is_left_out_is_refused() -> None:
    with pytest.raises(RuntimeError, match="started without cloudformation"):
        Sandbox().client("cloudformation")


def test_clients_ignore_the_shells_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(engine=False, functions=False) as sandbox:
        monkeypatch.setenv("AWS_PROFILE", "production")
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://sts.invalid")
        with closing(sandbox.client("sts")) as client:
            assert client.meta.endpoint_url == sandbox.endpoints["sagemaker"]
            assert client.meta.config.proxies == {}
        monkeypatch.undo()  # moto runs in this process, and would read the profile
        with closing(sandbox.client("sts")) as client:
            assert client.get_caller_identity()["Account"] == ACCOUNT
