"""packaging/kubernetes, held to the API's own schemas, strictly, and to itself (D01).

The schemas are those that kubernetes_schemas.py has taken from Kubernetes and from the
Prometheus Operator. Strictly means that a field they do not know is an error.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from segments import BUILD, ROOT, SANITIZED

pytestmark = pytest.mark.skipif(SANITIZED, reason="nothing here is of this build")

FOLDER = ROOT / "packaging/kubernetes"
API = json.loads(Path(__file__).with_name("kubernetes_schemas.json").read_text())
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def resolved(schema: Any) -> Any:
    while "$ref" in schema:
        schema = API["schemas"][schema["$ref"]]
    return schema


def quantity(value: Any) -> bool:
    pattern = r"\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?"
    return bool(re.fullmatch(pattern, str(value)))


def problems(value: Any, schema: Any, where: str) -> list[str]:
    """Return what a schema has against a value."""
    name = schema.get("$ref", "")
    schema = resolved(schema)
    if name.endswith(".Quantity"):
        return [] if quantity(value) else [f"{where}: {value!r} is no quantity"]
    if name.endswith(".IntOrString") or schema.get("x-kubernetes-int-or-string"):
        return [] if isinstance(value, (int, str)) else [f"{where}: {value!r}"]
    kind = TYPES.get(schema.get("type", ""), object)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        return [f"{where}: {value!r} is no {schema['type']}"]
    if isinstance(value, str):
        return string_problems(value, schema, where)
    if isinstance(value, list):
        return [
            text
            for i, item in enumerate(value)
            for text in problems(item, schema.get("items", {}), f"{where}[{i}]")
        ]
    return object_problems(value, schema, where) if isinstance(value, dict) else []


def string_problems(value: str, schema: dict[str, Any], where: str) -> list[str]:
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is none of {schema['enum']}"]
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return [f"{where}: {value!r} is not like {schema['pattern']}"]
    return []


def object_problems(
    value: dict[str, Any], schema: dict[str, Any], where: str
) -> list[str]:
    found = [
        f"{where}: {key} is missing"
        for key in schema.get("required", ())
        if key not in value
    ]
    known = schema.get("properties", {})
    for key, item in value.items():
        of = known.get(key, schema.get("additionalProperties"))
        if of is None:
            found.append(f"{where}: no field {key!r}")
        else:
            found += problems(item, of, f"{where}.{key}")
    return found


def kind_of(manifest: dict[str, Any]) -> str:
    return f"{manifest['apiVersion']}/{manifest['kind']}"


@pytest.fixture(scope="module")
def kustomization() -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / "kustomization.yaml").read_text()))


@pytest.fixture(scope="module")
def manifests(kustomization: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what kustomization.yaml names, by kind."""
    found: dict[str, dict[str, Any]] = {}
    for name in kustomization["resources"]:
        for manifest in yaml.safe_load_all((FOLDER / name).read_text()):
            assert manifest["kind"] not in found, "the tests below take one of each"
            found[manifest["kind"]] = manifest
    return found


