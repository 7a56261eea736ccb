"""Which contacts somebody should look up."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from .people import Contact


class Enrichment(models.Model):
    """The search for one contact's name, number or LID. Done or given up: `due_at` is null."""

    contact = models.OneToOneField(
        Contact, models.CASCADE, primary_key=True, related_name="enrichment"
    )
    due_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    answered_at = models.DateTimeField(null=True, blank=True)  # a worker told us all it knows
    claim = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = [
            # The pipeline's look for what is due.
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="enrichment_due_idx"
            )
        ]

    def __str__(self) -> str:
        return f"{self.contact_id}: {self.tries} tries"
