"""Clients that ask an exporter a lot, or slowly, for as long as a `with` lasts."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def scrape(port: int) -> int:
    """Fetch the page on a connection of its own; its size."""
    size = 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(REQUEST)
        while chunk := connection.recv(1 << 20):
            size += len(chunk)
    return size


@contextlib.contextmanager
def _in_threads(nr: int, work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Have `work` done again and again by so many threads."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            work(over)

    threads = [threading.Thread(target=repeat) for _ in range(nr)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def each_10_ms(port: int) -> contextlib.AbstractContextManager[None]:
    def work(over: threading.Event) -> None:
        scrape(port)
        over.wait(0.01)

    return _in_threads(1, work)


def a_hundred_at_once(port: int) -> contextlib.AbstractContextManager[None]:
    def work(_: threading.Event) -> None:
        scrape(port)

    return _in_threads(100, work)


@contextlib.contextmanager
def slow_loris(port: int) -> Iterator[None]:
    """Hold a hundred connections whose requests never end."""
    held: list[socket.socket] = []
    try:
        for _ in range(100):
            held.append(socket.create_connection(("127.0.0.1", port), timeout=60))
            held[-1].sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")

        def drip(over: threading.Event) -> None:
            for connection in held:
                # The server ends them in the end, as it should.
                with contextlib.suppress(OSError):
                    connection.sendall(b"a")
            over.wait(0.05)

        with _in_threads(1, drip):
            yield
    finally:
        for connection in held:
            connection.close()
