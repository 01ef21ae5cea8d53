"""The segment's protocols are right in every execution, and every part is needed.

The models mirror C functions, named at their heads. `spin/` is about death and progress
in sequential consistency, `loom/` about the order of memory in C11. Each broken variant
leaves one part out and must be found wrong, and for the expected reason: a model in
which nothing can go wrong proves nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from segments import BUILD, SANITIZED

HERE = Path(__file__).resolve().parent
WORK = BUILD / "models"
RUN_TIMEOUT_S = 300
RUSTC_MIN = (1, 63)

pytestmark = pytest.mark.skipif(
    SANITIZED, reason="models are no part of the build: the plain one runs them"
)


def run(
    *command: str | Path, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=RUN_TIMEOUT_S,
    )


# ---- spin ---------------------------------------------------------------------------

FREE, SERVED, LOST = "writer_free", "reader_served", "nothing_lost"

# A claim's search visits every state in which the claim may yet fail. Those of
# reader_served and nothing_lost may until the reader is dead, and all assertions are
# the reader's, so their searches see them all.
SPIN_MODELS = {
    "latch": (SERVED, FREE),
    "row": (SERVED, FREE),
    "ring": (SERVED, FREE),
    "histogram": (LOST, FREE),
    "snap": (SERVED, FREE),
}

NEVER_ENDS = r"acceptance cycle"
MIXED = r"assertion violated \(\(a==s\)&&\(b==s\)\)"
MIXED_ROW = r"assertion violated \(\(c/2\)==u\)"
UNSETTLED = r"assertion violated \(\(\(g%4\)!=2\)\|\|\(c==final\[u\]\)\)"
MIXED_RECORD = r"assertion violated \(\(a==\(cursor\+1\)\)&&\(b==\(cursor\+1\)\)\)"
NOT_LOST = r"assertion violated \(begun>\(cursor\+2\)\)"
SUM_AHEAD = r"assertion violated \(s<=\(a\+\(2\*b\)\)\)"
FELL = r"assertion violated \(\(\(s>=last_s\)&&\(a>=last_a\)\)&&\(b>=last_b\)\)"
NOT_EXACT = r"assertion violated .*first_done&&second_done.*sum==observed"
MIXED_SNAP = r"assertion violated \(\(copy\[1\]==s\)&&\(copy\[2\]==s\)\)"

SPIN_BROKEN = [
    ("latch", "SINGLE_COPY", SERVED, NEVER_ENDS),
    ("latch", "NO_RECHECK", SERVED, MIXED),
    ("latch", "SEQ_FIRST", SERVED, MIXED),
    ("latch", "READER_LOCK", FREE, NEVER_ENDS),
    ("row", "NO_GRACE_PERIOD", SERVED, UNSETTLED),
    ("row", "NO_RECHECK", SERVED, MIXED_ROW),
    ("row", "NO_MARK", SERVED, MIXED_ROW),
    ("row", "STATE_ONLY", SERVED, MIXED_ROW),
    ("row", "REGISTERED_READERS", FREE, NEVER_ENDS),
    ("row", "BLOCKING_RETIRE", FREE, NEVER_ENDS),
    ("ring", "NO_RECHECK", SERVED, MIXED_RECORD),
    ("ring", "NO_INVALIDATION", SERVED, MIXED_RECORD),
    ("ring", "HEAD_FIRST", SERVED, NOT_LOST),
    ("ring", "WRITER_WAITS", FREE, NEVER_ENDS),
    ("ring", "READER_WAITS", SERVED, NEVER_ENDS),
    ("histogram", "SUM_FIRST", LOST, SUM_AHEAD),
    ("histogram", "BUCKETS_FIRST", LOST, SUM_AHEAD),
    ("histogram", "ZERO_ON_ADOPTION", LOST, FELL),
    ("histogram", "EARLY_RELEASE", LOST, NOT_EXACT),
    ("snap", "NO_CRC", SERVED, MIXED_SNAP),
    ("snap", "ONE_HALF", SERVED, NEVER_ENDS),
    ("snap", "SELECTOR_FIRST", SERVED, NEVER_ENDS),
]


def build_verifier(model: str, broken: str = "") -> Path:
    """Compile spin's verifier of a model and return its folder."""
    if not shutil.which("spin"):
        pytest.skip("no spin on PATH: run tools/install-deps")
    folder = WORK / "spin" / f"{model}-{broken or 'right'}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    defines = [f"-DBROKEN_{broken}"] if broken else []
    made = run("spin", *defines, "-a", HERE / "spin" / f"{model}.pml", cwd=folder)
    assert made.returncode == 0, made.stdout
    # What is broken fails soon: there, the compiler's time counts.
    # Without partial order reduction: it is not made for `unless`.
    optimize = "-O0" if broken else "-O1"
    made = run("gcc", optimize, "-w", "-DNOREDUCE", "-o", "pan", "pan.c", cwd=folder)
    assert made.returncode == 0, made.stdout
    return folder


def verify(folder: Path, claim: str) -> tuple[int, str]:
    """Search for a violation of a claim or an assertion; its number of errors, output.

    Weak fairness: a process that is alive and can go on does at some time.
    """
    done = run(*("./pan", "-a", "-f", "-m100000", "-N", claim), cwd=folder)
    errors = re.search(r"errors: (\d+)", done.stdout)
    assert errors, done.stdout
    assert "max search depth too small" not in done.stdout, "not all states were seen"
    return int(errors[1]), done.stdout


