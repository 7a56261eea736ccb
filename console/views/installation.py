"""The installation: its nodes, what waits where, what went wrong, and the drain of a node."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Literal

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import User
from sessions_mgr import nodes
from sessions_mgr.nodes import Node

from .. import installation
from ..administrators import administrator_page
from ..answers import is_partial, leave
from ..sharing import Shared

SHARED_FOR = 4.0  # seconds; less than between two questions of a tab, so that each sees news


@administrator_page()
def page(request: HttpRequest) -> HttpResponse:
    template = "_live.html" if is_partial(request) else "page.html"
    return render(request, f"console/installation/{template}", look.get(get_language()))


@administrator_page("GET", "POST")
def drain(request: HttpRequest, node: str) -> HttpResponse:
    """GET asks and says who takes the numbers, POST tells the node."""
    if request.method == "GET":
        return _ask(request, _known(node), "drain")
    note = _("%(node)s gives its numbers away.") % {"node": node}
    return _order(request, _known(node), "drain", note)


@administrator_page("GET", "POST")
def undrain(request: HttpRequest, node: str) -> HttpResponse:
    if request.method == "GET":
        return _ask(request, _known(node), "undrain")
    note = _("%(node)s takes numbers again.") % {"node": node}
    return _order(request, _known(node), "undrain", note)


def _context(_language: Hashable) -> dict[str, Any]:
    """In the language that is active now."""
    found, reached = nodes.look()
    figures = installation.Figures.now()
    held = nodes.owned()
    return {
        "nodes": [{"node": node, "face": installation.NODE_LOOKS[node.state]} for node in found],
        "reached": reached,
        "numbers": sum(held.values()),
        "unheld": held.get("", 0),
        "workers": sum(node.workers for node in found),
        "rss_bytes": sum(node.rss_bytes or 0 for node in found),
        "queues": installation.queues(figures),
        "incidents": installation.incidents(found),
        "versions": installation.versions(),
        "checked_at": timezone.now(),
    }


# Asks the bus, every node and the database, and each open tab asks for it.
look = Shared(_context, SHARED_FOR)


def _known(name: str) -> Node:
    found, _reached = nodes.look()
    known = next((node for node in found if node.name == name), None)
    if known is None:
        raise Http404
    return known


def _order(
    request: HttpRequest, node: Node, verb: Literal["drain", "undrain"], note: str
) -> HttpResponse:
    assert isinstance(request.user, User)
    back = resolve_url("console:admin-installation")
    try:
        nodes.order(node=node.name, verb=verb, actor=audit.person(request.user))
    except nodes.NodeSilent:
        words = _("%(node)s does not answer, so nothing has changed. Look whether it runs.")
        messages.error(request, words % {"node": node.name})
        return leave(request, back)
    finally:
        look.forget()
    return leave(request, back, note)


def _ask(request: HttpRequest, node: Node, question: str) -> HttpResponse:
    """The question in a dialog for htmx, on a page of its own otherwise."""
    template = f"console/installation/_{question}.html"
    context = {"node": node, "question_template": template}
    if is_partial(request):
        return render(request, template, context)
    return render(request, "console/installation/confirm.html", context)
