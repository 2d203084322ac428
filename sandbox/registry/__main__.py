"""Runs the functions' part: `python -m sandbox.registry`; it prints its endpoint as one JSON line.

It serves Lambda's Invoke API with the functions of the SAM template, and the registry, each of whose versions
is one more function. It is a process of its own so that its caller decides the handlers' environment.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from sandbox.lambda_ import runtime_client
from sandbox.lambda_.invoke_api import InvokeApi, add_arguments, read_runner
from sandbox.registry.extensions import Extensions
from sandbox.registry.operations import Registry
from sandbox.registry.registrar import Registrar
from sandbox.registry.routes import RegistryRoutes
from sandbox.shared.credentials import Access
from sandbox.shared.http import issued_guard, serve_child
from sandbox.shared.processes import SandboxError, child_parser, listening, log_to_stderr


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM, Ctrl-C, or, with --exit-with-stdin, the end of stdin."""
    parser = child_parser("sandbox.registry", __doc__)
    add_arguments(parser)
    parser.add_argument(
        "--schema", type=Path, action="append", default=[], help="schema of a type that is there unregistered"
    )
    options = parser.parse_args(arguments)
    access = Access.take()
    log_to_stderr(options.log_level)
    try:
        runner = read_runner(options)
    except SandboxError as problem:
        parser.error(str(problem))
    with closing(runner), tempfile.TemporaryDirectory(prefix="sandbox-registry-") as folder:
        extensions = Extensions()
        registrar = Registrar(
            extensions,
            runner,
            lambda: options.runtime_python or runtime_client.interpreter(),
            Path(folder),
            access.credentials,
        )
        registry = Registry(
            extensions, registrar.register, [json.loads(each.read_text()) for each in options.schema]
        )
        routes = RegistryRoutes(registry, extensions)
        server = listening(
            lambda: InvokeApi(options.port, runner, issued_guard(access), routes), options.port
        )
        serve_child(server, exit_with_stdin=options.exit_with_stdin, functions=sorted(runner.functions))
    return 0


if __name__ == "__main__":
    sys.exit(main())
