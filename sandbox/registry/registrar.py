"""Registers versions, in threads: fetches a package from S3, checks it, and starts its handlers."""

from __future__ import annotations

import logging
import re
import threading
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.lambda_.invoke_api import FunctionRunner
from sandbox.lambda_.runtime_client import Environments
from sandbox.registry.extensions import Extensions, Registration
from sandbox.registry.package import PackageError, remove, unpack
from sandbox.shared.clients import client_factory
from sandbox.shared.credentials import Credentials
from sandbox.shared.processes import SandboxError

LOG = logging.getLogger("sandbox.registry")

MAX_PACKAGE_BYTES = 128 * 1024**2  # what the local S3 takes
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_LOCATIONS = (
    re.compile(rf"s3://(?P<bucket>{_BUCKET})/(?P<key>.+)"),
    re.compile(rf"https://(?P<bucket>{_BUCKET})\.s3[.-][a-z0-9.-]*amazonaws\.com(\.cn)?/(?P<key>[^?]+)"),
    re.compile(rf"https://s3[.-][a-z0-9.-]*amazonaws\.com(\.cn)?/(?P<bucket>{_BUCKET})/(?P<key>[^?]+)"),
)


class Registrar:
    """Turns registrations into versions.

    `python` returns the interpreter that has Lambda's runtime client; packages are unpacked in `folder`,
    which only the user can read.
    """

    def __init__(
        self,
        extensions: Extensions,
        runner: FunctionRunner,
        python: Callable[[], Path],
        folder: Path,
        credentials: Credentials,
    ) -> None:
        self._extensions = extensions
        self._runner = runner
        self._python = python
        self._folder = folder
        self._credentials = credentials

    def register(self, registration: Registration, s3_endpoint: str) -> None:
        """Begin to register; the registration says how it ends."""
        threading.Thread(
            target=self._register, args=(registration, s3_endpoint), name="registration", daemon=True
        ).start()

    def _register(self, registration: Registration, s3_endpoint: str) -> None:
        code = self._folder / registration.token
        name = f"{registration.type_name.replace('::', '-')}-{registration.token}"
        try:
            data = self._fetch(registration, s3_endpoint)
            package = unpack(data, registration.type_name, code)
            environments = Environments(self._python().absolute(), code)
            function = package.function(name)
            problem = environments.start_problem(function)
            if problem is not None:
                environments.close()
                raise PackageError(f"The handlers do not start: {problem}")  # noqa: TRY301 - one way to fail
        except (PackageError, SandboxError) as problem:
            remove(code)
            self._extensions.fail(registration, str(problem))
        except Exception as problem:
            LOG.exception("registration of %s", registration.type_name)
            remove(code)
            self._extensions.fail(registration, f"Internal failure: {type(problem).__name__}")
        else:
            self._runner.add(function, environments)
            self._extensions.complete(registration, package, name)

    def _fetch(self, registration: Registration, s3_endpoint: str) -> bytes:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        location = registration.request["SchemaHandlerPackage"]
        match = next(filter(None, (each.fullmatch(location) for each in _LOCATIONS)), None)
        if match is None:
            raise PackageError(f"SchemaHandlerPackage {location} is not the address of an object in S3")
        bucket, key = match["bucket"], match["key"]
        if not location.startswith("s3:"):
            key = urllib.parse.unquote(key)
        settings: dict[str, Any] = {"s3": {"addressing_style": "path"}}
        client = client_factory({"cloudformation": s3_endpoint, "sagemaker": s3_endpoint}, self._credentials)(
            "s3", region_name=registration.region, config=Config(proxies={}, **settings)
        )
        try:
            answer = client.get_object(Bucket=bucket, Key=key)
            if answer["ContentLength"] > MAX_PACKAGE_BYTES:
                raise PackageError(
                    f"The package {location} has {answer['ContentLength']:,} bytes; at most "
                    f"{MAX_PACKAGE_BYTES:,} are taken"
                )
            data: bytes = answer["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise PackageError(f"The package {location} cannot be read: {error}") from error
        return data
