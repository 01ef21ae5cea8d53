"""Counters as (name, labels) -> number, from the segment and from /metrics alike."""

from __future__ import annotations

import re
from typing import Any, Dict, FrozenSet, Iterable, Mapping, Tuple

__all__ = ["Key", "Samples", "key", "parse_exposition", "parse_inspect"]

Key = Tuple[str, FrozenSet[Tuple[str, str]]]

_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


def key(name: str, **labels: str) -> Key:
    """Name one series."""
    return name, frozenset(labels.items())


class Samples(Dict[Key, float]):
    """Series and their values; a series that is not there counts as 0."""

    def value(self, name: str, **labels: str) -> float:
        """Return the value of exactly this series."""
        return self.get(key(name, **labels), 0)

    def total(self, name: str, **labels: str) -> float:
        """Add up all series of the name that carry these labels."""
        wanted = frozenset(labels.items())
        return sum(v for (n, have), v in self.items() if n == name and wanted <= have)

    def of(self, names: Iterable[str]) -> Samples:
        """Return the series of these names alone."""
        wanted = set(names)
        return Samples({k: v for k, v in self.items() if k[0] in wanted})

    def label_values(self, name: str, label: str) -> set[str]:
        """Return the values that a label has among the series of a name."""
        return {dict(labels)[label] for n, labels in self if n == name}


def parse_exposition(text: str) -> Samples:
    """Parse Prometheus text 0.0.4; raises ValueError with the line that is none."""
    samples = Samples()
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = _SAMPLE.match(line)
        if match is None:
            msg = f"not a sample: {line!r}"
            raise ValueError(msg)
        labels = _parse_labels(match[2] or "", line)
        samples[match[1], frozenset(labels.items())] = float(match[3])
    return samples


def _parse_labels(text: str, line: str) -> Dict[str, str]:
    labels: Dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if match is None:
            msg = f"malformed labels: {line!r}"
            raise ValueError(msg)
        labels[match[1]] = re.sub(r"\\.", lambda m: _ESCAPES.get(m[0], m[0]), match[2])
        at = match.end()
    return labels


def parse_inspect(report: Mapping[str, Any]) -> Samples:
    """Take the numbers of `snakepit-inspect --json`; of histograms their counts."""
    samples = Samples()
    for metric in report["metrics"]:
        name = metric["prometheus_name"]
        for series in metric["series"]:
            labels = frozenset(series["labels"].items())
            if "count" in series:
                samples[name + "_count", labels] = series["count"]
            else:
                samples[name, labels] = series["value"]
    return samples
