"""The kinds of errors: one table in C, told to readers of docs/requests.md."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(
    r'^ERROR_KIND\(\w+,\s*"(?P<name>\w+)",\s*(?P<code>\w+),\s*(?P<retry>\w+),'
    r'\s*\w+,\s*"(?P<meaning>[^"]*)"\)$',
    re.MULTILINE,
)


def rows() -> list[str]:
    """Each kind as its line of the page."""
    table = (ROOT / "runtime/pool/error_kinds.def").read_text()
    kinds = [match.groupdict() for match in ROW.finditer(table)]
    assert len(kinds) == table.count("\nERROR_KIND(")
    return [
        f"| `{kind['name']}` | {status(kind)} | {kind['retry'].lower()} "
        f"| {kind['meaning']} |"
        for kind in kinds
    ]


def status(kind: dict[str, str]) -> str:
    worker_status = kind["name"] == "worker_status"
    return "the worker's own" if worker_status else f"`{kind['code']}`"


def test_the_page_lists_every_kind_and_no_other() -> None:
    page = (ROOT / "docs/requests.md").read_text()
    listed = [line for line in page.splitlines() if re.match(r"\| `[a-z_]+` \|", line)]
    affinities = ("| `hint`", "| `strict_")
    assert [line for line in listed if not line.startswith(affinities)] == rows()
