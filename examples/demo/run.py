"""`snakepit demo`: two pools under a mixed load, workers killed, the books compared.

In a terminal snakepit-top shows it until it is left; without one a view is printed
every few seconds until the time is over. Then what the callers saw is compared with
the segment, with /metrics and with the log: exit status 0 means that all agree.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Dict, List, NoReturn, Optional, Tuple

_ROOT = Path(__file__).resolve().parents[2]
# The package is in priv/python of a checkout, in python of an installation.
sys.path[:1] = [str(_ROOT / name) for name in ("priv/python", "python", "examples")]

try:
    from demo.chaos import Chaos
    from demo.journal import read_journal
    from demo.ledger import Ledger
    from demo.load import Load
    from demo.processes import DemoError, last_words, wait_until
    from demo.report import check_lines, traffic_table
    from demo.samples import Samples, parse_exposition, parse_inspect
    from demo.stack import INSTANCE, Stack
    from demo.verdict import COUNTERS, Check, Evidence, judge
except ImportError as exc:
    sys.exit(f"snakepit: demo: {exc}; run 'make', then 'snakepit doctor'")

_CALLERS = 8
_DEFAULT_SECONDS = 20.0
_VIEW_SECONDS = 5.0
_QUIET_SECONDS = 40.0
_FIRST_SIGNS_SECONDS = 10.0
_EXIT_DISAGREE = 1
_EXIT_USAGE = 2


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 7 * 86400:
        raise ValueError
    return value


def parse_arguments(argv: List[str]) -> argparse.Namespace:
    """Read the command line, with $DEMO_SECONDS behind it."""
    parser = argparse.ArgumentParser(
        prog="snakepit demo", allow_abbrev=False, description=__doc__
    )
    parser.add_argument("--seconds", type=_positive, metavar="N")
    parser.add_argument("--kill-every", type=_positive, default=15.0, metavar="N")
    parser.add_argument("--keep-log", type=Path, metavar="FILE")
    parser.add_argument("--bin", type=Path, default=_ROOT / "build/bin", metavar="DIR")
    options = parser.parse_args(argv)
    from_environment = os.environ.get("DEMO_SECONDS")
    if options.seconds is None and from_environment:
        try:
            options.seconds = _positive(from_environment)
        except ValueError:
            parser.error(f"DEMO_SECONDS={from_environment} is not a number of seconds")
    return options


def in_terminal() -> bool:
    """Say whether somebody looks who can press keys."""
    return (
        sys.stdin.isatty()
        and sys.stdout.isatty()
        and os.environ.get("TERM", "dumb") != "dumb"
    )


# ---- while it runs ------------------------------------------------------------------


def show_top(stack: Stack, seconds: Optional[float]) -> None:
    """Hand the terminal to snakepit-top until it is left, or the time is over."""
    # Ctrl-C reaches us, too, but is meant for the program in front. A handler, unlike
    # SIG_IGN, is not inherited.
    previous = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    top = subprocess.Popen([str(stack.bin / "snakepit-top"), "-n", INSTANCE])
    try:
        top.wait(seconds)
    except subprocess.TimeoutExpired:
        top.terminate()
        top.wait()
    finally:
        if top.poll() is None:
            top.kill()
            top.wait()
        signal.signal(signal.SIGINT, previous)


def print_views(stack: Stack, seconds: float) -> None:
    """Print a view every few seconds until the time is over."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(_VIEW_SECONDS, left))
        view = stack.run("snakepit-top", "--once", "-n", INSTANCE)
        say(view.stdout if view.returncode == 0 else view.stderr)


def await_first_signs(stack: Stack, ledger: Ledger) -> None:
    """Go on until there is something to compare, where the end came very soon."""

    def seen() -> bool:
        report = stack.inspect()
        samples = parse_inspect(report)
        return bool(ledger.calls()) and all(
            samples.value(
                "snakepit_heartbeat_pings_total",
                pool=worker["pool"],
                worker=str(worker["slot"]),
            )
            for worker in report["workers"]
        )

    # If they never come, the comparison says so.
    with contextlib.suppress(DemoError):
        wait_until(seen, _FIRST_SIGNS_SECONDS, "the first heartbeat of every worker")


# ---- afterwards ---------------------------------------------------------------------


def _is_quiet(stack: Stack) -> bool:
    report = stack.inspect()
    samples = parse_inspect(report)
    return (
        samples.total("snakepit_request_active") == 0
        and samples.total("snakepit_pool_queue_depth") == 0
        and all(worker["status"] == "idle" for worker in report["workers"])
    )


