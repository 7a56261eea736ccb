"""Figures: how they are condensed, and that the README shows the committed ones."""

from __future__ import annotations

import pytest

from bench import readme
from bench.measure import latency, percentile


def test_the_readme_shows_the_newest_committed_results():
    text = (readme.ROOT / "README.md").read_text()

    assert readme.with_figures(text, readme.newest()) == text


@pytest.mark.parametrize(("q", "value"), [(50, 5), (95, 10), (99, 10), (1, 1), (100, 10)])
def test_a_percentile_is_a_figure_that_was_measured(q, value):
    assert percentile(list(range(10, 0, -1)), q) == value


def test_a_latency_is_fine_only_when_every_budget_is_met():
    figures = [0.1] * 90 + [2.0] * 10

    assert latency("x", figures, budgets={50: 0.5}).ok
    assert not latency("x", figures, budgets={50: 0.5, 95: 1.5}).ok
