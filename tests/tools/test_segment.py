"""Generated files are fresh, the format's document is true, the hot path is hot."""

from __future__ import annotations

import json
import platform
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
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
        ("tools/gen-environment-doc", "docs/environment.md"),
        ("tools/gen-config-doc --print", "docs/configuration.md"),
    ],
)
def test_generated_file_is_what_its_generator_prints(
    generator: str, generated: str
) -> None:
    """D04: the list of metrics is the registry's, and a stale one fails here."""
    done = run(*generator.split())
    assert done.returncode == 0, done.stderr
    assert done.stdout == (ROOT / generated).read_text(), (
        f"{generated} is stale: {generator} says otherwise"
    )


def test_format_document_agrees_with_the_headers() -> None:
    done = run(sys.executable, "tools/check-format-doc")
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
        ("| 56 | 8 | `pool_uid`", "| 48 | 8 | `pool_uid`", "event.pool_uid is at"),
    ],
)
def test_format_document_that_differs_is_found(
    tmp_path: Path, old: str, new: str, finding: str
) -> None:
    text = FORMAT_MD.read_text()
    assert old in text
    document = tmp_path / "segment.md"
    document.write_text(text.replace(old, new))
    done = run(sys.executable, "tools/check-format-doc", "--doc", document)
    assert done.returncode == 1
    assert finding in done.stdout


