"""The alarms: their template; tests/unit/test_telemetry.py holds them against the metrics that are sent."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from packager.build import Package
from packager.project import OURS, ROOT

from .conftest import ACME

COMMITTED = (ROOT / "alarms.yaml").read_text(encoding="utf-8")
ALARMS: dict[str, Any] = yaml.safe_load(COMMITTED)["Resources"]
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
MAX_METRICS = 10


def test_packaged_alarms_differ_in_the_type_name_only(package: Package) -> None:
    packaged = (package.project / "alarms.yaml").read_text(encoding="utf-8")
    assert f"Namespace: AWS/CloudFormation/{ACME.in_namespace}\n" in packaged
    assert f'FROM SCHEMA("AWS/CloudFormation/{ACME.in_namespace}",' in packaged
    restored = packaged.replace(ACME.name, OURS.name).replace(ACME.in_namespace, OURS.in_namespace)
    assert restored == COMMITTED


@pytest.mark.parametrize("name", ALARMS)
def test_alarm_is_within_the_limits_and_quiet_without_failures(name: str) -> None:
    alarm = ALARMS[name]["Properties"]
    assert alarm["TreatMissingData"] == "notBreaching"
    assert sum("MetricStat" in each for each in alarm["Metrics"]) <= MAX_METRICS
    assert sum(each.get("ReturnData", True) for each in alarm["Metrics"]) == 1
