"""proto/otlp/ against the official messages: the same names, numbers and types."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

ROOT = Path(__file__).resolve().parents[2]
OURS = sorted((ROOT / "proto" / "otlp").glob("*.proto"))
OFFICIAL = (
    "opentelemetry.proto.common.v1.common_pb2",
    "opentelemetry.proto.resource.v1.resource_pb2",
    "opentelemetry.proto.metrics.v1.metrics_pb2",
    "opentelemetry.proto.trace.v1.trace_pb2",
    "opentelemetry.proto.logs.v1.logs_pb2",
    "opentelemetry.proto.collector.metrics.v1.metrics_service_pb2",
    "opentelemetry.proto.collector.trace.v1.trace_service_pb2",
    "opentelemetry.proto.collector.logs.v1.logs_service_pb2",
    "google.rpc.status_pb2",
    "google.rpc.error_details_pb2",
)
Message = descriptor_pb2.DescriptorProto
Field = descriptor_pb2.FieldDescriptorProto
Enum = descriptor_pb2.EnumDescriptorProto
# Name, number, type, type of message, label, and the oneof or whether it is optional.
Facts = tuple[str, int, int, str, int, str]


def group_of(message: Message, field: Field) -> str:
    """Name the oneof; one of a single member is what `optional` is to us."""
    if not field.HasField("oneof_index"):
        return ""
    members = [f for f in message.field if f.HasField("oneof_index")]
    alone = sum(f.oneof_index == field.oneof_index for f in members) == 1
    return "optional" if alone else str(message.oneof_decl[field.oneof_index].name)


def facts_of(message: Message) -> dict[str, Facts]:
    return {
        field.name: (
            field.name,
            field.number,
            field.type,
            field.type_name,
            field.label,
            group_of(message, field),
        )
        for field in message.field
    }


Found = tuple[dict[str, Message], dict[str, Enum]]


def walk(prefix: str, messages: Iterator[Message], found: Found) -> None:
    for message in messages:
        name = f"{prefix}.{message.name}"
        found[0][name] = message
        for enum in message.enum_type:
            found[1][f"{name}.{enum.name}"] = enum
        walk(name, iter(message.nested_type), found)


def everything_in(files: list[descriptor_pb2.FileDescriptorProto]) -> Found:
    found: Found = ({}, {})
    for file in files:
        walk(file.package, iter(file.message_type), found)
        for enum in file.enum_type:
            found[1][f"{file.package}.{enum.name}"] = enum
    return found


@pytest.fixture(scope="module")
def ours() -> Found:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "-I/usr/include"),
            *(f"-I{ROOT / 'proto'}", "--descriptor_set_out=/dev/stdout"),
            *(str(path.relative_to(ROOT / "proto")) for path in OURS),
        ],
        capture_output=True,
        check=True,
    )
    return everything_in(
        list(descriptor_pb2.FileDescriptorSet.FromString(done.stdout).file)
    )


@pytest.fixture(scope="module")
def official() -> Found:
    files = []
    for name in OFFICIAL:
        file = descriptor_pb2.FileDescriptorProto()
        importlib.import_module(name).DESCRIPTOR.CopyToProto(file)
        files.append(file)
    return everything_in(files)


def test_every_file_is_compared(ours: Found, official: Found) -> None:
    assert len(OURS) == 9
    assert set(ours[0]) <= set(official[0])
    assert set(ours[1]) <= set(official[1])


def test_fields_are_the_official_ones(ours: Found, official: Found) -> None:
    for name, message in ours[0].items():
        theirs = facts_of(official[0][name])
        for field, facts in facts_of(message).items():
            assert facts == theirs.get(field), f"{name}.{field}"


def test_values_are_the_official_ones(ours: Found, official: Found) -> None:
    for name, enum in ours[1].items():
        theirs = {value.name: value.number for value in official[1][name].value}
        assert {value.name: value.number for value in enum.value} == theirs, name
