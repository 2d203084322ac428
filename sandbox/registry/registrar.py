"""Registers versions, in threads: fetches a package from S3, checks it, and starts its handlers."""

from __future__ import annotations

import logging
import re
import threading
import urllib.parse
from contextlib import closing
from typing import Any

from sandbox.registry.extensions import Extensions, Registration
from sandbox.registry.failures import registry_failure
from sandbox.registry.hosting import PackageHost
from sandbox.registry.package import MAX_PACKAGE_BYTES, PackageError
from sandbox.shared.clients import client_factory
from sandbox.shared.credentials import Credentials
from sandbox.shared.processes import SandboxError

LOG = logging.getLogger("sandbox.registry")

# [R]
_UNREADABLE = (
    "Error validating schemaHandlerPackage. Check the permissions on the bucket and object in your account "
    "and try again."
)
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_LOCATIONS = (
    re.compile(rf"s3://(?P<bucket>{_BUCKET})/(?P<key>.+)"),
    re.compile(rf"https://(?P<bucket>{_BUCKET})\.s3[.-][a-z0-9.-]*amazonaws\.com(\.cn)?/(?P<key>[^?]+)"),
    re.compile(rf"https://s3[.-][a-z0-9.-]*amazonaws\.com(\.cn)?/(?P<bucket>{_BUCKET})/(?P<key>[^?]+)"),
)


class Registrar:
    """Turns registrations into versions."""

    def __init__(self, extensions: Extensions, host: PackageHost, credentials: Credentials) -> None:
        self._extensions = extensions
        self._host = host
        self._credentials = credentials

    def register(self, request: dict[str, Any], region: str, s3_endpoint: str) -> Registration:
        """Fetch the package of a request, and begin to register it; the registration says how that ends.

        Raises:
            ApiError: the package cannot be read, or the type has as many versions as it may have.
        """
        data = self._fetch(request["SchemaHandlerPackage"], region, s3_endpoint)
        registration, is_new = self._extensions.begin(request["TypeName"], region, request)
        if is_new:
            arguments = (registration, data)
            threading.Thread(target=self._register, args=arguments, name="registration", daemon=True).start()
        return registration

    def _register(self, registration: Registration, data: bytes) -> None:
        function = registration.function
        try:
            package = self._host.start(data, registration.type_name, function, registration.region)
        except (PackageError, SandboxError) as problem:
            self._extensions.fail(registration, str(problem))
        except Exception:
            LOG.exception("registration of %s", registration.arn)
            self._extensions.fail(registration, "Internal Failure")
        else:
            if not self._extensions.complete(registration, package):
                self._host.stop(function)

    def _fetch(self, location: str, region: str, s3_endpoint: str) -> bytes:
        """Return the package at an address in S3."""
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        match = next(filter(None, (each.fullmatch(location) for each in _LOCATIONS)), None)
        if match is None:
            raise registry_failure(_UNREADABLE)
        key = match["key"] if location.startswith("s3:") else urllib.parse.unquote(match["key"])
        make_client = client_factory({"sagemaker": s3_endpoint}, self._credentials)
        # A bucket's name in the host would be another host for a proxy or a resolver.
        config = Config(proxies={}, s3={"addressing_style": "path"})
        with closing(make_client("s3", region_name=region, config=config)) as client:

            def refuse_elsewhere(request: Any, **_: Any) -> None:
                # Some names make botocore choose a host of AWS, whatever the endpoint; a redirect could, too.
                if not request.url.startswith(f"{s3_endpoint}/"):
                    LOG.warning("%s is not in this machine's S3", location)
                    raise registry_failure(_UNREADABLE)

            client.meta.events.register("before-send.s3", refuse_elsewhere)
            try:
                answer = client.get_object(Bucket=match["bucket"], Key=key)
                with closing(answer["Body"]) as body:
                    data: bytes = body.read(MAX_PACKAGE_BYTES + 1)
            except (BotoCoreError, ClientError) as error:
                LOG.info("%s: %s", location, error)
                raise registry_failure(_UNREADABLE) from error
        if len(data) > MAX_PACKAGE_BYTES:
            raise registry_failure(
                f"The schema handler package is larger than {MAX_PACKAGE_BYTES // 1024**2} MiB"  # [I]
            )
        return data
