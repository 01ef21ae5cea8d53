"""The commands of README.md and docs/*.md, executed as they stand there."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import is_sanitized
from pages import ROOT, Page, executable_pages
from session import Failure, namespaces, run_page

TOGETHER = 4  # pages mostly wait

Run = Callable[[Path], list[Failure]]


@pytest.fixture(scope="module")
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Start all pages that were asked for; give what became of one."""
    if is_sanitized():
        pytest.skip("the pages are about programs as users have them")
    if namespaces() is None:
        pytest.skip("no namespaces for this user: unshare is not allowed")
    asked = [
        Path(str(item.callspec.params["path"]))
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
    ]
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        jobs = {
            path: pool.submit(run_page, Page.read(path))
            for path in asked
            if not missing(path)
        }
        yield lambda path: jobs[path].result()


def missing(path: Path) -> list[str]:
    return [file for file in Page.read(path).needs if not (ROOT / file).exists()]


@pytest.mark.parametrize(
    "path", executable_pages(), ids=lambda path: str(path.relative_to(ROOT))
)
def test_page(path: Path, run: Run) -> None:
    if without := missing(path):
        pytest.skip(f"{', '.join(without)} is not here: make peers (needs Go)")
    failures = run(path)
    assert not failures, "\n".join(map(str, failures))
