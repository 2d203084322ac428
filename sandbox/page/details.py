"""What the pages of stacks and packages show, beside the snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

from .snapshot import PackageSource
from .stacks import StackReader

Json = dict[str, Any]

NO_ENGINE = "This sandbox was started without CloudFormation."


class Details(Protocol):
    """Returns stacks and whole packages, values that are never shown included."""

    def stacks(self, wanted: str = "", *, wait: bool = True) -> Json:
        """Return what `StackReader.stacks` returns."""

    def packages(self) -> Iterable[Mapping[str, Any]]:
        """Return the packages, as Describe returns them, with `Tags`."""


class NoDetails:
    """The details where there is nothing to read them from."""

    def stacks(self, _wanted: str = "", *, wait: bool = True) -> Json:
        """Return no stacks."""
        del wait
        return {"stacks": [], "deleted": [], "problem": ""}

    def packages(self) -> Iterable[Mapping[str, Any]]:
        """Return no packages."""
        return ()


class DetailSource(Protocol):
    """The parts of a running sandbox that are read."""

    @property
    def endpoints(self) -> Mapping[str, str]:
        """The parts that run, with their URLs."""

    @property
    def sagemaker(self) -> PackageSource:
        """The local SageMaker, if it runs."""

    @property
    def client(self) -> Any:
        """The factory of boto3 clients."""


class SandboxDetails:
    """The details of a running sandbox."""

    def __init__(self, sandbox: DetailSource) -> None:
        self._sandbox = sandbox
        self._reader = StackReader(self._make_client)

    def stacks(self, wanted: str = "", *, wait: bool = True) -> Json:
        """Return what `StackReader.stacks` returns; none without CloudFormation."""
        if "cloudformation" not in self._sandbox.endpoints:
            return {"stacks": [], "deleted": [], "problem": NO_ENGINE}
        return self._reader.stacks(wanted, wait=wait)

    def packages(self) -> Iterable[Mapping[str, Any]]:
        """Return the packages, as Describe returns them, with `Tags`."""
        return self._sandbox.sagemaker.packages if "sagemaker" in self._sandbox.endpoints else ()

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()

    def _make_client(self) -> CloudFormationClient:
        from botocore.config import Config

        config = Config(proxies={}, retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10)
        client: CloudFormationClient = self._sandbox.client("cloudformation", config=config)
        return client
