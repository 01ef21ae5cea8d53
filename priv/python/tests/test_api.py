"""The names that adapters import, and what they may pass to them."""

from __future__ import annotations

import asyncio
import inspect
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import snakepit_bridge
from snakepit_bridge import _errors, base_adapter, session_context, telemetry
from snakepit_bridge.base_adapter import BaseAdapter, tool
from snakepit_bridge.session_context import SessionContext

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_exported_names_are_pinned() -> None:
    assert base_adapter.__all__ == ["BaseAdapter", "tool"]
    assert session_context.__all__ == ["SessionContext"]
    assert telemetry.__all__ == [
        "CORRELATION_HEADER",
        "emit",
        "get_correlation_id",
        "new_correlation_id",
        "outgoing_metadata",
        "reset_correlation_id",
        "set_correlation_id",
        "span",
    ]
    assert snakepit_bridge.__all__ == [
        "BaseAdapter",
        "ErrorKind",
        "HostError",
        "HostTimeoutError",
        "HostToolFailedError",
        "HostToolNotFoundError",
        "InvalidArgumentError",
        "ResultEncodingError",
        "Retry",
        "SessionContext",
        "SnakepitError",
        "StreamingToolError",
        "ToolNotFoundError",
        "cancelled",
        "deadline",
        "metrics",
        "progress",
        "request_recycle",
        "telemetry",
        "tool",
    ]
    for module in (snakepit_bridge, base_adapter, session_context, telemetry):
        assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (tool, ["description", "supports_streaming", "required_variables"]),
        (telemetry.emit, ["event", "measurements", "metadata", "correlation_id"]),
        (telemetry.span, ["operation", "metadata", "correlation_id"]),
        (telemetry.set_correlation_id, ["value"]),
        (telemetry.get_correlation_id, ["default"]),
        (telemetry.reset_correlation_id, ["token"]),
        (telemetry.outgoing_metadata, ["initial"]),
        (BaseAdapter.execute_tool, ["self", "tool_name", "arguments", "context"]),
        (BaseAdapter.call_tool, ["self", "tool_name", "arguments"]),
        (BaseAdapter.register_with_session, ["self", "session_id", "stub"]),
        (BaseAdapter.register_with_session_async, ["self", "session_id", "stub"]),
        (BaseAdapter.set_session_context, ["self", "session_context"]),
        (SessionContext, ["stub", "session_id", "request_metadata"]),
        (SessionContext.call_elixir_tool, ["self", "tool_name", "arguments"]),
        (SessionContext.call_host_tool, ["self", "tool_name", "arguments"]),
    ],
)
def test_signatures_are_pinned(function: Any, parameters: list[str]) -> None:
    assert list(inspect.signature(function).parameters) == parameters


def test_errors_belong_to_the_tree_and_to_their_builtin() -> None:
    errors = [name for name in _errors.__all__ if name.endswith("Error")]
    for name in errors:
        assert issubclass(getattr(_errors, name), _errors.SnakepitError)
    assert set(_errors.__all__) - set(errors) == {"ErrorKind", "Retry"}
    assert issubclass(_errors.ToolNotFoundError, AttributeError)
    assert issubclass(_errors.InvalidArgumentError, ValueError)
    assert issubclass(_errors.HostError, RuntimeError)
    assert issubclass(_errors.HostToolNotFoundError, ValueError)
    assert issubclass(_errors.HostTimeoutError, TimeoutError)


def test_error_kinds_are_those_of_the_runtime() -> None:
    table = Path(__file__).resolve().parents[3] / "runtime/pool/error_kinds.def"
    rows = re.findall(
        r'^ERROR_KIND\((\w+), "(\w+)", (\w+), (\w+),', table.read_text(), re.MULTILINE
    )
    ours = [(k.name, k.label, k.code, k.retry.name) for k in _errors.ErrorKind]
    assert ours == rows


def test_the_kind_of_a_failed_call_is_in_its_trailing_metadata() -> None:
    class Failed:
        def __init__(self, *pairs: tuple[str, str]) -> None:
            self.trailing_metadata = lambda: pairs

    key = "snakepit-error-kind"
    of = _errors.ErrorKind.of
    assert of(Failed(("a", "b"), (key, "queue_full"))) is _errors.ErrorKind.QUEUE_FULL
    assert of(Failed((key, "not_invented_yet"))) is None
    assert of(Failed()) is None
    assert of(ValueError()) is None


