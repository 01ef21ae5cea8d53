"""What runs beside a runtime: Collectors, Alertmanager, and all of it under Docker."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from catalogue import MONITORING, ROOT
from collector_kit import START_S, STOP_S, Collector
from harness import wait_until
from runtime_kit import free_port

PEERS = ROOT / "build/peers"
COLLECTORS = sorted((MONITORING / "otelcol").glob("*.yaml"))
# Whose schema docker-compose.yml is held against.
COMPOSE = "github.com/compose-spec/compose-go@v1.20.2"
# Exporters and connectors that no Collector of ours has, because the module proxy has
# not all they need, with those of their documented keys that we use.
DOCUMENTED = {
    "datadog": {"api.key", "api.site", "metrics.resource_attributes_as_tags"},
    "datadog/connector": set(),
    "awsemf": {
        "region",
        "namespace",
        "log_group_name",
        "dimension_rollup_option",
        "resource_to_telemetry_conversion.enabled",
        "metric_declarations",
    },
}


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def without(config: dict[str, Any], left_out: set[str]) -> dict[str, Any]:
    """Return a configuration without some components, and what is of them alone."""
    config = json.loads(json.dumps(config))
    for kind in ("exporters", "connectors"):
        config[kind] = {
            k: v for k, v in config.get(kind, {}).items() if k not in left_out
        }
    pipelines = config["service"]["pipelines"]
    for name, pipeline in list(pipelines.items()):
        for side in ("receivers", "exporters"):
            pipeline[side] = [c for c in pipeline[side] if c not in left_out]
        if not pipeline["exporters"]:
            del pipelines[name]
    return config


def keys(settings: Any, path: str = "") -> set[str]:
    if not isinstance(settings, dict):
        return {path}
    return {
        key
        for name, value in settings.items()
        for key in keys(value, f"{path}.{name}".strip("."))
    }


CHECKED = [
    path
    for path in COLLECTORS
    if without(load(path), set(DOCUMENTED))["service"]["pipelines"]
]


@pytest.mark.parametrize("path", CHECKED, ids=lambda path: path.stem)
def test_a_collector_takes_it(path: Path, tmp_path: Path) -> None:
    """The Collector of our tests, or else the one of `make vendor-collector`."""
    config = without(load(path), set(DOCUMENTED))
    program = PEERS / "otelcol"
    vendors = {name.split("/")[0] for name in config["exporters"]}
    if vendors & {"awsxray", "googlecloud"}:
        program = PEERS / "otelcol-vendors"
    if not program.exists():
        pytest.skip(f"no {program.name}: make peers vendor-collector (needs Go 1.25)")
    trimmed = tmp_path / path.name
    trimmed.write_text(yaml.safe_dump(config))
    given = set(re.findall(r"\$\{env:(\w+)\}", path.read_text()))
    done = subprocess.run(
        [program, "validate", f"--config={trimmed}"],
        env={**os.environ, **dict.fromkeys(given, "something")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", COLLECTORS, ids=lambda path: path.stem)
def test_a_collectors_pipelines_are_of_what_it_has(path: Path) -> None:
    config = load(path)
    have = {
        side: set(config.get(side, ())) | set(config.get("connectors", ()))
        for side in ("receivers", "processors", "exporters")
    }
    used: dict[str, set[str]] = {side: set() for side in have}
    for pipeline in config["service"]["pipelines"].values():
        for side, names in used.items():
            assert set(pipeline[side]) <= have[side]
            names.update(pipeline[side])
    assert set.union(*used.values()) == set.union(*have.values())
    for side in ("exporters", "connectors"):
        for name, settings in config.get(side, {}).items():
            if name in DOCUMENTED:
                assert keys(settings) - {""} <= DOCUMENTED[name]


@pytest.mark.parametrize("path", COLLECTORS, ids=lambda path: path.stem)
def test_a_collectors_variables_are_explained(path: Path) -> None:
    text = path.read_text()
    for name in set(re.findall(r"\$\{env:(\w+)", text)) - {
        "GRPC_PORT",
        "HTTP_PORT",
        "PAGE_PORT",
    }:
        assert re.search(rf"^#   {name}  ", text, re.MULTILINE), name


def test_a_trace_comes_through_to_tempo(tmp_path: Path) -> None:
    """The Collector of docker-compose.yml, with another one in Tempo's place."""
    tempo = Collector(tmp_path)
    http, grpc, page = (free_port() for _ in range(3))
    env = {
        "LISTEN": "127.0.0.1",
        "HTTP_PORT": str(http),
        "GRPC_PORT": str(grpc),
        "PAGE_PORT": str(page),
        "TEMPO": tempo.grpc.removeprefix("http://"),
    }
    config = f"--config={MONITORING / 'otelcol/collector.yaml'}"
    with (tmp_path / "log").open("wb") as log:
        ours = subprocess.Popen([PEERS / "otelcol", config], env=env, stderr=log)
    trace = "0af7651916cd43dd8448eb211c80319c"
    span = {
        "traceId": trace,
        "spanId": "b7ad6b7169203331",
        "name": "a request",
        "kind": 2,
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{http}/v1/traces",
        json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode(),
        {"Content-Type": "application/json"},
    )

    def taken() -> bool:
        assert ours.poll() is None, (tmp_path / "log").read_text()
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bool(answer.status == 200)

    try:
        wait_until(taken, START_S, "the Collector to take a span")
        traces = tmp_path / "traces.jsonl"
        wait_until(lambda: trace in traces.read_text(), START_S, "the trace")
    finally:
        ours.terminate()
        ours.wait(STOP_S)
        tempo.stop()


