"""Every name that a rule or a dashboard may ask for, and what an expression asks for.

Names come from where they are made: the metrics of the segment from docs/metrics.md,
which is generated from shm/metrics.def, those of the exporters from their own tables,
and those of the recording rules from these rules.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "tools/monitoring"
RULES = MONITORING / "prometheus/rules"
# What Prometheus makes itself.
BUILT_IN = {"up", "scrape_samples_scraped", "scrape_duration_seconds", "ALERTS"}
_PARTS = ("_bucket", "_sum", "_count")
# Of a histogram without buckets of its own, +Inf is the only one.
_OTLP_SUFFIXES = {"COUNTER": ("_total",), "TIME": tuple(f"_seconds{p}" for p in _PARTS)}


def rules(name: str) -> list[dict[str, Any]]:
    """Return the rules of a file."""
    groups = yaml.safe_load((RULES / name).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def names() -> set[str]:
    """Return every series there can be."""
    page = (ROOT / "docs/metrics.md").read_text()
    found = {
        name
        for line in re.findall(r"^- Prometheus: (.*)$", page, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", line)
    }
    own = (ROOT / "reader/prometheus/own.def").read_text()
    found |= set(re.findall(r'^OWN\(\w+, "(\w+)"', own, re.MULTILINE))
    own = (ROOT / "reader/otlp/own.def").read_text()
    for kind, name in re.findall(r'^OWN\(\w+, (\w+), "([\w.]+)"', own, re.MULTILINE):
        for suffix in _OTLP_SUFFIXES.get(kind, ("",)):
            found.add(name.replace(".", "_") + suffix)
    found |= {rule["record"] for rule in rules("recording.yml")}
    assert len(found) > 100, found
    return found | BUILT_IN


def asked(expression: str) -> set[str]:
    """Return the names of the series that a PromQL expression asks for."""
    text = re.sub(r"\{[^{}]*\}|\[[^\]]*\]", " ", expression)
    text = re.sub(r'"[^"]*"', " ", text)
    clause = r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)"
    text = re.sub(clause, " ", text)
    words = re.findall(r"(?<![\w.:$])[a-zA-Z_:][\w:]*(?!\w)(?!\s*\()", text)
    keywords = {"by", "without", "on", "ignoring", "or", "and", "unless", "bool"}
    return {word for word in words if word not in keywords}
