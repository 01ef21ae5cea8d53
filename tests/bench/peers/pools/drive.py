#!/usr/bin/env python3
"""Call a pool of two workers from threads, and say how that went.

    drive.py PEER [ADDRESS FORM PID]

Starts the peer (Snakepit is started by who calls this; its ADDRESS and PID are given,
and the FORM of what it is sent, "json" or "binary"); calls `work` in it with each
payload and so many calls in flight, ends it, and prints a line of JSON for each: calls
a second, p50 and p99 in microseconds, the memory of the pool's processes afterwards,
without this one. Every peer is called from Python, as its users would, and every answer
is compared with what was sent.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from work import work

HERE = Path(__file__).resolve().parent
WORKERS = 2
THREADS = 32  # of one worker, where a worker has threads
WARM_S, SPAN_S = 0.5, 2.0
PAYLOADS = {"64 B": 64, "1 MiB": 1 << 20}
IN_FLIGHT = (1, 16, 64)
PATIENCE_S = 60

Call = Callable[[str], str]
Caller = Callable[[], contextlib.AbstractContextManager[Call]]  # one for each thread


# ---- Services ------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def program(*words: str, port: int = 0, **more: str) -> Iterator[None]:
    """Run a program, from the time that it takes connections."""
    env = {**os.environ, "PYTHONPATH": str(HERE), **more}
    process = subprocess.Popen(
        words, cwd=HERE, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + PATIENCE_S
        while port:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port)),
            ):
                break
            assert process.poll() is None, f"{words[0]}: status {process.returncode}"
            assert time.monotonic() < end, f"{words[0]} does not listen"
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def processes() -> Iterator[Caller]:
    """concurrent.futures.ProcessPoolExecutor of the standard library."""
    with concurrent.futures.ProcessPoolExecutor(WORKERS) as pool:
        yield lambda: contextlib.nullcontext(
            lambda text: pool.submit(work, text).result()
        )


@contextlib.contextmanager
def grpcio() -> Iterator[Caller]:
    """Servers of grpcio and nothing else; each caller has one of them."""
    import grpc

    ports = [free_port() for _ in range(WORKERS)]
    turn = iter(range(1 << 30))

    @contextlib.contextmanager
    def caller() -> Iterator[Call]:
        target = f"127.0.0.1:{ports[next(turn) % WORKERS]}"
        with grpc.insecure_channel(target) as channel:
            call: Any = channel.unary_unary("/peers.Work/Call")
            yield lambda text: call(text.encode(), timeout=PATIENCE_S).decode()

    with contextlib.ExitStack() as stack:
        for port in ports:
            words = (sys.executable, "work.py", str(port), str(THREADS))
            stack.enter_context(program(*words, port=port))
        yield caller


@contextlib.contextmanager
def snakepit(address: str, form: str, _pid: str) -> Iterator[Caller]:
    """Snakepit's front door, called with grpcio; the text goes as JSON, or as bytes."""
    import grpc
    from snakepit_bridge._generated import pool_pb2, pool_pb2_grpc

    def as_json(stub: Any, text: str) -> str:
        arguments = {"text": json.dumps(text).encode()}
        message = pool_pb2.ExecuteRequest(
            pool="default", tool="work", arguments=arguments
        )
        answer = stub.Execute(message, timeout=PATIENCE_S)
        result: str = json.loads(answer.result_json)
        return result

    def as_bytes(stub: Any, text: str) -> str:
        message = pool_pb2.ExecuteRequest(
            pool="default", tool="work_bytes", binary={"data": text.encode()}
        )
        answer: Any = stub.Execute(message, timeout=PATIENCE_S)
        result: str = answer.binary_result.decode()
        return result

    call = {"json": as_json, "binary": as_bytes}[form]

    @contextlib.contextmanager
    def caller() -> Iterator[Call]:
        with grpc.insecure_channel(
            address, options=[("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            yield functools.partial(call, pool_pb2_grpc.PoolStub(channel))

    yield caller


def over_http(port: int) -> Caller:
    @contextlib.contextmanager
    def caller() -> Iterator[Call]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)

        def call(text: str) -> str:
            connection.request("POST", "/", text.encode())
            return connection.getresponse().read().decode()

        with contextlib.closing(connection):
            yield call

    return caller


@contextlib.contextmanager
def gunicorn() -> Iterator[Caller]:
    port = free_port()
    words = f"-m gunicorn -k gthread -w {WORKERS} --threads {THREADS} work:wsgi"
    bind = ("-b", f"127.0.0.1:{port}", "--keep-alive", "60")
    with program(sys.executable, *words.split(), *bind, port=port):
        yield over_http(port)


@contextlib.contextmanager
def uwsgi() -> Iterator[Caller]:
    port = free_port()
    words = f"--master --processes {WORKERS} --threads {THREADS} --module work:wsgi"
    door = ("--http11-socket", f"127.0.0.1:{port}", "--die-on-term")
    path = str(Path(sys.executable).with_name("uwsgi"))
    with program(path, *words.split(), *door, port=port):
        yield over_http(port)


@contextlib.contextmanager
def ray_actors() -> Iterator[Caller]:
    """Ray's actors, in turns; each runs many calls at once."""
    import ray  # type: ignore[import-not-found]

    ray.init(num_cpus=WORKERS, include_dashboard=False, logging_level="error")
    try:
        kind = ray.remote(num_cpus=1, max_concurrency=THREADS)(Actor)
        actors = [kind.remote() for _ in range(WORKERS)]
        turn = iter(range(1 << 30))

        def caller() -> contextlib.AbstractContextManager[Call]:
            actor = actors[next(turn) % WORKERS]
            return contextlib.nullcontext(lambda text: ray.get(actor.work.remote(text)))

        yield caller
    finally:
        ray.shutdown()


class Actor:
    def work(self, text: str) -> str:
        return work(text)


@contextlib.contextmanager
def celery() -> Iterator[Caller]:
    """Celery's prefork pool, with Redis between."""
    port = free_port()
    os.environ["REDIS_URL"] = url = f"redis://127.0.0.1:{port}/0"
    quiet = ("--save", "", "--appendonly", "no", "--bind", "127.0.0.1")
    worker = f"-m celery -A celery_app worker -P prefork -c {WORKERS} -l error"
    with (
        program("redis-server", "--port", str(port), *quiet, port=port),
        program(sys.executable, *worker.split(), REDIS_URL=url),
    ):
        from celery_app import task

        lock = threading.Lock()  # its senders share a connection

        def call(text: str) -> str:
            with lock:
                sent = task.delay(text)
            # Its own wait is one thread's alone; Redis is asked by each.
            end = time.monotonic() + PATIENCE_S
            while not (found := sent.backend.client.get(key(sent))):
                assert time.monotonic() < end
                time.sleep(0.001)
            result: str = json.loads(found)["result"]
            return result

        def key(sent: object) -> bytes:
            name: bytes = task.backend.get_key_for_task(sent.id)  # type: ignore[attr-defined]
            return name

        yield lambda: contextlib.nullcontext(call)


PEERS: dict[str, Callable[..., contextlib.AbstractContextManager[Caller]]] = {
    "snakepit": snakepit,
    "grpcio": grpcio,
    "ProcessPoolExecutor": processes,
    "gunicorn": gunicorn,
    "uWSGI": uwsgi,
    "Ray": ray_actors,
    "Celery": celery,
}


# ---- Load ----------------------------------------------------------------------------


def load(caller: Caller, text: str, threads: int) -> dict[str, float]:
    """Call from so many threads for a while; what the calls after the warm-up took."""
    took: list[float] = []
    wrong: list[str] = []
    ready = threading.Barrier(threads)

    def run() -> None:
        mine = []
        try:
            with caller() as call:
                call(text)
                ready.wait(PATIENCE_S)
                begin = time.perf_counter()
                while (start := time.perf_counter()) < begin + WARM_S + SPAN_S:
                    assert call(text) == text, "another answer than was sent"
                    if start >= begin + WARM_S:
                        mine.append(time.perf_counter() - start)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
            ready.abort()
            wrong.append(repr(error))
        took.extend(mine)

    group = [threading.Thread(target=run) for _ in range(threads)]
    for thread in group:
        thread.start()
    for thread in group:
        thread.join()
    if wrong:
        raise RuntimeError(wrong[0])
    took.sort()
    return {
        "calls_s": len(took) / SPAN_S,
        "p50_us": took[len(took) // 2] * 1e6,
        "p99_us": took[len(took) * 99 // 100] * 1e6,
    }


def descendants(pid: int) -> list[int]:
    """List a process's children, and theirs; those that end meanwhile are left out."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


def memory_mib(pids: list[int]) -> float:
    """Sum up what processes take: of what several share, each its part (PSS)."""
    kib = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            kib += int(text.partition("\nPss:")[2].split()[0])
    return kib / 1024


def main() -> None:
    name, *more = sys.argv[1:]
    given = [int(more[-1])] if more else []
    with PEERS[name](*more) as caller:
        for payload, size in PAYLOADS.items():
            for threads in IN_FLIGHT:
                found = load(caller, "x" * size, threads)
                pool = given + descendants(given[0] if given else os.getpid())
                found["memory_mib"] = memory_mib(pool)
                line = {"payload": payload, "in_flight": threads, **found}
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
