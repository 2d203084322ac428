"""The registered types, their versions and their registrations: what there is, and the rules of it.

The rules are those of the API reference, among them that the first version becomes the default, and that a
default version goes only as the last one:
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeregisterType.html
"""

from __future__ import annotations

import datetime
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from sandbox.registry.failures import not_found, registry_failure
from sandbox.registry.package import Package
from sandbox.shared.settings import ACCOUNT

# Of one type in an account and region:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_VERSIONS = 50
IN_PROGRESS, COMPLETE, FAILED = "IN_PROGRESS", "COMPLETE", "FAILED"

Json = dict[str, Any]


def now() -> datetime.datetime:
    """Return the time, in UTC."""
    return datetime.datetime.now(datetime.UTC)


@dataclass
class Version:
    """One version of a type."""

    type_name: str
    region: str
    number: int
    package: Package
    function: str
    """The name of the function that runs its handlers."""
    request: Json
    """The registration's request, which has its logging and its role."""
    created: datetime.datetime = field(default_factory=now)
    is_live: bool = True

    @property
    def version_id(self) -> str:
        """The version's number, as CloudFormation writes it."""
        return f"{self.number:08}"

    @property
    def arn(self) -> str:
        """The version's ARN."""
        return f"{self.type_arn}/{self.version_id}"

    @property
    def type_arn(self) -> str:
        """The ARN of the version's type."""
        return type_arn(self.type_name, self.region)


@dataclass
class Extension:
    """A type in one region."""

    type_name: str
    region: str
    versions: list[Version] = field(default_factory=list)
    default: Version | None = None
    """None once the type is deregistered."""
    created: datetime.datetime = field(default_factory=now)
    updated: datetime.datetime = field(default_factory=now)

    @property
    def arn(self) -> str:
        """The type's ARN."""
        return type_arn(self.type_name, self.region)

    def live(self) -> list[Version]:
        """Return the versions that are not deregistered."""
        return [version for version in self.versions if version.is_live]

    def version(self, version_id: str) -> Version:
        """Return a version, also one that is deregistered.

        Raises:
            ApiError: there is no such version.
        """
        for version in self.versions:
            if version.version_id == version_id:
                return version
        raise not_found(f"{self.arn}/{version_id}")


@dataclass
class Registration:
    """A request to register a version, and how far it is."""

    type_name: str
    region: str
    request: Json
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = IN_PROGRESS
    description: str = ""
    version: Version | None = None
    begun: datetime.datetime = field(default_factory=now)


def type_arn(type_name: str, region: str) -> str:
    """Return the ARN of a private type."""
    return f"arn:aws:cloudformation:{region}:{ACCOUNT}:type/resource/{type_name.replace('::', '-')}"


class Extensions:
    """All registered types of the account. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._extensions: dict[tuple[str, str], Extension] = {}
        self._registrations: dict[str, Registration] = {}

    def begin(self, type_name: str, region: str, request: Json) -> tuple[Registration, bool]:
        """Return the registration of a request, and whether it is new.

        Raises:
            ApiError: its client token is another request's, or the type has as many versions as it may have.
        """
        token = request.get("ClientRequestToken")
        with self._lock:
            for earlier in self._registrations.values():
                if token and earlier.region == region and earlier.request.get("ClientRequestToken") == token:
                    if earlier.request != request:
                        raise registry_failure(
                            f"ClientRequestToken {token} belongs to a registration with other parameters"
                        )
                    return earlier, False
            extension = self._extensions.get((region, type_name))
            begun = [each for each in self.registrations(type_name, region) if each.status == IN_PROGRESS]
            if len(extension.live() if extension else []) + len(begun) >= MAX_VERSIONS:
                raise registry_failure(
                    f"The type {type_name} has {MAX_VERSIONS} versions, as many as it may have: deregister "
                    "one that is not needed any more"
                )
            registration = Registration(type_name, region, request)
            self._registrations[registration.token] = registration
            return registration, True

    def complete(self, registration: Registration, package: Package, function: str) -> None:
        """Add the version that was registered; the default one, if there is no other."""
        type_name, region = registration.type_name, registration.region
        with self._lock:
            extension = self._extensions.setdefault((region, type_name), Extension(type_name, region))
            version = Version(
                type_name, region, len(extension.versions) + 1, package, function, registration.request
            )
            extension.versions.append(version)
            extension.default = extension.default or version
            extension.updated = now()
            registration.version, registration.status = version, COMPLETE

    def fail(self, registration: Registration, description: str) -> None:
        """End a registration without a version."""
        with self._lock:
            registration.status, registration.description = FAILED, description

    def registration(self, token: str, region: str) -> Registration:
        """Return a registration.

        Raises:
            ApiError: there is none with this token.
        """
        with self._lock:
            registration = self._registrations.get(token)
            if registration is None or registration.region != region:
                raise registry_failure(f"There is no registration with the token {token}")
            return registration

    def registrations(self, type_name: str | None, region: str) -> list[Registration]:
        """Return the registrations of a type, or of all types, in a region; newest first."""
        with self._lock:
            return [
                each
                for each in reversed(self._registrations.values())
                if each.region == region and type_name in (None, each.type_name)
            ]

    def all(self, region: str) -> list[Extension]:
        """Return the types of a region, by name, deregistered ones too."""
        with self._lock:
            found = [each for each in self._extensions.values() if each.region == region]
            return sorted(found, key=lambda each: each.type_name)

    def extension(self, type_name: str, region: str) -> Extension:
        """Return a type, also one that is deregistered.

        Raises:
            ApiError: it has never been registered.
        """
        with self._lock:
            if (region, type_name) not in self._extensions:
                raise not_found(type_name)
            return self._extensions[region, type_name]

    def default(self, type_name: str, region: str) -> Version | None:
        """Return the version that operations use; None when the type is not registered."""
        with self._lock:
            extension = self._extensions.get((region, type_name))
            return extension.default if extension else None

    def by_arn(self, arn: str) -> Version | None:
        """Return a version, also one that is deregistered; None when there is none with this ARN."""
        with self._lock:
            versions = (version for each in self._extensions.values() for version in each.versions)
            return next((version for version in versions if version.arn == arn), None)

    def set_default(self, extension: Extension, version_id: str) -> None:
        """Make a version the default.

        Raises:
            ApiError: there is no such version, or it is deregistered.
        """
        with self._lock:
            version = extension.version(version_id)
            if not version.is_live:
                raise not_found(version.arn)
            extension.default, extension.updated = version, now()

    def deregister(self, extension: Extension, version_id: str | None) -> None:
        """Deregister a version, or, without one, the type; with its last version a type is deregistered.

        Raises:
            ApiError: there is no such version, it is the default one beside others, or it was the whole type
                that was to go and it has several versions.
        """
        with self._lock:
            live = extension.live()
            if not live:
                raise not_found(extension.type_name)
            if version_id is None and len(live) > 1:
                raise registry_failure(
                    f"The type {extension.type_name} has {len(live)} active versions: deregister all but the "
                    "default one first"
                )
            version = live[0] if version_id is None else extension.version(version_id)
            if not version.is_live:
                raise not_found(version.arn)
            if version is extension.default and len(live) > 1:
                raise registry_failure(
                    f"Version {version.version_id} is the default version of {extension.type_name} and cannot "
                    "be deregistered: make another one the default first"
                )
            version.is_live = False
            extension.updated = now()
            if len(live) == 1:
                extension.default = None
