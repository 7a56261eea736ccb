"""How often and when a contact is looked up again."""

from __future__ import annotations

from datetime import timedelta

from messaging.enrichment import as_fact, delay_before


def test_seed_001_a_look_up_that_fails_waits_1_2_and_4_seconds_and_then_gives_up():
    waits = [delay_before(tries) for tries in (1, 2, 3, 4)]

    assert waits == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4), None]


def test_a_workers_contacts_are_told_as_the_fact_that_workers_tell_by_themselves():
    fact = as_fact(
        [
            {
                "jid": "15550009@s.whatsapp.net",
                "lid": "90@lid",
                "full": "Ann Example",
                "first": "Ann",
                "push": "annie",
                "business": "",
            },
            {"jid": "", "lid": "91@lid", "full": "Ben"},
            {"jid": None, "lid": None, "full": "nobody"},
        ]
    )

    assert [(p.jid, p.lid, p.phone_number, p.push_name) for p in fact.people] == [
        ("15550009@s.whatsapp.net", "90@lid", "+15550009", "annie"),
        ("91@lid", "91@lid", "", ""),
    ]
    assert fact.names["15550009@s.whatsapp.net"]["full"] == "Ann Example"
