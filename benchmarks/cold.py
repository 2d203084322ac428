"""Cold starts: from the start of a process to the end of its first READ."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.figures import INTERPRETER, LIBRARY, OURS, PEAK, PROCESSOR, WALL, spread
from benchmarks.measure import Json, Run, first_invocation, time_program
from benchmarks.packages import Side

FIRST_READ = """
import importlib, json, os
entry = importlib.import_module(os.environ["MODULE"]).resource
assert entry(json.loads(os.environ["EVENT"]), None)["status"] == "SUCCESS"
"""
# By the process itself: the parent's count of memory begins with the parent's own.
PRINT_COST = """
import time
for line in open("/proc/self/status", encoding="ascii"):
    if line.startswith("VmHWM"):
        print(time.process_time(), int(line.split()[1]), flush=True)
"""


def cold_start(sides: Mapping[str, Side], run: Run) -> Json:
    """By side: the wall time, processor time and peak memory of a process until its first READ has ended.

    Without a share of a processor also those of the library's import and of the interpreter alone.

    Raises:
        MeasurementError: A package does not load, or its READ does not succeed.
    """
    programs = {name: (side, FIRST_READ) for name, side in sides.items()}
    if run.share is None:
        # With botocore's session, which boto3's stand-in does not import as boto3 itself does.
        programs[LIBRARY] = (sides[OURS], "import botocore.session, cloudformation_cli_python_lib")
        programs[INTERPRETER] = (sides[OURS], "")
    samples: dict[str, dict[str, list[float]]] = {
        name: {WALL: [], PROCESSOR: [], PEAK: []} for name in programs
    }
    for each, order in enumerate(run.order(programs)):
        for name, (side, code) in order:
            command = [str(run.python), "-S", "-c", code + PRINT_COST]
            output, seconds = time_program(command, first_invocation(side, run.stub.endpoint), run.share)
            processor_seconds, peak_kb = output.split()
            if each:  # the first round warms up
                samples[name][WALL].append(seconds * 1000)
                samples[name][PROCESSOR].append(float(processor_seconds) * 1000)
                samples[name][PEAK].append(int(peak_kb) / 1024)
    return {name: {key: spread(values) for key, values in each.items()} for name, each in samples.items()}
