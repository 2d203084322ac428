"""Stand-in for the generator of botocore's documentation; `utils` is botocore's own."""

import stand_in

__getattr__ = stand_in.refuse(__name__)
