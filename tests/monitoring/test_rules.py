"""The rules of Prometheus: each alert fires when it must and not when it must not."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from catalogue import MONITORING, ROOT, asked, names, rules

TESTS = MONITORING / "prometheus/tests"
RUNBOOK = "docs/observability.md"
ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}
BOUND = re.compile(r"(?:[<>]=?|==) [\w.]+")
RECORDS = {rule["record"]: rule for rule in rules("recording.yml")}


def promtool(*arguments: str, cwd: Path = ROOT) -> str:
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    done = subprocess.run(
        ["promtool", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((TESTS / name).read_text())["tests"]
    return found


def test_configuration_and_rules_are_valid() -> None:
    said = promtool("check", "config", "tools/monitoring/prometheus/prometheus.yml")
    assert "2 rule files found" in said


@pytest.mark.parametrize("name", ["alerts.yml", "recording.yml"])
def test_rules_give_what_their_tests_say(name: str) -> None:
    promtool("test", "rules", name, cwd=TESTS)


def test_every_alert_is_tested_firing_and_not_firing() -> None:
    seen = {
        (case["alertname"], bool(case.get("exp_alerts")))
        for group in cases("alerts.yml")
        for case in group["alert_rule_test"]
    }
    assert seen == {(name, fires) for name in ALERTS for fires in (False, True)}


def test_what_keeps_an_alert_quiet_is_something() -> None:
    """A healthy test without a series of the alert's own would always pass."""
    for group in cases("alerts.yml"):
        (case,) = group["alert_rule_test"]
        given = {re.split(r"\{", s["series"])[0] for s in group["input_series"]}
        wanted = asked(ALERTS[case["alertname"]]["expr"])
        for record in wanted & RECORDS.keys():
            wanted |= asked(RECORDS[record]["expr"])
        assert given & wanted, case


def test_every_recording_rule_is_tested() -> None:
    tested = {
        case["expr"]
        for group in cases("recording.yml")
        for case in group["promql_expr_test"]
    }
    assert tested == RECORDS.keys()


@pytest.mark.parametrize("name", [*ALERTS, *RECORDS])
def test_a_rule_asks_only_for_what_there_is(name: str) -> None:
    expression = {**ALERTS, **RECORDS}[name]["expr"]
    assert asked(expression) <= names(), expression


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_waits_has_a_severity_and_leads_to_its_runbook(name: str) -> None:
    rule = ALERTS[name]
    assert rule["for"]
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"]["summary"]
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert page == RUNBOOK
    titles = re.findall(r"^#+ (\w+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor in [title.lower() for title in titles]


def test_the_page_says_when_each_alert_fires() -> None:
    """So that no bound and no wait changes unseen: the tests by example leave room."""
    table = re.findall(
        r"^\| (Snakepit\w+) \| (.*) \| (\w+) \|$",
        (ROOT / RUNBOOK).read_text(),
        re.MULTILINE,
    )
    said = [
        (name, re.findall(r"`(.+?)`", bounds), wait) for name, bounds, wait in table
    ]
    assert said == [
        (name, list(dict.fromkeys(BOUND.findall(rule["expr"]))), rule["for"])
        for name, rule in ALERTS.items()
    ]


def test_every_runbook_is_of_an_alert() -> None:
    titles = re.findall(r"^### (\w+)$", (ROOT / RUNBOOK).read_text(), re.MULTILINE)
    assert titles == list(ALERTS)
