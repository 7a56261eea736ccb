"""Links that make their holder a member: kept as a hash, used once, for a week."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from .audit import person, record
from .members import NotAllowed
from .models import Invitation, Membership, User, Workspace
from .roles import may_handle

LIFETIME = timedelta(days=7)


class Unusable(Exception):
    """This invitation was used or withdrawn, or it has expired. Ask for a new one."""

    def __str__(self) -> str:
        return str(self.__doc__)


class ForSomebodyElse(Exception):
    """The invitation is for another e-mail address; the text is that address."""


class AddressTaken(Exception):
    """Somebody signs in with this e-mail address already. Sign in, then open the link again."""

    def __str__(self) -> str:
        return str(self.__doc__)


@transaction.atomic
def create(
    *, workspace: Workspace, role: str, by: str, actor: str, email: str = ""
) -> tuple[Invitation, str]:
    """A new invitation and the text of its link, which nobody can read again."""
    if not may_handle(by, role):
        raise NotAllowed
    text = secrets.token_urlsafe(32)
    made = Invitation.objects.create(
        workspace=workspace,
        digest=digest(text),
        role=role,
        email=email.lower(),
        invited_by=actor[:200],
        expires_at=timezone.now() + LIFETIME,
    )
    record(
        workspace=workspace,
        actor=actor,
        action="invitation.created",
        target=str(made.pk),
        role=role,
        email=made.email,
    )
    return made, text


def find(text: str) -> Invitation:
    """The open invitation with this text. Unusable otherwise, whatever the reason."""
    found = Invitation.objects.open().select_related("workspace").filter(digest=digest(text))
    invitation = found.first()
    if invitation is None:
        raise Unusable
    return invitation


@transaction.atomic
def accept(*, invitation: Invitation, user: User) -> Membership:
    """The person becomes a member. Who is one already keeps the role and leaves the link open."""
    if invitation.email and invitation.email != user.email.lower():
        raise ForSomebodyElse(invitation.email)
    there = Membership.objects.filter(workspace=invitation.workspace, user=user).first()
    if there is not None:
        return there
    used = Invitation.objects.open().filter(pk=invitation.pk)
    if not used.update(used_at=timezone.now(), used_by=user):
        raise Unusable  # somebody was faster
    membership = Membership.objects.create(
        workspace=invitation.workspace, user=user, role=invitation.role
    )
    record(
        workspace=invitation.workspace,
        actor=person(user),
        action="member.joined",
        target=user.email,
        role=membership.role,
        invitation=str(invitation.pk),
        invited_by=invitation.invited_by,
    )
    return membership


@transaction.atomic
def accept_as_new(
    *, invitation: Invitation, email: str, name: str, password: str
) -> tuple[User, Membership]:
    """Make the person, then the member."""
    if invitation.email and invitation.email != email.lower():
        raise ForSomebodyElse(invitation.email)
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, name=name)
    except IntegrityError:
        raise AddressTaken from None
    return user, accept(invitation=invitation, user=user)


@transaction.atomic
def revoke(*, invitation: Invitation, actor: str) -> bool:
    """The link stops working. False when it did not work any more."""
    changed = Invitation.objects.open().filter(pk=invitation.pk).update(revoked_at=timezone.now())
    if changed:
        record(
            workspace=invitation.workspace,
            actor=actor,
            action="invitation.revoked",
            target=str(invitation.pk),
            role=invitation.role,
            email=invitation.email,
        )
    return bool(changed)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
