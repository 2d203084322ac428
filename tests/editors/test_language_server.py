"""The editors' schema in yaml-language-server, by the first line that guides/editors.md gives."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pytest

from packager.project import ROOT, renamed
from tests.editors.conftest import Project, misspelt

SERVER = ROOT / ".npm-editors" / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
GUIDE = (ROOT / "guides" / "editors.md").read_text(encoding="utf-8")
((FIRST_LINE),) = re.findall(r"^# yaml-language-server: \$schema=\S+\n", GUIDE, re.MULTILINE)
((TAGS),) = re.findall(r'"yaml.customTags": (\[[^\]]+\])', GUIDE)

Json = dict[str, Any]


def send(stream: IO[bytes], **message: Any) -> None:
    content = json.dumps({"jsonrpc": "2.0", **message}).encode()
    stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
    stream.flush()


def receive(stream: IO[bytes]) -> Json:
    length = 0
    while line := stream.readline().strip():
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    message: Json = json.loads(stream.read(length))
    return message


@contextmanager
def server() -> Iterator[subprocess.Popen[bytes]]:
    command = [str(shutil.which("node")), str(SERVER), "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.kill()


def diagnostics(uri: str, text: str) -> list[str]:
    """What the server reports of a template that an editor has opened."""
    settings = {"validate": True, "customTags": json.loads(TAGS), "schemaStore": {"enable": False}}
    with server() as process:
        assert process.stdin
        assert process.stdout
        asks = {"workspace": {"configuration": True}, "textDocument": {"publishDiagnostics": {}}}
        given = {"processId": None, "rootUri": None, "capabilities": asks}
        send(process.stdin, id=1, method="initialize", params=given)
        opened = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        while message := receive(process.stdout):
            if message.get("id") == 1 and "result" in message:
                send(process.stdin, method="initialized", params={})
            elif message.get("method") == "workspace/configuration":
                answers = [
                    settings if each.get("section") == "yaml" else {} for each in message["params"]["items"]
                ]
                send(process.stdin, id=message["id"], result=answers)
                send(process.stdin, method="textDocument/didOpen", params={"textDocument": opened})
            elif message.get("method") == "textDocument/publishDiagnostics":
                return [each["message"] for each in message["params"]["diagnostics"]]
            elif "id" in message and "method" in message:
                send(process.stdin, id=message["id"], result=None)
    raise AssertionError("the server has ended")


def test_language_server_reports_a_misspelt_property(project: Project) -> None:
    root, name = project
    uri = (root / "examples" / "new.yaml").as_uri()
    assert diagnostics(uri, FIRST_LINE + misspelt(name)) == ["Property Domian is not allowed."]


@pytest.mark.parametrize("example", ["registered-version", "validated-package"])
def test_language_server_accepts_an_example(project: Project, example: str) -> None:
    root, name = project
    path = root / "examples" / f"{example}.yaml"
    text = renamed((ROOT / "examples" / path.name).read_text(encoding="utf-8"), name)
    assert diagnostics(path.as_uri(), FIRST_LINE + text) == []
