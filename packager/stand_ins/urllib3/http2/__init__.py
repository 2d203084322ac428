"""Stand-in for the switch to HTTP/2, which needs a library of its own; `probe` is urllib3's own."""

import stand_in

from . import probe as probe  # type: ignore[attr-defined] # is not here

__getattr__ = stand_in.refuse(__name__)
