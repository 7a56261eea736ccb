"""deploy/alerts.yml can be loaded, and warns of figures that /metrics really has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.django_db

RULES = Path(__file__).parents[2] / "deploy" / "alerts.yml"
METRIC = re.compile(r"\b(?:switchboard|whatsapp)_[a-z0-9_]+")
# Only nodes know these, and none runs in this test; test_metrics and the system tests see them.
OF_NODES = {"switchboard_node_workers"}
# Of the incidents: seed 000 "Alerts" and seed 001 "Alerts".
ASKED_FOR = {
    "WhatsAppAvatarFetchPanics": "whatsapp_avatar_fetch_panics_total",
    "WhatsAppAvatarFetchHighFailureRate": "whatsapp_avatar_fetch_total",
    "WhatsAppWebGatewayPanics": "whatsapp_web_avatar_fetch_panics_total",
    "WhatsAppWebMessageLoss": "whatsapp_web_message_processing_failures_total",
}


def rules():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def exported():
    """Every sample name of /metrics, with the values of its labels."""
    text = Client().get("/metrics").content.decode()
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(dict(sample.labels))
        found.setdefault(family.name + ("_total" if family.type == "counter" else ""), [])
    return found


def test_each_rule_is_whole_and_has_a_name_of_its_own():
    names = [rule["alert"] for rule in rules()]

    assert len(names) == len(set(names))
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"] and rule["annotations"]["description"]
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_each_metric_of_a_rule_is_exported():
    known = exported()

    for rule in rules():
        metrics = set(METRIC.findall(rule["expr"]))
        assert metrics, rule["alert"]
        assert metrics - OF_NODES <= set(known), rule["alert"]


def test_each_label_that_a_rule_picks_exists_from_the_start():
    """A counter that first appears with its first failure has no rate at that moment."""
    known = exported()

    picked = [
        (metric, label, value)
        for rule in rules()
        for metric, inside in re.findall(r"(whatsapp_\w+)\{([^}]*)\}", rule["expr"])
        for label, values in re.findall(r'(\w+)=~?"([^"]*)"', inside)
        for value in values.split("|")
    ]
    assert picked
    for metric, label, value in picked:
        assert any(labels.get(label) == value for labels in known[metric]), (metric, value)


@pytest.mark.parametrize(("alert", "metric"), ASKED_FOR.items())
def test_seeds_000_and_001_have_the_alerts_they_asked_for(alert, metric):
    [rule] = [rule for rule in rules() if rule["alert"] == alert]

    assert metric in METRIC.findall(rule["expr"])
