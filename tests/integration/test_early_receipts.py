"""A receipt, or a reaction, that is stored while another transaction learns its message's id."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection, transaction
from django.utils import timezone

from messaging import inbox
from messaging.models import HeldFact, Message, Reaction
from messaging.outbox import settling
from sessions_mgr.engines import base
from tests.life import connected_account
from tests.outboxes import queue
from tests.product import eventually
from tests.races import needs_many_writers, somebody_waits_for_us

pytestmark = pytest.mark.django_db(transaction=True)

FRIEND = base.Party(jid="15550002@s.whatsapp.net", lid="", type="user")
SAID = {"chat": FRIEND, "sender": FRIEND, "timestamp": time.time()}
FACTS = {
    "receipt": base.ReceiptReceived(wa_ids=["3EB0A1"], status="delivered", **SAID),
    "reaction": base.ReactionReceived(
        wa_id="3EB0B2", from_me=False, target_wa_id="3EB0A1", emoji="👍", **SAID
    ),
}


@needs_many_writers
@pytest.mark.parametrize("kind", FACTS)
def test_what_comes_between_a_send_and_its_commit_is_not_held_for_ever(workspace, kind):
    account = connected_account(workspace=workspace)
    message = queue(account)
    settling.sending(message, at=timezone.now())

    def store():
        try:
            with transaction.atomic():
                inbox.record(account=account, fact=FACTS[kind], at=time.time())
        finally:
            connection.close()

    other = threading.Thread(target=store)
    with transaction.atomic():
        assert settling.sent(message.pk, wa_id="3EB0A1", at=timezone.now())
        other.start()
        eventually(somebody_waits_for_us, what="the receipt waits for the send")
    other.join(10)

    if kind == "receipt":
        assert Message.objects.get(pk=message.pk).status == "delivered"
    else:
        assert Reaction.objects.get(message=message).emoji == "👍"
    assert not HeldFact.objects.exists()
