"""The pages of the documentation, taken apart: code blocks, headings, links.

Pure: text in, values out. What is done with a block is session.py's business; the rules
for those who write pages are in CONTRIBUTING.md, "Pages".
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ROOT", "Block", "Link", "Page", "PageError", "anchors", "executable_pages"]

ROOT = Path(__file__).resolve().parents[2]
# What a page may say of the block below it, in a comment that readers do not see.
NOT_RUN = re.compile(r"<!-- not run: (?P<reason>\S.*?) -->")
EXITS = re.compile(r"<!-- exits (?P<status>[0-9]+) -->")
NEEDS = re.compile(r"<!-- needs (?P<path>[\w./-]+) -->")
HIDDEN = re.compile(r"<!-- sh$")
DIRECTIVE = re.compile(r"<!-- *(not.run|exits?|needs?|sh)\b")
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`]*)$")
FILE = re.compile(r"`(?P<path>[\w./@-]+)`[^`]*:$")
HEADING = re.compile(r"^#{1,6} +(?P<text>.*?)( +#+)?$")
LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<target>[^()\s]+)\)")
BARE_URL = re.compile(r"<(?P<target>https?://[^>\s]*)>")
NUMBERS_VARY = "numbers-vary"


class PageError(Exception):
    """A page that breaks the rules; the message says where."""


@dataclasses.dataclass(frozen=True)
class Block:
    """A piece of code of a page, or a comment of commands that readers do not see."""

    line: int
    language: str
    text: str
    options: tuple[str, ...] = ()
    path: str | None = None  # the file that the text before it says it is
    not_run: str | None = None  # why its commands cannot be executed
    status: int = 0  # of its last command

    @property
    def runs(self) -> bool:
        return self.language == "sh" and self.not_run is None


@dataclasses.dataclass(frozen=True)
class Link:
    line: int
    target: str


@dataclasses.dataclass
class Page:
    path: Path
    blocks: list[Block] = dataclasses.field(default_factory=list)
    headings: list[str] = dataclasses.field(default_factory=list)
    prose: list[tuple[int, str]] = dataclasses.field(default_factory=list)
    needs: list[str] = dataclasses.field(
        default_factory=list
    )  # files, or no commands run

    @classmethod
    def read(cls, path: Path) -> Page:
        return cls.parse(path, path.read_text())

    @classmethod
    def parse(cls, path: Path, text: str) -> Page:
        page = cls(path)
        _Parser(page, text.splitlines()).parse()
        return page

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    def links(self) -> Iterator[Link]:
        for number, line in self.prose:
            outside_code = re.sub(r"`[^`]*`(?!\])", "``", line)
            for pattern in (LINK, BARE_URL):
                for match in pattern.finditer(outside_code):
                    yield Link(number, match["target"])

    def output_of(self, block: Block) -> Block | None:
        """Give the output that the page shows right behind a block."""
        index = self.blocks.index(block) + 1
        following = self.blocks[index] if index < len(self.blocks) else None
        return following if following and following.language == "console" else None


class _Parser:
    """Goes through a page line by line; `at` is the next line."""

    def __init__(self, page: Page, lines: list[str]) -> None:
        self.page = page
        self.lines = lines
        self.at = 0
        self.said: dict[str, str] = {}

    def parse(self) -> None:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if HIDDEN.match(line):
                self._hidden()
            elif fence := FENCE.match(line):
                self._fenced(fence)
            else:
                self._text(line)
                self.at += 1
        if self.said:
            self._refuse("a comment for a block that does not follow")

    def _refuse(self, what: str) -> None:
        message = f"{self.page.path.name}:{self.at + 1}: {what}"
        raise PageError(message)

    def _until(self, end: str, indent: int = 0) -> str:
        taken = []
        while self.at < len(self.lines) and self.lines[self.at].strip() != end:
            line = self.lines[self.at]
            taken.append(line[indent:] if line[:indent].isspace() else line)
            self.at += 1
        if self.at == len(self.lines):
            self._refuse(f"no {end} to the end of the page")
        self.at += 1
        return "".join(f"{line}\n" for line in taken)

    def _hidden(self) -> None:
        line = self.at + 1
        self.at += 1
        self.page.blocks.append(Block(line, "sh", self._until("-->")))

    def _fenced(self, fence: re.Match[str]) -> None:
        line = self.at + 1
        language, *options = fence["info"].split() or [""]
        if not language:
            self._refuse("a block without a language (CONTRIBUTING.md, Pages)")
        if language in ("bash", "shell", "zsh", "shell-session"):
            self._refuse(f"the language of commands is sh, not {language}")
        if set(options) - {NUMBERS_VARY} or (options and language != "console"):
            self._refuse(f"unknown words behind the language: {' '.join(options)}")
        if self.said and language != "sh":
            self._refuse("a comment for commands above a block of something else")
        before = next((t for _, t in reversed(self.page.prose) if t.strip()), "")
        named = FILE.search(before) if language not in ("sh", "console") else None
        self.at += 1
        block = Block(
            line,
            language,
            self._until("```", len(fence["indent"])),
            tuple(options),
            named["path"] if named else None,
            self.said.pop("reason", None),
            int(self.said.pop("status", 0)),
        )
        if language == "console" and not (
            self.page.blocks and self.page.blocks[-1].language == "sh"
        ):
            self._refuse("an output that follows no commands: its language is text")
        self.page.blocks.append(block)

    def _text(self, line: str) -> None:
        above = self.lines[self.at - 1] if self.at else ""
        if line.startswith("    ") and not above.strip() and not self._in_list():
            self._refuse("an indented block: put it between ``` with a language")
        for pattern in (NOT_RUN, EXITS):
            if match := pattern.fullmatch(line):
                self.said |= match.groupdict()
                return
        if match := NEEDS.fullmatch(line):
            self.page.needs.append(match["path"])
            return
        if DIRECTIVE.match(line):
            self._refuse("not a comment for a block (CONTRIBUTING.md, Pages)")
        if self.said and line.strip():
            self._refuse("text between a comment and its block")
        if match := HEADING.match(line):
            self.page.headings.append(match["text"])
        self.page.prose.append((self.at + 1, line))

    def _in_list(self) -> bool:
        """Whether the paragraph above belongs to an item of a list."""
        for _, line in reversed(self.page.prose):
            if line.strip() and not line.startswith(" "):
                return bool(re.match(r"([-*]|[0-9]+\.) ", line))
        return False


def anchors(page: Page) -> set[str]:
    """Names of the headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in page.headings:
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        number = 0
        while (name := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(name)
    return found


def executable_pages() -> list[Path]:
    """Pages whose commands are executed."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
