"""What is generated is fresh, the format's document tells the truth, the hot path is hot."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORMAT_MD = ROOT / "shm" / "format" / "segment.md"
WRITE_H = ROOT / "shm" / "include" / "snakepit" / "write.h"

on_x86_64 = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="reads x86-64 machine code"
)


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("generator", "generated"),
    [
        ("tools/gen-hist-table", "shm/src/hist_table.c"),
        ("tools/gen-metrics-doc", "docs/metrics.md"),
    ],
)
def test_generated_file_is_what_its_generator_prints(
    generator: str, generated: str
) -> None:
    done = run(generator)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (ROOT / generated).read_text(), (
        f"{generated} is stale: run {generator} > {generated}"
    )


def test_format_document_agrees_with_the_headers() -> None:
    done = run("tools/check-format-doc")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("| 0x028 | 8 | `map_size`", "| 0x030 | 8 | `map_size`", "map_size offset"),
        ("| 0 | 8 | `gen`", "| 0 | 4 | `gen`", "snp_fmt_row.gen size"),
        (
            "`struct snp_fmt_event`, 128 bytes",
            "`struct snp_fmt_event`, 64 bytes",
            "_event",
        ),
        ("| `SNP_ST_LATCH` | 3 |", "| `SNP_ST_LATCH` | 4 |", "SNP_ST_LATCH"),
        ("| `SNP_HIST_IDX_MIN` | -160 |", "| `SNP_HIST_IDX_MIN` | 160 |", "IDX_MIN"),
        (
            "| 48 | 8 | `live_threads`",
            "| 48 | 8 | live_threads",
            "for field live_threads",
        ),
        ("| `SNP_REGION_TEXT` |", "| SNP_REGION_TEXT |", "no row for SNP_REGION_TEXT"),
        ("2, 64, 32, 8, 1024 |", "2, 65, 32, 8, 1024 |", "size of a segment"),
    ],
)
def test_format_document_that_differs_is_found(
    tmp_path: Path, old: str, new: str, finding: str
) -> None:
    text = FORMAT_MD.read_text()
    assert old in text
    document = tmp_path / "segment.md"
    document.write_text(text.replace(old, new))
    done = run("tools/check-format-doc", "--doc", document)
    assert done.returncode == 1
    assert finding in done.stdout


@on_x86_64
def test_hot_path_has_no_lock_and_no_call() -> None:
    done = run("tools/check-hot-path")
    assert done.returncode == 0, done.stdout + done.stderr


@on_x86_64
@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        (
            "atomic_store_explicit(cell, v + n, memory_order_relaxed)",
            "atomic_fetch_add(cell, n), (void)v",
            "snp_add `lock",
        ),
        (
            "atomic_store_explicit(cell, v, memory_order_relaxed)",
            "atomic_store(cell, v)",
            "snp_set `xchg",
        ),
        (
            "atomic_thread_fence(memory_order_release);",
            "atomic_thread_fence(memory_order_seq_cst);",
            "snp_latch_publish `",
        ),
        (
            "snp__hist_add(h, snp__hist_word(ns), ns);",
            "extern void slow(void);\n\tslow();\n\tsnp__hist_add(h, snp__hist_word(ns), ns);",
            "is a call",
        ),
        (
            "snp__hist_add(h, snp__hist_word(ns), ns);",
            "for (volatile int i = 0; i < 9; i++)\n\t\th->sum = h->bucket[0] * 3 + ns / 7;"
            "\n\tsnp__hist_add(h, snp__hist_word(ns / 3 + ns % 5), ns / 9);",
            "instructions, budget 42",
        ),
    ],
)
def test_hot_path_that_is_not_is_found(
    tmp_path: Path, old: str, new: str, finding: str
) -> None:
    text = WRITE_H.read_text()
    assert old in text
    header = tmp_path / "slow.h"
    header.write_text(text.replace(old, new))
    done = run("tools/check-hot-path", "--header", header)
    assert done.returncode == 1, done.stdout
    assert finding in done.stdout
