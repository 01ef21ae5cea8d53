"""After the tests of the pages: which commands of them no test executes, and why."""

from __future__ import annotations

import contextlib

import pytest
from pages import Page, PageError, executable_pages


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("commands that are not executed")
    for path in executable_pages():
        with contextlib.suppress(PageError):  # a test of its own says so
            page = Page.read(path)
            for block in page.blocks:
                if block.not_run:
                    first = block.text.partition("\n")[0]
                    where = f"{page.name}:{block.line}"
                    terminalreporter.line(f"{where}: {first}: {block.not_run}")
