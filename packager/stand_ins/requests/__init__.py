"""Stand-in for requests, with which the support library fetches the targets of hooks: this type is none."""

import stand_in

__getattr__ = stand_in.refuse(__name__)
