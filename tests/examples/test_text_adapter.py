"""TextAdapter's tools on small files whose answers are known."""

from __future__ import annotations

import bz2
import lzma
import os
import zlib
from pathlib import Path
from typing import Any

import pytest
from demo_adapters import _files
from demo_adapters.text import TextAdapter


@pytest.fixture
def adapter() -> TextAdapter:
    adapter = TextAdapter()
    adapter.initialize()
    return adapter


def _file(folder: Path, content: str) -> str:
    path = folder / "file.txt"
    path.write_bytes(content.encode())
    return str(path)


def test_word_stats_counts_words_lines_and_chars(
    adapter: TextAdapter, tmp_path: Path
) -> None:
    path = _file(tmp_path, "The cat. the dog's\n\u00dcber \u00fcber the 42\n")
    assert adapter.word_stats(path) == {
        "path": path,
        "chars": 36,
        "lines": 2,
        "words": 7,
        "unique_words": 4,
        "top_words": [
            {"word": "the", "count": 3},
            {"word": "\u00fcber", "count": 2},
            {"word": "cat", "count": 1},
            {"word": "dog's", "count": 1},
        ],
    }


def test_word_stats_of_an_empty_file_is_all_zero(
    adapter: TextAdapter, tmp_path: Path
) -> None:
    stats = adapter.word_stats(_file(tmp_path, ""))
    assert (stats["chars"], stats["lines"], stats["words"]) == (0, 0, 0)
    assert stats["top_words"] == []


def test_word_stats_lists_ten_words_at_most(
    adapter: TextAdapter, tmp_path: Path
) -> None:
    path = _file(tmp_path, " ".join("abcdefghijklmnop"))
    assert [entry["word"] for entry in adapter.word_stats(path)["top_words"]] == list(
        "abcdefghij"
    )


def test_compression_ratios_agree_with_the_compressors(
    adapter: TextAdapter, tmp_path: Path
) -> None:
    text = "all work and no play " * 500
    result = adapter.compression_ratios(_file(tmp_path, text))
    assert result["bytes"] == len(text)
    for name, module in (("zlib", zlib), ("bz2", bz2), ("lzma", lzma)):
        size = len(module.compress(text.encode()))
        assert result[name] == {"bytes": size, "ratio": round(len(text) / size, 3)}


def test_compression_ratios_of_an_empty_file_have_no_ratio(
    adapter: TextAdapter, tmp_path: Path
) -> None:
    assert adapter.compression_ratios(_file(tmp_path, ""))["bz2"]["ratio"] is None


SOURCE = """\
class A:
    def plain(self):
        return 1

    async def branchy(self, xs):
        for x in xs:
            if x and self and xs:
                return [y for y in xs if y]
        try:
            return (lambda: 1 if xs else 2)
        except ValueError:
            def inner():
                while True:
                    pass
            return inner
"""


def test_ast_metrics_counts_definitions_and_branches(
    adapter: TextAdapter, tmp_path: Path
) -> None:
    metrics = adapter.ast_metrics(_file(tmp_path, SOURCE))
    assert metrics["lines"] == 15
    assert metrics["functions"] == 3
    assert metrics["classes"] == 1
    # branchy: itself, for, if, two `and`s, comprehension, except; not the lambda's own
    # conditional and not inner's loop.
    assert metrics["complexity_max"] == 7
    assert metrics["most_complex"] == {"name": "branchy", "line": 5}
    assert metrics["complexity_total"] == 1 + 7 + 2


def test_ast_metrics_max_depth_grows_with_nesting(
    adapter: TextAdapter, tmp_path: Path
) -> None:
    shallow = adapter.ast_metrics(_file(tmp_path, "x = 1\n"))["max_depth"]
    deep = adapter.ast_metrics(_file(tmp_path, "x = ((1 + 2) + 3) + 4\n"))["max_depth"]
    assert deep > shallow


@pytest.mark.parametrize("source", ["def (", "x = 1\0", "(" * 5000])
def test_ast_metrics_of_no_python_says_so(
    adapter: TextAdapter, tmp_path: Path, source: str
) -> None:
    with pytest.raises(ValueError, match=r"Python|parse"):
        adapter.ast_metrics(_file(tmp_path, source))


def test_stream_lines_yields_every_nth_line(
    adapter: TextAdapter, tmp_path: Path
) -> None:
    path = _file(tmp_path, "".join(f"line {n}\n" for n in range(1, 8)))
    assert list(adapter.stream_lines(path, every=3)) == [
        {"line": 1, "text": "line 1"},
        {"line": 4, "text": "line 4"},
        {"line": 7, "text": "line 7"},
    ]


def test_stream_lines_cuts_long_lines(adapter: TextAdapter, tmp_path: Path) -> None:
    (only,) = adapter.stream_lines(_file(tmp_path, "x" * 10_000))
    assert only["text"] == "x" * 500


