"""The exit codes of the sandbox's commands; `commands/errors.py` has the text about them."""

DONE = 0
FAILED = 1
USAGE = 2
NO_SANDBOX = 3
TIMED_OUT = 4
DRIFT = 5
INTERRUPTED = 130