class Sample(BaseAdapter):
    @tool(description="Search", supports_streaming=True, required_variables=["KEY"])
    def search(
        self, query: str, limit: int = 10, where: object = object, **rest: Any
    ) -> Iterator[str]:
        yield query * limit

    @tool()
    def echo(self, text: Any) -> Any:
        """Give the text back."""
        return text

    def helper(self, value: int) -> int:
        return value + 1

    constant = 1


def test_get_tools_describes_decorated_methods() -> None:
    echo, search = Sample().get_tools()
    assert (echo.name, echo.description) == ("echo", "Give the text back.")
    assert not echo.supports_streaming
    assert (search.name, search.description) == ("search", "Search")
    assert search.supports_streaming
    assert search.metadata["required_variables"] == "KEY"
    assert search.metadata["adapter_class"] == "Sample"
    query, limit, where = search.parameters
    assert (query.name, query.type, query.required) == ("query", "str", True)
    assert (limit.name, limit.type, limit.required) == ("limit", "int", False)
    assert limit.validation_json == '{"default":10}'
    assert limit.default_value.value == b"10"
    assert (where.required, where.validation_json) == (False, "")


def test_call_tool_calls_public_methods_only() -> None:
    adapter = Sample()
    assert adapter.call_tool("echo", text="a") == "a"
    assert adapter.call_tool("helper", value=1) == 2
    for name in ("absent", "_registered", "__init__", "cleanup", "execute_tool"):
        with pytest.raises(AttributeError, match="not found in Sample"):
            adapter.call_tool(name)
    with pytest.raises(TypeError, match="not a callable"):
        adapter.call_tool("constant")


def test_execute_tool_dispatches_to_decorated_methods_only() -> None:
    adapter = Sample()
    assert adapter.execute_tool("echo", {"text": "a"}, None) == "a"
    result = adapter.execute_tool(tool_name="echo", arguments={"text": 1}, context=None)
    assert result == 1
    with pytest.raises(AttributeError, match="not found"):
        adapter.execute_tool("helper", {"value": 1})


def test_session_context_without_init_and_from_another_thread() -> None:
    class NoInit(BaseAdapter):
        def __init__(self) -> None:
            self.session_context = None

    adapter = NoInit()
    assert adapter.session_id is None
    adapter.set_session_context(SessionContext(None, "s-1"))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: adapter.session_id).result() == "s-1"


class _Reply:
    success = True
    error_message = ""
    tool_ids = {"echo": "1"}  # noqa: RUF012 - as a message has it


class _Refusal:
    success = False
    error_message = "duplicate_tool: echo"
    tool_ids: dict[str, str] = {}  # noqa: RUF012


class _Future:
    def result(self) -> _Reply:
        return _Reply()


async def _coroutine() -> _Reply:
    return _Reply()


def _raise() -> None:
    raise RuntimeError


class _Stub:
    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def RegisterTools(self, request: Any) -> Any:
        assert [spec.name for spec in request.tools] == ["echo", "search"]
        return self._answer()


_STUBS = [
    (_Reply, ["echo"]),
    (_Future, ["echo"]),
    (_coroutine, ["echo"]),
    (_Refusal, ["echo", "search"]),
    (_raise, []),
]


@pytest.mark.parametrize(("answer", "names"), _STUBS)
def test_register_with_session_takes_any_stub(answer: Any, names: list[str]) -> None:
    assert Sample().register_with_session("s", _Stub(answer)) == names


@pytest.mark.parametrize(("answer", "names"), _STUBS)
def test_register_with_session_async_takes_any_stub(
    answer: Any, names: list[str]
) -> None:
    registering = Sample().register_with_session_async("s", _Stub(answer))
    assert asyncio.run(registering) == names


def test_register_with_session_inside_a_loop_says_what_to_use(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def register() -> list[str]:
        return Sample().register_with_session("s", _Stub(_coroutine))

    assert asyncio.run(register()) == []
    assert "register_with_session_async" in caplog.text
