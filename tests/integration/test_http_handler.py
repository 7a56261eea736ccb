"""A request stays in one thread, whatever its middleware could do instead."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils.deprecation import MiddlewareMixin

from accounts.origin import arrival
from config.http_handler import OneThreadHandler

seen: list[int] = []  # threads
above: list[object] = []  # code that the view was called through


class Either(MiddlewareMixin):
    """Sync or async, as Django likes."""

    def process_request(self, request):
        seen.append(threading.get_ident())

    def process_response(self, request, response):
        seen.append(threading.get_ident())
        return response


class OnlySync:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        seen.append(threading.get_ident())
        return self.get_response(request)


def plain(request):
    seen.append(threading.get_ident())
    frame = sys._getframe()
    while frame := frame.f_back:
        above.append(frame.f_code)
    return HttpResponse("plain")


def flowing(request):
    async def parts():
        yield b"one "
        await asyncio.sleep(0)
        yield b"two"

    return StreamingHttpResponse(parts())


def late(request):
    time.sleep(0.05)
    return HttpResponse(str(time.monotonic() - arrival(request)))


urlpatterns = [path("plain", plain), path("flowing", flowing), path("late", late)]


@pytest.fixture
def ask(settings):
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [f"{__name__}.{name}" for name in ("Either", "OnlySync", "Either")]
    seen.clear()
    above.clear()

    async def get(url):
        scope = {"type": "http", "method": "GET", "path": url, "headers": [], "query_string": b""}
        line = ApplicationCommunicator(OneThreadHandler(), scope)
        await line.send_input({"type": "http.request"})
        status, body = (await line.receive_output(5))["status"], b""
        while True:
            part = await line.receive_output(5)
            body += part.get("body", b"")
            if not part.get("more_body"):
                await line.send_input({"type": "http.disconnect"})
                await line.wait(5)
                return status, body

    return lambda url: asyncio.run(get(url))


def test_all_of_a_request_runs_in_one_thread_beside_the_loop(ask):
    assert ask("/plain") == (200, b"plain")
    assert len(seen) == 6
    assert len(set(seen)) == 1
    assert threading.get_ident() not in seen
    assert above.count(MiddlewareMixin.__call__.__code__) == 2, "one went as a coroutine"


def test_what_a_view_streams_is_still_read_by_the_loop(ask):
    assert ask("/flowing") == (200, b"one two")


def test_a_request_knows_when_it_came_in(ask):
    status, waited = ask("/late")
    assert status == 200
    assert float(waited) >= 0.05
