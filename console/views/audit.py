"""The audit log: who did what, to what, from where; filtered, in pages, and as a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta
from typing import Any

from channels.db import database_sync_to_async
from django import forms
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import audit
from accounts.models import AuditEntry, Workspace

from ..access import AUDIT, MemberRequest, actor, workspace_page
from ..answers import is_partial
from ..audit_words import WORDS, Names, named
from ..clients import describe

PAGE_SIZE = 50
CHUNK = 500  # rows in memory while a file is written
COLUMNS = ("at", "actor", "action", "target", "ip", "user_agent", "request_id", "detail")


class FilterForm(forms.Form):
    actor = forms.CharField(label=_("Who"), required=False, max_length=200)
    action = forms.ChoiceField(label=_("What"), required=False)
    target = forms.CharField(label=_("To what"), required=False, max_length=200)
    since = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, actions: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["action"]
        assert isinstance(field, forms.ChoiceField)
        words = sorted((str(WORDS.get(name, name)), name) for name in actions)
        field.choices = [("", _("All")), *((name, word) for word, name in words)]

    def search(self, workspace: Workspace, entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Nothing is left out by a field that is wrong; the page says which one that is."""
        known = self.cleaned_data
        until = known.get("until")
        actor, target = known.get("actor", ""), known.get("target", "")
        return audit.search(
            entries,
            actor=actor,
            actors=[f"key:{prefix}" for prefix in named(workspace, actor)],
            action=known.get("action", ""),
            target=target,
            targets=named(workspace, target),
            since=_start(known["since"]) if known.get("since") else None,
            until=_start(until) + timedelta(days=1) if until else None,
        )


@workspace_page(may=AUDIT)
def page(request: MemberRequest) -> HttpResponse:
    form, entries = _wanted(request)
    pages = Paginator(entries, PAGE_SIZE)
    shown = pages.get_page(request.GET.get("page"))
    rows = list(shown.object_list)
    names = Names(request.workspace, rows)
    context = {
        "form": form,
        "page": shown,
        "page_numbers": pages.get_elided_page_range(shown.number, on_each_side=1, on_ends=1),
        "rows": [
            {"entry": row, "told": names.told(row), "client": describe(row.user_agent)}
            for row in rows
        ],
        "filtered": any(request.GET.get(name) for name in form.fields),
    }
    template = "_rows.html" if is_partial(request) else "page.html"
    return render(request, f"console/audit/{template}", context)


@workspace_page(may=AUDIT)
def export(request: MemberRequest, form: str) -> HttpResponseBase:
    """The same rows as a file, written while they are read."""
    wanted, entries = _wanted(request)
    audit.record(
        workspace=request.workspace,
        actor=actor(request),
        action="audit.exported",
        target=form,
        filter={name: request.GET[name] for name in wanted.fields if request.GET.get(name)},
    )
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson"
    name = f"audit-{timezone.now():%Y-%m-%d}.{form}"
    return StreamingHttpResponse(
        _lines(entries, form),
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _wanted(request: MemberRequest) -> tuple[FilterForm, QuerySet[AuditEntry]]:
    mine = AuditEntry.objects.filter(workspace=request.workspace)
    actions = sorted(set(mine.order_by().values_list("action", flat=True).distinct()))
    form = FilterForm(actions, request.GET)
    form.is_valid()
    return form, form.search(request.workspace, mine).order_by("-at", "-id")


def _start(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


async def _lines(entries: QuerySet[AuditEntry], form: str) -> AsyncIterator[bytes]:
    """By key, not by offset: what is written meanwhile neither doubles nor drops a row."""
    if form == "csv":
        yield _csv([list(COLUMNS)])
    last: int | None = None
    by_id = entries.order_by("-id")
    while rows := await _chunk(by_id, last):
        last = rows[-1].pk
        if form == "csv":
            yield _csv([[_safe(_text(row, name)) for name in COLUMNS] for row in rows])
        else:
            yield "".join(json.dumps(_plain(row)) + "\n" for row in rows).encode()


@database_sync_to_async
def _chunk(entries: QuerySet[AuditEntry], last: int | None) -> list[AuditEntry]:
    return list((entries if last is None else entries.filter(pk__lt=last))[:CHUNK])


def _plain(row: AuditEntry) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in COLUMNS}
    return {"id": row.pk, **found, "at": row.at.isoformat()}


def _text(row: AuditEntry, name: str) -> str:
    value = getattr(row, name)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _safe(text: str) -> str:
    """A spreadsheet must not take what somebody typed for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _csv(rows: list[list[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()
