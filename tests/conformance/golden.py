"""Write tests/golden/segments anew: the segments, and what a reader says of each."""

from __future__ import annotations

import gzip
import subprocess
import tempfile
from pathlib import Path

from newer import as_newer_minor
from readers import BUILD, ROOT, by_name, parse, run, text_of

GOLDEN = ROOT / "tests" / "golden" / "segments"
# Of these the output of snakepit-inspect --csv is kept as well.
WITH_CSV = ("full", "hostile")


def make(directory: Path) -> None:
    """Make every golden segment in an empty directory, as <name>.seg."""
    subprocess.run([BUILD / "tests/golden", directory], check=True)
    newer = as_newer_minor((directory / "full.seg").read_bytes())
    newer.write(directory / "newer.seg")


def series_of(path: Path) -> bytes:
    """Return what snakepit-inspect prints of the metrics, byte for byte."""
    program = [str(BUILD / "bin/snakepit-inspect"), "--csv", "--tier", "snap"]
    done = subprocess.run([*program, "-n", path], check=True, capture_output=True)
    lines = done.stdout.splitlines(keepends=True)
    return b"".join(line for line in lines if line.startswith(b"snakepit."))


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        make(directory)
        for path in sorted(directory.glob("*.seg")):
            (line,) = run(by_name("c"), "snap", [path])
            packed = gzip.compress(path.read_bytes(), mtime=0)
            (GOLDEN / f"{path.name}.gz").write_bytes(packed)
            (GOLDEN / f"{path.stem}.json").write_text(text_of(parse(line)), "utf-8")
            if path.stem in WITH_CSV:
                (GOLDEN / f"{path.stem}.csv").write_bytes(series_of(path))


if __name__ == "__main__":
    main()
