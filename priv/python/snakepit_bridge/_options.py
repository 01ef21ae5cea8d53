"""The worker's command line and environment, parsed into one value."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ._errors import SnakepitError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["HeartbeatOptions", "Options", "OptionsError", "parse_options"]


_LIFETIMES = ("worker", "call")


class OptionsError(SnakepitError):
    """The command line or an environment variable cannot be used."""


@dataclass(frozen=True)
class HeartbeatOptions:
    """How a worker watches its host over TCP, where it has no lifeline."""

    enabled: bool = False
    interval_ms: int = 2000
    timeout_ms: int = 10000
    max_missed_heartbeats: int = 3
    initial_delay_ms: int = 0
    dependent: bool = True  # leave when the host stays silent; else only log it


@dataclass(frozen=True)
class Options:
    """All that a worker is told at its start."""

    adapter: str
    address: str  # what the server binds, in gRPC's syntax
    host_address: str | None
    worker_id: str
    max_workers: int
    adapter_lifetime: str  # "worker" or "call"
    ready_fd: int | None
    lifeline_fd: int | None
    log_fd: int | None
    beat_fd: int | None
    stacks_fd: int | None
    metrics_fd: int | None
    stop_timeout_s: float  # from SIGTERM to SIGKILL
    beat_library: str | None
    ready_file: str | None
    log_level: str
    own_process_group: bool
    otel: bool  # start the OpenTelemetry SDK
    health_check: bool
    heartbeat: HeartbeatOptions
    unknown: tuple[str, ...]  # arguments that were not understood


def parse_options(arguments: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Parse; raises OptionsError, or SystemExit with a usage text as argparse does."""
    parsed, unknown = _parser().parse_known_args(arguments)
    if parsed.max_workers < 1:
        msg = f"--max-workers is {parsed.max_workers}; it must be 1 or more"
        raise OptionsError(msg)
    return Options(
        adapter=parsed.adapter,
        address=parsed.address or f"127.0.0.1:{parsed.port}",
        host_address=(
            parsed.host_address
            or parsed.elixir_address
            or environ.get("SNAKEPIT_GRPC_ADDRESS")
            or None
        ),
        worker_id=parsed.worker_id or f"python-{os.getpid()}",
        max_workers=parsed.max_workers,
        adapter_lifetime=_lifetime(parsed, environ),
        ready_fd=parsed.ready_fd,
        lifeline_fd=parsed.lifeline_fd,
        log_fd=parsed.log_fd,
        beat_fd=parsed.beat_fd,
        stacks_fd=parsed.stacks_fd,
        metrics_fd=parsed.metrics_fd,
        stop_timeout_s=parsed.stop_timeout_ms / 1000,
        beat_library=environ.get("SNAKEPIT_BEAT_LIBRARY") or None,
        ready_file=environ.get("SNAKEPIT_READY_FILE") or None,
        log_level=environ.get("SNAKEPIT_LOG_LEVEL") or "info",
        own_process_group=environ.get("SNAKEPIT_PROCESS_GROUP") == "1",
        otel=environ.get("SNAKEPIT_OTEL") == "1",
        health_check=parsed.health_check,
        heartbeat=_heartbeat(parsed, environ.get("SNAKEPIT_HEARTBEAT_CONFIG")),
        unknown=tuple(unknown),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Serve one Snakepit adapter over gRPC.", allow_abbrev=False
    )
    parser.add_argument("--adapter", required=True, metavar="PKG.MOD.Class")
    parser.add_argument(
        "--health-check", action="store_true", help="import the adapter and leave"
    )
    parser.add_argument("--max-workers", type=int, default=1, help="parallel calls")
    parser.add_argument(
        "--adapter-lifetime",
        choices=_LIFETIMES,
        help="one adapter for the worker's life, or a fresh one for each call",
    )
    parser.add_argument("--host-address", help="gRPC address of the runtime")
    for name in ("--pool", "--slot", "--worker-id", "--snakepit-run-id"):
        parser.add_argument(name, default="", help="identity, for logs and ps")
    parser.add_argument("--snakepit-instance-name", default="")
    parser.add_argument("--snakepit-instance-token", default="")

    native = parser.add_argument_group("native handshake")
    native.add_argument("--address", help="address to serve, unix:PATH")
    native.add_argument("--ready-fd", type=int, help="where to say that all is ready")
    native.add_argument("--lifeline-fd", type=int, help="EOF there: leave at once")
    native.add_argument("--log-fd", type=int, help="where log lines go (else stderr)")
    native.add_argument("--beat-fd", type=int, help="page to beat to")
    native.add_argument(
        "--stacks-fd", type=int, help="where SIGUSR1 puts stacks (else stderr)"
    )
    native.add_argument("--metrics-fd", type=int, help="where metrics are counted")
    native.add_argument(
        "--stop-timeout-ms", type=int, default=6000, help="from SIGTERM to SIGKILL"
    )

    legacy = parser.add_argument_group("legacy handshake (with SNAKEPIT_READY_FILE)")
    legacy.add_argument("--port", type=int, default=0, help="loopback port; 0: any")
    legacy.add_argument("--elixir-address", help="the same as --host-address")
    legacy.add_argument("--heartbeat-enabled", action="store_true", default=None)
    legacy.add_argument("--heartbeat-interval-ms", type=int)
    legacy.add_argument("--heartbeat-timeout-ms", type=int)
    legacy.add_argument("--heartbeat-max-missed", type=int)
    legacy.add_argument("--heartbeat-initial-delay-ms", type=int)
    legacy.add_argument(
        "--heartbeat-dependent", dest="heartbeat_dependent", action="store_true"
    )
    legacy.add_argument(
        "--heartbeat-independent", dest="heartbeat_dependent", action="store_false"
    )
    parser.set_defaults(heartbeat_dependent=None)
    return parser


