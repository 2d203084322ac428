"""Which service a request is for, and how one is refused that is not here."""

from __future__ import annotations

import re
import urllib.parse
from http import HTTPStatus

from sandbox.shared.guard import ABSENT, Refused
from sandbox.shared.heads import Head
from sandbox.shared.settings import NOT_HERE, PARTS, SERVICES

_SCOPE = re.compile(r"/([^/,\s]+)/aws4_request")
# boto3's names of the services that are signed for by another one.
_NAMES = {"cloudcontrolapi": "cloudcontrol", "monitoring": "cloudwatch"}


def service_of(head: Head) -> str | None:
    """Return the service that a request is signed for, by boto3's name; None when it does not say."""
    signed = _SCOPE.search(f"{head.value('authorization')} {urllib.parse.unquote(head.query)}")
    if signed is None:  # addresses in S3 may be presigned without a scope
        return "s3" if "AWSAccessKeyId=" in head.query else None
    return _NAMES.get(signed[1], signed[1])


def refusal_of(service: str) -> Refused:
    """Return the refusal of a request for a service that is not at the endpoint it came to."""
    message = f"{service} is {NOT_HERE}: served here are {', '.join(sorted(['sagemaker', *SERVICES]))}"
    if service in PARTS:
        message = f"{service} is not served here, but at the endpoint in AWS_ENDPOINT_URL_{service.upper()}"
    return Refused(message, ABSENT, HTTPStatus.BAD_REQUEST)
