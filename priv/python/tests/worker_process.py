"""A worker as the runtime starts it: a process with pipes to and from it."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, TypeVar

import grpc

from snakepit_bridge._proto import pb, pb_grpc
from snakepit_bridge._values import encode_any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

SCRIPT = Path(__file__).resolve().parents[1] / "grpc_server.py"
DEADLINE_S = 20.0
_LARGE = (
    ("grpc.max_send_message_length", 100 * 1024 * 1024),
    ("grpc.max_receive_message_length", 100 * 1024 * 1024),
)

T = TypeVar("T")


def wait_for(what: str, condition: Callable[[], T]) -> T:
    """Return the condition's first true value; fail if none comes in time."""
    deadline = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not (value := condition()):
        assert time.monotonic() < deadline, f"in vain: {what}"
        pause.wait(0.01)
    return value


class WorkerProcess:
    """Starts a worker; close() ends it, whatever state it is in."""

    def __init__(  # noqa: PLR0913 - each is one thing the runtime decides
        self,
        folder: Path,
        adapter: str,
        *,
        max_workers: int = 1,
        host_address: str | None = None,
        native: bool = True,
        inherit: Sequence[int] = (),
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.address = f"unix:{folder / 'worker.sock'}"
        self.logs: list[dict[str, Any]] = []
        self._stderr = folder / "stderr"
        self._channel: grpc.Channel | None = None
        ready_read, ready_write = os.pipe()
        life_read, self._lifeline = os.pipe()
        log_read, log_write = os.pipe()
        self._ready = ready_read
        theirs = (ready_write, life_read, log_write)
        command = [sys.executable, str(SCRIPT), "--adapter", adapter]
        command += ["--max-workers", str(max_workers)]
        if native:
            command += [
                *("--address", self.address),
                *("--pool", "test", "--slot", "0", "--worker-id", "test/0#1"),
                *("--ready-fd", str(ready_write), "--lifeline-fd", str(life_read)),
                *("--log-fd", str(log_write)),
            ]
        if host_address is not None:
            command += ["--host-address", host_address]
        path = os.pathsep.join([str(SCRIPT.parent), str(Path(__file__).parent)])
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*command, *arguments],
                pass_fds=(*theirs, *inherit) if native else (),
                stderr=stderr,
                start_new_session=True,  # at the lifeline's end it kills its group
                env={**os.environ, "PYTHONPATH": path, **(env or {})},
            )
        for fd in theirs:
            os.close(fd)
        self._log_thread = threading.Thread(target=self._read_logs, args=(log_read,))
        self._log_thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()
        self.process.kill()
        self.process.wait()
        self.cut_lifeline()
        self._log_thread.join()
        if self._ready >= 0:
            os.close(self._ready)
            self._ready = -1

    # ---- the handshake ---------------------------------------------------------------

    def ready_line(self) -> bytes:
        """Return all that comes through the ready pipe until it is closed."""
        received = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._ready, selectors.EVENT_READ)
            while True:
                assert selector.select(DEADLINE_S), "neither ready nor gone"
                data = os.read(self._ready, 4096)
                if not data:
                    return received
                received += data

    def wait_ready(self) -> dict[str, Any]:
        line = self.ready_line()
        assert line.endswith(b"\n"), self.stderr()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def cut_lifeline(self) -> None:
        """Do what the runtime's death does."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def exit_status(self) -> int:
        return self.process.wait(DEADLINE_S)

    # ---- what it says ----------------------------------------------------------------

    def _read_logs(self, fd: int) -> None:
        with os.fdopen(fd) as lines:
            for line in lines:
                self.logs.append(json.loads(line))

    def stderr(self) -> str:
        return self._stderr.read_text()

    def wait_log(self, **expected: object) -> dict[str, Any]:
        """Return the first log line with these values."""

        def matching() -> list[dict[str, Any]]:
            return [line for line in self.logs if expected.items() <= line.items()]

        return wait_for(f"a log line with {expected}", matching)[0]

    # ---- calling it ------------------------------------------------------------------

    @property
    def stub(self) -> Any:
        if self._channel is None:
            self._channel = grpc.insecure_channel(self.address, options=_LARGE)
        return pb_grpc.BridgeServiceStub(self._channel)

    def call(self, tool: str, /, **arguments: Any) -> Any:
        """Run a tool; returns its result, fails if the tool did."""
        response = self.stub.ExecuteTool(request(tool, **arguments), timeout=DEADLINE_S)
        assert response.success, response.error_message
        return json.loads(response.result.value)

    def begin(self, tool: str, /, started: Path, **more: Any) -> Any:
        """Start a tool that makes the file `started`, and wait until it runs."""
        future = self.stub.ExecuteTool.future(
            request(tool, started=str(started), **more)
        )
        wait_for("the tool runs", started.exists)
        return future

    def failure(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """Run a tool that fails; returns its error object."""
        response = self.stub.ExecuteTool(request(tool, **arguments), timeout=DEADLINE_S)
        assert not response.success
        error: dict[str, Any] = json.loads(response.error_message)
        return error

    def refusal(self, message: pb.ExecuteToolRequest) -> Any:
        """Run a call that ends with a status; returns it."""
        try:
            self.stub.ExecuteTool(message, timeout=DEADLINE_S)
        except grpc.RpcError as exc:
            return exc
        msg = "the call was not refused"
        raise AssertionError(msg)


def request(
    tool: str,
    /,
    session_id: str = "",
    metadata: Mapping[str, str] | None = None,
    binary: Mapping[str, bytes] | None = None,
    **arguments: object,
) -> pb.ExecuteToolRequest:
    """Make the request of a tool call."""
    return pb.ExecuteToolRequest(
        session_id=session_id,
        tool_name=tool,
        parameters={name: encode_any(value) for name, value in arguments.items()},
        metadata=metadata,
        binary_parameters=binary,
    )
