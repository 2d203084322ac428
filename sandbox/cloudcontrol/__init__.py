"""The Cloud Control API on this machine, for registered types whose handlers run behind the Invoke API.

Where the service's documentation is silent, messages and codes are those that were recorded at the real one
[R], or that its users have reported; `failures.py` has most of them.
"""
