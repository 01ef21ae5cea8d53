"""TextAdapter: what can be said about one file, and tools that are slow or fail."""

from __future__ import annotations

import bz2
import hashlib
import lzma
import re
import time
import zlib
from collections import Counter
from typing import Any, Callable, Dict, Iterator, List, NoReturn

from snakepit_bridge.base_adapter import BaseAdapter, tool

from ._files import read_bytes, read_text, regular_files
from ._source import source_metrics

__all__ = ["TextAdapter"]

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_TOP_WORDS = 10
_LINE_CHARS = 500
_MAX_SLOW_SECONDS = 60.0
_LICENCES = "/usr/share/common-licenses"

_COMPRESSORS: Dict[str, Callable[[bytes], bytes]] = {
    "zlib": zlib.compress,
    "bz2": bz2.compress,
    "lzma": lzma.compress,
}

_FAILURES = {
    "value": ValueError,
    "key": KeyError,
    "runtime": RuntimeError,
    "os": OSError,
}


class TextAdapter(BaseAdapter):
    """Statistics of texts and sources; each tool reads the file it is given."""

    @tool("Count the words, lines and characters of a text file.")
    def word_stats(self, path: str) -> Dict[str, Any]:
        """Count words, ignoring case; the most frequent ones come with their counts."""
        text = read_text(path)
        words = Counter(match.group().casefold() for match in _WORD.finditer(text))
        # By count, then by name: the same file always gives the same answer.
        ranked = sorted(words.items(), key=lambda item: (-item[1], item[0]))
        return {
            "path": path,
            "chars": len(text),
            "lines": len(text.splitlines()),
            "words": sum(words.values()),
            "unique_words": len(words),
            "top_words": [
                {"word": word, "count": count} for word, count in ranked[:_TOP_WORDS]
            ],
        }

    @tool("Compress a file with zlib, bz2 and lzma and compare.")
    def compression_ratios(self, path: str) -> Dict[str, Any]:
        """Return compressed sizes and ratios; an empty file has no ratio."""
        data = read_bytes(path)
        result: Dict[str, Any] = {"path": path, "bytes": len(data)}
        for name, compress in _COMPRESSORS.items():
            size = len(compress(data))
            ratio = round(len(data) / size, 3) if data else None
            result[name] = {"bytes": size, "ratio": ratio}
        return result

    @tool("Measure Python source: functions, classes, nesting, branches.")
    def ast_metrics(self, path: str) -> Dict[str, Any]:
        """Parse a Python file without running it."""
        return {"path": path, **source_metrics(read_text(path), path)}

    @tool("Send every n-th line of a text file.", supports_streaming=True)
    def stream_lines(self, path: str, every: int = 1) -> Iterator[Dict[str, Any]]:
        """Check the arguments at once, then yield lines; long ones are cut."""
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            msg = f"every must be a whole number from 1, not {every!r}"
            raise ValueError(msg)
        lines = read_text(path).splitlines()
        return (
            {"line": number, "text": lines[number - 1][:_LINE_CHARS]}
            for number in range(1, len(lines) + 1, every)
        )

    @tool("Work hard for a while: hash the licence texts again and again.")
    def slow(self, seconds: float) -> Dict[str, Any]:
        """Compute until `seconds` have passed."""
        limit = _checked_seconds(seconds)
        texts = _licence_texts()
        started = time.monotonic()
        digest = hashlib.sha256()
        rounds = 0
        while time.monotonic() - started < limit:
            for text in texts:
                digest.update(text)
            rounds += 1
        return {
            "seconds": round(time.monotonic() - started, 3),
            "rounds": rounds,
            "bytes_hashed": rounds * sum(map(len, texts)),
            "sha256": digest.hexdigest(),
        }

    @tool("Raise an exception.")
    def fail(self, kind: str = "value") -> NoReturn:
        """Raise the exception that `kind` names."""
        if kind not in _FAILURES:
            msg = f"kind must be one of {', '.join(_FAILURES)}, not {kind!r}"
            raise ValueError(msg)
        msg = "the caller asked for a failure"
        raise _FAILURES[kind](msg)


def _checked_seconds(seconds: object) -> float:
    valid = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not valid or not 0 < float(seconds) <= _MAX_SLOW_SECONDS:  # type: ignore[arg-type]
        msg = (
            f"seconds must be over 0 and at most {_MAX_SLOW_SECONDS:g}, not {seconds!r}"
        )
        raise ValueError(msg)
    return float(seconds)  # type: ignore[arg-type]


def _licence_texts() -> List[bytes]:
    """Return the machine's licence texts, or this file where it has none."""
    return [read_bytes(path) for path in regular_files(_LICENCES) or [__file__]]
