"""What a benchmark returns, and how figures become one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. `value` is what is compared with `budget`."""

    name: str
    value: float
    unit: str
    n: int
    p50: float | None
    p95: float | None
    p99: float | None
    budget: float
    ok: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def percentile(figures: Sequence[float], q: float) -> float:
    """Nearest rank: a figure that was really measured."""
    ordered = sorted(figures)
    return ordered[max(0, math.ceil(q / 100 * len(ordered)) - 1)]


def latency(
    name: str, seconds: Sequence[float], *, budgets: dict[int, float], unit: str = "s"
) -> Result:
    """`budgets` is {percentile: limit}; the lowest percentile named is the value."""
    first = min(budgets)
    values = {q: round(percentile(seconds, q), 4) for q in (50, 95, 99)}
    return Result(
        name=name,
        value=values[first],
        unit=unit,
        n=len(seconds),
        p50=values[50],
        p95=values[95],
        p99=values[99],
        budget=budgets[first],
        ok=all(values[q] <= limit for q, limit in budgets.items()),
    )
