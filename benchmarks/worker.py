"""The process of one package: loads it and answers events, one JSON line each.

Run by path, not as a module: only the package is on its path. For each line on stdin it prints one on stdout:
the answer, the seconds it took, those of a processor in all threads, and the process's peak and resident
memory in kB.
"""

import importlib
import json
import sys
import time


def memory() -> dict[str, int]:
    """Peak and current resident memory in kB, as the kernel counts them."""
    with open("/proc/self/status", encoding="ascii") as status:
        values = dict(line.split(":", 1) for line in status)
    return {"peak_kb": int(values["VmHWM"].split()[0]), "resident_kb": int(values["VmRSS"].split()[0])}


def main() -> None:
    """Load the entry point in the first argument, print an empty object, and answer until stdin ends."""
    module, _, attribute = sys.argv[1].rpartition(".")
    entry = getattr(importlib.import_module(module), attribute)
    out = sys.stdout
    # The support library prints failures, which belong into the log.
    sys.stdout = sys.stderr
    print("{}", file=out, flush=True)
    for line in sys.stdin:
        event = json.loads(line)
        started, processor_started = time.perf_counter(), time.process_time()
        answer = entry(event, None)
        processor_seconds = time.process_time() - processor_started
        seconds = time.perf_counter() - started
        measured = {"answer": answer, "seconds": seconds, "processor_seconds": processor_seconds, **memory()}
        print(json.dumps(measured), file=out, flush=True)


main()
