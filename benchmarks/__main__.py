"""What an invocation costs and what is shipped, beside a provider as the CLI's template generates it.

`python -m benchmarks`, which is `make bench`, prints tables and writes the figures as JSON. The CLI's
template is the provider in `cli_template/`, packaged by `cfn submit --dry-run`; the floor is the bare round
trips on an open connection. With `--against COMMIT` the package of that commit is a side of its own. All are
measured in one run, in turn, each in processes of its own, from unzipped packages. Needs Linux, whose kernel
counts memory and the processor time of other processes.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import cold, figures, goals, memory, packages, report, throttle, warm
from benchmarks.certificates import Certificates, TrustStoreError
from benchmarks.measure import MeasurementError, Run, stub_aws
from packager import interpreter
from packager.build import PackageError
from packager.project import ROOT
from sandbox.shared.processes import SandboxError

TARGET = ROOT / "build" / "bench.json"
WARM, SEVENTH, COLD, MEMORY, SIZE = "warm", "seventh", "cold", "memory", "size"
SECTIONS = (WARM, SEVENTH, COLD, MEMORY, SIZE)
# Of a process at a seventh of a processor every start takes seconds, and peaks hardly differ: fewer rounds.
SLOW_ROUNDS = 3


def main(arguments: list[str] | None = None) -> int:
    """Measure everything, print the tables, write the JSON; the exit code is 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="measurements of each figure (20)")
    parser.add_argument("--json", type=Path, default=TARGET, help="where to write the figures")
    parser.add_argument("--against", metavar="COMMIT", help="measure the package of this commit as well")
    parser.add_argument("--only", choices=SECTIONS, action="append", help="measure this; may be repeated")
    options = parser.parse_args(arguments)
    python = interpreter.find()
    if python is None:
        print(f"warning: {interpreter.missing()}. Measured without bytecode", file=sys.stderr)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            certificates = Certificates.make(folder)
            sides = packages.make(folder, python, certificates, options.against)
            measured = measure(
                sides, python or Path(sys.executable), certificates, options.rounds, options.only or SECTIONS
            )
    except (PackageError, TrustStoreError, SandboxError, MeasurementError) as problem:
        print(problem, file=sys.stderr)
        return 1
    judged = goals.judge(measured)
    result: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(python or Path(sys.executable)),
        "rounds": options.rounds,
        "against": options.against,
        "figures": measured,
        "ratios": {each.name: {**each.figure, "goal": each.goal, "verdict": each.verdict} for each in judged},
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(report.tables(result, judged))
    missed = [each.name for each in judged if each.verdict == goals.MISSED]
    if missed:
        print(f"missed: {'; '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def measure(
    sides: Mapping[str, packages.Side],
    python: Path,
    certificates: Certificates,
    rounds: int,
    sections: Collection[str],
) -> dict[str, Any]:
    """The figures of these sections, by what is measured and then by side.

    Raises:
        MeasurementError: A package does not load, or an action does not succeed.
        SandboxError: The stub does not start, or there is no runtime client.
    """

    def begins(section: str) -> bool:
        if section in sections:
            print(f"measuring: {section}", file=sys.stderr)
        return section in sections

    measured: dict[str, Any] = {}
    with stub_aws() as plain, stub_aws(certificates) as secured:
        http, tls = Run(python, plain, rounds), Run(python, secured, rounds)
        few = min(rounds, SLOW_ROUNDS)
        # Without bytecode only the cold start differs.
        compared = {name: side for name, side in sides.items() if name != figures.BARE}
        if begins(WARM):
            measured |= {figures.HTTP: warm.warm(compared, http), figures.TLS: warm.warm(compared, tls)}
        if begins(SEVENTH):
            slow = replace(tls, share=throttle.SHARE)
            measured[figures.SEVENTH] = {
                "share": throttle.measure_share(python, throttle.SHARE),
                **warm.warm(compared, slow, ["READ"]),
                figures.COLD: cold.cold_start(compared, replace(slow, rounds=few)),
            }
        if begins(COLD):
            measured[figures.COLD] = cold.cold_start(sides, tls)
        if begins(MEMORY):
            measured[figures.MEMORY] = memory.peak_memory(compared, replace(tls, rounds=few))
            measured[figures.LIST] = memory.long_list(compared, http)
    if begins(SIZE):
        measured[figures.PACKAGE] = {
            name: {
                figures.ZIP: figures.spread([side.zip_bytes]),
                figures.FILES: figures.spread([side.files]),
            }
            for name, side in sides.items()
        }
    return measured


def machine(python: Path) -> str:
    """Processors, operating system and the version of this Python."""
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = f"{len(models)} x {models[0]}" if models else platform.processor() or platform.machine()
    return f"{processor}, {platform.system()}, {version.stdout.strip()}"


if __name__ == "__main__":
    sys.exit(main())
