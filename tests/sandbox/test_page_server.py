"""The page's server over HTTP; `make page-test` opens the page in a browser."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.__main__ import parser
from sandbox.local_aws import Sandbox
from sandbox.page import PageServer, snapshot, updates
from sandbox.page.view import overview
from sandbox.shared import wsgi_server
from sandbox.shared.credentials import Access, Credentials
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import ROOT
from tests.page.states import ARN, Source, event, failed, package, server, source, state_of_text
from tests.sandbox.helpers import until

__all__ = ["server", "source"]  # fixtures of the page's states

Json = dict[str, Any]

TIMEOUT_SECONDS = 5.0
STATIC = ROOT / "sandbox" / "page" / "static"
EMPTY = {"groups": [], "events": [], "olderEvents": 0}


@pytest.fixture(autouse=True)
def poll_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(updates, "GONE_SECONDS", 0.05)
    monkeypatch.setattr(wsgi_server, "STOP_POLL_SECONDS", 0.005)


def port_of(server: PageServer) -> int:
    return int(urlsplit(server.endpoint).port or 0)


@contextmanager
def request(
    server: PageServer, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> Iterator[http.client.HTTPResponse]:
    """Send a request and give the response, whose body is still to be read."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=TIMEOUT_SECONDS)
    with closing(connection):
        connection.request(method, path, headers=dict(headers or {}))
        with connection.getresponse() as response:
            yield response


