"""The registry, which is served beside the functions: its operations, and the versions that stacks use."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass
from typing import Any

from sandbox.cloudformation.functions import Functions
from sandbox.shared.credentials import Credentials
from sandbox.shared.http_request import Answer, ask, request
from sandbox.shared.settings import ACCOUNT, REGISTRY_PATH, VERSIONS_PATH

FORWARD_SECONDS = 60.0  # RegisterType fetches a package


@dataclass(frozen=True)
class TypeVersion:
    """A registered version of a type: its schema, and its handlers."""

    is_live: bool
    schema: dict[str, Any]
    functions: Functions


def version_arn(type_name: str, version_id: str, region: str) -> str:
    """Return the ARN of a version of a private type."""
    name = type_name.replace("::", "-")
    return f"arn:aws:cloudformation:{region}:{ACCOUNT}:type/resource/{name}/{version_id}"


class RegistryClient:
    """Asks the registry at the endpoint of the functions."""

    def __init__(self, endpoint: str, credentials: Credentials) -> None:
        self._endpoint = endpoint
        self._credentials = credentials

    def forward(self, body: bytes, region: str, s3_endpoint: str) -> Answer:
        """Return the registry's answer to a request of CloudFormation's API.

        Raises:
            OSError: it does not answer.
        """
        query = urllib.parse.urlencode({"region": region, "s3": s3_endpoint})
        headers = {
            "Authorization": self._credentials.basic,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        url = f"{self._endpoint}{REGISTRY_PATH}?{query}"
        return request(url, "POST", body, headers, seconds=FORWARD_SECONDS)

    def defaults(self, region: str) -> dict[str, str]:
        """Return the function of the default version of each type that is registered in a region.

        A function is that of one version only, whereas ARNs are given anew after a reset.

        Raises:
            OSError: the registry does not answer.
        """
        return dict(self._ask(region=region))

    def version(self, **asked: str) -> TypeVersion | None:
        """Return the version with a `function` or an `arn`, also a deregistered one; None if there is none.

        Raises:
            OSError: the registry does not answer.
        """
        described = self._ask(**asked)
        if described is None:
            return None
        functions = Functions(
            self._endpoint,
            described["function"],
            self._credentials,
            version_id=described["versionId"],
            log_group=described["logGroup"],
        )
        return TypeVersion(described["isLive"], described["schema"], functions)

    def _ask(self, **asked: str) -> Any:
        return ask(
            self._endpoint, "GET", f"{VERSIONS_PATH}?{urllib.parse.urlencode(asked)}", self._credentials
        )
