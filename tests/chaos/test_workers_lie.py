"""Cases 20 to 22, 28 and 29: workers that speak badly, too much, or untruly."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from runtime_kit import ADAPTERS, INSTANCE
from trials import JUDGED, SOON, Trial, by_size, config, wait_for_s

REPLACED_S = 10.0
ODD = str(Path(ADAPTERS) / "odd_worker.py")

case = pytest.mark.case


@case(20)
def test_sockets_gone(trial: Trial) -> None:
    """A worker whose sockets are gone, and that lives: found by its heartbeats."""
    trial.start(heartbeat=JUDGED)
    calls = trial.calls()
    trial.inject()
    calls.start("lose_sockets", timeout_s=30)
    trial.detect(30, to="killing")
    trial.recover(30)
    trial.exited("heartbeat")
    assert calls.call("echo", a=1)["a"] == 1
    calls.settle(ok=1, UNAVAILABLE=1)


@pytest.fixture
def gate(trial: Trial) -> Path:
    """Give the file that keeps the odd worker odd."""
    path = trial.world.directory / "gate"
    path.touch()
    return path


def odd(mode: str, gate: Path, answer_ms: int) -> dict[str, object]:
    return config(
        script=ODD,
        env=[f"ODD={mode}", f"GATE={gate}"],
        startup={"answer_timeout_ms": answer_ms},
        restart={**SOON, "breaker_deaths": 1000},
    )


@case(21)
def test_half_open(trial: Trial, gate: Path) -> None:
    """A worker that takes connections, reads, and never answers."""
    answer_ms = int(by_size(1000, 10_000))
    trial.start(odd("mute", gate, answer_ms), ready=0)
    trial.inject_from_start()
    trial.detect(answer_ms / 1000 + 5, to="killing", reason="boot_timeout")
    gate.unlink()
    trial.recover(answer_ms / 1000 * 2 + REPLACED_S)
    assert trial.grown("snakepit.worker.start_failures") >= 1
    calls = trial.calls()
    assert calls.call("echo")
    calls.settle(ok=1)


@case(22)
@pytest.mark.parametrize("mode", ["garbage", "goaway", "headers", "resets"])
def test_bad_http2(trial: Trial, gate: Path, mode: str) -> None:
    """A worker that speaks no HTTP/2, or too much of it, never becomes ready."""
    trial.start(odd(mode, gate, 1500), ready=0)
    trial.inject_from_start()
    trial.detect(10, to="killing")
    gate.unlink()
    trial.recover(REPLACED_S + 3)
    assert trial.grown("snakepit.worker.start_failures") >= 1
    calls = trial.calls()
    assert calls.call("echo")
    calls.settle(ok=1)


@case(22)
def test_bad_http2_of_clients(trial: Trial) -> None:
    """Garbage, half a preface and a flood of resets at the front door."""
    trial.start()
    calls = trial.calls()
    trial.inject()
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    reset = b"\x00\x00\x04\x03\x00\x00\x00\x00\x01\x00\x00\x00\x08"
    hostile = [os.urandom(1 << 16), preface[:10], preface + reset * 20_000]
    hostile.append(preface + b"\xff\xff\xff\x01\x04\x00\x00\x00\x01" + bytes(1 << 16))
    for words in hostile * int(by_size(5, 50)):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(trial.world.directory / f"{INSTANCE}.sock"))
            peer.settimeout(2)
            try:
                peer.sendall(words)
            except OSError:
                continue  # it was shown the door
    assert calls.call("echo", a=1)["a"] == 1
    trial.recovered_now()
    trial.nobody_died()
    calls.settle(ok=1)


@case(28)
def test_flood(trial: Trial) -> None:
    """A worker that prints without end: its calls and those of others go on."""
    trial.start({**config(workers=2), "log": {"level": "warning"}}, ready=2)
    calls = trial.calls()
    trial.inject()
    calls.start("flood", mib=int(by_size(8, 200)), timeout_s=180)
    for _ in range(20):
        assert calls.call("echo")
    calls.settle(ok=21)
    trial.nobody_died()


@case(29)
def test_junk_page(trial: Trial) -> None:
    """A worker that writes anything into its page of beats: nobody else minds."""
    trial.start(heartbeat=JUDGED, workers=2, ready=2)
    calls = trial.calls()
    trial.inject()
    liar = calls.call("junk_page", seconds=by_size(3, 30))
    began = time.monotonic()
    while time.monotonic() - began < by_size(3, 30):
        assert calls.call("echo")
    calls.settle()
    wait_for_s(0.5)
    # At worst the liar was taken for ill and replaced; the other one never.
    assert trial.grown("snakepit.worker.exits") <= 1
    other = [pid for pid in trial.pids().values() if pid != liar]
    assert other
    assert trial.grown("snakepit.worker.gc.time") < 3600
