"""The sandbox's web page: what is there and what happens, as it happens."""

from .server import PageServer

__all__ = ["PageServer"]
