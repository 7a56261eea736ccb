"""The API keeps to its own description, whatever it is sent: no 5xx, no undocumented answer.

Excluded: the test network, which does not run here (tests/system has it), and the event stream,
which never ends (test_webhook_sse has it).
"""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, settings
from schemathesis import checks

from tests.factories import WorkspaceFactory, api_key
from tests.fake_bus import fake_bus  # noqa: F401 a fixture, by the name `bus`
from tests.isolation.cast import PARAMETERS, tenant

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


# A file that is streamed is left open by this client; test_media_api reads files.
@schema.include(path_regex=r"\{").exclude(path_regex="/media/").parametrize()
@settings(
    max_examples=6,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_each_operation_on_objects_that_exist(case, furnished):
    """Names that are made up end in 404 before anybody looks at the body."""
    place = case.operation.path.lstrip("/").replace("{", "<").replace("}", ">")
    for name in case.path_parameters:
        until = place[: place.index(f"<{name}>") + len(name) + 2]
        # The description says `id` where the URL configuration says `pk`.
        kind = PARAMETERS.get(until) or PARAMETERS[until.replace("<id>", "<pk>")]
        case.path_parameters[name] = furnished.ids[kind]
    case.call_and_validate(headers={"Authorization": f"Bearer {furnished.key}"}, checks=CHECKS)


@contextmanager
def one_transaction():
    """Requests stay in the test's transaction, as those of Django's own test client do."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def key():
    with one_transaction():
        yield api_key(WorkspaceFactory(), scopes=("admin",))


@pytest.fixture
def furnished(bus):
    """A workspace with one of everything, and its ids. No worker listens."""
    made = tenant("fuzzed", "+15557770001")  # asks with Django's client, which connects them again
    with one_transaction():
        yield made
