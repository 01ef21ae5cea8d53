"""The OpenTelemetry SDK of a worker: spans in batches to OTLP over HTTP.

All settings are those of the environment, which the runtime completes. OTLP over gRPC
is not offered: its channel does not survive a fork, and adapters do fork.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SpanSender", "start_sdk"]

_logger = logging.getLogger(__name__)


class SpanSender:
    """Has the spans that wait; flush() belongs before the process ends."""

    def __init__(self, provider: Any) -> None:
        """Borrow the provider, whose last spans are to be sent."""
        self._provider = provider

    def flush(self, timeout_s: float) -> bool:
        """Send what waits and take no more; says whether that came within the time.

        The SDK keeps to no deadline, so it works in a thread that is left behind.
        """
        thread = threading.Thread(
            target=self._provider.shutdown, name="snakepit-flush", daemon=True
        )
        thread.start()
        thread.join(timeout_s)
        return not thread.is_alive()


def start_sdk(environ: Mapping[str, str]) -> SpanSender | None:
    """Make the process's tracer provider; None where there is to be none, or cannot.

    What is wrong is logged: a worker without spans is better than no worker.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    try:
        provider = _provider(environ)
    except ImportError as exc:
        _logger.warning(
            "telemetry.python.otel is on, but OpenTelemetry is not installed"
            " (pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http):"
            " %s",
            exc,
        )
    except Exception:
        _logger.exception("OpenTelemetry cannot be started")
    else:
        return SpanSender(provider)
    return None


def _provider(environ: Mapping[str, str]) -> Any:
    # Imported only here: it takes long, and is not installed everywhere.
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    from ._otel import SCHEMA_URL  # noqa: PLC0415

    provider = TracerProvider(
        resource=Resource.create(schema_url=SCHEMA_URL),
        shutdown_on_exit=False,  # it would wait for a collector that is not there
    )
    exporter = _exporter(environ)
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


def _exporter(environ: Mapping[str, str]) -> Any:
    name = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() or "otlp"
    if name == "none":
        return None
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415

        # One span a line, as the runtime logs what workers print.
        return ConsoleSpanExporter(formatter=lambda span: f"{span.to_json(None)}\n")
    if name != "otlp":
        _logger.warning("OTEL_TRACES_EXPORTER is %r, taken as otlp", name)
    for key in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if protocol := environ.get(key, "").strip().lower():
            if protocol != "http/protobuf":
                _logger.warning("%s is %r: workers send http/protobuf", key, protocol)
            break
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    return OTLPSpanExporter()
