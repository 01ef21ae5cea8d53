"""The demo's comparison: it accepts what agrees, and notices any single wrong count."""

from __future__ import annotations

import dataclasses

import pytest
from demo.journal import Ended, Journal, read_journal
from demo.ledger import Call, Ledger, LedgerError
from demo.samples import Samples, key, parse_exposition, parse_inspect
from demo.verdict import COUNTERS, Evidence, Kill, judge

CALLS = [
    ("c1", "default", "word_stats", "OK"),
    ("c2", "default", "word_stats", "OK"),
    ("c3", "default", "fail", "TOOL_ERROR"),
    ("c4", "default", "slow", "UNAVAILABLE"),
    ("c5", "search", "search", "OK"),
    ("c6", "", "search", "NOT_FOUND"),
]


def evidence() -> Evidence:
    """Six calls, one of them refused, one lost to a kill; every count agrees."""
    ledger = Ledger()
    for correlation_id, pool, tool, code in CALLS:
        ledger.open(correlation_id, pool, tool)
        ledger.close(correlation_id, code, 0.1)
    segment = Samples()

    def put(name: str, value: float, **labels: str) -> None:
        segment[key(f"snakepit_{name}", **labels)] = value

    for pool, tool, count in (
        ("default", "word_stats", 2),
        ("default", "fail", 1),
        ("default", "slow", 1),
        ("default", "_OTHER", 0),
        ("search", "search", 1),
    ):
        put("requests_total", count, pool=pool, method=tool)
        put("request_duration_seconds_count", count, pool=pool, method=tool)
    put("request_failures_total", 1, pool="default", method="fail", code="TOOL_ERROR")
    put("request_failures_total", 1, pool="default", method="slow", code="UNAVAILABLE")
    put("request_failures_total", 0, pool="default", method="slow", code="INTERNAL")
    put("frontdoor_refusals_total", 1, code="NOT_FOUND")
    put("log_lines_dropped_total", 0)
    for pool, requests, good in (("default", 4, 2), ("search", 1, 1)):
        put("pool_requests_total", requests, pool=pool)
        put("pool_request_outcomes_total", good, pool=pool, outcome="ok")
        put("pool_request_outcomes_total", requests - good, pool=pool, outcome="error")
        put("request_active", 0, pool=pool)
        put("pool_queue_depth", 0, pool=pool)
        put("heartbeat_pings_total", 7, pool=pool, worker="0")
        put("heartbeat_pongs_total", 6, pool=pool, worker="0")
    put("heartbeat_failures_total", 1, pool="default", worker="0", reason="worker_exit")
    put("worker_exits_total", 1, pool="default", reason="signal")
    put("worker_exits_total", 0, pool="default", reason="oom")
    put("worker_restarts_total", 1, pool="default", worker="0")
    put("worker_restarts_total", 0, pool="search", worker="0")
    metrics = Samples(segment.of(COUNTERS))
    metrics[key("snakepit_up")] = 1
    return Evidence(
        ledger=ledger,
        journal=Journal(
            requests=[Call(*call, 0.1) for call in CALLS],
            ended=[Ended("default", 100, "signal")],
        ),
        segment=segment,
        metrics=metrics,
        kills=[Kill("default", 0, 100, 0.8)],
        workers={"default": 1, "search": 1},
    )


def failed(given: Evidence) -> set[str]:
    return {check.name for check in judge(given) if not check.good}


def changed(given: Evidence, difference: float, name: str, **labels: str) -> Evidence:
    """Change one count in the segment and, as it would be, on the page."""
    segment, metrics = Samples(given.segment), Samples(given.metrics)
    which = key(f"snakepit_{name}", **labels)
    assert which in segment
    segment[which] += difference
    if which in metrics:
        metrics[which] += difference
    return dataclasses.replace(given, segment=segment, metrics=metrics)


def test_what_agrees_is_good() -> None:
    checks = judge(evidence())
    assert [check.problems for check in checks] == [()] * len(checks)
    assert all(check.summary for check in checks)


