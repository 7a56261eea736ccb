"""Rows as text for people."""

from __future__ import annotations

import time
from typing import Any

_UNITS = ("B", "KiB", "MiB", "GiB")


def table(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """Columns side by side, as wide as they need to be."""
    if not rows:
        return "(none)"
    lines = [[name.replace("_", " ") for name in columns]]
    lines += [[_cell(name, row.get(name)) for name in columns] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def size(count: int) -> str:
    """Bytes for people: 1536 -> "1.5 KiB"."""
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def age(at: float) -> float:
    """Days since a unix time."""
    return round(max(0.0, time.time() - at) / 86_400, 1)


def _cell(name: str, value: Any) -> str:
    if value in (None, ""):
        return "-"
    return size(value) if name == "bytes" else str(value)
