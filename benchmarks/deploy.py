"""How long the commands of the sandbox take, from their start to their end.

`python -m benchmarks.deploy` prints a table. In each round a sandbox is started, with the settings that it
comes with, and a stack of examples/registered-version.yaml is created, approved in place and given a new
version, by `python -m sandbox deploy` as it comes as well. With `--against REF` a second build is measured in
the same run, command by command in turn: that commit of this repository, with the same interpreter and the
same libraries.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import MeasurementError
from benchmarks.packages import check_out
from packager.build import PackageError
from packager.project import ROOT
from sandbox.shared.processes import Child, SandboxError, clean_environment, engine_python

TEMPLATE = "examples/registered-version.yaml"
START = "start, until it is ready"
# What runs a stack through its life, in this order; the first deployment of a sandbox meets cold handlers.
COMMANDS = {
    "deploy: the first stack of a sandbox": ("deploy", TEMPLATE, "--stack", "first"),
    "deploy: a stack of one version": (
        *("deploy", TEMPLATE, "--stack", "fraud", "--parameters", "GroupName=fraud"),
    ),
    "deploy: approved in place": (
        *("deploy", TEMPLATE, "--stack", "fraud", "--parameters", "ApprovalStatus=Approved"),
    ),
    "deploy: replaced by a new version": (
        *("deploy", TEMPLATE, "--stack", "fraud", "--parameters", "ModelDataUrl=s3://models/2/model.tar.gz"),
    ),
    "deploy: nothing to change": ("deploy", TEMPLATE, "--stack", "fraud"),
    "deploy --plan": ("deploy", TEMPLATE, "--stack", "fraud", "--plan"),
    "status": ("status",),
    "drift": ("drift", "fraud"),
    "delete": ("delete", "fraud"),
    "--help": ("--help",),
}
_HERE = "this build"


@dataclass(frozen=True)
class Build:
    """The folder of a commit, with the name of its column."""

    name: str
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of its processes, whose handlers are its own and not the installed ones."""
        engine = str(engine_python())
        return clean_environment(PYTHONPATH=str(self.root / "src"), SANDBOX_ENGINE_PYTHON=engine)

    def compile(self) -> None:
        """Write the bytecode, which the first start would write otherwise."""
        folders = [str(self.root / name) for name in ("editors", "sandbox", "src")]
        subprocess.run([sys.executable, "-m", "compileall", "-q", *folders], check=True)  # noqa: S603


@dataclass(frozen=True)
class Times:
    """How long one command took, and the processor time of its own process, in milliseconds."""

    wall_ms: float
    processor_ms: float


def main(arguments: list[str] | None = None) -> int:
    """Measure and print the table; the exit code is 1 when a command fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deploy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="measurements of each command (10)")
    parser.add_argument("--against", metavar="REF", help="a commit that is measured in the same run")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-deploy-") as folder:
            builds = [Build(_HERE, ROOT)]
            if options.against:
                other = Path(folder) / "other"
                check_out(other, options.against)
                builds.insert(0, Build(options.against, other))
            print(table(measure(builds, options.rounds), options.rounds))
    except (MeasurementError, PackageError, SandboxError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def measure(builds: Sequence[Build], rounds: int) -> dict[str, dict[str, list[Times]]]:
    """The times of each command, by its row and by the build's name.

    Raises:
        MeasurementError: A command failed.
        SandboxError: A sandbox did not start.
    """
    times: dict[str, dict[str, list[Times]]] = {
        row: {build.name: [] for build in builds} for row in (START, *COMMANDS)
    }
    for build in builds:
        build.compile()
    for number in range(rounds):
        # Whatever the first of a pair does to the second one, it does to each in every other round.
        turn = builds if number % 2 else builds[::-1]
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-deploy-")))
            for build in turn:
                child = _sandbox(build, folder)
                stack.callback(child.stop)
                begun = time.perf_counter()
                child.start()
                times[START][build.name].append(Times((time.perf_counter() - begun) * 1000, float("nan")))
            for row, command in COMMANDS.items():
                for build in turn:
                    times[row][build.name].append(_run(build, command, _state(folder, build)))
    return times


def table(times: dict[str, dict[str, list[Times]]], rounds: int) -> str:
    """The medians in Markdown, with the least and the most."""
    names = list(next(iter(times.values())))
    head = [""]
    for name in names:
        head += [f"{name}, ms", "of a processor, ms"]
    lines = [" | ".join(head), " | ".join(["---"] * len(head))]
    for row, by_build in times.items():
        cells = [row]
        for name in names:
            cells.append(_spread([each.wall_ms for each in by_build[name]]))
            cells.append("" if row == START else _spread([each.processor_ms for each in by_build[name]]))
        lines.append(" | ".join(cells))
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    title = f"medians of {rounds} rounds (least to most); load of the machine at the end: {load}"
    return "\n".join([title, "", *(f"| {line} |" for line in lines)])


def _state(folder: Path, build: Build) -> Path:
    return folder / f"{build.root.name}.json"


def _sandbox(build: Build, folder: Path) -> Child:
    command = [sys.executable, "-m", "sandbox", "start", "--json", "--state", str(_state(folder, build))]
    log = folder / f"{build.root.name}.log"
    return Child("sandbox", command, env=build.environment, cwd=build.root, log=log)


def _run(build: Build, command: Sequence[str], state: Path) -> Times:
    options = [] if command[0].startswith("-") else ["--state", str(state)]
    whole = [sys.executable, "-m", "sandbox", *command, *options]
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own program
            whole,
            cwd=build.root,
            env=build.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_ms = (time.perf_counter() - begun) * 1000
        process.returncode = os.waitstatus_to_exitcode(status)  # it is no longer there to be waited for
        if process.returncode:
            output.seek(0)
            text = output.read().decode(errors="replace")
            end = f"{' '.join(command)} of {build.name} ended with {process.returncode}"
            raise MeasurementError(f"{end}:\n{text}")
    return Times(wall_ms, (usage.ru_utime + usage.ru_stime) * 1000)


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


if __name__ == "__main__":
    sys.exit(main())
