"""Measures of Python source code, taken from its syntax tree."""

from __future__ import annotations

import ast
from typing import Any, Dict, Iterator, List, Tuple

__all__ = ["source_metrics"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda)
# What adds a path through a function, after McCabe; a comprehension is a loop.
_BRANCHES = (
    ast.If,
    ast.IfExp,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.Assert,
    ast.comprehension,
)


def source_metrics(text: str, name: str) -> Dict[str, Any]:
    """Count functions, classes, nesting and branches; ValueError for non-Python."""
    tree = _parse(text, name)
    functions = classes = deepest = 0
    complexities: List[Tuple[int, str, int]] = []
    for node, depth in _walk(tree):
        deepest = max(deepest, depth)
        if isinstance(node, _FUNCTIONS):
            functions += 1
            complexities.append((_complexity(node), node.name, node.lineno))
        elif isinstance(node, ast.ClassDef):
            classes += 1
    most = max(complexities, default=(0, "", 0))
    return {
        "lines": text.count("\n") + (not text.endswith("\n") and bool(text)),
        "functions": functions,
        "classes": classes,
        "max_depth": deepest,
        "complexity_total": sum(entry[0] for entry in complexities),
        "complexity_max": most[0],
        "most_complex": {"name": most[1], "line": most[2]} if complexities else None,
    }


def _parse(text: str, name: str) -> ast.Module:
    try:
        return ast.parse(text, filename=name)
    except SyntaxError as exc:
        msg = f"{name!r} is not Python of this version: line {exc.lineno}: {exc.msg}"
    except (RecursionError, MemoryError):
        msg = f"{name!r} is nested too deeply to parse"
    except ValueError as exc:  # NUL bytes, before Python 3.12
        msg = f"{name!r} is not Python: {exc}"
    raise ValueError(msg) from None


def _walk(tree: ast.AST) -> Iterator[Tuple[ast.AST, int]]:
    """Yield each node with its depth; by a stack, because source may nest deeply."""
    stack: List[Tuple[ast.AST, int]] = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        stack.extend((child, depth + 1) for child in ast.iter_child_nodes(node))


def _complexity(function: ast.AST) -> int:
    """One path, and one more for each branch of the function's own body."""
    paths = 1
    stack = list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        if isinstance(node, _SCOPES):
            continue  # counted by itself
        if isinstance(node, _BRANCHES):
            paths += 1
        elif isinstance(node, ast.BoolOp):
            paths += len(node.values) - 1
        stack.extend(ast.iter_child_nodes(node))
    return paths
