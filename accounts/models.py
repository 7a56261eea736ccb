"""Who: workspaces, people, keys, and the WhatsApp accounts that a workspace owns.

Rule: nothing in here knows a process, a store or an engine. What runs for an account is
`sessions_mgr.Session`; what happened to it is `events.Event`.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework_api_key.crypto import KeyGenerator
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

from . import seals
from .roles import Right, Role, may


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        if not email:
            raise ValueError("a user needs an e-mail address")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Signs in by e-mail; may belong to several workspaces."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.email

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Administrators may what their pages (admin.py) offer: rights in rows are not used."""
        return self.is_active and self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff


class WorkspaceQuerySet(models.QuerySet["Workspace"]):
    def visible_to(self, user: Any) -> WorkspaceQuerySet:
        return self.filter(memberships__user=user)

    def working(self) -> WorkspaceQuerySet:
        return self.filter(suspended_at=None, deleted_at=None)


class Workspace(models.Model):  # type: ignore[django-manager-missing]  # api_keys: an untyped library
    """A tenant: owns WhatsApp accounts, keys and an event log of its own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Written by lifecycle.py.
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_reason = models.CharField(max_length=200, blank=True)  # told to its members
    resumes = models.JSONField(default=list, blank=True)  # numbers to connect again on resume
    deleted_at = models.DateTimeField(null=True, blank=True)  # being purged
    members = models.ManyToManyField(User, through="Membership", related_name="workspaces")

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="workspace_name_unique")]

    def __str__(self) -> str:
        return self.name


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> InvitationQuerySet:
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=timezone.now())


class Membership(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "user"], name="membership_once_per_workspace"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}: {self.role}"

    def may(self, right: str) -> bool:
        return may(self.role, right)

    @property
    def may_operate(self) -> bool:
        return self.may(Right.OPERATE)

    @property
    def may_administer(self) -> bool:
        return self.may(Right.ADMINISTER)


class Invitation(models.Model):
    """A link that makes its holder a member, once. Only the hash of the link is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=16, choices=Role.choices)
    email = models.EmailField(blank=True)  # empty: whoever has the link
    invited_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known")
        ]
        indexes = [
            # The open invitations on the members page.
            models.Index(fields=["workspace", "-created_at"], name="invitation_recent_idx")
        ]

    def __str__(self) -> str:
        return f"{self.role} in {self.workspace_id}"


class Scope(models.TextChoices):
    """What a key may do. Each scope stands alone, except that admin implies all."""

    READ = "read"
    SEND = "send"
    MANAGE = "manage"
    ADMIN = "admin"


class ApiKeyManager(BaseAPIKeyManager):
    key_generator = KeyGenerator(prefix_length=8, secret_key_length=40)

    def working(self) -> models.QuerySet[ApiKey]:
        """Neither revoked nor expired."""
        usable: models.QuerySet[ApiKey] = self.get_usable_keys()
        return usable.filter(Q(expiry_date=None) | Q(expiry_date__gt=timezone.now()))

    def authenticate(self, key: str) -> ApiKey | None:
        """The usable key that this string is, or None. Every key starts with its own prefix.

        After a rotation the old text counts too until `old_until`.
        """
        prefix = key[:8]
        found = (
            self.working()
            .select_related("workspace")
            .filter(Q(prefix=prefix) | Q(old_prefix=prefix, old_until__gt=timezone.now()))
            .first()
        )
        if found is None:
            return None
        if found.prefix == prefix:
            return found if found.is_valid(key) else None
        return found if self.key_generator.verify(key, found.old_hashed_key) else None

    def import_key(self, key: str, **fields: Any) -> ApiKey:
        """Store a key that somebody else made. Its first 8 characters become the prefix."""
        hashed = self.key_generator.hash(key)
        made: ApiKey = self.create(
            id=f"{key[:8]}.{hashed}", prefix=key[:8], hashed_key=hashed, **fields
        )
        return made


class ApiKey(AbstractAPIKey):
    """A program's credential for one workspace. Only a hash of it is kept."""

    # Our own id in URLs: the library's primary key contains the hash.
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="api_keys")
    scopes = models.JSONField(default=list)
    accounts = models.JSONField(null=True, blank=True)  # ids; null: all, also future ones
    created_by = models.CharField(max_length=200, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    rotated_at = models.DateTimeField(null=True, blank=True)
    old_prefix = models.CharField(max_length=8, blank=True, db_index=True)
    old_hashed_key = models.CharField(max_length=150, blank=True)
    old_until = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ApiKeyManager] = ApiKeyManager()

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def allows(self, scope: str) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes

    @property
    def only(self) -> frozenset[uuid.UUID] | None:
        """The accounts that the key is restricted to; None: all of its workspace."""
        return None if self.accounts is None else frozenset(map(uuid.UUID, self.accounts))

    def visible_accounts(self) -> WhatsAppAccountQuerySet:
        """The accounts that exist for this key. Every read by a key starts here."""
        return WhatsAppAccount.objects.reachable(self.workspace_id, self.only)

    @property
    def old_works(self) -> bool:
        return self.old_until is not None and self.old_until > timezone.now()


