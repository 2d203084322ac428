"""As much of curl as the guides' commands use, where there is none: `make test` needs nothing but Python."""

from __future__ import annotations

import argparse
import base64
import sys
import urllib.error
import urllib.request


def main() -> int:
    """Send one request, print the answer's body, and return curl's exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-d", "--data-binary", dest="data")
    parser.add_argument("--user", default="")
    for flag in ("--silent", "--show-error", "--fail", "--fail-with-body"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    data = sys.stdin.buffer.read() if options.data == "@-" else options.data and options.data.encode()
    request = urllib.request.Request(options.url, data=data, method=options.method)  # noqa: S310
    if options.user:
        credentials = base64.b64encode(options.user.encode()).decode()
        request.add_header("Authorization", f"Basic {credentials}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request) as answer:
            sys.stdout.buffer.write(answer.read())
    except urllib.error.HTTPError as error:
        if not options.fail:
            sys.stdout.buffer.write(error.read())
        return 22
    return 0


if __name__ == "__main__":
    sys.exit(main())
