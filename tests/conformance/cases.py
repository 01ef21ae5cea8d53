"""What a case is: a change of the full golden segment, and its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Union

from lab import WORDS, Lab

HUGE = (1 << 64) - 1
HALF = 1 << 63


@dataclass(frozen=True)
class Error:
    """The outcome and the field that every reader names."""

    kind: str
    field: str


@dataclass(frozen=True)
class Fine:
    """The segment reads; `changes` of what the golden one says, by path of keys."""

    changes: dict[str, object]


@dataclass(frozen=True)
class Agreed:
    """Whatever it is, all readers say the same."""


Outcome = Union[Error, Fine, Agreed]
FINE = Fine({})


def damaged(field: str) -> Error:
    return Error("damaged", field)


@dataclass(frozen=True)
class Case:
    """A change and its outcome; `live` is that of the live tier where it differs."""

    name: str
    make: Callable[[Lab], None]
    outcome: Outcome
    live: Outcome | None = None

    def expected(self, tier: str) -> Outcome:
        return self.live if tier == "live" and self.live else self.outcome


def seal(lab: Lab) -> None:
    lab.seal_directory()
    lab.seal_header()


def sealed(change: Callable[[Lab], None]) -> Callable[[Lab], None]:
    """Make a change of what the header's checksums cover."""

    def make(lab: Lab) -> None:
        change(lab)
        seal(lab)

    return make


def word(name: str, value: int, plus: int = 0) -> Callable[[Lab], None]:
    return lambda lab: lab.put(WORDS[name] + plus, value)
