"""Clients of the local AWS: boto3's, and the variables for those of the CLI and other SDKs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from sandbox.shared.credentials import VARIABLES, Credentials
from sandbox.shared.settings import PARTS, REGION

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_sagemaker import SageMakerClient

# What botocore would take from the developer's shell and home directory: a profile may set endpoints, too.
OWN_SETTINGS = ("profile", "config_file", "credentials_file")
_LOCK = threading.Lock()


class ClientFactory(Protocol):
    """Returns a boto3 client of a service; of others than these two no stubs are installed."""

    @overload
    def __call__(self, service: Literal["sagemaker"], **settings: Any) -> SageMakerClient: ...
    @overload
    def __call__(self, service: Literal["cloudformation"], **settings: Any) -> CloudFormationClient: ...
    @overload
    def __call__(self, service: str, **settings: Any) -> Any: ...


def part_of(service: str) -> str:
    """Return the part of the sandbox that answers for an AWS service."""
    return PARTS.get(service, "sagemaker")


def client_factory(endpoints: Mapping[str, str], credentials: Credentials) -> ClientFactory:
    """Return a factory of boto3 clients of the local AWS at these endpoints, which has these credentials."""
    from botocore.config import Config

    def make_client(service: str, **settings: Any) -> Any:
        defaults = {
            "endpoint_url": endpoints[part_of(service)],
            "region_name": REGION,
            # A proxy for the world outside has nothing to do with 127.0.0.1.
            "config": Config(proxies={}),
            **credentials.settings(),
        }
        with _LOCK:  # creating clients from one session is not safe in threads (boto3's documentation)
            return _session().client(service, **defaults | settings)

    return make_client


@cache
def _session() -> Any:
    """Return one session for all clients: reading the descriptions of an API takes longer than most calls."""
    import boto3.session
    import botocore.session

    own = dict.fromkeys(OWN_SETTINGS, (None, None, None, None))
    return boto3.session.Session(botocore_session=botocore.session.Session(session_vars=own))


def environment(endpoints: Mapping[str, str], credentials: Credentials) -> dict[str, str]:
    """Return the variables with which the AWS CLI and SDKs call the local AWS at these endpoints."""
    variables = {VARIABLES[name]: value for name, value in credentials.settings().items()}
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
