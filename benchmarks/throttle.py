"""A share of a processor for a child process, without root: stopped and continued, as its quota is used up.

Lambda gives a function of 256 MB a seventh of a processor by the kernel's CFS bandwidth control: in each
period of 20 ms its threads run until they have used their quota, and stand still until the next period. That
needs a cgroup, and so root, or a systemd that delegates one. Here the parent does the same by SIGSTOP and
SIGCONT, which every user may send to its children. What the process has used it reads from the kernel's clock
of the process, exact to the nanosecond because the process stands still meanwhile; what was too much in one
period is missing in the next ones, so the share is kept however late a signal is.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html: a processor for 1,769 MB.
https://docs.kernel.org/scheduler/sched-bwc.html
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PERIOD_SECONDS = 0.02
MB_OF_A_PROCESSOR = 1769
SHARE = 256 / MB_OF_A_PROCESSOR
# Runs until it has used so much of a processor, and prints which share it got meanwhile.
LOOP = """
import time
started, processor_started = time.perf_counter(), time.process_time()
while time.process_time() - processor_started < 0.3:
    pass
print((time.process_time() - processor_started) / (time.perf_counter() - started))
"""
# A shorter run is not worth two signals.
MIN_RUN_SECONDS = 0.0002


class Throttle:
    """Lets a child run for a share of each period; `pauses` counts those for which it stood still."""

    def __init__(self, process: subprocess.Popen[str], share: float, *, started: bool) -> None:
        self.pauses = 0
        self._quota = share * PERIOD_SECONDS
        # Nothing else is saved for later, as without a burst.
        self._max_credit = max(self._quota, MIN_RUN_SECONDS)
        self._descriptor = os.pidfd_open(process.pid)
        # As clock_getcpuclockid(3) makes it: the processor time of all of the process's threads.
        self._clock = (~process.pid << 3) | 2
        self._used = time.clock_gettime(self._clock) if started else 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="throttle", daemon=True)

    def start(self) -> None:
        """Begin, with a whole quota."""
        self._thread.start()

    def close(self) -> None:
        """Let the process run freely again."""
        self._over.set()
        self._thread.join()
        self._signal(signal.SIGCONT)
        os.close(self._descriptor)

    def _run(self) -> None:
        credit, used, period_end = self._quota, self._used, time.monotonic() + PERIOD_SECONDS
        while not self._over.is_set():
            self._over.wait(min(max(credit, MIN_RUN_SECONDS), max(0.0, period_end - time.monotonic())))
            if not self._stop():
                return
            now_used = time.clock_gettime(self._clock)
            credit, used = credit - (now_used - used), now_used
            if credit < MIN_RUN_SECONDS:
                self.pauses += 1
                while credit < MIN_RUN_SECONDS and not self._over.is_set():
                    self._over.wait(max(0.0, period_end - time.monotonic()))
                    period_end += PERIOD_SECONDS
                    credit = min(self._max_credit, credit + self._quota)
            elif time.monotonic() >= period_end:
                period_end = time.monotonic() + PERIOD_SECONDS
                credit = min(self._max_credit, credit + self._quota)
            self._signal(signal.SIGCONT)

    def _stop(self) -> bool:
        """Stop the process and wait until all of its threads stand still; False when it has ended."""
        if not self._signal(signal.SIGSTOP):
            return False
        with suppress(ChildProcessError):
            options = os.WSTOPPED | os.WEXITED | os.WNOWAIT
            state = os.waitid(os.P_PIDFD, self._descriptor, options)
            return state is not None and state.si_code == os.CLD_STOPPED
        return False

    def _signal(self, number: signal.Signals) -> bool:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, number)
            return True
        return False


@contextmanager
def throttled(
    process: subprocess.Popen[str], share: float | None, *, started: bool = False
) -> Iterator[Throttle | None]:
    """Give a child process a share of a processor, until the end of the block or its own; None is all of it.

    Of a process that has not started before the block, what it has used until now counts.
    """
    if share is None:
        yield None
        return
    throttle = Throttle(process, share, started=started)
    throttle.start()
    try:
        yield throttle
    finally:
        throttle.close()


def measure_share(python: Path, share: float) -> float:
    """The share of a processor that a busy process really gets when it is throttled to this one."""
    command = [str(python), "-c", LOOP]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,  # noqa: S603
        throttled(process, share),
    ):
        return float(process.communicate()[0])
