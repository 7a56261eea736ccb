"""Most looks for webhooks that are due find none: they must cost nobody anything."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import WorkspaceFactory, endpoint
from webhooks import ledger

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("endpoints", [0, 2])
def test_a_look_that_finds_nothing_is_one_question_and_locks_nothing(endpoints):
    workspace = WorkspaceFactory()
    for _ in range(endpoints):
        endpoint(workspace)
    with CaptureQueriesContext(connection) as asked:
        assert ledger.turn(claim="here", at=timezone.now(), workspaces={workspace.pk}) == []
    (query,) = asked.captured_queries
    assert query["sql"].startswith("SELECT")
    assert "FOR " not in query["sql"]
