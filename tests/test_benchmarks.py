"""The benchmark: its measurements, its certificates and throttle, its goals, and the tables in the guide."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from benchmarks import cold, deploy, figures, goals, measure, memory, packages, report, throttle, warm
from benchmarks.certificates import Certificates, TrustStoreError
from benchmarks.figures import BARE, BEFORE, INTERPRETER, LIBRARY, OURS, TEMPLATE, spread
from benchmarks.packages import TEMPLATE_SOURCES, TEMPLATE_TYPE, Side
from packager.build import PackageError
from packager.project import OURS as OUR_TYPE
from packager.project import PACKAGE, ROOT
from tests.sandbox.helpers import until

PYTHON = Path(sys.executable)
BUNDLE = str(resources.files("botocore").joinpath("cacert.pem"))
SPIN = [sys.executable, "-c", "while True: pass"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def http() -> Iterator[measure.Run]:
    with measure.stub_aws() as server:
        yield measure.Run(PYTHON, server, 1)


@pytest.fixture(scope="module")
def tls(certificates: Certificates) -> Iterator[measure.Run]:
    with measure.stub_aws(certificates) as server:
        yield measure.Run(PYTHON, server, 1)


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> dict[str, Side]:
    """Ours and the CLI's template, each beside everything that this environment has installed."""
    installed = next(Path(each) for each in sys.path if each.endswith("site-packages"))
    made = {}
    for name, source, type_name in ((OURS, PACKAGE, OUR_TYPE), (TEMPLATE, TEMPLATE_SOURCES, TEMPLATE_TYPE)):
        folder = tmp_path_factory.mktemp("side")
        for path in installed.iterdir():
            if path.name != "certifi":
                (folder / path.name).symlink_to(path)
        shutil.copytree(installed / "certifi", folder / "certifi")
        certificates.install(folder)
        package = folder / type_name.package
        package.mkdir()
        for path in source.iterdir():
            if path.name != "__pycache__":
                (package / path.name).symlink_to(path)
        if name == TEMPLATE:
            (package / "models.py").symlink_to(PACKAGE / "models.py")
        made[name] = Side(folder, f"{type_name.package}.handlers.resource", type_name.name, 1000, 10)
    return made


CALLS = {
    "CREATE": ["CreateModelPackage", "DescribeModelPackage"],
    "READ": ["DescribeModelPackage"],
    "UPDATE": ["DescribeModelPackage", "UpdateModelPackage", "DescribeModelPackage"],
    "DELETE": ["DescribeModelPackage", "DeleteModelPackage", "DescribeModelPackage"],
    "LIST": ["ListModelPackages"],
}


@pytest.mark.parametrize(("protocol", "actions"), [("http", measure.ACTIONS), ("tls", ["UPDATE"])])
def test_warm_of_sides_that_make_the_same_calls(
    sides: dict[str, Side], protocol: str, actions: Sequence[str], request: pytest.FixtureRequest
) -> None:
    measured = warm.warm(sides, request.getfixturevalue(protocol), [*actions, measure.LOGGED])
    for side in sides:
        assert {each: measured[each][side]["calls"] for each in actions} == {
            each: CALLS[each] for each in actions
        }
    logged = measured[measure.LOGGED]
    assert "PutMetricData" in logged[OURS]["calls"]
    assert "PutLogEvents" in logged[OURS]["calls"]
    assert logged[TEMPLATE]["calls"] == ["PutMetricData", "DescribeModelPackage", "PutMetricData"]
    for action in (*actions, measure.LOGGED):
        for side in sides:
            row = measured[action][side]
            for key in (figures.WALL, figures.PROCESSOR, figures.FLOOR, figures.OVERHEAD):
                assert len(row[key]["samples"]) == 1
                assert row[key]["least"] <= row[key]["median"] <= row[key]["most"]
            floor = row[figures.WALL]["median"] - row[figures.OVERHEAD]["median"]
            assert floor == pytest.approx(row[figures.FLOOR]["median"])
            assert min(row[figures.FLOOR]["least"], row[figures.PROCESSOR]["least"]) > 0
    assert measured[warm.CONNECTION][figures.WALL]["least"] > 0


def test_warm_with_a_share_of_a_processor(sides: dict[str, Side], tls: measure.Run) -> None:
    slow = replace(tls, share=0.5)
    read = warm.warm({OURS: sides[OURS]}, slow, ["READ"])["READ"][OURS]
    assert read["calls"] == ["DescribeModelPackage"]


