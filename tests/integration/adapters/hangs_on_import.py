"""A module that is never done with its import."""

from __future__ import annotations

import time

from fault_adapter import FaultAdapter

time.sleep(3600)


class HangingAdapter(FaultAdapter):
    """Nobody sees it."""
