"""The registry's requests at the functions' server: CloudFormation's operations, and those of the engine."""

from __future__ import annotations

import logging
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sandbox.lambda_.invoke_api import RouteAnswer
from sandbox.registry import query
from sandbox.registry.extensions import Extensions, Json
from sandbox.registry.operations import Registry
from sandbox.shared.errors import ApiError
from sandbox.shared.settings import REGISTRY_PATH, VERSIONS_PATH

LOG = logging.getLogger("sandbox.registry")


@dataclass(frozen=True)
class HostedType:
    """A type that is there without being registered, and runs from a package."""

    schema: Json
    function: str


class RegistryRoutes:
    """Answers what CloudFormation's endpoint passes on, and which version operations use.

    `stop` ends what a function's handlers run in. `hosted` are the types that are there unregistered.
    """

    def __init__(
        self,
        registry: Registry,
        extensions: Extensions,
        stop: Callable[[str], object],
        hosted: Iterable[HostedType],
    ) -> None:
        self._registry = registry
        self._stop = stop
        self._extensions = extensions
        self._hosted = {each.schema["typeName"]: each for each in hosted}

    def answer(self, method: str, target: str, body: bytes) -> RouteAnswer | None:
        """Return the answer to a request; None when it is none of the registry's."""
        address = urllib.parse.urlsplit(target)
        asked = dict(urllib.parse.parse_qsl(address.query))
        if method == "POST" and address.path == REGISTRY_PATH:
            return self._operation(asked["region"], asked["s3"], body)
        if method == "DELETE" and address.path == REGISTRY_PATH:
            self._reset()
            return HTTPStatus.OK, {}, {}
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
            answer = ApiError("InternalFailure", f"{type(problem).__name__}: {problem}", 500)
        status, answered, content = query.serialize(operation, answer)
        return status, content, answered

    def _reset(self) -> None:
        for version in self._extensions.clear():
            try:
                self._stop(version.function)
            except Exception:  # the others are to end, too
                LOG.exception("%s cannot be stopped", version.arn)

    def _versions(self, asked: dict[str, str]) -> Any:
        """Return the functions of a region's default versions, by type; or one version, by function or ARN.

        A registered type goes before one that is there unregistered. ARNs are given anew after a reset,
        functions never.
        """
        if "region" in asked:
            defaults = [each.default for each in self._extensions.all(asked["region"])]
            registered = {each.registration.type_name: each.function for each in defaults if each is not None}
            return {name: each.function for name, each in self._hosted.items()} | registered
        for hosted in self._hosted.values():
            if hosted.function == asked.get("function"):
                return _described(hosted.schema, hosted.function)
        version = self._extensions.find(**asked)
        if version is None:
            return None
        return _described(version.package.schema, version.function) | {
            "versionId": version.version_id,
            "isLive": version.is_live,
            "logGroup": (version.registration.request.get("LoggingConfig") or {}).get("LogGroupName"),
        }


def _described(schema: Json, function: str) -> Json:
    return {
        "versionId": "00000001",
        "isLive": True,
        "logGroup": None,
        "function": function,
        "schema": schema,
    }
