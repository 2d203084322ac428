"""The page's server over HTTP and the words it shows; `make page-test` looks at the page in a browser."""

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
from sandbox.page import PageServer, snapshot, view, watch
from sandbox.shared import wsgi_server
from sandbox.shared.processes import SandboxError
from sandbox.shared.settings import ROOT
from tests.page.states import ARN, Source, event, failed, nasty, package

Json = dict[str, Any]

WAIT_SECONDS = 5.0


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look more often than anybody can see, so that no test waits."""
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(watch, "GONE_SECONDS", 0.05)
    monkeypatch.setattr(wsgi_server, "STOP_POLL_SECONDS", 0.005)


@pytest.fixture
def source() -> Source:
    """One group with one version, and the event that made it."""
    return Source()


@pytest.fixture
def server(source: Source) -> Iterator[PageServer]:
    """The page of that source."""
    with PageServer(source) as running:
        yield running


@contextmanager
def asked(
    server: PageServer, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> Iterator[http.client.HTTPResponse]:
    """Ask for a path and give the answer, whose body is still to be read."""
    address = urlsplit(server.endpoint)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=WAIT_SECONDS)
    with closing(connection):
        connection.request(method, path, headers=dict(headers or {}))
        with connection.getresponse() as answer:
            yield answer


def get(
    server: PageServer, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> tuple[int, Mapping[str, str], str]:
    """Return status, headers and body."""
    with asked(server, path, headers, method) as answer:
        return answer.status, dict(answer.getheaders()), answer.read().decode()


def messages(stream: http.client.HTTPResponse) -> Iterator[Json | None]:
    """The state's parts as they come; None for a sign of life; ends with the stream."""
    kind = None
    while line := stream.readline().decode().rstrip("\n"):
        name, _, value = line.partition(":")
        if name == "event":
            kind = value.strip()
        else:
            yield json.loads(value) if kind is None else None
            assert stream.readline() == b"\n"
            kind = None


