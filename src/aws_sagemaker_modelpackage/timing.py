"""Every delay, deadline and number of attempts of the handlers, in one table.

A stack waits in three ways: between two invocations, for as long as SageMaker works; in an invocation, which
CloudFormation gives 30 seconds; and in a call, for its attempts.
"""

from __future__ import annotations

# --- between two invocations ------------------------------------------------------------------------

# Before the second poll; doubled for each further one. Most packages are ready by then.
FIRST_DELAY_SECONDS = 1
# A marketplace validation runs for hours, for which a poll a minute is soon enough.
MAX_DELAY_SECONDS = 60
# Failed polls in a row, the last of which is the answer: after a quarter of a minute at the beginning, after
# four minutes late in a long wait.
MAX_FAILED_POLLS = 5
# Delays during which Describe may not know an ARN that Create returned (read after write).
MAX_UNKNOWN_ARN_SECONDS = 60
# A package that a create's own ClientToken brings back may be older than the operation by so much: an event
# whose answer was lost comes again within minutes.
MAX_TOKEN_AGE_SECONDS = 300
# So much before the operation a package may seem to be made that its own create has made.
MAX_CLOCK_SKEW_SECONDS = 1
# Delays after which a delete that was accepted and shows no effect is given up.
MAX_IGNORED_DELETE_SECONDS = 60
# What create, update and delete may take: `timeoutInMinutes` of their handlers in the schema.
MAX_OPERATION_SECONDS = 2160 * 60
# Kept of those for the last invocation and its answer, so that a package which never gets ready ends with
# a message of the handlers, and what a create leaves behind is deleted.
FINAL_POLL_SECONDS = 120

# --- one invocation ---------------------------------------------------------------------------------

# CloudFormation waits 30 for the quickest actions; here none takes longer. The rest is for the last logs and
# metrics and for the way back: the answer is given after 28 seconds.
# https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract.html
MAX_INVOCATION_SECONDS = 27.5
# Kept for the answer itself, of what the Lambda context says is left.
ANSWER_RESERVE_SECONDS = 1.0
# What the last logs and metrics may take after the deadline, out of that reserve where Lambda leaves less.
FINAL_TELEMETRY_SECONDS = 0.5

# --- one call to SageMaker --------------------------------------------------------------------------

# The first included: a passing disturbance is ridden out, a lasting one is reported soon.
MAX_ATTEMPTS = 4
# For one attempt in an invocation of MAX_INVOCATION_SECONDS: three attempts that hang, and the pauses between
# them, still fit. With less time left, all of it shrinks alike.
CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
# Before another attempt.
MAX_PAUSE_SECONDS = 4.0
# Before the second attempt of a throttled call at the most, then twice that, and half of it at the least.
# Botocore's own pauses begin at nothing: many stacks would make half as many calls again.
MAX_THROTTLED_PAUSE_SECONDS = 2.0
# A connect or read timeout below this fails on a healthy network, too.
MIN_TIMEOUT_SECONDS = 0.1

# --- between two invocations of one process -------------------------------------------------------------

# A connection that was idle for longer is not used again. Polls of an operation come within a minute, and a
# NAT gateway forgets a connection after 350 seconds without a word to either side:
# https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
MAX_IDLE_SECONDS = 120.0

# --- logs and metrics, beside the handler -----------------------------------------------------------

# The answer waits so long for those that are still on their way.
MAX_TELEMETRY_SECONDS = 2.0
# They are worth a second attempt, and no more of a stack's time.
MAX_TELEMETRY_ATTEMPTS = 2
TELEMETRY_CONNECT_SECONDS = 1.0
TELEMETRY_READ_SECONDS = 2.0


def delay_seconds(polls: int) -> int:
    """The delay after so many polls: 1, 2, 4 ... 60 seconds."""
    # Past six doublings the cap holds, and 2 ** thousands would be a very long number.
    return min(MAX_DELAY_SECONDS, int(FIRST_DELAY_SECONDS * 2 ** min(polls, 6)))
