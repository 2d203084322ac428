"""Stand-in for the adapters of requests."""

import stand_in

__getattr__ = stand_in.refuse(__name__)


class HTTPAdapter(stand_in.Unusable):
    """In the place of the class that the support library imports for hooks."""
