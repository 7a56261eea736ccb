"""/api/problems: every code of a problem, for whoever followed the `type` of one."""

from __future__ import annotations

import re
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.views.generic import TemplateView

from accounts.api.problem_codes import GROUPS


class ProblemPage(TemplateView):
    template_name = "problems.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        groups = [
            {
                "title": group.title,
                "codes": [
                    {
                        "name": code.name,
                        "statuses": ", ".join(map(str, code.statuses)),
                        "meaning": marked(code.meaning),
                        "remedy": marked(code.remedy),
                    }
                    for code in group.codes
                ],
            }
            for group in GROUPS
        ]
        return super().get_context_data(groups=groups, **kwargs)


def marked(text: str) -> SafeString:
    """`code` between backticks as HTML; everything else escaped."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))  # noqa: S308  escaped
