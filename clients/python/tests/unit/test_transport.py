"""Deadlines, retries and errors, against a server that answers what a test tells it."""

from __future__ import annotations

import httpx
import pytest
import switchboard_client as sb
from switchboard_client.transport import Call, Transport

ACCOUNT = "6f1c0a52-5d3e-4c86-9f2b-0d7f6b1f2a10"
BUSY = httpx.Response(503, json={"code": "busy", "detail": "Too much to do."})
FINE = httpx.Response(200, json={"fine": True})


class Time:
    """A clock that only pauses move, and what it was paused for."""

    def __init__(self):
        self.now = 100.0
        self.pauses = []

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


class Line:
    """Answers one after the other; an exception is raised. Remembers the requests."""

    def __init__(self, *answers, takes=0.0):
        self.answers = list(answers)
        self.takes = takes
        self.requests = []
        self.time = Time()
        http = httpx.Client(base_url="http://example.test", transport=httpx.MockTransport(self))
        self.transport = Transport(
            http, timeout=30, attempts=4, sleep=self.time.sleep, clock=lambda: self.time.now
        )

    def __call__(self, request):
        self.requests.append(request)
        self.time.now += self.takes
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def send(self, method="GET", **fields):
        return self.transport.send(Call(method, "/workspace", **fields))


def test_an_answer_is_returned():
    assert Line(FINE).send().json() == {"fine": True}


@pytest.mark.parametrize("trouble", [BUSY, httpx.ReadError("reset"), httpx.ConnectError("no")])
def test_what_passes_is_asked_for_again(trouble):
    line = Line(trouble, trouble, FINE)

    assert line.send().status_code == 200
    assert len(line.requests) == 3
    assert 0 < line.time.pauses[0] <= 0.25 < line.time.pauses[1] <= 0.5


def test_after_the_last_attempt_the_trouble_is_raised():
    line = Line(*[BUSY] * 9)

    with pytest.raises(sb.ServerProblem) as raised:
        line.send()
    assert (raised.value.status, raised.value.code) == (503, "busy")
    assert len(line.requests) == 4


@pytest.mark.parametrize("trouble", [BUSY, httpx.ReadError("reset")])
def test_a_post_that_may_have_been_done_is_not_repeated(trouble):
    line = Line(trouble, FINE)

    with pytest.raises((sb.ServerProblem, sb.Unreachable)):
        line.send("POST")
    assert len(line.requests) == 1


def test_a_post_that_never_left_is_repeated():
    assert Line(httpx.ConnectError("no"), FINE).send("POST").status_code == 200


def test_a_post_with_a_key_is_repeated_with_the_same_key():
    line = Line(httpx.ReadError("reset"), BUSY, FINE)

    line.send("POST", headers={"Idempotency-Key": "order-4711"})
    assert [r.headers["idempotency-key"] for r in line.requests] == ["order-4711"] * 3


def test_retry_after_is_waited_for():
    slow_down = httpx.Response(429, headers={"retry-after": "7"}, json={"code": "throttled"})
    line = Line(slow_down, FINE)

    line.send("POST")
    assert line.time.pauses == [7.0]


def test_a_pause_that_would_end_after_the_deadline_is_not_made():
    slow_down = httpx.Response(429, headers={"retry-after": "31"}, json={"code": "throttled"})
    line = Line(slow_down, FINE)

    with pytest.raises(sb.TooManyRequests) as raised:
        line.send()
    assert raised.value.retry_after == 31
    assert line.time.pauses == []


def test_each_attempt_gets_the_time_that_is_left():
    line = Line(BUSY, BUSY, FINE, takes=8.0)

    line.send()
    given = [request.extensions["timeout"]["read"] for request in line.requests]
    assert given[0] == 30
    assert 21 < given[1] < 22
    assert 13 < given[2] < 14


def test_a_long_poll_gets_its_time_on_top():
    line = Line(FINE)

    line.send(extra_time=20.0)
    assert line.requests[0].extensions["timeout"]["read"] == 50


def test_no_answer_in_time_is_the_end():
    line = Line(httpx.ReadTimeout("…"), FINE)

    with pytest.raises(sb.DeadlineExceeded):
        line.send()
    assert isinstance(sb.DeadlineExceeded(), TimeoutError)


def test_an_answer_that_trickles_in_ends_at_the_deadline():
    class Trickle(httpx.SyncByteStream):
        def __iter__(self):
            while True:
                line.time.now += 4.0
                yield b"."

    line = Line()
    line.transport.http = httpx.Client(
        base_url="http://example.test",
        transport=httpx.MockTransport(lambda _: httpx.Response(200, stream=Trickle())),
    )

    with pytest.raises(sb.DeadlineExceeded):
        line.send()
    assert line.time.now <= 100 + 30 + 4


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, sb.Invalid),
        (401, sb.NotAuthenticated),
        (403, sb.NotAllowed),
        (404, sb.NotFound),
        (409, sb.Conflict),
        (410, sb.Gone),
        (422, sb.Invalid),
        (429, sb.TooManyRequests),
        (500, sb.ServerProblem),
        (418, sb.Problem),
    ],
)
def test_a_refusal_is_an_error_of_its_kind(status, kind):
    document = {
        "type": "https://wa.example.com/api/problems#x",
        "title": "X",
        "status": status,
        "detail": "to: use a phone number.",
        "code": "x",
        "errors": {"to": ["use a phone number"]},
    }
    with pytest.raises(kind) as raised:
        Line(httpx.Response(status, json=document)).send()

    problem = raised.value
    assert type(problem) is kind
    assert (problem.status, problem.code, problem.detail) == (status, "x", document["detail"])
    assert problem.errors == {"to": ["use a phone number"]}
    assert problem.extra == {"errors": {"to": ["use a phone number"]}}


@pytest.mark.parametrize("body", [b"<html>502</html>", b"[]", b""])
def test_what_a_proxy_says_is_a_problem_too(body):
    line = Line(*[httpx.Response(502, content=body)] * 4)

    with pytest.raises(sb.ServerProblem) as raised:
        line.send()
    assert (raised.value.status, raised.value.code) == (502, "unknown")


def test_the_key_is_not_sent_along_a_redirect():
    asked = []

    def server(request):
        asked.append(request)
        return httpx.Response(302, headers={"location": "https://elsewhere.example/"}, json={})

    with sb.Switchboard("http://example.test", "key", http=httpx.MockTransport(server)) as client:
        client.request("GET", "/workspace")
    assert [request.url.host for request in asked] == ["example.test"]
