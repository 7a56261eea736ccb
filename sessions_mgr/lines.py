"""The fields that every log line about an account carries, so that a machine can filter by them."""

from __future__ import annotations

from uuid import UUID


def about(
    account: UUID, *, workspace: UUID | None = None, epoch: int | None = None
) -> dict[str, str | int]:
    """For `extra=` of a logging call; what is not known where the line is written stays out."""
    fields: dict[str, str | int] = {"account": str(account)}
    if workspace is not None:
        fields["workspace"] = str(workspace)
    if epoch is not None:
        fields["epoch"] = epoch
    return fields
