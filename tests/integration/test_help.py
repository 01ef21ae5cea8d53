"""--help of every command, and that man page, completion and parser say the same."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING

import pytest
from readers import BUILD, ROOT

if TYPE_CHECKING:
    from pathlib import Path

BIN = BUILD / "bin"
GOLDEN = ROOT / "tests/golden/help"
UPDATE = os.environ.get("SNP_GOLDEN_UPDATE")
PROGRAMS = tuple(
    f"snakepit{end}"
    for end in ("d", "-inspect", "-otlp", "-prometheus", "-statsd", "-top")
)
MAKE = ROOT / "tools/make/man.mk"


def ask(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / command[0], *command[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@cache
def said(*command: str) -> str:
    done = ask(*command)
    assert (done.returncode, done.stderr) == (0, ""), command
    return done.stdout


@cache
def verbs() -> dict[str, str]:
    """Give what `snakepit help` lists, and in what words."""
    listed = re.findall(r"^  ([a-z]+) +(.*)$", said("snakepit", "help"), re.MULTILINE)
    about = json.loads(said("snakepit", "--help-json"))
    assert [verb["name"] for verb in about["verbs"]] == [name for name, _ in listed[4:]]
    return dict(listed[4:])  # four examples stand above


def commands() -> list[tuple[str, ...]]:
    every = [("snakepit", verb) for verb in verbs()] if BIN.exists() else []
    return [("snakepit",), *((program,) for program in PROGRAMS), *every]


each_command = pytest.mark.parametrize("command", commands(), ids=" ".join)


@each_command
def test_help_is_short_and_leads_with_examples(command: tuple[str, ...]) -> None:
    text = said(*command, "--help")
    lines = text.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert lines[1:3] == ["", "examples:"]
    assert lines[3].startswith("  ")
    assert re.fullmatch(r"more: man snakepit[a-z-]*", lines[-1])
    assert said(*command, "-h") == text
    if len(command) == 2:
        assert said("snakepit", "help", command[1]) == text


@each_command
def test_help_is_as_it_was_looked_at(command: tuple[str, ...]) -> None:
    golden = GOLDEN / ("-".join(command) + ".txt")
    text = said(*command, "--help")
    if UPDATE:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text(), f"SNP_GOLDEN_UPDATE=1 writes {golden} anew"


def test_no_help_is_left_of_what_is_gone() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(map("-".join, commands()))


@pytest.mark.parametrize("verb", verbs() if BIN.exists() else ())
def test_a_verb_is_summed_up_in_the_same_words(verb: str) -> None:
    first = said("snakepit", verb, "--help").splitlines()[0]
    # Two verbs become snakepit-inspect, with an option each.
    if not first.startswith("snakepit-inspect - "):
        assert first.split(" - ", 1)[1] == verbs()[verb]


# ---- one table -----------------------------------------------------------------------


def page_of(command: tuple[str, ...]) -> Path:
    return next((ROOT / "man").glob("-".join(command) + ".?.scd.in"))


def made_page(template: Path) -> str:
    return subprocess.run(
        [ROOT / "tools/gen-man", BIN, template],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def named_by_help(command: tuple[str, ...]) -> set[str]:
    return set(
        re.findall(r"^  (?:-.,|   ) --([^ ]+)", said(*command, "--help"), re.MULTILINE)
    )


def named_by_man(command: tuple[str, ...]) -> set[str]:
    page = made_page(page_of(command)).replace("\\-", "-").replace("\\&", "")
    options = page[page.index(".SH OPTIONS") :].split("\n.SH ", 1)[0]
    return set(re.findall(r"^(?:\\fB-.\\fR, )?\\fB--(.*?)\\fR", options, re.MULTILINE))


def named_by_completion(command: tuple[str, ...]) -> set[str]:
    program, *verb = command
    lines = said(program, "--complete", *verb, "--").splitlines()
    return {line.split("\t")[0].removeprefix("--") for line in lines}


def understood(command: tuple[str, ...], option: str) -> bool:
    """Whether the parser knows it. The second one is refused, so that nothing runs."""
    done = ask(*command, f"--{option}=", "--nonesuch")
    assert done.returncode == 2, done
    return f"unknown option '--{option}'" not in done.stderr


def stands_for(pattern: str) -> str:
    return re.escape(pattern).replace(r"\[no\-\]", "(no-)?").replace("NAME", r"\w+")


# Verbs that become a program with a page of its own, or have that of `snakepit`.
OTHERS = {"run", "top", "dump", "events", "version", "help"}
SAME = [command for command in commands() if command[-1] not in OTHERS]


@pytest.mark.parametrize("command", SAME, ids=" ".join)
def test_help_man_page_completion_and_parser_name_the_same(
    command: tuple[str, ...],
) -> None:
    completed = named_by_completion(command)
    described = named_by_man(command)
    patterns = {name for name in described if name.startswith("[")}
    for pattern in patterns:
        covered = {n for n in completed if re.fullmatch(stands_for(pattern), n)}
        assert covered
        described |= covered
    assert described - patterns == completed
    # What is rare may be in the page alone: its table says so by an empty first line.
    about = json.loads(said(*command, "--help-json"))
    helped = {o["name"] for o in about["options"] if o["name"] and o["shown"]}
    helped -= {o["name"] for o in about["options"] if o["help"].startswith("\n")}
    if command != ("snakepit",):
        assert named_by_help(command) == helped
    assert {name for name in completed if not understood(command, name)} == set()
    assert not understood(command, "nonesuch")


# ---- documents -----------------------------------------------------------------------


def options_in(page: str) -> set[str]:
    text = (ROOT / "docs" / page).read_text()
    return set(re.findall(r"(?<![\w-])--([a-z][\w.-]*\w)", text))


def table_of(command: tuple[str, ...]) -> set[str]:
    return named_by_completion(command) - {"help", "version"}


def test_the_page_of_the_command_line_names_what_is_there() -> None:
    text = (ROOT / "docs/cli.md").read_text()
    table = text[text.index("| command |") :].split("\n\n", 1)[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    named = {verb for row in rows for verb in re.findall(r"`([a-z]+)", row)}
    assert named - {"show", "check", "diff"} == set(verbs())  # those of `config`
    real = {"help", "version"}.union(*(table_of(command) for command in commands()))
    assert options_in("cli.md") <= real | {"complete"}


@pytest.mark.parametrize("reader", ["prometheus", "statsd", "inspect"])
def test_pages_of_readers_explain_every_option(reader: str) -> None:
    switches = {"prometheus": r"(no-)?collector\..*"}.get(reader, "nothing")
    options = {
        option
        for option in table_of((f"snakepit-{reader}",))
        if not re.fullmatch(switches, option)
    }
    assert options - options_in(f"{reader}.md") == set()


# ---- man pages -----------------------------------------------------------------------


def test_every_command_has_a_page() -> None:
    aliases = re.findall(
        r"([a-z]+)\.1", re.findall(r"MAN_ALIAS .*", MAKE.read_text())[0]
    )
    for command in commands():
        assert command[-1] in aliases or page_of(command).exists()


@pytest.mark.parametrize(
    ("command", "member"),
    [(("snakepit",), "verbs"), (("snakepit", "doctor"), "checks")],
)
def test_a_page_has_every_row_of_its_table(
    command: tuple[str, ...], member: str
) -> None:
    page = made_page(page_of(command))
    rows = json.loads(said(*command, "--help-json"))[member]
    assert rows
    for row in rows:
        assert f"\n\\fB{row['name']}\\fR\n" in page


@each_command
def test_an_exit_status_is_a_number(command: tuple[str, ...]) -> None:
    about = json.loads(said(*command, "--help-json"))
    for line in about["exits"].splitlines():
        assert re.match(r"([0-4]|128\+n) \w", line), line


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
@pytest.mark.parametrize("page", sorted((ROOT / "man").glob("*.scd.in")), ids=str)
def test_pages_are_clean(page: Path, tmp_path: Path) -> None:
    made = tmp_path / page.name.removesuffix(".scd.in")
    made.write_text(made_page(page))
    lint = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", made],
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.stdout + lint.stderr == ""
    shown = subprocess.run(
        ["mandoc", "-T", "ascii", made], capture_output=True, text=True, check=True
    )
    text = re.sub(r".\b", "", shown.stdout)
    assert not re.search(r"^@|\\f|\\\(", text, re.MULTILINE)
    for name in re.findall(r"\\fB(snakepit[\w.-]*)\\fR\((\d)\)", made.read_text()):
        assert list((ROOT / "man").glob(".".join(name) + "*")), name
