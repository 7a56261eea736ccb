"""Small building blocks of the templates: icons, times, phone numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import phonenumbers
from django import template
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ..stored_words import in_words

register = template.Library()

register.filter(in_words)

NOTHING = "\N{EN DASH}"


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """A shape of templates/console/_icons.html. Decoration: the words stand next to it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="#icon-{}"/></svg>',
        css,
        name,
    )


@register.simple_tag
def when(at: datetime | None) -> SafeString:
    """A moment: readable as it stands, made local and relative by static/js/times.js."""
    if at is None:
        return format_html('<span class="quiet">{}</span>', NOTHING)
    at = at.astimezone(UTC)
    exact = date_format(at, "j M Y, H:i:s") + " UTC"
    return format_html(
        '<time datetime="{}" title="{}" data-when>{}</time>', at.isoformat(), exact, exact
    )


@register.simple_tag
def clock_time(at: datetime) -> SafeString:
    """The time of day of a message: UTC as it stands, made local by static/js/times.js."""
    at = at.astimezone(UTC)
    exact = date_format(at, "j M Y, H:i:s") + " UTC"
    return format_html(
        '<time datetime="{}" title="{}" data-clock>{}</time>',
        at.isoformat(),
        exact,
        date_format(at, "H:i") + " UTC",
    )


@register.filter
def phone(number: str | None) -> str:
    """+15550100001 as people read it."""
    if not number:
        return ""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


@register.filter
def megabytes(count: Any) -> str:
    return f"{count / 1_048_576:.1f} MB" if isinstance(count, int | float) else NOTHING


@register.filter
def clock(seconds: Any) -> str:
    """17.3 as 0:17, the start of a countdown."""
    whole = int(seconds or 0)
    return f"{whole // 60}:{whole % 60:02d}"


@register.filter
def span(length: timedelta | None) -> str:
    """A length of time in its largest whole unit."""
    if length is None:
        return ""
    seconds = int(length.total_seconds())
    for size, words in ((86_400, _("%d days")), (3600, _("%d h")), (60, _("%d min"))):
        if seconds >= 2 * size:
            return words % (seconds // size)
    return _("%d s") % seconds
