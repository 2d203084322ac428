"""cfn-lint as a command, for tests."""

from __future__ import annotations

import atexit
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from sandbox.shared.processes import clean_environment

LINTER = Path(sys.executable).with_name("cfn-lint")
# What the command runs.
MAIN = "from cfnlint.runner import main; main()"
# Runs the command for each line of its input, in forks of a process that has imported cfn-lint: to import it
# takes as long as to lint a few templates.
FORKS = """
import json, os, runpy, sys
import cfnlint.runner
for line in sys.stdin:
    folder, files, sys.argv, variables = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(variables)
        for descriptor, file in enumerate((os.devnull, *files)):
            os.dup2(os.open(file, os.O_RDWR), descriptor)
        runpy.run_path(sys.argv[0], run_name="__main__")
        sys.exit()
    print(os.waitpid(child, 0)[1], flush=True)
"""


def lint(
    folder: Path,
    *arguments: str | Path,
    command: Sequence[str | Path] = (),
    packages: Path | None = None,
) -> dict[str, list[str]]:
    """Run cfn-lint in a folder: `ID message` of all matches, by the template's name without its suffix.

    Another `command`, or the one with no packages but those of `link_cfn_lint_alone`, has a process of
    its own.
    """
    variables = {}
    if packages:
        command, variables = (sys.executable, "-S", "-c", MAIN), {"PYTHONPATH": str(packages)}
    run = _run if command else _fork
    output, errors = run(
        [*map(str, command or (LINTER,)), "--format", "json", *map(str, arguments)],
        folder,
        clean_environment(**variables),
    )
    assert errors == "", errors
    matches: dict[str, list[str]] = {}
    for each in json.loads(output):
        match = f"{each['Rule']['Id']} {each['Message']}"
        matches.setdefault(Path(each["Filename"]).stem, []).append(match)
    return matches


def _run(command: list[str], folder: Path, variables: dict[str, str]) -> tuple[str, str]:
    """The output and the errors of a command, in a process of its own."""
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout, done.stderr


def _fork(command: list[str], folder: Path, variables: dict[str, str]) -> tuple[str, str]:
    """The same of the command of this environment, in a fork."""
    with tempfile.NamedTemporaryFile() as output, tempfile.NamedTemporaryFile() as errors:
        request = json.dumps([str(folder), [output.name, errors.name], command, variables])
        stdin, stdout = _forks().stdin, _forks().stdout
        assert stdin
        assert stdout
        stdin.write(f"{request}\n")
        stdin.flush()
        assert stdout.readline(), "the process that forks has ended"
        return output.read().decode(), errors.read().decode()


@cache
def _forks() -> subprocess.Popen[str]:
    """The process that forks, started once; it ends with this one."""
    process = subprocess.Popen(  # noqa: S603
        # Imports nothing of the current folder, as the command.
        [sys.executable, "-P", "-c", FORKS],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(process.communicate)
    return process


def link_cfn_lint_alone(folder: Path) -> Path:
    """Make a folder with cfn-lint and what it requires: what pip installs in an empty environment."""
    folder.mkdir()
    names, left = set[str](), ["cfn-lint"]
    while left:
        name = left.pop()
        if name in names:
            continue
        names.add(name)
        found = distribution(name)
        for file in found.files or ():
            if file.parts[0] not in ("..", "__pycache__") and not (folder / file.parts[0]).exists():
                (folder / file.parts[0]).symlink_to(str(found.locate_file(file.parts[0])))
        required = [each for each in found.requires or () if ";" not in each]
        left += [match[0] for each in required if (match := re.match(r"[\w.-]+", each))]
    return folder
