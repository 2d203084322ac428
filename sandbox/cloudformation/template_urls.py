"""Which object of S3 a TemplateURL names."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

# BUCKET.s3.REGION.amazonaws.com and s3.REGION.amazonaws.com, each also without a region, with a hyphen before
# it, over IPv6 ("dualstack"), of FIPS and of China [D].
_S3_HOST = re.compile(
    r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]*)\.)?s3(?:-fips)?(?:\.dualstack)?"
    r"(?:[.-][a-z]{2}(?:-[a-z]+)+-\d)?\.amazonaws\.com(?:\.cn)?"
)
_LOCAL_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class RefusedURL(ValueError):
    """A URL names no object that is read here; the text is CloudFormation's."""


class ObjectName(NamedTuple):
    """Where an object is in S3."""

    bucket: str
    key: str
    version: str | None


def object_of(url: str, member: str, local_ports: Collection[int]) -> ObjectName:
    """Return the object that a URL names, in host style or path style.

    `member` is the name of the request's member that has the URL; S3 on this machine is at `local_ports`.

    Raises:
        RefusedURL: it is no URL of S3.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise RefusedURL(f"{member} must be a supported URL.") from None
    if parts.scheme == "s3":
        raise RefusedURL(f"S3 error: Domain name specified in {parts.netloc} is not a valid S3 domain")  # [R]
    bucket = _bucket_of_host(host, port, local_ports)
    if parts.scheme not in {"http", "https"} or bucket is None:
        raise RefusedURL(f"{member} must be a supported URL.")  # [R]
    path = unquote(parts.path).removeprefix("/")
    if not bucket:
        bucket, _, path = path.partition("/")
    if not bucket or not path:
        raise RefusedURL(f"{member} must be a supported URL.")
    version = parse_qs(parts.query).get("versionId", [None])[0]
    return ObjectName(bucket, path, version)


def _bucket_of_host(host: str, port: int | None, local_ports: Collection[int]) -> str | None:
    """Return the bucket in the name of a host of S3, "" if it has none; None for any other host."""
    if match := _S3_HOST.fullmatch(host):
        return match["bucket"] or ""
    if port not in local_ports:
        return None
    if host in _LOCAL_HOSTS:
        return ""
    bucket, _, rest = host.rpartition(".")
    return bucket.removesuffix(".s3") if rest == "localhost" else None
