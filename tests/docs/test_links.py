"""Every link of the documentation leads somewhere, and every page can be found."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pages import ROOT, Page, anchors, executable_pages

# Sites that pages may send their readers to; whether they answer is not asked here.
SITES = {
    "docs.datadoghq.com",
    "docs.honeycomb.io",
    "docs.aws.amazon.com",
    "cloud.google.com",
    "github.com",
    "grafana.com",
    "grpc.io",
    "hexdocs.pm",
    "kubernetes.io",
    "opentelemetry.io",
    "prometheus.io",
    "www.freedesktop.org",
    "www.w3.org",
}
FOLDERS = "docs|examples|packaging|priv|proto|reader|runtime|shm|tests|tools"
NAMED_PATH = re.compile(rf"`((?:{FOLDERS})/[\w./@-]+)`")
METRIC = re.compile(r"(?<![:\w])snakepit_(?!bridge|segment\b|runtime\b)[a-z_]+[a-z]\b")
LABELS = {"snakepit_pool_name", "snakepit_instance"}  # as OpenTelemetry names them
NO_KEYS = {"queue.h", "telemetry.dropped", "telemetry.emit", "telemetry.span"}
CLICKS = 2

PAGES = [
    *executable_pages(),
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
    *sorted((ROOT / "shm" / "format").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]


@functools.cache
def read(path: Path) -> Page:
    # Only pages whose commands are executed keep the rules for blocks.
    if path in executable_pages():
        return Page.read(path)
    page = Page(path)
    inside = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        inside ^= line.lstrip().startswith("```")
        if not inside:
            page.prose.append((number, line))
            if match := re.match(r"#{1,6} +(.*?)$", line):
                page.headings.append(match[1])
    return page


def problem(page: Page, target: str) -> str | None:
    """Say what is wrong with where a link leads."""
    url = urlsplit(target)
    if url.scheme:
        fine = url.scheme == "https" and url.hostname in SITES
        return None if fine else "not https, or not a site of the list (SITES)"
    path = (page.path.parent / url.path).resolve() if url.path else page.path
    if not path.is_relative_to(ROOT) or not path.exists():
        return "no such file"
    if url.fragment and url.fragment not in anchors(read(path)):
        return f"no such heading in {path.name}"
    return None


def neighbours(path: Path) -> Iterator[Path]:
    for link in read(path).links():
        url = urlsplit(link.target)
        if not url.scheme and url.path:
            found = (path.parent / url.path).resolve()
            yield from found.glob("*.md") if found.is_dir() else [found]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    page = read(path)
    wrong = [
        f"{page.name}:{link.line}: {link.target}: {why}"
        for link in page.links()
        if (why := problem(page, link.target))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "path", executable_pages(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_files_that_are_named_exist(path: Path) -> None:
    page = read(path)
    wrong = [
        f"{page.name}:{number}: {named}"
        for number, line in page.prose
        for named in NAMED_PATH.findall(line)
        if not (ROOT / named).exists()
        and not list((ROOT / named).parent.glob(f"{Path(named).name}[._-]*"))
    ]
    assert not wrong, "\n".join(wrong)


def test_metrics_that_are_named_exist() -> None:
    tables = "".join(
        (ROOT / table).read_text()
        for table in ("docs/metrics.md", "reader/prometheus/own.def")
    )
    names = set(re.findall(r"\b(?:snakepit_[a-z_]+[a-z]|scrape_[a-z_]+)\b", tables))
    wrong = [
        f"{page.name}: {name}"
        for page in map(read, executable_pages())
        for name in METRIC.findall(page.path.read_text())
        if name not in LABELS and not any(known.startswith(name) for known in names)
    ]
    assert not wrong, "\n".join(wrong)


def known_keys() -> set[str]:
    """Keys with their sections, as the tables of the configuration have them."""
    found, section = set(), ""
    for _, line in read(ROOT / "docs" / "configuration.md").prose:
        if match := re.match(r"### `(.*)`$", line):
            section = match[1].removeprefix("pools[].") + "."
            found.add(section.rstrip("."))
        elif match := re.match(r"\| `(\w+)` \|", line):
            found.add(section + match[1])
    return found


def test_keys_that_are_named_exist() -> None:
    keys = known_keys()
    sections = "|".join({k.split(".")[0] for k in keys if "." in k} - {"pools[]"})
    named = re.compile(rf"`(?:pools\[\]\.)?((?:{sections})(?:\.[a-z_]+)+)[:`]")
    assert {"heartbeat.enabled", "telemetry.traces.ratio", "queue.limit"} <= keys
    wrong = [
        f"{page.name}:{number}: {key}"
        for page in map(read, executable_pages())
        for number, line in page.prose
        for key in named.findall(line)
        if key not in keys | NO_KEYS
    ]
    assert not wrong, "\n".join(wrong)


def test_every_page_is_two_clicks_from_the_readme() -> None:
    seen = near = {ROOT / "README.md"}
    for _ in range(CLICKS):
        near = {n for p in near if p in PAGES for n in neighbours(p)} - seen
        seen = seen | near
    lost = [str(p.relative_to(ROOT)) for p in executable_pages() if p not in seen]
    assert not lost


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("gone.md", "no such file"),
        ("../../etc/passwd", "no such file"),
        ("#gone", "no such heading"),
        ("../README.md#gone", "no such heading"),
        ("http://prometheus.io/", "not https"),
        ("https://example.org/", "not a site"),
    ],
)
def test_a_link_that_leads_nowhere_is_told(target: str, said: str) -> None:
    page = Page.parse(ROOT / "docs" / "page.md", "# Page\n")
    page.path = ROOT / "docs" / "cli.md"
    assert said in (problem(page, target) or "")
