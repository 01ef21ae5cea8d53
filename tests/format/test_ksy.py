"""The Kaitai description reads a segment, and sees what our own reader sees."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from readers import ROOT, Segment, inspect_json

HERE = Path(__file__).resolve().parent
KSY = ROOT / "shm" / "format" / "snakepit_segment.ksy"

pytestmark = pytest.mark.skipif(
    not shutil.which("node") or not (HERE / "node_modules").is_dir(),
    reason="no node, or no npm when tools/install-deps ran",
)


def read_with_kaitai(segment: Path) -> Any:
    done = subprocess.run(
        ["node", "ksy.js", str(KSY), str(segment)],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read one quiet segment by the Kaitai description and with inspect."""
    segment = Segment(tmp_path_factory.mktemp("ksy"))
    try:
        segment.tell("step")
        segment.tell("freeze")
        ours = inspect_json(segment.path, "--all")
        return read_with_kaitai(segment.path), ours
    finally:
        segment.kill()


def regions(kaitai: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = [region for region in kaitai["regions"] if region["type"] == kind]
    assert found, f"no region {kind}"
    return found


def test_header_is_the_same(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    kaitai, ours = both
    assert kaitai["instance"] == ours["segment"]["instance"]
    assert kaitai["uuid"] == ours["segment"]["uuid"].replace("-", "")
    assert kaitai["pid"] == ours["segment"]["pid"]
    assert kaitai["map_size"] == ours["segment"]["size_bytes"]
    assert kaitai["state"].lower() == ours["writer"]["state"]
    assert kaitai["snap_seq"] > 0


def test_every_region_of_the_format_is_there_and_known(
    both: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    kaitai, _ = both
    types = {region["type"] for region in kaitai["regions"]}
    assert types == {
        *("DESC", "STRT", "KEYS", "ENUM", "BNDS", "JSON", "ROWD", "ROWC", "BANK"),
        *("SNAP", "INFL", "EVNT", "EVID", "SPAN", "HIST", "TEXT", "THRD", "LEDG"),
    }


def test_metrics_are_the_same(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    kaitai, ours = both
    (descriptors,) = regions(kaitai, "DESC")
    assert [
        (d["name"], d["prom_name"], d["kind"].lower()) for d in descriptors["contents"]
    ] == [(m["name"], m["prometheus_name"], m["kind"]) for m in ours["metrics"]]


def test_rows_are_the_same_and_snap_repeats_them(
    both: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    kaitai, ours = both
    rows = {region["kind"]: region["contents"] for region in regions(kaitai, "ROWD")}
    for kind, key in (("POOL", "pools"), ("WORKER", "workers"), ("TOOL", "tools")):
        assert [r["uid"] for r in rows[kind]] == [r["uid"] for r in ours[key]]
    for kind, key in (("POOL", "pools"), ("TOOL", "tools")):
        assert [r["name"] for r in rows[kind]] == [r["name"] for r in ours[key]]
    (snap,) = regions(kaitai, "SNAP")
    half = snap["contents"][kaitai["snap_seq"] % 2]
    assert half["seq"] == kaitai["snap_seq"]
    assert half["rows"][1:] == [
        [r["name"] for r in rows[kind]] for kind in ("POOL", "WORKER", "TOOL")
    ]


def test_records_are_the_same(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    kaitai, ours = both
    (events,) = regions(kaitai, "EVNT")
    assert [(e["seq"], e["mono_ns"], e["pid"]) for e in events["contents"]] == [
        (e["seq"], e["mono_ns"], e["pid"]) for e in ours["events"]
    ]
    (spans,) = regions(kaitai, "SPAN")
    assert [s["correlation_id"] for s in spans["contents"]] == [
        s["correlation_id"] for s in ours["spans"]
    ]
    (inflight,) = regions(kaitai, "INFL")
    assert inflight["contents"] == [r["correlation_id"] for r in ours["in_flight"]]
    assert spans["contents"], "the fixture has no spans, so nothing was compared"
    assert inflight["contents"], "the fixture has nothing in flight"
