"""The sessions this worker has been told of; bookkeeping only, the host decides."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Session", "SessionRegistry", "now"]

_LIMIT = 10_000


def now() -> Timestamp:
    """Return the current time as a protobuf timestamp."""
    stamp = Timestamp()
    stamp.GetCurrentTime()
    return stamp


@dataclass
class Session:
    """One session: what it was opened with, and when."""

    metadata: dict[str, str] = field(default_factory=dict)
    created_at: Timestamp = field(default_factory=now)
    registered: bool = False  # its tools, or that was tried


class SessionRegistry:
    """Sessions by id; past `limit` the one unused for longest is forgotten.

    Belongs to one event loop.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        """Start without sessions."""
        self._limit = limit
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def open(
        self, session_id: str, metadata: Mapping[str, str] | None = None
    ) -> Session:
        """Open a session, or add metadata to the open one."""
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = Session()
        if metadata:
            session.metadata.update(metadata)
        self._sessions.move_to_end(session_id)
        if len(self._sessions) > self._limit:
            self._sessions.popitem(last=False)
        return session

    def get(self, session_id: str) -> Session | None:
        """Return an open session."""
        return self._sessions.get(session_id)

    def close(self, session_id: str) -> bool:
        """Forget a session; says whether it was open."""
        return self._sessions.pop(session_id, None) is not None
