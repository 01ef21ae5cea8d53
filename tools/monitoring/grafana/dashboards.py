#!/usr/bin/env python3
"""Make the dashboards of Grafana from dashboards.yml: dashboards/*.json beside it.

dashboards.py FOLDER writes them elsewhere. What the same for all panels is (places, ids,
data sources, how they look) is here, what each one asks is there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

_HERE = Path(__file__).resolve().parent
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_SCHEMA_VERSION = 39  # classic, which Grafana 10 to 13 take
_WIDTH = 24
_SIZES = {"stat": (4, 4), "table": (24, 8)}  # width and height of panels, else _SIZE
_SIZE = (8, 8)
_FORMATS = {"heatmap": "heatmap", "table": "table"}

_HOST = 'instance=~"$instance"'
_POOL = f'{_HOST}, pool=~"$pool"'
_SHORT = {
    "@host": _HOST,
    "@pool": _POOL,
    "@worker": f'{_POOL}, worker=~"$worker"',
    "@job": 'job=~".*snakepit.*"',
    "@rate": "$__rate_interval",
}
# Variables: labels of which one, several or all values may be chosen.
_VARIABLES = {
    "instance": "label_values(snakepit_up, instance)",
    "pool": f"label_values(snakepit_workers{{{_HOST}}}, pool)",
    "worker": f"label_values(snakepit_worker_memory_usage_bytes{{{_POOL}}}, worker)",
}
_OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "colorMode": "value",
        "graphMode": "area",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
    "heatmap": {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "yAxis": {"unit": "s"},
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False},
    },
    "table": {"showHeader": True},
}


def _expanded(expression: str) -> str:
    for short, meaning in _SHORT.items():
        expression = expression.replace(short, meaning)
    return expression


def _target(panel: Json, number: int, legend: str, expression: str) -> Json:
    now = panel["kind"] == "table"
    return {
        "datasource": _SOURCE,
        "refId": chr(ord("A") + number),
        "editorMode": "code",
        "expr": _expanded(expression),
        "legendFormat": legend,
        "format": _FORMATS.get(panel["kind"], "time_series"),
        "exemplar": panel.get("exemplars", False),
        "instant": now,
        "range": not now,
    }


def _defaults(panel: Json) -> Json:
    if panel["kind"] != "timeseries":
        return {"unit": panel["unit"]}
    stacked = panel.get("stacked", False)
    look = {
        "drawStyle": "line",
        "fillOpacity": 20 if stacked else 5,
        "showPoints": "never",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    return {"unit": panel["unit"], "min": 0, "custom": look}


def _panel(panel: Json, number: int, place: Json) -> Json:
    made: Json = {
        "id": number,
        "type": panel["kind"],
        "title": panel["title"],
        "description": panel.get("about", ""),
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel["kind"]],
        "targets": [
            _target(panel, n, *query)
            for n, query in enumerate(panel["queries"].items())
        ],
    }
    if panel["kind"] == "table":
        hidden = dict.fromkeys(("Time", "Value", "__name__", "job"), True)
        made["transformations"] = [
            {"id": "organize", "options": {"excludeByName": hidden}}
        ]
    return made


def _row(title: str, number: int, y: int) -> Json:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"x": 0, "y": y, "w": _WIDTH, "h": 1},
        "panels": [],
    }


def _panels(rows: list[Json]) -> list[Json]:
    """Place panels from left to right, a new line where one has no room."""
    made: list[Json] = []
    y = 0
    for row in rows:
        made.append(_row(row["title"], len(made) + 1, y))
        x, y = 0, y + 1
        height = 0
        for given in row["panels"]:
            panel = {"kind": "timeseries", **given}
            width, height = _SIZES.get(panel["kind"], _SIZE)
            width = panel.get("width", width)
            if x + width > _WIDTH:
                x, y = 0, y + height
            place = {"x": x, "y": y, "w": width, "h": height}
            made.append(_panel(panel, len(made) + 1, place))
            x += width
        y += height
    return made


def _variable(name: str) -> Json:
    return {
        "name": name,
        "type": "query",
        "label": name.capitalize(),
        "datasource": _SOURCE,
        "query": {"query": _VARIABLES[name], "refId": f"variable-{name}"},
        "refresh": 2,  # when the time range changes
        "sort": 3,  # by number
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def dashboard(board: Json) -> Json:
    """Make one as Grafana's provisioning reads it."""
    source = {
        "name": "datasource",
        "type": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "current": {},
    }
    link = {
        "type": "dashboards",
        "title": "Snakepit",
        "tags": ["snakepit"],
        "keepTime": True,
        "includeVars": True,
    }
    return {
        "id": None,
        "uid": board["uid"],
        "title": board["title"],
        "description": board["about"],
        "tags": ["snakepit"],
        "schemaVersion": _SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-15m", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [link],
        "templating": {"list": [source, *map(_variable, board["variables"])]},
        "panels": _panels(board["rows"]),
    }


def main(folder: Path) -> None:
    """Write them all."""
    for name, board in yaml.safe_load((_HERE / "dashboards.yml").read_text()).items():
        text = json.dumps(dashboard(board), indent=1) + "\n"
        (folder / f"{name}.json").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else _HERE / "dashboards")
