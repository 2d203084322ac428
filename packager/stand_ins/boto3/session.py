"""Stand-in for boto3's sessions, which the support library would make of an event's credentials."""

import stand_in

__getattr__ = stand_in.refuse(__name__)


class Session(stand_in.Unusable):
    """In the place of the class in the library's annotations."""