class WhatsAppAccountQuerySet(models.QuerySet["WhatsAppAccount"]):
    def visible_to(self, user: Any) -> WhatsAppAccountQuerySet:
        return self.filter(workspace__memberships__user=user, deleted_at=None)

    def present(self) -> WhatsAppAccountQuerySet:
        return self.filter(deleted_at=None)

    def reachable(
        self, workspace_id: uuid.UUID, only: Collection[uuid.UUID] | None
    ) -> WhatsAppAccountQuerySet:
        """A workspace's accounts, deleted ones too, for a credential restricted to `only`."""
        mine = self.filter(workspace_id=workspace_id)
        return mine if only is None else mine.filter(pk__in=only)


class WhatsAppAccount(models.Model):
    """A WhatsApp number that a workspace connects, or is about to connect.

    `phone_number` (E.164), `jid`, `lid` and `device_jid` (the jid of our linked device) are set
    while the account is linked and connected, and null otherwise, so any number of disconnected
    accounts may once have had the same phone.
    A deleted account stays as a row until its store is purged and keeps the audit trail readable.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="accounts")
    label = models.CharField(max_length=120)
    phone_number = models.CharField(max_length=20, null=True, blank=True)
    jid = models.CharField(max_length=80, null=True, blank=True)
    lid = models.CharField(max_length=80, null=True, blank=True)
    device_jid = models.CharField(max_length=80, blank=True)
    push_name = models.CharField(max_length=120, blank=True)
    sealed_proxy = models.BinaryField(default=bytes)  # it may hold a password; see `proxy`
    metadata = models.JSONField(default=dict, blank=True)
    restrictions = models.JSONField(default=list, blank=True)
    connected_at = models.DateTimeField(null=True, blank=True)
    disconnected_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = WhatsAppAccountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "phone_number"],
                condition=Q(phone_number__isnull=False),
                name="account_phone_unique_while_set",
            ),
            models.CheckConstraint(
                condition=Q(phone_number=None) | Q(phone_number__startswith="+"),
                name="account_phone_is_e164",
            ),
        ]
        indexes = [
            # The list of a workspace's numbers, in pages.
            models.Index(fields=["workspace", "created_at", "id"], name="account_workspace_idx")
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def present_restrictions(self) -> list[dict[str, Any]]:
        """Those whose time is not over; one without `until` lasts until it is lifted."""
        now = timezone.now()
        ends = [(known, parse_datetime(known.get("until") or "")) for known in self.restrictions]
        return [known for known, until in ends if until is None or until > now]

    def lift(self, kind: str) -> None:
        """WhatsApp did what it would not do under a restriction of this kind."""
        left = [known for known in self.restrictions if known.get("kind") != kind]
        if left != self.restrictions:
            self.restrictions = left
            self.save(update_fields=["restrictions", "updated_at"])

    @property
    def proxy(self) -> str:
        """The proxy's URL, opened. seals.Unreadable when SECRET_KEY was changed without care."""
        sealed = bytes(self.sealed_proxy)
        return seals.PROXIES.unseal(sealed, for_whom=str(self.pk)) if sealed else ""

    @proxy.setter
    def proxy(self, url: str) -> None:
        self.sealed_proxy = seals.PROXIES.seal(url, for_whom=str(self.pk)) if url else b""


class AppendOnly(Exception):
    """The audit log is append-only: rows are neither changed nor deleted."""


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **kwargs: Any) -> int:
        raise AppendOnly

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnly

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise AppendOnly


class AuditEntry(models.Model):
    """Who did what to which object, from where. Append-only; written and read by audit.py."""

    # null: the installation's own log, for what belongs to no workspace.
    workspace = models.ForeignKey(Workspace, models.CASCADE, null=True, related_name="audit")
    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=200)  # "user:<email>", "key:<prefix>" or "system"
    action = models.CharField(max_length=80)
    target = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["workspace", "-at"], name="audit_recent_idx"),
            # The filter by action on the audit page.
            models.Index(fields=["workspace", "action", "-at"], name="audit_action_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.target}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly


class Ticket(models.Model):
    """Opens one feed, by the right of who asked for it. Only its text's hash is kept."""

    digest = models.CharField(primary_key=True, max_length=64)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    key = models.ForeignKey(ApiKey, models.CASCADE, null=True, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    login = models.CharField(max_length=40, blank=True)  # key of the browser's login session
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"ticket for {self.workspace_id}"


# In a module of their own; here so that Django finds them.
from .tenant_models import (  # noqa: E402
    DailyUsage,
    Quota,
    Usage,
    WorkspacePurge,
    WorkspaceSettings,
)

__all__ = ["DailyUsage", "Quota", "Role", "Usage", "WorkspacePurge", "WorkspaceSettings"]
