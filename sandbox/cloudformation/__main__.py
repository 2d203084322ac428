"""Runs the engine: `python -m sandbox.cloudformation`, with the Python of `.venv-engine`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox.cloudformation.aws_schemas import AwsSchemas
from sandbox.cloudformation.default_versions import DefaultVersions
from sandbox.cloudformation.functions import add_arguments, read_types
from sandbox.cloudformation.guarded_application import GuardedApplication
from sandbox.cloudformation.model_package_group import TYPE_NAME, ModelPackageGroup
from sandbox.cloudformation.registered_type import RegisteredType
from sandbox.cloudformation.registry_application import RegistryApplication
from sandbox.cloudformation.registry_client import RegistryClient
from sandbox.cloudformation.sagemaker_hosting import hosting_types
from sandbox.cloudformation.stacks_loop import StacksLoop
from sandbox.cloudformation.type_registration import (
    DEFAULT_VERSION,
    RESOURCE_VERSION,
    ResourceDefaultVersion,
    ResourceVersion,
)
from sandbox.shared.credentials import Access, Credentials
from sandbox.shared.guard import Guard
from sandbox.shared.guarded_handler import HEAD_SECONDS
from sandbox.shared.http import BACKLOG, HOST
from sandbox.shared.java_patterns import occurs
from sandbox.shared.processes import announce, child_parser, listening, log_to_stderr, when_parent_is_gone
from sandbox.shared.settings import ACCOUNT, SERVICES

if TYPE_CHECKING:
    from sandbox.cloudformation.ministack_hooks.host import Host

# The rest of ministack stays closed. None of these runs code, starts a process or a container, or opens a
# connection, but for SNS's, which `restrictions` closes.
SERVED = ("cloudformation", *SERVICES)


def main(arguments: list[str] | None = None) -> int:
    """Serve CloudFormation until SIGTERM, Ctrl-C, or, with --exit-with-stdin, the end of stdin."""
    parser = child_parser("sandbox.cloudformation", __doc__)
    add_arguments(parser)
    parser.add_argument("--sagemaker-endpoint", help="where groups, models and endpoints are made")
    parser.add_argument(
        "--known-types", type=Path, help="cfn-lint's list of AWS's types, whose schemas are beside it"
    )
    options = parser.parse_args(arguments)
    access = Access.take()
    log_to_stderr(options.log_level)
    listener = listening(lambda: socket.create_server((HOST, options.port), backlog=BACKLOG), options.port)
    port = listener.getsockname()[1]
    _configure_ministack(port, options.log_level)

    from sandbox.cloudformation.ministack_hooks.host import Host
    from sandbox.cloudformation.ministack_hooks.issued_keys import EngineCredentials, issued_key
    from sandbox.cloudformation.ministack_hooks.restrictions import application

    schemas = AwsSchemas(options.known_types)
    # SageMaker's port passes requests for S3 on: the CDK gives the address of a template there.
    s3_ports = {port, urlsplit(options.sagemaker_endpoint or "").port or port}
    host = Host(schemas.files, schemas.has_attribute, s3_ports)
    endpoint = f"http://{HOST}:{port}"
    credentials = EngineCredentials(access.credentials.access_key, access.credentials.secret_key)
    group = _add_types(host, options, schemas, endpoint, credentials)
    client = RegistryClient(options.functions_endpoint, credentials)
    versions = DefaultVersions(client, host, options.time_scale)
    host.begun, host.is_withdrawn = versions.begin, versions.is_withdrawn
    registered = RegistryApplication(StacksLoop(application()), client, versions, endpoint)
    guard = Guard(access, has_buckets=True, key_of=issued_key)
    guarded = GuardedApplication(registered, guard, SERVED, issued_key)

    def announce_ready() -> None:
        announce(endpoint=endpoint)
        threading.Thread(target=_prepare, args=[group], daemon=True).start()

    asyncio.run(_serve(listener, announce_ready, guarded, with_parent=options.exit_with_stdin))
    return 0


def _configure_ministack(port: int, log_level: str) -> None:
    """Set what ministack reads from its environment when it is imported."""
    os.environ.update(
        {
            "GATEWAY_PORT": str(port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "SERVICES": ",".join(SERVED),
            "LOG_LEVEL": log_level,
            "PERSIST_STATE": "0",
            "S3_PERSIST": "0",
            # It would listen on a fixed port of every interface.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # It would remove containers that another ministack of this developer is running.
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        }
    )


def _add_types(
    host: Host, options: argparse.Namespace, aws: AwsSchemas, endpoint: str, credentials: Credentials
) -> ModelPackageGroup:
    group = ModelPackageGroup(options.sagemaker_endpoint, credentials)
    host.add(RESOURCE_VERSION, ResourceVersion(endpoint, credentials))
    host.add(DEFAULT_VERSION, ResourceDefaultVersion(endpoint, credentials))
    if options.sagemaker_endpoint:
        host.add(TYPE_NAME, group)
        for hosting in hosting_types(aws, options.sagemaker_endpoint, credentials):
            hosting.time_scale = options.time_scale
            host.add(hosting.type_name, hosting)
    schemas, functions = read_types(options, credentials)
    for schema in schemas:
        host.add(schema["typeName"], RegisteredType(schema, functions, options.time_scale))
    return group


def _prepare(group: ModelPackageGroup) -> None:
    """Read what the first stack would wait for."""
    group.prepare()
    occurs(r"\p{L}", "")  # the categories of Unicode, which patterns in the schemas name


async def _serve(
    listener: socket.socket,
    announce_ready: Callable[[], None],
    application: GuardedApplication,
    *,
    with_parent: bool,
) -> None:
    from hypercorn.asyncio import serve  # type: ignore[import-not-found] # only in the engine's environment
    from hypercorn.config import Config  # type: ignore[import-not-found]

    from sandbox.cloudformation.hypercorn_hooks import bound

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if with_parent:
        when_parent_is_gone(lambda: loop.call_soon_threadsafe(stop.set))

    bound()
    config = Config()
    # A socket that listens already: no other process can take the port in between.
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = 0.5
    config.backlog = BACKLOG
    config.keep_alive_timeout = HEAD_SECONDS  # also for the head of a first request
    await serve(_announcing(application, announce_ready), config, shutdown_trigger=stop.wait, mode="asgi")


def _announcing(
    application: Callable[..., Awaitable[None]], announce_ready: Callable[[], None]
) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """Wrap an ASGI application so that it is announced when it has started."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def watching(message: Any) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                announce_ready()

        await application(scope, receive, watching if scope["type"] == "lifespan" else send)

    return wrapped


if __name__ == "__main__":
    sys.exit(main())
