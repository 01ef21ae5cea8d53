#!/usr/bin/env python3
"""Write kubernetes_schemas.json: the API schemas of the kinds in our manifests.

    tests/packaging/kubernetes_schemas.py

They come from the Go modules of Kubernetes and of the Prometheus Operator (a Go is
needed to run this, not to run the tests), without descriptions and defaults, and
without what our kinds do not refer to.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

KUBERNETES = "k8s.io/kubernetes@v1.33.1"
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.82.2"
OUT = Path(__file__).with_suffix(".json")
CORE, META = "io.k8s.api.core.v1", "io.k8s.apimachinery.pkg.apis.meta.v1"
# Kind: the file of its group, the schema in it.
KINDS = {
    "v1/ConfigMap": ("api__v1", f"{CORE}.ConfigMap"),
    "v1/Service": ("api__v1", f"{CORE}.Service"),
    "apps/v1/Deployment": ("apis__apps__v1", "io.k8s.api.apps.v1.Deployment"),
    "autoscaling/v2/HorizontalPodAutoscaler": (
        "apis__autoscaling__v2",
        "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    ),
    "policy/v1/PodDisruptionBudget": (
        "apis__policy__v1",
        "io.k8s.api.policy.v1.PodDisruptionBudget",
    ),
}
KEPT = (
    "$ref", "type", "format", "properties", "required", "items", "enum", "pattern",
    "additionalProperties", "x-kubernetes-int-or-string", "minimum", "maximum",
)  # fmt: skip


def module(name: str) -> Path:
    """Download a module, return its folder."""
    with tempfile.TemporaryDirectory() as empty:  # no go.mod of anybody's
        done = subprocess.run(
            ["go", "mod", "download", "-json", name],
            check=True, capture_output=True, text=True, cwd=empty,
        )  # fmt: skip
    return Path(json.loads(done.stdout)["Dir"])


def pruned(schema: Any) -> Any:
    """Return what checking needs. A reference with a default is an `allOf` of one."""
    if not isinstance(schema, dict):
        return schema
    if "allOf" in schema:
        return pruned(schema["allOf"][0])
    kept = {key: schema[key] for key in KEPT if key in schema}
    if "$ref" in kept:
        return {"$ref": kept["$ref"].rpartition("/")[2]}
    for key in ("items", "additionalProperties"):
        if key in kept:
            kept[key] = pruned(kept[key])
    if "properties" in kept:
        kept["properties"] = {k: pruned(v) for k, v in kept["properties"].items()}
    return kept


def referred(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        own = {schema["$ref"]} if "$ref" in schema else set()
        return own.union(*(referred(value) for value in schema.values()))
    return set()


def main() -> None:
    folder = module(KUBERNETES) / "api/openapi-spec/v3"
    result: dict[str, Any] = {"from": [KUBERNETES, OPERATOR], "kinds": {}}
    known: dict[str, Any] = {}
    for kind, (file, name) in KINDS.items():
        text = (folder / f"{file}_openapi.json").read_text()
        known.update(json.loads(text)["components"]["schemas"])
        result["kinds"][kind] = {"$ref": name}

    crd = "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml"
    definition = yaml.safe_load((module(OPERATOR) / crd).read_text())
    pod_monitor = pruned(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    pod_monitor["properties"]["metadata"] = {"$ref": f"{META}.ObjectMeta"}
    result["kinds"]["monitoring.coreos.com/v1/PodMonitor"] = pod_monitor

    needed: dict[str, Any] = {}
    waiting = referred(result["kinds"])
    while waiting:
        name = waiting.pop()
        needed[name] = pruned(known[name])
        waiting |= referred(needed[name]) - needed.keys()
    result["schemas"] = dict(sorted(needed.items()))
    OUT.write_text(json.dumps(result, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