def get(
    server: PageServer, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> tuple[int, Mapping[str, str], str]:
    """Return status, headers and body."""
    with request(server, path, headers, method) as response:
        return response.status, dict(response.getheaders()), response.read().decode()


class Stream:
    """The server-sent events of an open page."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.response = response
        self.messages = self._messages()

    def _messages(self) -> Iterator[Json | None]:
        """The changed parts as they come; None for a sign of life; ends with the stream."""
        kind = None
        while line := self.response.readline().decode().rstrip("\n"):
            name, _, value = line.partition(":")
            if name == "event":
                kind = value.strip()
            else:
                yield json.loads(value) if kind is None else None
                assert self.response.readline() == b"\n"
                kind = None

    def next(self) -> Json:
        parts = next(self.messages)
        assert parts is not None
        return parts


@contextmanager
def stream(server: PageServer) -> Iterator[Stream]:
    with request(server, "/api/stream") as response:
        yield Stream(response)


@pytest.fixture
def request_threads() -> Callable[[], set[threading.Thread]]:
    """List the threads of requests that began in this test: servers of other tests have theirs."""
    others = set(threading.enumerate())
    return lambda: {each for each in threading.enumerate() if "process_request" in each.name} - others


class Markup(HTMLParser):
    """The tags and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._in_template = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_template += tag == "template"

    def handle_endtag(self, tag: str) -> None:
        self._in_template -= tag == "template"  # which shows nothing

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._in_template:
            self.texts.append(" ".join(data.split()))

    def values(self, *names: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags for name in names if name in attrs]


def markup(server: PageServer) -> Markup:
    return Markup(get(server, "/")[2])


# --- requests and headers ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/api/state", "/static/page.js", "/static/page.css", "/nothing"])
def test_response_has_protective_headers(server: PageServer, path: str) -> None:
    status, headers, _ = get(server, path)
    assert status == (404 if path == "/nothing" else 200)
    rules = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert rules.pop("default-src") == "'none'"
    assert {rules[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
    assert {rules[name] for name in ("base-uri", "frame-ancestors", "trusted-types")} == {"'none'"}
    assert rules["form-action"] == "'self'"  # the search
    assert rules["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "host", ["rebound.example", "rebound.example:80", "169.254.169.254", "localhost.evil"]
)
@pytest.mark.parametrize("path", ["/", "/api/state", "/api/stream", "/static/page.js"])
def test_request_for_another_host_is_refused(
    server: PageServer, source: Source, host: str, path: str
) -> None:
    status, _, body = get(server, path, {"Host": host})
    assert status == 403
    assert "churn" not in body
    assert source.polling_threads == []


def test_request_for_this_machine_is_answered(server: PageServer) -> None:
    for host in (f"127.0.0.1:{port_of(server)}", f"localhost:{port_of(server)}", "localhost"):
        assert get(server, "/api/state", {"Host": host})[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_request_from_another_site_is_refused(server: PageServer, site: str) -> None:
    for path in ("/", "/api/state", "/api/stream", "/static/page.js"):
        assert get(server, path, {"Sec-Fetch-Site": site})[0] == 403
        with request(server, path, {"Sec-Fetch-Site": "same-origin"}) as response:
            assert response.status == 200


@pytest.fixture
def credentials() -> Credentials:
    return Credentials.new()


@pytest.fixture
def guarded(source: Source, credentials: Credentials) -> Iterator[PageServer]:
    """The page as `start` serves it."""
    with PageServer(source, access=Access(credentials)) as server:
        yield server


PATHS = ("/", "/api/state", "/api/stream", "/static/page.js", "/nothing")


def test_page_needs_its_token(guarded: PageServer, credentials: Credentials) -> None:
    name = f"sandbox-{port_of(guarded)}"
    for path in PATHS:
        for headers in (
            {},
            {"Cookie": f"{name}=wrong"},
            {"Cookie": f"other={credentials.page_token}"},
            {"Cookie": "=;;{" + name},
            {"Authorization": Credentials.new().basic},
            {"Authorization": f"Bearer {credentials.page_token}"},
        ):
            status, _, body = get(guarded, path, headers)
            assert status == 403
            assert "churn" not in body
        assert get(guarded, f"{path}?token=wrong")[0] == 403


def test_refusal_is_a_page_for_a_browser(guarded: PageServer) -> None:
    accepts = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}):
        status, answered, body = get(guarded, "/stacks/shop?token=<b>", {**accepts, **headers})
        assert (status, answered["Content-Type"]) == (403, "text/html; charset=utf-8")
        assert "<h1>Not shown</h1>" in body
        assert "<b>" not in body
    status, answered, body = get(guarded, "/stacks/shop", {"Accept": "*/*"})
    assert (status, answered["Content-Type"]) == (403, "application/json")
    assert "it has a token" in json.loads(body)["message"]


def test_page_keeps_its_token_in_a_cookie(guarded: PageServer, credentials: Credentials) -> None:
    status, headers, body = get(guarded, f"/?token={credentials.page_token}")
    assert (status, headers["Location"], "churn" in body) == (302, "/", False)
    cookie, *attributes = headers["Set-Cookie"].split("; ")
    assert cookie == f"sandbox-{port_of(guarded)}={credentials.page_token}"
    assert set(attributes) == {"HttpOnly", "SameSite=Strict", "Path=/"}
    for path in PATHS:
        with request(guarded, path, {"Cookie": f"theme=dark; {cookie}"}) as response:
            assert response.status == (404 if path == "/nothing" else 200)
    assert get(guarded, "/", {"Cookie": cookie, "Sec-Fetch-Site": "cross-site"})[0] == 403


def test_page_is_read_with_the_credentials(guarded: PageServer, credentials: Credentials) -> None:
    assert get(guarded, "/api/state", {"Authorization": credentials.basic})[0] == 200
    assert credentials.page_token not in credentials.basic


def test_request_cannot_change_anything(server: PageServer) -> None:
    for path in ("/", "/api/state", "/api/stream"):
        assert get(server, path, method="POST")[0] == 405


def test_server_listens_on_the_loopback_address_only(server: PageServer) -> None:
    assert urlsplit(server.endpoint).hostname == "127.0.0.1"
    with closing(socket.socket()) as attempt:  # Linux has all of 127.0.0.0/8
        assert attempt.connect_ex(("127.0.0.2", port_of(server))) != 0


def test_response_caching(server: PageServer) -> None:
    for path in ("/", "/api/state"):
        assert get(server, path)[1]["Cache-Control"] == "no-store"
    _, headers, body = get(server, "/static/page.js")
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Content-Type"].partition(";")[0] == "text/javascript"
    status, _, again = get(server, "/static/page.js", {"If-None-Match": headers["ETag"]})
    assert body
    assert (status, again) == (304, "")


# --- the page ---------------------------------------------------------------------------------------


def test_page_loads_only_its_own_files_and_has_no_inline_code(server: PageServer) -> None:
    page = markup(server)
    references = [value for value in page.values("src", "href", "action") if value and value[0] != "#"]
    assert references
    assert all(value.startswith("/") and not value.startswith("//") for value in references)
    for value in references:
        there = not value.startswith(("/stacks/", "/packages/"))  # this server has no details
        assert get(server, value)[0] == (200 if there else 404)
    assert [attrs for tag, attrs in page.tags if tag == "script" and not attrs.get("src")] == []
    assert not [tag for tag, _ in page.tags if tag == "style"]
    names = {name for _, attrs in page.tags for name in attrs}
    assert not [name for name in names if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("name", sorted(path.name for path in STATIC.iterdir()))
def test_static_file_loads_nothing_from_elsewhere(server: PageServer, name: str) -> None:
    text = get(server, f"/static/{name}")[2].replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "//" not in [line.strip()[:2] for line in text.splitlines()] or name.endswith(".js")
    for sign in ("http:", "https:", "url(", "@import", "innerHTML", "insertAdjacentHTML", "document.write"):
        assert sign not in text


def test_page_without_script_shows_the_state(server: PageServer, source: Source) -> None:
    source.state["events"] += [
        failed(id="2", operation="other"),
        event(id="3", operation="another", message="the stage stays"),
    ]
    page = markup(server)
    expected = {
        "churn",
        "1 version",
        "Version 1",
        f"{ARN}/churn/1",
        "PendingManualApproval",
        "2023-11-14 22:13:20 UTC",
        "CREATE",
        "in stack shop",
        "succeeded",
        "12 ms",
        "1 call",
        "CreateModelPackage",
        "3.2 ms",
        "failed: NotStabilized",
        "validation profile smoke-test: no",
        "the stage stays",
        "1 failed · Model package sandbox",
    }
    assert expected - set(page.texts) == set()
    opened = [attrs["data-key"] for tag, attrs in page.tags if tag == "details" and "open" in attrs]
    assert opened == ["3", "2"]
    assert any("Without JavaScript" in text for text in page.texts)
    assert ("html", {"lang": "en"}) in page.tags


def test_page_without_state_has_commands_that_work(server: PageServer, source: Source) -> None:
    source.state = EMPTY
    texts = markup(server).texts
    assert overview.EXAMPLE in texts
    assert (ROOT / overview.EXAMPLE.split()[4]).is_file()
    assert "No handler has been invoked yet." in texts
    command = next(text for text in texts if text.endswith(" status STACK"))
    program, _, arguments = command.partition(" -m sandbox ")
    assert program == overview.EXAMPLE.partition(" -m sandbox ")[0]
    assert parser().parse_args(arguments.split()).stack == "STACK"


@pytest.mark.parametrize(
    "text",
    [
        '<script>alert("1")</script>',
        '"><img src=x onerror=alert(1)>',
        "'><svg/onload=alert(1)>",
        "</title></template><script>1</script>",
        "{{ 7 * 7 }}{% raw %}",
        "&lt;b&gt; & more",
        "line\nbreak\u2028and\u202eback",
    ],
)
def test_page_escapes_markup(server: PageServer, source: Source, text: str) -> None:
    plain = {tag for tag, _ in markup(server).tags}
    source.state = state_of_text(text)
    page = markup(server)
    assert {tag for tag, _ in page.tags} == plain | {"optgroup"}
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert sum(" ".join(text.split()) in each for each in page.texts) >= 6
    with stream(server) as opened:
        assert opened.next()["groups"][0]["name"] == text


def test_page_replaces_half_a_surrogate_pair(server: PageServer, source: Source) -> None:
    source.state = state_of_text("half \ud83d of a pair")
    status, _, body = get(server, "/")
    assert (status, "half ? of a pair" in body) == (200, True)
    with stream(server) as opened:
        assert opened.next()["groups"][0]["name"] == "half \ud83d of a pair"


def test_page_cuts_long_lists(server: PageServer, source: Source) -> None:
    source.state["groups"] = [
        {"name": "churn", "packages": [package(number) for number in range(1200, 0, -1)]},
        {"name": "empty", "packages": []},
    ]
    source.state["olderEvents"] = 1
    page = markup(server)
    rows = sum(attrs.get("role") == "row" and "data-key" in attrs for _, attrs in page.tags)
    assert rows == overview.PACKAGES_SHOWN + 2  # the templates' own, of packages and stacks
    for text in ("Show all 1,200 versions", "1,200 packages", "no version yet", "1 older event not shown."):
        assert text in page.texts


# --- state and stream -------------------------------------------------------------------------------


def test_state_is_the_sources(server: PageServer, source: Source) -> None:
    status, headers, body = get(server, "/api/state")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body) == source.state


def test_stream_sends_all_parts_then_those_that_change(server: PageServer, source: Source) -> None:
    with stream(server) as opened:
        first = opened.next()
        source.state["groups"][0]["packages"][0]["approval"] = "Approved"
        second = opened.next()
        source.state["events"].append(failed(id="2", operation="other"))
        third = opened.next()
    assert opened.response.headers["Content-Type"].partition(";")[0] == "text/event-stream"
    assert first == {**overview.view(Source().state), "problem": ""}
    assert set(second) == {"groups"}
    assert second["groups"][0]["packages"][0]["approval"] == "Approved"
    assert set(third) == {"operations", "summary"}
    assert third["operations"][0]["events"][0]["status"] == "failed: NotStabilized"
    assert third["summary"]["title"] == "1 failed · Model package sandbox"


def test_stream_sends_signs_of_life(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "BEAT_SECONDS", 0.02)
    with stream(server) as opened:
        opened.next()
        assert [next(opened.messages), next(opened.messages)] == [None, None]


def test_streams_share_one_poll(server: PageServer, source: Source) -> None:
    with stream(server) as one, stream(server) as two:
        one.next(), two.next()
        for older in range(1, 6):
            source.state["olderEvents"] = older
            summary = overview.view({**Source().state, "olderEvents": older})["summary"]
            assert [one.next(), two.next()] == [{"summary": summary}] * 2
    assert set(source.polling_threads) == {"page-updates"}


def test_source_is_polled_only_while_a_stream_is_open(
    server: PageServer, source: Source, request_threads: Callable[[], set[threading.Thread]]
) -> None:
    time.sleep(0.03)
    assert source.polling_threads == []
    with stream(server) as opened:
        opened.next()
    until(lambda: not request_threads())
    count = len(source.polling_threads)
    time.sleep(0.05)
    assert len(source.polling_threads) <= count + 1  # the poll that was under way


def test_stream_opened_later_starts_with_the_live_state(
    server: PageServer, source: Source, request_threads: Callable[[], set[threading.Thread]]
) -> None:
    with stream(server) as opened:
        opened.next()
    until(lambda: not request_threads())
    source.state = EMPTY
    with stream(server) as opened:
        assert opened.next() == {**overview.view(source.state), "problem": ""}


def test_stream_that_is_closed_frees_its_thread(
    server: PageServer, request_threads: Callable[[], set[threading.Thread]]
) -> None:
    with stream(server) as one, stream(server) as two:
        one.next(), two.next()
        assert len(request_threads()) == 2
    until(lambda: not request_threads())


def test_stop_ends_open_streams(source: Source, request_threads: Callable[[], set[threading.Thread]]) -> None:
    others = set(threading.enumerate())  # other tests' sandboxes have pages as well
    server = PageServer(source).start()
    with stream(server) as opened:
        opened.next()
        started = time.monotonic()
        server.stop()
        assert list(opened.messages) == []
    assert time.monotonic() - started < 1
    until(lambda: not request_threads())
    assert "page-updates" not in [each.name for each in set(threading.enumerate()) - others]


def test_stop_does_not_wait_for_a_client_that_reads_nothing(
    source: Source, monkeypatch: pytest.MonkeyPatch, request_threads: Callable[[], set[threading.Thread]]
) -> None:
    monkeypatch.setattr(updates, "STOP_SECONDS", 0.1)
    source.state["events"][0]["message"] = "x" * 30_000_000  # more than any socket's buffers hold
    server = PageServer(source).start()
    with request(server, "/api/stream"):
        until(lambda: source.polling_threads)
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 2
        until(lambda: not request_threads())


def test_source_failure_is_shown_until_it_answers(server: PageServer, source: Source) -> None:
    with stream(server) as opened:
        opened.next()
        source.problem = ConnectionRefusedError(111, "Connection refused")
        assert opened.next() == {"problem": "ConnectionRefusedError: [Errno 111] Connection refused"}
        for path in ("/api/state", "/"):
            status, _, body = get(server, path)
            assert (status, "Connection refused" in body) == (503, True)
        source.problem = None
        assert opened.next() == {"problem": ""}


def test_source_failure_at_first_is_followed_by_the_state(server: PageServer, source: Source) -> None:
    source.problem = RuntimeError()
    with stream(server) as opened:
        assert opened.next() == {"problem": "RuntimeError"}
        source.problem = None
        assert opened.next() == {**overview.view(source.state), "problem": ""}


def test_stream_follows_a_sandbox(fake_sandbox: Sandbox, awslambda: Any) -> None:
    fake_sandbox.sagemaker.reset()
    with (
        PageServer(lambda: snapshot.snapshot(fake_sandbox)) as server,
        stream(server) as opened,
        closing(fake_sandbox.client("sagemaker")) as client,
    ):
        first = opened.next()
        assert (first["groups"], first["operations"]) == ([], [])
        client.create_model_package_group(ModelPackageGroupName="arrived")
        assert [group["name"] for group in opened.next()["groups"]] == ["arrived"]
        awslambda.invoke(FunctionName="Echo", Payload=b'{"action": "READ"}')["Payload"].close()
        assert opened.next()["operations"][0]["events"][0]["action"] == "READ"


# --- starting and stopping --------------------------------------------------------------------------


def test_start_names_a_port_that_it_cannot_have(server: PageServer, source: Source) -> None:
    taken = port_of(server)
    reason = rf"port {taken} of 127\.0\.0\.1: Address already in use.*choose another one"
    with pytest.raises(SandboxError, match=f"(?s){reason}"):
        PageServer(source, taken).start()
    with pytest.raises(SandboxError, match=r"port 70000 of 127\.0\.0\.1: .*0-65535"):
        PageServer(source, 70000).start()


def test_server_stops_twice_and_starts_again(source: Source) -> None:
    server = PageServer(source)
    server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.endpoint
    with server:
        port = port_of(server)
    server.stop()
    with closing(socket.socket()) as attempt:
        assert attempt.connect_ex(("127.0.0.1", port)) != 0
    with PageServer(source, port) as again:
        assert get(again, "/")[0] == 200
