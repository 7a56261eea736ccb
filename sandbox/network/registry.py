"""Which function answers which iq: looked up by xmlns, type and the tag of the first child."""

from collections.abc import Callable, Sequence

from sandbox.network.connection import Connection
from sandbox.wire.nodes import Node

ANY_CHILD = "*"

IqHandler = Callable[[Connection, Node], Sequence[Node] | None]
"""Returns the content of the result, or None when it will not answer (now). Raises StanzaError."""

_handlers: dict[tuple[str, str, str], IqHandler] = {}


def answers(xmlns: str, kind: str, child: str = ANY_CHILD) -> Callable[[IqHandler], IqHandler]:
    """Register the decorated function; one function may answer several kinds of iq."""

    def register(handler: IqHandler) -> IqHandler:
        key = (xmlns, kind, child)
        if key in _handlers:
            raise ValueError(f"{key} is answered twice")
        _handlers[key] = handler
        return handler

    return register


def handler_for(iq: Node) -> IqHandler | None:
    """The function that answers this iq."""
    xmlns, kind = iq.text("xmlns"), iq.text("type")
    child = iq.children[0].tag if iq.children else ""
    return _handlers.get((xmlns, kind, child)) or _handlers.get((xmlns, kind, ANY_CHILD))
