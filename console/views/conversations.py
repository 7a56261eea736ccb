"""The conversations of a number: who wrote, what was said. What is sent is in composing.py."""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib import messages as notes
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.cache import get_conditional_response

from accounts.models import WhatsAppAccount
from accounts.origin import arrival
from messaging import avatars, chats, readmarks
from messaging.models import Avatar, Chat, Contact
from messaging.outbox import recipients
from sessions_mgr import commands
from sessions_mgr.engines.base import Party
from sessions_mgr.states import Status

from .. import chat_rows, composer
from ..access import SEND, MemberRequest, workspace_page
from ..answers import is_partial
from ..bubbles import EMOJI, bubbles
from ..forms import RecipientForm, start_here
from ..group_panel import panel_of
from ..thread_window import window
from .number import head_context

FOLDER = "console/conversations"
READ_RECEIPTS = "read_receipts"  # in the session: whether opening a conversation tells that it was
CONTACTS_SHOWN = 200
LONGEST_JID = 120


@workspace_page()
def page(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """All conversations; for htmx only the list."""
    context = head_context(account, tab="conversations") | list_context(request, account)
    template = "_list.html" if is_partial(request) else "page.html"
    return render(request, f"{FOLDER}/{template}", context)


@workspace_page()
def thread(request: MemberRequest, account: WhatsAppAccount, chat_id: int) -> HttpResponse:
    chat = chat_of(account, chat_id)
    return thread_page(request, account, chat, composer.blank(chat, reply=_reply(request)))


@workspace_page()
def messages(request: MemberRequest, account: WhatsAppAccount, chat_id: int) -> HttpResponse:
    """The messages alone, from ?from=<id> on or before ?before=<id>."""
    chat = chat_of(account, chat_id)
    return render(request, f"{FOLDER}/_messages.html", messages_context(request, account, chat))


@workspace_page()
def group(request: MemberRequest, account: WhatsAppAccount, chat_id: int) -> HttpResponse:
    """Subject, description and members of a group."""
    chat = chat_of(account, chat_id)
    if chat.type != "group":
        raise Http404
    context = {"account": account, "chat": chat, "panel": panel_of(account, chat)}
    if is_partial(request):
        return render(request, f"{FOLDER}/_group.html", context)
    context |= head_context(account, tab="conversations")
    return render(request, f"{FOLDER}/group.html", context)


@workspace_page("POST", may=SEND)
def read(request: MemberRequest, account: WhatsAppAccount, chat_id: int) -> HttpResponse:
    """Tell the others that everything was read. For htmx without a page: 204."""
    chat = chat_of(account, chat_id)
    problem = ""
    try:
        readmarks.mark_read(account=account, chat=chat)
    except commands.CommandFailed as exc:
        problem = exc.detail
    if is_partial(request):
        return HttpResponse(status=204)
    if problem:
        notes.error(request, problem)
    return redirect(thread_url(chat))


@workspace_page("POST", may=SEND)
def receipts(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """Whether opening a conversation marks it as read, for this person until they sign out."""
    request.session[READ_RECEIPTS] = request.POST.get("on") == "1"
    chat = _int(request.POST.get("chat"))
    found = Chat.objects.filter(account=account, pk=chat).first() if chat else None
    return redirect(thread_url(found) if found else list_url(account))


@workspace_page("GET", "POST", may=SEND)
def start(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """A conversation with somebody who is typed or chosen; nothing is sent yet."""
    form = RecipientForm(request.POST or None)
    start_here(form, "to")
    if request.method == "POST" and form.is_valid():
        jid = form.cleaned_data["to"]
        chat = chats.of(account, Party(jid=jid, type=chats.type_of(jid)))
        if chat is not None:
            return redirect(thread_url(chat))
    people = Contact.objects.filter(account=account).exclude(jid=_own(account))
    context = head_context(account, tab="conversations") | {
        "form": form,
        "people": sorted(people[:CONTACTS_SHOWN], key=lambda person: person.name.casefold()),
    }
    return render(request, f"{FOLDER}/new.html", context)


@workspace_page()
def picture(request: MemberRequest, account: WhatsAppAccount) -> HttpResponse:
    """?jid=: the profile picture that we have, else the default one. ?ask=1 asks WhatsApp, too."""
    jid = request.GET.get("jid", "").replace("\0", "")[:LONGEST_JID]
    if "@" not in jid:
        raise Http404
    ask = request.GET.get("ask") == "1" and _is_address(jid)
    found = avatars.find(account, jid, since=arrival(request)) if ask else _kept(account, jid)
    data, kind = avatars.read(found, default_type="image/svg+xml")
    etag = f'"{hashlib.sha256(data).hexdigest()[:24]}"'
    answer = HttpResponse(data, content_type=kind, headers={"ETag": etag})
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    found_already: HttpResponse | None = get_conditional_response(request, etag, response=answer)
    return found_already or answer


# What the pages are made of ------------------------------------------------------------------


def chat_of(account: WhatsAppAccount, chat_id: int) -> Chat:
    chat = Chat.objects.select_related("account__workspace").filter(account=account, pk=chat_id)
    found = chat.first()
    if found is None:
        raise Http404
    return found


def thread_url(chat: Chat) -> str:
    return resolve_url(
        "console:number-conversation",
        workspace_id=chat.account.workspace_id,
        account_id=chat.account_id,
        chat_id=chat.pk,
    )


def list_url(account: WhatsAppAccount) -> str:
    return resolve_url(
        "console:number-conversations", workspace_id=account.workspace_id, account_id=account.pk
    )


def thread_page(
    request: MemberRequest,
    account: WhatsAppAccount,
    chat: Chat,
    form: composer.Composer,
    *,
    status: int = 200,
) -> HttpResponse:
    context = (
        head_context(account, tab="conversations")
        | list_context(request, account)
        | messages_context(request, account, chat)
        | composer_context(account, chat, form)
        | {"row": chat_rows.row(account, chat), "current": chat.pk}
    )
    return render(request, f"{FOLDER}/thread.html", context, status=status)


def list_context(request: MemberRequest, account: WhatsAppAccount) -> dict[str, Any]:
    query = request.GET.get("q", "").replace("\0", "")[:100]
    many = min(max(_int(request.GET.get("many")), chat_rows.PAGE), chat_rows.MOST)
    found = list(chat_rows.find(account, query)[: many + 1])
    return {
        "account": account,
        "rows": chat_rows.rows(account, found[:many]),
        "query": query,
        "many": many,
        "more": many + chat_rows.PAGE if len(found) > many and many < chat_rows.MOST else 0,
        "current": _int(request.GET.get("current")),
    }


def messages_context(
    request: MemberRequest, account: WhatsAppAccount, chat: Chat
) -> dict[str, Any]:
    asked = {name: request.GET.get(name, "") for name in ("before", "at")}
    shown = window(chat, start=request.GET.get("from", ""), **asked)
    writer = request.membership.may(SEND)
    receipts_on = bool(request.session.get(READ_RECEIPTS, True))
    return {
        "account": account,
        "chat": chat,
        "window": shown,
        "bubbles": bubbles(account, chat, shown.messages, may_write=writer),
        "emoji": EMOJI,
        "receipts_on": receipts_on,
        "mark_read": receipts_on and writer and chat.unread > 0 and shown.newest,
    }


def composer_context(
    account: WhatsAppAccount, chat: Chat, form: composer.Composer
) -> dict[str, Any]:
    return {
        "account": account,
        "chat": chat,
        "composer": form,
        "writable": chat.type in ("user", "group"),
        "connected": account.session.status == Status.CONNECTED,
        "waits_until": composer.expiry(),
    }


def _reply(request: MemberRequest) -> str:
    return request.GET.get("reply", "")


def _kept(account: WhatsAppAccount, jid: str) -> avatars.Found:
    jid = avatars.canonical(account, jid)
    avatar = Avatar.objects.filter(account=account, jid=jid).exclude(file="").first()
    if avatar is None:
        return avatars.Found(account.pk, jid, "default")
    return avatars.Found(
        account.pk, jid, "cache", avatar.picture_id, avatar.mime_type, avatar.file.name or ""
    )


def _is_address(jid: str) -> bool:
    """Whether WhatsApp can be asked about it."""
    try:
        return recipients.parse(jid).jid == jid
    except recipients.NoRecipient:
        return False


def _own(account: WhatsAppAccount) -> str:
    return f"{(account.phone_number or '').removeprefix('+')}@s.whatsapp.net"


def _int(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0
