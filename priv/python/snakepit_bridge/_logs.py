"""JSON log lines: one object a line, on a descriptor or on stderr.

Only configure() changes the process's logging, and only the worker's main() calls it.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import time
import traceback
from datetime import datetime, timezone

from ._correlation import get_correlation_id
from ._trace import current_ids
from ._traceparent import TraceIds

__all__ = ["JsonFormatter", "LineHandler", "RequestFilter", "configure"]

_REQUEST_KEYS = ("correlation_id", *TraceIds._fields)

_QUEUED_LINES = 4096
_STDERR = 2

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "none": logging.CRITICAL + 1,
}


def configure(fd: int | None, level_name: str, worker_id: str) -> LineHandler:
    """Send all of the process's log records to `fd` (stderr if None) as JSON lines.

    Returns the handler, whose flush() belongs before the process ends.
    """
    handler = LineHandler(_STDERR if fd is None else fd)
    handler.addFilter(RequestFilter())
    handler.setFormatter(JsonFormatter(worker_id))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS.get(level_name.strip().lower(), logging.INFO))
    logging.captureWarnings(capture=True)
    return handler


class RequestFilter(logging.Filter):
    """Adds to records what request they belong to; the ids are None outside of one."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if not hasattr(record, "correlation_id"):
            record.correlation_id = get_correlation_id()
        ids = current_ids()
        for key in TraceIds._fields:
            if not hasattr(record, key):
                setattr(record, key, getattr(ids, key, None))
        return True


class JsonFormatter(logging.Formatter):
    """Makes one JSON object of a record, in ASCII, so that a line is always one line.

    `logger.info(text, extra={"fields": {...}})` adds keys; they cannot replace the
    standard ones.
    """

    def __init__(self, worker_id: str) -> None:
        """Take what is the same in every line."""
        super().__init__()
        self._worker_id = worker_id
        self._pid = os.getpid()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its newline."""
        line: dict[str, object] = {
            "ts": _rfc3339(record.created),
            "level": _level_name(record.levelno),
            "msg": record.getMessage(),
            "logger": record.name,
            "pid": self._pid,
            "worker_id": self._worker_id,
        }
        for key in _REQUEST_KEYS:
            if value := getattr(record, key, None):
                line[key] = value
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info))
        for key, value in getattr(record, "fields", {}).items():
            line.setdefault(key, value)
        return json.dumps(line, default=str)


class LineHandler(logging.Handler):
    """Writes lines to a descriptor from a thread of its own.

    A pipe that nobody reads must not stop the event loop, and with it the heartbeats:
    lines that find the queue full are dropped, and a later line says how many.
    """

    def __init__(self, fd: int) -> None:
        """Start the writing thread; the descriptor stays the caller's."""
        super().__init__()
        self._fd = fd
        self._queue: queue.Queue[bytes] = queue.Queue(_QUEUED_LINES)
        self._dropped = 0
        threading.Thread(
            target=self._write_lines, name="snakepit-log", daemon=True
        ).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record's line; the handler's lock is held, so one at a time."""
        try:
            if self._dropped and not self._queue.full():
                dropped, self._dropped = self._dropped, 0
                note = logging.LogRecord(
                    __name__,
                    logging.WARNING,
                    "",
                    0,
                    "%d log lines dropped",
                    (dropped,),
                    None,
                )
                self._queue.put_nowait(self._line(note))
            self._queue.put_nowait(self._line(record))
        except queue.Full:
            self._dropped += 1
        except Exception:  # noqa: BLE001 - logging never raises into the program
            self.handleError(record)

    def flush(self, timeout_s: float = 1.0) -> None:
        """Wait until the queued lines are written, but no longer than this."""
        deadline = time.monotonic() + timeout_s
        with self._queue.all_tasks_done:
            while self._queue.unfinished_tasks:
                left = deadline - time.monotonic()
                if left <= 0 or not self._queue.all_tasks_done.wait(left):
                    return

    def _line(self, record: logging.LogRecord) -> bytes:
        return self.format(record).encode("ascii") + b"\n"

    def _write_lines(self) -> None:
        while True:
            line = self._queue.get()
            try:
                while line:
                    line = line[os.write(self._fd, line) :]
            except OSError:
                pass  # the reader is gone; the lifeline will end this process
            finally:
                self._queue.task_done()


def _rfc3339(seconds: float) -> str:
    stamp = datetime.fromtimestamp(seconds, timezone.utc)
    return stamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _level_name(level: int) -> str:
    if level >= logging.ERROR:
        return "error"
    if level >= logging.WARNING:
        return "warning"
    return "info" if level >= logging.INFO else "debug"
