"""What exit codes mean, and the errors behind them."""

from __future__ import annotations

import re
from typing import Any

from sandbox.shared.exit_codes import TIMED_OUT, USAGE
from sandbox.shared.processes import SandboxError
from sandbox.state_file import NoSandboxError

EXIT_CODES = """\
exit codes:
  0    done
  1    it failed: a stack was rolled back, a handler answered FAILED, a deletion was not confirmed, ...
  2    wrong usage: unknown options or names, files that cannot be read, errors in a template
  3    no sandbox is running, or a part of it does not answer
  4    it was not over within --timeout
  5    drift: something is not as the template says
  130  interrupted by Ctrl-C; a start that runs and events --follow end that way, so theirs is 0

With --json, stdout has JSON only; errors go to stderr."""

_HANDLER_REASON = re.compile(
    r'Resource handler returned message: "(?P<message>.*)" '
    r"\(RequestToken: [^,)]*, HandlerErrorCode: (?P<code>\w+)\)",
    re.DOTALL,
)


class UsageError(SandboxError):
    """The command line, or a file it names, cannot be used."""

    exit_code = USAGE


class TimedOutError(SandboxError):
    """An operation is not over after --timeout."""

    exit_code = TIMED_OUT


def explain(error: Exception) -> SandboxError | None:
    """Return an error of botocore as one of the sandbox; None for any other."""
    if not type(error).__module__.startswith("botocore."):
        return None
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        return SandboxError(f"{error.operation_name} was refused: {service_message(error)}")
    if isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError):
        return NoSandboxError(
            f"A part of the sandbox does not answer any more: {error}. Stop the sandbox and start it "
            "again; `start` has printed where its logs are"
        )
    return None


def service_message(error: Any) -> str:
    """Return the message of a botocore ClientError, or its code if it has none."""
    return str(error.response["Error"].get("Message") or error.response["Error"].get("Code"))


def handler_message(reason: str) -> str:
    """Return a stack event's reason without what CloudFormation puts around the handler's message."""
    match = _HANDLER_REASON.fullmatch(reason)
    return f"{match['code']}: {match['message']}" if match else reason
