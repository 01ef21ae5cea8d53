"""A program with a runtime inside it, by libsnakepit; what it does to it is $1.

Ends when its standard input says so, with status 0 if the runtime stopped in time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading


class Options(ctypes.Structure):
    """struct snp_runtime_options."""

    _fields_ = [
        ("config_file", ctypes.c_char_p),
        ("config_text", ctypes.c_char_p),
        ("programs", ctypes.c_char_p),
    ]


lib = ctypes.CDLL(os.environ["LIBSNAKEPIT"])
runtime = ctypes.c_void_p()


def start(text: str) -> None:
    error = ctypes.create_string_buffer(4096)
    options = Options(None, text.encode(), None)
    lib.snp_runtime_log(2)
    if lib.snp_runtime_create(
        ctypes.byref(options), ctypes.byref(runtime), error
    ) or lib.snp_runtime_start(runtime, error):
        sys.exit("no runtime")


def reap_all(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> int:
    how, text = sys.argv[1:]
    if how == "thread ends":
        thread = threading.Thread(target=start, args=(text,))
        thread.start()
        thread.join()
    else:
        start(text)
    if how == "reaps all":
        signal.signal(signal.SIGCHLD, reap_all)
    elif how == "forks" and os.fork() == 0:
        os._exit(0)
    sys.stdin.readline()
    failed = lib.snp_runtime_stop(runtime, ctypes.c_uint64(15_000))
    lib.snp_runtime_destroy(ctypes.byref(runtime))
    return int(failed != 0)


sys.exit(main())