@pytest.mark.parametrize("every", [0, -1, 1.5, "2", True, None])
def test_stream_lines_refuses_a_bad_step_before_the_first_line(
    adapter: TextAdapter, tmp_path: Path, every: Any
) -> None:
    with pytest.raises(ValueError, match="every must be"):
        adapter.stream_lines(_file(tmp_path, "a\n"), every=every)


def test_slow_computes_for_the_time_given(adapter: TextAdapter) -> None:
    result = adapter.slow(0.05)
    assert result["seconds"] >= 0.05
    assert result["rounds"] > 0
    assert result["bytes_hashed"] > 0


@pytest.mark.parametrize("seconds", [0, -1, 61, "1", None, True, float("nan")])
def test_slow_refuses_what_is_no_sensible_time(
    adapter: TextAdapter, seconds: Any
) -> None:
    with pytest.raises(ValueError, match="seconds must be"):
        adapter.slow(seconds)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("value", ValueError),
        ("key", KeyError),
        ("runtime", RuntimeError),
        ("os", OSError),
    ],
)
def test_fail_raises_a_new_exception_of_the_kind(
    adapter: TextAdapter, kind: str, expected: type[Exception]
) -> None:
    with pytest.raises(expected) as first:
        adapter.fail(kind)
    with pytest.raises(expected) as second:
        adapter.fail(kind)
    # The same object twice would drag its first traceback along.
    assert first.value is not second.value


def test_fail_names_the_kinds_it_knows(adapter: TextAdapter) -> None:
    with pytest.raises(ValueError, match="one of value, key, runtime, os"):
        adapter.fail("fatal")


class TestFiles:
    """What a path may be, for all tools alike."""

    @pytest.mark.parametrize("path", [None, 3, "", ["x"]])
    def test_a_path_that_is_no_text_is_refused(
        self, adapter: TextAdapter, path: Any
    ) -> None:
        with pytest.raises(ValueError, match="must be text"):
            adapter.word_stats(path)

    def test_a_relative_path_is_refused(self, adapter: TextAdapter) -> None:
        with pytest.raises(ValueError, match="must be absolute"):
            adapter.word_stats("GPL-3")

    def test_a_path_with_nul_is_refused(self, adapter: TextAdapter) -> None:
        with pytest.raises(ValueError, match="NUL"):
            adapter.word_stats("/tmp/\0")

    def test_a_missing_file_is_named(
        self, adapter: TextAdapter, tmp_path: Path
    ) -> None:
        with pytest.raises(ValueError, match=r"cannot read '.*nowhere'.*No such file"):
            adapter.word_stats(str(tmp_path / "nowhere"))

    def test_a_directory_is_refused(self, adapter: TextAdapter, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="Is a directory"):
            adapter.word_stats(str(tmp_path))

    def test_a_fifo_is_refused_without_waiting(
        self, adapter: TextAdapter, tmp_path: Path
    ) -> None:
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        with pytest.raises(ValueError, match="not a regular file"):
            adapter.word_stats(str(fifo))

    def test_a_device_is_refused(self, adapter: TextAdapter) -> None:
        with pytest.raises(ValueError, match="not a regular file"):
            adapter.compression_ratios("/dev/zero")

    def test_a_file_over_the_bound_is_refused(
        self, adapter: TextAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_files, "MAX_FILE_BYTES", 4)
        assert adapter.word_stats(_file(tmp_path, "four"))["chars"] == 4
        with pytest.raises(ValueError, match="larger than 4 bytes"):
            adapter.word_stats(_file(tmp_path, "fiver"))

    def test_what_is_not_utf8_is_refused_with_the_place(
        self, adapter: TextAdapter, tmp_path: Path
    ) -> None:
        path = tmp_path / "latin1"
        path.write_bytes(b"caf\xe9")
        with pytest.raises(ValueError, match="byte 3 is 0xe9"):
            adapter.word_stats(str(path))
        assert adapter.compression_ratios(str(path))["bytes"] == 4

    def test_a_link_to_a_file_is_followed(
        self, adapter: TextAdapter, tmp_path: Path
    ) -> None:
        link = tmp_path / "link"
        link.symlink_to(_file(tmp_path, "one two"))
        assert adapter.word_stats(str(link))["words"] == 2


def test_every_tool_describes_itself(adapter: TextAdapter) -> None:
    tools = {entry.name: entry for entry in adapter.get_tools()}
    assert set(tools) == {
        "word_stats",
        "compression_ratios",
        "ast_metrics",
        "stream_lines",
        "slow",
        "fail",
    }
    assert all(entry.description for entry in tools.values())
    assert [name for name, entry in tools.items() if entry.supports_streaming] == [
        "stream_lines"
    ]
