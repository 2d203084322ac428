"""Clients of the local AWS: boto3's, and the variables for those of the CLI and other SDKs."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from sandbox.shared.credentials import VARIABLES, Credentials
from sandbox.shared.settings import PARTS, REGION, SERVICES

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


def part_of(service: str, endpoints: Collection[str]) -> str:
    """Return the part that answers for an AWS service, in a sandbox that has the parts with `endpoints`."""
    part = "cloudformation" if service in SERVICES else "sagemaker"
    return PARTS.get(service) or (part if part in endpoints else "sagemaker")


def client_factory(endpoints: Mapping[str, str], credentials: Credentials) -> ClientFactory:
    """Return a factory of boto3 clients of the local AWS at these endpoints, which has these credentials."""
    from botocore.config import Config

    def make_client(service: str, **settings: Any) -> Any:
        defaults = {
            "endpoint_url": endpoints[part_of(service, endpoints)],
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
    # The AWS CLI and boto3 read the one, the SDKs for JavaScript, Go, Java and Rust the other.
    variables["AWS_DEFAULT_REGION"] = variables["AWS_REGION"] = REGION
    if "sagemaker" in endpoints:
        # For all services without a variable of their own, which must not reach the real AWS.
        variables["AWS_ENDPOINT_URL"] = endpoints["sagemaker"]
    for service, part in PARTS.items():
        if part in endpoints:
            variables[f"AWS_ENDPOINT_URL_{service.upper()}"] = endpoints[part]
    if "cloudformation" in endpoints:
        for name in SERVICES.values():
            variables[f"AWS_ENDPOINT_URL_{name}"] = endpoints["cloudformation"]
    return variables


def exports(variables: Mapping[str, str]) -> list[str]:
    """Return the lines that export variables in a shell."""
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
