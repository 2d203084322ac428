"""Pages of a list whose items come and go: a token says behind which key the next page begins."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, TypeVar

from sandbox.shared.errors import ApiError, refusal

Json = dict[str, Any]
Key = list[Any]
Item = TypeVar("Item")

DEFAULT_PAGE_SIZE = 10  # [D] of lists, [I] of Search


def page_of(
    request: Json,
    items: Sequence[Item],
    key: Callable[[Item], Key],
    is_match: Callable[[Item], bool] = lambda _: True,
) -> tuple[list[Item], str | None]:
    """Return one page of the items, which come in the order of their keys, and the token of the next page.

    Raises:
        ApiError: the token was not made for this request.
    """
    descending = request.get("SortOrder") == "Descending"
    fingerprint = _fingerprint(request)
    if "NextToken" in request:
        position = _position(request["NextToken"], fingerprint)
        try:
            if descending:
                items = items[: bisect_left(items, position, key=key)]
            else:
                items = items[bisect_right(items, position, key=key) :]
        except TypeError:  # it is not a key of these items
            raise invalid_token() from None
    candidates = reversed(items) if descending else items
    size = request.get("MaxResults", DEFAULT_PAGE_SIZE)
    first = list(islice(filter(is_match, candidates), size + 1))
    token = _token(key(first[size - 1]), fingerprint) if len(first) > size else None
    return first[:size], token


def invalid_token() -> ApiError:
    """Return the error for a token that no answer has had."""
    return refusal("Invalid NextToken")  # [I]


def _fingerprint(request: Json) -> str:
    """Return a digest of the request; a token continues only the request that it was made for. [I]"""
    filters = {key: value for key, value in request.items() if key not in ("NextToken", "MaxResults")}
    return hashlib.sha256(json.dumps(filters, sort_keys=True).encode()).hexdigest()[:16]


def _token(position: Key, fingerprint: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([fingerprint, position]).encode()).decode()


def _position(token: str, fingerprint: str) -> Key:
    try:
        made_for, position = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, TypeError):
        made_for, position = None, None
    if made_for != fingerprint or not isinstance(position, list):
        raise invalid_token()
    return position
