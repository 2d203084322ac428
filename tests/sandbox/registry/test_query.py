"""Requests of the Query protocol that no SDK sends."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sandbox.registry.extensions import Extensions
from sandbox.registry.operations import Registry
from sandbox.registry.query import parse
from sandbox.shared.errors import ApiError
from tests.sandbox.helpers import cases


@cases(
    "body, code, message",
    {
        "a word for a number": (
            b"Action=ListTypes&MaxResults=abc",
            "ValidationError",
            "A parameter of ListTypes is of another type than the API description says",
        ),
        "two operations": (
            b"Action=ListTypes&Action=ListStacks",
            "InvalidAction",
            "ListStacks is not an operation of the registry",
        ),
        "a publisher": (
            b"Action=DescribeType&Type=RESOURCE&TypeName=A1::B1::C1&PublisherId=" + b"0" * 40,
            "CFNRegistryException",
            "There are no publishers on this machine: leave PublisherId out",
        ),
        "a publisher to filter by": (
            b"Action=ListTypes&Filters.PublisherId=" + b"0" * 40,
            "CFNRegistryException",
            "There are no publishers on this machine: leave PublisherId out",
        ),
    },
)
def test_request_is_refused_in_words(body: bytes, code: str, message: str) -> None:
    with pytest.raises(ApiError) as raised:
        Registry(Extensions(), cast(Any, None)).answer(*parse(body), "us-east-1", "http://127.0.0.1:1")
    assert (raised.value.code, raised.value.message) == (code, message)
