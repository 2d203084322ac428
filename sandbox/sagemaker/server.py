"""SageMaker as a server on this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Self

from . import moto_parts
from .behaviour import Behaviour
from .packages import ModelPackages
from .wsgi import FrontDoor

_HOST = "127.0.0.1"
# How often the server looks whether it shall stop; requests are not slowed by it.
_STOP_CHECK_SECONDS = 0.05


class SageMakerServer:
    """SageMaker, and behind it all of moto, on one local port.

    Packages, calls and behaviour belong to the server; what moto holds (groups, buckets, roles) belongs to
    the process, so two servers in one process share it.
    """

    def __init__(self, port: int = 0, clock: Callable[[], float] = time.time) -> None:
        self._port = port
        self.service = ModelPackages(clock)
        self._door: FrontDoor | None = None
        self._server: Any = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Serve from now on; returns once connections are accepted."""
        from werkzeug.serving import make_server

        self._door = FrontDoor(self.service, moto_parts.application())
        self._server = make_server(
            _HOST,
            self._port,
            self._door,
            threaded=True,
            request_handler=moto_parts.silent_request_handler(),
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=[_STOP_CHECK_SECONDS], daemon=True, name="sagemaker"
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving; a second time does nothing."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """The URL to give a client as `endpoint_url`."""
        if self._server is None:
            raise RuntimeError("the server is not running")
        return f"http://{_HOST}:{self._server.server_port}"

    @property
    def behaviour(self) -> Behaviour:
        """How the service behaves; assign another one or change its fields at any time."""
        return self.service.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self.service.behaviour = behaviour

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The SageMaker calls that arrived: operation, input, region, account, session, the package's ARN,
        when it was received, whether it has been answered, in which time, and the error code or None."""
        return self._door.calls.all() if self._door else []

    def clear_calls(self) -> None:
        """Forget the calls."""
        if self._door:
            self._door.calls.clear()

    @property
    def groups(self) -> list[str]:
        """The ARN of every model package group."""
        return moto_parts.every_group()

    @property
    def packages(self) -> list[dict[str, Any]]:
        """Every package as it is held, with `Tags`; looking at it does not count as a Describe."""
        return self.service.raw()

    def reset(self) -> None:
        """Forget packages, calls, behaviour, and all that moto holds."""
        if self._door:
            self._door.reset()
        else:
            self.service.reset()
