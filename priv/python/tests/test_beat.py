"""Signs of life: beats, progress and stacks of real workers, the lifeline."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import grpc
import pytest
from beat_page import BeatPage, make_memfd
from worker_process import DEADLINE_S, request, wait_for

from snakepit_bridge._beat import PAGE_BYTES, Word
from snakepit_bridge._proto import pb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_process import WorkerProcess

Start = Callable[..., "WorkerProcess"]

_ROOT = Path(__file__).resolve().parents[3]
_BUILD = _ROOT / os.environ.get("SNP_BUILD", "build")
_LIBRARY = str(_BUILD / "lib/libsnakepit-beat.so")
_SEQS = [Word.INTERPRETER_SEQ, Word.LOOP_SEQ, Word.PROCESS_SEQ]


@pytest.fixture
def page() -> Iterator[BeatPage]:
    with BeatPage() as made:
        yield made


@pytest.fixture
def beating(start: Start, page: BeatPage) -> WorkerProcess:
    """Start a worker with all that a runtime gives it."""
    worker = start(**page.arguments(), env={"SNAKEPIT_BEAT_LIBRARY": _LIBRARY})
    worker.wait_ready()
    return worker


@pytest.fixture
def stuck(beating: WorkerProcess, tmp_path: Path) -> Iterator[Any]:
    """Have a tool hold the interpreter's lock, in C, until it is sent a byte."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    call = beating.stub.ExecuteTool.future(request("hold_lock", fifo=str(fifo)))
    with fifo.open("wb", buffering=0) as release:
        yield lambda: (release.write(b"x"), call.result(DEADLINE_S))


def test_words_are_those_of_the_header() -> None:
    header = (_ROOT / "runtime/beat/beat_page.h").read_text()
    table = header.split("#define BEAT_WORDS(X)")[1].split("enum beat_word")[0]
    assert re.findall(r"X\((\w+),", table) == [word.name for word in Word]


# ---- beating -------------------------------------------------------------------------


def test_an_idle_worker_beats_in_all_its_parts(
    beating: WorkerProcess, page: BeatPage
) -> None:
    for word in _SEQS:
        page.wait_more(word)
        assert 0 < page[Word(word + 1)] <= time.monotonic_ns()
    assert page[Word.THREADS] >= 3
    assert page[Word.OPEN_FILES] >= 3
    assert page[Word.LOOP_LATE_NS] < 10**10
    assert page[Word.INTERPRETER_LATE_NS] < time.monotonic_ns()
    assert (page[Word.RECYCLE_WISH], page[Word.ABANDONED]) == (0, 0)
    beating.call("collect")
    assert page[Word.GC_COLLECTIONS] >= 1
    assert page[Word.GC_PAUSE_NS] > 0


def test_calls_chunks_and_adapters_make_progress(
    beating: WorkerProcess, page: BeatPage
) -> None:
    steps = []
    for message in [
        request("add", a=1),
        request("fail", message="it ended all the same"),
        request("come_forward", times=7),
    ]:
        before = page[Word.PROGRESS_SEQ]
        beating.stub.ExecuteTool(message, timeout=DEADLINE_S)
        steps.append(page[Word.PROGRESS_SEQ] - before)
    assert steps == [1, 1, 8]
    before = page[Word.PROGRESS_SEQ]
    chunks = list(beating.stub.ExecuteStreamingTool(request("count", to=5)))
    assert page[Word.PROGRESS_SEQ] - before == len(chunks)


def test_an_adapter_may_wish_for_its_replacement(
    beating: WorkerProcess, page: BeatPage
) -> None:
    beating.call("wish_recycle")
    assert page[Word.RECYCLE_WISH] == 1


def test_a_forked_child_leaves_the_page_alone(
    beating: WorkerProcess, page: BeatPage
) -> None:
    before = page[Word.PROGRESS_SEQ]
    assert beating.call("fork_and_beat") == 0
    assert page[Word.RECYCLE_WISH] == 0
    assert page[Word.PROGRESS_SEQ] == before + 1  # the call itself


