"""Counters that are true across processes: kept in the database, read at a scrape."""

from __future__ import annotations

from django.db import models


class Tally(models.Model):
    """How often something happened, by one label. tallies.py counts."""

    name = models.CharField(max_length=60)
    label = models.CharField(max_length=60, blank=True)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "label"], name="tally_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.label}: {self.count}"