def _lifetime(parsed: argparse.Namespace, environ: Mapping[str, str]) -> str:
    """Take the argument, or SNAKEPIT_ADAPTER_LIFETIME, which a pool's `env` can set."""
    name = "SNAKEPIT_ADAPTER_LIFETIME"
    lifetime = str(parsed.adapter_lifetime or environ.get(name) or _LIFETIMES[0])
    if lifetime not in _LIFETIMES:
        msg = f"{name} is {lifetime!r}; it must be {' or '.join(_LIFETIMES)}"
        raise OptionsError(msg)
    return lifetime


def _heartbeat(parsed: argparse.Namespace, config: str | None) -> HeartbeatOptions:
    """Combine flags and SNAKEPIT_HEARTBEAT_CONFIG, which beats them."""
    given = {
        "enabled": parsed.heartbeat_enabled,
        "interval_ms": parsed.heartbeat_interval_ms,
        "timeout_ms": parsed.heartbeat_timeout_ms,
        "max_missed_heartbeats": parsed.heartbeat_max_missed,
        "initial_delay_ms": parsed.heartbeat_initial_delay_ms,
        "dependent": parsed.heartbeat_dependent,
    }
    given = {key: value for key, value in given.items() if value is not None}
    if config:
        given.update(_heartbeat_config(config, list(HeartbeatOptions.__annotations__)))
    return replace(HeartbeatOptions(), **given)


def _heartbeat_config(text: str, keys: list[str]) -> Mapping[str, int]:
    try:
        config = json.loads(text)
    except ValueError as exc:
        msg = f"SNAKEPIT_HEARTBEAT_CONFIG is not JSON: {exc}"
        raise OptionsError(msg) from None
    if not isinstance(config, dict):
        msg = "SNAKEPIT_HEARTBEAT_CONFIG is not a JSON object"
        raise OptionsError(msg)
    known = {key: value for key, value in config.items() if key in keys}
    for key, value in known.items():
        expected = type(getattr(HeartbeatOptions(), key))
        if type(value) is not expected:
            msg = (
                f"SNAKEPIT_HEARTBEAT_CONFIG: {key} must be of type {expected.__name__}"
            )
            raise OptionsError(msg)
    return known
