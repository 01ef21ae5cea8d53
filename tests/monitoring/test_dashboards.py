"""The dashboards: as Grafana's own model has them, and with no question to nobody."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from catalogue import MONITORING, asked, names
from grafana_foundation_sdk.cog import encoder, plugins
from grafana_foundation_sdk.models import dashboard

GRAFANA = MONITORING / "grafana"
BOARDS: dict[str, Any] = {
    path.stem: json.loads(path.read_text())
    for path in sorted((GRAFANA / "dashboards").glob("*.json"))
}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {"s", "bytes", "percentunit", "short", "reqps", "ops"}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def targets() -> list[Any]:
    return [
        pytest.param(target["expr"], id=f"{name}-{panel['title']}-{target['refId']}")
        for name, board in BOARDS.items()
        for panel in panels(board)
        for target in panel["targets"]
    ]


def lost(given: Any, kept: Any, where: str = "") -> list[str]:
    """Name what is not in `kept` as it was given."""
    if isinstance(given, dict):
        return [
            path
            for key, value in given.items()
            if value is not None
            for path in lost(value, (kept or {}).get(key), f"{where}/{key}")
        ]
    if isinstance(given, list) and len(given) == len(kept or []):
        return [
            path
            for number, (value, other) in enumerate(zip(given, kept or []))
            for path in lost(value, other, f"{where}/{number}")
        ]
    return [] if given == kept else [f"{where}: {given!r} became {kept!r}"]


def test_there_are_three() -> None:
    assert BOARDS.keys() == {"overview", "workers", "exporters"}


def test_they_are_as_their_source_makes_them(tmp_path: Path) -> None:
    command = [sys.executable, str(GRAFANA / "dashboards.py"), str(tmp_path)]
    subprocess.run(command, check=True)
    assert {path.stem for path in tmp_path.iterdir()} == BOARDS.keys()
    for path in tmp_path.iterdir():
        assert path.read_text() == (GRAFANA / "dashboards" / path.name).read_text()


def test_no_question_is_lost_on_the_way() -> None:
    """Of two queries with one legend YAML would keep the second alone."""
    text = (GRAFANA / "dashboards.yml").read_text()
    assert len(re.findall(r'^ {12}"', text, re.MULTILINE)) == len(targets())


@pytest.mark.parametrize("name", BOARDS)
def test_grafanas_model_knows_all_of_it(name: str) -> None:
    """What the official SDK reads and writes again is what it was given."""
    plugins.register_default_plugins()
    read = dashboard.Dashboard.from_json(BOARDS[name])
    again = json.loads(json.dumps(read, cls=encoder.JSONEncoder))
    assert lost(BOARDS[name], again) == []


def test_uids_and_ids_are_unique_and_panels_do_not_overlap() -> None:
    uids = [board["uid"] for board in BOARDS.values()]
    assert len(set(uids)) == len(uids)
    for board in BOARDS.values():
        assert re.fullmatch(r"[a-z-]{8,40}", board["uid"])
        assert board["id"] is None
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        places = [
            (column, line)
            for at in (panel["gridPos"] for panel in board["panels"])
            for column in range(at["x"], at["x"] + at["w"])
            for line in range(at["y"], at["y"] + at["h"])
        ]
        assert len(set(places)) == len(places)
        assert max(column for column, _ in places) < 24


def test_units_and_sources_are_given() -> None:
    for board in BOARDS.values():
        variables = board["templating"]["list"]
        assert variables[0]["type"] == "datasource"
        assert all(variable["datasource"] == SOURCE for variable in variables[1:])
        for panel in panels(board):
            assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
            assert panel["datasource"] == SOURCE
            for target in panel["targets"]:
                assert target["datasource"] == SOURCE


@pytest.mark.parametrize("expression", targets())
def test_a_panel_asks_only_for_what_there_is(expression: str) -> None:
    assert asked(expression)
    assert asked(expression) <= names()
    for interval in re.findall(r"\brate\([^[]*\[([^]]*)\]", expression):
        assert interval == "$__rate_interval"


@pytest.mark.parametrize("name", BOARDS)
def test_variables_are_used_and_there(name: str) -> None:
    board = BOARDS[name]
    known = {variable["name"] for variable in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(board))) - {
        "__rate_interval",
        "__all",
    }
    assert used == known
    for variable in board["templating"]["list"][1:]:
        metric = re.match(r"label_values\((\w+)", variable["query"]["query"])
        assert metric
        assert metric[1] in names()


def test_exemplars_are_where_the_traces_are() -> None:
    """snakepit-prometheus has them on durations of requests, and nowhere else."""
    for board in BOARDS.values():
        for panel in panels(board):
            for target in panel["targets"]:
                assert target["exemplar"] == (
                    "snakepit_request_duration_seconds_bucket" in target["expr"]
                ), panel["title"]


def test_provisioning_finds_the_dashboards_and_the_sources() -> None:
    folder = GRAFANA / "provisioning"
    (provider,) = yaml.safe_load((folder / "dashboards/snakepit.yml").read_text())[
        "providers"
    ]
    assert provider["type"] == "file"
    sources = yaml.safe_load((folder / "datasources/snakepit.yml").read_text())
    uids = {source["uid"] for source in sources["datasources"]}
    assert uids == {"prometheus", "tempo"}
    (prometheus,) = (s for s in sources["datasources"] if s["uid"] == "prometheus")
    (destination,) = prometheus["jsonData"]["exemplarTraceIdDestinations"]
    assert destination == {"name": "trace_id", "datasourceUid": "tempo"}