@pytest.mark.parametrize("difference", [1, -1])
@pytest.mark.parametrize(
    "which",
    sorted(
        (name, labels)
        for name, labels in (
            (series[0], tuple(sorted(series[1]))) for series in evidence().segment
        )
        if name != "snakepit_log_lines_dropped_total"
    ),
    ids=str,
)
def test_any_single_wrong_count_is_noticed(
    which: tuple[str, tuple[tuple[str, str], ...]], difference: int
) -> None:
    name, labels = which
    # One heartbeat more or less under way is fine; two pongs more than pings are not.
    if "heartbeat" in name:
        difference *= 10
    short = name[len("snakepit_") :]
    assert failed(changed(evidence(), difference, short, **dict(labels)))


@pytest.mark.parametrize("difference", [1, -1])
@pytest.mark.parametrize("which", sorted(evidence().metrics, key=str), ids=str)
def test_any_wrong_series_of_the_page_is_noticed(
    which: tuple[str, frozenset[tuple[str, str]]], difference: int
) -> None:
    given = evidence()
    given.metrics[which] += difference
    assert failed(given) == {"metrics"}


@pytest.mark.parametrize("which", sorted(evidence().metrics, key=str), ids=str)
def test_a_series_that_the_page_lacks_is_noticed(
    which: tuple[str, frozenset[tuple[str, str]]],
) -> None:
    given = evidence()
    del given.metrics[which]
    assert failed(given) == {"metrics"}


def test_a_call_without_outcome_is_noticed() -> None:
    given = evidence()
    given.ledger.open("c7", "default", "slow")
    assert "calls" in failed(given)


def test_no_call_at_all_is_noticed() -> None:
    given = dataclasses.replace(evidence(), ledger=Ledger())
    assert "calls" in failed(given)


def test_a_request_that_the_log_lacks_or_has_twice_is_noticed() -> None:
    given = evidence()
    given.journal.requests.pop()
    assert "log" in failed(given)
    given = evidence()
    given.journal.requests.append(given.journal.requests[0])
    assert "log" in failed(given)


def test_another_outcome_in_the_log_is_noticed() -> None:
    given = evidence()
    given.journal.requests[0] = dataclasses.replace(
        given.journal.requests[0], code="INTERNAL"
    )
    assert failed(given) == {"log"}


def test_requests_of_others_are_expected_by_the_log() -> None:
    given = evidence()
    given.journal.requests.append(Call("x1", "default", "word_stats", "OK", 0.1))
    assert failed(given) >= {"requests", "books"}
    for name, labels in (
        ("requests_total", {"pool": "default", "method": "word_stats"}),
        (
            "request_duration_seconds_count",
            {"pool": "default", "method": "word_stats"},
        ),
        ("pool_requests_total", {"pool": "default"}),
        ("pool_request_outcomes_total", {"pool": "default", "outcome": "ok"}),
    ):
        given = changed(given, 1, name, **labels)
    assert failed(given) == set()


def test_kills_of_others_are_expected_by_the_log() -> None:
    given = evidence()
    given.journal.ended.append(Ended("default", 101, "signal"))
    assert failed(given) == {"restarts"}
    given = changed(given, 1, "worker_exits_total", pool="default", reason="signal")
    assert failed(given) == {"restarts"}
    given = changed(given, 1, "worker_restarts_total", pool="default", worker="0")
    assert failed(given) == set()


def test_a_kill_without_replacement_is_noticed() -> None:
    given = dataclasses.replace(evidence(), kills=[Kill("default", 0, 100, None)])
    assert failed(given) == {"restarts"}


def test_a_kill_that_nobody_counted_is_noticed() -> None:
    given = evidence()
    given = dataclasses.replace(
        given, kills=[*given.kills, Kill("search", 0, 102, 0.5)]
    )
    assert failed(given) == {"restarts"}


def test_a_worker_without_heartbeat_is_noticed() -> None:
    given = dataclasses.replace(evidence(), workers={"default": 2, "search": 1})
    assert failed(given) == {"heartbeats"}


