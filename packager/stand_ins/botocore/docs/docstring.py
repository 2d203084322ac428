"""Stand-in for the documentation of clients, waiters and paginators: one sentence for all of them."""

from typing import Any, Self

import stand_in

__getattr__ = stand_in.refuse(__name__)


class ClientMethodDocstring(str):
    """The docstring of an operation, whatever it is made of."""

    __slots__ = ()

    def __new__(cls, *_arguments: Any, **_more: Any) -> Self:
        """Return the sentence."""
        return super().__new__(cls, "The documentation of operations is not in this package (a stand-in is).")


WaiterDocstring = PaginatorDocstring = ClientMethodDocstring
