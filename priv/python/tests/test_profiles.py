"""How many calls run at a time: one, or exactly as many as the thread profile has."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Callable

import pytest
from worker_process import DEADLINE_S, request

if TYPE_CHECKING:
    from worker_process import WorkerProcess


def _all_results(worker: WorkerProcess, messages: list[Any]) -> list[Any]:
    calls = [worker.stub.ExecuteTool.future(message) for message in messages]
    responses = [call.result(DEADLINE_S) for call in calls]
    assert all(response.success for response in responses), responses
    return [json.loads(response.result.value) for response in responses]


def test_the_process_profile_serialises(worker: WorkerProcess) -> None:
    assert max(_all_results(worker, [request("overlap") for _ in range(20)])) == 1


def test_the_thread_profile_runs_as_many_as_its_capacity_and_no_more(
    threaded: WorkerProcess,
) -> None:
    # A barrier of three passes only when three calls are inside together; six calls, of
    # which a fourth at a time would show in the peak.
    peaks = _all_results(threaded, [request("meet", parties=3) for _ in range(6)])
    assert max(peaks) == 3


def test_eight_threads_do_eight_calls_in_the_time_of_one(
    start: Callable[..., WorkerProcess],
) -> None:
    worker = start("adapters_for_tests.ThreadedTools", max_workers=8)
    worker.wait_ready()
    began = time.monotonic()
    _all_results(worker, [request("sleep", seconds=1.0) for _ in range(8)])
    assert time.monotonic() - began < 6  # one after the other they would take 8


@pytest.mark.parametrize("tool", ["meet_for_session", "meet_async"])
def test_parallel_calls_see_their_own_session(
    threaded: WorkerProcess, tool: str
) -> None:
    names = [f"session-{number}" for number in range(3)]
    messages = [request(tool, session_id=name, parties=3) for name in names]
    assert _all_results(threaded, messages) == names
