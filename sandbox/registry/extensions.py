"""The registered types, their versions and their registrations: what there is, and the rules of it.

A version has its number from the moment of the request on, so the answers to a registration in progress name
it [R]; numbers are never given twice, also not after a type was deregistered [R]. The first version becomes
the default one by itself [R].
"""

from __future__ import annotations

import datetime
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.registry.failures import not_found, registry_failure
from sandbox.registry.package import Package
from sandbox.shared.settings import ACCOUNT

# Of one type in an account and region:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_VERSIONS = 50
IN_PROGRESS, COMPLETE, FAILED = "IN_PROGRESS", "COMPLETE", "FAILED"
# What the registry says of a registration that has ended. [R]
_COMPLETED = "Deployment is currently in DEPLOY_STAGE of status COMPLETED"
_REFUSED = (
    "Deployment is currently in VALIDATION_STAGE of status FAILED; Next is DEPLOY_STAGE with status "
    "CANCELLED\n"
    "Deployment failed with error. Error message: [{token}] {reason}"
)

Json = dict[str, Any]


def now() -> datetime.datetime:
    """Return the time, in UTC."""
    return datetime.datetime.now(datetime.UTC)


@dataclass(eq=False)
class Registration:
    """A request to register a version, and how far it is."""

    type_name: str
    region: str
    request: Json
    number: int
    generation: int = 0
    """How often everything had been forgotten before: numbers begin anew then, and names do not."""
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = IN_PROGRESS
    description: str = ""

    @property
    def version_id(self) -> str:
        """The version's number, as CloudFormation writes it."""
        return f"{self.number:08}"

    @property
    def type_arn(self) -> str:
        """The ARN of the version's type."""
        name = self.type_name.replace("::", "-")
        return f"arn:aws:cloudformation:{self.region}:{ACCOUNT}:type/resource/{name}"

    @property
    def arn(self) -> str:
        """The version's ARN."""
        return f"{self.type_arn}/{self.version_id}"

    @property
    def function(self) -> str:
        """The name of the function that runs the version's handlers, which no other version ever has."""
        name = f"{self.type_name.replace('::', '-')}-{self.region}-{self.version_id}"
        return f"{name}-{self.generation}" if self.generation else name


@dataclass(eq=False)
class Version:
    """One version of a type."""

    registration: Registration
    package: Package
    created: datetime.datetime = field(default_factory=now)
    is_live: bool = True

    @property
    def arn(self) -> str:
        """The version's ARN."""
        return self.registration.arn

    @property
    def version_id(self) -> str:
        """The version's number, as CloudFormation writes it."""
        return self.registration.version_id

    @property
    def function(self) -> str:
        """The name of the function that runs its handlers."""
        return self.registration.function


@dataclass(eq=False)
class Extension:
    """A type in one region."""

    type_name: str
    region: str
    registrations: list[Registration] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    default: Version | None = None
    """None before the first version, and once the type is deregistered."""

    def live(self) -> list[Version]:
        """Return the versions that are not deregistered, oldest first."""
        return [version for version in self.versions if version.is_live]

    def version(self, version_id: str) -> Version:
        """Return a version, also one that is deregistered.

        Raises:
            ApiError: there is no such version.
        """
        for version in self.versions:
            if version.version_id == version_id:
                return version
        raise not_found(f"{self.type_name}/{version_id}")  # [I]


