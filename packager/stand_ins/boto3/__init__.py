"""Stand-in for boto3, of which the support library imports sessions: the handlers use botocore alone."""

import stand_in

__getattr__ = stand_in.refuse(__name__)
