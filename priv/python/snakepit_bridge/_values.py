"""Values on the wire: JSON text under the StringValue type URL; bytes beside it.

Nothing is ever unpickled, whatever the request's metadata asks for.
"""

from __future__ import annotations

import codecs
import dataclasses
import json
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from google.protobuf.any_pb2 import Any as AnyMessage

from ._errors import InvalidArgumentError, ResultEncodingError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BYTES_TYPES",
    "decode_arguments",
    "decode_json",
    "encode_any",
    "encode_json",
]

BYTES_TYPES = (bytes, bytearray, memoryview)

# How values of libraries say what they hold: pydantic; pandas and many more; numpy and
# array; date and time. The first that there is, and works, is taken.
_CONVERSIONS = ("model_dump", "to_dict", "tolist", "isoformat")
_JSON_TYPES = (str, int, float, list, tuple, dict, type(None))
_LOOKED_AT = 1_000_000  # a value may convert to another like it for ever

_TYPE_URL = "type.googleapis.com/google.protobuf.StringValue"

# What JSON text has only escaped, or not at all. Without any of it a long text is its
# own JSON, which a few searches find out in a fraction of the time of a parser.
_ESCAPED = (b"\\", b'"', *(bytes((code,)) for code in range(32)))
_LONG = 4096


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _is_plain(text: bytes) -> bool:
    return not any(map(text.__contains__, _ESCAPED))


def decode_json(data: bytes) -> Any:
    """Parse strict JSON text in UTF-8; raises ValueError."""
    if len(data) >= _LONG and data[:1] == data[-1:] == b'"':
        inner = data[1:-1]
        if _is_plain(inner):
            with suppress(UnicodeDecodeError):  # the other way says better where
                return inner.decode("utf-8")
    if data.startswith(codecs.BOM_UTF8):
        msg = "it begins with a byte order mark"
        raise ValueError(msg)
    try:
        return _DECODER.decode(data.decode("utf-8"))
    except RecursionError:
        msg = "nested too deeply"
        raise ValueError(msg) from None


def decode_arguments(
    parameters: Mapping[str, AnyMessage], binary: Mapping[str, bytes]
) -> dict[str, Any]:
    """Turn a request's parameters into keyword arguments; binary ones stay bytes."""
    arguments: dict[str, Any] = {}
    for name, value in parameters.items():
        try:
            arguments[name] = decode_json(value.value)
        except ValueError as exc:
            msg = f"parameter {name!r} is not valid JSON: {exc}"
            raise InvalidArgumentError(msg) from None
    for name, data in binary.items():
        if name in arguments:
            msg = f"parameter {name!r} is given twice, as JSON and as bytes"
            raise InvalidArgumentError(msg)
        arguments[name] = data
    return arguments


def encode_any(value: object) -> AnyMessage:
    """Wrap a value's JSON text; raises ResultEncodingError."""
    return AnyMessage(type_url=_TYPE_URL, value=encode_json(value))


def encode_json(value: object) -> bytes:
    """Encode as strict JSON what has a plain form, or says how to get one."""
    try:
        if type(value) is str and len(value) >= _LONG:
            text = value.encode("utf-8")
            if _is_plain(text):
                return b'"%b"' % text
        return _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        msg = "the result holds text that is not valid Unicode (a lone surrogate)"
    except RecursionError:
        msg = "the result is nested too deeply for JSON"
    except (TypeError, ValueError) as exc:
        msg = _describe_culprit(value) or f"the result has no JSON form: {exc}"
    raise ResultEncodingError(msg) from None


def _plain_form(value: object) -> object:
    """Return what stands for a value that JSON does not know; raises TypeError."""
    if isinstance(value, (type, *BYTES_TYPES)):
        raise TypeError
    if dataclasses.is_dataclass(value):
        return {
            field.name: getattr(value, field.name)
            for field in dataclasses.fields(value)
        }
    for name in _CONVERSIONS:
        convert = getattr(value, name, None)
        if callable(convert):
            with suppress(Exception):  # the next one may do
                return convert()
    raise TypeError


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_ENCODER = json.JSONEncoder(
    default=_plain_form, allow_nan=False, ensure_ascii=False, separators=(",", ":")
)


def _describe_culprit(value: object) -> str | None:
    """Say where the first value that has no JSON form stands, and why it has none."""
    seen: set[int] = set()
    stack: list[tuple[str, object]] = [("result", value)]
    for _ in range(_LOOKED_AT):
        if not stack:
            break
        path, item = stack.pop()
        if not isinstance(item, _JSON_TYPES):
            with suppress(TypeError):
                item = _plain_form(item)
        reason = _refusal(item)
        if reason is not None:
            return f"{path} {reason}"
        if isinstance(item, (dict, list, tuple)):
            if id(item) in seen:
                continue
            seen.add(id(item))
            pairs = item.items() if isinstance(item, dict) else enumerate(item)
            stack.extend((f"{path}[{key!r}]", child) for key, child in pairs)
    return None


def _refusal(item: object) -> str | None:
    if isinstance(item, float) and not math.isfinite(item):
        return f"is {item!r}, which JSON does not have"
    if isinstance(item, BYTES_TYPES):
        return (
            f"is of type {type(item).__name__}, which JSON does not have;"
            " return bytes by themselves to send them as they are"
        )
    if isinstance(item, dict):
        for key in item:
            if not isinstance(key, (str, int, float, bool, type(None))):
                return f"has a key of type {type(key).__name__}; JSON keys are text"
    elif not isinstance(item, _JSON_TYPES):
        kind = type(item)
        name = kind.__qualname__
        if kind.__module__ != "builtins":
            name = f"{kind.__module__}.{name}"
        return f"is of type {name}, which JSON does not have"
    return None
