"""What the README says that can be checked without the sandbox; tests/stack has its template and examples."""

from __future__ import annotations

import re

from packager.project import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
# One screen and what the eye still takes in below it; whatever is longer belongs in a guide.
MOST_LINES = 90


def table(*header: str) -> list[list[str]]:
    """The cells of the table with this header."""
    lines = README.split(f"| {' | '.join(header)} |\n", 1)[1].split("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= MOST_LINES, "README.md: move something to a guide"


def test_guide_table_has_every_guide() -> None:
    listed = [re.findall(r"\]\(guides/(\S+\.md)\)", guide) for guide, _ in table("guide", "for")]
    guides = sorted([path.name] for path in (ROOT / "guides").glob("*.md"))
    assert sorted(listed) == guides, "README.md: the table of guides has a row for each file of guides/"


def test_readme_names_existing_make_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.* ## ", makefile, re.MULTILINE))
    listed = set(re.findall(r"(?:^|`)make ([a-z-]+[a-z_]*)", README, re.MULTILINE))
    assert {each for each in listed if not each.startswith("torture-")} <= targets
    assert {"demo", "test"} <= listed


def test_guarantee_table_has_every_part_of_torture() -> None:
    listed = [
        command
        for _, shown in table("under fault", "shown by")
        for command in re.findall("`(make .+?)`", shown)
    ]
    # One part of the torture has the name of its tests.
    parts = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "torture").glob("test_*.py")}
    assert set(listed) - {"make unit"} == {f"make torture-{each}" for each in parts}, (
        "README.md: the table of faults names each part of tests/torture"
    )