def test_cloudwatch_chooses_metrics_that_there_are() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    names = re.findall(r"^- OpenTelemetry: `([\w.]+)`", page, re.MULTILINE)
    settings = load(MONITORING / "otelcol/cloudwatch.yaml")["exporters"]["awsemf"]
    (declaration,) = settings["metric_declarations"]
    for selector in declaration["metric_name_selectors"]:
        group = re.search(r"\(([^)]*)\)", selector)
        for choice in group[1].split("|") if group else [""]:
            one = selector.replace(group[0], choice) if group else selector
            assert [name for name in names if re.search(one, name)], one


def test_alertmanager_takes_its_configuration() -> None:
    if not shutil.which("amtool"):
        pytest.skip("amtool is not installed")
    path = MONITORING / "alertmanager/alertmanager.yml"
    subprocess.run(["amtool", "check-config", path], check=True)


# ---- docker-compose.yml -------------------------------------------------------------


def compose() -> dict[str, Any]:
    return load(MONITORING / "docker-compose.yml")


def test_compose_is_as_its_specification_says(tmp_path: Path) -> None:
    if not shutil.which("go"):
        pytest.skip("no go, which fetches the schema")
    done = subprocess.run(
        ["go", "mod", "download", "-json", COMPOSE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"no {COMPOSE}: {done.stderr}")
    folder = Path(json.loads(done.stdout)["Dir"])
    schema = json.loads((folder / "schema/compose-spec.json").read_text())
    jsonschema.validate(compose(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"services": {"runtime": {"imagine": "x"}}}, schema)


def test_images_are_pinned() -> None:
    for name, service in compose()["services"].items():
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name


def test_only_this_host_is_let_in() -> None:
    for service in compose()["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_readers_cannot_write_the_segment() -> None:
    services = compose()["services"]
    users = {
        name: volume
        for name, service in services.items()
        for volume in service.get("volumes", ())
        if volume.startswith("segment:")
    }
    assert users.keys() == {"runtime", "metrics", "otlp"}
    for name in users.keys() - {"runtime"}:
        assert users[name].endswith(":ro")
        assert services[name]["image"] == services["runtime"]["image"]


def test_what_is_mounted_is_there() -> None:
    for service in compose()["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source == "segment" or (MONITORING / source).exists(), source


def test_services_that_are_named_are_there() -> None:
    """Targets of Prometheus, data sources of Grafana, endpoints."""
    services = compose()["services"]
    files = [
        *(MONITORING / "prometheus/targets").glob("*.yml"),
        MONITORING / "grafana/provisioning/datasources/snakepit.yml",
        MONITORING / "tempo/tempo.yaml",
        MONITORING / "otelcol/collector.yaml",
    ]
    text = "\n".join(path.read_text() for path in files) + json.dumps(services)
    named = set(re.findall(r"(?:'|http://|:-)([a-z]+):\d{4}", text)) - {"localhost"}
    assert named == {"metrics", "collector", "alertmanager", "prometheus", "tempo"}
    assert named <= services.keys()
