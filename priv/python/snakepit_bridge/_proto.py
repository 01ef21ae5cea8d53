"""The one place that imports the generated protocol code."""

from __future__ import annotations

try:
    from ._generated import bridge_pb2 as pb
    from ._generated import bridge_pb2_grpc as pb_grpc
except ImportError as exc:
    msg = (
        "the generated protocol code is missing or does not fit the installed grpcio"
        f" and protobuf; run tools/gen-python-proto ({exc})"
    )
    raise ImportError(msg) from exc

__all__ = ["pb", "pb_grpc"]
