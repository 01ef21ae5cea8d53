"""Do all agree? The callers' ledger, the segment, /metrics and the log.

Pure: everything was read before. Requests and kills that are not ours (somebody tries
`snakepit exec` meanwhile) are known from the log, and expected by their number.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Iterable, List, Mapping, Optional, Sequence, Tuple

from .journal import Journal
from .ledger import OK, Ledger
from .samples import Key, Samples

__all__ = ["COUNTERS", "Check", "Evidence", "Kill", "judge"]

# What stands still once no request runs, and so can be compared to the last unit.
COUNTERS = (
    "snakepit_requests_total",
    "snakepit_request_failures_total",
    "snakepit_request_retries_total",
    "snakepit_request_duration_seconds_count",
    "snakepit_pool_requests_total",
    "snakepit_pool_request_outcomes_total",
    "snakepit_pool_queue_rejections_total",
    "snakepit_pool_queue_wait_duration_seconds_count",
    "snakepit_frontdoor_refusals_total",
    "snakepit_worker_starts_total",
    "snakepit_worker_start_failures_total",
    "snakepit_worker_exits_total",
    "snakepit_worker_restarts_total",
    "snakepit_worker_lifetime_duration_seconds_count",
)
_KNOWN_CODES = {
    "TOOL_ERROR",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "RESOURCE_EXHAUSTED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
}
_PLANNED_EXITS = {"clean", "recycled", "shutdown", "orphan"}
_SHOWN = 4


@dataclass(frozen=True)
class Kill:
    """A worker that we killed, and how long until another one served in its place."""

    pool: str
    slot: int
    pid: int
    replaced_in: Optional[float]


@dataclass(frozen=True)
class Evidence:
    """Everything that is compared. Read when no request was left and all workers up."""

    ledger: Ledger
    journal: Journal
    segment: Samples
    metrics: Samples
    kills: Sequence[Kill]
    workers: Mapping[str, int]  # configured, by pool


@dataclass(frozen=True)
class Check:
    """One comparison: what agreed, or what did not."""

    name: str
    problems: Tuple[str, ...]
    summary: str

    @property
    def good(self) -> bool:
        """Say whether all agreed."""
        return not self.problems


def judge(evidence: Evidence) -> List[Check]:
    """Make every comparison; a list of all of them, good or not."""
    return [
        _one_outcome_each(evidence),
        _log_agrees(evidence),
        _requests(evidence),
        _failures(evidence),
        _refusals(evidence),
        _pool_books(evidence),
        _durations(evidence),
        _restarts(evidence),
        _heartbeats(evidence),
        _metrics_page(evidence),
    ]


def _check(name: str, problems: Iterable[str], summary: str) -> Check:
    found = list(problems)
    shown = found[:_SHOWN]
    if len(found) > _SHOWN:
        shown.append(f"and {len(found) - _SHOWN} more")
    return Check(name, tuple(shown), summary)


def _differences(what: str, expected: Mapping, found: Mapping) -> List[str]:  # type: ignore[type-arg]
    return [
        f"{what} {_name(k)}: expected {expected.get(k, 0):g}, found {found.get(k, 0):g}"
        for k in sorted({*expected, *found}, key=_name)
        if expected.get(k, 0) != found.get(k, 0)
    ]


def _name(thing: object) -> str:
    if isinstance(thing, tuple):
        return "/".join(_name(part) for part in thing)
    if isinstance(thing, frozenset):
        return "{" + ",".join(f"{k}={v}" for k, v in sorted(thing)) + "}"
    return str(thing)


# ---- what happened: our calls, and others' by the log ------------------------------


def _expected(evidence: Evidence) -> Counter[Tuple[str, str, str]]:
    counts = evidence.ledger.counts()
    ours = {call.correlation_id for call in evidence.ledger.calls()}
    ours.update(evidence.ledger.pending())
    for call in evidence.journal.requests:
        if call.correlation_id not in ours:
            counts[call.pool, call.tool, call.code] += 1
    return counts


def _by_series(samples: Samples, name: str, *labels: str) -> Counter[Tuple[str, ...]]:
    found: Counter[Tuple[str, ...]] = Counter()
    for (series, have), value in samples.items():
        if series == name and value:
            found[tuple(dict(have)[label] for label in labels)] += int(value)
    return found


# ---- the comparisons -------------------------------------------------------------


def _one_outcome_each(evidence: Evidence) -> Check:
    calls = evidence.ledger.calls()
    problems = [f"{name} never ended" for name in evidence.ledger.pending()]
    if not calls:
        problems.append("not a single call was made")
    return _check("calls", problems, f"{len(calls)} calls, each with one outcome")


def _log_agrees(evidence: Evidence) -> Check:
    lines = evidence.journal.by_correlation_id()
    problems = []
    for call in evidence.ledger.calls():
        logged = lines.get(call.correlation_id, [])
        if len(logged) != 1:
            problems.append(f"{call.correlation_id} is in the log {len(logged)} times")
        elif (logged[0].tool, logged[0].code) != (call.tool, call.code):
            problems.append(
                f"{call.correlation_id}: we saw {call.tool} {call.code}, "
                f"the log {logged[0].tool} {logged[0].code}"
            )
    others = sum(map(len, lines.values())) - len(evidence.ledger.calls())
    summary = f"{len(lines)} requests, each once and with the same outcome"
    if others > 0:
        summary += f" ({others} of them not ours)"
    return _check("log", problems, summary)


def _requests(evidence: Evidence) -> Check:
    expected: Counter[Tuple[str, ...]] = Counter()
    for (pool, tool, _code), count in _expected(evidence).items():
        if pool:
            expected[pool, tool] += count
    found = _by_series(evidence.segment, "snakepit_requests_total", "pool", "method")
    return _check(
        "requests",
        _differences("requests", expected, found),
        f"{sum(found.values())} requests of {len(found)} tools",
    )


def _failures(evidence: Evidence) -> Check:
    expected: Counter[Tuple[str, ...]] = Counter()
    for (pool, tool, code), count in _expected(evidence).items():
        if pool and code != OK:
            expected[pool, tool, code if code in _KNOWN_CODES else "OTHER"] += count
    name = "snakepit_request_failures_total"
    found = _by_series(evidence.segment, name, "pool", "method", "code")
    return _check(
        "failures",
        _differences("failures", expected, found),
        f"{sum(found.values())} failures of {len({f[2] for f in found})} kinds",
    )


def _refusals(evidence: Evidence) -> Check:
    expected: Counter[Tuple[str, ...]] = Counter()
    for (pool, _tool, code), count in _expected(evidence).items():
        if not pool:
            expected[(code,)] += count
    found = _by_series(evidence.segment, "snakepit_frontdoor_refusals_total", "code")
    return _check(
        "refusals",
        _differences("refusals", expected, found),
        f"{sum(found.values())} calls for a pool that there is not",
    )


def _pool_books(evidence: Evidence) -> Check:
    problems = []
    expected = _expected(evidence)
    for pool in evidence.workers:
        value = evidence.segment.value
        requests = value("snakepit_pool_requests_total", pool=pool)
        outcomes = evidence.segment.total(
            "snakepit_pool_request_outcomes_total", pool=pool
        )
        active = value("snakepit_request_active", pool=pool)
        queued = value("snakepit_pool_queue_depth", pool=pool)
        seen = sum(n for (p, _tool, _code), n in expected.items() if p == pool)
        good = sum(
            n for (p, _t, code), n in expected.items() if (p, code) == (pool, OK)
        )
        ok = value("snakepit_pool_request_outcomes_total", pool=pool, outcome="ok")
        if requests != outcomes + active + queued:
            problems.append(
                f"{pool}: {requests:g} requests are not {outcomes:g} outcomes + "
                f"{active:g} running + {queued:g} queued"
            )
        if (requests, ok) != (seen, good):
            problems.append(
                f"{pool}: expected {seen} requests and {good} good outcomes, "
                f"found {requests:g} and {ok:g}"
            )
        if active or queued:
            problems.append(f"{pool}: {active:g} running, {queued:g} queued at the end")
    return _check("books", problems, "requests = outcomes + running + queued")


def _durations(evidence: Evidence) -> Check:
    segment = evidence.segment
    counted = _by_series(segment, "snakepit_requests_total", "pool", "method")
    timed = _by_series(
        segment, "snakepit_request_duration_seconds_count", "pool", "method"
    )
    return _check(
        "durations",
        _differences("durations", counted, timed),
        f"{sum(timed.values())} durations, one a request",
    )


def _restarts(evidence: Evidence) -> Check:
    problems = []
    killed = Counter(kill.pool for kill in evidence.kills)
    logged = {entry.pid for entry in evidence.journal.ended if entry.reason == "signal"}
    for kill in evidence.kills:
        if kill.replaced_in is None:
            problems.append(f"{kill.pool}/{kill.slot} was not replaced")
        if kill.pid not in logged:
            problems.append(
                f"the log has no end of {kill.pool}/{kill.slot} ({kill.pid})"
            )
    for pool in evidence.workers:
        problems.extend(_restarts_of(evidence, pool, killed[pool]))
    slow = max((kill.replaced_in or 0 for kill in evidence.kills), default=0)
    total = evidence.segment.total("snakepit_worker_restarts_total")
    return _check(
        "restarts",
        problems,
        f"killed {len(evidence.kills)} times, {total:g} restarts"
        + (f", the slowest took {slow:.1f} s" if evidence.kills else ""),
    )


def _restarts_of(evidence: Evidence, pool: str, killed: int) -> List[str]:
    exits = _by_series(
        evidence.segment, "snakepit_worker_exits_total", "pool", "reason"
    )
    logged = Counter(
        entry.reason for entry in evidence.journal.ended if entry.pool == pool
    )
    problems = [
        f"{pool}: {count} exits by {reason} counted, {logged[reason]} logged"
        for reason in sorted({*logged, *(r for p, r in exits if p == pool)})
        if (count := exits[pool, reason]) != logged[reason]
    ]
    signals = exits[pool, "signal"]
    if signals < killed:
        problems.append(f"{pool}: {killed} workers killed, {signals} exits by signal")
    unplanned = sum(
        count
        for (owner, reason), count in exits.items()
        if owner == pool and reason not in _PLANNED_EXITS
    )
    restarts = evidence.segment.total("snakepit_worker_restarts_total", pool=pool)
    if restarts != unplanned:
        problems.append(f"{pool}: {unplanned} unplanned exits, {restarts:g} restarts")
    return problems


def _heartbeats(evidence: Evidence) -> Check:
    problems = []
    segment = evidence.segment
    pings = segment.total("snakepit_heartbeat_pings_total")
    pongs = segment.total("snakepit_heartbeat_pongs_total")
    failures = segment.total("snakepit_heartbeat_failures_total")
    # A worker has one heartbeat under way at most.
    workers = sum(evidence.workers.values())
    for pool, number in evidence.workers.items():
        for slot in range(number):
            labels = {"pool": pool, "worker": str(slot)}
            if not segment.value("snakepit_heartbeat_pings_total", **labels):
                problems.append(f"{pool}/{slot} was never sent a heartbeat")
    if not 0 <= pings - pongs - failures <= workers:
        problems.append(
            f"{pings:g} pings - {pongs:g} pongs - {failures:g} failures = "
            f"{pings - pongs - failures:g}, expected 0 to {workers} under way"
        )
    return _check(
        "heartbeats",
        problems,
        f"{pings:g} sent, {pongs:g} answered, {failures:g} failed",
    )


def _metrics_page(evidence: Evidence) -> Check:
    expected = evidence.segment.of(COUNTERS)
    found = evidence.metrics.of(COUNTERS)
    problems = _differences("series", expected, found)
    missing: List[Key] = [k for k in expected if k not in found]
    problems += [f"/metrics lacks {_name(k)}" for k in missing if not expected[k]]
    if evidence.metrics.total("snakepit_up") != 1:
        problems.append("snakepit_up is not 1")
    return _check(
        "metrics", problems, f"{len(found)} series of /metrics equal the segment's"
    )