@pytest.mark.parametrize("model", SPIN_MODELS)
def test_protocol_survives_death_at_any_step(model: str) -> None:
    folder = build_verifier(model)
    for claim in SPIN_MODELS[model]:
        errors, output = verify(folder, claim)
        states = re.search(r"(\d+) states, stored", output)
        assert errors == 0, output
        assert states, output
        print(f"{model}, {claim}: {states[1]} states, no error")


@pytest.mark.parametrize(
    ("model", "broken", "claim", "violation"),
    [pytest.param(*case, id=f"{case[0]}-{case[1]}") for case in SPIN_BROKEN],
)
def test_protocol_without_a_part_fails(
    model: str, broken: str, claim: str, violation: str
) -> None:
    errors, output = verify(build_verifier(model, broken), claim)
    assert errors == 1, f"{broken} was not found wrong:\n{output}"
    assert re.search(violation, output), output


@pytest.mark.parametrize("model", SPIN_MODELS)
def test_all_broken_variants_of_a_model_are_tried(model: str) -> None:
    text = (HERE / "spin" / f"{model}.pml").read_text()
    assert set(re.findall(r"BROKEN_(\w+)", text)) == {
        broken for name, broken, _, _ in SPIN_BROKEN if name == model
    }


# ---- loom ---------------------------------------------------------------------------

LOOM_MODELS = ("publish", "row", "latch", "ring", "histogram")

LOOM_BROKEN = [
    ("publish", "relaxed-publish", "a row is half filled"),
    ("row", "no-grace-period", "a tombstone's values are not final"),
    ("row", "no-takeover-fence", "mixed row"),
    ("row", "no-release-fence", "mixed row"),
    ("row", "no-acquire-fence", "mixed row"),
    ("row", "no-recheck", "mixed row"),
    ("row", "relaxed-tombstone", "a tombstone's values are not final"),
    ("row", "relaxed-publish", "mixed row"),
    ("row", "relaxed-look", "mixed row"),
    ("latch", "no-release-fence", "mixed record"),
    ("latch", "no-acquire-fence", "mixed record"),
    ("latch", "no-recheck", "mixed record"),
    ("latch", "relaxed-publish", "mixed record"),
    ("latch", "relaxed-look", "mixed record"),
    ("ring", "no-release-fence", "mixed record"),
    ("ring", "no-acquire-fence", "mixed record"),
    ("ring", "no-recheck", "mixed record"),
    ("ring", "relaxed-head", "lost, but never overwritten"),
    ("histogram", "relaxed-sum", "the sum is ahead of the buckets"),
    ("histogram", "relaxed-look", "the sum is ahead of the buckets"),
    ("histogram", "sum-read-last", "the sum is ahead of the buckets"),
]


def cargo(*words: str) -> subprocess.CompletedProcess[str]:
    target = str(WORK / "cargo")
    return run("cargo", *words, cwd=HERE / "loom", CARGO_TARGET_DIR=target)


def require_rust() -> None:
    if not (shutil.which("cargo") and shutil.which("rustc")):
        pytest.skip("no cargo and rustc on PATH: run tools/install-deps")
    said = run("rustc", "--version", cwd=HERE / "loom").stdout
    version = re.search(r"rustc (\d+)\.(\d+)", said)
    assert version, said
    if (int(version[1]), int(version[2])) < RUSTC_MIN:
        pytest.skip(f"{said.strip()} is too old: 1.63 is needed")


@pytest.fixture(scope="module")
def loom() -> Path:
    """Give the program with all loom models; missing crates are fetched."""
    require_rust()
    if cargo("fetch", "--locked", "--offline").returncode != 0:
        fetched = cargo("fetch", "--locked")
        if fetched.returncode != 0:
            pytest.skip(f"the crates cannot be fetched: {fetched.stdout[-300:]}")
    built = cargo("build", "--locked", "--offline", "--quiet")
    assert built.returncode == 0, built.stdout
    return WORK / "cargo" / "debug" / "snakepit-models"


@pytest.mark.parametrize("model", LOOM_MODELS)
def test_protocol_is_right_in_the_c11_memory_model(loom: Path, model: str) -> None:
    done = run(loom, model, cwd=WORK)
    assert done.returncode == 0, done.stdout
    executions = re.fullmatch(r"(\d+) executions\n", done.stdout)
    assert executions, done.stdout
    assert int(executions[1]) > 1, "nothing ran beside anything else"
    print(f"{model}: {executions[1]} executions, no violation")


@pytest.mark.parametrize(("model", "flaw", "violation"), LOOM_BROKEN)
def test_protocol_with_a_flaw_is_wrong_in_the_c11_memory_model(
    loom: Path, model: str, flaw: str, violation: str
) -> None:
    done = run(loom, model, flaw, cwd=WORK)
    assert done.returncode == 101, f"{flaw} was not found wrong:\n{done.stdout}"
    assert "panicked at" in done.stdout, done.stdout
    assert f"src/{model}.rs" in done.stdout, done.stdout
    assert violation in done.stdout, done.stdout


def test_all_flaws_of_the_loom_models_are_tried(loom: Path) -> None:
    listed = run(loom, cwd=WORK).stdout.splitlines()
    assert listed
    assert set(listed) == {*LOOM_MODELS, *(f"{m} {f}" for m, f, _ in LOOM_BROKEN)}