class Extensions:
    """All registered types of the account. Safe in threads.

    `changed` is called with each version that becomes the default one of its type, or is not, or no longer.
    """

    def __init__(self, changed: Callable[[Version, bool], object] = lambda *_: None) -> None:
        self._changed = changed
        self._generation = 0
        self._lock = threading.RLock()
        self._ended = threading.Condition(self._lock)
        self._extensions: dict[tuple[str, str], Extension] = {}

    def earlier(self, region: str, request: Json) -> Registration | None:
        """Return the registration that a request repeats; None when it is a new one.

        Raises:
            ApiError: its client token is that of another request.
        """
        token = request.get("ClientRequestToken")
        for registration in self.registrations(None, region) if token else ():
            if registration.request.get("ClientRequestToken") == token:
                if registration.request != request:
                    raise registry_failure(
                        f"ClientRequestToken {token} belongs to a registration with other parameters"  # [I]
                    )
                return registration
        return None

    def begin(self, type_name: str, region: str, request: Json) -> tuple[Registration, bool]:
        """Begin a registration, and return it and whether it is to be carried out.

        It is not if the request repeats one, or the registration before is still in progress: then it has
        failed.

        Raises:
            ApiError: the type has as many versions as it may have, or the client token is another request's.
        """
        with self._lock:
            earlier = self.earlier(region, request)
            if earlier is not None:
                return earlier, False
            extension = self._extensions.setdefault((region, type_name), Extension(type_name, region))
            if len(extension.live()) >= MAX_VERSIONS:
                raise registry_failure("Maximum number of versions exceeded")
            number = len(extension.registrations) + 1
            registration = Registration(type_name, region, request, number, self._generation)
            for other in extension.registrations:
                if other.status == IN_PROGRESS:
                    self.fail(
                        registration,
                        f"Wait for {other.arn} to finish before submitting another deployment request for "
                        f"{type_name}",
                    )
            extension.registrations.append(registration)
            return registration, registration.status == IN_PROGRESS

    def complete(self, registration: Registration, package: Package) -> bool:
        """Add the version that was registered; it is the default one if there is no other.

        False says that the registration has been forgotten meanwhile.
        """
        with self._lock:
            key = registration.region, registration.type_name
            extension = self._extensions.get(key)
            if extension is None or registration not in extension.registrations:
                return False
            version = Version(registration, package)
            extension.versions.append(version)
            extension.default = extension.default or version
            is_default = version is extension.default
            registration.description, registration.status = _COMPLETED, COMPLETE
            self._ended.notify_all()
        self._changed(version, is_default)
        return True

    def fail(self, registration: Registration, reason: str) -> None:
        """End a registration without a version."""
        with self._lock:
            registration.description = _REFUSED.format(token=registration.token, reason=reason)
            registration.status = FAILED
            self._ended.notify_all()

    def wait(self, registration: Registration, seconds: float) -> None:
        """Wait until a registration has ended, but no longer than that."""
        with self._ended:
            self._ended.wait_for(lambda: registration.status != IN_PROGRESS, seconds)

    def registrations(self, type_name: str | None, region: str) -> list[Registration]:
        """Return the registrations of a type, or of all types, in a region; newest first for each type."""
        with self._lock:
            return [
                registration
                for extension in self._extensions.values()
                if extension.region == region and type_name in (None, extension.type_name)
                for registration in reversed(extension.registrations)
            ]

    def all(self, region: str) -> list[Extension]:
        """Return the types of a region that have or had versions, by name."""
        with self._lock:
            of_region = [
                each for each in self._extensions.values() if each.region == region and each.versions
            ]
            return sorted(of_region, key=lambda each: each.type_name)

    def get(self, type_name: str, region: str) -> Extension | None:
        """Return a type, also one that is deregistered; None if there never was a version of it."""
        with self._lock:
            extension = self._extensions.get((region, type_name))
            return extension if extension is not None and extension.versions else None

    def is_registered(self, type_name: str, region: str) -> bool:
        """Return whether a type has a version."""
        extension = self.get(type_name, region)
        return extension is not None and extension.default is not None

    def extension(self, type_name: str, region: str) -> Extension:
        """Return a type, also one that is deregistered.

        Raises:
            ApiError: it has never been registered.
        """
        extension = self.get(type_name, region)
        if extension is None:
            raise not_found(type_name)
        return extension

    def clear(self) -> list[Version]:
        """Forget all types, and return the versions that there were; their numbers begin anew."""
        with self._lock:
            versions = [version for each in self._extensions.values() for version in each.versions]
            for registration in (each for of in self._extensions.values() for each in of.registrations):
                if registration.status == IN_PROGRESS:
                    self.fail(registration, "The sandbox was reset")
            self._extensions.clear()
            self._generation += 1
            return versions

    def find(self, *, arn: str = "", function: str = "") -> Version | None:
        """Return the version with an ARN or a function, also a deregistered one; None if there is none."""
        with self._lock:
            for version in (version for each in self._extensions.values() for version in each.versions):
                if version.arn == arn or version.function == function:
                    return version
            return None

    def set_default(self, extension: Extension, version_id: str) -> None:
        """Make a version the default.

        Raises:
            ApiError: there is no such version, or it is deregistered.
        """
        with self._lock:
            version = extension.version(version_id)
            if not version.is_live:
                raise not_found(f"{extension.type_name}/{version_id}")  # [I]
            previous, extension.default = extension.default, version
        if previous is not None and previous is not version:
            self._changed(previous, False)
            self._changed(version, True)

    def deregister_version(self, extension: Extension, version_id: str) -> None:
        """Deregister a version that is not the default one.

        Raises:
            ApiError: it is the default one, also as the last one [R], or it is not there.
        """
        with self._lock:
            version = extension.version(version_id)
            if version is extension.default:
                raise registry_failure(
                    f"Version '{version_id}' is the default version and cannot be deregistered. Deregister "
                    f"the resource type '{extension.type_name}' instead."  # [R]
                )
            if not version.is_live:
                raise not_found(f"{extension.type_name}/{version_id}")  # [I]
            version.is_live = False
        self._changed(version, False)

    def deregister(self, extension: Extension) -> None:
        """Deregister a type with its only version.

        Raises:
            ApiError: it has other versions, or it is deregistered already.
        """
        with self._lock:
            live = extension.live()
            if len(live) > 1:
                raise registry_failure(
                    "This type has more than one active version. Please deregister non-default active "
                    "versions before attempting to deregister the type."  # [R]
                )
            if not live:
                raise not_found(extension.type_name)
            live[0].is_live = False
            extension.default = None
        self._changed(live[0], False)
