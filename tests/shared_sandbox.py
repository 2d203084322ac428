"""A local AWS for many tests, whose boto3 clients are made once."""

from __future__ import annotations

from typing import Any

from sandbox.local_aws import Sandbox


class SharedSandbox(Sandbox):
    """Hands out the same client for the same service and settings: making one takes longer than most calls.

    A test closes what it is handed, and the client stays usable; all are closed with the sandbox. A client
    with a `config` is the test's own.
    """

    _clients: dict[tuple[Any, ...], Any]

    def start(self) -> SharedSandbox:
        self._clients = {}
        return super().start()

    def stop(self) -> None:
        for client in self._clients.values():
            type(client).close(client)
        self._clients = {}
        super().stop()

    def _client(self, service: str, **settings: Any) -> Any:
        if "config" in settings:
            return super()._client(service, **settings)
        key = (service, *sorted(settings.items()))
        if key not in self._clients:
            client = self._clients[key] = super()._client(service, **settings)
            client.close = lambda: None
        return self._clients[key]
