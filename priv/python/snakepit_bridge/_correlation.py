"""The correlation id of the request that the current context works for.

It lives in a ContextVar: each rpc has its own, and whoever moves work to another thread
takes it along with `contextvars.copy_context()`.
"""

from __future__ import annotations

import logging
import re
import secrets
from contextvars import ContextVar, Token

__all__ = [
    "CORRELATION_HEADER",
    "adopt_correlation_id",
    "get_correlation_id",
    "is_correlation_id",
    "new_correlation_id",
    "reset_correlation_id",
    "set_correlation_id",
]

CORRELATION_HEADER = "x-snakepit-correlation-id"

_logger = logging.getLogger(__name__)
_VALID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_current: ContextVar[str | None] = ContextVar("snakepit_correlation_id", default=None)


def new_correlation_id() -> str:
    """Make an id: `sp-` and 24 lower-case hexadecimal digits."""
    return f"sp-{secrets.token_hex(12)}"


def is_correlation_id(value: str | bytes) -> bool:
    """Say whether `value` may be used as a correlation id."""
    return isinstance(value, str) and _VALID.fullmatch(value) is not None


def adopt_correlation_id(value: str | bytes | None) -> str:
    """Return `value` if it is a valid id, else a new one; log what was refused."""
    if not value:
        return new_correlation_id()
    if isinstance(value, str) and is_correlation_id(value):
        return value
    made = new_correlation_id()
    # The refused value is untrusted and of any length: its size says enough.
    _logger.warning("invalid correlation id of %d characters replaced", len(value))
    return made


def set_correlation_id(value: str) -> Token[str | None]:
    """Set the current id (an invalid one is replaced); returns what undoes it."""
    return _current.set(adopt_correlation_id(value))


def reset_correlation_id(token: Token[str | None] | None) -> None:
    """Undo the `set_correlation_id` that returned `token`, in the same context."""
    if token is not None:
        _current.reset(token)


def get_correlation_id(default: str | None = None) -> str | None:
    """Return the current id, or `default` outside of a request."""
    value = _current.get()
    return default if value is None else value