def read_books(stack: Stack) -> Tuple[Samples, Samples, Dict[str, int]]:
    """Return segment, page and number of workers, of a moment when nothing moved."""
    wait_until(lambda: _is_quiet(stack), _QUIET_SECONDS, "the end of all requests")
    deadline = time.monotonic() + _QUIET_SECONDS
    while True:
        before = parse_inspect(stack.inspect())
        metrics = parse_exposition(stack.scrape())
        report = stack.inspect()
        after = parse_inspect(report)
        # Somebody else may call meanwhile: then the page is of neither moment.
        if before.of(COUNTERS) == after.of(COUNTERS) or time.monotonic() > deadline:
            break
    workers: Dict[str, int] = {}
    for worker in report["workers"]:
        workers[worker["pool"]] = workers.get(worker["pool"], 0) + 1
    return after, metrics, workers


def compare(stack: Stack, ledger: Ledger, chaos: Chaos) -> List[Check]:
    """Read everything, print the tables, and return what was compared."""
    segment, metrics, workers = read_books(stack)
    with stack.log.open(errors="replace") as log:
        journal = read_journal(log)
    evidence = Evidence(ledger, journal, segment, metrics, chaos.kills, workers)
    checks = judge(evidence)
    say("")
    for line in traffic_table(ledger, segment, metrics):
        say(line)
    say("")
    for line in check_lines(checks):
        say(line)
    return checks


def run_load(stack: Stack, options: argparse.Namespace) -> List[Check]:
    """Call, kill, show, and compare."""
    seconds = options.seconds or _DEFAULT_SECONDS
    terminal = in_terminal()
    ledger = Ledger()
    # Early enough that the shortest run sees a kill and what follows.
    first = min(seconds / 4, options.kill_every)
    chaos = Chaos(
        stack,
        first,
        options.kill_every,
        (lambda _text: None) if terminal else (lambda text: say(f"demo: {text}")),
    )
    load = Load(stack.address, ledger, _CALLERS)
    with contextlib.closing(load):
        load.start()
        chaos.start()
        if terminal:
            show_top(stack, options.seconds)
        else:
            print_views(stack, seconds)
        await_first_signs(stack, ledger)
        load.stop(_QUIET_SECONDS)
        chaos.stop()
        return compare(stack, ledger, chaos)


# ---- from start to end --------------------------------------------------------------


def _leave(number: int, _frame: Optional[FrameType]) -> NoReturn:
    raise SystemExit(128 + number)


def _keep_log(stack: Stack, wanted: Optional[Path], *, failed: bool) -> None:
    if wanted is None and failed:
        wanted = Path(tempfile.gettempdir()) / f"snakepit-demo-{os.getpid()}.log"
    if wanted is not None:
        shutil.copyfile(stack.log, wanted)
        say(f"demo: the log is in {wanted}")


def perform(stack: Stack, options: argparse.Namespace) -> int:
    """Run the demo; the exit status."""
    try:
        stack.start()
        say(f"demo: instance '{INSTANCE}' runs; http://127.0.0.1:{stack.port}/metrics")
        checks = run_load(stack, options)
    finally:
        # Also after Ctrl-C, a second of which must not keep us from cleaning up.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        stack.stop()
    bad = sum(not check.good for check in checks)
    if bad:
        say(f"demo: {bad} of {len(checks)} comparisons failed")
        return _EXIT_DISAGREE
    say("demo: all agree; everything is stopped")
    return 0


def main(argv: List[str]) -> int:
    """Prepare, run, and tell what went wrong in one line."""
    try:
        options = parse_arguments(argv)
    except SystemExit as leaving:
        return _EXIT_USAGE if leaving.code else 0
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    with tempfile.TemporaryDirectory(prefix="snakepit-demo-") as scratch:
        stack = Stack(_ROOT, options.bin.resolve(), Path(scratch) / "log")
        stack.log.touch()
        status = _EXIT_DISAGREE
        try:
            status = perform(stack, options)
        except DemoError as exc:
            for line in last_words(stack.log):
                print(f"  | {line}", file=sys.stderr)
            print(f"snakepit: demo: {exc}", file=sys.stderr)
        except KeyboardInterrupt:
            status = 128 + signal.SIGINT
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        _keep_log(stack, options.keep_log, failed=status == _EXIT_DISAGREE)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
