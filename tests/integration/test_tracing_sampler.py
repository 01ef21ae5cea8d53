"""T07: the runtime samples the very traces that the SDK of the workers would."""

from __future__ import annotations

import functools
import random
import subprocess

import pytest
from opentelemetry.sdk.trace import sampling
from segments import BUILD

IDS = 100_000
LOW = 2**64 - 1
# As in OTEL_TRACES_SAMPLER_ARG, from nothing to everything.
RATIOS = (
    "0",
    "1e-300",
    "2.710505431213761e-20",
    "8.131516293641283e-20",
    "1e-6",
    "0.01",
    "0.1",
    "0.3333333333333333",
    "0.5",
    "0.7",
    "0.99999999999999988897769753748",
    "1",
)


@functools.cache
def trace_ids() -> list[int]:
    """Random ids, and those around the bound of each ratio."""
    rng = random.Random(6)
    bounds = [round(float(ratio) * 2**64) for ratio in RATIOS]
    near = {max(0, min(LOW, b + step)) for b in bounds for step in (-1, 0, 1)}
    high = rng.getrandbits(64) | 1
    ids = [high << 64 | low for low in sorted(near)]
    return ids + [rng.getrandbits(128) | 1 << 127 for _ in range(IDS - len(ids))]


@functools.cache
def ours(name: str, ratio: str) -> list[bool]:
    run = subprocess.run(
        [str(BUILD / "tests/trace_sampler"), name, ratio],
        input=b"".join(i.to_bytes(16, "big") for i in trace_ids()),
        stdout=subprocess.PIPE,
        check=True,
    )
    return [decision == ord("1") for decision in run.stdout]


@pytest.mark.parametrize("ratio", RATIOS)
def test_t07_c_and_python_decide_identically(ratio: str) -> None:
    theirs = sampling.TraceIdRatioBased(float(ratio))
    sampled = sampling.Decision.RECORD_AND_SAMPLE
    expected = [
        theirs.should_sample(None, i, "").decision is sampled for i in trace_ids()
    ]
    assert len(expected) == IDS
    assert ours("traceidratio", ratio) == expected
    assert ours("parentbased_traceidratio", ratio) == expected


def test_t07_what_a_ratio_samples_every_larger_one_does() -> None:
    for smaller, larger in zip(RATIOS, RATIOS[1:]):
        pairs = zip(ours("traceidratio", smaller), ours("traceidratio", larger))
        assert not [1 for small, large in pairs if small and not large]


def test_t07_a_ratio_samples_its_share() -> None:
    share = sum(ours("traceidratio", "0.1")) / IDS
    assert 0.095 < share < 0.105  # five standard deviations are 0.0047
