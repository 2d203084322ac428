"""The sandbox as a whole: what it says, and that it leaves nothing running."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.children import SandboxError
from sandbox.local import ROOT, Sandbox

GONE_SECONDS = 10.0


def is_open(endpoint: str) -> bool:
    """Tell whether somebody listens there."""
    address = urlsplit(endpoint)
    with closing(socket.socket()) as attempt:
        return attempt.connect_ex((address.hostname, address.port)) == 0


def all_closed(endpoints: list[str]) -> bool:
    """Wait for the endpoints to close, and tell whether they did."""
    deadline = time.monotonic() + GONE_SECONDS
    while any(map(is_open, endpoints)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(is_open, endpoints))


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str], str]]:
    """Run `python -m sandbox start`; give the process, its endpoints and what it said until it was ready."""
    command = [sys.executable, "-m", "sandbox", "start", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    with process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "Ctrl-C" in line:
                    break
            said = "".join(lines)
            yield process, re.findall(r"^\w+ +(http://127\.0\.0\.1:\d+)$", said, re.MULTILINE), said
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_start_says_where_everything_is_and_stops_on_a_signal(number: signal.Signals) -> None:
    with started() as (process, endpoints, said):
        assert len(endpoints) == 4
        assert all(map(is_open, endpoints))
        for service in ("SAGEMAKER", "LAMBDA", "CLOUDFORMATION", "CLOUDCONTROL"):
            assert f"export AWS_ENDPOINT_URL_{service}=http://127.0.0.1:" in said
        assert "export AWS_SECRET_ACCESS_KEY=testing" in said

        process.send_signal(number)

        assert process.wait(GONE_SECONDS) == 0
        assert all_closed(endpoints)


def test_a_killed_parent_leaves_no_children() -> None:
    with started("--time-scale", "0.1") as (process, endpoints, _):
        process.kill()

        assert process.wait(GONE_SECONDS) == -signal.SIGKILL
        assert all_closed(endpoints)


def test_parts_can_be_left_out() -> None:
    with started("--no-engine") as (_, endpoints, said):
        assert len(endpoints) == 3
        assert "CLOUDFORMATION" not in said


def test_an_exception_inside_stops_everything() -> None:
    endpoints: list[str] = []
    with pytest.raises(LookupError), Sandbox(engine=False, cloudcontrol=False) as sandbox:  # noqa: PT012 - both are the test
        endpoints += sandbox.endpoints.values()
        raise LookupError

    assert len(endpoints) == 2
    assert all_closed(endpoints)
    assert sandbox.endpoints == {}


def test_a_part_that_does_not_start_shows_what_it_wrote(tmp_path: Path) -> None:
    template = tmp_path / "template.yml"
    template.write_text("Resources: {}")

    with pytest.raises(SandboxError) as raised:
        Sandbox(engine=False, sagemaker=False, template=template).start()

    assert "The functions process did not start: it ended before it was ready" in str(raised.value)
    assert "declares no AWS::Serverless::Function" in str(raised.value)


def test_a_client_of_a_part_that_is_left_out_is_refused() -> None:
    with pytest.raises(RuntimeError, match="started without cloudformation"):
        Sandbox().client("cloudformation")


def test_clients_do_not_use_the_shells_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(engine=False, functions=False) as sandbox:
        monkeypatch.setenv("AWS_PROFILE", "production")
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://sts.invalid")
        with closing(sandbox.client("sts")) as client:
            assert client.meta.endpoint_url == sandbox.endpoints["sagemaker"]
            assert client.meta.config.proxies == {}
        monkeypatch.undo()  # moto runs in this process, and would look for the profile
        with closing(sandbox.client("sts")) as client:
            assert client.get_caller_identity()["Account"] == "123456789012"