def test_cold_start_of_package_library_and_interpreter(sides: dict[str, Side], tls: measure.Run) -> None:
    measured = cold.cold_start(sides, tls)
    assert measured.keys() == {*sides, LIBRARY, INTERPRETER}
    for key in (figures.WALL, figures.PROCESSOR, figures.PEAK):
        assert 0 < measured[INTERPRETER][key]["median"] < measured[OURS][key]["median"]


def test_cold_start_with_a_share_of_a_processor(sides: dict[str, Side], tls: measure.Run) -> None:
    slow = replace(tls, share=0.5)
    assert cold.cold_start({OURS: sides[OURS]}, slow).keys() == {OURS}


def test_peak_memory_under_the_runtime_client(sides: dict[str, Side], tls: measure.Run) -> None:
    measured = memory.peak_memory({OURS: sides[OURS]}, tls)
    assert len(measured[OURS][figures.PEAK]["samples"]) == tls.rounds
    assert measured[OURS][figures.PEAK]["least"] > 5


def test_long_list_has_all_packages_in_constant_memory(sides: dict[str, Side], http: measure.Run) -> None:
    pages = memory.long_list({OURS: sides[OURS]}, http)[OURS]
    assert (pages["pages"], pages["packages"]) == (100, 10_000)
    # Ninety pages are 1,900 KiB, none of which stays.
    assert pages[figures.GROWTH] < 1024


def test_worker_raises_when_an_action_fails(sides: dict[str, Side], http: measure.Run) -> None:
    with measure.worker(sides[OURS], PYTHON, http.stub.endpoint) as process:
        broken = measure.event("CREATE", OUR_TYPE.name)
        broken["requestData"]["resourceProperties"] = {"NoSuchProperty": "x"}
        with pytest.raises(measure.MeasurementError, match="CREATE did not succeed"):
            process.invoke(broken)


def test_worker_raises_when_the_package_does_not_load(http: measure.Run, tmp_path: Path) -> None:
    empty = Side(tmp_path, "nothing.handlers.resource", "Acme::Not::There", 0, 0)
    with (
        pytest.raises(measure.MeasurementError, match="No module named 'nothing'"),
        measure.worker(empty, PYTHON, http.stub.endpoint),
    ):
        pass


def test_time_program_raises_what_the_program_printed() -> None:
    with pytest.raises(measure.MeasurementError, match="went wrong"):
        measure.time_program([sys.executable, "-c", "raise SystemExit('went wrong')"], {})


def test_stub_takes_calls_again_after_its_connection_was_closed(http: measure.Run) -> None:
    http.stub.take_calls()
    http.stub._connection.sock.shutdown(socket.SHUT_WR)
    assert http.stub.take_calls() == []


def test_order_gives_each_side_each_place(http: measure.Run) -> None:
    sides = {OURS: 1, TEMPLATE: 2, BEFORE: 3}
    firsts = [order[0] for order in replace(http, rounds=3).order(sides)]
    assert firsts == [*sides.items(), (OURS, 1)]


def handshake(endpoint: str, context: ssl.SSLContext) -> str | None:
    """The version of TLS that a client with this context agrees on."""
    address = urllib.parse.urlsplit(endpoint)
    host = str(address.hostname)
    with (
        socket.create_connection((host, address.port)) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        return secured.version()


def test_stub_is_refused_by_who_trusts_botocores_bundle_only(tls: measure.Run) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tls.stub.endpoint, ssl.create_default_context(cafile=BUNDLE))


def test_stub_is_trusted_with_the_benchmarks_trust_store(
    tls: measure.Run, certificates: Certificates, tmp_path: Path
) -> None:
    store = tmp_path / "store.pem"
    store.write_bytes(certificates.trust_store())
    context, bundle = (ssl.create_default_context(cafile=str(path)) for path in (store, BUNDLE))
    assert handshake(tls.stub.endpoint, context) == "TLSv1.3"
    assert len(context.get_ca_certs()) == len(bundle.get_ca_certs()) + 1


