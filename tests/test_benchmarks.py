"""The benchmark: its measurements, its ratios and goals, and the table in the guide."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import deploy, measure, report
from benchmarks.measure import BARE, FLOOR, INTERPRETER, LIBRARY, OURS, TEMPLATE
from benchmarks.packages import TEMPLATE_SOURCES, TEMPLATE_TYPE, Side
from packager.project import OURS as OUR_TYPE
from packager.project import PACKAGE, ROOT

PYTHON = Path(sys.executable)


@pytest.fixture(scope="module")
def stub() -> Iterator[measure.StubAws]:
    with measure.stub_aws() as server:
        yield server


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Side]:
    """Ours and the CLI's template, each beside everything that this environment has installed."""
    installed = next(Path(each) for each in sys.path if each.endswith("site-packages"))
    made = {}
    for name, source, type_name in ((OURS, PACKAGE, OUR_TYPE), (TEMPLATE, TEMPLATE_SOURCES, TEMPLATE_TYPE)):
        folder = tmp_path_factory.mktemp("side")
        for path in installed.iterdir():
            (folder / path.name).symlink_to(path)
        package = folder / type_name.package
        package.mkdir()
        for path in source.iterdir():
            if path.name != "__pycache__":
                (package / path.name).symlink_to(path)
        if name == TEMPLATE:
            (package / "models.py").symlink_to(PACKAGE / "models.py")
        made[name] = Side(folder, f"{type_name.package}.handlers.resource", type_name.name, 1000, 10)
    made[BARE] = made[OURS]
    return made


def test_warm_overhead_of_sides_that_make_the_same_calls(
    sides: dict[str, Side], stub: measure.StubAws
) -> None:
    figures = measure.warm_overhead(sides, PYTHON, stub, rounds=2)
    calls = {action: figures[action][OURS]["calls"] for action in measure.ACTIONS}
    assert calls == {
        "CREATE": ["CreateModelPackage", "DescribeModelPackage"],
        "READ": ["DescribeModelPackage"],
        "UPDATE": ["DescribeModelPackage", "UpdateModelPackage", "DescribeModelPackage"],
        "DELETE": ["DescribeModelPackage", "DeleteModelPackage", "DescribeModelPackage"],
        "LIST": ["ListModelPackages"],
    }
    assert calls == {action: figures[action][TEMPLATE]["calls"] for action in measure.ACTIONS}
    logged = figures[measure.LOGGED]
    assert [call for call in logged[OURS]["calls"] if call == "PutMetricData"]
    assert "PutLogEvents" in logged[OURS]["calls"]
    assert logged[TEMPLATE]["calls"] == ["PutMetricData", "DescribeModelPackage", "PutMetricData"]
    for action in (*measure.ACTIONS, measure.LOGGED):
        for side in (OURS, TEMPLATE, FLOOR):
            figure = figures[action][side]
            assert figure["min"] <= figure["median"] <= figure["max"]
        assert figures[action][FLOOR]["min"] > 0


def test_cold_start_of_package_library_and_interpreter(sides: dict[str, Side], stub: measure.StubAws) -> None:
    figures = measure.cold_start(sides, PYTHON, stub, rounds=1)
    assert figures.keys() == {*sides, LIBRARY, INTERPRETER}
    assert figures[INTERPRETER]["median"] < figures[LIBRARY]["median"]
    assert all(figure[measure.MEMORY] > 5 for figure in figures.values())


def test_long_list_has_all_packages_in_constant_memory(sides: dict[str, Side], stub: measure.StubAws) -> None:
    figures = measure.long_list({OURS: sides[OURS], TEMPLATE: sides[OURS]}, PYTHON, stub)
    assert (figures[OURS]["pages"], figures[OURS]["packages"]) == (100, 10_000)
    # Ninety pages are 1,900 KiB, none of which stays.
    assert figures[OURS][measure.GROWTH] < 1024


def test_worker_raises_when_an_action_fails(sides: dict[str, Side], stub: measure.StubAws) -> None:
    with measure.worker(sides[OURS], PYTHON, stub.endpoint) as process:
        broken = measure.event("CREATE", OUR_TYPE.name)
        broken["requestData"]["resourceProperties"] = {"NoSuchProperty": "x"}
        with pytest.raises(measure.MeasurementError, match="CREATE did not succeed"):
            process.invoke(broken)


def test_worker_raises_when_the_package_does_not_load(stub: measure.StubAws, tmp_path: Path) -> None:
    empty = Side(tmp_path, "nothing.handlers.resource", "Acme::Not::There", 0, 0)
    with (
        pytest.raises(measure.MeasurementError, match="No module named 'nothing'"),
        measure.worker(empty, PYTHON, stub.endpoint),
    ):
        pass


