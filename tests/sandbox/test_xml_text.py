"""Answers in XML, of texts that have what XML cannot hold."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from sandbox.registry import query
from sandbox.shared.errors import ApiError
from sandbox.shared.xml_text import xml_text

ODD = "a\x00b\x1b[31m\ufffe\uffff\ud800\n\t\u00fc\U0001f600&<"
CLEAN = "a\ufffdb\ufffd[31m\ufffd\ufffd\ufffd\n\t\u00fc\U0001f600&<"


def test_xml_text_replaces_what_xml_cannot_hold() -> None:
    assert xml_text(ODD) == CLEAN
    assert xml_text("\x7f\x85\u2028\ue000\ud7ff") == "\x7f\x85\u2028\ue000\ud7ff"


@pytest.mark.parametrize(
    "answer",
    [
        {"TypeVersionSummaries": [{"Description": ODD, "TypeName": "x"}]},
        ApiError("CFNRegistryException", ODD),
        ApiError("ValidationException", ODD),
    ],
)
def test_serialize_makes_xml_that_can_be_read(answer: Any) -> None:
    status, _, body = query.serialize("ListTypeVersions", answer)
    assert status == (400 if isinstance(answer, ApiError) else 200)
    texts = [each.text for each in ElementTree.fromstring(body).iter()]  # noqa: S314 - our own
    assert CLEAN in texts
