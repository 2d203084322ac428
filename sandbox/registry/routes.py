"""The registry's requests at the functions' server: CloudFormation's operations, and those of the engine."""

from __future__ import annotations

import logging
import urllib.parse
from http import HTTPStatus
from typing import Any

from sandbox.lambda_.invoke_api import RouteAnswer
from sandbox.registry import query
from sandbox.registry.extensions import Extensions
from sandbox.registry.operations import Registry
from sandbox.shared.errors import ApiError
from sandbox.shared.settings import REGISTRY_PATH, VERSIONS_PATH

LOG = logging.getLogger("sandbox.registry")


class RegistryRoutes:
    """Answers what CloudFormation's endpoint passes on, and which version operations use."""

    def __init__(self, registry: Registry, extensions: Extensions) -> None:
        self._registry = registry
        self._extensions = extensions

    def answer(self, method: str, target: str, body: bytes) -> RouteAnswer | None:
        """Return the answer to a request; None when it is none of the registry's."""
        address = urllib.parse.urlsplit(target)
        asked = dict(urllib.parse.parse_qsl(address.query))
        if method == "POST" and address.path == REGISTRY_PATH:
            return self._operation(asked["region"], asked["s3"], body)
        if method == "GET" and address.path == VERSIONS_PATH:
            return HTTPStatus.OK, self._versions(asked), {}
        return None

    def _operation(self, region: str, s3_endpoint: str, body: bytes) -> RouteAnswer:
        operation = "RegisterType"  # for errors that come before its name is known
        answer: dict[str, Any] | ApiError
        try:
            operation, given = query.parse(body)
            answer = self._registry.answer(operation, given, region, s3_endpoint)
        except ApiError as error:
            answer = error
        except Exception as problem:
            LOG.exception("%s failed", operation)
            answer = ApiError("InternalFailure", f"{type(problem).__name__}: {problem}")
        status, answered, content = query.serialize(operation, answer)
        return status, content, answered

    def _versions(self, asked: dict[str, str]) -> Any:
        """Return the default versions of a region, by type; or one version by its ARN, with its schema."""
        if "arn" not in asked:
            defaults = [each.default for each in self._extensions.all(asked["region"])]
            return {each.registration.type_name: each.arn for each in defaults if each is not None}
        version = self._extensions.by_arn(asked["arn"])
        if version is None:
            return None
        return {
            "versionId": version.version_id,
            "isLive": version.is_live,
            "function": version.function,
            "logGroup": (version.registration.request.get("LoggingConfig") or {}).get("LogGroupName"),
            "schema": version.package.schema,
        }
