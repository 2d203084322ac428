"""Runs the API: `python -m sandbox.cloudcontrol`; it prints its endpoint as one JSON line."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
from pathlib import Path

from sandbox.cloudformation.registered_type import Functions
from sandbox.shared.processes import Ending, announce, listening, when_parent_is_gone

from .server import Server
from .service import CloudControl


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM, Ctrl-C, or, when asked to, the end of stdin."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.cloudcontrol", description=__doc__)
    parser.add_argument(
        "--schema", type=Path, action="append", required=True, help="schema of a type; repeatable"
    )
    parser.add_argument("--functions-endpoint", required=True, help="Invoke API that runs the handlers")
    parser.add_argument(
        "--function", default="TypeFunction", help="the function that takes production events"
    )
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument(
        "--time-scale", type=float, default=1.0, help="factor on the delays that handlers ask for"
    )
    parser.add_argument("--log-level", default="INFO", help="of the log, on stderr")
    parser.add_argument("--exit-with-stdin", action="store_true", help="stop when stdin ends")
    options = parser.parse_args(arguments)

    logging.basicConfig(
        stream=sys.stderr, level=options.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    schemas = [json.loads(path.read_text()) for path in options.schema]
    functions = Functions(options.functions_endpoint, options.function)
    api = CloudControl(schemas, functions, options.time_scale)
    server = listening(lambda: Server(options.port, api), options.port)

    ending = Ending()
    if options.exit_with_stdin:
        when_parent_is_gone(ending.order)
    with server:
        threading.Thread(target=server.serve_forever, args=(0.1,), name="cloudcontrol", daemon=True).start()
        announce(
            endpoint=f"http://127.0.0.1:{server.server_port}", types=[each["typeName"] for each in schemas]
        )
        ending.wait()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
