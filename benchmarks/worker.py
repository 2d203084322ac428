"""One side of a measurement: a process that has loaded one handler package and answers what it is sent.

Run by path, not as a module: nothing but the package is on its path. One event a line on stdin; on stdout,
a line for each: the answer, the seconds it took, and the process's peak and present memory in kB.
"""

import importlib
import json
import sys
import time


def memory() -> dict[str, int]:
    """Peak and present resident memory in kB, as the kernel counts them."""
    with open("/proc/self/status", encoding="ascii") as status:
        found = dict(line.split(":", 1) for line in status)
    return {"peak": int(found["VmHWM"].split()[0]), "now": int(found["VmRSS"].split()[0])}


def main() -> None:
    """Load the entry point that the first argument names, say so, and answer until stdin ends."""
    module, _, attribute = sys.argv[1].rpartition(".")
    entry = getattr(importlib.import_module(module), attribute)
    out = sys.stdout
    # The support library prints failures: they belong to the log.
    sys.stdout = sys.stderr
    print("{}", file=out, flush=True)
    for line in sys.stdin:
        event = json.loads(line)
        started = time.perf_counter()
        answer = entry(event, None)
        seconds = time.perf_counter() - started
        print(json.dumps({"answer": answer, "seconds": seconds, **memory()}), file=out, flush=True)


main()
