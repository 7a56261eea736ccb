"""The event log: by page, as an endless iterator, as a stream."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import httpx_sse

from ..errors import DeadlineExceeded, ServerProblem, Unreachable, problem
from ..models import Event, EventPage, Ticket
from ..transport import Call
from .base import Id, Resource

PAUSE = 2.0  # seconds before a broken line is tried again
SILENCE = 60.0  # seconds; the server says something every 20


class Events(Resource):
    def page(
        self,
        *,
        after: int = 0,
        limit: int | None = None,
        types: Sequence[str] | None = None,
        account: Id | None = None,
        wait: float | None = None,
    ) -> EventPage:
        """Events after a cursor. Keep `next_after`: it also passes over what filters leave out.

        Gone with the code cursor_expired when they are no longer kept.
        """
        return self._get(
            EventPage,
            "/events",
            wait=wait,
            after=after,
            limit=limit,
            types=types and list(types),
            account=account,
        )

    def follow(
        self,
        *,
        after: int,
        types: Sequence[str] | None = None,
        account: Id | None = None,
        wait: float = 25.0,
    ) -> Iterator[Event]:
        """Everything after the cursor, then whatever happens, without end, by long-poll.

        A server that is away is asked again. Store `event.seq` when you are done with an event and
        begin there the next time: nothing is lost, and what you were busy with comes again.
        """
        cursor = after
        while True:
            try:
                page = self.page(after=cursor, types=types, account=account, wait=wait)
            except (Unreachable, DeadlineExceeded, ServerProblem):
                time.sleep(PAUSE)
                continue
            yield from page.results
            cursor = page.next_after

    def stream(
        self,
        *,
        after: int | None = None,
        types: Sequence[str] | None = None,
        account: Id | None = None,
    ) -> Iterator[Event]:
        """The same over one open line (Server-Sent Events); without `after` it begins now.

        A line that breaks or falls silent is opened again where it ended.
        """
        cursor = after
        while True:
            query = {"after": cursor, "types": types and list(types), "account": account}
            headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
            try:
                call = Call("GET", "/events/stream", query=query, headers=headers)
                with self._transport.open(call, read_timeout=SILENCE) as answer:
                    for frame in httpx_sse.EventSource(answer).iter_sse():
                        if frame.event == "cursor_expired":
                            raise problem(410, {"code": "cursor_expired", **frame.json()})
                        if not frame.data:  # only says how long to wait before coming back
                            continue
                        event = Event.model_validate_json(frame.data)
                        cursor = event.seq
                        yield event
            except (Unreachable, DeadlineExceeded, ServerProblem):
                pass  # the line is opened again below
            time.sleep(PAUSE)

    def ticket(self) -> Ticket:
        """Opens one websocket or event stream of a page that must not hold the key."""
        return self._post(Ticket, "/ws-tickets")