@pytest.mark.parametrize(
    ("option", "path", "old", "new", "finding"),
    [
        (
            "--ksy",
            ROOT / "shm/format/snakepit_segment.ksy",
            "size: 0xc80",
            "size: 0xc88",
            "header has 4104 bytes",
        ),
        (
            "--ksy",
            ROOT / "shm/format/snakepit_segment.ksy",
            "      - id: pool_uid\n        type: u8\n      - id: tool\n",
            "      - id: pool_uid\n        type: u4\n      - id: tool\n",
            "span.pool_uid is at",
        ),
        (
            "--ksy",
            ROOT / "shm/format/snakepit_segment.ksy",
            "17: thrd",
            "18: thrd",
            "enum region_type differs",
        ),
        (
            "--man",
            ROOT / "man/snakepit-segment.5",
            ".It Li THRD Ta 17",
            ".It Li THRD Ta 18",
            "snakepit-segment.5: regions",
        ),
    ],
)
def test_kaitai_and_manual_that_differ_are_found(
    tmp_path: Path, option: str, path: Path, old: str, new: str, finding: str
) -> None:
    text = path.read_text()
    assert old in text
    changed = tmp_path / path.name
    changed.write_text(text.replace(old, new))
    done = run(sys.executable, "tools/check-format-doc", option, changed)
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
            "extern void slow(void);\n\tslow(), snp__hist_add(h, 0, ns);",
            "is a call",
        ),
        (
            "snp__hist_add(h, snp__hist_word(ns), ns);",
            "snp__hist_add(h, snp__hist_word(ns % 7) + snp__hist_word(ns / 3), 1);",
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


@on_x86_64
@pytest.mark.parametrize(
    ("function", "slow", "finding"),
    [
        ("snp_event_record", "snp_mono_now();", "snp_event_record `call <clock_"),
        ("snp_span_record", 'puts("slow");', "snp_span_record `call <puts>`"),
        (
            "snp_inflight_begin",
            "atomic_fetch_add(&w->header->state, 1);",
            "snp_inflight_begin `lock",
        ),
        # A helper of records.c is part of what calls it.
        (
            "inflight_publish",
            "pthread_mutex_lock((void *)&w->mutex);",
            "snp_inflight_end `call <pthread_mutex_lock>` is a call",
        ),
    ],
)
def test_record_that_is_not_hot_is_found(
    tmp_path: Path, function: str, slow: str, finding: str
) -> None:
    source = (ROOT / "shm/src/records.c").read_text()
    body = re.compile(rf"({function}\([^;{{]*\)\n{{\n)(.*?\n\n)", re.DOTALL)
    assert body.search(source)
    records = tmp_path / "records.c"
    records.write_text(
        "#include <stdio.h>\n" + body.sub(rf"\1\2\t{slow}\n", source, count=1)
    )
    done = run("tools/check-hot-path", "--records", records)
    assert done.returncode == 1, done.stdout + done.stderr
    assert finding in done.stdout


# ---- A reader written from the document alone ---------------------------------------


WRITER = r"""
#include <stdio.h>
#include "snakepit/write.h"
int main(int argc, char **argv)
{
    struct snp_writer_options o = {.dir = argv[argc - 1], .instance = "doc",
                                   .pools_max = 1, .workers_max = 1, .tools_max = 1,
                                   .banks_max = 2};
    struct snp_row_decl pool = {.kind = SNP_ROW_POOL, .name = "default"};
    struct snp_row_decl tool = {.kind = SNP_ROW_TOOL, .name = "sum"};
    struct snp_writer *w;
    struct snp_bank bank;
    struct snp_err err = {0};
    uint32_t row;

    if (snp_writer_create(&o, &w, &err) < 0 ||
        snp_row_declare(w, &pool, &row, &err) < 0 ||
        snp_row_declare(w, &tool, &row, &err) < 0)
        return fprintf(stderr, "%s\n", err.msg), 1;
    for (int i = 0; i < 2; i++) {
        snp_bank_adopt(w, &bank);
        snp_add(bank.tools[0].requests, 20 + (uint64_t)i);
    }
    return snp_writer_publish(w, &err) < 0;
}
"""


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def fnv1a(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


class DocumentedSegment:
    """What segment.md says, and nothing of the library."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        count, self.schema_hash = self.u64(0x90), self.u64(0x98)
        self.regions = {}
        for i in range(count):
            entry = struct.unpack_from("<IIQQQQQQ", data, self.u64(0x88) + 64 * i)
            self.regions[entry[0], entry[1]] = entry[2:]

    def u64(self, at: int) -> int:
        return int.from_bytes(self.data[at : at + 8], "little")

    def u32(self, at: int) -> int:
        return int.from_bytes(self.data[at : at + 4], "little")

    def bytes_of(self, kind: int) -> bytes:
        off, length = self.regions[kind, 0][:2]
        return self.data[off : off + length]

    def string(self, reference: int) -> str:
        at = self.regions[2, 0][0] + 8 * reference
        return self.data[at + 4 : at + 4 + self.u32(at)].decode() if reference else ""

    def descriptors(self) -> dict[str, int]:
        off, _, stride, _, _, _ = self.regions[1, 0]
        places = (off + stride * i for i in range(self.u64(0x180)))
        return {self.string(self.u32(at + 24)): at for at in places}

    def bank_value(self, name: str, row: int) -> int:
        at = self.descriptors()[name]
        off, _, stride, _, outer_stride, _ = self.regions[9, self.data[at + 8]]
        place = off + stride * row + self.u32(at + 12)
        return sum(self.u64(place + b * outer_stride) for b in range(self.u64(0x190)))


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocumentedSegment]:
    folder = tmp_path_factory.mktemp("documented")
    source, program = folder / "writer.c", folder / "writer"
    source.write_text(WRITER)
    library = sorted((ROOT / "shm" / "src").glob("*.c"))
    flags = ["-std=c11", "-D_GNU_SOURCE", "-Ishm/include", "-Ishm", "-Ishm/src"]
    built = run("gcc", *flags, "-o", program, source, *library, "-lm")
    assert built.returncode == 0, built.stderr
    with tempfile.TemporaryDirectory(dir="/dev/shm") as tmpfs:
        written = run(program, tmpfs)
        assert written.returncode == 0, written.stderr
        yield DocumentedSegment(Path(tmpfs, "doc.seg").read_bytes())


def test_header_reads_as_documented(documented: DocumentedSegment) -> None:
    data = documented.data
    assert data[:8] == bytes.fromhex("93534E4B4D0D0A1A")
    assert documented.u32(0x08) == 0x01020304
    assert documented.u64(0x28) == len(data)
    assert data[0xB0:0xF0].rstrip(b"\0") == b"doc"
    assert documented.u32(0xF0) == crc32c(data[:0xF0])
    entries = data[0x1000 : 0x1000 + 64 * len(documented.regions)]
    assert documented.u32(0xF4) == crc32c(entries)
    current = 0x200 + 0x80 * (documented.u64(0x1C0) & 1)
    assert documented.u64(current + 56) == crc32c(data[current : current + 56])


def test_values_are_found_as_documented(documented: DocumentedSegment) -> None:
    assert documented.bank_value("snakepit.requests", 0) == 41
    tools = documented.regions[7, 3][0]
    assert documented.u64(tools) % 4 == 1
    assert documented.data[tools + 128 : tools + 256].rstrip(b"\0") == b"sum"


def test_json_region_is_the_schema(documented: DocumentedSegment) -> None:
    schema = json.loads(documented.bytes_of(6).rstrip(b"\0"))
    descriptors = documented.descriptors()
    assert [metric["name"] for metric in schema["metrics"]] == list(descriptors)
    for metric in schema["metrics"]:
        at = descriptors[metric["name"]]
        assert metric["id"] == documented.u32(at)
        assert metric["prometheus"] == documented.string(documented.u32(at + 28))
        assert metric["help"] == documented.string(documented.u32(at + 40))


def test_schema_hash_is_the_documented_one(documented: DocumentedSegment) -> None:
    hashed = b"".join(documented.bytes_of(kind) for kind in (1, 3, 4, 5))
    strings = documented.bytes_of(2)[: documented.u64(0x188)]
    assert documented.schema_hash == fnv1a(hashed + strings)