def until(holds: Callable[[], bool]) -> bool:
    """Look until it holds, and tell whether it came to that."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.005)
    return holds()


class Markup(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._in_template = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        self._in_template += tag == "template"

    def handle_endtag(self, tag: str) -> None:
        """Leave a template, which shows nothing."""
        self._in_template -= tag == "template"

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if data.strip() and not self._in_template:
            self.texts.append(" ".join(data.split()))

    def values(self, *names: str) -> list[str]:
        """The values of attributes, wherever they are."""
        return [attrs[name] or "" for _, attrs in self.tags for name in names if name in attrs]


# --- Who may ask, and what is let in ----------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/api/state", "/static/page.js", "/static/page.css", "/nothing"])
def test_every_answer_is_protected(server: PageServer, path: str) -> None:
    status, headers, _ = get(server, path, {"Origin": "http://elsewhere.example"})

    assert status == (404 if path == "/nothing" else 200)
    rules = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert rules.pop("default-src") == "'none'"
    assert {rules[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
    assert {rules[name] for name in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}
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
def test_another_hosts_name_is_refused_whatever_it_resolves_to(
    server: PageServer, source: Source, host: str, path: str
) -> None:
    status, _, body = get(server, path, {"Host": host})

    assert status == 400
    assert "churn" not in body
    assert source.askers == []


def test_this_machines_names_are_welcome(server: PageServer) -> None:
    port = urlsplit(server.endpoint).port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost"):
        assert get(server, "/api/state", {"Host": host})[0] == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_may_link_to_the_page_and_read_nothing(server: PageServer, site: str) -> None:
    assert get(server, "/", {"Sec-Fetch-Site": site})[0] == 200
    for path in ("/api/state", "/api/stream", "/static/page.js"):
        assert get(server, path, {"Sec-Fetch-Site": site})[0] == 403
        with asked(server, path, {"Sec-Fetch-Site": "same-origin"}) as answer:
            assert answer.status == 200


def test_nothing_can_be_changed(server: PageServer) -> None:
    for path in ("/", "/api/state", "/api/stream"):
        assert get(server, path, method="POST")[0] == 405


def test_it_listens_on_the_loopback_address_alone(server: PageServer) -> None:
    address = urlsplit(server.endpoint)
    assert address.hostname == "127.0.0.1"
    with closing(socket.socket()) as attempt:  # Linux has all of 127.0.0.0/8
        assert attempt.connect_ex(("127.0.0.2", int(address.port or 0))) != 0


def test_the_state_and_the_page_are_never_kept_and_what_stays_has_an_etag(server: PageServer) -> None:
    for path in ("/", "/api/state"):
        assert get(server, path)[1]["Cache-Control"] == "no-store"
    _, headers, body = get(server, "/static/page.js")
    assert (headers["Cache-Control"], headers["Content-Type"].partition(";")[0]) == (
        "no-cache",
        "text/javascript",
    )

    status, _, again = get(server, "/static/page.js", {"If-None-Match": headers["ETag"]})

    assert body
    assert (status, again) == (304, "")


# --- The page as it is served -----------------------------------------------------------------------


def test_everything_on_the_page_comes_from_here_and_no_code_is_inline(server: PageServer) -> None:
    markup = Markup(get(server, "/")[2])

    references = [value for value in markup.values("src", "href") if not value.startswith("#")]
    assert references
    assert all(value.startswith("/") and not value.startswith("//") for value in references)
    for value in references:
        assert get(server, value)[0] == 200
    assert [attrs for tag, attrs in markup.tags if tag == "script" and not attrs.get("src")] == []
    assert not [tag for tag, _ in markup.tags if tag == "style"]
    assert not [
        name for _, attrs in markup.tags for name in attrs if name == "style" or name.startswith("on")
    ]


@pytest.mark.parametrize("path", ["/static/page.css", "/static/page.js", "/static/icon.svg"])
def test_what_is_served_beside_it_loads_nothing_from_elsewhere(server: PageServer, path: str) -> None:
    text = get(server, path)[2].replace('xmlns="http://www.w3.org/2000/svg"', "")

    assert "//" not in [line.strip()[:2] for line in text.splitlines()] or path.endswith(".js")
    for sign in ("http:", "https:", "url(", "@import", "innerHTML", "insertAdjacentHTML", "document.write"):
        assert sign not in text


def test_without_a_script_the_page_is_a_readable_snapshot(server: PageServer, source: Source) -> None:
    source.state["events"].append(failed(id="2", operation="other"))

    markup = Markup(get(server, "/")[2])

    for text in (
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
        "1 failed · Model package sandbox",
    ):
        assert text in markup.texts
    opened = [attrs["data-key"] for tag, attrs in markup.tags if tag == "details" and "open" in attrs]
    assert opened == ["2"]
    assert any("Without JavaScript" in text for text in markup.texts)
    assert ("html", {"lang": "en"}) in markup.tags


def test_an_empty_page_says_what_to_do(server: PageServer, source: Source) -> None:
    source.state = {"groups": [], "events": [], "olderEvents": 0}

    texts = Markup(get(server, "/")[2]).texts

    assert view.EXAMPLE in texts
    assert (ROOT / view.EXAMPLE.split()[4]).is_file()
    assert "No handler has been invoked yet." in texts
    command = next(text for text in texts if text.endswith(" status STACK"))
    program, _, arguments = command.partition(" -m sandbox ")
    assert program == view.EXAMPLE.partition(" -m sandbox ")[0]
    assert parser().parse_args(arguments.split()).stack == "STACK"


NASTY = [
    '<script>alert("1")</script>',
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title></template><script>1</script>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; & more",
    "line\nbreak\u2028and\u202eback",
]


@pytest.mark.parametrize("text", NASTY)
def test_markup_in_names_and_messages_is_text(server: PageServer, source: Source, text: str) -> None:
    plain = [tag for tag, _ in Markup(get(server, "/")[2]).tags]
    source.state = nasty(text)

    markup = Markup(get(server, "/")[2])

    assert set(map(str, {tag for tag, _ in markup.tags})) == set(plain) | {"optgroup"}
    assert sum(tag == "script" for tag, _ in markup.tags) == 1
    assert not [name for _, attrs in markup.tags for name in attrs if name.startswith("on")]
    shown = " ".join(text.split())
    assert sum(shown in each for each in markup.texts) >= 6
    with asked(server, "/api/stream") as stream:
        first = next(messages(stream))
    assert first is not None
    assert first["groups"][0]["name"] == text


def test_half_a_character_is_no_reason_to_fail(server: PageServer, source: Source) -> None:
    source.state = nasty("half \ud83d of a pair")

    status, _, body = get(server, "/")

    assert status == 200
    assert "half ? of a pair" in body
    with asked(server, "/api/stream") as stream:
        first = next(messages(stream))
    assert first is not None
    assert first["groups"][0]["name"] == "half \ud83d of a pair"


# --- State and stream -------------------------------------------------------------------------------


def test_the_state_is_what_the_source_says(server: PageServer, source: Source) -> None:
    status, headers, body = get(server, "/api/state")

    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body) == source.state


def test_the_stream_begins_with_everything_and_goes_on_with_what_changes(
    server: PageServer, source: Source
) -> None:
    with asked(server, "/api/stream") as stream:
        told = messages(stream)
        first = next(told)
        source.state["groups"][0]["packages"][0]["approval"] = "Approved"
        second = next(told)
        source.state["events"].append(failed(id="2", operation="other"))
        third = next(told)

    assert stream.headers["Content-Type"].partition(";")[0] == "text/event-stream"
    assert first == {**view.view(Source().state), "problem": ""}
    assert second is not None
    assert third is not None
    assert set(second) == {"groups"}
    assert second["groups"][0]["packages"][0]["approval"] == "Approved"
    assert set(third) == {"operations", "summary"}
    assert third["operations"][0]["events"][0]["status"] == "failed: NotStabilized"
    assert third["summary"]["title"] == "1 failed · Model package sandbox"


def test_while_nothing_changes_there_is_a_sign_of_life(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "BEAT_SECONDS", 0.02)
    with asked(server, "/api/stream") as stream:
        told = messages(stream)
        assert next(told) is not None
        assert [next(told), next(told)] == [None, None]


def test_many_pages_cost_one_look_at_a_time(server: PageServer, source: Source) -> None:
    with asked(server, "/api/stream") as one, asked(server, "/api/stream") as two:
        streams = [messages(one), messages(two)]
        for told in streams:
            assert next(told) is not None
        for number in range(5):
            source.state["olderEvents"] = number + 1
            assert [next(told) for told in streams] == [next_summary(number + 1)] * 2

    assert set(source.askers) == {"page-watch"}


def next_summary(older: int) -> Json:
    """What the stream says when only the number of older events has changed."""
    return {"summary": view.view({**Source().state, "olderEvents": older})["summary"]}


def test_nobody_looks_while_nobody_watches(server: PageServer, source: Source) -> None:
    time.sleep(0.03)
    assert source.askers == []
    with asked(server, "/api/stream") as stream:
        next(messages(stream))

    assert until(lambda: not streams_being_served())
    seen = len(source.askers)
    time.sleep(0.05)
    assert len(source.askers) <= seen + 1  # the look that was under way


def test_whoever_comes_back_gets_what_is_and_not_what_was(server: PageServer, source: Source) -> None:
    with asked(server, "/api/stream") as stream:
        next(messages(stream))
    assert until(lambda: not streams_being_served())
    source.state = {"groups": [], "events": [], "olderEvents": 0}

    with asked(server, "/api/stream") as stream:
        again = next(messages(stream))

    assert again == {**view.view(source.state), "problem": ""}


def streams_being_served() -> list[threading.Thread]:
    """The threads of requests that have not ended."""
    return [each for each in threading.enumerate() if "process_request" in each.name]


def test_a_client_that_goes_away_frees_its_thread(server: PageServer) -> None:
    before = len(streams_being_served())
    with asked(server, "/api/stream") as one, asked(server, "/api/stream") as two:
        next(messages(one))
        next(messages(two))
        assert len(streams_being_served()) == before + 2

    assert until(lambda: len(streams_being_served()) == before)


def test_stopping_ends_the_streams_at_once(source: Source) -> None:
    server = PageServer(source).start()
    with asked(server, "/api/stream") as stream:
        told = messages(stream)
        next(told)
        began = time.monotonic()
        server.stop()
        assert list(told) == []

    assert time.monotonic() - began < 1
    assert until(lambda: not streams_being_served())
    assert "page-watch" not in [each.name for each in threading.enumerate()]


def test_a_client_that_takes_nothing_does_not_keep_the_server(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "STOP_SECONDS", 0.1)
    source.state["events"][0]["message"] = "x" * 30_000_000  # more than any socket's buffers hold
    server = PageServer(source).start()
    with asked(server, "/api/stream"):
        assert until(lambda: len(source.askers) > 0)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 2
        assert until(lambda: not streams_being_served())


def test_a_source_that_fails_is_said_and_gone_back_to(server: PageServer, source: Source) -> None:
    with asked(server, "/api/stream") as stream:
        told = messages(stream)
        next(told)
        source.problem = ConnectionRefusedError(111, "Connection refused")
        assert next(told) == {"problem": "ConnectionRefusedError: [Errno 111] Connection refused"}
        status, _, body = get(server, "/api/state")
        assert (status, "Connection refused" in body) == (503, True)
        status, _, body = get(server, "/")
        assert (status, "Connection refused" in body) == (503, True)
        source.problem = None
        assert next(told) == {"problem": ""}


def test_a_source_that_fails_from_the_beginning_is_shown_once_it_answers(
    server: PageServer, source: Source
) -> None:
    source.problem = RuntimeError()
    with asked(server, "/api/stream") as stream:
        told = messages(stream)
        assert next(told) == {"problem": "RuntimeError"}
        source.problem = None
        assert next(told) == {**view.view(source.state), "problem": ""}


def test_what_happens_in_a_sandbox_reaches_the_stream(fake_sandbox: Sandbox, awslambda: Any) -> None:
    fake_sandbox.sagemaker.reset()
    with (
        PageServer(lambda: snapshot.snapshot(fake_sandbox)) as server,
        asked(server, "/api/stream") as stream,
        closing(fake_sandbox.client("sagemaker")) as client,
    ):
        told = messages(stream)
        first = next(told)
        assert first is not None
        assert (first["groups"], first["operations"]) == ([], [])
        client.create_model_package_group(ModelPackageGroupName="arrived")
        second = next(told)
        assert second is not None
        assert [group["name"] for group in second["groups"]] == ["arrived"]
        awslambda.invoke(FunctionName="Echo", Payload=b'{"action": "READ"}')["Payload"].close()
        third = next(told)
        assert third is not None
        assert third["operations"][0]["events"][0]["action"] == "READ"


# --- Starting and stopping --------------------------------------------------------------------------


def test_a_port_in_use_is_said_with_what_to_do(server: PageServer, source: Source) -> None:
    port = int(urlsplit(server.endpoint).port or 0)

    with pytest.raises(SandboxError) as raised:
        PageServer(source, port).start()

    assert f"port {port} of 127.0.0.1: Address already in use" in str(raised.value)
    assert "choose another one" in str(raised.value)


def test_a_port_that_is_none_is_said_alike(source: Source) -> None:
    with pytest.raises(SandboxError, match=r"port 70000 of 127\.0\.0\.1: .*0-65535"):
        PageServer(source, 70000).start()


def test_it_can_be_stopped_twice_and_started_again_on_the_same_port(source: Source) -> None:
    server = PageServer(source)
    server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.endpoint
    with server:
        port = int(urlsplit(server.endpoint).port or 0)
    server.stop()
    with closing(socket.socket()) as attempt:
        assert attempt.connect_ex(("127.0.0.1", port)) != 0

    with PageServer(source, port) as again:
        assert get(again, "/")[0] == 200


# --- The words --------------------------------------------------------------------------------------


def shown(*events: Json) -> list[Json]:
    """The operations of these events."""
    found: list[Json] = view.view({"groups": [], "events": list(events), "olderEvents": 0})["operations"]
    return found


@pytest.mark.parametrize(
    ("members", "words", "tone"),
    [
        ({"running": True, "status": None}, "running", "run"),
        ({}, "succeeded", "ok"),
        (
            {"status": "IN_PROGRESS", "callbackDelaySeconds": 4},
            "in progress, next look in 4 s",
            "run",
        ),
        ({"status": "IN_PROGRESS", "callbackDelaySeconds": 0}, "in progress", "run"),
        ({"status": "FAILED", "errorCode": "NotFound"}, "failed: NotFound", "bad"),
        ({"status": "FAILED"}, "failed", "bad"),
        ({"status": "ODD"}, "answered ODD", "plain"),
    ],
)
def test_how_an_event_ended_is_said_in_words(members: Json, words: str, tone: str) -> None:
    (operation,) = shown(event(**members))

    assert (operation["events"][0]["status"], operation["events"][0]["tone"]) == (words, tone)
    assert (operation["tone"], operation["failed"]) == (tone, tone == "bad")


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(None, ""), (0.4, "0.4 ms"), (9.94, "9.9 ms"), (12.4, "12 ms"), (999.4, "999 ms"), (1250.0, "1.2 s")],
)
def test_durations_are_as_exact_as_they_are_worth(milliseconds: float | None, words: str) -> None:
    assert shown(event(durationMs=milliseconds))[0]["events"][0]["duration"] == words


@pytest.mark.parametrize(
    ("call", "words", "tone"),
    [
        ({"error": "AccessDenied", "answered": True}, "AccessDenied", "bad"),
        ({"error": None, "answered": True}, "answered", "ok"),
        ({"error": None, "answered": False}, "no answer yet", "run"),
    ],
)
def test_how_a_call_ended_is_said_in_words(call: Json, words: str, tone: str) -> None:
    noted = {"operation": "ListTags", "durationMs": None, **call}
    (operation,) = shown(event(calls=[noted, noted]))
    (one,) = operation["events"]

    assert [(each["outcome"], each["tone"]) for each in one["calls"]] == [(words, tone)] * 2
    assert one["callCount"] == "2 calls"
    assert one["refused"] == ("2 refused" if tone == "bad" else "")


def test_looks_of_one_operation_are_together_and_the_newest_is_first() -> None:
    waiting = {"status": "IN_PROGRESS", "callbackDelaySeconds": 1}
    operations = shown(
        event(id="1", package=None, **waiting),
        event(id="2", operation="other", logicalId="Other"),
        event(id="3", callback=True, **waiting),
        failed(id="4", callback=True),
    )

    assert [[each["key"] for each in one["events"]] for one in operations] == [["2"], ["4", "3", "1"]]
    assert [each["look"] for each in operations[1]["events"]] == ["look 3", "look 2", "look 1"]
    assert [each["tone"] for each in operations[1]["events"]] == ["bad", "past", "past"]
    assert operations[0]["events"][0]["look"] == ""
    # What a later look has learnt is true of the first one, too.
    assert operations[1]["events"][2]["arn"] == f"{ARN}/churn/1"
    assert (operations[1]["failed"], operations[1]["stack"], operations[1]["group"]) == (
        True,
        "shop",
        "churn",
    )


def test_one_token_for_two_resources_or_actions_is_two_operations() -> None:
    operations = shown(event(id="1"), event(id="2", logicalId="Other"), event(id="3", action="DELETE"))

    assert len({operation["key"] for operation in operations}) == 3


def test_events_without_a_token_are_each_their_own() -> None:
    assert [one["key"] for one in shown(event(id="1", operation=None), event(id="2", operation=None))] == [
        "2",
        "1",
    ]


def test_looks_whose_first_is_no_longer_known_are_not_numbered() -> None:
    (operation,) = shown(event(id="8", callback=True), event(id="9", callback=True))

    assert [each["look"] for each in operation["events"]] == ["later look", "later look"]


@pytest.mark.parametrize(
    ("members", "subject", "where"),
    [
        ({}, "Version", "in stack shop"),
        ({"stack": None}, "churn/1", "by TypeFunction"),
        ({"stack": None, "package": None}, "Version", "by TypeFunction"),
        ({"stack": None, "package": None, "logicalId": None, "action": "LIST"}, "", "by TypeFunction"),
    ],
)
def test_what_an_event_is_about(members: Json, subject: str, where: str) -> None:
    one = shown(event(**members))[0]["events"][0]

    assert (one["subject"], one["where"]) == (subject, where)


def test_a_failure_is_announced_in_a_sentence() -> None:
    (one,) = shown(failed())
    (other,) = shown(failed(stack=None, package=None, logicalId=None, errorCode=None))

    assert one["events"][0]["announcement"] == "CREATE of Version in stack shop failed: NotStabilized"
    assert other["events"][0]["announcement"] == "CREATE of a package by TypeFunction failed"


def test_an_unversioned_package_has_its_name_and_no_group() -> None:
    found = view.view(
        {
            "groups": [
                {"name": None, "packages": [package(arn=f"{ARN}/scorer", name="scorer", approval=None)]}
            ],
            "events": [event(package=f"{ARN}/scorer")],
            "olderEvents": 0,
        }
    )

    (group,) = found["groups"]
    assert (group["heading"], group["count"]) == ("Unversioned packages", "1 package")
    assert (group["packages"][0]["title"], group["packages"][0]["approval"]) == ("scorer", "none")
    assert found["operations"][0]["group"] is None
    assert found["summary"]["inGroups"] == ""


@pytest.mark.parametrize(
    ("members", "tones"),
    [
        ({}, ("ok", "wait", "none")),
        ({"status": "Failed", "approval": "Rejected", "stage": "Production"}, ("bad", "bad", "plain")),
        ({"status": "InProgress", "approval": "Approved"}, ("run", "ok", "none")),
        ({"status": "Unheard", "approval": "Of"}, ("plain", "plain", "none")),
    ],
)
def test_states_of_a_package_have_a_tone(members: Json, tones: tuple[str, ...]) -> None:
    state = {
        "groups": [{"name": "churn", "packages": [package(**members)]}],
        "events": [],
        "olderEvents": 0,
    }
    one = view.view(state)["groups"][0]["packages"][0]

    assert (one["statusTone"], one["approvalTone"], one["stageTone"]) == tones


def test_long_lists_are_cut_and_say_how_long_they_are(server: PageServer, source: Source) -> None:
    source.state["groups"] = [
        {"name": "churn", "packages": [package(number) for number in range(1200, 0, -1)]},
        {"name": "empty", "packages": []},
    ]
    source.state["olderEvents"] = 1

    text = get(server, "/")[2]

    markup = Markup(text)
    assert sum(attrs.get("role") == "row" and "data-key" in attrs for _, attrs in markup.tags) == (
        view.PACKAGES_SHOWN + 1  # the template's own
    )
    assert "Show all 1,200 versions" in markup.texts
    assert "1,200 packages" in markup.texts
    assert "no version yet" in markup.texts
    assert "1 older event not shown." in markup.texts
