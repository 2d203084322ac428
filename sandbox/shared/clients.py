"""Clients of the local AWS: boto3's, and the variables for those of the CLI and other SDKs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from sandbox.shared.settings import CREDENTIALS, PARTS, REGION

# What botocore would take from the developer's shell and home directory: a profile may set endpoints, too.
OWN_SETTINGS = ("profile", "config_file", "credentials_file")
_LOCK = threading.Lock()


def part_of(service: str) -> str:
    """Return the part of the sandbox that answers for an AWS service."""
    return PARTS.get(service, "sagemaker")


def make_client(endpoints: Mapping[str, str], service: str, **settings: Any) -> Any:
    """Return a boto3 client of the local AWS at these endpoints.

    Untyped, as it may be of any service: a caller that knows which annotates the client.
    """
    from botocore.config import Config

    with _LOCK:  # creating clients from one session is not safe in threads (boto3's documentation)
        return _session().client(
            service,
            **{
                "endpoint_url": endpoints[part_of(service)],
                "region_name": REGION,
                # A proxy for the world outside has nothing to do with 127.0.0.1.
                "config": Config(proxies={}),
                **CREDENTIALS,
                **settings,
            },
        )


@cache
def _session() -> Any:
    """Return one session for all clients: reading the descriptions of an API takes longer than most calls."""
    import boto3.session
    import botocore.session

    own = dict.fromkeys(OWN_SETTINGS, (None, None, None, None))
    return boto3.session.Session(botocore_session=botocore.session.Session(session_vars=own))


def environment(endpoints: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which the AWS CLI and SDKs call the local AWS at these endpoints."""
    variables = {name.upper(): value for name, value in CREDENTIALS.items()}
    variables["AWS_DEFAULT_REGION"] = REGION
    if "sagemaker" in endpoints:
        # All other services (STS, S3, IAM) are moto's there, too, and must not reach the real AWS.
        variables["AWS_ENDPOINT_URL"] = endpoints["sagemaker"]
    if "cloudformation" in endpoints:
        # From there the engine reads the templates of nested stacks.
        variables["AWS_ENDPOINT_URL_S3"] = endpoints["cloudformation"]
    for part, endpoint in endpoints.items():
        service = "lambda" if part == "functions" else part
        variables[f"AWS_ENDPOINT_URL_{service.upper()}"] = endpoint
    return variables
