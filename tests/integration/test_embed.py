"""The example of a program with a runtime inside, as its user runs it."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from harness import ROOT, World, is_sanitized


@pytest.mark.parametrize("closed", [(), (0, 1, 2)], ids=["stdio", "closed_stdio"])
def test_the_example_calls_python_and_is_called(
    world: World, closed: tuple[int, ...]
) -> None:
    """Sanitizers would say what they find on the stderr that is closed."""
    if closed and is_sanitized():
        pytest.skip("a sanitizer needs a stderr")
    out = world.directory / "out"
    redirect = " ".join(f"{fd}>&-" for fd in closed) or f">{out}"
    program = world.build / "examples" / "embed"
    done = subprocess.run(
        ["sh", "-c", f"exec {program} LICENSE {redirect}"],
        cwd=ROOT,
        env=world.env,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert os.listdir(world.directory) == ([] if closed else ["out"])
    if closed:
        return
    words, price, *chunks, stream = out.read_text().splitlines()
    assert json.loads(words.removeprefix("word_stats: "))["path"].endswith("/LICENSE")
    assert json.loads(price.removeprefix("ask_price: ")) == {"item": "lamp", "price": 6}
    assert [chunk.split(":")[0] for chunk in chunks[:2]] == ["chunk 1", "chunk 2"]
    assert stream == "stream: "
