"""What an operator does in a conversation: write, answer, react, change, take back.

Everything becomes an order of the outbox (console/composer.py); nothing is sent from here.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages as notes
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import WhatsAppAccount
from messaging.models import Chat, Message
from messaging.outbox import orders

from .. import composer, composer_forms
from ..access import SEND, MemberRequest, actor, workspace_page
from ..answers import is_partial
from .conversations import (
    FOLDER,
    chat_of,
    composer_context,
    thread_page,
    thread_url,
)
from .number import head_context

CHANGED = "conversation-changed"  # the event that makes the page fetch the messages


@workspace_page("POST", may=SEND)
def send(request: MemberRequest, account: WhatsAppAccount, chat_id: int) -> HttpResponse:
    """Queue what was typed; when something is wrong the form comes back as it was, with it."""
    chat = chat_of(account, chat_id)
    form = composer.read(request, chat)
    adding = "attach" in request.POST or "remove_file" in request.POST
    message = None if adding else composer.send(account, chat, form, by=actor(request))
    if message is None:
        return _composer(request, account, chat, form)
    if is_partial(request):
        answer = _composer(request, account, chat, composer.blank(chat))
        answer.headers["HX-Trigger"] = CHANGED
        return answer
    return redirect(f"{thread_url(chat)}#composer")


@workspace_page("GET", "POST", may=SEND)
def special(
    request: MemberRequest, account: WhatsAppAccount, chat_id: int, kind: str
) -> HttpResponse:
    """A place, a contact card or a poll: GET shows its form, POST queues it."""
    chat = chat_of(account, chat_id)
    made = composer_forms.FORMS[kind]
    form = made(request.POST) if request.method == "POST" else made()
    if form.is_bound and form.is_valid():
        errors: dict[str, str] = {}
        body = {"to": f"chat:{chat.pk}", **form.said()}
        key = f"console:{form.cleaned_data['key']}"
        if composer.order(account, body, errors, by=actor(request), key=key):
            return _back(request, account, chat)
        for text in errors.values():
            form.add_error(None, text)
    context = {
        "account": account,
        "chat": chat,
        "form": form,
        "action": reverse(
            f"console:number-conversation-{kind}",
            args=[account.workspace_id, account.pk, chat.pk],
        ),
    }
    return _question(request, account, "_special.html", context, wrong=bool(form.errors))


@workspace_page()
def note(request: MemberRequest, account: WhatsAppAccount, chat_id: int) -> HttpResponse:
    """The sentence above the composer: whether messages go out now."""
    chat = chat_of(account, chat_id)
    context = composer_context(account, chat, composer.blank(chat))
    return render(request, f"{FOLDER}/_composer_note.html", context)


@workspace_page()
def reply(request: MemberRequest, account: WhatsAppAccount, chat_id: int) -> HttpResponse:
    """What is being answered (?to=), for the slot in the composer; nothing empties it."""
    chat = chat_of(account, chat_id)
    found = composer.blank(chat, reply=request.GET.get("to", ""))
    context = {"account": account, "chat": chat, "composer": found}
    return render(request, f"{FOLDER}/_reply.html", context)


@workspace_page("POST", may=SEND)
def react(
    request: MemberRequest, account: WhatsAppAccount, chat_id: int, message_id: UUID
) -> HttpResponse:
    """An emoji, or none to take it back."""
    chat, message = _of(account, chat_id, message_id)
    body = {"type": "reaction", "message_id": str(message.pk)}
    return _ordered(request, account, chat, body | {"emoji": request.POST.get("emoji", "")})


@workspace_page("GET", "POST", may=SEND)
def edit(
    request: MemberRequest, account: WhatsAppAccount, chat_id: int, message_id: UUID
) -> HttpResponse:
    """GET shows the text to change, POST changes it."""
    chat, message = _of(account, chat_id, message_id)
    text = message.text
    errors: dict[str, str] = {}
    if request.method == "POST":
        text = request.POST.get("text", "").replace("\r\n", "\n")
        body = {"type": "edit", "message_id": str(message.pk), "text": text}
        if composer.order(account, body, errors, by=actor(request)):
            return _back(request, account, chat)
    more = {"text": text, "error": next(iter(errors.values()), "")}
    return _ask(request, account, chat, message, "_edit.html", more)


@workspace_page("GET", "POST", may=SEND)
def revoke(
    request: MemberRequest, account: WhatsAppAccount, chat_id: int, message_id: UUID
) -> HttpResponse:
    """GET asks, POST deletes the message for everybody."""
    chat, message = _of(account, chat_id, message_id)
    errors: dict[str, str] = {}
    if request.method == "POST":
        body = {"type": "revoke", "message_id": str(message.pk)}
        if composer.order(account, body, errors, by=actor(request)):
            return _back(request, account, chat)
    more = {"error": next(iter(errors.values()), "")}
    return _ask(request, account, chat, message, "_revoke.html", more)


@workspace_page("POST", may=SEND)
def cancel(
    request: MemberRequest, account: WhatsAppAccount, chat_id: int, message_id: UUID
) -> HttpResponse:
    """Take back what still waits."""
    chat, message = _of(account, chat_id, message_id)
    problem = ""
    if not Message.objects.filter(pk=message.pk, outgoing__isnull=False).exists():
        raise Http404
    try:
        orders.cancel(message=message)
    except orders.NotQueued:
        problem = _("It is too late to take this message back: a worker has it.")
    return _back(request, account, chat, problem)


@workspace_page("POST", may=SEND)
def resend(
    request: MemberRequest, account: WhatsAppAccount, chat_id: int, message_id: UUID
) -> HttpResponse:
    """The text of a message that failed, as a new message."""
    chat, message = _of(account, chat_id, message_id)
    if message.direction != "out" or message.status != "failed" or message.type != "text":
        raise Http404
    body = {"to": f"chat:{chat.pk}", "type": "text", "text": message.text}
    key = f"console:again:{message.pk}"  # pressed twice is sent once
    errors: dict[str, str] = {}
    composer.order(account, body, errors, by=actor(request), key=key)
    return _back(request, account, chat, next(iter(errors.values()), ""))


def _of(account: WhatsAppAccount, chat_id: int, message_id: UUID) -> tuple[Chat, Message]:
    chat = chat_of(account, chat_id)
    message = chat.messages.filter(pk=message_id).first()
    if message is None:
        raise Http404
    return chat, message


def _ordered(
    request: MemberRequest, account: WhatsAppAccount, chat: Chat, body: dict[str, Any]
) -> HttpResponse:
    errors: dict[str, str] = {}
    composer.order(account, body, errors, by=actor(request))
    return _back(request, account, chat, next(iter(errors.values()), ""))


def _back(
    request: MemberRequest, account: WhatsAppAccount, chat: Chat, problem: str = ""
) -> HttpResponse:
    """To the conversation, which fetches what changed; a problem is told there."""
    if is_partial(request):
        if problem:
            return render(request, "console/parts/_note.html", {"error": problem})
        return HttpResponse(status=204, headers={"HX-Trigger": CHANGED})
    if problem:
        notes.error(request, problem)
    return redirect(thread_url(chat))


def _composer(
    request: MemberRequest, account: WhatsAppAccount, chat: Chat, form: composer.Composer
) -> HttpResponse:
    status = 422 if form.errors else 200
    if not is_partial(request):
        return thread_page(request, account, chat, form, status=status)
    context = composer_context(account, chat, form)
    return render(request, f"{FOLDER}/_composer.html", context, status=status)


def _ask(
    request: MemberRequest,
    account: WhatsAppAccount,
    chat: Chat,
    message: Message,
    template: str,
    more: dict[str, Any],
) -> HttpResponse:
    """A question about one message."""
    context = more | {"account": account, "chat": chat, "message": message}
    return _question(request, account, template, context, wrong=bool(more.get("error")))


def _question(
    request: MemberRequest,
    account: WhatsAppAccount,
    template: str,
    context: dict[str, Any],
    *,
    wrong: bool,
) -> HttpResponse:
    """In a dialog for htmx, on a page of its own otherwise."""
    status = 422 if wrong else 200
    if is_partial(request):
        return render(request, f"{FOLDER}/{template}", context, status=status)
    context |= head_context(account, tab="conversations")
    context["question_template"] = f"{FOLDER}/{template}"
    return render(request, "console/number/confirm.html", context, status=status)
