"""What the pages of stacks and packages show, beside the snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

from .changes import attributed_changes, sessions_of
from .snapshot import MAX_EVENTS, PackageSource, handler_events
from .stacks import StackReader

Json = dict[str, Any]

# More than anyone reads, and as many sessions as an address has room for.
MAX_CHANGES = 500
NO_ENGINE = "This sandbox was started without CloudFormation."


class Details(Protocol):
    """Returns stacks and whole packages, values that are never shown included."""

    def stacks(self, wanted: str = "", *, wait: bool = True) -> Json:
        """Return what `StackReader.stacks` returns."""

    def packages(self) -> Iterable[Mapping[str, Any]]:
        """Return the packages, as Describe returns them, with `Tags`."""

    def changes(self, arn: str) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Return the newest changes of a package, as `attributed_changes` does, and how many are older."""

    def events(self, token: str) -> Sequence[Mapping[str, Any]]:
        """Return the handler events of an operation, or the one with an id, as `handler_events` does."""

    def stack_events(self, stack_id: str) -> Sequence[Mapping[str, Any]]:
        """Return the newest handler events of a stack, as `handler_events` does."""


class NoDetails:
    """The details where there is nothing to read them from."""

    def stacks(self, _wanted: str = "", *, wait: bool = True) -> Json:
        """Return no stacks."""
        del wait
        return {"stacks": [], "deleted": [], "problem": ""}

    def packages(self) -> Iterable[Mapping[str, Any]]:
        """Return no packages."""
        return ()

    def changes(self, _arn: str) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Return no changes."""
        return (), 0

    def events(self, _token: str) -> Sequence[Mapping[str, Any]]:
        """Return no events."""
        return ()

    def stack_events(self, _stack_id: str) -> Sequence[Mapping[str, Any]]:
        """Return no events."""
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

    def matching_invocations(
        self, name: str, values: Iterable[str], /
    ) -> tuple[Sequence[Mapping[str, Any]], float]:
        """Return the invocations with one of the values, and since when (epoch seconds) none is missing."""


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

    def changes(self, arn: str) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Return the newest changes of a package, deleted ones too, and how many are older."""
        if "sagemaker" not in self._sandbox.endpoints:
            return (), 0
        newest, older = self._sandbox.sagemaker.history(arn, MAX_CHANGES)
        sessions = sessions_of(newest)
        has_invocations = bool(sessions) and "functions" in self._sandbox.endpoints
        matches = self._sandbox.matching_invocations("session", sessions) if has_invocations else ((), 0.0)
        return attributed_changes(newest, *matches), older

    def events(self, token: str) -> Sequence[Mapping[str, Any]]:
        """Return the handler events of an operation, or the one with an id, with their calls."""
        return self._events("operation", token) or self._events("id", token)

    def stack_events(self, stack_id: str) -> Sequence[Mapping[str, Any]]:
        """Return the newest handler events of a stack, with their calls."""
        return self._events("stackId", stack_id)

    def _events(self, name: str, value: str) -> Sequence[Mapping[str, Any]]:
        if "functions" not in self._sandbox.endpoints:
            return ()
        invocations, _ = self._sandbox.matching_invocations(name, [value])
        has_calls = bool(invocations) and "sagemaker" in self._sandbox.endpoints
        return handler_events(invocations[-MAX_EVENTS:], self._sandbox.sagemaker.calls if has_calls else ())

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()

    def _make_client(self) -> CloudFormationClient:
        from botocore.config import Config

        config = Config(proxies={}, retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10)
        client: CloudFormationClient = self._sandbox.client("cloudformation", config=config)
        return client
