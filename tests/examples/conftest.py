"""Make the demo's adapters importable: they are no installed package."""

from __future__ import annotations

import sys
from pathlib import Path

from fixtures import run_daemon, snp_dir, world

__all__ = ["run_daemon", "snp_dir", "world"]

ROOT = Path(__file__).resolve().parents[2]
for folder in ("priv/python", "examples/adapters", "examples"):
    sys.path.insert(0, str(ROOT / folder))
