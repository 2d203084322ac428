"""SageMaker as a server on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from sandbox.shared.credentials import Access
from sandbox.shared.guard import Guard
from sandbox.shared.guarded_handler import MAX_OBJECT_BYTES
from sandbox.shared.wsgi_server import WsgiServer

from . import moto_parts
from .behaviour import Behaviour
from .engine import Engine
from .operations import ModelPackages
from .wsgi import SageMakerApplication


class SageMakerServer(WsgiServer):
    """SageMaker, with moto behind it, on one local port.

    Requests for other services are the engine's; without an `engine` they are moto's as well.

    Packages, groups, calls and behaviour belong to the server; what moto holds (models, buckets, roles)
    belongs to the process, so two servers in one process share it.
    """

    name = "sagemaker"
    bounds: ClassVar = {"max_body_bytes": MAX_OBJECT_BYTES}

    def __init__(
        self,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        access: Access | None = None,
        engine: Engine | None = None,
    ) -> None:
        issued_key = engine.issued_key if engine else moto_parts.issued_key
        super().__init__(port, Guard(access, has_buckets=True, key_of=issued_key))
        self._engine = engine
        self.service = ModelPackages(clock)
        self._application: SageMakerApplication | None = None

    def make_application(self) -> SageMakerApplication:
        """Return the application for model packages, in front of moto's."""
        services = moto_parts.SERVED_BESIDE_ENGINE if self._engine else moto_parts.SERVED
        moto = moto_parts.application(services)
        self._application = SageMakerApplication(self.service, moto, self._engine)
        return self._application

    def request_handler(self) -> Any:
        """Return moto's class for requests."""
        return moto_parts.request_handler()

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
        return self._application.calls() if self._application else []

    def clear_calls(self) -> None:
        """Forget the calls."""
        if self._application:
            self._application.clear_calls()

    @property
    def groups(self) -> list[str]:
        """The ARN of every model package group."""
        return self.service.group_arns()

    @property
    def packages(self) -> list[dict[str, Any]]:
        """Every package with all its data and `Tags`; reading it does not count as a Describe."""
        return self.service.raw()

    def history(self, arn: str, newest: int, /) -> tuple[list[dict[str, Any]], int]:
        """Return at most so many of the newest recorded changes of a package, and how many are older.

        The oldest comes first. The changes of deleted packages are kept.
        """
        return self.service.history(arn, newest)

    def reset(self) -> None:
        """Forget packages, groups, calls, behaviour, and all that moto holds."""
        if self._application:
            self._application.reset()
        else:
            self.service.forget()
