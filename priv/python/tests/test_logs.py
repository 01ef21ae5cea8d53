"""JSON log lines, and the handler that never blocks."""

from __future__ import annotations

import json
import logging
import os
import re
from typing import Any

import pytest
from worker_process import wait_for

from snakepit_bridge import _logs, telemetry


def _format(*arguments: Any, **options: Any) -> str:
    record = logging.getLogger("some.logger").makeRecord(
        "some.logger", logging.INFO, __file__, 1, *arguments, **options
    )
    _logs.RequestFilter().filter(record)
    return _logs.JsonFormatter("pool/0#1").format(record)


def test_line_has_the_agreed_keys() -> None:
    line = json.loads(_format("hello %s", ("you",), None))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("ts"))
    assert line == {
        "level": "info",
        "msg": "hello you",
        "logger": "some.logger",
        "pid": os.getpid(),
        "worker_id": "pool/0#1",
    }


def test_line_carries_the_correlation_id_and_fields() -> None:
    token = telemetry.set_correlation_id("cid-1")
    extra = {"fields": {"tool": "t", "msg": "not replaced"}}
    line = json.loads(_format("text", (), None, extra=extra))
    telemetry.reset_correlation_id(token)
    assert (line["correlation_id"], line["tool"]) == ("cid-1", "t")
    assert line["msg"] == "text"


@pytest.mark.parametrize("text", ['a\n{"level":"error"}', "\u2028\x00\r", "\ud800"])
def test_nothing_logged_can_break_out_of_its_line(text: str) -> None:
    line = _format("%s", (text,), None)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["msg"] == text


def test_exceptions_go_into_the_line() -> None:
    try:
        raise ValueError("bad")  # noqa: EM101, TRY301
    except ValueError as exc:
        line = json.loads(_format("failed", (), (ValueError, exc, exc.__traceback__)))
    assert line["exception"].endswith("ValueError: bad\n")


def test_a_pipe_nobody_reads_drops_and_counts_instead_of_blocking() -> None:
    read, write = os.pipe()
    handler = _logs.LineHandler(write)
    handler.setFormatter(_logs.JsonFormatter("w"))
    sent = 10_000  # more than pipe and queue together hold

    def log(text: str) -> None:
        handler.handle(logging.LogRecord("n", logging.INFO, "", 0, text, (), None))

    for _ in range(sent):
        log("x" * 200)
    wait_for("lines were dropped", lambda: handler._dropped)
    messages: list[str] = []
    with os.fdopen(read) as reader:
        while len(messages) < handler._queue.maxsize:
            messages.append(json.loads(reader.readline())["msg"])
        wait_for("the queue has space", lambda: not handler._queue.full())
        log("last")
        while messages[-1] != "last":
            messages.append(json.loads(reader.readline())["msg"])
        handler.flush()
        os.close(write)
    notes = [text for text in messages if text.endswith("log lines dropped")]
    dropped = sum(int(text.split()[0]) for text in notes)
    assert len(messages) - len(notes) + dropped == sent + 1
