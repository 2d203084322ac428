"""The addresses of the page: one for each stack, package and operation, and of what compares and searches."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable

from sandbox.shared.settings import ACCOUNT, REGION

# Of packages in the sandbox's own account and Region, whose addresses have only what follows.
_PACKAGE_PREFIX = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/"


def stack_address(name: str, stack_id: str = "") -> str:
    """Return the address of the stack that has the name now, or of the one with an id.

    The id is an ARN, of which the address has the last part.
    """
    parts = [name, stack_id.rpartition("/")[2]] if stack_id else [name]
    return "/stacks/" + "/".join(map(_quoted, parts))


def package_address(arn: str | None) -> str:
    """Return the address of a package; the empty text without an ARN."""
    return f"/packages/{_quoted(package_name(arn), '/:')}" if arn else ""


def package_name(arn: str) -> str:
    """Return what identifies a package in an address: `group/version`, a name, or an ARN of elsewhere."""
    return arn.removeprefix(_PACKAGE_PREFIX)


def package_arn(name: str) -> str:
    """Return the ARN that an address's name, or an ARN, stands for."""
    return name if name.startswith("arn:") else _PACKAGE_PREFIX + name


def find_package(name: str, arns: Iterable[str]) -> str | None:
    """Return which of the ARNs an address's name stands for, in any case; None when it is none of them."""
    wanted = package_arn(name)
    return next((arn for arn in arns if arn.lower() == wanted.lower()), None)


def operation_address(token: str) -> str:
    """Return the address of the operation with a token, or of the event with an id."""
    return f"/operations/{_quoted(token)}"


def comparison_address(left: str, right: str) -> str:
    """Return the address that compares two packages, given by their ARNs."""
    pair = {"left": package_name(left), "right": package_name(right)}
    return f"/compare?{urllib.parse.urlencode(pair, safe='/:', errors='replace')}"


def _quoted(part: str, safe: str = "") -> str:
    return urllib.parse.quote(part, safe=safe, errors="replace")
