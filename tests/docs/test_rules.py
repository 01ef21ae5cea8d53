"""The rules of CONTRIBUTING.md, "Pages", each kept and each broken once."""

from __future__ import annotations

import pytest
from pages import ROOT, Block, Page, PageError, anchors
from session import differs, namespaces, run_page

PATH = ROOT / "docs" / "page.md"


def parse(text: str) -> Page:
    return Page.parse(PATH, text)


def outcome(text: str) -> list[str]:
    if namespaces() is None:
        pytest.skip("no namespaces for this user: unshare is not allowed")
    return [failure.why for failure in run_page(parse(text))]


# ---- What is executed ----------------------------------------------------------------


def test_blocks_share_one_shell_and_its_folder() -> None:
    text = """\
```sh
word=hello; mkdir -p inner; cd inner
```
```sh
echo $word > file; cat ../inner/file
```
```console
hello
```
"""
    assert outcome(text) == []


def test_programs_are_on_the_path_and_where_make_puts_them() -> None:
    text = "```sh\nsnakepit version >one; build/bin/snakepit version | cmp - one\n```\n"
    assert outcome(text) == []


def test_a_file_is_there_when_its_text_is_above_it() -> None:
    text = (
        "`adapters/one.yaml`:\n\n```yaml\na: 1\n```\n```sh\ncat adapters/one.yaml\n"
        "```\n```console\na: 1\n```\n"
    )
    assert outcome(text) == []


def test_hidden_commands_are_executed() -> None:
    assert outcome("<!-- sh\na=1\n-->\n```sh\necho $a\n```\n```console\n1\n```\n") == []


def test_what_a_page_leaves_running_ends_with_it() -> None:
    text = "```sh\nsleep 1000 & setsid sleep 1000 &\n```\n"
    assert outcome(text) == []


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ("false; echo late", "a command failed"),
        ("false | true; exit 0", "a command failed"),
        ("echo $unset", "a command failed"),
        ("echo 2", "the page shows what is not printed"),
    ],
)
def test_commands_that_do_something_else_are_told(commands: str, said: str) -> None:
    found = outcome(f"```sh\n{commands}\n```\n```console\n1\n```\n")
    assert len(found) == 1 and found[0].startswith(said)


@pytest.mark.parametrize(("commands", "fine"), [("(exit 3)", 1), ("true", 0)])
def test_an_exit_status_is_held_to_what_is_said(commands: str, fine: int) -> None:
    found = outcome(f"<!-- exits 3 -->\n```sh\n{commands}\n```\n")
    assert bool(fine) == (not found)


def test_what_is_not_run_has_a_reason() -> None:
    page = parse("<!-- not run: needs a cluster -->\n```sh\nkubectl\n```\n")
    assert [block.not_run for block in page.blocks] == ["needs a cluster"]
    assert not any(block.runs for block in page.blocks)


def test_a_page_changes_nothing_of_the_tree() -> None:
    assert outcome("<!-- exits 1 -->\n```sh\ntouch docs/new\n```\n") == []


def test_output_of_the_network_goes_nowhere_but_to_the_page() -> None:
    text = "<!-- exits 7 -->\n```sh\ncurl -s http://127.0.0.1:9/\n```\n"
    assert outcome(text) == []


# ---- What is compared ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\nb", "a\nb", True),
        ("a", "a\nb", False),
        ("a\n...", "a\nb\nc", True),
        ("...\nc", "a\nb\nc", True),
        ("...", "", True),
        ("pid ... up", "pid 17 up", True),
        ("pid ... up", "pid 17\nup", False),
        ("a.c", "abc", False),
        ("took 1.5 ms", "took 2 ms", False),
    ],
)
def test_output_is_compared_line_by_line(shown: str, printed: str, same: bool) -> None:  # noqa: FBT001
    block = Block(1, "console", f"{shown}\n")
    assert (differs(block, f"{printed}\n") is None) == same


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("took 1.5 ms", "took  20 ms", True),
        ("took 1.5 ms", "took long", False),
        ("trace 5045a521351d366f", "trace aaaaaaaaaaaaaaa1", True),
        ("trace 5045a521351d366f", "trace none", False),
    ],
)
def test_numbers_may_vary_where_the_page_says_so(
    shown: str,
    printed: str,
    same: bool,  # noqa: FBT001
) -> None:
    block = Block(1, "console", f"{shown}\n", ("numbers-vary",))
    assert (differs(block, f"{printed}\n") is None) == same


# ---- What is refused -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```\nx\n```\n", "without a language"),
        ("```bash\nx\n```\n", "the language of commands is sh"),
        ("```sh\nx\n", "no ``` to the end"),
        ("text\n\n    make demo\n", "an indented block"),
        ("```console\nx\n```\n", "follows no commands"),
        ("```sh numbers-vary\nx\n```\n", "unknown words"),
        ("<!-- not run -->\n```sh\nx\n```\n", "not a comment for a block"),
        ("<!-- not run: -->\n```sh\nx\n```\n", "not a comment for a block"),
        ("<!-- exits 3 -->\n```yaml\nx\n```\n", "above a block of something else"),
        ("<!-- exits 3 -->\ntext\n```sh\nx\n```\n", "text between"),
        ("<!-- exits 3 -->\n", "does not follow"),
        ("<!-- needs -->\n", "not a comment for a block"),
    ],
)
def test_a_broken_rule_is_refused(text: str, said: str) -> None:
    with pytest.raises(PageError, match=said):
        parse(text)


def test_an_item_of_a_list_may_have_paragraphs() -> None:
    assert parse("- one\n\n    more of it\n").blocks == []


# ---- Links ---------------------------------------------------------------------------


def test_links_are_found_outside_code_only() -> None:
    text = "[a](b.md) `[c](d.md)` [`e`](f.md#g) ![h](i.png) <https://j.k>\n"
    found = [link.target for link in parse(text).links()]
    assert found == ["b.md", "f.md#g", "i.png", "https://j.k"]


def test_anchors_are_those_of_github() -> None:
    page = parse("# One: `two`, three\n## A_b-c\n## [x](y)\n## x\n")
    assert anchors(page) == {"one-two-three", "a_b-c", "x", "x-1"}
