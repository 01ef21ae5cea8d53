"""The worker program, behind grpc_server.py."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

from ._beat import progress, start_beating
from ._boot import import_adapter
from ._errors import AdapterLoadError
from ._handshake import enter_own_process_group, keep_from_children, watch_lifeline
from ._host import host_answers
from ._logs import configure
from ._options import Options, OptionsError, parse_options
from ._server import ServeError, serve
from ._trace_sdk import start_sdk
from .metrics import start_feeding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._trace_sdk import SpanSender

__all__ = ["main"]

_logger = logging.getLogger(__name__)

_HOST_TIMEOUT_S = 30.0

# A thread that waits for the interpreter lock asks for it after this time, but starts
# anew whenever the lock was released meanwhile. A tool that releases it about once per
# interval (any small file operation does) can so keep it for seconds: with the default
# of 5 ms heartbeats were seen to wait for 8 s. A tenth of it bounds the wait to tenths
# of a second and costs tools nothing that can be measured.
_SWITCH_INTERVAL_S = 0.0005

# The C library maps large pieces of memory afresh each time, every page of which costs
# a fault, until one of about their size was freed; and hands back what lies free beyond
# twice that size. A call of 1 MiB has some ten copies of it: half its time were faults.
_LARGEST_KEPT = 8 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker; returns its exit status."""
    try:
        options = parse_options(
            sys.argv[1:] if arguments is None else arguments, os.environ
        )
    except OptionsError as exc:
        return _fail(str(exc))
    _dump_stacks_on_signal(options.stacks_fd)
    keep_from_children(
        options.ready_fd,
        options.lifeline_fd,
        options.log_fd,
        options.beat_fd,
        options.stacks_fd,
        options.metrics_fd,
    )
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    bytes(_LARGEST_KEPT)  # never touched, and freed at once
    log = configure(options.log_fd, options.log_level, options.worker_id)
    _show_life(options)
    if options.metrics_fd is not None:
        start_feeding(options.metrics_fd)
    try:
        return _run(options)
    finally:
        log.flush()


def _dump_stacks_on_signal(fd: int | None) -> None:
    """Have SIGUSR1 write the stacks of all threads, interpreter lock or not."""
    faulthandler.enable()
    if fd is None or not _is_open(fd):
        fd = sys.stderr.fileno()
    faulthandler.register(signal.SIGUSR1, file=fd, all_threads=True, chain=False)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _show_life(options: Options) -> None:
    """Beat, and leave when the runtime is gone."""
    watched = start_beating(options.beat_fd, options.lifeline_fd, options.beat_library)
    if options.lifeline_fd is not None and not watched:
        watch_lifeline(options.lifeline_fd)


def _run(options: Options) -> int:
    if options.unknown:
        _logger.warning("unknown arguments ignored: %s", " ".join(options.unknown))
    if options.own_process_group:
        enter_own_process_group()
    if options.health_check:
        return _check(options)
    if options.ready_file is not None and not _host_is_there(options.host_address):
        return _fail(f"no answer from the host at {options.host_address}")
    spans = start_sdk(os.environ) if options.otel else None
    adapter_class = _import(options)
    if adapter_class is None:
        return 1
    progress()  # a long import does not take from the time for initialize()
    return _serve(options, adapter_class, spans)


def _check(options: Options) -> int:
    if _import(options) is None:
        return 1
    print(f"ok: {options.adapter} can be imported")  # noqa: T201 - the program's answer
    return 0


def _host_is_there(address: str | None) -> bool:
    return address is None or host_answers(address, _HOST_TIMEOUT_S)


def _import(options: Options) -> type | None:
    try:
        return import_adapter(options.adapter, options.max_workers)
    except AdapterLoadError as exc:
        _fail(f"adapter {options.adapter}: {exc}")
    except BaseException as exc:  # noqa: BLE001 - sys.exit() at import is a failure too
        traceback.print_exc()
        _fail(f"adapter {options.adapter} failed to import: {_one_line(exc)}")
    return None


def _serve(options: Options, adapter_class: type, spans: SpanSender | None) -> int:
    try:
        idle = asyncio.run(serve(options, adapter_class, spans))
    except ServeError as exc:
        return _fail(str(exc))
    except BaseException as exc:  # noqa: BLE001 - whatever the adapter raises
        traceback.print_exc()
        status = _fail(f"adapter {options.adapter} failed to start: {_one_line(exc)}")
        idle = False
    else:
        status = 0
    if not idle:
        # A thread that runs on would keep the interpreter from ending.
        _leave(status)
    return status


def _leave(status: int) -> None:
    for handler in logging.getLogger().handlers:
        handler.flush()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _fail(text: str) -> int:
    print(f"snakepit worker: {text}", file=sys.stderr, flush=True)  # noqa: T201
    return 1


def _one_line(exc: BaseException) -> str:
    text = traceback.format_exception_only(type(exc), exc)[-1]
    return " ".join(text.split())