@pytest.fixture(scope="module")
def pod(manifests: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return dict(manifests["Deployment"]["spec"]["template"]["spec"])


def test_every_manifest_is_of_its_schema(
    manifests: dict[str, dict[str, Any]],
) -> None:
    assert {kind_of(manifest) for manifest in manifests.values()} == set(API["kinds"])
    for manifest in manifests.values():
        schema = API["kinds"][kind_of(manifest)]
        assert problems(manifest, schema, manifest["kind"]) == []


def test_the_check_is_strict(manifests: dict[str, dict[str, Any]]) -> None:
    """A field nobody knows, one that is missing, wrong types: each is found."""
    deployment = manifests["Deployment"]
    schema = API["kinds"]["apps/v1/Deployment"]

    def said(change: str, value: Any) -> str:
        broken = copy.deepcopy(deployment)
        container = broken["spec"]["template"]["spec"]["containers"][0]
        if value is None:
            del container[change]
        else:
            container[change] = value
        return "; ".join(problems(broken, schema, "Deployment"))

    assert "no field 'imagePullPolice'" in said("imagePullPolice", "Always")
    assert "name is missing" in said("name", None)
    assert "is no array" in said("command", "snakepitd")
    assert "is no quantity" in said("resources", {"limits": {"memory": "2 GB"}})
    assert "is no boolean" in said("tty", "yes")
    monitor = copy.deepcopy(manifests["PodMonitor"])
    monitor["spec"]["podMetricsEndpoints"][0]["interval"] = "often"
    of = API["kinds"]["monitoring.coreos.com/v1/PodMonitor"]
    assert "is not like" in problems(monitor, of, "PodMonitor")[0]


def test_kustomization_names_all_and_only_what_is_there(
    kustomization: dict[str, Any],
) -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")}
    apart = {"kustomization.yaml", "prometheus-adapter.yaml"}
    assert set(kustomization["resources"]) == files - apart
    version = re.search(
        r"^VERSION := (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert version
    (image,) = kustomization["images"]
    assert image == {"name": "snakepit", "newName": "snakepit", "newTag": version[1]}


def test_what_refers_to_another_finds_it(
    manifests: dict[str, dict[str, Any]], pod: dict[str, Any]
) -> None:
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        manifests["Service"]["spec"]["selector"],
        manifests["Deployment"]["spec"]["selector"]["matchLabels"],
        manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        manifests["PodMonitor"]["spec"]["selector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels.items() for selector in selectors)
    containers = pod["initContainers"] + pod["containers"]
    ports = {port["name"] for c in containers for port in c.get("ports", ())}
    (service_port,) = manifests["Service"]["spec"]["ports"]
    (endpoint,) = manifests["PodMonitor"]["spec"]["podMetricsEndpoints"]
    assert {service_port["targetPort"], endpoint["port"]} <= ports
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["name"] for c in containers for mount in c["volumeMounts"]}
    assert mounts == set(volumes)
    config = volumes["config"]["configMap"]["name"]
    assert config == manifests["ConfigMap"]["metadata"]["name"]
    target = manifests["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == manifests["Deployment"]["metadata"]["name"]
    assert manifests["Service"]["spec"]["clusterIP"] == "None"


def test_readers_are_sidecars_that_cannot_write(pod: dict[str, Any]) -> None:
    (runtime,) = pod["containers"]
    place = {"name": "SNAKEPIT_DIR", "value": "/run/snakepit/main"}
    assert place in runtime["env"]
    for reader in pod["initContainers"]:
        assert reader["restartPolicy"] == "Always"
        assert place in reader["env"]
        (mount,) = reader["volumeMounts"]
        assert mount["readOnly"] is True
    for container in (runtime, *pod["initContainers"]):
        locked = container["securityContext"]
        assert locked["readOnlyRootFilesystem"] is True
        assert locked["allowPrivilegeEscalation"] is False
        assert locked["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["runAsNonRoot"] is True


def test_the_runtime_takes_its_configuration(
    manifests: dict[str, dict[str, Any]], pod: dict[str, Any], tmp_path: Path
) -> None:
    text = manifests["ConfigMap"]["data"]["snakepit.yaml"]
    path = tmp_path / "snakepit.yaml"
    path.write_text(text)
    (runtime,) = pod["containers"]
    env = {e["name"]: e["value"] for e in runtime["env"]}
    done = subprocess.run(
        [BUILD / "bin/snakepitd", "--check", "-c", path],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    config = yaml.safe_load(text.replace("${SNAKEPIT_DIR}", env["SNAKEPIT_DIR"]))
    (port,) = runtime["ports"]
    assert f"0.0.0.0:{port['containerPort']}" in config["listen"]
    # Segments of this name are what readers, which take all there are, find.
    assert f"unix:{env['SNAKEPIT_DIR']}/{config['instance']}.sock" in config["listen"]
    # A stop has the time it needs before the pod is killed.
    (_, pause) = runtime["lifecycle"]["preStop"]["exec"]["command"]
    steps = sum(config["shutdown"].values()) / 1000
    closing = 3  # docs/operations.md
    assert steps + int(pause) + closing <= pod["terminationGracePeriodSeconds"]


def test_autoscaling_asks_for_metrics_that_there_are(
    manifests: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    values = yaml.safe_load((FOLDER / "prometheus-adapter.yaml").read_text())
    (rule,) = values["rules"]["custom"]
    (metric,) = manifests["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    catalogue = (ROOT / "docs/metrics.md").read_text()
    query, series = rule["metricsQuery"], rule["seriesQuery"]
    for name in re.findall(r"snakepit_\w+", query + series):
        entry = catalogue.partition(f"### `{name}`\n")[2].partition("###")[0]
        assert "level info" in entry, f"{name} is not exported by default"
    if not shutil.which("promtool"):
        pytest.skip("no promtool")
    expression = query.replace("<<.LabelMatchers>>", 'namespace="a",pod=~"b|c"')
    expression = expression.replace("<<.GroupBy>>", "pod")
    rules = {"groups": [{"name": "a", "rules": [{"record": "a", "expr": expression}]}]}
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(rules))
    done = subprocess.run(
        ["promtool", "check", "rules", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
