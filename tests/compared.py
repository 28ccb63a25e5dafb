"""Where two JSON values differ, place by place: a failing test then prints these and not both values whole."""

from __future__ import annotations

from typing import Any


def unlike(a: Any, b: Any, place: str = "") -> list[str]:
    """`place: one value | the other` for every place where they differ; [] when they are equal."""
    if isinstance(a, dict) and isinstance(b, dict):
        names = [*a, *(name for name in b if name not in a)]
        return [d for n in names for d in unlike(a.get(n, "absent"), b.get(n, "absent"), f"{place}.{n}")]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in unlike(x, y, f"{place}[{i}]")]
    return [] if a == b else [f"{place}: {str(a)[:200]} | {str(b)[:200]}"]
