"""The function that every pool runs, and what each of them wants around it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T", str, bytes)


def work(data: T) -> T:
    """Give back what came: what is measured is the way there and back."""
    return data


def wsgi(
    environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    """Serve it under gunicorn and uWSGI."""
    size = int(environ["CONTENT_LENGTH"])
    body = work(environ["wsgi.input"].read(size).decode()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def serve_grpc(port: int, threads: int) -> None:
    """Serve it with grpcio and nothing else."""
    from concurrent import futures

    import grpc

    def handle(request: bytes, _: grpc.ServicerContext) -> bytes:
        return work(request.decode()).encode()

    methods: dict[str, Any] = {"Call": grpc.unary_unary_rpc_method_handler(handle)}
    server = grpc.server(futures.ThreadPoolExecutor(threads))
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("peers.Work", methods)]
    )
    assert server.add_insecure_port(f"127.0.0.1:{port}") == port
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    serve_grpc(int(sys.argv[1]), int(sys.argv[2]))
