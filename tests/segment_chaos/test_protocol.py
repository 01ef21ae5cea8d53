"""The protocol under death, stops and churn, with the real library on both sides."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from readers import SANITIZED, wait_for
from sampler import Sampler

from chaos import FULL, Reader, Writer, program

REGION_BANK = 9


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="snp-chaos-", dir="/dev/shm"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def run(*command: str, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, check=False
    )


@pytest.mark.skipif(SANITIZED, reason="steps through the sanitizer's own code too")
def test_killed_after_any_instruction_leaves_a_whole_segment(folder: Path) -> None:
    """Rounds from the third on recycle rows, so two more are the least."""
    rounds = "12" if FULL else "4"
    done = run(program("kill_steps"), str(folder), rounds, timeout_s=1000)
    assert done.returncode == 0, done.stdout + done.stderr
    match = re.search(r"(\d+) changes looked at, (\d+) by a new reader", done.stdout)
    assert match
    assert int(match[1]) > 2000, done.stdout
    assert int(match[2]) > 10, done.stdout


def test_all_threads_at_once_stay_whole(folder: Path) -> None:
    seconds = "60" if FULL else "4"
    done = run(program("stress"), str(folder), seconds)
    assert done.returncode == 0, done.stdout + done.stderr
    match = re.match(r"(\d+) lives of rows, (\d+) looks", done.stdout)
    assert match
    assert int(match[1]) >= 20, done.stdout
    assert int(match[2]) >= 20, done.stdout


@pytest.mark.skipif(SANITIZED, reason="the race that is left open is what it reports")
def test_without_the_grace_period_the_judge_finds_it(folder: Path) -> None:
    done = run(program("stress"), str(folder), "30", "no-grace")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"retired|fell|mixed|requests", done.stdout), done.stdout


def pages(folder: Path, *how: str) -> subprocess.CompletedProcess[str]:
    most, seconds = ("1000000", "120") if FULL else ("50000", "3")
    done = run(program("pages"), str(folder), most, seconds, *how)
    print(done.stdout)
    return done


def test_p08_pages_beside_writers_are_whole(folder: Path) -> None:
    """A million pages, or as many as two minutes give."""
    done = pages(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    match = re.match(r"(\d+) pages", done.stdout)
    assert match
    assert int(match[1]) >= 1000, done.stdout


@pytest.mark.skipif(SANITIZED, reason="too few pages to find it")
def test_p08_a_writer_that_adds_to_the_sum_first_is_found(folder: Path) -> None:
    done = pages(folder, "sum-first")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "a sum has more" in done.stdout


@pytest.mark.skipif(SANITIZED, reason="steps through the sanitizer's own code too")
def test_reader_stopped_at_any_instruction_of_a_look_never_sees_a_mixed_row(
    folder: Path,
) -> None:
    """While it is stopped, all that it may be reading is recycled, more than once."""
    stops = "600" if FULL else "120"  # a quarter of a second each on a busy machine
    done = run(program("stop_steps"), str(folder), stops, timeout_s=1000)
    assert done.returncode == 0, done.stdout + done.stderr
    match = re.search(r"(\d+) stops, (\d+) retries", done.stdout)
    assert match
    assert int(match[2]) > 0, "no stop ever hit a copy: the test did not test anything"


def test_reader_under_sigstop_never_sees_a_mixed_row(folder: Path) -> None:
    choose = random.Random(20261121)
    with Writer(folder) as writer, Reader(writer.path) as reader:
        for _ in range(200 if FULL else 40):
            # Run on for a moment more, to be stopped anywhere within a look.
            reader.run_on()
            time.sleep(choose.uniform(0.0001, 0.003))
            reader.signal(signal.SIGSTOP)
            writer.wait_rounds(20)  # rows are recycled meanwhile
            reader.signal(signal.SIGCONT)
            reader.check()
        if FULL:
            reader.signal(signal.SIGSTOP)
            time.sleep(60)
            reader.signal(signal.SIGCONT)
            reader.check()
        looks, _, _ = reader.end()
    assert looks > 40


def bank_cells(path: Path) -> list[tuple[int, int]]:
    """Offset and length of every BANK region, by the directory."""
    data = path.read_bytes()
    directory, count = struct.unpack_from("<QQ", data, 0x88)
    regions = [
        struct.unpack_from("<IIQQ", data, directory + 64 * i) for i in range(count)
    ]
    return [(off, length) for kind, _, off, length in regions if kind == REGION_BANK]


def test_sampler_finds_a_counter_that_falls(folder: Path) -> None:
    """Counters of a stopped writer, set to zero and back until it has seen that."""
    with Writer(folder) as writer:
        writer.wait_rounds(20)
        writer.signal(signal.SIGSTOP)
        data = writer.path.read_bytes()
        with Sampler(writer.path) as sampler, writer.path.open("r+b", 0) as file:

            def poke() -> bool:
                for off, length in bank_cells(writer.path):
                    for content in (bytes(length), data[off : off + length]):
                        file.seek(off)
                        file.write(content)
                        time.sleep(0.02)  # two of its looks
                return sampler.process.poll() is not None

            wait_for("the sampler to end", poke)
            assert sampler.process.stdout is not None
            assert re.search(r"\bfell$", sampler.process.stdout.readline())
        assert sampler.process.returncode == 1
        writer.signal(signal.SIGCONT)


def test_sampler_finds_a_row_that_goes(folder: Path) -> None:
    with Writer(folder) as writer, Sampler(writer.path, 1000) as sampler:
        assert sampler.process.wait(timeout=30) == 1
        assert sampler.process.stdout is not None
        assert "the row is gone" in sampler.process.stdout.read()


def test_stopped_reader_does_not_slow_the_writer(folder: Path) -> None:
    """Rounds with a stopped reader, against the same without any reader.

    A writer that worked more would do fewer rounds a second of CPU, whoever else uses
    the machine; one that waited would do fewer rounds a second, and that bound is wide:
    machines are shared.
    """
    with Writer(folder) as writer:
        alone = []
        beside = []
        for _ in range(5):
            alone.append(writer.speed(0.3))
            with Reader(writer.path) as reader:
                reader.signal(signal.SIGSTOP)
                beside.append(writer.speed(0.3))
                reader.signal(signal.SIGCONT)
                reader.end()
    by_clock, by_cpu = (
        median(b[i] for b in beside) / median(a[i] for a in alone) for i in (0, 1)
    )
    print(f"with a stopped reader, of without: {by_clock:.2f}, of CPU {by_cpu:.2f}")
    assert by_cpu > 0.7
    assert by_clock > 0.2


def test_writer_stopped_anywhere_leaves_a_readable_segment(folder: Path) -> None:
    """A hung writer: attach and look while it is stopped at 60 random moments."""
    choose = random.Random(7)
    with Writer(folder) as writer:
        for _ in range(60):
            time.sleep(choose.uniform(0.0001, 0.005))
            writer.signal(signal.SIGSTOP)
            with Reader(writer.path) as reader:
                wait_for("a look", reader.has_run)
                looks, retries, _ = reader.end()
            writer.signal(signal.SIGCONT)
            assert looks > 0
            assert retries == 0, "nobody wrote, so nothing may be torn"


@pytest.mark.skipif(SANITIZED, reason="measures the machine, not the program")
def test_aligned_words_never_tear_and_misaligned_ones_do() -> None:
    done = run(program("tear"), "10000000000" if FULL else "1000000000")
    print(done.stdout)
    if done.returncode == 2 and len(os.sched_getaffinity(0)) < 2:
        pytest.skip("no aligned word tore, and one processor tears none at all")
    assert done.returncode == 0, done.stdout
