# SPDX-License-Identifier: Apache-2.0
"""Seeds for the fuzz targets of the segment: one small damage of each kind.

    python3 tests/fuzz/segment_seeds.py DIRECTORY

An input is a byte of flags and then damages of ten bytes, see segment_damage.h. The
seeds touch the first words of the header, of each directory entry and of each region,
with the values at which length checks go wrong.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

UNSEALED = 1
EMPTY = 2
PLACES = 26  # header, directory, and as many regions as there are
ENTRY_WORDS = 8  # of a directory entry
# (how, value): 0, all ones, one more, one less, half, high bit.
CHANGES = ((0, 0), (4, 0), (2, 1), (2, 0xFFFFFFFF), (5, 31), (5, 63))


def damage(place: int, how: int, at: int, value: int) -> bytes:
    return struct.pack("<BBII", place, how, at, value)


def seeds() -> list[bytes]:
    found = [bytes([flags]) for flags in range(4)]
    for place in range(PLACES):
        for at in range(ENTRY_WORDS * (PLACES if place == 1 else 4)):
            how, value = CHANGES[(place + at) % len(CHANGES)]
            flags = (UNSEALED if at % 11 == 10 else 0) | (EMPTY if at % 7 == 6 else 0)
            found.append(bytes([flags]) + damage(place, how, at, value))
    # Two damages that only together get past a check.
    found += [
        b"\0" + damage(1, 4, at, 0) + damage(1, 0, at + 1, 8)
        for at in range(ENTRY_WORDS * 4)
    ]
    return found


def main() -> None:
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (directory / f"seed-{number:04}").write_bytes(seed)


if __name__ == "__main__":
    main()
