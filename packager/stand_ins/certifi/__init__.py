"""Stand-in for certifi's code, beside its certificates: where they are, without support for archives."""

import os

import stand_in

__getattr__ = stand_in.refuse(__name__)


def where() -> str:
    """The path of the certificates."""
    return os.path.join(os.path.dirname(__file__), "cacert.pem")
