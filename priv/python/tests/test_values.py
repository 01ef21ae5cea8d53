"""JSON to Python and back, and the errors on the way."""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage

from snakepit_bridge import InvalidArgumentError, ResultEncodingError
from snakepit_bridge._failure import failure_json, failure_status_text
from snakepit_bridge._values import decode_arguments, encode_any, encode_json


@dataclass
class Box:
    content: Any


class Thing:
    pass


@pytest.mark.parametrize(
    "value",
    [1, -(2**70), 1.5, "text \u00e9 \n", True, None, [], {}, {"a": [1, {"b": None}]}],
)
def test_values_survive_the_round_trip(value: Any) -> None:
    message = encode_any(value)
    assert message.type_url == "type.googleapis.com/google.protobuf.StringValue"
    assert decode_arguments({"x": message}, {}) == {"x": value}


@pytest.mark.parametrize("odd", ["", "\u00e9", *map(chr, range(32)), '"', "\\", "\x7f"])
@pytest.mark.parametrize("place", [0, 50_000, 100_000])
def test_long_texts_are_the_same_json_as_any_other(odd: str, place: int) -> None:
    text = "x" * place + odd + "x" * (100_000 - place)
    encoded = encode_json(text)
    assert encoded == json.dumps(text, ensure_ascii=False).encode()
    assert decode_arguments({"x": AnyMessage(value=encoded)}, {}) == {"x": text}


def test_dataclasses_and_tuples_become_objects_and_lists() -> None:
    assert encode_json(Box((1, Box("in")))) == b'{"content":[1,{"content":"in"}]}'


class Model:
    def model_dump(self) -> dict[str, Any]:
        return {"at": date(2026, 1, 2), "values": array("d", [1.5])}


class Broken(Model):
    def model_dump(self) -> dict[str, Any]:
        raise RuntimeError

    def to_dict(self) -> dict[str, Any]:
        return {"instead": 1}


class Again:
    def to_dict(self) -> Again:
        return Again()


def test_values_of_libraries_say_what_stands_for_them() -> None:
    assert encode_json([Model()]) == b'[{"at":"2026-01-02","values":[1.5]}]'
    assert encode_json(Broken()) == b'{"instead":1}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([array("d", [0, float("nan")])], r"result\[0\]\[1\] is nan"),
        (Model, "is of type type"),
        (Again(), "nested too deeply"),
        ({"a": memoryview(b"")}, r"\['a'\] is of type memoryview.*by themselves"),
        (float("nan"), "result is nan"),
        ({"a": [0, float("-inf")]}, r"result\['a'\]\[1\] is -inf"),
        ({"a": {1}}, r"result\['a'\] is of type set"),
        ([Box(Thing())], r"result\[0\]\['content'\] is of type .*test_values\.Thing"),
        ({"b": b""}, r"result\['b'\] is of type bytes.*by themselves"),
        ({(1, 2): 3}, "key of type tuple"),
        (Thing, "is of type type"),
        ("\ud800", "lone surrogate"),
        ("x" * 100_000 + "\ud800", "lone surrogate"),
    ],
)
def test_values_without_json_form_name_place_and_type(value: Any, text: str) -> None:
    with pytest.raises(ResultEncodingError, match=text):
        encode_json(value)


def test_cycles_and_depth_are_errors() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (cycle, deep):
        with pytest.raises(ResultEncodingError):
            encode_json(value)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"'a'", b"1 2", b"[" * 100_000),
        *(b'"%b%b"' % (b"x" * 100_000, odd) for odd in (b"\n", b'"', b"\\", b"\xff")),
        b"\xef\xbb\xbf1",
    ],
)
def test_bad_json_names_the_parameter(data: bytes) -> None:
    with pytest.raises(InvalidArgumentError, match="parameter 'limit' is not valid"):
        decode_arguments({"limit": AnyMessage(value=data)}, {})


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="'a' is given twice"):
        decode_arguments({"a": encode_any(1)}, {"a": b""})


def _raised(error: BaseException) -> BaseException:
    try:
        raise error  # noqa: TRY301
    except BaseException as exc:  # noqa: BLE001
        return exc


class Silent(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise RuntimeError


def test_failure_json_has_the_five_keys() -> None:
    failure = json.loads(failure_json(_raised(ValueError("no")), {"tool": "t"}))
    assert list(failure) == ["type", "message", "stacktrace", "traceback", "context"]
    assert (failure["type"], failure["message"]) == ("ValueError", "no")
    assert failure["context"] == {"tool": "t"}
    assert failure["stacktrace"][-1].endswith(" in _raised")
    assert failure["traceback"].startswith("Traceback (most recent call last)")


def test_failures_are_bounded_whatever_they_say() -> None:
    huge = _raised(ValueError("x" * 10_000_000))
    assert len(failure_json(huge, {})) < 30_000
    assert len(failure_status_text(huge, {})) < 2_000
    silent = json.loads(failure_json(_raised(Silent()), {}))
    assert silent["message"] == "<Silent: its text cannot be made>"
