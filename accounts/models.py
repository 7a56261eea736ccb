"""Who: workspaces, people, keys, and the WhatsApp accounts that a workspace owns.

Rule: nothing in here knows a process, a store or an engine. What runs for an account is
`sessions_mgr.Session`; what happened to it is `events.Event`.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.utils import timezone
from rest_framework_api_key.crypto import KeyGenerator
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

from . import seals


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


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


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

    @property
    def may_operate(self) -> bool:
        return self.role in (Role.OWNER, Role.ADMIN, Role.OPERATOR)

    @property
    def may_administer(self) -> bool:
        return self.role in (Role.OWNER, Role.ADMIN)


class Scope(models.TextChoices):
    """What a key may do. Each scope stands alone, except that admin implies all."""

    READ = "read"
    SEND = "send"
    MANAGE = "manage"
    ADMIN = "admin"


class ApiKeyManager(BaseAPIKeyManager):
    key_generator = KeyGenerator(prefix_length=8, secret_key_length=40)

    def authenticate(self, key: str) -> ApiKey | None:
        """The usable key that this string is, or None. Every key starts with its own prefix."""
        found = (
            self.get_usable_keys()
            .select_related("workspace")
            .filter(prefix=key[:8])
            .filter(Q(expiry_date=None) | Q(expiry_date__gt=timezone.now()))
            .first()
        )
        return found if found is not None and found.is_valid(key) else None

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
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ApiKeyManager] = ApiKeyManager()

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def allows(self, scope: str) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes


class WhatsAppAccountQuerySet(models.QuerySet["WhatsAppAccount"]):
    def visible_to(self, user: Any) -> WhatsAppAccountQuerySet:
        return self.filter(workspace__memberships__user=user, deleted_at=None)

    def present(self) -> WhatsAppAccountQuerySet:
        return self.filter(deleted_at=None)


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
    def proxy(self) -> str:
        """The proxy's URL, opened. seals.Unreadable when SECRET_KEY was changed without care."""
        sealed = bytes(self.sealed_proxy)
        return seals.PROXIES.unseal(sealed, for_whom=str(self.pk)) if sealed else ""

    @proxy.setter
    def proxy(self, url: str) -> None:
        self.sealed_proxy = seals.PROXIES.seal(url, for_whom=str(self.pk)) if url else b""


class AuditEntry(models.Model):
    """Who did what to which object, from where. Append-only."""

    # null: the installation's own log, for what belongs to no workspace.
    workspace = models.ForeignKey(Workspace, models.CASCADE, null=True, related_name="audit")
    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=200)  # "user:<email>", "key:<prefix>" or "system"
    action = models.CharField(max_length=80)
    target = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["workspace", "-at"], name="audit_recent_idx")]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.target}"


class Ticket(models.Model):
    """Opens one websocket. Only the hash of its text is kept: see tickets.py."""

    digest = models.CharField(primary_key=True, max_length=64)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
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

__all__ = ["DailyUsage", "Quota", "Usage", "WorkspacePurge", "WorkspaceSettings"]
