"""Pictures made on the server as inline SVG data: the QR code, status strips, plots.

Pure: numbers and rows in, shapes out. Colours come from classes, as the CSP allows no style
attributes; each picture has a text alternative in its template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.safestring import SafeString, mark_safe

from sessions_mgr import pictures

from .statuses import face


def qr_svg(code: str) -> SafeString:
    return mark_safe(pictures.svg(code, css_class="qr-picture"))  # noqa: S308  a path, no text


@dataclass(frozen=True, slots=True)
class Bar:
    """A run of equal quarters of an hour. x and width in quarters."""

    x: int
    width: int
    hue: str
    words: str
    start: datetime


@dataclass(frozen=True, slots=True)
class Change:
    at: datetime
    before: str
    after: str


QUARTER = timedelta(minutes=15)
QUARTERS = 96  # 24 hours
# In a quarter with several statuses the one that a person must know wins.
WEIGHT = ("idle", "good", "busy", "warn", "bad")


def status_strip(
    changes: Sequence[Change], *, current: str, born: datetime, now: datetime
) -> list[Bar]:
    """One bar per quarter of the last 24 hours, equal neighbours merged. `changes` oldest first.

    Quarters before the number was `born` stay empty.
    """
    start = now - QUARTERS * QUARTER
    recent = [change for change in changes if change.at > start]
    status = recent[0].before if recent else current
    bars: list[Bar] = []
    index = 0
    for quarter in range(QUARTERS):
        until = start + (quarter + 1) * QUARTER
        if until <= born:
            continue
        seen = [status]
        while index < len(recent) and recent[index].at <= until:
            status = recent[index].after
            seen.append(status)
            index += 1
        worst = max(seen, key=lambda name: WEIGHT.index(face(name).hue))
        shown = face(worst)
        if bars and (bars[-1].hue, bars[-1].words) == (shown.hue, str(shown.words)):
            last = bars[-1]
            bars[-1] = Bar(last.x, last.width + 1, last.hue, last.words, last.start)
        else:
            bars.append(Bar(quarter, 1, shown.hue, str(shown.words), until - QUARTER))
    return bars


PLOT_HEIGHT = 96
PLOT_STEP = 24  # units of width per hour


@dataclass(frozen=True, slots=True)
class Hour:
    """Messages of one hour, and the two columns that show them."""

    start: datetime
    inbound: int
    outbound: int
    x: int
    in_height: float
    out_height: float

    @property
    def in_y(self) -> float:
        return PLOT_HEIGHT - self.in_height

    @property
    def out_x(self) -> int:
        return self.x + 9

    @property
    def out_y(self) -> float:
        return PLOT_HEIGHT - self.out_height


def top_of(counts: Sequence[tuple[datetime, int, int]]) -> int:
    """The count that the highest column stands for; 0 without a message."""
    return max((max(inbound, outbound) for _start, inbound, outbound in counts), default=0)


def hourly_plot(counts: Sequence[tuple[datetime, int, int]]) -> list[Hour]:
    """Columns for (hour, inbound, outbound), scaled to the highest; never invisible."""
    top = top_of(counts) or 1

    def height(count: int) -> float:
        return round(max(count / top * PLOT_HEIGHT, 2.0), 1) if count else 0.0

    return [
        Hour(start, inbound, outbound, place * PLOT_STEP + 3, height(inbound), height(outbound))
        for place, (start, inbound, outbound) in enumerate(counts)
    ]


LINE_WIDTH = 480
LINE_HEIGHT = 72


@dataclass(frozen=True, slots=True)
class MemoryLine:
    """A size over time as the points of a polyline; the newest is at the right edge."""

    points: str
    lowest: int
    highest: int
    start: datetime


def memory_line(history: Sequence[Sequence[int]], now: datetime) -> MemoryLine | None:
    """`history` as [seconds ago, bytes], oldest first. None for less than two points.

    The floor is zero: a line that fills the plot would make a worker that grows by a megabyte look
    like one that eats the machine.
    """
    if len(history) < 2 or history[0][0] <= 0:
        return None
    longest, sizes = history[0][0], [size for _age, size in history]
    top = max(sizes) * 1.15 or 1
    points = " ".join(
        f"{(1 - age / longest) * LINE_WIDTH:.1f},{LINE_HEIGHT * (1 - size / top):.1f}"
        for age, size in history
    )
    return MemoryLine(points, min(sizes), max(sizes), now - timedelta(seconds=longest))