def test_install_replaces_the_trust_store_that_botocore_reads(
    certificates: Certificates, tmp_path: Path
) -> None:
    for name in ("certifi", "botocore"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cacert.pem").write_bytes(b"as it was")
    certificates.install(tmp_path)
    assert (tmp_path / "certifi" / "cacert.pem").read_bytes() == certificates.trust_store()
    assert (tmp_path / "botocore" / "cacert.pem").read_bytes() == b"as it was"


def test_install_refuses_a_package_without_a_trust_store_of_its_own(
    certificates: Certificates, tmp_path: Path
) -> None:
    with pytest.raises(TrustStoreError):
        certificates.install(tmp_path)
    (tmp_path / "botocore").symlink_to(Path(BUNDLE).parent)
    with pytest.raises(TrustStoreError):
        certificates.install(tmp_path)


def state_of(process: subprocess.Popen[str]) -> str:
    """The state of a process as the kernel names it: R runs, T is stopped."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_throttle_stops_a_busy_process_and_lets_it_go() -> None:
    with subprocess.Popen(SPIN, text=True) as process:  # noqa: S603
        try:
            with throttle.throttled(process, 0.001) as throttled:
                assert throttled
                until(lambda: throttled.pauses > 3)
                until(lambda: state_of(process) == "T")
            assert state_of(process) != "T"
        finally:
            process.kill()


def test_throttle_ends_with_its_process() -> None:
    with (
        subprocess.Popen([sys.executable, "-c", "pass"], text=True) as process,
        throttle.throttled(process, throttle.SHARE),
    ):
        assert process.wait() == 0


def test_build_commit_names_the_commit_that_git_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="git archive no-such-commit"):
        packages.build_commit(tmp_path / "built", "no-such-commit", None)


def test_spread_at_20_rounds_is_wider_than_the_confidence_interval_of_the_median() -> None:
    samples = [float(each) for each in range(1, 21)]
    assert spread(samples)["lower quartile"] < 6
    assert spread(samples)["upper quartile"] > 15
    assert spread([3.0])["lower quartile"] == 3.0


def test_ratio_pairs_the_samples_of_a_round() -> None:
    """A machine that is ten times slower in one round is not in the ratio."""
    made = figures.ratio(spread([20.0, 200.0, 22.0]), spread([1.0, 10.0, 1.1]))
    assert made["samples"] == [20.0, 20.0, 20.0]
    assert made["of medians"] == 20.0


def result(against: str | None = "a commit", /, **medians: float) -> dict[str, Any]:
    """A result with these medians, and the others within their goals."""

    def row(default: dict[str, float], *keys: str, **more: Any) -> dict[str, Any]:
        chosen = {OURS, BARE, TEMPLATE, LIBRARY, INTERPRETER, *([BEFORE] if against else [])}
        return {
            side: {key: spread([value] * 3) for key in keys} | more
            for side, value in default.items()
            if side in chosen
        }

    def warm_part(ours: float) -> dict[str, Any]:
        keys = (figures.WALL, figures.OVERHEAD, figures.PROCESSOR, figures.FLOOR)
        sides = {OURS: ours, TEMPLATE: 200.0, BEFORE: 40.0}
        actions = (*measure.ACTIONS, measure.LOGGED)
        made = {action: row(sides, *keys, calls=["DescribeModelPackage"]) for action in actions}
        return made | {warm.CONNECTION: {figures.WALL: spread([2.0])}}

    cold_sides = {
        OURS: medians.get("cold", 120.0),
        TEMPLATE: 350.0,
        BEFORE: medians.get("cold_before", 160.0),
    }
    alone = {BARE: 300.0, LIBRARY: 100.0, INTERPRETER: 10.0}
    cold_keys = (figures.WALL, figures.PROCESSOR, figures.PEAK)
    tls = warm_part(medians.get("tls", 5.0))
    measured: dict[str, Any] = {
        figures.HTTP: warm_part(medians.get("http", 5.0)),
        figures.TLS: tls,
        figures.SEVENTH: {"share": 0.14, "READ": tls["READ"], figures.COLD: row(cold_sides, *cold_keys)},
        figures.COLD: row(cold_sides | alone, *cold_keys),
        figures.MEMORY: row({OURS: 40.0, TEMPLATE: 80.0, BEFORE: 41.0}, figures.PEAK),
        figures.LIST: row({OURS: 8.0, TEMPLATE: 200.0, BEFORE: 8.0}, figures.WALL, packages=100, pages=100),
        figures.PACKAGE: {
            side: {figures.ZIP: spread([zipped]), figures.FILES: spread([files])}
            for side, (zipped, files) in {
                OURS: (int(medians.get("zip", 2_000_000)), 300),
                BARE: (1_000_000, 200),
                TEMPLATE: (28_700_000, 2_670),
                **({BEFORE: (2_930_000, 593)} if against else {}),
            }.items()
        },
    }
    for pages in measured[figures.LIST].values():
        pages[figures.GROWTH] = 0
    return {
        "date": "2026-01-02",
        "machine": "here",
        "rounds": 3,
        "against": against,
        "figures": measured,
    }


def missed(made: dict[str, Any]) -> list[str]:
    """Names of what misses its goal."""
    return [each.name for each in goals.judge(made["figures"]) if each.verdict == goals.MISSED]


def test_judge_has_every_goal_of_a_complete_result() -> None:
    judged = goals.judge(result()["figures"])
    assert len([each for each in judged if each.goal]) == 2 * 6 + 2 + 2 + 1 + 4
    assert missed(result()) == []
    without = goals.judge(result(None)["figures"])
    assert [each.name for each in without] == [each.name for each in judged if BEFORE not in each.name]


@pytest.mark.parametrize(
    ("medians", "names"),
    [
        ({"http": 12.0}, ["warm over HTTP, overhead in ms of READ: CLI's template / ours"]),
        (
            {"tls": 12.5},
            [
                "warm over TLS, overhead in ms of READ: CLI's template / ours",
                "warm over TLS, wall time in ms of READ: ours / before",
                "warm over TLS, processor time in ms of READ, ours",
            ],
        ),
        ({"cold": 200.0}, ["cold start, wall time in ms: CLI's template / ours"]),
        ({"cold_before": 140.0}, ["cold start, wall time in ms: ours / before"]),
        ({"zip": 4_000_000}, ["package, zip in bytes: CLI's template / ours"]),
    ],
    ids=["http", "tls", "cold", "cold before", "zip"],
)
def test_judge_marks_a_missed_goal(medians: dict[str, float], names: list[str]) -> None:
    assert set(names) <= set(missed(result(**medians)))


def test_verdict_says_that_a_goal_has_no_margin() -> None:
    at_least = goals.Judged("", spread([19.0, 19.0, 21.0, 22.0, 22.0]), (goals.AT_LEAST, 20.0))
    at_most = goals.Judged("", spread([7.0, 7.0, 7.5, 9.0, 9.0]), (goals.AT_MOST, 8.0))
    assert {at_least.verdict, at_most.verdict} == {goals.NARROW}


def rows_of(markdown: str) -> list[list[str]]:
    """The cells of every row of every table."""
    lines = re.findall(r"^\| (.+) \|$", markdown, re.MULTILINE)
    return [[cell.strip() for cell in line.split(" | ")] for line in lines]


@pytest.mark.parametrize("against", [None, "a commit"], ids=["", "against"])
def test_tables_are_markdown_with_whole_rows(against: str | None) -> None:
    made = result(against)
    text = report.tables(made, goals.judge(made["figures"]))
    head, *blocks = text.split("\n\n")
    assert head.startswith("2026-01-02, here; medians of 3 rounds (quartiles)")
    assert len(blocks) == 7
    for block in blocks:
        assert len({row.count("|") for row in block.splitlines()}) == 1
    assert "| overhead in ms of READ (1 call) | 5.00 (5.00 to 5.00) | 200 (200 to 200) |" in text


def test_guide_has_the_tables_with_no_goal_missed() -> None:
    guide = rows_of((ROOT / "guides" / "costs.md").read_text(encoding="utf-8"))
    made = result(None)
    expected = rows_of(report.tables(made, goals.judge(made["figures"])))

    def names(rows: list[list[str]]) -> list[str]:
        """Without numbers of calls, measured shares, and the rows of another commit."""
        return [re.sub(r" \(.*\)", "", row[0]) for row in rows if BEFORE not in row[0]]

    assert names(guide) == names(expected)
    assert goals.MISSED not in {cell for row in guide for cell in row}
    for part in (figures.HTTP, figures.TLS):
        first = next(at for at, row in enumerate(guide) if row[0] == part)
        for row in guide[first + 2 : first + 8]:
            action = re.sub(r" \(.*\)", "", row[0])
            ours, template = (float(cell.split()[0]) for cell in row[1:3])
            judged = next(each for each in guide if each[0].startswith(f"{part}, {action}:"))
            # The cells are rounded to three digits.
            assert float(judged[2]) == pytest.approx(template / ours, rel=0.02), action


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
        packages.check_out(tmp_path / "other", "HEAD")
        assert (tmp_path / "other" / "sandbox" / "__main__.py").exists()
