"""The `@tool` decorator and what it says about a method."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from ._errors import ResultEncodingError
from ._proto import pb
from ._values import encode_any, encode_json

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ToolMetadata", "is_tool", "registrations", "tool"]

_ATTRIBUTE = "_tool_metadata"
_CATCH_ALL = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class ToolMetadata:
    """What `@tool` was given."""

    description: str = ""
    supports_streaming: bool = False
    required_variables: tuple[str, ...] = ()


def tool(
    description: str = "",
    supports_streaming: bool = False,  # noqa: FBT001, FBT002 - as it always was
    required_variables: Sequence[str] | None = None,
) -> Callable[[_F], _F]:
    """Mark a method of an adapter as a tool that clients may call by its name.

    Without a description the method's docstring is used.
    """

    def mark(function: _F) -> _F:
        metadata = ToolMetadata(
            description or inspect.getdoc(function) or "",
            supports_streaming,
            tuple(required_variables or ()),
        )
        setattr(function, _ATTRIBUTE, metadata)
        return function

    return mark


def is_tool(cls: type, name: str) -> bool:
    """Say whether `name` is a method that `@tool` marks."""
    return _metadata_of(cls, name) is not None


def registrations(owner: object) -> list[pb.ToolRegistration]:
    """Describe the marked methods of an adapter, in the order of their names."""
    cls = type(owner)
    found = ((name, _metadata_of(cls, name)) for name in dir(cls))
    return [_describe(owner, name, metadata) for name, metadata in found if metadata]


def _metadata_of(cls: type, name: str) -> ToolMetadata | None:
    metadata = getattr(getattr(cls, name, None), _ATTRIBUTE, None)
    return metadata if isinstance(metadata, ToolMetadata) else None


def _describe(owner: object, name: str, metadata: ToolMetadata) -> pb.ToolRegistration:
    details = {
        "adapter_class": type(owner).__name__,
        "module": type(owner).__module__,
    }
    if metadata.required_variables:
        details["required_variables"] = ",".join(metadata.required_variables)
    signature = inspect.signature(getattr(owner, name))
    return pb.ToolRegistration(
        name=name,
        description=metadata.description,
        parameters=[
            _parameter_spec(parameter)
            for parameter in signature.parameters.values()
            if parameter.kind not in _CATCH_ALL
        ],
        supports_streaming=metadata.supports_streaming,
        metadata=details,
    )


def _parameter_spec(parameter: inspect.Parameter) -> pb.ParameterSpec:
    spec = pb.ParameterSpec(
        name=parameter.name,
        type=_type_name(parameter.annotation),
        required=parameter.default is inspect.Parameter.empty,
    )
    if not spec.required:
        try:
            spec.default_value.CopyFrom(encode_any(parameter.default))
            spec.validation_json = encode_json({"default": parameter.default}).decode()
        except ResultEncodingError:
            spec.ClearField("default_value")  # optional, with a default nobody can send
    return spec


def _type_name(annotation: object) -> str:
    if annotation is inspect.Parameter.empty:
        return "any"
    if isinstance(annotation, str):
        return annotation.lower()
    name = getattr(annotation, "__name__", None) or str(annotation)
    return str(name).replace("typing.", "").lower()
