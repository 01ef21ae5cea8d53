#!/usr/bin/env python3
"""Print the traces in files of a Collector's file exporter, each as a tree.

trees.py traces.jsonl...
"""

from __future__ import annotations

import json
import signal
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

Span = dict[str, Any]
ERROR = 2  # a status, as OTLP numbers them


def spans(path: str) -> list[Span]:
    """Read the spans of a file, with the service each is of."""
    found = []
    for line in Path(path).read_text().splitlines():
        for batch in json.loads(line)["resourceSpans"]:
            about = {a["key"]: a["value"] for a in batch["resource"]["attributes"]}
            service = about["service.name"]["stringValue"]
            for scope in batch["scopeSpans"]:
                found += [{**span, "service": service} for span in scope["spans"]]
    return sorted(found, key=lambda span: int(span["startTimeUnixNano"]))


def show(span: Span, below: dict[str, list[Span]], depth: int = 0) -> None:
    """Print a span and, further to the right, those it caused."""
    ms = (int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e6
    failed = "  ERROR" if span.get("status", {}).get("code") == ERROR else ""
    name = "  " * depth + span["name"]
    print(f"  {name:<50} {span['service']:<16} {ms:9.3f} ms{failed}")
    for child in below[span["spanId"]]:
        show(child, below, depth + 1)


def main(paths: list[str]) -> None:
    """Print all traces, the first one first."""
    traces: dict[str, list[Span]] = defaultdict(list)
    for path in paths:
        for span in spans(path):
            traces[span["traceId"]].append(span)
    for trace, found in traces.items():
        print(f"trace {trace}")
        here = {span["spanId"] for span in found}
        below: dict[str, list[Span]] = defaultdict(list)
        for span in found:
            below[span.get("parentSpanId", "")].append(span)
        for parent in [parent for parent in below if parent not in here]:
            for span in below[parent]:
                show(span, below)


signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
main(sys.argv[1:])
