"""Count the words of a file in a pool of workers, as part of a trace.

PYTHONPATH=proto python client.py ADDRESS FILE
"""

import json
import sys

import grpc
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.grpc import GrpcInstrumentorClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

# OpenTelemetry on. Where spans go and as whose, OTEL_* variables say.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
GrpcInstrumentorClient().instrument()  # spans of calls, and traceparent in them

messages, services = grpc.protos_and_services("pool.proto")  # a directory of PYTHONPATH
address, path = sys.argv[1:]

with grpc.insecure_channel(address) as channel:
    pool = services.PoolStub(channel)
    with trace.get_tracer("example").start_as_current_span("count words"):
        request = messages.ExecuteRequest(
            pool="default",
            tool="word_stats",
            arguments={"path": json.dumps(path).encode()},
        )
        print(pool.Execute(request, timeout=10).result_json.decode())
