"""Count what an adapter does; every reader of the runtime's metrics shows it.

::

    from snakepit_bridge import metrics

    tokens = metrics.counter("tokens", unit="{token}", description="Tokens made.")
    loss = metrics.gauge("loss")
    batch = metrics.histogram("batch.size", unit="{item}")

    tokens.add(17)
    loss.set(0.25)
    batch.record(32)

Counters and histograms are summed over the workers of a pool and go on when one is
replaced; a gauge is each worker's own. There are no labels of the adapter's: what is to
be told apart gets metrics of its own. A call takes less than a microsecond, and may
come from any thread. Without a runtime, as in tests, the same calls count in memory
that nobody reads but `value`.

A name is made of letters and digits, in words joined by single dots or underscores; a
unit is `s`, `By`, `%`, `1`, `{thing}` or empty. What is wrong with a declaration is
logged once, as an error, and its metric counts nowhere: no adapter fails for it. Of
names without end the first hundred are logged.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from bisect import bisect_left
from typing import Final, TypeVar, final

from ._feed import (
    COUNTER,
    GAUGE,
    HISTOGRAM,
    LONG_STEP_NS,
    NO_VALUE,
    SUM_WORD,
    UPPER_NS,
    Feed,
    FeedFullError,
)
from ._sealed import PageError

__all__ = ["Counter", "Gauge", "Histogram", "counter", "gauge", "histogram"]

_logger = logging.getLogger(__name__)

_NAME_MAX, _TEXT_MAX, _UNIT_MAX = 63, 167, 23
_REFUSED_MAX: Final = 100  # names with an id in them would fill log and memory
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([._][A-Za-z0-9]+)*")
_UNIT = re.compile(r"s|By|%|1|\{[A-Za-z0-9_]+\}|")
_RESERVED = re.compile(r"(snakepit|process|scrape|otel|target|up)([._].*)?")
_TOTAL = re.compile(r"[._]total$")
_ENDING = re.compile(r".*[._](total|created|info|bucket|sum|count)")
_NS_PER_S: Final = 1_000_000_000
_U64: Final = 0xFFFFFFFFFFFFFFFF


class _Metric:
    """A metric's first word in the feed, and the lock of who adds to its words.

    The lock can be taken again by who has it, because a finalizer or a signal handler
    may count in the middle of a call that counts.
    """

    __slots__ = ("_at", "_lock", "_words", "name", "unit")

    KIND = 0

    def __init__(self, name: str, unit: str, words: memoryview, at: int) -> None:
        self.name = name
        self.unit = unit
        self._at = at
        self.bind(words)

    def bind(self, words: memoryview) -> None:
        """Count in other memory from now on."""
        self._lock = threading.RLock()
        self._words = words


class Counter(_Metric):
    """Only grows: a whole number, or seconds where that is its unit."""

    __slots__ = ()

    KIND = COUNTER

    def add(self, amount: float = 1) -> None:
        """Add to it; raises ValueError for less than 0, TypeError for parts of one."""
        if amount < 0:
            msg = f"counter {self.name} only grows, so {amount} cannot be added"
            raise ValueError(msg)
        try:
            with self._lock:
                self._words[self._at] += amount  # type: ignore[call-overload]
        except TypeError:
            msg = f"counter {self.name} takes whole numbers, not {amount!r}"
            raise TypeError(msg) from None

    @property
    def value(self) -> float:
        """What this process has added so far."""
        return self._words[self._at]


@final
class _SecondsCounter(Counter):
    __slots__ = ()

    def add(self, amount: float = 1) -> None:
        super().add(round(amount * _NS_PER_S))

    @property
    def value(self) -> float:
        return self._words[self._at] / _NS_PER_S


@final
class Gauge(_Metric):
    """Says how much there is of something now, in this worker."""

    __slots__ = ("_numbers",)

    KIND = GAUGE

    def bind(self, words: memoryview) -> None:
        """Count in other memory from now on."""
        super().bind(words)
        self._numbers = words.cast("B").cast("d")

    def set(self, value: float) -> None:
        """Replace the value."""
        self._numbers[self._at] = value

    @property
    def value(self) -> float:
        """What was set last; NaN before the first time."""
        return self._numbers[self._at]


class Histogram(_Metric):
    """Counts values by size, in steps of 9 %.

    Seconds from a microsecond to 68 minutes; of other units 0.0001 to 250000. The sum
    begins anew at 1.8e10.
    """

    __slots__ = ()

    KIND = HISTOGRAM
    _STEP = LONG_STEP_NS

    def record(self, value: float) -> None:
        """Count a value; raises ValueError for less than 0."""
        parts = int(value * _NS_PER_S + 0.5)
        if parts < 0:
            msg = f"histogram {self.name} takes no value below 0, so not {value}"
            raise ValueError(msg)
        words, at = self._words, self._at  # to look them up costs as much as to count
        bucket = at + bisect_left(UPPER_NS, -(-parts // self._STEP))
        with self._lock:
            words[bucket] += 1
            words[at + SUM_WORD] = words[at + SUM_WORD] + parts & _U64

    @property
    def count(self) -> int:
        """How many values this process has recorded."""
        return sum(self._words[self._at : self._at + SUM_WORD])

    @property
    def sum(self) -> float:
        """The sum of them."""
        return self._words[self._at + SUM_WORD] / _NS_PER_S


@final
class _SecondsHistogram(Histogram):
    __slots__ = ()

    _STEP = 1


M = TypeVar("M", bound=_Metric)


class _Registry:
    """The metrics of this process, by name."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._feed = Feed()
        self._metrics: dict[str, _Metric] = {}
        self._refused: dict[tuple[type[_Metric], str, str], _Metric] = {}

    def attach(self, fd: int) -> None:
        with self._lock:
            self._feed.attach(fd)
            self._rebind()
        os.register_at_fork(after_in_child=self.detach)

    def detach(self) -> None:
        """Leave the feed to the parent, in the child of a fork."""
        self._lock = threading.RLock()
        self._feed.detach()
        self._rebind()

    def _rebind(self) -> None:
        for metric in self._metrics.values():
            metric.bind(self._feed.words)

    def metric(self, cls: type[M], name: str, unit: str, text: str) -> M:
        """Return the metric; one that counts nowhere where there can be none such."""
        problem = _problem_of(name, unit, cls.KIND)
        with self._lock:
            known = self._metrics.get(name)
            if isinstance(known, cls) and known.unit == unit:
                return known
            if known:
                problem = f"it is there already, as {_described(known)}"
            if not problem:
                try:
                    return self._make(cls, name, unit, text)
                except FeedFullError:
                    problem = "a worker has no room for so many metrics"
            return self._refuse(cls, name, unit, problem)

    def _make(self, cls: type[M], name: str, unit: str, text: str) -> M:
        clean = text.encode("utf-8", "replace").replace(b"\0", b"?")[:_TEXT_MAX]
        text = clean.decode("utf-8", "ignore")
        # Released and taken again: what is stored before is seen before what is after.
        fence = threading.Lock()
        with fence:
            publish = self._feed.declare(cls.KIND, name, unit, text)
        with fence:
            at = publish()
        metric = cls(name, unit, self._feed.words, at)
        self._metrics[name] = metric
        return metric

    def _refuse(self, cls: type[M], name: str, unit: str, problem: str) -> M:
        key = (cls, name, unit)
        known = self._refused.get(key)
        if isinstance(known, cls):
            return known
        words = memoryview(bytearray(8 * (SUM_WORD + 1))).cast("Q")
        metric = cls(name, unit, words, 0)
        if cls.KIND == GAUGE:
            words[0] = NO_VALUE
        if len(self._refused) < _REFUSED_MAX:
            self._refused[key] = metric
            _logger.error("metric %s counts nowhere: %s", _described(metric), problem)
            if len(self._refused) == _REFUSED_MAX:
                _logger.error("more metrics count nowhere; they are not named here")
        return metric


