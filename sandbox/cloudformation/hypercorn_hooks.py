"""Bounds for hypercorn, the engine's server. The only module that uses hypercorn's private names."""

from __future__ import annotations

from typing import Any

from sandbox.shared.guarded_handler import TOO_SLOW


def bound() -> None:
    """Answer heads that are too slow with 408, and ignore HTTP/2, for whose connections there is no deadline.

    No client of AWS uses HTTP/2 without TLS.

    Raises:
        AttributeError: the installed hypercorn lacks a name that is used here.
    """
    from hypercorn.asyncio.tcp_server import TCPServer  # type: ignore[import-not-found] # the engine's
    from hypercorn.protocol.h11 import H11Protocol  # type: ignore[import-not-found] # the engine's

    close = TCPServer._initiate_server_close

    async def answer_and_close(server: Any) -> None:
        """Close a connection that has been idle; what has come in that time is a part of a head."""
        received, _ = server.protocol.protocol.connection.trailing_data
        if received:
            server.writer.write(TOO_SLOW)
        await close(server)

    async def ignore(*_: Any) -> None:
        """Ask for no other protocol than the request's own."""

    H11Protocol._check_protocol  # noqa: B018 - it must be there
    H11Protocol._check_protocol = ignore
    TCPServer._initiate_server_close = answer_and_close
