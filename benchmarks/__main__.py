"""What an invocation costs and what is shipped, beside a provider as the CLI's template generates it.

`python -m benchmarks`, which is `make bench`, prints a table and writes it as JSON. The CLI's template is the
provider in `cli_template/`, packaged by `cfn submit --dry-run`; the floor is the bare HTTP round trips. All
are measured in one run, in turn, each in processes of its own, from unzipped packages. Needs Linux, whose
kernel counts the memory.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import measure, packages, report
from packager import interpreter
from packager.build import PackageError
from packager.project import ROOT
from sandbox.shared.processes import SandboxError

TARGET = ROOT / "build" / "bench.json"


def main(arguments: list[str] | None = None) -> int:
    """Measure everything, print the table, write the JSON; the exit code is 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="measurements of each figure (20)")
    parser.add_argument("--json", type=Path, default=TARGET, help="where to write the figures")
    options = parser.parse_args(arguments)
    python = interpreter.find()
    if python is None:
        print(f"warning: {interpreter.missing()}. Measured without bytecode", file=sys.stderr)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            sides = packages.make(Path(folder), python)
            figures = measure.all_figures(sides, python or Path(sys.executable), options.rounds)
    except (PackageError, SandboxError, measure.MeasurementError) as problem:
        print(problem, file=sys.stderr)
        return 1
    result: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(python or Path(sys.executable)),
        "rounds": options.rounds,
        "figures": figures,
        "ratios": report.ratios(figures),
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(report.table(result))
    missed = report.missed(result["ratios"])
    if missed:
        print(f"missed: {'; '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


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
