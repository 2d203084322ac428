"""The sandbox's web page: what is there and what happens, as it happens."""

from .details import SandboxDetails
from .server import PageServer

__all__ = ["PageServer", "SandboxDetails"]
