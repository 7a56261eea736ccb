"""What a worker remembers of its own size, and the line that is drawn of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from console.pictures import LINE_HEIGHT, LINE_WIDTH, memory_line
from sessions_mgr.worker.vitals import Trail, history, note, vitals

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_trail_takes_a_point_per_step():
    trail = Trail()
    for second in range(12):
        trail.note(100 + second, float(second))
    assert trail.ages(12.0) == [[12, 100], [7, 105], [2, 110]]


def test_a_long_life_keeps_few_points_over_all_of_it():
    trail = Trail()
    day = 86_400
    for second in range(0, 2 * day, 5):
        trail.note(second, float(second))
    points = trail.ages(2.0 * day)
    assert Trail.MOST / 3 < len(points) <= Trail.MOST
    assert points[0] == [2 * day, 0]
    assert points[-1][0] < 0.02 * day
    gaps = {before[0] - after[0] for before, after in pairwise(points)}
    assert len(gaps) <= 2


def test_the_vitals_of_this_process_are_remembered():
    figures = vitals()
    assert note(figures) == figures
    assert history()[0][1] > 10**6


def test_the_line_starts_at_the_left_and_never_leaves_the_plot():
    line = memory_line([[100, 50], [50, 100], [0, 80]], NOW)
    assert line is not None
    points = [tuple(map(float, point.split(","))) for point in line.points.split()]
    assert [x for x, _y in points] == [0.0, LINE_WIDTH / 2, LINE_WIDTH]
    assert all(0 < y < LINE_HEIGHT for _x, y in points)
    assert points[1][1] < points[2][1] < points[0][1]
    assert (line.lowest, line.highest, line.start) == (50, 100, NOW - timedelta(seconds=100))


def test_one_point_is_no_line():
    assert memory_line([], NOW) is None
    assert memory_line([[5, 10]], NOW) is None
    assert memory_line([[0, 10], [0, 11]], NOW) is None
