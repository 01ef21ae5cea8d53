"""Public names for writing adapters: `BaseAdapter` and `tool`."""

from __future__ import annotations

from ._adapter import BaseAdapter
from ._tool import tool

__all__ = ["BaseAdapter", "tool"]
