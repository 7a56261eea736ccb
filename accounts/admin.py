"""What installation administrators see: who there is and what was done. Never a message.

Rule: only what is registered here is in the admin, and no model of messaging, media, events or
sessions_mgr may be. What administrators change goes into the audit log of the workspace. (The
classes of the admin are generic in the stubs alone, hence the ignored complaints.)
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from . import audit, logins, passwords
from .models import ApiKey, AuditEntry, Membership, Role, User, Workspace

admin.site.site_header = admin.site.site_title = _("Switchboard installation")
admin.site.index_title = _("Workspaces and people")
admin.site.site_url = "/"


class _ReadOnly:
    def has_add_permission(self, *args: Any) -> bool:
        return False

    def has_change_permission(self, *args: Any) -> bool:
        return False

    def has_delete_permission(self, *args: Any) -> bool:
        return False


def _may_change(request: Any, user: User) -> bool:
    """Administrators are changed by superusers only: who sets an address sets a password, too."""
    return bool(request.user.is_superuser or not (user.is_staff or user.is_superuser))


class MembershipLines(_ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    """To see. An administrator who could become a member could read: owners invite."""

    model = Membership
    fields = readonly_fields = ("user", "role", "created_at")
    extra = 0


@admin.register(User)
class UserAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("email", "name", "is_active", "is_staff", "last_login", "created_at")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    fields = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login", "created_at")
    readonly_fields = ("last_login", "created_at")
    ordering = ("email",)
    actions = ("make_password_link", "end_logins")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Only a superuser makes administrators."""
        if request.user.is_superuser:
            return self.readonly_fields
        return (*self.readonly_fields, "is_staff", "is_superuser")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and (
            obj is None or _may_change(request, obj)
        )

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # switch people off: the audit log names them

    def save_model(self, request: Any, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        obj.email = obj.email.lower()
        super().save_model(request, obj, form, change)
        if not obj.is_active:
            logins.end_others(obj)
        audit.record_of_person(
            obj,
            action="person.changed" if change else "person.created",
            actor=audit.person(request.user),
            changed=sorted(form.changed_data),
        )

    @admin.action(description=_("Make a one-time link for a new password"))
    def make_password_link(self, request: Any, queryset: QuerySet[User]) -> None:
        for user in queryset.filter(is_active=True)[:10]:
            if not _may_change(request, user):
                raise PermissionDenied
            url = passwords.make_link(user=user, actor=audit.person(request.user))
            told = format_html("{}: <code>{}</code>", user.email, url)
            self.message_user(request, told, messages.SUCCESS)

    @admin.action(description=_("Sign out everywhere"))
    def end_logins(self, request: Any, queryset: QuerySet[User]) -> None:
        for user in queryset:
            if not _may_change(request, user):
                raise PermissionDenied
            ended = logins.end_others(user)
            audit.record_of_person(
                user,
                action="person.logins_ended",
                actor=audit.person(request.user),
                count=ended,
            )


class WorkspaceForm(forms.ModelForm):  # type: ignore[type-arg]
    owner = forms.ModelChoiceField(
        User.objects.filter(is_active=True).order_by("email"),
        required=False,
        help_text=_("Who owns the new workspace. Make the person first."),
    )

    class Meta:
        model = Workspace
        fields = ("name",)

    def clean(self) -> dict[str, Any]:
        known: dict[str, Any] = super().clean() or {}
        if self.instance._state.adding and not known.get("owner"):
            self.add_error("owner", _("Choose the owner of the new workspace."))
        return known


@admin.register(Workspace)
class WorkspaceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = WorkspaceForm
    list_display = ("name", "created_at")
    search_fields = ("name", "memberships__user__email")
    readonly_fields = ("id", "created_at")
    inlines = (MembershipLines,)
    ordering = ("name",)

    def get_fields(self, request: HttpRequest, obj: Workspace | None = None) -> Any:
        return ("name", "owner") if obj is None else ("id", "name", "created_at")

    def has_delete_permission(self, request: HttpRequest, obj: Workspace | None = None) -> bool:
        return False  # a workspace ends with its export and purge, not here

    def save_model(self, request: Any, obj: Workspace, form: Any, change: bool) -> None:
        who = audit.person(request.user)
        if change:
            super().save_model(request, obj, form, change)
            audit.record(workspace=obj, actor=who, action="workspace.renamed", target=obj.name)
            return
        super().save_model(request, obj, form, change)
        Membership.objects.create(workspace=obj, user=form.cleaned_data["owner"], role=Role.OWNER)
        audit.record(
            workspace=obj,
            actor=who,
            action="workspace.created",
            target=obj.name,
            owner=form.cleaned_data["owner"].email,
        )


@admin.register(ApiKey)
class ApiKeyAdmin(_ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Without the hash: the primary key holds it, so rows are found by `public_id`."""

    list_display = ("name", "prefix", "workspace", "scopes", "expiry_date", "last_used_at")
    list_display_links = None
    list_filter = ("revoked",)
    search_fields = ("name", "prefix", "workspace__name")
    ordering = ("-created",)

    def has_view_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        # The list, never one row: its address and form would show the primary key.
        return obj is None and super().has_view_permission(request, obj)


@admin.register(AuditEntry)
class AuditEntryAdmin(_ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("at", "workspace", "actor", "action", "target", "ip")
    list_filter = ("action",)
    search_fields = ("actor", "target", "workspace__name", "request_id")
    date_hierarchy = "at"
    ordering = ("-at", "-id")


def keep_only_ours() -> None:
    """Libraries register their own models: keys with hashes, logins, second factors."""
    ours = {User, Workspace, ApiKey, AuditEntry}
    for model in list(admin.site._registry):
        if model not in ours:
            admin.site.unregister(model)