def test_codes_without_a_name_of_their_own_count_as_other() -> None:
    given = evidence()
    given.ledger.open("c7", "search", "search")
    given.ledger.close("c7", "ABORTED", 0.1)
    given.journal.requests.append(Call("c7", "search", "search", "ABORTED", 0.1))
    given.segment[
        key(
            "snakepit_request_failures_total",
            pool="search",
            method="search",
            code="OTHER",
        )
    ] = 1
    assert "failures" not in failed(given)


def test_many_problems_are_cut_short() -> None:
    given = evidence()
    given.journal.requests.clear()
    (log,) = (check for check in judge(given) if check.name == "log")
    assert len(log.problems) == 5
    assert log.problems[-1] == "and 2 more"


class TestLedger:
    def test_a_call_is_closed_once(self) -> None:
        ledger = Ledger()
        ledger.open("a", "p", "t")
        assert ledger.pending() == ["a"]
        ledger.close("a", "OK", 1.0)
        assert ledger.pending() == []
        assert ledger.counts() == {("p", "t", "OK"): 1}
        with pytest.raises(LedgerError):
            ledger.close("a", "OK", 1.0)

    def test_an_id_is_used_once(self) -> None:
        ledger = Ledger()
        ledger.open("a", "p", "t")
        with pytest.raises(LedgerError):
            ledger.open("a", "p", "t")
        ledger.close("a", "OK", 1.0)
        with pytest.raises(LedgerError):
            ledger.open("a", "p", "t")


class TestJournal:
    def test_the_runtimes_own_lines_count_and_nothing_else(self) -> None:
        request = (
            '{"component": "pool", "msg": "request finished", "correlation_id": "c",'
            ' "pool": "p", "tool": "t", "code": "OK", "duration_ms": 1500}'
        )
        worker = (
            '{"component": "worker", "msg": "worker ended", "worker": "p/0#1",'
            ' "worker_pid": 7, "reason": "signal"}'
        )
        foreign = request.replace('"component"', '"logger"')
        journal = read_journal(
            [request, worker, foreign, "Segmentation fault", "[1]", "", request[:50]]
        )
        assert journal.requests == [Call("c", "p", "t", "OK", 1.5)]
        assert journal.ended == [Ended("p", 7, "signal")]


class TestSamples:
    def test_exposition_is_parsed_with_its_escapes(self) -> None:
        samples = parse_exposition(
            "# HELP a b\n# TYPE a counter\n"
            'a_total{x="1",y="q\\"\\\\ n\\n,}"} 3\n'
            "b 4.5e1 1700000000000\n\n"
            'c{le="+Inf"} +Inf\n'
        )
        assert samples == {
            key("a_total", x="1", y='q"\\ n\n,}'): 3,
            key("b"): 45,
            key("c", le="+Inf"): float("inf"),
        }

    @pytest.mark.parametrize("text", ["a", "a{x=1} 2", 'a{x="1} 2', "a b", "{} 1"])
    def test_what_is_no_exposition_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            parse_exposition(text)

    def test_inspect_gives_values_and_counts(self) -> None:
        report = {
            "metrics": [
                {
                    "prometheus_name": "a_total",
                    "series": [{"labels": {"p": "x"}, "value": 3}],
                },
                {
                    "prometheus_name": "h",
                    "series": [{"labels": {}, "count": 2, "sum_ns": 5}],
                },
            ]
        }
        assert parse_inspect(report) == {key("a_total", p="x"): 3, key("h_count"): 2}

    def test_total_adds_what_carries_the_labels(self) -> None:
        samples = Samples(
            {key("a", p="x", q="1"): 1, key("a", p="x", q="2"): 2, key("a", p="y"): 4}
        )
        assert samples.total("a") == 7
        assert samples.total("a", p="x") == 3
        assert samples.value("a", p="y") == 4
        assert samples.value("a", p="z") == 0
        assert samples.label_values("a", "p") == {"x", "y"}
