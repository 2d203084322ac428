"""Every pause, limit and number of attempts of the handlers, in one table.

A stack waits in three ways: between two invocations, as long as the service's progress takes; in an
invocation, for which CloudFormation allows 30 seconds; and in a call, for its attempts.
"""

from __future__ import annotations

# --- between two invocations ------------------------------------------------------------------------

# Seconds before the first look; doubled for each further one. Most packages need no second look.
FIRST_DELAY = 1
# Seconds; a marketplace validation runs for hours, a look a minute is soon enough.
LONGEST_DELAY = 60
# Failed looks in a row, the last of which is the answer: after a quarter of a minute at the beginning, after
# four minutes late in a long wait.
FAILING_LOOKS = 5
# Seconds of delays during which an ARN that Create returned may be unknown to Describe (read after write).
LONGEST_UNKNOWN = 60
# Seconds of delays after which a delete that was accepted but shows no effect is given up.
LONGEST_IGNORED_DELETE = 60
# Seconds that create, update and delete may take: `timeoutInMinutes` of their handlers in the schema.
LONGEST_OPERATION = 2160 * 60
# Seconds of those that are kept for the last invocation and its way back, so that a package which never gets
# ready ends with our words, and what a create leaves behind is deleted.
LAST_LOOK = 120

# --- one invocation ---------------------------------------------------------------------------------

# Seconds. CloudFormation waits 30 for the quickest actions (contract for handlers); here none takes longer.
# The rest is for the way back.
LONGEST_INVOCATION = 28.0
# Seconds of what the Lambda context says is left that are kept for the answer itself.
RESERVE = 1.0
# Seconds after the deadline that the last logs and metrics may take, out of what is kept.
LAST_WORDS = 0.5

# --- one call to SageMaker --------------------------------------------------------------------------

# Attempts, the first included: a passing disturbance is ridden out, a lasting one is reported soon.
ATTEMPTS = 4
# Seconds one attempt may take in an invocation of LONGEST_INVOCATION: three attempts that hang, and the
# pauses between them, still fit. With less time left, all of it shrinks alike.
CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
# Seconds botocore may pause before another attempt.
PAUSE_SECONDS = 4.0
# Seconds that a throttled call pauses at the most before its second attempt, then twice that, and half of it
# at the least. Botocore's own pauses begin at nothing: many stacks would make half as many calls again.
THROTTLED_SECONDS = 2.0
# An attempt that is given less than this fails on a healthy network, too.
LEAST_SECONDS = 0.1

# --- logs and metrics, beside the handler -----------------------------------------------------------

# Seconds that an answer waits for those that are still on their way.
LONGEST_TELEMETRY = 2.0
# They are worth a second attempt, and no more of the time of somebody who waits for a stack.
TELEMETRY_ATTEMPTS = 2
TELEMETRY_CONNECT_SECONDS = 1.0
TELEMETRY_READ_SECONDS = 2.0


def delay(looks: int) -> int:
    """Seconds to wait after so many looks: 1, 2, 4 ... 60."""
    # Past six doublings the cap holds, and 2 ** thousands would be a very long number.
    return min(LONGEST_DELAY, int(FIRST_DELAY * 2 ** min(looks, 6)))
