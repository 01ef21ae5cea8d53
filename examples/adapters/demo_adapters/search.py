"""SearchAdapter: full-text search over licence texts and the standard library."""

from __future__ import annotations

import re
import sqlite3
import sysconfig
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

from snakepit_bridge.base_adapter import BaseAdapter, tool

from ._files import read_text, regular_files

__all__ = ["SearchAdapter"]

# Enough to make ranking worth it, and small enough to be indexed in about a second.
_MAX_DOCUMENTS = 250
_MAX_TOTAL_CHARS = 6 * 1024 * 1024
_MAX_LIMIT = 100
_MAX_TERMS = 16
_SNIPPET_TOKENS = 12
_TERM = re.compile(r"\w+")

_CREATE = """
CREATE VIRTUAL TABLE documents
USING fts5(path UNINDEXED, kind UNINDEXED, body, tokenize = 'unicode61')
"""
_SEARCH = """
SELECT path, kind, bm25(documents), snippet(documents, 2, '[', ']', ' ... ', ?)
FROM documents WHERE documents MATCH ? ORDER BY bm25(documents), path LIMIT ?
"""


class SearchAdapter(BaseAdapter):
    """An SQLite FTS5 index in memory, built before the worker says that it is ready."""

    _index: Optional[sqlite3.Connection] = None

    def initialize(self) -> None:
        """Build the index; a file that cannot be read or is no text is left out."""
        started = time.monotonic()
        self._index = sqlite3.connect(":memory:")
        try:
            self._index.execute(_CREATE)
        except sqlite3.OperationalError as exc:
            msg = f"this Python's SQLite cannot do full-text search: {exc}"
            raise RuntimeError(msg) from None
        self._chars = 0
        self._documents: Dict[str, int] = {}
        with self._index:
            self._index.executemany(
                "INSERT INTO documents VALUES (?, ?, ?)", self._rows()
            )
        self._build_seconds = time.monotonic() - started

    def cleanup(self) -> None:
        """Drop the index."""
        if self._index is not None:
            self._index.close()
            self._index = None

    @tool("Find documents that hold all the words of a query, best first.")
    def search(self, query: str, limit: int = 5) -> Dict[str, Any]:
        """Return path, rank and a snippet with the hits in brackets."""
        if isinstance(limit, bool) or not isinstance(limit, int):
            msg = f"limit must be a whole number, not {limit!r}"
            raise ValueError(msg)
        if not 1 <= limit <= _MAX_LIMIT:
            msg = f"limit must be from 1 to {_MAX_LIMIT}, not {limit}"
            raise ValueError(msg)
        expression = _match_expression(query)
        rows = self._opened().execute(_SEARCH, (_SNIPPET_TOKENS, expression, limit))
        hits = [
            {
                "path": path,
                "kind": kind,
                # bm25() is the smaller the better; people expect the opposite.
                "score": round(-rank, 4),
                "snippet": " ".join(snippet.split()),
            }
            for path, kind, rank, snippet in rows
        ]
        return {"query": query, "hits": hits}

    @tool("Say what the index holds.")
    def stats(self) -> Dict[str, Any]:
        """Return the number of documents by kind, their size, and the time to index."""
        self._opened()
        return {
            "documents": sum(self._documents.values()),
            "by_kind": dict(self._documents),
            "chars": self._chars,
            "build_seconds": round(self._build_seconds, 3),
        }

    def _opened(self) -> sqlite3.Connection:
        if self._index is None:
            msg = "the index is not there: initialize() has not run, or cleanup() has"
            raise RuntimeError(msg)
        return self._index

    def _rows(self) -> Iterator[Tuple[str, str, str]]:
        for kind, path in _sources():
            if sum(self._documents.values()) >= _MAX_DOCUMENTS:
                return
            try:
                text = read_text(path)
            except ValueError:
                continue
            if self._chars + len(text) > _MAX_TOTAL_CHARS:
                continue
            self._chars += len(text)
            self._documents[kind] = self._documents.get(kind, 0) + 1
            yield path, kind, text


def _sources() -> List[Tuple[str, str]]:
    stdlib = sysconfig.get_path("stdlib")
    return [
        *(("licence", path) for path in regular_files("/usr/share/common-licenses")),
        *(("source", path) for path in regular_files(stdlib, ".py")),
    ]


def _match_expression(query: object) -> str:
    """Turn words into an FTS5 expression: quoted, so that no word is an operator."""
    if not isinstance(query, str):
        msg = f"query must be text, not {query!r}"
        raise ValueError(msg)
    terms = _TERM.findall(query)
    if not terms:
        msg = f"query must hold at least one word, not {query!r}"
        raise ValueError(msg)
    if len(terms) > _MAX_TERMS:
        msg = f"query must hold at most {_MAX_TERMS} words, not {len(terms)}"
        raise ValueError(msg)
    return " ".join(f'"{term}"' for term in terms)
