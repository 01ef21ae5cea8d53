"""Public name of the session context: `SessionContext`."""

from __future__ import annotations

from ._session_context import SessionContext

__all__ = ["SessionContext"]
