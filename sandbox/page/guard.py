"""The guard of the page: a browser cannot sign requests, so that it has a token."""

from __future__ import annotations

import base64
import hashlib
import urllib.parse
from html import escape
from typing import TypeVar

from werkzeug.http import parse_cookie
from werkzeug.wrappers import Response

from sandbox.shared.credentials import Access, is_equal
from sandbox.shared.guard import MISSING, Guard, Refused
from sandbox.shared.heads import Head
from sandbox.shared.signatures import Signature

TOKEN = "token"  # noqa: S105 - the name of the parameter
# Cookies are for all ports of a host, so that the name has the server's.
_COOKIE_PREFIX = "sandbox-"

# Of a refusal: style sheets would be refused as well.
_STYLE = "main { max-width: 40rem; margin: 3rem auto; font: 1rem/1.5 system-ui, sans-serif }"
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_REFUSED = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not shown · Model package sandbox</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Not shown</h1>
<p>{reason}.</p>
<p>Paste the address into the address bar: links of other sites are not followed. In a browser that has not
been here since <code>start</code>, add the token that it has printed: <code>?token=...</code></p>
</main>
</body>
</html>
"""

R = TypeVar("R", bound=Response)


class RefusedPage(Refused):
    """A refusal that a browser shows as a page."""

    def answer(self, head: Head) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body: a page for what takes one, an error of AWS for all else."""
        status, headers, body = super().answer(head)
        if "text/html" not in head.value("accept"):
            return status, headers, body
        headers |= {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"
            ),
        }
        reason = escape(str(self).replace("`", ""))
        return status, headers, _REFUSED.format(style=_STYLE, reason=reason).encode()


class PageGuard(Guard):
    """Admits also what has the page's token: in the address that is opened first, then in a cookie."""

    def admit(self, head: Head) -> Signature | None:
        """Return None: there is nothing to verify.

        Raises:
            RefusedPage: the request is for another host, from another site, or has no token.
        """
        try:
            return super().admit(head)
        except Refused as refused:
            raise RefusedPage(str(refused), refused.codes, refused.status) from refused

    def authenticate(self, head: Head, access: Access) -> Signature | None:
        """Return None: credentials and token are in the head.

        Raises:
            Refused: there is neither.
        """
        expected = access.credentials.page_token
        given = [*urllib.parse.parse_qs(head.query).get(TOKEN, ()), *_cookies(head)]
        if any(is_equal(token, expected) for token in given):
            return None
        if is_equal(head.value("authorization"), access.credentials.basic):
            return None
        raise Refused("Open the address that `start` has printed for the page: it has a token", MISSING)

    def keep_token(self, response: R, port: str) -> R:
        """Let the browser keep the token."""
        if self.access is not None:
            token = self.access.credentials.page_token
            response.set_cookie(f"{_COOKIE_PREFIX}{port}", token, httponly=True, samesite="Strict")
        return response


def _cookies(head: Head) -> list[str]:
    """Return the values of all cookies of sandboxes: a tunnel has another port than the server."""
    try:
        cookies = parse_cookie("; ".join(head.values("cookie")))
    except UnicodeError:  # they are no text
        return []
    return [value for name, value in cookies.items() if name.startswith(_COOKIE_PREFIX)]
