"""Runs the engine: `python -m sandbox.cloudformation`, with the Python of `.venv-engine`."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sandbox.shared.processes import announce, listening, when_parent_is_gone
from sandbox.shared.settings import ACCOUNT

# What a template next to a model package may reasonably hold; the rest of ministack stays closed.
SERVICES = "cloudformation,iam,s3,secretsmanager,sns,sqs,ssm,sts"


def main(arguments: list[str] | None = None) -> int:
    """Serve CloudFormation until SIGTERM, Ctrl-C, or, when asked to, the end of stdin."""
    options = _options(arguments)
    logging.basicConfig(
        stream=sys.stderr, level=options.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    listener = listening(lambda: socket.create_server(("127.0.0.1", options.port)), options.port)
    port = listener.getsockname()[1]
    _configure_ministack(port, options.log_level)

    from sandbox.cloudformation.ministack_hooks import Host

    host = Host()
    _add_types(host, options)
    asyncio.run(_serve(listener, f"http://127.0.0.1:{port}", with_parent=options.exit_with_stdin))
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.cloudformation", description=__doc__)
    parser.add_argument(
        "--schema", type=Path, action="append", default=[], help="schema of a type to host; repeatable"
    )
    parser.add_argument("--functions-endpoint", help="Invoke API that runs the handlers of these types")
    parser.add_argument(
        "--function", default="TypeFunction", help="the function that takes production events"
    )
    parser.add_argument("--sagemaker-endpoint", help="where model package groups are made")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument(
        "--time-scale", type=float, default=1.0, help="factor on the delays that handlers ask for"
    )
    parser.add_argument("--log-level", default="INFO", help="of the log, on stderr")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when stdin ends")
    options = parser.parse_args(arguments)
    if options.schema and not options.functions_endpoint:
        parser.error("--schema needs --functions-endpoint")
    return options


def _configure_ministack(port: int, log_level: str) -> None:
    """Set what ministack reads from its environment when it is imported."""
    os.environ.update(
        {
            "GATEWAY_PORT": str(port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "SERVICES": SERVICES,
            "LOG_LEVEL": log_level,
            "PERSIST_STATE": "0",
            # It would listen on a fixed port of every interface.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # It would remove containers that another ministack of this developer is running.
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        }
    )


def _add_types(host: Any, options: argparse.Namespace) -> None:
    from sandbox.cloudformation.model_package_group import TYPE_NAME, ModelPackageGroup
    from sandbox.cloudformation.registered_type import Functions, RegisteredType

    if options.sagemaker_endpoint:
        host.add(TYPE_NAME, ModelPackageGroup(options.sagemaker_endpoint))
    for path in options.schema:
        functions = Functions(options.functions_endpoint, options.function)
        registered = RegisteredType(json.loads(path.read_text()), functions, options.time_scale)
        host.add(registered.type_name, registered)


async def _serve(listener: socket.socket, endpoint: str, *, with_parent: bool) -> None:
    from hypercorn.asyncio import serve  # type: ignore[import-not-found] # only in the engine's environment
    from hypercorn.config import Config  # type: ignore[import-not-found]

    from sandbox.cloudformation.ministack_hooks import application

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if with_parent:
        when_parent_is_gone(lambda: loop.call_soon_threadsafe(stop.set))

    config = Config()
    # A socket that listens already: no other process can take the port in between.
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = 0.5
    await serve(_announcing(application(), endpoint), config, shutdown_trigger=stop.wait, mode="asgi")


def _announcing(
    application: Callable[..., Awaitable[None]], endpoint: str
) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Wrap an ASGI application so that the ready line is printed when it has started."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def watching(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                announce(endpoint=endpoint)

        await application(scope, receive, watching if scope["type"] == "lifespan" else send)

    return wrapped


if __name__ == "__main__":
    sys.exit(main())
