"""What the conformance tests share: a reader that is there, the golden segments."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "priv/python")]

from lab import Lab  # noqa: E402
from readers import READERS, Reader, by_name, why_missing  # noqa: E402

from golden import GOLDEN  # noqa: E402


def there(name: str) -> Reader:
    """Return a reader, or skip with the reason why this machine cannot have it."""
    reason = why_missing(name)
    if reason:
        pytest.skip(reason)
    return by_name(name)


@pytest.fixture(params=[reader.name for reader in READERS])
def reader(request: pytest.FixtureRequest) -> Reader:
    """Each reader."""
    return there(request.param)


@pytest.fixture(
    params=[(reader.name, tier) for reader in READERS for tier in reader.tiers],
    ids="-".join,
)
def tiered(request: pytest.FixtureRequest) -> tuple[Reader, str]:
    """Each reader with each of its tiers."""
    name, tier = request.param
    return there(name), tier


@pytest.fixture(scope="session")
def full() -> Lab:
    return Lab(gzip.decompress((GOLDEN / "full.seg.gz").read_bytes()))


@pytest.fixture(scope="session")
def golden_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All golden segments, unpacked."""
    directory = tmp_path_factory.mktemp("golden")
    for packed in GOLDEN.glob("*.seg.gz"):
        path = directory / packed.stem
        path.write_bytes(gzip.decompress(packed.read_bytes()))
        path.chmod(0o640)
    return directory