def result(**medians: float) -> dict[str, Any]:
    """A result with these medians, and the others within their goals."""

    def figure(value: float) -> dict[str, float]:
        return {"median": value, "min": value, "max": value, measure.MEMORY: 40.0}

    warm: dict[str, Any] = {
        action: {
            OURS: {**figure(medians.get("warm", 5.0)), "calls": ["DescribeModelPackage"]},
            TEMPLATE: {**figure(150.0), "calls": ["DescribeModelPackage"]},
            FLOOR: figure(1.0),
        }
        for action in (*measure.ACTIONS, measure.LOGGED)
    }
    warm[measure.MEMORY] = {OURS: figure(40), TEMPLATE: figure(80)}
    cold = {OURS: medians.get("cold", 120.0), BARE: 300.0, TEMPLATE: 350.0, LIBRARY: 100.0}
    package = {
        OURS: {measure.ZIP: int(medians.get("zip", 3_000_000)), "files": 600},
        BARE: {measure.ZIP: 1_200_000, "files": 330},
        TEMPLATE: {measure.ZIP: 28_700_000, "files": 2_670},
    }
    pages = {**figure(8), "pages": 100, "packages": 10_000, measure.GROWTH: 0}
    figures = {
        measure.WARM: warm,
        measure.COLD: {name: figure(value) for name, value in cold.items()},
        measure.PACKAGE: package,
        measure.LIST: {OURS: pages, TEMPLATE: {**pages, "packages": 100}},
    }
    return {
        "date": "2026-01-02",
        "machine": "here",
        "rounds": 1,
        "figures": figures,
        "ratios": report.ratios(figures),
    }


def test_goals_and_ratios_have_the_same_names() -> None:
    assert result()["ratios"].keys() == report.GOALS.keys()


def test_table_is_markdown_with_whole_rows() -> None:
    head, _, *rows = report.table(result()).splitlines()
    assert head == "2026-01-02, here; medians of 1 rounds (least to most)"
    assert {row.count("|") for row in rows} == {7}
    assert "missed" not in "".join(rows)
    assert any(row.startswith("| warm overhead of READ (1 call), ms | 5.0 (5.0 to 5.0) |") for row in rows)


@pytest.mark.parametrize(
    ("medians", "row"),
    [
        ({"warm": 10.0}, "| 15.0 | at least 20 (missed) |"),
        ({"cold": 200.0}, "| 2.00 | at most 1.35 (missed) |"),
        ({"cold": 200.0}, "| 1.8 | at least 2 (missed) |"),
        ({"zip": 4_000_000}, "| 7.2 | at least 8 (missed) |"),
    ],
)
def test_table_marks_a_missed_goal(medians: dict[str, float], row: str) -> None:
    slow = result(**medians)
    assert row in report.table(slow)
    assert report.missed(slow["ratios"])
    assert report.missed(result()["ratios"]) == []


def test_guide_has_the_table_with_no_goal_missed() -> None:
    guide = (ROOT / "guides" / "costs.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| (.+?) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", guide, re.MULTILINE)
    rows = [line.split(" | ") for line in report.table(result()).splitlines() if line.startswith("| ")]
    # But for the number of calls.
    expected_names = [re.sub(r" \(.*\)", "", name.removeprefix("| ")) for name, *_ in rows]
    assert ["", *(re.sub(r" \(.*\)", "", name) for name, *_ in shown)] == expected_names
    for name, ours, template, _, ratio, goal in shown:
        assert "missed" not in goal
        if name.startswith("warm overhead"):
            # The cells are rounded: medians to a tenth of a millisecond, above 100 to a whole one.
            expected = float(template.split()[0]) / float(ours.split()[0])
            assert float(ratio) == pytest.approx(expected, rel=0.02), name
            assert float(ratio) >= float(goal.removeprefix("at least "))


def test_commands_of_the_sandbox_are_timed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deploy, "COMMANDS", {"status": ("status",), "--help": ("--help",)})
    assert deploy.main(["--rounds", "1"]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows[2:]] == ["| start, until it is ready", "| status", "| --help"]
    assert all(float(cell.split()[0]) > 0 for row in rows[3:] for cell in row[1:3])


def test_command_that_fails_ends_the_measurement() -> None:
    with pytest.raises(measure.MeasurementError, match="status of this build ended with 3:\nNo sandbox"):
        deploy._run(deploy.Build("this build", ROOT), ("status",), Path("/nonexistent/state.json"))


def test_other_build_is_that_of_a_commit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy.main(["--rounds", "1", "--against", "no-such-commit"]) == 1
    assert capsys.readouterr().err
    if (ROOT / ".git").exists():  # and not what a source archive has
        other = deploy._build_of("HEAD", tmp_path / "other")
        assert (other.root / "sandbox" / "__main__.py").exists()
