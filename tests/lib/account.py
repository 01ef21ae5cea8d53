"""What one fault came to: what the runtime did, what was lost, what readers showed.

Pure functions of the events and of two looks at a segment by snakepit-inspect. Each
word in the tables of docs/reliability.md comes from a table here; their keys are closed
sets of shm/enums.def and names of shm/metrics.def, and a test holds them to those.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Event = Mapping[str, Any]
Report = Mapping[str, Any]
Cell = tuple[str, frozenset[tuple[str, str]]]

# What an event says that the runtime did; "" where it tells of something else, such as
# what was done to it, or where another event says the same.
KINDS = {
    "worker_moved": "",  # the state says it
    "heartbeat_missed": "",
    "runtime_started": "",
    "runtime_stopping": "",
    "runtime_stopped": "ended",
    "worker_suspected": "suspected",
    "worker_cleared": "cleared",
    "worker_fenced": "fenced",
    "kill_suppressed": "spared",
    "breaker_opened": "opened breaker",
    "breaker_probing": "probed",
    "breaker_closed": "closed breaker",
    "recycle_deferred": "put off",
    "pool_scaled": "scaled",
    "pool_drained": "drained pool",
    "pool_resumed": "resumed pool",
    "config_reloaded": "reloaded",
    "config_refused": "refused",
    "roll_started": "",
    "roll_finished": "rolled out",
    "roll_halted": "halted roll",
    "runtime_stalled": "knew its pause",
    "runtime_suspended": "knew its pause",
    "orphan_killed": "killed orphan",
    "reader_started": "",
    "reader_ended": "",
    "python_event": "",
}
# The same of the state to which a worker was moved.
STATES = {
    "empty": "",
    "spawning": "",
    "starting": "",
    "warming": "",
    "ready": "started",
    "draining": "drained",
    "stopping": "stopped",
    "killing": "killed",
    "exited": "reaped",
    "backoff": "backed off",
    "quarantined": "gave up",
    "lost": "set aside",
}
REPLACED = "replaced"  # ready, and not the first in its slot
# What no event tells: a counter of it has grown.
COUNTED = {
    "snakepit.pool.queue.rejections": "refused",
    "snakepit.frontdoor.refusals": "refused",
    "snakepit.request.retries": "retried",
    "snakepit.log.lines.dropped": "dropped lines",
}

FAILURES = "snakepit.request.failures"
# Whether a request that failed so was lost by the runtime or a worker: by the caller's
# own doing, limits and tools none is.
BLAMES = {
    "TOOL_ERROR": False,
    "CANCELLED": False,
    "UNKNOWN": True,
    "INVALID_ARGUMENT": False,
    "DEADLINE_EXCEEDED": False,
    "NOT_FOUND": False,
    "RESOURCE_EXHAUSTED": False,
    "UNIMPLEMENTED": False,
    "INTERNAL": True,
    "UNAVAILABLE": True,
    "OTHER": True,  # ABORTED among them: the session is over
}

# The numbers of which a reader sees that something has happened, in few words.
SHOWN = {
    "snakepit.worker.exits": "exits",
    "snakepit.worker.restarts": "restarts",
    "snakepit.worker.recycles": "recycles",
    "snakepit.worker.recycles.deferred": "recycles.deferred",
    "snakepit.worker.start_failures": "start_failures",
    "snakepit.worker.suspicions": "suspicions",
    "snakepit.worker.suspicions.cleared": "suspicions.cleared",
    "snakepit.worker.kills.suppressed": "kills.suppressed",
    "snakepit.worker.stack_captures": "stack_captures",
    "snakepit.pool.breaker.opens": "breaker.opens",
    "snakepit.pool.queue.rejections": "rejections",
    "snakepit.session.affinity": "affinity",
    FAILURES: "failures",
    "snakepit.frontdoor.refusals": "refusals",
    "snakepit.runtime.pauses": "pauses",
    "snakepit.runtime.orphans": "orphans",
    "snakepit.log.lines.dropped": "log.dropped",
}
# What of a label is no news.
USUAL = {"hit", "bound"}
# States, and what they are where all is well.
WELL = {
    "snakepit.worker.state": ("state", {"ready"}),
    "snakepit.worker.health": ("health", {"ok", "unknown"}),
    "snakepit.pool.breaker.state": ("breaker", {"closed"}),
}


@dataclasses.dataclass
class Account:
    """What one fault came to."""

    did: list[str]  # words, in the order of their first time
    lost: int  # requests
    shown: dict[str, int]  # by how much what a reader shows has changed


def cells(report: Report) -> dict[Cell, float]:
    """Give every number of a report by its name and labels."""
    return {
        (entry["name"], frozenset(series["labels"].items())): series.get(
            "value", series.get("count")
        )
        for entry in report["metrics"]
        for series in entry["series"]
    }


def total(numbers: Mapping[Cell, float], name: str, **labels: str) -> float:
    return sum(
        value
        for (metric, has), value in numbers.items()
        if metric == name and labels.items() <= set(has)
    )


def _grown(
    before: Mapping[Cell, float], after: Mapping[Cell, float]
) -> dict[Cell, int]:
    names = SHOWN.keys() | COUNTED.keys()
    return {
        key: by
        for key, value in after.items()
        if key[0] in names and (by := int(value - before.get(key, 0)))
    }


def steps(events: Iterable[Event]) -> list[str]:
    """Give in words what the runtime did, each thing once, in that order."""
    words: dict[str, None] = {}
    for event in events:
        word = KINDS[event["kind"]]
        if event["kind"] == "worker_moved":
            word = STATES[event["to"]]
            if event["to"] == "ready" and event["incarnation"] > 1:
                word = REPLACED
        words[word] = None
    return [word for word in words if word]


def _shown(report: Report, grown: Mapping[Cell, int]) -> dict[str, int]:
    """Give changes by metric and closed label, whichever pool or worker it was."""
    found: dict[str, int] = {}
    closed = {"reason", "code", "health", "result", "kind", "state"}
    for (metric, labels), by in grown.items():
        told = [value for label, value in sorted(labels) if label in closed]
        if metric in SHOWN and not USUAL & set(told):
            name = SHOWN[metric] + (f"{{{','.join(told)}}}" if told else "")
            found[name] = found.get(name, 0) + by
    for entry in report["metrics"]:
        name, well = WELL.get(entry["name"], ("", set()))
        for series in entry["series"]:
            if name and series["state"] not in {"empty", *well}:
                key = f"{name} {series['state']}"
                found[key] = found.get(key, 0) + 1
    verdict = report["writer"]["verdict"]
    return found if verdict == "alive" else {**found, f"writer {verdict}": 1}


def account(
    before: Mapping[Cell, float], report: Report, events: Iterable[Event]
) -> Account:
    """Tell what came of a fault, from the numbers before it and the report after it.

    What ran or waited in a runtime that was killed is lost as well.
    """
    after = cells(report)
    grown = _grown(before, after)
    codes = [
        (dict(key[1])["code"], by) for key, by in grown.items() if key[0] == FAILURES
    ]
    lost = sum(by for code, by in codes if BLAMES[code])
    if report["writer"]["verdict"] == "dead":
        lost += int(total(after, "snakepit.request.active"))
        lost += int(total(after, "snakepit.pool.queue.depth"))
    did = [*steps(events), *(COUNTED[name] for name, _ in grown if name in COUNTED)]
    return Account([*dict.fromkeys(did)], lost, _shown(report, grown))


def together(accounts: Sequence[Account]) -> Account:
    """Sum up what several runtimes, one after the other, made of one fault."""
    shown: dict[str, int] = {}
    for one in accounts:
        for name, by in one.shown.items():
            shown[name] = shown.get(name, 0) + by
    words = {word: None for one in accounts for word in one.did}
    return Account([*words], sum(one.lost for one in accounts), shown)


# ---- several times the same


def quantile(values: Sequence[float], q: float) -> float:
    """Give the value that a part `q` of them does not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[math.ceil(q * len(ranked)) - 1]


def span(values: Sequence[int]) -> str:
    least, most = min(values), max(values)
    return str(least) if least == most else f"{least}..{most}"


def words_of(runs: Sequence[Sequence[str]]) -> str:
    """Give what was done each time, and in brackets what only was now and then."""
    words = dict.fromkeys(word for run in runs for word in run)
    return ", ".join(
        word if all(word in run for run in runs) else f"({word})" for word in words
    )


def changes_of(runs: Sequence[Mapping[str, int]]) -> str:
    """Give what was shown and by how much, as a range where runs differ."""
    names = dict.fromkeys(name for run in runs for name in run)
    parts = []
    for name in names:
        by = span([run.get(name, 0) for run in runs])
        plain = " " in name  # a state: of how many
        parts.append(
            f"{name}" if plain and by == "1" else f"{name} {'x' if plain else '+'}{by}"
        )
    return ", ".join(parts)