def test_progress_shows_while_the_adapter_still_starts(
    start: Start, page: BeatPage, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    worker = start(
        "adapters_for_tests.StartsSlowly",
        **page.arguments(),
        env={"TEST_RELEASE": str(release)},
    )
    page.wait_more(Word.PROGRESS_SEQ, 20)
    assert page[Word.LOOP_SEQ] == 0  # judged only once there is a server
    release.touch()
    worker.wait_ready()


# ---- calls that nobody waits for -----------------------------------------------------


def test_a_cancelled_tool_keeps_its_place_and_the_page_says_so(
    beating: WorkerProcess, page: BeatPage, tmp_path: Path
) -> None:
    started, release = tmp_path / "started", tmp_path / "release"
    call = beating.begin(
        "hold",
        started,
        release=str(release),
        metadata={"correlation_id": "cid-left"},
    )
    assert page[Word.ABANDONED] == 0
    call.cancel()
    wait_for("the place is known to be taken", lambda: page[Word.ABANDONED] == 1)

    waiting = beating.stub.ExecuteTool.future(request("add", a=1))
    beating.wait_log(msg="a call waits for calls that nobody waits for")
    assert not waiting.done()
    release.touch()
    assert waiting.result(DEADLINE_S).success
    assert page[Word.ABANDONED] == 0
    line = beating.wait_log(msg="abandoned tool ended", correlation_id="cid-left")
    assert line["tool"] == "hold"


@pytest.mark.parametrize("timeout", [None, 1])
def test_a_tool_may_ask_whether_anybody_waits(
    beating: WorkerProcess, page: BeatPage, tmp_path: Path, timeout: float | None
) -> None:
    started, ended = tmp_path / "started", tmp_path / "ended"
    message = request("until_cancelled", started=str(started), ended=str(ended))
    call = beating.stub.ExecuteTool.future(message, timeout=timeout)
    wait_for("the tool runs", started.exists)
    if timeout is None:
        call.cancel()
    wait_for("the tool has seen it", ended.exists)
    wait_for("its place is free", lambda: page[Word.ABANDONED] == 0)


# ---- without this or that ------------------------------------------------------------


@pytest.mark.parametrize("library", [None, "/nowhere/libsnakepit-beat.so"])
def test_without_the_library_python_beats_alone(
    start: Start, page: BeatPage, library: str | None
) -> None:
    env = {} if library is None else {"SNAKEPIT_BEAT_LIBRARY": library}
    worker = start(**page.arguments(), env=env)
    worker.wait_ready()
    page.wait(Word.LOOP_SEQ)
    page.wait(Word.INTERPRETER_SEQ)
    assert page[Word.PROCESS_SEQ] == 0
    told = [line for line in worker.logs if "no native beat" in line["msg"]]
    assert len(told) == (0 if library is None else 1)
    worker.cut_lifeline()
    assert worker.exit_status() == 0


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: os.open("/dev/null", os.O_RDWR), "Invalid argument"),
        (lambda: make_memfd(PAGE_BYTES, 0), "not sealed"),
        (lambda: make_memfd(PAGE_BYTES // 2), "mmap length is greater"),
        (lambda: make_memfd(PAGE_BYTES), "no beat page in it"),
    ],
)
def test_a_wrong_page_is_told_and_stops_no_worker(
    start: Start, make: Callable[[], int], text: str
) -> None:
    fd = make()
    worker = start(
        arguments=["--beat-fd", str(fd)],
        inherit=[fd],
        env={"SNAKEPIT_BEAT_LIBRARY": _LIBRARY},
    )
    os.close(fd)
    worker.wait_ready()
    line = worker.wait_log(level="warning")
    assert line["msg"].startswith("no beat page: ")
    assert text in line["msg"]
    assert worker.call("add", a=1) == 2
    worker.cut_lifeline()
    assert worker.exit_status() == -signal.SIGKILL  # the native thread watches it


def test_descriptors_that_are_not_open_stop_no_worker(start: Start) -> None:
    arguments = ["--beat-fd", "77", "--stacks-fd", "78", "--lifeline-fd", "79"]
    env = {"SNAKEPIT_BEAT_LIBRARY": _LIBRARY}
    worker = start(arguments=arguments, env=env)
    worker.wait_ready()
    worker.wait_log(msg="no native beat: Bad file descriptor")
    assert worker.call("add", a=1) == 2


# ---- with the interpreter's lock held ------------------------------------------------


def test_the_process_beats_while_its_interpreter_cannot(
    beating: WorkerProcess, page: BeatPage, stuck: Callable[[], Any]
) -> None:
    with pytest.raises(grpc.RpcError) as late:
        beating.stub.Heartbeat(pb.HeartbeatRequest(), timeout=0.3)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    before = page[Word.INTERPRETER_SEQ]
    page.wait_more(Word.PROCESS_SEQ, 20)
    assert page[Word.INTERPRETER_SEQ] == before
    stuck()
    page.wait_more(Word.INTERPRETER_SEQ)


def test_stacks_come_with_the_lock_held(
    beating: WorkerProcess, page: BeatPage, stuck: Callable[[], Any]
) -> None:
    def stacks_of_the_tool() -> bool:
        beating.process.send_signal(signal.SIGUSR1)
        return "in hold_lock" in page.stacks()

    wait_for("the stack of the tool", stacks_of_the_tool)
    assert "_main.py" in page.stacks()  # all threads
    _, response = stuck()
    assert json.loads(response.result.value) == 1
    assert beating.stderr() == ""


def test_the_lifelines_end_takes_a_stuck_worker_and_its_children(
    beating: WorkerProcess, tmp_path: Path
) -> None:
    child = beating.call("start_child")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    call = beating.stub.ExecuteTool.future(request("hold_lock", fifo=str(fifo)))
    with fifo.open("wb"):
        assert not call.done()
        beating.cut_lifeline()
        assert beating.exit_status() == -signal.SIGKILL
    wait_for("the child's end", lambda: not _runs(child))


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(") ")[2][0] != "Z"
