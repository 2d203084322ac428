"""Runs the API: `python -m sandbox.cloudcontrol`; it prints its endpoint as one JSON line."""

from __future__ import annotations

import sys

from sandbox.cloudformation.functions import add_arguments, read_types
from sandbox.cloudformation.registry_client import RegistryClient
from sandbox.shared.credentials import Access
from sandbox.shared.http import issued_guard, serve_child
from sandbox.shared.processes import child_parser, listening, log_to_stderr

from .server import Server
from .service import CloudControl


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM, Ctrl-C, or, with --exit-with-stdin, the end of stdin."""
    parser = child_parser("sandbox.cloudcontrol", __doc__)
    add_arguments(parser)
    options = parser.parse_args(arguments)
    access = Access.take()
    log_to_stderr(options.log_level)
    schemas, functions = read_types(options, access.credentials)
    registry = RegistryClient(options.functions_endpoint, access.credentials)
    api = CloudControl(schemas, functions, registry, options.time_scale)
    server = listening(lambda: Server(options.port, api, issued_guard(access)), options.port)
    serve_child(server, exit_with_stdin=options.exit_with_stdin, types=[each["typeName"] for each in schemas])
    return 0


if __name__ == "__main__":
    sys.exit(main())