def _described(metric: _Metric) -> str:
    kind = {COUNTER: "counter", GAUGE: "gauge", HISTOGRAM: "histogram"}[metric.KIND]
    return f"{metric.name!r} ({kind}, unit {metric.unit!r})"


def _problem_of(name: str, unit: str, kind: int) -> str:
    """Return why there can be no such metric, "" where there can."""
    if not _NAME.fullmatch(name) or len(name) > _NAME_MAX:
        return (
            f"a name has at most {_NAME_MAX} letters and digits, in words joined by"
            " single dots or underscores"
        )
    if _RESERVED.fullmatch(name):
        return "names that begin like this are the runtime's and exporters' own"
    if kind == COUNTER:  # may have that ending once
        name = _TOTAL.sub("", name)
    ending = _ENDING.fullmatch(name)
    if ending:
        return f"exporters add _{ending[1]} themselves"
    if not _UNIT.fullmatch(unit) or len(unit) > _UNIT_MAX:
        return "a unit is s, By, %, 1, {thing} or empty"
    return ""


_registry = _Registry()


def counter(name: str, *, unit: str = "", description: str = "") -> Counter:
    """Return the counter of that name; made, where there is none yet."""
    cls = _SecondsCounter if unit == "s" else Counter
    return _registry.metric(cls, name, unit, description)


def gauge(name: str, *, unit: str = "", description: str = "") -> Gauge:
    """Return the gauge of that name; made, where there is none yet."""
    return _registry.metric(Gauge, name, unit, description)


def histogram(name: str, *, unit: str = "s", description: str = "") -> Histogram:
    """Return the histogram of that name; made, where there is none yet."""
    cls = _SecondsHistogram if unit == "s" else Histogram
    return _registry.metric(cls, name, unit, description)


def start_feeding(fd: int) -> None:
    """Let the runtime read what is counted, through the memory behind `fd`.

    What cannot be used is logged and left alone: it never stops a worker.
    """
    try:
        _registry.attach(fd)
    except (OSError, PageError) as exc:
        _logger.warning("metrics are not shown: descriptor %d: %s", fd, exc)
    else:
        os.close(fd)
