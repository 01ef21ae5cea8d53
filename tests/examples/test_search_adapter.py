"""SearchAdapter on a small set of documents, and once on the machine's own."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest
from demo_adapters import search
from demo_adapters.search import SearchAdapter

DOCUMENTS = {
    "apple.txt": "An apple a day keeps the doctor away. Apple pie, apple cake.",
    "pear.txt": "A pear is not an apple.",
    "stone.txt": "A stone is neither AND has no taste.",
}


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SearchAdapter]:
    sources: List[Tuple[str, str]] = []
    for name, text in DOCUMENTS.items():
        (tmp_path / name).write_text(text)
        sources.append(("fruit", str(tmp_path / name)))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    sources.append(("fruit", str(tmp_path / "binary")))
    monkeypatch.setattr(search, "_sources", lambda: sources)
    adapter = SearchAdapter()
    adapter.initialize()
    yield adapter
    adapter.cleanup()


def _names(answer: dict[str, Any]) -> List[str]:
    return [Path(hit["path"]).name for hit in answer["hits"]]


def test_search_ranks_the_better_document_first(adapter: SearchAdapter) -> None:
    answer = adapter.search("apple")
    assert _names(answer) == ["apple.txt", "pear.txt"]
    assert answer["hits"][0]["score"] >= answer["hits"][1]["score"]
    assert "[Apple]" in answer["hits"][0]["snippet"]


def test_search_wants_all_words(adapter: SearchAdapter) -> None:
    assert _names(adapter.search("apple pear")) == ["pear.txt"]
    assert adapter.search("apple stone")["hits"] == []


def test_search_respects_the_limit(adapter: SearchAdapter) -> None:
    assert len(adapter.search("a", limit=2)["hits"]) == 2


@pytest.mark.parametrize(
    "query", ["AND", 'taste"', "taste*", "NEAR(taste", "taste) OR (x"]
)
def test_search_takes_operators_as_words(adapter: SearchAdapter, query: str) -> None:
    """No query is a syntax error, and none reaches more than its words allow."""
    assert set(_names(adapter.search(query))) <= {"stone.txt"}


@pytest.mark.parametrize("query", ["", "  ", "!?", None, 3])
def test_search_refuses_a_query_without_words(
    adapter: SearchAdapter, query: Any
) -> None:
    with pytest.raises(ValueError, match="query must"):
        adapter.search(query)


def test_search_refuses_too_many_words(adapter: SearchAdapter) -> None:
    with pytest.raises(ValueError, match="at most 16 words, not 17"):
        adapter.search("x " * 17)


@pytest.mark.parametrize("limit", [0, 101, "5", 1.0, True])
def test_search_refuses_a_bad_limit(adapter: SearchAdapter, limit: Any) -> None:
    with pytest.raises(ValueError, match="limit must"):
        adapter.search("apple", limit=limit)


def test_stats_counts_what_was_indexed_and_leaves_out_what_is_no_text(
    adapter: SearchAdapter,
) -> None:
    stats = adapter.stats()
    assert stats["documents"] == len(DOCUMENTS)
    assert stats["by_kind"] == {"fruit": len(DOCUMENTS)}
    assert stats["chars"] == sum(map(len, DOCUMENTS.values()))
    assert stats["build_seconds"] >= 0


def test_the_index_is_bounded_in_documents_and_size(
    adapter: SearchAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_MAX_DOCUMENTS", 2)
    adapter.initialize()
    assert adapter.stats()["documents"] == 2
    monkeypatch.setattr(search, "_MAX_DOCUMENTS", 100)
    monkeypatch.setattr(search, "_MAX_TOTAL_CHARS", len(DOCUMENTS["pear.txt"]))
    adapter.initialize()
    assert _names(adapter.search("pear")) == ["pear.txt"]
    assert adapter.stats()["documents"] == 1


def test_a_tool_without_index_says_why() -> None:
    with pytest.raises(RuntimeError, match="initialize"):
        SearchAdapter().search("apple")


def test_a_sqlite_without_full_text_search_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Connection:
        def execute(self, _statement: str) -> None:
            msg = "no such module: fts5"
            raise sqlite3.OperationalError(msg)

    monkeypatch.setattr(sqlite3, "connect", lambda _name: Connection())
    with pytest.raises(RuntimeError, match="full-text search: no such module: fts5"):
        SearchAdapter().initialize()


def test_the_machines_own_documents_can_be_searched() -> None:
    adapter = SearchAdapter()
    adapter.initialize()
    try:
        assert adapter.stats()["by_kind"]["source"] > 50
        assert any(
            hit["path"].endswith("/ast.py")
            for hit in adapter.search("NodeVisitor generic_visit", limit=20)["hits"]
        )
    finally:
        adapter.cleanup()
