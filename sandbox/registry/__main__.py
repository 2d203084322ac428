"""Runs the functions' part: `python -m sandbox.registry`; it prints its endpoint as one JSON line.

It serves Lambda's Invoke API with the functions of the SAM template, and the registry, each of whose versions
is one more function. It is a process of its own so that its caller decides the handlers' environment.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from sandbox.lambda_ import runtime_client
from sandbox.lambda_.invoke_api import InvokeApi, add_arguments, read_runner
from sandbox.registry.extensions import Extensions
from sandbox.registry.hosting import PackageHost
from sandbox.registry.operations import Registry
from sandbox.registry.package import PackageError, type_name_of
from sandbox.registry.registrar import Registrar
from sandbox.registry.routes import HostedType, RegistryRoutes
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
    parser.add_argument(
        "--package",
        type=Path,
        action="append",
        default=[],
        help="package of a type that is there unregistered, run from it",
    )
    parser.add_argument(
        "--folder", type=Path, help="where packages are unpacked; default: a temporary folder"
    )
    options = parser.parse_args(arguments)
    access = Access.take()
    log_to_stderr(options.log_level)
    try:
        _serve(options, access)
    except (PackageError, SandboxError) as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code if isinstance(problem, SandboxError) else 1
    return 0


def _serve(options: argparse.Namespace, access: Access) -> None:
    schemas = [json.loads(path.read_text()) for path in options.schema]
    with (
        tempfile.TemporaryDirectory(prefix="sandbox-", dir=options.folder) as folder,
        closing(read_runner(options)) as runner,
        closing(PackageHost(runner, lambda: _python(options), Path(folder))) as host,
    ):
        hosted = [_hosted(host, path.read_bytes()) for path in options.package]
        extensions = Extensions(lambda each, is_used: host.keep_idle(each.function, keeps=is_used))
        register = Registrar(extensions, host, access.credentials).register
        registry = Registry(extensions, register, [*schemas, *(each.schema for each in hosted)])
        routes = RegistryRoutes(registry, extensions, host.stop, hosted)
        server = listening(
            lambda: InvokeApi(options.port, runner, issued_guard(access), routes), options.port
        )
        serve_child(server, exit_with_stdin=options.exit_with_stdin, functions=sorted(runner.functions))


def _python(options: argparse.Namespace) -> Path:
    return options.runtime_python or runtime_client.interpreter()


def _hosted(host: PackageHost, data: bytes) -> HostedType:
    name = type_name_of(data)
    function = name.replace("::", "-")
    return HostedType(host.start(data, name, function).schema, function)


if __name__ == "__main__":
    sys.exit(main())
