"""What the runtime client says of handlers that fail, and what Lambda says of processes that end."""

from __future__ import annotations

import json
import signal


def utf8(body: bytes) -> bytes:
    """Return what the client sends, in UTF-8: the texts of errors come in the encoding of HTTP's headers."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1").encode()
    return body


def error_text(body: bytes) -> str:
    """Return why the client could not load a handler, in one line; what the module raises with its type."""
    try:
        error = json.loads(body)
    except ValueError:
        error = None
    if not isinstance(error, dict):
        return "the runtime client does not say why"
    kind, message = str(error.get("errorType")), " ".join(str(error.get("errorMessage")).split())
    if kind.startswith("Runtime."):
        return message
    return f"{kind}: {message}" if message else kind


def exit_text(code: int) -> str:
    """Return Lambda's message for a process that has ended: https://github.com/floci-io/floci/issues/3314."""
    if code < 0:
        return f"Runtime exited with error: signal: {(signal.strsignal(-code) or str(-code)).lower()}"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    return "Runtime exited without providing a reason"
