"""The API keeps to its own description, whatever it is sent: no 5xx, no undocumented answer.

Excluded: the test network, which does not run here (tests/system has it), and the event stream,
which never ends (test_webhook_sse has it).
"""

from __future__ import annotations

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from schemathesis import checks

from tests.factories import WorkspaceFactory, api_key

pytestmark = pytest.mark.django_db

raw = SchemaGenerator().get_schema(request=None, public=True)
# Every request brings a good key; the walk in tests/isolation is about the others.
for operations in raw["paths"].values():
    for operation in operations.values():
        operation.pop("security", None)
schema = schemathesis.openapi.from_dict(raw).exclude(path_regex="/sandbox/|/events/stream")
schema.app = get_wsgi_application()
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
]
# Bodies may hold a number where a text belongs, and filters may be empty: taken, and documented so.
STRICT = [*CHECKS, checks.negative_data_rejection]
LENIENT = {"/api/v1/events", "/api/v1/audit"}


@schema.parametrize()
@settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_each_operation(case, key):
    strict = case.method == "GET" and case.operation.path not in LENIENT
    case.call_and_validate(
        headers={"Authorization": f"Bearer {key}"}, checks=STRICT if strict else CHECKS
    )


@pytest.fixture
def key():
    """Requests stay in the test's transaction, as those of Django's own test client do."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield api_key(WorkspaceFactory(), scopes=("admin",))
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
