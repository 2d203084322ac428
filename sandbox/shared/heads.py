"""The head of an HTTP request, as all servers of the sandbox hand it to the guard."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

# A name of this machine, with the port in the second group.
_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", re.IGNORECASE)
# A bucket's name before one: S3's virtual hosts. Browsers, too, look for these names on this machine only.
_BUCKET_HOST = re.compile(r"([a-z0-9][a-z0-9.-]*)\.localhost(:\d{1,5})?", re.IGNORECASE)


@dataclass(frozen=True)
class Head:
    """Method, target and headers of a request."""

    method: str
    target: str
    """As the request line has it."""
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """The names in small letters."""

    @classmethod
    def of(cls, method: str, target: str, headers: Iterable[tuple[str, str]]) -> Head:
        """Return the head with headers of any case."""
        return cls(method, target, tuple((name.lower(), value.strip()) for name, value in headers))

    @property
    def path(self) -> str:
        """The path, as it was sent."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query, as it was sent."""
        return self.target.partition("?")[2]

    def values(self, name: str) -> list[str]:
        """Return all values of a header."""
        return [value for each, value in self.headers if each == name]

    def value(self, name: str) -> str:
        """Return the first value of a header; empty when there is none."""
        return next(iter(self.values(name)), "")

    @property
    def is_for_this_machine(self) -> bool:
        """Whether `Host` is a name of this machine.

        With any port: that of a tunnel or of a proxy on this machine is another than the server's.
        """
        hosts = self.values("host")
        return len(hosts) == 1 and _HOST.fullmatch(hosts[0]) is not None

    @property
    def bucket(self) -> str | None:
        """The bucket that `Host` names; None when it names none."""
        hosts = self.values("host")
        match = _BUCKET_HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        return match[1] if match else None
